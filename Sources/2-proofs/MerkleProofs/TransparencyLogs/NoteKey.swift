private import Digests
private import SignatureSchemes
public import WireBytes

/// Why text is not a verifier key, or a signature is not by it.
public enum NoteKeyError: Error, Hashable, Sendable {
  /// Not three parts, or a part that is not in its form.
  case form
  /// Neither Ed25519 (1) nor an Ed25519 cosignature (4).
  case algorithm(UInt8)
  case keyLength(Int)
  /// The id is not the one that follows from name and key.
  case id(expected: UInt32, actual: UInt32)
  case signatureLength(expected: Int, actual: Int)
  /// A cosignature's time is above 2^63 - 1.
  case timestamp(UInt64)
  case signature
}

/// A key whose signatures on notes count: its name, its algorithm, its bytes (C2SP signed-note, "Verifier keys").
public struct NoteKey: Hashable, Sendable {
  /// The signature type byte.
  public enum Algorithm: UInt8, Hashable, Sendable {
    /// Ed25519 over the text.
    case ed25519 = 1
    /// Ed25519 over a header, a time and the text (C2SP tlog-cosignature, version 1).
    case cosignatureV1 = 4
  }

  public let name: NoteKeyName
  public let algorithm: Algorithm
  public let publicKey: Bytes32
  /// The first four bytes of the hash of name, newline, type and key.
  public let id: UInt32

  public init(name: NoteKeyName, algorithm: Algorithm = .ed25519, publicKey: Bytes32) {
    self.name = name
    self.algorithm = algorithm
    self.publicKey = publicKey
    let digest = Self.digest(name: name, algorithm: algorithm, publicKey: publicKey)
    id = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(digest[$1]) }
  }

  /// The whole hash whose first bytes are the id; Rekor version 2 names its logs by it.
  public var digest: Bytes32 { Self.digest(name: name, algorithm: algorithm, publicKey: publicKey) }

  private static func digest(name: NoteKeyName, algorithm: Algorithm, publicKey: Bytes32) -> Bytes32 {
    var preimage = name.bytes
    preimage.append(0x0a)
    preimage.append(algorithm.rawValue)
    preimage.append(publicKey)
    return SHA256Hash.hash(preimage)
  }

  /// Reads `name+hex id+base64 type and key`.
  public init(verifierKey text: String) throws(NoteKeyError) {
    // The name has no plus sign; base64 may.
    let parts = [UInt8](text.utf8).split(separator: 0x2b, maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let name = NoteKeyName([UInt8](parts[0])), parts[1].count == 8,
      let id = UInt32(String(decoding: parts[1], as: UTF8.self), radix: 16),
      Self.hex(id).elementsEqual(parts[1]), let key = StrictBase64.decode(parts[2]), let type = key.first
    else { throw .form }
    guard let algorithm = Algorithm(rawValue: type) else { throw .algorithm(type) }
    guard key.count == 33 else { throw .keyLength(key.count - 1) }
    self.init(name: name, algorithm: algorithm, publicKey: Bytes32 { key[$0 + 1] })
    guard self.id == id else { throw .id(expected: self.id, actual: id) }
  }

  /// `name+hex id+base64 type and key`.
  public var verifierKey: String {
    let encoded = StrictBase64.encode([algorithm.rawValue] + publicKey.array)
    return String(decoding: name.bytes + [0x2b] + Self.hex(id) + [0x2b] + encoded, as: UTF8.self)
  }

  /// Eight lower-case digits.
  private static func hex(_ id: UInt32) -> [UInt8] {
    let bytes: [UInt8] = (0..<4).map { UInt8(truncatingIfNeeded: id >> UInt32(24 - $0 * 8)) }
    return [UInt8](Hex.encode(bytes, prefix: "").utf8)
  }

  /// Verifies a signature on `text`.
  ///
  /// - Returns: the time that a cosignature states, nil for a plain signature.
  public func verify(_ text: [UInt8], signature: [UInt8]) throws(NoteKeyError) -> UInt64? {
    switch algorithm {
    case .ed25519:
      guard signature.count == 64 else { throw .signatureLength(expected: 64, actual: signature.count) }
      try verify(message: text, signature: signature[...])
      return nil
    case .cosignatureV1:
      guard signature.count == 72 else { throw .signatureLength(expected: 72, actual: signature.count) }
      let timestamp = signature[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard timestamp <= UInt64(Int64.max) else { throw .timestamp(timestamp) }
      try verify(
        message: Cosignature.message(checkpoint: text, timestamp: timestamp), signature: signature[8...])
      return timestamp
    }
  }

  private func verify(message: [UInt8], signature: ArraySlice<UInt8>) throws(NoteKeyError) {
    let signature = Bytes64 { signature[signature.startIndex + $0] }
    do {
      try Ed25519.verify(message.span, signature: signature, key: publicKey, rule: .rfc8032Strict)
    } catch {
      throw .signature
    }
  }
}

/// Timestamped cosignatures of witnesses (C2SP tlog-cosignature, Ed25519).
public enum Cosignature {
  /// What a witness signs: a header, the time in Unix seconds, and the whole text of the checkpoint.
  public static func message(checkpoint text: [UInt8], timestamp: UInt64) -> [UInt8] {
    [UInt8]("cosignature/v1\ntime \(timestamp)\n".utf8) + text
  }

  /// What stands in a signature line after the key id: the time and the signature.
  public static func payload(timestamp: UInt64, signature: Bytes64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: timestamp)
    bytes.append(signature)
    return bytes
  }
}
