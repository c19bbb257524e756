private import Crypto
private import CryptoExtras
internal import Secrets

/// The first bytes of HMAC-SHA256 that tell whether a secret came out right.
enum ShareDigest {
  static func digest(of secret: borrowing SecretBytes, key: borrowing SecretBytes) -> SecretBytes {
    // The pointers are used during the calls only; swift-crypto's copy of the key wipes itself.
    let key = unsafe key.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
    let code = unsafe secret.withUnsafeBytes { unsafe HMAC<SHA256>.authenticationCode(for: $0, using: key) }
    var digest = SecretBytes(zeroed: SecretSharing.digestSizeBytes)
    for (index, byte) in code.prefix(SecretSharing.digestSizeBytes).enumerated() {
      digest.set(byte, at: index)
    }
    return digest
  }
}

/// SLIP-0039's encryption of the secret that is shared: a Feistel network of four rounds whose function is PBKDF2.
///
/// Every passphrase gives some secret: a wrong one is not noticed here.
enum SLIP39Cipher {
  /// Of 10,000 iterations, doubled by each step of the exponent, a quarter in each round.
  private static let roundIterations = 2_500

  static func encrypt(
    _ secret: borrowing SecretBytes, passphrase: borrowing SecretBytes, heading: SLIP39Heading
  ) -> SecretBytes? {
    run(secret, rounds: [0, 1, 2, 3], passphrase: passphrase, heading: heading)
  }

  static func decrypt(
    _ secret: borrowing SecretBytes, passphrase: borrowing SecretBytes, heading: SLIP39Heading
  ) -> SecretBytes? {
    run(secret, rounds: [3, 2, 1, 0], passphrase: passphrase, heading: heading)
  }

  private static func run(
    _ secret: borrowing SecretBytes, rounds: [UInt8], passphrase: borrowing SecretBytes,
    heading: SLIP39Heading
  ) -> SecretBytes? {
    precondition(secret.count.isMultiple(of: 2))
    let half = secret.count / 2
    var left = secret.slice(0..<half)
    var right = secret.slice(half..<secret.count)
    let salt = SecretBytes(copying: heading.saltPrefix.span)
    for round in rounds {
      let roundBytes: [UInt8] = [round]
      let password = SecretBytes(SecretBytes(copying: roundBytes.span), passphrase)
      guard
        let mask = derive(
          password: password, salt: SecretBytes(salt, right), count: half,
          iterations: roundIterations << Int(heading.iterationExponent))
      else { return nil }
      let mixed = exclusiveOr(left, mask)
      left = right
      right = mixed
    }
    return SecretBytes(right, left)
  }

  private static func exclusiveOr(_ first: borrowing SecretBytes, _ second: borrowing SecretBytes)
    -> SecretBytes
  {
    var result = SecretBytes(zeroed: first.count)
    first.withSpan { (a: Span<UInt8>) in
      second.withSpan { (b: Span<UInt8>) in
        for index in a.indices { result.set(a[index] ^ b[index], at: index) }
      }
    }
    return result
  }

  private static func derive(
    password: borrowing SecretBytes, salt: borrowing SecretBytes, count: Int, iterations: Int
  ) -> SecretBytes? {
    // The pointers are used during the calls only; the derived key wipes itself. The number of iterations is the
    // standard's, below the library's own minimum for passwords.
    let key = unsafe password.withUnsafeBytes { password in
      unsafe salt.withUnsafeBytes { salt in
        unsafe try? KDF.Insecure.PBKDF2.deriveKey(
          from: password, salt: salt, using: .sha256, outputByteCount: count,
          unsafeUncheckedRounds: iterations)
      }
    }
    guard let key else { return nil }
    var bytes = SecretBytes(zeroed: count)
    unsafe key.withUnsafeBytes { source in
      for index in source.indices { bytes.set(unsafe source[index], at: index) }
    }
    return bytes
  }
}
