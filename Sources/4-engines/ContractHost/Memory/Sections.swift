private import WireBytes

/// Lists of byte strings in one region: each is followed by its length, 32 bits, big-endian.
///
/// Source: cosmwasm packages/vm/src/sections.rs.
enum Sections {
  /// Key and value of `db_next`; two empty ones say that there are no more.
  static func encode(_ key: [UInt8], _ value: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(key.count + value.count + 8)
    for section in [key, value] {
      bytes += section
      bytes.append(bigEndian: UInt32(truncatingIfNeeded: section.count))
    }
    return bytes
  }

  /// Where the sections lie in `bytes`, read from the end.
  ///
  /// The reference has no limit on their number; it is at most a quarter of the bytes.
  static func decode(_ bytes: [UInt8]) throws(SectionError) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var end = bytes.count
    while end >= 4 {
      let length = bytes[(end - 4)..<end].reduce(0) { $0 << 8 | Int($1) }
      guard length <= end - 4 else { throw .lengthOverflow }
      ranges.append((end - 4 - length)..<(end - 4))
      end -= 4 + length
    }
    guard end == 0 else { throw .extraBytes }
    ranges.reverse()
    return ranges
  }
}

/// What is wrong with a list of sections.
public enum SectionError: Error, Hashable, Sendable {
  /// A section would begin before the region.
  case lengthOverflow
  /// One to three bytes are left at the start.
  case extraBytes

  public var text: String {
    switch self {
    case .lengthOverflow: "section length overflow"
    case .extraBytes: "extra data outside of any section"
    }
  }
}
