import Encodings
import Foundation
import SignerAccess
import SignerWire
import SigningRules
import Testing
import WireBytes

/// A signer whose keys live in a token or a TPM, with an administrator and a client that signs; nobody has to approve.
final class TokenHome {
  enum Place: Sendable {
    case token(SoftToken)
    case chip(SoftTPM)

    var backEnd: String {
      switch self {
      case .token: "pkcs11"
      case .chip: "tpm"
      }
    }

    /// For processes that use it.
    var environment: [String: String] {
      switch self {
      case .token(let token): token.environment
      // tpm2-tss would write a line for each refusal that is tested.
      case .chip: ["TSS2_LOG": "all+none"]
      }
    }
  }

  static let origin = "cosmos:demo-1"
  static let chain = "demo-1"
  static let typeURL = "/ibc.core.channel.v2.MsgRecvPacket"

  let folder: Folder
  let place: Place
  var signer: String { folder.path + "/signer" }
  var passphrase: String { folder.path + "/pass" }
  var pin: String { folder.path + "/pin" }
  private var environment: [String: String]

  /// - Parameters:
  ///   - options: further ones of `init`; `--passphrase-file` is among them unless `isSealed`.
  ///   - expected: the exit code of `init`.
  init(_ place: Place, pin: String = SoftToken.pin, options: [String] = [], isSealed: Bool = false) throws {
    folder = try Folder()
    self.place = place
    environment = place.environment
    try SignerStoryTests.Home.write("a passphrase\n", to: passphrase)
    try SignerStoryTests.Home.write(pin + "\n", to: self.pin)
    var arguments = [
      "init", "--directory", signer, "--domain", "operator", "--anchor-directory", folder.path + "/anchors",
      "--scrypt-log-n", "14", "--json",
    ]
    if !isSealed { arguments += ["--passphrase-file", passphrase] }
    for (name, roles) in [("admin", "admin+observe"), ("attester", "sign")] {
      let made = try SignerProgram.run(["client", "new", "--out", folder.path + "/" + name])
      try #require(made.code == 0, "\(made.complaint)")
      let key = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
      arguments += ["--client", "\(name)=\(key):\(roles)"]
    }
    switch place {
    case .token(let token):
      arguments += [
        "--token-module", token.modulePath, "--token-label", SoftToken.label, "--token-pin-file", self.pin,
      ]
    case .chip(let chip): arguments += ["--tpm", chip.transport]
    }
    made = try SignerProgram.run(arguments + options, environment: environment)
  }

  /// What `init` said.
  private(set) var made = SignerProgram.Run(code: -1, wasKilled: false, output: "", complaint: "")

  deinit { folder.remove() }

  func ask(_ arguments: [String]) throws -> SignerProgram.Run {
    try SignerProgram.run(
      arguments + ["--directory", signer, "--key", folder.path + "/admin", "--json"], environment: environment
    )
  }

  /// A verb that opens the directory itself.
  func open(_ arguments: [String], passphrase: Bool = true) throws -> SignerProgram.Run {
    try SignerProgram.run(
      arguments + ["--directory", signer] + (passphrase ? ["--passphrase-file", self.passphrase] : []),
      environment: environment)
  }

  /// The signer, in a process of its own under its filter.
  func serve(passphrase: Bool = true) throws -> Serving {
    try Serving(
      ["run", "--directory", signer] + (passphrase ? ["--passphrase-file", self.passphrase] : []),
      environment: environment, complaints: folder.path + "/complaints")
  }

  final class Serving {
    let process = Process()
    let ready: String
    private let complaintsPath: String
    /// What it wrote on standard error.
    var complaints: String { (try? String(contentsOfFile: complaintsPath, encoding: .utf8)) ?? "" }

