import Attestation
import Encodings
import SwiftASN1
import Testing
import WireBytes

@Suite("DER")
struct DERElementTests {
  private static func hex(_ text: String) throws -> [UInt8] { try Hex.decode(text) }

  @Test(
    "integers have one form",
    arguments: [
      "0200", "02020001", "0202ff80", "02020000", "020180", "0209ffffffffffffffffff", "22030201 01",
    ])
  func integers(_ text: String) throws {
    let bytes = try Self.hex(text.filter { $0 != " " })
    #expect(throws: DERError.self) { try DERElement(decoding: bytes).unsigned() }
  }

  @Test("integers are read")
  func integerValues() throws {
    for (text, value) in [
      ("020100", UInt64(0)), ("02017f", 127), ("02020080", 128), ("020900ffffffffffffffff", .max),
    ] {
      #expect(try DERElement(decoding: Self.hex(text)).unsigned() == value)
    }
    let wide = try DERElement(decoding: Self.hex("0209010000000000000000"))
    #expect(throws: DERError.range(offset: 0)) { try wide.unsigned() }
  }

  @Test(
    "lengths have one form, and nothing follows",
    arguments: [
      "02810101", "0280010000", "3080020101 0000", "0202 01", "0201", "02", "", "020101 00", "1f02 0101",
      "0000",
    ])
  func lengths(_ text: String) throws {
    let bytes = try Self.hex(text.filter { $0 != " " })
    #expect(throws: DERError.self) { try DERElement(decoding: bytes) }
  }

  @Test("nesting ends")
  func nesting() {
    var bytes: [UInt8] = [5, 0]
    for _ in 0..<61 { bytes = [0x30, UInt8(bytes.count)] + bytes }
    #expect(throws: DERError.malformed(.invalidASN1Object)) { try DERElement(decoding: bytes) }
  }

  @Test("booleans are 00 or ff", arguments: ["010101", "0100", "01020000", "0101fe"])
  func booleans(_ text: String) throws {
    let element = try DERElement(decoding: Self.hex(text))
    #expect(throws: DERError.content(offset: 0)) { try element.boolean() }
  }

  @Test(
    "object identifiers have one form",
    arguments: ["0600", "06028001", "060180", "0603550480", "0604 2a 80 8001"])
  func identifiers(_ text: String) throws {
    let element = try DERElement(decoding: Self.hex(text.filter { $0 != " " }))
    #expect(throws: DERError.self) { try element.oid() }
  }

  @Test("named bits have one form, save for zeroes at the end")
  func bits() throws {
    #expect(try DERElement(decoding: Self.hex("03020106")).namedBits() == [5, 6])
    #expect(try DERElement(decoding: Self.hex("03020780")).namedBits() == [0])
    #expect(try DERElement(decoding: Self.hex("030100")).namedBits() == [])
    // DER leaves these zeroes out too, but AMD's signing keys write them.
    #expect(try DERElement(decoding: Self.hex("03020006")).namedBits() == [5, 6])
    #expect(try DERElement(decoding: Self.hex("0303010600")).namedBits() == [5, 6])
    // A bit that counts as unused may not be set.
    for text in ["03020206", "030108", "0300", "030101", "030207c0"] {
      let element = try DERElement(decoding: Self.hex(text))
      #expect(throws: DERError.content(offset: 0)) { try element.namedBits() }
    }
  }

  /// Expected values by `date -u -d … +%s`.
  @Test(
    "times are UNIX seconds",
    arguments: [
      ("700101000000Z", Int64(0)), ("491231235959Z", 2_524_607_999), ("500101000000Z", -631_152_000),
      ("20000229120000Z", 951_825_600), ("99991231235959Z", 253_402_300_799),
      ("251225131534Z", 1_766_668_534),
      ("00010101000000Z", -62_135_596_800), ("16001231235959Z", -11_644_473_601),
    ])
  func times(_ text: String, _ seconds: Int64) throws {
    let tag: UInt8 = text.utf8.count == 13 ? 0x17 : 0x18
    let element = try DERElement(decoding: [tag, UInt8(text.utf8.count)] + text.utf8)
    #expect(try element.time() == seconds)
  }

