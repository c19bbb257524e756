/// Why a contract does not do what it is asked: the host undoes the call and tells the words.
///
/// The kit's own reasons are the functions below; a contract's are an enum of its own (``ContractRefusal``). One
/// word of memory, so that passing it on costs nothing.
struct Refusal: Error {
  let text: Text

  init(text: Text) { self.text = text }

  init(_ reason: some ContractRefusal) { text = reason.text }

  /// Made by hand, out of line: a refusal is rare, and calls are short.
  @inline(never)
  private init(_ before: StaticString, _ middle: Text, _ after: StaticString = "") {
    var bytes = before.array
    bytes.push(middle.bytes)
    bytes.push(after)
    text = Text(bytes)
  }

  /// Bytes that are not the JSON that was expected. `offset` counts bytes.
  static func json(_ fault: JSONFault, offset: Int) -> Refusal {
    Refusal("malformed JSON: ", Text(fault.words.array + (" at byte " as StaticString).array), "")
      .appending(Uint128(UInt64(offset)).decimal)
  }

  static func missing(field: StaticString) -> Refusal {
    Refusal("missing field ", Text(stringLiteral: field))
  }
  static func unknown(field: Text) -> Refusal { Refusal("unknown field ", field) }
  /// Something that is there, and is no such thing.
  static func malformed(_ what: StaticString) -> Refusal { Refusal("malformed ", Text(stringLiteral: what)) }
  /// An unknown message, or none.
  static func message(_ name: Text) -> Refusal { Refusal("unknown message ", name) }
  static func overflow(_ operation: StaticString) -> Refusal {
    Refusal("overflow in ", Text(stringLiteral: operation))
  }
  static var divisionByZero: Refusal { Refusal(text: "division by zero") }
  /// The host's words on an address.
  static func address(_ words: Text) -> Refusal { Refusal("address: ", words) }
  static func notFound(_ what: StaticString) -> Refusal {
    Refusal("", Text(stringLiteral: what), " not found")
  }
  /// Another contract, or the chain, refused a query.
  static func query(_ words: Text) -> Refusal { Refusal("query: ", words) }
  /// What stands in storage cannot be read: code and state do not fit each other.
  static func storage(_ what: StaticString) -> Refusal {
    Refusal("stored ", Text(stringLiteral: what), " cannot be read")
  }
  static func contract(_ words: Text) -> Refusal { Refusal(text: words) }
  static var unauthorized: Refusal { Refusal(text: "Unauthorized") }

  // Coins that do not fit the message, in cw-utils' words.
  static var noFunds: Refusal { Refusal(text: "No funds sent") }
  static var manyFunds: Refusal { Refusal(text: "Sent more than one denomination") }
  static var unexpectedFunds: Refusal { Refusal(text: "This message does no accept funds") }
  static func wrongFunds(_ denom: Text) -> Refusal { Refusal("Must send reserve token '", denom, "'") }

  private func appending(_ more: Text) -> Refusal { Refusal(text: text + more) }
}

/// A contract's own reasons: one enum each, whose words are made only when it is refused.
protocol ContractRefusal {
  var text: Text { get }
}
