import Encodings
import LightClients
import OfflineVerification
import WireBytes

/// Fixtures of the 07-tendermint client: protobuf states and messages in hex, or states as JSON.
enum TendermintClientCases {
  /// {client_state_hex or client_state, consensus_state_hex or trusted_consensus_state, update_client_message}.
  static func run(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    let expectsRefusal = expectsRefusal(json)
    if json["membership_msg"] != nil {
      CometBFTRecordings.attempt("client state", file, &report) { _ = try client(json) }
      report.skip(file, "membership", reason: "the ics23 suite runs membership proofs")
    }
    guard let message = json["update_client_message"] else { return }
    do {
      try update(json, message)
      if expectsRefusal {
        report.fail(file, "update", expected: "a refusal", actual: "accepted")
      } else {
        report.pass(file, "update")
      }
    } catch {
      if expectsRefusal {
        report.pass(file, "update")
      } else {
        report.fail(file, "update", expected: "accepted", actual: "\(error)")
      }
    }
  }

  /// {cases: [{name, base, patch, expect}]}: a fixture beside this file with members replaced (RFC 6902).
  static func patched(
    _ json: JSONValue, _ file: String, _ corpus: CorpusDirectory, _ report: inout ConformanceReport
  ) {
    let folder = file.split(separator: "/").dropLast().map { $0 + "/" }.joined()
    for (index, one) in (json["cases"]?.array ?? []).enumerated() {
      let name = one["name"]?.string ?? "\(index)"
      guard let base = one["base"]?.string, corpus.contains(folder + base),
        let fixture = try? corpus.json(folder + base)
      else {
        report.skip(file, name, reason: "the file it changes is not beside it")
        continue
      }
      guard fixture["update_client_message"] != nil else {
        report.skip(file, name, reason: "not an update of a 07-tendermint client")
        continue
      }
      guard let patched = apply(one["patch"]?.array ?? [], to: fixture),
        let message = patched["update_client_message"]
      else {
        report.skip(file, name, reason: "a patch of another kind than replace")
        continue
      }
      let expected = one["expect"]?.string ?? "refuse"
      do {
        try update(patched, message)
        report.expect(file, name, expected, "accept")
      } catch {
        report.expect(file, name, expected, "refuse")
      }
    }
  }

  /// `fixture` with members replaced; nil for another operation, or for a member that it does not have.
  static func apply(_ patch: [JSONValue], to fixture: JSONValue) -> JSONValue? {
    var patched = fixture
    for operation in patch {
      guard operation["op"]?.string == "replace", let path = operation["path"]?.string,
        let value = operation["value"],
        let next = patched.replacing(path.split(separator: "/").map(String.init)[...], by: value)
      else { return nil }
      patched = next
    }
    return patched
  }

  /// The app hash of a consensus state in protobuf.
  static func root(_ consensusState: [UInt8]) throws -> [UInt8] {
    try Tendermint.ConsensusState(decoding: consensusState.span).root
  }

  /// A scenario that is not the happy path is to be refused.
  private static func expectsRefusal(_ json: JSONValue) -> Bool {
    if let expect = json["expect"]?.string { return expect == "refuse" }
    let scenario =
      json["scenario"]?.string
      ?? json["metadata"]?["description"]?.string?.split(separator: " ").last
      .map(String.init)
    return scenario.map { !["happy_path", "update_client_happy_path"].contains($0) } ?? false
  }

  private static func client(_ json: JSONValue) throws -> Tendermint.Client {
    let state: Tendermint.ClientState
    let consensusState: Tendermint.ConsensusState
    if json["client_state_hex"] != nil {
      let stateBytes = try json.hex("client_state_hex")
      state = try Tendermint.ClientState(decoding: stateBytes.span)
      try CometBFTRecordings.expect(stateBytes, state.encoded())
      let consensusBytes = try json.hex("consensus_state_hex")
      consensusState = try Tendermint.ConsensusState(decoding: consensusBytes.span)
      try CometBFTRecordings.expect(consensusBytes, consensusState.encoded())
    } else {
      let fields = json["client_state"] ?? .null
      let chainID = try fields.string("chain_id")
      let latest = Tendermint.Height(
        revision: Tendermint.revision(ofChainID: chainID) ?? 0, height: try fields.integer("latest_height"))
      state = Tendermint.ClientState(
        chainID: chainID, trustLevelNumerator: try fields.integer("trust_level_numerator"),
        trustLevelDenominator: try fields.integer("trust_level_denominator"),
        trustingPeriod: .seconds(try fields.integer("trusting_period", Int64.self)),
        unbondingPeriod: .seconds(try fields.integer("unbonding_period", Int64.self)),
        clockDriftMax: .seconds(try fields.integer("max_clock_drift", Int64.self)),
        frozenHeight: Tendermint.Height(revision: 0, height: try fields.integer("frozen_height")),
        latestHeight: latest, proofSpecs: [[]], upgradePath: [])
      let nanoseconds: Int64 = try json.integer("trusted_consensus_state.timestamp")
      consensusState = Tendermint.ConsensusState(
        timestamp: try CometBFT.Timestamp(
          seconds: nanoseconds / 1_000_000_000, nanoseconds: Int32(nanoseconds % 1_000_000_000)),
        root: try json.hex("trusted_consensus_state.root"),
        nextValidatorsHash: try json.fixed("trusted_consensus_state.next_validators_hash"))
    }
    return try Tendermint.Client(state, consensusState)
  }

  private static func update(_ json: JSONValue, _ message: JSONValue) throws {
    var client = try client(json)
    let bytes = try message.hex("client_message_hex")
    // A fixture is judged at the time it was made; a chain that is a little ahead is within the allowed drift.
    let now = try CometBFTJSON.time(
      json.member("metadata.generated_at") ?? .null, at: "metadata.generated_at")
    if try message.string("type_url") == Tendermint.Misbehaviour.typeURL {
      _ = try client.submit(Tendermint.Misbehaviour(decoding: bytes.span), now: now)
      return
    }
    let header = try Tendermint.Header(decoding: bytes.span)
    try CometBFTRecordings.expect(try message.integer("trusted_height"), header.trustedHeight.height)
    try CometBFTRecordings.expect(try message.integer("new_height"), header.signedHeader.header.height)
    guard case .updated(let height) = try client.update(header, now: now) else {
      throw CometBFTRecordings.Difference(description: "no new consensus state")
    }
    try CometBFTRecordings.expect(header.consensusState, client.consensusState(at: height))
    try CometBFTRecordings.expect(height, client.state.latestHeight)
  }
}

extension JSONValue {
  /// The value with the member at `path` replaced; nil when there is none.
  fileprivate func replacing(_ path: ArraySlice<String>, by replacement: JSONValue) -> JSONValue? {
    guard let name = path.first else { return replacement }
    switch self {
    case .object(var members):
      guard let next = members[name]?.replacing(path.dropFirst(), by: replacement) else { return nil }
      members[name] = next
      return .object(members)
    case .array(var elements):
      guard let index = Int(name), elements.indices.contains(index),
        let next = elements[index].replacing(path.dropFirst(), by: replacement)
      else { return nil }
      elements[index] = next
      return .array(elements)
    default: return nil
    }
  }
}
