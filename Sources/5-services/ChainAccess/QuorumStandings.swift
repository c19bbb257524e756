import Synchronization

/// What one of several endpoints has given so far.
public struct EndpointStanding: Hashable, Sendable {
  public let index: Int
  public let name: String
  /// The newest head that it told.
  public internal(set) var height: UInt64?
  public internal(set) var answers: UInt64 = 0
  public internal(set) var faults: UInt64 = 0
  /// Answers that enough others contradicted together.
  public internal(set) var outvoted: UInt64 = 0
  /// Its latest fault. `otherChain`, `unproven`, `malformed` and `disagreement` are its own doing.
  public internal(set) var lastFault: AccessError?
}

/// Who said what, for operators: kept beside the answers and never part of them.
///
/// A class, since copies of an access share it.
final class QuorumStandings: Sendable {
  private let standings: Mutex<[EndpointStanding]>

  init(names: [String]) {
    standings = Mutex(names.enumerated().map { EndpointStanding(index: $0.offset, name: $0.element) })
  }

  var all: [EndpointStanding] { standings.withLock { $0 } }

  func note(answer index: Int) { standings.withLock { $0[index].answers += 1 } }
  func note(height: UInt64, of index: Int) { standings.withLock { $0[index].height = height } }

  func note(outvoted indices: [Int]) {
    standings.withLock { standings in
      for index in indices {
        standings[index].outvoted += 1
        standings[index].lastFault = .disagreement
      }
    }
  }

  func note(fault: AccessError, of index: Int) {
    standings.withLock { standings in
      standings[index].lastFault = fault
      // That something is not there is an answer.
      switch fault {
      case .heightUnknown, .heightPruned, .refused, .notSupported: standings[index].answers += 1
      default: standings[index].faults += 1
      }
    }
  }
}
