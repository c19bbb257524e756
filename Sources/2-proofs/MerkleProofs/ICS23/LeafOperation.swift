import WireBytes

extension ICS23 {
  /// The step that makes a leaf of a key and a value: hash(prefix, length and key, length and value).
  public struct LeafOperation: Hashable, Sendable {
    public let hash: HashOperation
    public let prehashKey: HashOperation
    public let prehashValue: HashOperation
    public let length: LengthOperation
    public let prefix: [UInt8]

    public init(
      hash: HashOperation = .none, prehashKey: HashOperation = .none, prehashValue: HashOperation = .none,
      length: LengthOperation = .none, prefix: [UInt8] = []
    ) {
      self.hash = hash
      self.prehashKey = prehashKey
      self.prehashValue = prehashValue
      self.length = length
      self.prefix = prefix
    }

    /// The leaf's hash.
    ///
    /// - Throws: ``OperationError`` for an empty key or value, or an operation that is not computed here.
    public func apply(key: Span<UInt8>, value: Span<UInt8>) throws(OperationError) -> Digest {
      guard !key.isEmpty else { throw .emptyKey }
      guard !value.isEmpty else { throw .emptyValue }
      var preimage: [UInt8] = []
      preimage.reserveCapacity(
        prefix.count + (prehashKey == .none ? key.count : 64) + (prehashValue == .none ? value.count : 64)
          + 20)
      preimage.append(prefix.span)
      try append(key, prehash: prehashKey, to: &preimage)
      try append(value, prehash: prehashValue, to: &preimage)
      return try hash.digest(preimage.span)
    }

    private func append(
      _ bytes: Span<UInt8>, prehash: HashOperation, to preimage: inout [UInt8]
    ) throws(OperationError) {
      guard prehash != .none else {
        try length.append(lengthOf: bytes.count, to: &preimage)
        preimage.append(bytes)
        return
      }
      let digest = try prehash.digest(bytes)
      try length.append(lengthOf: digest.count, to: &preimage)
      digest.append(to: &preimage)
    }

    /// Checks that this step is the one a spec wants: same operations, and a prefix that begins with the spec's.
    public func check(against wanted: LeafOperation) throws(OperationError) {
      guard hash == wanted.hash else { throw .hash(expected: wanted.hash, actual: hash) }
      guard prehashKey == wanted.prehashKey else {
        throw .prehashKey(expected: wanted.prehashKey, actual: prehashKey)
      }
      guard prehashValue == wanted.prehashValue else {
        throw .prehashValue(expected: wanted.prehashValue, actual: prehashValue)
      }
      guard length == wanted.length else {
        throw .lengthOperation(expected: wanted.length, actual: length)
      }
      guard prefix.starts(with: wanted.prefix) else { throw .leafPrefix }
    }

    /// Checks this step against a whole spec, with the extra rules of an IAVL leaf where they apply.
    public func check(against spec: ProofSpec) throws(OperationError) {
      if spec.family == .iavl { try IAVLPrefix.check(prefix.span, hash: hash, layer: 0) }
      try check(against: spec.leaf)
    }
  }
}

extension ICS23.LengthOperation {
  /// Writes what announces `count` bytes.
  func append(lengthOf count: Int, to bytes: inout [UInt8]) throws(ICS23.OperationError) {
    switch self {
    case .none: return
    case .varProto:
      var rest = UInt64(count)
      while rest >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
      }
      bytes.append(UInt8(truncatingIfNeeded: rest))
    case .fixed32Big: bytes.append(bigEndian: UInt32(truncatingIfNeeded: count))
    case .fixed32Little: bytes.append(littleEndian: UInt32(truncatingIfNeeded: count))
    case .fixed64Big: bytes.append(bigEndian: UInt64(count))
    case .fixed64Little: bytes.append(littleEndian: UInt64(count))
    case .require32Bytes: guard count == 32 else { throw .length(required: 32, actual: count) }
    case .require64Bytes: guard count == 64 else { throw .length(required: 64, actual: count) }
    case .varRLP: throw .lengthUnsupported(self)
    }
  }
}
