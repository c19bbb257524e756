import ContractHost
import Ledger
import MerkleProofs
import Messages
import PacketHost

/// What one call of a contract may touch: its own part of the state, and questions to the domain.
///
/// It holds the context while the call lasts, and gives it back at the end.
struct ContractStorage: ContractBackend {
  /// A walk over stored keys, read a page at a time.
  private struct Walk {
    var start: [UInt8]
    var end: [UInt8]?
    let descending: Bool
    var page: [(key: [UInt8], value: [UInt8])] = []
    var index = 0
    /// Few at first: many contracts look at one entry.
    var pageLength = 4
    var isOver = false
  }

  private static let pageLengthMax = 256
  /// Keys of the ledger's state are bounded; the prefix is part of them.
  private static let keyBytesMax = ICS23.EntryLimits.keyBytesMax

  private let keeper: ContractKeeper
  private let contract: AccountAddress
  private let prefix: [UInt8]
  private(set) var context: HostContext
  /// Why the call was stopped, when the ledger stopped it.
  private(set) var halt: ExecutionHalt?
  private var walks: [Walk] = []

  init(keeper: ContractKeeper, contract: AccountAddress, context: HostContext) {
    self.keeper = keeper
    self.contract = contract
    prefix = ContractKeys.storage(contract)
    self.context = context
  }

  /// Gives up the context.
  mutating func finish() -> HostContext { context.take() }

  private mutating func stop(_ halt: ExecutionHalt) -> BackendFailure {
    switch halt {
    case .outOfGas:
      self.halt = halt
      return .outOfGas
    case .breach(.keySize(let max, let actual)):
      return .refused("key of \(actual) bytes, limit is \(max)")
    case .breach(.valueSize(let max, let actual)):
      return .refused("value of \(actual) bytes, limit is \(max)")
    case .breach(.keyEmpty): return .refused("key is nil or empty")
    case .breach(.valueEmpty): return .refused("value is empty")
    case .breach(.depth), .state:
      self.halt = halt
      return .halt
    }
  }

  /// Runs `body`; tells what it cost in gas of the machine.
  private mutating func charged<Value: Sendable>(
    _ body: (inout HostContext) throws(ExecutionHalt) -> Value
  ) throws(BackendFailure) -> BackendAnswer<Value> {
    let before = context.gas.used
    do {
      let value = try body(&context)
      return BackendAnswer(value, gas: ContractGas.machine(context.gas.used - before))
    } catch { throw stop(error) }
  }

  private func key(_ key: [UInt8]) throws(BackendFailure) -> [UInt8] {
    guard !key.isEmpty else { throw .refused("key is nil or empty") }
    guard prefix.count + key.count <= Self.keyBytesMax else {
      throw .refused("key of \(key.count) bytes, limit is \(Self.keyBytesMax - prefix.count)")
    }
    return prefix + key
  }

  // MARK: Storage

  mutating func read(_ key: [UInt8]) throws(BackendFailure) -> BackendAnswer<[UInt8]?> {
    let key = try self.key(key)
    return try charged { (context: inout HostContext) throws(ExecutionHalt) in try context.read(key) }
  }

  mutating func write(_ value: [UInt8], to key: [UInt8]) throws(BackendFailure) -> UInt64 {
    let key = try self.key(key)
    return try charged { (context: inout HostContext) throws(ExecutionHalt) in
      try context.write(value, to: key)
    }.gas
  }

  mutating func remove(_ key: [UInt8]) throws(BackendFailure) -> UInt64 {
    let key = try self.key(key)
    return try charged { (context: inout HostContext) throws(ExecutionHalt) in try context.remove(key) }.gas
  }

  mutating func scan(
    from: [UInt8]?, until: [UInt8]?, descending: Bool
  ) throws(BackendFailure) -> BackendAnswer<Int> {
    let paid = try charged { (context: inout HostContext) throws(ExecutionHalt) in
      try context.charge(GasSchedule.iterationPerEntry)
    }
    walks.append(
      Walk(
        start: prefix + (from ?? []), end: until.map { prefix + $0 } ?? ContractKeys.end(of: prefix),
        descending: descending))
    return BackendAnswer(walks.count - 1, gas: paid.gas)
  }

