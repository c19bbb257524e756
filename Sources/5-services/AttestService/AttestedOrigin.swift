public import ChainAccess
import Digests
import Encodings
import LightClients
import MerkleProofs
import Messages
import WireBytes

/// A domain that an attester signs for, and how far it believes the access that it reads it through.
public struct AttestedOrigin: Sendable {
  /// Whether values are taken as they are given.
  public enum Reading: Hashable, Sendable {
    /// A node of the attester's own, in its process: values are what the node has under the root that it has.
    case ownNode
    /// Anything else: each value comes with a proof, which is checked against the root that the record holds.
    case proven
  }

  public let access: any DomainAccess
  /// Who says which heights are final, and what their headers are: several endpoints that must agree, wherever there are
  /// several (``QuorumAccess``). One liar among them then costs an attester nothing.
  public let headers: any DomainAccess
  public let reading: Reading
  /// What the host puts before a path: in the keys of its state, and in what is hashed for an attestation.
  public let storePrefix: [UInt8]
  private let hasOwnHeaders: Bool

  /// The header at `height`.
  ///
  /// - Throws: `disagreement` when values would be taken, unproven, from a node that has another header than the others.
  func header(at height: UInt64) async throws(AccessError) -> StateHeader {
    let header = try await headers.stateHeader(at: height)
    guard reading == .ownNode, !hasOwnHeaders else { return header }
    let own = try await access.stateHeader(at: height)
    guard own == header else { throw .disagreement }
    return header
  }

  /// - Parameters:
  ///   - access: where values are read.
  ///   - headers: where heads and headers are read; nil for `access`. Must be of the same domain.
  public init(
    _ access: any DomainAccess, headers: (any DomainAccess)? = nil, reading: Reading, storePrefix: [UInt8] = []
  ) {
    precondition(headers?.domain ?? access.domain == access.domain, "one origin has one domain")
    self.access = access
    hasOwnHeaders = headers == nil
    self.headers = headers ?? access
    self.reading = reading
    self.storePrefix = storePrefix
  }

  /// What lies under `keys` in the state whose root is `root`, in their order.
  ///
  /// - Parameter router: the contract that holds them, on an EVM chain.
  /// - Throws: `unproven` when a value does not belong to the root, `malformed` when the answer does not fit the question.
  func values(
    of keys: [[UInt8]], of router: [UInt8], at version: UInt64, under root: Bytes32
  ) async throws(AccessError) -> [[UInt8]?] {
    var tries = StorageTries(root: root, router: router)
    let entries = try await access.values(of: keys, at: version, proven: reading == .proven)
    guard entries.count == keys.count else { throw .malformed }
    for (key, entry) in zip(keys, entries) {
      guard entry.key == key else { throw .malformed }
      guard reading == .proven else { continue }
      switch entry.proof {
      case .ics23(let proof)?:
        do throws(ICS23.VerificationError) {
          if let value = entry.value {
            try proof.verifyMembership(
              spec: .sparseMerkleTree, root: root.span, key: key.span, value: value.span)
          } else {
            try proof.verifyNonMembership(spec: .sparseMerkleTree, root: root.span, key: key.span)
          }
        } catch { throw .unproven }
      case .evmStorage(let account, let storage)?:
        guard try tries.value(of: key, account: account, storage: storage) == entry.value else {
          throw .unproven
        }
      case nil: throw .unproven
      }
    }
    return entries.map(\.value)
  }
}

/// Slots of one contract, as proofs show them under a state root.
private struct StorageTries {
  private let root: Bytes32
  private let router: [UInt8]
  /// The account's proof is the same for all slots: it is checked once.
  private var known: (nodes: [[UInt8]], storageRoot: Bytes32)?

  init(root: Bytes32, router: [UInt8]) {
    self.root = root
    self.router = router
  }

  /// What the slot of `key` holds; nil when it is provably empty.
  ///
  /// - Throws: `unproven`, also when there is no such contract: a wrong address would prove that anything is absent.
  mutating func value(
    of key: [UInt8], account: [[UInt8]], storage: [[UInt8]]
  ) throws(AccessError) -> [UInt8]? {
    let slot = Keccak256.hash(Keccak256.hash(key), PacketPath.evmStoreSlot)
    let storageRoot = try storageRoot(account)
    do throws(EthereumStateProofError) {
      return try EthereumStorageProof.verify(storageRoot: storageRoot, slot: slot, nodes: storage)?.bigEndian
        .array
    } catch { throw .unproven }
  }

  private mutating func storageRoot(_ account: [[UInt8]]) throws(AccessError) -> Bytes32 {
    if let known, known.nodes == account { return known.storageRoot }
    guard let address = try? Bytes20(router) else { throw .unproven }
    let found: EthereumAccount?
    do throws(EthereumStateProofError) {
      found = try EthereumStateProof.account(address, stateRoot: root, nodes: account)
    } catch { throw .unproven }
    guard let found else { throw .unproven }
    known = (account, found.storageRoot)
    return found.storageRoot
  }
}
