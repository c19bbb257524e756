/// State while a block executes: committed state below, and layers of writes above it, each kept or dropped
/// as a whole.
///
/// A layer opens for a transaction, and again inside it for whatever may fail on its own. Reads fall through
/// from the top; nothing reaches the committed state until the block's changes are taken with ``changes``.
public struct WorkingState: Sendable {
  /// Layers inside layers: a block, a transaction, a message, a packet, a call and its callback fit.
  public static let depthMax = 32

  private let committed: any StateReading
  /// A nil value in a layer hides what lies below.
  private var layers: [[[UInt8]: [UInt8]?]] = [[:]]

  public init(_ committed: any StateReading) { self.committed = committed }

  /// Layers that are open above the block's own.
  public var depth: Int { layers.count - 1 }

  /// The value under `key` as execution sees it now.
  public func value(for key: [UInt8]) throws(StateFailure) -> [UInt8]? {
    for layer in layers.reversed() {
      if let written = layer[key] { return written }
    }
    return try committed.value(for: key)
  }

  /// Writes `value` under `key` in the top layer; nil removes.
  public mutating func set(_ value: [UInt8]?, for key: [UInt8]) {
    layers[layers.count - 1].updateValue(value, forKey: key)
  }

  /// Keys with `prefix` after `start`, in byte order, as execution sees them now; at most `limit`.
  public func entries(
    prefix: [UInt8], after start: [UInt8]? = nil, limit: Int
  ) throws(StateFailure) -> [(key: [UInt8], value: [UInt8])] {
    var written: [[UInt8]: [UInt8]?] = [:]
    for layer in layers {
      for (key, value) in layer
      where key.starts(with: prefix) && (start.map { $0.lexicographicallyPrecedes(key) } ?? true) {
        written.updateValue(value, forKey: key)
      }
    }
    // What lies below may be hidden by as many keys as were written here.
    let below = try committed.entries(prefix: prefix, after: start, limit: limit + written.count)
    var seen: [(key: [UInt8], value: [UInt8])] = below.filter { written[$0.key] == nil }
    for (key, value) in written {
      if let value { seen.append((key, value)) }
    }
    seen.sort { $0.key.lexicographicallyPrecedes($1.key) }
    return Array(seen.prefix(limit))
  }

  /// Opens a layer. The caller bounds its own depth by ``depthMax``.
  public mutating func open() {
    precondition(layers.count <= Self.depthMax)
    layers.append([:])
  }

  /// Drops the top layer and all that was written in it.
  public mutating func drop() {
    precondition(layers.count > 1)
    layers.removeLast()
  }

  /// Keeps what the top layer holds, by writing it into the one below.
  public mutating func keep() {
    precondition(layers.count > 1)
    let top = layers.removeLast()
    layers[layers.count - 1].merge(top) { _, newer in newer }
  }

  /// Moves the state out, and leaves one that has written nothing: two holders would copy every layer at the
  /// next write.
  public mutating func take() -> WorkingState {
    let taken = self
    layers = [[:]]
    return taken
  }

  /// All that was written and kept, sorted by key. No layer may be open.
  public var changes: [WrittenEntry] {
    precondition(layers.count == 1)
    return layers[0].map { WrittenEntry(key: $0.key, value: $0.value) }
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }
}