    init(_ arguments: [String], environment: [String: String], complaints: String) throws {
      complaintsPath = complaints
      try Data().write(to: URL(fileURLWithPath: complaints))
      let output = Pipe()
      process.executableURL = URL(fileURLWithPath: SignerProgram.path)
      process.arguments = arguments
      process.environment = SignerProgram.environment.merging(environment) { _, new in new }
      process.standardOutput = output
      process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: complaints))
      try process.run()
      ready = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    }

    /// SIGTERM, and the exit code.
    func stop() -> Int32 {
      process.terminate()
      process.waitUntilExit()
      return process.terminationStatus
    }

    /// A test that failed leaves none behind.
    deinit {
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
  }

  /// The client that signs.
  func client() throws -> SignerClient {
    let configuration = try JSONValue(
      decoding: [UInt8](try Data(contentsOf: URL(fileURLWithPath: signer + "/signer.json"))))
    let file = try ClientKeyFile.open(folder.path + "/attester")
    return SignerClient(
      endpoint: .unix(path: signer + "/signer.sock"), key: file.key,
      signer: try Bytes32(hex: try #require(configuration["identity"]?.string)), domain: .operator)
  }

  /// Every key that there is, as `keys list` shows it, sorted by label.
  func keys() throws -> [SignerKey] {
    let answer = try ask(["keys", "list"])
    try #require(answer.code == 0, "\(answer.complaint)")
    return try #require(try answer.json()["keys"]?.array).map { try SignerKey(json: $0) }
      .sorted { $0.label < $1.label }
  }

  /// Makes a key through the running signer.
  func generate(_ suite: KeySuite, on backEnd: String? = nil) throws -> SignerProgram.Run {
    let purposes = suite.signsForChains ? "attestation+vote+transaction" : "attestation"
    return try ask([
      "keys", "generate", "\(suite.rawValue):\(purposes):\(suite.rawValue)-key", "--back-end",
      backEnd ?? place.backEnd,
    ])
  }

  /// Puts a policy in force, on the stopped signer, by which the client may use every key for all that it is for.
  func grantAll(_ keys: [SignerKey], passphrase: Bool = true) throws {
    let text = try Data(contentsOf: URL(fileURLWithPath: signer + "/policy.json"))
    var policy = try #require(try JSONValue(decoding: [UInt8](text)).object)
    var clients = try #require(policy["clients"]?.array)
    let place = try #require(clients.firstIndex { $0["name"]?.string == "attester" })
    var client = try #require(clients[place].object)
    let all = JSONValue.array(keys.map { .string($0.id.description) })
    let forChains = JSONValue.array(
      keys.filter { $0.suite.signsForChains }.map { .string($0.id.description) })
    var grants: [JSONValue] = [["purpose": "attestation", "keys": all, "origins": [.string(Self.origin)]]]
    if forChains.array?.isEmpty == false {
      grants += [
        ["purpose": "vote", "keys": forChains, "chains": [.string(Self.chain)]],
        [
          "purpose": "transaction", "keys": forChains, "chains": [.string(Self.chain)],
          "typeURLs": [.string(Self.typeURL)], "feeMax": [["denom": "stake", "amount": "1000"]],
          "gasMax": 1_000_000,
        ],
      ]
    }
    client["grants"] = .array(grants)
    clients[place] = .object(client)
    policy["clients"] = .array(clients)
    policy["keyLimits"] = .array(
      keys.flatMap { key in
        key.purposes.map(\.rawValue).sorted().map { purpose in
          ["key": .string(key.id.description), "purpose": .string(purpose), "perMinute": 1_000_000]
        }
      })
    let file = folder.path + "/granting"
    try? FileManager.default.removeItem(atPath: file)
    try SignerStoryTests.Home.write(JSONValue.object(policy).text(), to: file)
    let set = try open(["policy", "set", file], passphrase: passphrase)
    try #require(set.code == 0, "\(set.complaint)")
  }
}

extension KeySuite {
  /// Chains take votes and transactions by secp256k1 and Ed25519 only.
  var signsForChains: Bool { self == .secp256k1 || self == .ed25519 }
}
