import ChainAccess
import Ledger
import LightClients
import Synchronization
import WireBytes

/// Where the domain stands, told without waiting for it, and to those who wait for the next block.
///
/// A class, since the domain that writes it and all who wait share it.
final class HeadWatch: Sendable {
  /// Blocks whose results are kept in memory for readers that follow the domain.
  static let recentMax = 8

  private struct Waiter {
    let height: UInt64
    let continuation: CheckedContinuation<Void, Never>
  }

  private struct State {
    var head: ChainHead
    var isHalted = false
    var recent: [ObservedBlock] = []
    var waiters: [UInt64: Waiter] = [:]
    var waiterNext: UInt64 = 0
  }

  private let state: Mutex<State>
  private let revision: UInt64

  init(chainID: String, tip: ChainTip) {
    revision = Tendermint.revision(ofChainID: chainID) ?? 0
    state = Mutex(State(head: Self.head(tip, revision: revision)))
  }

  private static func head(_ tip: ChainTip, revision: UInt64) -> ChainHead {
    let height = UInt64(clamping: tip.height)
    // The header's own time; the tip's block is final as soon as it is decided.
    return ChainHead(
      height: height, time: tip.time, finalHeight: height, finalTime: tip.time, revision: revision)
  }

  var head: ChainHead { state.withLock { $0.head } }
  var isHalted: Bool { state.withLock { $0.isHalted } }

  /// The block at `height` if it is one of the newest.
  func recent(_ height: UInt64) -> ObservedBlock? {
    state.withLock { state in state.recent.last { $0.height == height } }
  }

  func advance(_ committed: CommittedBlock) {
    let block = committed.observed
    wake { [revision] state in
      state.head = Self.head(committed.tip, revision: revision)
      state.recent.append(block)
      if state.recent.count > Self.recentMax { state.recent.removeFirst() }
      return state.waiters.filter { $0.value.height < block.height }.map(\.key)
    }
  }

  /// Nothing comes any more: all who wait are told.
  func halt() {
    wake { state in
      state.isHalted = true
      return Array(state.waiters.keys)
    }
  }

  /// Returns when the newest block is above `height`, when the domain has halted, when `patience` is over, or when
  /// the task is cancelled.
  func wait(above height: UInt64, patience: Duration) async {
    let id: UInt64? = state.withLock { state in
      guard state.head.height <= height, !state.isHalted, patience > .zero else { return nil }
      state.waiterNext += 1
      return state.waiterNext
    }
    guard let id else { return }
    await withTaskCancellationHandler {
      var timer: Task<Void, any Error>?
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          // A cancellation before this point found nobody to wake; one after it finds the waiter.
          guard state.head.height <= height, !state.isHalted, !Task.isCancelled else { return true }
          state.waiters[id] = Waiter(height: height, continuation: continuation)
          return false
        }
        if isOver { return continuation.resume() }
        timer = Task { [weak self] in
          try await Task.sleep(for: patience)
          self?.wake { _ in [id] }
        }
      }
      timer?.cancel()
    } onCancel: {
      wake { _ in [id] }
    }
  }

  private func wake(_ choose: (inout State) -> [UInt64]) {
    let woken = state.withLock { state in choose(&state).compactMap { state.waiters.removeValue(forKey: $0) } }
    for waiter in woken { waiter.continuation.resume() }
  }
}

extension CommittedBlock {
  /// As agents see it.
  var observed: ObservedBlock {
    let height = UInt64(clamping: block.header.height)
    return ObservedBlock(
      height: height, time: block.header.time,
      transactions: zip(block.transactions, outcome.results).map { bytes, result in
        ObservedTransaction(hash: Transaction.hash(of: bytes), height: height, result: result)
      })
  }
}