  @Test(
    "times that are none",
    arguments: [
      "251301000000Z", "250229000000Z", "250101240000Z", "250101006000Z", "250101000060Z", "2501010000Z",
      "250101000000+", "250100000000Z", "19000229000000Z", "20250101000000.5Z", "25010100000 Z", "",
    ])
  func noTimes(_ text: String) throws {
    let tag: UInt8 = text.utf8.count <= 13 ? 0x17 : 0x18
    let element = try DERElement(decoding: [tag, UInt8(text.utf8.count)] + text.utf8)
    #expect(throws: DERError.content(offset: 0)) { try element.time() }
  }
}

@Suite("Certificates")
struct X509CertificateTests {
  /// The first chain of the SEV-SNP vectors: leaf, authority, root.
  static let chain: [[UInt8]] = {
    guard let item = VendorVectorTests.sevSNP.first else { return [] }
    return (try? CertificateCollateral(decoding: item.evidence.collateral.span).certificates) ?? []
  }()

  @Test("refuses every shorter certificate, and a longer one")
  func truncation() throws {
    let whole = try #require(Self.chain.first)
    for count in 0..<whole.count {
      #expect(throws: X509Error.self) { try X509Certificate(decoding: Array(whole.prefix(count))) }
    }
    #expect(throws: X509Error.der(.malformed(.invalidASN1Object))) {
      try X509Certificate(decoding: whole + [0])
    }
  }

  @Test("a flipped bit is refused by the reader or breaks the signature")
  func flips() throws {
    let whole = try #require(Self.chain.first)
    let issuer = try X509Certificate(decoding: Self.chain[1])
    try X509Certificate(decoding: whole).verifySignature(by: issuer.publicKey)
    for offset in whole.indices {
      var bytes = whole
      bytes[offset] ^= 1 << UInt8(offset % 8)
      #expect(throws: (any Error).self, "offset \(offset)") {
        try X509Certificate(decoding: bytes).verifySignature(by: issuer.publicKey)
      }
    }
  }

  @Test("reads what openssl reads")
  func fields() throws {
    let root = try X509Certificate(decoding: Self.chain[2])
    #expect(root.issuer == root.subject)
    #expect(root.signatureAlgorithm == .rsaPSS(.sha384))
    #expect(root.basicConstraints == X509Certificate(copy: root)?.basicConstraints)
    #expect(root.basicConstraints?.isAuthority == true)
    #expect(root.keyUsage == [5, 6])
    #expect(root.serial == [1])
    // NOW of the script, 900 days before and after.
    #expect(root.notBefore == 1_750_000_000 - 900 * 86_400)
    #expect(root.notAfter == 1_750_000_000 + 900 * 86_400)
    guard case .rsa(_, let bits) = root.publicKey else { Issue.record("not RSA"); return }
    #expect(bits == 2048)
  }

  @Test("chains end in a pinned root and have a length")
  func chains() throws {
    let path = try Self.chain.map { try X509Certificate(decoding: $0) }
    let roots = X509Roots([path[2].fingerprint])
    let verified = try X509Chain.verify(path, roots: roots, at: 1_750_000_000)
    #expect(verified.leaf == path[0])
    #expect(verified.notAfter == path[0].notAfter)
    #expect(throws: X509ChainError.length(limit: 2, actual: 3)) {
      try X509Chain.verify(path, roots: roots, at: 1_750_000_000, rules: X509ChainRules(lengthMax: 2))
    }
    #expect(throws: X509ChainError.length(limit: 8, actual: 0)) {
      try X509Chain.verify([], roots: roots, at: 1_750_000_000)
    }
    #expect(throws: X509ChainError.root(fingerprint: path[2].fingerprint)) {
      try X509Chain.verify(path, roots: X509Roots([]), at: 1_750_000_000)
    }
    #expect(throws: X509ChainError.expired(index: 0, secondsLate: .max - path[0].notAfter)) {
      try X509Chain.verify(path, roots: roots, at: .max)
    }
    #expect(throws: X509ChainError.purpose(index: 0)) {
      try X509Chain.verify(
        path, roots: roots, at: 1_750_000_000, rules: X509ChainRules(purpose: [2, 23, 133, 8, 3]))
    }
  }

  @Test("PEM is read strictly")
  func pem() throws {
    let body = Base64.encode(Self.chain[0])
    let block = "-----BEGIN CERTIFICATE-----\n\(body)\n-----END CERTIFICATE-----\n"
    let bytes = [UInt8]((block + "\r\n" + block).utf8) + [0, 0]
    #expect(try X509PEM.certificates(bytes.span).map(\.der) == [Self.chain[0], Self.chain[0]])
    #expect(throws: X509Error.count(limit: 1, actual: 2)) {
      try X509PEM.certificates(bytes.span, countMax: 1)
    }
    for text in [
      "", " ", "x" + block, block + "x", block + "-----BEGIN", "-----BEGIN CERTIFICATE-----",
      String(block.dropLast(3)),
      block.replacing("CERTIFICATE", with: "X509 CRL"), block.replacing("\(body.prefix(4))", with: "M*I="),
    ] {
      let bytes = [UInt8](text.utf8)
      #expect(throws: X509Error.self) { try X509PEM.certificates(bytes.span) }
    }
  }
}

