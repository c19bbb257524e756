public import ContractHost
internal import Digests
public import WireBytes

/// Why a program gave no answer.
public enum CaseProgramError: Error, Hashable, Sendable {
  /// No wasmtime, or it does not start.
  case engine(WasmtimeError)
  /// The WASM is none that is run.
  case code(CodeRefusal)
  /// It has no `query`.
  case noQuery
  /// The call ended without an answer.
  case call(CallFailure)
  /// The contract answered with an error of its own; the text is the contract's.
  case refused(String)
  /// The answer is no contract's answer.
  case answer(MessageRefusal)
  case answerLength(max: Int, actual: Int)
}

/// A program in WASM that computes cases: a CosmWasm contract whose `query` is asked, with nothing around it.
///
/// There is no storage, no chain to ask, no network and no clock: an answer follows from the module and the question alone,
/// on every machine. What the engine's version could change is bounded by gas, memory and stack.
public final class CaseProgram: Sendable {
  /// Bytes of an answer.
  public static let answerSizeMax = 24 << 20
  /// 16 MiB of memory; the stack and tables are ContractHost's.
  static let limits = ContractLimits(
    memoryPagesMax: 256, resultBytesMax: answerSizeMax, codesInMemoryMax: 1, pooledInstances: 1)

  /// SHA-256 of the WASM.
  public let checksum: Bytes32
  private let engine: ContractEngine
  private let code: CompiledCode

  /// Checks and compiles a module.
  public init(_ wasm: [UInt8], library: WasmtimeLibrary) throws(CaseProgramError) {
    do { engine = try ContractEngine(library: library, limits: Self.limits) } catch { throw .engine(error) }
    do { code = try engine.compile(wasm) } catch { throw .code(error) }
    checksum = SHA256Hash.hash(wasm)
    guard code.exports(.query) else { throw .noQuery }
    warm()
  }

  /// Makes one instance, which is thrown away: wasmtime then makes the image of the module's memory (memfd_create), once, and
  /// the process may be closed to that system call afterwards. The gas is none to compute with.
  private func warm() {
    var nothing = NoBackend()
    let call = ContractCall(.query, arguments: [Self.environment, [0x7b, 0x7d]], gasLimit: VMGas.perFuel)
    _ = engine.call(call, of: code, backend: &nothing)
  }

  /// Asks the program.
  ///
  /// - Parameters:
  ///   - question: the JSON of the query.
  ///   - gas: VM units.
  /// - Returns: what the contract gave, which is the caller's to read: untrusted.
  public func answer(_ question: [UInt8], gas: UInt64) throws(CaseProgramError) -> [UInt8] {
    var nothing = NoBackend()
    let call = ContractCall(.query, arguments: [Self.environment, question], gasLimit: gas)
    let outcome = engine.call(call, of: code, backend: &nothing)
    let bytes: [UInt8]
    switch outcome.result {
    case .success(let result): bytes = result
    case .failure(let failure): throw .call(failure)
    }
    let result: ContractResult<ContractBinary>
    do { result = try ContractResult<ContractBinary>(decoding: bytes) } catch { throw .answer(error) }
    switch result {
    case .ok(let answer):
      guard answer.bytes.count <= Self.answerSizeMax else {
        throw .answerLength(max: Self.answerSizeMax, actual: answer.bytes.count)
      }
      return answer.bytes
    case .error(let text): throw .refused(String(text.prefix(512)))
    }
  }

  /// The same for every call: block 1 at time 0 of no chain.
  private static let environment = ContractEnvironment(
    height: 1, timeNanoseconds: 0, chainID: "causeway-enclave", transaction: nil, contract: "enclave"
  ).encoded()
}

/// The nothing around a program: reads find nothing, and all else ends the call.
struct NoBackend: ContractBackend {
  mutating func read(_ key: [UInt8]) throws(BackendFailure) -> BackendAnswer<[UInt8]?> { BackendAnswer(nil) }
  mutating func write(_ value: [UInt8], to key: [UInt8]) throws(BackendFailure) -> UInt64 {
    throw Self.closed
  }
  mutating func remove(_ key: [UInt8]) throws(BackendFailure) -> UInt64 { throw Self.closed }
  mutating func scan(from: [UInt8]?, until: [UInt8]?, descending: Bool) throws(BackendFailure)
    -> BackendAnswer<Int>
  { BackendAnswer(0) }
  mutating func next(_ iterator: Int) throws(BackendFailure) -> BackendAnswer<ContractEntry?> {
    BackendAnswer(nil)
  }
  mutating func query(_ request: [UInt8], gasLimit: UInt64) throws(BackendFailure) -> BackendAnswer<[UInt8]> {
    throw Self.closed
  }
  mutating func canonicalize(_ human: String) throws(BackendFailure)
    -> BackendAnswer<Result<[UInt8], AddressRefusal>>
  { BackendAnswer(.failure(Self.noAddresses)) }
  mutating func humanize(_ canonical: [UInt8]) throws(BackendFailure)
    -> BackendAnswer<Result<String, AddressRefusal>>
  { BackendAnswer(.failure(Self.noAddresses)) }
  mutating func validate(_ human: String) throws(BackendFailure) -> BackendAnswer<AddressRefusal?> {
    BackendAnswer(Self.noAddresses)
  }

  private static let closed = BackendFailure.refused("nothing of a chain can be reached from an enclave")
  private static let noAddresses = AddressRefusal("an enclave knows no addresses")
}
