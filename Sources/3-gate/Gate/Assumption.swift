/// A premise of a verdict: who must be honest, or what the caller vouched for, so that the verdict holds.
///
/// Premises are data; ``plainWords`` and ``code`` are for the edge of the program. Times are Unix seconds.
public enum Assumption: Hashable, Sendable {
  /// A false claim needs `required` of the `of` named attesters to sign it.
  case attesters(required: Int, of: Int, suite: String)
  /// A false claim needs attesters that weigh `required` of `of` to sign it.
  case attesterWeight(required: UInt64, of: UInt64, suite: String)
  /// Validators with at least `numerator/denominator` of the voting power did not sign two histories, and can be
  /// held to it until the given time.
  case validatorStake(numerator: UInt64, denominator: UInt64, until: UInt64?)
  /// Fewer than `required` of `of` members of a sync committee are dishonest.
  case syncCommittee(required: Int, of: Int)
  /// Nothing here proves this input: the caller says that it is right.
  case callerTrusts(TrustedInput)
  /// Somebody honest watched for `windowSeconds` and would have objected.
  case timelyWatcher(windowSeconds: UInt64)
  /// The statement of a proving system is what it is said to be, and its setup was not kept by anyone.
  case provingSystem(name: String, trustedSetup: Bool)
  /// The maker of an enclave, and the measured program, are what they are said to be.
  case enclave(platform: String, measurement: String)
  /// The origin does not take back what it holds final.
  case originFinality(domain: String)
  /// Keys that signed serve one origin only: the signed bytes name no domain.
  case keysServeOneOrigin(attesters: Int)
  /// The claim is false only if every one of these groups of premises is broken.
  case atLeastOneGroup([[Assumption]])

  /// What a caller can vouch for.
  public enum TrustedInput: String, Hashable, Sendable, CaseIterable {
    case root
    case stateRoot
    case receiptsRoot
    case blockHash
    case header
    case validatorSet
    case guardianSet
    case committee
    case publicKey
    case verifyingKey
    case contractAddress
    case policy
    case time
  }
}

extension Assumption {
  /// The premise's kind: stable, lower camel case.
  public var code: String {
    switch self {
    case .attesters: "attesters"
    case .attesterWeight: "attesterWeight"
    case .validatorStake: "validatorStake"
    case .syncCommittee: "syncCommittee"
    case .callerTrusts: "callerTrusts"
    case .timelyWatcher: "timelyWatcher"
    case .provingSystem: "provingSystem"
    case .enclave: "enclave"
    case .originFinality: "originFinality"
    case .keysServeOneOrigin: "keysServeOneOrigin"
    case .atLeastOneGroup: "atLeastOneGroup"
    }
  }

  /// One sentence for people, without a final stop.
  public var plainWords: String {
    switch self {
    case .attesters(let required, let count, let suite):
      "fewer than \(required) of \(count) attesters (\(suite)) sign false claims"
    case .attesterWeight(let required, let total, let suite):
      "attesters (\(suite)) that weigh less than \(required) of \(total) sign false claims"
    case .validatorStake(let numerator, let denominator, let until):
      "validators with less than \(numerator)/\(denominator) of the voting power are dishonest"
        + (until.map { ", as long as they can be held to it (until Unix time \($0))" } ?? "")
    case .syncCommittee(let required, let count):
      "fewer than \(required) of \(count) members of the sync committee are dishonest"
    case .callerTrusts(let input): "the caller vouches for the \(input.plainWords)"
    case .timelyWatcher(let seconds):
      "somebody honest watched for \(seconds) seconds and could have objected"
    case .provingSystem(let name, let trustedSetup):
      "the \(name) circuit states what it is said to state"
        + (trustedSetup ? ", and nobody kept the secrets of its setup" : "")
    case .enclave(let platform, let measurement):
      "the maker of \(platform) is honest and the program measured as \(measurement) does what it is said to do"
    case .originFinality(let domain): "\(domain) does not take back what it holds final"
    case .keysServeOneOrigin(let count):
      "the \(count) attesters' keys sign for this origin only, since the signed bytes name no domain"
    case .atLeastOneGroup(let groups):
      "at least one of these holds: "
        + groups.enumerated().map { index, group in
          "(\(index + 1)) " + group.map(\.plainWords).joined(separator: ", and ")
        }.joined(separator: "; ")
    }
  }
}

extension Assumption.TrustedInput {
  /// The input by its everyday name.
  public var plainWords: String {
    switch self {
    case .root: "root"
    case .stateRoot: "state root"
    case .receiptsRoot: "receipts root"
    case .blockHash: "block hash"
    case .header: "header"
    case .validatorSet: "validator set"
    case .guardianSet: "guardian set"
    case .committee: "committee"
    case .publicKey: "public key"
    case .verifyingKey: "verifying key"
    case .contractAddress: "contract address"
    case .policy: "policy"
    case .time: "time"
    }
  }
}
