public import Secrets
public import SigningRules
import WireBytes

/// A private key that was derived, and its public half.
public struct DerivedKey: ~Copyable, Sendable {
  public let suite: KeySuite
  /// In the form that ``SigningRules/KeyID`` names.
  public let publicKey: [UInt8]
  /// 32 bytes.
  public let secret: SecretBytes
}

/// The root of all keys of one key domain.
///
/// What BIP-32 and SLIP-10 start from is not the seed but HKDF-SHA-512 of it with the domain's name as information. So the
/// same path gives unrelated keys in two domains, also if both were given one seed by mistake; and the kind of a root is
/// part of its type, so that one domain's is not accepted where another's is wanted.
///
/// - SeeAlso: docs/spec/key-vault.md, "Derivation".
public struct DerivationRoot<Kind: KeyDomainKind>: ~Copyable, Sendable {
  /// A seed has as many bytes.
  public static var seedSizes: ClosedRange<Int> { 32...64 }
  static var salt: String { "causeway/derivation-root/v1" }

  private let seed: SecretBytes

  /// - Parameter seed: 32 to 64 bytes with as much chance in them; for this domain alone.
  /// - Throws: ``DerivationError/seedLength(_:)``.
  public init(seed: borrowing SecretBytes) throws(DerivationError) {
    guard Self.seedSizes.contains(seed.count) else { throw .seedLength(seed.count) }
    // HKDF (RFC 5869): extract with the salt, expand with the domain's name; one block of SHA-512 is all that is needed.
    let salt = [UInt8](Self.salt.utf8)
    let key = SecretMAC.sha512(key: SecretBytes(copying: salt.span), seed)
    let information = [UInt8](Kind.domain.rawValue.utf8) + [1]
    self.seed = SecretMAC.sha512(key: key, SecretBytes(copying: information.span))
  }

  /// The key of `suite` at `path`.
  ///
  /// - Parameter suite: secp256k1 (BIP-32), P-256 or Ed25519 (SLIP-10; hardened steps alone for Ed25519).
  /// - Throws: ``DerivationError``.
  public borrowing func derive(
    _ suite: KeySuite, _ path: DerivationPath
  ) throws(DerivationError) -> DerivedKey {
    let curve: DerivationCurve
    let scheme: DerivationScheme
    switch suite {
    case .secp256k1: (curve, scheme) = (.secp256k1, .bip32)
    case .p256: (curve, scheme) = (.p256, .slip10)
    case .ed25519: (curve, scheme) = (.ed25519, .slip10)
    case .p384, .mlDSA65, .mlDSA87, .ed25519AndMLDSA65, .secp256k1AndMLDSA65, .p384AndMLDSA87, .frostEd25519:
      throw .suite(suite.rawValue)
    }
    let key = try ExtendedPrivateKey(seed: seed, curve: curve, scheme: scheme).derive(path)
    let bytes = key.publicKey.array
    return DerivedKey(
      suite: suite, publicKey: curve.isHardenedOnly ? [UInt8](bytes.dropFirst()) : bytes,
      secret: key.privateKey())
  }
}

extension FileBackEnd {
  /// The name of the secret that ``derivationRoot(_:)`` starts from.
  public static let derivationSeedName = "derivation-root"

  /// The derivation root of this file's domain; its seed, 64 random bytes, is made when there is none.
  ///
  /// - Throws: ``FileVaultError``; ``FileVaultError/domain(expected:found:)`` when `kind` is another domain's.
  public func derivationRoot<Kind: KeyDomainKind>(
    _ kind: Kind.Type
  ) throws(FileVaultError) -> DerivationRoot<Kind> {
    guard Kind.domain == domain else { throw .domain(expected: Kind.domain, found: domain.byte) }
    let seed = try secret(named: Self.derivationSeedName, orMaking: 64)
    do {
      return try DerivationRoot<Kind>(seed: seed.copy())
    } catch { throw .secretLength(seed.count) }
  }
}
