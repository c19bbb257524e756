import ContractHost
import Contracts
import Encodings
import Ledger
import Messages
import PacketHost
import Testing
import WireBytes

/// SplitMix64: the same numbers for the same seed everywhere.
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

/// What contracts are told to do, as a tree: calls that answer with submessages, each with a reply that may answer with
/// more.
private indirect enum Deed {
  /// An answer: an error, or data and submessages.
  case answer(fails: Bool, bytes: [UInt8]?, [Child])

  struct Child {
    enum Act {
      case call(contract: Int, funds: UInt64, Deed)
      case pay(contract: Int, amount: UInt64)
    }
    let act: Act
    let replyOn: ReplyOn
    let reply: Deed
  }

  static func random(_ depth: Int, _ numbers: inout SeededNumbers) -> Deed {
    let fails = Int.random(in: 0..<6, using: &numbers) == 0
    let bytes: [UInt8]? =
      Bool.random(using: &numbers) ? nil : [UInt8.random(in: 0...255, using: &numbers)]
    var children: [Child] = []
    if depth > 0 {
      for _ in 0..<Int.random(in: 0...2, using: &numbers) {
        let contract = Int.random(in: 0..<3, using: &numbers)
        let act: Child.Act =
          Int.random(in: 0..<4, using: &numbers) == 0
          ? .pay(contract: contract, amount: UInt64.random(in: 1...60, using: &numbers))
          : .call(
            contract: contract, funds: UInt64.random(in: 0...20, using: &numbers),
            random(depth - 1, &numbers))
        children.append(
          Child(
            act: act, replyOn: [.always, .success, .error, .never].randomElement(using: &numbers) ?? .never,
            reply: random(depth > 1 ? 1 : 0, &numbers)))
      }
    }
    return .answer(fails: fails, bytes: bytes, children)
  }

  /// The answer as a contract writes it.
  func said(_ contracts: [AccountAddress]) -> [UInt8] {
    guard case .answer(let fails, let bytes, let children) = self else { return [] }
    if fails { return Say.error("no") }
    return Say.ok(
      children.enumerated().map { index, child in
        let message: CosmosMsg
        switch child.act {
        case .pay(let contract, let amount): message = Say.send(amount, to: contracts[contract])
        case .call(let contract, let funds, let deed):
          message = Say.execute(
            contracts[contract], deed.said(contracts),
            funds: funds == 0 ? [] : [ContractCoin(denomination: "ucause", amount: UInt256(funds))])
        }
        return SubMsg(
          id: UInt64(index), payload: child.reply.said(contracts), message: message, replyOn: child.replyOn)
      }, bytes: bytes)
  }
}

/// The rules of wasmd from their description, over plain values: what the keeper is compared with.
private struct Model {
  struct World: Equatable {
    var calls = [0, 0, 0]
    var replies = [0, 0, 0]
    var lastErrors: [String?] = [nil, nil, nil]
    var balances: [UInt64] = [100, 100, 100]
    var events: [String] = []
  }

  struct Failure: Error {
    /// As a reply is told it.
    let told: String
  }

  var world = World()

  mutating func call(_ contract: Int, _ deed: Deed) throws(Failure) -> [UInt8]? {
    world.calls[contract] += 1
    return try run(deed, of: contract, event: "execute")
  }

  private mutating func run(_ deed: Deed, of contract: Int, event: String) throws(Failure) -> [UInt8]? {
    guard case .answer(let fails, let bytes, let children) = deed else { return nil }
    if fails { throw Failure(told: "no: execute wasm contract failed") }
    world.events.append("\(event)(\(contract))")
    var result = bytes
    for child in children {
      let before = world
      var failure: Failure?
      do throws(Failure) {
        switch child.act {
        case .pay(let other, let amount): try move(amount, contract, other)
        case .call(let other, let funds, let deed):
          if funds > 0 { try move(funds, contract, other) }
          _ = try call(other, deed)
        }
      } catch {
        failure = error
        world = before
      }
      let isTold: Bool
      switch child.replyOn {
      case .always: isTold = true
      case .success: isTold = failure == nil
      case .error: isTold = failure != nil
      case .never: isTold = false
      }
      if let failure, !isTold { throw failure }
      guard isTold else { continue }
      world.replies[contract] += 1
      world.lastErrors[contract] = failure?.told
      let replied: [UInt8]?
      do throws(Failure) { replied = try run(child.reply, of: contract, event: "reply") } catch {
        // Whatever went wrong in a reply, its words are not passed on.
        throw Failure(told: error.told.hasPrefix("codespace") ? error.told : "codespace: wasm, code: 5")
      }
      if let replied { result = replied }
    }
    return result
  }

  private mutating func move(_ amount: UInt64, _ from: Int, _ to: Int) throws(Failure) {
    guard world.balances[from] >= amount else { throw Failure(told: "codespace: sdk, code: 5") }
    world.balances[from] -= amount
    world.balances[to] += amount
  }
}

@Suite("Random trees of submessages", .enabled(if: TestEngine.isThere, TestEngine.absent))
struct TreePropertyTests {
  @Test(
    "leave the state, the events, the data and the replies that the rules give",
    arguments: 1...6 as ClosedRange<UInt64>)
  func property(seed: UInt64) throws {
    var numbers = SeededNumbers(seed: seed)
    var ledger = try ContractLedger()
    let contracts = try ledger.puppets(3, funds: 100)
    var model = Model()
    var successes = 0
    for round in 0..<40 {
      let deed = Deed.random(4, &numbers)
      let before = model.world
      model.world.events = []
      var expected: [UInt8]?
      var succeeds = true
      do { expected = try model.call(0, deed) } catch {
        succeeds = false
        model.world = before
        model.world.events = []
      }
      let result = try ledger.execute(contracts[0], deed.said(contracts))
      #expect(result.succeeded == succeeds, "seed \(seed), round \(round): \(result.log)")
      if succeeds {
        successes += 1
        #expect(try result.wasmAnswer == .executed(result: expected ?? []))
      }
      let names = contracts.enumerated().map { (text: $0.element.text, index: $0.offset) }
      let events = result.contractEvents(["execute", "reply"]).map { event in
        names.reduce(event) { $0.replacing($1.text, with: String($1.index)) }
      }
      #expect(events == model.world.events, "seed \(seed), round \(round)")
      for index in 0..<3 {
        #expect(try ledger.count(contracts[index], "c") == model.world.calls[index])
        #expect(try ledger.count(contracts[index], "d") == model.world.replies[index])
        #expect(try ledger.balance(contracts[index]) == model.world.balances[index])
        guard let last = try ledger.stored(contracts[index], "last") else { continue }
        var error: String?
        if case .error(let text) = try Reply(decoding: last).result { error = text }
        #expect(error == model.world.lastErrors[index], "seed \(seed), round \(round)")
      }
    }
    #expect(successes > 5)
    // The same blocks give the same state again, on another chain and another engine.
    let engine = try ContractEngine(library: try #require(TestEngine.library))
    let keeper = ContractKeeper(
      engine: engine, domain: try DomainID("cosmos:harbor-1"), programs: .standard,
      settings: ContractSettings(authority: ledger.alice.address))
    var replica = try ContractLedger.chain("harbor-1", keeper: keeper)
    for committed in ledger.history {
      let again = try replica.replay(committed.block, commit: committed.commit)
      #expect(again.tip.appHash == committed.tip.appHash)
      #expect(again.outcome == committed.outcome)
    }
    #expect(replica.tip == ledger.chain.tip)
  }
}
