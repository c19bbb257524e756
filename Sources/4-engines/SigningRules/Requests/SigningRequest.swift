public import Messages
public import Transactions
import WireBytes

/// What a signer is asked to sign, field by field. It builds the bytes itself, and is never given a hash.
public enum SigningRequest: Hashable, Sendable {
  /// What an origin's state is, in our own format.
  case attestation(AttestedStatement)
  /// The same in the format of Eureka's attestation client, which does not name the origin: the one asking does.
  case foreignAttestation(origin: DomainID, EurekaStatement)
  case vote(VoteStatement)
  case transaction(UnsignedTransaction)
  case evmTransaction(EVMTransaction)

  public var purpose: KeyPurpose {
    switch self {
    case .attestation: .attestation
    case .foreignAttestation: .foreignAttestation
    case .vote: .vote
    case .transaction: .transaction
    case .evmTransaction: .evmTransaction
    }
  }

  /// The domain that an attestation speaks of.
  public var origin: DomainID? {
    switch self {
    case .attestation(let statement): statement.binding.origin
    case .foreignAttestation(let origin, _): origin
    case .vote, .transaction, .evmTransaction: nil
    }
  }

  /// The chain that a vote or a transaction is for, as the chain calls itself; EVM chains by CAIP-2.
  public var chainID: String? {
    switch self {
    case .attestation, .foreignAttestation: nil
    case .vote(let vote): vote.chainID
    case .transaction(let transaction): transaction.chainID
    case .evmTransaction(let transaction): transaction.chainName
    }
  }

  /// What the key signs.
  ///
  /// - SeeAlso: docs/spec/attestation.md for attestations, CometBFT's `CanonicalVote`, the Cosmos SDK's `SignDoc`, EIP-1559.
  public var payload: SigningPayload {
    switch self {
    case .attestation(let statement): SigningPayload(.digest(statement.digest), recoverable: true)
    case .foreignAttestation(_, let statement): SigningPayload(.digest(statement.digest), recoverable: true)
    case .vote(let vote): SigningPayload(.message(vote.signBytes), recoverable: false)
    case .transaction(let transaction): SigningPayload(.message(transaction.signBytes), recoverable: false)
    case .evmTransaction(let transaction):
      SigningPayload(.digest(transaction.signingHash), recoverable: true)
    }
  }
}

extension SigningRequest {
  /// A list of paths longer than this is refused, as every client refuses it.
  public static let entryCountMax = 1_024

  /// Refuses what no client would take whoever asked: empty or long lists, a path named twice, height zero.
  ///
  /// - Returns: the entries of an attestation by ascending path.
  func checkedEntries() throws(SigningRefusal) -> [StoredEntry] {
    switch self {
    case .attestation(let statement):
      guard statement.height.number > 0 else { throw .heightZero }
      guard case .packets(let entries) = statement.body else { return [] }
      return try Self.checked(entries)
    case .foreignAttestation(_, .state(let height, let timestamp)):
      guard height > 0 else { throw .heightZero }
      guard timestamp > 0 else { throw .timeZero }
      return []
    case .foreignAttestation(_, .packets(let height, let entries)):
      guard height > 0 else { throw .heightZero }
      return try Self.checked(entries)
    // An EVM transaction has been checked when it was made.
    case .vote, .evmTransaction: return []
    case .transaction(let transaction):
      let count = transaction.messages.count
      guard count > 0 else { throw .noMessages }
      guard count <= Transaction.messageCountMax else {
        throw .tooManyMessages(max: Transaction.messageCountMax, actual: count)
      }
      let size = transaction.bodyBytes.count + transaction.authInfoBytes.count
      guard size <= Transaction.sizeMax else {
        throw .transactionTooLarge(max: Transaction.sizeMax, actual: size)
      }
      return []
    }
  }

  private static func checked(_ entries: [StoredEntry]) throws(SigningRefusal) -> [StoredEntry] {
    guard !entries.isEmpty else { throw .noEntries }
    guard entries.count <= entryCountMax else {
      throw .tooManyEntries(max: entryCountMax, actual: entries.count)
    }
    let sorted = entries.sorted { $0.pathHash < $1.pathHash }
    for index in sorted.indices.dropFirst() where sorted[index - 1].pathHash == sorted[index].pathHash {
      throw .duplicatePath(sorted[index].pathHash)
    }
    return sorted
  }
}
