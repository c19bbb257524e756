public import WireBytes

/// The place of a page: the first hex digits of SHA-256(key) that all keys under it share.
public struct StatePagePath: Hashable, Sendable {
  /// How many hex digits, 0 to 63: four levels of the binary tree each.
  public let digits: Int
  /// The digits, then zeros.
  public let prefix: Bytes32

  /// The page at the top of the tree.
  public static let top = StatePagePath(digits: 0, prefix: Bytes32())

  init(digits: Int, prefix: Bytes32) {
    self.digits = digits
    self.prefix = prefix
  }

  /// The page under `digit` of this one.
  func child(_ digit: Int) -> StatePagePath {
    var prefix = prefix
    prefix[digits / 2] |= UInt8(truncatingIfNeeded: digits.isMultiple(of: 2) ? digit << 4 : digit)
    return StatePagePath(digits: digits + 1, prefix: prefix)
  }

  /// The digit at which `path` leaves this page.
  func digit(of path: Bytes32) -> Int { path.digit(digits) }

  /// Whether `path` begins with these digits.
  func contains(_ path: Bytes32) -> Bool {
    for index in 0..<(digits / 2) where path[index] != prefix[index] { return false }
    return digits.isMultiple(of: 2) || path[digits / 2] >> 4 == prefix[digits / 2] >> 4
  }

  /// Eight bytes tell nearly all pages apart; the rest is left to `==`.
  public func hash(into hasher: inout Hasher) {
    var leading: UInt64 = 0
    for index in 0..<8 { leading = leading << 8 | UInt64(prefix[index]) }
    hasher.combine(leading)
    hasher.combine(UInt8(truncatingIfNeeded: digits))
  }
}

extension StatePagePath {
  /// One byte for the number of digits, then the digits, two to a byte, the last half zero where it is unused.
  public func encoded() -> [UInt8] {
    var bytes = [UInt8(truncatingIfNeeded: digits)]
    for index in 0..<((digits + 1) / 2) { bytes.append(prefix[index]) }
    return bytes
  }

  /// Reads what ``encoded()`` writes; nil for anything else.
  public init?(decoding bytes: [UInt8]) {
    guard let first = bytes.first, first < 64, bytes.count == 1 + (Int(first) + 1) / 2 else { return nil }
    var prefix = Bytes32()
    for index in 1..<max(bytes.count, 1) { prefix[index - 1] = bytes[index] }
    if !first.isMultiple(of: 2), bytes[bytes.count - 1] & 0x0f != 0 { return nil }
    self.init(digits: Int(first), prefix: prefix)
  }
}

/// One page of one version: pages are never changed, a commit writes new ones.
public struct StatePageID: Hashable, Sendable {
  public let path: StatePagePath
  /// The version whose commit wrote the page.
  public let version: UInt64

  public init(path: StatePagePath, version: UInt64) {
    self.path = path
    self.version = version
  }
}

extension FixedBytes where count == 32 {
  /// The hex digit at `index`, 0 to 63.
  func digit(_ index: Int) -> Int {
    let byte = Int(self[index / 2])
    return index.isMultiple(of: 2) ? byte >> 4 : byte & 0x0f
  }

  /// The first eight bytes as a number: orders nearly all hashes.
  var leading: UInt64 {
    var number: UInt64 = 0
    for index in 0..<8 { number = number << 8 | UInt64(self[index]) }
    return number
  }
}
