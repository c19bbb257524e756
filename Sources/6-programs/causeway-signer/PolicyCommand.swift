import ArgumentParser
import Encodings
import Foundation
import SignerService
import SignerWire
import SigningRules
import WireBytes

/// `causeway-signer policy`.
struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Show who may ask for what; propose another policy.",
    discussion: """
      A policy is one JSON document, named by the SHA-256 of its canonical text. A running signer takes another one only \
      after approval; a signer without approvers takes one only while it is stopped, from who has the passphrase.

        causeway-signer policy show --directory ./operator --key admin.key > policy.json
        causeway-signer policy propose policy.json --directory ./operator --key admin.key
      """,
    subcommands: [PolicyShow.self, PolicyPropose.self, PolicyCheck.self, PolicySet.self],
    defaultSubcommand: PolicyShow.self)
}

struct PolicyShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Print the policy in force.")
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    let answer = try await connection.answer(.policy)
    // The document alone, so that it can be edited and proposed.
    Terminal.print((answer["policy"] ?? answer).text(pretty: true))
  }
}

struct PolicyPropose: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "propose", abstract: "Propose another policy; approvers sign its hash.")
  @Argument(
    help: ArgumentHelp("The policy, JSON; '-' reads standard input.", valueName: "file"), completion: .file())
  var file: String
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    let policy = try PolicyCheck.read(file)
    try await connection.ask(
      .propose(["kind": "policy", "policy": policy.json]), lines: ProposalText.lines)
  }
}

struct PolicyCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Read a policy as a signer does, and print its hash.")
  @Argument(
    help: ArgumentHelp("The policy, JSON; '-' reads standard input.", valueName: "file"), completion: .file())
  var file: String
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let policy = try Self.read(file)
    Terminal.print(
      [
        "domain": .string(policy.domain.rawValue), "hash": .string(policy.contentHash.description),
        "clients": .number(String(policy.clients.count)),
        "approvers": .number(String(policy.approvers.keys.count)),
      ], json: json
    ) {
      [
        "a policy of the \(policy.domain.rawValue) domain, \(policy.clients.count) clients: \(policy.contentHash)"
      ]
    }
  }

  static func read(_ file: String) throws -> AccessPolicy {
    do { return try AccessPolicy(decoding: try Terminal.read(file)) } catch let error as AccessPolicyError {
      throw Complaint("'\(file)' is no policy: \(SignerText.text(error))")
    }
  }
}

struct PolicySet: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set",
    abstract: "Put a policy in force in a stopped signer that has no approvers.")
  @Argument(
    help: ArgumentHelp("The policy, JSON; '-' reads standard input.", valueName: "file"), completion: .file())
  var file: String
  @OptionGroup var place: PlaceArguments
  @OptionGroup var passphrase: PassphraseArguments

  func run() throws {
    let policy = try PolicyCheck.read(file)
    try OfflineText.with(place, passphrase) { offline throws(OfflineError) in
      try offline.setPolicy(policy, at: Clock.milliseconds)
    }
    Terminal.print(["policy": .string(policy.contentHash.description)], json: place.json) {
      ["in force: \(policy.contentHash)"]
    }
  }
}

// MARK: Approvals

/// `causeway-signer pending`.
struct PendingCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pending",
    abstract: "List the changes that wait: who asked, who approved, and when they may take effect.")
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    try await connection.ask(.pending) { answer in
      let pending = answer["pending"]?.array ?? []
      guard !pending.isEmpty else { return ["nothing waits"] }
      return pending.flatMap { PendingText.lines($0) }
    }
  }
}

