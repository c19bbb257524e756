public import Encodings
public import SignerJournal
public import SigningRules
public import WireBytes

/// Why `signer.json` is not used.
public enum SignerConfigurationError: Error, Hashable, Sendable {
  case file(FileCallError)
  /// There is none: no signer was made in this directory.
  case absent
  case json(JSONError)
  /// This member is missing, not of its form, or not one that is known.
  case member(String)
}

/// What a signer is, as `signer.json` has it: nothing here is secret, and nothing here decides what may be signed.
public struct SignerConfiguration: Hashable, Sendable {
  /// A PKCS#11 module, and the token in it. Its PIN is the vault's secret ``SignerSecret/tokenPIN``.
  public struct Token: Hashable, Sendable {
    public let module: String
    public let label: String

    public init(module: String, label: String) {
      self.module = module
      self.label = label
    }
  }

  /// A TPM 2.0, by how tpm2-tss reaches it. Its authorisation is the vault's secret ``SignerSecret/chipAuthorisation``.
  public struct Chip: Hashable, Sendable {
    public let transport: String

    public init(transport: String) { self.transport = transport }
  }

  /// A counter in a TPM 2.0 that every start raises: it notices that directory and anchor were put back together. Its
  /// authorisation is the vault's secret ``SignerSecret/counterAuthorisation``, so that no other counter is taken for it.
  public struct Counter: Hashable, Sendable {
    /// The owner's indices (TCG registry of reserved TPM 2.0 handles and localities, section 2.2).
    public static let indices: ClosedRange<UInt32> = 0x0100_0000...0x01bf_ffff
    public let transport: String
    /// Of the NV index; one of ``indices``.
    public let index: UInt32

    public init(transport: String, index: UInt32) {
      self.transport = transport
      self.index = index
    }
  }

  /// The TPM of ``chip`` must give 32 bytes (`secrets.sealed`) before the file of secrets opens.
  public struct Seal: Hashable, Sendable {
    /// A passphrase is wanted as well; otherwise the TPM opens it alone.
    public let wantsPassphrase: Bool

    public init(wantsPassphrase: Bool) { self.wantsPassphrase = wantsPassphrase }
  }

  /// Where it listens instead of on its socket: mutual TLS 1.3. Files are PEM.
  public struct TLS: Hashable, Sendable {
    public let host: String
    /// 0 lets the system choose; `run` prints which.
    public let port: Int
    public let certificates: String
    public let privateKey: String
    /// Who may have issued a client's certificate.
    public let trustRoots: String

    public init(host: String, port: Int, certificates: String, privateKey: String, trustRoots: String) {
      self.host = host
      self.port = port
      self.certificates = certificates
      self.privateKey = privateKey
      self.trustRoots = trustRoots
    }
  }

  public static let schema = "causeway.signer/1"

  public let domain: KeyDomain
  /// That of its secrets, its records and its anchor.
  public let vault: Bytes32
  /// The Ed25519 key by which clients know it.
  public let identity: Bytes32
  /// The folder of the anchor: elsewhere than the directory, so that a copy of one does not bring back the other.
  public let anchors: String
  public let token: Token?
  public let chip: Chip?
  public let seal: Seal?
  public let tls: TLS?
  public let counter: Counter?

  public init(
    domain: KeyDomain, vault: Bytes32, identity: Bytes32, anchors: String, token: Token? = nil,
    chip: Chip? = nil, tls: TLS? = nil, counter: Counter? = nil, seal: Seal? = nil
  ) {
    self.domain = domain
    self.vault = vault
    self.identity = identity
    self.anchors = anchors
    self.token = token
    self.chip = chip
    self.tls = tls
    self.counter = counter
    self.seal = seal
  }

  /// The same signer with its anchor in another folder.
  public func moved(anchors: String) -> SignerConfiguration {
    SignerConfiguration(
      domain: domain, vault: vault, identity: identity, anchors: anchors, token: token, chip: chip, tls: tls,
      counter: counter, seal: seal)
  }

  /// The same signer with another file of secrets, which no TPM has sealed.
  public func unsealed() -> SignerConfiguration {
    SignerConfiguration(
      domain: domain, vault: vault, identity: identity, anchors: anchors, token: token, chip: chip, tls: tls,
      counter: counter)
  }

  /// Reads a directory's.
  public static func read(
    _ directory: SignerDirectory, files: any DurableFiles = SystemFiles()
  ) throws(SignerConfigurationError) -> SignerConfiguration {
    let bytes: [UInt8]?
    do { bytes = try StateFile.read(directory.configuration, files) } catch { throw .file(error) }
    guard let bytes else { throw .absent }
    return try SignerConfiguration(decoding: bytes)
  }

