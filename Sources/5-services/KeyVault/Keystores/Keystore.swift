private import CSodium
private import Crypto
private import CryptoExtras
import Digests
import Encodings
private import FoundationEssentials
public import Secrets
public import WireBytes

/// Why text is no EIP-2335 keystore, or one that is not opened.
public enum KeystoreError: Error, Hashable, Sendable {
  /// Over 16 KiB.
  case tooLarge(max: Int)
  /// Not JSON; bytes from the start of the text.
  case json(offset: Int)
  /// A member that must be there and is not, or is of another type.
  case member(String)
  /// A member that the standard does not have.
  case unknownMember(String)
  /// Not 4.
  case version
  /// A function that this program does not have, of `kdf`, `checksum` or `cipher`.
  case function(String)
  /// Not lower-case hex without a prefix, or not as long as it must be.
  case hex(String)
  /// Parameters of the key derivation out of bounds.
  case cost
  /// Not a path of EIP-2334, nor empty.
  case path
  /// Not a UUID.
  case uuid
  /// The password, as the standard processes it, is empty or over 1024 bytes.
  case password(length: Int)
  /// The password is not UTF-8.
  case passwordText
  /// The checksum does not fit: the password is wrong, or the text was changed.
  case checksum
  /// Not enough memory for the key derivation.
  case memory
  /// A secret has 32 bytes.
  case secretLength(Int)
}

/// A secret of 32 bytes under a password, as Ethereum's validators store and move theirs (EIP-2335, version 4).
///
/// Such secrets are BLS12-381 keys: they are kept and exported here, and nothing here signs with them; so whether the
/// public key belongs to the secret is not checked either.
///
/// - SeeAlso: https://eips.ethereum.org/EIPS/eip-2335.
public struct Keystore: Hashable, Sendable {
  /// How the password becomes a key.
  public enum Derivation: Hashable, Sendable {
    /// N and r·N are bounded as for opening any file: at most 1 GiB.
    case scrypt(n: UInt32, r: UInt32, p: UInt32)
    /// HMAC-SHA-256, so many rounds.
    case pbkdf2(rounds: UInt32)

    /// The parameters that the standard's own keystores have.
    public static let standard = Derivation.scrypt(n: 1 << 18, r: 8, p: 1)
    /// Ten times what is usual; some seconds.
    static let roundsMax: UInt32 = 1 << 22

    /// Weak ones are read, because others have written them; none makes us work or allocate out of bounds.
    var isAccepted: Bool {
      switch self {
      case .scrypt(let n, let r, let p):
        n.nonzeroBitCount == 1 && n > 1 && (1...32).contains(r) && (1...4).contains(p)
          && UInt64(n) * UInt64(r) <= 1 << 23
      case .pbkdf2(let rounds): (1...Self.roundsMax).contains(rounds)
      }
    }
  }

  public static let textSizeMax = 16 << 10
  public static let secretSizeBytes = 32
  static let saltSizes = 8...64

  public let derivation: Derivation
  public let salt: [UInt8]
  public let iv: [UInt8]
  public let ciphertext: [UInt8]
  public let checksum: Bytes32
  /// Nil when the text has none.
  public let note: String?
  /// 48 bytes; nil when the text has none. Stated, not checked.
  public let publicKey: [UInt8]?
  /// `m/12381/…`, or empty when the secret was not derived.
  public let path: String
  public let uuid: String

  // MARK: Opening and sealing

  /// The secret.
  ///
  /// - Parameter password: UTF-8, as it was typed.
  /// - Throws: ``KeystoreError``; ``KeystoreError/checksum`` when the password is wrong.
  public func open(password: borrowing SecretBytes) throws(KeystoreError) -> SecretBytes {
    let key = try Self.key(password, derivation, salt: salt)
    guard SecretMAC.matches(Self.checksum(key, ciphertext), checksum) else { throw .checksum }
    let input = SecretBytes(copying: ciphertext.span)
    return try Self.cipher(input, key: key, iv: iv)
  }

