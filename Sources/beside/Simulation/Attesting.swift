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

/// What attesters do when they are asked: read, write down, flush, sign; or lie.
extension World {
  /// What domain `tracked` holds at header `height`: under `paths`, or as a whole. Nil when it is not final, or away.
  func read(_ tracked: Int, at height: UInt64, form paths: [PacketPath]?) throws -> Reading? {
    let node = domains[tracked]
    guard node.chain != nil, height + finalLag <= node.height || healedAt != nil && height <= node.height,
      height > 0
    else { return nil }
    let header = node.history[Int(height) - 1].block.header
    guard let root = try? Bytes32(header.appHash) else { return nil }
    let body: AttestedBody
    if let paths {
      var entries: [StoredEntry] = []
      for path in paths {
        entries.append(StoredEntry.of(path, value: try node.value(path.bytes, provenBy: height)))
      }
      body = .packets(entries)
    } else {
      body = .state(root: root)
    }
    return Reading(
      timestamp: UnixTime(seconds: node.history[Int(height) - 1].seconds), root: root, body: body)
  }

  /// Another world that a deceived endpoint shows: the same lie for the same height every time.
  static func untrue(_ reading: Reading, _ attester: Int) -> Reading {
    let root = SHA256Hash.hash(reading.root.array + [UInt8(truncatingIfNeeded: attester)])
    let body: AttestedBody =
      switch reading.body {
      case .state: .state(root: root)
      case .packets(let entries):
        .packets(entries.map { StoredEntry(pathHash: $0.pathHash, commitment: root) })
      }
    return Reading(
      timestamp: reading.timestamp.adding(seconds: 1 + UInt64(attester % 4)), root: root, body: body)
  }

  /// A question has come to an attester.
  mutating func ask(
    _ attester: Int, _ question: AttesterQuestion, for relayer: Int, _ incarnation: UInt64
  ) throws {
    guard attesters[attester].isUp else { return }
    let lane = lanes[question.lane]
    let tracked = lane.ends[1 - question.side].domain
    guard let policy = lane.policies[question.side] else { return }
    if !isHealed, isCut(.attester(attester), .domain(tracked)) {
      count("attester.unreachable")
      return
    }
    guard var reading = try read(tracked, at: question.height.number, form: question.paths) else {
      count("attester.notFinal")
      return
    }
    var isBadlySigned = false
    switch attesters[attester].kind {
    case .honest: break
    case .misled:
      if !isHealed, numbers.chance(300) {
        count("fault.attesterMisled")
        reading = Self.untrue(reading, attester)
      }
    case .corrupt:
      guard !isHealed else { break }
      switch numbers.below(10) {
      case 0, 1:
        count("fault.attesterLied")
        reading = Self.untrue(reading, attester)
      case 2:
        count("fault.attesterBadSignature")
        isBadlySigned = true
      case 3: return
      default: break
      }
    }
    if defect == .earlyTimeouts {
      reading = Reading(
        timestamp: reading.timestamp.adding(seconds: 3_600), root: reading.root, body: reading.body)
    }
    guard let mayHaveSigned = writeDown(attester, reading, tracked, question.height.number), mayHaveSigned
    else { return }
    var statement = try attesters[attester].sign(
      reading.body, height: question.height, timestamp: reading.timestamp, for: policy)
    if isBadlySigned {
      statement = Statement(
        attester: attester, height: statement.height, timestamp: statement.timestamp, body: statement.body,
        signature: [UInt8](statement.signature.reversed()))
    } else {
      noteSignature(statement, tracked)
    }
    count("attester.signed")
    send(
      .attester(attester), .relayer(relayer),
      .attested(relayer, incarnation: incarnation, statement, question.batch))
  }

  /// The watermark, flushed before anything is signed. Nil when the attester has stopped meanwhile.
  private mutating func writeDown(
    _ attester: Int, _ reading: Reading, _ tracked: Int, _ height: UInt64
  ) -> Bool? {
    guard defect != .noWatermark, attesters[attester].kind != .corrupt else { return true }
    let mark = AttesterNode.Watermark(timestamp: reading.timestamp, root: reading.root)
    let may = attesters[attester].record(mark, at: AttesterNode.Place(domain: tracked, height: height))
    guard may else {
      count("attester.equivocationRefused")
      return false
    }
    let crashes = !isHealed && plan.contains(.attesterCrashes)
    if crashes, numbers.chance(4) {
      stopAttester(attester, "beforeFlush")
      return nil
    }
    attesters[attester].journal.flush()
    if crashes, numbers.chance(4) {
      stopAttester(attester, "beforeSignature")
      return nil
    }
    return true
  }

  private mutating func stopAttester(_ attester: Int, _ moment: String) {
    count("fault.attesterCrash.\(moment)")
    let waiting = attesters[attester].journal.waitingCount
    attesters[attester].journal.crash(keeping: waiting == 0 ? 0 : numbers.below(waiting))
    attesters[attester].isUp = false
    queue.push(.attesterUp(attester), at: now + 500 + numbers.below(UInt64(9_000)))
  }

  /// What the attesters of a lane state when somebody asks them all at once; nil without a quorum.
  mutating func statements(
    _ lane: Int, _ side: Int, height: UInt64, paths: [PacketPath]?
  ) throws -> [Statement]? {
    let tracked = lanes[lane].ends[1 - side].domain
    guard let policy = lanes[lane].policies[side], let reading = try read(tracked, at: height, form: paths)
    else { return nil }
    for path in paths ?? [] { checker.know(path) }
    var statements: [Statement] = []
    for attester in attesters.indices where lanes[lane].serves(attesters[attester]) {
      guard statements.count < Quorum.required || attester == Quorum.notary, attesters[attester].isUp else {
        continue
      }
      if attesters[attester].kind != .corrupt {
        let mark = AttesterNode.Watermark(timestamp: reading.timestamp, root: reading.root)
        guard attesters[attester].record(mark, at: AttesterNode.Place(domain: tracked, height: height)) else {
          continue
        }
        attesters[attester].journal.flush()
      }
      let statement = try attesters[attester].sign(
        reading.body, height: Height(revision: 1, height), timestamp: reading.timestamp, for: policy)
      noteSignature(statement, tracked)
      statements.append(statement)
    }
    let needed = Quorum.required + (lanes[lane].notaries[side] == nil ? 0 : 1)
    return statements.count == needed ? statements : nil
  }
}
