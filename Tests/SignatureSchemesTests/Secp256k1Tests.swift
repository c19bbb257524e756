import Digests
import Encodings
import SignatureSchemes
import Testing
import WireBytes

@Suite("secp256k1")
struct Secp256k1Tests {
  struct Case {
    let digest: Bytes32
    let address: String
    let key: [UInt8]
    let signature: [UInt8]
    let isHigh: Bool
  }

  static func cases() throws -> [Case] {
    try signatureCases("recovery").map { test in
      Case(
        digest: try Bytes32(test.hex("digest")), address: try #require(test["address"]?.string),
        key: try test.hex("key"), signature: try test.hex("signature"),
        isHigh: test["high"] == true)
    }
  }

  @Test("recovers the key and the address of both parities and both halves of s")
  func recovers() throws {
    let cases = try Self.cases()
    #expect(cases.count == 24)
    #expect(Set(cases.map { $0.signature[64] }) == [27, 28])
    for test in cases {
      let signature = try Secp256k1.RecoverableSignature(test.signature, form: .twentySevenOrTwentyEight)
      let key = try Secp256k1.recover(digest: test.digest, signature: signature, policy: .anyS)
      #expect(key.uncompressed.array == test.key)
      #expect(EthereumAddress.checksummed(key.ethereumAddress) == test.address)
      #expect(try Secp256k1.PublicKey(sec1: test.key) == key)
      #expect(try Secp256k1.PublicKey(sec1: key.compressed.array) == key)
      #expect(try Secp256k1.PublicKey(coordinates: key.coordinates) == key)
      try Secp256k1.verify(digest: test.digest, signature: signature.signature, key: key, policy: .anyS)
      #expect(signature.signature.hasLowS != test.isHigh)
      if test.isHigh {
        #expect(throws: Secp256k1.VerificationError.sHigh) {
          try Secp256k1.recover(digest: test.digest, signature: signature, policy: .lowSRequired)
        }
        #expect(throws: Secp256k1.VerificationError.sHigh) {
          try Secp256k1.verify(
            digest: test.digest, signature: signature.signature, key: key, policy: .lowSRequired)
        }
      } else {
        #expect(
          try Secp256k1.recover(digest: test.digest, signature: signature, policy: .lowSRequired) == key)
      }
    }
  }

  @Test("any flipped bit of digest or signature loses the key")
  func flips() throws {
    let test = try #require(try Self.cases().first)
    let whole = try Secp256k1.RecoverableSignature(test.signature, form: .twentySevenOrTwentyEight)
    let key = try Secp256k1.PublicKey(sec1: test.key)
    for bit in 0..<512 {
      var bytes = test.signature
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      let changed = try? Secp256k1.RecoverableSignature(bytes, form: .twentySevenOrTwentyEight)
      guard let changed else { continue }
      let recovered = try? Secp256k1.recover(digest: test.digest, signature: changed, policy: .anyS)
      #expect(recovered != key, "bit \(bit)")
      #expect(throws: Secp256k1.VerificationError.mismatch) {
        try Secp256k1.verify(digest: test.digest, signature: changed.signature, key: key, policy: .anyS)
      }
    }
    for bit in 0..<256 {
      var digest = test.digest
      digest[bit / 8] ^= 1 << UInt8(bit % 8)
      let recovered = try? Secp256k1.recover(digest: digest, signature: whole, policy: .anyS)
      #expect(recovered != key, "bit \(bit)")
    }
  }

  @Test("refuses signatures of every other length", arguments: [0, 1, 63, 64, 66, 130])
  func lengths(count: Int) {
    let bytes = [UInt8](repeating: 1, count: count)
    #expect(throws: Secp256k1.VerificationError.signatureLength(count)) {
      try Secp256k1.RecoverableSignature(bytes, form: .either)
    }
    #expect(throws: Secp256k1.VerificationError.signatureLength(count == 64 ? 65 : count)) {
      let bytes = [UInt8](repeating: 1, count: count == 64 ? 65 : count)
      _ = try Secp256k1.Signature(compact: bytes.span)
    }
  }

  @Test("refuses r and s out of 1..<n")
  func ranges() throws {
    let order = Secp256k1.order.bigEndian
    let last = Secp256k1.order.subtractingReportingOverflow(.one).partialValue.bigEndian
    let one = Bytes32(bigEndian: 1)
    let all = UInt256.max.bigEndian
    func error(_ r: Bytes32, _ s: Bytes32) -> Secp256k1.VerificationError? {
      do {
        _ = try Secp256k1.Signature(compact: Bytes64 { $0 < 32 ? r[$0] : s[$0 - 32] })
        return nil
      } catch { return error }
    }
    #expect(error(Bytes32(), one) == .rZero)
    #expect(error(one, Bytes32()) == .sZero)
    #expect(error(order, one) == .rOverflow)
    #expect(error(all, one) == .rOverflow)
    #expect(error(one, order) == .sOverflow)
    #expect(error(one, all) == .sOverflow)
    #expect(error(one, one) == nil)
    #expect(error(last, last) == nil)
  }

  @Test("low s ends at (n - 1) / 2")
  func halves() throws {
    func signature(_ s: UInt256) throws -> Secp256k1.Signature {
      let bytes = s.bigEndian
      return try Secp256k1.Signature(compact: Bytes64 { $0 < 32 ? ($0 == 31 ? 1 : 0) : bytes[$0 - 32] })
    }
    #expect(try signature(Secp256k1.halfOrder).hasLowS)
    let above = Secp256k1.halfOrder.addingReportingOverflow(.one).partialValue
    #expect(try !signature(above).hasLowS)
    // Twice the half, and one more, is the order.
    let twice = Secp256k1.halfOrder.addingReportingOverflow(Secp256k1.halfOrder).partialValue
    #expect(twice.addingReportingOverflow(.one).partialValue == Secp256k1.order)
  }

  @Test("each form reads its own recovery values only")
  func forms() {
    let forms: [(Secp256k1.RecoveryIDForm, [UInt64: UInt8])] = [
      (.zeroOrOne, [0: 0, 1: 1]), (.zeroToThree, [0: 0, 1: 1, 2: 2, 3: 3]),
      (.twentySevenOrTwentyEight, [27: 0, 28: 1]), (.twentySeven, [27: 0]),
      (.either, [0: 0, 1: 1, 27: 0, 28: 1]), (.eip155(chainID: 1), [37: 0, 38: 1]),
      (.eip155(chainID: 0), [35: 0, 36: 1]),
      (.eip155(chainID: 42161), [84357: 0, 84358: 1]),
    ]
    for (form, values) in forms {
      for v in [0, 1, 2, 3, 4, 26, 27, 28, 29, 35, 36, 37, 38, 39, 84357, 84358, 84359, UInt64.max] {
        let read = try? form.recoveryID(v)
        #expect(read == values[v], "\(form) \(v)")
        if read == nil {
          #expect(throws: Secp256k1.VerificationError.recoveryValue(v)) { try form.recoveryID(v) }
        }
      }
    }
  }

  @Test("refuses an r that is no x of the curve, and ids that add n over p")
  func unrecoverable() throws {
    // 5 is no x of secp256k1 (5^3 + 7 = 132 is no square modulo p).
    let bytes = [UInt8](Bytes32(bigEndian: 5).array + Bytes32(bigEndian: 1).array)
    for id in UInt8(0)...3 {
      let signature = try Secp256k1.RecoverableSignature(bytes + [id], form: .zeroToThree)
      #expect(throws: Secp256k1.VerificationError.unrecoverable) {
        try Secp256k1.recover(digest: Bytes32(bigEndian: 9), signature: signature, policy: .anyS)
      }
    }
  }

  @Test("refuses keys that are not of the form or not on the curve")
  func keys() throws {
    // The generator (SEC 2, section 2.4.1).
    let x = try Hex.decode("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    let y = try Hex.decode("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8")
    let key = try Secp256k1.PublicKey(sec1: [4] + x + y)
    #expect(try Secp256k1.PublicKey(sec1: [2] + x) == key)
    #expect(try Secp256k1.PublicKey(sec1: [3] + x) != key)
    func error(_ bytes: [UInt8], _ hybrid: Secp256k1.HybridForm = .refused) -> Secp256k1.KeyError? {
      do {
        _ = try Secp256k1.PublicKey(sec1: bytes, hybrid: hybrid)
        return nil
      } catch { return error }
    }
    for count in 0...70 where count != 33 && count != 65 {
      #expect(error([UInt8](repeating: 4, count: count)) == .length(count))
    }
    #expect(error([4] + x) == .prefix(4))
    #expect(error([0] + x) == .prefix(0))
    #expect(error([2] + x + y) == .prefix(2))
    #expect(error([5] + x + y) == .prefix(5))
    #expect(error([6] + x + y) == .hybridForm(6))
    #expect(error([7] + x + y) == .hybridForm(7))
    #expect(error([6] + x + y, .accepted) == nil)
    #expect(error([7] + x + y, .accepted) == .notOnCurve)
    #expect(error([4] + x + x) == .notOnCurve)
    #expect(error([4] + [UInt8](repeating: 0, count: 64)) == .notOnCurve)
    #expect(error([2] + [UInt8](repeating: 0xff, count: 32)) == .notOnCurve)
    // The address of secret key 1, published in many places (for one: ethereumjs-util's tests).
    #expect(key.ethereumAddress.description == "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf")
  }

  @Test("strict DER: each malformed encoding has its reason")
  func der() throws {
    func error(_ hex: String) -> DERIntegersError? {
      do throws(DERIntegersError) {
        let bytes = (try? Hex.decode(hex)) ?? []
        _ = try ECDSAIntegers<32>(der: bytes.span)
        return nil
      } catch { return error }
    }
    #expect(error("3006020101020102") == nil)
    #expect(error("") == .truncated(offset: 0, needed: 2))
    #expect(error("30") == .truncated(offset: 0, needed: 2))
    #expect(error("3106020101020102") == .tag(offset: 0, found: 0x31))
    #expect(error("3006030101020102") == .tag(offset: 2, found: 3))
    #expect(error("3007020101020102") == .truncated(offset: 2, needed: 7))
    #expect(error("300602010102010200") == .trailing(offset: 8, count: 1))
    #expect(error("30070201010201020000") == .trailing(offset: 9, count: 1))
    #expect(error("300702010102010200") == .trailing(offset: 8, count: 1))
    #expect(error("308106020101020102") == .length(offset: 2, found: 6))
    #expect(error("30820006020101020102") == .length(offset: 1, found: 0x82))
    #expect(error("3080020101020102") == .length(offset: 1, found: 0x80))
    #expect(error("30050200020102") == .integer(offset: 4))
    #expect(error("3006020181020102") == .integer(offset: 4))
    #expect(error("300702020001020102") == .integer(offset: 4))
    #expect(error("30080202008102020081") == nil)
    let wide = "3026" + "0221" + "01" + String(repeating: "00", count: 32) + "020101"
    #expect(error(wide) == .overflow(offset: 4, bytes: 33))
    // Every shorter input.
    let whole = try Hex.decode("30080202008102020081")
    for count in whole.indices {
      let cut = [UInt8](whole.prefix(count))
      let read = try? ECDSAIntegers<32>(der: cut.span)
      #expect(read == nil)
    }
  }

  @Test("hashes of other lengths are cut or padded on the left")
  func truncation() {
    let long = (0..<64).map { UInt8($0) }
    let cut = Secp256k1.digest(truncating: long.span)
    #expect(cut.array == [UInt8](long.prefix(32)))
    let short: [UInt8] = [1, 2]
    let padded = Secp256k1.digest(truncating: short.span)
    #expect(padded == Bytes32(bigEndian: 0x0102))
  }
}
