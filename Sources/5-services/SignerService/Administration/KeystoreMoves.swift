private import Crypto
import Encodings
private import Foundation
internal import KeyVault
public import SignerJournal
public import SigningRules
public import WireBytes

/// Why a keystore was not taken in or given out.
public enum KeystoreTrouble: Error, Hashable, Sendable {
  case file(FileCallError)
  case exists
  case absent
  /// The file is none of its kind.
  case form
  /// The password does not open it.
  case password
  /// What was sealed is for another recipient, another key, or was changed.
  case sealed
  /// A keystore holds 32 bytes, and a key of that suite does not.
  case length(Int)
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
  ) throws(KeystoreTrouble) -> ExportRecipient {
    let key = try ExportRecipient(VaultSecret(SecretBytes(random: 32)))
    let text = key.seed.withSpan { seed in
      JSONValue.object([
        "schema": .string(schema), "public": .string(key.publicKey.description),
        "seed": .string(Hex.encode(seed)),
      ]).text(pretty: true) + "\n"
    }
    do throws(FileCallError) {
      let file = try files.open(path, .makeNew)
      defer { files.close(file) }
      try files.write(file, [UInt8](text.utf8), at: 0)
      try files.flush(file)
      try files.flushDirectory(StateFile.folder(of: path))
    } catch { throw error.number == EEXIST ? .exists : .file(error) }
    return key
  }

  public static func open(
    _ path: String, files: any DurableFiles = SystemFiles()
  ) throws(KeystoreTrouble) -> ExportRecipient {
    let bytes: [UInt8]?
    do { bytes = try StateFile.read(path, files) } catch { throw .file(error) }
    guard let bytes else { throw .absent }
    guard let value = try? JSONValue(decoding: bytes), value["schema"]?.string == schema,
      let text = value["seed"]?.string, var seed = try? Hex.decode(text), seed.count == 32
    else { throw .form }
    let key = try ExportRecipient(VaultSecret(SecretBytes(wiping: &seed)))
    guard value["public"]?.string == key.publicKey.description else { throw .form }
    return key
  }

  private init(_ seed: VaultSecret) throws(KeystoreTrouble) {
    let key = seed.withSpan {
      try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: [UInt8](copying: $0))
    }
    guard let key, let publicKey = try? Bytes32([UInt8](key.publicKey.rawRepresentation)) else { throw .form }
    self.seed = seed
    self.publicKey = publicKey
  }

  /// Opens what `execute` gave for an export, and seals it again as an EIP-2335 keystore under `password`.
  public func keystore(
    from sealed: [UInt8], key id: KeyID, password: borrowing Passphrase
  ) throws(KeystoreTrouble) -> [UInt8] {
    guard sealed.count == 32 + 32 + 16 else { throw .length(max(0, sealed.count - 48)) }
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
    do { keystore = try Keystore(decoding: text) } catch { throw .form }
    let secret: SecretBytes
    do { secret = try keystore.open(password: password.bytes) } catch { throw .password }
    guard order.suite.secretSizeBytes == secret.count else { throw .length(secret.count) }
    do throws(OfflineError) {
      try writeDown(
        AuditEntry(
          .key, at: time,
          [
            .text(.operation, "import keystore"), .text(.reason, order.label),
            .text(.suite, order.suite.rawValue),
          ]),
        at: time)
      let vault: any KeyKeeping
      do { vault = try OpenVault.open(directory, configuration, secrets, chips) } catch {
        throw .key(KeyTrouble(error))
      }
      guard vault.newest(label: order.label) == nil else { throw .key(.duplicateLabel) }
      let key: BackEndKey
      do { key = try secrets.importKey(order.suite, secret: secret, label: order.label) } catch {
        throw .vault(VaultTrouble(error))
      }
      do {
        return try vault.adopt(
          key,
          plan: KeyPlan(
            label: order.label, suite: order.suite, purposes: order.purposes, origin: order.origin),
          on: .file,
          at: time / 1_000
        ).id
      } catch { throw .key(KeyTrouble(error)) }
    } catch { throw .offline(error) }
  }
}
