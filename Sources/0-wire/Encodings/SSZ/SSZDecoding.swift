import WireBytes

extension SSZType {
  /// The default bound on the input.
  public static let sizeBytesMax = 64 << 20

  /// Decodes the value that fills `bytes`.
  ///
  /// - Throws: ``SSZError`` for every byte string that encoding gives for no value of the type.
  /// - Complexity: linear in the input; recursion is as deep as the type.
  public func decode(
    _ bytes: Span<UInt8>, sizeBytesMax: Int = SSZType.sizeBytesMax
  ) throws(SSZError) -> SSZValue {
    guard bytes.count <= sizeBytesMax else { throw .inputSize(limit: sizeBytesMax, actual: bytes.count) }
    return try decode(bytes, in: 0..<bytes.count)
  }

  /// Decodes the value that fills `bytes`.
  public func decode(_ bytes: [UInt8]) throws(SSZError) -> SSZValue { try decode(bytes.span) }

  /// Decodes the value that fills `scope`.
  func decode(_ bytes: Span<UInt8>, in scope: Range<Int>) throws(SSZError) -> SSZValue {
    if let size = try fixedSize(), scope.count != size {
      throw .size(offset: scope.lowerBound, expected: size, actual: scope.count)
    }
    switch self {
    case .boolean:
      guard bytes[scope.lowerBound] <= 1 else { throw .boolean(offset: scope.lowerBound) }
      return .boolean(bytes[scope.lowerBound] == 1)
    case .uint(let width):
      let start = scope.lowerBound
      return .uint(UInt256(littleEndian: Bytes32 { $0 < width.rawValue ? bytes[start + $0] : 0 }))
    case .bitvector(let count):
      let packed = Self.copy(bytes, scope)
      if !count.isMultiple(of: 8), let last = packed.last, last >> UInt8(count % 8) != 0 {
        throw .paddingBits(offset: scope.upperBound - 1)
      }
      return .bits(count: count, packed)
    case .bitlist(let limit):
      return try Self.decodeBitlist(bytes, in: scope, limit: limit)
    case .progressiveBitlist:
      return try Self.decodeBitlist(bytes, in: scope, limit: .max)
    case .byteVector:
      return .packed(Self.copy(bytes, scope))
    case .byteList(let limit):
      guard UInt64(scope.count) <= limit else {
        throw .overLimit(offset: scope.lowerBound, limit: limit, actual: UInt64(scope.count))
      }
      return .packed(Self.copy(bytes, scope))
    case .progressiveByteList:
      return .packed(Self.copy(bytes, scope))
    case .vector(let element, let count):
      let value = try Self.decodeElements(bytes, in: scope, element: element, limit: UInt64(count))
      // A vector of basic or fixed-size elements has its size checked above; offsets give their own count.
      if case .sequence(let elements) = value, elements.count != count {
        throw .elementCount(offset: scope.lowerBound, expected: count, actual: elements.count)
      }
      return value
    case .list(let element, let limit):
      return try Self.decodeElements(bytes, in: scope, element: element, limit: limit)
    case .progressiveList(let element):
      return try Self.decodeElements(bytes, in: scope, element: element, limit: .max)
    case .container(let fields), .progressiveContainer(_, let fields):
      var sizes: [Int?] = []
      for field in fields { sizes.append(try field.type.fixedSize()) }
      let scopes = try SSZLayout.fields(bytes, in: scope, sizes: sizes)
      var values: [SSZValue] = []
      values.reserveCapacity(fields.count)
      for (field, inner) in zip(fields, scopes) { values.append(try field.type.decode(bytes, in: inner)) }
      return .sequence(values)
    case .union(let options):
      guard !scope.isEmpty else { throw .truncated(offset: scope.lowerBound, needed: 1, actual: 0) }
      let selector = bytes[scope.lowerBound]
      guard let option = options.first(where: { $0.selector == selector }) else {
        throw .selector(offset: scope.lowerBound, selector)
      }
      let inner = (scope.lowerBound + 1)..<scope.upperBound
      guard let type = option.type else {
        guard inner.isEmpty else { throw .size(offset: scope.lowerBound, expected: 1, actual: scope.count) }
        return .selected(selector, nil)
      }
      return .selected(selector, try type.decode(bytes, in: inner))
    }
  }

  private static func copy(_ bytes: Span<UInt8>, _ scope: Range<Int>) -> [UInt8] {
    [UInt8](copying: bytes.extracting(scope))
  }

  private static func decodeBitlist(
    _ bytes: Span<UInt8>, in scope: Range<Int>, limit: UInt64
  ) throws(SSZError) -> SSZValue {
    guard !scope.isEmpty, bytes[scope.upperBound - 1] != 0 else { throw .delimiter(offset: scope.upperBound) }
    var packed = copy(bytes, scope)
    let last = packed.count - 1
    let delimiter = 7 - packed[last].leadingZeroBitCount
    let count = last * 8 + delimiter
    guard UInt64(count) <= limit else {
      throw .overLimit(offset: scope.lowerBound, limit: limit, actual: UInt64(count))
    }
    packed[last] &= ~(1 << UInt8(delimiter))
    if delimiter == 0 { packed.removeLast() }
    return .bits(count: count, packed)
  }

  private static func decodeElements(
    _ bytes: Span<UInt8>, in scope: Range<Int>, element: SSZType, limit: UInt64
  ) throws(SSZError) -> SSZValue {
    if let size = element.basicSize {
      guard scope.count.isMultiple(of: size) else {
        throw .alignment(offset: scope.lowerBound, elementSize: size, actual: scope.count)
      }
      let count = UInt64(scope.count / size)
      guard count <= limit else { throw .overLimit(offset: scope.lowerBound, limit: limit, actual: count) }
      if element == .boolean {
        for index in scope where bytes[index] > 1 { throw .boolean(offset: index) }
      }
      return .packed(copy(bytes, scope))
    }
    let scopes =
      if let size = try element.fixedSize() {
        try SSZLayout.elements(in: scope, size: size, limit: limit)
      } else {
        try SSZLayout.elements(bytes, in: scope, limit: limit)
      }
    var values: [SSZValue] = []
    values.reserveCapacity(scopes.count)
    for inner in scopes { values.append(try element.decode(bytes, in: inner)) }
    return .sequence(values)
  }
}
