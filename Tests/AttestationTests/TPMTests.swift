import Attestation
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

/// Statements made by swtpm, tpm2-tools and `cryptography` (tools/vectors/attestation_tpm.py).
enum TPMVectors {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let statement: [UInt8]
    let policy: JSONValue
    let at: Int64
    let want: [String: JSONValue]?
    let error: String?

    var testDescription: String { name }

    var evidence: AttestationEvidence { AttestationEvidence(platform: .tpm, statement: statement) }

    func verify() throws -> AttestationResult {
      try TPMVerifier.verify(evidence, under: try TPMPolicy(json: policy, path: "tpm"), at: .live(at))
    }
  }

  static let cases: [Case] = {
    let path = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/attestation/tpm.json")
    guard let bytes = try? Data(contentsOf: path), let json = try? JSONValue(decoding: [UInt8](bytes)) else {
      return []
    }
    return (json["cases"]?.array ?? []).compactMap { entry in
      guard let name = entry["name"]?.string, let policy = entry["policy"],
        let statement = try? Hex.decode(entry["statement"]?.string ?? ""),
        let at: Int64 = entry["at"]?.integer()
      else { return nil }
      return Case(
        name: name, statement: statement, policy: policy, at: at, want: entry["want"]?.object,
        error: entry["error"]?.string)
    }
  }()

  static func named(_ name: String) throws -> Case { try #require(cases.first { $0.name == name }) }
}

/// The case of an error, without its values.
func caseName(_ error: some Error) -> String { String(String(describing: error).prefix { $0 != "(" }) }

@Suite("TPM statements")
struct TPMTests {
  @Test("are all run")
  func count() {
    #expect(TPMVectors.cases.count == 45)
    #expect(TPMVectors.cases.count { $0.want != nil } == 10)
  }

  @Test("are judged as the TPM's own tools made them", arguments: TPMVectors.cases)
  func verdicts(vector: TPMVectors.Case) throws {
    do {
      let result = try vector.verify()
      let want = try #require(vector.want, "accepted, wanted \(vector.error ?? "nothing")")
      #expect(result.platform == .tpm)
      for (name, value) in want {
        let text = try #require(value.string)
        switch name {
        case "reportData":
          #expect(Hex.encode(result.reportData) == text)
          #expect(result.nonce == result.reportData)
        case "boundKey": #expect(Hex.encode(result.boundKey ?? []) == text)
        case "expires": #expect(String(result.expires) == text)
        default: #expect(Hex.encode(result.measurement(name) ?? []) == text)
        }
      }
      #expect(!result.isDebug)
      #expect(result.reasons.contains { if case .field("resetCount", _) = $0 { true } else { false } })
    } catch let error as TPMRefusal {
      #expect(caseName(error) == vector.error)
    }
  }

  @Test("are written back to the same bytes", arguments: TPMVectors.cases.filter { $0.want != nil })
  func roundTrip(vector: TPMVectors.Case) throws {
    let statement = try TPMStatement(decoding: vector.statement.span)
    #expect(statement.encoded() == vector.statement)
    #expect(try TPM2.Quote(decoding: statement.quote.span).encoded() == statement.quote)
    #expect(try TPM2.Signature(decoding: statement.signature.span).encoded() == statement.signature)
    let key = try TPM2.Public(decodingSized: statement.attestationKey.span)
    #expect(key.encodedSized() == statement.attestationKey)
    #expect(try TPMLaunchLog(decoding: statement.launchLog.span).encoded() == statement.launchLog)
  }

