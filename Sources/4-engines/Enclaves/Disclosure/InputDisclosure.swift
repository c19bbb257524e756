public import Encodings
public import Messages
public import WireBytes

/// A part of a sealed input that its sender can show alone.
public enum InputPart: Hashable, Sendable {
  case body
  case replySuite
  case replyKey
  /// The field at this place.
  case field(Int)

  /// Where it lies in the tree of ``SealedInput``; nil for a place that there is not.
  var index: GeneralizedIndex? {
    let path: [SSZPathStep]
    switch self {
    case .body: path = [.field("body")]
    case .replySuite: path = [.field("replySuite")]
    case .replyKey: path = [.field("replyKey")]
    case .field(let place):
      guard let place = UInt64(exactly: place) else { return nil }
      path = [.field("fields"), .element(place)]
    }
    return try? SealedInput.type.generalizedIndex(path)
  }
}

/// Why a disclosure does not show what it says. Positions count from 0.
public enum DisclosureError: Error, Hashable, Sendable {
  case noPart(InputPart)
  case format(EnclaveFormatError)
  /// The branch does not lead from the part to the envelope's content.
  case branch(SSZProofError)
  /// The envelope is not among the inputs at this place.
  case inputs(SSZProofError)
  case index(Int)
}

/// One part of one input of a case, shown to somebody without the others: the value, its branch to the envelope's content, the
/// sealed envelope, and its branch to the receipt's inputs.
///
/// Whoever is shown it needs the receipt and nothing else; the ciphertext stays sealed, and the parts that are not shown stay
/// hidden behind salts.
public struct InputDisclosure: Hashable, Sendable {
  /// What is shown.
  public enum Shown: Hashable, Sendable {
    case body([UInt8])
    case replySuite(SealingSuite)
    case replyKey([UInt8])
    case field(Int, SealedInput.Field)

    public var part: InputPart {
      switch self {
      case .body: .body
      case .replySuite: .replySuite
      case .replyKey: .replyKey
      case .field(let place, _): .field(place)
      }
    }

    func root() throws(SSZError) -> Bytes32 {
      switch self {
      case .body(let bytes):
        try SSZType.byteList(limit: UInt64(SealedInput.bodySizeMax)).hashTreeRoot(.packed(bytes))
      case .replySuite(let suite): try SSZType.uint(.uint16).hashTreeRoot(.uint(UInt64(suite.rawValue)))
      case .replyKey(let bytes): try EnclaveLimits.key.hashTreeRoot(.packed(bytes))
      case .field(_, let field): try SealedInput.Field.type.hashTreeRoot(field.ssz)
      }
    }
  }

  public let shown: Shown
  /// Siblings from the part up to ``EnvelopeHeader/content``.
  public let branch: [Bytes32]
  public let envelope: SealedEnvelope
  /// The envelope's place among the case's inputs.
  public let position: Int
  /// Siblings from the commitment up to ``Receipt/inputs``.
  public let inputsBranch: [Bytes32]

  public init(
    shown: Shown, branch: [Bytes32], envelope: SealedEnvelope, position: Int, inputsBranch: [Bytes32]
  ) {
    self.shown = shown
    self.branch = branch
    self.envelope = envelope
    self.position = position
    self.inputsBranch = inputsBranch
  }

  /// Shows `part` of an input that its holder kept.
  ///
  /// - Parameter commitments: of all inputs of the case, in order.
  /// - Throws: ``DisclosureError``.
  public init(
    of part: InputPart, input: SealedInput, envelope: SealedEnvelope, position: Int, commitments: [Bytes32]
  ) throws(DisclosureError) {
    guard commitments.indices.contains(position), commitments[position] == envelope.commitment else {
      throw .index(position)
    }
    switch part {
    case .body: shown = .body(input.body)
    case .replySuite: shown = .replySuite(input.reply.suite)
    case .replyKey: shown = .replyKey(input.reply.bytes)
    case .field(let place):
      guard input.fields.indices.contains(place) else { throw .noPart(part) }
      shown = .field(place, input.fields[place])
    }
    guard let index = part.index else { throw .noPart(part) }
    branch = try Self.branch(input.value, SealedInput.type, index)
    guard let leaf = Self.leaf(position) else { throw .index(position) }
    inputsBranch = try Self.branch(
      .sequence(commitments.map { .packed($0.array) }), CaseInputs.type, leaf)
    self.envelope = envelope
    self.position = position
  }

  private static func branch(
    _ value: SSZValue, _ type: SSZType, _ index: GeneralizedIndex
  ) throws(DisclosureError) -> [Bytes32] {
    let tree: SSZTree
    do { tree = try SSZTree(value, type: type) } catch { throw .format(.ssz(error)) }
    do { return try tree.branch(at: index) } catch { throw .branch(error) }
  }

  private static func leaf(_ position: Int) -> GeneralizedIndex? {
    guard let place = UInt64(exactly: position) else { return nil }
    return try? CaseInputs.type.generalizedIndex([.element(place)])
  }

  /// Checks that the part is of the input at ``position`` of a case whose receipt names `inputs`.
  ///
  /// The caller has checked the receipt. A wrong place among the fields, or among the inputs, is another leaf, and refused.
  ///
  /// - Throws: ``DisclosureError``.
  public func verify(inputs: Bytes32) throws(DisclosureError) {
    guard let index = shown.part.index else { throw .noPart(shown.part) }
    guard let leaf = Self.leaf(position) else { throw .index(position) }
    let node: Bytes32
    do { node = try shown.root() } catch { throw .format(.ssz(error)) }
    do {
      try SSZMultiproof(leaves: [.init(index: index, node: node)], nodes: branch).verify(
        root: envelope.header.content)
    } catch { throw .branch(error) }
    do {
      try SSZMultiproof(leaves: [.init(index: leaf, node: envelope.commitment)], nodes: inputsBranch).verify(
        root: inputs)
    } catch { throw .inputs(error) }
  }
}
