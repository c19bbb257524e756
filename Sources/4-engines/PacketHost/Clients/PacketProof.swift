public import WireBytes

/// The proof bytes of a packet message.
public enum PacketProof: Hashable, Sendable {
  /// Evidence that an update of the same transaction carried: its SHA-256.
  case reference(Bytes32)
  /// Evidence of its own, which updates the client.
  case evidence([UInt8])
  /// An IBC `MerkleProof` under a root that the client knows, as it is; its own first byte is 10.
  case merkle([UInt8])
  /// Trie nodes from a state root that the client knows to a slot of an EVM router; see ``EVMStorageProof``.
  case evmStorage(account: [[UInt8]], storage: [[UInt8]])

  private enum Tag {
    static let reference: UInt8 = 0x01
    static let evidence: UInt8 = 0x02
    /// The first field of a `MerkleProof`, of wire type 2.
    static let merkle: UInt8 = 0x0a
    static let evmStorage: UInt8 = 0x0b
  }

  /// The encoding: `01 ‖ hash`, `02 ‖ evidence`, the `MerkleProof` itself, or `0b ‖` RLP of two lists of nodes.
  public func encoded() -> [UInt8] {
    switch self {
    case .reference(let hash): [Tag.reference] + hash.array
    case .evidence(let bytes): [Tag.evidence] + bytes
    case .merkle(let bytes): bytes
    case .evmStorage(let account, let storage):
      [Tag.evmStorage] + EVMStorageProof(account: account, storage: storage).encoded()
    }
  }

  /// Decodes untrusted bytes. Evidence and a `MerkleProof` are taken as they are: who judges them reads them.
  ///
  /// - Throws: ``ClientRefusal/proofEmpty``, ``ClientRefusal/proofTag(_:)``,
  ///   ``ClientRefusal/proofReference(length:)`` or ``ClientRefusal/storageProof(_:)``.
  public init(decoding bytes: Span<UInt8>) throws(ClientRefusal) {
    guard !bytes.isEmpty else { throw .proofEmpty }
    let rest = bytes.extracting(1..<bytes.count)
    switch bytes[0] {
    case Tag.reference:
      guard rest.count == 32 else { throw .proofReference(length: bytes.count) }
      self = .reference(Bytes32(rest, at: 0))
    case Tag.evidence: self = .evidence([UInt8](copying: rest))
    case Tag.merkle: self = .merkle([UInt8](copying: bytes))
    case Tag.evmStorage:
      do throws(EVMStorageProofError) {
        let proof = try EVMStorageProof(decoding: rest)
        self = .evmStorage(account: proof.account, storage: proof.storage)
      } catch { throw .storageProof(error) }
    default: throw .proofTag(bytes[0])
    }
  }
}
