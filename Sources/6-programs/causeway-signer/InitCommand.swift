import ArgumentParser
import Encodings
import Foundation
import Messages
import SignerService
import SigningRules
import WireBytes

/// `causeway-signer init`.
struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make a signer of one key domain in a directory of its own.",
    discussion: """
      Keys of two domains never share a directory, a passphrase, or a process: make one signer for each. What is made: \
      secrets (encrypted under the passphrase), the signer's identity, keys, the first policy, and an anchor in another \
      place, which notices when the directory is replaced by an older copy of itself.

        causeway-signer init --directory ./operator --domain operator --passphrase-file pass \\
          --key secp256k1:attestation:attester-0@cosmos:demo-1 \\
          --client attester=0xCLIENTKEY:sign --client admin=0xADMINKEY:admin \\
          --approver 0xALICE --approver 0xBOB --approvals 2 --approval-delay 3600

      A client of role `sign` may use every key that names, behind its @, what it is for: domain ids for attestations, \
      chain ids for votes. For anything finer, and for transactions, write a policy and give it by --policy; there a \
      key may be named "label:LABEL". Without --passphrase-file the passphrase is asked for on the terminal.
      """)

  @OptionGroup var place: PlaceArguments
  @Option(help: ArgumentHelp("The key domain: user, operator, settlement or enclave.", valueName: "domain"))
  var domain: KeyDomain
  @OptionGroup var passphrase: PassphraseArguments
  @Option(
    name: .customLong("key"),
    help: ArgumentHelp(
      "Make this key: SUITE:PURPOSE[+PURPOSE]:LABEL[@ORIGIN[,…]]. Repeatable.", valueName: "key"))
  var keys: [KeyOrderArgument] = []
  @Option(
    name: .customLong("client"),
    help: ArgumentHelp(
      "Who may ask: NAME=PUBLICKEY:ROLE[+ROLE][@spiffe://…], with roles sign, admin, observe. Over TLS the client comes "
        + "with a certificate for that URI, on a socket as this user. Repeatable.",
      valueName: "client"))
  var clients: [ClientArgument] = []
  @Option(
    name: .customLong("approver"),
    help: ArgumentHelp("The key of one who approves changes (`approver new`). Repeatable.", valueName: "hex"))
  var approvers: [Root] = []
  @Option(help: "How many approvals a change needs; all of them when left out.")
  var approvals: Int?
  @Option(help: "How long, in seconds, an approved change is visible before it may take effect.")
  var approvalDelay: UInt64 = 3_600
  @Option(help: "How many signatures a minute a client, and a key, may have.")
  var perMinute: UInt64 = 200_000
  @Option(
    help: ArgumentHelp("The first policy, instead of --client and --approver.", valueName: "file"),
    completion: .file())
  var policy: String?
  @Option(help: ArgumentHelp("The PKCS#11 module of a token.", valueName: "path"), completion: .file())
  var tokenModule: String?
  @Option(help: ArgumentHelp("The label of the token in the module.", valueName: "label"))
  var tokenLabel: String?
  @Option(help: ArgumentHelp("The file of the token's PIN.", valueName: "file"), completion: .file())
  var tokenPinFile: String?
  @Option(help: ArgumentHelp("How tpm2-tss reaches the TPM, such as device:/dev/tpmrm0.", valueName: "tcti"))
  var tpm: String?
  @Option(
    help: ArgumentHelp(
      "Raise this counter of the TPM at each start, so that old copies of directory and anchor are noticed: an NV index, "
        + "0x01000000 to 0x01bfffff, or auto.", valueName: "index"))
  var tpmCounter: CounterArgument?
  @Flag(
    help:
      "Have the TPM seal what opens the secrets. Together with --passphrase-file both are needed; without it the TPM alone."
  )
  var sealWithTpm = false
  @Option(
    help: ArgumentHelp(
      "Unseal only while these registers are as they are now, such as 7 (secure boot) or 0,2,7.",
      valueName: "numbers"))
  var sealRegisters: RegistersArgument?
  @Option(help: ArgumentHelp("Where --key makes keys: file, pkcs11 or tpm.", valueName: "place"))
  var backEnd = BackEndName.file
  @Option(
    help: ArgumentHelp("The cost of guessing the passphrase: log2 of scrypt's N, 14 to 20.", valueName: "n"))
  var scryptLogN = 17
  @Option(
    help: ArgumentHelp(
      "Listen here with mutual TLS 1.3, instead of on a socket. Port 0 lets the system choose.",
      valueName: "host:port"))
  var tlsListen: HostPort?
  @Option(help: ArgumentHelp("The signer's certificates, PEM.", valueName: "file"))
  var tlsCertificates: String?
  @Option(help: ArgumentHelp("The private key of its certificate, PEM.", valueName: "file"))
  var tlsKey: String?
  @Option(help: ArgumentHelp("Who may issue clients' certificates, PEM.", valueName: "file"))
  var tlsTrust: String?

  func validate() throws {
    guard SignerCreation.scryptLog2NRange.contains(scryptLogN) else {
      throw ValidationError("--scrypt-log-n lies between 14 and 20.")
    }
    guard policy == nil || (clients.isEmpty && approvers.isEmpty) else {
      throw ValidationError("Give --policy, or --client and --approver, not both.")
    }
    guard policy != nil || !clients.isEmpty else {
      throw ValidationError(
        "Nobody could ask this signer anything: give --client NAME=PUBLICKEY:ROLE (`causeway-signer client new` makes a key), or --policy."
      )
    }
    guard (tokenModule == nil) == (tokenLabel == nil), (tokenModule == nil) == (tokenPinFile == nil) else {
      throw ValidationError("A token needs --token-module, --token-label and --token-pin-file.")
    }
    guard clients.allSatisfy({ ($0.uri == nil) == (tlsListen == nil) }) else {
      throw ValidationError(
        "Over TLS every client needs its URI, --client NAME=PUBLICKEY:ROLE@spiffe://…; on a socket none has one."
      )
    }
    guard backEnd != .pkcs11 || tokenModule != nil, backEnd != .tpm || tpm != nil else {
      throw ValidationError("Say where the token is: --token-module …, or --tpm.")
    }
    try checkChip()
  }

  /// With a seal and no file, none: the TPM opens it alone.
  private func newPassphrase() throws -> Passphrase {
    if sealWithTpm, passphrase.passphraseFile == nil { return Passphrase.absent }
    return try passphrase.read("passphrase of the new signer", isNew: true)
  }

  /// What is sealed or counted needs a TPM; registers need a seal.
  private func checkChip() throws {
    guard tpm != nil || (tpmCounter == nil && !sealWithTpm) else {
      throw ValidationError("Say which TPM: --tpm device:/dev/tpmrm0.")
    }
    guard sealWithTpm || sealRegisters == nil else {
      throw ValidationError("--seal-registers goes with --seal-with-tpm.")
    }
  }

  func run() throws {
    let creation = SignerCreation(
      directory: SignerDirectory(place.directory), domain: domain, anchors: place.anchors,
      scryptLog2N: scryptLogN,
      token: tokenModule.flatMap { module in
        tokenLabel.map { SignerConfiguration.Token(module: module, label: $0) }
      },
      chip: tpm.map { SignerConfiguration.Chip(transport: $0) }, tls: try listening(),
      counter: tpm.flatMap { transport in
        tpmCounter.map { SignerConfiguration.Counter(transport: transport, index: $0.index) }
      },
      seal: sealWithTpm
        ? SignerCreation.Seal(
          wantsPassphrase: passphrase.passphraseFile != nil, registers: sealRegisters?.numbers ?? [])
        : nil)
    let template = try policy.map { try Terminal.read($0) }
    // The kernel's help is asked before the first secret is read; only files and tokens are needed here.
    _ = ProcessHardening(filter: .off, usesTokens: tokenModule != nil || tpm != nil, usesInternet: false)
      .apply()
    let secret = try newPassphrase()
    let created: SignerCreation.Created
    do throws(SignerCreationError) {
      created = try creation.create(
        passphrase: secret, pin: try pin(), orders: keys.map { $0.order(in: backEnd) }, at: Clock.milliseconds
      ) { (made: [SignerCreation.Created.Key]) throws(SignerCreationError) -> AccessPolicy in
        try PolicyTemplate.policy(template ?? standard(made), keys: made)
      }
    } catch {
      throw Complaint(SignerText.text(error, place.directory), code: SignerText.code(error))
    }
    Terminal.print(json(created), json: place.json) { lines(created) }
  }

  private func pin() throws(SignerCreationError) -> Passphrase? {
    guard let tokenPinFile else { return nil }
    do { return try Passphrase.read(file: tokenPinFile) } catch { throw .pin(error) }
  }

  private func listening() throws -> SignerConfiguration.TLS? {
    guard let tlsListen else { return nil }
    guard let tlsCertificates, let tlsKey, let tlsTrust else {
      throw ValidationError("TLS needs --tls-listen, --tls-certificates, --tls-key and --tls-trust.")
    }
    // `run` may be called from elsewhere.
    func absolute(_ path: String) -> String { URL(fileURLWithPath: path).path }
    return SignerConfiguration.TLS(
      host: tlsListen.host, port: tlsListen.port, certificates: absolute(tlsCertificates),
      privateKey: absolute(tlsKey), trustRoots: absolute(tlsTrust))
  }

  /// A policy from the options: clients that sign may use every key for what its order names.
  private func standard(_ made: [SignerCreation.Created.Key]) -> [UInt8] {
    var grants: [JSONValue] = []
    var limits: [JSONValue] = []
    for (order, key) in zip(keys, made) where !order.places.isEmpty {
      for purpose in order.purposes.sorted(by: { $0.rawValue < $1.rawValue })
      where purpose != .transaction && purpose != .evmTransaction {
        let bounds = purpose == .vote ? "chains" : "origins"
        grants.append([
          "purpose": .string(purpose.rawValue), "keys": [.string(key.id.description)],
          bounds: .array(order.places.map(JSONValue.string)),
        ])
        limits.append([
          "key": .string(key.id.description), "purpose": .string(purpose.rawValue),
          "perMinute": .number(String(perMinute)),
        ])
      }
    }
    let listed = clients.map { client -> JSONValue in
      [
        "name": .string(client.name), "key": .string(client.key.description),
        "peers": [client.uri.map { ["spiffe": .string($0)] } ?? ["uid": .number(String(getuid()))]],
        "roles": .array(client.roles.map { .string($0.rawValue) }), "perMinute": .number(String(perMinute)),
        "grants": client.roles.contains(.sign) ? .array(grants) : [],
      ]
    }
    let document: JSONValue = [
      "version": 1, "domain": .string(domain.rawValue), "clients": .array(listed),
      "keyLimits": clients.contains { $0.roles.contains(.sign) } ? .array(limits) : [],
      "approvers": [
        "threshold": .number(String(approvers.isEmpty ? 0 : approvals ?? approvers.count)),
        "keys": .array(approvers.map { .string($0.bytes.description) }),
        "delaySeconds": .number(String(approvers.isEmpty ? 0 : approvalDelay)),
        "expirySeconds": .number(String(approvers.isEmpty ? 0 : approvalDelay + 7 * 86_400)),
      ],
      "alarms": [
        "rate": ["factor": 8, "floorPerMinute": 600, "action": "note"],
        "newPurpose": ["action": "note"], "unknownClient": ["action": "note"],
      ],
    ]
    return [UInt8](document.text().utf8)
  }

  private func json(_ created: SignerCreation.Created) -> JSONValue {
    let directory = SignerDirectory(place.directory)
    return [
      "schema": "causeway.signer.init/1", "directory": .string(directory.path),
      "domain": .string(domain.rawValue), "vault": .string(created.configuration.vault.description),
      "identity": .string(created.configuration.identity.description),
      "anchors": .string(created.configuration.anchors), "socket": .string(directory.socket),
      "policy": .string(created.policy.contentHash.description),
      "keys": .array(
        created.keys.map { key in
          [
            "id": .string(key.id.description), "label": .string(key.label),
            "suite": .string(key.suite.rawValue), "public": .string(Hex.encode(key.publicKey)),
            "purposes": .array(key.purposes.map(\.rawValue).sorted().map(JSONValue.string)),
          ]
        }),
    ]
  }

  private func lines(_ created: SignerCreation.Created) -> [String] {
    var table = Table()
    table.row("domain", domain.rawValue)
    table.row("vault", created.configuration.vault.description)
    table.row("identity", created.configuration.identity.description)
    table.row("anchor in", created.configuration.anchors)
    table.row("policy", created.policy.contentHash.description)
    for key in created.keys {
      table.row("key \(key.label)", "\(key.id) \(key.suite.rawValue) \(Hex.encode(key.publicKey))")
    }
    return ["made a signer in \(place.directory)"] + table.lines + [
      "next: causeway-signer run --directory \(place.directory)"
        + (passphrase.passphraseFile.map { " --passphrase-file \($0)" } ?? ""),
      "then: seal a backup before the keys guard anything (`causeway-signer backup create --help`)",
    ]
  }
}

