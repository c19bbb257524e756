import Digests
import Encodings
import SignatureSchemes
import Testing
import WireBytes

@Suite("Signature suites")
struct SuiteTests {
  struct Case {
    let suite: SuiteID
    let key: [UInt8]
    let message: [UInt8]
    let signature: [UInt8]
  }

  static func cases() throws -> [Case] {
    try signatureCases("suites").map { test in
      Case(
        suite: SuiteID(rawValue: try #require(test["suite"]?.integer(UInt16.self))), key: try test.hex("key"),
        message: try test.hex("message"), signature: try test.hex("signature"))
    }
  }

  static func refusal(
    _ suite: SuiteID, _ key: [UInt8], _ message: [UInt8], _ signature: [UInt8], at seconds: UInt64 = 0,
    in suites: SignatureSuites = .standard
  ) -> SignatureRefusal? {
    do {
      try suites.verify(
        suite: suite, key: key.span, message: message.span, signature: signature.span, at: seconds)
      return nil
    } catch { return error }
  }

  @Test("every suite of the standard registry verifies what an independent library signed")
  func verifies() throws {
    let cases = try Self.cases()
    #expect(cases.map { $0.suite } == SignatureSuites.standard.entries.map { $0.id })
    for test in cases {
      #expect(Self.refusal(test.suite, test.key, test.message, test.signature) == nil, "\(test.suite)")
    }
  }

  @Test("no suite verifies another message, a changed signature, a cut one or a longer one")
  func changes() throws {
    for test in try Self.cases() {
      #expect(Self.refusal(test.suite, test.key, test.message + [0], test.signature) != nil)
      #expect(Self.refusal(test.suite, test.key, test.message, test.signature + [0]) != nil)
      let count = test.signature.count
      for cut in [0, 1, count / 2, count - 1] {
        let short = [UInt8](test.signature.prefix(cut))
        #expect(Self.refusal(test.suite, test.key, test.message, short) != nil, "\(test.suite) cut \(cut)")
      }
      for index in stride(from: 0, to: count, by: max(1, count / 40)) {
        var changed = test.signature
        changed[index] ^= 1
        #expect(Self.refusal(test.suite, test.key, test.message, changed) != nil, "\(test.suite) at \(index)")
      }
      for cut in [0, 1, test.key.count - 1] {
        let short = [UInt8](test.key.prefix(cut))
        #expect(
          Self.refusal(test.suite, short, test.message, test.signature) != nil, "\(test.suite) key \(cut)")
      }
    }
  }

