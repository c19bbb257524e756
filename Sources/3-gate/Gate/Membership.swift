public import MerkleProofs
public import Messages
public import WireBytes

/// Where the host of an origin keeps what it stores about packets.
public enum HostStore: Hashable, Sendable {
  /// A Cosmos chain: the keys from the highest store to the lowest, the path being appended to the last one; for
  /// ibc-go `["ibc", ""]`, proven by an IAVL tree under a simple tree.
  case cosmos(prefix: [[UInt8]])
  /// A domain whose state is one sparse Merkle tree; the path is appended to the prefix.
  case sparseMerkleTree(prefix: [UInt8])
  /// The packet router of an EVM chain, its commitments in a mapping at ``PacketPath/evmStoreSlot``.
  case evm(router: Bytes20)
  /// A host whose paths attesters list themselves, hashed after this prefix.
  case listed(prefix: [UInt8])
}

/// The bytes that lead from a claim to what is stored; nothing in them is believed before it was checked.
public enum MembershipProof: Hashable, Sendable {
  /// An IBC `MerkleProof`, one ICS-23 proof a store.
  case ics23(ICS23.MerkleProof)
  /// Nodes of the state trie to the router's account, and of its storage trie to the slot, root first.
  case evmStorage(account: [[UInt8]], storage: [[UInt8]])
  /// Nothing: the claim itself lists the path.
  case listed
}

/// Why a claim does not contain what was asked.
public enum MembershipError: Error, Hashable, Sendable {
  /// Claim, store and proof do not go together.
  case kind
  /// A prefix without elements, or with more than ``Membership/storeCountMax``.
  case prefixCount(Int)
  case ics23(ICS23.ChainError)
  case state(EthereumStateProofError)
  /// The router has no account, so nothing is stored.
  case noRouter
  /// An EVM slot holds 32 bytes, and they are not all zero.
  case valueLength(Int)
  case valueZero
  /// Another value is stored, or none.
  case valueMismatch(stored: Bytes32)
  /// Something is stored where nothing should be.
  case present(stored: Bytes32)
  /// The claim does not speak of the path: silence is not absence.
  case pathNotListed
  /// The claim carries no time, which the question needs.
  case noTimestamp
}

/// That a host stores `value` under `path`, by a claim that was given; true if the claim is.
public struct ProvenEntry: Hashable, Sendable {
  public let claim: Claim
  public let path: PacketPath
  public let value: [UInt8]
}

/// That a host stores nothing under `path`, by a claim that was given; true if the claim is.
public struct ProvenAbsence: Hashable, Sendable {
  public let claim: Claim
  public let path: PacketPath
}

/// A packet that its origin committed to, by a claim that was given; true if the claim is.
public struct ProvenMessage: Hashable, Sendable {
  public let claim: Claim
  public let packet: Packet
}

/// The second of the two questions: does a state contain this message, or its absence? Only mathematics.
public enum Membership {
  public static let storeCountMax = 8

  /// Proves that the origin committed to `packet`.
  ///
  /// - Throws: ``MembershipError``.
  public static func prove(
    _ packet: Packet, in claim: Claim, store: HostStore, by proof: MembershipProof
  ) throws(MembershipError) -> ProvenMessage {
    _ = try prove(
      PacketPath(.commitment, of: packet), holds: PacketCommitment.of(packet).array, in: claim, store: store,
      by: proof)
    return ProvenMessage(claim: claim, packet: packet)
  }

  /// Proves that `value` is stored under `path`.
  ///
  /// - Throws: ``MembershipError``.
  public static func prove(
    _ path: PacketPath, holds value: [UInt8], in claim: Claim, store: HostStore, by proof: MembershipProof
  ) throws(MembershipError) -> ProvenEntry {
    switch (claim, store, proof) {
    case (.state(let state), .cosmos(let prefix), .ics23(let merkle)):
      let keys = try keys(path, prefix: prefix)
      do {
        try merkle.verifyMembership(
          specs: cosmosSpecs(keys.count), root: state.root.span, path: keys, value: value.span)
      } catch { throw .ics23(error) }
    case (.state(let state), .sparseMerkleTree(let prefix), .ics23(let merkle)):
      do {
        try merkle.verifyMembership(
          specs: [.sparseMerkleTree], root: state.root.span, path: [prefix + path.bytes], value: value.span)
      } catch { throw .ics23(error) }
    case (.state(let state), .evm(let router), .evmStorage(let account, let storage)):
      let wanted = try word(value)
      let stored = try slot(path, router: router, root: state.root, account: account, storage: storage)
      guard let stored else { throw .valueMismatch(stored: Bytes32()) }
      guard stored == wanted else { throw .valueMismatch(stored: stored) }
    case (.packets(let packets), .listed(let prefix), .listed):
      let wanted = try word(value)
      guard let stored = entry(path, prefix: prefix, in: packets) else { throw .pathNotListed }
      guard stored == wanted else { throw .valueMismatch(stored: stored) }
    default: throw .kind
    }
    return ProvenEntry(claim: claim, path: path, value: value)
  }

