// Does to its host whatever a message asks for. For tests alone: every message is something that a host must survive.

enum Misbehaving {
  /// What `reply` and the callbacks do: the message that was stored for them.
  private static let later = Item<JSON>("later")
  private static let notes = Map<Text, Text>("notes")
  private static let replies = Map<UInt64, Text>("replies")

  /// A region with any three words.
  static func region(_ offset: UInt32, _ capacity: UInt32, _ length: UInt32) -> UInt32 {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: offset)
    bytes.append(littleEndian: capacity)
    bytes.append(littleEndian: length)
    let place = Region.make(bytes)
    return UnsafePointer<UInt32>(bitPattern: UInt(place))?[0] ?? 0
  }

  @inline(never)
  static func recurse(_ depth: UInt64) -> UInt64 {
    depth == 0 ? 0 : recurse(depth &- 1) >> 1 &+ depth
  }

  static func repeated(_ byte: UInt8, _ count: UInt64) -> Text {
    Text([UInt8](repeating: byte, count: Int(truncatingIfNeeded: count)))
  }

  /// - Returns: a pointer for the host, when the message is about what is returned.
  static func act(
    _ env: Env, _ message: JSON, _ response: inout Response, isSecond: Bool = false
  ) throws(Refusal) -> UInt32? {
    var (name, fields) = try message.variant()
    func number(_ field: StaticString) throws(Refusal) -> UInt64 { try fields.take(field) }
    switch name {
    case "nothing": break
    // Ends.
    case "trap": Trap.now()
    case "abort": Trap.abort(try fields.take("text"))
    case "error": throw .contract(try fields.take("text"))
    case "loop":
      var turns: UInt64 = 0
      while turns != .max { turns = recurse(1) &+ turns }
      response.attribute("turns", "\(turns)")
    case "loop_storage":
      var turns: UInt64 = 0
      while true {
        notes.save("\(turns)", for: "loop")
        turns += 1
      }
    case "recurse": response.attribute("sum", "\(recurse(try number("depth")))")
    // Memory.
    case "allocate":
      let bytes = repeated(7, try number("bytes"))
      response.attribute("count", "\(UInt64(bytes.count))")
    case "allocate_for_ever":
      var blocks: [Text] = []
      while true { blocks.append(repeated(7, 1 << 20)) }
    case "read_at":
      let pointer = UnsafePointer<UInt8>(bitPattern: UInt(try number("address")))
      response.attribute("byte", "\(UInt64(pointer?.pointee ?? 0))")
    // What is returned.
    case "return_pointer": return UInt32(truncatingIfNeeded: try number("pointer"))
    case "return_region":
      return region(
        UInt32(truncatingIfNeeded: try number("offset")), UInt32(truncatingIfNeeded: try number("capacity")),
        UInt32(truncatingIfNeeded: try number("length")))
    case "return_bytes": return Region.make(try fields.take("bytes", as: Binary.self).bytes)
    case "return_deep":
      let depth = try number("depth")
      return Region.make(repeated(0x5b, depth).bytes + repeated(0x5d, depth).bytes)
    case "return_big": return Region.make(repeated(0x20, try number("bytes")).bytes)
    // Imports.
    case "give_region_to":
      let pointer = region(
        UInt32(truncatingIfNeeded: try number("offset")), UInt32(truncatingIfNeeded: try number("capacity")),
        UInt32(truncatingIfNeeded: try number("length")))
      Imports.call(try fields.take("import"), pointer)
    case "give_pointer_to":
      Imports.call(try fields.take("import"), UInt32(truncatingIfNeeded: try number("pointer")))
    case "write":
      Host.write(
        repeated(7, try number("value_bytes")).bytes, to: repeated(0x6b, try number("key_bytes")).bytes)
    case "scan":
      let count = try number("iterators")
      for _ in 0..<count { _ = Host.scan(from: nil, until: nil, descending: false) }
    case "scan_order": _ = Imports.scan(order: UInt32(truncatingIfNeeded: try number("order")))
    case "next": _ = Host.next(UInt32(truncatingIfNeeded: try number("iterator")))
    case "query": response.answer = Binary(Host.query(try fields.take("request", as: Binary.self).bytes))
    case "log": Host.log(try fields.take("text"))
    // What is asked of the chain.
    case "events":
      let count = try number("count")
      let bytes = try number("bytes")
      for index in 0..<count { response.event("flood", [("\(index)", repeated(0x61, bytes))]) }
    case "event":
      response.event(try fields.take("type"), [(try fields.take("key"), try fields.take("value"))])
    case "attribute": response.attribute(try fields.take("key"), try fields.take("value"))
    case "messages":
      let count = try number("count")
      let inner = try fields.json("msg")
      for _ in 0..<count { response.send(.execute(env.contract, inner)) }
    case "send": response.send(Message(json: try fields.json("msg")))
    case "send_with_reply":
      let moment: Text = try fields.take("reply_on")
      let replyOn: Response.ReplyOn =
        moment.equals("always")
        ? .always : moment.equals("error") ? .error : moment.equals("success") ? .success : .never
      response.send(
        Message(json: try fields.json("msg")), id: try number("id"), payload: try fields.optional("payload"),
        replyOn: replyOn, gasLimit: try fields.optional("gas_limit"))
    case "reenter":
      let depth = try number("depth")
      if depth > 0 {
        response.send(.execute(env.contract, ["reenter": ["depth": (depth - 1).json]]))
      }
    case "reply_for_ever":
      later.save(["reply_for_ever": [:]])
      response.send(.execute(env.contract, ["nothing": [:]]), id: 1, payload: nil, replyOn: .always)
    case "answer": response.answer = try fields.take("data")
    // State.
    case "store":
      notes.save(try fields.take("value"), for: try fields.take("key"))
    case "store_and_fail":
      notes.save("lost", for: try fields.take("key"))
      throw .contract("after a write")
    case "later": later.save(try fields.json("msg"))
    default:
      // As whatever it is taken for: does what was stored.
      guard !isSecond, let stored = try later.loadIfPresent() else { throw .message(name) }
      return try act(env, stored, &response, isSecond: true)
    }
    return nil
  }

  static func run(_ env: UInt32, _ message: UInt32, isBasic: Bool, isReply: Bool) -> UInt32 {
    let parts = (Region.take(env), Region.take(message))
    var pointer: UInt32?
    let answer: JSON
    do {
      let env = try Env(json: try JSON(decoding: parts.0))
      let told = try JSON(decoding: parts.1)
      var response = Response()
      var wish = told
      if isReply {
        let reply = try Reply(json: told)
        replies.save(told.encoded, for: reply.id)
        wish = try later.loadIfPresent() ?? ["nothing": [:]]
      } else if isBasic {
        notes.save(told.encoded, for: "callback")
        wish = try later.loadIfPresent() ?? ["nothing": [:]]
      }
      pointer = try act(env, wish, &response)
      answer = ["ok": isBasic ? response.basicJSON : response.json]
    } catch { answer = ["error": error.text.json] }
    return pointer ?? Region.make(answer.bytes)
  }

  static func query(_ env: UInt32, _ message: UInt32) -> UInt32 {
    let parts = (Region.take(env), Region.take(message))
    var pointer: UInt32?
    let answer: JSON
    do {
      let env = try Env(json: try JSON(decoding: parts.0))
      let wish = try JSON(decoding: parts.1)
      var (name, fields) = try wish.variant()
      switch name {
      case "note":
        answer = ["ok": Binary(JSON(optional: try notes[try fields.take("key")])).json]
      case "replies":
        answer = ["ok": Binary(try replies.list(limit: 30) { JSON(known: $1.bytes) }).json]
      case "self":
        let depth: UInt64 = try fields.take("depth")
        let inner: JSON =
          depth == 0 ? "bottom" : try Chain.ask(env.contract, ["self": ["depth": (depth - 1).json]])
        answer = ["ok": Binary(inner).json]
      default:
        if let told = try EVMAnswers.answer(name, &fields) {
          answer = ["ok": Binary(told).json]
          break
        }
        if let stored = try notes["answer"] {
          answer = ["ok": Binary(stored).json]
          break
        }
        var response = Response()
        pointer = try act(env, wish, &response)
        answer = ["ok": Binary(response.json).json]
      }
    } catch { answer = ["error": error.text.json] }
    return pointer ?? Region.make(answer.bytes)
  }
}