extension KeyOrderArgument {
  func order(in backEnd: BackEndName) -> KeyOrder {
    KeyOrder(
      label: label, suite: suite, purposes: purposes,
      origin: purposes.contains(.foreignAttestation) ? origin : nil, backEnd: backEnd)
  }
}

/// `NAME=PUBLICKEY:ROLE[+ROLE…][@URI]`.
struct ClientArgument: ExpressibleByArgument {
  let name: String
  let key: Bytes32
  let roles: [ClientRole]
  /// How its certificate names it, over TLS.
  let uri: String?

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, (try? ClientName(String(parts[0]))) != nil else { return nil }
    let halves = parts[1].split(separator: "@", maxSplits: 1)
    guard let first = halves.first else { return nil }
    uri = halves.count == 2 ? String(halves[1]) : nil
    if let uri { guard uri.hasPrefix("spiffe://") else { return nil } }
    let rest = first.split(separator: ":")
    guard rest.count == 2, let key = Root(argument: String(rest[0])) else { return nil }
    var roles: [ClientRole] = []
    for word in rest[1].split(whereSeparator: { $0 == "+" || $0 == "," }) {
      guard let role = ClientRole(rawValue: String(word)), !roles.contains(role) else { return nil }
      roles.append(role)
    }
    guard !roles.isEmpty else { return nil }
    name = String(parts[0])
    self.key = key.bytes
    self.roles = roles
  }
}

