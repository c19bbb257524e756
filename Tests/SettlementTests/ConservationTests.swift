import Digests
import Enclaves
import Foundation
import Ledger
import Messages
import Settlement
import Testing
import WireBytes

/// SplitMix64: one seed is one history.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

/// The rules once more, over plain dictionaries and without any of the module's code.
private struct PlainModel {
  struct PlainCase {
    let closes: UInt64
    let expires: UInt64
    let room: Int
    var inputs: [(who: Int, nonce: UInt64, commitment: Bytes32, amount: UInt64)] = []
    var isOver = false
    var held: UInt64 { inputs.reduce(0) { $0 + $1.amount } }
  }

  var balances: [Int: UInt64]
  var cases: [Bytes32: PlainCase] = [:]

  mutating func submit(
    _ who: Int, _ id: Bytes32, nonce: UInt64, commitment: Bytes32, amount: UInt64, at time: UInt64
  ) -> Bool {
    guard var found = cases[id], !found.isOver, time < found.closes, found.inputs.count < found.room,
      !found.inputs.contains(where: { $0.who == who && $0.nonce == nonce || $0.commitment == commitment }),
      amount <= balances[who] ?? 0
    else { return false }
    found.inputs.append((who, nonce, commitment, amount))
    balances[who]? -= amount
    cases[id] = found
    return true
  }

  mutating func settle(_ id: Bytes32, _ payouts: [(who: Int, amount: UInt64)], at time: UInt64) -> Bool {
    guard let found = cases[id], !found.isOver, found.closes <= time, time < found.expires,
      payouts.reduce(0, { $0 + $1.amount }) == found.held
    else { return false }
    for payout in payouts { balances[payout.who]? += payout.amount }
    cases[id]?.isOver = true
    return true
  }

  mutating func reclaim(_ id: Bytes32, at time: UInt64) -> Bool {
    guard let found = cases[id], !found.isOver, found.expires <= time else { return false }
    for input in found.inputs { balances[input.who]? += input.amount }
    cases[id]?.isOver = true
    return true
  }
}

@Suite("Conservation")
struct ConservationTests {
  private static let seeds: [UInt64] =
    ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) }.map { [$0] } ?? [1, 2, 3, 4]

  @Test("pays out exactly what came in, whatever is sent in whatever order", arguments: seeds)
  func conserves(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var ledger = try SettlementLedger()
    let (enclave, policy) = try ledger.registered(lifetime: 80 * 86_400)
    let people = [ledger.alice, ledger.bob, ledger.carol]
    var model = PlainModel(balances: [0: 1_000_000, 1: 1_000_000, 2: 1_000_000])
    var ids: [Bytes32] = []
    var counts = [0, 0, 0]
    for step in 0..<250 {
      let time = try ledger.time
      switch Int.random(in: 0..<20, using: &random) {
      case 0...2 where ids.count < 40:
        let closes = time + UInt64.random(in: 20...90, using: &random)
        let expires = closes + UInt64.random(in: 20...120, using: &random)
        let room = Int.random(in: 1...6, using: &random)
        let terms = ledger.terms(
          policy: policy, closes: closes, expires: expires, maximumInputs: UInt64(room))
        let result = try ledger.run(.openCase(sender: ledger.alice.address, terms), by: ledger.alice)
        guard case .opened(let id, _) = try ledger.answer(result) else { throw TestError.refused(result.log) }
        ids.append(id)
        model.cases[id] = PlainModel.PlainCase(closes: closes, expires: expires, room: room)
      case 3...11:
        guard let id = ids.randomElement(using: &random) else { continue }
        let who = Int.random(in: 0..<3, using: &random)
        let nonce = UInt64.random(in: 0..<4, using: &random)
        let commitment = SHA256Hash.hash([UInt8.random(in: 0..<40, using: &random)])
        // Now and then more than anybody has.
        let amount =
          Int.random(in: 0..<10, using: &random) == 0
          ? 5_000_000 : UInt64.random(in: 1...100_000, using: &random)
        let expected = model.submit(
          who, id, nonce: nonce, commitment: commitment, amount: amount, at: time)
        let result = try ledger.submit(
          commitment, nonce: nonce, coins: [ledger.coin(amount)], to: id, by: people[who])
        #expect(result.succeeded == expected, "seed \(seed) step \(step): \(result.log)")
        if expected { counts[0] += 1 }
      case 12...15:
        guard let id = ids.randomElement(using: &random), let held = model.cases[id]?.held else { continue }
        var payouts: [(who: Int, amount: UInt64)] = []
        var left = held
        for who in 0..<3 where left > 0 {
          let amount = who == 2 ? left : UInt64.random(in: 0...left, using: &random)
          if amount > 0 { payouts.append((who, amount)) }
          left -= amount
        }
        // Now and then one too much, which would be somebody else's.
        if Int.random(in: 0..<4, using: &random) == 0, !payouts.isEmpty { payouts[0].amount += 1 }
        let expected = model.settle(id, payouts, at: time)
        var work = try ledger.work(
          id, by: enclave, payouts: payouts.map { (people[$0.who].address, [ledger.coin($0.amount)]) })
        work.time = time
        let result = try ledger.run(ledger.message(work), by: ledger.bob)
        #expect(result.succeeded == expected, "seed \(seed) step \(step): \(result.log)")
        if expected { counts[1] += 1 }
      case 16...17:
        guard let id = ids.randomElement(using: &random) else { continue }
        let expected = model.reclaim(id, at: time)
        let result = try ledger.run(.reclaim(sender: ledger.carol.address, case: id), by: ledger.carol)
        #expect(result.succeeded == expected, "seed \(seed) step \(step): \(result.log)")
        if expected { counts[2] += 1 }
      default: try ledger.advance(seconds: Int64.random(in: 1...15, using: &random))
      }
      for (who, person) in people.enumerated() {
        #expect(try ledger.balance(person.address) == model.balances[who], "seed \(seed) step \(step)")
      }
    }
    var sum = model.balances.values.reduce(0, +)
    for id in ids {
      let held = model.cases[id].map { $0.isOver ? 0 : $0.held } ?? 0
      #expect(try ledger.balance(SettlementModule.escrow(of: id)) == held)
      sum += held
    }
    #expect(sum == 3_000_000)
    #expect(try ledger.queries.supply(of: ledger.denom).asUInt64 == 4_000_000)
    // A history in which nothing happens would prove nothing.
    #expect(counts[0] > 5 && counts[1] + counts[2] > 0, "\(counts)")
  }
}
