enum Hex {
  static func digit(_ value: UInt8, upper: Bool = false) -> UInt8 {
    value < 10 ? 48 &+ value : (upper ? 55 : 87) &+ value
  }

  static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 48
    case 0x41...0x46: digit - 55
    case 0x61...0x66: digit - 87
    default: nil
    }
  }

  static func upper(_ bytes: [UInt8]) -> Text { encode(bytes, after: "", upper: true) }

  /// `0x` and lower case, as EVM chains write bytes.
  static func prefixed(_ bytes: [UInt8]) -> Text { encode(bytes, after: "0x", upper: false) }

  @inline(never)
  private static func encode(_ bytes: [UInt8], after prefix: Text, upper: Bool) -> Text {
    var text = prefix.bytes
    for byte in bytes {
      text.push(digit(byte >> 4, upper: upper))
      text.push(digit(byte & 15, upper: upper))
    }
    return Text(text)
  }

  /// The `count` bytes behind `0x`, in digits of either case; nil when there are more, fewer, or other things.
  @inline(never)
  static func decode(prefixed text: Text, count: Int) -> [UInt8]? {
    guard text.hasPrefix("0x"), text.count == 2 + 2 * count else { return nil }
    var bytes: [UInt8] = []
    for index in 0..<count {
      guard let upper = value(text.bytes[2 + 2 * index]), let lower = value(text.bytes[3 + 2 * index]) else {
        return nil
      }
      bytes.push(upper << 4 | lower)
    }
    return bytes
  }
}

/// Standard base64 with padding; one text for one value.
enum Base64 {
  private static let alphabet: StaticString =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

  static func encode(_ bytes: [UInt8]) -> Text {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var index = 0
    while index < bytes.count {
      let left = bytes.count - index
      let word =
        UInt32(bytes[index]) << 16 | (left > 1 ? UInt32(bytes[index + 1]) << 8 : 0)
        | (left > 2 ? UInt32(bytes[index + 2]) : 0)
      for position in 0..<4 {
        text.append(
          position <= left ? alphabet.utf8Start[Int(word >> UInt32(18 - 6 * position) & 63)] : 0x3d)
      }
      index += 3
    }
    return Text(text)
  }

  private static func value(_ character: UInt8) -> UInt32? {
    switch character {
    case 0x41...0x5a: UInt32(character) - 65
    case 0x61...0x7a: UInt32(character) - 71
    case 0x30...0x39: UInt32(character) + 4
    case 0x2b: 62
    case 0x2f: 63
    default: nil
    }
  }

  /// Nil for wrong padding, other characters and bits that would be lost.
  static func decode(_ text: [UInt8]) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var index = 0
    while index < text.count {
      let isLast = index + 4 == text.count
      var padding = 0
      if isLast, text[index + 3] == 0x3d { padding = text[index + 2] == 0x3d ? 2 : 1 }
      var word: UInt32 = 0
      for position in 0..<4 {
        if position >= 4 - padding {
          word <<= 6
          continue
        }
        guard let value = value(text[index + position]) else { return nil }
        word = word << 6 | value
      }
      if padding == 1, word & 0xff != 0 { return nil }
      if padding == 2, word & 0xffff != 0 { return nil }
      bytes.append(UInt8(truncatingIfNeeded: word >> 16))
      if padding < 2 { bytes.append(UInt8(truncatingIfNeeded: word >> 8)) }
      if padding < 1 { bytes.append(UInt8(truncatingIfNeeded: word)) }
      index += 4
    }
    return bytes
  }
}

extension [UInt8] {
  mutating func append<Integer: FixedWidthInteger>(bigEndian value: Integer) {
    for index in 0..<(Integer.bitWidth / 8) {
      append(UInt8(truncatingIfNeeded: value >> Integer(Integer.bitWidth - 8 * (index + 1))))
    }
  }

  mutating func append<Integer: FixedWidthInteger>(littleEndian value: Integer) {
    for index in 0..<(Integer.bitWidth / 8) {
      append(UInt8(truncatingIfNeeded: value >> Integer(8 * index)))
    }
  }

  /// The `count` bytes from `offset`, or nil when they are not all there.
  func part(_ offset: Int, _ count: Int) -> [UInt8]? {
    guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else { return nil }
    return Array(self[offset..<(offset + count)])
  }
}
