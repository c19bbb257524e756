import Enclaves
import Ledger
import Messages
import PacketHost
import WireBytes

extension SettlementModule {
  /// Pays out a case by what a registered enclave computed, once.
  ///
  /// The order of checks is that of docs/spec/settlement.md section 4: form, case and time, token, receipt, registration,
  /// signatures, payouts.
  func settle(
    _ id: Bytes32, by result: SettlementResult, in context: inout HostContext
  ) throws(SettlementStop) -> SettlementAnswer {
    for bytes in [result.update, result.receipt, result.token] { try charge(for: bytes, in: &context) }
    let (update, receipt, token) = try decode(result)
    var work = try openCase(id, in: &context)
    let time = context.moment.time.seconds
    guard time >= work.opening.closes else {
      throw .failure(.caseNotClosed(closes: work.opening.closes, time: time))
    }
    guard time < work.opening.expires else {
      throw .failure(.caseExpired(expires: work.opening.expires, time: time))
    }
    try check(token, signature: result.tokenSignature, of: work, receipt, in: &context)
    let registration = try check(receipt, token, update, of: work, in: &context)
    let digest = receipt.digest(domain: chain)
    let used = try halting { () throws(ExecutionHalt) in
      try hash(SettlementKeys.receipt(digest), in: &context)
    }
    if let used { throw .failure(.receiptUsed(digest, by: used)) }
    try halting { () throws(ExecutionHalt) in
      try context.charge(SettlementGas.signature(registration.keys.signing.suite))
    }
    do {
      try EnclaveSignature.verify(
        digest: digest, signature: result.signature, key: registration.keys.signing, at: time)
    } catch { throw .failure(.receiptSignature(error)) }
    try pay(update, of: work, in: &context)
    return try halting { () throws(ExecutionHalt) in
      _ = try close(&work, in: &context)
      try link(.registration, registration.content, to: &work.chain, of: id, in: &context)
      try link(.token, token, to: &work.chain, of: id, in: &context)
      try link(.receipt, receipt, to: &work.chain, of: id, in: &context)
      try link(.settled, update, to: &work.chain, of: id, in: &context)
      try finish(work, .settled, receipt: digest, state: update.stateAfter, in: &context)
      try context.write(id.array, to: SettlementKeys.receipt(digest))
      let settled = SettledResult(
        receipt: receipt, signature: result.signature, token: token, tokenSignature: result.tokenSignature,
        update: update)
      try context.write(settled.encoded(), to: SettlementKeys.result(id))
      try emit(
        "settled",
        [("case", id.name), ("registration", receipt.registration.name), ("receipt", digest.name)],
        in: &context)
      return .empty
    }
  }

  private func decode(
    _ result: SettlementResult
  ) throws(SettlementStop) -> (Update, Receipt, Token) {
    let update: Update
    do { update = try Update(decoding: result.update) } catch { throw .failure(.update(error)) }
    let receipt: Receipt
    do { receipt = try Receipt(decoding: result.receipt) } catch { throw .failure(.receipt(error)) }
    let token: Token
    do { token = try Token(decoding: result.token) } catch { throw .failure(.token(error)) }
    return (update, receipt, token)
  }

  /// Leave by the case's coordinator for exactly this registration's result over exactly these inputs.
  private func check(
    _ token: Token, signature: [UInt8], of work: CaseWork, _ receipt: Receipt, in context: inout HostContext
  ) throws(SettlementStop) {
    guard token.case == work.id else { throw .failure(.tokenCase(token.case)) }
    guard token.inputs == work.record.inputs else {
      throw .failure(.tokenInputs(expected: work.record.inputs, actual: token.inputs))
    }
    guard token.registration == receipt.registration else {
      throw .failure(.tokenRegistration(expected: receipt.registration, actual: token.registration))
    }
    let time = context.moment.time.seconds
    guard time < token.expires else { throw .failure(.tokenExpired(expires: token.expires, time: time)) }
    let coordinator = work.opening.coordinator
    try halting { () throws(ExecutionHalt) in
      try context.charge(SettlementGas.signature(coordinator.suite))
    }
    do {
      try EnclaveSignature.verify(
        digest: token.digest(domain: chain), signature: signature, key: coordinator, at: time)
    } catch { throw .failure(.tokenSignature(error)) }
  }

