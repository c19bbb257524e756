/// Why committed state could not be read: the store below is damaged or gone. Nothing that a transaction says
/// can cause it, so the block that meets it is abandoned, not failed.
public enum StateFailure: Error, Hashable, Sendable {
  /// The store answered with an error, or with bytes that cannot be.
  case unreadable
}

/// Committed state of a domain at one version: what execution reads before it has written anything.
public protocol StateReading: Sendable {
  /// The value under `key`; nil when there is none.
  func value(for key: [UInt8]) throws(StateFailure) -> [UInt8]?

  /// Keys with `prefix` after `start` (from the first when nil), in byte order, with their values; at most
  /// `limit`.
  func entries(
    prefix: [UInt8], after start: [UInt8]?, limit: Int
  ) throws(StateFailure) -> [(key: [UInt8], value: [UInt8])]

  /// Keys from `start`, inclusive, to `end`, exclusive (to the last one when nil), with their values; at most
  /// `limit`.
  ///
  /// - Parameter descending: from the last of them against the byte order, instead of from the first with it.
  func range(
    from start: [UInt8], until end: [UInt8]?, descending: Bool, limit: Int
  ) throws(StateFailure) -> [(key: [UInt8], value: [UInt8])]
}

/// Committed state in memory, for tests and simulation.
public struct MemoryState: StateReading {
  public private(set) var values: [[UInt8]: [UInt8]]

  public init(_ values: [[UInt8]: [UInt8]] = [:]) { self.values = values }

  public func value(for key: [UInt8]) throws(StateFailure) -> [UInt8]? { values[key] }

  public func entries(
    prefix: [UInt8], after start: [UInt8]?, limit: Int
  ) throws(StateFailure) -> [(key: [UInt8], value: [UInt8])] {
    let keys = values.keys.filter { key in
      key.starts(with: prefix) && (start.map { $0.lexicographicallyPrecedes(key) } ?? true)
    }
    return keys.sorted { $0.lexicographicallyPrecedes($1) }.prefix(limit).map { ($0, values[$0] ?? []) }
  }

  public func range(
    from start: [UInt8], until end: [UInt8]?, descending: Bool, limit: Int
  ) throws(StateFailure) -> [(key: [UInt8], value: [UInt8])] {
    let keys = values.keys.filter { key in
      !key.lexicographicallyPrecedes(start) && (end.map { key.lexicographicallyPrecedes($0) } ?? true)
    }
    let sorted = keys.sorted { one, two in
      descending ? two.lexicographicallyPrecedes(one) : one.lexicographicallyPrecedes(two)
    }
    return sorted.prefix(max(limit, 0)).map { ($0, values[$0] ?? []) }
  }

  /// Takes over what a block wrote.
  public mutating func apply(_ changes: [WrittenEntry]) {
    for change in changes { values[change.key] = change.value }
  }
}

/// One key that a block changed: its new value, or nil where it was removed.
public struct WrittenEntry: Hashable, Sendable {
  public let key: [UInt8]
  public let value: [UInt8]?

  public init(key: [UInt8], value: [UInt8]?) {
    self.key = key
    self.value = value
  }
}
