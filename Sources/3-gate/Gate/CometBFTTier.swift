public import LightClients
import Messages
import WireBytes

/// A header to be believed, its commit, the set that signed it, and the trusted set that it builds on.
public struct CometBFTEvidence: Hashable, Sendable {
  /// The message that IBC relayers send to a 07-tendermint client.
  public let header: Tendermint.Header

  public init(header: Tendermint.Header) { self.header = header }
}

/// Why a header does not satisfy a policy.
public enum CometBFTTierError: Error, Hashable, Sendable {
  /// The destination trusts no header at the height that the evidence builds on.
  case untrustedHeight(revision: UInt64, height: UInt64)
  case noTrustedValidators
  /// The chain id has no revision that can be read, or the trusted height is of another.
  case revision(trusted: UInt64)
  /// The destination's time cannot be told as a CometBFT time.
  case clock(seconds: UInt64)
  /// Too little of the trusted set signed: a header in between is needed.
  case notEnoughTrust(signed: Int64, needed: Int64)
  case header(CometBFT.HeaderRefusal)
  /// An app hash that is no root of 32 bytes.
  case appHashLength(Int)
  /// A header from before 1970.
  case headerTime(seconds: Int64)
  case trustLevel(CometBFT.TrustThreshold.RangeError)
}

extension CometBFTPolicy {
  /// The claim that `evidence` proves from one of the `trusted` headers.
  ///
  /// - Throws: ``CometBFTTierError``; all of the evidence is untrusted.
  func claim(
    _ evidence: CometBFTEvidence, trusted: [CometBFT.TrustedState], at now: UnixTime
  ) throws(CometBFTTierError) -> Evaluation {
    let header = evidence.header
    let from = header.trustedHeight
    guard let revision = Tendermint.revision(ofChainID: chainID), from.revision == revision else {
      throw .revision(trusted: from.revision)
    }
    guard
      let premise = trusted.first(where: {
        $0.chainID == chainID && UInt64(exactly: $0.height) == from.height
      })
    else { throw .untrustedHeight(revision: from.revision, height: from.height) }
    guard let validators = header.trustedValidators else { throw .noTrustedValidators }
    guard let seconds = Int64(exactly: now.seconds), let clock = try? CometBFT.Timestamp(seconds: seconds)
    else {
      throw .clock(seconds: now.seconds)
    }
    let level: CometBFT.TrustThreshold
    do { level = try CometBFT.TrustThreshold(trustNumerator, trustDenominator) } catch {
      throw .trustLevel(error)
    }
    let options = CometBFT.ClientOptions(
      trustingPeriod: .seconds(Int64(clamping: trustingPeriodSeconds)), trustLevel: level,
      clockDriftMax: .seconds(Int64(clamping: clockDriftSeconds)))
    let verdict = CometBFT.verify(
      CometBFT.UncheckedLightBlock(signedHeader: header.signedHeader, validators: header.validators),
      trusted: premise, trustedValidators: validators, options: options, now: clock)
    switch verdict {
    case .refused(let refusal): throw .header(refusal)
    case .notEnoughTrust(let signed, let needed): throw .notEnoughTrust(signed: signed, needed: needed)
    case .verified(let verified): return try evaluation(of: verified, premise: premise, revision: revision)
    }
  }

  private func evaluation(
    of verified: CometBFT.VerifiedHeader, premise: CometBFT.TrustedState, revision: UInt64
  ) throws(CometBFTTierError) -> Evaluation {
    let header = verified.header
    guard let root = try? Bytes32(header.appHash) else { throw .appHashLength(header.appHash.count) }
    guard let seconds = UInt64(exactly: header.time.seconds) else {
      throw .headerTime(seconds: header.time.seconds)
    }
    let claim = StateClaim(
      domain: domain, height: Height(revision: revision, header.height.magnitude), root: root,
      timestamp: UnixTime(seconds: seconds))
    return Evaluation(
      claim: .state(claim),
      assumptions: [
        .callerTrusts(.header),
        .validatorStake(
          numerator: trustNumerator, denominator: trustDenominator,
          until: UInt64(clamping: verified.premiseExpires.components.seconds)),
      ],
      expires: UnixTime(seconds: UInt64(clamping: verified.expires.components.seconds)),
      trusted: [CometBFT.TrustedState(verified)])
  }
}
