import Encodings
public import Transactions
public import WireBytes

/// Which function of a contract a call is for.
public enum EVMSelector: Hashable, Sendable {
  /// A call without input: a transfer, or what the contract does then.
  case none
  /// The first four bytes of the input.
  case function(FixedBytes<4>)

  /// Nil for one to three bytes, which name no function.
  init?(_ input: [UInt8]) {
    if input.isEmpty {
      self = .none
    } else if input.count >= 4 {
      self = .function(FixedBytes<4>(input.span, at: 0))
    } else {
      return nil
    }
  }
}

/// What may be called.
public struct EVMCalls: Hashable, Sendable {
  /// Nil for any contract.
  public let to: Bytes20?
  /// Nil for any input.
  public let selectors: [EVMSelector]?

  public init(to: Bytes20?, selectors: [EVMSelector]?) {
    self.to = to
    self.selectors = selectors
  }
}

/// Which transactions of EVM chains may be signed.
///
/// What a batch of calls carries (`multicall(bytes[])`, `relay(bytes[])`) is judged like a call to the same contract: both run
/// their contents there, as the one who sent them.
///
/// - SeeAlso: docs/spec/signing-rules.md, "Transactions of EVM chains".
public struct EVMTransactionScope: Hashable, Sendable {
  /// How many batches may lie in one another.
  public static let batchDepthMax = 4
  /// CAIP-2's namespace of EVM chains, before the number in decimal.
  public static let chainPrefix = "eip155:"

  /// EIP-155.
  public let chains: [UInt64]
  /// Any of them is enough.
  public let calls: [EVMCalls]
  /// Whether contracts may be made, of whatever code.
  public let makesContracts: Bool
  /// In wei; of one transaction.
  public let valueMax: UInt256
  public let gasMax: UInt64
  /// In wei, for each unit of gas.
  public let feePerGasMax: UInt256
  /// Whether a nonce has one call for ever, which only its cancellation may take the place of.
  public let oneCallPerNonce: Bool

  public init(
    chains: [UInt64], calls: [EVMCalls], makesContracts: Bool = false, valueMax: UInt256 = .zero,
    gasMax: UInt64,
    feePerGasMax: UInt256, oneCallPerNonce: Bool = true
  ) {
    self.chains = chains
    self.calls = calls
    self.makesContracts = makesContracts
    self.valueMax = valueMax
    self.gasMax = gasMax
    self.feePerGasMax = feePerGasMax
    self.oneCallPerNonce = oneCallPerNonce
  }

  /// - Parameter sender: the account of the key that is asked for.
  func check(_ transaction: EVMTransaction, from sender: Bytes20?) throws(SigningRefusal) {
    guard chains.contains(transaction.chainID) else { throw .chainNotGranted(transaction.chainName) }
    guard transaction.gasLimit <= gasMax else {
      throw .gasTooHigh(asked: transaction.gasLimit, ceiling: gasMax)
    }
    guard transaction.maxFeePerGas <= feePerGasMax else {
      throw .feeTooHigh(asked: transaction.maxFeePerGas, ceiling: feePerGasMax)
    }
    // It uses up a nonce and does nothing: so gaps are closed and what is stuck is given up, whatever may be called.
    if transaction.isCancellation(of: sender) { return }
    guard transaction.value <= valueMax else {
      throw .valueTooHigh(asked: transaction.value, ceiling: valueMax)
    }
    guard let to = transaction.to else {
      guard makesContracts else { throw .contractCreation }
      return
    }
    let own = calls.filter { $0.to == nil || $0.to == to }
    guard !own.isEmpty else { throw .contractNotGranted(to) }
    guard !own.contains(where: { $0.selectors == nil }) else { return }
    try Self.check(transaction.input, in: own.flatMap { $0.selectors ?? [] }, depth: 0)
  }

  private static let batches: [ABIFunction] = ["multicall(bytes[])", "relay(bytes[])"].compactMap {
    try? ABIFunction($0)
  }

  private static func check(
    _ input: [UInt8], in selectors: [EVMSelector], depth: Int
  ) throws(SigningRefusal) {
    guard let selector = EVMSelector(input), selectors.contains(selector) else {
      throw .functionNotGranted(input.count >= 4 ? FixedBytes<4>(input.span, at: 0) : nil)
    }
    guard case .function(let name) = selector, let batch = batches.first(where: { $0.selector == name })
    else {
      return
    }
    guard depth < batchDepthMax else { throw .batchDepth(max: batchDepthMax) }
    // Only the one encoding: what is read here is what the contract will read.
    guard let arguments = try? batch.decode(input.span), case .array(let calls)? = arguments.first else {
      throw .batchForm
    }
    for call in calls {
      guard case .bytes(let inner) = call else { throw .batchForm }
      try check(inner, in: selectors, depth: depth + 1)
    }
  }
}

extension EVMTransaction {
  /// The chain's name in policies and refusals: CAIP-2's.
  public var chainName: String { EVMTransactionScope.chainPrefix + String(chainID) }

  /// Whether it moves nothing and calls nothing: from an account to itself, without value and input.
  public func isCancellation(of sender: Bytes20?) -> Bool {
    guard let sender else { return false }
    return to == sender && value == .zero && input.isEmpty
  }
}
