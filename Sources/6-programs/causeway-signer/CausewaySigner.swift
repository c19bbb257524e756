import ArgumentParser

/// The key process's front door: verbs only, each in its own file.
@main
struct CausewaySigner: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "causeway-signer",
    abstract: "Hold the keys of one domain, and sign what its rules allow.",
    discussion: """
      One directory holds one signer of one key domain. Make it, run it, ask it:

        causeway-signer client new --out operator.key
        causeway-signer init --directory ./operator --domain operator --passphrase-file pass \\
          --client attester=0xCLIENTKEY:sign+admin --key secp256k1:attestation:attester-0
        causeway-signer run --directory ./operator --passphrase-file pass
        causeway-signer status --directory ./operator --key operator.key

      It never signs a hash that somebody else made: a request says what is to be signed, field by field. \
      docs/operations/keys.md has the ceremonies. Exit codes: 0 done, 1 refused, 2 wrong usage or unreadable input, \
      3 cannot now (no signer runs there, it is in use, a token is away).
      """,
    version: "0.1.0",
    subcommands: [],
    groupedSubcommands: [
      CommandGroup(
        name: "A signer:",
        subcommands: [
          InitCommand.self, RunCommand.self, StatusCommand.self, KeysCommand.self, PolicyCommand.self,
        ]),
      CommandGroup(
        name: "Changes that people approve:",
        subcommands: [PendingCommand.self, ApproveCommand.self, CancelCommand.self, ExecuteCommand.self]),
      CommandGroup(
        name: "Records:",
        subcommands: [
          WatermarksCommand.self, EIP3076Command.self, AuditCommand.self, AnchorCommand.self,
        ]),
      CommandGroup(
        name: "Before and beside:",
        subcommands: [
          BackupCommand.self, DrillCommand.self, ThresholdCommand.self, ClientCommand.self,
          ApproverCommand.self, SelfTest.self,
        ]),
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
        Terminal.complain("causeway-signer: \(complaint.text)")
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
