public import MerkleProofs
import WireBytes

extension StateTree {
  /// Proves what `key` holds at `version`, or that it is absent.
  ///
  /// The proof verifies under ``MerkleProofs/ICS23/ProofSpec/sparseMerkleTree`` and the version's root; its protobuf
  /// form is what `encoded()` returns. Presence gives an existence proof. Absence gives the neighbours of the key in
  /// the order of hashed keys: both, or the only one there is at an edge.
  ///
  /// - Throws: ``StateTreeError/emptyTree(version:)`` for absence from a tree without keys, which ICS-23 cannot
  ///   express; ``StateTreeError/leafHash(key:)`` and ``StateTreeError/pageHash(_:)`` when the store lies.
  public func prove(_ key: [UInt8], at version: UInt64) throws(StateTreeError) -> ICS23.CommitmentProof {
    guard !key.isEmpty else { throw .emptyKey(index: 0) }
    let top = try top(of: version)
    do {
      return try proof(of: key, top, at: version)
    } catch {
      // Another copy of this tree may have pruned the version meanwhile: then that is the answer.
      _ = try self.top(of: version)
      throw error
    }
  }

  private func proof(
    of key: [UInt8], _ top: StateSubtree, at version: UInt64
  ) throws(StateTreeError) -> ICS23.CommitmentProof {
    let path = StateHashing.path(of: key)
    let walk = try ProofWalk(store: store, top: top, towards: path)
    if let leaf = walk.leaf, leaf.path == path {
      return .existence(try existence(leaf, walk.steps, at: version))
    }
    let left: ProofWalk<Store>?
    let right: ProofWalk<Store>?
    if let leaf = walk.leaf {
      left = leaf.path < path ? walk : try walk.neighbour(isRight: false)
      right = leaf.path < path ? try walk.neighbour(isRight: true) : walk
    } else {
      left = try walk.neighbour(isRight: false)
      right = try walk.neighbour(isRight: true)
    }
    guard left != nil || right != nil else { throw .emptyTree(version: version) }
    return .nonExistence(
      ICS23.NonExistenceProof(
        key: key, left: try existence(left, at: version), right: try existence(right, at: version)))
  }

  private func existence(
    _ walk: ProofWalk<Store>?, at version: UInt64
  ) throws(StateTreeError) -> ICS23.ExistenceProof? {
    guard let walk, let leaf = walk.leaf else { return nil }
    return try existence(leaf, walk.steps, at: version)
  }

  private func existence(
    _ leaf: StateLeaf, _ steps: [ProofWalk<Store>.Step], at version: UInt64
  ) throws(StateTreeError) -> ICS23.ExistenceProof {
    let value: [UInt8]?
    do { value = try store.value(of: leaf.key, at: version) } catch { throw .store(error) }
    guard let value, StateHashing.leaf(path: leaf.path, value: value) == leaf.hash else {
      throw .leafHash(key: leaf.key)
    }
    var path: [ICS23.InnerOperation] = []
    path.reserveCapacity(steps.count)
    for step in steps.reversed() {
      var prefix: [UInt8] = [1]
      guard step.isRight else {
        path.append(ICS23.InnerOperation(hash: .sha256, prefix: prefix, suffix: step.sibling.array))
        continue
      }
      prefix.reserveCapacity(33)
      prefix.append(step.sibling)
      path.append(ICS23.InnerOperation(hash: .sha256, prefix: prefix, suffix: []))
    }
    return ICS23.ExistenceProof(
      key: leaf.key, value: value, leaf: ICS23.ProofSpec.sparseMerkleTree.leaf, path: path)
  }
}
