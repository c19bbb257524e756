import Crypto
import Digests
import FoundationEssentials
package import WireBytes

/// What one side draws for one handshake: a key that is used once, and a nonce.
public struct HandshakeRandomness: Sendable {
  let fresh: Curve25519.KeyAgreement.PrivateKey
  let nonce: Bytes32

  /// From the system's random numbers.
  public init() {
    fresh = Curve25519.KeyAgreement.PrivateKey()
    var random = SystemRandomNumberGenerator()
    nonce = Bytes32 { _ in UInt8.random(in: .min ... .max, using: &random) }
  }

  /// Chosen, for tests and reproducible records. Nil unless `fresh` has 32 bytes.
  package init?(fresh: [UInt8], nonce: Bytes32) {
    guard let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: fresh) else { return nil }
    self.fresh = key
    self.nonce = nonce
  }

  var publicKey: Bytes32 {
    guard let key = try? Bytes32([UInt8](fresh.publicKey.rawRepresentation)) else {
      preconditionFailure("a public key of X25519 has 32 bytes")
    }
    return key
  }

  func agree(with theirs: Bytes32) throws(HandshakeError) -> SharedSecret {
    // Points of small order give zeros (RFC 7748, section 6.1); the library hands those out. Its comparison takes constant time.
    guard let key = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: theirs.array),
      let secret = try? fresh.sharedSecretFromKeyAgreement(with: key),
      !(secret == [UInt8](repeating: 0, count: 32))
    else { throw .keyAgreement }
    return secret
  }
}

/// What both sides have said, hashed: signatures and keys depend on every byte of it.
struct Transcript: Sendable {
  private static let label = "causeway/signer/v1"

  /// `SHA-256(label ‖ open ‖ challenge without its signature)`; lengths are fixed, so nothing frames them.
  private(set) var hash: Bytes32

  init(open: HandshakeHello, challenge: HandshakeHello) {
    hash = SHA256Hash.hash([UInt8](Self.label.utf8) + open.encoded() + challenge.encoded())
  }

  mutating func add(_ signature: Bytes64) {
    hash = SHA256Hash.hash(hash.array + signature.array)
  }

  /// What the signer signs, and what the client signs: not the same, so neither can be sent back as the other.
  func message(of side: Side) -> [UInt8] {
    [UInt8]("\(Self.label) \(side.rawValue)".utf8) + [0] + hash.array
  }

  enum Side: String {
    case signer
    case client
  }

  func keys(_ secret: SharedSecret) -> SessionKeys {
    func key(_ name: String) -> SymmetricKey {
      secret.hkdfDerivedSymmetricKey(
        using: SHA256.self, salt: hash.array, sharedInfo: [UInt8]("\(Self.label) \(name)".utf8),
        outputByteCount: 32)
    }
    return SessionKeys(toSigner: key("to signer"), toClient: key("to client"))
  }
}

/// The two MAC keys of a session, one for each direction.
struct SessionKeys: Sendable {
  let toSigner: SymmetricKey
  let toClient: SymmetricKey

  /// HMAC-SHA256 over the frame's kind and its body but for the MAC.
  static func mac(_ kind: SignerFrameKind, _ body: some DataProtocol, _ key: SymmetricKey) -> Bytes32 {
    var mac = HMAC<SHA256>(key: key)
    mac.update(data: [kind.rawValue])
    mac.update(data: body)
    guard let bytes = try? Bytes32([UInt8](mac.finalize())) else {
      preconditionFailure("SHA-256 has 32 bytes")
    }
    return bytes
  }

  /// Whether the last 32 bytes of `body` are the MAC of what comes before; in constant time.
  static func check(_ kind: SignerFrameKind, _ body: [UInt8], _ key: SymmetricKey) -> Bool {
    guard body.count >= 32 else { return false }
    let expected = mac(kind, body.dropLast(32), key)
    var difference: UInt8 = 0
    for index in 0..<32 { difference |= expected[index] ^ body[body.count - 32 + index] }
    return difference == 0
  }
}
