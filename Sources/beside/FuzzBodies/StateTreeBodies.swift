private import Digests
private import StateTree
private import WireBytes

/// Bodies over what a state tree reads back from a store, and from a stream that another node sends.
public enum StateTreeBodies {
  public static let all: [FuzzBody] = [page, pagePath, subtree, chunk, restoration]

  /// Commits of a few keys, so that a page, its leaves and a snapshot of them can be taken.
  private static let tree: StateTree<MemoryStateStore>? = {
    var tree = StateTree(store: MemoryStateStore())
    let first = (0..<40).map { StateChange(key: [1, UInt8($0)], value: [UInt8($0), 2, 3]) }
    guard (try? tree.commit(version: 1, changes: first)) != nil else { return nil }
    return tree
  }()

  private static let top: StatePagePath? = StatePagePath(decoding: [0])

  private static var pageSeeds: [[UInt8]] {
    guard let tree, let top, let page = try? tree.store.page(StatePageID(path: top, version: 1)) else {
      return []
    }
    return [page.encoded()]
  }

  static let page = FuzzBody(name: "state-page", seeds: pageSeeds) { bytes in
    guard let top, let page = try? StatePage(decoding: bytes, at: top) else { return }
    precondition(page.encoded() == bytes)
  }

  static let pagePath = FuzzBody(
    name: "state-page-path", seeds: [[0], [1, 0x70], [2, 0x71], [63] + [UInt8](repeating: 0x10, count: 32)]
  ) { bytes in
    guard let path = StatePagePath(decoding: bytes) else { return }
    precondition(path.encoded() == bytes)
  }

  static let subtree = FuzzBody(
    name: "state-subtree",
    seeds: [
      StateSubtree.empty.encoded(), StateSubtree.page(hash: Bytes32 { _ in 7 }, version: 9).encoded(),
      StateSubtree.leaf(
        StateLeaf(key: [1, 2], path: StateHashing.path(of: [1, 2]), hash: Bytes32 { _ in 3 }, version: 5)
      ).encoded(),
    ]
  ) { bytes in
    guard let subtree = try? StateSubtree(decoding: bytes) else { return }
    precondition(subtree.encoded() == bytes)
  }

  private static var chunkSeeds: [[UInt8]] {
    guard var snapshot = try? tree?.snapshot(at: 1), let chunk = try? snapshot.next() else { return [] }
    return [chunk]
  }

  /// Chunks end in their own hash, which no mutation finds: it is put right before the chunk is read.
  private static func sealed(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 32 else { return bytes }
    let body = Array(bytes.dropLast(32))
    return body + SHA256Hash.hash(body).array
  }

  static let chunk = FuzzBody(name: "state-snapshot-chunk", seeds: chunkSeeds) { bytes in
    _ = try? StateSnapshotChunk(decoding: bytes.span)
    let sealed = sealed(bytes)
    guard let chunk = try? StateSnapshotChunk(decoding: sealed.span) else { return }
    precondition(chunk.entries.count <= StateLimits.scanLengthMax)
    precondition(chunk.entries.allSatisfy { !$0.key.isEmpty && !$0.value.isEmpty })
  }

  /// What is restored from a stream has the root that its entries have in a tree of one's own.
  static let restoration = FuzzBody(name: "state-snapshot-restoration", seeds: chunkSeeds) { bytes in
    let sealed = sealed(bytes)
    var restoration = StateRestoration()
    guard (try? restoration.add(sealed.span)) != nil,
      let chunk = try? StateSnapshotChunk(decoding: sealed.span)
    else { return }
    var fresh = StateTree(store: MemoryStateStore())
    let changes = chunk.entries.map { StateChange(key: $0.key, value: $0.value) }
    guard let root = try? fresh.commit(version: chunk.version, changes: changes), chunk.isLast else { return }
    let restored = try? restoration.finish(expectedRoot: root, into: MemoryStateStore())
    precondition((try? restored?.root(at: chunk.version)) == root)
  }
}
