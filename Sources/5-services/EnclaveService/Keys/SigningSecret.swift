internal import Crypto
internal import Enclaves
internal import Foundation
internal import Messages
internal import Secrets
public import TPMAccess
internal import WireBytes

/// What an enclave signs with.
public enum EnclaveSigningKind: String, Hashable, Sendable, CaseIterable {
  /// ECDSA over P-256, in this process.
  case p256 = "p256"
  /// ECDSA over secp256k1 in this process, verified by address: what an EVM contract checks.
  case ethereum = "ethereum"
  /// ECDSA over P-256, in the TPM.
  case tpm = "tpm"
}

/// Why no signature was made.
public enum EnclaveSigningError: Error, Hashable, Sendable {
  /// The TPM.
  case device(TPMKeyError)
  /// What was made does not verify with the key's own public half.
  case invalidSignature
  /// The platform has no place for such a key.
  case unsupported(EnclaveSigningKind)
}

/// The private half of an enclave's signing key.
///
/// It is made here, used here, and goes when the last reference does: there is no way out, no `Codable`, no description.
struct SigningSecret: Sendable {
  private enum Place: Sendable {
    /// The scalar, in guarded memory.
    case p256(Secrets.SharedSecret)
    case secp256k1(Secrets.SharedSecret)
    case tpm(TPMSigningKey)
  }

  private let place: Place
  let publicKey: EnclaveVerificationKey

  /// A new key.
  init(_ kind: EnclaveSigningKind, tpm connection: TPMConnection?) throws(EnclaveSigningError) {
    switch kind {
    case .p256:
      let key = P256.Signing.PrivateKey()
      var scalar = key.rawRepresentation
      var secret = SecretBytes(zeroed: scalar.count)
      for (index, byte) in scalar.enumerated() { secret.set(byte, at: index) }
      scalar.resetBytes(in: scalar.startIndex..<scalar.endIndex)
      place = .p256(Secrets.SharedSecret(secret))
      publicKey = try Self.key(.p256, [UInt8](key.publicKey.compressedRepresentation))
    case .ethereum:
      // One in 2^128 candidates is no key.
      while true {
        let secret = SecretBytes(random: 32)
        guard let point = Secp256k1Signing.shared.publicKey(of: secret) else { continue }
        place = .secp256k1(Secrets.SharedSecret(secret))
        publicKey = try Self.key(.secp256k1Address, Secp256k1Signing.address(of: point))
        return
      }
    case .tpm:
      guard let connection else { throw .unsupported(kind) }
      let key: TPMSigningKey
      do { key = try TPMSigningKey.create(connection) } catch { throw .device(error) }
      place = .tpm(key)
      publicKey = try Self.key(.p256, key.publicArea.publicKey)
    }
  }

  private static func key(
    _ suite: SigningSuite, _ bytes: [UInt8]
  ) throws(EnclaveSigningError) -> EnclaveVerificationKey {
    do { return try EnclaveVerificationKey(suite: suite, bytes: bytes) } catch { throw .invalidSignature }
  }

  /// A signature over a digest in the form that the suite has, verified before it is given out.
  func sign(_ digest: Bytes32) throws(EnclaveSigningError) -> [UInt8] {
    let signature: [UInt8]
    switch place {
    case .p256(let secret):
      let made = secret.withSpan { (scalar: Span<UInt8>) -> [UInt8]? in
        // swift-crypto keeps its own copy of the scalar for the length of this call, and wipes it.
        guard let key = try? P256.Signing.PrivateKey(rawRepresentation: [UInt8](copying: scalar)) else {
          return nil
        }
        return (try? key.signature(for: GivenDigest(digest))).map { [UInt8]($0.rawRepresentation) }
      }
      guard let made else { throw .invalidSignature }
      signature = EnclaveSignature.lowS(made, suite: .p256)
    case .secp256k1(let secret):
      signature = Secp256k1Signing.shared.sign(digest, with: secret)
    case .tpm(let key):
      do { signature = EnclaveSignature.lowS(try key.sign(digest), suite: .p256) } catch {
        throw .device(error)
      }
    }
    do { try EnclaveSignature.verify(digest: digest, signature: signature, key: publicKey, at: 0) } catch {
      throw .invalidSignature
    }
    return signature
  }
}

/// 32 bytes that were hashed already: swift-crypto signs digests by their type.
private struct GivenDigest: Digest {
  static var byteCount: Int { 32 }
  private let bytes: Bytes32

  init(_ bytes: Bytes32) { self.bytes = bytes }

  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    // The array lives for the length of the call.
    try unsafe bytes.array.withUnsafeBytes(body)
  }

  func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
  static func == (left: GivenDigest, right: GivenDigest) -> Bool { left.bytes == right.bytes }
  var description: String { Hex.encode(bytes.span) }
  func makeIterator() -> Array<UInt8>.Iterator { bytes.array.makeIterator() }
}