  public init(decoding bytes: [UInt8]) throws(SignerConfigurationError) {
    let value: JSONValue
    do { value = try JSONValue(decoding: bytes, limits: JSONLimits(sizeBytes: 1 << 16, depth: 8)) } catch {
      throw .json(error)
    }
    let root = try Members(
      value, "signer",
      known: [
        "schema", "domain", "vault", "identity", "anchors", "token", "chip", "tls", "counter", "seal",
      ])
    guard try root.text("schema") == Self.schema else { throw .member("schema") }
    guard let domain = KeyDomain(rawValue: try root.text("domain")) else { throw .member("domain") }
    self.domain = domain
    vault = try root.bytes32("vault")
    identity = try root.bytes32("identity")
    anchors = try root.text("anchors")
    token =
      if let part = try root.part("token", known: ["module", "label"]) {
        Token(module: try part.text("module"), label: try part.text("label"))
      } else { nil }
    chip =
      if let part = try root.part("chip", known: ["transport"]) {
        Chip(transport: try part.text("transport"))
      } else { nil }
    if let part = try root.part("seal", known: ["wantsPassphrase"]) {
      guard let wantsPassphrase = part.members["wantsPassphrase"]?.boolean, chip != nil else {
        throw .member("seal.wantsPassphrase")
      }
      seal = Seal(wantsPassphrase: wantsPassphrase)
    } else {
      seal = nil
    }
    if let part = try root.part("tls", known: ["host", "port", "certificates", "privateKey", "trustRoots"]) {
      guard let port = part.members["port"]?.integer(Int.self), (0...65_535).contains(port) else {
        throw .member("tls.port")
      }
      tls = TLS(
        host: try part.text("host"), port: port, certificates: try part.text("certificates"),
        privateKey: try part.text("privateKey"), trustRoots: try part.text("trustRoots"))
    } else {
      tls = nil
    }
    if let part = try root.part("counter", known: ["transport", "index"]) {
      let text = try part.text("index")
      // One spelling: 0x and eight digits.
      guard text.hasPrefix("0x"), let index = UInt32(text.dropFirst(2), radix: 16), Self.text(index) == text,
        Counter.indices.contains(index)
      else { throw .member("counter.index") }
      counter = Counter(transport: try part.text("transport"), index: index)
    } else {
      counter = nil
    }
  }

  private static func text(_ index: UInt32) -> String {
    let digits = String(index, radix: 16)
    return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
  }

  public func encoded() -> [UInt8] {
    var members: [String: JSONValue] = [
      "schema": .string(Self.schema), "domain": .string(domain.rawValue), "vault": .string(vault.description),
      "identity": .string(identity.description), "anchors": .string(anchors),
    ]
    if let token { members["token"] = ["module": .string(token.module), "label": .string(token.label)] }
    if let chip { members["chip"] = ["transport": .string(chip.transport)] }
    if let seal { members["seal"] = ["wantsPassphrase": .boolean(seal.wantsPassphrase)] }
    if let tls {
      members["tls"] = [
        "host": .string(tls.host), "port": .number(String(tls.port)),
        "certificates": .string(tls.certificates), "privateKey": .string(tls.privateKey),
        "trustRoots": .string(tls.trustRoots),
      ]
    }
    if let counter {
      members["counter"] = [
        "transport": .string(counter.transport), "index": .string(Self.text(counter.index)),
      ]
    }
    return [UInt8]((JSONValue.object(members).text(pretty: true) + "\n").utf8)
  }

  /// What the process must be able to do, for its hardening.
  public func hardening(_ filter: ProcessHardening.FilterMode) -> ProcessHardening {
    ProcessHardening(
      filter: filter, usesTokens: token != nil || chip != nil || counter != nil, usesInternet: tls != nil)
  }

  /// The members of one object; one that is not known is refused.
  private struct Members {
    let members: [String: JSONValue]
    private let name: String

    init(_ value: JSONValue, _ name: String, known: Set<String>) throws(SignerConfigurationError) {
      guard let members = value.object else { throw .member(name) }
      if let other = members.keys.sorted().first(where: { !known.contains($0) }) { throw .member(other) }
      self.members = members
      self.name = name
    }

    func text(_ member: String) throws(SignerConfigurationError) -> String {
      guard let text = members[member]?.string, !text.isEmpty else { throw .member(member) }
      return text
    }

    func bytes32(_ member: String) throws(SignerConfigurationError) -> Bytes32 {
      let text = try text(member)
      guard let bytes = try? Bytes32(hex: text), bytes.description == text else { throw .member(member) }
      return bytes
    }

    func part(_ member: String, known: Set<String>) throws(SignerConfigurationError) -> Members? {
      guard let value = members[member] else { return nil }
      return try Members(value, member, known: known)
    }
  }
}

/// What the vault keeps beside keys, by name.
enum SignerSecret {
  /// The seed of the Ed25519 key by which clients know the signer.
  static let identity = "identity"
  /// The hash of the policy in force: a policy file that somebody else wrote is not used.
  static let policy = "policy"
  static let tokenPIN = "token-pin"
  static let chipAuthorisation = "chip-authorisation"
  /// Of the TPM's counter: 32 random bytes.
  static let counterAuthorisation = "counter-authorisation"
  /// A proposal to go on with contradicted records, and its approvals.
  static let adoption = "adoption"
  /// The hash of the watermarks that a restore brought, until they are adopted.
  static let restoredMarks = "restored-marks"
}
