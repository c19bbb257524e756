public import Enclaves
public import Messages
public import WireBytes

/// All that an enclave needs for one case, none of it open.
public struct CaseWork: Hashable, Sendable {
  public let ledgerCase: LedgerCase
  /// One for each input, in their order.
  public let envelopes: [SealedEnvelope]
  /// Nil when the enclave's policy names no ledger.
  public let proof: CaseProof?

  public init(ledgerCase: LedgerCase, envelopes: [SealedEnvelope], proof: CaseProof?) {
    self.ledgerCase = ledgerCase
    self.envelopes = envelopes
    self.proof = proof
  }
}

/// What an enclave answers: all of it sealed or public.
public struct EnclaveAnswer: Hashable, Sendable {
  public let receipt: Receipt
  public let signature: [UInt8]
  public let update: Update
  public let replies: [SealedReply]

  public init(receipt: Receipt, signature: [UInt8], update: Update, replies: [SealedReply]) {
    self.receipt = receipt
    self.signature = signature
    self.update = update
    self.replies = replies
  }
}

/// One enclave as a coordinator reaches it. Calls end by themselves: an enclave that hangs is away.
public protocol CoordinatedEnclave: Sendable {
  /// For people; unique among the enclaves of a coordinator.
  var name: String { get }
  /// The keys that it opens envelopes with now.
  func keys() async throws(EnclaveFault) -> EnclaveKeys
  /// Whether its policy asks for the ledger's proof.
  func needsProof() async throws(EnclaveFault) -> Bool
  /// Computes a case, or gives the answer that it has given before: the same work has one answer.
  func compute(_ work: CaseWork) async throws(EnclaveFault) -> EnclaveAnswer
}

/// Why an enclave did not answer.
public enum EnclaveFault: Error, Hashable, Sendable {
  /// It cannot be reached, or does not answer in time.
  case away
  /// It refuses: the name of its reason.
  case refused(code: String)
  /// What came back is not what it should say.
  case malformed
}

/// Signs tokens. The key stays where the conformance keeps it.
public protocol TokenSigning: Sendable {
  /// What the ledger's cases name as their coordinator.
  var key: EnclaveVerificationKey { get }
  /// Nil when there is no signature to be had now.
  func sign(_ digest: Bytes32) async -> [UInt8]?
}
