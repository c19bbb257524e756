import ContractHost
import Contracts
import Encodings
import Ledger
import Messages
import PacketHost
import Testing
import WireBytes

@Suite("Contracts that are made and called", .enabled(if: TestEngine.isThere, TestEngine.absent))
struct CallTests {
  @Test("have the address of wasmd, take funds, and are told who calls")
  func instantiation() throws {
    var ledger = try ContractLedger()
    let code = try ledger.store(WAT.puppet())
    let said = Say.ok(
      attributes: [ContractAttribute(key: " a ", value: " b ")],
      events: [
        ContractEvent(type: " deal ", attributes: [ContractAttribute(key: "k", value: "")])
      ], bytes: [1, 2])
    let result = try ledger.run(
      .instantiate(
        sender: ledger.alice.address, admin: ledger.bob.address, codeID: code, label: "first", message: said,
        funds: [ledger.coin(30)]))
    // wasmd x/wasm/keeper/addresses_test.go: code 1, instance 1.
    let address = AccountAddress(
      try Bytes32(hex: "ade4a5f5803a439835c636395a8d648dee57b2fc90d98dc17fa887159b69638b"))
    #expect(try result.wasmAnswer == .instantiate(contract: address, result: [1, 2]))
    #expect(try ledger.balance(address) == 30)
    let events = result.events.filter { $0.type != "tx" && $0.type != "message" }
    #expect(events.map(\.type) == ["transfer", "transfer", "instantiate", "wasm", "wasm-deal"])
    #expect(
      events.dropFirst(2).map { $0.attributes.map { "\($0.key)=\($0.value)" } } == [
        ["_contract_address=\(address.text)", "code_id=1"], ["_contract_address=\(address.text)", "a=b"],
        ["_contract_address=\(address.text)", "k="],
      ])
    let details = try ContractAnswers.contract(ledger.query(.contractInfo(address)))
    #expect(details.address == address)
    #expect(details.record.codeID == 1)
    #expect(details.record.creator == ledger.alice.address)
    #expect(details.record.admin == ledger.bob.address)
    #expect(details.record.label == "first")
    #expect(details.record.createdHeight == 2)
    #expect(details.record.ibcPort == nil)
    #expect(details.record.ibc2Port == "wasm2" + address.text.dropFirst(5))
    #expect(
      try ContractAnswers.history(ledger.query(.contractHistory(address, .first))).elements.map(\.message)
        == [said])
    #expect(
      try ContractAnswers.contracts(ledger.query(.contractsByCode(1, .first))).elements == [address])
    #expect(
      try ContractAnswers.contracts(ledger.query(.contractsByCreator(ledger.alice.address, .first))).elements
        == [address])
  }

  @Test("can have an address that is known before, once")
  func predictable() throws {
    var ledger = try ContractLedger()
    let wasm = try TestEngine.assemble(WAT.puppet())
    let code = try ledger.store(wasm: wasm)
    let alice = ledger.alice.address
    let checksum = try ContractAnswers.codeInfo(ledger.query(.codeInfo(code))).checksum
    let expected = AccountAddress(
      try ContractAddresses.predictable(checksum: checksum, creator: alice.bytes, salt: [7, 8]))
    #expect(
      try ContractAnswers.address(
        ledger.query(.buildAddress(checksum: checksum, creator: alice, salt: [7, 8], message: [])))
        == expected)
    func make(_ salt: [UInt8], fixes: Bool = false) throws -> TransactionResult {
      try ledger.run(
        .instantiate2(
          sender: alice, admin: nil, codeID: code, label: "x", message: Say.ok(), funds: [], salt: salt,
          fixesMessage: fixes))
    }
    // Coins that came before the contract are no reason against it (CWA-2022-005).
    let early = try ledger.run([.send(from: alice, to: expected, coins: [ledger.coin(5)])])
    #expect(early.succeeded, "\(early.log)")
    #expect(try make([7, 8]).wasmAnswer == .instantiate(contract: expected, result: []))
    #expect(try ledger.balance(expected) == 5)
    let again = try make([7, 8])
    #expect(again.refusal == "wasm.15")
    #expect(
      again.says(
        "contract address already exists, try a different combination of creator, checksum and salt"))
    let fixed = AccountAddress(
      try ContractAddresses.predictable(
        checksum: checksum, creator: alice.bytes, salt: [7, 8], message: Say.ok()))
    #expect(try make([7, 8], fixes: true).wasmAnswer == .instantiate(contract: fixed, result: []))
    #expect(try make([]).refusal == "wasm.12")
    let long = try make([UInt8](repeating: 1, count: 65))
    #expect(long.refusal == "wasm.13")
    #expect(long.says("salt: cannot be longer than 64 characters: exceeds limit"))
  }

  @Test(
    "need a label of printable characters",
    arguments: [
      ("", "wasm.12", "label: is required: empty"), (" a", "wasm.14", "start/end with whitespaces"),
      ("a\n", "wasm.14", "start/end with whitespaces"), ("a\u{7}b", "wasm.14", "printable characters only"),
      (String(repeating: "a", count: 129), "wasm.13", "cannot be longer than 128 characters"),
    ])
  func labels(label: String, refusal: String, words: String) throws {
    var ledger = try ContractLedger()
    let result = try ledger.run(
      .instantiate(
        sender: ledger.alice.address, admin: nil, codeID: 1, label: label, message: Say.ok(), funds: []))
    #expect(result.refusal == refusal)
    #expect(result.says(words), "\(result.log)")
  }

  @Test("refuse what they refuse with their own words, and leave nothing")
  func errors() throws {
    var ledger = try ContractLedger()
    let code = try ledger.store(WAT.puppet())
    let alice = ledger.alice.address
    let failed = try ledger.run(
      .instantiate(
        sender: alice, admin: nil, codeID: code, label: "x", message: Say.error("no"),
        funds: [ledger.coin(9)]))
    #expect(failed.refusal == "wasm.4")
    #expect(failed.says("no: instantiate wasm contract failed"))
    let contract = try ledger.instantiate(code)
    // The counter of instances went back as well.
    #expect(contract == AccountAddress(ContractAddresses.classic(codeID: 1, instanceID: 1)))
    let funds = try ledger.balance(alice)
    let refused = try ledger.execute(contract, Say.error("not today"), funds: [ledger.coin(40)])
    #expect(refused.refusal == "wasm.5")
    #expect(refused.says("not today: execute wasm contract failed"))
    #expect(try ledger.balance(contract) == 0)
    #expect(try ledger.balance(alice) == funds.map { $0 - 100_001 })
    #expect(try ledger.count(contract, "c") == 0)
    let nobody = AccountAddress(ContractAddresses.classic(codeID: 9, instanceID: 9))
    let unknown = try ledger.execute(nobody, Say.ok())
    #expect(unknown.refusal == "wasm.22")
    #expect(unknown.says("address \(nobody.text): no such contract"))
    let noCode = try ledger.run(
      .instantiate(sender: alice, admin: nil, codeID: 77, label: "x", message: Say.ok(), funds: []))
    #expect(noCode.refusal == "wasm.28")
    let poor = try ledger.execute(contract, Say.ok(), funds: [ledger.coin(2_000_000_000_000)])
    #expect(poor.refusal == "sdk.5")
    #expect(poor.says("is smaller than 2000000000000ucause: insufficient funds"))
    for message in ["", "{", "[1", "nul"] {
      let result = try ledger.execute(contract, [UInt8](message.utf8))
      #expect(result.refusal == (message.isEmpty ? "wasm.12" : "wasm.14"), "\(message)")
    }
    // Deep JSON is refused, and nothing overflows (CWA-2024-001).
    let deep = [UInt8](repeating: 0x5b, count: 100_000) + [UInt8](repeating: 0x5d, count: 100_000)
    #expect(try ledger.execute(contract, deep).refusal == "wasm.14")
    let stranger = try ledger.run(
      [
        WasmMessage.execute(sender: alice, contract: contract, message: Say.ok(), funds: []).ledgerMessage
      ], by: ledger.bob)
    #expect(stranger.refusal == "sdk.4")
  }

  @Test(
    "answer what is no answer, trap, or lack an entry point: the machine's error, the same twice",
    arguments: ["execute", "reply", "sudo", "migrate"])
  func broken(kind: String) throws {
    var ledger = try ContractLedger()
    let code = try ledger.store(WAT.broken)
    let contract = try ledger.instantiate(code, admin: ledger.alice.address)
    let alice = ledger.alice.address
    let message: WasmMessage
    let words: String
    switch kind {
    case "execute":
      message = .execute(sender: alice, contract: contract, message: Say.ok(), funds: [])
      words = "Error executing Wasm: Wasmer runtime error: RuntimeError: unreachable: wasmvm error"
    case "sudo":
      message = .sudo(authority: alice, contract: contract, message: Say.ok())
      words = "contract answered no ContractResponse"
    case "migrate":
      message = .migrate(sender: alice, contract: contract, codeID: code, message: Say.ok())
      words = "Error in guest/host communication"
    default:
      message = .instantiate(
        sender: alice, admin: nil, codeID: code, label: "x",
        message: Say.ok([SubMsg(message: .bank(.send(to: alice.text, amount: [])), replyOn: .always)]),
        funds: [])
      words = "Missing export reply"
    }
    let first = try ledger.run(message)
    let second = try ledger.run(message)
    #expect(first.refusal == "wasm.29")
    #expect(first.says(words), "\(first.log)")
    // CWA-2021-003, CWA-2025-003: no traces, no addresses of memory.
    #expect(first.log == second.log)
  }

  @Test("are changed by their admin alone")
  func admins() throws {
    var ledger = try ContractLedger()
    let (alice, bob) = (ledger.alice.address, ledger.bob)
    let code = try ledger.store(WAT.puppet())
    let contract = try ledger.instantiate(code, admin: alice)
    let stranger = try ledger.run(
      .updateAdmin(sender: bob.address, admin: alice, contract: contract), by: bob)
    #expect(stranger.refusal == "sdk.4")
    #expect(stranger.says("can not modify contract: unauthorized"))
    let same = try ledger.run(.updateAdmin(sender: alice, admin: alice, contract: contract))
    #expect(same.says("new admin is the same as the old: invalid"))
    let moved = try ledger.run(.updateAdmin(sender: alice, admin: bob.address, contract: contract))
    #expect(
      moved.events.first { $0.type == "update_contract_admin" }?.value("new_admin_address")
        == bob.address.text)
    #expect(try ledger.run(.clearAdmin(sender: alice, contract: contract)).refusal == "sdk.4")
    let label = try ledger.run(.updateLabel(sender: bob.address, label: "new", contract: contract), by: bob)
    #expect(label.events.first { $0.type == "update_contract_label" }?.value("new_label") == "new")
    #expect(try ledger.run(.clearAdmin(sender: bob.address, contract: contract), by: bob).succeeded)
    // For good.
    #expect(try ledger.run(.clearAdmin(sender: bob.address, contract: contract), by: bob).refusal == "sdk.4")
    let record = try ContractAnswers.contract(ledger.query(.contractInfo(contract))).record
    #expect((record.admin, record.label) == (nil, "new"))
    let unknown = try ledger.run(.clearAdmin(sender: alice, contract: alice))
    #expect(unknown.refusal == "sdk.18")
    #expect(unknown.says("unknown contract: invalid request"))
  }

  @Test("are called by sudo for the authority alone")
  func sudo() throws {
    var ledger = try ContractLedger()
    let contract = try ledger.puppets(1)[0]
    let message = Say.ok()
    let refused = try ledger.run(
      .sudo(authority: ledger.bob.address, contract: contract, message: message), by: ledger.bob)
    #expect(refused.refusal == "sdk.4")
    let called = try ledger.run(
      .sudo(authority: ledger.alice.address, contract: contract, message: message))
    #expect(called.contractEvents(["sudo"]) == ["sudo(\(contract.text))"])
    #expect(try ledger.stored(contract, "sudo") == message)
  }

  @Test(
    "emit no event that could be taken for the domain's",
    arguments: [
      ("", "v", "wasm", "Empty attribute key. Value: v: invalid event"),
      ("_contract_address", "x", "wasm", "Attribute key starts with reserved prefix _: '_contract_address'"),
      ("k", "v", "ab", "Event type too short: 'ab': invalid event"),
      ("k", "v", "  a  ", "Event type too short: 'a'"),
    ])
  func events(key: String, value: String, type: String, words: String) throws {
    var ledger = try ContractLedger()
    let contract = try ledger.puppets(1)[0]
    let attribute = ContractAttribute(key: key, value: value)
    let said =
      type == "wasm"
      ? Say.ok(attributes: [attribute])
      : Say.ok(events: [ContractEvent(type: type, attributes: [attribute])])
    let result = try ledger.execute(contract, said)
    #expect(result.refusal == "wasm.21")
    #expect(result.says(words), "\(result.log)")
  }

  @Test("walk over their keys in both directions, and over nobody else's")
  func iteration() throws {
    var ledger = try ContractLedger()
    let code = try ledger.store(WAT.walker)
    let (first, second) = (try ledger.instantiate(code), try ledger.instantiate(code))
    func found(_ message: String) throws -> String {
      let result = try ledger.execute(first, [UInt8](message.utf8))
      #expect(result.succeeded, "\(result.log)")
      return String(decoding: try #require(try ledger.stored(first, "~found")).dropFirst(), as: UTF8.self)
    }
    #expect(try found(#"["c","h"]"#) == "cdefg")
    #expect(try found(#"["c","h"] "#) == "gfedc")
    #expect(try found(#"["a","z"] "#) == "yxwvutsrqponmlkjihgfedcba")
    #expect(try found(#"["x","c"]"#) == "")
    #expect(try found(#"["t","~"]"#) == "tuvwxyz")
    #expect(try ledger.stored(second, "~found") == nil)
    let state = try ContractAnswers.state(ledger.query(.allContractState(second, ContractPage(limit: 20))))
    #expect(state.elements.map { String(decoding: $0.key, as: UTF8.self) }.joined() == "abcdefghijklmnopqrst")
    let rest = try ContractAnswers.state(
      ledger.query(.allContractState(second, ContractPage(key: state.nextKey))))
    #expect(rest.elements.map { String(decoding: $0.key, as: UTF8.self) }.joined() == "uvwxyz")
    let back = try ContractAnswers.state(
      ledger.query(.allContractState(second, ContractPage(limit: 3, isDescending: true))))
    #expect(back.elements.map { String(decoding: $0.key, as: UTF8.self) }.joined() == "zyx")
    #expect(back.nextKey == [UInt8]("w".utf8))
  }

  @Test("are called by MsgCall as programs are, and by envelopes")
  func programs() throws {
    var ledger = try ContractLedger()
    let contract = try ledger.puppets(1)[0]
    let result = try ledger.run([
      .callProgram(
        caller: ledger.alice.address, program: contract, funds: [ledger.coin(3)],
        input: Say.ok(bytes: [5, 6]))
    ])
    #expect(try TransactionAnswers(decoding: result.payload).answers[0].value == [10, 2, 5, 6])
    #expect(try ledger.balance(contract) == 3)
    let refused = try ledger.run([
      .callProgram(
        caller: ledger.alice.address, program: contract, funds: [], input: Say.error("no"))
    ])
    #expect(refused.refusal == "program.2")
    #expect(refused.says("wasm.5"))
  }

  @Test("take an address in one spelling only")
  func addresses() throws {
    var ledger = try ContractLedger()
    let contract = try ledger.instantiate(try ledger.store(WAT.checker))
    func said(_ text: String) throws -> (String, String?) {
      let result = try ledger.execute(contract, [UInt8]("\"\(text)\"".utf8))
      #expect(result.succeeded, "\(result.log)")
      return (
        String(decoding: try ledger.stored(contract, "v") ?? [], as: UTF8.self),
        try ledger.stored(contract, "h").map { String(decoding: $0, as: UTF8.self) }
      )
    }
    #expect(try said("cosmos1qqqq") == ("decoding bech32 failed", nil))
    #expect(try said(ledger.bob.address.text) == ("valid", ledger.bob.address.text))
    #expect(try said(contract.text) == ("valid", contract.text))
    // CWA-2022-002: another spelling of an address is not the address.
    #expect(try said(ledger.bob.address.text.uppercased()).0 == "address not normalized")
    #expect(try ledger.stored(contract, "h") == [UInt8](ledger.bob.address.text.utf8))
  }
}
