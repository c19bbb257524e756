import ContractHost
import Encodings
import WireBytes

/// What the host that recorded the scripts let a contract touch: storage in memory, and its own mock rules.
///
/// The rules are those of the corpus: an address is valid in lower case from 3 bytes on; canonical is the text padded
/// with zeroes to 32 bytes; coins come from the script; one contract is there, at `address`.
struct CosmWasmBackend: ContractBackend {
  /// What stays the same through a script.
  struct World {
    let engine: ContractEngine
    let code: CompiledCode
    /// The address at which smart and raw queries find the contract.
    let address: String
    let balances: [(address: String, coin: ContractCoin)]
  }

  /// The recording host stops below this many nested queries.
  static let queryDepthMax = 10
  private static let canonicalBytes = 32

  let world: World
  /// The environment, as nested queries are told it.
  let environment: [UInt8]
  /// The answer by the exact text of the request.
  let overrides: [String: [UInt8]]
  let depth: Int
  var storage: [[UInt8]: [UInt8]]
  private(set) var printed: [String] = []
  /// What nested queries called, one list for each query.
  private var nested: [[String]] = []
  private var iterators: [Iterator] = []

  private struct Iterator {
    let entries: [ContractEntry]
    var place = 0
  }

  init(
    _ world: World, environment: [UInt8], overrides: [String: [UInt8]], depth: Int = 0,
    storage: [[UInt8]: [UInt8]]
  ) {
    self.world = world
    self.environment = environment
    self.overrides = overrides
    self.depth = depth
    self.storage = storage
  }

  /// All host calls in order: those of a nested query follow the call that asked.
  func hostCalls(_ outcome: CallOutcome) -> [String] {
    var calls: [String] = []
    var queries = nested.makeIterator()
    for call in outcome.hostCalls {
      calls.append(call.rawValue)
      if call == .queryChain, let inner = queries.next() { calls += inner }
    }
    return calls
  }

  // MARK: Storage

  mutating func read(_ key: [UInt8]) throws(BackendFailure) -> BackendAnswer<[UInt8]?> {
    BackendAnswer(storage[key])
  }

  mutating func write(_ value: [UInt8], to key: [UInt8]) throws(BackendFailure) -> UInt64 {
    storage[key] = value
    return 0
  }

  mutating func remove(_ key: [UInt8]) throws(BackendFailure) -> UInt64 {
    storage[key] = nil
    return 0
  }

  mutating func scan(
    from: [UInt8]?, until: [UInt8]?, descending: Bool
  ) throws(BackendFailure) -> BackendAnswer<Int> {
    func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool { left.lexicographicallyPrecedes(right) }
    let keys = storage.keys.filter { key in
      from.map { !precedes(key, $0) } ?? true && until.map { precedes(key, $0) } ?? true
    }
    let sorted = keys.sorted { descending ? precedes($1, $0) : precedes($0, $1) }
    iterators.append(Iterator(entries: sorted.map { ContractEntry(key: $0, value: storage[$0] ?? []) }))
    return BackendAnswer(iterators.count - 1)
  }

  mutating func next(_ iterator: Int) throws(BackendFailure) -> BackendAnswer<ContractEntry?> {
    guard iterators.indices.contains(iterator) else { throw .refused("no such iterator") }
    let place = iterators[iterator].place
    guard place < iterators[iterator].entries.count else { return BackendAnswer(nil) }
    iterators[iterator].place += 1
    return BackendAnswer(iterators[iterator].entries[place])
  }

  // MARK: Addresses

  mutating func canonicalize(
    _ human: String
  ) throws(BackendFailure) -> BackendAnswer<Result<[UInt8], AddressRefusal>> {
    let bytes = [UInt8](human.utf8)
    guard !bytes.isEmpty else { return BackendAnswer(.failure(AddressRefusal("Input is empty"))) }
    guard bytes.count <= Self.canonicalBytes, !human.hasPrefix("bn9") else {
      return BackendAnswer(.failure(AddressRefusal("Invalid input")))
    }
    return BackendAnswer(.success(bytes + [UInt8](repeating: 0, count: Self.canonicalBytes - bytes.count)))
  }

