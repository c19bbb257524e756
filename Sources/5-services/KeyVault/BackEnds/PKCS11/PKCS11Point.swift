private import SignatureSchemes
package import SigningRules
private import WireBytes

/// Why bytes are not the public key that a token should give.
package enum PKCS11PointError: Error, Hashable, Sendable {
  /// The suite has no `CKA_EC_POINT`.
  case suite(KeySuite)
  /// A length that none of the suite's forms has.
  case length(Int)
  /// The byte at this offset is not that of the form with this length.
  case form(offset: Int, found: UInt8)
  /// Coordinates out of range or off the curve.
  case notOnCurve
}

/// The public key in `CKA_EC_POINT`, which versions of PKCS#11 write in three ways.
///
/// 2.40: a DER OCTET STRING around the point. 3.0, for Edwards keys: a DER BIT STRING. 3.1: Edwards keys as they are;
/// and there are modules that give any point as it is. A point is SEC 1, compressed or not, or the 32 bytes of RFC 8032.
/// For each suite all these forms differ in length, so that nothing is guessed.
package enum PKCS11Point {
  /// No form of any suite is longer: a P-384 point, uncompressed, in a BIT STRING.
  package static let sizeBytesMax = 100

  /// The key in the form that ``KeyID`` names: a compressed point, or 32 bytes of Ed25519.
  ///
  /// An Ed25519 key is not checked to be a point; no signature is verified by one that is not.
  ///
  /// - Throws: ``PKCS11PointError``. The input is untrusted.
  package static func read(_ bytes: Span<UInt8>, suite: KeySuite) throws(PKCS11PointError) -> [UInt8] {
    switch suite {
    case .ed25519:
      return [UInt8](copying: bytes.extracting(droppingFirst: try start(of: bytes, lengths: [32])))
    case .secp256k1:
      let point = bytes.extracting(droppingFirst: try start(of: bytes, lengths: [33, 65]))
      try checkPrefix(point, width: 32, offset: bytes.count - point.count)
      do { return try Secp256k1.PublicKey(sec1: point).compressed.array } catch { throw .notOnCurve }
    case .p256:
      let point = bytes.extracting(droppingFirst: try start(of: bytes, lengths: [33, 65]))
      try checkPrefix(point, width: 32, offset: bytes.count - point.count)
      do { return compressed(try ECDSAP256.PublicKey(sec1: point).uncompressed) } catch { throw .notOnCurve }
    case .p384:
      let point = bytes.extracting(droppingFirst: try start(of: bytes, lengths: [49, 97]))
      try checkPrefix(point, width: 48, offset: bytes.count - point.count)
      do { return compressed(try ECDSAP384.PublicKey(sec1: point).uncompressed) } catch { throw .notOnCurve }
    case .mlDSA65, .mlDSA87, .ed25519AndMLDSA65, .secp256k1AndMLDSA65, .p384AndMLDSA87, .frostEd25519:
      throw .suite(suite)
    }
  }

  /// Where a point of one of these lengths begins, behind the header of DER if there is one. All lengths are below 128,
  /// which DER writes in one byte.
  private static func start(of bytes: Span<UInt8>, lengths: [Int]) throws(PKCS11PointError) -> Int {
    for length in lengths {
      switch bytes.count {
      case length: return 0
      case length + 2:
        try expect([0x04, UInt8(length)], in: bytes)
        return 2
      case length + 3:
        // One byte of the content says how many bits of the last one are not meant: none.
        try expect([0x03, UInt8(length + 1), 0x00], in: bytes)
        return 3
      default: continue
      }
    }
    throw .length(bytes.count)
  }

  private static func expect(_ header: [UInt8], in bytes: Span<UInt8>) throws(PKCS11PointError) {
    for (offset, byte) in header.enumerated() where bytes[offset] != byte {
      throw .form(offset: offset, found: bytes[offset])
    }
  }

  private static func checkPrefix(
    _ point: Span<UInt8>, width: Int, offset: Int
  ) throws(PKCS11PointError) {
    let prefix = point[0]
    let fits = point.count == width + 1 ? prefix == 2 || prefix == 3 : prefix == 4
    guard fits else { throw .form(offset: offset, found: prefix) }
  }

  /// 02 or 03 by the parity of y, then x, of 04, x, y.
  private static func compressed<let count: Int>(_ point: FixedBytes<count>) -> [UInt8] {
    [2 | point[count - 1] & 1] + point.array[1...(count / 2)]
  }
}
