import ArgumentParser
import Attestation
import EnclaveService
import Encodings
import Messages
import WireBytes

/// `causeway-enclave status`.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Say what runs, which keys it holds, and how much it has answered.")

  @OptionGroup var place: SocketArguments

  func run() async throws {
    let status = try await place.ask { try await $0.status() }
    guard !place.json else { return Terminal.print(status.json.text()) }
    Terminal.print("platform  \(status.platform)\(status.isSimulated ? " (nothing vouches for it)" : "")")
    Terminal.print("program   \(Hex.encode(status.identity.program.span))")
    Terminal.print("policy    \(Hex.encode(status.identity.policy.span))")
    Terminal.print("answers   \(status.answers)")
    if status.failed { Terminal.print("failed    nothing can be written down: start it again") }
    if let followed = status.followed {
      Terminal.print("followed  \(followed.chainID) to height \(followed.height)")
    }
    for registration in status.registrations {
      Terminal.print(
        "keys      \(Hex.encode(registration.id.span)) sequence \(registration.sequence), until \(registration.expires)"
      )
    }
    if status.registrations.isEmpty { Terminal.print("keys      none: rotate makes them") }
  }
}

/// `causeway-enclave rotate`.
struct RotateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract: "Make new keys with new evidence; older ones open and sign until they expire.",
    discussion: """
      The block says that the keys are not older than it: give a recent one of the settlement domain. What is printed is \
      registered there.

        causeway-enclave rotate --socket ./enclave/s --height 1200 --hash 0xBLOCKHASH
      """)

  @OptionGroup var place: SocketArguments
  @Option(help: ArgumentHelp("Height of a recent block of the settlement domain.", valueName: "height"))
  var height: UInt64
  @Option(help: ArgumentHelp("Its hash.", valueName: "hash"))
  var hash: String

  func run() async throws {
    let anchor = EnclaveAnchor(height: height, hash: try HexArgument.hash(hash, "--hash"))
    RegistrationText.print(try await place.ask { try await $0.rotate(anchor) }, json: place.json)
  }
}

/// `causeway-enclave evidence`.
struct EvidenceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evidence",
    abstract: "Print keys with the platform's evidence: of the newest, or of one registration.")

  @OptionGroup var place: SocketArguments
  @Option(help: ArgumentHelp("The registration; the newest when left out.", valueName: "hash"))
  var registration: String?

  func run() async throws {
    let wanted = try registration.map { try HexArgument.hash($0, "--registration") }
    let answer = try await place.ask { client in
      if let wanted { try await client.evidence(of: wanted) } else { try await client.keys() }
    }
    RegistrationText.print(answer, json: place.json)
  }
}

enum RegistrationText {
  static func print(_ registration: EnclaveRegistration, json: Bool) {
    let keys = registration.keys
    let members: [(name: String, value: String)] = [
      ("registration", Hex.encode(registration.id.span)), ("sequence", String(keys.sequence)),
      ("expires", String(keys.expires)), ("platform", registration.evidence.platform.rawValue),
      ("keys", Hex.encode(keys.encoded())), ("evidence", Hex.encode(registration.evidence.encoded())),
    ]
    if json {
      Terminal.print(
        JSONValue.object(
          Dictionary(uniqueKeysWithValues: members.map { ($0.name, JSONValue.string($0.value)) })
        ).text())
    } else {
      for member in members { Terminal.print("\(member.name)  \(member.value)") }
    }
  }
}
