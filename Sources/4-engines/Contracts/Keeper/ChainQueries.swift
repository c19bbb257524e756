import ContractHost
import Ledger
import Messages
import PacketHost
import WireBytes

/// Questions of contracts to their domain.
///
/// - SeeAlso: wasmd `x/wasm/keeper/query_plugins.go`.
extension ContractKeeper {
  /// An answer, thrown so that whatever the question did to the state goes with its layer.
  private struct Answered: Error, Hashable, Sendable {
    let answer: QueryAnswer
  }

  /// Answers on a branch of the state that is then dropped, with gas of its own.
  ///
  /// - Throws: when the gas is not enough for the question: its asker has none left then.
  func answer(
    _ request: [UInt8], from contract: AccountAddress, gasLimit: UInt64, in context: inout HostContext
  ) throws(ExecutionHalt) -> QueryAnswer {
    let question: QueryRequest
    do { question = try QueryRequest(decoding: request) } catch {
      return .error(.invalidRequest(error: "\(error)", request: request))
    }
    let attempt = try context.attempt(gasLimit: gasLimit) {
      (context: inout HostContext) throws(AttemptFailure<Answered>) -> Bool in
      let answer: QueryAnswer
      do throws(ContractStop) {
        answer = .ok(.ok(ContractBinary(try respond(to: question, from: contract, in: &context))))
      } catch {
        switch error {
        case .failure(let failure):
          answer = failure.system.map { .error($0) } ?? .ok(.error(failure.redacted))
        case .halt(let halt): throw .halt(halt)
        }
      }
      throw .failure(Answered(answer: answer))
    }
    switch attempt {
    case .failed(let answered): return answered.answer
    case .outOfGas(let shortage): throw .outOfGas(shortage)
    case .breach(let breach): throw .breach(breach)
    case .succeeded: return .error(.unknown)
    }
  }

  private func respond(
    to question: QueryRequest, from contract: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> [UInt8] {
    switch question {
    case .bank(let query): return try respond(to: query, in: &context)
    case .wasm(let query): return try respond(to: query, in: &context)
    case .ibc(let query): return try respond(to: query, from: contract, in: &context)
    case .grpc: throw unsupported("gRPC queries are disabled on this chain")
    case .stargate: throw unsupported("Stargate queries are disabled on this chain")
    case .custom: throw unsupported("custom")
    case .unsupported(let variant, _):
      switch variant.family {
      case "bank": throw unsupported("unknown BankQuery variant")
      case "wasm": throw unsupported("unknown WasmQuery variant")
      case "ibc": throw unsupported("unknown IBCQuery variant")
      // Nothing is staked here.
      case "staking", "distribution": throw unsupported(variant.family)
      default:
        throw .failure(
          ContractFailure(codespace: "undefined", number: 1, text: "unknown", system: .unknown))
      }
    }
  }

  private func unsupported(_ kind: String) -> ContractStop {
    .failure(
      ContractFailure(
        codespace: "undefined", number: 1, text: "unsupported request: \(kind)",
        system: .unsupportedRequest(kind: kind)))
  }

  private func address(_ text: String) throws(ContractStop) -> AccountAddress {
    guard let account = AccountNames().account(named: text) else {
      throw .failure(ContractFailure(.invalidAddress, text))
    }
    return account
  }

  private func respond(
    to query: BankQuery, in context: inout HostContext
  ) throws(ContractStop) -> [UInt8] {
    switch query {
    case .balance(let text, let name):
      let account = try address(text)
      let amount = try halting { () throws(ExecutionHalt) in
        try bank.balance(of: account, name, in: &context)
      }
      return AmountAnswer(ContractCoin(denomination: name, amount: amount)).encoded()
    case .supply(let name):
      var amount = UInt256.zero
      if let denom = try? Denom(name) {
        amount = try halting { () throws(ExecutionHalt) in try bank.supply(of: denom, in: &context) }
      }
      return AmountAnswer(ContractCoin(denomination: name, amount: amount)).encoded()
    case .allBalances(let text):
      let prefix = Bank.balancePrefix(try address(text))
      let entries = try halting { () throws(ExecutionHalt) in
        try context.range(
          from: prefix, until: ContractKeys.end(of: prefix), limit: LedgerQueries.limitMax)
      }
      var coins: [ContractCoin] = []
      for entry in entries {
        guard let amount = try? UInt256(bigEndian: entry.value.span) else { throw .halt(.state(.unreadable)) }
        coins.append(
          ContractCoin(
            denomination: String(decoding: entry.key.dropFirst(prefix.count), as: UTF8.self), amount: amount))
      }
      return AllBalancesAnswer(coins).encoded()
    case .denominationMetadata(let name): throw .failure(ContractFailure(.notFound, name))
    case .allDenominationMetadata:
      let none: OrderedJSON = ["metadata": [], "next_key": .null]
      return none.encoded()
    }
  }

  private func respond(
    to query: WasmQuery, in context: inout HostContext
  ) throws(ContractStop) -> [UInt8] {
    switch query {
    case .smart(let text, let message):
      let contract = try address(text)
      do { try WasmMessage.check(message: message, "json msg") } catch { throw .failure(error) }
      return try ask(contract, message, in: &context)
    case .raw(let text, let key):
      let prefix = ContractKeys.storage(try address(text))
      guard !key.isEmpty else { return [] }
      return try halting { () throws(ExecutionHalt) in try context.read(prefix + key) } ?? []
    case .contractInfo(let text):
      let contract = try address(text)
      guard let record = try knownContract(contract, in: &context) else {
        throw .failure(.noSuchContract(text))
      }
      let pinned = try halting { () throws(ExecutionHalt) in
        try context.read(ContractKeys.isPinned(record.codeID))
      }
      return ContractInfoAnswer(
        codeID: record.codeID, creator: record.creator.text, admin: record.admin?.text, pinned: pinned != nil,
        ibcPort: record.ibcPort, ibc2Port: record.ibc2Port
      ).encoded()
    case .codeInfo(let id):
      guard id > 0 else { throw .failure(ContractFailure(.empty, "code id")) }
      let record = try codeRecord(id, in: &context)
      return CodeInfoAnswer(codeID: id, creator: record.creator.text, checksum: record.checksum).encoded()
    case .rawRange(let text, let start, let end, let limit, let order):
      let prefix = ContractKeys.storage(try address(text))
      // One more than is told: the first key that is not.
      let found = try halting { () throws(ExecutionHalt) in
        try context.range(
          from: prefix + (start ?? []), until: end.map { prefix + $0 } ?? ContractKeys.end(of: prefix),
          descending: order == .descending, limit: Int(limit) + 1)
      }
      func key(_ entry: (key: [UInt8], value: [UInt8])) -> [UInt8] {
        Array(entry.key.dropFirst(prefix.count))
      }
      return RawRangeAnswer(
        entries: found.prefix(Int(limit)).map { RawRangeAnswer.Entry(key: key($0), value: $0.value) },
        nextKey: found.count > Int(limit) ? key(found[Int(limit)]) : nil
      ).encoded()
    }
  }

  /// There are no channels of IBC v1 here.
  private func respond(
    to query: IbcQuery, from contract: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> [UInt8] {
    switch query {
    case .portID: return PortIDAnswer(try knownContract(contract, in: &context)?.ibcPort ?? "").encoded()
    case .channel: return ChannelAnswer(nil).encoded()
    case .listChannels:
      let none: OrderedJSON = ["channels": []]
      return none.encoded()
    }
  }
}
