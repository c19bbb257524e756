import Digests
import Enclaves
import Ledger
import Messages
import PacketHost
import WireBytes

/// A case as a step changes it.
struct CaseWork {
  let id: Bytes32
  let opening: CaseOpening
  var record: CaseRecord
  var chain: CustodyHead
}

extension SettlementModule {
  // MARK: Opening

  func open(
    _ terms: CaseTerms, by sender: AccountAddress, in context: inout HostContext
  ) throws(SettlementStop) -> SettlementAnswer {
    let time = context.moment.time.seconds
    guard time < terms.closes else { throw .failure(.closesInPast(closes: terms.closes, time: time)) }
    guard terms.closes < terms.expires else {
      throw .failure(.expiresBeforeCloses(closes: terms.closes, expires: terms.expires))
    }
    guard terms.expires - time <= SettlementLimits.caseLifetimeMax else {
      throw .failure(.caseLifetime(max: SettlementLimits.caseLifetimeMax, actual: terms.expires - time))
    }
    guard (1...UInt64(CaseInputs.countMax)).contains(terms.maximumInputs) else {
      throw .failure(.maximumInputs(max: UInt64(CaseInputs.countMax), actual: terms.maximumInputs))
    }
    let coordinator: EnclaveVerificationKey
    do {
      coordinator = try EnclaveVerificationKey(
        suite: SigningSuite(name: [UInt8](terms.coordinatorSuite.utf8)), bytes: terms.coordinatorKey,
        field: .coordinatorKey)
    } catch { throw .failure(.coordinatorKey(error)) }
    guard
      try halting({ () throws(ExecutionHalt) in
        try context.read(SettlementKeys.policy(terms.attestationPolicy))
      }) != nil
    else { throw .failure(.policyUnknown(terms.attestationPolicy)) }
    let number = try halting { () throws(ExecutionHalt) in
      try self.number(SettlementKeys.nextNumber, in: &context) ?? 1
    }
    let id: Bytes32
    do { id = try CaseIdentity.id(domain: chain, number: number) } catch {
      throw .failure(.terms(error))
    }
    let state = try state(before: terms.continues, continuedBy: id, opener: sender, in: &context)
    let opening: CaseOpening
    do {
      opening = try CaseOpening(
        number: number, opener: address(of: sender), program: terms.program, policy: terms.policy,
        attestationPolicy: terms.attestationPolicy, coordinator: coordinator, opened: time,
        closes: terms.closes, expires: terms.expires, maximumInputs: UInt16(terms.maximumInputs),
        accepts: terms.accepts.map { $0.forEnclaves }, continues: terms.continues ?? Bytes32(), state: state)
    } catch { throw .failure(.terms(error)) }
    return try halting { () throws(ExecutionHalt) in
      var chain = CustodyHead.none
      try link(.opened, opening, to: &chain, of: id, in: &context)
      let record = try? CaseRecord(
        opening: opening.root(), closes: opening.closes, expires: opening.expires, status: .open,
        inputs: InputsFrontier().root, inputCount: 0, head: chain.head, linkCount: chain.count, escrow: [])
      guard let record else { throw .state(.unreadable) }
      try write(opening, to: CaseKeys.opening(id), in: &context)
      try write(record, to: CaseKeys.record(id), in: &context)
      try context.write(InputsFrontier().stored, to: SettlementKeys.frontier(id))
      try context.write(SettlementKeys.bigEndian(number + 1), to: SettlementKeys.nextNumber)
      try context.write(id.array, to: SettlementKeys.openCase(number))
      try context.write(id.array, to: SettlementKeys.number(number))
      try emit(
        "opened",
        [
          ("case", id.name), ("number", String(number)), ("program", opening.program.name),
          ("opener", sender.text),
        ], in: &context)
      return .opened(case: id, number: number)
    }
  }