  mutating func next(_ iterator: Int) throws(BackendFailure) -> BackendAnswer<ContractEntry?> {
    guard walks.indices.contains(iterator) else { throw .refused("unknown iterator") }
    if walks[iterator].index == walks[iterator].page.count { try turn(iterator) }
    let walk = walks[iterator]
    guard walk.index < walk.page.count else { return BackendAnswer(nil) }
    let (key, value) = walk.page[walk.index]
    walks[iterator].index += 1
    let paid = try charged { (context: inout HostContext) throws(ExecutionHalt) in
      try context.chargeStep(key: key, value: value)
    }
    return BackendAnswer(ContractEntry(key: Array(key.dropFirst(prefix.count)), value: value), gas: paid.gas)
  }

  /// Reads the next page of a walk.
  private mutating func turn(_ iterator: Int) throws(BackendFailure) {
    var walk = walks[iterator]
    guard !walk.isOver else { return }
    do {
      walk.page = try context.page(
        from: walk.start, until: walk.end, descending: walk.descending, limit: walk.pageLength)
    } catch { throw stop(error) }
    walk.index = 0
    walk.isOver = walk.page.count < walk.pageLength
    walk.pageLength = min(2 * walk.pageLength, Self.pageLengthMax)
    if let last = walk.page.last {
      // The key behind `last` in byte order is `last` with a zero.
      if walk.descending { walk.end = last.key } else { walk.start = last.key + [0] }
    }
    walks[iterator] = walk
  }

  // MARK: Questions

  mutating func query(
    _ request: [UInt8], gasLimit: UInt64
  ) throws(BackendFailure) -> BackendAnswer<[UInt8]> {
    let (keeper, contract) = (keeper, contract)
    let before = context.gas.used
    let answer: QueryAnswer
    do {
      answer = try keeper.answer(
        request, from: contract, gasLimit: ContractGas.ledger(gasLimit), in: &context)
    } catch { throw stop(error) }
    return BackendAnswer(answer.encoded(), gas: ContractGas.machine(context.gas.used - before))
  }

  // MARK: Addresses

  mutating func canonicalize(
    _ human: String
  ) throws(BackendFailure) -> BackendAnswer<Result<[UInt8], AddressRefusal>> {
    let gas = try charge(ContractGas.canonicalize)
    guard let account = try? AccountAddress(text: human) else {
      return BackendAnswer(.failure(AddressRefusal("decoding bech32 failed")), gas: gas)
    }
    return BackendAnswer(.success(account.bytes), gas: gas)
  }

  mutating func humanize(
    _ canonical: [UInt8]
  ) throws(BackendFailure) -> BackendAnswer<Result<String, AddressRefusal>> {
    let gas = try charge(ContractGas.humanize)
    guard let account = AccountAddress(bytes: canonical) else {
      return BackendAnswer(
        .failure(AddressRefusal("address of \(canonical.count) bytes: 20 and 32 are known")), gas: gas)
    }
    return BackendAnswer(.success(account.text), gas: gas)
  }

  mutating func validate(_ human: String) throws(BackendFailure) -> BackendAnswer<AddressRefusal?> {
    guard let account = try? AccountAddress(text: human) else {
      return BackendAnswer(
        AddressRefusal("decoding bech32 failed"), gas: try charge(ContractGas.canonicalize))
    }
    let gas = try charge(ContractGas.validate)
    // CWA-2022-002: bech32 may be all upper case, and two texts of one address would be two keys of a contract.
    return BackendAnswer(account.text == human ? nil : AddressRefusal("address not normalized"), gas: gas)
  }

  private mutating func charge(_ gas: UInt64) throws(BackendFailure) -> UInt64 {
    try charged { (context: inout HostContext) throws(ExecutionHalt) in try context.charge(gas) }.gas
  }
}