/// An NV index of a TPM's owner, or `auto`: one at random among those that nobody assigns.
struct CounterArgument: ExpressibleByArgument {
  let index: UInt32

  init?(argument: String) {
    if argument == "auto" {
      index = UInt32.random(in: 0x0180_0000...0x01bf_ffff)
      return
    }
    guard argument.hasPrefix("0x"), let index = UInt32(argument.dropFirst(2), radix: 16),
      SignerConfiguration.Counter.indices.contains(index)
    else { return nil }
    self.index = index
  }
}

/// Numbers of registers, 0 to 23, with commas between.
struct RegistersArgument: ExpressibleByArgument {
  let numbers: Set<Int>

  init?(argument: String) {
    var numbers: Set<Int> = []
    for word in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let number = Int(word), (0..<24).contains(number), numbers.insert(number).inserted else {
        return nil
      }
    }
    self.numbers = numbers
  }
}

/// What every verb takes that opens a directory itself.
struct PlaceArguments: ParsableArguments {
  @Option(
    name: .shortAndLong, help: ArgumentHelp("The signer's directory.", valueName: "dir"),
    completion: .directory)
  var directory: String
  @Option(
    help: ArgumentHelp(
      "Where its anchor lies: another disk or machine is best. Without it, the one of `init`, or "
        + "$XDG_STATE_HOME/causeway-signer/anchors.", valueName: "dir"), completion: .directory)
  var anchorDirectory: String?
  @Flag(help: "Print JSON.")
  var json = false

