public import WireBytes

/// What a transaction is to do.
public struct EVMCall: Hashable, Sendable {
  /// Nil makes a contract of `input`.
  public let to: Bytes20?
  public let input: [UInt8]
  public let value: UInt256
  /// Nil has it estimated.
  public let gasLimit: UInt64?

  public init(to: Bytes20?, input: [UInt8], value: UInt256 = .zero, gasLimit: UInt64? = nil) {
    self.to = to
    self.input = input
    self.value = value
    self.gasLimit = gasLimit
  }
}

/// What a call gives back without being sent.
public enum EVMCallAnswer: Hashable, Sendable {
  case returned([UInt8])
  case reverted(EVMRevert)
}

/// What blocks have asked for lately (`eth_feeHistory`).
public struct EVMFeeHistory: Hashable, Sendable {
  /// Of each block from the oldest, and last of the block that comes next.
  public let baseFees: [UInt256]
  /// What transactions at the wanted percentile gave on top, for each block; blocks without transactions say zero.
  public let rewards: [UInt256]
  /// How full each block was, between 0 and 1.
  public let fullness: [Double]

  public init(baseFees: [UInt256], rewards: [UInt256], fullness: [Double]) {
    self.baseFees = baseFees
    self.rewards = rewards
    self.fullness = fullness
  }
}

/// An EVM chain as senders of transactions reach it, through one endpoint or several.
public protocol EVMChainAccess: Sendable {
  var chainID: UInt64 { get }

  func head() async throws(AccessError) -> ChainHead
  func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead

  /// Transactions of `account` in blocks up to the newest, which is the nonce of its next; `isPending` counts those
  /// that wait as well.
  func transactionCount(of account: Bytes20, isPending: Bool) async throws(AccessError) -> UInt64

  func balance(of account: Bytes20) async throws(AccessError) -> UInt256

  /// - Parameter percentile: 0 to 100, of what a block's transactions gave on top.
  func feeHistory(blocks: Int, percentile: Int) async throws(AccessError) -> EVMFeeHistory

  /// Gas that a call needs now.
  ///
  /// - Throws: `refused` with the revert's code when it fails.
  func estimateGas(_ call: EVMCall, from sender: Bytes20) async throws(AccessError) -> UInt64

  /// Runs a call on the state after block `height`, or the newest.
  func call(_ call: EVMCall, from sender: Bytes20?, at height: UInt64?) async throws(AccessError)
    -> EVMCallAnswer

  /// Leaves a signed transaction to wait for a block.
  ///
  /// - Throws: `refused` with ``EVMFault/refusal``, `sequence` for a nonce that is used up and `known` for what waits
  ///   already. Any other error leaves open whether it waits.
  func offer(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32

  /// The receipt of a transaction in a block of the chain as it is now; nil while it is in none, and again when its
  /// block was rolled back.
  func receipt(of transaction: Bytes32) async throws(AccessError) -> EVMReceipt?

  /// Whether the endpoint has the transaction, in a block or waiting.
  func knows(_ transaction: Bytes32) async throws(AccessError) -> Bool

  /// Hash, parent and state root of a block.
  func stateHeader(at height: UInt64) async throws(AccessError) -> StateHeader
}
