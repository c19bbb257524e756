public import ArgumentParser
import Encodings
import Foundation
import Messages
public import SignerService
import SignerWire
public import SigningRules
import WireBytes

/// `causeway-signer keys`.
struct KeysCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: "List, make, rotate, lock, revoke and destroy keys; prove where one lives; move keystores.",
    discussion: """
      What takes something away for good, or gives it back, is a proposal that approvers sign: rotate, destroy, unlock, \
      export. `lock` and `revoke` work at once. A key is named by its id, or by the first digits of it.

        causeway-signer keys list --directory ./operator --key admin.key
        causeway-signer keys rotate 0x3f2a --overlap 86400 --directory ./operator --key admin.key
        causeway-signer approve 4 --approver alice.approver --directory ./operator --key admin.key
      """,
    subcommands: [
      KeysList.self, KeysShow.self, KeysGenerate.self, KeysRotate.self, KeysLock.self, KeysUnlock.self,
      KeysRevoke.self, KeysDestroy.self, KeysLocation.self, KeysImport.self, KeysExport.self,
      KeysRecipient.self,
      KeysOpenExport.self,
    ], defaultSubcommand: KeysList.self)
}

struct KeysList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List all keys, newest first.")
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    try await connection.ask(.keys) { answer in
      var table = Table()
      table.row("ID", "LABEL", "SUITE", "FOR", "STATE", "IN")
      for key in answer["keys"]?.array ?? [] {
        table.row(
          String(AnswerText.text(key["id"]).prefix(18)) + "…", AnswerText.text(key["label"]),
          AnswerText.text(key["suite"]), AnswerText.text(key["purposes"]), AnswerText.text(key["state"]),
          AnswerText.text(key["backEnd"]))
      }
      return table.lines
    }
  }
}

/// A key by its id, or by the first digits of it.
struct KeyArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp("The key's id, or the first 4 or more digits of it, or its label.", valueName: "key"))
  var name: String

  func find(_ connection: ConnectionArguments) async throws -> KeyID {
    let text = name.hasPrefix("0x") ? name : "0x" + name
    if let bytes = try? Bytes32(hex: text) { return KeyID(bytes) }
    let answer = try await connection.answer(.keys)
    let keys = (answer["keys"]?.array ?? []).compactMap { try? SignerKey(json: $0) }
    let byLabel = keys.filter { $0.label == name }
    // Of several generations, the one in use.
    if let key = byLabel.first(where: { $0.state == "active" }) ?? byLabel.first { return key.id }
    let found = text.count >= 6 ? keys.filter { $0.id.description.hasPrefix(text.lowercased()) } : []
    guard let key = found.first, found.count == 1 else {
      throw Complaint(
        found.isEmpty
          ? "there is no key '\(name)': `causeway-signer keys list` shows all"
          : "'\(name)' stands for \(found.count) keys: give more digits")
    }
    return key.id
  }
}

struct KeysShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one key: its public half, state, purposes and bounds.")
  @OptionGroup var key: KeyArgument
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    try await connection.ask(.key(try await key.find(connection)), lines: AnswerText.lines)
  }
}

struct KeysGenerate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Make a key. It signs nothing before a policy grants it to a client.")
  @Argument(
    help: ArgumentHelp("SUITE:PURPOSE[+PURPOSE]:LABEL[@ORIGIN], as for `init --key`.", valueName: "key"))
  var order: KeyOrderArgument
  @Option(help: "Where its private half lies: file, pkcs11 or tpm.")
  var backEnd = BackEndName.file
  @Option(
    help: ArgumentHelp(
      "Derive it on this path below the domain's root, instead of at random.", valueName: "path"))
  var path: String?
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    let request = AdminRequest.NewKey(
      label: order.label, suite: order.suite, purposes: order.purposes, backEnd: backEnd.rawValue, path: path,
      origin: order.purposes.contains(.foreignAttestation) ? order.origin : nil)
    try await connection.ask(.generate(request)) { answer in
      [
        "made \(AnswerText.text(answer["id"]))", "public half \(AnswerText.text(answer["publicKey"]))",
        "next: grant it to a client (`policy propose`)",
      ]
    }
  }
}

/// What became of something that needs approvals.
enum ProposalText {
  static func lines(_ answer: JSONValue) -> [String] {
    [
      "proposed as number \(AnswerText.text(answer["number"])): \(AnswerText.text(answer["change"]))",
      "it needs \(AnswerText.text(answer["needed"])) approvals, then \(AnswerText.text(answer["delaySeconds"])) s, then `causeway-signer execute \(AnswerText.text(answer["number"]))`",
      "approvers: `causeway-signer approve \(AnswerText.text(answer["number"])) --approver FILE …`",
    ]
  }
}

