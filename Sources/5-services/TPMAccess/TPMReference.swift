internal import WireBytes

/// Where a TPM's key is: the two halves as the TPM gave them out, of which it alone can read the private one.
///
/// Layout, big-endian: version u8 (1), suite u8 (1 P-256, 2 P-384), TPM2B_PUBLIC, TPM2B_PRIVATE; nothing after.
/// A reference to a key that signs what it is given, and one to a key that signs only what the TPM says, do not pass for
/// each other: who opens one says which it must be.
package struct TPMReference: Hashable, Sendable {
  /// What the key was made for; its attributes say so.
  package enum Role: Hashable, Sendable {
    /// Signs any digest.
    case signing
    /// Restricted: signs the TPM's own statements.
    case attestation

    package var attributes: TPMObjectAttributes { self == .signing ? .signingKey : .attestationKey }
  }

  package static let version: UInt8 = 1
  /// More than any TPM wraps an ECC key into: its integrity, its seed, its authorisation and its scalar.
  package static let privateSizeMax = 512
  package static let sizeMax = 2 + 2 + TPMPublicArea.sizeMax + 2 + privateSizeMax

  package let publicArea: TPMPublicArea
  /// TPM2B_PRIVATE's contents: encrypted by the parent.
  package let privateArea: [UInt8]

  package init(publicArea: TPMPublicArea, privateArea: [UInt8]) {
    self.publicArea = publicArea
    self.privateArea = privateArea
  }

  /// - Throws: ``TPMDecodingError`` and nothing else. The input is untrusted; no input traps.
  package init(decoding bytes: Span<UInt8>, role: Role = .signing) throws(TPMDecodingError) {
    guard bytes.count <= Self.sizeMax else { throw .length(max: Self.sizeMax, actual: bytes.count) }
    var reader = ByteReader(bytes)
    let version = try TPMReading.integer(&reader, UInt8.self)
    guard version == Self.version else { throw .field(.version, value: UInt64(version)) }
    let suite = try TPMReading.integer(&reader, UInt8.self)
    let area = try TPMReading.sized(&reader, max: TPMPublicArea.sizeMax, .unique)
    publicArea = try TPMPublicArea(decoding: area.span)
    guard suite == Self.suiteByte(publicArea.curve) else { throw .field(.suite, value: UInt64(suite)) }
    guard publicArea.attributes.subtracting(.noDA) == role.attributes else {
      throw .field(.objectAttributes, value: UInt64(publicArea.attributes.rawValue))
    }
    privateArea = try TPMReading.sized(&reader, max: Self.privateSizeMax, .privateArea)
    guard !privateArea.isEmpty else { throw .field(.privateArea, value: 0) }
    try TPMReading.finish(reader)
  }

  package func encoded() -> [UInt8] {
    [Self.version, Self.suiteByte(publicArea.curve)] + TPMBytes.sized(publicArea.encoded())
      + TPMBytes.sized(privateArea)
  }

  private static func suiteByte(_ curve: TPMPublicArea.Curve) -> UInt8 { curve == .p256 ? 1 : 2 }
}
