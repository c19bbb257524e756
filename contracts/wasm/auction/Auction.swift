// A sealed-bid auction at the second price, as a program of an enclave: the orders of a case in, payouts and replies out.
// It keeps nothing, sees no clock, and gives out exactly what the parties have put into escrow.
//
//   {"ask":"100","denom":"stake"}              sells its own escrow for at least 100stake
//   {"bid":"120"} or {"bid":"120","seller":"0x…"}   buys it for at most 120 of what the ask names, out of its own escrow

/// Why an order is not taken. It is told to its sender alone; what he put into escrow goes back to him.
enum AuctionRefusal: ContractRefusal {
  case noOrder
  case noAmount
  case noDenom
  case anotherSale
  case noSale
  case anotherSeller
  case seller
  case secondBid
  case uncovered

  var text: Text {
    switch self {
    case .noOrder: "an order has one of ask and bid"
    case .noAmount: "an amount is a decimal number above zero, without leading zeros, of at most 78 digits"
    case .noDenom: "a denom has 1 to 128 bytes"
    case .anotherSale: "something else is sold already"
    case .noSale: "nothing is sold"
    case .anotherSeller: "somebody else sells"
    case .seller: "a seller does not bid"
    case .secondBid: "one bid for each account"
    case .uncovered: "the escrow does not cover the bid"
    }
  }
}

/// A whole number in decimal digits, as large as an escrow gets: sums never overflow.
struct Amount: Comparable {
  let digits: [UInt8]

  static let digitsMax = 78

  private init(digits: [UInt8]) { self.digits = digits }

  /// Nil unless `text` is the one way to write a number above zero.
  init?(_ text: Text) {
    guard let first = text.bytes.first, first > 48, text.count <= Self.digitsMax else { return nil }
    for digit in text.bytes where digit < 48 || digit > 57 { return nil }
    digits = text.bytes
  }

  static func < (left: Amount, right: Amount) -> Bool {
    left.digits.count == right.digits.count
      ? Text(left.digits) < Text(right.digits) : left.digits.count < right.digits.count
  }

  static func + (left: Amount, right: Amount) -> Amount {
    var sum: [UInt8] = []
    var carry: UInt8 = 0
    for place in 0..<max(left.digits.count, right.digits.count) {
      let digit = left.digit(place) + right.digit(place) + carry
      carry = digit / 10
      sum.push(48 + digit % 10)
    }
    if carry > 0 { sum.push(48 + carry) }
    sum.reverse()
    return Amount(digits: sum)
  }

  /// What is left; nil when that is nothing or less.
  func subtracting(_ other: Amount) -> Amount? {
    guard other < self else { return nil }
    var rest: [UInt8] = []
    var borrow: UInt8 = 0
    for place in digits.indices {
      let taken = other.digit(place) + borrow
      let digit = digit(place)
      borrow = digit < taken ? 1 : 0
      rest.push(48 + (digit + 10 * borrow - taken))
    }
    while rest.last == 48 { rest.removeLast() }
    rest.reverse()
    return Amount(digits: rest)
  }

  /// 0 beyond the last place.
  private func digit(_ place: Int) -> UInt8 {
    place < digits.count ? digits[digits.count - 1 - place] - 48 : 0
  }
}

/// Coins by denom, in the order of their names, none of them zero.
struct Purse {
  private(set) var coins: [(denom: Text, amount: Amount)] = []

  init() {}

  init(json: JSON) throws(Refusal) {
    for element in try json.elements() {
      var fields = try Fields(element)
      let denom: Text = try fields.take("denom")
      guard let amount = Amount(try fields.take("amount")) else { throw .malformed("amount") }
      try fields.finish()
      add(amount, of: denom)
    }
  }

  func amount(of denom: Text) -> Amount? {
    for coin in coins where coin.denom == denom { return coin.amount }
    return nil
  }

