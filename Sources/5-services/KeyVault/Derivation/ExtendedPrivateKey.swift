private import CSodium
private import Crypto
import Digests
private import FoundationEssentials
public import Secrets
public import WireBytes

/// Why a key is not derived.
public enum DerivationError: Error, Hashable, Sendable {
  /// A seed has 16 to 64 bytes (BIP-32), and that of a root 32 to 64.
  case seedLength(Int)
  /// The seed gives no key, as one in 2^127 does.
  case seed
  /// The step gives no key; BIP-32 says to take the next one.
  case noKey(step: UInt32)
  /// This curve knows hardened steps only (SLIP-10).
  case notHardened(step: UInt32)
  case tooDeep(max: Int)
  /// Keys of this suite are not derived.
  case suite(String)
  /// A root of this kind was asked of a file of another domain.
  case domain
}

/// The curves over which SLIP-10 derives.
public enum DerivationCurve: Hashable, Sendable, CaseIterable {
  case secp256k1, p256, ed25519
  /// X25519, which agrees on keys and signs nothing.
  case curve25519

  /// The key of the first HMAC (BIP-32, "Master key generation"; SLIP-10).
  var seedKey: String {
    switch self {
    case .secp256k1: "Bitcoin seed"
    case .p256: "Nist256p1 seed"
    case .ed25519: "ed25519 seed"
    case .curve25519: "curve25519 seed"
    }
  }

  var isHardenedOnly: Bool { self == .ed25519 || self == .curve25519 }
}

/// What is done where HMAC gives no key, which nobody has seen happen on secp256k1.
public enum DerivationScheme: Hashable, Sendable {
  /// The step, or the seed, has no key.
  case bip32
  /// HMAC is asked again.
  case slip10
}

/// A private key with its chain code, from which further ones are derived (BIP-32, SLIP-10).
///
/// Sums are libsecp256k1's and libsodium's. Domains are kept apart one level above: ``DerivationRoot``.
public struct ExtendedPrivateKey: ~Copyable, Sendable {
  public let curve: DerivationCurve
  public let scheme: DerivationScheme
  public let depth: UInt8
  /// The first four bytes of the parent's identifier; zeros for a root.
  public let parentFingerprint: FixedBytes<4>
  /// The last step, zero for a root.
  public let childNumber: UInt32
  /// 33 bytes: a compressed point, or a zero byte and the 32 bytes of an Ed25519 or X25519 key.
  public let publicKey: FixedBytes<33>
  private let secret: SecretBytes
  private let chain: SecretBytes

  static let seedSizes = 16...64
  /// How often SLIP-10 asks HMAC again; the second time has a chance of 2^-32 at most.
  private static let triesMax = 8

  /// The root that `seed` gives.
  ///
  /// - Throws: ``DerivationError``.
  public init(
    seed: borrowing SecretBytes, curve: DerivationCurve, scheme: DerivationScheme
  ) throws(DerivationError) {
    guard Self.seedSizes.contains(seed.count) else { throw .seedLength(seed.count) }
    let label = [UInt8](curve.seedKey.utf8)
    let key = SecretBytes(copying: label.span)
    var code = SecretMAC.sha512(key: key, seed)
    var tries = 1
    while !Self.isKey(code, curve) {
      guard scheme == .slip10, tries < Self.triesMax else { throw .seed }
      code = SecretMAC.sha512(key: key, code)
      tries += 1
    }
    let secret = code.slice(0..<32)
    guard let publicKey = Self.publicKey(of: secret, curve) else { throw .seed }
    self.init(
      curve: curve, scheme: scheme, depth: 0, parentFingerprint: FixedBytes<4>(), childNumber: 0,
      publicKey: publicKey, secret: secret, chain: code.slice(32..<64))
  }

  init(
    curve: DerivationCurve, scheme: DerivationScheme, depth: UInt8, parentFingerprint: FixedBytes<4>,
    childNumber: UInt32, publicKey: FixedBytes<33>, secret: consuming SecretBytes,
    chain: consuming SecretBytes
  ) {
    self.curve = curve
    self.scheme = scheme
    self.depth = depth
    self.parentFingerprint = parentFingerprint
    self.childNumber = childNumber
    self.publicKey = publicKey
    self.secret = secret
    self.chain = chain
  }

  /// The first four bytes of RIPEMD-160 of SHA-256 of the public key.
  public var fingerprint: FixedBytes<4> {
    let identifier = RIPEMD160.hash(SHA256Hash.hash(publicKey.span).span)
    return FixedBytes<4> { identifier[$0] }
  }

  /// Another owner of the private key, 32 bytes.
  public borrowing func privateKey() -> SecretBytes { secret.copy() }

