public import Encodings
import WireBytes

extension ICS23 {
  /// Why bytes are not a proof or a spec.
  public enum DecodingError: Error, Hashable, Sendable {
    case protobuf(ProtobufError)
    case hashOperation(Int32)
    case lengthOperation(Int32)
    /// A choice between several proofs holds none of them, or more than one.
    case choice(count: Int)
    /// A compressed path names a step that is not in the list.
    case lookup(index: Int32, count: Int)
    case missingLeafSpec
    case missingInnerSpec
    /// A list is longer than its stated maximum.
    case overLimit(limit: Int)
  }
}

/// A field walk whose errors are those of this format.
private struct FieldWalk {
  private var reader: ProtobufReader

  init(singular: [UInt32] = [], repeated: [UInt32] = [], explicit: [UInt32] = []) {
    reader = ProtobufReader(
      ProtobufRules(singular: singular, repeated: repeated, explicit: explicit),
      sizeBytesMax: ICS23.sizeBytesMax)
  }

  mutating func next(_ message: Span<UInt8>) throws(ICS23.DecodingError) -> ProtobufField? {
    do { return try reader.next(in: message) } catch { throw .protobuf(error) }
  }
}

extension ProtobufField {
  fileprivate func octets(_ message: Span<UInt8>) throws(ICS23.DecodingError) -> [UInt8] {
    do { return try bytes(in: message) } catch { throw .protobuf(error) }
  }

  fileprivate func inner() throws(ICS23.DecodingError) -> Range<Int> {
    do { return try message() } catch { throw .protobuf(error) }
  }

  fileprivate func integer() throws(ICS23.DecodingError) -> Int32 {
    do { return try int32() } catch { throw .protobuf(error) }
  }

  fileprivate func flag() throws(ICS23.DecodingError) -> Bool {
    do { return try boolean() } catch { throw .protobuf(error) }
  }

  fileprivate func integers(_ message: Span<UInt8>, max: Int) throws(ICS23.DecodingError) -> [Int32] {
    let values: [UInt64]
    do { values = try packed(in: message, max: max) } catch { throw .protobuf(error) }
    return try values.map { (value: UInt64) throws(ICS23.DecodingError) -> Int32 in
      guard let integer = Int32(exactly: Int64(bitPattern: value)) else {
        throw .protobuf(.range(field: number))
      }
      return integer
    }
  }

  fileprivate func hash() throws(ICS23.DecodingError) -> ICS23.HashOperation {
    let value = try integer()
    guard let hash = ICS23.HashOperation(rawValue: value) else { throw .hashOperation(value) }
    return hash
  }

  fileprivate func length() throws(ICS23.DecodingError) -> ICS23.LengthOperation {
    let value = try integer()
    guard let length = ICS23.LengthOperation(rawValue: value) else { throw .lengthOperation(value) }
    return length
  }
}

extension ICS23.LeafOperation {
  init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(singular: [1, 2, 3, 4, 5])
    var hashes: (ICS23.HashOperation, ICS23.HashOperation, ICS23.HashOperation) = (.none, .none, .none)
    var length = ICS23.LengthOperation.none
    var prefix: [UInt8] = []
    while let field = try walk.next(message) {
      switch field.number {
      case 1: hashes.0 = try field.hash()
      case 2: hashes.1 = try field.hash()
      case 3: hashes.2 = try field.hash()
      case 4: length = try field.length()
      default: prefix = try field.octets(message)
      }
    }
    self.init(
      hash: hashes.0, prehashKey: hashes.1, prehashValue: hashes.2, length: length, prefix: prefix)
  }

  func write(to writer: inout ProtobufWriter) {
    writer.int32(1, hash.rawValue)
    writer.int32(2, prehashKey.rawValue)
    writer.int32(3, prehashValue.rawValue)
    writer.int32(4, length.rawValue)
    writer.bytes(5, prefix)
  }
}