  mutating func add(_ amount: Amount, of denom: Text) {
    var place = 0
    while place < coins.count, coins[place].denom < denom { place += 1 }
    if place < coins.count, coins[place].denom == denom {
      coins[place].amount = coins[place].amount + amount
    } else {
      coins.insert((denom: denom, amount: amount), at: place)
    }
  }

  mutating func add(_ other: Purse) {
    for coin in other.coins { add(coin.amount, of: coin.denom) }
  }

  /// Whether it held as much; nothing is taken when it did not.
  mutating func take(_ amount: Amount, of denom: Text) -> Bool {
    for place in coins.indices where coins[place].denom == denom {
      if coins[place].amount == amount {
        coins.remove(at: place)
        return true
      }
      guard let rest = coins[place].amount.subtracting(amount) else { return false }
      coins[place].amount = rest
      return true
    }
    return false
  }

  var json: JSON {
    .array(coins.map { ["denom": $0.denom.json, "amount": Text($0.amount.digits).json] })
  }
}

private enum Order {
  case ask(least: Amount, denom: Text)
  case bid(Amount, seller: Text?)

  init(body: [UInt8]) throws(Refusal) {
    var fields = try Fields(try JSON(decoding: body))
    let ask: Text? = try fields.optional("ask")
    let bid: Text? = try fields.optional("bid")
    if let ask, bid == nil {
      let denom: Text = try fields.take("denom")
      guard denom.count >= 1, denom.count <= 128 else { throw Refusal(AuctionRefusal.noDenom) }
      self = .ask(least: try Self.amount(ask), denom: denom)
    } else if let bid, ask == nil {
      self = .bid(try Self.amount(bid), seller: try fields.optional("seller"))
    } else {
      throw Refusal(AuctionRefusal.noOrder)
    }
    try fields.finish()
  }

  private static func amount(_ text: Text) throws(Refusal) -> Amount {
    guard let amount = Amount(text) else { throw Refusal(AuctionRefusal.noAmount) }
    return amount
  }
}

/// One sealed order of the case: who sent it, what lies in escrow for it, and what becomes of it.
private struct Input {
  let sender: Text
  let escrow: Purse
  /// Nil when it cannot be taken.
  var order: Order?
  /// What its sender is told.
  var outcome: JSON

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    sender = try fields.take("sender")
    _ = try fields.take("nonce", as: UInt64.self)
    escrow = try Purse(json: try fields.json("coins"))
    let body: Binary = try fields.take("body")
    // What a sender shows of itself one by one is nothing to an auction.
    _ = try fields.optional("fields", as: JSON.self)
    try fields.finish()
    outcome = ["outcome": "lost"]
    do { order = try Order(body: body.bytes) } catch { refuse(error) }
  }

  mutating func refuse(_ refusal: Refusal) {
    order = nil
    outcome = ["outcome": "refused", "reason": refusal.text.json]
  }
}

/// A bid that counts.
private struct Bid {
  let place: Int
  let amount: Amount
}

private struct Sale {
  let place: Int
  let least: Amount
  let denom: Text
}

enum Auction {
  static let inputsMax = 256
  /// Every reply is filled up to this, so that its length tells nothing.
  static let replySize = 512

  static func query(_ env: Env, _ message: JSON) throws(Refusal) -> JSON {
    var (name, fields) = try message.variant()
    guard name.equals("compute") else { throw .message(name) }
    let caseID: Text = try fields.take("case")
    guard let caseBytes = Hex.decode(prefixed: caseID, count: 32) else { throw .malformed("case") }
    let elements = try fields.json("inputs").elements()
    try fields.finish()
    guard elements.count <= inputsMax else { throw .malformed("inputs") }
    var inputs: [Input] = []
    for element in elements { inputs.append(try Input(json: element)) }
    let accounts = play(&inputs)
    let payouts = JSON.array(accounts.map { ["account": $0.name.json, "coins": $0.purse.json] })
    var replies: [JSON] = []
    for place in inputs.indices {
      replies.append(["to": UInt64(place).json, "body": Binary(padded(inputs[place].outcome)).json])
    }
    let state = SHA256.hash(
      ("causeway/auction/v1" as StaticString).array + caseBytes + SHA256.hash(payouts.encoded.bytes))
    return ["payouts": payouts, "state": Hex.prefixed(state).json, "replies": .array(replies)]
  }

