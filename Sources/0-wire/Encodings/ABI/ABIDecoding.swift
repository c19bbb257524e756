import WireBytes

/// Reads the one encoding of a type. Each function returns the value and where it ends.
///
/// Every tail starts right behind the tail before it, so nothing overlaps, nothing is read twice, and the work is
/// linear in the input; recursion is as deep as the type.
enum ABIDecoding {
  static func tuple(
    _ bytes: Span<UInt8>, at start: Int, _ types: [ABIType]
  ) throws(ABIError) -> ([ABIValue], Int) {
    guard let headSize = ABIType.headSize(types) else { throw .illegalType }
    guard headSize <= bytes.count - start else { throw .truncated(offset: start, needed: headSize) }
    var values: [ABIValue] = []
    values.reserveCapacity(types.count)
    var head = start
    var tail = start + headSize
    for type in types {
      values.append(try member(bytes, type, scope: start, head: &head, tail: &tail))
    }
    return (values, tail)
  }

  private static func elements(
    _ bytes: Span<UInt8>, at start: Int, _ element: ABIType, count: Int
  ) throws(ABIError) -> ([ABIValue], Int) {
    guard let size = element.headSize, size > 0 else { throw .illegalType }
    let (headSize, overflow) = size.multipliedReportingOverflow(by: count)
    guard !overflow, headSize <= bytes.count - start else { throw .count(offset: start) }
    var values: [ABIValue] = []
    values.reserveCapacity(count)
    var head = start
    var tail = start + headSize
    for _ in 0..<count {
      values.append(try member(bytes, element, scope: start, head: &head, tail: &tail))
    }
    return (values, tail)
  }

  /// One member: in place when it is static, else behind an offset that must point to `tail`.
  private static func member(
    _ bytes: Span<UInt8>, _ type: ABIType, scope: Int, head: inout Int, tail: inout Int
  ) throws(ABIError) -> ABIValue {
    guard type.isDynamic else {
      let (value, end) = try value(bytes, at: head, type)
      head = end
      return value
    }
    guard try number(bytes, at: head) == tail - scope else {
      throw .offset(at: head, expected: tail - scope)
    }
    head += 32
    let (value, end) = try value(bytes, at: tail, type)
    tail = end
    return value
  }

  private static func value(
    _ bytes: Span<UInt8>, at start: Int, _ type: ABIType
  ) throws(ABIError) -> (ABIValue, Int) {
    switch type {
    case .uint(let bits):
      let word = try word(bytes, at: start)
      guard ABIRange.isUnsigned(word, bits: bits) else { throw .range(offset: start) }
      return (.uint(UInt256(bigEndian: word)), start + 32)
    case .int(let bits):
      let word = try word(bytes, at: start)
      guard ABIRange.isSigned(word, bits: bits) else { throw .range(offset: start) }
      return (.int(UInt256(bigEndian: word)), start + 32)
    case .address:
      let word = try word(bytes, at: start)
      guard ABIRange.isUnsigned(word, bits: 160) else { throw .range(offset: start) }
      return (.address(Bytes20 { word[12 + $0] }), start + 32)
    case .boolean:
      let word = try word(bytes, at: start)
      guard ABIRange.isUnsigned(word, bits: 8), word[31] <= 1 else { throw .range(offset: start) }
      return (.boolean(word[31] == 1), start + 32)
    case .fixedBytes(let count):
      let word = try word(bytes, at: start)
      for index in count..<32 where word[index] != 0 { throw .padding(offset: start + index) }
      return (.fixedBytes([UInt8](word.array.prefix(count))), start + 32)
    case .bytes:
      let (content, end) = try content(bytes, at: start)
      return (.bytes(content), end)
    case .string:
      let (content, end) = try content(bytes, at: start)
      guard let text = String(validating: content, as: UTF8.self) else { throw .text(offset: start) }
      return (.string(text), end)
    case .array(let element):
      let count = try number(bytes, at: start)
      let (values, end) = try elements(bytes, at: start + 32, element, count: count)
      return (.array(values), end)
    case .fixedArray(let element, let count):
      let (values, end) = try elements(bytes, at: start, element, count: count)
      return (.array(values), end)
    case .tuple(let types):
      let (values, end) = try tuple(bytes, at: start, types)
      return (.tuple(values), end)
    }
  }

  /// A length, the bytes, zeroes up to a multiple of 32.
  private static func content(_ bytes: Span<UInt8>, at start: Int) throws(ABIError) -> ([UInt8], Int) {
    let count = try number(bytes, at: start)
    let first = start + 32
    guard count <= bytes.count - first else { throw .truncated(offset: first, needed: count) }
    let end = first + count
    let padded = end + (32 - count % 32) % 32
    guard padded <= bytes.count else { throw .truncated(offset: end, needed: padded - end) }
    for index in end..<padded where bytes[index] != 0 { throw .padding(offset: index) }
    return ([UInt8](copying: bytes.extracting(first..<end)), padded)
  }

  private static func word(_ bytes: Span<UInt8>, at start: Int) throws(ABIError) -> Bytes32 {
    guard bytes.count - start >= 32 else { throw .truncated(offset: start, needed: 32) }
    return Bytes32(bytes, at: start)
  }

  /// A length or an offset: at most 2^62, so that sums do not overflow.
  private static func number(_ bytes: Span<UInt8>, at start: Int) throws(ABIError) -> Int {
    let word = try word(bytes, at: start)
    guard let value = UInt256(bigEndian: word).asUInt64, value <= 1 << 62 else { throw .count(offset: start) }
    return Int(value)
  }
}
