import ArgumentParser
import Encodings
import SignerAccess
import SignerService
import SignerWire
import SigningRules
import WireBytes

/// `causeway-signer threshold`.
struct ThresholdCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "threshold",
    abstract:
      "Make an Ed25519 key that no process holds whole, and sign with shares of it (FROST, RFC 9591).",
    discussion: """
      Each member is a signer of its own, named NUMBER=DIRECTORY. This command carries messages between them: it learns no \
      secret, and each signer asks its own policy and its own watermarks before it gives its share. The client key needs the \
      roles admin and sign with every member, and a grant for the key.

        causeway-signer threshold dkg --needed 2 --member 1=./a --member 2=./b --member 3=./c --key admin.key
        causeway-signer threshold show --member 1=./a --key admin.key
        causeway-signer threshold sign 0xKEY request.hex --member 1=./a --member 3=./c --key admin.key
      """,
    subcommands: [ThresholdDKG.self, ThresholdSign.self, ThresholdShow.self])
}

/// The signers that take part.
struct MemberArguments: ParsableArguments {
  @Option(
    name: .customLong("member"),
    help: ArgumentHelp(
      "A signer that takes part: its number and its directory. Repeatable.", valueName: "n=dir"))
  var members: [MemberArgument]
  @Option(name: .shortAndLong, help: ArgumentHelp("The file of the client key.", valueName: "file"))
  var key: String
  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard Set(members.map(\.number)).count == members.count else {
      throw ValidationError("Two members have one number.")
    }
  }

  /// Gives `body` the identity of each member, and a way to ask it.
  func with<Value>(
    _ body: ([(number: UInt16, identity: Bytes32)], ThresholdCoordinator.Ask) async throws -> Value
  ) async throws -> Value {
    let file = try ClientKeyArgument.open(key)
    var clients: [UInt16: SignerClient] = [:]
    var identities: [(number: UInt16, identity: Bytes32)] = []
    for member in members.sorted(by: { $0.number < $1.number }) {
      let directory = SignerDirectory(member.directory)
      let configuration = try OfflineText.configuration(directory)
      identities.append((member.number, configuration.identity))
      clients[member.number] = SignerClient(
        endpoint: .unix(path: directory.socket), key: file.key, signer: configuration.identity,
        domain: configuration.domain)
    }
    let known = clients
    let result: Result<Value, any Error>
    do {
      result = .success(
        try await body(identities) { member, round, message in
          guard let client = known[member] else { throw ThresholdTrouble.answer(member) }
          do throws(SignerClientError) {
            return try await client.admin(.threshold(round: round, message: message))
          } catch {
            throw Complaint(
              "member \(member): \(ClientText.text(error, "its directory"))", code: ClientText.code(error))
          }
        })
    } catch { result = .failure(error) }
    for client in known.values { await client.close() }
    do { return try result.get() } catch let error as ThresholdTrouble {
      throw Complaint(Self.text(error), code: Complaint.refused)
    }
  }

  private static func text(_ error: ThresholdTrouble) -> String {
    switch error {
    case .plan:
      "that is no arrangement: 2 to 32 members with different identities, and no more needed than there are"
    case .answer(let member): "member \(member) answers what cannot be read"
    case .incomplete: "not enough members gave a share"
    case .different: "members have made different keys: do not use them, and find out which lied"
    case .share: "a member gave a share that is none"
    }
  }

  static var freshName: Bytes32 { Bytes32 { _ in UInt8.random(in: .min ... .max) } }
}

/// `NUMBER=DIRECTORY`.
struct MemberArgument: ExpressibleByArgument {
  let number: UInt16
  let directory: String

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let number = UInt16(parts[0]), number > 0 else { return nil }
    self.number = number
    directory = String(parts[1])
  }
}

struct ThresholdDKG: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dkg", abstract: "Make a key without anybody who ever knows it whole.")
  @Option(help: "How many members a signature takes.")
  var needed: Int
  @OptionGroup var members: MemberArguments

  func run() async throws {
    let made = try await members.with { identities, ask in
      try await ThresholdCoordinator(name: MemberArguments.freshName)
        .generate(threshold: needed, members: identities, ask: ask)
    }
    Terminal.print(made, json: members.json) {
      [
        "made \(AnswerText.text(made["key"])): \(AnswerText.text(made["threshold"])) of \(AnswerText.text(made["members"])) sign",
        "public half \(AnswerText.text(made["publicKey"])), an Ed25519 key",
        "next: grant it to a client in the policy of each member; back up each member",
      ]
    }
  }
}

struct ThresholdShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the shares that members hold; public halves only.")
  @OptionGroup var members: MemberArguments

  func run() async throws {
    let shown = try await members.with { identities, ask in
      var all: [JSONValue] = []
      for member in identities { all += try await ask(member.number, "shares", [])["shares"]?.array ?? [] }
      return all
    }
    Terminal.print(["shares": .array(shown)], json: members.json) {
      shown.map { share in
        "member \(AnswerText.text(share["member"]))  \(AnswerText.text(share["key"]))  \(AnswerText.text(share["threshold"])) of \(AnswerText.text(share["members"]))"
      }
    }
  }
}

struct ThresholdSign: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign",
    abstract: "Have members sign a typed request, each after asking its own rules.")
  @Argument(help: "The key's id (`threshold show`).")
  var keyID: Root
  @Argument(
    help: ArgumentHelp("The request in the form of docs/spec of the wire, in hex.", valueName: "file"))
  var request: String
  @OptionGroup var members: MemberArguments

  func run() async throws {
    let text = String(decoding: try Terminal.read(request), as: UTF8.self)
      .split(whereSeparator: \.isWhitespace).joined()
    guard let bytes = try? Hex.decode(text), let wanted = try? SigningRequestCoding.decode(bytes) else {
      throw Complaint("'\(request)' is no signing request in hex")
    }
    let id = KeyID(keyID.bytes)
    let signature = try await members.with { identities, ask in
      guard let first = identities.first else { throw ThresholdTrouble.plan }
      let shares = try await ask(first.number, "shares", [])["shares"]?.array ?? []
      guard let share = shares.first(where: { $0["key"]?.string == id.description }),
        let group = share["group"]?.string.flatMap({ try? Hex.decode($0) })
      else { throw Complaint("member \(first.number) has no share of \(id)", code: Complaint.refused) }
      return try await ThresholdCoordinator(name: MemberArguments.freshName).sign(
        wanted, encoded: bytes, key: id, group: group, members: identities.map(\.number), ask: ask)
    }
    Terminal.print(["signature": .string(signature.description)], json: members.json) {
      [signature.description]
    }
  }
}
