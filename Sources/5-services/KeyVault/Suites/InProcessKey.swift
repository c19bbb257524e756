private import Crypto
import Digests
private import FoundationEssentials
public import Secrets
import SignatureSchemes
public import SigningRules
import WireBytes

/// Why bytes are not a private key of a suite.
public enum InProcessKeyError: Error, Hashable, Sendable {
  /// Nobody signs with such a key alone.
  case unsupported(KeySuite)
  case length(expected: Int, actual: Int)
  /// A scalar that is zero or not below the order of its group, or a seed that the library refuses.
  case range(KeySuite)
}

/// A private key that signs in this process.
///
/// secp256k1 and Ed25519 sign out of guarded memory, by libsecp256k1 and libsodium. The other suites are swift-crypto's:
/// it keeps their keys in ordinary memory while they live, in which BoringSSL wipes what it frees.
public struct InProcessKey: Sendable {
  public let suite: KeySuite
  /// In the form that ``KeyID`` names.
  public let publicKey: [UInt8]
  private let secret: Secret

  private indirect enum Secret: Sendable {
    case secp256k1(Secrets.SharedSecret)
    case ed25519(Secrets.SharedSecret)
    case p256(P256.Signing.PrivateKey)
    case p384(P384.Signing.PrivateKey)
    case mlDSA65(MLDSA65.PrivateKey)
    case mlDSA87(MLDSA87.PrivateKey)
    case hybrid(InProcessKey, InProcessKey)
  }

  /// Reads a private key in the form of ``SigningRules/KeySuite/secretSizeBytes``; wiping `bytes` is their owner's.
  public init(_ suite: KeySuite, secret bytes: borrowing SecretBytes) throws(InProcessKeyError) {
    guard let size = suite.secretSizeBytes else { throw .unsupported(suite) }
    guard bytes.count == size else { throw .length(expected: size, actual: bytes.count) }
    self.suite = suite
    switch suite {
    case .secp256k1:
      guard let key = Secp256k1Engine.shared.publicKey(of: bytes) else { throw .range(suite) }
      secret = .secp256k1(Secrets.SharedSecret(bytes.copy()))
      publicKey = key.array
    case .ed25519:
      guard let expanded = Ed25519Engine.expand(bytes) else { throw .range(suite) }
      publicKey = Ed25519Engine.publicKey(of: expanded).array
      secret = .ed25519(Secrets.SharedSecret(expanded))
    // The pointers below are used during the calls only: swift-crypto copies what it keeps.
    case .p256:
      let key = unsafe bytes.withUnsafeBytes { unsafe try? P256.Signing.PrivateKey(rawRepresentation: $0) }
      guard let key else { throw .range(suite) }
      secret = .p256(key)
      publicKey = [UInt8](key.publicKey.compressedRepresentation)
    case .p384:
      let key = unsafe bytes.withUnsafeBytes { unsafe try? P384.Signing.PrivateKey(rawRepresentation: $0) }
      guard let key else { throw .range(suite) }
      secret = .p384(key)
      publicKey = [UInt8](key.publicKey.compressedRepresentation)
    case .mlDSA65:
      let key = unsafe bytes.withUnsafeBytes {
        unsafe try? MLDSA65.PrivateKey(seedRepresentation: $0, publicKey: nil)
      }
      guard let key else { throw .range(suite) }
      secret = .mlDSA65(key)
      publicKey = [UInt8](key.publicKey.rawRepresentation)
    case .mlDSA87:
      let key = unsafe bytes.withUnsafeBytes {
        unsafe try? MLDSA87.PrivateKey(seedRepresentation: $0, publicKey: nil)
      }
      guard let key else { throw .range(suite) }
      secret = .mlDSA87(key)
      publicKey = [UInt8](key.publicKey.rawRepresentation)
    case .ed25519AndMLDSA65, .secp256k1AndMLDSA65, .p384AndMLDSA87:
      guard let halves = suite.halves, let registered = suite.registered,
        let classicalSize = halves.classical.secretSizeBytes
      else { throw .unsupported(suite) }
      let classical = try InProcessKey(halves.classical, secret: bytes.slice(0..<classicalSize))
      let postQuantum = try InProcessKey(halves.postQuantum, secret: bytes.slice(classicalSize..<size))
      secret = .hybrid(classical, postQuantum)
      publicKey =
        HybridParts(
          classicalSuite: registered.classical, classical: classical.publicKey,
          postQuantumSuite: registered.postQuantum, postQuantum: postQuantum.publicKey
        ).encoded()
    case .frostEd25519: throw .unsupported(suite)
    }
  }

