import Attestation
import Digests
import Enclaves
import Ledger
import LightClients
import Messages
import PacketHost
import Settlement
import WireBytes

/// The state of one settlement simulation.
struct SettlementWorld {
  struct Broken: Error {
    let report: SimulationReport
  }

  /// A transaction on its way to the ledger.
  struct Pending {
    let message: SettlementMessage
    let signer: SimulatedKey
    /// The block before which it does not arrive.
    let block: Int
  }

  static let epoch: UInt64 = 1_780_000_000
  static let gas: UInt64 = 200_000_000
  static let funds: UInt64 = 1_000_000
  static let fees: UInt64 = 1_000_000_000_000
  /// Blocks after the faults within which everything ends.
  static let calmMax = 400

  let simulation: SettlementSimulation
  var numbers: SeededNumbers
  let module: SettlementModule
  let domain: InteroperableAddress
  let stake: Denom
  let fee: Denom
  let validator: SimulatedKey
  let users: [SimulatedKey]
  let liar: SimulatedKey
  let programs = [Bytes32 { _ in 0xa1 }, Bytes32 { _ in 0xa2 }]
  let enclavePolicy = Bytes32 { _ in 0xb2 }
  var attestationPolicy = Bytes32()
  var enclaves: [SimulatedEnclave] = []
  /// Two processes with the same key and disk of their own: an operator's mistake, or a restart that comes too early.
  var coordinators: [SimulatedCoordinator] = []
  var chain: LedgerChain<SettlementStore>
  var pending: [Pending] = []
  var block = 0
  var time = Self.epoch
  var isCalm = false

  // What the checker knows.
  var cases: [Bytes32: CaseModel] = [:]
  var caseOrder: [Bytes32] = []
  var registrations: [Bytes32: (expires: UInt64, program: Bytes32)] = [:]
  /// Digests of receipts that an enclave has signed, with its registration.
  var honest: [Bytes32: Bytes32] = [:]
  /// What was computed of a case with these inputs, by enclave.
  var computed: [String: Bytes32] = [:]
  var settled: [SettlementMessage] = []
  var nonces: [UInt64]
  var counts: [String: Int] = [:]
  var trace: [String] = []
  var hash = TraceHash()

  init(_ simulation: SettlementSimulation) throws {
    self.simulation = simulation
    numbers = SeededNumbers(seed: simulation.seed)
    let id = try DomainID("cosmos:harbor-1")
    module = try SettlementModule(domain: id)
    domain = try InteroperableAddress(chain: id)
    stake = try Denom("stake")
    fee = try Denom("uharbor")
    let seed = simulation.seed
    validator = try SimulatedKey(seed: seed, "settlement-validator")
    users = try (0..<4).map { try SimulatedKey(seed: seed, "settlement-user-\($0)") }
    liar = try SimulatedKey(seed: seed, "settlement-liar")
    nonces = users.map { _ in 0 }
    for index in 0..<(1 + numbers.below(3)) {
      enclaves.append(
        SimulatedEnclave(
          index: index, operator: try SimulatedKey(seed: seed, "operator-\(index)"),
          signer: try SimulatedKey(seed: seed, "enclave-\(index)-0")))
    }
    let coordinatorKey = try SimulatedKey(seed: seed, "coordinator")
    for index in 0..<2 {
      coordinators.append(
        SimulatedCoordinator(
          key: coordinatorKey, account: try SimulatedKey(seed: seed, "coordinator-account-\(index)")))
    }
    let accounts = users + [liar] + enclaves.map(\.operator) + coordinators.map(\.account)
    let (stake, fee) = (stake, fee)
    let ledgerPrograms = LedgerPrograms.standard.with(module: module)
    let genesis = try Genesis(
      rules: try LedgerRules(chainID: "harbor-1", feeDenom: fee, modules: [SettlementModule.name]),
      time: try CometBFT.Timestamp(seconds: Int64(Self.epoch), nanoseconds: 0),
      validators: [Genesis.Validator(name: "validator", publicKey: validator.publicKey, power: 10)],
      balances: accounts.map {
        Genesis.Balance(
          account: $0.address, coins: [Coin(UInt256(Self.funds), stake), Coin(UInt256(Self.fees), fee)])
      })
    chain = try LedgerChain(
      genesis: genesis, host: .ledger(domain: id, programs: ledgerPrograms), programs: ledgerPrograms,
      store: SettlementStore(defect: simulation.defect))
  }

  // MARK: Telling

  mutating func count(_ name: String) { counts[name, default: 0] += 1 }

  mutating func note(_ text: String) {
    trace.append("block \(block): \(text)")
    if trace.count > 64 { trace.removeFirst(32) }
    hash.mix(text)
  }

  func report(_ violation: Violation?) -> SimulationReport {
    var root = Bytes32()
    root = chain.tip.appHash
    var final = hash
    final.mix(root)
    return SimulationReport(
      seed: simulation.seed, steps: simulation.steps, faults: .all, defect: nil, stepsDone: block,
      milliseconds: (time - Self.epoch) * 1_000,
      counts: counts.sorted { $0.key < $1.key }.map { .init(name: $0.key, count: $0.value) },
      hash: SHA256Hash.hash([UInt8]("\(final.value)".utf8)), violation: violation,
      settlementDefect: simulation.defect, isSettlement: true)
  }

  func broken(_ invariant: Invariant, _ text: String) -> Broken {
    Broken(
      report: report(
        Violation(
          invariant: invariant, step: block, milliseconds: (time - Self.epoch) * 1_000, text: text,
          trace: trace)))
  }