/// A verb that proposes a change of one key.
protocol KeyProposal: AsyncParsableCommand {
  var key: KeyArgument { get }
  var connection: ConnectionArguments { get }
  func request(_ key: KeyID) -> AdminRequest
}

extension KeyProposal {
  func run() async throws {
    try await connection.ask(request(try await key.find(connection)), lines: ProposalText.lines)
  }
}

struct KeysRotate: KeyProposal {
  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract: "Propose a successor for a key; the old one signs on for a while.")
  @OptionGroup var key: KeyArgument
  @Option(help: ArgumentHelp("How long the old one signs on, in seconds.", valueName: "seconds"))
  var overlap: UInt64 = 86_400
  @OptionGroup var connection: ConnectionArguments

  func request(_ key: KeyID) -> AdminRequest { .rotate(key, overlapSeconds: overlap) }
}

struct KeysLock: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lock", abstract: "Stop a key at once; it can be unlocked again, with approvals.")
  @OptionGroup var key: KeyArgument
  @Option(help: "Why, for the audit log.")
  var reason: String
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    let key = try await key.find(connection)
    try await connection.ask(.lock(key, reason: reason)) { _ in
      ["locked \(key): it signs nothing until `keys unlock` is approved"]
    }
  }
}

struct KeysUnlock: KeyProposal {
  static let configuration = CommandConfiguration(
    commandName: "unlock", abstract: "Propose that a locked key signs again.")
  @OptionGroup var key: KeyArgument
  @OptionGroup var connection: ConnectionArguments

  func request(_ key: KeyID) -> AdminRequest { .unlock(key) }
}

struct KeysRevoke: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Stop a key at once and for ever.")
  @OptionGroup var key: KeyArgument
  @Option(help: "Why, for the audit log.")
  var reason: String
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    let key = try await key.find(connection)
    try await connection.ask(.revoke(key, reason: reason)) { _ in
      [
        "revoked \(key): it never signs again",
        "next: tell those who verify its signatures; its private half is still there until `keys destroy`",
      ]
    }
  }
}

struct KeysDestroy: KeyProposal {
  static let configuration = CommandConfiguration(
    commandName: "destroy", abstract: "Propose that a key's private half be removed for ever.")
  @OptionGroup var key: KeyArgument
  @OptionGroup var connection: ConnectionArguments

  func request(_ key: KeyID) -> AdminRequest { .destroy(key) }
}

struct KeysLocation: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "location",
    abstract: "Prove where a key lives: a TPM certifies it over your challenge, a token says what it is.")
  @OptionGroup var key: KeyArgument
  @Option(help: ArgumentHelp("32 bytes in hex that you chose; at random when left out.", valueName: "hex"))
  var challenge: Root?
  @OptionGroup var connection: ConnectionArguments

  func run() async throws {
    let challenge = challenge?.bytes ?? Bytes32 { _ in UInt8.random(in: .min ... .max) }
    try await connection.ask(
      .location(try await key.find(connection), challenge: challenge), lines: AnswerText.lines)
  }
}

/// `SUITE:PURPOSE[+PURPOSE…]:LABEL[@ORIGIN[,…]]`.
struct KeyOrderArgument: ExpressibleByArgument {
  let suite: KeySuite
  let purposes: Set<KeyPurpose>
  let label: String
  /// What follows the sign `@`: domain ids for attestations, chain ids for votes.
  let places: [String]

  init?(argument: String) {
    let parts = argument.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let suite = KeySuite(rawValue: String(parts[0])) else { return nil }
    var purposes: Set<KeyPurpose> = []
    for name in parts[1].split(separator: "+", omittingEmptySubsequences: false) {
      guard let purpose = KeyPurpose(rawValue: String(name)) else { return nil }
      purposes.insert(purpose)
    }
    let rest = parts[2].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    guard let label = rest.first, !label.isEmpty else { return nil }
    self.suite = suite
    self.purposes = purposes
    self.label = String(label)
    places = rest.count == 2 ? rest[1].split(separator: ",").map(String.init) : []
  }

  var origin: DomainID? { places.first.flatMap { try? DomainID($0) } }

  var order: KeyOrder {
    KeyOrder(
      label: label, suite: suite, purposes: purposes,
      origin: purposes.contains(.foreignAttestation) ? origin : nil)
  }
}

extension KeyDomain: ExpressibleByArgument {}
extension BackEndName: ExpressibleByArgument {}
