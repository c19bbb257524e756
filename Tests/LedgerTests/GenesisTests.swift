import Encodings
import Ledger
import LightClients
import Messages
import PacketHost
import StateTree
import Testing
import WireBytes

@Suite("Genesis")
struct GenesisTests {
  private func genesis(powers: [Int64] = [10, 20]) throws -> Genesis {
    let validators = try powers.indices.map { try TestSigner(UInt8(100 + $0)) }
    return try TestLedger.genesis(
      validators, powers: powers, funds: [(try TestSigner(1), 5), (try TestSigner(2), 6)])
  }

  @Test("reads what it wrote as JSON") func json() throws {
    let genesis = try genesis()
    let text = genesis.json.text(pretty: true)
    let read = try Genesis(json: JSONValue(decoding: [UInt8](text.utf8)))
    #expect(read == genesis)
    #expect(read.state() == genesis.state())
  }

  @Test("names the member that is absent or cannot be read")
  func members() throws {
    guard case .object(let members) = try genesis().json else { return }
    for (member, name) in [
      ("chain_id", "chain_id"), ("genesis_time", "genesis_time"), ("consensus_params", "max_bytes"),
      ("validators", "validators"), ("app_state", "fees.denom"), ("initial_height", "initial_height"),
    ] {
      var less = members
      less[member] = nil
      let json = JSONValue.object(less)
      #expect(throws: Genesis.FormError.member(name)) { try Genesis(json: json) }
    }
  }

  @Test("refuses validators and balances that are none")
  func refusals() throws {
    let rules = try TestLedger.rules()
    let time = try CometBFT.Timestamp(seconds: 1_780_000_000)
    let denom = try Denom("ucause")
    let account = AccountAddress(module: "a")
    func make(_ powers: [Int64], _ balances: [Genesis.Balance] = [], seconds: Int64 = 1) throws -> Genesis {
      try Genesis(
        rules: rules, time: seconds < 0 ? CometBFT.Timestamp(seconds: seconds) : time,
        validators: powers.enumerated().map {
          Genesis.Validator(name: "", publicKey: Bytes32(bigEndian: UInt64($0.offset)), power: $0.element)
        }, balances: balances)
    }
    #expect(throws: Genesis.FormError.validatorCount(max: 7, actual: 0)) { try make([]) }
    #expect(throws: Genesis.FormError.validatorCount(max: 7, actual: 8)) {
      try make([Int64](repeating: 1, count: 8))
    }
    #expect(throws: Genesis.FormError.validatorPower(index: 1)) { try make([1, 0]) }
    #expect(throws: Genesis.FormError.self) { try make([.max / 8, 1]) }
    #expect(throws: Genesis.FormError.timeBefore1970) { try make([1], seconds: -1) }
    let one = Genesis.Balance(account: account, coins: [Coin(.one, denom)])
    #expect(throws: Genesis.FormError.balanceTwice(index: 1)) { try make([1], [one, one]) }
    let twice = Genesis.Balance(account: account, coins: [Coin(.one, denom), Coin(.one, denom)])
    #expect(throws: Genesis.FormError.balanceTwice(index: 0)) { try make([1], [twice]) }
    let zero = Genesis.Balance(account: account, coins: [Coin(.zero, denom)])
    #expect(throws: Genesis.FormError.balanceZero(index: 0)) { try make([1], [zero]) }
    let all = Genesis.Balance(account: AccountAddress(module: "b"), coins: [Coin(.max, denom)])
    #expect(throws: Genesis.FormError.supplyOverflow(denom)) { try make([1], [one, all]) }
  }

  @Test("refuses rules that no block could keep")
  func rules() throws {
    let denom = try Denom("ucause")
    #expect(throws: LedgerRules.FormError.chainID(length: 0)) {
      try LedgerRules(chainID: "", feeDenom: denom)
    }
    let long = String(repeating: "a", count: 51)
    #expect(throws: LedgerRules.FormError.chainID(length: 51)) {
      try LedgerRules(chainID: long, feeDenom: denom)
    }
    #expect(throws: LedgerRules.FormError.feeDenominatorZero) {
      try LedgerRules(chainID: "a", feeDenom: denom, feeDenominator: 0)
    }
    #expect(throws: LedgerRules.FormError.blockGas(max: LedgerRules.blockGasLimit)) {
      try LedgerRules(chainID: "a", feeDenom: denom, blockGasMax: LedgerRules.blockGasLimit + 1)
    }
    let rules = try LedgerRules(chainID: "a", feeDenom: denom, feeNumerator: 3, feeDenominator: 7)
    #expect(rules.fee(for: 0) == .zero)
    #expect(rules.fee(for: 7) == UInt256(3))
    #expect(rules.fee(for: 8) == UInt256(4))
    #expect(rules.fee(for: .max) == UInt256(7_905_747_460_161_236_407))
  }

  @Test("gives one app hash, whatever order accounts and validators are listed in")
  func order() throws {
    let genesis = try genesis()
    let other = try Genesis(
      rules: genesis.rules, time: genesis.time, validators: genesis.validators.reversed(),
      balances: genesis.balances.reversed())
    let host = try TestLedger.host()
    let first = try LedgerChain(genesis: genesis, host: host, store: MemoryStateStore())
    let second = try LedgerChain(genesis: other, host: host, store: MemoryStateStore())
    #expect(first.tip == second.tip)
    #expect(try first.propose([]) == (try second.propose([])))
  }
}
