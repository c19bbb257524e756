import NIOCore
import SignerWire
import Synchronization
import WireBytes

/// The connections of a server: which of them have shown who they are, and which have not.
///
/// A class, since every connection has its part in it.
final class ConnectionRegistry: Sendable {
  struct Number: Hashable, Comparable, Sendable {
    let value: UInt64

    static func < (left: Self, right: Self) -> Bool { left.value < right.value }
  }

  private struct Open: Sendable {
    let channel: any Channel
    var client: Bytes32?
  }

  private struct State: Sendable {
    var next: UInt64 = 1
    var open: [Number: Open] = [:]
    /// Those that have not shown who they are, oldest first; holes are skipped when they are met.
    var strangers: [Number] = []
    var perClient: [Bytes32: Int] = [:]
    var isClosed = false
  }

  private let limits: ServerLimits
  private let state = Mutex(State())

  init(_ limits: ServerLimits) { self.limits = limits }

  var count: Int { state.withLock { $0.open.count } }

  /// Counts a new connection in. The oldest stranger is pushed out when there is no room.
  func enter(_ channel: any Channel) throws(SignerFault) -> (number: Number, pushedOut: (any Channel)?) {
    let entry = state.withLock { state -> (Number, (any Channel)?)? in
      guard !state.isClosed else { return nil }
      var pushedOut: (any Channel)?
      if state.open.count >= limits.connections {
        while let oldest = state.strangers.first {
          state.strangers.removeFirst()
          guard let open = state.open[oldest], open.client == nil else { continue }
          pushedOut = open.channel
          state.open[oldest] = nil
          break
        }
        guard pushedOut != nil else { return nil }
      }
      let number = Number(value: state.next)
      state.next += 1
      state.open[number] = Open(channel: channel)
      state.strangers.append(number)
      return (number, pushedOut)
    }
    guard let entry else { throw .tooManyConnections }
    return entry
  }

  /// A connection has shown whose it is; it is not pushed out any more.
  func know(_ number: Number, as client: Bytes32) throws(SignerFault) {
    let isKnown = state.withLock { state -> Bool in
      guard var open = state.open[number] else { return false }
      guard open.client == nil else { return true }
      guard state.perClient[client, default: 0] < limits.connectionsPerClient else { return false }
      state.perClient[client, default: 0] += 1
      open.client = client
      state.open[number] = open
      state.strangers.removeAll { $0 == number }
      return true
    }
    guard isKnown else { throw .tooManyConnections }
  }

  func leave(_ number: Number) {
    state.withLock { state in
      guard let open = state.open.removeValue(forKey: number) else { return }
      guard let client = open.client else {
        state.strangers.removeAll { $0 == number }
        return
      }
      let left = state.perClient[client, default: 1] - 1
      state.perClient[client] = left > 0 ? left : nil
    }
  }

  /// Takes no more, and gives those that are open.
  func close() -> [any Channel] {
    state.withLock { state in
      state.isClosed = true
      return state.open.keys.sorted().compactMap { state.open[$0]?.channel }
    }
  }
}
