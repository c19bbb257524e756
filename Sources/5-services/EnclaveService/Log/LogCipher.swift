internal import Crypto
internal import Foundation
internal import Secrets
internal import SignerJournal
internal import WireBytes

/// Why a record of the log is not ours, or is not whole.
public enum LogCipherError: Error, Hashable, Sendable {
  /// Shorter than a nonce and a tag, or longer than a record.
  case length(Int)
  /// Another key, another vault, another place in the log, or changed bytes.
  case notAuthentic(ordinal: UInt64)
}

/// Encrypts records of the log: AES-256-GCM, with the vault and the record's place as what is authenticated beside it.
///
/// Layout: nonce (12 random bytes) ‖ ciphertext ‖ tag (16). The journal's own chain of hashes finds accidents; this finds
/// whoever reorders, copies or makes records. Source: NIST SP 800-38D; at most 2^32 records under one key (section 8.3).
struct LogCipher: Sendable {
  static let overheadBytes = 12 + 16
  static let recordsMax: UInt64 = 1 << 32

  private let secret: Secrets.SharedSecret
  private let vault: VaultID

  /// - Parameter secret: 32 bytes.
  init(secret: Secrets.SharedSecret, vault: VaultID) {
    precondition(secret.count == 32)
    self.secret = secret
    self.vault = vault
  }

  func seal(_ record: [UInt8], ordinal: UInt64) -> [UInt8] {
    precondition(ordinal < Self.recordsMax)
    let sealed = secret.withSpan { (bytes: Span<UInt8>) in
      try? AES.GCM.seal(record, using: Self.key(bytes), authenticating: beside(ordinal)).combined
    }
    // It fails for a nonce of another length only, and none is given.
    guard let sealed else { preconditionFailure("AES-GCM does not seal") }
    return [UInt8](sealed)
  }

  func open(_ sealed: [UInt8], ordinal: UInt64) throws(LogCipherError) -> [UInt8] {
    guard sealed.count >= Self.overheadBytes else { throw .length(sealed.count) }
    let opened = secret.withSpan { (bytes: Span<UInt8>) -> Data? in
      guard let box = try? AES.GCM.SealedBox(combined: sealed) else { return nil }
      return try? AES.GCM.open(box, using: Self.key(bytes), authenticating: beside(ordinal))
    }
    guard let opened else { throw .notAuthentic(ordinal: ordinal) }
    return [UInt8](opened)
  }

  /// swift-crypto keeps its own copy for the length of a call, and wipes it.
  private static func key(_ bytes: Span<UInt8>) -> SymmetricKey {
    SymmetricKey(data: [UInt8](copying: bytes))
  }

  private func beside(_ ordinal: UInt64) -> [UInt8] {
    var bytes = [UInt8]("causeway/enclave-log/v1".utf8)
    bytes.append(vault.bytes)
    bytes.append(bigEndian: ordinal)
    return bytes
  }
}
