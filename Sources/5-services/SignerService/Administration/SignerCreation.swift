public import Encodings
internal import KeyVault
public import Messages
internal import Secrets
public import SignerJournal
import SignerWire
public import SigningRules
import WireBytes

/// Why no signer was made.
public enum SignerCreationError: Error, Hashable, Sendable {
  case directory(FileCallError)
  /// There is a signer in the directory, or what is left of one.
  case exists
  case vault(VaultTrouble)
  /// This key could not be made.
  case key(label: String, KeyTrouble)
  /// Two keys with one label.
  case label(String)
  case policyFile(PolicyFileError)
  case policy(AccessPolicyError)
  /// The policy names a key by a label that no key has.
  case unknownLabel(String)
  case pin(PassphraseError)
  /// The TPM does not keep what would open the vault.
  case seal(SealTrouble)
  /// The policy is no JSON.
  case json(JSONError)
  case records(StartRefusal)
  /// The first records could not be written.
  case write(RecordFailure)
}

/// A key to be made.
public struct KeyOrder: Hashable, Sendable {
  public let label: String
  public let suite: KeySuite
  public let purposes: Set<KeyPurpose>
  /// The one origin that a key for a foreign format serves.
  public let origin: DomainID?
  public let backEnd: BackEndName

  public init(
    label: String, suite: KeySuite, purposes: Set<KeyPurpose>, origin: DomainID? = nil,
    backEnd: BackEndName = .file
  ) {
    self.label = label
    self.suite = suite
    self.purposes = purposes
    self.origin = origin
    self.backEnd = backEnd
  }
}

/// Where a key's private half lies.
public enum BackEndName: String, Hashable, Sendable, CaseIterable {
  case file
  case pkcs11
  case tpm
}

extension BackEndKind {
  init(_ name: BackEndName) {
    self =
      switch name {
      case .file: .file
      case .pkcs11: .pkcs11
      case .tpm: .tpm
      }
  }
}

/// Makes a signer of one key domain in an empty directory.
public struct SignerCreation: Sendable {
  public let directory: SignerDirectory
  public let domain: KeyDomain
  public let anchors: String
  /// scrypt's N, as a power of two.
  public let scryptLog2N: Int
  public let token: SignerConfiguration.Token?
  public let chip: SignerConfiguration.Chip?
  public let tls: SignerConfiguration.TLS?
  /// Whether what opens the vault is sealed by the TPM of ``chip``, in these registers' present values.
  public let seal: Seal?
  /// To be made in its TPM.
  public let counter: SignerConfiguration.Counter?
  private let files: any DurableFiles

  public static let scryptLog2NRange = 14...20

  public init(
    directory: SignerDirectory, domain: KeyDomain, anchors: String, scryptLog2N: Int = 17,
    token: SignerConfiguration.Token? = nil, chip: SignerConfiguration.Chip? = nil,
    tls: SignerConfiguration.TLS? = nil, counter: SignerConfiguration.Counter? = nil,
    seal: Seal? = nil, files: any DurableFiles = SystemFiles()
  ) {
    self.directory = directory
    self.domain = domain
    self.anchors = anchors
    self.scryptLog2N = scryptLog2N
    self.token = token
    self.chip = chip
    self.tls = tls
    self.seal = seal
    self.counter = counter
    self.files = files
  }

  /// How the TPM keeps what opens the vault.
  public struct Seal: Hashable, Sendable {
    public let wantsPassphrase: Bool
    /// 0 to 23, of the SHA-256 bank; none binds it to the TPM alone.
    public let registers: Set<Int>

    public init(wantsPassphrase: Bool, registers: Set<Int>) {
      self.wantsPassphrase = wantsPassphrase
      self.registers = registers
    }
  }

  /// What was made.
  public struct Created: Hashable, Sendable {
    public struct Key: Hashable, Sendable {
      public let id: KeyID
      public let label: String
      public let suite: KeySuite
      public let publicKey: [UInt8]
      public let purposes: Set<KeyPurpose>
    }

    public let configuration: SignerConfiguration
    public let keys: [Key]
    public let policy: AccessPolicy
  }

  /// Makes it: secrets, identity, keys, policy, records with their anchor, and `signer.json` last, so that a directory with
  /// one is whole.
  ///
  /// - Parameters:
  ///   - secrets: PIN of the token and authorisation of the TPM, where there are such.
  ///   - policy: the policy, made when the keys are known.
  ///   - time: ms since 1970.
  public func create(
    passphrase: borrowing Passphrase, pin: consuming Passphrase?, orders: [KeyOrder], at time: UInt64,
    policy: ([Created.Key]) throws(SignerCreationError) -> AccessPolicy
  ) throws(SignerCreationError) -> Created {
    var labels: Set<String> = []
    for order in orders where !labels.insert(order.label).inserted { throw .label(order.label) }
    try prepare()
    let cost = ScryptCost(n: 1 << UInt32(scryptLog2N), r: 8, p: 1)
    let sealing = seal.map { SignerConfiguration.Seal(wantsPassphrase: $0.wantsPassphrase) }
    let opening = try opening(sealing, passphrase)
    let secrets: FileBackEnd
    let identity: Bytes32
    do {
      secrets = try FileBackEnd.create(
        path: directory.secrets, domain: domain, passphrase: opening, cost: cost)
      identity = try IdentitySecret.make(in: secrets).publicKey
      if let pin = consume pin {
        try secrets.store(
          pin.bytes.copy(), named: token != nil ? SignerSecret.tokenPIN : SignerSecret.chipAuthorisation)
      }
    } catch {
      throw error == .exists ? .exists : .vault(VaultTrouble(error))
    }
    let configuration = SignerConfiguration(
      domain: domain, vault: secrets.vaultID, identity: identity, anchors: anchors, token: token, chip: chip,
      tls: tls, counter: counter, seal: sealing)
    let chips = SignerChips(configuration, secrets)
    let (keys, mark) = try generate(orders, secrets, configuration, chips, at: time)
    let policy = try policy(keys)
    do {
      try PolicyFile(directory: directory, files: files).replace(with: policy, secrets)
    } catch { throw .policyFile(error) }
    try begin(secrets, configuration, chips, mark, at: time)
    do {
      try StateFile.replace(directory.configuration, with: configuration.encoded(), files)
    } catch { throw .directory(error) }
    return Created(configuration: configuration, keys: keys, policy: policy)
  }

