import Attestation
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

@Suite("Intel collateral")
struct IntelCollateralTests {
  private func members(_ change: (inout [String: JSONValue]) -> Void) throws -> IntelCollateralError? {
    var members = try IntelVectors.made("TDX, version 4").collateral.mapValues { JSONValue.string($0) }
    change(&members)
    let document = JSONValue.object(members).encodedForTests
    do throws(IntelCollateralError) {
      _ = try IntelCollateral(decoding: document)
      return nil
    } catch { return error }
  }

  @Test("names the member that is absent, unknown or in another form")
  func members() throws {
    #expect(try members { _ in } == nil)
    for name in [
      "pck_crl_issuer_chain", "root_ca_crl", "pck_crl", "tcb_info_issuer_chain", "tcb_info",
      "tcb_info_signature",
      "qe_identity_issuer_chain", "qe_identity", "qe_identity_signature",
    ] {
      #expect(try members { $0[name] = nil } == .missing(member: name))
      #expect(try members { $0[name] = .number("1") } == .member(name))
    }
    #expect(try members { $0["tcb_inf"] = "x" } == .unknownMember("tcb_inf"))
    #expect(try members { $0["pck_certificate_chain"] = .null } == nil)
    #expect(try members { $0["pck_certificate_chain"] = true } == .member("pck_certificate_chain"))
    #expect(try members { $0["root_ca_crl"] = "zz" } == .encoding(member: "root_ca_crl"))
    #expect(try members { $0["pck_crl"] = "" } == .encoding(member: "pck_crl"))
    #expect(
      try members { $0["tcb_info_signature"] = "00" }
        == .signatureSize(member: "tcb_info_signature", actual: 1))
    #expect(throws: IntelCollateralError.json(.truncated(offset: 1))) {
      try IntelCollateral(decoding: [0x7b])
    }
  }

  @Test("revocation lists come as hex, as PEM and as hex of PEM")
  func lists() throws {
    let made = try IntelVectors.made("TDX, version 4")
    let hex = try #require(made.collateral["pck_crl"])
    let der = try Hex.decode(hex)
    let pem = "-----BEGIN X509 CRL-----\n" + Base64.encode(der) + "\n-----END X509 CRL-----\n"
    for form in [hex, hex.uppercased(), pem, Hex.encode([UInt8](pem.utf8), prefix: "")] {
      var members = made.collateral.mapValues { JSONValue.string($0) }
      members["pck_crl"] = .string(form)
      let collateral = try IntelCollateral(decoding: JSONValue.object(members).encodedForTests)
      #expect(collateral.pckList == der)
    }
    let other = pem.replacingOccurrences(of: "X509 CRL", with: "CERTIFICATE")
    #expect(try members { $0["pck_crl"] = .string(other) } == .encoding(member: "pck_crl"))
  }

  @Test("the signed bytes of an answer are those that stand there")
  func responses() throws {
    let inner = #"{ "a" : "}\"{" , "b":[1,{"tcbInfo":2}] }"#
    let text = "\n{ \"signature\" : \"\(String(repeating: "ab", count: 64))\",\"tcbInfo\" : \(inner) }"
    let signed = try IntelSignedText(response: [UInt8](text.utf8), member: "tcbInfo", issuerChain: [])
    #expect(signed.text == [UInt8](inner.utf8))
    #expect(signed.signature == [UInt8](repeating: 0xab, count: 64))
    #expect(throws: IntelCollateralError.missing(member: "enclaveIdentity")) {
      try IntelSignedText(
        response: [UInt8](#"{"signature":""}"#.utf8), member: "enclaveIdentity", issuerChain: [])
    }
    #expect(throws: IntelCollateralError.unknownMember("more")) {
      try IntelSignedText(
        response: [UInt8](#"{"tcbInfo":{},"signature":"","more":1}"#.utf8), member: "tcbInfo", issuerChain: []
      )
    }
  }

  @Test(
    "recorded answers of Intel's service are signed by the certificate that came with them",
    .enabled(if: IntelVectors.corpus != nil, "corpus attestation is absent"))
  func recordedAnswers() throws {
    let text = try IntelVectors.corpusFile("oasis/tcb_info_v3_fmspc_00606A000000.json")
    let chain = try IntelVectors.corpusFile("oasis/tcb_info_v3_fmspc_00606A000000_certs.pem")
    let signed = try IntelSignedText(response: text, member: "tcbInfo", issuerChain: chain)
    let info = try TCBInfo(decoding: signed.text)
    #expect(Hex.encode(info.fmspc.span, prefix: "") == "00606a000000")
    #expect(info.id == "SGX")
    let certificates = try X509PEM.certificates(chain.span)
    guard case .p256(let key) = certificates[0].publicKey else {
      Issue.record("the signing key is not of P-256")
      return
    }
    #expect(SignedTextCheck.holds(signed, key))
    var other = signed.text
    other[other.count / 2] ^= 1
    #expect(
      !SignedTextCheck.holds(IntelSignedText(text: other, signature: signed.signature, issuerChain: []), key))
  }

  @Test(
    "enclave identities that lack a member are refused, whole ones are read",
    .enabled(if: IntelVectors.corpus != nil, "corpus attestation is absent"))
  func identities() throws {
    let folder = try #require(IntelVectors.corpus).appendingPathComponent("openenclave")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
      $0.hasPrefix("qeidentity_data")
    }.sorted()
    #expect(names.count == 16)
    var taken: [String] = []
    var refused: [String: IntelDocumentError] = [:]
    for name in names {
      let bytes = try IntelVectors.corpusFile("openenclave/\(name)")
      guard
        let signed = try? IntelSignedText(response: bytes, member: "enclaveIdentity", issuerChain: [])
      else {
        // Documents of version 1 have another member, and one has no signature.
        #expect(!name.contains("_v2_") || name.contains("missing_signature"))
        continue
      }
      do throws(IntelDocumentError) {
        _ = try QuotingEnclaveIdentity(decoding: signed.text)
        taken.append(name)
      } catch { refused[name] = error }
    }
    #expect(
      taken == ["qeidentity_data_v2_qe_identity_ok.json", "qeidentity_data_v2_qve_identity_ok.json"])
    for (suffix, path) in [
      ("attributes", "attributes"), ("id", "id"), ("issuedate", "issueDate"), ("isvprodid", "isvprodid"),
      ("miscselect", "miscselect"), ("mrsigner", "mrsigner"), ("nextupdate", "nextUpdate"),
      ("tcb_levels", "tcbLevels"), ("version", "version"),
    ] {
      #expect(refused["qeidentity_data_v2_qe_identity_missing_\(suffix).json"] == .missing(path: path))
    }
  }

  @Test("documents are refused by the path of the member at fault")
  func documents() throws {
    let made = try IntelVectors.made("TDX, version 4")
    let text = try #require(made.collateral["tcb_info"])
    func error(_ from: String, _ to: String) -> IntelDocumentError? {
      let changed = text.replacingOccurrences(of: from, with: to)
      #expect(changed != text)
      do throws(IntelDocumentError) {
        _ = try TCBInfo(decoding: [UInt8](changed.utf8))
        return nil
      } catch { return error }
    }
    #expect(error("\"tcbType\":0", "\"tcbType\":-1") == .member(path: "tcbType"))
    #expect(error("\"tcbType\":0", "\"tcbType\":\"0\"") == .member(path: "tcbType"))
    #expect(error("\"fmspc\":\"10", "\"fmspc\":\"1") == .member(path: "fmspc"))
    #expect(error("\"fmspc\":\"10", "\"fmspc\":\"0x10") == .member(path: "fmspc"))
    #expect(
      error("\"nextUpdate\":\"2026-01-26T", "\"nextUpdate\":\"2026-01-26 ") == .member(path: "nextUpdate"))
    #expect(
      error("\"nextUpdate\":\"2026-01-26T", "\"nextUpdate\":\"2025-01-26T") == .member(path: "nextUpdate"))
    #expect(error("\"issueDate\":\"2025-12-27", "\"issueDate\":\"2025-02-29") == .member(path: "issueDate"))
    #expect(
      error("\"tcbStatus\":\"UpToDate\"", "\"tcbStatus\":\"Fine\"")
        == .word(path: "tcbLevels[0].tcbStatus", "Fine"))
    #expect(
      error("{\"svn\":5}", "{\"svn\":256}") == .member(path: "tcbLevels[0].tcb.tdxtcbcomponents[0].svn"))
    #expect(
      error("{\"svn\":5},", "") == .count(path: "tcbLevels[0].tcb.tdxtcbcomponents", limit: 16, actual: 15))
    #expect(error("\"id\":\"TDX\",", "") == .missing(path: "id"))
    #expect(throws: IntelDocumentError.member(path: "")) { try TCBInfo(decoding: [UInt8]("[]".utf8)) }
  }
}

