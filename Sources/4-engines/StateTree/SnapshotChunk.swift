import Digests
public import WireBytes

/// One part of a snapshot: a run of entries in byte order of their keys, chained to the part before.
///
/// Layout, integers big-endian: `"CWSS"`, `[format: 1]`, `[version: 8]`, `[index: 4]`, `[last: 1]`,
/// `[hash of the chunk before: 32]`, `[entries: 4]`, then for each entry `[key length: 2][value length: 4][key]
/// [value]`, then the SHA-256 of all that. The chain shows at once where a stream was cut, mixed or damaged; that
/// the entries are the true ones only the root shows, at the end.
public struct StateSnapshotChunk: Hashable, Sendable {
  public let version: UInt64
  /// Counted from zero.
  public let index: UInt32
  public let isLast: Bool
  /// The hash of the chunk before; zeros in the first.
  public let previous: Bytes32
  public let entries: [StateEntry]
  /// SHA-256 of everything before it.
  public let hash: Bytes32

  /// A chunk takes entries until their keys and values reach this many bytes.
  public static let fillBytes = 1 << 20
  /// The longest chunk that is read: `fillBytes` minus one, the longest entry, 6 bytes for each entry's lengths, and
  /// the frame.
  public static let sizeBytesMax =
    fillBytes + StateLimits.keyBytesMax + StateLimits.valueBytesMax + 6 * StateLimits.scanLengthMax + 128

  private static let magic: [UInt8] = [0x43, 0x57, 0x53, 0x53]
  private static let format: UInt8 = 1

  /// Writes a chunk.
  static func encode(
    version: UInt64, index: UInt32, isLast: Bool, previous: Bytes32, entries: [StateEntry]
  ) -> (bytes: [UInt8], hash: Bytes32) {
    var bytes = magic
    bytes.append(format)
    bytes.append(bigEndian: version)
    bytes.append(bigEndian: index)
    bytes.append(isLast ? 1 : 0)
    bytes.append(previous)
    bytes.append(bigEndian: UInt32(entries.count))
    for entry in entries {
      bytes.append(bigEndian: UInt16(entry.key.count))
      bytes.append(bigEndian: UInt32(entry.value.count))
      bytes.append(entry.key.span)
      bytes.append(entry.value.span)
    }
    let hash = SHA256Hash.hash(bytes)
    bytes.append(hash)
    return (bytes, hash)
  }

  /// Reads one chunk; its place in a stream is left to ``StateRestoration``.
  ///
  /// - Throws: ``StateSnapshotError`` and nothing else. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(StateSnapshotError) {
    guard bytes.count <= Self.sizeBytesMax else {
      throw .wire(.overLimit(limit: Self.sizeBytesMax, actual: bytes.count))
    }
    guard bytes.count >= 32 else { throw .wire(.truncated(offset: 0, needed: 32)) }
    let body = bytes.extracting(0..<(bytes.count - 32))
    hash = SHA256Hash.hash(body)
    guard hash == Bytes32(bytes, at: bytes.count - 32) else { throw .chunkHash }
    let head = try Self.head(body)
    version = head.version
    index = head.index
    isLast = head.isLast
    previous = head.previous
    entries = try Self.entries(body, count: head.count)
  }

  private static let headBytes = 54

  private static func head(
    _ body: Span<UInt8>
  ) throws(StateSnapshotError) -> (
    version: UInt64, index: UInt32, isLast: Bool, previous: Bytes32, count: Int
  ) {
    guard body.count >= headBytes else { throw .wire(.truncated(offset: 0, needed: headBytes)) }
    guard body.starts(with: magic.span) else { throw .magic }
    guard body[4] == format else { throw .format(body[4]) }
    guard body[17] <= 1 else { throw .lastFlag(body[17]) }
    let count = Int(integer(body, 50, 4))
    guard count <= StateLimits.scanLengthMax else {
      throw .wire(.overLimit(limit: StateLimits.scanLengthMax, actual: count))
    }
    return (
      integer(body, 5, 8), UInt32(truncatingIfNeeded: integer(body, 13, 4)), body[17] == 1,
      Bytes32(body, at: 18), count
    )
  }

  private static func entries(_ body: Span<UInt8>, count: Int) throws(StateSnapshotError) -> [StateEntry] {
    var entries: [StateEntry] = []
    entries.reserveCapacity(count)
    var offset = headBytes
    for _ in 0..<count {
      guard body.count - offset >= 6 else { throw .wire(.truncated(offset: offset, needed: 6)) }
      let keyCount = Int(integer(body, offset, 2))
      let valueCount = Int(integer(body, offset + 2, 4))
      offset += 6
      guard (1...StateLimits.keyBytesMax).contains(keyCount) else { throw .keyLength(keyCount) }
      guard (1...StateLimits.valueBytesMax).contains(valueCount) else { throw .valueLength(valueCount) }
      guard body.count - offset >= keyCount + valueCount else {
        throw .wire(.truncated(offset: offset, needed: keyCount + valueCount))
      }
      let value = offset + keyCount
      entries.append(
        StateEntry(
          key: [UInt8](copying: body.extracting(offset..<value)),
          value: [UInt8](copying: body.extracting(value..<(value + valueCount)))))
      offset = value + valueCount
    }
    guard offset == body.count else {
      throw .wire(.trailingBytes(offset: offset, count: body.count - offset))
    }
    return entries
  }

  /// A big-endian integer whose bytes are known to be there.
  private static func integer(_ bytes: Span<UInt8>, _ offset: Int, _ width: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<width { value = value << 8 | UInt64(bytes[offset + index]) }
    return value
  }
}

/// Why a snapshot is refused.
public enum StateSnapshotError: Error, Hashable, Sendable {
  case wire(WireError)
  /// The chunk's own hash does not fit its bytes.
  case chunkHash
  case magic
  case format(UInt8)
  case lastFlag(UInt8)
  case keyLength(Int)
  case valueLength(Int)
  /// A chunk is missing, doubled or out of order.
  case index(expected: UInt32, actual: UInt32)
  /// The chunk does not follow the one before.
  case chain(index: UInt32)
  case version(expected: UInt64, actual: UInt64)
  /// A chunk came after the last one.
  case afterLast
  /// The stream ended before its last chunk.
  case incomplete(chunks: UInt32)
  /// A key does not sort after the one before.
  case notAscending(index: UInt32)
  case overLimit(limit: Int, actual: Int)
  /// The entries give another root than the one that is trusted.
  case root(calculated: Bytes32)
  /// The store that should be filled holds something.
  case storeNotEmpty
  case tree(StateTreeError)
}
