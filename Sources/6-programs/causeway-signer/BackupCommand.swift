import ArgumentParser
import Encodings
import Foundation
import SignerService
import SigningRules
import WireBytes

/// `causeway-signer backup`.
struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Seal a stopped signer to several parties, and bring it back.",
    discussion: """
      Each party gets a share in words (SLIP-39); so many of them as you say open the backup, and fewer learn nothing. What \
      is restored does not sign by itself: its marks are older than what was signed since. docs/operations/keys.md, \
      "Backup" and "Restore".

      Where the policy names approvers, they decide whether one is made: `backup propose` first, then each of them \
      `approve file`, and `backup create` with their approvals.

        causeway-signer backup create --directory ./operator --passphrase-file pass --needed 2 --parties 3 \\
          --out operator.backup --shares ./shares
        causeway-signer backup restore operator.backup --domain operator --share a --share b \\
          --directory ./operator-2 --passphrase-file new-pass
      """,
    subcommands: [BackupPropose.self, BackupCreate.self, BackupRestore.self])
}

/// Who must come together to open a backup.
struct PartiesArguments: ParsableArguments {
  @Option(help: "How many parties it takes to open it; at least 2.")
  var needed: Int
  @Option(help: "How many parties there are; at most 16.")
  var parties: Int

  func validate() throws {
    guard parties >= needed, needed >= 2, parties <= 16 else {
      throw ValidationError("It takes 2 to 16 parties, and no more of them than there are.")
    }
  }
}

struct BackupPropose: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "propose",
    abstract: "Propose a backup of a stopped signer to its approvers.",
    discussion: """
      The proposal is in the records: approvers sign the file with `approve file`, or, when the signer runs again, with \
      `approve`. Their delay runs from the last approval that is needed.

        causeway-signer backup propose --directory ./operator --passphrase-file pass --needed 2 --parties 3 --out proposal.json
        causeway-signer approve file proposal.json --approver alice.approver --out alice.approval
        causeway-signer backup create … --needed 2 --parties 3 --approval alice.approval --approval bob.approval
      """)
  @OptionGroup var place: PlaceArguments
  @OptionGroup var passphrase: PassphraseArguments
  @OptionGroup var who: PartiesArguments
  @Option(help: ArgumentHelp("The proposal's new file, for its approvers.", valueName: "file"))
  var out: String

  func run() throws {
    let paper = try OfflineText.with(place, passphrase) { offline throws(OfflineError) in
      try offline.proposeBackup(needed: who.needed, parties: who.parties, at: Clock.milliseconds)
    }
    try PaperText.write(paper, to: out, json: place.json)
  }
}