  /// Proves that nothing is stored under `path`.
  ///
  /// - Throws: ``MembershipError``.
  public static func proveAbsence(
    of path: PacketPath, in claim: Claim, store: HostStore, by proof: MembershipProof
  ) throws(MembershipError) -> ProvenAbsence {
    switch (claim, store, proof) {
    case (.state(let state), .cosmos(let prefix), .ics23(let merkle)):
      let keys = try keys(path, prefix: prefix)
      do {
        try merkle.verifyNonMembership(specs: cosmosSpecs(keys.count), root: state.root.span, path: keys)
      } catch { throw .ics23(error) }
    case (.state(let state), .sparseMerkleTree(let prefix), .ics23(let merkle)):
      do {
        try merkle.verifyNonMembership(
          specs: [.sparseMerkleTree], root: state.root.span, path: [prefix + path.bytes])
      } catch { throw .ics23(error) }
    case (.state(let state), .evm(let router), .evmStorage(let account, let storage)):
      if let stored = try slot(path, router: router, root: state.root, account: account, storage: storage) {
        throw .present(stored: stored)
      }
    case (.packets(let packets), .listed(let prefix), .listed):
      guard let stored = entry(path, prefix: prefix, in: packets) else { throw .pathNotListed }
      guard stored.isZero else { throw .present(stored: stored) }
    default: throw .kind
    }
    return ProvenAbsence(claim: claim, path: path)
  }

  /// Proves that a packet was not received although its timeout passed, so that its sender may be refunded.
  ///
  /// The claim's own time must have reached the timeout: before that, the packet could still arrive.
  ///
  /// - Throws: ``MembershipError``, and ``MembershipError/noTimestamp`` when the claim cannot tell the time.
  public static func proveTimeout(
    of packet: Packet, in claim: Claim, store: HostStore, by proof: MembershipProof
  ) throws(TimeoutError) -> ProvenAbsence {
    guard let timestamp = claim.timestamp else { throw .membership(.noTimestamp) }
    guard timestamp >= packet.timeout else { throw .notYet(timeout: packet.timeout, proven: timestamp) }
    do {
      return try proveAbsence(of: PacketPath(.receipt, of: packet), in: claim, store: store, by: proof)
    } catch {
      throw .membership(error)
    }
  }

  /// Why a timeout is not proven.
  public enum TimeoutError: Error, Hashable, Sendable {
    case notYet(timeout: UnixTime, proven: UnixTime)
    case membership(MembershipError)
  }

  // MARK: Stores

  /// Keys from the highest store to the lowest: the prefix with the path appended to its last element.
  private static func keys(_ path: PacketPath, prefix: [[UInt8]]) throws(MembershipError) -> [[UInt8]] {
    guard let last = prefix.last, prefix.count <= storeCountMax else { throw .prefixCount(prefix.count) }
    return prefix.dropLast() + [last + path.bytes]
  }

  /// The lowest store is an IAVL tree, those above it simple trees.
  private static func cosmosSpecs(_ count: Int) -> [ICS23.ProofSpec] {
    [.iavl] + Array(repeating: .tendermint, count: count - 1)
  }

  private static func word(_ value: [UInt8]) throws(MembershipError) -> Bytes32 {
    guard let word = try? Bytes32(value) else { throw .valueLength(value.count) }
    guard !word.isZero else { throw .valueZero }
    return word
  }

  /// What the slot of `path` holds; nil when it is provably empty.
  private static func slot(
    _ path: PacketPath, router: Bytes20, root: Bytes32, account: [[UInt8]], storage: [[UInt8]]
  ) throws(MembershipError) -> Bytes32? {
    do {
      guard let account = try EthereumStateProof.account(router, stateRoot: root, nodes: account) else {
        throw EthereumSlotError.noRouter
      }
      return try EthereumStorageProof.verify(
        storageRoot: account.storageRoot, slot: path.evmSlot, nodes: storage)?.bigEndian
    } catch let error as EthereumStateProofError {
      throw .state(error)
    } catch { throw .noRouter }
  }

  /// A router that does not exist stores nothing, but a wrong address would prove that as well: it is refused.
  private enum EthereumSlotError: Error {
    case noRouter
  }

  private static func entry(_ path: PacketPath, prefix: [UInt8], in claim: PacketsClaim) -> Bytes32? {
    let hash = path.hash(prefix: prefix)
    return claim.entries.first { $0.pathHash == hash }?.commitment
  }
}
