import ArgumentParser
import Encodings
import SignerService
import SignerWire
import SigningRules
import WireBytes

struct KeysImport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import-eip2335",
    abstract: "Take the key of an EIP-2335 keystore into a stopped signer.",
    discussion: """
      The key is then in two places: destroy the other, and import what it signed (`watermarks import`) before it signs here.

        causeway-signer keys import-eip2335 keystore.json ed25519:vote:validator@chain-1 --password-file kp \\
          --directory ./operator --passphrase-file pass
      """)
  @Argument(help: "The keystore.", completion: .file())
  var file: String
  @Argument(help: ArgumentHelp("What it is: SUITE:PURPOSE[+PURPOSE]:LABEL.", valueName: "key"))
  var order: KeyOrderArgument
  @Option(help: ArgumentHelp("The file of the keystore's password.", valueName: "file"), completion: .file())
  var passwordFile: String
  @OptionGroup var place: PlaceArguments
  @OptionGroup var passphrase: PassphraseArguments

  func run() throws {
    let text = try Terminal.read(file)
    let password = try KeystoreText.password(passwordFile)
    let order = order.order(in: .file)
    let id = try OfflineText.with(place, passphrase) {
      offline throws(OfflineError) -> Result<KeyID, KeystoreTrouble> in
      do throws(KeystoreTrouble) {
        return .success(
          try offline.importKeystore(text, password: password, order: order, at: Clock.milliseconds))
      } catch { return .failure(error) }
    }
    switch id {
    case .success(let id):
      Terminal.print(["id": .string(id.description), "label": .string(order.label)], json: place.json) {
        ["imported \(id)", "next: grant it to a client, and import what it has signed before it signs here"]
      }
    case .failure(let error): throw Complaint(KeystoreText.text(error, file), code: Complaint.refused)
    }
  }
}

struct KeysExport: KeyProposal {
  static let configuration = CommandConfiguration(
    commandName: "export-eip2335",
    abstract: "Propose that a key leave the signer, sealed to one recipient.",
    discussion: """
      Whoever takes it over makes a recipient key (`keys recipient`), and opens with it what `execute` gives \
      (`keys open-export`). Only keys of the encrypted file can leave.

        causeway-signer keys recipient --out new-home.key
        causeway-signer keys export-eip2335 attester-0 --recipient 0x… --directory ./operator --key admin.key
        causeway-signer execute 3 --json … > export.json
        causeway-signer keys open-export export.json --recipient-file new-home.key --password-file kp --out keystore.json
      """)
  @OptionGroup var key: KeyArgument
  @Option(help: ArgumentHelp("The recipient's public key.", valueName: "hex"))
  var recipient: Root
  @OptionGroup var connection: ConnectionArguments

  func request(_ key: KeyID) -> AdminRequest {
    .propose([
      "kind": "export", "key": .string(key.description), "sealedTo": .string(recipient.bytes.description),
    ])
  }
}

struct KeysRecipient: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recipient", abstract: "Make the key to which an export is sealed.")
  @Option(help: ArgumentHelp("The new file, made with mode 0600.", valueName: "file"))
  var out: String
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    do {
      let key = try ExportRecipient.make(out)
      Terminal.print(["public": .string(key.publicKey.description), "file": .string(out)], json: json) {
        [key.publicKey.description]
      }
    } catch { throw Complaint(SignerText.text(error, out, "keys recipient")) }
  }
}

struct KeysOpenExport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open-export", abstract: "Make an EIP-2335 keystore of an approved export.")
  @Argument(help: "What `execute --json` gave.", completion: .file())
  var file: String
  @Option(help: ArgumentHelp("The recipient's key file.", valueName: "file"), completion: .file())
  var recipientFile: String
  @Option(
    help: ArgumentHelp("The file of the keystore's new password.", valueName: "file"), completion: .file())
  var passwordFile: String
  @Option(help: ArgumentHelp("The keystore's new file.", valueName: "file"))
  var out: String

  func run() throws {
    let answer = try Terminal.readJSON(file)
    guard let text = answer["sealed"]?.string, let sealed = try? Hex.decode(text),
      let name = answer["key"]?.string, let id = try? Bytes32(hex: name)
    else { throw Complaint("'\(file)' is not what `execute --json` gives for an export") }
    let password = try KeystoreText.password(passwordFile)
    do {
      let recipient = try ExportRecipient.open(recipientFile)
      let keystore = try recipient.keystore(from: sealed, key: KeyID(id), password: password)
      try Terminal.write(keystore, to: out)
      Terminal.print("wrote \(out)")
    } catch let error as PersonalKeyError {
      throw Complaint(SignerText.text(error, recipientFile, "keys recipient"))
    } catch let error as KeystoreTrouble {
      throw Complaint(KeystoreText.text(error, recipientFile), code: Complaint.refused)
    }
  }
}

enum KeystoreText {
  static func password(_ file: String) throws -> Passphrase {
    do { return try Passphrase.read(file: file) } catch { throw Complaint(SignerText.text(error, file)) }
  }

  static func text(_ error: KeystoreTrouble, _ file: String) -> String {
    switch error {
    case .form: "no keystore could be made of it"
    case .keystore(let name): "\(file) is no EIP-2335 keystore that is read here: \(name)"
    case .password: "the password does not open \(file), or somebody has changed the file"
    case .sealed: "the export is sealed to another recipient, is of another key, or was changed"
    case .length: "an EIP-2335 keystore holds 32 bytes, and a key of that suite has more"
    case .offline(let error): SignerText.text(error, "the directory")
    }
  }
}
