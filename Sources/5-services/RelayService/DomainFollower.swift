import ChainAccess
import Messages
import RelayEngine
import WireBytes

/// Reads one domain's blocks, one after another, and tells a relayer; what the domain takes back is told as well.
struct DomainFollower: Sendable {
  let domain: RelayedDomain
  /// The ends of lanes on that domain.
  let clients: Set<String>
  let patience: Duration
  let pause: Duration
  let blocksBehindMax: UInt64

  /// How far the reading has come.
  struct Place: Sendable {
    var cursor: UInt64?
    var history = BlockHistory()
    /// The final height that holds another block now; nothing is read until it holds the first one again.
    var violation: UInt64?
    /// Nothing has been compared with what an earlier run has read.
    var isFresh = true
  }

  private var id: DomainID { domain.access.domain }

  /// Until the task is cancelled.
  func run(from start: Place, for relayer: Relayer) async {
    var place = start
    if place.cursor == nil { place.cursor = domain.startHeight.map { $0 == 0 ? 0 : $0 - 1 } }
    while !Task.isCancelled {
      do throws(AccessError) {
        try await turn(&place, relayer)
      } catch {
        guard !Task.isCancelled else { return }
        await relayer.failed(error, of: id)
        // What is gone is not waited for: the scan finds what it left open.
        if case .heightPruned = error, place.violation == nil {
          let after = place.cursor ?? 0
          if let head = try? await domain.access.head(), head.height > after {
            await jump(to: head.height - 1, after: after, &place, relayer)
          }
        }
        try? await Task.sleep(for: pause)
      }
    }
  }

  private func turn(_ place: inout Place, _ relayer: Relayer) async throws(AccessError) {
    let asked = ContinuousClock.now
    let head: ChainHead
    if let cursor = place.cursor {
      head = try await domain.access.head(above: cursor, patience: patience)
    } else {
      head = try await domain.access.head()
    }
    guard head.finalHeight <= head.height else { throw .malformed }
    guard try await isOpen(head, &place, relayer) else { return }
    var next = place.cursor ?? head.height
    if head.height > next, head.height - next > blocksBehindMax {
      await jump(to: head.height - 1, after: next, &place, relayer)
      next = head.height - 1
    }
    var first: ObservedBlock?
    switch try await continuation(of: next, head, place.history) {
    case .goesOn(let block): first = block
    case .lags: break
    case .leaves:
      try await goBack(head, &place, relayer)
      return
    }
    if place.cursor == nil, next == head.height, let hash = head.hash { place.history.append(next, hash) }
    if place.isFresh, head.hash != nil { await relayer.restored(id) }
    place.isFresh = false
    place.cursor = next
    place.history.raise(final: min(head.finalHeight, next))
    await relayer.take(head, of: id, cursor: next)
    // An endpoint that does not hold back its answer is not asked without pause.
    if head.height <= next, ContinuousClock.now - asked < patience / 2 {
      try? await Task.sleep(for: min(pause, .milliseconds(20)))
    }
    while next < head.height, !Task.isCancelled {
      let block: ObservedBlock
      if let given = first { block = given } else { block = try await domain.access.block(at: next + 1) }
      first = nil
      guard block.height == next + 1 else { throw .malformed }
      // The next turn finds out how far back it goes.
      if let parent = block.parent, let known = place.history.hash(at: next), parent != known { return }
      next += 1
      if let hash = block.hash { place.history.append(next, hash) }
      place.history.raise(final: min(head.finalHeight, next))
      place.cursor = next
      await relayer.take(BlockReading(block, clients: clients), of: id, final: place.history.final)
    }
  }

  private enum Continuation {
    /// With the block that was read to see it.
    case goesOn(ObservedBlock?)
    /// The endpoint has not come as far as we have, on the same way.
    case lags
    case leaves
  }

  private func continuation(
    of cursor: UInt64, _ head: ChainHead, _ history: BlockHistory
  ) async throws(AccessError) -> Continuation {
    guard let hash = head.hash, let known = history.hash(at: cursor) else { return .goesOn(nil) }
    if head.height > cursor {
      let block = try await domain.access.block(at: cursor + 1)
      guard block.height == cursor + 1 else { throw .malformed }
      return block.parent.map { $0 == known } ?? true ? .goesOn(block) : .leaves
    }
    guard head.height < cursor else { return hash == known ? .goesOn(nil) : .leaves }
    return history.hash(at: head.height).map { $0 == hash } ?? true ? .lags : .leaves
  }

  /// Takes back what is no longer part of the domain, down to what still is.
  private func goBack(_ head: ChainHead, _ place: inout Place, _ relayer: Relayer) async throws(AccessError) {
    switch try await ancestor(place.history) {
    case .block(let height):
      place.history.cut(above: height)
      place.cursor = height
      await relayer.rolledBack(id, to: height, revision: head.revision)
    case .belowFinal(let height):
      place.violation = height
      await relayer.violated(id, at: height)
    }
  }

  private func ancestor(_ history: BlockHistory) async throws(AccessError) -> BlockHistory.Ancestor {
    try await history.ancestor { (mark) throws(AccessError) in try await isThere(mark) }
  }

  private func isThere(_ mark: BlockHistory.Mark) async throws(AccessError) -> Bool {
    do throws(AccessError) { return try await domain.access.stateHeader(at: mark.height).hash == mark.hash } catch {
      // Its chain does not reach so far, or changed while it was asked.
      switch error {
      case .heightUnknown, .rolledBack: return false
      default: throw error
      }
    }
  }

  /// Whether the domain may be read: not while a final block is another than it was.
  private func isOpen(
    _ head: ChainHead, _ place: inout Place, _ relayer: Relayer
  ) async throws(AccessError) -> Bool {
    guard let height = place.violation else { return true }
    if let hash = place.history.hash(at: height), try await isThere(BlockHistory.Mark(height, hash)) {
      place.violation = nil
      await relayer.restored(id)
      return true
    }
    if await relayer.mayReplace(id) {
      // An operator believes the new history. Where it begins is not known below what was read.
      let below = height == 0 ? 0 : height - 1
      place.violation = nil
      place.history = BlockHistory()
      place.cursor = min(below, head.height)
      await relayer.rolledBack(id, to: min(below, head.height), revision: head.revision)
      return true
    }
    try? await Task.sleep(for: pause)
    return false
  }

  private func jump(to height: UInt64, after: UInt64, _ place: inout Place, _ relayer: Relayer) async {
    await relayer.skipped(id, after: after, to: height)
    place.cursor = height
    place.history = BlockHistory()
  }
}
