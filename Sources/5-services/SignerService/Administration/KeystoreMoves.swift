private import Crypto
private import Foundation
internal import KeyVault
internal import Secrets
public import SignerJournal
public import SigningRules
public import WireBytes

/// Why a keystore was not taken in or given out.
public enum KeystoreTrouble: Error, Hashable, Sendable {
  /// The library made no keystore.
  case form
  /// It is no EIP-2335 keystore, or one that is not read: the vault's name for it.
  case keystore(String)
  /// The password does not fit the keystore's checksum: it is another, or the file was changed.
  case password
  /// What was sealed is for another recipient, another key, or was changed.
  case sealed
  /// A keystore holds 32 bytes, and a key of the suite does not.
  case length
  case offline(OfflineError)
}

/// The X25519 key to which an approved export is sealed (HPKE): it lies with whoever takes the key over.
public struct ExportRecipient: Sendable {
  public static let schema = "causeway.recipient/1"
  public let publicKey: Bytes32
  private let seed: VaultSecret

  /// Makes a key and its file, with mode 0600; one that exists is not overwritten.
  public static func make(
    _ path: String, files: any DurableFiles = SystemFiles()
  ) throws(PersonalKeyError) -> ExportRecipient {
    ExportRecipient(try file(files).make(path))
  }

  public static func open(
    _ path: String, files: any DurableFiles = SystemFiles()
  ) throws(PersonalKeyError) -> ExportRecipient {
    ExportRecipient(try file(files).open(path))
  }

  private static func file(_ files: any DurableFiles) -> PersonalKeyFile {
    PersonalKeyFile(schema: schema, files: files) { seed in
      let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: [UInt8](copying: seed))
      return key.flatMap { try? Bytes32([UInt8]($0.publicKey.rawRepresentation)) }
    }
  }

  private init(_ key: (seed: VaultSecret, publicKey: Bytes32)) {
    seed = key.seed
    publicKey = key.publicKey
  }

  /// Opens what `execute` gave for an export, and seals it again as an EIP-2335 keystore under `password`.
  public func keystore(
    from sealed: [UInt8], key id: KeyID, password: borrowing Passphrase
  ) throws(KeystoreTrouble) -> [UInt8] {
    guard sealed.count == 32 + 32 + 16 else { throw .length }
    let opened = seed.withSpan { seed -> [UInt8]? in
      do {
        let key = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: [UInt8](copying: seed))
        var recipient = try HPKE.Recipient(
          privateKey: key, ciphersuite: KeyExport.suite, info: KeyExport.context(id),
          encapsulatedKey: Data(sealed.prefix(32)))
        return [UInt8](try recipient.open(sealed.dropFirst(32)))
      } catch { return nil }
    }
    guard var plain = opened else { throw .sealed }
    do {
      return try Keystore.seal(SecretBytes(wiping: &plain), password: password.bytes, note: "\(id)").encoded()
    } catch {
      throw .form
    }
  }
}

extension OfflineSigner {
  /// Takes the key of an EIP-2335 keystore into the encrypted file.
  public func importKeystore(
    _ text: [UInt8], password: borrowing Passphrase, order: KeyOrder, at time: UInt64
  ) throws(KeystoreTrouble) -> KeyID {
    let keystore: Keystore
    do { keystore = try Keystore(decoding: text) } catch { throw .keystore("\(error)") }
    guard order.suite.secretSizeBytes == Keystore.secretSizeBytes else { throw .length }
    let secret: SecretBytes
    do throws(KeystoreError) { secret = try keystore.open(password: password.bytes) } catch {
      throw error == .checksum ? .password : .keystore("\(error)")
    }
    let entry = AuditEntry(
      .key, at: time,
      [
        .text(.operation, "import keystore"), .text(.reason, order.label),
        .text(.suite, order.suite.rawValue),
      ])
    do throws(OfflineError) {
      var change = try changeKeys(entry, at: time)
      guard change.vault.newest(label: order.label) == nil else { throw .key(.duplicateLabel) }
      let key: BackEndKey
      do { key = try secrets.importKey(order.suite, secret: secret, label: order.label) } catch {
        throw .vault(VaultTrouble(error))
      }
      let record: KeyRecord
      do {
        record = try change.vault.adopt(
          key,
          plan: KeyPlan(
            label: order.label, suite: order.suite, purposes: order.purposes, origin: order.origin),
          on: .file, at: time / 1_000)
      } catch { throw .key(KeyTrouble(error)) }
      try change.finish()
      return record.id
    } catch { throw .offline(error) }
  }
}
