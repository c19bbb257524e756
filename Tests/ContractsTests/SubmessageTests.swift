import ContractHost
import Contracts
import Encodings
import Ledger
import Messages
import PacketHost
import Testing
import WireBytes

@Suite("Submessages and replies", .enabled(if: TestEngine.isThere, TestEngine.absent))
struct SubmessageTests {
  @Test(
    "are replied to as they ask",
    arguments: [
      (ReplyOn.always, true, 1, true), (.always, false, 1, true), (.success, true, 1, true),
      (.success, false, 0, false), (.error, true, 0, true), (.error, false, 1, true), (.never, true, 0, true),
      (.never, false, 0, false),
    ])
  func modes(mode: ReplyOn, succeeds: Bool, replies: Int, parentSucceeds: Bool) throws {
    var ledger = try ContractLedger()
    let contracts = try ledger.puppets(2, funds: 100)
    let (parent, child) = (contracts[0], contracts[1])
    let inner =
      succeeds
      ? Say.ok([SubMsg(message: Say.send(7, to: ledger.bob.address))], bytes: [9]) : Say.error("boom")
    let message = SubMsg(
      id: 42, message: Say.execute(child, inner, funds: [Say.coin(5)]),
      replyOn: mode)
    let before = try ledger.balance(ledger.bob.address)
    let result = try ledger.execute(parent, Say.ok([message], bytes: [1]))
    #expect(result.succeeded == parentSucceeds, "\(result.log)")
    #expect(try ledger.count(parent, "d") == replies)
    let isDone = succeeds && parentSucceeds
    #expect(try ledger.count(child, "c") == (isDone ? 1 : 0))
    #expect(try ledger.balance(child) == (isDone ? 98 : 100))
    #expect(try ledger.balance(ledger.bob.address) == before.map { $0 + (isDone ? 7 : 0) })
    if !parentSucceeds {
      #expect(result.refusal == "wasm.5")
      #expect(result.says("boom: execute wasm contract failed"))
    }
    guard replies == 1 else { return }
    let reply = try Reply(decoding: try #require(try ledger.stored(parent, "last")))
    #expect((reply.id, reply.gasUsed) == (42, 0))
    switch reply.result {
    case .error(let text): #expect(text == "boom: execute wasm contract failed")
    case .ok(let response):
      #expect(response.bytes == [10, 1, 9])
      #expect(
        response.messageResponses == [
          .init(typeURL: "/cosmwasm.wasm.v1.MsgExecuteContractResponse", value: [10, 1, 9])
        ])
      #expect(response.events.map(\.type) == ["transfer", "execute", "transfer"])
      #expect(response.events[0].attributes.map(\.key) == ["amount", "recipient", "sender"])
    }
    // The reply gave no data: the parent's own stays.
    #expect(try result.wasmAnswer == .executed(result: [1]))
  }

