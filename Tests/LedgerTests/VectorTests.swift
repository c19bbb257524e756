import Encodings
import Ledger
import Messages
import PacketHost
import SignatureSchemes
import Testing
import WireBytes

@Suite("Transactions beside Google's protobuf, libsecp256k1 and OpenSSL")
struct TransactionVectorTests {
  static let count = 11

  private static func key(_ json: JSONValue) throws -> AccountKey {
    let bytes = try json.hex("public")
    return try json.text("key") == "ed25519"
      ? .ed25519(try Bytes32(bytes)) : .secp256k1(try FixedBytes<33>(bytes))
  }

  @Test("writes the same bytes to sign, and the same transaction", arguments: 0..<count)
  func builds(index: Int) throws {
    let json = try LedgerVectors.cases("transactions")[index]
    var fee: [Coin] = []
    for coin in json["fee"]?.array ?? [] {
      let denom = try Denom(coin[0]?.string ?? "")
      fee.append(Coin(try #require(UInt256(decimal: coin[1]?.string ?? "")), denom))
    }
    var messages: [AnyMessage] = []
    for message in json["messages"]?.array ?? [] {
      messages.append(
        AnyMessage(typeURL: message[0]?.string ?? "", value: try Hex.decode(message[1]?.string ?? "")))
    }
    let unsigned = UnsignedTransaction(
      messages, memo: try json.text("memo"), timeoutHeight: try json.number("timeout"), fee: fee,
      gasLimit: try json.number("gas"), key: try Self.key(json), sequence: try json.number("sequence"),
      chainID: try json.text("chain"), accountNumber: try json.number("number"))
    #expect(unsigned.signBytes == (try json.hex("sign_bytes")))
    #expect(unsigned.signed(try json.hex("signature")) == (try json.hex("tx")))
  }

  @Test("reads the transaction, its hash, its sender and its signature", arguments: 0..<count)
  func reads(index: Int) throws {
    let json = try LedgerVectors.cases("transactions")[index]
    let transaction = try Transaction(decoding: try json.hex("tx"))
    #expect(transaction.key == (try Self.key(json)))
    #expect(transaction.sender.text == (try json.text("address")))
    #expect(try AccountAddress(text: json.text("address")) == transaction.sender)
    #expect(transaction.hash.array == (try json.hex("hash")))
    #expect(transaction.sequence == (try json.number("sequence")))
    #expect(transaction.gasLimit == (try json.number("gas")))
    #expect(transaction.memo == (try json.text("memo")))
    #expect(transaction.timeoutHeight == (try json.number("timeout")))
    let message = transaction.signBytes(
      chainID: try json.text("chain"), accountNumber: try json.number("number"))
    #expect(message == (try json.hex("sign_bytes")))
    try transaction.key.verify(transaction.signature, over: message)
  }

  @Test("refuses the signature over any other byte", arguments: 0..<count)
  func refusesOther(index: Int) throws {
    let json = try LedgerVectors.cases("transactions")[index]
    let transaction = try Transaction(decoding: try json.hex("tx"))
    var message = try json.hex("sign_bytes")
    message[message.count / 2] ^= 1
    let changed = message
    #expect(throws: AccountKey.SignatureRefusal.self) {
      try transaction.key.verify(transaction.signature, over: changed)
    }
    #expect(throws: AccountKey.SignatureRefusal.length(63)) {
      try transaction.key.verify([UInt8](transaction.signature.dropLast()), over: message)
    }
  }

