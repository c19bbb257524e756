public import Messages
public import PacketHost
public import WireBytes

/// A domain's rules as a pure function: committed state and transactions in, results and changes out.
///
/// The same inputs give the same outputs on every machine: no clock, no randomness, no order of a dictionary.
public struct LedgerExecution: Sendable {
  public let rules: LedgerRules
  public let host: PacketHost
  public let programs: LedgerPrograms
  let accounts = Accounts()
  let bank = Bank()

  public init(rules: LedgerRules, host: PacketHost, programs: LedgerPrograms = .standard) {
    self.rules = rules
    self.host = host
    self.programs = programs
  }

  /// Executes `transactions` in order on `committed`.
  ///
  /// A transaction whose messages are refused leaves nothing but its fee and its sequence; one that may not
  /// be included leaves nothing at all.
  ///
  /// - Parameters:
  ///   - previous: the block before, for modules that remember some; nil at the first.
  ///   - checked: what ``check(_:at:on:sequence:)`` gave for the transaction with this hash, if it is
  ///     known; spares its decoding and its signature, and changes no result.
  /// - Throws: ``StateFailure`` when the committed state cannot be read: the block is then abandoned.
  public func execute(
    _ transactions: [[UInt8]], at moment: BlockMoment, after previous: PreviousBlock? = nil,
    on committed: any StateReading, checked: (Bytes32) -> CheckedTransaction? = { _ in nil }
  ) throws(StateFailure) -> BlockOutcome {
    var state = WorkingState(committed)
    for module in programs.allModules {
      var context = HostContext(moment: moment, state: state.take(), gas: GasMeter(limit: .max))
      do { try module.begin(after: previous, in: &context) } catch {
        switch error {
        case .state(let failure): throw failure
        // What a module notes of a block depends on no input.
        case .outOfGas, .breach: preconditionFailure("\(module.name) cannot begin a block: \(error)")
        }
      }
      state = context.finish().state
    }
    var results: [TransactionResult] = []
    results.reserveCapacity(transactions.count)
    var uncounted: [Int] = []
    var gasLeft = rules.blockGasMax
    for (index, bytes) in transactions.enumerated() {
      let known = checked(Transaction.hash(of: bytes))
      let (result, isCounted) = try execute(bytes, known, gasLeft: gasLeft, at: moment, on: &state)
      if !isCounted { uncounted.append(index) }
      // Refused before it ran, or held to what was left.
      gasLeft -= min(gasLeft, result.gasUsed)
      results.append(result)
    }
    return BlockOutcome(
      results: results, changes: state.changes, gasUsed: rules.blockGasMax - gasLeft, uncounted: uncounted)
  }

  /// Whether `bytes` could be included now: all checks but the execution of its messages.
  ///
  /// - Parameter sequence: what the account's sequence will be when the transactions before this one are
  ///   included; nil for what is committed.
  public func check(
    _ bytes: [UInt8], at moment: BlockMoment, on committed: any StateReading,
    sequence: (AccountAddress) -> UInt64? = { _ in nil }
  ) throws(CheckFailure) -> CheckedTransaction {
    // A transaction that fits no block would wait for ever, in front of others.
    guard bytes.count <= rules.blockSizeMax else {
      throw .refused(.form(.tooLarge(max: rules.blockSizeMax, actual: bytes.count)))
    }
    let transaction: Transaction
    do { transaction = try Transaction(decoding: bytes) } catch { throw .refused(.form(error)) }
    var context = HostContext(
      moment: moment, state: WorkingState(committed), gas: GasMeter(limit: transaction.gasLimit))
    var messages: [LedgerMessage] = []
    messages.reserveCapacity(transaction.messages.count)
    do {
      let account = try admit(
        transaction, size: bytes.count, sequence: sequence(transaction.sender), gasLeft: rules.blockGasMax,
        in: &context)
      for index in transaction.messages.indices { messages.append(try decode(index, of: transaction)) }
      return CheckedTransaction(transaction: transaction, messages: messages, accountNumber: account.number)
    } catch {
      switch error {
      case .failure(let refusal): throw .refused(refusal)
      case .halt(.outOfGas(let shortage)): throw .refused(.outOfGas(shortage))
      case .halt(.state(let failure)): throw .state(failure)
      case .halt(.breach(let breach)): throw .refused(.execution(breach))
      }
    }
  }
}

