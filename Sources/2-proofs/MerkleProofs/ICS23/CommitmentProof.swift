extension ICS23 {
  /// A proof as it travels: one of four shapes. Untrusted until verified.
  public enum CommitmentProof: Hashable, Sendable {
    case existence(ExistenceProof)
    case nonExistence(NonExistenceProof)
    case batch(BatchProof)
    case compressed(CompressedBatchProof)

    public var kind: ProofKind {
      switch self {
      case .existence: .existence
      case .nonExistence: .nonExistence
      case .batch: .batch
      case .compressed: .compressed
      }
    }

    /// Verifies that `key` holds `value` under `root`; only an existence proof can show it, as in the Go library.
    ///
    /// For batches see ``verifyMembership(of:spec:root:)``.
    public func verifyMembership(
      spec: ProofSpec, root: Span<UInt8>, key: Span<UInt8>, value: Span<UInt8>
    ) throws(VerificationError) {
      guard case .existence(let proof) = self else { throw .kind(expected: .existence, actual: kind) }
      do { try proof.verify(spec: spec, root: root, key: key, value: value) } catch {
        throw .existence(error)
      }
    }

    /// Verifies that `key` is absent under `root`; only a non-existence proof can show it, as in the Go library.
    public func verifyNonMembership(
      spec: ProofSpec, root: Span<UInt8>, key: Span<UInt8>
    ) throws(VerificationError) {
      guard case .nonExistence(let proof) = self else { throw .kind(expected: .nonExistence, actual: kind) }
      try proof.verify(spec: spec, root: root, key: key)
    }
  }
}