  @Test("refuses the other signature that the same key could give (high s)")
  func refusesHighS() throws {
    let json = try LedgerVectors.cases("transactions")[0]
    let transaction = try Transaction(decoding: try json.hex("tx"))
    // The order of secp256k1 (SEC 2, 2.4.1) less s.
    let order = UInt256(
      limbs: 0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, 0xffff_ffff_ffff_ffff)
    let low = UInt256(bigEndian: try Bytes32([UInt8](transaction.signature.suffix(32))))
    let high = order.subtractingReportingOverflow(low).partialValue
    let forged = [UInt8](transaction.signature.prefix(32)) + high.bigEndian.array
    #expect(throws: AccountKey.SignatureRefusal.secp256k1(.sHigh)) {
      try transaction.key.verify(forged, over: try json.hex("sign_bytes"))
    }
  }

  @Test("has all cases") func counts() throws {
    #expect(try LedgerVectors.cases("transactions").count == Self.count)
  }

  @Test("refuses every shorter transaction")
  func refusesShort() throws {
    let whole = try LedgerVectors.cases("transactions")[1].hex("tx")
    for count in 0..<whole.count {
      #expect(throws: TransactionFormError.self) { try Transaction(decoding: [UInt8](whole.prefix(count))) }
    }
  }

  @Test("accepts no transaction with one bit flipped")
  func refusesFlipped() throws {
    let json = try LedgerVectors.cases("transactions")[2]
    let whole = try json.hex("tx")
    let chain = try json.text("chain")
    let number = try json.number("number")
    for index in whole.indices {
      var bytes = whole
      bytes[index] ^= 1 << UInt8(index % 8)
      guard let transaction = try? Transaction(decoding: bytes) else { continue }
      let message = transaction.signBytes(chainID: chain, accountNumber: number)
      #expect(throws: AccountKey.SignatureRefusal.self, "byte \(index)") {
        try transaction.key.verify(transaction.signature, over: message)
      }
    }
  }
}

