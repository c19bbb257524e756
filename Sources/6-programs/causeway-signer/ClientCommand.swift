import ArgumentParser
import Encodings
import SignerAccess
import SignerService
import SignerWire
import SigningRules
import WireBytes

/// `causeway-signer client`.
struct ClientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client",
    abstract: "Make the key by which a client shows who it is.",
    subcommands: [ClientNew.self, ClientShow.self])
}

struct ClientNew: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Make a client's key file, and print its public key for `init --client` or a policy.",
    discussion: """
        causeway-signer client new --out attester.key
        causeway-signer init … --client attester=0x…:sign
      """)
  @Option(help: ArgumentHelp("The new file, made with mode 0600.", valueName: "file"))
  var out: String
  @Option(
    help: ArgumentHelp("The identity of the signer it is for, when there is one already.", valueName: "hex"))
  var signer: Root?
  @Option(help: ArgumentHelp("The key domain of that signer.", valueName: "domain"))
  var domain: KeyDomain?
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    do {
      let file = try ClientKeyFile.make(out, domain: domain, signer: signer?.bytes)
      ClientShow.print(file.key.publicKey, out, json: json)
    } catch { throw Complaint(ClientKeyArgument.text(error, out)) }
  }
}

struct ClientShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print the public key of a client's key file.")
  @Argument(help: "The file.", completion: .file())
  var file: String
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws { Self.print(try ClientKeyArgument.open(file).key.publicKey, file, json: json) }

  static func print(_ publicKey: Bytes32, _ file: String, json: Bool) {
    Terminal.print(["public": .string(publicKey.description), "file": .string(file)], json: json) {
      [publicKey.description]
    }
  }
}

/// A client's key file, with failures in words.
enum ClientKeyArgument {
  static func open(_ path: String) throws -> ClientKeyFile {
    do { return try ClientKeyFile.open(path) } catch { throw Complaint(text(error, path)) }
  }

  static func text(_ error: ClientKeyFileError, _ path: String) -> String {
    switch error {
    case .exists: "\(path) exists: it is not overwritten"
    case .missing:
      "there is no client key in \(path): make one with `causeway-signer client new --out \(path)`"
    case .permissions(let mode):
      "\(path) may be read by others (mode \(String(mode, radix: 8))): `chmod 600 \(path)`, and think about who has read it"
    case .tooLarge, .form: "\(path) is no client key file"
    case .write: "\(path) cannot be written"
    }
  }
}
