private import Digests
public import Encodings
public import WireBytes

/// Why an account and its slots are not proven. `slot` is the position in the list of storage proofs.
public enum EthereumStateProofError: Error, Hashable, Sendable {
  /// A field of an account on which claim and proof can differ.
  public enum Field: Hashable, Sendable {
    case nonce
    case balance
    case storageRoot
    case codeHash
  }

  case account(MerklePatriciaError)
  /// The leaf does not hold an account.
  case accountEncoding(RLPError)
  /// The proven account, or its proven absence, differs from what the answer claims.
  case accountMismatch(Field)
  /// More storage proofs than are read.
  case tooManySlots(limit: Int, actual: Int)
  case storage(slot: Int, MerklePatriciaError)
  /// The leaf does not hold a non-zero integer.
  case storageEncoding(slot: Int, RLPError)
  /// The proven value differs from what the answer claims; an absent slot is zero.
  case storageMismatch(slot: Int, claimed: UInt256, proven: UInt256)
  /// Nodes are given for a slot of an account that does not exist.
  case storageOfAbsentAccount(slot: Int)
}

/// One slot of an `eth_getProof` answer, unchecked.
public struct EthereumStorageProof: Hashable, Sendable {
  /// The slot's number, 32 bytes big-endian, not hashed.
  public let slot: Bytes32
  /// What the answer says the slot holds; zero for an absent slot.
  public let value: UInt256
  /// Nodes of the storage trie, root first.
  public let nodes: [[UInt8]]

  public init(slot: Bytes32, value: UInt256, nodes: [[UInt8]]) {
    self.slot = slot
    self.value = value
    self.nodes = nodes
  }

  /// What the slot holds under `storageRoot`; nil when the trie provably holds nothing there.
  ///
  /// - Throws: ``EthereumStateProofError`` with `position` for its slot. The claimed value is not looked at.
  public static func verify(
    storageRoot: Bytes32, slot: Bytes32, nodes: [[UInt8]], convention: MerklePatriciaConvention = .geth,
    position: Int = 0
  ) throws(EthereumStateProofError) -> UInt256? {
    let key = Keccak256.hash(slot.span)
    let result: MerklePatriciaResult
    do {
      result = try MerklePatriciaProof.verify(
        root: storageRoot, key: key.span, nodes: nodes, convention: convention)
    } catch {
      throw .storage(slot: position, error)
    }
    guard case .included(let leaf) = result else { return nil }
    do {
      return try EthereumStorageValue.decode(leaf.span)
    } catch {
      throw .storageEncoding(slot: position, error)
    }
  }
}

/// An `eth_getProof` answer (EIP-1186), unchecked: claims about an account and some of its slots, and their proofs.
public struct EthereumStateProof: Hashable, Sendable {
  /// More slots than this in one answer are refused.
  public static let slotCountMax = 4096

  public let address: Bytes20
  /// What the answer says about the account; of an absent one all zero, or the hashes of nothing.
  public let claim: EthereumAccount
  /// Nodes of the state trie, root first.
  public let accountNodes: [[UInt8]]
  public let storage: [EthereumStorageProof]

  public init(
    address: Bytes20, claim: EthereumAccount, accountNodes: [[UInt8]], storage: [EthereumStorageProof]
  ) {
    self.address = address
    self.claim = claim
    self.accountNodes = accountNodes
    self.storage = storage
  }

  /// The account and its slots under `stateRoot`, every claim compared with what is proven.
  ///
  /// - Parameter stateRoot: from a header that the caller trusts.
  /// - Throws: ``EthereumStateProofError``. All of the answer is untrusted; no input traps.
  public func verify(stateRoot: Bytes32) throws(EthereumStateProofError) -> ProvenEthereumAccount {
    guard storage.count <= Self.slotCountMax else {
      throw .tooManySlots(limit: Self.slotCountMax, actual: storage.count)
    }
    let account = try Self.account(address, stateRoot: stateRoot, nodes: accountNodes)
    try check(claim, against: account)
    var slots: [ProvenEthereumAccount.Slot] = []
    slots.reserveCapacity(storage.count)
    for (position, entry) in storage.enumerated() {
      var proven: UInt256?
      if let account {
        proven = try EthereumStorageProof.verify(
          storageRoot: account.storageRoot, slot: entry.slot, nodes: entry.nodes, position: position)
      } else if !entry.nodes.isEmpty, entry.nodes != [[0x80]] {
        throw .storageOfAbsentAccount(slot: position)
      }
      let value = proven ?? .zero
      guard value == entry.value else {
        throw .storageMismatch(slot: position, claimed: entry.value, proven: value)
      }
      slots.append(ProvenEthereumAccount.Slot(slot: entry.slot, value: proven))
    }
    return ProvenEthereumAccount(stateRoot: stateRoot, address: address, account: account, slots: slots)
  }

  /// The account at `address` under `stateRoot`; nil when the trie provably holds none.
  ///
  /// - Throws: ``EthereumStateProofError/account(_:)`` or ``EthereumStateProofError/accountEncoding(_:)``.
  public static func account(
    _ address: Bytes20, stateRoot: Bytes32, nodes: [[UInt8]], convention: MerklePatriciaConvention = .geth
  ) throws(EthereumStateProofError) -> EthereumAccount? {
    let key = Keccak256.hash(address.span)
    let result: MerklePatriciaResult
    do {
      result = try MerklePatriciaProof.verify(
        root: stateRoot, key: key.span, nodes: nodes, convention: convention)
    } catch {
      throw .account(error)
    }
    guard case .included(let leaf) = result else { return nil }
    do {
      return try EthereumAccount(decoding: leaf.span)
    } catch {
      throw .accountEncoding(error)
    }
  }

  private func check(
    _ claim: EthereumAccount, against proven: EthereumAccount?
  ) throws(EthereumStateProofError) {
    guard claim.nonce == proven?.nonce ?? 0 else { throw .accountMismatch(.nonce) }
    guard claim.balance == proven?.balance ?? .zero else { throw .accountMismatch(.balance) }
    if let proven {
      guard claim.storageRoot == proven.storageRoot else { throw .accountMismatch(.storageRoot) }
      guard claim.codeHash == proven.codeHash else { throw .accountMismatch(.codeHash) }
    } else {
      // Clients answer for an absent account with zeroes or with the hashes of nothing.
      guard claim.storageRoot.isZero || claim.storageRoot == MerklePatriciaProof.emptyRoot else {
        throw .accountMismatch(.storageRoot)
      }
      guard claim.codeHash.isZero || claim.codeHash == EthereumAccount.emptyCodeHash else {
        throw .accountMismatch(.codeHash)
      }
    }
  }
}

/// An account and some of its slots, proven under a state root.
public struct ProvenEthereumAccount: Hashable, Sendable {
  /// A proven slot.
  public struct Slot: Hashable, Sendable {
    /// The slot's number, 32 bytes big-endian.
    public let slot: Bytes32
    /// Nil when the storage trie provably holds nothing there, which the EVM reads as zero.
    public let value: UInt256?
  }

  /// The root for which all of this holds; the caller vouched for it.
  public let stateRoot: Bytes32
  public let address: Bytes20
  /// Nil when the state trie provably holds no such account.
  public let account: EthereumAccount?
  /// In the order of the answer.
  public let slots: [Slot]
}
