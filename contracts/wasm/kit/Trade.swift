/// A swap in a pool whose word is not taken for what comes out: the contract looks into its own account.
struct Trade {
  /// What the pool gives for `denom`, if it says so; looked at, not believed.
  static func output(of pool: Address, for offer: Coin) throws(Refusal) -> Text {
    let request: JSON = ["quote": ["offer": ["native": offer.denom.json], "amount": offer.amount.json]]
    var quote = try Fields(try Chain.ask(pool, request))
    let (kind, value) = try quote.json("asset").single()
    guard kind.equals("native") else { throw .malformed("output") }
    let denom = try Text(json: value)
    guard denom != offer.denom else { throw .malformed("output") }
    return denom
  }

  /// Sends `offer` into `pool`; from now until ``end(_:in:)`` nobody else gets in.
  ///
  /// The reply with `replyID` gives `order` back.
  static func begin(
    _ offer: Coin, in pool: Address, least: Uint128, order: JSON, replyID: UInt64, _ env: Env,
    _ response: inout Response
  ) throws(Refusal) {
    try Custody.enter()
    let denom = try output(of: pool, for: offer)
    let before = try Custody.free(denom, in: env)
    let payload: JSON = [
      "denom": denom.json, "before": before.json, "least": least.json, "order": order,
    ]
    response.send(
      .execute(pool, ["swap": ["min_out": least.json]], funds: [offer]), id: replyID, payload: payload,
      replyOn: .success)
  }

  /// What has come in since ``begin(_:in:least:order:replyID:_:_:)``, and the order.
  static func end(_ reply: Reply, in env: Env) throws(Refusal) -> (out: Coin, order: JSON) {
    var fields = try Fields(try reply.payloadJSON())
    let denom: Text = try fields.take("denom")
    let before: Uint128 = try fields.take("before")
    let least: Uint128 = try fields.take("least")
    let out = try (try Custody.free(denom, in: env)).subtracting(before)
    guard out > .zero, out >= least else { throw .contract("the pool gave too little: \(out)") }
    Custody.leave()
    return (Coin(out, denom), try fields.json("order"))
  }
}
