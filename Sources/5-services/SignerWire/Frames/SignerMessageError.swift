public import Messages
public import Transactions
public import WireBytes

/// Why the body of a frame is not what its kind says.
public enum SignerMessageError: Error, Hashable, Sendable {
  case form(WireError)
  /// No, or too many, requests or answers in one frame.
  case count(limit: Int, actual: Int)
  /// A tag that stands for nothing here.
  case tag(UInt8)
  /// Text that is not UTF-8.
  case text
  case origin(DomainIDError)
  case client(IdentifierError)
  case binding(AttestationBindingError)
  case vote
  case transaction(TransactionFormError)
  case evmTransaction(EVMTransactionError)
  /// The same content in other bytes than ours.
  case notCanonical
}