  mutating func humanize(
    _ canonical: [UInt8]
  ) throws(BackendFailure) -> BackendAnswer<Result<String, AddressRefusal>> {
    let end = (canonical.lastIndex { $0 != 0 } ?? -1) + 1
    guard canonical.count == Self.canonicalBytes,
      let text = String(validating: canonical[..<end], as: UTF8.self)
    else {
      return BackendAnswer(.failure(AddressRefusal(canonical.isEmpty ? "Input is empty" : "Invalid input")))
    }
    return BackendAnswer(.success(text))
  }

  mutating func validate(_ human: String) throws(BackendFailure) -> BackendAnswer<AddressRefusal?> {
    if human.isEmpty { return BackendAnswer(AddressRefusal("Input is empty")) }
    guard human.utf8.count >= 3, human.lowercased() == human else {
      return BackendAnswer(AddressRefusal("address not normalized"))
    }
    return BackendAnswer(nil)
  }

  mutating func debug(_ text: String) { printed.append(text) }

  // MARK: Queries

  mutating func query(
    _ request: [UInt8], gasLimit: UInt64
  ) throws(BackendFailure) -> BackendAnswer<[UInt8]> {
    nested.append([])
    if let answer = overrides[String(decoding: request, as: UTF8.self)] { return BackendAnswer(answer) }
    let parsed: QueryRequest
    do { parsed = try QueryRequest(decoding: request) } catch {
      return BackendAnswer(
        QueryAnswer.error(.invalidRequest(error: "\(error)", request: request)).encoded())
    }
    switch parsed {
    case .bank(.balance(let address, let denomination)):
      let amount = world.balances.first {
        $0.address == address && $0.coin.denomination == denomination
      }?.coin.amount
      return Self.answer(
        .answer(AmountAnswer(ContractCoin(denomination: denomination, amount: amount ?? .zero))))
    case .bank(.allBalances(let address)):
      return Self.answer(
        .answer(AllBalancesAnswer(world.balances.filter { $0.address == address }.map { $0.coin })))
    case .wasm(.raw(let contract, let key)):
      guard contract == world.address else { return Self.answer(.error(.noSuchContract(address: contract))) }
      return Self.answer(.ok(.ok(ContractBinary(storage[key] ?? []))))
    case .wasm(.smart(let contract, let message)):
      guard contract == world.address else { return Self.answer(.error(.noSuchContract(address: contract))) }
      return smart(message, gasLimit: gasLimit)
    case .wasm(.contractInfo(let contract)) where contract != world.address:
      return Self.answer(.error(.noSuchContract(address: contract)))
    default:
      let kind = (try? JSONValue(decoding: request))?.object?.keys.first ?? "unknown"
      return Self.answer(.error(.unsupportedRequest(kind: kind)))
    }
  }

  private static func answer(_ answer: QueryAnswer) -> BackendAnswer<[UInt8]> {
    BackendAnswer(answer.encoded())
  }

  /// The contract's own query, on this storage.
  private mutating func smart(_ message: [UInt8], gasLimit: UInt64) -> BackendAnswer<[UInt8]> {
    guard depth < Self.queryDepthMax else { return Self.answer(.error(.unknown)) }
    var inner = CosmWasmBackend(
      world, environment: environment, overrides: overrides, depth: depth + 1, storage: storage)
    let outcome = world.engine.call(
      ContractCall(.query, arguments: [environment, message], gasLimit: gasLimit, records: true),
      of: world.code, backend: &inner)
    printed += inner.printed
    nested[nested.count - 1] = inner.hostCalls(outcome)
    let (gas, overflow) = outcome.gasUsedInternally.addingReportingOverflow(outcome.gasUsedExternally)
    let used = overflow ? UInt64.max : gas
    switch outcome.result {
    case .success(let bytes):
      guard let result = try? ContractResult<ContractBinary>(decoding: bytes) else {
        return BackendAnswer(
          QueryAnswer.error(.invalidResponse(error: "not a result", response: bytes)).encoded(), gas: used)
      }
      return BackendAnswer(QueryAnswer.ok(result).encoded(), gas: used)
    case .failure(let failure):
      return BackendAnswer(QueryAnswer.ok(.error(failure.text)).encoded(), gas: used)
    }
  }
}