enum PendingText {
  static func lines(_ entry: JSONValue) -> [String] {
    func text(_ name: String) -> String { AnswerText.text(entry[name]) }
    let what = ["key", "overlapSeconds", "sealedTo", "contentHash"].compactMap { name in
      entry[name].map { "   \(name) \(AnswerText.text($0))" }
    }
    var lines = [
      "\(text("number"))  \(text("change"))  asked by \(text("proposer")) at \(AnswerText.time(entry["proposedAt"]))",
      "   identifier \(text("identifier"))",
      "   under policy \(text("policy"))",
    ]
    lines += what
    lines += [
      "   approved by \(entry["approvals"]?.array?.count ?? 0) of \(text("needed"))"
    ]
    if let from = entry["effectiveFrom"], !from.isNull {
      lines.append("   may take effect from \(AnswerText.time(from))")
    }
    if entry["ready"]?.boolean == true { lines.append("   ready: causeway-signer execute \(text("number"))") }
    if let content = entry["content"], !content.isNull { lines.append("   content \(content.text())") }
    return lines
  }
}

/// What a step on a proposal takes.
struct ProposalArguments: ParsableArguments {
  @Argument(help: "The proposal's number (`causeway-signer pending`).")
  var number: UInt64
  @Option(
    help: ArgumentHelp("The approver's key file (`approver new`).", valueName: "file"), completion: .file())
  var approver: String
  @Option(
    help: ArgumentHelp(
      "What you mean to approve, as you were told it by another way: refused when the signer shows another.",
      valueName: "hex"))
  var identifier: Root?

  /// The proposal as the signer shows it, with the approver's key.
  func find(_ connection: ConnectionArguments) async throws -> (
    entry: JSONValue, vault: Bytes32, identifier: Bytes32, key: ApproverKey
  ) {
    let key: ApproverKey
    do { key = try ApproverKey.open(approver) } catch {
      throw Complaint(SignerText.text(error, approver, "approver new"))
    }
    let answer = try await connection.answer(.pending)
    let entry = answer["pending"]?.array?.first { $0["number"]?.integer(UInt64.self) == number }
    guard let entry, let vault = answer["vault"]?.string.flatMap({ try? Bytes32(hex: $0) }),
      let shown = entry["identifier"]?.string.flatMap({ try? Bytes32(hex: $0) })
    else {
      throw Complaint(
        "nothing waits under number \(number): `causeway-signer pending` lists what does",
        code: Complaint.refused)
    }
    // What is signed is computed here from what is shown; a signer that shows one thing and names another is caught.
    guard let computed = ProposalReading.identifier(entry, vault: vault), computed == shown else {
      throw Complaint(
        "the signer shows a proposal that does not have the identifier it gives", code: Complaint.refused)
    }
    if let identifier, identifier.bytes != shown {
      throw Complaint("proposal \(number) is \(shown), not the one you named", code: Complaint.refused)
    }
    return (entry, vault, shown, key)
  }
}

struct ApproveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve",
    abstract: "Approve a change: sign its identifier with an approver's key.",
    subcommands: [ApproveNumber.self, ApproveFile.self], defaultSubcommand: ApproveNumber.self)
}

struct ApproveNumber: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "number",
    abstract: "Approve what waits in a running signer; `number` need not be said.",
    discussion: """
      Look at it first (`pending`). The identifier is computed here from what is shown, so that what you sign is what you \
      saw; --identifier compares it with what you were told by another way.

        causeway-signer approve 4 --approver alice.approver --directory ./operator --key observer.key
      """)
  @OptionGroup var proposal: ProposalArguments
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    let found = try await proposal.find(connection)
    let signature: Bytes64
    do { signature = try found.key.approve(vault: found.vault, identifier: found.identifier) } catch {
      throw Complaint(SignerText.text(error, proposal.approver, "approver new"))
    }
    try await connection.ask(
      .approve(number: proposal.number, approver: found.key.publicKey, signature: signature)
    ) { PendingText.lines($0) }
  }
}

