import WireBytes

extension SSZType {
  /// The one encoding of `value`.
  ///
  /// - Throws: ``SSZError/shape`` when `value` is not one of this type; ``SSZError/overLimit(offset:limit:actual:)``.
  public func encode(_ value: SSZValue) throws(SSZError) -> [UInt8] {
    try check(value)
    switch (self, value) {
    case (.boolean, .boolean(let flag)):
      return [flag ? 1 : 0]
    case (.uint(let width), .uint(let integer)):
      return [UInt8](integer.littleEndian.array.prefix(width.rawValue))
    case (.bitvector, .bits(_, let packed)):
      return packed
    case (.bitlist, .bits(let count, let packed)), (.progressiveBitlist, .bits(let count, let packed)):
      var bytes = packed
      if count.isMultiple(of: 8) { bytes.append(0) }
      bytes[count / 8] |= 1 << UInt8(count % 8)
      return bytes
    case (_, .packed(let bytes)):
      return bytes
    case (.vector(let element, _), .sequence(let values)), (.list(let element, _), .sequence(let values)),
      (.progressiveList(let element), .sequence(let values)):
      let isFixed = try element.fixedSize() != nil
      var parts: [SSZLayout.Part] = []
      parts.reserveCapacity(values.count)
      for value in values {
        let bytes = try element.encode(value)
        parts.append(isFixed ? .fixed(bytes) : .variable(bytes))
      }
      return SSZLayout.join(parts)
    case (.container(let fields), .sequence(let values)),
      (.progressiveContainer(_, let fields), .sequence(let values)):
      var parts: [SSZLayout.Part] = []
      for (field, value) in zip(fields, values) {
        let bytes = try field.type.encode(value)
        parts.append(try field.type.fixedSize() != nil ? .fixed(bytes) : .variable(bytes))
      }
      return SSZLayout.join(parts)
    case (.union, .selected(let selector, let value)):
      guard let type = try option(selector), let value else { return [selector] }
      return [selector] + (try type.encode(value))
    default:
      throw .shape
    }
  }

  /// The type of a union's option; nil for `None`.
  func option(_ selector: UInt8) throws(SSZError) -> SSZType? {
    guard case .union(let options) = self, let option = options.first(where: { $0.selector == selector })
    else {
      throw .selector(offset: 0, selector)
    }
    return option.type
  }

  /// Refuses a value that is not of this type, at its top level: lengths, limits, ranges.
  func check(_ value: SSZValue) throws(SSZError) {
    switch (self, value) {
    case (.boolean, .boolean):
      return
    case (.uint(let width), .uint(let integer)):
      let bytes = integer.littleEndian
      for index in width.rawValue..<32 where bytes[index] != 0 { throw .shape }
    case (.bitvector(let expected), .bits(let count, let packed)):
      guard count == expected else { throw .shape }
      try Self.checkBits(count, packed)
    case (.bitlist(let limit), .bits(let count, let packed)):
      try Self.checkLimit(UInt64(clamping: count), limit)
      try Self.checkBits(count, packed)
    case (.progressiveBitlist, .bits(let count, let packed)):
      try Self.checkBits(count, packed)
    case (.byteVector(let expected), .packed(let bytes)):
      guard bytes.count == expected else { throw .shape }
    case (.byteList(let limit), .packed(let bytes)):
      try Self.checkLimit(UInt64(bytes.count), limit)
    case (.progressiveByteList, .packed):
      return
    case (.vector(let element, let count), .packed(let bytes)):
      guard try Self.checkPacked(element, bytes) == count else { throw .shape }
    case (.list(let element, let limit), .packed(let bytes)):
      try Self.checkLimit(UInt64(try Self.checkPacked(element, bytes)), limit)
    case (.progressiveList(let element), .packed(let bytes)):
      _ = try Self.checkPacked(element, bytes)
    case (.vector(let element, let count), .sequence(let values)):
      guard !element.isBasic, values.count == count else { throw .shape }
    case (.list(let element, let limit), .sequence(let values)):
      guard !element.isBasic else { throw .shape }
      try Self.checkLimit(UInt64(values.count), limit)
    case (.progressiveList(let element), .sequence):
      guard !element.isBasic else { throw .shape }
    case (.container(let fields), .sequence(let values)):
      guard values.count == fields.count else { throw .shape }
    case (.progressiveContainer(let active, let fields), .sequence(let values)):
      guard values.count == fields.count, active.count(where: { $0 }) == fields.count, active.count <= 256,
        active.last == true
      else { throw .shape }
    case (.union, .selected(let selector, let inner)):
      guard (try option(selector) == nil) == (inner == nil) else { throw .shape }
    default:
      throw .shape
    }
  }

  private static func checkLimit(_ count: UInt64, _ limit: UInt64) throws(SSZError) {
    guard count <= limit else { throw .overLimit(offset: 0, limit: limit, actual: count) }
  }

  private static func checkBits(_ count: Int, _ packed: [UInt8]) throws(SSZError) {
    guard count >= 0, packed.count == count / 8 + (count.isMultiple(of: 8) ? 0 : 1) else { throw .shape }
    if !count.isMultiple(of: 8), let last = packed.last, last >> UInt8(count % 8) != 0 { throw .shape }
  }

  /// The number of elements in `bytes`.
  private static func checkPacked(_ element: SSZType, _ bytes: [UInt8]) throws(SSZError) -> Int {
    guard let size = element.basicSize, bytes.count.isMultiple(of: size) else { throw .shape }
    if element == .boolean, bytes.contains(where: { $0 > 1 }) { throw .shape }
    return bytes.count / size
  }
}