  /// Another owner of the chain code, 32 bytes.
  public borrowing func chainCode() -> SecretBytes { chain.copy() }

  /// The key at `path` from here.
  public borrowing func derive(_ path: DerivationPath) throws(DerivationError) -> ExtendedPrivateKey {
    var key = copy()
    for step in path.steps { key = try key.child(step) }
    return key
  }

  private borrowing func copy() -> ExtendedPrivateKey {
    ExtendedPrivateKey(
      curve: curve, scheme: scheme, depth: depth, parentFingerprint: parentFingerprint,
      childNumber: childNumber, publicKey: publicKey, secret: secret.copy(), chain: chain.copy())
  }

  /// The key one step on.
  ///
  /// - Parameter step: 2^31 or more for a hardened one.
  /// - Throws: ``DerivationError``.
  public borrowing func child(_ step: UInt32) throws(DerivationError) -> ExtendedPrivateKey {
    let isHardened = step >= DerivationPath.hardened
    guard isHardened || !curve.isHardenedOnly else { throw .notHardened(step: step) }
    guard depth < UInt8.max else { throw .tooDeep(max: Int(UInt8.max)) }
    var message = SecretBytes(zeroed: 37)
    if isHardened {
      message.write(secret, at: 1)
    } else {
      for index in 0..<33 { message.set(publicKey[index], at: index) }
    }
    Self.write(step, to: &message)
    var code = SecretMAC.sha512(key: chain, message)
    for _ in 0..<Self.triesMax {
      if let child = Self.childKey(code, parent: secret, curve),
        let childPublic = Self.publicKey(of: child, curve)
      {
        return ExtendedPrivateKey(
          curve: curve, scheme: scheme, depth: depth + 1, parentFingerprint: fingerprint,
          childNumber: step, publicKey: childPublic, secret: child, chain: code.slice(32..<64))
      }
      guard scheme == .slip10 else { break }
      message.set(1, at: 0)
      message.write(code.slice(32..<64), at: 1)
      Self.write(step, to: &message)
      code = SecretMAC.sha512(key: chain, message)
    }
    throw .noKey(step: step)
  }

  private static func write(_ step: UInt32, to message: inout SecretBytes) {
    for index in 0..<4 {
      message.set(UInt8(truncatingIfNeeded: step >> UInt32((3 - index) * 8)), at: 33 + index)
    }
  }

  /// Whether the first half of `code` is a key.
  private static func isKey(_ code: borrowing SecretBytes, _ curve: DerivationCurve) -> Bool {
    switch curve {
    case .secp256k1: Secp256k1Engine.shared.publicKey(of: code.slice(0..<32)) != nil
    case .p256: P256Scalar.isKey(code)
    case .ed25519, .curve25519: true
    }
  }

  /// The sum of the first half of `code` and the parent modulo the order, or that half alone; nil when it is no key.
  private static func childKey(
    _ code: borrowing SecretBytes, parent: borrowing SecretBytes, _ curve: DerivationCurve
  ) -> SecretBytes? {
    switch curve {
    case .secp256k1:
      var sum = parent.copy()
      guard Secp256k1Engine.shared.add(code, to: &sum) else { return nil }
      return sum
    case .p256: return P256Scalar.sum(code, parent)
    case .ed25519, .curve25519: return code.slice(0..<32)
    }
  }

  static func publicKey(of secret: borrowing SecretBytes, _ curve: DerivationCurve) -> FixedBytes<33>? {
    switch curve {
    case .secp256k1: return Secp256k1Engine.shared.publicKey(of: secret)
    case .p256:
      // The pointer is used during the call only.
      let key = unsafe secret.withUnsafeBytes { unsafe try? P256.Signing.PrivateKey(rawRepresentation: $0) }
      return key.flatMap { try? FixedBytes<33>([UInt8]($0.publicKey.compressedRepresentation)) }
    case .ed25519:
      guard let expanded = Ed25519Engine.expand(secret) else { return nil }
      let point = Ed25519Engine.publicKey(of: expanded)
      return FixedBytes<33> { $0 == 0 ? 0 : point[$0 - 1] }
    case .curve25519:
      var point = InlineArray<32, UInt8>(repeating: 0)
      var span = point.mutableSpan
      // libsodium reads and writes 32 bytes; no pointer leaves its closure.
      let made = unsafe secret.withUnsafeBytes { secret in
        unsafe span.withUnsafeMutableBufferPointer { point in
          guard secret.count == 32, let from = unsafe secret.bindMemory(to: UInt8.self).baseAddress,
            let to = point.baseAddress
          else { return false }
          return unsafe crypto_scalarmult_curve25519_base(to, from) == 0
        }
      }
      return made ? FixedBytes<33> { $0 == 0 ? 0 : point[$0 - 1] } : nil
    }
  }
}
