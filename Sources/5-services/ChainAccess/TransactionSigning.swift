public import Ledger

/// Whoever holds the key of an account: it signs transactions that it has read, never bare bytes.
public protocol TransactionSigning: Sendable {
  var key: AccountKey { get }
  /// The signed `TxRaw`.
  func sign(_ transaction: UnsignedTransaction) async throws(TransactionSigningError) -> [UInt8]
}

public enum TransactionSigningError: Error, Hashable, Sendable {
  case unavailable
  /// Its rules do not allow this transaction.
  case refused
}