  /// A new private key from the system's random numbers.
  public static func generate(_ suite: KeySuite) throws(InProcessKeyError) -> SecretBytes {
    guard let size = suite.secretSizeBytes else { throw .unsupported(suite) }
    // At worst one in 2^32 candidates (P-256) is no key.
    while true {
      let candidate = SecretBytes(random: size)
      do {
        _ = try InProcessKey(suite, secret: candidate)
        return candidate
      } catch {
        guard case .range = error else { throw error }
      }
    }
  }

  /// The signature over `content` in the form that ``SigningRules/SigningPayload`` says, verified before it is returned.
  ///
  /// Back ends call it with what is in a payload; nothing else has a reason to.
  ///
  /// - Throws: ``KeyBackEndError``.
  package func sign(_ content: SigningPayload.Content, recoverable: Bool) throws(KeyBackEndError) -> [UInt8] {
    let signature = try unverified(content, recoverable: recoverable)
    try SignatureCheck.check(
      signature, over: content, recoverable: recoverable, suite: suite, publicKey: publicKey)
    return signature
  }

  private func unverified(
    _ content: SigningPayload.Content, recoverable: Bool
  ) throws(KeyBackEndError) -> [UInt8] {
    guard case .hybrid(let classical, let postQuantum) = secret, let registered = suite.registered else {
      if case .secp256k1(let key) = secret {
        return try Self.secp256k1(content.sha256, with: key, recoverable: recoverable)
      }
      if case .p256(let key) = secret {
        return try Self.bytes {
          [UInt8](try key.signature(for: GivenDigest(bytes: content.sha256)).rawRepresentation)
        }
      }
      return try half(content.message, context: [])
    }
    let preimage = HybridSignature.preimage(content.message.span, suite: registered.whole)
    return HybridParts(
      classicalSuite: registered.classical, classical: try classical.half(preimage, context: []),
      postQuantumSuite: registered.postQuantum,
      postQuantum: try postQuantum.half(preimage, context: HybridSignature.context)
    ).encoded()
  }

  /// What the registry's suite of a plain key signs: for secp256k1 this is the Keccak-256 of the message, which only
  /// hybrids ask for.
  private func half(_ message: [UInt8], context: [UInt8]) throws(KeyBackEndError) -> [UInt8] {
    switch secret {
    case .secp256k1(let key):
      return try Self.secp256k1(Keccak256.hash(message.span), with: key, recoverable: false)
    case .ed25519(let key): return Ed25519Engine.sign(message, with: key).array
    case .p256(let key): return try Self.bytes { [UInt8](try key.signature(for: message).rawRepresentation) }
    case .p384(let key): return try Self.bytes { [UInt8](try key.signature(for: message).rawRepresentation) }
    case .mlDSA65(let key):
      return try Self.bytes { [UInt8](try key.signature(for: message, context: context)) }
    case .mlDSA87(let key):
      return try Self.bytes { [UInt8](try key.signature(for: message, context: context)) }
    case .hybrid: throw .unsupported(suite)
    }
  }

  private static func secp256k1(
    _ digest: Bytes32, with key: Secrets.SharedSecret, recoverable: Bool
  ) throws(KeyBackEndError) -> [UInt8] {
    let (compact, recoveryID) = Secp256k1Engine.shared.sign(digest, with: key)
    guard recoverable else { return compact.array }
    // 2 and 3 stand for an x above the order, which nobody can find.
    guard recoveryID <= 1 else { throw .invalidSignature }
    return compact.array + [27 + recoveryID]
  }

  /// swift-crypto throws when BoringSSL is out of memory or of random numbers.
  private static func bytes(_ body: () throws -> [UInt8]) throws(KeyBackEndError) -> [UInt8] {
    do { return try body() } catch { throw .malformed(step: "signature") }
  }
}

extension InProcessKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The suite alone.
  public var description: String { suite.rawValue }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: ["suite": suite.rawValue]) }
}

/// A digest that the caller has computed, in the type that swift-crypto asks for.
private struct GivenDigest: Digest {
  static var byteCount: Int { 32 }
  let bytes: Bytes32

  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    // The pointer does not outlive `body`, whose word that is.
    let array = bytes.array
    return unsafe try array.withUnsafeBytes(body)
  }

  var description: String { bytes.description }
}
