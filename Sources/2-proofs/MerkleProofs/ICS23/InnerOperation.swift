import WireBytes

extension ICS23 {
  /// The step from a child to its parent: hash(prefix, child, suffix). Siblings are part of prefix and suffix.
  public struct InnerOperation: Hashable, Sendable {
    public let hash: HashOperation
    public let prefix: [UInt8]
    public let suffix: [UInt8]

    public init(hash: HashOperation = .none, prefix: [UInt8] = [], suffix: [UInt8] = []) {
      self.hash = hash
      self.prefix = prefix
      self.suffix = suffix
    }

    /// The parent's hash.
    public func apply(to child: Span<UInt8>) throws(OperationError) -> Digest {
      guard !child.isEmpty else { throw .emptyChild }
      return try hash.digest(prefix.span, child, suffix.span)
    }

    /// The parent's hash.
    @inline(__always)
    func apply(to child: Digest) throws(OperationError) -> Digest {
      try hash.digest(prefix.span, child.storage.span.extracting(0..<child.count), suffix.span)
    }

    /// Checks that a spec allows this step (go/ops.go, `InnerOp.CheckAgainstSpec`, in its order).
    ///
    /// - Parameter layer: inner steps from the leaf up to this one, itself included.
    public func check(against spec: ProofSpec, layer: Int) throws(OperationError) {
      let inner = spec.inner
      guard hash == inner.hash else { throw .hash(expected: inner.hash, actual: hash) }
      switch spec.family {
      case .iavl: try IAVLPrefix.check(prefix.span, hash: hash, layer: layer)
      case .tendermint: try checkTendermintPrefix()
      case .other: break
      }
      guard !prefix.starts(with: spec.leaf.prefix) else { throw .innerPrefixOfLeaf }
      let minimum = Int(inner.prefixLengthMin)
      guard prefix.count >= minimum else { throw .prefixTooShort(minimum: minimum, actual: prefix.count) }
      let childSize = Int(inner.childSize)
      let (leftChildren, overflow) = (inner.childOrder.count - 1).multipliedReportingOverflow(by: childSize)
      let maximum = overflow ? 0 : Int(inner.prefixLengthMax) + leftChildren
      guard prefix.count <= maximum else { throw .prefixTooLong(maximum: maximum, actual: prefix.count) }
      guard childSize > 0 else { throw .childSize(childSize) }
      // Otherwise a longer prefix could hide a child (the ICS-23 prefix forgery).
      guard Int(inner.prefixLengthMax) < minimum + childSize else {
        throw .prefixRange(minimum: minimum, maximum: Int(inner.prefixLengthMax), childSize: childSize)
      }
      guard suffix.count.isMultiple(of: childSize) else {
        throw .suffix(childSize: childSize, actual: suffix.count)
      }
    }

    /// 0x01 alone when there is a right sibling, 0x01 and the left sibling otherwise (go/ops.go,
    /// `validateTendermintOps`).
    private func checkTendermintPrefix() throws(OperationError) {
      guard prefix.first == 1 else { throw .tendermintPrefix }
      guard suffix.isEmpty || prefix.count == 1 else { throw .tendermintPrefix }
    }
  }

  /// The first bytes of an IAVL node: height, size and version as zigzag varints (go/ops.go, `validateIavlOps`).
  enum IAVLPrefix {
    /// - Parameter layer: zero for a leaf, else inner steps from the leaf up to this one, itself included.
    static func check(_ prefix: Span<UInt8>, hash: HashOperation, layer: Int) throws(OperationError) {
      var offset = 0
      guard let height = varint(prefix, at: &offset) else { throw .iavl(.heightVarint) }
      guard height >= 0, height >= Int64(layer) else {
        throw .iavl(.height(minimum: layer, actual: height))
      }
      guard let size = varint(prefix, at: &offset) else { throw .iavl(.sizeVarint) }
      guard size >= 0 else { throw .iavl(.size(size)) }
      guard let version = varint(prefix, at: &offset) else { throw .iavl(.versionVarint) }
      guard version >= 0 else { throw .iavl(.version(version)) }
      let remainder = prefix.count - offset
      guard layer > 0 else {
        guard remainder == 0 else { throw .iavl(.remainder(remainder)) }
        guard height == 0 else { throw .iavl(.leafHeight(height)) }
        guard size == 1 else { throw .iavl(.leafSize(size)) }
        return
      }
      // A length byte before a child that comes first; a length byte, 32 bytes and a length byte otherwise.
      guard remainder == 1 || remainder == 34 else { throw .iavl(.remainder(remainder)) }
      guard hash == .sha256 else { throw .iavl(.hash(hash)) }
    }

    /// Go's `binary.ReadVarint`: at most ten bytes and 64 bits, over-long forms allowed as the stores write none.
    private static func varint(_ bytes: Span<UInt8>, at offset: inout Int) -> Int64? {
      var value: UInt64 = 0
      for index in 0..<10 {
        guard offset < bytes.count else { return nil }
        let byte = bytes[offset]
        offset += 1
        guard index < 9 || byte <= 1 else { return nil }
        value |= UInt64(byte & 0x7f) << UInt64(7 * index)
        if byte < 0x80 { return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
      }
      return nil
    }
  }
}
