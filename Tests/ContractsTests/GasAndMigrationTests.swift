import ContractHost
import Contracts
import Encodings
import Ledger
import Messages
import PacketHost
import Testing
import WireBytes

@Suite("Gas of contracts", .enabled(if: TestEngine.isThere, TestEngine.absent))
struct GasTests {
  @Test("is 60,000 for an instance, or 2,000 when its code is pinned or was used in the transaction")
  func instances() throws {
    var ledger = try ContractLedger()
    let contracts = try ledger.puppets(2)
    let alice = ledger.alice.address
    func calls(_ targets: [AccountAddress]) throws -> UInt64 {
      let result = try ledger.run(
        targets.map {
          WasmMessage.execute(sender: alice, contract: $0, message: Say.ok(), funds: []).ledgerMessage
        })
      #expect(result.succeeded, "\(result.log)")
      return result.gasUsed
    }
    // The counter of each is there already, so that every call costs the same.
    _ = try calls(contracts)
    let (one, two) = (try calls([contracts[0]]), try calls([contracts[0], contracts[1]]))
    let three = try calls([contracts[0], contracts[1], contracts[0]])
    // Another call in the transaction costs the same as the one before it, and 58,000 less than the first.
    let each = three - two
    #expect(one - each > 58_000)
    #expect(two - one == each)
    _ = try ledger.run(.pinCodes(authority: alice, codeIDs: [1]))
    // The mark of the pin is read, one byte that is there and not absent: three gas.
    #expect(try calls([contracts[0]]) == one - 58_000 + 3)
  }

  @Test("is charged for events beyond a hundred bytes of attributes")
  func events() throws {
    var ledger = try ContractLedger()
    let contract = try ledger.puppets(1)[0]
    _ = try ledger.execute(contract, Say.ok())
    func used(_ attributes: Int, _ valueBytes: Int, events: Int = 0) throws -> UInt64 {
      let list = (0..<attributes).map { _ in
        ContractAttribute(key: "k", value: String(repeating: "v", count: valueBytes))
      }
      let said = Say.ok(
        attributes: events == 0 ? list : [],
        events: (0..<events).map { _ in ContractEvent(type: "deal", attributes: list) })
      let size = UInt64(said.count)
      let result = try ledger.execute(contract, said)
      #expect(result.succeeded, "\(result.log)")
      // Ten a byte of the transaction, one a byte of the answer.
      return result.gasUsed - 11 * size
    }
    // The attribute's hundred bytes are free; a hundred more cost one each.
    let (free, paid) = (try used(1, 99), try used(1, 199))
    #expect((100...103).contains(Int(paid) - Int(free)))
    // An event of a name of four bytes with one attribute: 20, 4 and 10, and the ledger's 100; without it nothing.
    let (without, with) = (try used(0, 0), try used(1, 10, events: 1))
    #expect((134...137).contains(Int(with) - Int(without)), "\(with) \(without)")
  }

  @Test("that a trap has used is paid, and a loop uses all")
  func failures() throws {
    var ledger = try ContractLedger()
    let spinner = try ledger.instantiate(try ledger.store(WAT.spinner))
    let broken = try ledger.instantiate(try ledger.store(WAT.broken))
    let looped = try ledger.execute(spinner, Say.ok(), gas: 1_000_000)
    #expect(looped.refusal == "sdk.11")
    #expect(looped.gasUsed == 1_000_000)
    let again = try ledger.execute(spinner, Say.ok(), gas: 1_000_001)
    #expect(again.gasUsed == 1_000_001)
    let trapped = try ledger.execute(broken, Say.ok(), gas: 1_000_000)
    #expect(trapped.refusal == "wasm.29")
    #expect(trapped.gasUsed > 60_000)
    #expect(trapped.gasUsed < 1_000_000)
  }

