public import Encodings
import WireBytes

/// Why bytes are not a proof of a storage slot of an EVM chain.
public enum EVMStorageProofError: Error, Hashable, Sendable {
  /// Which of the two lists of nodes.
  public enum Trie: Hashable, Sendable {
    /// From the state root to the account.
    case state
    /// From the account's storage root to the slot.
    case storage
  }

  case size(max: Int, actual: Int)
  /// Not the canonical RLP of two lists of strings; offsets count from the byte after the first.
  case encoding(RLPError)
  /// More nodes than a path of 64 nibbles can pass.
  case nodeCount(Trie, max: Int)
  /// A node that is longer than any node of such a trie.
  case nodeSize(Trie, node: Int, max: Int, actual: Int)
}

/// The nodes that lead from a state root to one storage slot of one account, as `eth_getProof` (EIP-1186) lists
/// them: RLP of each node as a string, root first, nodes that stand inside their parents not repeated.
///
/// Layout: RLP `[[state node …], [storage node …]]`. Nothing in it is believed before it was checked.
public struct EVMStorageProof: Hashable, Sendable {
  /// Every node but the last moves the path on by one of the key's 64 nibbles at least.
  public static let nodeCountMax = 65
  /// A branch of 16 hashes without a value, `3 + 16 · 33 + 1`; leaves of accounts and slots are shorter.
  public static let nodeSizeBytesMax = 532
  /// Both tries at their bounds, with the headers of nodes (3 bytes) and of lists (4 bytes).
  public static let sizeBytesMax = 2 * nodeCountMax * (3 + nodeSizeBytesMax) + 3 * 4

  public let account: [[UInt8]]
  public let storage: [[UInt8]]

  public init(account: [[UInt8]], storage: [[UInt8]]) {
    self.account = account
    self.storage = storage
  }

  /// Decodes untrusted bytes, of which only the form is checked.
  ///
  /// - Throws: ``EVMStorageProofError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(EVMStorageProofError) {
    guard bytes.count <= Self.sizeBytesMax else {
      throw .size(max: Self.sizeBytesMax, actual: bytes.count)
    }
    let lists: [RLPSlice]
    do { lists = try RLP.record(bytes, count: 2) } catch {
      // One item too many is told as a limit; here two is all that there is.
      if case .overLimit(_, let actual) = error {
        throw .encoding(.itemCount(expected: 2, actual: actual))
      }
      throw .encoding(error)
    }
    account = try Self.nodes(of: .state, lists[0], in: bytes)
    storage = try Self.nodes(of: .storage, lists[1], in: bytes)
  }

  private static func nodes(
    of trie: EVMStorageProofError.Trie, _ list: RLPSlice, in bytes: Span<UInt8>
  ) throws(EVMStorageProofError) -> [[UInt8]] {
    let items: [RLPSlice]
    do { items = try RLP.items(of: list, in: bytes, max: nodeCountMax) } catch {
      if case .overLimit = error { throw .nodeCount(trie, max: nodeCountMax) }
      throw .encoding(error)
    }
    var nodes: [[UInt8]] = []
    nodes.reserveCapacity(items.count)
    for (index, item) in items.enumerated() {
      let length = item.payload.count
      guard length <= nodeSizeBytesMax else {
        throw .nodeSize(trie, node: index, max: nodeSizeBytesMax, actual: length)
      }
      do { nodes.append(try item.bytes(in: bytes)) } catch { throw .encoding(error) }
    }
    return nodes
  }

  /// The one encoding.
  public func encoded() -> [UInt8] {
    var writer = RLPWriter()
    writer.list { writer in
      for nodes in [account, storage] {
        writer.list { writer in
          for node in nodes { writer.string(node) }
        }
      }
    }
    return writer.bytes
  }

  /// What hashing all of its nodes costs.
  public var verificationGas: UInt64 {
    [account, storage].joined().reduce(0) {
      $0 + GasSchedule.trieNode + GasSchedule.trieNodePerByte * UInt64($1.count)
    }
  }
}
