import ArgumentParser
import Encodings
import Foundation
import SignerWire

/// `causeway-signer status`.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Say how a signer is: keys, counters, alarms, what waits for approval, how it is hardened.",
    discussion: """
      Needs the role `observe` or `admin`. Ends with 1 when the signer has halted, 3 when none answers.

        causeway-signer status --directory ./operator --key admin.key
        causeway-signer status --directory ./operator --key admin.key --json | jq .alarms
        causeway-signer status --connect tls://signer.example.org:7443 --key admin.key --signer 0x… --domain operator \
          --tls-certificates admin.pem --tls-key admin-key.pem --tls-trust roots.pem --server-id spiffe://example.org/signer
      """)

  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    let answer = try await connection.answer(.status)
    Terminal.print(answer, json: connection.json) { Self.lines(answer) }
    if answer["halted"]?.string != nil { throw ExitCode(Complaint.refused) }
  }

  private static func lines(_ answer: JSONValue) -> [String] {
    var table = Table()
    func text(_ value: JSONValue?) -> String { AnswerText.text(value) }
    table.row("domain", text(answer["domain"]))
    table.row("vault", text(answer["vault"]))
    table.row("identity", text(answer["identity"]))
    if let reason = answer["halted"]?.string {
      table.row("HALTED", "\(reason): it signs nothing; docs/operations/keys.md says how to go on")
    } else {
      table.row("state", "serving, epoch \(text(answer["epoch"])), record \(text(answer["sequence"]))")
    }
    table.row("policy", text(answer["policy"]))
    for name in (answer["keys"]?.object ?? [:]).keys.sorted() {
      table.row("keys \(name)", text(answer["keys"]?[name]))
    }
    for back in answer["backEnds"]?.array ?? [] {
      table.row(
        "back end \(text(back["kind"]))",
        back["healthy"]?.boolean == true ? "healthy" : "AWAY: \(text(back["trouble"]))")
    }
    for name in (answer["counters"]?.object ?? [:]).keys.sorted() {
      table.row(name, text(answer["counters"]?[name]))
    }
    let approvers = answer["approvers"]
    table.row(
      "approvers",
      approvers?["of"]?.integer(Int.self) == 0
        ? "NONE: whoever has the passphrase decides alone about policy, backup and anchor"
        : "\(text(approvers?["needed"])) of \(text(approvers?["of"])), then \(text(approvers?["delaySeconds"])) s"
    )
    table.row("waiting for approval", text(answer["pending"]))
    for name in (answer["hardening"]?.object ?? [:]).keys.sorted() {
      table.row(name, text(answer["hardening"]?[name]))
    }
    var lines = table.lines
    let alarms = answer["alarms"]?.array ?? []
    lines.append(alarms.isEmpty ? "no alarm since it started" : "alarms, newest last:")
    for alarm in alarms {
      lines.append(
        "  \(AnswerText.time(alarm["at"]))  \(text(alarm["kind"]))  client \(text(alarm["client"]))  key \(text(alarm["key"]))  \(text(alarm["action"]))"
      )
    }
    return lines
  }
}

/// A member of an answer, as text.
enum AnswerText {
  /// Milliseconds since 1970, as a time in UTC.
  static func time(_ value: JSONValue?) -> String {
    guard let milliseconds = value?.integer(UInt64.self), milliseconds < 1 << 52 else { return text(value) }
    return Date(timeIntervalSince1970: Double(milliseconds / 1_000)).formatted(.iso8601)
  }

  /// Each member on a line of its own, in the order of names.
  static func lines(_ answer: JSONValue) -> [String] {
    var table = Table()
    for name in (answer.object ?? [:]).keys.sorted() { table.row(name, text(answer[name])) }
    return table.lines
  }

  static func text(_ value: JSONValue?) -> String {
    switch value {
    case nil, .null: "-"
    case .string(let text): text
    case .number(let text): text
    case .boolean(let flag): flag ? "yes" : "no"
    case .array(let elements): elements.map { text($0) }.joined(separator: ", ")
    case .object: value?.text() ?? "-"
    }
  }
}