  /// Puts `secret` under a password.
  ///
  /// - Parameters:
  ///   - secret: 32 bytes.
  ///   - password: UTF-8, as it was typed.
  ///   - uuid: random when nil.
  /// - Throws: ``KeystoreError``.
  public static func seal(
    _ secret: borrowing SecretBytes, password: borrowing SecretBytes, derivation: Derivation = .standard,
    note: String? = nil, publicKey: [UInt8]? = nil, path: String = "", uuid: String? = nil
  ) throws(KeystoreError) -> Keystore {
    let salt = SecretBytes(random: 32).withSpan { [UInt8](copying: $0) }
    let iv = SecretBytes(random: 16).withSpan { [UInt8](copying: $0) }
    let uuid = uuid ?? Self.randomUUID()
    guard secret.count == secretSizeBytes else { throw .secretLength(secret.count) }
    guard derivation.isAccepted else { throw .cost }
    guard KeystoreText.isPath(path) else { throw .path }
    guard KeystoreText.isUUID(uuid) else { throw .uuid }
    guard publicKey.map({ $0.count == 48 }) ?? true else { throw .hex("pubkey") }
    let key = try Self.key(password, derivation, salt: salt)
    // Sealed, it is no secret any more.
    let ciphertext = try cipher(secret, key: key, iv: iv).withSpan { [UInt8](copying: $0) }
    return Keystore(
      derivation: derivation, salt: salt, iv: iv, ciphertext: ciphertext,
      checksum: checksum(key, ciphertext), note: note, publicKey: publicKey, path: path, uuid: uuid)
  }

  private static func randomUUID() -> String {
    var bytes = SecretBytes(random: 16).withSpan { [UInt8](copying: $0) }
    // Version 4, variant 1 (RFC 9562, section 5.4).
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    let digits = [UInt8](Hex.encode(bytes, prefix: "").utf8)
    let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
    return parts.map { String(decoding: digits[$0], as: UTF8.self) }.joined(separator: "-")
  }

  /// 32 bytes: 16 for the cipher, 16 for the checksum.
  private static func key(
    _ password: borrowing SecretBytes, _ derivation: Derivation, salt: [UInt8]
  ) throws(KeystoreError) -> SecretBytes {
    let password = try KeystorePassword.processed(password)
    switch derivation {
    case .scrypt(let n, let r, let p):
      guard let key = ScryptCost(n: n, r: r, p: p).key(password, salt: salt) else { throw .memory }
      return key
    case .pbkdf2(let rounds):
      // The pointers are used during the calls only. Rounds are others' choice here, so theirs is taken.
      let key = unsafe password.withUnsafeBytes { password in
        unsafe try? KDF.Insecure.PBKDF2.deriveKey(
          from: password, salt: salt, using: .sha256, outputByteCount: 32, unsafeUncheckedRounds: Int(rounds))
      }
      guard let key else { throw .memory }
      var bytes = SecretBytes(zeroed: 32)
      unsafe key.withUnsafeBytes { from in
        unsafe bytes.withUnsafeMutableBytes { to in unsafe to.copyMemory(from: from) }
      }
      return bytes
    }
  }

  /// SHA-256 of the second half of the key and the sealed secret.
  private static func checksum(_ key: borrowing SecretBytes, _ ciphertext: [UInt8]) -> Bytes32 {
    var hasher = SHA256Hash()
    key.withSpan { hasher.update($0.extracting(16..<32)) }
    hasher.update(ciphertext.span)
    return hasher.finalize()
  }

  /// AES-128-CTR under the first half of the key, which goes both ways.
  private static func cipher(
    _ input: borrowing SecretBytes, key: borrowing SecretBytes, iv: [UInt8]
  ) throws(KeystoreError) -> SecretBytes {
    // The pointers are used during the calls only; what swift-crypto gave is overwritten.
    let output = unsafe input.withUnsafeBytes { input in
      unsafe key.withUnsafeBytes { key in
        unsafe try? AES._CTR.encrypt(
          input, using: SymmetricKey(data: UnsafeRawBufferPointer(rebasing: key[0..<16])),
          nonce: AES._CTR.Nonce(nonceBytes: iv))
      }
    }
    guard var output else { throw .memory }
    var bytes = SecretBytes(zeroed: output.count)
    unsafe output.withUnsafeMutableBytes { from in
      unsafe bytes.withUnsafeMutableBytes { to in unsafe to.copyMemory(from: UnsafeRawBufferPointer(from)) }
      if let start = from.baseAddress { unsafe sodium_memzero(start, from.count) }
    }
    return bytes
  }
}
