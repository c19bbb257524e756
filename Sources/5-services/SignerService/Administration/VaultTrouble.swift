internal import KeyVault
internal import Secrets

/// Why the file of secrets is not used, for those who do not know the vault.
public enum VaultTrouble: Error, Hashable, Sendable {
  /// The passphrase is wrong, or somebody has changed the file and its checksum.
  case passphrase
  /// Another process has it open: a signer runs there.
  case inUse
  case absent
  case exists
  /// Bytes have changed on the disk, or it is no such file.
  case damaged
  case version
  /// It is another signer's, or another key domain's.
  case foreign
  /// Others than its owner may do something with it.
  case permissions(mode: UInt32)
  case owner(UInt32)
  case notRegular
  case unreadable(errno: Int32)
  case unwritable(errno: Int32)
  /// scrypt's cost is out of bounds.
  case cost
  case memory
  /// It holds as much as it can.
  case full
  /// A name that is none, or that is taken.
  case name
  /// The bytes are no private key of the suite.
  case key
  /// The TPM that keeps what opens the file does not give it.
  case seal(SealTrouble)

  init(_ error: FileVaultError) {
    self =
      switch error {
      case .absent, .missing: .absent
      case .exists: .exists
      case .file(.inUse): .inUse
      case .file(.permissions(let mode)): .permissions(mode: mode)
      case .file(.owner(let user)): .owner(user)
      case .file(.notRegular): .notRegular
      case .file(.unreadable(let number)): .unreadable(errno: number)
      case .file(.unwritable(let number)): .unwritable(errno: number)
      case .file(.tooLarge), .magic, .truncated, .trailing, .damaged, .malformed: .damaged
      case .version, .derivation: .version
      case .cost: .cost
      case .memory: .memory
      case .domain, .vaultID: .foreign
      case .passphraseLength, .passphrase: .passphrase
      case .tooMany, .secretLength: .full
      case .name, .duplicate: .name
      case .key: .key
      }
  }
}

/// A secret of the vault, where another module's type has the same name.
typealias VaultSecret = SharedSecret
