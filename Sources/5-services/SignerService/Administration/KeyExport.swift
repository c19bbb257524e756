internal import Crypto
internal import Foundation
internal import KeyVault
internal import Secrets
import SigningRules
import WireBytes

/// A private key on its way out, after approval: sealed by HPKE (RFC 9180) to the one recipient that the approvers named.
enum KeyExport {
  static let suite = HPKE.Ciphersuite.Curve25519_SHA256_ChachaPoly

  /// What binds the sealed bytes to the key they hold.
  static func context(_ key: KeyID) -> Data { Data([UInt8]("causeway/key-export/1".utf8) + key.bytes.array) }

  /// `encapsulated key (32) ‖ ciphertext`.
  static func seal(
    _ key: KeyID, to recipient: Bytes32, _ vault: any KeyKeeping, _ secrets: FileBackEnd
  ) throws(AdministrationFault) -> [UInt8] {
    guard let record = vault.record(key) else { throw .unknownKey }
    let secret: VaultSecret
    do { secret = try secrets.exportKey(record.key) } catch { throw .noBackEnd }
    do {
      var sender = try HPKE.Sender(
        recipientKey: Curve25519.KeyAgreement.PublicKey(rawRepresentation: recipient.array),
        ciphersuite: suite, info: context(key))
      let sealed = try secret.withSpan { secret in
        // HPKE takes what it seals as an array; it is overwritten as soon as it was sealed.
        var plain = [UInt8](copying: secret)
        defer { for index in plain.indices { plain[index] = 0 } }
        return try sender.seal(plain)
      }
      return [UInt8](sender.encapsulatedKey) + [UInt8](sealed)
    } catch { throw .malformedChange }
  }
}
