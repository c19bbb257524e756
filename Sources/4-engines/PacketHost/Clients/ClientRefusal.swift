public import Encodings
public import Gate
public import LightClients
public import Messages
public import WireBytes

/// Why a client is not made, not updated, or does not prove what was asked. Nothing has changed when one is
/// thrown.
public enum ClientRefusal: Error, Hashable, Sendable {
  case clientUnknown(ClientID)

  // Creation
  case clientTypeUnknown(String)
  case consensusTypeUnknown(String)
  case clientState(ProtobufError)
  case tendermintState(CometBFT.DecodingError)
  /// The client state contradicts itself (`ClientState.Validate` of ibc-go).
  case tendermintRule(Tendermint.ClientStateError)
  case policyText(PolicyDecodingError)
  case policy(PolicyError)
  /// The policy asks for a fact about each message (routes and delays); a client's claims are about states.
  case policyAsksAboutMessages
  case origin(DomainIDError)
  /// The policy speaks of another domain than the client state.
  case originMismatch(stated: DomainID, policy: DomainID)
  /// The policy's attesters sign for another router than the client state names.
  case routerMismatch
  /// The policy's attesters sign for another client than the one that would be made.
  case bindingClient(expected: ClientID, actual: ClientID)
  /// Neither one sparse Merkle tree, nor an IAVL tree under simple trees; for an EVM chain anything at all.
  case proofSpecs
  /// A router of an EVM chain is named by its 20 bytes.
  case routerLength(expected: Int, actual: Int)
  /// A light client of CometBFT headers cannot follow an EVM chain.
  case cometBFTForEVM(DomainID)
  case consensusState(ProtobufError)
  /// A light client must start from a state that its creator vouches for.
  case consensusStateMissing
  /// A latest height without a state at that height.
  case heightWithoutState(Height)
  case rootLength(Int)
  case timeUnreadable
  case createdFrozen
  case clientIdentifier(IdentifierError)

  // Counterparty
  case notCreator(AccountAddress)
  case counterpartyKnown(ClientID)
  /// The store under the prefix has another number of levels than the client's proofs.
  case prefixCount(expected: Int, actual: Int)
  /// A router of an EVM chain stores under the path itself: the one element of its prefix is empty.
  case prefixOfEVM(length: Int)

  // State
  case frozen(Height)
  /// The newest state has left its trusting period at that moment: nothing vouches for it.
  case expired(at: UnixTime)
  /// No state of the other domain is known yet.
  case noHeight
  /// The other domain's proven time has reached the packet's deadline.
  case timeoutProven(timeout: UnixTime, proven: UnixTime)

  // Updates
  case messageTypeUnknown(String)
  case evidence(EvidenceProtobufError)
  case misbehaviour(ProtobufError)
  case header(CometBFT.DecodingError)
  /// The policy is not satisfied.
  case gate(Refusal)
  /// Blocks of an EVM chain are counted in revision 0.
  case revisionOfEVM(Height)
  /// States up to `floor` are forgotten, so a contradiction could not be seen.
  case heightForgotten(Height, floor: Height)
  /// Both pieces are right, and both can be true.
  case noMisbehaviour
  /// The evidence contradicts what is known. Sent as an update of the client it freezes it.
  case conflict(Height)

  // Proofs
  case proofEmpty
  /// No proof opens with this byte.
  case proofTag(UInt8)
  case proofReference(length: Int)
  /// No update of this transaction carried that evidence.
  case evidenceUnknown(Bytes32)
  case proof(ICS23DecodingRefusal)
  case storageProof(EVMStorageProofError)
  /// A `MerkleProof` for an EVM chain, or trie nodes for another domain.
  case proofOfOtherStore
  case heightMismatch(expected: Height, actual: Height)
  /// No state is known for the height.
  case heightUnknown(Height)
  /// The verdict on the height may not be used any more.
  case heightExpired(Height, at: UnixTime)
  /// The time of the height is known, and its root is not.
  case rootUnknown(Height)
  case timeUnknown(Height)
  case membership(MembershipError)
}

/// Bytes that are no chain of ICS-23 proofs.
public struct ICS23DecodingRefusal: Error, Hashable, Sendable {
  public let size: Int
}

extension ClientRefusal {
  /// The name of the case, and the reason below it: stable, lower camel case.
  public var code: String {
    switch self {
    case .gate(let refusal): "gate." + refusal.code
    case .storageProof(let error): "storageProof." + String(String(describing: error).prefix { $0 != "(" })
    default: String(String(describing: self).prefix { $0 != "(" })
    }
  }
}

/// Whether a client can be used.
public enum ClientStatus: Hashable, Sendable {
  case active
  case expired(at: UnixTime)
  case frozen(Height)
}

/// What a right client message did.
public enum ClientUpdate: Hashable, Sendable {
  case updated(Height)
  /// It was known before.
  case unchanged(Height)
  /// It contradicts what is known: the client believes nothing any more, and both pieces of evidence are
  /// kept.
  case frozen(Height)
}

/// What a packet's proof has to show about the counterparty's store.
public enum ProofQuestion: Hashable, Sendable {
  case member(PacketPath, Bytes32)
  case absent(PacketPath)
}
