import Encodings
import LightClients
import WireBytes

/// The step before an ICS-23 proof: a 07-tendermint client takes a header, whose app hash is the root.
///
/// The member `client` holds, in hex of protobuf, `client_state`, `consensus_state` (at the client's latest height, which
/// the caller trusts) and `header`; and `now`, in RFC 3339.
enum ICS23ClientChain {
  /// The root that the header vouches for; nil when the report has already been refused or left undecided.
  static func root(
    _ input: JSONValue, report: inout VerificationReport
  ) throws(InputError) -> [UInt8]? {
    let stateBytes = try input.hex("client.client_state")
    let consensusBytes = try input.hex("client.consensus_state")
    let headerBytes = try input.hex("client.header")
    let state: Tendermint.ClientState
    let consensus: Tendermint.ConsensusState
    let header: Tendermint.Header
    do throws(CometBFT.DecodingError) {
      state = try Tendermint.ClientState(decoding: stateBytes.span)
      consensus = try Tendermint.ConsensusState(decoding: consensusBytes.span)
      header = try Tendermint.Header(decoding: headerBytes.span)
    } catch {
      report.refuse(
        "client decodes", code: "clientDecoding",
        "not a 07-tendermint client or header: \(CaseText.of(error))")
      return nil
    }
    report.add(step: "client decodes", "\(state.chainID), trusting height \(state.latestHeight.height)")
    guard input.member("client.now")?.isNull == false else {
      report.leaveUndecided("time is known", code: "missingTime", "'client.now' does not say when to judge")
      return nil
    }
    let now = try CometBFTJSON.time(input.member("client.now") ?? .null, at: "client.now")
    return try update(state, consensus, header, now: now, report: &report)
  }

  private static func update(
    _ state: Tendermint.ClientState, _ consensus: Tendermint.ConsensusState, _ header: Tendermint.Header,
    now: CometBFT.Timestamp, report: inout VerificationReport
  ) throws(InputError) -> [UInt8]? {
    let check = "header follows from the trusted state"
    var client: Tendermint.Client
    do { client = try Tendermint.Client(state, consensus) } catch {
      report.refuse(
        "client is usable", code: "clientState", "the client state breaks a rule: \(CaseText.of(error))")
      return nil
    }
    do throws(Tendermint.UpdateRefusal) {
      switch try client.update(header, now: now) {
      case .updated, .unchanged: break
      case .frozen(let contradiction):
        report.refuse(check, code: "contradiction", "it contradicts what is trusted: \(contradiction)")
        return nil
      }
    } catch {
      report.refuse(check, code: "headerRefused", "\(CaseText.of(error))")
      return nil
    }
    let signed = header.signedHeader
    let hash = signed.header.hash().map { Hex.encode($0.array, prefix: "").uppercased() } ?? "none"
    report.add(step: check, "height \(signed.header.height), hash \(hash)")
    report.add(fact: "chain", state.chainID)
    report.add(fact: "height", String(signed.header.height))
    report.add(fact: "headerTime", signed.header.time.description)
    let numerator = state.trustLevelNumerator
    let denominator = state.trustLevelDenominator
    report.assumptions += [
      VerificationReport.StatedAssumption(
        code: "callerTrustsConsensusState",
        text: "the caller vouches for the consensus state at height \(state.latestHeight.height)"),
      VerificationReport.StatedAssumption(
        code: "validatorStake",
        text:
          "less than \(numerator)/\(denominator) of the stake at height \(state.latestHeight.height), and less than"
          + " a third of the stake at height \(signed.header.height), signs what is false"),
    ]
    let expires = consensus.timestamp.sinceEpoch + state.trustingPeriod
    report.expires = UInt64(clamping: expires.components.seconds)
    return signed.header.appHash
  }
}
