import ArgumentParser

/// The enclave's front door: verbs only, each in its own file.
@main
struct CausewayEnclave: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "causeway-enclave",
    abstract: "Run a measured program on sealed inputs, under attested keys.",
    discussion: """
      An enclave is a program in WASM, a policy, and a platform that says that these two run and no others. Measure them, \
      run them, give the keys a recent block of the settlement domain, register what comes out:

        causeway-enclave measure auction.wasm --policy auction.json
        causeway-enclave policy auction.wasm --policy auction.json --platform tpm --folder ./enclave --tpm device:/dev/tpmrm0
        causeway-enclave run auction.wasm --policy auction.json --platform tpm --tpm device:/dev/tpmrm0 \\
          --folder ./enclave --socket ./enclave/s --domain cosmos:demo-1 --operator 0xACCOUNT
        causeway-enclave rotate --socket ./enclave/s --height 1200 --hash 0xBLOCKHASH

      With --follow FILE in place of a program it follows a chain instead, and signs the steps from state to state. \
      docs/operations/enclaves.md has the ceremonies. Exit codes: 0 done, 1 refused, 2 wrong usage or unreadable input, \
      3 cannot now (no enclave listens there).
      """,
    version: "0.1.0",
    subcommands: [],
    groupedSubcommands: [
      CommandGroup(
        name: "Before it runs:", subcommands: [MeasureCommand.self, PolicyCommand.self]),
      CommandGroup(
        name: "An enclave:",
        subcommands: [RunCommand.self, StatusCommand.self, RotateCommand.self, EvidenceCommand.self]),
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
        Terminal.complain("causeway-enclave: \(complaint.text)")
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

  static let refused: Int32 = 1
  static let usage: Int32 = 2
  static let notNow: Int32 = 3

  init(_ text: String, code: Int32 = Complaint.usage) {
    self.text = text
    self.code = code
  }
}
