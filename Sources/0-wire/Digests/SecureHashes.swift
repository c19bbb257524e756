private import Crypto
private import FoundationEssentials
public import WireBytes

/// SHA-256 (FIPS 180-4) by swift-crypto.
public struct SHA256Hash: Sendable {
  private var hasher = SHA256()

  public init() {}

  /// The hash of `bytes`.
  public static func hash(_ bytes: Span<UInt8>) -> Bytes32 {
    var hasher = SHA256Hash()
    hasher.update(bytes)
    return hasher.finalize()
  }

  /// The hash of `bytes`.
  public static func hash(_ bytes: [UInt8]) -> Bytes32 { hash(bytes.span) }

  /// The hash of two 32-byte values in a row: a binary Merkle node.
  ///
  /// swift-crypto keeps the state of each hasher in an object of its own and cannot reset one, so this allocates
  /// once; one update of 64 bytes rather than two of 32 is what is left to save.
  public static func hash(_ left: Bytes32, _ right: Bytes32) -> Bytes32 {
    let pair = Bytes64 { $0 < 32 ? left[$0] : right[$0 - 32] }
    return hash(pair.span)
  }

  /// Absorbs `bytes`.
  public mutating func update(_ bytes: Span<UInt8>) {
    // The pointer does not leave the closure.
    unsafe bytes.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
  }

  /// Returns the hash.
  public consuming func finalize() -> Bytes32 { fixed(hasher.finalize()) }
}

/// Hashes beside SHA-256 and Keccak-256 that messages and proofs of other systems name.
public enum SecureHashes {
  /// SHA-384 (FIPS 180-4).
  public static func sha384(_ bytes: Span<UInt8>) -> FixedBytes<48> {
    var hasher = SHA384()
    unsafe bytes.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
    return fixed(hasher.finalize())
  }

  /// SHA-512 (FIPS 180-4).
  public static func sha512(_ bytes: Span<UInt8>) -> Bytes64 {
    var hasher = SHA512()
    unsafe bytes.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
    return fixed(hasher.finalize())
  }

  /// SHA3-256 (FIPS 202).
  public static func sha3256(_ bytes: Span<UInt8>) -> Bytes32 {
    var hasher = SHA3_256()
    unsafe bytes.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
    return fixed(hasher.finalize())
  }

  /// SHA3-512 (FIPS 202).
  public static func sha3512(_ bytes: Span<UInt8>) -> Bytes64 {
    var hasher = SHA3_512()
    unsafe bytes.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
    return fixed(hasher.finalize())
  }
}

/// Copies a digest whose size is `count`.
private func fixed<let count: Int>(_ digest: some Digest) -> FixedBytes<count> {
  var bytes = FixedBytes<count>()
  unsafe digest.withUnsafeBytes { buffer in
    precondition(buffer.count == count)
    for index in 0..<count { unsafe bytes[index] = buffer[index] }
  }
  return bytes
}
