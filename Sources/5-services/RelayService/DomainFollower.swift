import ChainAccess
import Messages
import RelayEngine

/// Reads one domain's blocks, one after another, and tells a relayer.
struct DomainFollower: Sendable {
  let domain: RelayedDomain
  /// The ends of lanes on that domain.
  let clients: Set<String>
  let patience: Duration
  let pause: Duration
  let blocksBehindMax: UInt64

  /// Until the task is cancelled.
  func run(from start: UInt64?, for relayer: Relayer) async {
    var cursor = start ?? domain.startHeight.map { $0 == 0 ? 0 : $0 - 1 }
    while !Task.isCancelled {
      do throws(AccessError) {
        let asked = ContinuousClock.now
        let head: ChainHead
        if let cursor {
          head = try await domain.access.head(above: cursor, patience: patience)
        } else {
          head = try await domain.access.head()
        }
        guard head.finalHeight <= head.height else { throw .malformed }
        var next = cursor ?? head.height
        if head.height > next, head.height - next > blocksBehindMax {
          await relayer.skipped(domain.access.domain, after: next, to: head.height - 1)
          next = head.height - 1
        }
        await relayer.take(head, of: domain.access.domain, cursor: next)
        cursor = next
        // An endpoint that does not hold back its answer is not asked without pause.
        if head.height <= next, ContinuousClock.now - asked < patience / 2 {
          try? await Task.sleep(for: min(pause, .milliseconds(20)))
        }
        while next < head.height, !Task.isCancelled {
          let block = try await domain.access.block(at: next + 1)
          guard block.height == next + 1 else { throw .malformed }
          await relayer.take(BlockReading(block, clients: clients), of: domain.access.domain)
          next += 1
          cursor = next
        }
      } catch {
        guard !Task.isCancelled else { return }
        await relayer.failed(error, of: domain.access.domain)
        // What is gone is not waited for: the scan finds what it left open.
        if case .heightPruned = error {
          let after = cursor ?? 0
          if let head = try? await domain.access.head(), head.height > after {
            await relayer.skipped(domain.access.domain, after: after, to: head.height - 1)
            cursor = head.height - 1
          }
        }
        try? await Task.sleep(for: pause)
      }
    }
  }
}
