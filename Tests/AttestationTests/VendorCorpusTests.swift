import Attestation
import Encodings
import Foundation
import SignatureSchemes
import TestSupport
import Testing
import WireBytes

/// Real documents and reports, read in place.
enum VendorCorpus {
  static let directory = Corpora.directory("attestation")

  static func bytes(_ file: String) throws -> [UInt8] {
    let url = URL(fileURLWithPath: try #require(directory)).appendingPathComponent(file)
    let raw = [UInt8](try Data(contentsOf: url))
    let text = raw.filter { $0 > 0x20 }
    if file.hasSuffix(".hex") { return try Hex.decode(String(decoding: text, as: UTF8.self)) }
    if file.hasSuffix(".txt") || file.hasSuffix(".b64") {
      return try Base64.decode(String(decoding: text, as: UTF8.self))
    }
    return raw
  }

  static func expectations(_ folder: String) throws -> [JSONValue] {
    try #require(try JSONValue(decoding: bytes("\(folder)/expected_results.json")).array)
  }

  /// A certificate in DER or the first one in PEM.
  static func certificate(_ file: String) throws -> X509Certificate {
    let raw = try bytes(file)
    if raw.first == 0x30 { return try X509Certificate(decoding: raw) }
    return try #require(try X509PEM.certificates(raw.span).first)
  }

  static func flipped(_ bytes: [UInt8], _ change: JSONValue) throws -> [UInt8] {
    var copy = bytes
    let offset: Int = try #require(change["offset"]?.integer())
    copy[offset < 0 ? copy.count + offset : offset] ^= try #require(change["xor"]?.integer())
    return copy
  }

  static func seconds(_ text: Substring) throws -> Int64 {
    let parts = text.split { !$0.isNumber }.compactMap { Int($0) }
    try #require(parts.count == 6)
    return try #require(
      CivilTime.seconds(
        year: parts[0], month: parts[1], day: parts[2], hour: parts[3], minute: parts[4], second: parts[5]))
  }
}

@Suite(
  "Real Nitro documents", .enabled(if: VendorCorpus.directory != nil, "corpus attestation is absent"))
struct NitroCorpusTests {
  @Test("hold in their windows and not a second beyond")
  func windows() throws {
    var (accepted, refused, debug, indefinite) = (0, 0, 0, 0)
    for item in try VendorCorpus.expectations("nitro") {
      let file = try #require(item["file"]?.string)
      var bytes = try VendorCorpus.bytes("nitro/" + file)
      let roots = AttestationRoots.production.nitro
      if let change = item["mutate"] {
        let start = try NitroDocument(decoding: bytes).issued
        bytes = try VendorCorpus.flipped(bytes, change)
        #expect(throws: NitroRefusal.self) {
          try NitroDocument(decoding: bytes).verified(at: start, roots: roots)
        }
        refused += 1
        continue
      }
      let document = try NitroDocument(decoding: bytes)
      #expect(document.timestampMilliseconds == item["timestamp_ms"]?.integer())
      // Ours also takes a single zero register for debug mode, which one made-up document has.
      let isZero = (0...2).allSatisfy { document.pcr($0)?.allSatisfy { $0 == 0 } == true }
      #expect(isZero == item["pcr0_2_all_zero_debug"]?.boolean)
      #expect(document.isDebug || !isZero)
      #expect(document.userData?.count ?? 0 == item["user_data_len"]?.integer())
      #expect(document.publicKey?.count ?? 0 == item["public_key_len"]?.integer())
      #expect(document.nonce?.count ?? 0 == item["nonce_len"]?.integer())
      let isIndefinite = document.payload.first == 0xbf
      #expect((isIndefinite ? "indefinite" : "definite") == item["payload_map"]?.string)
      let window = try #require(item["chain_valid_window"]?.string).split(separator: "..")
      let (start, end) = (try VendorCorpus.seconds(window[0]), try VendorCorpus.seconds(window[1]))
      if item["root_is_aws_g1"]?.boolean == false {
        let refusal = #expect(throws: NitroRefusal.self) { try document.verified(at: end, roots: roots) }
        guard case .chain(.root) = refusal else {
          Issue.record("\(file): \(String(describing: refusal))"); continue
        }
        refused += 1
        continue
      }
      if item["cose_signature"]?.string != "OK" {
        #expect(throws: NitroRefusal.signature(.mismatch)) { try document.verified(at: start, roots: roots) }
        refused += 1
        continue
      }
      let verified = try document.verified(at: start, roots: roots)
      #expect(verified.chain.notBefore == start)
      #expect(verified.chain.notAfter == end)
      _ = try document.verified(at: end, roots: roots)
      #expect(throws: NitroRefusal.chain(.expired(index: 0, secondsLate: 1))) {
        try document.verified(at: end + 1, roots: roots)
      }
      #expect(throws: NitroRefusal.chain(.notYetValid(index: 0, secondsEarly: 1))) {
        try document.verified(at: start - 1, roots: roots)
      }
      // Under a policy, a document of debug mode is refused by name, and any other is taken for what it is.
      let own = NitroPolicy.Measurements([0: try #require(document.pcr(0))])
      let evidence = AttestationEvidence(platform: .nitro, statement: bytes)
      let policy = try AttestationPolicy(isProduction: true, nitro: NitroPolicy(measurements: [own]))
      if document.isDebug {
        #expect(throws: AttestationRefusal.nitro(.debug)) {
          try AttestationVerifier.verify(evidence, under: policy, at: .archival(end))
        }
        debug += 1
      } else {
        let result = try AttestationVerifier.verify(evidence, under: policy, at: .archival(end))
        #expect(result.expires == end)
        let empty = try AttestationPolicy(isProduction: true, nitro: NitroPolicy(measurements: []))
        #expect(throws: AttestationRefusal.nitro(.measurements(allowed: 0, differing: []))) {
          try AttestationVerifier.verify(evidence, under: empty, at: .archival(end))
        }
      }
      accepted += 1
      indefinite += isIndefinite ? 1 : 0
    }
    #expect(accepted == 9)
    #expect(refused == 8)
    #expect(debug == 1)
    #expect(indefinite == 2)
  }

  @Test("keep the strict reader strict")
  func strict() throws {
    let document = try NitroDocument(
      decoding: VendorCorpus.bytes("nitro/dstack_wrapped_nitro_attestation.doc.cbor"))
    #expect(throws: CBORError.indefinite(offset: 0)) {
      try CBORValue(decoding: document.payload, rules: .deterministic)
    }
  }

  @Test("are refused when a byte of the message is changed")
  func flips() throws {
    let whole = try VendorCorpus.bytes("nitro/dstack_wrapped_nitro_attestation.doc.cbor")
    let time = try NitroDocument(decoding: whole).issued
    for offset in stride(from: 0, to: whole.count, by: 7) {
      var bytes = whole
      bytes[offset] ^= 1 << UInt8(offset % 8)
      #expect(throws: NitroRefusal.self, "offset \(offset)") {
        try NitroDocument(decoding: bytes).verified(at: time, roots: AttestationRoots.production.nitro)
      }
    }
  }
}

