/// Reading RLP in place: items as ranges of the input, nothing copied, one encoding accepted.
///
/// Rules: Ethereum yellow paper, appendix B. A length is written in the shortest form; a single byte below 0x80 stands
/// for itself. These functions check the headers that they pass; the inside of a nested list is checked when it is
/// read in turn (``RLPItem`` reads the whole tree).
public enum RLP {
  /// Offsets in a slice are 32 bits wide.
  static let inputMax = Int(UInt32.max)

  /// The one item that `bytes` holds; nothing may follow it.
  public static func slice(_ bytes: Span<UInt8>) throws(RLPError) -> RLPSlice {
    let slice = try self.slice(bytes, at: 0, end: bytes.count)
    guard slice.encoded.upperBound == bytes.count else {
      throw .trailingBytes(offset: slice.encoded.upperBound, count: bytes.count - slice.encoded.upperBound)
    }
    return slice
  }

  /// The item that starts at `offset` and must end at or before `end`.
  public static func slice(_ bytes: Span<UInt8>, at offset: Int, end: Int) throws(RLPError) -> RLPSlice {
    guard bytes.count <= inputMax else { throw .overLimit(limit: inputMax, actual: bytes.count) }
    guard offset >= 0, offset < end, end <= bytes.count else { throw .truncated(offset: offset, needed: 1) }
    let first = bytes[offset]
    if first < 0x80 {
      return RLPSlice(start: offset, payloadStart: offset, end: offset + 1, isList: false)
    }
    let isList = first >= 0xc0
    let short = Int(first) - (isList ? 0xc0 : 0x80)
    var payloadStart = offset + 1
    var length = short
    if short > 55 {
      let width = short - 55
      guard width <= end - payloadStart else { throw .truncated(offset: payloadStart, needed: width) }
      guard bytes[payloadStart] != 0 else { throw .nonMinimalLength(offset: offset) }
      var long: UInt64 = 0
      for index in 0..<width { long = long << 8 | UInt64(bytes[payloadStart + index]) }
      guard long > 55 else { throw .nonMinimalLength(offset: offset) }
      payloadStart += width
      // Any length over what is left is refused below; clamping keeps the comparison free of overflow.
      length = Int(clamping: long)
    }
    guard length <= end - payloadStart else { throw .truncated(offset: payloadStart, needed: length) }
    if !isList, length == 1, bytes[payloadStart] < 0x80 { throw .wrappedByte(offset: offset) }
    return RLPSlice(start: offset, payloadStart: payloadStart, end: payloadStart + length, isList: isList)
  }

  /// The items of the list that `bytes` holds, at most 17, without an allocation.
  ///
  /// - Throws: ``RLPError/overLimit(limit:actual:)`` for an eighteenth item; ``RLPError/expectedList(offset:)``.
  public static func listItems(_ bytes: Span<UInt8>) throws(RLPError) -> RLPItems {
    try items(of: try slice(bytes), in: bytes)
  }

  /// The items of `list`, at most 17, without an allocation.
  public static func items(of list: RLPSlice, in bytes: Span<UInt8>) throws(RLPError) -> RLPItems {
    guard list.isList else { throw .expectedList(offset: list.encoded.lowerBound) }
    let end = list.payload.upperBound
    var items = RLPItems()
    var offset = list.payload.lowerBound
    while offset < end {
      guard items.count < RLPItems.countMax else {
        throw .overLimit(limit: RLPItems.countMax, actual: RLPItems.countMax + 1)
      }
      let item = try slice(bytes, at: offset, end: end)
      items.append(item)
      offset = item.encoded.upperBound
    }
    return items
  }

  /// The items of `list`, at most `max`.
  public static func items(
    of list: RLPSlice, in bytes: Span<UInt8>, max: Int
  ) throws(RLPError) -> [RLPSlice] {
    guard list.isList else { throw .expectedList(offset: list.encoded.lowerBound) }
    let end = list.payload.upperBound
    var items: [RLPSlice] = []
    var offset = list.payload.lowerBound
    while offset < end {
      guard items.count < max else { throw .overLimit(limit: max, actual: max + 1) }
      let item = try slice(bytes, at: offset, end: end)
      items.append(item)
      offset = item.encoded.upperBound
    }
    return items
  }

  /// The items of the list that `bytes` holds, which must be exactly `count`: a record with named fields.
  public static func record(_ bytes: Span<UInt8>, count: Int) throws(RLPError) -> [RLPSlice] {
    let items = try items(of: try slice(bytes), in: bytes, max: count)
    guard items.count == count else { throw .itemCount(expected: count, actual: items.count) }
    return items
  }
}
