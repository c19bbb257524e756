import Digests
import Encodings
import Gate
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import RelayEngine
import StateTree
import WireBytes

/// Who sends and hears.
enum Party: Hashable, Sendable {
  case domain(Int)
  case relayer(Int)
  case attester(Int)
  case user
  case liar
}

/// What a relayer asks of a domain.
enum Query: Sendable {
  case client(LaneEnd)
  case scan(ScanRequest)
  case origin(InspectRequest)
  case destination(InspectRequest, originHeight: Height, open: [Bool])
  case lookUp(Lookup)
  case header(HeaderRequest)
  case proofs(ProofRequest)
  case account
  case transaction(Bytes32)
}

enum Answer: Sendable {
  case event(RelayEvent)
  case inspectNext(InspectRequest, Height, [Bool])
  case header(BatchID, [UInt8])
  case proofs(BatchID, [(key: PacketKey, proof: [UInt8])], [ProofFinding])
  case account(domain: Int, number: UInt64, sequence: UInt64)
  /// What the domain's check said; nil when it was taken.
  case checked(Bytes32, SubmissionRefusal?)
  case transaction(Bytes32, height: UInt64?, isWaiting: Bool)
}

struct SubmissionRefusal: Sendable {
  let part: SubmissionResult.Part
  let code: String
  let isSequence: Bool
}

struct AttesterQuestion: Sendable {
  let batch: BatchID
  let lane: Int
  /// The side whose client is to be told; it tracks the other one.
  let side: Int
  let height: Height
  /// Nil for the state as a whole.
  let paths: [PacketPath]?
}

enum TransactionSource: Sendable {
  case user
  case liar
  case relayer(Int, incarnation: UInt64)
}

/// What happens at a moment.
enum Action: Sendable {
  case block(Int)
  case domainUp(Int)
  case relayerUp(Int)
  case attesterUp(Int)
  case work
  case mischief
  case lie
  case watch(lane: Int)
  case transaction(Int, [UInt8], TransactionSource)
  case query(Int, incarnation: UInt64, domain: Int, Query)
  case answer(Int, incarnation: UInt64, Answer)
  case blockSeen(Int, domain: Int, height: UInt64, hasEvents: Bool)
  case wake(Int, incarnation: UInt64)
  case asked(Int, relayer: Int, incarnation: UInt64, AttesterQuestion)
  case attested(Int, incarnation: UInt64, Statement, BatchID)
  case pendingCheck(Int, incarnation: UInt64, Bytes32)
  case accountCheck(Int, incarnation: UInt64, domain: Int)
  case lateFlush(Int, incarnation: UInt64)
  case operatorClears

  /// For the hash of the history.
  var word: UInt64 {
    switch self {
    case .block(let index): 1 << 8 | UInt64(index)
    case .domainUp(let index): 2 << 8 | UInt64(index)
    case .relayerUp(let index): 3 << 8 | UInt64(index)
    case .attesterUp(let index): 4 << 8 | UInt64(index)
    case .work: 5 << 8
    case .mischief: 6 << 8
    case .lie: 7 << 8
    case .watch(let lane): 8 << 8 | UInt64(lane)
    case .transaction(let domain, let bytes, _): 9 << 8 | UInt64(domain) | UInt64(bytes.count) << 16
    case .query(let relayer, let incarnation, let domain, _):
      10 << 8 | UInt64(relayer) | UInt64(domain) << 4 | incarnation << 16
    case .answer(let relayer, let incarnation, _): 11 << 8 | UInt64(relayer) | incarnation << 16
    case .blockSeen(let relayer, let domain, let height, _):
      12 << 8 | UInt64(relayer) | UInt64(domain) << 4 | height << 16
    case .wake(let relayer, let incarnation): 13 << 8 | UInt64(relayer) | incarnation << 16
    case .asked(let attester, let relayer, _, let question):
      14 << 8 | UInt64(attester) | UInt64(relayer) << 5 | question.batch.number << 16
    case .attested(let relayer, _, let statement, let batch):
      15 << 8 | UInt64(statement.attester) | UInt64(relayer) << 5 | batch.number << 16
    case .pendingCheck(let relayer, _, _): 16 << 8 | UInt64(relayer)
    case .accountCheck(let relayer, _, let domain): 17 << 8 | UInt64(relayer) | UInt64(domain) << 4
    case .lateFlush(let relayer, _): 18 << 8 | UInt64(relayer)
    case .operatorClears: 19 << 8
    }
  }
}

/// A binary heap: the earliest first, and among equals the first that came.
struct EventQueue: Sendable {
  private var entries: [(time: UInt64, order: UInt64, action: Action)] = []
  private var order: UInt64 = 0

  var isEmpty: Bool { entries.isEmpty }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    (entries[left].time, entries[left].order) < (entries[right].time, entries[right].order)
  }

  mutating func push(_ action: Action, at time: UInt64) {
    order += 1
    entries.append((time, order, action))
    var index = entries.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard precedes(index, parent) else { break }
      entries.swapAt(index, parent)
      index = parent
    }
  }

  mutating func pop() -> (time: UInt64, action: Action)? {
    guard let first = entries.first else { return nil }
    entries.swapAt(0, entries.count - 1)
    entries.removeLast()
    var index = 0
    while true {
      let left = 2 * index + 1
      guard left < entries.count else { break }
      let right = left + 1
      let child = right < entries.count && precedes(right, left) ? right : left
      guard precedes(child, index) else { break }
      entries.swapAt(index, child)
      index = child
    }
    return (first.time, first.action)
  }
}