@_extern(wasm, module: "env", name: "db_read") @_extern(c)
private func db_read(_ key: UInt32) -> UInt32
@_extern(wasm, module: "env", name: "db_remove") @_extern(c)
private func db_remove(_ key: UInt32)
@_extern(wasm, module: "env", name: "db_write") @_extern(c)
private func db_write(_ key: UInt32, _ value: UInt32)
@_extern(wasm, module: "env", name: "db_scan") @_extern(c)
private func db_scan(_ start: UInt32, _ end: UInt32, _ order: UInt32) -> UInt32
@_extern(wasm, module: "env", name: "addr_validate") @_extern(c)
private func addr_validate(_ source: UInt32) -> UInt32
@_extern(wasm, module: "env", name: "query_chain") @_extern(c)
private func query_chain(_ request: UInt32) -> UInt32
@_extern(wasm, module: "env", name: "debug") @_extern(c)
private func debug(_ message: UInt32)

/// Imports with a pointer that is no region.
private enum Imports {
  static func call(_ name: Text, _ pointer: UInt32) {
    switch name {
    case "db_read": _ = db_read(pointer)
    case "db_remove": db_remove(pointer)
    case "db_write_key": Region.lend([1]) { db_write(pointer, $0) }
    case "db_write_value": Region.lend([1]) { db_write($0, pointer) }
    case "db_scan": _ = db_scan(pointer, 0, 1)
    case "addr_validate": _ = addr_validate(pointer)
    case "query_chain": _ = query_chain(pointer)
    case "debug": debug(pointer)
    default: break
    }
  }