  @Test("of other kinds are replied to without events, and with their response")
  func native() throws {
    var ledger = try ContractLedger()
    let contract = try ledger.puppets(1, funds: 100)[0]
    let paid = SubMsg(id: 1, message: Say.send(7, to: ledger.bob.address), replyOn: .always)
    _ = try ledger.execute(contract, Say.ok([paid]))
    let reply = try Reply(decoding: try #require(try ledger.stored(contract, "last")))
    #expect(
      reply.result
        == .ok(
          SubMsgResponse(
            events: [], bytes: nil,
            messageResponses: [.init(typeURL: "/cosmos.bank.v1beta1.MsgSendResponse", value: [])])))
    // Sending nothing succeeds and does nothing; sending zero of something does not.
    let empty = SubMsg(
      message: .bank(.send(to: ledger.bob.address.text, amount: [])), replyOn: .always)
    _ = try ledger.execute(contract, Say.ok([empty]))
    #expect(
      try Reply(decoding: ledger.stored(contract, "last") ?? []).result
        == .ok(SubMsgResponse(events: [], bytes: nil, messageResponses: [])))
  }

  @Test("tell of errors by code, except contracts' own words")
  func redaction() throws {
    var ledger = try ContractLedger()
    let contracts = try ledger.puppets(2, funds: 100)
    let (parent, child) = (contracts[0], contracts[1])
    let broken = try ledger.instantiate(try ledger.store(WAT.broken))
    let bob = ledger.bob.address
    let nobody = AccountAddress(ContractAddresses.classic(codeID: 9, instanceID: 9))
    let code = try ContractAnswers.contract(ledger.query(.contractInfo(parent))).record.codeID
    let badReply = SubMsg(
      payload: Say.error("from reply"), message: .bank(.send(to: bob.text, amount: [])), replyOn: .always)
    let cases: [(CosmosMsg, String)] = [
      (Say.execute(child, Say.error("x")), "x: execute wasm contract failed"),
      // Through a contract whose own submessage failed, unchanged.
      (
        Say.execute(child, Say.ok([SubMsg(message: Say.execute(child, Say.error("deep")))])),
        "deep: execute wasm contract failed"
      ), (Say.execute(child, Say.ok([badReply])), "codespace: wasm, code: 5"),
      (Say.execute(broken, Say.ok()), "codespace: wasm, code: 29"),
      (Say.execute(nobody, Say.ok()), "codespace: wasm, code: 22"),
      (Say.execute(child, [UInt8]("{".utf8)), "codespace: wasm, code: 14"),
      (Say.send(1_000, to: bob), "codespace: sdk, code: 5"),
      (Say.send(0, to: bob), "codespace: sdk, code: 10"),
      (.bank(.send(to: "cosmos1xyz", amount: [Say.coin(1)])), "codespace: sdk, code: 7"),
      (.bank(.burn(amount: [])), "codespace: wasm, code: 12"), (.custom("hi"), "codespace: wasm, code: 20"),
      (
        .unsupported(UnsupportedVariant(family: "staking", name: "delegate"), ["delegate": [:]]),
        "codespace: wasm, code: 20"
      ),
      (
        .wasm(
          .instantiate(admin: nil, codeID: code, message: Say.error("new"), funds: [], label: "l")),
        "new: instantiate wasm contract failed"
      ),
      (
        .wasm(.instantiate(admin: nil, codeID: code, message: Say.ok(), funds: [], label: "")),
        "codespace: wasm, code: 12"
      ), (.wasm(.clearAdmin(contract: child.text)), "codespace: sdk, code: 4"),
      (
        .ibc(
          .sendPacket(
            channelID: "channel-0", bytes: [1], timeout: IbcTimeout(block: nil, timestampNanoseconds: 1))),
        "codespace: wasm, code: 17"
      ),
      (.ibc(.closeChannel(channelID: "channel-0")), "codespace: channel, code: 3"),
      (.any(AnyMsg(typeURL: "/what.Ever", value: [])), "codespace: wasm, code: 10"),
      (
        .any(AnyMsg(typeURL: "/what.Ever", value: [UInt8](repeating: 0, count: 524_289))),
        "codespace: wasm, code: 13"
      ),
    ]
    for (message, words) in cases {
      let result = try ledger.execute(
        parent, Say.ok([SubMsg(message: message, replyOn: .always)]))
      #expect(result.succeeded, "\(result.log)")
      let reply = try Reply(decoding: try #require(try ledger.stored(parent, "last")))
      #expect(reply.result == .error(words))
    }
  }

  @Test("in protobuf need the contract as their only signer")
  func permission() throws {
    var ledger = try ContractLedger()
    let contracts = try ledger.puppets(2, funds: 100)
    let (parent, child) = (contracts[0], contracts[1])
    func any(_ message: AnyMessage) -> CosmosMsg {
      .any(AnyMsg(typeURL: message.typeURL, value: message.value))
    }
    func send(from account: AccountAddress) -> CosmosMsg {
      any(LedgerMessage.send(from: account, to: ledger.bob.address, coins: [ledger.coin(4)]).encoded())
    }
    let stolen = try ledger.execute(parent, Say.ok([SubMsg(message: send(from: ledger.alice.address))]))
    #expect(stolen.refusal == "sdk.4")
    #expect(stolen.says("contract doesn't have permission: unauthorized"))
    #expect(try ledger.execute(parent, Say.ok([SubMsg(message: send(from: parent))])).succeeded)
    #expect(try ledger.balance(parent) == 96)
    let called = any(
      WasmMessage.execute(sender: parent, contract: child, message: Say.ok(bytes: [8]), funds: []).encoded())
    let result = try ledger.execute(
      parent, Say.ok([SubMsg(id: 3, message: called, replyOn: .success)]))
    #expect(result.succeeded, "\(result.log)")
    let reply = try Reply(decoding: try #require(try ledger.stored(parent, "last")))
    // Not a message of the wasm family, so no events; its data all the same.
    guard case .ok(let response) = reply.result else { throw TestFailure.absent }
    #expect((response.events, response.bytes) == ([], [10, 1, 8]))
    let other = any(
      WasmMessage.execute(sender: child, contract: child, message: Say.ok(), funds: []).encoded())
    #expect(try ledger.execute(parent, Say.ok([SubMsg(message: other)])).refusal == "sdk.4")
    let burnt = CosmosMsg.bank(.burn(amount: [Say.coin(6)]))
    let supply = try ledger.queries.supply(of: ledger.denom)
    #expect(try ledger.execute(parent, Say.ok([SubMsg(message: burnt)])).succeeded)
    #expect(
      try ledger.queries.supply(of: ledger.denom).addingReportingOverflow(UInt256(UInt64(6))).partialValue
        == supply)
  }

  @Test("give their data to the parent through replies alone, the last one winning")
  func data() throws {
    var ledger = try ContractLedger()
    let contracts = try ledger.puppets(2)
    let (parent, child) = (contracts[0], contracts[1])
    func run(_ replies: [[UInt8]?], own: [UInt8]?) throws -> [UInt8]? {
      let messages = replies.map { bytes in
        SubMsg(
          payload: Say.ok(bytes: bytes), message: Say.execute(child, Say.ok(bytes: [7])), replyOn: .always)
      }
      let result = try ledger.execute(parent, Say.ok(messages, bytes: own))
      guard case .executed(let bytes) = try result.wasmAnswer else { return nil }
      return bytes
    }
    #expect(try run([], own: [1]) == [1])
    #expect(try run([nil], own: [1]) == [1])
    #expect(try run([[2]], own: [1]) == [2])
    #expect(try run([[2], [3]], own: [1]) == [3])
    #expect(try run([[2], nil], own: nil) == [2])
    #expect(try run([[2], []], own: [1]) == [])
  }

  @Test("that hit their own gas limit are caught; those that take all end the transaction")
  func gasLimits() throws {
    var ledger = try ContractLedger()
    let parent = try ledger.puppets(1)[0]
    let spinner = try ledger.instantiate(try ledger.store(WAT.spinner))
    func message(limit: UInt64?) -> [UInt8] {
      Say.ok([
        SubMsg(message: Say.execute(spinner, Say.ok()), gasLimit: limit, replyOn: .always)
      ])
    }
    let caught = try ledger.execute(parent, message(limit: 500_000))
    #expect(caught.succeeded, "\(caught.log)")
    let reply = try Reply(decoding: try #require(try ledger.stored(parent, "last")))
    #expect(reply.result == .error("codespace: sdk, code: 11"))
    // The whole limit was paid, whatever the loop used; what the reply keeps is there by now.
    let warm = try ledger.execute(parent, message(limit: 500_000))
    let other = try ledger.execute(parent, message(limit: 700_000))
    #expect(other.gasUsed == warm.gasUsed + 200_000)
    let gas: UInt64 = 3_000_000
    for limit in [nil, 2_990_000] as [UInt64?] {
      let ended = try ledger.execute(parent, message(limit: limit), gas: gas)
      #expect(ended.refusal == "sdk.11")
      #expect(ended.gasUsed == gas)
    }
    #expect(try ledger.count(parent, "d") == 3)
  }

  @Test("nest a hundred deep and no deeper, messages and replies alike")
  func depth() throws {
    var ledger = try ContractLedger()
    let code = try ledger.store(WAT.puppet())
    let first = try ledger.instantiate(code)
    let loop = Say.ok([SubMsg(message: Say.execute(first, Say.ok()))])
    #expect(try ledger.execute(first, [0x5b] + loop + [0x5d]).succeeded)
    let result = try ledger.execute(first, Say.ok())
    #expect(result.refusal == "wasm.30")
    #expect(result.says("max call depth exceeded"))
    #expect(result.contractEvents(["execute"]).isEmpty)

    let second = try ledger.instantiate(code)
    let nothing = CosmosMsg.bank(.send(to: first.text, amount: []))
    let replies = Say.ok([SubMsg(message: nothing, replyOn: .always)])
    #expect(try ledger.execute(second, [0x5b] + replies + [0x5d]).succeeded)
    let looped = try ledger.execute(second, Say.ok())
    #expect(looped.refusal == "wasm.30")
    // The depth is counted, not guessed.
    let shallow = try ContractLedger(
      settings: ContractSettings(callDepthMax: 3, queryStackMax: 10))
    try Self.chainOfThree(shallow)
  }

  private static func chainOfThree(_ start: ContractLedger) throws {
    var ledger = start
    let contracts = try ledger.puppets(4)
    func nested(_ count: Int) -> [UInt8] {
      var message = Say.ok()
      for contract in contracts[1..<count].reversed() {
        message = Say.ok([SubMsg(message: Say.execute(contract, message))])
      }
      return message
    }
    #expect(try ledger.execute(contracts[0], nested(3)).succeeded)
    #expect(try ledger.execute(contracts[0], nested(4)).refusal == "wasm.30")
  }

  @Test("leave their events in order: the parent's, each submessage's, each reply's")
  func events() throws {
    var ledger = try ContractLedger()
    let contracts = try ledger.puppets(3)
    let (a, b, c) = (contracts[0], contracts[1], contracts[2])
    let tag = [ContractAttribute(key: "k", value: "v")]
    let message = Say.ok(
      [
        SubMsg(
          payload: Say.ok(attributes: tag),
          message: Say.execute(
            b, Say.ok([SubMsg(message: Say.execute(c, Say.ok(attributes: tag)))], attributes: tag)),
          replyOn: .success),
        SubMsg(message: Say.execute(c, Say.error("dropped")), replyOn: .error),
      ], attributes: tag)
    let result = try ledger.execute(a, message)
    #expect(
      result.contractEvents(["execute", "wasm", "reply"]) == [
        "execute(\(a))", "wasm(\(a))", "execute(\(b))", "wasm(\(b))", "execute(\(c))", "wasm(\(c))",
        "reply(\(a))", "wasm(\(a))", "reply(\(a))",
      ])
  }
}
