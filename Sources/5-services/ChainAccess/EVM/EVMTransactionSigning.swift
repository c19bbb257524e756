public import Transactions
public import WireBytes

/// Whoever holds the key of an EVM account: it signs transactions that it has read, never bare digests.
public protocol EVMTransactionSigning: Sendable {
  var address: Bytes20 { get }
  /// The signed transaction as `eth_sendRawTransaction` takes it.
  func sign(_ transaction: EVMTransaction) async throws(TransactionSigningError) -> [UInt8]
}
