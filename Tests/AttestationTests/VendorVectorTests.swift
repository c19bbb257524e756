import Attestation
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

/// Documents and reports under test authorities (tools/vectors/attestation_nitro_snp.py).
struct VendorCase: Sendable, CustomTestStringConvertible {
  let name: String
  let evidence: AttestationEvidence
  let policy: JSONValue
  let policyHash: String
  let time: AttestationTime
  let roots: AttestationRoots
  let want: [String: JSONValue]?
  let error: String?

  var testDescription: String { name }

  func verify() throws -> AttestationResult {
    try AttestationVerifier.verify(evidence, under: AttestationPolicy(json: policy), at: time, roots: roots)
  }

  static func load(_ file: String) -> [VendorCase] {
    let path = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/attestation/\(file).json")
    guard let bytes = try? Data(contentsOf: path), let json = try? JSONValue(decoding: [UInt8](bytes)),
      let platform = json["platform"]?.string.flatMap({ AttestationPlatform(rawValue: $0) })
    else { return [] }
    let shared = (json["certificates"]?.array ?? []).map { hex($0) }
    let root = (try? FixedBytes<32>(hex: json["root"]?.string ?? "")) ?? Bytes32()
    let products = (json["products"]?.array ?? []).compactMap { item -> AMDProductRoots? in
      guard let product = AMDProduct(rawValue: item["product"]?.string ?? ""),
        let ark = try? Bytes32(hex: item["ark"]?.string ?? ""),
        let ask = try? Bytes32(hex: item["ask"]?.string ?? ""),
        let asvk = try? Bytes32(hex: item["asvk"]?.string ?? "")
      else { return nil }
      return AMDProductRoots(product: product, ark: ark, ask: ask, asvk: asvk)
    }
    let roots = AttestationRoots(nitro: X509Roots([root]), amd: products, intel: X509Roots([]))
    return (json["cases"]?.array ?? []).compactMap { item -> VendorCase? in
      guard let name = item["name"]?.string, let policy = item["policy"],
        let at: Int64 = item["at"]?.integer(),
        let isLive = item["live"]?.boolean, let hash = item["policyHash"]?.string
      else { return nil }
      let certificates = (item["certificates"]?.array ?? []).compactMap { $0.integer(Int.self) }.map {
        shared[$0]
      }
      let lists = (item["revocationLists"]?.array ?? []).map { hex($0) }
      return VendorCase(
        name: name,
        evidence: AttestationEvidence(
          platform: platform, statement: hex(item["statement"] ?? .null),
          collateral: CertificateCollateral(certificates: certificates, revocationLists: lists).encoded()),
        policy: policy, policyHash: hash, time: isLive ? .live(at) : .archival(at), roots: roots,
        want: item["want"]?.object, error: item["error"]?.string)
    }
  }

  private static func hex(_ json: JSONValue) -> [UInt8] { (try? Hex.decode(json.string ?? "")) ?? [] }
}

@Suite("Nitro documents and SEV-SNP reports of other hands")
struct VendorVectorTests {
  static let nitro = VendorCase.load("nitro")
  static let sevSNP = VendorCase.load("sev-snp")

  @Test("every case is there")
  func count() {
    #expect(Self.nitro.count == 102)
    #expect(Self.nitro.count { $0.want != nil } == 18)
    #expect(Self.sevSNP.count == 116)
    #expect(Self.sevSNP.count { $0.want != nil } == 22)
  }

  @Test("is accepted with its values or refused for its reason", arguments: nitro + sevSNP)
  func decides(_ item: VendorCase) throws {
    if let error = item.error {
      let refusal = #expect(throws: AttestationRefusal.self) { try item.verify() }
      #expect(refusal?.name == error)
      return
    }
    let want = try #require(item.want)
    let result = try item.verify()
    #expect(Hex.encode(result.identity.array) == want["identity"]?.string)
    #expect(Hex.encode(result.reportData) == want["reportData"]?.string)
    #expect(result.nonce.map { Hex.encode($0) } == want["nonce"]?.string)
    #expect(result.boundKey.map { Hex.encode($0) } == want["boundKey"]?.string)
    #expect(result.issued == want["issued"]?.integer())
    #expect(result.expires == want["expires"]?.integer())
    #expect(result.isDebug == want["debug"]?.boolean)
  }

  @Test("policies keep their canonical form and hash", arguments: nitro + sevSNP)
  func policies(_ item: VendorCase) throws {
    let policy = try AttestationPolicy(json: item.policy)
    #expect(policy.text == item.policy.text())
    #expect(policy.hash.description == item.policyHash)
    let text = [UInt8](policy.json.text(pretty: true).utf8)
    #expect(try AttestationPolicy(decoding: text) == policy)
  }

