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

  /// At most `limit` entries behind `after`, by ascending key.
  func range(after: Key? = nil, limit: Int) throws(Refusal) -> [(key: Key, value: Value)] {
    try range(within: [], after: after?.keyBytes, limit: limit)
  }

  fileprivate func range(
    within part: [UInt8], after: [UInt8]?, limit: Int
  ) throws(Refusal) -> [(key: Key, value: Value)] {
    let prefix = Storage.withLength(name.array) + part
    let start = after.map { Storage.withLength(name.array) + $0 + [0] } ?? prefix
    let iterator = Host.scan(from: start, until: Storage.end(of: prefix), descending: false)
    var entries: [(key: Key, value: Value)] = []
    while entries.count < limit, let entry = Host.next(iterator) {
      let count = 2 + name.utf8CodeUnitCount
      guard let tail = entry.key.part(count, entry.key.count - count), let key = Key(keyBytes: tail) else {
        throw .storage(name)
      }
      entries.append((key: key, value: try Value(json: try JSON(decoding: entry.value))))
    }
    return entries
  }
}

extension Map {
  /// At most `limit` entries whose keys begin with `first`, behind the one with `after`.
  func range<First: StorageKey, Second: StorageKey>(
    _ first: First, after: Second? = nil, limit: Int
  ) throws(Refusal) -> [(key: Key, value: Value)] where Key == Pair<First, Second> {
    try range(
      within: Storage.withLength(first.keyBytes), after: after.map { Pair(first, $0).keyBytes }, limit: limit)
  }
}

/// How many entries a query gives: what is asked for, 10 when nothing is, 30 at most.
func pageSize(_ asked: UInt64?) -> Int { Int(min(asked ?? 10, 30)) }