  // MARK: Running

  mutating func run() throws {
    try begin()
    while block < simulation.steps {
      try trouble()
      try act()
      try makeBlock()
    }
    isCalm = true
    for index in enclaves.indices { enclaves[index].away = 0 }
    for index in coordinators.indices { coordinators[index].away = 0 }
    var calm = 0
    while caseOrder.contains(where: { cases[$0]?.ending == nil }) || !pending.isEmpty {
      guard calm < Self.calmMax else {
        let open = caseOrder.filter { cases[$0]?.ending == nil }.count
        throw broken(.unfinished, "\(open) cases have not ended, \(calm) blocks after the last fault")
      }
      calm += 1
      try act()
      try makeBlock()
    }
    try checkValue()
    count("world.quiet")
  }

  /// The policy, the accounts' first block, and everybody's first keys.
  private mutating func begin() throws {
    let policy = try AttestationPolicy(
      isProduction: false, driftMaxSeconds: 60,
      simulated: SimulatedPolicy(programs: programs, policies: [enclavePolicy]))
    attestationPolicy = policy.hash
    try makeBlock()
    send(.storePolicy(sender: users[0].address, policy: [UInt8](policy.text.utf8)), by: users[0])
    try makeBlock()
    for index in enclaves.indices { try rotate(index) }
    try makeBlock()
  }

  mutating func send(_ message: SettlementMessage, by signer: SimulatedKey, after blocks: Int = 0) {
    pending.append(Pending(message: message, signer: signer, block: block + blocks))
  }

  /// Sends as a network does that loses, repeats and delays.
  mutating func sendAcross(_ message: SettlementMessage, by signer: SimulatedKey) {
    guard !isCalm else { return send(message, by: signer) }
    if numbers.chance(60) {
      count("fault.dropped")
      return
    }
    var late = 0
    if numbers.chance(120) {
      late = 1 + numbers.below(12)
      count("fault.delayed")
    }
    send(message, by: signer, after: late)
    if numbers.chance(100) {
      count("fault.duplicated")
      send(message, by: signer, after: late + numbers.below(6))
    }
  }

  // MARK: Blocks

  private func signed(
    _ message: SettlementMessage, by key: SimulatedKey, account: (number: UInt64, sequence: UInt64)
  ) throws -> [UInt8] {
    let unsigned = UnsignedTransaction(
      [message.ledgerMessage.encoded()], memo: "", timeoutHeight: 0,
      fee: [Coin(UInt256(Self.gas / 1_000 + 1), fee)], gasLimit: Self.gas, key: key.account,
      sequence: account.sequence, chainID: chain.rules.chainID, accountNumber: account.number)
    return unsigned.signed(try key.sign(unsigned.signBytes))
  }

  private mutating func makeBlock() throws {
    let queries = LedgerQueries(chain.state)
    var offsets: [AccountAddress: UInt64] = [:]
    var taken: [(bytes: [UInt8], message: SettlementMessage)] = []
    var rest: [Pending] = []
    for item in pending {
      let address = item.signer.address
      guard item.block <= block, taken.count < 24, let account = try queries.account(address) else {
        rest.append(item)
        continue
      }
      let offset = offsets[address] ?? 0
      taken.append(
        (
          try signed(item.message, by: item.signer, account: (account.number, account.sequence + offset)),
          item.message
        ))
      offsets[address] = offset + 1
    }
    pending = rest
    let proposed = try chain.propose(taken.map(\.bytes))
    let outcome = try chain.execute(proposed)
    time = UInt64(proposed.header.time.seconds)
    let step = isCalm ? UInt64(10) : 1 + numbers.below(UInt64(9))
    let next = try CometBFT.Timestamp(seconds: Int64(time + step), nanoseconds: 0)
    let votes = try proposed.voteRequests(chain.tip, rules: chain.rules, now: next, choice: .block).map {
      $0.signed(try Bytes64(try validator.sign($0.signBytes)))
    }
    let committed = try chain.commit(proposed, votes: votes, outcome: outcome)
    for (bytes, result) in zip(committed.block.transactions, committed.outcome.results) {
      guard let entry = taken.first(where: { $0.bytes == bytes }) else {
        throw broken(.unexpectedFailure, "a block has a transaction that nobody sent")
      }
      try check(entry.message, result)
    }
    block += 1
    count("block")
    if block % 16 == 0 { try checkValue() }
  }

  /// Nothing is made or lost: what users and escrows hold is what there was.
  func checkValue() throws {
    let queries = LedgerQueries(chain.state)
    var sum: UInt64 = 0
    let accounts = users + [liar] + enclaves.map(\.operator) + coordinators.map(\.account)
    for account in accounts { sum += try queries.balance(of: account.address, stake).asUInt64 ?? 0 }
    for id in caseOrder {
      let held = try queries.balance(of: SettlementModule.escrow(of: id), stake).asUInt64 ?? 0
      let expected = cases[id].map { $0.ending == nil ? $0.escrow : 0 } ?? 0
      guard held == expected else {
        throw broken(
          .valueNotConserved, "case \(id.array.prefix(4)) holds \(held), and \(expected) were put there")
      }
      sum += held
    }
    let whole = Self.funds * UInt64(accounts.count)
    guard sum == whole else { throw broken(.valueNotConserved, "\(sum) of \(whole) are left") }
  }
}
