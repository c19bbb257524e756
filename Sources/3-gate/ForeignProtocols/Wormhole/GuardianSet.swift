public import WireBytes

/// Why keys cannot be a guardian set.
public enum GuardianSetError: Error, Hashable, Sendable {
  /// The quorum formula holds below 256 keys.
  case tooManyKeys(limit: Int, actual: Int)
  /// The zero address would match a failed recovery.
  case zeroKey(position: Int)
  /// One key would count twice.
  case duplicateKey(position: Int)
}

/// The keys that may sign VAAs naming ``index``, and whether the set is still in force.
public struct GuardianSet: Hashable, Sendable {
  /// Whether later sets have replaced this one.
  public enum Standing: Hashable, Sendable {
    case current
    /// Replaced; contracts take it until `expires` (Unix seconds), nil when that is not known.
    case replaced(expires: UInt64?)
  }

  public static let keyCountMax = 255

  public let index: UInt32
  /// Addresses: the last 20 bytes of Keccak-256 of the public key.
  public let keys: [Bytes20]
  public let standing: Standing

  /// - Throws: ``GuardianSetError``. An empty set is allowed here and refuses every VAA.
  public init(index: UInt32, keys: [Bytes20], standing: Standing = .current) throws(GuardianSetError) {
    guard keys.count <= Self.keyCountMax else {
      throw .tooManyKeys(limit: Self.keyCountMax, actual: keys.count)
    }
    var seen: Set<Bytes20> = []
    for (position, key) in keys.enumerated() {
      guard !key.isZero else { throw .zeroKey(position: position) }
      guard seen.insert(key).inserted else { throw .duplicateKey(position: position) }
    }
    self.init(checked: index, keys: keys, standing: standing)
  }

  private init(checked index: UInt32, keys: [Bytes20], standing: Standing) {
    self.index = index
    self.keys = keys
    self.standing = standing
  }

  /// Signatures needed: two thirds, rounded down, and one more (Messages.sol, quorum). 13 of 19.
  public var quorum: Int { keys.count * 2 / 3 + 1 }

  /// The same keys in another standing.
  public func standing(_ standing: Standing) -> GuardianSet {
    GuardianSet(checked: index, keys: keys, standing: standing)
  }
}
