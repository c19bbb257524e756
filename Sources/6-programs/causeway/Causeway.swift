import ArgumentParser

/// The program's front door: verbs only, each in its own file.
@main
struct Causeway: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "causeway",
    abstract: "Verify messages between chains, and see whom you trust by believing them.",
    discussion: """
      All verbs work offline on what you give them. Exit codes are the same everywhere: 0 valid, \
      1 refused, 2 wrong usage or unreadable input, 3 cannot be decided from what was given.
      """,
    version: "0.1.0",
    subcommands: [Verify.self, Conform.self, Simulate.self]
  )

  /// Runs the verb that was asked for; wrong usage ends with 2 rather than the parser's own code.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      let code = exitCode(for: error)
      if code == .validationFailure {
        Terminal.complain(fullMessage(for: error))
        exit(withError: ExitCode(2))
      }
      exit(withError: error)
    }
  }
}
