import WireBytes

extension ICS23 {
  /// A claim that a key is absent: its two neighbours exist, or one does and is the outermost. Untrusted until
  /// verified.
  public struct NonExistenceProof: Hashable, Sendable {
    /// What the prover says the absent key is. Nothing is read from it: the verifier brings its own key.
    public let key: [UInt8]
    public let left: ExistenceProof?
    public let right: ExistenceProof?

    public init(key: [UInt8], left: ExistenceProof?, right: ExistenceProof?) {
      self.key = key
      self.left = left
      self.right = right
    }

    /// The root of the left neighbour's proof, or of the right's when there is no left one; no spec is held
    /// against it.
    public func calculatedRoot() throws(VerificationError) -> Digest {
      if let left {
        do { return try left.calculatedRoot() } catch { throw .left(error) }
      }
      guard let right else { throw .noNeighbours }
      do { return try right.calculatedRoot() } catch { throw .right(error) }
    }

    /// Verifies that `key` is absent under `root` (go/proof.go, `NonExistenceProof.Verify`).
    public func verify(spec: ProofSpec, root: Span<UInt8>, key: Span<UInt8>) throws(VerificationError) {
      if let left {
        do { try left.verify(spec: spec, root: root, key: left.key.span, value: left.value.span) } catch {
          throw .left(error)
        }
      }
      if let right {
        do { try right.verify(spec: spec, root: root, key: right.key.span, value: right.value.span) } catch {
          throw .right(error)
        }
      }
      guard left != nil || right != nil else { throw .noNeighbours }
      if let right, !(try Self.precedes(key, right.key.span, spec: spec)) { throw .keyNotLeftOfRight }
      if let left, !(try Self.precedes(left.key.span, key, spec: spec)) { throw .keyNotRightOfLeft }
      do {
        if let left, let right {
          try spec.inner.checkNeighbours(left: left.path, right: right.path)
        } else if let left {
          try spec.inner.checkRightmost(left.path[...])
        } else if let right {
          try spec.inner.checkLeftmost(right.path[...])
        }
      } catch {
        throw .neighbours(error)
      }
    }

    /// Whether `first` sorts strictly before `second`, both hashed first when the store orders keys by hash.
    private static func precedes(
      _ first: Span<UInt8>, _ second: Span<UInt8>, spec: ProofSpec
    ) throws(VerificationError) -> Bool {
      guard spec.prehashKeyBeforeComparison, spec.leaf.prehashKey != .none else {
        return first.precedes(second)
      }
      do {
        return try spec.leaf.prehashKey.digest(first).precedes(try spec.leaf.prehashKey.digest(second))
      } catch {
        throw .comparison(error)
      }
    }
  }
}