  /// Makes the counter, where one is asked for, and the records, and begins their first epoch: a copy of this very moment is
  /// an old one as soon as the signer runs.
  private func begin(
    _ secrets: FileBackEnd, _ configuration: SignerConfiguration, _ chips: SignerChips, _ mark: KeysMark,
    at time: UInt64
  ) throws(SignerCreationError) {
    let raised: (any MonotonicCounter)?
    do {
      if configuration.counter != nil { try OpenCounter.make(configuration, secrets, chips) }
      raised = try OpenCounter.open(configuration, secrets, chips)
    } catch { throw .records(.counter(error)) }
    let places = SignerPlaces(state: directory.path, anchors: anchors)
    let vault = VaultID(secrets.vaultID)
    do {
      try SignerRecords.create(places, vault: vault, files: files)
      var records = try SignerRecords.open(
        places, vault: vault, files: files, counter: raised, at: time
      ) { _ in }
      try records.append(CoreRecord.keys(mark).encoded())
      try records.commit()
    } catch let error as StartRefusal {
      throw .records(error)
    } catch let error as RecordFailure {
      throw .write(error)
    } catch { throw .exists }
  }

  private func opening(
    _ sealing: SignerConfiguration.Seal?, _ passphrase: borrowing Passphrase
  ) throws(SignerCreationError) -> SecretBytes {
    guard let seal, let sealing else {
      guard !passphrase.isAbsent else { throw .pin(.empty) }
      return passphrase.bytes.copy()
    }
    do {
      return try VaultOpening.make(
        directory, chip, sealing, registers: seal.registers, passphrase, files)
    } catch { throw .seal(error) }
  }

  private func prepare() throws(SignerCreationError) {
    do {
      try files.makeDirectory(directory.path)
      let present = try files.names(in: directory.path)
      guard
        Set(present).isDisjoint(with: [
          "signer.json", "secrets.vault", "keys.json", "watermarks", "secrets.sealed",
        ])
      else {
        throw SignerCreationError.exists
      }
    } catch let error as FileCallError {
      throw .directory(error)
    } catch let error as SignerCreationError {
      throw error
    } catch {
      throw .exists
    }
  }

  private func generate(
    _ orders: [KeyOrder], _ secrets: FileBackEnd, _ configuration: SignerConfiguration, _ chips: SignerChips,
    at time: UInt64
  ) throws(SignerCreationError) -> ([Created.Key], KeysMark) {
    let vault: any KeyKeeping
    do {
      vault = try OpenVault.create(directory, configuration, secrets, chips)
    } catch { throw .key(label: "", KeyTrouble(error)) }
    var made: [Created.Key] = []
    for order in orders {
      let plan = KeyPlan(
        label: order.label, suite: order.suite, purposes: order.purposes, origin: order.origin)
      do {
        let record = try vault.generate(plan, on: BackEndKind(order.backEnd), at: time / 1_000)
        made.append(
          Created.Key(
            id: record.id, label: order.label, suite: order.suite, publicKey: record.key.publicKey,
            purposes: order.purposes))
      } catch { throw .key(label: order.label, KeyTrouble(error)) }
    }
    return (made, KeysMark(vault.mark))
  }
}

/// A policy file, in which keys may be named by label: ids do not exist before the keys do.
public enum PolicyTemplate {
  public static let prefix = "label:"

  /// The policy, with the ids of `keys` in the place of `label:…`.
  public static func policy(
    _ text: [UInt8], keys: [SignerCreation.Created.Key]
  ) throws(SignerCreationError) -> AccessPolicy {
    let value: JSONValue
    do { value = try JSONValue(decoding: text, limits: JSONLimits(sizeBytes: AccessPolicy.sizeMax)) } catch {
      throw .json(error)
    }
    let ids = Dictionary(keys.map { ($0.label, $0.id.description) }) { first, _ in first }
    let resolved = try resolve(value, ids)
    do { return try AccessPolicy(decoding: [UInt8](resolved.text().utf8)) } catch { throw .policy(error) }
  }

  private static func resolve(
    _ value: JSONValue, _ ids: [String: String]
  ) throws(SignerCreationError) -> JSONValue {
    switch value {
    case .string(let text) where text.hasPrefix(prefix):
      let label = String(text.dropFirst(prefix.count))
      guard let id = ids[label] else { throw .unknownLabel(label) }
      return .string(id)
    case .array(let elements):
      var resolved: [JSONValue] = []
      for element in elements { resolved.append(try resolve(element, ids)) }
      return .array(resolved)
    case .object(let members):
      var resolved: [String: JSONValue] = [:]
      for (name, member) in members { resolved[name] = try resolve(member, ids) }
      return .object(resolved)
    default: return value
    }
  }
}
