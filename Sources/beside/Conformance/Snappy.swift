/// Why bytes are no raw Snappy block.
enum SnappyError: Error, Hashable, Sendable {
  case truncated(offset: Int)
  /// The length in front is not a 32-bit varint.
  case length
  case overLimit(limit: Int, actual: Int)
  /// A copy reaches before the start of the output.
  case copy(offset: Int)
  /// The output is not as long as the length in front says.
  case mismatch(expected: Int, actual: Int)
}

/// Decompresses raw (unframed) Snappy blocks, the form of `.ssz_snappy` files.
///
/// Source: github.com/google/snappy, format_description.txt.
enum Snappy {
  /// The default bound on the output.
  static let sizeBytesMax = 64 << 20

  static func decompress(
    _ block: [UInt8], sizeBytesMax: Int = Snappy.sizeBytesMax
  ) throws(SnappyError) -> [UInt8] {
    var position = 0
    let expected = try length(block, at: &position)
    guard expected <= sizeBytesMax else { throw .overLimit(limit: sizeBytesMax, actual: expected) }
    var output: [UInt8] = []
    while position < block.count {
      let start = position
      let tag = block[position]
      position += 1
      var count: Int
      if tag & 3 == 0 {
        count = Int(tag >> 2)
        if count >= 60 { count = try integer(block, at: &position, width: count - 59) }
        count += 1
        guard count <= block.count - position else { throw .truncated(offset: position) }
        guard output.count + count <= expected else {
          throw .mismatch(expected: expected, actual: output.count + count)
        }
        output.append(contentsOf: block[position..<(position + count)])
        position += count
        continue
      }
      let distance: Int
      switch tag & 3 {
      case 1:
        count = Int(tag >> 2 & 7) + 4
        distance = Int(tag >> 5) << 8 | (try integer(block, at: &position, width: 1))
      case 2:
        count = Int(tag >> 2) + 1
        distance = try integer(block, at: &position, width: 2)
      default:
        count = Int(tag >> 2) + 1
        distance = try integer(block, at: &position, width: 4)
      }
      guard distance > 0, distance <= output.count else { throw .copy(offset: start) }
      guard output.count + count <= expected else {
        throw .mismatch(expected: expected, actual: output.count + count)
      }
      // Byte by byte: a copy may overlap what it writes.
      for _ in 0..<count { output.append(output[output.count - distance]) }
    }
    guard output.count == expected else { throw .mismatch(expected: expected, actual: output.count) }
    return output
  }

  private static func length(_ block: [UInt8], at position: inout Int) throws(SnappyError) -> Int {
    var value = 0
    for shift in stride(from: 0, to: 35, by: 7) {
      guard position < block.count else { throw .truncated(offset: position) }
      let byte = block[position]
      position += 1
      value |= Int(byte & 0x7f) << shift
      if byte < 0x80 {
        guard value <= Int(UInt32.max) else { throw .length }
        return value
      }
    }
    throw .length
  }

  private static func integer(
    _ block: [UInt8], at position: inout Int, width: Int
  ) throws(SnappyError) -> Int {
    guard width <= block.count - position else { throw .truncated(offset: position) }
    var value = 0
    for index in (0..<width).reversed() { value = value << 8 | Int(block[position + index]) }
    position += width
    return value
  }
}
