private import CSodium
private import Crypto
import Digests
private import FoundationEssentials
internal import Secrets
import WireBytes

/// AES-256-GCM over the contents of a file of secrets.
enum VaultSeal {
  /// A passphrase is not a file by mistake.
  static let passphraseSizeMax = 1024

  /// The key of the file that `header` opens: scrypt's 32 bytes as they are.
  static func key(
    _ passphrase: borrowing SecretBytes, header: VaultHeader
  ) throws(FileVaultError) -> Secrets.SharedSecret {
    guard (1...passphraseSizeMax).contains(passphrase.count) else {
      throw .passphraseLength(passphrase.count)
    }
    guard header.cost.isAccepted else { throw .cost(header.cost) }
    guard let key = header.cost.key(passphrase, salt: header.salt.array) else { throw .memory }
    return Secrets.SharedSecret(key)
  }

  /// The whole file.
  static func seal(
    _ contents: borrowing SecretBytes, header: VaultHeader, key: Secrets.SharedSecret
  ) throws(FileVaultError) -> [UInt8] {
    let nonce = SecretBytes(random: 12).withSpan { [UInt8](copying: $0) }
    let head = header.encoded(nonce: nonce, length: contents.count + VaultHeader.tagSizeBytes)
    // The pointers are used during the calls only; swift-crypto's copy of the key wipes itself.
    let box = unsafe contents.withUnsafeBytes { plain in
      unsafe key.withUnsafeBytes { key in
        unsafe try? AES.GCM.seal(
          plain, using: SymmetricKey(data: key), nonce: AES.GCM.Nonce(data: nonce), authenticating: head)
      }
    }
    guard let box else { throw .memory }
    var file = head
    file.append(contentsOf: box.ciphertext)
    file.append(contentsOf: box.tag)
    guard file.count + VaultHeader.checksumSizeBytes <= VaultHeader.fileSizeBytesMax else {
      throw .file(.tooLarge(max: VaultHeader.fileSizeBytesMax))
    }
    file.append(SHA256Hash.hash(file))
    return file
  }

  /// What was sealed.
  ///
  /// - Throws: ``FileVaultError/passphrase`` when the key is wrong or a byte has changed.
  static func open(_ parts: VaultHeader.Parts, key: Secrets.SharedSecret) throws(FileVaultError) -> SecretBytes {
    // The pointer is used during the call only.
    let opened = unsafe key.withUnsafeBytes { key in
      let box = try? AES.GCM.SealedBox(
        nonce: AES.GCM.Nonce(data: parts.nonce), ciphertext: parts.sealed, tag: parts.tag)
      guard let box else { return Data?.none }
      return unsafe try? AES.GCM.open(
        box, using: SymmetricKey(data: key), authenticating: parts.headerBytes)
    }
    guard var opened else { throw .passphrase }
    var contents = SecretBytes(zeroed: opened.count)
    // Copied into guarded memory, and what swift-crypto gave is overwritten: it is the only owner of its bytes.
    unsafe opened.withUnsafeMutableBytes { from in
      unsafe contents.withUnsafeMutableBytes { to in
        unsafe to.copyMemory(from: UnsafeRawBufferPointer(from))
      }
      if let start = from.baseAddress { unsafe sodium_memzero(start, from.count) }
    }
    return contents
  }
}
