/// Unpacks gzip (RFC 1952) of one member, up to a size: clients of wasmd send code in it.
enum Gzip {
  enum Refusal: Error, Hashable, Sendable {
    case truncated
    /// A header, a block or a code that the format does not have.
    case format
    /// More would come out than may.
    case tooLarge(max: Int)
    case checksum
    /// Something follows the archive.
    case trailing

    var text: String {
      switch self {
      case .truncated: "unexpected EOF"
      case .format: "gzip: invalid data"
      case .tooLarge(let max): "exceeds limit of \(max) bytes"
      case .checksum: "gzip: invalid checksum"
      case .trailing: "gzip: data after the archive"
      }
    }
  }

  static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1f, 0x8b, 0x08]) }

  static func unpack(_ bytes: [UInt8], sizeMax: Int) throws(Refusal) -> [UInt8] {
    guard bytes.count >= 18 else { throw .truncated }
    guard isGzip(bytes), bytes[3] & 0xe0 == 0 else { throw .format }
    let flags = bytes[3]
    var offset = 10
    if flags & 4 != 0 {
      guard offset + 2 <= bytes.count else { throw .truncated }
      offset += 2 + Int(bytes[offset]) + Int(bytes[offset + 1]) << 8
    }
    for flag in [UInt8(8), 16] where flags & flag != 0 {
      // A name or a comment, up to a zero.
      while true {
        guard offset < bytes.count else { throw .truncated }
        offset += 1
        if bytes[offset - 1] == 0 { break }
      }
    }
    if flags & 2 != 0 { offset += 2 }
    guard offset <= bytes.count else { throw .truncated }
    var inflater = Inflater(bytes, at: offset, sizeMax: sizeMax)
    try inflater.run()
    let end = inflater.end
    guard bytes.count - end >= 8 else { throw .truncated }
    guard bytes.count - end == 8 else { throw .trailing }
    func number(_ at: Int) -> UInt32 {
      var number: UInt32 = 0
      for index in (0..<4).reversed() { number = number << 8 | UInt32(bytes[at + index]) }
      return number
    }
    guard number(end) == crc32(inflater.output), number(end + 4) == UInt32(inflater.output.count) else {
      throw .checksum
    }
    return inflater.output
  }

  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var table = [UInt32](repeating: 0, count: 256)
    for index in table.indices {
      var value = UInt32(index)
      for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0xedb8_8320 : value >> 1 }
      table[index] = value
    }
    var sum: UInt32 = .max
    for byte in bytes { sum = table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ (sum >> 8) }
    return ~sum
  }
}

/// DEFLATE (RFC 1951).
private struct Inflater {
  private static let lengthBase = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227,
    258,
  ]
  private static let lengthBits = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distanceBase = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1_025, 1_537, 2_049, 3_073,
    4_097, 6_145, 8_193, 12_289, 16_385, 24_577,
  ]
  private static let distanceBits = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
  ]
  private static let codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  /// A canonical Huffman code: how many codes have each length, and their symbols in order.
  private struct Code {
    var counts = [Int](repeating: 0, count: 16)
    var symbols: [Int] = []

    init(_ lengths: [Int]) throws(Gzip.Refusal) {
      for length in lengths { counts[length] += 1 }
      counts[0] = 0
      var left = 1
      for length in 1...15 {
        left = left << 1 - counts[length]
        guard left >= 0 else { throw .format }
      }
      for length in 1...15 {
        for (symbol, own) in lengths.enumerated() where own == length { symbols.append(symbol) }
      }
    }
  }

  private let input: [UInt8]
  private var offset: Int
  private var held: UInt32 = 0
  private var heldCount = 0
  private let sizeMax: Int
  private(set) var output: [UInt8] = []

  init(_ input: [UInt8], at offset: Int, sizeMax: Int) {
    self.input = input
    self.offset = offset
    self.sizeMax = sizeMax
  }

  /// Behind the last byte that was used.
  var end: Int { offset }

  mutating func run() throws(Gzip.Refusal) {
    while true {
      let isLast = try bits(1) == 1
      switch try bits(2) {
      case 0: try stored()
      case 1:
        let lengths = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
        try codes(try Code(lengths), try Code([Int](repeating: 5, count: 30)))
      case 2: try dynamic()
      default: throw .format
      }
      if isLast { return }
    }
  }

  private mutating func bits(_ count: Int) throws(Gzip.Refusal) -> Int {
    while heldCount < count {
      guard offset < input.count else { throw .truncated }
      held |= UInt32(input[offset]) << UInt32(heldCount)
      offset += 1
      heldCount += 8
    }
    let value = held & (1 << UInt32(count) - 1)
    held >>= UInt32(count)
    heldCount -= count
    return Int(value)
  }

  private mutating func symbol(_ code: Code) throws(Gzip.Refusal) -> Int {
    var (value, first, index) = (0, 0, 0)
    for length in 1...15 {
      value |= try bits(1)
      let count = code.counts[length]
      if value - count < first { return code.symbols[index + value - first] }
      index += count
      first = (first + count) << 1
      value <<= 1
    }
    throw .format
  }

  private mutating func append(_ byte: UInt8) throws(Gzip.Refusal) {
    guard output.count < sizeMax else { throw .tooLarge(max: sizeMax) }
    output.append(byte)
  }

  private mutating func stored() throws(Gzip.Refusal) {
    held = 0
    heldCount = 0
    guard offset + 4 <= input.count else { throw .truncated }
    let length = Int(input[offset]) | Int(input[offset + 1]) << 8
    guard length ^ 0xffff == Int(input[offset + 2]) | Int(input[offset + 3]) << 8 else { throw .format }
    offset += 4
    guard offset + length <= input.count else { throw .truncated }
    for index in offset..<(offset + length) { try append(input[index]) }
    offset += length
  }

  private mutating func dynamic() throws(Gzip.Refusal) {
    let (literals, distances, codes) = (try bits(5) + 257, try bits(5) + 1, try bits(4) + 4)
    guard literals <= 286, distances <= 30 else { throw .format }
    var lengths = [Int](repeating: 0, count: 19)
    for index in 0..<codes { lengths[Self.codeOrder[index]] = try bits(3) }
    let lengthCode = try Code(lengths)
    var read: [Int] = []
    while read.count < literals + distances {
      let symbol = try symbol(lengthCode)
      if symbol < 16 {
        read.append(symbol)
        continue
      }
      var (value, count) = (0, 0)
      switch symbol {
      case 16:
        guard let last = read.last else { throw .format }
        (value, count) = (last, 3 + (try bits(2)))
      case 17: count = 3 + (try bits(3))
      default: count = 11 + (try bits(7))
      }
      guard read.count + count <= literals + distances else { throw .format }
      read += [Int](repeating: value, count: count)
    }
    guard read[256] > 0 else { throw .format }
    try self.codes(try Code(Array(read[..<literals])), try Code(Array(read[literals...])))
  }

  private mutating func codes(_ literals: Code, _ distances: Code) throws(Gzip.Refusal) {
    while true {
      let symbol = try symbol(literals)
      if symbol < 256 {
        try append(UInt8(symbol))
        continue
      }
      if symbol == 256 { return }
      guard symbol - 257 < Self.lengthBase.count else { throw .format }
      let length = Self.lengthBase[symbol - 257] + (try bits(Self.lengthBits[symbol - 257]))
      let place = try self.symbol(distances)
      guard place < Self.distanceBase.count else { throw .format }
      let distance = Self.distanceBase[place] + (try bits(Self.distanceBits[place]))
      guard distance <= output.count else { throw .format }
      for _ in 0..<length { try append(output[output.count - distance]) }
    }
  }
}
