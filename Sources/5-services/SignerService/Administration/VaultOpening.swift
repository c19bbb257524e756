internal import KeyVault
internal import Secrets
public import SignerJournal
internal import TPMAccess
import WireBytes

/// Why the TPM does not give what opens the file of secrets, or cannot be made to keep it.
public enum SealTrouble: Error, Hashable, Sendable {
  /// `secrets.sealed` is missing.
  case absent
  case file(FileCallError)
  /// It is no such file, or its bytes have changed.
  case damaged
  /// Another TPM sealed it: the directory was carried to this machine, or the TPM was cleared.
  case otherChip
  /// The machine was not started as it was when the secret was sealed; `code` is the TPM's.
  case registers(code: UInt64)
  /// The TPM cannot be reached.
  case unavailable(code: UInt64)
  case refused(code: UInt64)
  /// The TPM's owner hierarchy asks for an authorisation: what would open the vault cannot lie in the vault.
  case authorisation(code: UInt64)
  /// No TPM is configured, or its transport is none.
  case noChip
  /// The TPM opens it alone, and a passphrase was given.
  case passphraseUnwanted
  /// A passphrase is wanted beside the TPM, and none was given.
  case passphraseWanted

  init(_ error: TPMSealError) {
    self =
      switch error {
      case .secretLength, .blob, .authorisationWanted: .damaged
      case .registersChanged(let code): .registers(code: code)
      case .device(let error):
        switch error {
        case .missing: .otherChip
        case .unavailable(let code): .unavailable(code: code)
        case .refused(let code): .refused(code: code)
        case .authorisation(let code): .authorisation(code: code)
        case .malformed: .refused(code: 0)
        }
      }
  }
}

/// What opens the file of secrets of a directory: a passphrase, 32 bytes that only one TPM gives out, or those bytes
/// followed by the passphrase, so that neither opens anything without the other.
///
/// The sealed bytes lie in `secrets.sealed` (``TPMAccess/TPMSeal``'s blob). They are unsealed before the first secret is read,
/// and the connection is closed again: keys in the TPM are used over another.
enum VaultOpening {
  /// What the TPM keeps: as much as there is in an AES-256 key.
  static let sealedSizeBytes = 32

  /// - Throws: ``VaultTrouble/seal(_:)``.
  static func bytes(
    _ directory: SignerDirectory, _ configuration: SignerConfiguration, _ passphrase: borrowing Passphrase,
    _ files: any DurableFiles
  ) throws(VaultTrouble) -> SecretBytes {
    guard let seal = configuration.seal else {
      guard !passphrase.isAbsent else { throw .passphrase }
      return passphrase.bytes.copy()
    }
    do throws(SealTrouble) {
      try check(seal, passphrase)
      let sealed: [UInt8]?
      do { sealed = try StateFile.read(directory.sealed, files) } catch { throw SealTrouble.file(error) }
      guard let sealed else { throw SealTrouble.absent }
      let connection = try connection(configuration.chip)
      defer { connection.close() }
      let secret: SecretBytes
      do { secret = try TPMSeal(connection).unseal(sealed) } catch { throw SealTrouble(error) }
      guard secret.count == sealedSizeBytes else { throw SealTrouble.damaged }
      return joined(secret, passphrase)
    } catch { throw .seal(error) }
  }

  /// Makes 32 bytes at random, has the TPM seal them, and writes what it gave.
  ///
  /// - Parameter registers: none binds them to the TPM alone.
  static func make(
    _ directory: SignerDirectory, _ chip: SignerConfiguration.Chip?, _ seal: SignerConfiguration.Seal,
    registers: Set<Int>, _ passphrase: borrowing Passphrase, _ files: any DurableFiles
  ) throws(SealTrouble) -> SecretBytes {
    try check(seal, passphrase)
    guard let registers = TPMRegisters(registers) else { throw .registers(code: 0) }
    let secret = SecretBytes(random: sealedSizeBytes)
    let connection = try connection(chip)
    defer { connection.close() }
    let blob: [UInt8]
    do throws(TPMSealError) {
      let maker = TPMSeal(connection)
      blob = try maker.seal(secret, registers: registers)
      // What does not open again, here and now, is not relied on.
      guard try maker.unseal(blob).matches(secret) else { throw TPMSealError.device(.malformed(.sealedObject)) }
    } catch { throw SealTrouble(error) }
    do { try StateFile.replace(directory.sealed, with: blob, files) } catch { throw .file(error) }
    return joined(secret, passphrase)
  }

  private static func check(
    _ seal: SignerConfiguration.Seal, _ passphrase: borrowing Passphrase
  ) throws(SealTrouble) {
    guard seal.wantsPassphrase != passphrase.isAbsent else {
      throw seal.wantsPassphrase ? .passphraseWanted : .passphraseUnwanted
    }
  }

  private static func connection(_ chip: SignerConfiguration.Chip?) throws(SealTrouble) -> TPMConnection {
    guard let chip, let description = try? TPMConfiguration(transport: chip.transport) else { throw .noChip }
    return TPMConnection(description)
  }

  private static func joined(
    _ secret: borrowing SecretBytes, _ passphrase: borrowing Passphrase
  ) -> SecretBytes {
    SecretBytes(secret, passphrase.bytes)
  }
}
