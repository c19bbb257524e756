/// How inputs and replies are sealed: HPKE (RFC 9180) in base mode.
public enum SealingSuite: UInt16, Hashable, Sendable, CaseIterable {
  /// DHKEM(X25519, HKDF-SHA256) 0x0020, HKDF-SHA256 0x0001, ChaCha20-Poly1305 0x0003.
  case x25519 = 1
  /// X-Wing (ML-KEM-768 with X25519) 0x647a, HKDF-SHA256 0x0001, AES-256-GCM 0x0002.
  case xWing = 2

  /// Bytes of a public key.
  public var keySize: Int {
    switch self {
    case .x25519: 32
    case .xWing: 1216
    }
  }

  /// Bytes of an encapsulated key.
  public var encapsulatedSize: Int {
    switch self {
    case .x25519: 32
    case .xWing: 1120
    }
  }

  /// Bytes that both AEADs add to a plaintext.
  public static let tagSize = 16

  /// - Throws: ``EnclaveFormatError/sealingSuite(_:)``.
  package init(number: UInt64) throws(EnclaveFormatError) {
    guard let short = UInt16(exactly: number), let suite = SealingSuite(rawValue: short) else {
      throw .sealingSuite(number)
    }
    self = suite
  }
}

/// A public key to seal to.
public struct SealingPublicKey: Hashable, Sendable {
  public let suite: SealingSuite
  public let bytes: [UInt8]

  /// - Throws: ``EnclaveFormatError/length(_:expected:actual:)``.
  public init(
    suite: SealingSuite, bytes: [UInt8], field: EnclaveField = .sealingKey
  ) throws(EnclaveFormatError) {
    try EnclaveLimits.isPrecise(bytes.count, suite.keySize, field)
    self.suite = suite
    self.bytes = bytes
  }
}
