import ArgumentParser
import Encodings
import Foundation
import SignerJournal
import SignerService
import SignerWire
import SigningRules
import WireBytes

/// `causeway-signer watermarks`.
struct WatermarksCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watermarks",
    abstract: "Move what was signed between signers, so that nothing is ever contradicted.",
    discussion: """
      An export names its vault and its epoch. An import only ever adds: what is known stays, and what contradicts it is \
      refused as a whole.

        causeway-signer watermarks export --out marks.json --directory ./operator --key admin.key
        causeway-signer watermarks import marks.json --directory ./other --key admin.key
      """,
    subcommands: [WatermarksExport.self, WatermarksExportOffline.self, WatermarksImport.self])
}

struct WatermarksExport: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write the watermarks of a running signer to a file.",
    discussion: """
      A running signer answers with at most one frame, 1 MiB: what is longer is refused (exportTooLarge), and exported \
      with the signer stopped, which changes nothing in its directory:

        causeway-signer watermarks export-offline --out marks.json --directory ./operator --passphrase-file pass
      """)
  @Option(help: ArgumentHelp("The new file; standard output when left out.", valueName: "file"))
  var out: String?
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    try ExportText.write(try await connection.answer(.exportWatermarks), to: out)
  }
}

struct WatermarksExportOffline: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export-offline",
    abstract: "Write the watermarks of a stopped signer to a file, however many.")
  @Option(help: ArgumentHelp("The new file; standard output when left out.", valueName: "file"))
  var out: String?
  @OptionGroup var place: PlaceArguments
  @OptionGroup var passphrase: PassphraseArguments

  func run() throws {
    let marks = try OfflineText.with(place, passphrase) { offline throws(OfflineError) in
      try offline.watermarks()
    }
    guard let out else {
      Terminal.print(marks.text)
      return
    }
    try Terminal.write([UInt8]((marks.text + "\n").utf8), to: out)
    Terminal.complain("wrote \(out)")
  }
}

/// An export, to a file or to standard output.
enum ExportText {
  static func write(_ value: JSONValue, to out: String?) throws {
    guard let out else {
      Terminal.print(value.text())
      return
    }
    try Terminal.write([UInt8]((value.text() + "\n").utf8), to: out)
    Terminal.complain("wrote \(out)")
  }
}

struct WatermarksImport: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Add the watermarks of an export; with approvers, as a proposal.")
  @Argument(help: ArgumentHelp("The export.", valueName: "file"), completion: .file())
  var file: String
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    let value = try Terminal.readJSON(file)
    try await connection.ask(.importWatermarks(value)) { answer in
      if answer["number"] != nil { return ProposalText.lines(answer) }
      return ["added \(AnswerText.text(answer["added"])) records"]
        + (answer["olderEpoch"]?.boolean == true
          ? ["it is an older export of this signer: what is known here stays"] : [])
        + (answer["otherVault"]?.boolean == true ? ["it is of another signer"] : [])
    }
  }
}

/// `causeway-signer eip3076`.
struct EIP3076Command: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eip3076",
    abstract: "Move slashing protection of consensus keys as EIP-3076 files.",
    subcommands: [EIP3076Export.self, EIP3076Import.self])
}

struct EIP3076Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "export", abstract: "Write an EIP-3076 file.")
  @Option(help: ArgumentHelp("The new file; standard output when left out.", valueName: "file"))
  var out: String?
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    let answer = try await connection.answer(.exportEIP3076)
    guard !answer.isNull else {
      throw Complaint(
        "no slashing protection is kept here: `eip3076 import` brings some", code: Complaint.refused)
    }
    try ExportText.write(answer, to: out)
  }
}

struct EIP3076Import: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Add the marks of an EIP-3076 file.")
  @Argument(help: ArgumentHelp("The file.", valueName: "file"), completion: .file())
  var file: String
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    try await connection.ask(.importEIP3076(try Terminal.readJSON(file))) { answer in
      ["added \(AnswerText.text(answer["added"])) records"]
        + (answer["slashable"]?.integer(Int.self) == 0
          ? []
          : [
            "\(AnswerText.text(answer["slashable"])) of them contradict others: somebody has signed what can be slashed. All are kept"
          ])
    }
  }
}

/// `causeway-signer audit`.
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Verify or read the log of every request, grant, refusal and change.",
    subcommands: [AuditVerify.self, AuditTail.self])
}

struct AuditVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check the whole chain of the log; needs no passphrase, and the signer may run.",
    discussion: """
      Ends with 1 when a line was changed, removed or added. A log that was cut at its end is noticed when the signer \
      starts, by its anchor; compare the head with one that you wrote down earlier to notice it here.

        causeway-signer audit verify --directory ./operator
      """)
  @OptionGroup var place: PlaceArguments

  func run() throws {
    let directory = SignerDirectory(place.directory)
    let configuration = try OfflineText.configuration(directory)
    do {
      let report = try AuditLog.verify(directory: directory.audit, vault: VaultID(configuration.vault))
      Terminal.print(
        [
          "verified": true, "lines": .number(String(report.count)), "files": .number(String(report.files)),
          "head": .string(report.head.hash.description), "sequence": .number(String(report.head.sequence)),
        ], json: place.json
      ) { ["\(report.count) lines are whole; the head is \(report.head.sequence) \(report.head.hash)"] }
    } catch {
      throw Complaint(
        "the audit log of \(place.directory) is NOT whole: \(error). Keep the files as they are, and read docs/operations/keys.md, \"The log is not whole\"",
        code: Complaint.refused)
    }
  }
}

