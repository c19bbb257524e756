import ArgumentParser
import ChainAccess
import Devnet
import Encodings
import LightClients
import Messages
import RelayEngine
import RelayService
import WireBytes

/// `causeway trace`: the way of one crossing, and what is next for one that is stuck.
struct Trace: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The way of one crossing: each stage with its block, time and transaction.",
    discussion: """
      CROSSING is its id, the first digits of it, or domain/client/sequence. For one that has not ended: where it stands, \
      why, and what is next. Stages come from the domains; what the relayer knows beside them, from its records. Each time \
      is that of the block's own domain, so that a later stage may show an earlier time.

        causeway trace 0x1f8a2b3c
        causeway trace harbor/client-0/1 --json
      """)
  @Argument(help: ArgumentHelp("The crossing.", valueName: "crossing"))
  var name: String
  @OptionGroup var devnet: DevnetArguments

  func run() async throws {
    let devnet = try devnet.connect()
    let key = try await devnet.find(name) { () async throws(CrossingLookupError) in
      try await devnet.reader.key(named: name)
    }
    let crossing = try await devnet.find(name) { () async throws(CrossingLookupError) in
      try await devnet.reader.crossing(key)
    }
    let history = devnet.records.flatMap { try? $0.packet(key) }
    let isPaused =
      devnet.records.flatMap { try? $0.ends() }?
      .contains { $0.record.end == key.origin && $0.record.isPaused } ?? false
    var stages = CrossingStages(crossing, history)
    try await stages.refine(devnet)
    if self.devnet.json {
      Terminal.print(json(crossing, history, stages, isPaused).text(pretty: true))
    } else {
      Terminal.print(text(crossing, history, stages, isPaused, devnet.network))
    }
  }

  private func text(
    _ crossing: Crossing, _ history: PacketHistory?, _ stages: CrossingStages, _ isPaused: Bool,
    _ network: Network
  ) -> String {
    var lines = ["crossing \(crossing.id)"]
    lines.append("  \(PayloadText.line(crossing.packet, network))")
    lines.append(
      "  \(crossing.origin.name) → \(crossing.destination.name) over the \(crossing.lane.kind.rawValue) lane, "
        + "\(crossing.origin.name)/\(crossing.packet.sourceClient) #\(crossing.packet.sequence), "
        + "deadline \(ISO8601.text(crossing.packet.timeout.seconds))")
    lines.append("")
    var rows = [["stage", "domain", "height", "time (UTC)", "since sent", "transaction"]]
    for stage in stages.rows {
      guard let mark = stage.mark else {
        rows.append([stage.name, stage.domain, "-", "", "", ""])
        continue
      }
      let since = mark.time.sinceEpoch - crossing.sent.time.sinceEpoch
      rows.append([
        stage.name, mark.domain, String(mark.height), Show.clock(mark.time),
        stage.name == "sent" ? "" : (since < .zero ? "" : "+") + Show.duration(since),
        mark.transaction?.description ?? "",
      ])
    }
    lines.append(Show.table(rows, right: [2, 4]))
    lines.append("")
    if let ending = crossing.ending {
      let time = crossing.duration.map { " in \(Show.duration($0))" } ?? ""
      lines.append("  " + CrossingText.ending(ending, failure: crossing.failure) + time)
      for result in CrossingText.results(crossing) { lines.append("  result  \(result)") }
      return lines.joined(separator: "\n")
    }
    let standing = Standing(crossing, history, isPaused)
    lines.append("  status  \(standing.status)")
    if let reason = standing.reason { lines.append("  reason  \(reason)") }
    lines.append("  next    \(standing.next)")
    return lines.joined(separator: "\n")
  }

  private func json(
    _ crossing: Crossing, _ history: PacketHistory?, _ stages: CrossingStages, _ isPaused: Bool
  ) -> JSONValue {
    var members = CrossingText.json(crossing).object ?? [:]
    members["timeline"] = .array(
      stages.rows.compactMap { stage in
        stage.mark.map { mark in
          .object([
            "stage": .string(stage.name), "domain": .string(mark.domain),
            "height": .number(String(mark.height)),
            "time": .string(mark.time.description),
            "transaction": mark.transaction.map { .string($0.description) } ?? .null,
          ])
        }
      })
    let standing = Standing(crossing, history, isPaused)
    members["status"] = .string(standing.code)
    members["reason"] = standing.reasonCode.map { .string($0) } ?? .null
    members["next_step"] = .string(standing.nextKey)
    return .object(members)
  }
}