@Suite("Revocation lists")
struct RevocationListTests {
  @Test(
    "reads recorded lists as the package cryptography does",
    .enabled(if: IntelVectors.corpus != nil, "corpus attestation is absent"))
  func recorded() throws {
    let entries = try #require(IntelVectors.file["lists"]?.array)
    #expect(entries.count == 6)
    for entry in entries {
      let path = try #require(entry["list"]?.string)
      let list = try CertificateRevocationList(decoding: IntelVectors.corpusFile(path))
      #expect(list.thisUpdate == entry["thisUpdate"]?.integer())
      #expect(list.nextUpdate == entry["nextUpdate"]?.integer())
      let serials = list.revoked.keys.map { key in
        String(Hex.encode(key, prefix: "").drop { $0 == "0" })
      }.sorted()
      #expect(serials == (entry["revoked"]?.array ?? []).compactMap(\.string))
    }
  }

  private func der(_ name: String = "certificates: leaf revoked") throws -> [UInt8] {
    let made = try IntelVectors.made(name)
    return try Hex.decode(try #require(made.collateral["pck_crl"]))
  }

  private func refusal(_ bytes: [UInt8]) -> RevocationListError? {
    do throws(RevocationListError) {
      _ = try CertificateRevocationList(decoding: bytes)
      return nil
    } catch { return error }
  }

  @Test("refuses every shorter and longer input")
  func shorter() throws {
    let whole = try der()
    #expect(refusal(whole) == nil)
    for count in whole.indices { #expect(refusal([UInt8](whole.prefix(count))) != nil) }
    #expect(refusal(whole + [0]) != nil)
  }

  @Test("no flipped bit is taken for the same list by its issuer")
  func flips() throws {
    let whole = try der("certificates: leaf until now")
    let made = try IntelVectors.made("certificates: leaf until now")
    let chain = [UInt8](try #require(made.collateral["pck_crl_issuer_chain"]).utf8)
    let issuer = try X509PEM.certificates(chain.span)[0]
    let time = made.time
    try CertificateRevocationList(decoding: whole).verify(issuedBy: issuer, at: time)
    var changed = whole
    for index in changed.indices {
      changed[index] ^= 1
      var isTaken = false
      if let list = try? CertificateRevocationList(decoding: changed) {
        isTaken = (try? list.verify(issuedBy: issuer, at: time)) != nil
      }
      #expect(!isTaken, "bit 0 of byte \(index)")
      changed[index] ^= 1
    }
  }

  @Test("a list counts from its start to the second before its end")
  func window() throws {
    let made = try IntelVectors.made("TDX, version 4")
    let chain = [UInt8](try #require(made.collateral["pck_crl_issuer_chain"]).utf8)
    let certificates = try X509PEM.certificates(chain.span)
    let list = try CertificateRevocationList(decoding: der("TDX, version 4"))
    try list.verify(issuedBy: certificates[0], at: list.thisUpdate)
    try list.verify(issuedBy: certificates[0], at: list.nextUpdate - 1)
    #expect(throws: X509RevocationError.expired(index: 0, secondsLate: 0)) {
      try list.verify(issuedBy: certificates[0], at: list.nextUpdate)
    }
    #expect(throws: X509RevocationError.notYetValid(index: 3, secondsEarly: 1)) {
      try list.verify(issuedBy: certificates[0], at: list.thisUpdate - 1, index: 3)
    }
    try list.verify(issuedBy: certificates[0], at: list.thisUpdate - 1, start: .ignored)
    #expect(throws: X509RevocationError.noList(index: 0)) {
      try list.verify(issuedBy: certificates[1], at: list.thisUpdate)
    }
  }
}
