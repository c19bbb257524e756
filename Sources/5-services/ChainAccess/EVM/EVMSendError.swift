public import Transactions
public import WireBytes

/// Why a call was not sent, or did not do what it was for.
public enum EVMSendError: Error, Hashable, Sendable {
  /// Too many transactions of the account wait already.
  case queueFull(max: Int)
  /// Nonces cannot be kept, so nothing is signed.
  case store(NonceStoreError)
  /// The chain could not be asked; nothing was sent.
  case access(AccessError)
  /// Blocks ask for more than the rules allow to pay.
  case fees(EVMFeeError)
  /// The call makes no transaction.
  case transaction(EVMTransactionError)
  /// Nothing was signed, so nothing was sent.
  case signing(TransactionSigningError)
  /// It would fail, or the endpoints refused it: nothing was changed. `code` as ``AccessError/refused`` has it.
  case refused(code: String, log: String)
  /// It is in a block, where it failed: its gas is paid, and nothing else was changed.
  case failed(EVMReceipt)
  /// Its nonce was used by a transaction that is none of this sender's.
  case nonceTaken(UInt64)
  /// It is in no block yet; it may land under any of its hashes.
  case open(id: Bytes32)
  /// The caller stopped waiting; the call may have been sent.
  case cancelled
  /// The sender was stopped before.
  case stopped

  /// A dotted name for logs and for deciding what to do next.
  public var code: String {
    switch self {
    case .queueFull: "send.queueFull"
    case .store: "send.store"
    case .access(let error): error.code
    case .fees: "send.fees"
    case .transaction: "send.transaction"
    case .signing(.unavailable): "signer.unavailable"
    case .signing(.refused): "signer.refused"
    case .refused(let code, _): code
    case .failed: "evm.failed"
    case .nonceTaken: "send.nonceTaken"
    case .open: "send.open"
    case .cancelled: "send.cancelled"
    case .stopped: "send.stopped"
    }
  }
}

/// A call on its way.
public struct EVMFlight: Hashable, Sendable {
  /// Names the call for its whole life: the hash under which it was signed first.
  public let id: Bytes32
  public let nonce: UInt64
  /// Every hash under which it may land, the newest last.
  public let hashes: [Bytes32]
  public let stage: NonceRecord.Stage

  init(_ record: NonceRecord) {
    id = record.id
    nonce = record.nonce
    hashes = record.variants.map(\.hash)
    stage = record.stage
  }
}

/// What becomes of calls, as it happens.
public enum EVMSenderEvent: Hashable, Sendable {
  /// Signed, kept, and offered under this hash: the first of the call, or one that replaces those before.
  case offered(id: Bytes32, hash: Bytes32, nonce: UInt64, fees: EVMFees)
  /// Waits, and may not be offered for more.
  case atCap(id: Bytes32, nonce: UInt64)
  case mined(id: Bytes32, hash: Bytes32, height: UInt64, succeeded: Bool)
  /// Its block was rolled back: it waits again.
  case rolledBack(id: Bytes32, nonce: UInt64)
  case final(id: Bytes32, nonce: UInt64)
  /// A transaction that does nothing takes a nonce that nobody has.
  case gapFilled(nonce: UInt64, hash: Bytes32)
  /// A transaction of somebody else used the nonce.
  case nonceTaken(id: Bytes32, nonce: UInt64)
}
