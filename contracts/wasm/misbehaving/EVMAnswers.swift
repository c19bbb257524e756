/// What the kit makes of EVM chains, asked directly: for tests of the kit.
enum EVMAnswers {
  /// Nil when the question is about something else.
  static func answer(_ name: Text, _ fields: inout Fields) throws(Refusal) -> JSON? {
    switch name {
    case "keccak256":
      let bytes: Binary = try fields.take("bytes")
      return Hex.prefixed(Keccak256.hash(bytes.bytes)).json
    case "evm_address":
      let address: EVMAddress = try fields.take("text")
      return address.json
    case "execution_account":
      let sender: Binary = try fields.take("sender")
      let codeHash: Binary = try fields.take("code_hash")
      return EVMAccount.address(
        of: sender.bytes, over: try fields.take("client"), handler: try fields.take("handler"),
        codeHash: codeHash.bytes
      ).json
    case "calldata":
      var arguments: [Calldata.Argument] = []
      for json in try fields.json("arguments").elements() {
        let (kind, value) = try json.single()
        switch kind {
        case "address": arguments.append(.address(try EVMAddress(json: value)))
        case "amount": arguments.append(.amount(try Uint128(json: value)))
        case "number": arguments.append(.number(try UInt64(json: value)))
        default: arguments.append(.text(try value.text()))
        }
      }
      return Hex.prefixed(Calldata.encode(try fields.take("signature"), arguments)).json
    case "words":
      let answer: Binary = try fields.take("answer")
      let count: UInt64 = try fields.take("count")
      return JSON(optional: Calldata.words(answer.bytes, count: Int(truncatingIfNeeded: count)))
    default: return nil
    }
  }
}
