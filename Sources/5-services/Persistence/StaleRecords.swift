import StateTree
import WireBytes

/// What one commit made useless, in one row: pages that no later version uses, and values that were replaced.
///
/// Layout, numbers big-endian: u32 count of pages, each u8 size ‖ path ‖ u64 version; then to the end values,
/// each u16 size ‖ key ‖ u64 version.
struct StaleRecords {
  var pages: [(path: [UInt8], version: UInt64)] = []
  var values: [(key: [UInt8], version: UInt64)] = []

  init(_ commit: StateCommit) {
    pages = commit.stalePages.map { ($0.path.encoded(), $0.version) }
    for (change, replaced) in zip(commit.changes, commit.replaced) {
      if let replaced { values.append((change.key, replaced)) }
      // A deletion says nothing once the versions before it are gone.
      if change.value == nil { values.append((change.key, commit.version)) }
    }
  }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 + pages.count * 16 + values.count * 48)
    bytes.append(bigEndian: UInt32(truncatingIfNeeded: pages.count))
    for (path, version) in pages {
      bytes.append(UInt8(truncatingIfNeeded: path.count))
      bytes.append(contentsOf: path)
      bytes.append(bigEndian: version)
    }
    for (key, version) in values {
      // Keys are bounded by StateLimits.keyBytesMax.
      bytes.append(bigEndian: UInt16(truncatingIfNeeded: key.count))
      bytes.append(contentsOf: key)
      bytes.append(bigEndian: version)
    }
    return bytes
  }

  /// Reads what ``encoded()`` wrote; nil for anything else.
  init?(decoding bytes: [UInt8]) {
    var reader = ByteReader(bytes.span)
    do {
      for _ in 0..<(try reader.readBigEndian(UInt32.self)) {
        let path = try reader.readBytes(Int(try reader.readUInt8()))
        pages.append((path, try reader.readBigEndian(UInt64.self)))
      }
      while !reader.isAtEnd {
        let key = try reader.readBytes(Int(try reader.readBigEndian(UInt16.self)))
        values.append((key, try reader.readBigEndian(UInt64.self)))
      }
    } catch { return nil }
  }
}
