public import Messages

/// Why a policy is not satisfied. Cases hold numbers; ``code`` and ``plainWords`` are for the edge of the program.
public indirect enum Refusal: Error, Hashable, Sendable {
  /// The policy asks for another kind of evidence.
  case evidenceKind(expected: Evidence.Kind, actual: Evidence.Kind)
  /// A combinator takes one piece for each of its parts.
  case partCount(expected: Int, actual: Int)
  case partMissing(Int)
  /// The policy asks for a fact that was not given.
  case contextMissing(ContextFact)
  case attestation(AttestationError)
  case eureka(EurekaRefusal)
  case cometBFT(CometBFTTierError)
  case enclave(EnclaveTierError)
  /// The part at this position of `all` refuses.
  case part(Int, Refusal)
  /// Too few parts of `any` or `threshold` accept one claim.
  case threshold(required: Int, accepted: Int, [PartRefusal])
  /// Parts of `all` vouch for different claims.
  case claimsDiffer(part: Int, Claim, Claim)
  /// No branch of a route fits and there is no other.
  case noRoute(Policy.Route.Dimension)
  /// The claim is proven, and the message is worth so much that it must wait.
  case waiting(Claim, until: UnixTime)
  /// The client saw two claims that cannot both be true.
  case frozen(Height?)
  /// The verdict may not be used any more.
  case expired(at: UnixTime)
  /// The client holds no verdict about this height.
  case unknownHeight(Height)
  /// The client would have to keep too much.
  case tooManyWaiting(max: Int)

  public enum ContextFact: String, Hashable, Sendable {
    case value
    case recipient
    case firstSeen
  }

  public struct PartRefusal: Hashable, Sendable {
    public let part: Int
    public let refusal: Refusal

    public init(part: Int, _ refusal: Refusal) {
      self.part = part
      self.refusal = refusal
    }
  }
}

/// The name of an enum case, without its values.
func caseName(_ error: some Error) -> String {
  String(String(describing: error).prefix { $0 != "(" })
}

extension Refusal {
  /// Stable, lower camel case; a dot leads to the cause inside a part or a tier.
  public var code: String {
    switch self {
    case .evidenceKind: "evidenceKind"
    case .partCount: "partCount"
    case .partMissing: "partMissing"
    case .contextMissing: "contextMissing"
    case .attestation(let error): "attestation." + caseName(error)
    case .eureka(let error): "eureka." + caseName(error)
    case .cometBFT(.header(let error)): "cometBFT.header." + caseName(error)
    case .cometBFT(let error): "cometBFT." + caseName(error)
    case .enclave(let error): "enclave." + caseName(error)
    case .part(_, let refusal): "part." + refusal.code
    case .threshold: "threshold"
    case .claimsDiffer: "claimsDiffer"
    case .noRoute: "noRoute"
    case .waiting: "waiting"
    case .frozen: "frozen"
    case .expired: "expired"
    case .unknownHeight: "unknownHeight"
    case .tooManyWaiting: "tooManyWaiting"
    }
  }

  /// Whether the same evidence can be accepted later, or with more of it, so that asking again makes sense.
  public var mayPass: Bool {
    switch self {
    case .waiting, .partMissing, .contextMissing, .cometBFT(.notEnoughTrust), .cometBFT(.untrustedHeight),
      .attestation(.quorum), .attestation(.fromFuture), .enclave(.fromFuture), .enclave(.notRegistered),
      .enclave(.previousState):
      true
    case .part(_, let refusal): refusal.mayPass
    case .threshold(_, _, let parts): parts.contains { $0.refusal.mayPass }
    default: false
    }
  }