struct AuditTail: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tail", abstract: "Print the newest lines, newest last, as JSON lines.")
  @OptionGroup var place: PlaceArguments
  @Option(name: .shortAndLong, help: "How many.")
  var count = 20

  func run() throws {
    let directory = SignerDirectory(place.directory)
    _ = try OfflineText.configuration(directory)
    do {
      for line in try AuditLog.tail(directory: directory.audit, count: count) { Terminal.print(line) }
    } catch {
      throw Complaint("the audit log of \(place.directory) cannot be read: \(error)", code: Complaint.refused)
    }
  }
}

/// `causeway-signer anchor`.
struct AnchorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "anchor",
    abstract: "What notices an older copy of a signer's directory, and how to go on after a restore.",
    discussion: """
      The anchor holds the newest position of the records, in another place than the directory. A signer whose records \
      are behind it, differ from it, or lack it, does not start: it might sign a second claim for a height. \
      docs/operations/keys.md, "Restore", says for each refusal what to do first.

        causeway-signer anchor show --directory ./operator
        causeway-signer anchor adopt --directory ./operator --passphrase-file pass --reason "disk lost, marks imported"
      """,
    subcommands: [AnchorShow.self, AnchorPropose.self, AnchorAdopt.self])
}

struct AnchorShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Say whether the records may be used, and why not. Changes nothing.")
  @OptionGroup var place: PlaceArguments
  @OptionGroup var passphrase: PassphraseArguments

  func run() throws {
    try OfflineText.with(place, passphrase) { offline throws(OfflineError) in
      let position = try offline.position()
      Terminal.print(
        [
          "epoch": .number(String(position.epoch)), "sequence": .number(String(position.sequence)),
          "hash": .string(position.hash.description), "anchors": .string(offline.anchors),
        ], json: place.json
      ) {
        [
          "records and anchor agree: epoch \(position.epoch), record \(position.sequence), \(position.hash)",
          "the anchor is in \(offline.anchors)",
        ]
      }
    }
  }
}

struct AnchorPropose: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "propose",
    abstract: "Propose to the approvers to go on with records that the anchor contradicts.",
    discussion: """
      Approvers sign what is decided about: these very records and this refusal, the watermarks that are added, and why.

        causeway-signer anchor propose --directory ./operator --passphrase-file pass --watermarks marks.json \
          --reason "disk lost, marks imported" --out proposal.json
        causeway-signer approve file proposal.json --approver alice.approver --out alice.approval
        causeway-signer anchor adopt … --watermarks marks.json --reason "disk lost, marks imported" \
          --approval alice.approval --approval bob.approval --i-know-what-was-signed
      """)
  @OptionGroup var place: PlaceArguments
  @OptionGroup var passphrase: PassphraseArguments
  @OptionGroup var decision: AdoptionArguments
  @Option(help: ArgumentHelp("The proposal's new file, for its approvers.", valueName: "file"))
  var out: String

  func run() throws {
    let marks = try decision.marks()
    let paper = try OfflineText.with(place, passphrase) { offline throws(OfflineError) in
      let adoption = try offline.adoption(watermarks: marks)
      return try offline.proposeAdoption(adoption, reason: decision.reason, at: Clock.milliseconds)
    }
    try PaperText.write(paper, to: out, json: place.json)
  }
}

/// What is decided about records that the anchor contradicts.
struct AdoptionArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("Watermarks of what was signed since: adopted with the decision.", valueName: "file"),
    completion: .file())
  var watermarks: String?
  @Option(help: "Why it is safe, for the audit log.")
  var reason: String

  func marks() throws -> [UInt8]? { try watermarks.map { try Terminal.read($0) } }
}

struct AnchorAdopt: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adopt",
    abstract: "Go on with records that the anchor contradicts, after people have looked at why.",
    discussion: """
      Import first what is known to have been signed since (--watermarks): from another signer's export, or from what the \
      chains show. The decision is written down in the records and in the audit log. Where the policy names approvers, they \
      decide: `anchor propose` first.
      """)
  @OptionGroup var place: PlaceArguments
  @OptionGroup var passphrase: PassphraseArguments
  @OptionGroup var decision: AdoptionArguments
  @OptionGroup var approvals: ApprovalArguments
  @Flag(
    help: "Make the TPM's counter anew first, where the TPM has none: it was cleared, or it is another one.")
  var makeCounter = false
  @Flag(help: "Yes: I know that a claim that was signed and is not in these records can be contradicted.")
  var iKnowWhatWasSigned = false

  func run() throws {
    let marks = try decision.marks()
    let slips = try approvals.slips()
    try OfflineText.with(place, passphrase) { offline throws(OfflineError) in
      if makeCounter {
        let value = try offline.makeCounter()
        Terminal.complain("the TPM's counter was made; it is at \(value)")
      }
      let adoption = try offline.adoption(watermarks: marks)
      guard adoption.refusal != nil || adoption.keys != nil else {
        Terminal.print(["adopted": false], json: place.json) {
          ["records and anchor agree: there is nothing to adopt"]
        }
        return
      }
      guard iKnowWhatWasSigned else {
        if let refusal = adoption.refusal { throw .unconfirmed(refusal) }
        if let keys = adoption.keys { throw .unconfirmedKeys(keys) }
        return
      }
      let position = try offline.adopt(
        adoption, reason: decision.reason, approvals: slips, at: Clock.milliseconds)
      Terminal.print(
        [
          "adopted": true, "epoch": .number(String(position.epoch)),
          "sequence": .number(String(position.sequence)),
        ],
        json: place.json
      ) { ["adopted: epoch \(position.epoch), record \(position.sequence)", "next: causeway-signer run"] }
    }
  }
}