  /// A receipt of this case, by a registration that lives and is of the case's program and policies.
  private func check(
    _ receipt: Receipt, _ token: Token, _ update: Update, of work: CaseWork,
    in context: inout HostContext
  ) throws(SettlementStop) -> RegistrationRecord {
    let opening = work.opening
    guard receipt.case == work.id else { throw .failure(.receiptCase(receipt.case)) }
    guard receipt.inputs == work.record.inputs else {
      throw .failure(.receiptInputs(expected: work.record.inputs, actual: receipt.inputs))
    }
    guard receipt.program == opening.program else {
      throw .failure(.receiptProgram(expected: opening.program, actual: receipt.program))
    }
    guard receipt.policy == opening.policy else {
      throw .failure(.receiptPolicy(expected: opening.policy, actual: receipt.policy))
    }
    let root = update.root()
    guard receipt.update == root else {
      throw .failure(.receiptUpdate(expected: root, actual: receipt.update))
    }
    guard update.stateBefore == opening.state else {
      throw .failure(.state(expected: opening.state, actual: update.stateBefore))
    }
    let registration = try halting { () throws(ExecutionHalt) in
      try read(RegistrationRecord.self, SettlementKeys.registration(receipt.registration), in: &context)
    }
    guard let registration else { throw .failure(.registrationUnknown(receipt.registration)) }
    try checkLive(registration, at: context.moment.time.seconds)
    let keys = registration.keys
    guard keys.program == opening.program else {
      throw .failure(.receiptProgram(expected: opening.program, actual: keys.program))
    }
    guard keys.policy == opening.policy else {
      throw .failure(.receiptPolicy(expected: opening.policy, actual: keys.policy))
    }
    guard registration.content.attestationPolicy == opening.attestationPolicy else {
      throw .failure(
        .registrationPolicy(
          expected: opening.attestationPolicy, actual: registration.content.attestationPolicy))
    }
    let earliest = max(opening.closes, registration.content.registered)
    let before = min(opening.expires, registration.content.expires, token.expires)
    guard earliest <= receipt.time, receipt.time < before else {
      throw .failure(.receiptTime(earliest: earliest, before: before, actual: receipt.time))
    }
    return registration
  }

  /// Pays exactly the escrow, of every token.
  private func pay(
    _ update: Update, of work: CaseWork, in context: inout HostContext
  ) throws(SettlementStop) {
    let escrow = Self.escrow(of: work.id)
    var payouts: [(account: AccountAddress, coins: [Coin])] = []
    var sums: [Denom: UInt256] = [:]
    for (index, payout) in update.payouts.enumerated() {
      guard let account = account(of: payout.account), account != escrow, account != LedgerRules.feeCollector
      else { throw .failure(.payoutAccount(index: index)) }
      var coins: [Coin] = []
      for element in payout.coins {
        guard let coin = Coin(element) else { throw .failure(.payoutDenom(index: index)) }
        let (sum, overflow) = sums[coin.denom, default: .zero].addingReportingOverflow(coin.amount)
        guard !overflow else { throw .failure(.payoutOverflow(denom: coin.denom.text)) }
        sums[coin.denom] = sum
        coins.append(coin)
      }
      payouts.append((account, coins))
    }
    var held: [Denom: UInt256] = [:]
    for element in work.record.escrow {
      guard let coin = Coin(element) else { throw .halt(.state(.unreadable)) }
      held[coin.denom] = coin.amount
    }
    for denom in Set(sums.keys).union(held.keys).sorted() {
      let (paid, there) = (sums[denom] ?? .zero, held[denom] ?? .zero)
      guard paid == there else { throw .failure(.payoutSum(denom: denom.text, escrow: there, paid: paid)) }
    }
    for (account, coins) in payouts {
      for coin in coins {
        do { try bank.move(coin, from: escrow, to: account, in: &context) } catch {
          throw error.mapped { .bank($0) }
        }
      }
    }
  }
}