@Suite("Messages beside Google's protobuf")
struct MessageVectorTests {
  private static func expected(_ name: String, _ signer: AccountAddress) throws -> LedgerMessage {
    let bob = try AccountAddress(
      text: LedgerVectors.cases("transactions")[2].text("address"))
    let power128 = try #require(UInt256(decimal: "340282366920938463463374607431768211456"))
    let coins = [
      Coin(power128, try Denom("ucause")), Coin(UInt256(1), try Denom("transfer/client-0/x")),
    ]
    let client = try ClientID("client-0")
    let other = try ClientID("07-tendermint-12")
    let payload = try Payload(
      sourcePort: "transfer", destinationPort: "transfer", version: "ics20-1",
      encoding: "application/x-solidity-abi", value: [UInt8](1..<40))
    let timeout = UnixTime(seconds: 1_800_000_000)
    let packet = try Packet(
      sequence: try #require(Sequence(7)), sourceClient: client, destinationClient: other, timeout: timeout,
      payloads: [payload])
    let proof: [UInt8] = [10, 0]
    let height = Height(revision: 1, 300)
    switch name {
    case "send": return .send(from: signer, to: bob, coins: coins)
    case "call":
      return .callProgram(
        caller: signer, program: bob, funds: [coins[1]], input: [UInt8](#"{"get":{}}"#.utf8))
    case "create":
      return .createClient(
        clientState: AnyMessage(
          typeURL: "/causeway.gate.v1.PolicyClientState", value: [10, 2, 0x7b, 0x7d]),
        consensusState: AnyMessage(typeURL: "/x.Y", value: [1]), signer: signer)
    case "update":
      return .updateClient(
        client, message: AnyMessage(typeURL: "/causeway.gate.v1.Evidence", value: [8, 1]), signer: signer)
    case "register":
      return .registerCounterparty(
        client, try Counterparty(prefix: [[UInt8]("ibc".utf8), []], client: other), signer: signer)
    case "sendPacket": return .sendPacket(over: client, timeout: timeout, payloads: [payload], signer: signer)
    case "receive": return .receivePacket(packet, proof: proof, height: height, signer: signer)
    case "acknowledge":
      return .acknowledgePacket(
        packet, try Acknowledgement([[1]]), proof: proof, height: Height(0), signer: signer)
    default: return .timeOutPacket(packet, proof: proof, height: height, signer: signer)
    }
  }

  @Test("reads and writes every message", arguments: 0..<9)
  func messages(index: Int) throws {
    let json = try LedgerVectors.cases("messages")[index]
    let any = AnyMessage(typeURL: try json.text("type"), value: try json.hex("value"))
    let signer = try AccountAddress(text: try json.text("signer"))
    let expected = try Self.expected(try json.text("name"), signer)
    #expect(expected.encoded() == any)
    let decoded = try LedgerMessage(decoding: any)
    #expect(decoded == expected)
    #expect(decoded.signer == signer)
    #expect(decoded.typeURL == any.typeURL)
  }

  @Test("refuses every shorter message", arguments: 0..<9)
  func refusesShort(index: Int) throws {
    let json = try LedgerVectors.cases("messages")[index]
    let value = try json.hex("value")
    for count in 0..<value.count {
      let cut = AnyMessage(typeURL: try json.text("type"), value: [UInt8](value.prefix(count)))
      // Coins and the call's input come last, and may be fewer or absent: then it is another message.
      if ["send", "call"].contains(try json.text("name")), let other = try? LedgerMessage(decoding: cut) {
        #expect(other.encoded() == cut)
        continue
      }
      #expect(throws: MessageRefusal.self, "\(count)") { try LedgerMessage(decoding: cut) }
    }
  }

  @Test("refuses other types, unknown fields, defaults that are written, and another spelling of an account")
  func refusesForms() throws {
    let unknown = AnyMessage(typeURL: "/cosmos.gov.v1.MsgVote", value: [])
    #expect(throws: MessageRefusal.typeUnknown("/cosmos.gov.v1.MsgVote")) {
      try LedgerMessage(decoding: unknown)
    }
    let json = try LedgerVectors.cases("messages")[0]
    let type = try json.text("type")
    let value = try json.hex("value")
    #expect(throws: MessageRefusal.protobuf(.unknownField(9))) {
      try LedgerMessage(decoding: AnyMessage(typeURL: type, value: value + [0x48, 1]))
    }
    #expect(throws: MessageRefusal.protobuf(.writtenDefault(field: 1))) {
      try LedgerMessage(decoding: AnyMessage(typeURL: type, value: [0x0a, 0]))
    }
    let account = try json.text("signer")
    var writer = ProtobufWriter()
    writer.string(1, account.uppercased())
    writer.string(2, account)
    let upper = AnyMessage(typeURL: type, value: writer.bytes)
    #expect(throws: MessageRefusal.form(field: 1)) { try LedgerMessage(decoding: upper) }
    var coins = ProtobufWriter()
    coins.string(1, account)
    coins.string(2, account)
    for _ in 0..<9 { coins.alwaysBytes(3, Coin(UInt256(1), try Denom("abc")).encoded()) }
    let many = AnyMessage(typeURL: type, value: coins.bytes)
    #expect(throws: MessageRefusal.count(field: 3, max: 8)) { try LedgerMessage(decoding: many) }
  }

  @Test("writes answers and results as the Cosmos SDK and CometBFT do")
  func results() throws {
    let cases = try LedgerVectors.cases("results")
    let answers = TransactionAnswers([
      AnyMessage(typeURL: "/cosmos.bank.v1beta1.MsgSendResponse", value: []),
      AnyMessage(typeURL: "/ibc.core.channel.v2.MsgSendPacketResponse", value: [8, 9]),
      AnyMessage(typeURL: "/ibc.core.channel.v2.MsgRecvPacketResponse", value: [8, 3]),
    ])
    #expect(answers.encoded() == (try cases[0].hex("data")))
    #expect(try TransactionAnswers(decoding: cases[0].hex("data")) == answers)
    let good = TransactionResult(
      code: 0, codespace: "", payload: answers.encoded(), log: "", gasWanted: 200_000, gasUsed: 70_000,
      events: [Event("tx", ["fee": "2ucause"]), Event("empty", [Event.Attribute]())])
    #expect(good.encoded() == (try cases[0].hex("value")))
    #expect(try TransactionResult(decoding: cases[0].hex("value")) == good)
    let bad = TransactionResult(
      code: 32, codespace: "sdk", payload: [], log: "sequence: x", gasWanted: 1, gasUsed: 1, events: [])
    #expect(bad.encoded() == (try cases[1].hex("value")))
  }
}