struct BackupCreate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Seal everything to the shares of several parties.")
  @OptionGroup var place: PlaceArguments
  @OptionGroup var passphrase: PassphraseArguments
  @OptionGroup var who: PartiesArguments
  @OptionGroup var approvals: ApprovalArguments
  @Option(help: ArgumentHelp("The backup's new file.", valueName: "file"))
  var out: String
  @Option(
    help: ArgumentHelp(
      "A directory for the shares, one file each: give each to its party and remove it.", valueName: "dir"))
  var shares: String

  func run() throws {
    let slips = try approvals.slips()
    // What is approved is used up once: the places must be free before.
    let places = [out] + (1...who.parties).map { "\(shares)/share-\($0)" }
    for path in places where FileManager.default.fileExists(atPath: path) {
      throw Complaint("\(path) exists: it is not overwritten", code: Complaint.refused)
    }
    let made = try OfflineText.with(place, passphrase) { offline throws(OfflineError) in
      try offline.backup(
        needed: who.needed, parties: who.parties, approvals: slips, at: Clock.milliseconds)
    }
    do {
      try FileManager.default.createDirectory(
        atPath: shares, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch { throw Complaint("cannot make \(shares): \(error.localizedDescription)") }
    var names: [String] = []
    for share in made.shares {
      let path = "\(shares)/share-\(share.number)"
      do { try share.write(to: path) } catch { throw Complaint("\(path): \(SignerText.text(error))") }
      names.append(path)
    }
    try Terminal.write(made.file, to: out)
    Terminal.print(
      [
        "backup": .string(out), "shares": .array(names.map(JSONValue.string)),
        "needed": .number(String(who.needed)),
      ],
      json: place.json
    ) {
      [
        "sealed \(out); \(who.needed) of \(who.parties) shares open it",
        "next: each party notes the words of its file in \(shares), then remove the directory; rehearse with `causeway-signer drill`",
      ]
    }
  }
}

struct BackupRestore: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Bring a signer back into an empty directory.")
  @Argument(help: "The backup.", completion: .file())
  var file: String
  @OptionGroup var place: PlaceArguments
  @OptionGroup var passphrase: PassphraseArguments
  @Option(help: ArgumentHelp("The key domain that it is of.", valueName: "domain"))
  var domain: KeyDomain
  @Option(
    name: .customLong("share"),
    help: ArgumentHelp("A file with the words of one party. As many as are needed.", valueName: "file"),
    completion: .file())
  var shares: [String]
  @Option(
    help: ArgumentHelp(
      "The newest epoch that is known of this signer: from its log, an export, or `anchor show`.",
      valueName: "epoch"))
  var knownEpoch: UInt64?
  @Option(
    help: ArgumentHelp(
      "A newer export of watermarks, where the backup is older than that.", valueName: "file"),
    completion: .file())
  var watermarks: String?

  func run() throws {
    let sealed = try Terminal.read(file)
    let words = try shares.map { try Terminal.read($0) }
    let newer = try watermarks.map { try Terminal.read($0) }
    let secret = try passphrase.read("passphrase of the restored signer", isNew: true)
    do throws(OfflineError) {
      let facts = try SignerRestore.facts(sealed, domain: domain)
      let marks = try SignerRestore.restore(
        sealed, shares: words, domain: domain, vault: facts.vault, knownEpoch: knownEpoch ?? facts.epoch,
        newer: newer, into: SignerDirectory(place.directory), anchors: place.anchorDirectory,
        passphrase: secret)
      Terminal.print(
        ["directory": .string(place.directory), "epoch": .number(String(marks.epoch))], json: place.json
      ) {
        [
          "restored into \(place.directory), with marks of epoch \(marks.epoch)",
          "it does not start yet: what was signed since is not in it. docs/operations/keys.md, \"Restore\"",
          "next: causeway-signer anchor adopt --directory \(place.directory) --reason …, with --watermarks of what was signed since; what the restore brought is added by itself",
        ]
      }
    } catch { throw Complaint(SignerText.text(error, place.directory), code: SignerText.code(error)) }
  }
}

/// `causeway-signer drill`.
struct DrillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drill",
    abstract: "Rehearse loss and recovery with throw-away keys and real files.",
    discussion: """
      Makes a signer in a temporary directory, seals it, puts an older copy in its place, loses it, restores it from shares, \
      and sees that it does not go on by itself. Touches no signer in use. Ends with 1 when a step came out wrong.

        causeway-signer drill --domain operator --needed 2 --parties 3
      """)
  @Option(help: ArgumentHelp("The key domain to rehearse for.", valueName: "domain"))
  var domain = KeyDomain.operator
  @Option(help: "How many parties it takes.")
  var needed = 2
  @Option(help: "How many parties there are.")
  var parties = 3
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-drill-\(UUID())")
      .path
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch { throw Complaint("cannot make \(folder): \(error.localizedDescription)") }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var lines: [JSONValue] = []
    let passed = SignerDrill(domain: domain, needed: needed, parties: parties, folder: folder)
      .run(at: Clock.milliseconds) { line in
        lines.append([
          "step": .string(line.step), "checked": .number(String(line.checked)),
          "failed": .number(String(line.failed)), "trouble": line.trouble.map(JSONValue.string) ?? .null,
        ])
        guard !json else { return }
        let word = line.failed == 0 && line.checked > 0 ? "ok" : "WRONG"
        Terminal.print(
          "\(word)  \(line.step) (\(line.checked) checks)" + (line.trouble.map { ": \($0)" } ?? ""))
      }
    if json {
      let report: JSONValue = [
        "schema": "causeway.signer.drill/1", "passed": .boolean(passed), "lines": .array(lines),
      ]
      Terminal.print(report.text(pretty: true))
    } else {
      Terminal.print(
        passed ? "the drill passed" : "the drill FAILED: do not rely on backups of this arrangement")
    }
    if !passed { throw ExitCode(Complaint.refused) }
  }
}
