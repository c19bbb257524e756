public import WireBytes

/// Why tiles or bundles do not give a log's content.
public enum TileError: Error, Hashable, Sendable {
  /// Not a tile's path.
  case path
  case level(Int)
  case width(Int)
  /// The tile is not there.
  case missing(TilePath)
  /// A tile holds another number of bytes, or a bundle another number of entries, than its width says.
  case length(expected: Int, actual: Int)
  /// A bundle ends inside an entry.
  case truncatedEntry(index: Int)
  /// The tree would need a tile beyond 64 bits.
  case size(UInt64)
}

/// The place of a tile of hashes, or of a bundle of entries (C2SP tlog-tiles).
public struct TilePath: Hashable, Sendable {
  public enum Content: Hashable, Sendable {
    /// Hashes at height `8 * level`, 0...63.
    case hashes(level: Int)
    case entries
  }

  /// Hashes or entries of a full tile.
  public static let fullWidth = 256

  public let content: Content
  public let index: UInt64
  /// 1...256.
  public let width: Int

  public init(_ content: Content, index: UInt64, width: Int = TilePath.fullWidth) throws(TileError) {
    if case .hashes(let level) = content, !(0...63).contains(level) { throw .level(level) }
    guard (1...Self.fullWidth).contains(width) else { throw .width(width) }
    self.content = content
    self.index = index
    self.width = width
  }

  /// Reads `tile/<level or "entries">/<index in groups of three>[.p/<width>]`.
  public init(_ path: String) throws(TileError) {
    var parts = [UInt8](path.utf8).split(separator: 0x2f, omittingEmptySubsequences: false)
    guard parts.count >= 3, parts.count <= 12, parts[0].elementsEqual("tile".utf8) else { throw .path }
    var width = Self.fullWidth
    if parts[parts.count - 2].suffix(2).elementsEqual(".p".utf8) {
      guard parts.count >= 4, let value = Decimal.parse(parts.removeLast()), (1...255).contains(value) else {
        throw .path
      }
      width = Int(value)
      parts.append(parts.removeLast().dropLast(2))
    }
    let content: Content
    if parts[1].elementsEqual("entries".utf8) {
      content = .entries
    } else {
      guard let level = Decimal.parse(parts[1]), level <= 63 else { throw .path }
      content = .hashes(level: Int(level))
    }
    var index: UInt64 = 0
    for (place, part) in parts[2...].enumerated() {
      let isLast = place == parts.count - 3
      let digits = isLast ? part : part.dropFirst()
      guard isLast || part.first == 0x78, digits.count == 3 else { throw .path }
      var group: UInt64 = 0
      for digit in digits {
        guard (0x30...0x39).contains(digit) else { throw .path }
        group = group * 10 + UInt64(digit - 0x30)
      }
      // A first group of zeroes would be a second way to write the index.
      guard place > 0 || isLast || group > 0 else { throw .path }
      let (product, overflow) = index.multipliedReportingOverflow(by: 1000)
      let (sum, carry) = product.addingReportingOverflow(group)
      guard !overflow, !carry else { throw .path }
      index = sum
    }
    try self.init(content, index: index, width: width)
  }

  /// The path under the log's prefix.
  public var path: String {
    var groups: [String] = []
    var rest = index
    repeat {
      let digits = String(rest % 1000)
      groups.append((groups.isEmpty ? "" : "x") + String(repeating: "0", count: 3 - digits.count) + digits)
      rest /= 1000
    } while rest > 0
    let name = if case .hashes(let level) = content { String(level) } else { "entries" }
    let suffix = width == Self.fullWidth ? "" : ".p/\(width)"
    return "tile/\(name)/" + groups.reversed().joined(separator: "/") + suffix
  }

  /// Splits the bytes of this tile into its hashes.
  public func hashes(_ bytes: Span<UInt8>) throws(TileError) -> [Bytes32] {
    guard bytes.count == width * 32 else { throw .length(expected: width * 32, actual: bytes.count) }
    return (0..<width).map { Bytes32(bytes, at: $0 * 32) }
  }

  /// Splits the bytes of this bundle into its entries, each behind a 16-bit big-endian length.
  public func entries(_ bytes: Span<UInt8>) throws(TileError) -> [[UInt8]] {
    var entries: [[UInt8]] = []
    var offset = 0
    while offset < bytes.count {
      guard entries.count < width else { throw .length(expected: width, actual: width + 1) }
      guard bytes.count - offset >= 2 else { throw .truncatedEntry(index: entries.count) }
      let count = Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
      offset += 2
      guard bytes.count - offset >= count else { throw .truncatedEntry(index: entries.count) }
      entries.append([UInt8](copying: bytes.extracting(offset..<(offset + count))))
      offset += count
    }
    guard entries.count == width else { throw .length(expected: width, actual: entries.count) }
    return entries
  }
}

/// Roots of a log that is kept in tiles.
public enum TiledLog {
  /// The tile that holds hash `index` of `level` in a tree of `size` leaves; nil when the tree is too small.
  public static func tile(level: Int, index: UInt64, size: UInt64) throws(TileError) -> TilePath? {
    guard (0...63).contains(level) else { throw .level(level) }
    let count = level * 8 < 64 ? size >> UInt64(level * 8) : 0
    guard index < count else { return nil }
    let tile = index / 256
    return try TilePath(.hashes(level: level), index: tile, width: Int(min(256, count - tile * 256)))
  }

  /// The root of the first `size` leaves, from the tiles that `read` gives: O(log n) tiles, not all of them.
  ///
  /// - Parameter read: the hashes of one tile, as many as its width.
  public static func root(
    size: UInt64, read: (TilePath) throws(TileError) -> [Bytes32]
  ) throws(TileError) -> Bytes32 {
    var roots: [Bytes32] = []
    var start: UInt64 = 0
    for height in (0..<64).reversed() where size & (1 << UInt64(height)) != 0 {
      let level = height / 8
      let span = UInt64(1) << UInt64(height - level * 8)
      let first = (start >> UInt64(height)) * span
      guard let path = try tile(level: level, index: first, size: size) else { throw .size(size) }
      let hashes = try read(path)
      guard hashes.count == path.width else { throw .length(expected: path.width, actual: hashes.count) }
      let offset = Int(first % 256)
      guard offset + Int(span) <= hashes.count else {
        throw .length(expected: offset + Int(span), actual: hashes.count)
      }
      roots.append(RFC6962.root(leafHashes: [Bytes32](hashes[offset..<(offset + Int(span))])))
      start += 1 << UInt64(height)
    }
    guard var node = roots.last else { return RFC6962.emptyRoot }
    for left in roots.dropLast().reversed() { node = RFC6962.nodeHash(left, node) }
    return node
  }
}