  /// For a new signer.
  var anchors: String { anchorDirectory ?? Self.standardAnchors }

  private static var standardAnchors: String {
    let environment = ProcessInfo.processInfo.environment
    let state = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
    let home = environment["HOME"] ?? "."
    return (state ?? home + "/.local/state") + "/causeway-signer/anchors"
  }
}

/// What opens the secrets.
struct PassphraseArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A file, readable by its owner alone, whose first line is the passphrase; otherwise it is asked for.",
      valueName: "file"), completion: .file())
  var passphraseFile: String?

  /// Nothing, where a TPM opens the secrets alone.
  func read(_ question: String, for configuration: SignerConfiguration) throws -> Passphrase {
    guard configuration.seal?.wantsPassphrase == false else { return try read(question) }
    guard passphraseFile == nil else {
      throw Complaint(
        SignerText.text(SealTrouble.passphraseUnwanted, "the signer's directory"), code: Complaint.usage)
    }
    return Passphrase.absent
  }

  func read(_ question: String, isNew: Bool = false) throws -> Passphrase {
    do throws(PassphraseError) {
      if let passphraseFile { return try Passphrase.read(file: passphraseFile) }
      return try Passphrase.ask(question, twice: isNew)
    } catch {
      throw Complaint(SignerText.text(error, passphraseFile ?? "the terminal"))
    }
  }
}

enum Clock {
  /// ms since 1970.
  static var milliseconds: UInt64 { UInt64(max(0, Date().timeIntervalSince1970 * 1_000)) }
}
