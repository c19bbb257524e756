public import SignerWire
public import SigningRules

/// The keys of a signer as its pipeline sees them: what is known of each, and signatures.
public protocol KeySigning: Sendable {
  /// Nil for a key that is not here.
  func facts(of key: KeyID, at now: UnixMilliseconds) -> KeyFacts?

  /// A signature that was verified before it is returned. Any thread may call, and several at once.
  func sign(_ payload: SigningPayload, with key: KeyID, at now: UnixMilliseconds) throws(SignerRefusal)
    -> [UInt8]

  /// How far the inventory of keys is; nil where there is none.
  var mark: KeysMark? { get }
}

extension KeySigning {
  public var mark: KeysMark? { nil }
}

/// What the back ends refuse: codes 700 to 799.
public enum BackEndFault: UInt16, Hashable, Sendable, CaseIterable {
  /// It cannot be reached now.
  case keyUnavailable = 700
  case suiteUnsupported = 701
  /// The private half is gone.
  case keyMissing = 702
  case keyRefused = 703
  /// It gave something that is no signature by the key.
  case invalidSignature = 704
  case keyMalformed = 705
  case keyLockedOut = 706

  public var refusal: SignerRefusal {
    let retry: RetryAdvice =
      switch self {
      case .keyUnavailable: .later(milliseconds: 1_000)
      case .invalidSignature: .later(milliseconds: 100)
      case .suiteUnsupported, .keyMissing, .keyRefused, .keyMalformed, .keyLockedOut: .afterChange
      }
    return SignerRefusal(code: rawValue, name: "\(self)", retry: retry)
  }
}

extension SignerRefusal {
  init(_ refusal: SigningRefusal) {
    let retry: RetryAdvice =
      switch refusal.advice {
      case .retry(let wait): .later(milliseconds: UInt32(clamping: wait))
      case .refuse: .never
      case .stop: .afterChange
      }
    self.init(code: refusal.code, name: refusal.name, retry: retry)
  }
}