  /// What the settled case that a new one continues has left; zero for none.
  private func state(
    before predecessor: Bytes32?, continuedBy id: Bytes32, opener: AccountAddress,
    in context: inout HostContext
  ) throws(SettlementStop) -> Bytes32 {
    guard let predecessor else { return Bytes32() }
    let (record, opening, other) = try halting { () throws(ExecutionHalt) in
      (
        try read(CaseRecord.self, CaseKeys.record(predecessor), in: &context),
        try read(CaseOpening.self, CaseKeys.opening(predecessor), in: &context),
        try hash(SettlementKeys.successor(predecessor), in: &context)
      )
    }
    guard let record, let opening else { throw .failure(.predecessorUnknown(predecessor)) }
    guard opening.opener == address(of: opener) else { throw .failure(.predecessorOpener(predecessor)) }
    guard record.status == .settled else { throw .failure(.predecessorNotSettled(predecessor)) }
    if let other { throw .failure(.predecessorContinued(predecessor, by: other)) }
    try halting { () throws(ExecutionHalt) in
      try context.write(id.array, to: SettlementKeys.successor(predecessor))
    }
    return record.state
  }

  // MARK: Reading

  /// A case that can still change.
  func openCase(_ id: Bytes32, in context: inout HostContext) throws(SettlementStop) -> CaseWork {
    let (record, opening) = try halting { () throws(ExecutionHalt) in
      (
        try read(CaseRecord.self, CaseKeys.record(id), in: &context),
        try read(CaseOpening.self, CaseKeys.opening(id), in: &context)
      )
    }
    guard let record, let opening else { throw .failure(.caseUnknown(id)) }
    switch record.status {
    case .open: break
    case .settled: throw .failure(.caseSettled(id))
    case .reclaimed: throw .failure(.caseReclaimed(id))
    }
    return CaseWork(
      id: id, opening: opening, record: record,
      chain: CustodyHead(head: record.head, count: record.linkCount))
  }

  // MARK: Submitting

  func submit(
    _ commitment: Bytes32, nonce: UInt64, coins: [Coin], to id: Bytes32, by sender: AccountAddress,
    in context: inout HostContext
  ) throws(SettlementStop) -> SettlementAnswer {
    var work = try openCase(id, in: &context)
    let time = context.moment.time.seconds
    guard time < work.opening.closes else {
      throw .failure(.caseClosed(closes: work.opening.closes, time: time))
    }
    let count = work.record.inputCount
    guard count < work.opening.maximumInputs else { throw .failure(.caseFull(max: work.opening.maximumInputs)) }
    guard !commitment.isZero else { throw .failure(.commitmentZero) }
    let nonceKey = SettlementKeys.nonce(id, sender, nonce)
    let commitmentKey = SettlementKeys.commitment(id, commitment)
    let (used, known) = try halting { () throws(ExecutionHalt) in
      (try context.read(nonceKey), try context.read(commitmentKey))
    }
    guard used == nil else { throw .failure(.nonceUsed(nonce)) }
    if let known {
      throw .failure(.commitmentKnown(commitment, index: known.reduce(0) { $0 << 8 | UInt32($1) }))
    }
    let escrow = try add(coins, to: work)
    let account = Self.escrow(of: id)
    for coin in coins {
      do { try bank.move(coin, from: sender, to: account, in: &context) } catch {
        throw error.mapped { .bank($0) }
      }
    }
    return try halting { () throws(ExecutionHalt) in
      let input = try? CaseInput(
        sender: address(of: sender), nonce: nonce, commitment: commitment, coins: coins.map { $0.forEnclaves })
      guard let input, let stored = try context.read(SettlementKeys.frontier(id)),
        var frontier = InputsFrontier(stored: stored, count: Int(count))
      else { throw .state(.unreadable) }
      try context.charge(SettlementGas.treeStep * UInt64(2 * InputsFrontier.depth))
      frontier.append(commitment)
      try link(.input, input, to: &work.chain, of: id, in: &context)
      let record = try? CaseRecord(
        opening: work.record.opening, closes: work.record.closes, expires: work.record.expires, status: .open,
        inputs: frontier.root, inputCount: count + 1, head: work.chain.head, linkCount: work.chain.count,
        escrow: escrow)
      guard let record else { throw .state(.unreadable) }
      let index = UInt32(count)
      try write(input, to: CaseKeys.input(id, index), in: &context)
      try write(record, to: CaseKeys.record(id), in: &context)
      try context.write(frontier.stored, to: SettlementKeys.frontier(id))
      try context.write([1], to: nonceKey)
      try context.write(SettlementKeys.bigEndian(index), to: commitmentKey)
      try emit(
        "submitted",
        [
          ("case", id.name), ("index", String(index)), ("sender", sender.text),
          ("commitment", commitment.name),
        ], in: &context)
      return .submitted(index: index)
    }
  }

