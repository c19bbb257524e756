import ArgumentParser
import ChainAccess
import Devnet
import Encodings
import Foundation
import LightClients

/// `causeway status`: whether everything is alive, and keeps up.
struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Whether the domains, the relayer and the attesters are alive and keep up.",
    discussion: """
      Ends with 0 when all is well, and with 1 when something needs a look.

        causeway status
        causeway status --json
      """)
  @OptionGroup var arguments: DevnetArguments

  func run() async throws {
    let devnet = try arguments.connect()
    var domains: [JSONValue] = []
    var rows = [["domain", "height", "newest block", "age", "waiting", "relayer has read"]]
    var troubles: [String] = []
    let file = FileManager.default.contents(atPath: devnet.directory.status)
    let status = file.flatMap { try? JSONValue(decoding: [UInt8]($0)) }
    if status == nil { troubles.append("the devnet has not written its status yet") }
    let relayer = status?["relayer"]
    for domain in devnet.network.domains {
      let access = devnet.access(domain)
      let head = try await devnet.reach(domain) { () async throws(AccessError) in try await access.head() }
      let seen = relayer?["domains"]?.array?.first { $0["name"]?.string == domain.name }
      let cursor = seen?["cursor"]?.integer(UInt64.self)
      let age = Date().timeIntervalSince1970 - Double(head.time.seconds) - Double(head.time.nanoseconds) / 1e9
      if age > 60 { troubles.append("\(domain.name) makes no blocks: the newest is \(Int(age)) s old") }
      if let cursor, head.height > cursor + 100 {
        troubles.append("the relayer is \(head.height - cursor) blocks behind on \(domain.name)")
      }
      if let failure = seen?["failure"]?.string {
        troubles.append("the relayer does not reach \(domain.name): \(failure)")
      }
      rows.append([
        domain.name, String(head.height), Show.clock(head.time),
        Show.duration(.milliseconds(Int64(max(0, age) * 1_000))),
        seen?["transactions_waiting"]?.integer(Int.self).map(String.init) ?? "-",
        cursor.map(String.init) ?? "-",
      ])
      domains.append(
        .object([
          "name": .string(domain.name), "height": .number(String(head.height)),
          "time": .string(head.time.description), "rpc": .string(domain.endpoint),
          "relayer_cursor": cursor.map { .number(String($0)) } ?? .null,
        ]))
    }
    for agent in status?["agents"]?.array ?? [] where agent["state"]?.string != "running" {
      let reason = agent["reason"]?.string.map { ": \($0)" } ?? ""
      troubles.append(
        "\(agent["name"]?.string ?? "an agent") is \(agent["state"]?.string ?? "unknown")\(reason)")
    }
    for alert in relayer?["alerts"]?.array ?? [] {
      troubles.append(
        RelayText.text(alert: alert["kind"]?.string ?? "") + " (\(alert["end"]?.string ?? "")"
          + (alert["packet"]?.string.map { ", packet \($0)" } ?? "") + ")")
    }
    for end in relayer?["ends"]?.array ?? [] {
      guard let shut = end["shut"]?.string else { continue }
      let words = LaneShutText.text(shut)
      troubles.append("\(end["domain"]?.string ?? "")/\(end["client"]?.string ?? ""): \(words)")
    }
    if arguments.json {
      let report: JSONValue = .object([
        "schema": "causeway.status/1", "domains": .array(domains),
        "process": .number(String(devnet.network.process)),
        "devnet": status ?? .null, "troubles": .array(troubles.map { .string($0) }),
      ])
      Terminal.print(report.text(pretty: true))
    } else {
      Terminal.print(text(rows, status, relayer, troubles, devnet))
    }
    if !troubles.isEmpty { throw ExitCode(1) }
  }

  private func text(
    _ rows: [[String]], _ status: JSONValue?, _ relayer: JSONValue?, _ troubles: [String],
    _ devnet: DevnetConnection
  ) -> String {
    var lines = [Show.table(rows, right: [1, 3, 4, 5], indent: "")]
    lines.append("")
    func count(_ name: String) -> String { relayer?[name]?.integer(Int.self).map(String.init) ?? "-" }
    lines.append(
      "relayer    \(count("settled")) settled since its start; \(count("live")) in work, \(count("backlog")) in the backlog, "
        + "\(count("hopeless")) given up")
    let attesters = status?["attesters"]?.array ?? []
    let words = attesters.map { attester in
      let signed = attester["signed"]?.integer(UInt64.self).map { " (\($0) signed)" } ?? ""
      return (attester["name"]?.string ?? "") + signed
    }
    lines.append("attesters  \(words.joined(separator: ", ")); \(devnet.network.quorum) must agree")
    lines.append("process    \(devnet.network.process), \(devnet.directory.path)")
    lines.append("")
    if troubles.isEmpty {
      lines.append(Terminal.paint("all well", 32))
    } else {
      lines.append(Terminal.paint("needs a look", 33))
      for trouble in troubles { lines.append("  - \(trouble)") }
    }
    return lines.joined(separator: "\n")
  }
}