/// A transaction that could be included when it was checked: decoded, each message signed for by its sender,
/// the signature valid for the account with this number.
public struct CheckedTransaction: Hashable, Sendable {
  public let transaction: Transaction
  public let messages: [LedgerMessage]
  /// Part of what was signed: the signature says nothing about an account with another number.
  public let accountNumber: UInt64
}

/// What a block did.
public struct BlockOutcome: Hashable, Sendable {
  /// One for each transaction, in their order.
  public let results: [TransactionResult]
  /// What to commit, strictly ascending by key.
  public let changes: [WrittenEntry]
  public let gasUsed: UInt64
  /// Indexes of transactions that might not be included: neither their fee nor their sequence was taken.
  public let uncounted: [Int]
}

/// Why a transaction is not taken into the mempool.
public enum CheckFailure: Error, Hashable, Sendable {
  case refused(TransactionRefusal)
  case state(StateFailure)
}

extension LedgerExecution {
  /// Executes one transaction; tells whether its fee and its sequence were taken.
  private func execute(
    _ bytes: [UInt8], _ checked: CheckedTransaction?, gasLeft: UInt64, at moment: BlockMoment,
    on state: inout WorkingState
  ) throws(StateFailure) -> (TransactionResult, isCounted: Bool) {
    let transaction: Transaction
    if let checked {
      transaction = checked.transaction
    } else {
      do { transaction = try Transaction(decoding: bytes) } catch {
        return (TransactionResult(.form(error), gasWanted: 0, gasUsed: 0, events: []), false)
      }
    }
    let limit = transaction.gasLimit
    var context = HostContext(moment: moment, state: state.take(), gas: GasMeter(limit: min(limit, gasLeft)))
    var refusal: TransactionRefusal?
    var answers: [AnyMessage] = []
    var isCounted = false
    // Paying is undone as a whole when any part of it fails; what the messages then do is undone apart from
    // it.
    do {
      let payment = try context.attempt {
        (context: inout HostContext) throws(AttemptFailure<TransactionRefusal>) -> Bool in
        _ = try admit(
          transaction, size: bytes.count, sequence: nil, verified: checked?.accountNumber, gasLeft: gasLeft,
          in: &context)
        return true
      }
      switch payment {
      case .succeeded:
        isCounted = true
        let execution = try context.attempt {
          (context: inout HostContext) throws(AttemptFailure<TransactionRefusal>) -> [AnyMessage] in
          try run(transaction, checked?.messages, in: &context)
        }
        switch execution {
        case .succeeded(let given): answers = given
        case .failed(let reason): refusal = reason
        case .outOfGas(let shortage): refusal = .outOfGas(shortage)
        case .breach(let breach): refusal = .execution(breach)
        }
      case .failed(let reason): refusal = reason
      case .outOfGas(let shortage): refusal = .outOfGas(shortage)
      case .breach(let breach): refusal = .execution(breach)
      }
    } catch {
      switch error {
      case .outOfGas(let shortage): refusal = .outOfGas(shortage)
      case .state(let failure): throw failure
      case .breach(let breach): refusal = .execution(breach)
      }
    }
    let (after, gasUsed, events) = context.finish()
    state = after
    if let refusal {
      return (TransactionResult(refusal, gasWanted: limit, gasUsed: gasUsed, events: events), isCounted)
    }
    let result = TransactionResult(
      code: 0, codespace: "", payload: TransactionAnswers(answers).encoded(), log: "", gasWanted: limit,
      gasUsed: gasUsed, events: events)
    return (result, true)
  }