extension X509Certificate {
  /// Read again from its own bytes.
  fileprivate init?(copy: X509Certificate) { try? self.init(decoding: copy.der) }
}

@Suite("Attestation policies and evidence")
struct AttestationPolicyTests {
  private static func policy(_ text: String) throws -> AttestationPolicy {
    try AttestationPolicy(decoding: [UInt8](text.utf8))
  }
  private static let head = #""schema":"causeway-attestation-policy/1","production":"#

  @Test(
    "refuses what it does not know or might read in two ways",
    arguments: [
      ("{}", AttestationPolicyError.member(path: "schema", wanted: .string)),
      (#"{"schema":"causeway-attestation-policy/2","production":true}"#, .schema),
      (#"{"schema":"causeway-attestation-policy/1"}"#, .member(path: "production", wanted: .boolean)),
      ("{\(head)true,\"extra\":1}", .unknownMember(path: "extra")),
      ("{\(head)true,\"nitro\":null}", .member(path: "nitro", wanted: .object)),
      ("{\(head)true,\"nitro\":{}}", .member(path: "nitro.measurements", wanted: .array)),
      ("{\(head)true,\"nitro\":{\"measurements\":[{}]}}", .empty(path: "nitro.measurements.0")),
      (
        "{\(head)true,\"nitro\":{\"measurements\":[{\"32\":\"0x\"}]}}",
        .unknownMember(path: "nitro.measurements.0.32")
      ),
      (
        "{\(head)true,\"nitro\":{\"measurements\":[{\"00\":\"0x\"}]}}",
        .unknownMember(path: "nitro.measurements.0.00")
      ),
      (
        "{\(head)true,\"nitro\":{\"measurements\":[{\"0\":\"0x00\"}]}}",
        .length(path: "nitro.measurements.0.0", expected: 32, actual: 1)
      ),
      ("{\(head)true,\"nonce\":\"0xAB\"}", .member(path: "nonce", wanted: .hex)),
      ("{\(head)true,\"nonce\":\"0x\"}", .length(path: "nonce", expected: 1, actual: 0)),
      ("{\(head)true,\"maximumAgeSeconds\":\"10\"}", .member(path: "maximumAgeSeconds", wanted: .integer)),
      ("{\(head)true,\"maximumAgeSeconds\":1e3}", .member(path: "maximumAgeSeconds", wanted: .integer)),
      ("{\(head)true,\"maximumAgeSeconds\":-1}", .member(path: "maximumAgeSeconds", wanted: .integer)),
      ("{\(head)true,\"maximumDriftSeconds\":301}", .range(path: "maximumDriftSeconds", least: 1, most: 300)),
      ("{\(head)true,\"simulated\":{\"programs\":[],\"policies\":[]}}", .simulatedInProduction),
      (
        "{\(head)true,\"sev-snp\":{\"measurements\":[],\"products\":{\"milan\":{}},\"endorsements\":[],\"vmpls\":[]}}",
        .member(path: "sev-snp.products.milan.bootLoader", wanted: .integer)
      ),
      (
        "{\(head)true,\"sev-snp\":{\"measurements\":[],\"products\":{},\"endorsements\":[\"vcek\",\"vcek\"],\"vmpls\":[]}}",
        .duplicate(path: "sev-snp.endorsements.1")
      ),
      (
        "{\(head)true,\"sev-snp\":{\"measurements\":[],\"products\":{},\"endorsements\":[],\"vmpls\":[4]}}",
        .range(path: "sev-snp.vmpls.0", least: 0, most: 3)
      ),
    ])
  func strict(_ text: String, _ error: AttestationPolicyError) {
    #expect(throws: error) { try Self.policy(text) }
  }

  @Test("names a member twice: refused by the JSON reader")
  func twice() {
    #expect(throws: AttestationPolicyError.self) {
      try Self.policy("{\(Self.head)true,\"production\":false}")
    }
  }

  static let statement = SimulatedStatement(
    program: Bytes32 { _ in 1 }, policy: Bytes32 { _ in 2 }, reportData: [3, 4], issued: 1_750_000_000)
  private static let simulated =
    "\"simulated\":{\"programs\":[\"0x\(String(repeating: "01", count: 32))\"],\"policies\":[\"0x\(String(repeating: "02", count: 32))\"]}"

  @Test("simulated evidence counts only where it is named and nothing is at stake")
  func simulatedPlatform() throws {
    let named = try Self.policy("{\(Self.head)false,\(Self.simulated)}")
    let result = try AttestationVerifier.verify(
      Self.statement.evidence, under: named, at: .live(1_750_000_000))
    #expect(result.reportData == [3, 4])
    #expect(result.reasons == [.simulated])
    #expect(result.measurement("program") == Array(repeating: 1, count: 32))
    let silent = try Self.policy("{\(Self.head)false}")
    #expect(throws: AttestationRefusal.platformNotNamed(.simulated)) {
      try AttestationVerifier.verify(Self.statement.evidence, under: silent, at: .live(1_750_000_000))
    }
    let production = try Self.policy("{\(Self.head)true}")
    #expect(throws: AttestationRefusal.simulatedInProduction) {
      try AttestationVerifier.verify(Self.statement.evidence, under: production, at: .live(1_750_000_000))
    }
    let other = try AttestationPolicy(
      isProduction: false, simulated: SimulatedPolicy(programs: [], policies: []))
    #expect(throws: AttestationRefusal.simulated(.program(Bytes32 { _ in 1 }))) {
      try AttestationVerifier.verify(Self.statement.evidence, under: other, at: .live(1_750_000_000))
    }
  }

  @Test("simulated statements have one form")
  func simulatedForm() throws {
    let whole = Self.statement.encoded()
    let expected =
      "0x0801" + "1220" + String(repeating: "01", count: 32) + "1a20" + String(repeating: "02", count: 32)
      + "22020304" + "2880c3bbc206"
    #expect(Hex.encode(whole) == expected)
    #expect(try SimulatedStatement(decoding: whole.span) == Self.statement)
    for count in 0..<whole.count {
      let cut = Array(whole.prefix(count))
      if count == 74 { continue }  // Whole without its time, which is zero then.
      #expect(throws: SimulatedRefusal.self, "\(count)") { try SimulatedStatement(decoding: cut.span) }
    }
  }

  @Test("evidence has one form")
  func evidence() throws {
    let evidence = AttestationEvidence(platform: .tpm, statement: [1, 2], collateral: [3])
    #expect(Hex.encode(evidence.encoded()) == "0x0805120201021a0103")
    #expect(try AttestationEvidence(decoding: evidence.encoded()) == evidence)
    for (text, error) in [
      ("120101", AttestationEvidenceError.platform(0)), ("0809120101", .platform(9)), ("0805", .noStatement),
      ("08051200", .protobuf(.writtenDefault(field: 2))), ("0805120101220101", .protobuf(.unknownField(4))),
      ("1201010805", .protobuf(.order(field: 1, after: 2))),
      ("08051202 01", .protobuf(.truncated(offset: 4, needed: 2))),
    ] {
      let bytes = try Hex.decode(text.filter { $0 != " " })
      #expect(throws: error) { try AttestationEvidence(decoding: bytes) }
    }
  }
}
