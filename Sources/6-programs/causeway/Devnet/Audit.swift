import ArgumentParser
import ChainAccess
import Devnet
import Enclaves
import Encodings
import Foundation
import Ledger
import Messages
import OfflineVerification
import PacketHost
import WireBytes

/// `causeway audit`: has every packet ended once, and is all value still there?
struct Audit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Count packets and value over both domains, or walk the custody of a case from one file.",
    discussion: """
      Without FILE, reads every block: each sequence was given once, each packet was executed at most once and ended exactly once; what \
      lies in escrow equals the vouchers on the other side; each domain's token is what its genesis gave, fees included. \
      Ends with 1 when anything does not hold, and with 3 when packets are still on their way.

        causeway audit
        causeway audit --settle 60s --journal journal.txt

      With FILE, a custody bundle of a case, needs nothing else: it walks from the validators that you trust over block, \
      record, inputs and evidence to what was settled, offline and without payloads. Ends with 1 when a link does not \
      hold, and names it; with 2 when FILE is no bundle.

        causeway audit examples/custody/settled.json --chain-id harbor-1 --validators-hash 0x…
      """)
  @Argument(help: "A custody bundle; '-' reads standard input.", completion: .file())
  var file: String?
  @Option(help: ArgumentHelp("The chain of FILE.", valueName: "id"))
  var chainID: String?
  @Option(help: ArgumentHelp("The hash of the validator set that you trust for FILE.", valueName: "hex"))
  var validatorsHash: Root?
  @Option(help: ArgumentHelp("Wait so long for open packets to end.", valueName: "time"))
  var settle = Span(.zero)
  @Option(
    help: ArgumentHelp("A journal of `causeway load`: each of its blocks must be there.", valueName: "file"))
  var journal: String?
  @OptionGroup var arguments: DevnetArguments

  func run() async throws {
    if let file { return try audit(file) }
    guard chainID == nil, validatorsHash == nil else {
      throw Complaint("--chain-id and --validators-hash are for auditing a FILE")
    }
    let entries = try journal.map { path in
      try JournalEntry.all(of: String(decoding: try Terminal.read(path), as: UTF8.self))
    }
    let devnet = try arguments.connect()
    let clock = ContinuousClock()
    let end = clock.now + settle.duration
    while clock.now < end {
      if try await Self.open(devnet) == 0 { break }
      try await Task.sleep(for: .milliseconds(200))
    }
    let history: HistoryAudit
    let value: ValueAudit
    do throws(AuditError) {
      history = try await HistoryAudit(
        network: devnet.network, accesses: devnet.accesses, journal: entries ?? [])
      value = try await ValueAudit(
        network: devnet.network, accesses: devnet.accesses, in: devnet.directory)
    } catch { throw Complaint(AuditText.text(error), code: 3) }
    if arguments.json {
      Terminal.print(AuditText.json(history, value).text(pretty: true))
    } else {
      Terminal.print(AuditText.text(history, value, journal: entries?.count))
    }
    if !history.holds || !AuditText.feesHold(history, value) { throw ExitCode(1) }
    if !history.open.isEmpty { throw ExitCode(3) }
    if !value.holds { throw ExitCode(1) }
  }

  /// Walks a custody bundle offline.
  private func audit(_ file: String) throws {
    guard let chainID, let validatorsHash else {
      throw Complaint("whom do you trust? name --chain-id and --validators-hash")
    }
    let bytes: [UInt8]
    do { bytes = try Terminal.read(file) } catch { throw Complaint("\(error)") }
    let audit = AuditFile(
      trust: CustodyAudit.Trust(chainID: chainID, validatorsHash: validatorsHash.bytes))
    let report = try audit.report(bytes, name: file)
    Terminal.print(arguments.json ? report.json.text(pretty: true) : ReportText(report).text)
    throw ExitCode(report.exitCode)
  }

  /// Packets that have not ended, over all lanes.
  static func open(_ devnet: DevnetConnection) async throws -> Int {
    var count = 0
    for domain in devnet.network.domains {
      let access = devnet.access(domain)
      for (_, client) in devnet.network.lanes(on: domain) {
        count += try await devnet.reach(domain) { () async throws(AccessError) in
          let version = try await access.head().height
          return try await access.packets(
            .commitment, of: client, after: nil, limit: 1_000, at: version
          ).count
        }
      }
    }
    return count
  }
}

