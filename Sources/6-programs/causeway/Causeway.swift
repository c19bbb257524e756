import ArgumentParser

/// The program's front door: verbs only, each in its own file.
@main
struct Causeway: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "causeway",
    abstract:
      "Carry calls and tokens between domains, verify messages, and see whom you trust by believing them.",
    discussion: """
      Two domains, their attesters, a relayer and lanes in one process, in one directory:

        causeway up
        causeway send transfer 25 --from alice --to bob
        causeway send call counter '{"add":{"by":5}}' --from alice
        causeway trace ID

      `verify`, `conform` and `simulate` work offline. Exit codes are the same everywhere: 0 valid or done, 1 refused \
      or refunded, 2 wrong usage or unreadable input, 3 cannot be decided yet.
      """,
    version: "0.1.0",
    subcommands: [],
    groupedSubcommands: [
      CommandGroup(
        name: "A devnet:",
        subcommands: [
          Up.self, Send.self, Trace.self, Lanes.self, Balance.self, Status.self, Demo.self, Load.self,
          Audit.self,
        ]),
      CommandGroup(name: "Offline:", subcommands: [Verify.self, Conform.self, Simulate.self]),
      CommandGroup(name: "Contracts:", subcommands: [Contract.self, New.self]),
    ]
  )

  /// Runs the verb that was asked for; wrong usage ends with 2 rather than the parser's own code.
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var waiting = command as? any AsyncParsableCommand {
        try await waiting.run()
      } else {
        try command.run()
      }
    } catch {
      if let complaint = error as? Complaint {
        Terminal.complain("causeway: \(complaint.text)")
        exit(withError: ExitCode(complaint.code))
      }
      let code = exitCode(for: error)
      if code == .validationFailure {
        Terminal.complain(fullMessage(for: error))
        exit(withError: ExitCode(2))
      }
      exit(withError: error)
    }
  }
}

/// Why a verb ends early, in words for people, with what to do next.
struct Complaint: Error {
  let text: String
  let code: Int32

  init(_ text: String, code: Int32 = 2) {
    self.text = text
    self.code = code
  }
}
