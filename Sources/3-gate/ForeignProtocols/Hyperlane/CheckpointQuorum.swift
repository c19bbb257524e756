public import WireBytes

/// A checkpoint with one validator's signature, as it lies in the validator's storage; not checked yet.
public struct SignedCheckpoint: Hashable, Sendable {
  public let checkpoint: HyperlaneCheckpoint
  public let signature: HyperlaneSignature

  public init(checkpoint: HyperlaneCheckpoint, signature: HyperlaneSignature) {
    self.checkpoint = checkpoint
    self.signature = signature
  }

  /// Who signed; says nothing about whether that is a validator.
  public func signer() throws(HyperlaneSignatureError) -> Bytes20 {
    try signature.signer(of: checkpoint.digest)
  }
}

/// Collects signatures of known validators until enough of them say the same.
///
/// Signatures count together only when they are over the very same checkpoint: validators that saw different roots for
/// one index (an RPC provider's fault, or a reorganisation) never add up. A validator that signs two checkpoints for
/// one index is reported, and its signatures count for the checkpoint it signed first.
public struct CheckpointQuorum: Hashable, Sendable {
  public enum AddError: Error, Hashable, Sendable {
    case signature(HyperlaneSignatureError)
    case notAValidator(Bytes20)
    /// The validator has signed another checkpoint of this origin, hook and index.
    case equivocation(validator: Bytes20, HyperlaneCheckpoint, HyperlaneCheckpoint)
    case tooManyCheckpoints(limit: Int)
  }

  /// Different checkpoints kept at a time.
  public static let checkpointCountMax = 1024

  private struct Place: Hashable {
    let origin: UInt32
    let hook: Bytes32
    let index: UInt32
    let validator: Bytes20
  }

  public let validators: [Bytes20]
  public let threshold: Int
  private var signatures: [HyperlaneCheckpoint: [Bytes20: HyperlaneSignature]] = [:]
  private var first: [Place: HyperlaneCheckpoint] = [:]

  /// - Parameter threshold: at least 1.
  public init(validators: [Bytes20], threshold: Int) {
    precondition(threshold > 0)
    self.validators = validators
    self.threshold = threshold
  }

  /// Counts a signature.
  ///
  /// - Returns: the signatures in the order of the validators, exactly `threshold` of them, once they are there.
  public mutating func add(_ signed: SignedCheckpoint) throws(AddError) -> [HyperlaneSignature]? {
    let signer: Bytes20
    do { signer = try signed.signer() } catch { throw .signature(error) }
    guard validators.contains(signer) else { throw .notAValidator(signer) }
    let checkpoint = signed.checkpoint
    let place = Place(
      origin: checkpoint.origin, hook: checkpoint.hook, index: checkpoint.index, validator: signer)
    if let other = first[place], other != checkpoint {
      throw .equivocation(validator: signer, other, checkpoint)
    }
    guard signatures[checkpoint] != nil || signatures.count < Self.checkpointCountMax else {
      throw .tooManyCheckpoints(limit: Self.checkpointCountMax)
    }
    first[place] = checkpoint
    signatures[checkpoint, default: [:]][signer] = signed.signature
    return quorum(on: checkpoint)
  }

  /// Signatures on `checkpoint` so far.
  public func count(on checkpoint: HyperlaneCheckpoint) -> Int { signatures[checkpoint]?.count ?? 0 }

  private func quorum(on checkpoint: HyperlaneCheckpoint) -> [HyperlaneSignature]? {
    guard let given = signatures[checkpoint], given.count >= threshold else { return nil }
    return Array(validators.lazy.compactMap { given[$0] }.prefix(threshold))
  }
}
