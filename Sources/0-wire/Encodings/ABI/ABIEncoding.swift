import WireBytes

/// Heads and tails of the ABI, and its packed mode.
enum ABIEncoding {
  static func appendTuple(
    _ values: [ABIValue], _ types: [ABIType], to bytes: inout [UInt8]
  ) throws(ABIError) {
    guard values.count == types.count else { throw .shape }
    guard let headSize = ABIType.headSize(types) else { throw .illegalType }
    var tails: [UInt8] = []
    for (value, type) in zip(values, types) {
      if type.isDynamic {
        bytes.append(Bytes32(bigEndian: UInt64(headSize + tails.count)))
        try append(value, type, to: &tails)
      } else {
        try append(value, type, to: &bytes)
      }
    }
    bytes.append(contentsOf: tails)
  }

  /// Elements of an array as a tuple of one type.
  private static func appendElements(
    _ values: [ABIValue], _ element: ABIType, to bytes: inout [UInt8]
  ) throws(ABIError) {
    guard let size = element.headSize, size > 0 else { throw .illegalType }
    guard element.isDynamic else {
      for value in values { try append(value, element, to: &bytes) }
      return
    }
    var tails: [UInt8] = []
    for value in values {
      bytes.append(Bytes32(bigEndian: UInt64(values.count * 32 + tails.count)))
      try append(value, element, to: &tails)
    }
    bytes.append(contentsOf: tails)
  }

  static func append(_ value: ABIValue, _ type: ABIType, to bytes: inout [UInt8]) throws(ABIError) {
    switch (type, value) {
    case (.uint, .uint), (.int, .int), (.address, .address), (.boolean, .boolean):
      bytes.append(try word(value, type))
    case (.fixedBytes(let count), .fixedBytes(let content)):
      guard content.count == count else { throw .shape }
      appendPadded(content, to: &bytes)
    case (.bytes, .bytes(let content)):
      bytes.append(Bytes32(bigEndian: UInt64(content.count)))
      appendPadded(content, to: &bytes)
    case (.string, .string(let text)):
      let content = [UInt8](text.utf8)
      bytes.append(Bytes32(bigEndian: UInt64(content.count)))
      appendPadded(content, to: &bytes)
    case (.array(let element), .array(let values)):
      bytes.append(Bytes32(bigEndian: UInt64(values.count)))
      try appendElements(values, element, to: &bytes)
    case (.fixedArray(let element, let count), .array(let values)):
      guard values.count == count else { throw .shape }
      try appendElements(values, element, to: &bytes)
    case (.tuple(let types), .tuple(let values)):
      try appendTuple(values, types, to: &bytes)
    default:
      throw .shape
    }
  }

  /// The content, and zeroes up to a multiple of 32.
  private static func appendPadded(_ content: [UInt8], to bytes: inout [UInt8]) {
    bytes.append(content.span)
    bytes.append(contentsOf: repeatElement(0, count: (32 - content.count % 32) % 32))
  }

  /// A value of one word.
  private static func word(_ value: ABIValue, _ type: ABIType) throws(ABIError) -> Bytes32 {
    switch (type, value) {
    case (.uint(let bits), .uint(let integer)):
      let word = integer.bigEndian
      guard ABIRange.isUnsigned(word, bits: bits) else { throw .shape }
      return word
    case (.int(let bits), .int(let integer)):
      let word = integer.bigEndian
      guard ABIRange.isSigned(word, bits: bits) else { throw .shape }
      return word
    case (.address, .address(let address)):
      return Bytes32 { $0 < 12 ? 0 : address[$0 - 12] }
    case (.boolean, .boolean(let flag)):
      return Bytes32(bigEndian: flag ? 1 : 0)
    default:
      throw .shape
    }
  }

  static func appendPacked(_ value: ABIValue, _ type: ABIType, to bytes: inout [UInt8]) throws(ABIError) {
    switch (type, value) {
    case (.uint(let bits), .uint), (.int(let bits), .int):
      bytes.append(contentsOf: try word(value, type).array.suffix(bits / 8))
    case (.address, .address(let address)):
      bytes.append(address)
    case (.boolean, .boolean(let flag)):
      bytes.append(flag ? 1 : 0)
    case (.fixedBytes(let count), .fixedBytes(let content)):
      guard content.count == count else { throw .shape }
      bytes.append(content.span)
    case (.bytes, .bytes(let content)):
      bytes.append(content.span)
    case (.string, .string(let text)):
      bytes.append(contentsOf: text.utf8)
    case (.array(let element), .array(let values)), (.fixedArray(let element, _), .array(let values)):
      if case .fixedArray(_, let count) = type, values.count != count { throw .shape }
      switch element {
      case .uint, .int, .address, .boolean, .fixedBytes: break
      default: throw .illegalType
      }
      for value in values { try append(value, element, to: &bytes) }
    case (.tuple, _), (.array, _), (.fixedArray, _):
      throw .illegalType
    default:
      throw .shape
    }
  }
}

/// Whether a word is a number of a width.
enum ABIRange {
  static func isUnsigned(_ word: Bytes32, bits: Int) -> Bool {
    for index in 0..<(32 - bits / 8) where word[index] != 0 { return false }
    return true
  }

  /// All bits above the sign are like the sign.
  static func isSigned(_ word: Bytes32, bits: Int) -> Bool {
    let first = 32 - bits / 8
    let fill: UInt8 = word[first] & 0x80 == 0 ? 0 : 0xff
    for index in 0..<first where word[index] != fill { return false }
    return true
  }
}
