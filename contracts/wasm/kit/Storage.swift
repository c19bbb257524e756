/// What can be a key of a ``Map``. Keys of one map have one form, so that none is the beginning of another's pair.
protocol StorageKey {
  var keyBytes: [UInt8] { get }
  init?(keyBytes: [UInt8])
}

extension Text: StorageKey {
  var keyBytes: [UInt8] { bytes }
  init?(keyBytes: [UInt8]) { bytes = keyBytes }
}

extension Address: StorageKey {
  var keyBytes: [UInt8] { text.bytes }
  init?(keyBytes: [UInt8]) { text = Text(keyBytes) }
}

extension UInt64: StorageKey {
  var keyBytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: self)
    return bytes
  }
  init?(keyBytes: [UInt8]) {
    guard keyBytes.count == 8 else { return nil }
    self = keyBytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// Two keys: entries with the same first one stand together, ordered by the second.
struct Pair<First: StorageKey, Second: StorageKey>: StorageKey {
  let first: First
  let second: Second

  init(_ first: First, _ second: Second) {
    self.first = first
    self.second = second
  }

  var keyBytes: [UInt8] { Storage.withLength(first.keyBytes) + second.keyBytes }

  init?(keyBytes: [UInt8]) {
    guard keyBytes.count >= 2, let head = keyBytes.part(2, Int(keyBytes[0]) << 8 | Int(keyBytes[1])),
      let tail = keyBytes.part(2 + head.count, keyBytes.count - 2 - head.count),
      let first = First(keyBytes: head), let second = Second(keyBytes: tail)
    else { return nil }
    self.first = first
    self.second = second
  }
}

enum Storage {
  @inline(never)
  static func json(_ key: [UInt8]) throws(Refusal) -> JSON? {
    guard let bytes = Host.read(key) else { return nil }
    return try JSON(decoding: bytes)
  }

  /// Stored entries of a map whose keys begin with `part`, without the map's name.
  static func entries(
    of name: StaticString, within part: [UInt8], after: [UInt8]?, limit: Int
  ) throws(Refusal) -> [(key: [UInt8], value: JSON)] {
    let map = withLength(name.array)
    let prefix = map + part
    let iterator = Host.scan(
      from: after.map { map + $0 + [0] } ?? prefix, until: end(of: prefix), descending: false)
    var entries: [(key: [UInt8], value: JSON)] = []
    while entries.count < limit, let entry = Host.next(iterator) {
      entries.append(
        (
          key: entry.key.part(map.count, entry.key.count - map.count) ?? [],
          value: try JSON(decoding: entry.value)
        ))
    }
    return entries
  }

  @inline(never)
  static func save(_ json: JSON, to key: [UInt8]) { Host.write(json.bytes, to: key) }

  /// How cw-storage-plus writes the parts of a key before its last: `[length: u16, big-endian][part]`.
  static func withLength(_ part: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: UInt16(truncatingIfNeeded: part.count))
    return bytes + part
  }

  /// The first key behind all that begin with `prefix`.
  static func end(of prefix: [UInt8]) -> [UInt8]? {
    var end = prefix
    while let last = end.popLast() {
      if last < 255 {
        end.append(last + 1)
        return end
      }
    }
    return nil
  }
}

/// One stored value. Its key is as cw-storage-plus has it, so that raw queries find it.
struct Item<Value: JSONCodable> {
  let key: StaticString

  init(_ key: StaticString) { self.key = key }

  func loadIfPresent() throws(Refusal) -> Value? {
    guard let json = try Storage.json(key.array) else { return nil }
    return try Value(json: json)
  }

  func load() throws(Refusal) -> Value {
    guard let value = try loadIfPresent() else { throw .notFound(key) }
    return value
  }

  func save(_ value: Value) { Storage.save(value.json, to: key.array) }
  func remove() { Host.remove(key.array) }
}

/// Stored values by key.
struct Map<Key: StorageKey, Value: JSONCodable> {
  let name: StaticString

  init(_ name: StaticString) { self.name = name }

  @inline(never)
  private func bytes(_ key: Key) -> [UInt8] { Storage.withLength(name.array) + key.keyBytes }

  subscript(key: Key) -> Value? {
    get throws(Refusal) {
      guard let json = try Storage.json(bytes(key)) else { return nil }
      return try Value(json: json)
    }
  }

  func load(_ key: Key) throws(Refusal) -> Value {
    guard let value = try self[key] else { throw .notFound(name) }
    return value
  }

  func save(_ value: Value, for key: Key) { Storage.save(value.json, to: bytes(key)) }
  func remove(_ key: Key) { Host.remove(bytes(key)) }

  /// At most `limit` entries behind `after`, by ascending key: what `body` makes of each, as a JSON array.
  func list(
    after: Key? = nil, limit: Int, _ body: (Key, Value) throws(Refusal) -> JSON
  ) throws(Refusal) -> JSON {
    try list(within: [], after: after?.keyBytes, limit: limit, body)
  }

  @inline(never)
  fileprivate func list(
    within part: [UInt8], after: [UInt8]?, limit: Int, _ body: (Key, Value) throws(Refusal) -> JSON
  ) throws(Refusal) -> JSON {
    var list: [JSON] = []
    for entry in try Storage.entries(of: name, within: part, after: after, limit: limit) {
      guard let key = Key(keyBytes: entry.key) else { throw .storage(name) }
      list.append(try body(key, try Value(json: entry.value)))
    }
    return .array(list)
  }
}

extension Map {
  /// At most `limit` entries whose keys begin with `first`, behind the one with `after`.
  func list<First: StorageKey, Second: StorageKey>(
    _ first: First, after: Second? = nil, limit: Int, _ body: (Second, Value) throws(Refusal) -> JSON
  ) throws(Refusal) -> JSON where Key == Pair<First, Second> {
    let start = after.map { Pair(first, $0).keyBytes }
    return try list(within: Storage.withLength(first.keyBytes), after: start, limit: limit) {
      (key, value) throws(Refusal) in try body(key.second, value)
    }
  }
}

/// How many entries a query gives: what is asked for, 10 when nothing is, 30 at most.
func pageSize(_ asked: UInt64?) -> Int { Int(min(asked ?? 10, 30)) }
