import WireBytes

extension ICS23 {
  /// Proofs in a chain, from the lowest tree to the highest: each root is the value that the next proof shows.
  ///
  /// This is `ibc.core.commitment.v1.MerkleProof`: on a Cosmos chain an IAVL proof of the store and a simple-tree
  /// proof of the store's root under `app_hash`. The rules are those of ibc-go 23-commitment (types/merkle.go).
  public struct MerkleProof: Hashable, Sendable {
    /// The most proofs that are read.
    public static let proofsMax = 16

    /// Lowest first.
    public let proofs: [CommitmentProof]

    public init(proofs: [CommitmentProof]) { self.proofs = proofs }
  }

  /// Why a chain of proofs does not show what was asked.
  public enum ChainError: Error, Hashable, Sendable {
    case noProofs
    case emptyRoot
    case emptyValue
    /// One spec is needed for each proof.
    case specs(proofs: Int, specs: Int)
    /// One key is needed for each proof.
    case path(proofs: Int, keys: Int)
    /// The proof at `index`, counted from the lowest tree, does not hold.
    case proof(index: Int, VerificationError)
    case rootMismatch(calculated: [UInt8])
  }
}

extension ICS23.MerkleProof {
  /// Verifies that the tree under `root` holds `value` at `path`.
  ///
  /// - Parameters:
  ///   - specs: one for each proof, lowest first; they belong to the client, not to the proof.
  ///   - path: keys from the highest tree to the lowest, so one for each proof.
  public func verifyMembership(
    specs: [ICS23.ProofSpec], root: Span<UInt8>, path: [[UInt8]], value: Span<UInt8>
  ) throws(ICS23.ChainError) {
    try checkShape(specs: specs, root: root, path: path)
    guard !value.isEmpty else { throw .emptyValue }
    let lowest = try membershipRoot(at: 0, specs: specs, path: path, value: value)
    try verifyChain(from: 1, of: lowest, specs: specs, root: root, path: path)
  }

  /// Verifies that the lowest tree holds nothing at `path`, and that this tree is the one under `root`.
  public func verifyNonMembership(
    specs: [ICS23.ProofSpec], root: Span<UInt8>, path: [[UInt8]]
  ) throws(ICS23.ChainError) {
    try checkShape(specs: specs, root: root, path: path)
    guard case .nonExistence(let absence) = proofs[0] else {
      throw .proof(index: 0, .kind(expected: .nonExistence, actual: proofs[0].kind))
    }
    let lowest: ICS23.Digest
    do {
      lowest = try absence.calculatedRoot()
      let bytes = lowest.bytes
      let key = path[path.count - 1]
      try absence.verify(spec: specs[0], root: bytes.span, key: key.span)
    } catch {
      throw .proof(index: 0, error)
    }
    try verifyChain(from: 1, of: lowest, specs: specs, root: root, path: path)
  }

  private func checkShape(
    specs: [ICS23.ProofSpec], root: Span<UInt8>, path: [[UInt8]]
  ) throws(ICS23.ChainError) {
    guard !proofs.isEmpty else { throw .noProofs }
    guard !root.isEmpty else { throw .emptyRoot }
    guard specs.count == proofs.count else { throw .specs(proofs: proofs.count, specs: specs.count) }
    guard path.count == proofs.count else { throw .path(proofs: proofs.count, keys: path.count) }
  }

  /// Walks up from the root of the tree below `start` and compares with the trusted root at the top.
  private func verifyChain(
    from start: Int, of lowest: ICS23.Digest, specs: [ICS23.ProofSpec], root: Span<UInt8>, path: [[UInt8]]
  ) throws(ICS23.ChainError) {
    var digest = lowest
    for index in start..<max(start, proofs.count) {
      let value = digest.bytes
      digest = try membershipRoot(at: index, specs: specs, path: path, value: value.span)
    }
    guard digest.equals(root) else { throw .rootMismatch(calculated: digest.bytes) }
  }

  private func membershipRoot(
    at index: Int, specs: [ICS23.ProofSpec], path: [[UInt8]], value: Span<UInt8>
  ) throws(ICS23.ChainError) -> ICS23.Digest {
    guard case .existence(let proof) = proofs[index] else {
      throw .proof(index: index, .kind(expected: .existence, actual: proofs[index].kind))
    }
    let key = path[path.count - 1 - index]
    do {
      return try proof.verifiedRoot(spec: specs[index], key: key.span, value: value)
    } catch {
      throw .proof(index: index, .existence(error))
    }
  }
}