  @Test("no suite takes the key and signature of another")
  func crossing() throws {
    let cases = try Self.cases()
    for test in cases {
      for other in cases where other.suite != test.suite {
        // One key under two rules of the same scheme would be the same suite's statement.
        let both: Set<UInt16> = [0x20, 0x21]
        if both.isSuperset(of: [test.suite.rawValue, other.suite.rawValue]) { continue }
        #expect(
          Self.refusal(other.suite, test.key, test.message, test.signature) != nil,
          "\(test.suite) as \(other.suite)")
      }
    }
  }

  @Test("each refusal keeps the scheme's reason")
  func reasons() throws {
    let cases = Dictionary(uniqueKeysWithValues: try Self.cases().map { ($0.suite, $0) })
    func refusal(
      _ suite: SuiteID, key: (([UInt8]) -> [UInt8])? = nil, signature: (([UInt8]) -> [UInt8])? = nil
    ) throws -> SignatureRefusal? {
      let test = try #require(cases[suite])
      return Self.refusal(
        suite, key?(test.key) ?? test.key, test.message, signature?(test.signature) ?? test.signature)
    }
    #expect(Self.refusal(SuiteID(rawValue: 9), [], [], []) == .unknownSuite(9))
    #expect(try refusal(.secp256k1Keccak256, key: { _ in [] }) == .secp256k1Key(.length(0)))
    #expect(try refusal(.secp256k1SHA256, signature: { _ in [] }) == .secp256k1(.signatureLength(0)))
    #expect(try refusal(.ethereumAddress, key: { $0 + [0] }) == .addressLength(21))
    let addressCase = try #require(cases[.ethereumAddress])
    let signer = Bytes20(addressCase.key.span, at: 0)
    #expect(
      try refusal(.ethereumAddress, key: { _ in [UInt8](repeating: 0, count: 20) })
        == .address(recovered: signer))
    #expect(
      try refusal(.ethereumAddress, signature: { $0.dropLast() + [1] }) == .secp256k1(.recoveryValue(1)))
    #expect(try refusal(.p256SHA256, key: { $0 + [0] }) == .ecdsa(.keyLength(66)))
    #expect(try refusal(.p256SHA256, key: { [5] + $0.dropFirst() }) == .ecdsa(.keyPrefix(5)))
    #expect(
      try refusal(.p256SHA256, key: { $0.dropLast() + [($0.last ?? 0) ^ 1] }) == .ecdsa(.keyNotOnCurve))
    #expect(
      try refusal(.p256SHA256, signature: { [UInt8](repeating: 0, count: 32) + $0.dropFirst(32) })
        == .ecdsa(.rZero))
    #expect(
      try refusal(.p384SHA384, signature: { $0.prefix(48) + [UInt8](repeating: 0, count: 48) })
        == .ecdsa(.sZero))
    #expect(
      try refusal(.p384SHA384, signature: { [UInt8](repeating: 0xff, count: 48) + $0.dropFirst(48) })
        == .ecdsa(.rOverflow))
    #expect(try refusal(.p384SHA384, signature: { $0 + [0] }) == .ecdsa(.signatureLength(97)))
    #expect(try refusal(.ed25519, key: { $0 + [0] }) == .ed25519(.keyLength(33)))
    #expect(try refusal(.rsaPSSSHA256, key: { $0 + [0] }) == .rsaPSS(.key))
    #expect(try refusal(.rsaPSSSHA256, key: { _ in [0x30, 0] }) == .rsaPSS(.key))
    #expect(try refusal(.rsaPSSSHA256, signature: { $0 + [0] }) == .rsaPSS(.signatureLength(257)))
    #expect(try refusal(.rsaPSSSHA384, signature: { [$0[0] ^ 1] + $0.dropFirst() }) == .rsaPSS(.mismatch))
    #expect(
      try refusal(.mlDSA65, key: { $0 + [0] }) == .mlDSA(.keyLength(expected: 1952, actual: 1953)))
    #expect(
      try refusal(.mlDSA87, signature: { _ in [] }) == .mlDSA(.signatureLength(expected: 4627, actual: 0)))
    #expect(try refusal(.mlDSA65, signature: { [$0[0] ^ 1] + $0.dropFirst() }) == .mlDSA(.mismatch))
  }

  @Test("both halves of a hybrid must hold")
  func hybrids() throws {
    for test in try Self.cases() where test.suite.rawValue >= 0x100 {
      guard
        case .hybrid(let classical, let postQuantum) = SignatureSuites.standard.entry(test.suite)?.algorithm
      else { continue }
      let parts = try HybridParts(
        decoding: test.signature.span, classical: classical, postQuantum: postQuantum)
      #expect(parts.encoded() == test.signature)
      func with(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
        HybridParts(
          classicalSuite: classical, classical: first, postQuantumSuite: postQuantum, postQuantum: second
        ).encoded()
      }
      var first = parts.classical
      first[40] ^= 1
      var second = parts.postQuantum
      second[40] ^= 1
      guard
        case .classicalHalf = Self.refusal(test.suite, test.key, test.message, with(first, parts.postQuantum))
      else {
        Issue.record("\(test.suite): classical half")
        continue
      }
      #expect(
        Self.refusal(test.suite, test.key, test.message, with(parts.classical, second))
          == .postQuantumHalf(.mlDSA(.mismatch)))
      #expect(Self.refusal(test.suite, test.key, test.message, with([], parts.postQuantum)) != nil)
      #expect(Self.refusal(test.suite, test.key, test.message, with(parts.classical, [])) != nil)

      // A half taken out is no signature of its plain suite.
      let keys = try HybridParts(decoding: test.key.span, classical: classical, postQuantum: postQuantum)
      let preimage = HybridSignature.preimage(test.message.span, suite: test.suite)
      #expect(Self.refusal(classical, keys.classical, test.message, parts.classical) != nil)
      #expect(
        Self.refusal(postQuantum, keys.postQuantum, test.message, parts.postQuantum) == .mlDSA(.mismatch))
      #expect(Self.refusal(postQuantum, keys.postQuantum, preimage, parts.postQuantum) == .mlDSA(.mismatch))
    }
  }

  @Test("the hybrid format has one reading")
  func hybridFormat() throws {
    let whole = HybridParts(
      classicalSuite: .ed25519, classical: [1, 2, 3], postQuantumSuite: .mlDSA65, postQuantum: [4]
    ).encoded()
    #expect(whole == [1, 0, 0x20, 0, 3, 1, 2, 3, 0, 0x40, 0, 1, 4])
    func error(_ bytes: [UInt8]) -> HybridFormatError? {
      do {
        _ = try HybridParts(decoding: bytes.span, classical: .ed25519, postQuantum: .mlDSA65)
        return nil
      } catch { return error }
    }
    #expect(error(whole) == nil)
    for count in whole.indices {
      guard case .wire(.truncated) = error([UInt8](whole.prefix(count))) else {
        Issue.record("cut to \(count)")
        continue
      }
    }
    #expect(error(whole + [0]) == .wire(.trailingBytes(offset: 13, count: 1)))
    #expect(error([2] + whole.dropFirst()) == .version(2))
    var other = whole
    other[2] = 0x21
    #expect(error(other) == .suite(expected: 0x20, found: 0x21))
    other = whole
    other[9] = 0x41
    #expect(error(other) == .suite(expected: 0x40, found: 0x41))
  }

  @Test("a suite is active, then deprecated, then forbidden, to the second")
  func dates() throws {
    let entry = SuiteEntry(
      id: .ed25519, name: "ed25519", algorithm: .ed25519(.rfc8032Strict), deprecatedFrom: 100,
      forbiddenFrom: 200)
    #expect(entry.status(at: 99) == .active)
    #expect(entry.status(at: 100) == .deprecated(from: 100))
    #expect(entry.status(at: 199) == .deprecated(from: 100))
    #expect(entry.status(at: 200) == .forbidden(from: 200))
    let suites = try SignatureSuites([
      entry, SuiteEntry(id: .mlDSA65, name: "ml-dsa-65", algorithm: .mlDSA(.mldsa65)),
      SuiteEntry(
        id: .ed25519AndMLDSA65, name: "hybrid", algorithm: .hybrid(classical: .ed25519, postQuantum: .mlDSA65)
      ),
    ])
    let cases = Dictionary(uniqueKeysWithValues: try Self.cases().map { ($0.suite, $0) })
    for id in [SuiteID.ed25519, .ed25519AndMLDSA65] {
      let test = try #require(cases[id])
      let statuses = try [99, 150].map { seconds in
        try suites.verify(
          suite: id, key: test.key.span, message: test.message.span, signature: test.signature.span,
          at: seconds)
      }
      #expect(statuses == [.active, .deprecated(from: 100)])
      let refusal = Self.refusal(id, test.key, test.message, test.signature, at: 200, in: suites)
      let inner = SignatureRefusal.forbidden(0x20, from: 200)
      #expect(refusal == (id == .ed25519 ? inner : .classicalHalf(inner)))
    }
  }

  @Test("the standard registry is sound and its RSA suites end with their dates")
  func standard() throws {
    let standard = SignatureSuites.standard
    #expect(try SignatureSuites(standard.entries).entries == standard.entries)
    #expect(Set(standard.entries.map { $0.name }).count == standard.entries.count)
    for entry in standard.entries {
      let isRSA = if case .rsaPSS = entry.algorithm { true } else { false }
      // 2030-12-31 23:59:59 and the next second; the same in 2035.
      #expect(entry.status(at: 1_924_991_999) == .active)
      #expect(entry.status(at: 1_924_992_000) == (isRSA ? .deprecated(from: 1_924_992_000) : .active))
      #expect(entry.status(at: 2_082_758_400) == (isRSA ? .forbidden(from: 2_082_758_400) : .active))
      #expect(standard.entry(named: entry.name) == entry)
    }
  }

  @Test("a registry refuses duplicates and hybrids of hybrids")
  func registries() throws {
    let plain = SuiteEntry(id: .ed25519, name: "a", algorithm: .ed25519(.zip215))
    let hybrid = SuiteEntry(
      id: .ed25519AndMLDSA65, name: "h", algorithm: .hybrid(classical: .ed25519, postQuantum: .mlDSA65))
    #expect(throws: SignatureSuites.RegistryError.duplicate(0x20)) { try SignatureSuites([plain, plain]) }
    #expect(throws: SignatureSuites.RegistryError.part(hybrid: 0x100, part: 0x40)) {
      try SignatureSuites([plain, hybrid])
    }
    let nested = SuiteEntry(
      id: .mlDSA65, name: "n", algorithm: .hybrid(classical: .ed25519, postQuantum: .ed25519))
    #expect(throws: SignatureSuites.RegistryError.part(hybrid: 0x100, part: 0x40)) {
      try SignatureSuites([plain, hybrid, nested])
    }
  }

  @Test("a digest is verified as it is by suites with 32-byte hashes, and as a message by the others")
  func digests() throws {
    for test in try Self.cases() {
      let digest: Bytes32?
      switch SignatureSuites.standard.entry(test.suite)?.algorithm {
      case .secp256k1(.keccak256), .ethereumAddress: digest = Keccak256.hash(test.message)
      case .secp256k1(.sha256), .p256: digest = SHA256Hash.hash(test.message)
      default: digest = nil
      }
      if let digest {
        try SignatureSuites.standard.verify(
          suite: test.suite, key: test.key.span, digest: digest, signature: test.signature.span, at: 0)
      } else {
        #expect(throws: SignatureRefusal.self) {
          try SignatureSuites.standard.verify(
            suite: test.suite, key: test.key.span, digest: SHA256Hash.hash(test.message),
            signature: test.signature.span, at: 0)
        }
      }
    }
  }
}