@Suite(
  "Real SEV-SNP reports", .enabled(if: VendorCorpus.directory != nil, "corpus attestation is absent"))
struct SEVSNPCorpusTests {
  @Test("hold under AMD's keys, and not when changed")
  func reports() throws {
    var (accepted, refused) = (0, 0)
    for item in try VendorCorpus.expectations("sev-snp") {
      let file = try #require(item["report"]?.string)
      var bytes = Array(try VendorCorpus.bytes("sev-snp/" + file).prefix(SEVSNPReport.size))
      let key = try item["endorsement_key"]?.string.map { try VendorCorpus.certificate("sev-snp/" + $0) }
      let time = key?.notBefore ?? 1_700_000_000
      let chain = key.map { [$0] } ?? []
      if let change = item["mutate"] {
        bytes = try VendorCorpus.flipped(bytes, change)
        let refusal = #expect(throws: SEVSNPRefusal.self) {
          try SEVSNPReport(decoding: bytes).verified(by: chain, at: time)
        }
        #expect(refusal == .signature(.mismatch), "\(file)")
        refused += 1
      } else if item["expect"]?.string?.hasPrefix("accept") == true {
        let verified = try SEVSNPReport(decoding: bytes).verified(by: chain, at: time)
        #expect(verified.endorsement.kind.rawValue.uppercased() == item["kind"]?.string)
        accepted += 1
      } else {
        #expect(throws: SEVSNPRefusal.self, "\(file)") {
          try SEVSNPReport(decoding: bytes).verified(by: chain, at: time)
        }
        refused += 1
      }
    }
    #expect(accepted == 4)
    #expect(refused == 18)
  }

  @Test("a guest that may be debugged is refused for that")
  func debug() throws {
    let bytes = Array(try VendorCorpus.bytes("sev-snp/gosevguest_attestation.bin").prefix(SEVSNPReport.size))
    let policy = SEVSNPPolicy(guests: [], products: [])
    #expect(throws: SEVSNPRefusal.debug) {
      try SEVSNPVerifier.verify(
        AttestationEvidence(platform: .sevSNP, statement: bytes), under: policy, at: .live(1_700_000_000),
        roots: AMDProductRoots.production)
    }
  }

  @Test("a key whose extensions are not the report's is refused")
  func legacy() throws {
    let bytes = try VendorCorpus.bytes("sev-snp/trustee_test-report.bin")
    let key = try VendorCorpus.certificate("sev-snp/trustee_test-vcek-invalid-legacy.der")
    #expect(throws: SEVSNPRefusal.self) {
      try SEVSNPReport(decoding: bytes).verified(by: [key], at: key.notBefore)
    }
  }

  @Test(
    "AMD's certificates that are known are those that AMD serves", arguments: ["milan", "genoa", "turin"])
  func known(_ name: String) throws {
    let text = try VendorCorpus.bytes("sev-snp/trustee_\(name)_ask_ark_asvk.pem")
    let served = try X509PEM.certificates(text.span)
    let product = try #require(AMDProductRoots.production.first { $0.product.rawValue == name })
    #expect(Set(product.known) == Set(served.map(\.der)))
    #expect(served.map(\.fingerprint) == [product.ask, product.ark, product.asvk])
    let roots = X509Roots([product.ark])
    for issuer in [served[0], served[2]] {
      // As a chain of two, the authority stands in the leaf's place and is one.
      #expect(throws: X509ChainError.usage(index: 0, missing: .digitalSignature)) {
        try X509Chain.verify([issuer, served[1]], roots: roots, at: 1_760_000_000)
      }
      try issuer.verifySignature(by: served[1].publicKey)
    }
  }

  @Test("a VCEK of Turin is read: 8 bytes of chip, FMC first")
  func turin() throws {
    let key = try VendorCorpus.certificate("sev-snp/virtee_vcek_turin.der")
    let endorsement = try SEVSNPEndorsement(key, product: .turin)
    #expect(endorsement.hardwareID.map { Hex.encode($0) } == "0x1e550a8ee5cf9f4d")
    #expect(endorsement.tcb == SEVSNPTCB(fmc: 0, bootLoader: 0, tee: 0, snp: 0, microcode: 9))
    #expect(key.serial == [0])
  }
}
