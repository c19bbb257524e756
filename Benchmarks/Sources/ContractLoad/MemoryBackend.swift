import ContractHost
import Messages

/// Storage in a dictionary, a list that is walked without end, and addresses as a domain reads them.
struct MemoryBackend: ContractBackend {
  private var entries: [[UInt8]: [UInt8]] = [:]
  private static let entry = ContractEntry(
    key: [UInt8](repeating: 1, count: 8), value: [UInt8](repeating: 2, count: 32))
  private static let answer = [UInt8](#"{"ok":{"ok":"e30="}}"#.utf8)

  mutating func clear() { entries.removeAll(keepingCapacity: true) }

  mutating func read(_ key: [UInt8]) throws(BackendFailure) -> BackendAnswer<[UInt8]?> {
    BackendAnswer(entries[key])
  }

  mutating func write(_ value: [UInt8], to key: [UInt8]) throws(BackendFailure) -> UInt64 {
    entries[key] = value
    return 0
  }

  mutating func remove(_ key: [UInt8]) throws(BackendFailure) -> UInt64 {
    entries[key] = nil
    return 0
  }

  mutating func scan(
    from: [UInt8]?, until: [UInt8]?, descending: Bool
  ) throws(BackendFailure) -> BackendAnswer<Int> { BackendAnswer(0) }

  mutating func next(_ iterator: Int) throws(BackendFailure) -> BackendAnswer<ContractEntry?> {
    BackendAnswer(Self.entry)
  }

  mutating func query(_ request: [UInt8], gasLimit: UInt64) throws(BackendFailure) -> BackendAnswer<[UInt8]> {
    BackendAnswer(Self.answer)
  }

  mutating func canonicalize(
    _ human: String
  ) throws(BackendFailure) -> BackendAnswer<Result<[UInt8], AddressRefusal>> {
    guard let account = try? AccountAddress(text: human) else {
      return BackendAnswer(.failure(AddressRefusal("no address")))
    }
    return BackendAnswer(.success(account.bytes))
  }

  mutating func humanize(
    _ canonical: [UInt8]
  ) throws(BackendFailure) -> BackendAnswer<Result<String, AddressRefusal>> {
    guard let account = AccountAddress(bytes: canonical) else {
      return BackendAnswer(.failure(AddressRefusal("no address")))
    }
    return BackendAnswer(.success(account.text))
  }

  mutating func validate(_ human: String) throws(BackendFailure) -> BackendAnswer<AddressRefusal?> {
    BackendAnswer((try? AccountAddress(text: human)) == nil ? AddressRefusal("no address") : nil)
  }
}