  static func scan(order: UInt32) -> UInt32 { db_scan(0, 0, order) }
}

@_expose(wasm, "instantiate") @_cdecl("instantiate")
func exportedInstantiate(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  _ = Region.take(info)
  return Misbehaving.run(env, message, isBasic: false, isReply: false)
}

@_expose(wasm, "execute") @_cdecl("execute")
func exportedExecute(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  _ = Region.take(info)
  return Misbehaving.run(env, message, isBasic: false, isReply: false)
}

@_expose(wasm, "query") @_cdecl("query")
func exportedQuery(env: UInt32, message: UInt32) -> UInt32 { Misbehaving.query(env, message) }

@_expose(wasm, "reply") @_cdecl("reply")
func exportedReply(env: UInt32, message: UInt32) -> UInt32 {
  Misbehaving.run(env, message, isBasic: false, isReply: true)
}

@_expose(wasm, "migrate") @_cdecl("migrate")
func exportedMigrate(env: UInt32, message: UInt32) -> UInt32 {
  Misbehaving.run(env, message, isBasic: false, isReply: false)
}

@_expose(wasm, "sudo") @_cdecl("sudo")
func exportedSudo(env: UInt32, message: UInt32) -> UInt32 {
  Misbehaving.run(env, message, isBasic: false, isReply: false)
}

@_expose(wasm, "ibc_source_callback") @_cdecl("ibc_source_callback")
func exportedSourceCallback(env: UInt32, message: UInt32) -> UInt32 {
  Misbehaving.run(env, message, isBasic: true, isReply: false)
}

@_expose(wasm, "ibc_destination_callback") @_cdecl("ibc_destination_callback")
func exportedDestinationCallback(env: UInt32, message: UInt32) -> UInt32 {
  Misbehaving.run(env, message, isBasic: true, isReply: false)
}