  private static func padded(_ json: JSON) -> [UInt8] {
    var bytes = json.encoded.bytes
    while bytes.count % replySize != 0 { bytes.push(0x20) }
    return bytes
  }

  /// What is sold: the first ask, in the order of the inputs.
  private static func sale(_ inputs: inout [Input]) -> Sale? {
    var sale: Sale?
    for place in inputs.indices {
      guard case .ask(let least, let denom)? = inputs[place].order else { continue }
      if sale == nil {
        sale = Sale(place: place, least: least, denom: denom)
        inputs[place].outcome = ["outcome": "unsold"]
      } else {
        inputs[place].refuse(Refusal(AuctionRefusal.anotherSale))
      }
    }
    return sale
  }

  /// Nil when it counts.
  private static func objection(
    to amount: Amount, for seller: Text?, of input: Input, in sale: Sale, _ inputs: [Input], _ bids: [Bid]
  ) -> AuctionRefusal? {
    let owner = inputs[sale.place].sender
    if let seller, seller != owner { return .anotherSeller }
    if input.sender == owner { return .seller }
    for bid in bids where inputs[bid.place].sender == input.sender { return .secondBid }
    guard let held = input.escrow.amount(of: sale.denom), held >= amount else { return .uncovered }
    return nil
  }

  /// Says what becomes of every input; gives what each account is paid, in the order of their first inputs.
  private static func play(_ inputs: inout [Input]) -> [(name: Text, purse: Purse)] {
    let sale = sale(&inputs)
    var bids: [Bid] = []
    for place in inputs.indices {
      guard case .bid(let amount, let seller)? = inputs[place].order else { continue }
      guard let sale else {
        inputs[place].refuse(Refusal(AuctionRefusal.noSale))
        continue
      }
      if let objection = objection(to: amount, for: seller, of: inputs[place], in: sale, inputs, bids) {
        inputs[place].refuse(Refusal(objection))
      } else {
        bids.append(Bid(place: place, amount: amount))
      }
    }
    var paid = inputs.map { $0.escrow }
    if let sale { settle(sale, bids, &inputs, &paid) }
    var accounts: [(name: Text, purse: Purse)] = []
    for place in inputs.indices where !paid[place].coins.isEmpty {
      var isKnown = false
      for known in accounts.indices where accounts[known].name == inputs[place].sender {
        accounts[known].purse.add(paid[place])
        isKnown = true
      }
      if !isKnown { accounts.append((name: inputs[place].sender, purse: paid[place])) }
    }
    return accounts
  }

  /// The highest bid wins, of equal ones the first; it pays the next lower bid, or the least price where that is more.
  private static func settle(_ sale: Sale, _ bids: [Bid], _ inputs: inout [Input], _ paid: inout [Purse]) {
    var best: Bid?
    var price = sale.least
    for bid in bids {
      if let leader = best, bid.amount <= leader.amount {
        price = max(price, bid.amount)
      } else if bid.amount >= sale.least {
        if let leader = best { price = max(price, leader.amount) }
        best = bid
      }
    }
    guard let winner = best?.place, paid[winner].take(price, of: sale.denom) else { return }
    let lot = inputs[sale.place].escrow
    paid[winner].add(lot)
    paid[sale.place] = Purse()
    paid[sale.place].add(price, of: sale.denom)
    let amount = Text(price.digits).json
    inputs[winner].outcome = [
      "outcome": "won", "price": amount, "denom": sale.denom.json, "lot": lot.json,
    ]
    inputs[sale.place].outcome = ["outcome": "sold", "price": amount, "denom": sale.denom.json]
  }
}

@_expose(wasm, "query") @_cdecl("query")
func exportedQuery(env: UInt32, message: UInt32) -> UInt32 { Entry.query(env, message, Auction.query) }
