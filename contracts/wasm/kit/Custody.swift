/// Money of others that lies in a contract's account: what is owed is counted, so that what came in can be
/// measured, whatever the called contracts do meanwhile.
enum Custody {
  private static let owed = Map<Text, Uint128>("owed")
  private static let unpaid = Map<Pair<Address, Text>, Uint128>("unpaid")
  private static let lock = Item<Bool>("lock")

  // MARK: What is owed

  static func owe(_ coin: Coin) throws(Refusal) {
    owed.save(try (try owed[coin.denom] ?? .zero).adding(coin.amount), for: coin.denom)
  }

  static func release(_ coin: Coin) throws(Refusal) {
    let rest = try (try owed[coin.denom] ?? .zero).subtracting(coin.amount)
    if rest == .zero { owed.remove(coin.denom) } else { owed.save(rest, for: coin.denom) }
  }

  static func owedAmount(_ denom: Text) throws(Refusal) -> Uint128 { try owed[denom] ?? .zero }

  /// What the account holds and owes nobody. Never below zero: then somebody's money would be missing.
  static func free(_ denom: Text, in env: Env) throws(Refusal) -> Uint128 {
    try (try Chain.balance(of: env.contract, in: denom)).subtracting(try owedAmount(denom))
  }

  // MARK: One thing at a time

  /// From the call of another contract until its reply, nobody gets in. A failure undoes the lock as well.
  static func enter() throws(Refusal) {
    try checkOpen()
    lock.save(true)
  }

  static func leave() { lock.remove() }

  static func checkOpen() throws(Refusal) {
    guard try lock.loadIfPresent() == nil else { throw .contract("busy: called again from inside a call") }
  }

  // MARK: Paying

  /// Pays, and writes down what could not be paid, for ``claim(by:denom:)``: settling must not fail because of
  /// somebody's account.
  static func pay(_ coin: Coin, to receiver: Address, replyID: UInt64, in response: inout Response) {
    guard coin.amount > .zero else { return }
    response.send(
      .pay([coin], to: receiver), id: replyID,
      payload: ["to": receiver.json, "coin": coin.json], replyOn: .error)
  }

  /// The reply to a payment that failed.
  static func couldNotPay(_ reply: Reply) throws(Refusal) -> Response {
    var fields = try Fields(try reply.payloadJSON())
    let receiver = try fields.take("to", as: KnownAddress.self).address
    let coin: Coin = try fields.take("coin")
    let key = Pair(receiver, coin.denom)
    unpaid.save(try (try unpaid[key] ?? .zero).adding(coin.amount), for: key)
    try owe(coin)
    var response = Response()
    response.attribute("unpaid", "\(coin)")
    return response
  }

  static func claim(by receiver: Address, denom: Text) throws(Refusal) -> Response {
    let key = Pair(receiver, denom)
    let coin = Coin(try unpaid.load(key), denom)
    unpaid.remove(key)
    try release(coin)
    var response = Response(action: "claim")
    response.attribute("amount", "\(coin)")
    response.send(.pay([coin], to: receiver))
    return response
  }

  static func unpaid(to receiver: Address) throws(Refusal) -> JSON {
    ["coins": try unpaid.list(receiver, limit: 30) { Coin($1, $0).json }]
  }
}

/// Who may change what a contract's owner may change.
enum Owner {
  private static let item = Item<KnownAddress>("owner")

  static func set(_ owner: Address) { item.save(KnownAddress(owner)) }
  static func load() throws(Refusal) -> Address { try item.load().address }

  static func check(_ sender: Address) throws(Refusal) {
    guard sender == (try load()) else { throw .unauthorized }
  }
}

/// A lane and what stands at its other end.
protocol LaneEnd: JSONCodable {
  init(_ fields: inout Fields) throws(Refusal)
  var lane: Lane { get }
}

/// A lane and the contract at its other end.
struct Route: LaneEnd {
  let lane: Lane
  /// The contract there, as that domain writes it.
  let contract: Text
  let gasLimit: UInt64

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    try self.init(&fields)
    try fields.finish()
  }

  init(_ fields: inout Fields) throws(Refusal) { try self.init(try Lane(&fields), &fields) }

  init(_ lane: Lane, _ fields: inout Fields) throws(Refusal) {
    self.lane = lane
    contract = try fields.take("contract")
    gasLimit = try fields.optional("gas_limit") ?? 1_500_000
    guard Bech32.decode(contract) != nil else { throw .malformed("contract") }
  }

  var json: JSON {
    [
      "client": lane.client.json, "domain": lane.domain.json,
      "destination_client": lane.destinationClient.json,
      "contract": contract.json, "gas_limit": gasLimit.json,
    ]
  }
}

/// What a contract's owner has said about the ways to other domains, by client.
struct Routes<End: LaneEnd> {
  private let map = Map<Text, End>("routes")

  subscript(client: Text) -> End? {
    get throws(Refusal) { try map[client] }
  }

  /// The ways that a contract is instantiated with.
  func save(_ ends: [End]) {
    for end in ends { map.save(end, for: end.lane.client) }
  }

  /// `set_route` and `remove_route`, by the owner.
  func set(_ fields: inout Fields, by sender: Address) throws(Refusal) -> Response {
    try Owner.check(sender)
    let end = try End(&fields)
    try fields.finish()
    save([end])
    return Response(action: "set_route")
  }

  func remove(_ fields: inout Fields, by sender: Address) throws(Refusal) -> Response {
    try Owner.check(sender)
    let client: Text = try fields.take("client")
    try fields.finish()
    map.remove(client)
    return Response(action: "remove_route")
  }

  func list() throws(Refusal) -> JSON {
    ["routes": try map.list(limit: 30) { $1.json }]
  }
}
