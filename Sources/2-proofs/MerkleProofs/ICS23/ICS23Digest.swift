private import Digests
import WireBytes

extension ICS23 {
  /// The output of one hashing step: at most 64 bytes, stored inline.
  public struct Digest: Hashable, Sendable {
    var storage: Bytes64
    public let count: Int

    init(_ bytes: Bytes32) {
      storage = Bytes64 { $0 < 32 ? bytes[$0] : 0 }
      count = 32
    }

    init(_ bytes: Bytes20) {
      storage = Bytes64 { $0 < 20 ? bytes[$0] : 0 }
      count = 20
    }

    init(_ bytes: Bytes64) {
      storage = bytes
      count = 64
    }

    /// The bytes as an owned array.
    public var bytes: [UInt8] { [UInt8](copying: storage.span.extracting(0..<count)) }

    /// Whether these are the bytes of `other`.
    public func equals(_ other: Span<UInt8>) -> Bool {
      storage.span.extracting(0..<count).equals(other)
    }

    func precedes(_ other: Digest) -> Bool {
      storage.span.extracting(0..<count).precedes(other.storage.span.extracting(0..<other.count))
    }

    func append(to bytes: inout [UInt8]) { bytes.append(storage.span.extracting(0..<count)) }
  }
}

extension ICS23.HashOperation {
  /// The hash of `preimage`.
  ///
  /// - Throws: ``ICS23/OperationError/hashUnsupported(_:)`` for `none` and BLAKE3.
  public func digest(_ preimage: Span<UInt8>) throws(ICS23.OperationError) -> ICS23.Digest {
    switch self {
    case .sha256: ICS23.Digest(SHA256Hash.hash(preimage))
    case .sha512: ICS23.Digest(SecureHashes.sha512(preimage))
    case .keccak256: ICS23.Digest(Keccak256.hash(preimage))
    case .ripemd160: ICS23.Digest(RIPEMD160.hash(preimage))
    case .bitcoin: ICS23.Digest(Self.bitcoin(preimage))
    case .sha512t256: ICS23.Digest(SHA512Truncated256.hash(preimage))
    case .blake2b512: ICS23.Digest(BLAKE2b.hash(preimage))
    case .blake2s256: ICS23.Digest(BLAKE2s.hash(preimage))
    case .none, .blake3: throw .hashUnsupported(self)
    }
  }

  private static func bitcoin(_ preimage: Span<UInt8>) -> Bytes20 {
    let inner = SHA256Hash.hash(preimage)
    return RIPEMD160.hash(inner.span)
  }

  /// The hash of three byte strings in a row, without joining them for the hashes that stores use.
  func digest(
    _ first: Span<UInt8>, _ second: Span<UInt8>, _ third: Span<UInt8>
  ) throws(ICS23.OperationError) -> ICS23.Digest {
    switch self {
    case .sha256:
      var hasher = SHA256Hash()
      hasher.update(first)
      hasher.update(second)
      if !third.isEmpty { hasher.update(third) }
      return ICS23.Digest(hasher.finalize())
    case .keccak256:
      var hasher = Keccak256()
      hasher.update(first)
      hasher.update(second)
      hasher.update(third)
      return ICS23.Digest(hasher.finalize())
    default:
      var preimage: [UInt8] = []
      preimage.reserveCapacity(first.count + second.count + third.count)
      preimage.append(first)
      preimage.append(second)
      preimage.append(third)
      return try digest(preimage.span)
    }
  }
}
