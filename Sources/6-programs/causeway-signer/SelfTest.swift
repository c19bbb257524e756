public import ArgumentParser
import Encodings
import Foundation
public import SignerService

/// `causeway-signer self-test`: what this machine's kernel gives, seen before keys are at stake.
struct SelfTest: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "self-test",
    abstract: "See what this machine can do for a signer, before keys are at stake.",
    subcommands: [HardeningTest.self])
}

/// `causeway-signer self-test hardening`.
struct HardeningTest: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hardening",
    abstract: "Harden this process as `run` does, and say what was done and what could not be.",
    discussion: """
      With --attempt it then tries one thing that a signer never does, and says whether it was possible; where the \
      filter ends the process, it ends. Ends with 3 when a measure was not possible.

        causeway-signer self-test hardening
        causeway-signer self-test hardening --attempt execute
      """)

  @OptionGroup var filter: FilterArguments
  @Flag(help: "As for keys in tokens: code may be loaded, and other sockets reached.")
  var tokens = false
  @Flag(help: "As for TLS: sockets of the internet.")
  var internet = false
  @Option(
    help: ArgumentHelp(
      "Try this afterwards: \(ForbiddenAct.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "act"))
  var attempt: ForbiddenAct?
  @Flag(help: ArgumentHelp("Then wait until standard input ends.", visibility: .hidden))
  var hold = false
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let report = ProcessHardening(
      filter: filter.seccomp, usesTokens: tokens, usesInternet: internet
    ).apply()
    Terminal.print(HardeningText.json(report), json: json) { HardeningText.lines(report) }
    if let attempt {
      let code = attempt.attempt()
      Terminal.print(
        ["act": .string(attempt.rawValue), "errno": .number(String(code))], json: json
      ) {
        [code == 0 ? "\(attempt.rawValue): was possible" : "\(attempt.rawValue): refused (errno \(code))"]
      }
      if code == 0 { throw ExitCode(Complaint.refused) }
      return
    }
    if hold { while let more = try FileHandle.standardInput.read(upToCount: 1), !more.isEmpty {} }
    let missing = report.lines.contains { line in
      if case .notPossible = line.outcome { true } else { false }
    }
    if missing { throw ExitCode(Complaint.notNow) }
  }
}

extension ForbiddenAct: ExpressibleByArgument {}
extension ProcessHardening.FilterMode: ExpressibleByArgument {}

/// What every verb takes that hardens its process.
struct FilterArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "System calls that a signer does not need are refused (enforce), written to the kernel's log (log), or let through (off).",
      valueName: "mode"))
  var seccomp = ProcessHardening.FilterMode.enforce
}

/// A hardening report, in words and as JSON.
enum HardeningText {
  static func lines(_ report: HardeningReport) -> [String] {
    var table = Table()
    for line in report.lines {
      table.row(name(line.measure), words(line.outcome))
    }
    return table.lines
  }

  static func line(_ line: HardeningReport.Line) -> String { "\(name(line.measure)): \(words(line.outcome))" }

  static func json(_ report: HardeningReport) -> JSONValue {
    var members: [String: JSONValue] = [:]
    for line in report.lines {
      members[line.measure.rawValue] =
        switch line.outcome {
        case .done: "done"
        case .notAsked: "off"
        case .logged: "log"
        case .notPossible: .string("\(words(line.outcome))")
        }
    }
    return .object(["schema": "causeway.signer.hardening/1", "measures": .object(members)])
  }

  private static func name(_ measure: HardeningReport.Measure) -> String {
    switch measure {
    case .noCoreDumps: "no core dumps, memory closed to other processes"
    case .noNewPrivileges: "no new privileges"
    case .lockedMemory: "memory is never swapped out"
    case .closedFiles: "new files closed to other users"
    case .systemCallFilter: "system calls filtered"
    }
  }

  private static func words(_ outcome: HardeningReport.Outcome) -> String {
    switch outcome {
    case .done: "done"
    case .notAsked: "off, as asked (--seccomp off)"
    case .logged: "only logged, as asked (--seccomp log)"
    case .notPossible(.absent): "not possible: this kernel has no such thing"
    case .notPossible(.refused(let errno)):
      "not possible: \(POSIXErrorCode(rawValue: errno).map { POSIXError($0).localizedDescription } ?? "") (errno \(errno))"
    case .notPossible(.memoryLimit(let bytes)):
      "not possible as a whole: this process may lock \(bytes >> 10) KiB (ulimit -l; LimitMEMLOCK=infinity in a unit); "
        + "secrets are locked one by one"
    }
  }
}