/// Audits in words.
enum AuditText {
  static func text(_ error: AuditError) -> String {
    switch error {
    case .access(let domain, let cause): DevnetText.text(cause, domain)
    case .genesis(let domain): "the genesis file of \(domain) is missing: nobody knows what there was"
    case .overflow: "amounts are too large to be added"
    case .journal(let line): "line \(line) of the journal is not one that `causeway load` wrote"
    }
  }

  /// Fees that transactions paid are what the collector has.
  static func feesHold(_ history: HistoryAudit, _ value: ValueAudit) -> Bool {
    // Blocks go on between the two readings, so that the collector may have more, never less.
    value.issues.allSatisfy { issue in history.fees[issue.domain].map { $0 <= issue.fees } ?? true }
  }

  private static func mark(_ holds: Bool) -> String {
    holds ? Terminal.paint("ok", 32) : Terminal.paint("NO", 31)
  }

  static func value(_ value: ValueAudit) -> [String] {
    var lines: [String] = []
    for issue in value.issues {
      lines.append(
        "\(mark(issue.holds)) \(issue.domain): \(issue.supply) \(issue.denom), as its genesis gave; "
          + "\(issue.fees) of it are fees")
    }
    for escrow in value.escrows {
      lines.append(
        "\(mark(escrow.holds)) \(escrow.lane.rawValue) lane: \(escrow.escrowed) \(escrow.denom) in \(escrow.home)'s escrow, "
          + "\(escrow.vouchers) in vouchers on \(escrow.away)")
    }
    for orphan in value.orphans { lines.append("\(mark(false)) vouchers without escrow: \(orphan)") }
    return lines
  }

  static func text(_ history: HistoryAudit, _ value: ValueAudit, journal: Int?) -> String {
    var lines = ["packets"]
    let blocks = history.heights.sorted { $0.key < $1.key }.map { "\($0.value) of \($0.key)" }
    lines.append("  blocks read: \(blocks.joined(separator: ", "))")
    lines.append(
      "  \(history.sent) sent: \(history.succeeded) executed, \(history.failed) refused and refunded, "
        + "\(history.timedOut) timed out and refunded, \(history.open.count) on their way")
    lines.append(
      "  \(mark(history.holds)) each sequence given once, executed at most once, ended at most once")
    if history.open.isEmpty { lines.append("  \(mark(true)) every packet has ended") }
    if let journal {
      lines.append(
        "  \(mark(history.holds)) \(history.journalled) of \(journal) journalled transactions are in their blocks"
      )
    }
    for fault in history.faults { lines.append("  \(mark(false)) \(fault)") }
    lines.append("value")
    for line in Self.value(value) { lines.append("  " + line) }
    lines.append("  \(mark(feesHold(history, value))) the collectors have what transactions paid")
    return lines.joined(separator: "\n")
  }

  static func json(_ history: HistoryAudit, _ value: ValueAudit) -> JSONValue {
    .object([
      "schema": "causeway.audit/1", "sent": .number(String(history.sent)),
      "succeeded": .number(String(history.succeeded)), "failed": .number(String(history.failed)),
      "timed_out": .number(String(history.timedOut)), "open": .number(String(history.open.count)),
      "journalled": .number(String(history.journalled)),
      "faults": .array(history.faults.map { .string("\($0)") }),
      "value_holds": .boolean(value.holds), "fees_hold": .boolean(feesHold(history, value)),
      "issues": .array(
        value.issues.map {
          .object([
            "domain": .string($0.domain), "denom": .string($0.denom.text),
            "supply": .string($0.supply.description),
            "genesis": .string($0.genesis.description), "fees": .string($0.fees.description),
          ])
        }),
      "escrows": .array(
        value.escrows.map {
          .object([
            "lane": .string($0.lane.rawValue), "home": .string($0.home), "denom": .string($0.denom),
            "escrowed": .string($0.escrowed.description), "vouchers": .string($0.vouchers.description),
          ])
        }),
    ])
  }
}
