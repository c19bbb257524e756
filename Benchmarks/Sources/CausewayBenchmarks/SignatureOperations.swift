import CPeers
import Digests
import SignatureSchemes
import WireBytes

/// A secp256k1 signature to verify, made by libsecp256k1 from a throw-away key.
struct SignedDigest {
  let digest: Bytes32
  /// r, s, recovery id 0 or 1.
  let signature: [UInt8]
  let compressedKey: [UInt8]

  init(_ seed: UInt8) {
    digest = Keccak256.hash([seed])
    var secret = [UInt8](repeating: 0, count: 32)
    secret[31] = seed &+ 1
    var signature = [UInt8](repeating: 0, count: 65)
    var key = [UInt8](repeating: 0, count: 33)
    precondition(peer_secp256k1_sign(secret, digest.array, &signature, &key) == 1)
    self.signature = signature
    compressedKey = key
  }
}

extension Operations {
  static func signatures() throws -> [Benchmark] {
    let signed = SignedDigest(1)
    let digest = signed.digest.array
    let recoverable = try Secp256k1.RecoverableSignature(signed.signature, form: .zeroOrOne)
    let compact = try Secp256k1.Signature(compact: signed.signature.prefix(64).withSpan { try Bytes64($0) })
    var output = [UInt8](repeating: 0, count: 65)
    return [
      Benchmark(
        "secp256k1 recover", peer: "libsecp256k1",
        ours: {
          keep(try? Secp256k1.recover(digest: signed.digest, signature: recoverable, policy: .anyS))
        },
        theirs: { keep(peer_secp256k1_recover(signed.signature, digest, &output)) }),
      Benchmark(
        "secp256k1 recover to address", peer: "libsecp256k1, XKCP",
        ours: {
          keep(
            try? Secp256k1.recoverAddress(
              digest: signed.digest, signature: signed.signature.span, form: .zeroOrOne, policy: .anyS))
        },
        theirs: {
          keep(peer_secp256k1_recover(signed.signature, digest, &output))
          var hash = [UInt8](repeating: 0, count: 32)
          output.withUnsafeBufferPointer { peer_xkcp_keccak256($0.baseAddress! + 1, 64, &hash) }
        }),
      Benchmark(
        "secp256k1 verify, key as bytes", peer: "libsecp256k1",
        ours: {
          guard let key = try? Secp256k1.PublicKey(sec1: signed.compressedKey) else { return }
          keep(
            try? Secp256k1.verify(digest: signed.digest, signature: compact, key: key, policy: .lowSRequired))
        },
        theirs: { keep(peer_secp256k1_verify(signed.signature, digest, signed.compressedKey)) }),
    ]
  }
}

extension ArraySlice<UInt8> {
  func withSpan<Value>(_ body: (Span<UInt8>) throws -> Value) rethrows -> Value {
    let bytes = [UInt8](self)
    return try body(bytes.span)
  }
}
