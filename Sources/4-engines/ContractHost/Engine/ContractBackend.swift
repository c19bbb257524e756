/// What a backend answers, and the gas that it has already charged for it itself.
public struct BackendAnswer<Value: Sendable>: Sendable {
  public let value: Value
  /// In VM units: external gas shortens what a call has left and is not charged again.
  public let gas: UInt64

  public init(_ value: Value, gas: UInt64 = 0) {
    self.value = value
    self.gas = gas
  }
}

/// One stored pair, as an iterator gives it.
public struct ContractEntry: Hashable, Sendable {
  public let key: [UInt8]
  public let value: [UInt8]

  public init(key: [UInt8], value: [UInt8]) {
    self.key = key
    self.value = value
  }
}

/// Why an address was refused, in words that go back into the contract; the call goes on.
public struct AddressRefusal: Error, Hashable, Sendable {
  public let text: String

  public init(_ text: String) { self.text = text }
}

/// Why a backend cannot answer. Each ends the call.
public enum BackendFailure: Error, Hashable, Sendable {
  /// The backend's own meter is empty.
  case outOfGas
  /// The call fails as a host error with these words, which must be the same on every machine.
  case refused(String)
  /// State cannot be read: whoever started the call must stop, and knows why.
  case halt
}

/// What a call may touch: storage of one contract, addresses, queries of the chain.
///
/// The engine works on the caller's value in place while a call lasts. A failed call does not undo what it wrote:
/// run it on a branch of state. Answers must depend on state alone.
public protocol ContractBackend: ~Copyable {
  /// - Returns: nil when nothing is stored under the key; an empty value is a value.
  mutating func read(_ key: [UInt8]) throws(BackendFailure) -> BackendAnswer<[UInt8]?>
  /// - Returns: gas that was charged.
  mutating func write(_ value: [UInt8], to key: [UInt8]) throws(BackendFailure) -> UInt64
  /// - Returns: gas that was charged.
  mutating func remove(_ key: [UInt8]) throws(BackendFailure) -> UInt64
  /// Begins to walk from `from`, included, to `until`, excluded; nil is an open end.
  ///
  /// - Returns: a handle for ``next(_:)``. The contract never sees it, and the engine bounds how many there are.
  mutating func scan(from: [UInt8]?, until: [UInt8]?, descending: Bool) throws(BackendFailure)
    -> BackendAnswer<Int>
  /// - Returns: nil at the end.
  mutating func next(_ iterator: Int) throws(BackendFailure) -> BackendAnswer<ContractEntry?>
  /// Answers a query of the chain with the JSON of a SystemResult.
  mutating func query(_ request: [UInt8], gasLimit: UInt64) throws(BackendFailure) -> BackendAnswer<[UInt8]>
  /// The bytes of an address that is written as text.
  mutating func canonicalize(_ human: String) throws(BackendFailure)
    -> BackendAnswer<Result<[UInt8], AddressRefusal>>
  /// The text of an address that is given as bytes.
  mutating func humanize(_ canonical: [UInt8]) throws(BackendFailure)
    -> BackendAnswer<Result<String, AddressRefusal>>
  /// - Returns: nil when the address is valid and written the one way that is right.
  mutating func validate(_ human: String) throws(BackendFailure) -> BackendAnswer<AddressRefusal?>
  /// Text that a contract prints while it is being developed. Unless implemented, it goes nowhere.
  mutating func debug(_ text: String)
}

extension ContractBackend where Self: ~Copyable {
  public mutating func debug(_ text: String) {}
}
