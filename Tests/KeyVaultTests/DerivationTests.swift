import Encodings
import Foundation
import KeyVault
import Secrets
import SigningRules
import TestSupport
import Testing
import WireBytes

@Suite("Derivation")
struct DerivationTests {
  private static let folder = Corpora.directory("keys").map { $0 + "/bip32-slip10-slip39" }

  private static func corpus(_ name: String) throws -> JSONValue {
    let path = try #require(folder) + "/" + name
    return try JSONValue(decoding: [UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
  }

  @Test(
    "is BIP-32's at every step of its vectors", .enabled(if: folder != nil, "corpus keys is absent"))
  func bip32() throws {
    var steps = 0
    for vector in try #require(Self.corpus("bip32_vectors.json")["valid"]?.array) {
      let seed = try vector.bytes("seed")
      let root = try ExtendedPrivateKey(
        seed: SecretBytes(copying: seed.span), curve: .secp256k1, scheme: .bip32)
      for step in try #require(vector["chain"]?.array) {
        let key = try root.derive(DerivationPath(try step.text("path")))
        let privateBytes = exposed(key.encoded())
        #expect(Base58.encodeCheck(privateBytes.span) == (try step.text("ext_prv")))
        let publicKey = ExtendedPublicKey(of: key)
        let publicBytes = publicKey.encoded()
        #expect(Base58.encodeCheck(publicBytes.span) == (try step.text("ext_pub")))
        // And back.
        let again = try ExtendedPrivateKey(decoding: SecretBytes(copying: privateBytes.span))
        #expect(exposed(again.encoded()) == privateBytes)
        #expect(again.publicKey == key.publicKey)
        let read = try ExtendedPublicKey(decoding: publicBytes.span)
        #expect(read == publicKey)
        steps += 1
      }
    }
    #expect(steps == 15)
  }

  /// Why each of the invalid vectors is refused.
  private static let reasons: [String: ExtendedKeyError] = [
    "pubkey version / prvkey mismatch": .prefix(0),
    "prvkey version / pubkey mismatch": .prefix(2),
    "invalid pubkey prefix 04": .prefix(4), "invalid prvkey prefix 04": .prefix(4),
    "invalid pubkey prefix 01": .prefix(1), "invalid prvkey prefix 01": .prefix(1),
    "zero depth with non-zero parent fingerprint": .rootFingerprint,
    "private key 0 not in 1..n-1": .privateKey, "private key n not in 1..n-1": .privateKey,
    "invalid pubkey 020000000000000000000000000000000000000000000000000000000000000007": .publicKey,
  ]