extension ICS23.InnerOperation {
  init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(singular: [1, 2, 3])
    var hash = ICS23.HashOperation.none
    var prefix: [UInt8] = []
    var suffix: [UInt8] = []
    while let field = try walk.next(message) {
      switch field.number {
      case 1: hash = try field.hash()
      case 2: prefix = try field.octets(message)
      default: suffix = try field.octets(message)
      }
    }
    self.init(hash: hash, prefix: prefix, suffix: suffix)
  }

  func write(to writer: inout ProtobufWriter) {
    writer.int32(1, hash.rawValue)
    writer.bytes(2, prefix)
    writer.bytes(3, suffix)
  }
}

extension ICS23.ExistenceProof {
  init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(singular: [1, 2], repeated: [4], explicit: [3])
    var key: [UInt8] = []
    var value: [UInt8] = []
    var leaf: ICS23.LeafOperation?
    var path: [ICS23.InnerOperation] = []
    while let field = try walk.next(message) {
      switch field.number {
      case 1: key = try field.octets(message)
      case 2: value = try field.octets(message)
      case 3: leaf = try ICS23.LeafOperation(decoding: message.extracting(try field.inner()))
      default:
        guard path.count < ICS23.pathLengthMax else { throw .overLimit(limit: ICS23.pathLengthMax) }
        path.append(try ICS23.InnerOperation(decoding: message.extracting(try field.inner())))
      }
    }
    self.init(key: key, value: value, leaf: leaf, path: path)
  }

  func write(to writer: inout ProtobufWriter) {
    writer.bytes(1, key)
    writer.bytes(2, value)
    if let leaf { writer.message(3) { leaf.write(to: &$0) } }
    for step in path { writer.message(4) { step.write(to: &$0) } }
  }
}

extension ICS23.NonExistenceProof {
  init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(singular: [1], explicit: [2, 3])
    var key: [UInt8] = []
    var left: ICS23.ExistenceProof?
    var right: ICS23.ExistenceProof?
    while let field = try walk.next(message) {
      switch field.number {
      case 1: key = try field.octets(message)
      case 2: left = try ICS23.ExistenceProof(decoding: message.extracting(try field.inner()))
      default: right = try ICS23.ExistenceProof(decoding: message.extracting(try field.inner()))
      }
    }
    self.init(key: key, left: left, right: right)
  }

  func write(to writer: inout ProtobufWriter) {
    writer.bytes(1, key)
    if let left { writer.message(2) { left.write(to: &$0) } }
    if let right { writer.message(3) { right.write(to: &$0) } }
  }
}

extension ICS23.BatchEntry {
  init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(explicit: [1, 2])
    var entries: [ICS23.BatchEntry] = []
    while let field = try walk.next(message) {
      let inner = message.extracting(try field.inner())
      entries.append(
        field.number == 1
          ? .existence(try ICS23.ExistenceProof(decoding: inner))
          : .nonExistence(try ICS23.NonExistenceProof(decoding: inner)))
    }
    guard entries.count == 1 else { throw .choice(count: entries.count) }
    self = entries[0]
  }

  func write(to writer: inout ProtobufWriter) {
    switch self {
    case .existence(let proof): writer.message(1) { proof.write(to: &$0) }
    case .nonExistence(let proof): writer.message(2) { proof.write(to: &$0) }
    }
  }
}

extension ICS23.BatchProof {
  init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(repeated: [1])
    var entries: [ICS23.BatchEntry] = []
    while let field = try walk.next(message) {
      guard entries.count < ICS23.batchLengthMax else { throw .overLimit(limit: ICS23.batchLengthMax) }
      entries.append(try ICS23.BatchEntry(decoding: message.extracting(try field.inner())))
    }
    self.init(entries: entries)
  }
}