  /// Checks that the transaction may be included, takes its fee and counts it; gives its account.
  ///
  /// - Parameter verified: the account number for which the signature is known to be valid.
  private func admit(
    _ transaction: Transaction, size: Int, sequence: UInt64?, verified: UInt64? = nil, gasLeft: UInt64,
    in context: inout HostContext
  ) throws(AttemptFailure<TransactionRefusal>) -> Account {
    if transaction.timeoutHeight > 0, context.moment.height > transaction.timeoutHeight {
      throw .failure(.timeoutHeight(last: transaction.timeoutHeight, height: context.moment.height))
    }
    guard transaction.gasLimit <= rules.blockGasMax else {
      throw .failure(.gasLimit(max: rules.blockGasMax, actual: transaction.gasLimit))
    }
    guard transaction.gasLimit <= gasLeft else {
      throw .failure(.blockGas(left: gasLeft, wanted: transaction.gasLimit))
    }
    let fee = try fee(of: transaction)
    let sender = transaction.sender
    let known: Account?
    do {
      try context.charge(GasSchedule.transactionPerByte * UInt64(size))
      try context.charge(transaction.key.gas)
      known = try accounts.account(sender, in: &context)
    } catch { throw .halt(error) }
    guard var account = known else { throw .failure(.accountUnknown(sender)) }
    let expected = sequence ?? account.sequence
    guard transaction.sequence == expected else {
      throw .failure(.sequence(expected: expected, actual: transaction.sequence))
    }
    let (next, overflow) = expected.addingReportingOverflow(1)
    guard !overflow else { throw .failure(.sequenceExhausted) }
    if account.number != verified {
      let message = transaction.signBytes(chainID: rules.chainID, accountNumber: account.number)
      do { try transaction.key.verify(transaction.signature, over: message) } catch {
        throw .failure(.signature(error))
      }
    }
    if fee.amount > .zero {
      do {
        try bank.move(fee, from: sender, to: LedgerRules.feeCollector, in: &context)
      } catch { throw error.map { .feePayment($0) } }
    }
    account.sequence = next
    do {
      try accounts.set(account, for: sender, in: &context)
      try context.emit(
        Event(
          "tx",
          [
            "fee": fee.description, "fee_payer": sender.text,
            "acc_seq": "\(sender.text)/\(transaction.sequence)",
          ]))
    } catch { throw .halt(error) }
    return account
  }

  /// What the transaction pays: coins of the fee token alone, at least the least fee.
  private func fee(of transaction: Transaction) throws(AttemptFailure<TransactionRefusal>) -> Coin {
    let needed = Coin(rules.fee(for: transaction.gasLimit), rules.feeDenom)
    var offered = UInt256.zero
    for coin in transaction.fee {
      guard coin.denom == rules.feeDenom else { throw .failure(.feeDenom(coin.denom)) }
      let (sum, overflow) = offered.addingReportingOverflow(coin.amount)
      offered = overflow ? .max : sum
    }
    guard offered >= needed.amount else { throw .failure(.fee(needed: needed, offered: offered)) }
    return Coin(offered, rules.feeDenom)
  }

  /// Decodes the message at `index`, which the transaction's sender must be the signer of.
  func decode(
    _ index: Int, of transaction: Transaction
  ) throws(AttemptFailure<TransactionRefusal>) -> LedgerMessage {
    let decoded: LedgerMessage
    let message = transaction.messages[index]
    do {
      if let module = programs.module(for: message.typeURL) {
        decoded = .module(message, signer: try module.signer(of: message))
      } else {
        decoded = try LedgerMessage(decoding: message)
      }
    } catch {
      throw .failure(.message(index: index, error))
    }
    guard decoded.signer == transaction.sender else {
      let refusal = MessageRefusal.signer(expected: transaction.sender, actual: decoded.signer)
      throw .failure(.message(index: index, refusal))
    }
    return decoded
  }
}
