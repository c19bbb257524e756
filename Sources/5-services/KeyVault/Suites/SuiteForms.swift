import SignatureSchemes
public import SigningRules

extension KeySuite {
  /// How many bytes a private half has: a big-endian scalar for secp256k1, P-256 and P-384, the seed of RFC 8032 or FIPS
  /// 204 for the others, both halves' for hybrids, the classical one first. Nil where no process holds one.
  public var secretSizeBytes: Int? {
    switch self {
    case .secp256k1, .ed25519, .p256, .mlDSA65, .mlDSA87: 32
    case .p384: 48
    case .ed25519AndMLDSA65, .secp256k1AndMLDSA65: 64
    case .p384AndMLDSA87: 80
    case .frostEd25519: nil
    }
  }

  /// The halves of a hybrid; nil for others.
  var halves: (classical: KeySuite, postQuantum: KeySuite)? {
    switch self {
    case .ed25519AndMLDSA65: (.ed25519, .mlDSA65)
    case .secp256k1AndMLDSA65: (.secp256k1, .mlDSA65)
    case .p384AndMLDSA87: (.p384, .mlDSA87)
    case .secp256k1, .ed25519, .p256, .p384, .mlDSA65, .mlDSA87, .frostEd25519: nil
    }
  }

  /// The suite of the registry that verifies a hybrid, and those of its halves; nil for others.
  var registered: (whole: SuiteID, classical: SuiteID, postQuantum: SuiteID)? {
    switch self {
    case .ed25519AndMLDSA65: (.ed25519AndMLDSA65, .ed25519, .mlDSA65)
    case .secp256k1AndMLDSA65: (.secp256k1AndMLDSA65, .secp256k1Keccak256, .mlDSA65)
    case .p384AndMLDSA87: (.p384AndMLDSA87, .p384SHA384, .mlDSA87)
    case .secp256k1, .ed25519, .p256, .p384, .mlDSA65, .mlDSA87, .frostEd25519: nil
    }
  }
}