  @Test("refuses BIP-32's invalid keys", .enabled(if: folder != nil, "corpus keys is absent"))
  func invalid() throws {
    var refused: [String: Int] = [:]
    for vector in try #require(Self.corpus("bip32_vectors.json")["invalid"]?.array) {
      let text = try vector.text("key")
      let reason = try vector.text("reason")
      guard reason != "invalid checksum" else {
        #expect(throws: Base58Error.checksum) { _ = try Base58.decodeCheck(text) }
        refused["checksum", default: 0] += 1
        continue
      }
      let bytes = try Base58.decodeCheck(text)
      let asPublic = #expect(throws: ExtendedKeyError.self) {
        _ = try ExtendedPublicKey(decoding: bytes.span)
      }
      let asPrivate = #expect(throws: ExtendedKeyError.self) {
        _ = try ExtendedPrivateKey(decoding: SecretBytes(copying: bytes.span))
      }
      // The one that the text says it is.
      let error = text.hasPrefix("xprv") ? asPrivate : asPublic
      if let wanted = Self.reasons[reason] {
        #expect(error == wanted, "\(reason)")
      } else if reason == "zero depth with non-zero index" {
        #expect(error.map { caseName($0) } == "rootStep")
      } else {
        #expect(reason == "unknown extended key version")
        #expect(error.map { caseName($0) } == "version")
      }
      refused[error.map { caseName($0) } ?? "none", default: 0] += 1
    }
    #expect(refused.values.reduce(0, +) == 11)
    #expect(refused["none"] == nil)
  }

  @Test("is SLIP-10's at every step of its vectors", .enabled(if: folder != nil, "corpus keys is absent"))
  func slip10() throws {
    var steps = 0
    for vector in try #require(Self.corpus("slip10_vectors.json").array) {
      let title = try vector.text("title")
      let curve: DerivationCurve =
        title.hasSuffix("secp256k1")
        ? .secp256k1
        : title.hasSuffix("nist256p1") ? .p256 : title.hasSuffix("ed25519") ? .ed25519 : .curve25519
      let seed = try vector.bytes("seed")
      let root = try ExtendedPrivateKey(seed: SecretBytes(copying: seed.span), curve: curve, scheme: .slip10)
      for step in try #require(vector["chain"]?.array) {
        let key = try root.derive(DerivationPath(try step.text("path")))
        #expect(key.parentFingerprint.array == (try step.bytes("fingerprint")), "\(title)")
        #expect(exposed(key.chainCode()) == (try step.bytes("chain code")), "\(title)")
        #expect(exposed(key.privateKey()) == (try step.bytes("private")), "\(title)")
        #expect(key.publicKey.array == (try step.bytes("public")), "\(title)")
        steps += 1
      }
    }
    #expect(steps == 31)
  }

  @Test("from a domain's root is what an independent program computes")
  func roots() throws {
    let cases = try VectorFile("roots").cases
    #expect(cases.count == 144)
    for json in cases {
      let seed = SharedSecret(try json.secret("seed"))
      let suite = try #require(KeySuite(rawValue: json.text("suite")))
      let path = try DerivationPath(try json.text("path"))
      #expect(path.description == (try json.text("path")))
      let key: DerivedKey
      switch try json.text("domain") {
      case "user": key = try DerivationRoot<UserKeys>(seed: seed.copy()).derive(suite, path)
      case "operator": key = try DerivationRoot<OperatorKeys>(seed: seed.copy()).derive(suite, path)
      case "settlement": key = try DerivationRoot<SettlementKeys>(seed: seed.copy()).derive(suite, path)
      default: key = try DerivationRoot<SigningRules.EnclaveKeys>(seed: seed.copy()).derive(suite, path)
      }
      #expect(exposed(key.secret) == (try json.bytes("secret")), "\(json.name)")
      #expect(key.publicKey == (try json.bytes("public")), "\(json.name)")
    }
  }

  /// Keys of one domain at some paths, none of them over another seed's.
  private static func keys<Kind: KeyDomainKind>(
    _ kind: Kind.Type, _ seed: SharedSecret, _ paths: [DerivationPath]
  ) throws -> Set<[UInt8]> {
    let root = try DerivationRoot<Kind>(seed: seed.copy())
    var keys: Set<[UInt8]> = []
    for path in paths {
      for suite in [KeySuite.secp256k1, .p256, .ed25519] {
        if suite == .ed25519, path.steps.contains(where: { $0 < DerivationPath.hardened }) { continue }
        keys.insert(exposed(try root.derive(suite, path).secret))
      }
    }
    return keys
  }

  @Test("at no path of one domain gives a key of another, also from one seed")
  func apart() throws {
    var generator = SeededGenerator(
      seed: ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) } ?? 32)
    print("SEED=\(generator.seed)")
    for _ in 0..<8 {
      let bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let seed = SharedSecret(SecretBytes(copying: bytes.span))
      // The same paths in all domains, and in the user's every path that names another domain's number.
      var paths = try ["m", "m/0", "m/1", "m/0'", "m/1'/2'", "m/44'/118'/0'/0'"].map {
        try DerivationPath($0)
      }
      for domain in KeyDomain.allCases { paths.append(try DerivationPath("m/\(domain.byte)'")) }
      for _ in 0..<12 {
        let steps = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
          let step = UInt32.random(in: 0..<(1 << 31), using: &generator)
          return "/\(step)" + (Bool.random(using: &generator) ? "'" : "")
        }
        paths.append(try DerivationPath("m" + steps.joined()))
      }
      let all = [
        try Self.keys(UserKeys.self, seed, paths), try Self.keys(OperatorKeys.self, seed, paths),
        try Self.keys(SettlementKeys.self, seed, paths), try Self.keys(SigningRules.EnclaveKeys.self, seed, paths),
      ]
      #expect(all.allSatisfy { $0.count == all[0].count && $0.count >= paths.count * 2 })
      let union = all.reduce(into: Set<[UInt8]>()) { $0.formUnion($1) }
      #expect(union.count == all.map(\.count).reduce(0, +))
      // Nor is any a plain key of the seed, as another program would derive it.
      for curve in DerivationCurve.allCases where curve != .curve25519 {
        let plain = try ExtendedPrivateKey(seed: seed.copy(), curve: curve, scheme: .slip10)
        for path in paths {
          if curve == .ed25519, path.steps.contains(where: { $0 < DerivationPath.hardened }) { continue }
          #expect(!union.contains(exposed(try plain.derive(path).privateKey())))
        }
      }
    }
  }

  @Test("reads paths in one way of writing them")
  func paths() throws {
    #expect(try DerivationPath("m").steps == [])
    #expect(try DerivationPath("m/0/2147483647'/10").steps == [0, .max, 10])
    let refused: [(String, DerivationPathError)] = [
      ("", .root), ("M", .root), ("/0", .root), ("0/1", .root), ("m/", .step(offset: 2)),
      ("m0", .step(offset: 1)),
      ("m//1", .step(offset: 2)), ("m/0/", .step(offset: 4)), ("m/01", .step(offset: 2)),
      ("m/-1", .step(offset: 2)),
      ("m/+1", .step(offset: 2)), ("m/1h", .step(offset: 3)), ("m/1H", .step(offset: 3)),
      ("m/1''", .step(offset: 4)),
      ("m/'", .step(offset: 2)), ("m/ 1", .step(offset: 2)), ("m/1 ", .step(offset: 3)),
      ("m/x", .step(offset: 2)),
      ("m/2147483648", .index(offset: 2)), ("m/99999999999999999999999'", .index(offset: 2)),
      ("m/00", .step(offset: 2)), ("m/١", .step(offset: 2)),
      ("m" + String(repeating: "/0", count: 256), .tooDeep(max: 255)),
      ("m/" + String(repeating: "1", count: 4000), .tooLong(max: 3061)),
    ]
    for (text, error) in refused {
      #expect(throws: error, "\(text.prefix(40))") { _ = try DerivationPath(text) }
    }
    let deepest = try DerivationPath("m" + String(repeating: "/0'", count: 255))
    let root = try ExtendedPrivateKey(seed: SecretBytes(random: 32), curve: .ed25519, scheme: .slip10)
    let bottom = try root.derive(deepest)
    #expect(bottom.depth == 255)
    #expect(throws: DerivationError.tooDeep(max: 255)) { _ = try bottom.child(1 << 31) }
  }

  @Test("refuses what has no key")
  func refusals() throws {
    for count in [0, 15, 65] {
      #expect(throws: DerivationError.seedLength(count)) {
        _ = try ExtendedPrivateKey(seed: SecretBytes(random: count), curve: .p256, scheme: .slip10)
      }
    }
    for count in [0, 31, 65] {
      #expect(throws: DerivationError.seedLength(count)) {
        _ = try DerivationRoot<UserKeys>(seed: SecretBytes(random: count))
      }
    }
    for curve in [DerivationCurve.ed25519, .curve25519] {
      let key = try ExtendedPrivateKey(seed: SecretBytes(random: 32), curve: curve, scheme: .slip10)
      #expect(throws: DerivationError.notHardened(step: 5)) { _ = try key.child(5) }
    }
    let root = try DerivationRoot<OperatorKeys>(seed: SecretBytes(random: 32))
    for suite in KeySuite.allCases where ![.secp256k1, .p256, .ed25519].contains(suite) {
      #expect(throws: DerivationError.suite(suite.rawValue)) {
        _ = try root.derive(suite, DerivationPath("m/0'"))
      }
    }
  }

  @Test("starts from a seed that the file of that domain holds")
  func file() throws {
    let place = try Place()
    let path = try DerivationPath("m/7'")
    let first: [UInt8]
    do {
      let files = try FileBackEndTests.create(place, domain: .user)
      #expect(throws: FileVaultError.domain(expected: .operator, found: 1)) {
        _ = try files.derivationRoot(OperatorKeys.self)
      }
      first = try files.derivationRoot(UserKeys.self).derive(.ed25519, path).publicKey
    }
    let files = try FileBackEndTests.open(place, domain: .user)
    #expect(try files.derivationRoot(UserKeys.self).derive(.ed25519, path).publicKey == first)
  }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  let seed: UInt64
  private var state: UInt64

  init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