  @Test("says which attributes a key lacks")
  func attributes() throws {
    #expect(throws: TPMRefusal.keyAttributes(missing: .restricted, forbidden: [])) {
      try TPMVectors.named("a quote forged by an unrestricted key").verify()
    }
    #expect(throws: TPMRefusal.keyAttributes(missing: [.fixedTPM, .fixedParent], forbidden: [])) {
      try TPMVectors.named("a key that may move").verify()
    }
  }

  @Test("names the PCRs that are quoted and those that were asked for")
  func selection() throws {
    #expect(throws: TPMRefusal.selection(expected: [14, 16], actual: [14])) {
      try TPMVectors.named("fewer PCRs than asked for").verify()
    }
    #expect(throws: TPMRefusal.selection(expected: [14], actual: [14, 16])) {
      try TPMVectors.named("more PCRs than asked for").verify()
    }
    #expect(throws: TPMRefusal.bank(expected: 0x000b, actual: 0x0004)) {
      try TPMVectors.named("the SHA-1 bank").verify()
    }
    #expect(throws: TPMRefusal.banks(count: 2)) { try TPMVectors.named("two banks").verify() }
    #expect(throws: TPMRefusal.quote(.attestationType(0x8017))) {
      try TPMVectors.named("what certifies a key is no quote").verify()
    }
  }

  @Test("says by how many seconds a certificate of the key is out")
  func certificate() throws {
    // 2027-01-01 is 214 days after 2026-06-01; the case is judged 366 days after it.
    #expect(throws: TPMRefusal.chain(.expired(index: 0, secondsLate: 152 * 86400))) {
      try TPMVectors.named("a certified key, after its certificate").verify()
    }
  }

  @Test("answer one challenge only")
  func nonce() throws {
    let vector = try TPMVectors.named("a launch, p256")
    let statement = try TPMStatement(decoding: vector.statement.span)
    let quote = try VerifiedTPMQuote(
      quote: statement.quote.span, signature: statement.signature.span,
      attestationKey: statement.attestationKey.span, values: statement.pcrs)
    try quote.checkNonce(quote.quote.extraData)
    var other = quote.quote.extraData
    other[63] ^= 1
    #expect(throws: TPMRefusal.nonce(expected: other, actual: quote.quote.extraData)) {
      try quote.checkNonce(other)
    }
    let policy = try AttestationPolicy(
      isProduction: true, nonce: other, tpm: TPMPolicy(json: vector.policy, path: "tpm"))
    #expect(throws: AttestationRefusal.nonce(wanted: other, found: quote.quote.extraData)) {
      try AttestationVerifier.verify(vector.evidence, under: policy, at: .live(vector.at))
    }
    let bound = try AttestationPolicy(
      isProduction: true, reportData: other, tpm: TPMPolicy(json: vector.policy, path: "tpm"))
    #expect(throws: AttestationRefusal.reportData(wanted: other, found: quote.quote.extraData)) {
      try AttestationVerifier.verify(vector.evidence, under: bound, at: .live(vector.at))
    }
  }

  @Test(
    "cut short anywhere are refused", arguments: ["a launch, p256", "a certified key", "a launch, rsapss"])
  func truncations(name: String) throws {
    let vector = try TPMVectors.named(name)
    let policy = try TPMPolicy(json: vector.policy, path: "tpm")
    for count in 0..<vector.statement.count {
      let cut = AttestationEvidence(platform: .tpm, statement: [UInt8](vector.statement.prefix(count)))
      #expect(throws: TPMRefusal.self) { try TPMVerifier.verify(cut, under: policy, at: .live(vector.at)) }
    }
    let longer = AttestationEvidence(platform: .tpm, statement: vector.statement + [0])
    #expect(throws: TPMRefusal.self) { try TPMVerifier.verify(longer, under: policy, at: .live(vector.at)) }
  }

  @Test(
    "with any one bit flipped are refused",
    arguments: ["a launch, p256", "a launch, p384", "a launch, rsassa"])
  func bitFlips(name: String) throws {
    let vector = try TPMVectors.named(name)
    let policy = try TPMPolicy(json: vector.policy, path: "tpm")
    for position in vector.statement.indices {
      var bytes = vector.statement
      bytes[position] ^= 1 << UInt8(position % 8)
      let flipped = AttestationEvidence(platform: .tpm, statement: bytes)
      #expect(throws: TPMRefusal.self, "byte \(position)") {
        try TPMVerifier.verify(flipped, under: policy, at: .live(vector.at))
      }
    }
  }

  @Test("with a signature's twin are the same statement")
  func twin() throws {
    let vector = try TPMVectors.named("a launch, p256")
    var statement = try TPMStatement(decoding: vector.statement.span)
    guard case .ecdsa(let hash, let r, let s) = try TPM2.Signature(decoding: statement.signature.span) else {
      throw CocoaError(.coderInvalidValue)
    }
    // n of P-256 (SP 800-186), minus s: the other signature of the same message.
    var twin = try Hex.decode("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    var borrow = 0
    for index in (0..<32).reversed() {
      let difference = Int(twin[index]) - Int(s[index]) - borrow
      borrow = difference < 0 ? 1 : 0
      twin[index] = UInt8(difference & 255)
    }
    statement.signature = TPM2.Signature.ecdsa(hash, r: r, s: twin).encoded()
    let policy = try TPMPolicy(json: vector.policy, path: "tpm")
    let evidence = AttestationEvidence(platform: .tpm, statement: statement.encoded())
    let result = try TPMVerifier.verify(evidence, under: policy, at: .live(vector.at))
    #expect(evidence.hash != vector.evidence.hash)
    #expect(try vector.verify().identity == result.identity)
  }

  @Test("tell which of two quotes of one TPM is the earlier")
  func clocks() {
    func clock(_ resets: UInt32, _ restarts: UInt32, _ time: UInt64) -> TPM2.ClockInfo {
      TPM2.ClockInfo(clock: time, resetCount: resets, restartCount: restarts, isSafe: true)
    }
    #expect(clock(1, 9, 900).precedes(clock(2, 0, 1)))
    #expect(clock(2, 0, 900).precedes(clock(2, 1, 1)))
    #expect(clock(2, 1, 1).precedes(clock(2, 1, 2)))
    #expect(!clock(2, 1, 2).precedes(clock(2, 1, 2)))
  }
}

