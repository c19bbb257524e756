/// A cursor over the bytes of a module, bounded by the end of the part that is read.
struct WasmCursor {
  let bytes: [UInt8]
  private(set) var offset: Int
  /// One past the last byte of the part.
  let end: Int

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    offset = 0
    end = bytes.count
  }

  private init(_ bytes: [UInt8], offset: Int, end: Int) {
    self.bytes = bytes
    self.offset = offset
    self.end = end
  }

  var isAtEnd: Bool { offset == end }
  var remaining: Int { end - offset }

  mutating func byte() throws(WasmMalformation) -> UInt8 {
    guard offset < end else { throw .truncated(offset: offset, needed: 1) }
    defer { offset += 1 }
    return bytes[offset]
  }

  mutating func skip(_ count: Int) throws(WasmMalformation) {
    guard count <= remaining else { throw .truncated(offset: offset, needed: count) }
    offset += count
  }

  /// The next `count` bytes as a cursor of their own.
  mutating func part(_ count: UInt32) throws(WasmMalformation) -> WasmCursor {
    let start = offset
    try skip(Int(count))
    return WasmCursor(bytes, offset: start, end: offset)
  }

  /// What is left.
  func rest() -> ArraySlice<UInt8> { bytes[offset..<end] }

  /// An unsigned integer of 32 bits (LEB128, at most 5 bytes).
  mutating func u32() throws(WasmMalformation) -> UInt32 {
    let start = offset
    var value: UInt32 = 0
    for shift in stride(from: UInt32(0), through: 28, by: 7) {
      let next = try byte()
      guard shift < 28 || next < 0x10 else { throw .integer(offset: start) }
      value |= UInt32(next & 0x7f) << shift
      if next & 0x80 == 0 { return value }
    }
    throw .integer(offset: start)
  }

  /// A signed integer of `bits` bits (LEB128, as many bytes as that takes at most).
  mutating func signed(_ bits: Int) throws(WasmMalformation) -> Int64 {
    let start = offset
    var value: UInt64 = 0
    var shift = 0
    while shift < bits {
      let next = try byte()
      let left = bits - shift
      if left < 7 {
        // The last byte: what is over the width must repeat the sign.
        let sign = next >> UInt8(left - 1) & 1
        let over = (next & 0x7f) >> UInt8(left)
        guard next & 0x80 == 0, over == (sign == 0 ? 0 : 0x7f >> UInt8(left)) else {
          throw .integer(offset: start)
        }
      }
      value |= UInt64(next & 0x7f) << UInt64(shift)
      shift += 7
      if next & 0x80 == 0 {
        if next & 0x40 != 0, shift < 64 { value |= UInt64.max << UInt64(shift) }
        return Int64(bitPattern: value)
      }
    }
    throw .integer(offset: start)
  }

  /// The number of elements of a vector, each of which takes at least one byte.
  mutating func count() throws(WasmMalformation) -> Int {
    let start = offset
    let count = try u32()
    guard Int(count) <= remaining else { throw .count(offset: start, actual: count) }
    return Int(count)
  }

  /// The longest name (wasmparser limits.rs, MAX_WASM_STRING_SIZE).
  static let nameBytesMax = 100_000

  mutating func name() throws(WasmMalformation) -> String {
    let start = offset
    let length = try u32()
    guard length <= Self.nameBytesMax else { throw .name(offset: start) }
    let part = try part(length)
    guard let text = String(validating: part.rest(), as: UTF8.self) else { throw .name(offset: start) }
    return text
  }

  /// An index below `count`.
  mutating func index(
    _ space: WasmMalformation.IndexSpace, below count: Int
  ) throws(WasmMalformation) -> Int {
    let start = offset
    let index = try u32()
    guard Int(index) < count else { throw .index(space, index, offset: start) }
    return Int(index)
  }
}
