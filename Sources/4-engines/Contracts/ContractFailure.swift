import ContractHost
import Ledger
import Messages
import PacketHost

/// Why the keeper will not do something: a code space, its number, words, and how much of it a contract is told.
///
/// Texts are built as the Cosmos SDK builds them: the description first, then the registered text.
struct ContractFailure: Error, Hashable, Sendable {
  let codespace: String
  let number: UInt32
  let text: String
  /// Whether the words are the same on every machine, so that a reply may hold them. Only the outermost error
  /// counts: wrapping takes the mark away (wasmd `types/errors.go`, MarkErrorDeterministic).
  let isDeterministic: Bool
  /// What a contract that has asked a question is told instead, unchanged.
  let system: SystemError?

  init(
    codespace: String, number: UInt32, text: String, isDeterministic: Bool = false, system: SystemError? = nil
  ) {
    self.codespace = codespace
    self.number = number
    self.text = text
    self.isDeterministic = isDeterministic
    self.system = system
  }

  /// An error of wasmd, `text` before what is registered for it.
  init(_ error: WasmError, _ text: String? = nil, isDeterministic: Bool = false, system: SystemError? = nil) {
    self.init(
      codespace: "wasm", number: error.rawValue, text: text.map { "\($0): \(error.text)" } ?? error.text,
      isDeterministic: isDeterministic, system: system)
  }

  /// An error of the Cosmos SDK.
  init(_ error: SDKError, _ text: String? = nil) {
    self.init(
      codespace: "sdk", number: error.rawValue, text: text.map { "\($0): \(error.text)" } ?? error.text)
  }

  /// The same error from inside of something that `text` names.
  func wrapped(_ text: String) -> ContractFailure {
    ContractFailure(codespace: codespace, number: number, text: "\(text): \(self.text)", system: system)
  }

  /// What a reply says of it.
  var redacted: String { isDeterministic ? text : "codespace: \(codespace), code: \(number)" }

  var module: ModuleRefusal { ModuleRefusal(codespace: codespace, number: number, text: text) }

  /// For places that know names only: stable.
  var code: String { "\(codespace).\(number)" }
}

typealias ContractStop = AttemptFailure<ContractFailure>

/// Errors of wasmd (`x/wasm/types/errors.go`).
enum WasmError: UInt32, Sendable {
  case create = 2
  case accountExists = 3
  case instantiate = 4
  case execute = 5
  case notFound = 8
  case query = 9
  case invalidMessage = 10
  case migrate = 11
  case empty = 12
  case limit = 13
  case invalid = 14
  case duplicate = 15
  case unsupported = 17
  case unknownMessage = 20
  case invalidEvent = 21
  case noSuchContract = 22
  case queryStack = 27
  case noSuchCode = 28
  case machine = 29
  case callDepth = 30

  var text: String {
    switch self {
    case .create: "create wasm contract failed"
    case .accountExists: "contract account already exists"
    case .instantiate: "instantiate wasm contract failed"
    case .execute: "execute wasm contract failed"
    case .notFound: "not found"
    case .query: "query wasm contract failed"
    case .invalidMessage: "invalid CosmosMsg from the contract"
    case .migrate: "migrate wasm contract failed"
    case .empty: "empty"
    case .limit: "exceeds limit"
    case .invalid: "invalid"
    case .duplicate: "duplicate"
    case .unsupported: "unsupported for this contract"
    case .unknownMessage: "unknown message from the contract"
    case .invalidEvent: "invalid event"
    case .noSuchContract: "no such contract"
    case .queryStack: "max query stack size exceeded"
    case .noSuchCode: "no such code"
    case .machine: "wasmvm error"
    case .callDepth: "max call depth exceeded"
    }
  }
}

/// Errors of the Cosmos SDK (`types/errors/errors.go`) that wasmd gives.
enum SDKError: UInt32, Sendable {
  case unauthorized = 4
  case insufficientFunds = 5
  case unknownRequest = 6
  case invalidAddress = 7
  case invalidCoins = 10
  case outOfGas = 11
  case invalidRequest = 18
  case notFound = 38

  var text: String {
    switch self {
    case .unauthorized: "unauthorized"
    case .insufficientFunds: "insufficient funds"
    case .unknownRequest: "unknown request"
    case .invalidAddress: "invalid address"
    case .invalidCoins: "invalid coins"
    case .outOfGas: "out of gas"
    case .invalidRequest: "invalid request"
    case .notFound: "not found"
    }
  }
}

extension ContractFailure {
  static func noSuchContract(_ address: String) -> ContractFailure {
    ContractFailure(
      .noSuchContract, "address \(address)", system: .noSuchContract(address: address))
  }

  static func noSuchCode(_ id: UInt64) -> ContractFailure {
    ContractFailure(.noSuchCode, "code id \(id)", system: .noSuchCode(codeID: id))
  }

  /// Text that should have been an address: an error that no code space has registered.
  static func address(_ field: String) -> ContractFailure {
    ContractFailure(codespace: "undefined", number: 1, text: "\(field): decoding bech32 failed")
  }

  init(_ refusal: BankRefusal) {
    switch refusal {
    case .insufficientFunds(_, let available, let wanted):
      self.init(
        .insufficientFunds, "spendable balance \(available)\(wanted.denom) is smaller than \(wanted)")
    case .supplyOverflow(let denom): self.init(.invalidCoins, "supply of \(denom)")
    case .amountZero: self.init(.invalidCoins, "amount is zero")
    }
  }

  init(_ refusal: Ledger.MessageRefusal) {
    switch refusal {
    case .bank(let refusal), .call(.funds(let refusal)): self.init(refusal)
    case .module(let refusal):
      self.init(codespace: refusal.codespace, number: refusal.number, text: refusal.text)
    default:
      let (codespace, number) = refusal.code
      self.init(codespace: codespace, number: number, text: "\(refusal)")
    }
  }
}

extension AttemptFailure {
  /// The same halt, or the failure as the cause of another.
  func mapped<Other: Error & Hashable & Sendable>(_ transform: (Failure) -> Other) -> AttemptFailure<Other> {
    switch self {
    case .failure(let failure): .failure(transform(failure))
    case .halt(let halt): .halt(halt)
    }
  }
}

/// Runs what can only halt.
func halting<Value>(_ body: () throws(ExecutionHalt) -> Value) throws(ContractStop) -> Value {
  do { return try body() } catch { throw .halt(error) }
}