struct ApproveFile: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "file",
    abstract: "Approve a stopped signer's proposal: at home, without the signer.",
    discussion: """
      Shows the proposal, whose identifier is computed here from what is shown, and writes the approval to a file. \
      --identifier compares it with what you were told by another way.

        causeway-signer approve file proposal.json --approver alice.approver --out alice.approval
      """)
  @Argument(help: "What `backup propose` or `anchor propose` wrote.", completion: .file())
  var file: String
  @Option(
    help: ArgumentHelp("The approver's key file (`approver new`).", valueName: "file"), completion: .file())
  var approver: String
  @Option(help: ArgumentHelp("What you mean to approve: refused when it is another.", valueName: "hex"))
  var identifier: Root?
  @Option(help: ArgumentHelp("The approval's new file.", valueName: "file"))
  var out: String
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let paper: ProposalPaper
    do { paper = try ProposalPaper(decoding: try Terminal.read(file)) } catch let error as ApprovalPaperError
    {
      throw Complaint(PaperText.text(error, file), code: Complaint.refused)
    }
    if let identifier, identifier.bytes != paper.identifier {
      throw Complaint("'\(file)' is \(paper.identifier), not the one you named", code: Complaint.refused)
    }
    let slip: ApprovalSlip
    do { slip = try ApprovalSlip(paper, signedBy: try ApproverKey.open(approver)) } catch {
      throw Complaint(SignerText.text(error, approver, "approver new"))
    }
    try Terminal.write([UInt8]((slip.json.text(pretty: true) + "\n").utf8), to: out)
    Terminal.print(slip.json, json: json) {
      PendingText.lines(paper.proposal) + ["approved it as \(slip.approver): \(out)"]
    }
  }
}

/// The approvals that a verb of a stopped signer needs.
struct ApprovalArguments: ParsableArguments {
  @Option(
    name: .customLong("approval"),
    help: ArgumentHelp(
      "An approval (`approve file`), where the policy names approvers. As many as are needed.",
      valueName: "file"), completion: .file())
  var files: [String] = []

  func slips() throws -> [ApprovalSlip] {
    try files.map { file in
      do { return try ApprovalSlip(decoding: try Terminal.read(file)) } catch let error as ApprovalPaperError
      {
        throw Complaint(PaperText.text(error, file), code: Complaint.refused)
      }
    }
  }
}

/// Proposals of stopped signers.
enum PaperText {
  static func write(_ paper: ProposalPaper, to out: String, json: Bool) throws {
    try Terminal.write([UInt8]((paper.json.text(pretty: true) + "\n").utf8), to: out)
    Terminal.print(paper.json, json: json) {
      PendingText.lines(paper.proposal) + [
        "wrote \(out): approvers sign it with `causeway-signer approve file \(out)`"
      ]
    }
  }

  static func text(_ error: ApprovalPaperError, _ file: String) -> String {
    switch error {
    case .form: "'\(file)' is no file of its kind: `approve file` reads proposals and writes approvals"
    case .identifier: "'\(file)' shows a proposal that does not have the identifier it gives"
    }
  }
}

struct CancelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Stop a change: one approver is enough.")
  @OptionGroup var proposal: ProposalArguments
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    let found = try await proposal.find(connection)
    let signature: Bytes64
    do { signature = try found.key.cancel(vault: found.vault, identifier: found.identifier) } catch {
      throw Complaint(SignerText.text(error, proposal.approver, "approver new"))
    }
    try await connection.ask(
      .cancel(number: proposal.number, approver: found.key.publicKey, signature: signature)
    ) { _ in ["stopped \(proposal.number)"] }
  }
}

struct ExecuteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "execute",
    abstract: "Carry out a change whose approvals and delay are complete.")
  @Argument(help: "The proposal's number (`causeway-signer pending`).")
  var number: UInt64
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    try await connection.ask(.execute(number: number)) { answer in
      ["done: \(AnswerText.text(answer["change"]))"]
        + (answer["newKey"].map { ["the successor is \(AnswerText.text($0))"] } ?? [])
    }
  }
}

/// `causeway-signer approver`.
struct ApproverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approver",
    abstract: "Make the key by which a person approves changes.",
    subcommands: [ApproverNew.self])
}

struct ApproverNew: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Make an approver's key file, and print its public key for `init --approver` or a policy.")
  @Option(help: ArgumentHelp("The new file; keep it on what its owner carries.", valueName: "file"))
  var out: String
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    do {
      let key = try ApproverKey.make(out)
      Terminal.print(["public": .string(key.publicKey.description), "file": .string(out)], json: json) {
        [key.publicKey.description]
      }
    } catch { throw Complaint(SignerText.text(error, out, "approver new")) }
  }
}
