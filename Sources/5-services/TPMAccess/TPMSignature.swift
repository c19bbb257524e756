internal import Digests
public import SignatureSchemes
internal import WireBytes

/// An ECDSA signature as a TPM writes it (TPMT_SIGNATURE): scheme, hash, r and s, each with its length.
public struct TPMSignature: Hashable, Sendable {
  /// The longest: over P-384.
  public static let sizeMax = 2 + 2 + 2 * (2 + 48)

  public let curve: TPMPublicArea.Curve
  /// `r ‖ s`, each as wide as the curve; in range is what verification checks.
  public let raw: [UInt8]

  /// - Throws: ``TPMDecodingError`` and nothing else. The input is untrusted; no input traps. Integers may be shorter than
  ///   the curve is wide, since some TPMs leave zeros out, but not empty.
  public init(decoding bytes: Span<UInt8>) throws(TPMDecodingError) {
    guard bytes.count <= Self.sizeMax else { throw .length(max: Self.sizeMax, actual: bytes.count) }
    var reader = ByteReader(bytes)
    try TPMReading.expect(&reader, TPMAlgorithm.ecdsa, .sigAlg)
    let hash = try TPMReading.integer(&reader, UInt16.self)
    switch hash {
    case TPMAlgorithm.sha256: curve = .p256
    case TPMAlgorithm.sha384: curve = .p384
    default: throw .field(.hashAlg, value: UInt64(hash))
    }
    var integers: [UInt8] = []
    for field in [TPMField.signatureR, .signatureS] {
      let integer = try TPMReading.sized(&reader, max: curve.width, field)
      guard !integer.isEmpty else { throw .field(field, value: 0) }
      integers += [UInt8](repeating: 0, count: curve.width - integer.count) + integer
    }
    raw = integers
    try TPMReading.finish(reader)
  }

  /// Checks that it is over the hash of `message` and by `key`.
  public func verify(_ message: Span<UInt8>, key: TPMPublicArea) throws(ECDSAError) {
    guard curve == key.curve else { throw .mismatch }
    let point = [4] + key.coordinates
    switch curve {
    case .p256: try ECDSAP256.verify(message, signature: raw.span, key: ECDSAP256.PublicKey(sec1: point.span))
    case .p384: try ECDSAP384.verify(message, signature: raw.span, key: ECDSAP384.PublicKey(sec1: point.span))
    }
  }
}
