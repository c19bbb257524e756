/// The number by which configuration and wire formats name a signature suite.
///
/// Numbers are stable: one is never given another meaning, and a suite that is withdrawn keeps its number.
public struct SuiteID: RawRepresentable, Hashable, Comparable, Sendable {
  public let rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static func < (left: SuiteID, right: SuiteID) -> Bool { left.rawValue < right.rawValue }

  /// ECDSA secp256k1 over Keccak-256; key SEC 1 (33 or 65), signature `r || s` with a low s.
  public static let secp256k1Keccak256 = SuiteID(rawValue: 0x0001)
  /// ECDSA secp256k1 over SHA-256 (Cosmos accounts); key SEC 1 (33 or 65), signature `r || s` with a low s.
  public static let secp256k1SHA256 = SuiteID(rawValue: 0x0002)
  /// ECDSA secp256k1 over Keccak-256; key is a 20-byte Ethereum address, signature `r || s || v`, v 27 or 28, low s.
  public static let ethereumAddress = SuiteID(rawValue: 0x0003)
  /// ECDSA P-256 over SHA-256; key SEC 1 (33 or 65), signature `r || s`.
  public static let p256SHA256 = SuiteID(rawValue: 0x0010)
  /// ECDSA P-384 over SHA-384; key SEC 1 (49 or 97), signature `r || s` (96).
  public static let p384SHA384 = SuiteID(rawValue: 0x0011)
  /// Ed25519 under ``Ed25519/Rule/rfc8032Strict``; key 32 bytes, signature 64.
  public static let ed25519 = SuiteID(rawValue: 0x0020)
  /// Ed25519 under ``Ed25519/Rule/zip215``, as CometBFT verifies; key 32 bytes, signature 64.
  public static let ed25519ZIP215 = SuiteID(rawValue: 0x0021)
  /// RSASSA-PSS with SHA-256; key DER SubjectPublicKeyInfo, 2048 bits or more.
  public static let rsaPSSSHA256 = SuiteID(rawValue: 0x0030)
  /// RSASSA-PSS with SHA-384; key DER SubjectPublicKeyInfo, 2048 bits or more.
  public static let rsaPSSSHA384 = SuiteID(rawValue: 0x0031)
  /// RSASSA-PSS with SHA-512; key DER SubjectPublicKeyInfo, 2048 bits or more.
  public static let rsaPSSSHA512 = SuiteID(rawValue: 0x0032)
  /// ML-DSA-65 with an empty context.
  public static let mlDSA65 = SuiteID(rawValue: 0x0040)
  /// ML-DSA-87 with an empty context.
  public static let mlDSA87 = SuiteID(rawValue: 0x0041)
  /// Ed25519 (strict) and ML-DSA-65, both: ``HybridSignature``.
  public static let ed25519AndMLDSA65 = SuiteID(rawValue: 0x0100)
  /// ECDSA secp256k1 over Keccak-256 and ML-DSA-65, both.
  public static let secp256k1AndMLDSA65 = SuiteID(rawValue: 0x0101)
  /// ECDSA P-384 and ML-DSA-87, both.
  public static let p384AndMLDSA87 = SuiteID(rawValue: 0x0102)
}

/// How a suite turns bytes into a check.
public enum SuiteAlgorithm: Hashable, Sendable {
  public enum ECDSAHash: Hashable, Sendable {
    case keccak256, sha256
  }

  case secp256k1(ECDSAHash)
  case ethereumAddress
  case p256
  case p384
  case ed25519(Ed25519.Rule)
  case rsaPSS(RSAPSS.Hash)
  case mlDSA(MLDSA.ParameterSet)
  /// Two suites of the same registry, neither of them a hybrid.
  case hybrid(classical: SuiteID, postQuantum: SuiteID)
}

/// What may be done with a suite at one moment.
public enum SuiteStatus: Hashable, Sendable {
  case active
  /// Still verifies; new keys should not use it. Unix seconds.
  case deprecated(from: UInt64)
  /// Refused. Unix seconds.
  case forbidden(from: UInt64)
}

/// A suite and the dates, in Unix seconds, from which it is deprecated and forbidden.
public struct SuiteEntry: Hashable, Sendable {
  public let id: SuiteID
  /// Lower-case words for people and configuration files.
  public let name: String
  public let algorithm: SuiteAlgorithm
  public let deprecatedFrom: UInt64?
  public let forbiddenFrom: UInt64?

  public init(
    id: SuiteID, name: String, algorithm: SuiteAlgorithm, deprecatedFrom: UInt64? = nil,
    forbiddenFrom: UInt64? = nil
  ) {
    self.id = id
    self.name = name
    self.algorithm = algorithm
    self.deprecatedFrom = deprecatedFrom
    self.forbiddenFrom = forbiddenFrom
  }

  /// - Parameter seconds: Unix seconds; the first second of a date belongs to it.
  public func status(at seconds: UInt64) -> SuiteStatus {
    if let date = forbiddenFrom, seconds >= date { return .forbidden(from: date) }
    if let date = deprecatedFrom, seconds >= date { return .deprecated(from: date) }
    return .active
  }
}
