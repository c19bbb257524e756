internal import KeyVault
import Messages
import SignerWire
import SigningRules
internal import TPMAccess
import WireBytes

/// Why a key could not be made, used or moved, for those who do not know the vault.
public enum KeyTrouble: Error, Hashable, Sendable {
  /// No key has that name.
  case unknown
  case duplicateLabel
  /// Not 1 to 64 characters of `a-z 0-9 . _ -`.
  case label
  /// None, or one that keys of this domain never have.
  case purpose
  /// The back end makes no such keys.
  case suite
  /// No such back end is configured.
  case noBackEnd
  /// The path is none, or none of this domain's.
  case path
  case reason
  /// The back end cannot be reached; `code` is its own.
  case unavailable(code: UInt64)
  case refused(code: UInt64)
  case authorisation(code: UInt64)
  /// The private half is gone.
  case missing
  case badSignature
  case malformed
  /// A key in its state does not do that.
  case state
  case locked
  case tooMany
  case file(VaultTrouble)
  /// The inventory is missing, damaged, or somebody has written to it.
  case inventory
  /// The inventory is an older copy: it has so many changes, and the records know of `recorded`.
  case olderInventory(sequence: UInt64, recorded: UInt64)
  /// The inventory's change of that number is not the one that the records know.
  case forkedInventory(sequence: UInt64)

  init(_ error: KeyVaultError) {
    self =
      switch error {
      case .older(let sequence, let expected): .olderInventory(sequence: sequence, recorded: expected)
      case .forked(let sequence): .forkedInventory(sequence: sequence)
      case .absent, .exists, .file, .inventory, .domain, .backEndTwice, .duplicate: .inventory
      case .secrets(let error): .file(VaultTrouble(error))
      case .noBackEnd: .noBackEnd
      case .suite: .suite
      case .label: .label
      case .labelInUse: .duplicateLabel
      case .purpose: .purpose
      case .reason: .reason
      case .tooMany: .tooMany
      case .unknown: .unknown
      case .state: .state
      case .locked: .locked
      case .derivation: .path
      case .backEnd(let error): KeyTrouble(error)
      }
  }

  init(_ error: KeyBackEndError) {
    self =
      switch error {
      case .unavailable(let code): .unavailable(code: code)
      case .unsupported: .suite
      case .missing: .missing
      case .refused(let code): .refused(code: code)
      case .invalidSignature: .badSignature
      case .malformed: .malformed
      case .authorisation(let code): .authorisation(code: code)
      }
  }
}

/// A vault, whichever key domain's it is.
///
/// A protocol, since the domain is a type and known only when the directory was read.
protocol KeyKeeping: Sendable {
  var records: [KeyRecord] { get }
  var mark: InventoryMark { get }
  func record(_ id: KeyID) -> KeyRecord?
  func newest(label: String) -> KeyRecord?
  func facts(_ id: KeyID, at seconds: UInt64) -> KeyFacts?
  var kinds: Set<BackEndKind> { get }
  func failures() -> [BackEndKind: KeyBackEndError]
  func location(of id: KeyID, challenge: Bytes32) throws(KeyVaultError) -> KeyLocation
  func sign(_ payload: SigningPayload, with id: KeyID, at seconds: UInt64) throws(KeyVaultError) -> [UInt8]
  func generate(_ plan: KeyPlan, on kind: BackEndKind, at seconds: UInt64) throws(KeyVaultError) -> KeyRecord
  func derive(_ plan: KeyPlan, at path: DerivationPath, at seconds: UInt64) throws(KeyVaultError) -> KeyRecord
  func adopt(
    _ key: BackEndKey, plan: KeyPlan, on kind: BackEndKind, at seconds: UInt64
  ) throws(KeyVaultError) -> KeyRecord
  func rotate(_ id: KeyID, overlapSeconds: UInt64, at seconds: UInt64) throws(KeyVaultError) -> KeyRecord
  func revoke(_ id: KeyID, reason: String, at seconds: UInt64) throws(KeyVaultError)
  func destroy(_ id: KeyID, at seconds: UInt64) throws(KeyVaultError)
  func renumber(after sequence: UInt64) throws(KeyVaultError)
}

extension KeyVault: KeyKeeping {}

extension InventoryMark {
  init(_ mark: KeysMark) { self.init(sequence: mark.sequence, hash: mark.hash) }
}

extension KeysMark {
  init(_ mark: InventoryMark) { self.init(sequence: mark.sequence, hash: mark.hash) }
}

