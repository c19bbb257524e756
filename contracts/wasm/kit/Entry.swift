/// From regions to values and back, around each entry point. A contract exports those that it has:
///
///     @_expose(wasm, "execute") @_cdecl("execute")
///     func exportedExecute(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
///       Entry.call(env, info, message, Counter.execute)
///     }
enum Entry {
  /// `instantiate` and `execute`.
  static func call(
    _ env: UInt32, _ info: UInt32, _ message: UInt32,
    _ body: (Env, MessageInfo, JSON) throws(Refusal) -> Response
  ) -> UInt32 {
    let parts = (Region.take(env), Region.take(info), Region.take(message))
    return answer { () throws(Refusal) in
      let env = try Env(json: try JSON(decoding: parts.0))
      let info = try MessageInfo(json: try JSON(decoding: parts.1))
      return try body(env, info, try JSON(decoding: parts.2)).json
    }
  }

  /// `migrate` and `sudo`.
  static func call(
    _ env: UInt32, _ message: UInt32, _ body: (Env, JSON) throws(Refusal) -> Response
  ) -> UInt32 {
    let parts = (Region.take(env), Region.take(message))
    return answer { () throws(Refusal) in
      let env = try Env(json: try JSON(decoding: parts.0))
      return try body(env, try JSON(decoding: parts.1)).json
    }
  }

  static func reply(
    _ env: UInt32, _ message: UInt32, _ body: (Env, Reply) throws(Refusal) -> Response
  ) -> UInt32 {
    call(env, message) { (env, json) throws(Refusal) in try body(env, try Reply(json: json)) }
  }

  static func query(
    _ env: UInt32, _ message: UInt32, _ body: (Env, JSON) throws(Refusal) -> JSON
  ) -> UInt32 {
    let parts = (Region.take(env), Region.take(message))
    return answer { () throws(Refusal) in
      let env = try Env(json: try JSON(decoding: parts.0))
      return Binary(try body(env, try JSON(decoding: parts.1))).json
    }
  }

  /// `ibc_source_callback`, `ibc_destination_callback`, `ibc2_packet_send`, `…_ack` and `…_timeout`.
  static func packet(
    _ env: UInt32, _ message: UInt32, _ body: (Env, JSON) throws(Refusal) -> Response
  ) -> UInt32 {
    let parts = (Region.take(env), Region.take(message))
    return answer { () throws(Refusal) in
      let env = try Env(json: try JSON(decoding: parts.0))
      return try body(env, try JSON(decoding: parts.1)).basicJSON
    }
  }

  /// `ibc2_packet_receive`: an answer and its acknowledgement; nil is written later.
  static func receive(
    _ env: UInt32, _ message: UInt32, _ body: (Env, JSON) throws(Refusal) -> (Response, [UInt8]?)
  ) -> UInt32 {
    let parts = (Region.take(env), Region.take(message))
    return answer { () throws(Refusal) in
      let env = try Env(json: try JSON(decoding: parts.0))
      let (response, acknowledgement) = try body(env, try JSON(decoding: parts.1))
      return response.json(acknowledging: acknowledgement)
    }
  }

  @inline(never)
  private static func answer(_ body: () throws(Refusal) -> JSON) -> UInt32 {
    let result: JSON
    do { result = ["ok": try body()] } catch { result = ["error": error.text.json] }
    return Region.make(result.encoded.bytes)
  }
}