/// The stages of a crossing, from both domains and from the relayer's records: what one does not know, the other may.
struct CrossingStages {
  struct Row {
    let name: String
    let domain: String
    let mark: ChainMark?
  }
  private(set) var rows: [Row]

  /// Gives what was proven the time of its own header: the records have it in whole seconds, as clients do.
  mutating func refine(_ devnet: DevnetConnection) async throws {
    for (index, row) in rows.enumerated() where row.name == "proven" {
      guard let mark = row.mark, let domain = devnet.network.domain(row.domain) else { continue }
      let access = devnet.access(domain)
      guard let block = try? await access.block(at: mark.height) else { continue }
      rows[index] = Row(
        name: row.name, domain: row.domain,
        mark: ChainMark(
          domain: mark.domain, height: mark.height, time: block.time, transaction: mark.transaction))
    }
  }

  init(_ crossing: Crossing, _ history: PacketHistory?) {
    let (origin, destination) = (crossing.origin.name, crossing.destination.name)
    let isTimeout = crossing.ending == .refundedAfterTimeout
    func recorded(_ stage: PacketStage, _ domain: String) -> ChainMark? {
      history?.timeline[stage].map {
        ChainMark(domain: domain, height: $0.height, time: $0.time, transaction: $0.transaction)
      }
    }
    var rows = [
      Row(name: "sent", domain: origin, mark: crossing.sent),
      Row(name: "committed", domain: origin, mark: crossing.committed ?? recorded(.committed, origin)),
      Row(name: "finalised", domain: origin, mark: recorded(.final, origin) ?? crossing.committed),
    ]
    if !isTimeout {
      rows.append(Row(name: "proven", domain: origin, mark: recorded(.proven, origin)))
      rows.append(
        Row(
          name: "executed", domain: destination, mark: crossing.executed ?? recorded(.executed, destination)))
      rows.append(Row(name: "acknowledged", domain: destination, mark: crossing.acknowledged))
    }
    rows.append(
      Row(
        name: isTimeout ? "timed out" : "settled", domain: origin,
        mark: crossing.settled ?? recorded(.acknowledged, origin)))
    self.rows = rows
  }
}

/// Where a crossing that has not ended stands, why, and what is next.
struct Standing {
  let code: String
  let status: String
  let reasonCode: String?
  let reason: String?
  let nextKey: String
  let next: String

  init(_ crossing: Crossing, _ history: PacketHistory?, _ isPaused: Bool) {
    if let ending = crossing.ending {
      code = ending.rawValue
      status = "ended"
      (reasonCode, reason) = (crossing.failure, crossing.failure)
      nextKey = "relay.next.none"
      next = RelayText.nextStep(nextKey)
      return
    }
    guard let record = history?.record else {
      code = "unseen"
      status = "no relayer has written it down"
      (reasonCode, reason) = (nil, nil)
      nextKey = "relay.next.startRelayer"
      next = "wait a moment; if it stays so, see in `causeway status` whether the relayer runs"
      return
    }
    let shown = isPaused && !record.status.isSettled ? PacketStatus.paused : record.status
    code = shown.code
    status = RelayText.text(shown)
    if isPaused {
      reasonCode = LaneReport.Shut.pausedByOperator.rawValue
      reason = RelayText.text(.pausedByOperator)
    } else {
      reasonCode = record.lastRefusal
      reason = record.lastRefusal.map { RelayText.refusal($0) }
    }
    nextKey = shown.nextStep
    next = RelayText.nextStep(nextKey)
  }
}