/// The vault of a directory, of the domain that its configuration names.
enum OpenVault {
  static func create(
    _ directory: SignerDirectory, _ configuration: SignerConfiguration, _ secrets: FileBackEnd,
    _ chips: SignerChips
  ) throws(KeyVaultError) -> any KeyKeeping {
    let others = try backEnds(configuration, secrets, chips)
    return switch configuration.domain {
    case .user: try KeyVault<UserKeys>.create(path: directory.keys, files: secrets, others: others)
    case .operator: try KeyVault<OperatorKeys>.create(path: directory.keys, files: secrets, others: others)
    case .settlement:
      try KeyVault<SettlementKeys>.create(path: directory.keys, files: secrets, others: others)
    case .enclave: try KeyVault<SigningRules.EnclaveKeys>.create(path: directory.keys, files: secrets, others: others)
    }
  }

  /// - Parameter mark: the newest that the records hold; nil where they hold none yet.
  static func open(
    _ directory: SignerDirectory, _ configuration: SignerConfiguration, _ secrets: FileBackEnd,
    _ chips: SignerChips, after mark: KeysMark?
  ) throws(KeyVaultError) -> any KeyKeeping {
    let others = try backEnds(configuration, secrets, chips)
    func open<Kind: KeyDomainKind>(_: Kind.Type) throws(KeyVaultError) -> any KeyKeeping {
      try KeyVault<Kind>.open(
        path: directory.keys, files: secrets, others: others, after: mark.map(InventoryMark.init))
    }
    return switch configuration.domain {
    case .user: try open(UserKeys.self)
    case .operator: try open(OperatorKeys.self)
    case .settlement: try open(SettlementKeys.self)
    case .enclave: try open(SigningRules.EnclaveKeys.self)
    }
  }

  /// The inventory alone: no token is asked, and no key of one can be used.
  static func inventory(
    _ directory: SignerDirectory, _ domain: KeyDomain, _ secrets: FileBackEnd, after mark: KeysMark?
  ) throws(KeyVaultError) -> any KeyKeeping {
    func open<Kind: KeyDomainKind>(_: Kind.Type) throws(KeyVaultError) -> any KeyKeeping {
      try KeyVault<Kind>.open(path: directory.keys, files: secrets, after: mark.map(InventoryMark.init))
    }
    return switch domain {
    case .user: try open(UserKeys.self)
    case .operator: try open(OperatorKeys.self)
    case .settlement: try open(SettlementKeys.self)
    case .enclave: try open(SigningRules.EnclaveKeys.self)
    }
  }

  private static func backEnds(
    _ configuration: SignerConfiguration, _ secrets: FileBackEnd, _ chips: SignerChips
  ) throws(KeyVaultError) -> [any KeyBackEnd] {
    var backEnds: [any KeyBackEnd] = []
    do {
      if let token = configuration.token {
        guard let pin = secrets.secret(named: SignerSecret.tokenPIN) else {
          throw KeyBackEndError.authorisation(code: 0)
        }
        backEnds.append(
          try PKCS11BackEnd(
            PKCS11Configuration(modulePath: token.module, tokenLabel: token.label), pin: pin))
      }
      if let chip = configuration.chip {
        let connection: TPMConnection
        do { connection = try chips.connection(chip.transport) } catch {
          throw KeyBackEndError.malformed(step: "transport")
        }
        backEnds.append(TPMBackEnd(connection))
      }
    } catch let error as KeyBackEndError {
      throw .backEnd(error)
    } catch {
      throw .backEnd(.unavailable(code: 0))
    }
    return backEnds
  }
}

/// The vault as the pipeline asks it.
struct VaultSigning: KeySigning {
  let vault: any KeyKeeping

  var mark: KeysMark? { KeysMark(vault.mark) }

  func facts(of key: KeyID, at now: UnixMilliseconds) -> KeyFacts? {
    vault.facts(key, at: now.milliseconds / 1_000)
  }

  func sign(
    _ payload: SigningPayload, with key: KeyID, at now: UnixMilliseconds
  ) throws(SignerRefusal) -> [UInt8] {
    do { return try vault.sign(payload, with: key, at: now.milliseconds / 1_000) } catch {
      throw Self.fault(KeyTrouble(error)).refusal
    }
  }

  private static func fault(_ trouble: KeyTrouble) -> BackEndFault {
    switch trouble {
    case .unavailable: .keyUnavailable
    case .suite, .noBackEnd: .suiteUnsupported
    case .missing, .unknown: .keyMissing
    case .badSignature: .invalidSignature
    case .malformed: .keyMalformed
    case .authorisation: .keyLockedOut
    default: .keyRefused
    }
  }
}