@Suite("TPM policies")
struct TPMPolicyTests {
  private static let name = "0x000b" + String(repeating: "11", count: 32)

  @Test("have one text", arguments: TPMVectors.cases.filter { $0.want != nil })
  func text(vector: TPMVectors.Case) throws {
    let policy = try TPMPolicy(json: vector.policy, path: "tpm")
    #expect(policy.json == vector.policy)
  }

  @Test(
    "that could be met by anything, or read in two ways, are refused",
    arguments: [
      (#"{"pcrs":[],"akNames":["NAME"]}"#, AttestationPolicyError.empty(path: "tpm.pcrs")),
      (#"{"pcrs":[{"index":14,"launches":[]}]}"#, .empty(path: "tpm.akNames")),
      (#"{"pcrs":[{"index":14,"launches":[]}],"akNames":[]}"#, .empty(path: "tpm.akNames")),
      (#"{"pcrs":[{"index":14}],"akNames":["NAME"]}"#, .member(path: "tpm.pcrs.0.values", wanted: .array)),
      (
        #"{"pcrs":[{"index":14,"launches":[],"values":[]}],"akNames":["NAME"]}"#,
        .unknownMember(path: "tpm.pcrs.0.values")
      ),
      (
        #"{"pcrs":[{"index":14,"launches":[]},{"index":14,"values":[]}],"akNames":["NAME"]}"#,
        .range(path: "tpm.pcrs.1.index", least: 15, most: 31)
      ),
      (
        #"{"pcrs":[{"index":14,"launches":[]},{"index":15,"launches":[]}],"akNames":["NAME"]}"#,
        .duplicate(path: "tpm.pcrs.1.launches")
      ),
      (
        #"{"pcrs":[{"index":16,"launches":[]}],"akNames":["NAME"]}"#,
        .range(path: "tpm.pcrs.0.index", least: 0, most: 15)
      ),
      (#"{"pcrs":[{"index":14,"reported":true}],"akNames":["NAME"]}"#, .empty(path: "tpm.pcrs")),
      (
        #"{"pcrs":[{"index":14,"reported":false}],"akNames":["NAME"]}"#,
        .member(path: "tpm.pcrs.0.reported", wanted: .boolean)
      ),
      (
        #"{"bank":"sha1","pcrs":[{"index":14,"values":[]}],"akNames":["NAME"]}"#,
        .member(path: "tpm.bank", wanted: .word)
      ),
      (
        #"{"bank":"sha256","pcrs":[{"index":14,"values":[]}],"akNames":["NAME"]}"#,
        .member(path: "tpm.bank", wanted: .word)
      ),
      (
        #"{"bank":"sha384","pcrs":[{"index":14,"launches":[]}],"akNames":["NAME"]}"#,
        .member(path: "tpm.bank", wanted: .word)
      ),
      (
        #"{"pcrs":[{"index":14,"values":["0x00"]}],"akNames":["NAME"]}"#,
        .length(path: "tpm.pcrs.0.values.0", expected: 32, actual: 1)
      ),
      (#"{"pcrs":[{"index":14,"values":[]}],"akNames":["NAME"],"x":1}"#, .unknownMember(path: "tpm.x")),
    ])
  func refusals(text: String, error: AttestationPolicyError) throws {
    let json = try JSONValue(decoding: [UInt8](text.replacingOccurrences(of: "NAME", with: Self.name).utf8))
    #expect(throws: error) { try TPMPolicy(json: json, path: "tpm") }
  }
}

@Suite("TPM structures")
struct TPM2Tests {
  @Test("refuse what is not of their one form")
  func forms() throws {
    let statement = try TPMStatement(decoding: TPMVectors.named("a launch, p256").statement.span)
    func quote(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
      var bytes = statement.quote
      change(&bytes)
      return bytes
    }
    let cases: [([UInt8], TPM2.DecodingError)] = [
      (quote { $0[0] = 0 }, .magic(0x0054_4347)),
      (quote { $0[5] = 0x1a }, .attestationType(0x801a)),
      (quote { $0[6] = 1 }, .tooLong(.qualifiedSigner, limit: 66, actual: 290)),
      (quote { $0.append(0) }, .wire(.trailingBytes(offset: statement.quote.count, count: 1))),
    ]
    for (bytes, error) in cases {
      #expect(throws: error) { try TPM2.Quote(decoding: bytes.span) }
    }
    for count in 0..<statement.quote.count {
      let cut = [UInt8](statement.quote.prefix(count))
      #expect(throws: TPM2.DecodingError.self) { try TPM2.Quote(decoding: cut.span) }
    }
    for count in 0..<statement.signature.count {
      let cut = [UInt8](statement.signature.prefix(count))
      #expect(throws: TPM2.DecodingError.self) { try TPM2.Signature(decoding: cut.span) }
    }
    for count in 0..<statement.attestationKey.count {
      let cut = [UInt8](statement.attestationKey.prefix(count))
      #expect(throws: TPM2.DecodingError.self) { try TPM2.Public(decodingSized: cut.span) }
    }
    var reserved = statement.attestationKey
    reserved[6] = 0x80
    #expect(throws: TPM2.DecodingError.reservedAttributes(0x8000_0000)) {
      try TPM2.Public(decodingSized: reserved.span)
    }
  }

  @Test("take numbers of signatures without their leading zeroes")
  func leadingZeroes() throws {
    // ECDSA over P-256: numbers are padded on the left, and over-long ones refused.
    let statement = try TPMStatement(decoding: TPMVectors.named("a launch, p256").statement.span)
    let key = try TPM2.Public(decodingSized: statement.attestationKey.span)
    guard case .ecdsa(let hash, let r, let s) = try TPM2.Signature(decoding: statement.signature.span) else {
      throw CocoaError(.coderInvalidValue)
    }
    try key.verify(statement.quote.span, signature: .ecdsa(hash, r: [0] + r, s: s))
    #expect(throws: TPM2.SignatureRefusal.length(expected: 32, actual: 33)) {
      try key.verify(statement.quote.span, signature: .ecdsa(hash, r: [1] + r, s: s))
    }
  }
}
