// A guest book: everybody signs once, with a greeting, and pays what its owner asks. A start to write over.

enum BookRefusal: ContractRefusal {
  case signedAlready
  case tooLong
  case price(Coin)

  var text: Text {
    switch self {
    case .signedAlready: "you have signed already"
    case .tooLong: "a greeting has 1 to 140 bytes"
    case .price(let price): "signing costs \(price)"
    }
  }
}

enum Book {
  private static let price = Item<Coin>("price")
  private static let count = Item<UInt64>("count")
  private static let greetings = Map<Address, Text>("greetings")

  static func instantiate(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try info.refuseFunds()
    var fields = try Fields(message)
    price.save(try fields.take("price"))
    try fields.finish()
    Owner.set(info.sender)
    count.save(0)
    return Response(action: "instantiate")
  }

  static func execute(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    var (name, fields) = try message.variant()
    switch name {
    case "sign":
      let greeting: Text = try fields.take("greeting")
      try fields.finish()
      guard greeting.count >= 1, greeting.count <= 140 else { throw Refusal(BookRefusal.tooLong) }
      guard try greetings[info.sender] == nil else { throw Refusal(BookRefusal.signedAlready) }
      let cost = try price.load()
      let paid = try info.oneCoin()
      guard paid == cost else { throw Refusal(BookRefusal.price(cost)) }
      greetings.save(greeting, for: info.sender)
      count.save(try count.load() + 1)
      var response = Response(action: "sign")
      response.send(.pay([paid], to: try Owner.load()))
      return response
    default: throw .message(name)
    }
  }

  static func query(_ env: Env, _ message: JSON) throws(Refusal) -> JSON {
    var (name, fields) = try message.variant()
    switch name {
    case "greetings":
      let after: Address? = try fields.optional("start_after")
      let limit = pageSize(try fields.optional("limit"))
      try fields.finish()
      let list = try greetings.list(after: after, limit: limit) { ["by": $0.json, "greeting": $1.json] }
      return ["count": try count.load().json, "greetings": list]
    default: throw .message(name)
    }
  }
}

// What is exported is what the contract has: kit/Entry.swift says what else there is.

@_expose(wasm, "instantiate") @_cdecl("instantiate")
func exportedInstantiate(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Book.instantiate)
}

@_expose(wasm, "execute") @_cdecl("execute")
func exportedExecute(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Book.execute)
}

@_expose(wasm, "query") @_cdecl("query")
func exportedQuery(env: UInt32, message: UInt32) -> UInt32 { Entry.query(env, message, Book.query) }
