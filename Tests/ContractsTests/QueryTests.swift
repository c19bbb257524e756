import ContractHost
import Contracts
import Encodings
import Ledger
import Messages
import PacketHost
import Testing
import WireBytes

@Suite("Questions to contracts and of contracts", .enabled(if: TestEngine.isThere, TestEngine.absent))
struct QueryTests {
  @Test("are answered about coins, contracts and code")
  func answers() throws {
    var ledger = try ContractLedger()
    let contracts = try ledger.puppets(2, funds: 50)
    let (asker, other) = (contracts[0], contracts[1])
    func ok(_ question: QueryRequest) throws -> String {
      let answer = try ledger.ask(asker, question)
      guard let text = answer["ok"]?["ok"]?.string else { throw TestFailure.answer(answer.text()) }
      return String(decoding: try Base64.decode(text), as: UTF8.self)
    }
    #expect(
      try ok(.bank(.balance(address: other.text, denomination: "ucause")))
        == #"{"amount":{"denom":"ucause","amount":"50"}}"#)
    #expect(
      try ok(.bank(.balance(address: other.text, denomination: "nothing")))
        == #"{"amount":{"denom":"nothing","amount":"0"}}"#)
    #expect(
      try ok(.bank(.supply(denomination: "ucause")))
        == #"{"amount":{"denom":"ucause","amount":"3000000000000"}}"#)
    #expect(
      try ok(.bank(.allBalances(address: other.text)))
        == #"{"amount":[{"denom":"ucause","amount":"50"}]}"#)
    #expect(
      try ok(.bank(.allDenominationMetadata(page: nil))) == #"{"metadata":[],"next_key":null}"#)
    #expect(
      try ok(.wasm(.contractInfo(contract: other.text)))
        == #"{"code_id":1,"creator":"\#(ledger.alice.address.text)","admin":null,"pinned":false,"ibc_port":null,"#
        + #""ibc2_port":"wasm2\#(other.text.dropFirst(5))"}"#)
    let checksum = try ContractAnswers.codeInfo(ledger.query(.codeInfo(1))).checksum
    #expect(
      try ok(.wasm(.codeInfo(codeID: 1)))
        == #"{"code_id":1,"creator":"\#(ledger.alice.address.text)","checksum":"\#(Hex.encode(checksum.array, prefix: ""))"}"#
    )
    _ = try ledger.execute(other, Say.ok())
    #expect(try ok(.wasm(.raw(contract: other.text, key: [UInt8]("c".utf8)))) == "\u{1}\0\0\0")
    #expect(try ok(.wasm(.raw(contract: other.text, key: [UInt8]("none".utf8)))) == "")
    #expect(
      try ok(.wasm(.smart(contract: other.text, message: [UInt8](#"{"ok":"aGk="}"#.utf8)))) == "hi")
    #expect(try ok(.ibc(.portID)) == #"{"port_id":""}"#)
    #expect(try ok(.ibc(.channel(channelID: "channel-0", portID: nil))) == #"{"channel":null}"#)
    #expect(try ok(.ibc(.listChannels(portID: nil))) == #"{"channels":[]}"#)
    let walker = try ledger.instantiate(try ledger.store(WAT.walker))
    func range(
      _ start: String?, _ end: String?, _ limit: UInt16, _ order: WasmQuery.Order
    ) throws -> (String, String?) {
      let text = try ok(
        .wasm(
          .rawRange(
            contract: walker.text, start: start.map { [UInt8]($0.utf8) }, end: end.map { [UInt8]($0.utf8) },
            limit: limit, order: order)))
      let answer = try RawRangeAnswer(decoding: [UInt8](text.utf8))
      return (
        answer.entries.map { String(decoding: $0.key, as: UTF8.self) }.joined(),
        answer.nextKey.map { String(decoding: $0, as: UTF8.self) }
      )
    }
    #expect(try range("d", "h", 2, .ascending) == ("de", "f"))
    #expect(try range("d", "h", 9, .ascending) == ("defg", nil))
    #expect(try range(nil, nil, 3, .descending) == ("zyx", "w"))
    #expect(try range("d", nil, 0, .ascending) == ("", "d"))
  }

  @Test("that the domain does not answer are refused by their kind")
  func unsupported() throws {
    var ledger = try ContractLedger()
    let asker = try ledger.puppets(1)[0]
    let nobody = AccountAddress(ContractAddresses.classic(codeID: 9, instanceID: 9)).text
    let cases: [(String, String)] = [
      (
        #"{"grpc":{"path":"/cosmos.bank.v1beta1.Query/Balance","data":""}}"#,
        #"{"error":{"unsupported_request":{"kind":"gRPC queries are disabled on this chain"}}}"#
      ),
      (
        #"{"stargate":{"path":"/cosmos.bank.v1beta1.Query/Balance","data":""}}"#,
        #"{"error":{"unsupported_request":{"kind":"Stargate queries are disabled on this chain"}}}"#
      ), (#"{"custom":{"a":1}}"#, #"{"error":{"unsupported_request":{"kind":"custom"}}}"#),
      (#"{"staking":{"bonded_denom":{}}}"#, #"{"error":{"unsupported_request":{"kind":"staking"}}}"#),
      (#"{"distribution":{"x":{}}}"#, #"{"error":{"unsupported_request":{"kind":"distribution"}}}"#),
      (#"{"bank":{"x":{}}}"#, #"{"error":{"unsupported_request":{"kind":"unknown BankQuery variant"}}}"#),
      (#"{"wasm":{"x":{}}}"#, #"{"error":{"unsupported_request":{"kind":"unknown WasmQuery variant"}}}"#),
      (#"{"what":{"x":{}}}"#, #"{"error":{"unknown":{}}}"#),
      (
        #"{"wasm":{"contract_info":{"contract_addr":"\#(nobody)"}}}"#,
        #"{"error":{"no_such_contract":{"addr":"\#(nobody)"}}}"#
      ),
      (
        #"{"wasm":{"smart":{"contract_addr":"\#(nobody)","msg":"e30="}}}"#,
        #"{"error":{"no_such_contract":{"addr":"\#(nobody)"}}}"#
      ), (#"{"wasm":{"code_info":{"code_id":99}}}"#, #"{"error":{"no_such_code":{"code_id":99}}}"#),
      (#"{"wasm":{"code_info":{"code_id":0}}}"#, #"{"ok":{"error":"codespace: wasm, code: 12"}}"#),
      (
        #"{"bank":{"balance":{"address":"x","denom":"ucause"}}}"#,
        #"{"ok":{"error":"codespace: sdk, code: 7"}}"#
      ),
      (
        #"{"wasm":{"smart":{"contract_addr":"\#(asker.text)","msg":"ew=="}}}"#,
        #"{"ok":{"error":"codespace: wasm, code: 14"}}"#
      ),
      (#"{"bank":{"denom_metadata":{"denom":"x"}}}"#, #"{"ok":{"error":"codespace: sdk, code: 38"}}"#),
    ]
    for (question, answer) in cases {
      #expect(try ledger.ask(asker, json: [UInt8](question.utf8)).text() == answer, "\(question)")
    }
    let junk = try ledger.ask(asker, json: [UInt8]("7".utf8))
    #expect(junk["error"]?["invalid_request"]?["request"]?.string == "Nw==")
  }

  @Test("to contracts nest ten deep, and change nothing")
  func recursion() throws {
    var ledger = try ContractLedger()
    let contract = try ledger.puppets(1)[0]
    let itself = QueryRequest.wasm(.smart(contract: contract.text, message: [UInt8]("[]".utf8)))
    #expect(try ledger.execute(contract, [0x5b] + itself.encoded() + [0x5d]).succeeded)
    func refusal(_ query: ContractQuery) -> String {
      do { return String(decoding: try ContractAnswers.bytes(ledger.query(query)), as: UTF8.self) } catch {
        guard case QueryRefusal.module(let refusal) = error else { return "\(error)" }
        return "\(refusal.codespace).\(refusal.number) \(refusal.text)"
      }
    }
    // The innermost was refused by its code; each of the ten around it has passed that on as its own.
    var words = "codespace: wasm, code: 27"
    for _ in 0..<10 { words += ": query wasm contract failed" }
    #expect(
      refusal(.smartContractState(contract, message: [UInt8]("[]".utf8))) == "wasm.9 \(words)")
    #expect(
      refusal(.smartContractState(contract, message: [UInt8](#"{"ok":"aGk="}"#.utf8))) == "hi")
    #expect(
      refusal(.smartContractState(contract, message: [UInt8](#"{"error":"no"}"#.utf8)))
        == "wasm.9 no: query wasm contract failed")
    #expect(refusal(.smartContractState(contract, message: [UInt8]("{".utf8))).hasPrefix("wasm.14"))
    let nobody = AccountAddress(ContractAddresses.classic(codeID: 9, instanceID: 9))
    #expect(
      refusal(.smartContractState(nobody, message: [0x30])) == "wasm.22 address \(nobody): no such contract")
    #expect(refusal(.code(0)) == "wasm.14 code id: invalid")
    #expect(refusal(.codeInfo(8)) == "wasm.28 code id 8: no such code")
    let spinner = try ledger.instantiate(try ledger.store(WAT.spinner))
    #expect(refusal(.smartContractState(spinner, message: [0x30])).hasPrefix("sdk.11"))
    let writer = try ledger.instantiate(try ledger.store(WAT.broken))
    #expect(
      refusal(.smartContractState(writer, message: [0x30])).contains(
        "Must not call a writing storage function in this context."))
    #expect(try ledger.stored(writer, "0") == nil)
  }

  @Test("that use up the asker's gas end its call")
  func gas() throws {
    var ledger = try ContractLedger()
    let asker = try ledger.puppets(1)[0]
    let spinner = try ledger.instantiate(try ledger.store(WAT.spinner))
    let question = QueryRequest.wasm(.smart(contract: spinner.text, message: [0x30])).encoded()
    let result = try ledger.execute(asker, [0x5b, 0x5b] + question + [0x5d, 0x5d], gas: 2_000_000)
    #expect(result.refusal == "sdk.11")
    #expect(result.gasUsed == 2_000_000)
  }
}
