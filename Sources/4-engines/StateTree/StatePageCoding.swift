public import WireBytes

/// Why a stored page or subtree is not one that the tree wrote.
public enum StatePageError: Error, Hashable, Sendable {
  case wire(WireError)
  case format(UInt8)
  /// A page holds at least one subtree, and never a single leaf.
  case places(UInt16)
  case subtreeKind(UInt8)
  case keyLength(Int)
  /// The key at this place does not belong there.
  case keyPlace(digit: Int)
}

/// Pages as stores keep them: `[format: 1][places: 2]`, then each taken place as ``StateSubtree`` writes it.
extension StatePage {
  private static let format: UInt8 = 1

  public func encoded() -> [UInt8] {
    var bytes = [Self.format]
    bytes.append(bigEndian: places)
    for subtree in subtrees { subtree.append(to: &bytes) }
    return bytes
  }

  /// Reads a page and computes its hashes anew, so that a changed byte shows as another hash.
  ///
  /// - Parameter path: where the page stands; its keys must belong there.
  public init(decoding bytes: [UInt8], at path: StatePagePath) throws(StatePageError) {
    let (places, subtrees) = try Self.parts(bytes.span, at: path)
    self.init(places: places, subtrees: subtrees)
  }

  private static func parts(
    _ bytes: Span<UInt8>, at path: StatePagePath
  ) throws(StatePageError) -> (UInt16, [StateSubtree]) {
    var offset = 0
    let format = try StoredBytes.integer(UInt8.self, bytes, &offset)
    guard format == Self.format else { throw .format(format) }
    let places = try StoredBytes.integer(UInt16.self, bytes, &offset)
    guard places != 0 else { throw .places(places) }
    var subtrees: [StateSubtree] = []
    subtrees.reserveCapacity(places.nonzeroBitCount)
    for digit in 0..<16 where places & (1 << UInt16(digit)) != 0 {
      let subtree = try StateSubtree(reading: bytes, at: &offset)
      switch subtree {
      case .leaf(let leaf):
        guard places.nonzeroBitCount > 1 else { throw .places(places) }
        guard path.contains(leaf.path), path.digit(of: leaf.path) == digit else {
          throw .keyPlace(digit: digit)
        }
      case .page: guard path.digits < 63 else { throw .keyPlace(digit: digit) }
      case .empty: throw .subtreeKind(0)
      }
      subtrees.append(subtree)
    }
    try StoredBytes.finish(bytes, offset)
    return (places, subtrees)
  }
}

/// Subtrees as stores keep them: `[0]`, `[1][version: 8][key length: 2][key][leaf hash: 32]` or
/// `[2][version: 8][page hash: 32]`.
extension StateSubtree {
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return bytes
  }

  public init(decoding bytes: [UInt8]) throws(StatePageError) {
    var offset = 0
    let span = bytes.span
    self = try StateSubtree(reading: span, at: &offset)
    try StoredBytes.finish(span, offset)
  }

  fileprivate func append(to bytes: inout [UInt8]) {
    switch self {
    case .empty: bytes.append(0)
    case .leaf(let leaf):
      bytes.append(1)
      bytes.append(bigEndian: leaf.version)
      bytes.append(bigEndian: UInt16(leaf.key.count))
      bytes.append(leaf.key.span)
      bytes.append(leaf.hash)
    case .page(let hash, let version):
      bytes.append(2)
      bytes.append(bigEndian: version)
      bytes.append(hash)
    }
  }

  fileprivate init(reading bytes: Span<UInt8>, at offset: inout Int) throws(StatePageError) {
    switch try StoredBytes.integer(UInt8.self, bytes, &offset) {
    case 0: self = .empty
    case 1:
      let version = try StoredBytes.integer(UInt64.self, bytes, &offset)
      let count = Int(try StoredBytes.integer(UInt16.self, bytes, &offset))
      guard (1...StateLimits.keyBytesMax).contains(count) else { throw .keyLength(count) }
      let key = try StoredBytes.bytes(count, bytes, &offset)
      let hash = try StoredBytes.hash(bytes, &offset)
      self = .leaf(StateLeaf(key: key, path: StateHashing.path(of: key), hash: hash, version: version))
    case 2:
      let version = try StoredBytes.integer(UInt64.self, bytes, &offset)
      self = .page(hash: try StoredBytes.hash(bytes, &offset), version: version)
    case let kind: throw .subtreeKind(kind)
    }
  }
}

/// Reads of a stored record, each checked against what is left.
private enum StoredBytes {
  private static func require(_ count: Int, _ bytes: Span<UInt8>, _ offset: Int) throws(StatePageError) {
    guard count <= bytes.count - offset else { throw .wire(.truncated(offset: offset, needed: count)) }
  }

  static func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type, _ bytes: Span<UInt8>, _ offset: inout Int
  ) throws(StatePageError) -> Value {
    let width = Value.bitWidth / 8
    try require(width, bytes, offset)
    var value: UInt64 = 0
    for index in 0..<width { value = value << 8 | UInt64(bytes[offset + index]) }
    offset += width
    return Value(truncatingIfNeeded: value)
  }

  static func bytes(_ count: Int, _ bytes: Span<UInt8>, _ offset: inout Int) throws(StatePageError) -> [UInt8]
  {
    try require(count, bytes, offset)
    defer { offset += count }
    return [UInt8](copying: bytes.extracting(offset..<(offset + count)))
  }

  static func hash(_ bytes: Span<UInt8>, _ offset: inout Int) throws(StatePageError) -> Bytes32 {
    try require(32, bytes, offset)
    defer { offset += 32 }
    return Bytes32(bytes, at: offset)
  }

  static func finish(_ bytes: Span<UInt8>, _ offset: Int) throws(StatePageError) {
    guard offset == bytes.count else {
      throw .wire(.trailingBytes(offset: offset, count: bytes.count - offset))
    }
  }
}
