/// What a CosmWasm host offers: module `env`. Arguments and results are pointers to regions.
@_extern(wasm, module: "env", name: "db_read") @_extern(c)
private func db_read(_ key: UInt32) -> UInt32
@_extern(wasm, module: "env", name: "db_write") @_extern(c)
private func db_write(_ key: UInt32, _ value: UInt32)
@_extern(wasm, module: "env", name: "db_remove") @_extern(c)
private func db_remove(_ key: UInt32)
@_extern(wasm, module: "env", name: "db_scan") @_extern(c)
private func db_scan(_ start: UInt32, _ end: UInt32, _ order: UInt32) -> UInt32
@_extern(wasm, module: "env", name: "db_next") @_extern(c)
private func db_next(_ iterator: UInt32) -> UInt32
@_extern(wasm, module: "env", name: "addr_validate") @_extern(c)
private func addr_validate(_ source: UInt32) -> UInt32
@_extern(wasm, module: "env", name: "addr_canonicalize") @_extern(c)
private func addr_canonicalize(_ source: UInt32, _ target: UInt32) -> UInt32
@_extern(wasm, module: "env", name: "query_chain") @_extern(c)
private func query_chain(_ request: UInt32) -> UInt32
@_extern(wasm, module: "env", name: "debug") @_extern(c)
private func debug(_ message: UInt32)
@_extern(wasm, module: "env", name: "abort") @_extern(c)
private func hostAbort(_ message: UInt32)

@_extern(c, "causeway_allocate")
private func allocateRegion(_ size: UInt32) -> UInt32
@_extern(c, "causeway_deallocate")
private func deallocateRegion(_ region: UInt32)

/// A region: `[offset: u32][capacity: u32][length: u32]`, and the bytes that it points to.
enum Region {
  private static func word(_ pointer: UInt32, _ index: Int) -> UInt32 {
    UnsafePointer<UInt32>(bitPattern: UInt(pointer))?[index] ?? 0
  }

  /// A region with these bytes, for the host, which gives results back itself.
  @inline(never)
  static func make(_ bytes: [UInt8]) -> UInt32 {
    let region = allocateRegion(UInt32(bytes.count))
    guard let words = UnsafeMutablePointer<UInt32>(bitPattern: UInt(region)) else { Trap.now() }
    if let target = UnsafeMutablePointer<UInt8>(bitPattern: UInt(words[0])) {
      bytes.withUnsafeBufferPointer { source in
        if let base = source.baseAddress { target.update(from: base, count: source.count) }
      }
    }
    words[2] = UInt32(bytes.count)
    return region
  }

  static func makeEmpty(capacity: Int) -> UInt32 { allocateRegion(UInt32(capacity)) }

  /// The bytes of a region that the host made, which is given back.
  @inline(never)
  static func take(_ region: UInt32) -> [UInt8] {
    let count = Int(word(region, 2))
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
      if count > 0, let source = UnsafePointer<UInt8>(bitPattern: UInt(word(region, 0))),
        let target = buffer.baseAddress
      {
        target.update(from: source, count: count)
        written = count
      }
    }
    deallocateRegion(region)
    return bytes
  }

  static func release(_ region: UInt32) { deallocateRegion(region) }

  /// Lends `bytes` to the host for one call.
  static func lend<Answer>(_ bytes: [UInt8], _ body: (UInt32) -> Answer) -> Answer {
    let region = make(bytes)
    defer { deallocateRegion(region) }
    return body(region)
  }
}

enum Trap {
  /// Ends the call at once.
  static func now() -> Never { preconditionFailure() }

  /// Ends the call with words for whoever reads the chain's errors: only for what cannot happen.
  static func abort(_ text: Text) -> Never {
    Region.lend(text.bytes) { hostAbort($0) }
    preconditionFailure()
  }
}

/// The host's functions over bytes.
enum Host {
  static func read(_ key: [UInt8]) -> [UInt8]? {
    let answer = Region.lend(key) { db_read($0) }
    return answer == 0 ? nil : Region.take(answer)
  }

  static func write(_ value: [UInt8], to key: [UInt8]) {
    Region.lend(key) { key in Region.lend(value) { db_write(key, $0) } }
  }

  static func remove(_ key: [UInt8]) { Region.lend(key) { db_remove($0) } }

  /// Entries from `start` until before `end`; nil is unbounded. Gives an iterator that lives as long as the call.
  static func scan(from start: [UInt8]?, until end: [UInt8]?, descending: Bool) -> UInt32 {
    let from = start.map { Region.make($0) } ?? 0
    let until = end.map { Region.make($0) } ?? 0
    defer {
      if from != 0 { Region.release(from) }
      if until != 0 { Region.release(until) }
    }
    return db_scan(from, until, descending ? 2 : 1)
  }

  /// The next entry; nil at the end. Its form is `key ‖ u32 length ‖ value ‖ u32 length`.
  static func next(_ iterator: UInt32) -> (key: [UInt8], value: [UInt8])? {
    let bytes = Region.take(db_next(iterator))
    guard let valueCount = length(bytes, before: bytes.count),
      let keyCount = length(bytes, before: bytes.count - 4 - valueCount), keyCount > 0,
      let key = bytes.part(0, keyCount), let value = bytes.part(keyCount + 4, valueCount)
    else { return nil }
    return (key, value)
  }

  private static func length(_ bytes: [UInt8], before end: Int) -> Int? {
    guard let part = bytes.part(end - 4, 4) else { return nil }
    return Int(part[0]) << 24 | Int(part[1]) << 16 | Int(part[2]) << 8 | Int(part[3])
  }

  /// Nil when the host takes the address, or its words.
  static func refusal(ofAddress text: Text) -> Text? {
    let answer = Region.lend(text.bytes) { addr_validate($0) }
    return answer == 0 ? nil : Text(Region.take(answer))
  }

  static func canonical(_ address: Address) throws(Refusal) -> [UInt8] {
    let target = Region.makeEmpty(capacity: 64)
    let answer = Region.lend(address.text.bytes) { addr_canonicalize($0, target) }
    let bytes = Region.take(target)
    guard answer == 0 else { throw .address(Text(Region.take(answer))) }
    return bytes
  }

  static func query(_ request: [UInt8]) -> [UInt8] { Region.take(Region.lend(request) { query_chain($0) }) }

  static func log(_ text: Text) { Region.lend(text.bytes) { debug($0) } }
}
