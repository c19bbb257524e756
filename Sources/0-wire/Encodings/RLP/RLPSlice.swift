public import WireBytes

/// Where one RLP item lies in a larger input: 16 bytes, no copy.
public struct RLPSlice: Hashable, Sendable {
  private let start: UInt32
  private let payloadStart: UInt32
  private let end: UInt32
  public let isList: Bool

  init(start: Int, payloadStart: Int, end: Int, isList: Bool) {
    // RLP.slice has checked that the input is below 2^32 bytes.
    self.start = UInt32(truncatingIfNeeded: start)
    self.payloadStart = UInt32(truncatingIfNeeded: payloadStart)
    self.end = UInt32(truncatingIfNeeded: end)
    self.isList = isList
  }

  /// The content without its header.
  public var payload: Range<Int> { Int(payloadStart)..<Int(end) }
  /// The whole item with its header.
  public var encoded: Range<Int> { Int(start)..<Int(end) }

  /// Where the bytes of a string lie.
  public func stringRange() throws(RLPError) -> Range<Int> {
    guard !isList else { throw .expectedString(offset: Int(start)) }
    return payload
  }

  /// The bytes of a string, owned.
  public func bytes(in input: Span<UInt8>) throws(RLPError) -> [UInt8] {
    [UInt8](copying: input.extracting(try stringRange()))
  }

  /// A string of exactly `length` bytes.
  public func fixed<let length: Int>(
    in input: Span<UInt8>, as type: FixedBytes<length>.Type = FixedBytes<length>.self
  ) throws(RLPError) -> FixedBytes<length> {
    let range = try stringRange()
    guard range.count == length else {
      throw .length(offset: Int(start), expected: length, actual: range.count)
    }
    return FixedBytes<length>(input, at: range.lowerBound)
  }

  /// An unsigned integer: big-endian, no leading zero, at most 8 bytes.
  public func uint64(in input: Span<UInt8>) throws(RLPError) -> UInt64 {
    let range = try integerRange(in: input, widthMax: 8)
    var value: UInt64 = 0
    for index in range { value = value << 8 | UInt64(input[index]) }
    return value
  }

  /// An unsigned integer: big-endian, no leading zero, at most 32 bytes.
  public func uint256(in input: Span<UInt8>) throws(RLPError) -> UInt256 {
    let range = try integerRange(in: input, widthMax: 32)
    let missing = 32 - range.count
    let first = range.lowerBound
    return UInt256(bigEndian: Bytes32 { $0 < missing ? 0 : input[first + $0 - missing] })
  }

  private func integerRange(in input: Span<UInt8>, widthMax: Int) throws(RLPError) -> Range<Int> {
    let range = try stringRange()
    guard range.count <= widthMax else {
      throw .length(offset: Int(start), expected: widthMax, actual: range.count)
    }
    if let first = range.first, input[first] == 0 { throw .leadingZero(offset: Int(start)) }
    return range
  }
}

/// The items of a list of at most 17, held inline: the shape of every trie node.
public struct RLPItems: Sendable {
  /// The most items: a branch node's sixteen children and value.
  public static let countMax = 17

  private var slices: InlineArray<17, RLPSlice>
  public private(set) var count: Int

  init() {
    slices = InlineArray(repeating: RLPSlice(start: 0, payloadStart: 0, end: 0, isList: false))
    count = 0
  }

  /// Traps when `index` is not below `count`.
  public subscript(index: Int) -> RLPSlice {
    precondition(index < count)
    return slices[index]
  }

  mutating func append(_ slice: RLPSlice) {
    slices[count] = slice
    count += 1
  }
}
