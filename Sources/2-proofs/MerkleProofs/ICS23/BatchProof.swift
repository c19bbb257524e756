private import WireBytes

extension ICS23 {
  /// One member of a batch.
  public enum BatchEntry: Hashable, Sendable {
    case existence(ExistenceProof)
    case nonExistence(NonExistenceProof)
  }

  /// Several proofs under one root.
  public struct BatchProof: Hashable, Sendable {
    public let entries: [BatchEntry]

    public init(entries: [BatchEntry]) { self.entries = entries }
  }

  /// An existence proof whose inner steps are places in a shared list.
  public struct CompressedExistenceProof: Hashable, Sendable {
    public let key: [UInt8]
    public let value: [UInt8]
    public let leaf: LeafOperation?
    public let path: [Int32]

    public init(key: [UInt8], value: [UInt8], leaf: LeafOperation?, path: [Int32]) {
      self.key = key
      self.value = value
      self.leaf = leaf
      self.path = path
    }
  }

  public enum CompressedBatchEntry: Hashable, Sendable {
    case existence(CompressedExistenceProof)
    case nonExistence(key: [UInt8], left: CompressedExistenceProof?, right: CompressedExistenceProof?)
  }

  /// Several proofs under one root that share their inner steps.
  public struct CompressedBatchProof: Hashable, Sendable {
    public let entries: [CompressedBatchEntry]
    public let lookup: [InnerOperation]

    public init(entries: [CompressedBatchEntry], lookup: [InnerOperation]) {
      self.entries = entries
      self.lookup = lookup
    }

    /// The same proofs with their steps written out.
    ///
    /// - Throws: ``DecodingError/lookup(index:count:)`` for a place that the list does not have. (The Rust library
    ///   takes the whole path for empty then, which never verifies.)
    public func decompressed() throws(DecodingError) -> BatchProof {
      var written: [BatchEntry] = []
      written.reserveCapacity(entries.count)
      for entry in entries {
        switch entry {
        case .existence(let proof): written.append(.existence(try decompressed(proof)))
        case .nonExistence(let key, let left, let right):
          var proofs: (ExistenceProof?, ExistenceProof?) = (nil, nil)
          if let left { proofs.0 = try decompressed(left) }
          if let right { proofs.1 = try decompressed(right) }
          written.append(.nonExistence(NonExistenceProof(key: key, left: proofs.0, right: proofs.1)))
        }
      }
      return BatchProof(entries: written)
    }

    private func decompressed(_ proof: CompressedExistenceProof) throws(DecodingError) -> ExistenceProof {
      var path: [InnerOperation] = []
      path.reserveCapacity(proof.path.count)
      for place in proof.path {
        guard lookup.indices.contains(Int(place)) else { throw .lookup(index: place, count: lookup.count) }
        path.append(lookup[Int(place)])
      }
      return ExistenceProof(key: proof.key, value: proof.value, leaf: proof.leaf, path: path)
    }
  }
}

extension ICS23.BatchProof {
  /// The same proofs with equal inner steps shared, numbered in the order in which they first occur.
  public func compressed() -> ICS23.CompressedBatchProof {
    var lookup: [ICS23.InnerOperation] = []
    var places: [ICS23.InnerOperation: Int32] = [:]
    func compress(_ proof: ICS23.ExistenceProof) -> ICS23.CompressedExistenceProof {
      let path = proof.path.map { (step: ICS23.InnerOperation) -> Int32 in
        if let place = places[step] { return place }
        let place = Int32(truncatingIfNeeded: lookup.count)
        lookup.append(step)
        places[step] = place
        return place
      }
      return ICS23.CompressedExistenceProof(key: proof.key, value: proof.value, leaf: proof.leaf, path: path)
    }
    let compressed = entries.map { (entry: ICS23.BatchEntry) -> ICS23.CompressedBatchEntry in
      switch entry {
      case .existence(let proof): .existence(compress(proof))
      case .nonExistence(let proof):
        .nonExistence(key: proof.key, left: proof.left.map(compress), right: proof.right.map(compress))
      }
    }
    return ICS23.CompressedBatchProof(entries: compressed, lookup: lookup)
  }
}

extension ICS23.CommitmentProof {
  /// Verifies that each key holds its value under `root`, each by an entry of this batch, compressed or not.
  ///
  /// The batch may prove more than is asked. A single existence proof counts as a batch of one.
  public func verifyMembership(
    of items: [(key: [UInt8], value: [UInt8])], spec: ICS23.ProofSpec, root: Span<UInt8>
  ) throws(ICS23.VerificationError) {
    let entries = try batchEntries()
    for (index, item) in items.enumerated() {
      var proof: ICS23.ExistenceProof?
      for case .existence(let candidate) in entries where candidate.key == item.key {
        proof = candidate
        break
      }
      guard let proof else { throw .missingEntry(index: index) }
      do {
        try proof.verify(spec: spec, root: root, key: item.key.span, value: item.value.span)
      } catch {
        throw .existence(error)
      }
    }
  }

  /// Verifies that each key is absent under `root`, each by an entry of this batch, compressed or not.
  ///
  /// - Throws: what the last entry tried says, when none shows the absence of a key; ``ICS23/VerificationError/missingEntry(index:)``
  ///   when there is no absence proof at all.
  public func verifyNonMembership(
    of keys: [[UInt8]], spec: ICS23.ProofSpec, root: Span<UInt8>
  ) throws(ICS23.VerificationError) {
    let entries = try batchEntries()
    for (index, key) in keys.enumerated() {
      var failure: ICS23.VerificationError? = .missingEntry(index: index)
      search: for case .nonExistence(let proof) in entries {
        do {
          try proof.verify(spec: spec, root: root, key: key.span)
          failure = nil
          break search
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
    }
  }

  private func batchEntries() throws(ICS23.VerificationError) -> [ICS23.BatchEntry] {
    switch self {
    case .existence(let proof): return [.existence(proof)]
    case .nonExistence(let proof): return [.nonExistence(proof)]
    case .batch(let batch): return batch.entries
    case .compressed(let batch):
      do { return try batch.decompressed().entries } catch { throw .decompression(error) }
    }
  }
}