  /// The escrow with `coins`, each of which the case accepts.
  private func add(_ coins: [Coin], to work: CaseWork) throws(SettlementStop) -> [CaseRecord.Coin] {
    var sums: [Denom: UInt256] = [:]
    for held in work.record.escrow {
      guard let coin = Coin(held) else { throw .halt(.state(.unreadable)) }
      sums[coin.denom] = coin.amount
    }
    let accepted = work.opening.accepts.compactMap { Coin($0) }
    for coin in coins {
      guard let least = accepted.first(where: { $0.denom == coin.denom }) else {
        throw .failure(.coinNotAccepted(coin.denom))
      }
      guard coin.amount >= least.amount else {
        throw .failure(.coinTooLittle(least: least, actual: coin.amount))
      }
      let (sum, overflow) = sums[coin.denom, default: .zero].addingReportingOverflow(coin.amount)
      guard !overflow else { throw .failure(.escrowOverflow(coin.denom)) }
      sums[coin.denom] = sum
    }
    return sums.sorted { $0.key < $1.key }.map { Coin($0.value, $0.key).forEnclaves }
  }

  // MARK: Reclaiming

  func reclaim(_ id: Bytes32, in context: inout HostContext) throws(SettlementStop) -> SettlementAnswer {
    var work = try openCase(id, in: &context)
    let time = context.moment.time.seconds
    guard time >= work.opening.expires else {
      throw .failure(.caseNotExpired(expires: work.opening.expires, time: time))
    }
    let account = Self.escrow(of: id)
    for index in 0..<UInt32(work.record.inputCount) {
      let input = try halting { () throws(ExecutionHalt) in
        try read(CaseInput.self, CaseKeys.input(id, index), in: &context)
      }
      guard let input, let sender = self.account(of: input.sender) else { throw .halt(.state(.unreadable)) }
      for held in input.coins {
        guard let coin = Coin(held) else { throw .halt(.state(.unreadable)) }
        do { try bank.move(coin, from: account, to: sender, in: &context) } catch {
          throw error.mapped { .bank($0) }
        }
      }
    }
    return try halting { () throws(ExecutionHalt) in
      let closing = try close(&work, in: &context)
      try link(.reclaimed, closing, to: &work.chain, of: id, in: &context)
      try finish(work, .reclaimed, receipt: Bytes32(), state: Bytes32(), in: &context)
      try emit("reclaimed", [("case", id.name)], in: &context)
      return .empty
    }
  }

  /// Adds the end of submissions to the custody chain: it came with time, and without a message.
  func close(_ work: inout CaseWork, in context: inout HostContext) throws(ExecutionHalt) -> CaseClosing {
    guard let closing = try? CaseClosing(inputs: work.record.inputs, inputCount: work.record.inputCount) else {
      throw .state(.unreadable)
    }
    try link(.closed, closing, to: &work.chain, of: work.id, in: &context)
    return closing
  }

  /// Writes the record of a case that is over, and takes it from the list of open ones.
  func finish(
    _ work: CaseWork, _ status: CaseRecord.Status, receipt: Bytes32, state: Bytes32,
    in context: inout HostContext
  ) throws(ExecutionHalt) {
    let record = work.record
    let finished = try? CaseRecord(
      opening: record.opening, closes: record.closes, expires: record.expires, status: status,
      inputs: record.inputs, inputCount: record.inputCount, head: work.chain.head,
      linkCount: work.chain.count, escrow: record.escrow, receipt: receipt, state: state)
    guard let finished else { throw .state(.unreadable) }
    try write(finished, to: CaseKeys.record(work.id), in: &context)
    try context.remove(SettlementKeys.openCase(work.opening.number))
    try context.remove(SettlementKeys.frontier(work.id))
  }
}

extension Coin {
  /// As enclaves read it.
  var forEnclaves: Update.Coin { Update.Coin(denomination: [UInt8](denom.text.utf8), amount: amount) }

  /// Nil for a denomination that no ledger has.
  init?(_ coin: Update.Coin) {
    guard let text = String(validating: coin.denomination, as: UTF8.self), let denom = try? Denom(text) else {
      return nil
    }
    self.init(coin.amount, denom)
  }
}
