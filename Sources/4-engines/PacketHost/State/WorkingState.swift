/// State while a block executes: committed state below, and layers of writes above it, each kept or dropped
/// as a whole.
///
/// A layer opens for a transaction, and again inside it for whatever may fail on its own. Reads fall through
/// from the top; nothing reaches the committed state until the block's changes are taken with ``changes``.
public struct WorkingState: Sendable {
  /// Layers inside layers. A block, a transaction, a message, a packet, a call and its callback take a few;
  /// contracts that send messages to contracts take two for each of the 100 levels of calls that CosmWasm
  /// allows (a submessage's own layer, and the one of a host that it calls), and must meet that limit first.
  public static let depthMax = 256

  private let committed: any StateReading
  private var layers: [WrittenLayer] = [WrittenLayer()]

  public init(_ committed: any StateReading) { self.committed = committed }

  /// Layers that are open above the block's own.
  public var depth: Int { layers.count - 1 }

  /// The value under `key` as execution sees it now.
  public func value(for key: [UInt8]) throws(StateFailure) -> [UInt8]? {
    for layer in layers.reversed() {
      if let written = layer.values[key] { return written }
    }
    return try committed.value(for: key)
  }

  /// Writes `value` under `key` in the top layer; nil removes.
  public mutating func set(_ value: [UInt8]?, for key: [UInt8]) {
    layers[layers.count - 1].set(value, for: key)
  }

  /// Keys with `prefix` after `start`, in byte order, as execution sees them now; at most `limit`.
  public func entries(
    prefix: [UInt8], after start: [UInt8]? = nil, limit: Int
  ) throws(StateFailure) -> [(key: [UInt8], value: [UInt8])] {
    var written: [[UInt8]: [UInt8]?] = [:]
    for layer in layers {
      for (key, value) in layer.values
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

  /// Keys from `start`, inclusive, to `end`, exclusive (to the last one when nil), as execution sees them now,
  /// in byte order or against it; at most `limit`.
  ///
  /// - Complexity: the first scan of a layer sorts its keys; they stay sorted, so that a scan costs what it
  ///   gives and a logarithm, however much was written.
  public mutating func range(
    from start: [UInt8], until end: [UInt8]?, descending: Bool = false, limit: Int
  ) throws(StateFailure) -> [(key: [UInt8], value: [UInt8])] {
    var seen: [(key: [UInt8], value: [UInt8])] = []
    guard limit > 0, end.map({ start.lexicographicallyPrecedes($0) }) ?? true else { return seen }
    /// The keys of one layer in the range, in the order of the scan.
    struct Cursor {
      let layer: Int
      var next: Int
      let last: Int
    }
    var cursors: [Cursor] = []
    for index in layers.indices where !layers[index].values.isEmpty {
      let places = layers[index].places(from: start, until: end)
      guard !places.isEmpty else { continue }
      cursors.append(
        descending
          ? Cursor(layer: index, next: places.upperBound - 1, last: places.lowerBound)
          : Cursor(layer: index, next: places.lowerBound, last: places.upperBound - 1))
    }
    var below = CommittedPages(committed, from: start, until: end, descending: descending, limit: limit)
    while seen.count < limit {
      // The first key of all that remain; of those who wrote it, the top layer counts.
      var first = try below.peek()?.key
      for cursor in cursors {
        let key = layers[cursor.layer].key(at: cursor.next)
        guard let known = first else {
          first = key
          continue
        }
        if descending ? known.lexicographicallyPrecedes(key) : key.lexicographicallyPrecedes(known) {
          first = key
        }
      }
      guard let first else { break }
      var value: [UInt8]?
      if let entry = try below.peek(), entry.key == first {
        value = entry.value
        below.advance()
      }
      var index = 0
      while index < cursors.count {
        let cursor = cursors[index]
        guard layers[cursor.layer].key(at: cursor.next) == first else {
          index += 1
          continue
        }
        // Cursors go from the lowest layer to the top.
        value = layers[cursor.layer].values[first] ?? nil
        guard cursor.next != cursor.last else {
          cursors.remove(at: index)
          continue
        }
        cursors[index].next += descending ? -1 : 1
        index += 1
      }
      if let value { seen.append((first, value)) }
    }
    return seen
  }

  /// Opens a layer. The caller bounds its own depth by ``depthMax``.
  public mutating func open() {
    precondition(layers.count <= Self.depthMax)
    layers.append(WrittenLayer())
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
    layers[layers.count - 1].take(top)
  }

  /// Moves the state out, and leaves one that has written nothing: two holders would copy every layer at the
  /// next write.
  public mutating func take() -> WorkingState {
    let taken = self
    layers = [WrittenLayer()]
    return taken
  }

  /// All that was written and kept, sorted by key. No layer may be open.
  public var changes: [WrittenEntry] {
    precondition(layers.count == 1)
    return layers[0].values.map { WrittenEntry(key: $0.key, value: $0.value) }
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }
}

/// What one layer has written.
private struct WrittenLayer: Sendable {
  /// A nil value hides what lies below.
  private(set) var values: [[UInt8]: [UInt8]?] = [:]
  /// The keys in byte order, once somebody has asked for it.
  private var order: [[UInt8]]?

  mutating func set(_ value: [UInt8]?, for key: [UInt8]) {
    let old = values.updateValue(value, forKey: key)
    guard old == nil, order != nil else { return }
    let place = Self.place(of: key, in: order ?? [])
    order?.insert(key, at: place)
  }

  /// Takes over what a layer above has written.
  mutating func take(_ top: WrittenLayer) {
    guard !values.isEmpty else {
      self = top
      return
    }
    if top.values.count > 64 { order = nil }
    guard order != nil else {
      values.merge(top.values) { _, newer in newer }
      return
    }
    for (key, value) in top.values { set(value, for: key) }
  }

  /// Where the keys of the range stand in their order.
  mutating func places(from start: [UInt8], until end: [UInt8]?) -> Range<Int> {
    let sorted = order ?? values.keys.sorted { $0.lexicographicallyPrecedes($1) }
    order = sorted
    let first = Self.place(of: start, in: sorted)
    let last = end.map { Self.place(of: $0, in: sorted) } ?? sorted.count
    return first..<max(first, last)
  }

  func key(at place: Int) -> [UInt8] { order?[place] ?? [] }

  /// How many keys stand before `key`.
  private static func place(of key: [UInt8], in sorted: [[UInt8]]) -> Int {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle].lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// A range of committed state, read a page at a time.
private struct CommittedPages {
  private let committed: any StateReading
  private var start: [UInt8]
  private var end: [UInt8]?
  private let descending: Bool
  private let limit: Int
  private var page: [(key: [UInt8], value: [UInt8])] = []
  private var index = 0
  private var isOver = false

  init(_ committed: any StateReading, from start: [UInt8], until end: [UInt8]?, descending: Bool, limit: Int)
  {
    self.committed = committed
    self.start = start
    self.end = end
    self.descending = descending
    self.limit = limit
  }

  /// The next entry, which stays.
  mutating func peek() throws(StateFailure) -> (key: [UInt8], value: [UInt8])? {
    while index == page.count, !isOver {
      page = try committed.range(from: start, until: end, descending: descending, limit: limit)
      index = 0
      // A store may give fewer than were asked for before its end; only nothing is the end.
      guard let last = page.last else {
        isOver = true
        break
      }
      // The key behind `last` in byte order is `last` with a zero.
      if descending { end = last.key } else { start = last.key + [0] }
    }
    return index < page.count ? page[index] : nil
  }

  mutating func advance() { index += 1 }
}