  @Test("evidence is written in one form")
  func evidence() throws {
    for item in Self.nitro + Self.sevSNP where !item.evidence.statement.isEmpty {
      let encoded = item.evidence.encoded()
      #expect(try AttestationEvidence(decoding: encoded) == item.evidence)
    }
  }

  @Test("says how long ago an archived document expired")
  func archived() throws {
    let item = try #require(Self.nitro.first { $0.name == "archived and verified live a year later" })
    #expect(throws: AttestationRefusal.nitro(.chain(.expired(index: 0, secondsLate: 365 * 86_400 - 7200)))) {
      try item.verify()
    }
  }

  @Test("names the twin of a signature the same document")
  func twin() throws {
    let plain = try #require(Self.nitro.first { $0.name == "definite map" })
    let twin = try #require(Self.nitro.first { $0.name == "twin signature" })
    #expect(plain.evidence.hash != twin.evidence.hash)
    #expect(try plain.verify().identity == twin.verify().identity)
  }

  @Test("tells which revocation lists were absent")
  func unchecked() throws {
    let without = try #require(Self.nitro.first { $0.name == "definite map" })
    #expect(
      try without.verify().reasons == [.revocationNotChecked(index: 0), .revocationNotChecked(index: 1)])
    let with = try #require(Self.nitro.first { $0.name == "lists of both authorities" })
    #expect(try with.verify().reasons == [])
    let report = try #require(Self.sevSNP.first { $0.name == "list of the root" })
    #expect(try report.verify().reasons == [.revocationNotChecked(index: 0), .ageUnknown])
  }

  @Test("knows standing from attacks")
  func standing() throws {
    for item in Self.nitro + Self.sevSNP {
      guard let error = item.error else { continue }
      let refusal = #expect(throws: AttestationRefusal.self) { try item.verify() }
      #expect(refusal?.isAboutStanding == error.hasSuffix("revocation.revoked"))
    }
  }

  @Test("refuses every shorter statement and one that is longer", arguments: ["nitro", "sev-snp"])
  func truncation(_ platform: String) throws {
    let item = try #require((platform == "nitro" ? Self.nitro : Self.sevSNP).first)
    let whole = item.evidence.statement
    for count in 0..<whole.count {
      let cut = AttestationEvidence(
        platform: item.evidence.platform, statement: Array(whole.prefix(count)),
        collateral: item.evidence.collateral)
      #expect(throws: AttestationRefusal.self) {
        try AttestationVerifier.verify(
          cut, under: AttestationPolicy(json: item.policy), at: item.time, roots: item.roots)
      }
    }
    let long = AttestationEvidence(
      platform: item.evidence.platform, statement: whole + [0], collateral: item.evidence.collateral)
    #expect(throws: AttestationRefusal.self) {
      try AttestationVerifier.verify(
        long, under: AttestationPolicy(json: item.policy), at: item.time, roots: item.roots)
    }
  }

  @Test("refuses a flipped bit in every byte of a statement", arguments: ["nitro", "sev-snp"])
  func flips(_ platform: String) throws {
    let item = try #require((platform == "nitro" ? Self.nitro : Self.sevSNP).first)
    let policy = try AttestationPolicy(json: item.policy)
    for offset in item.evidence.statement.indices {
      var statement = item.evidence.statement
      statement[offset] ^= 1 << UInt8((offset * 5 + offset / 8) % 8)
      let evidence = AttestationEvidence(
        platform: item.evidence.platform, statement: statement, collateral: item.evidence.collateral)
      #expect(throws: AttestationRefusal.self, "offset \(offset)") {
        try AttestationVerifier.verify(evidence, under: policy, at: item.time, roots: item.roots)
      }
    }
  }

  @Test("never traps on flipped or cut collateral")
  func collateral() throws {
    for item in [
      Self.sevSNP.first { $0.name == "list of the root" },
      Self.nitro.first { $0.name == "lists of both authorities" },
    ] {
      let item = try #require(item)
      let policy = try AttestationPolicy(json: item.policy)
      let whole = item.evidence.collateral
      for offset in stride(from: 0, to: whole.count, by: 3) {
        var flipped = whole
        flipped[offset] ^= 1 << UInt8(offset % 8)
        for collateral in [flipped, Array(whole.prefix(offset))] {
          let evidence = AttestationEvidence(
            platform: item.evidence.platform, statement: item.evidence.statement, collateral: collateral)
          // Every byte of collateral is signed or says what is: none may be changed unseen.
          #expect(throws: AttestationRefusal.self, "offset \(offset)") {
            try AttestationVerifier.verify(evidence, under: policy, at: item.time, roots: item.roots)
          }
        }
      }
    }
  }
}