extension ICS23.CompressedExistenceProof {
  init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(singular: [1, 2, 4], explicit: [3])
    var key: [UInt8] = []
    var value: [UInt8] = []
    var leaf: ICS23.LeafOperation?
    var path: [Int32] = []
    while let field = try walk.next(message) {
      switch field.number {
      case 1: key = try field.octets(message)
      case 2: value = try field.octets(message)
      case 3: leaf = try ICS23.LeafOperation(decoding: message.extracting(try field.inner()))
      default: path = try field.integers(message, max: ICS23.pathLengthMax)
      }
    }
    self.init(key: key, value: value, leaf: leaf, path: path)
  }

  func write(to writer: inout ProtobufWriter) {
    writer.bytes(1, key)
    writer.bytes(2, value)
    if let leaf { writer.message(3) { leaf.write(to: &$0) } }
    writer.packed(4, path.map { UInt64(bitPattern: Int64($0)) })
  }
}

extension ICS23.CompressedBatchEntry {
  init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(explicit: [1, 2])
    var entries: [ICS23.CompressedBatchEntry] = []
    while let field = try walk.next(message) {
      let inner = message.extracting(try field.inner())
      entries.append(
        field.number == 1
          ? .existence(try ICS23.CompressedExistenceProof(decoding: inner))
          : try Self.nonExistence(decoding: inner))
    }
    guard entries.count == 1 else { throw .choice(count: entries.count) }
    self = entries[0]
  }

  private static func nonExistence(decoding message: Span<UInt8>) throws(ICS23.DecodingError) -> Self {
    var walk = FieldWalk(singular: [1], explicit: [2, 3])
    var key: [UInt8] = []
    var left: ICS23.CompressedExistenceProof?
    var right: ICS23.CompressedExistenceProof?
    while let field = try walk.next(message) {
      switch field.number {
      case 1: key = try field.octets(message)
      case 2: left = try ICS23.CompressedExistenceProof(decoding: message.extracting(try field.inner()))
      default: right = try ICS23.CompressedExistenceProof(decoding: message.extracting(try field.inner()))
      }
    }
    return .nonExistence(key: key, left: left, right: right)
  }

  func write(to writer: inout ProtobufWriter) {
    switch self {
    case .existence(let proof): writer.message(1) { proof.write(to: &$0) }
    case .nonExistence(let key, let left, let right):
      writer.message(2) { inner in
        inner.bytes(1, key)
        if let left { inner.message(2) { left.write(to: &$0) } }
        if let right { inner.message(3) { right.write(to: &$0) } }
      }
    }
  }
}

extension ICS23.CompressedBatchProof {
  init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(repeated: [1, 2])
    var entries: [ICS23.CompressedBatchEntry] = []
    var lookup: [ICS23.InnerOperation] = []
    while let field = try walk.next(message) {
      guard max(entries.count, lookup.count) < ICS23.batchLengthMax else {
        throw .overLimit(limit: ICS23.batchLengthMax)
      }
      let inner = message.extracting(try field.inner())
      if field.number == 1 {
        entries.append(try ICS23.CompressedBatchEntry(decoding: inner))
      } else {
        lookup.append(try ICS23.InnerOperation(decoding: inner))
      }
    }
    self.init(entries: entries, lookup: lookup)
  }
}

extension ICS23.CommitmentProof {
  /// Decodes a protobuf `cosmos.ics23.v1.CommitmentProof` in its one canonical form.
  ///
  /// - Throws: ``ICS23/DecodingError``. The input is untrusted; no input traps.
  public init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(explicit: [1, 2, 3, 4])
    var proofs: [ICS23.CommitmentProof] = []
    while let field = try walk.next(message) {
      let inner = message.extracting(try field.inner())
      switch field.number {
      case 1: proofs.append(.existence(try ICS23.ExistenceProof(decoding: inner)))
      case 2: proofs.append(.nonExistence(try ICS23.NonExistenceProof(decoding: inner)))
      case 3: proofs.append(.batch(try ICS23.BatchProof(decoding: inner)))
      default: proofs.append(.compressed(try ICS23.CompressedBatchProof(decoding: inner)))
      }
    }
    guard proofs.count == 1 else { throw .choice(count: proofs.count) }
    self = proofs[0]
  }

  /// The protobuf form.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    switch self {
    case .existence(let proof): writer.message(1) { proof.write(to: &$0) }
    case .nonExistence(let proof): writer.message(2) { proof.write(to: &$0) }
    case .batch(let batch):
      writer.message(3) { inner in
        for entry in batch.entries { inner.message(1) { entry.write(to: &$0) } }
      }
    case .compressed(let batch):
      writer.message(4) { inner in
        for entry in batch.entries { inner.message(1) { entry.write(to: &$0) } }
        for step in batch.lookup { inner.message(2) { step.write(to: &$0) } }
      }
    }
    return writer.bytes
  }
}

