import WireBytes

extension ICS23 {
  /// A claim that a key holds a value, with the steps from the leaf to the root. Untrusted until verified.
  public struct ExistenceProof: Hashable, Sendable {
    public let key: [UInt8]
    public let value: [UInt8]
    public let leaf: LeafOperation?
    /// Inner steps, from the leaf's parent to the root.
    public let path: [InnerOperation]

    public init(key: [UInt8], value: [UInt8], leaf: LeafOperation?, path: [InnerOperation]) {
      self.key = key
      self.value = value
      self.leaf = leaf
      self.path = path
    }

    /// The root that the steps give, with no spec held against them: only good for comparing with a verified one.
    public func calculatedRoot() throws(ExistenceError) -> Digest { try calculatedRoot(childSize: nil) }

    private func calculatedRoot(childSize: Int?) throws(ExistenceError) -> Digest {
      guard let leaf else { throw .missingLeaf }
      var digest: Digest
      do { digest = try leaf.apply(key: key.span, value: value.span) } catch { throw .leaf(error) }
      for index in path.indices {
        do { digest = try path[index].apply(to: digest) } catch {
          throw .inner(layer: index + 1, error)
        }
        if let childSize, childSize >= 32, digest.count > childSize {
          throw .childTooLong(layer: index + 1, maximum: childSize, actual: digest.count)
        }
      }
      return digest
    }

    /// Checks that every step is one that `spec` allows (go/proof.go, `ExistenceProof.CheckAgainstSpec`).
    public func check(against spec: ProofSpec) throws(ExistenceError) {
      guard let leaf else { throw .missingLeaf }
      do { try leaf.check(against: spec) } catch { throw .leaf(error) }
      if spec.depthMin > 0, path.count < Int(spec.depthMin) {
        throw .depthTooShort(minimum: Int(spec.depthMin), actual: path.count)
      }
      let depthMax = spec.depthMax == 0 ? ICS23.defaultDepthMax : Int(spec.depthMax)
      guard path.count <= depthMax else { throw .depthTooLong(maximum: depthMax, actual: path.count) }
      for index in path.indices {
        do { try path[index].check(against: spec, layer: index + 1) } catch {
          throw .inner(layer: index + 1, error)
        }
      }
    }

    /// The root under which the proof's own key holds its own value, all steps being lawful.
    public func verifiedRoot(spec: ProofSpec) throws(ExistenceError) -> Digest {
      try check(against: spec)
      return try calculatedRoot(childSize: Int(spec.inner.childSize))
    }

    /// The root under which `key` holds `value`.
    public func verifiedRoot(
      spec: ProofSpec, key: Span<UInt8>, value: Span<UInt8>
    ) throws(ExistenceError) -> Digest {
      try check(against: spec)
      guard key.equals(self.key.span) else { throw .keyMismatch }
      guard value.equals(self.value.span) else { throw .valueMismatch }
      return try calculatedRoot(childSize: Int(spec.inner.childSize))
    }

    /// Verifies that `key` holds `value` under `root`.
    public func verify(
      spec: ProofSpec, root: Span<UInt8>, key: Span<UInt8>, value: Span<UInt8>
    ) throws(ExistenceError) {
      let calculated = try verifiedRoot(spec: spec, key: key, value: value)
      guard calculated.equals(root) else { throw .rootMismatch(calculated: calculated.bytes) }
    }
  }
}
