import WireBytes

extension CBORValue {
  /// The core deterministic encoding (RFC 8949, section 4.2.1); map entries are sorted by their encoded keys.
  ///
  /// The caller's maps have unique keys: a duplicate is written twice.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return bytes
  }

  private func append(to bytes: inout [UInt8]) {
    switch self {
    case .unsigned(let value):
      Self.head(0, value, to: &bytes)
    case .negative(let value):
      Self.head(1, value, to: &bytes)
    case .bytes(let content):
      Self.head(2, UInt64(content.count), to: &bytes)
      bytes.append(content.span)
    case .text(let text):
      Self.head(3, UInt64(text.utf8.count), to: &bytes)
      bytes.append(contentsOf: text.utf8)
    case .array(let items):
      Self.head(4, UInt64(items.count), to: &bytes)
      for item in items { item.append(to: &bytes) }
    case .map(let entries):
      Self.head(5, UInt64(entries.count), to: &bytes)
      let pairs = entries.map { (key: $0.key.encoded(), value: $0.value) }
      for pair in pairs.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        bytes.append(pair.key.span)
        pair.value.append(to: &bytes)
      }
    case .tag(let number, let item):
      Self.head(6, number, to: &bytes)
      item.append(to: &bytes)
    case .simple(let value):
      if value < 24 {
        bytes.append(0xe0 | value)
      } else {
        bytes.append(0xf8)
        bytes.append(value)
      }
    case .boolean(let flag):
      bytes.append(flag ? 0xf5 : 0xf4)
    case .null:
      bytes.append(0xf6)
    case .undefined:
      bytes.append(0xf7)
    case .float(let pattern):
      let (bits, width) = CBORFloat.shortest(pattern)
      bytes.append(width == 2 ? 0xf9 : width == 4 ? 0xfa : 0xfb)
      for index in (0..<width).reversed() {
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(index * 8)))
      }
    }
  }

  private static func head(_ major: UInt8, _ argument: UInt64, to bytes: inout [UInt8]) {
    let type = major << 5
    switch argument {
    case 0..<24:
      bytes.append(type | UInt8(argument))
    case 24...0xff:
      bytes.append(type | 24)
      bytes.append(UInt8(argument))
    case 0x100...0xffff:
      bytes.append(type | 25)
      bytes.append(bigEndian: UInt16(argument))
    case 0x1_0000...0xffff_ffff:
      bytes.append(type | 26)
      bytes.append(bigEndian: UInt32(argument))
    default:
      bytes.append(type | 27)
      bytes.append(bigEndian: argument)
    }
  }
}
