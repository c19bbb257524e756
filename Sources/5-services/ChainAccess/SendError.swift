public import Ledger
public import WireBytes

/// Why a transaction was not sent, or did not do what it was for.
public enum SendError: Error, Hashable, Sendable {
  /// The account has never received anything, so the domain does not know it.
  case accountUnknown
  /// Too many transactions of the account wait already.
  case queueFull(max: Int)
  /// The domain could not be asked; nothing was sent.
  case access(AccessError)
  /// Nothing was signed, so nothing was sent.
  case signing(TransactionSigningError)
  /// The domain's check refused it: nothing was changed.
  case refused(code: String, codespace: String, number: UInt32, log: String)
  /// It is in a block, where it failed: its fee is paid, and nothing else was changed.
  case failed(ObservedTransaction)
  /// The domain let go of it before it was in a block, for instance since one before it was not executed; it cannot
  /// come back after block `until`.
  case dropped(Bytes32, until: UInt64)
  /// It was not in any block up to the last in which it may be.
  case expired(Bytes32)
  /// Nobody can tell yet: it may be in a block up to `until`, and in none after it.
  case open(Bytes32, until: UInt64, AccessError?)
  /// The caller stopped waiting; with a hash, the transaction may have been sent.
  case cancelled(Bytes32?)

  /// A dotted name for logs and for deciding what to do next: the ledger's own when it refused.
  public var code: String {
    switch self {
    case .accountUnknown: "accountUnknown"
    case .queueFull: "send.queueFull"
    case .access(let error): error.code
    case .signing(.unavailable): "signer.unavailable"
    case .signing(.refused): "signer.refused"
    case .refused(let code, _, _, _): code
    case .failed(let transaction): transaction.result.refusalName ?? "unknown"
    case .dropped: "send.dropped"
    case .expired: "send.expired"
    case .open(_, _, let error): error?.code ?? "send.open"
    case .cancelled: "send.cancelled"
    }
  }
}

extension TransactionResult {
  /// The dotted name of the refusal, for instance `message.packet.timeoutElapsed`: what the log begins with. Nil for
  /// a success.
  public var refusalName: String? {
    succeeded ? nil : String(log.prefix { $0 != ":" })
  }
}
