private import Digests
private import Encodings
private import SignatureSchemes
private import WireBytes

/// Bodies over the decoders and verifiers of SignatureSchemes and the sponge of Digests.
public enum SignatureBodies {
  public static let all: [FuzzBody] = [ecdsaDER, secp256k1, ed25519, hybrid, typedData, keccakSplits]

  /// What strict DER reads has one encoding: writing it again gives the same bytes.
  static let ecdsaDER = FuzzBody(
    name: "ecdsa-der", seeds: [[0x30, 8, 2, 2, 0, 0x81, 2, 2, 0, 0x81], [0x30, 6, 2, 1, 1, 2, 1, 2]]
  ) { bytes in
    guard let integers = try? ECDSAIntegers<32>(der: bytes.span) else { return }
    func integer(_ value: FixedBytes<32>) -> [UInt8] {
      var digits = [UInt8](value.array.drop { $0 == 0 })
      if digits.first.map({ $0 >= 0x80 }) ?? true { digits.insert(0, at: 0) }
      return [2, UInt8(digits.count)] + digits
    }
    let content = integer(integers.r) + integer(integers.s)
    precondition([0x30, UInt8(content.count)] + content == bytes)
  }

  /// A recovered key verifies the signature it was recovered from: 32 bytes of digest, then the 65 of the signature.
  static let secp256k1 = FuzzBody(
    name: "secp256k1-recover",
    seeds: [[UInt8](repeating: 1, count: 96) + [0], [UInt8](repeating: 0x7f, count: 96) + [1]]
  ) { bytes in
    guard bytes.count >= 32 else {
      _ = try? Secp256k1.PublicKey(sec1: bytes, hybrid: .accepted)
      return
    }
    let digest = Bytes32(bytes.span, at: 0)
    let rest = [UInt8](bytes.dropFirst(32))
    if let key = try? Secp256k1.PublicKey(sec1: rest, hybrid: .accepted) {
      precondition((try? Secp256k1.PublicKey(sec1: key.compressed.array)) == key)
      precondition((try? Secp256k1.PublicKey(sec1: key.uncompressed.array)) == key)
    }
    guard let signature = try? Secp256k1.RecoverableSignature(rest, form: .zeroToThree),
      let key = try? Secp256k1.recover(digest: digest, signature: signature, policy: .anyS)
    else { return }
    let verified: Void? = try? Secp256k1.verify(
      digest: digest, signature: signature.signature, key: key, policy: .anyS)
    precondition(verified != nil)
  }

  /// The rules are nested: strict is inside ref10, which is inside ZIP-215. Key, signature, message.
  static let ed25519 = FuzzBody(
    name: "ed25519-rules",
    seeds: [
      // Small-order A and R, s = 0: valid under the two wider rules.
      [UInt8](repeating: 0, count: 96) + [1],
      [1] + [UInt8](repeating: 0, count: 31) + [1]
        + [UInt8](repeating: 0, count: 63),
    ]
  ) { bytes in
    guard bytes.count >= 96 else { return }
    let key = Bytes32(bytes.span, at: 0)
    let signature = Bytes64(bytes.span, at: 32)
    let message = [UInt8](bytes.dropFirst(96))
    let accepted = [Ed25519.Rule.rfc8032Strict, .ref10, .zip215].map { rule in
      let verified: Void? = try? Ed25519.verify(message.span, signature: signature, key: key, rule: rule)
      return verified != nil
    }
    precondition(!accepted[0] || accepted[1])
    precondition(!accepted[1] || accepted[2])
  }

  /// What is read as a hybrid is written as the same bytes.
  static let hybrid = FuzzBody(
    name: "hybrid-parts", seeds: [[1, 0, 0x20, 0, 3, 1, 2, 3, 0, 0x40, 0, 1, 4]]
  ) { bytes in
    guard let parts = try? HybridParts(decoding: bytes.span, classical: .ed25519, postQuantum: .mlDSA65)
    else {
      return
    }
    precondition(parts.encoded() == bytes)
  }

  /// Typed data of any shape neither traps nor hashes in two ways.
  static let typedData = FuzzBody(
    name: "eip712",
    seeds: [
      [UInt8](
        #"{"types":{"T":[{"name":"v","type":"uint8[2][]"}]},"primaryType":"T","domain":{"chainId":1},"message":{"v":[[1,2]]}}"#
          .utf8)
    ]
  ) { bytes in
    guard let json = try? JSONValue(decoding: bytes), let document = try? EIP712.Document(json) else {
      return
    }
    let again = try? EIP712.Document(json)
    precondition(again?.digest == document.digest)
  }

  /// Keccak-256 in pieces equals Keccak-256 in one: the first byte is the length of a piece.
  static let keccakSplits = FuzzBody(
    name: "keccak-splits", seeds: [[7] + [UInt8](repeating: 0x5a, count: 300)]
  ) { bytes in
    guard let size = bytes.first, size > 0 else { return }
    let message = [UInt8](bytes.dropFirst())
    var hasher = Keccak256()
    for start in stride(from: 0, to: message.count, by: Int(size)) {
      hasher.update(message.span.extracting(start..<min(start + Int(size), message.count)))
    }
    let digest = hasher.finalize()
    precondition(digest == Keccak256.hash(message))
  }
}
