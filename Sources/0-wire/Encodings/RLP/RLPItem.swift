public import WireBytes

/// An RLP value: a byte string or a list.
public indirect enum RLPItem: Hashable, Sendable {
  case string([UInt8])
  case list([RLPItem])

  /// The default bound on the input.
  public static let sizeBytesMax = 16 << 20
  /// The default bound on the nesting of lists.
  public static let depthMax = 128

  /// An integer: big-endian, shortest form; zero is the empty string.
  public static func integer(_ value: UInt64) -> RLPItem { .string(UInt256(value).minimalBigEndian) }
  /// An integer: big-endian, shortest form; zero is the empty string.
  public static func integer(_ value: UInt256) -> RLPItem { .string(value.minimalBigEndian) }

  /// Decodes the one item that `bytes` holds, all the way down.
  ///
  /// - Throws: ``RLPError`` for every form that the encoder does not give, and for trailing bytes.
  /// - Complexity: linear in the input; recursion is at most `depthMax`.
  public init(
    decoding bytes: Span<UInt8>, sizeBytesMax: Int = RLPItem.sizeBytesMax, depthMax: Int = RLPItem.depthMax
  ) throws(RLPError) {
    guard bytes.count <= sizeBytesMax else { throw .overLimit(limit: sizeBytesMax, actual: bytes.count) }
    self = try Self.item(try RLP.slice(bytes), in: bytes, depth: 0, depthMax: depthMax)
  }

  /// Decodes the one item that `bytes` holds, all the way down.
  public init(decoding bytes: [UInt8]) throws(RLPError) { try self.init(decoding: bytes.span) }

  private static func item(
    _ slice: RLPSlice, in bytes: Span<UInt8>, depth: Int, depthMax: Int
  ) throws(RLPError) -> RLPItem {
    guard slice.isList else { return .string([UInt8](copying: bytes.extracting(slice.payload))) }
    guard depth < depthMax else { throw .tooDeep(limit: depthMax) }
    var items: [RLPItem] = []
    var offset = slice.payload.lowerBound
    while offset < slice.payload.upperBound {
      let inner = try RLP.slice(bytes, at: offset, end: slice.payload.upperBound)
      items.append(try item(inner, in: bytes, depth: depth + 1, depthMax: depthMax))
      offset = inner.encoded.upperBound
    }
    return .list(items)
  }

  /// The canonical encoding.
  public func encoded() -> [UInt8] {
    var writer = RLPWriter()
    writer.item(self)
    return writer.bytes
  }

  /// The bytes of a string; nil for a list.
  public var bytes: [UInt8]? {
    if case .string(let bytes) = self { bytes } else { nil }
  }

  /// The items of a list; nil for a string.
  public var items: [RLPItem]? {
    if case .list(let items) = self { items } else { nil }
  }

  /// The integer that a string holds in its shortest form; nil for anything else.
  public var uint256: UInt256? {
    guard case .string(let bytes) = self, bytes.first != 0 else { return nil }
    return try? UInt256(bigEndian: bytes.span)
  }
}

/// Writes RLP without building a tree of items first.
public struct RLPWriter: Sendable {
  /// What was written so far.
  public private(set) var bytes: [UInt8] = []

  public init() {}

  /// Appends a byte string.
  public mutating func string(_ value: Span<UInt8>) {
    if value.count == 1, value[0] < 0x80 {
      bytes.append(value[0])
    } else {
      header(length: value.count, base: 0x80)
      bytes.append(value)
    }
  }

  /// Appends a byte string.
  public mutating func string(_ value: [UInt8]) { string(value.span) }

  /// Appends a byte string of a fixed length.
  public mutating func string<let length: Int>(_ value: FixedBytes<length>) { string(value.span) }

  /// Appends an integer in its shortest form.
  public mutating func integer(_ value: UInt64) { string(UInt256(value).minimalBigEndian) }

  /// Appends an integer in its shortest form.
  public mutating func integer(_ value: UInt256) { string(value.minimalBigEndian) }

  /// Appends what is already an encoded item.
  public mutating func encoded(_ item: Span<UInt8>) { bytes.append(item) }

  /// Appends a list of what `write` writes.
  public mutating func list<Failure: Error>(
    _ write: (inout RLPWriter) throws(Failure) -> Void
  ) throws(Failure) {
    var inner = RLPWriter()
    try write(&inner)
    header(length: inner.bytes.count, base: 0xc0)
    bytes.append(inner.bytes.span)
  }

  /// Appends a tree of items.
  public mutating func item(_ item: RLPItem) {
    switch item {
    case .string(let value): string(value.span)
    case .list(let items):
      list { writer in
        for item in items { writer.item(item) }
      }
    }
  }

  private mutating func header(length: Int, base: UInt8) {
    if length < 56 {
      bytes.append(base + UInt8(length))
    } else {
      let width = (UInt64.bitWidth - UInt64(length).leadingZeroBitCount + 7) / 8
      bytes.append(base + 55 + UInt8(width))
      for index in (0..<width).reversed() { bytes.append(UInt8(truncatingIfNeeded: length >> (index * 8))) }
    }
  }
}