  /// One sentence for people, without a final stop.
  public var plainWords: String {
    switch self {
    case .evidenceKind(let expected, let actual):
      "the policy wants \(expected.rawValue) evidence and was given \(actual.rawValue)"
    case .partCount(let expected, let actual):
      "the policy has \(expected) parts and the evidence \(actual)"
    case .partMissing(let part): "there is no evidence for part \(part), which must accept"
    case .contextMissing(let fact):
      "the policy depends on the message's \(fact.rawValue), which was not given"
    case .attestation(let error): error.plainWords
    case .eureka(let error): "the Eureka client answers \(error.contractError)"
    case .cometBFT(let error): error.plainWords
    case .enclave(let error): error.plainWords
    case .part(let part, let refusal): "part \(part): \(refusal.plainWords)"
    case .threshold(let required, let accepted, let parts):
      "\(required) parts must accept one claim, and \(accepted) do"
        + (parts.isEmpty
          ? "" : ": " + parts.map { "part \($0.part): \($0.refusal.plainWords)" }.joined(separator: "; "))
    case .claimsDiffer(let part, _, _): "part \(part) vouches for another claim than the parts before it"
    case .noRoute(let dimension): "no branch is for this \(dimension.rawValue)"
    case .waiting(_, let until): "the claim is proven and must wait until Unix time \(until)"
    case .frozen(let height):
      "two claims cannot both be true" + (height.map { ", first seen at height \($0)" } ?? "")
    case .expired(let at): "the verdict expired at Unix time \(at)"
    case .unknownHeight(let height): "no verdict is known for height \(height)"
    case .tooManyWaiting(let max): "\(max) claims are waiting already"
    }
  }

  /// Claims that are proven and wait, in this refusal and the parts below it.
  public var waitingClaims: [(claim: Claim, until: UnixTime)] {
    switch self {
    case .waiting(let claim, let until): [(claim, until)]
    case .part(_, let refusal): refusal.waitingClaims
    case .threshold(_, _, let parts): parts.flatMap(\.refusal.waitingClaims)
    default: []
    }
  }
}

extension AttestationError {
  /// One sentence for people, without a final stop.
  public var plainWords: String {
    switch self {
    case .form(let expected, let actual): "the policy wants the \(expected) form, and \(actual) was signed"
    case .heightZero: "height 0 is no height"
    case .timestampZero: "time 0 is no time"
    case .noEntries: "no path is listed"
    case .tooManyEntries(let max, let actual): "\(actual) paths are listed, and at most \(max) are read"
    case .duplicatePath(let entry): "entry \(entry) lists a path a second time"
    case .noSignatures: "there is no signature"
    case .tooManySignatures(let max, let actual):
      "\(actual) signatures are given, and at most \(max) are read"
    case .unknownSigner(let signature, let attester):
      "signature \(signature) names attester \(attester), whom the policy does not know"
    case .duplicateSigner(let signature, let attester):
      "signature \(signature) is a second one of attester \(attester)"
    case .signature(let signature, let attester, let error):
      "signature \(signature) is not one of attester \(attester) over this statement: \(error)"
    case .surplusSignature(let signature): "signature \(signature) is beyond the quorum"
    case .quorum(let required, let signed): "the signers weigh \(signed), and \(required) is needed"
    case .tooOld(let age, let max): "the claim is \(age) seconds old, and at most \(max) is allowed"
    case .fromFuture(let ahead, let max):
      "the claim is \(ahead) seconds ahead of the destination's time, and at most \(max) is allowed"
    }
  }
}

extension CometBFTTierError {
  /// One sentence for people, without a final stop.
  public var plainWords: String {
    switch self {
    case .untrustedHeight(let revision, let height): "no header at height \(revision)-\(height) is trusted"
    case .noTrustedValidators: "the trusted validator set is not given"
    case .revision(let trusted): "the header builds on revision \(trusted), which is not the chain's"
    case .clock(let seconds): "\(seconds) is no time that CometBFT can tell"
    case .notEnoughTrust(let signed, let needed):
      "trusted validators with a power of \(signed) signed, and more than \(needed) is needed"
    case .header(let error): "the header does not follow from the trusted one: \(error)"
    case .appHashLength(let length): "the app hash has \(length) bytes and not 32"
    case .headerTime(let seconds): "the header's time \(seconds) is before 1970"
    case .trustLevel(let error): "the trust level is no threshold: \(error)"
    }
  }
}