extension ICS23.InnerSpec {
  init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(singular: [1, 2, 3, 4, 5, 6])
    var childOrder: [Int32] = []
    var childSize: Int32 = 0
    var prefixLength: (Int32, Int32) = (0, 0)
    var emptyChild: [UInt8] = []
    var hash = ICS23.HashOperation.none
    while let field = try walk.next(message) {
      switch field.number {
      case 1: childOrder = try field.integers(message, max: ICS23.childrenMax)
      case 2: childSize = try field.integer()
      case 3: prefixLength.0 = try field.integer()
      case 4: prefixLength.1 = try field.integer()
      case 5: emptyChild = try field.octets(message)
      default: hash = try field.hash()
      }
    }
    self.init(
      childOrder: childOrder, childSize: childSize, prefixLengthMin: prefixLength.0,
      prefixLengthMax: prefixLength.1, emptyChild: emptyChild, hash: hash)
  }
}

extension ICS23.ProofSpec {
  /// Decodes a protobuf `cosmos.ics23.v1.ProofSpec`, as a 07-tendermint client state holds it.
  public init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(singular: [3, 4, 5], explicit: [1, 2])
    var leaf: ICS23.LeafOperation?
    var inner: ICS23.InnerSpec?
    var depth: (Int32, Int32) = (0, 0)
    var prehash = false
    while let field = try walk.next(message) {
      switch field.number {
      case 1: leaf = try ICS23.LeafOperation(decoding: message.extracting(try field.inner()))
      case 2: inner = try ICS23.InnerSpec(decoding: message.extracting(try field.inner()))
      case 3: depth.0 = try field.integer()
      case 4: depth.1 = try field.integer()
      default: prehash = try field.flag()
      }
    }
    guard let leaf else { throw .missingLeafSpec }
    guard let inner else { throw .missingInnerSpec }
    self.init(
      leaf: leaf, inner: inner, depthMax: depth.0, depthMin: depth.1, prehashKeyBeforeComparison: prehash)
  }

  /// The protobuf form.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.message(1) { leaf.write(to: &$0) }
    writer.message(2) { (message: inout ProtobufWriter) in
      message.packed(1, inner.childOrder.map { UInt64(bitPattern: Int64($0)) })
      message.int32(2, inner.childSize)
      message.int32(3, inner.prefixLengthMin)
      message.int32(4, inner.prefixLengthMax)
      message.bytes(5, inner.emptyChild)
      message.int32(6, inner.hash.rawValue)
    }
    writer.int32(3, depthMax)
    writer.int32(4, depthMin)
    writer.boolean(5, prehashKeyBeforeComparison)
    return writer.bytes
  }
}

extension ICS23.MerkleProof {
  /// Decodes a protobuf `ibc.core.commitment.v1.MerkleProof`.
  public init(decoding message: Span<UInt8>) throws(ICS23.DecodingError) {
    var walk = FieldWalk(repeated: [1])
    var proofs: [ICS23.CommitmentProof] = []
    while let field = try walk.next(message) {
      guard proofs.count < Self.proofsMax else { throw .overLimit(limit: Self.proofsMax) }
      proofs.append(try ICS23.CommitmentProof(decoding: message.extracting(try field.inner())))
    }
    self.init(proofs: proofs)
  }

  /// The protobuf form.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    for proof in proofs { writer.alwaysBytes(1, proof.encoded()) }
    return writer.bytes
  }
}
