import ContractHost
import Encodings
import Ledger
import Messages
import PacketHost
import WireBytes

/// Calls of a contract's entry points, and their price.
extension ContractKeeper {
  /// A contract, its code, and the machine's form of it.
  struct Loaded {
    let address: AccountAddress
    let record: ContractRecord
    let code: CodeRecord
    let compiled: CompiledCode
  }

  func knownContract(
    _ address: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> ContractRecord? {
    let bytes = try halting { () throws(ExecutionHalt) in try context.read(ContractKeys.contract(address)) }
    guard let bytes else { return nil }
    guard let record = ContractRecord(stored: bytes.span) else { throw .halt(.state(.unreadable)) }
    return record
  }

  func load(_ address: AccountAddress, in context: inout HostContext) throws(ContractStop) -> Loaded {
    guard let record = try knownContract(address, in: &context) else {
      throw .failure(.noSuchContract(address.text))
    }
    let code = try codeRecord(record.codeID, in: &context)
    return Loaded(
      address: address, record: record, code: code, compiled: try compiled(code, in: &context))
  }

  /// Charges for an instance: less when the code is pinned, or was used in this transaction already.
  func chargeInstance(
    of code: CodeRecord, id: UInt64, in context: inout HostContext
  ) throws(ContractStop) {
    try halting { () throws(ExecutionHalt) in
      let isPinned = try context.read(ContractKeys.isPinned(id)) != nil
      let isNew = isPinned ? false : context.note(ContractKeys.binary(code.checksum))
      try context.charge(isNew ? ContractGas.instance : ContractGas.instanceDiscount)
    }
  }

  func environment(of contract: AccountAddress, in context: HostContext) -> [UInt8] {
    let (nanoseconds, overflow) = context.moment.time.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return ContractEnvironment(
      height: context.moment.height, timeNanoseconds: overflow ? .max : nanoseconds,
      chainID: domain.reference, transaction: nil, contract: contract.text
    ).encoded()
  }

  func information(sender: AccountAddress, funds: [Coin]) -> [UInt8] {
    MessageInfo(sender: sender.text, funds: funds.forContracts).encoded()
  }

  /// Calls an entry point with the gas that is left, charges what it used, and reads its answer.
  ///
  /// - Parameter refusal: what the contract's own error is.
  func invoke<Answer: ContractMessage>(
    _ entryPoint: EntryPoint, of contract: AccountAddress, _ code: CompiledCode, _ arguments: [[UInt8]],
    refusal: WasmError, as type: Answer.Type = Answer.self, in context: inout HostContext
  ) throws(ContractStop) -> Answer {
    let limit = ContractGas.machine(context.gas.remaining)
    var storage = ContractStorage(keeper: self, contract: contract, context: context.take())
    let outcome = engine.call(
      ContractCall(entryPoint, arguments: arguments, gasLimit: limit), of: code,
      backend: &storage)
    let halt = storage.halt
    context = storage.finish()
    // What a failed call has used is charged like any other (CWA-2024-008).
    var used = outcome.gasUsedInternally
    if case .success(let answer) = outcome.result {
      let (reading, overflow) = UInt64(answer.count).multipliedReportingOverflow(
        by: ContractGas.resultByte * VMGas.perSDKGas)
      let (sum, isOver) = used.addingReportingOverflow(reading)
      used = overflow || isOver ? .max : sum
    }
    try halting { () throws(ExecutionHalt) in
      try context.charge(ContractGas.ledger(used))
      // Exhaustion is one error wherever it comes, and exactly nothing left is exhaustion, as in wasmd.
      if case .failure(.outOfGas) = outcome.result { try context.charge(.max) }
      if context.gas.remaining == 0 { try context.charge(.max) }
      if let halt { throw halt }
    }
    let bytes: [UInt8]
    switch outcome.result {
    case .success(let answer): bytes = answer
    case .failure(.halted): throw .halt(.state(.unreadable))
    case .failure(let failure): throw .failure(ContractFailure(.machine, failure.text))
    }
    let answer: ContractResult<Answer>
    do { answer = try ContractResult<Answer>(decoding: bytes) } catch {
      throw .failure(ContractFailure(.machine, "contract answered no \(Answer.self): \(error)"))
    }
    switch answer {
    case .ok(let value): return value
    case .error(let text): throw .failure(ContractFailure(refusal, text, isDeterministic: true))
    }
  }

  // MARK: Entry points

  func execute(
    _ contract: AccountAddress, message: [UInt8], funds: [Coin], by caller: AccountAddress,
    fundsMoved: Bool = false, in context: inout HostContext
  ) throws(ContractStop) -> [UInt8]? {
    let loaded = try load(contract, in: &context)
    try chargeInstance(of: loaded.code, id: loaded.record.codeID, in: &context)
    if !fundsMoved { try move(funds, from: caller, to: contract, in: &context) }
    let response: ContractResponse = try invoke(
      .execute, of: contract, loaded.compiled,
      [
        environment(of: contract, in: context), information(sender: caller, funds: funds), message,
      ], refusal: .execute, in: &context)
    try emit("execute", contract, in: &context)
    return try settle(response.parts, of: contract, in: &context)
  }

  func sudo(
    _ contract: AccountAddress, message: [UInt8], in context: inout HostContext
  ) throws(ContractStop) -> [UInt8]? {
    let loaded = try load(contract, in: &context)
    try chargeInstance(of: loaded.code, id: loaded.record.codeID, in: &context)
    let response: ContractResponse = try invoke(
      .sudo, of: contract, loaded.compiled, [environment(of: contract, in: context), message],
      refusal: .execute, in: &context)
    try emit("sudo", contract, in: &context)
    return try wrapping("dispatch") { () throws(ContractStop) in
      try settle(response.parts, of: contract, in: &context)
    }
  }

  func reply(
    _ reply: Reply, to contract: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> [UInt8]? {
    let loaded = try load(contract, in: &context)
    var events: [ContractEvent] = []
    if case .ok(let response) = reply.result { events = response.events }
    try halting { () throws(ExecutionHalt) in try context.charge(ContractGas.reply(events)) }
    let response: ContractResponse = try invoke(
      .reply, of: contract, loaded.compiled, [environment(of: contract, in: context), reply.encoded()],
      refusal: .execute, in: &context)
    try emit("reply", contract, in: &context)
    return try wrapping("dispatch") { () throws(ContractStop) in
      try settle(response.parts, of: contract, in: &context)
    }
  }

  /// Calls an entry point of packets that answers with no more than messages and events.
  func tell(
    _ entryPoint: EntryPoint, _ loaded: Loaded, _ message: some ContractMessage,
    in context: inout HostContext
  ) throws(ContractStop) {
    try chargeInstance(of: loaded.code, id: loaded.record.codeID, in: &context)
    let response: IbcBasicResponse = try invoke(
      entryPoint, of: loaded.address, loaded.compiled,
      [environment(of: loaded.address, in: context), message.encoded()], refusal: .execute, in: &context)
    let parts = ResponseParts(
      messages: response.messages, attributes: response.attributes, events: response.events, bytes: nil)
    _ = try settle(parts, of: loaded.address, in: &context)
  }

  /// Asks a contract; nothing changes but the gas.
  func ask(
    _ contract: AccountAddress, _ message: [UInt8], in context: inout HostContext
  ) throws(ContractStop) -> [UInt8] {
    let keeper: ContractKeeper
    do { keeper = try asking() } catch { throw .failure(error) }
    let loaded = try keeper.load(contract, in: &context)
    try keeper.chargeInstance(of: loaded.code, id: loaded.record.codeID, in: &context)
    let answer: ContractBinary = try keeper.invoke(
      .query, of: contract, loaded.compiled, [environment(of: contract, in: context), message],
      refusal: .query, in: &context)
    return answer.bytes
  }

  // MARK: Parts

  func move(
    _ funds: [Coin], from sender: AccountAddress, to recipient: AccountAddress,
    in context: inout HostContext
  ) throws(ContractStop) {
    for coin in funds {
      do { try bank.move(coin, from: sender, to: recipient, in: &context) } catch {
        throw error.mapped { ContractFailure($0) }
      }
    }
  }

  func wrapping<Value>(
    _ text: String, _ body: () throws(ContractStop) -> Value
  ) throws(ContractStop) -> Value {
    do { return try body() } catch { throw error.mapped { $0.wrapped(text) } }
  }
}

/// What every answer of a contract has, whatever it answers to.
struct ResponseParts {
  let messages: [SubMsg]
  let attributes: [ContractAttribute]
  let events: [ContractEvent]
  let bytes: [UInt8]?
}

extension ContractResponse {
  var parts: ResponseParts {
    ResponseParts(messages: messages, attributes: attributes, events: events, bytes: bytes)
  }
}