  @Test("is the same twice, and on another engine")
  func determinism() throws {
    func run(_ engine: ContractEngine) throws -> [UInt64] {
      var ledger = try ContractLedger(engine: engine)
      let contracts = try ledger.puppets(2, funds: 10)
      let message = Say.ok([
        SubMsg(message: Say.execute(contracts[1], Say.error("x")), replyOn: .always),
        SubMsg(message: Say.send(3, to: contracts[1]), replyOn: .always),
      ])
      _ = try ledger.execute(contracts[0], message)
      return ledger.history.map { $0.outcome.gasUsed }
    }
    let other = try ContractEngine(library: try #require(TestEngine.library))
    #expect(try run(TestEngine.engine()) == run(other))
  }
}

@Suite("Migration", .enabled(if: TestEngine.isThere, TestEngine.absent))
struct MigrationTests {
  @Test(
    "calls the new code unless both name the same version",
    arguments: [
      (nil, nil, true), (nil, 2, true), (1, nil, true), (1, 2, true), (2, 2, false),
    ] as [(UInt64?, UInt64?, Bool)])
  func versions(old: UInt64?, new: UInt64?, isCalled: Bool) throws {
    var ledger = try ContractLedger()
    let alice = ledger.alice.address
    let first = try ledger.store(WAT.puppet(version: old))
    let second = try ledger.store(WAT.puppet(version: new, ibc: true))
    let contract = try ledger.instantiate(first, admin: alice)
    let result = try ledger.run(
      .migrate(sender: alice, contract: contract, codeID: second, message: Say.ok(bytes: [4])))
    #expect(try result.wasmAnswer == .executed(result: isCalled ? [4] : []))
    let information = try ledger.stored(contract, "migrate")
    #expect(
      information.map { String(decoding: $0, as: UTF8.self) }
        == (isCalled
          ? #"{"sender":"\#(alice.text)","old_migrate_version":\#(old.map { String($0) } ?? "null")}"# : nil))
    let event = try #require(result.events.first { $0.type == "migrate" })
    #expect(event.attributes.map(\.key) == ["code_id", "_contract_address"])
    let record = try ContractAnswers.contract(ledger.query(.contractInfo(contract))).record
    #expect(record.codeID == second)
    // The new code has all entry points of IBC v1.
    #expect(record.ibcPort == "wasm.\(contract.text)")
    #expect(try ContractAnswers.contracts(ledger.query(.contractsByCode(first, .first))).elements == [])
    #expect(
      try ContractAnswers.contracts(ledger.query(.contractsByCode(second, .first))).elements == [contract])
    let history = try ContractAnswers.history(ledger.query(.contractHistory(contract, .first))).elements
    #expect(history.map(\.operation) == [.instantiate, .migrate])
    #expect(history.map(\.codeID) == [first, second])
    // Back to code without them is refused; the port would be nobody's.
    let back = try ledger.run(
      .migrate(sender: alice, contract: contract, codeID: first, message: Say.ok()))
    #expect(back.refusal == "wasm.11")
    #expect(back.says("requires ibc callbacks: migrate wasm contract failed"))
  }

  @Test("is the admin's, to code that he may instantiate, and undone when the contract refuses")
  func permissions() throws {
    var ledger = try ContractLedger()
    let (alice, bob) = (ledger.alice.address, ledger.bob)
    let open = try ledger.store(WAT.puppet(version: 1, migrateInfo: false))
    let closed = try ledger.store(WAT.puppet(version: 2), permission: .anyOf([bob.address]))
    let contract = try ledger.instantiate(open, admin: alice)
    func migrate(to code: UInt64, _ message: [UInt8] = Say.ok(), by signer: TestSigner? = nil) throws
      -> TransactionResult
    {
      try ledger.run(
        .migrate(
          sender: (signer ?? ledger.alice).address, contract: contract, codeID: code, message: message),
        by: signer)
    }
    let stranger = try migrate(to: open, by: bob)
    #expect(stranger.refusal == "sdk.4")
    #expect(stranger.says("can not migrate: unauthorized"))
    let notAllowed = try migrate(to: closed)
    #expect(notAllowed.says("to use new code: unauthorized"))
    let unknown = try migrate(to: 50)
    #expect(unknown.refusal == "sdk.18")
    #expect(unknown.says("unknown code: invalid request"))
    let other = try ledger.store(WAT.puppet(version: 3, migrateInfo: false))
    let refused = try migrate(to: other, Say.error("not from there"))
    #expect(refused.refusal == "wasm.11")
    #expect(refused.says("not from there: migrate wasm contract failed"))
    #expect(try ContractAnswers.contract(ledger.query(.contractInfo(contract))).record.codeID == open)
    // An entry point of two arguments is called with two.
    #expect(try migrate(to: other).succeeded)
    #expect(try ledger.stored(contract, "migrate") == Say.ok())
  }
}
