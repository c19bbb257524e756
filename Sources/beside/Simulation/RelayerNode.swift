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

/// A relayer's file: rows of packets and ends, and contents, in transactions that are whole or not there.
struct RelayerDisk: Sendable {
  private(set) var rows: [PacketKey: PacketRecord] = [:]
  private(set) var packets: [PacketKey: Packet] = [:]
  private(set) var answers: [PacketKey: Acknowledgement] = [:]
  private(set) var ends: [LaneEnd: EndRecord] = [:]
  private var journal = Journal()
  /// Written, not flushed: nothing of it is sure yet.
  private var waiting: [(packets: [PacketChange], ends: [EndRecord])] = []

  mutating func write(_ changes: [PacketChange], _ ends: [EndRecord]) {
    journal.append(Self.text(changes, ends))
    waiting.append((changes, ends))
  }

  mutating func flush() {
    journal.flush()
    for (changes, ends) in waiting { apply(changes, ends) }
    waiting = []
    if journal.sizeBytes > 1 << 18 {
      // A checkpoint: everything there is, in one transaction.
      let all = rows.values.sorted { $0.key < $1.key }.map { row in
        Row(record: row, packet: packets[row.key], answer: answers[row.key])
      }
      journal.replace(with: Self.text(all, self.ends.values.sorted { $0.end < $1.end }))
    }
  }

  mutating func crash(keeping count: Int) {
    journal.crash(keeping: journal.waitingCount == 0 ? 0 : count % journal.waitingCount)
    waiting = []
    (rows, packets, answers, ends) = ([:], [:], [:], [:])
  }

  /// Reads everything again. Returns how much was torn.
  mutating func recover() throws -> Int {
    let (records, torn) = journal.recover()
    for record in records {
      let json = try JSONValue(decoding: record)
      for entry in json["packets"]?.array ?? [] {
        guard let text = entry["row"] else { continue }
        let row = try PacketRecord(json: text)
        keep(
          Row(
            record: row,
            packet: try entry["packet"]?.string.map { text in
              let bytes = try Hex.decode(text)
              return try Packet(decoding: bytes.span)
            },
            answer: try entry["answer"]?.string.map { text in
              let bytes = try Hex.decode(text)
              return try Acknowledgement(decoding: bytes.span)
            }))
      }
      for entry in json["ends"]?.array ?? [] {
        let end = try EndRecord(json: entry)
        ends[end.end] = end
      }
    }
    return torn
  }

  var snapshot: RelaySnapshot {
    RelaySnapshot(
      packets: rows.values.sorted { $0.key < $1.key }, ends: ends.values.sorted { $0.end < $1.end })
  }

  private struct Row {
    let record: PacketRecord
    let packet: Packet?
    let answer: Acknowledgement?
  }

  private mutating func apply(_ changes: [PacketChange], _ ends: [EndRecord]) {
    for change in changes {
      keep(Row(record: change.record, packet: change.packet, answer: change.acknowledgement))
    }
    for end in ends { self.ends[end.end] = end }
  }

  private mutating func keep(_ row: Row) {
    let key = row.record.key
    guard !row.record.status.isSettled else {
      rows[key] = nil
      packets[key] = nil
      answers[key] = nil
      return
    }
    rows[key] = row.record
    if let packet = row.packet { packets[key] = packet }
    if let answer = row.answer { answers[key] = answer }
  }

  private static func text(_ changes: [PacketChange], _ ends: [EndRecord]) -> [UInt8] {
    text(
      changes.map { Row(record: $0.record, packet: $0.packet, answer: $0.acknowledgement) }, ends)
  }

  private static func text(_ rows: [Row], _ ends: [EndRecord]) -> [UInt8] {
    let packets = rows.map { row -> JSONValue in
      var members: [String: JSONValue] = ["row": row.record.json]
      if let packet = row.packet { members["packet"] = .string(Hex.encode(packet.encoded())) }
      if let answer = row.answer { members["answer"] = .string(Hex.encode(answer.encoded())) }
      return .object(members)
    }
    return [UInt8](
      JSONValue.object(["packets": .array(packets), "ends": .array(ends.map(\.json))]).text().utf8)
  }
}

/// One relayer: its engine, and what a service holds for it.
struct RelayerNode: Sendable {
  /// Evidence for a batch that is being collected.
  struct Collection: Sendable {
    let request: AttestationRequest
    let lane: Int
    let side: Int
    var statements: [Statement] = []
  }

  /// A client message that is ready.
  struct Held: Sendable {
    let typeURL: String
    let bytes: [UInt8]
  }

  struct Pending: Sendable {
    let batch: BatchID
    let domain: Int
    let updates: Bool
    let messageCount: Int
    let since: UInt64
  }

  let index: Int
  let key: SimulatedKey
  /// Of its own clock before the world's, in milliseconds.
  let clock: UInt64
  /// Nil while it is down.
  var engine: RelayEngine?
  var incarnation: UInt64 = 0
  var disk = RelayerDisk()
  var wakeAt: UInt64?
  var collections: [BatchID: Collection] = [:]
  var evidence: [BatchID: Held] = [:]
  var proofs: [BatchID: [PacketKey: [UInt8]]] = [:]
  var pending: [Bytes32: Pending] = [:]
  /// Number and next sequence of its account; nil when it must be asked.
  var accounts: [Int: (number: UInt64, sequence: UInt64)] = [:]
  var waitingForAccount: [SubmitRequest] = []

  init(index: Int, key: SimulatedKey, clock: UInt64) {
    self.index = index
    self.key = key
    self.clock = clock
  }

  /// The process ends: memory is gone.
  mutating func stop(keeping count: Int) {
    engine = nil
    wakeAt = nil
    collections = [:]
    evidence = [:]
    proofs = [:]
    pending = [:]
    accounts = [:]
    waitingForAccount = []
    disk.crash(keeping: count)
  }

  mutating func forget(_ batch: BatchID) {
    collections[batch] = nil
    evidence[batch] = nil
    proofs[batch] = nil
    waitingForAccount.removeAll { $0.batch == batch }
  }
}
