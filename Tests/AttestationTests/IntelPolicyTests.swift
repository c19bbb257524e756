import Attestation
import Encodings
import TestSupport
import Testing
import WireBytes

@Suite("Intel policies")
struct IntelPolicyTests {
  private func verify(
    _ name: String, _ policy: IntelPolicy, platform: AttestationPlatform = .tdx, at time: Int64? = nil,
    change: (inout [String: JSONValue]) -> Void = { _ in }
  ) throws -> Result<AttestationResult, IntelRefusal> {
    let made = try IntelVectors.made(name)
    var members = made.collateral.mapValues { JSONValue.string($0) }
    change(&members)
    let evidence = AttestationEvidence(
      platform: platform, statement: made.quote, collateral: JSONValue.object(members).encodedForTests)
    let root = try #require(IntelVectors.root)
    do throws(IntelRefusal) {
      return .success(
        try IntelVerifier.verify(
          evidence, under: policy, at: .archival(time ?? made.time), roots: X509Roots([root.fingerprint])))
    } catch { return .failure(error) }
  }

  private func refusal(_ result: Result<AttestationResult, IntelRefusal>) -> IntelRefusal? {
    if case .failure(let refusal) = result { refusal } else { nil }
  }

  private func body(_ name: String) throws -> IntelQuoteBody {
    let quote = try IntelVectors.made(name).quote
    return try IntelQuote(decoding: quote.span).body
  }

  private func domain(_ name: String = "TDX, version 4") throws -> TDReport {
    guard case .trustDomain(let report) = try body(name) else { throw RATLSError.evidence }
    return report
  }

  private func enclave() throws -> SGXReport {
    guard case .enclave(let report) = try body("SGX, version 3") else { throw RATLSError.evidence }
    return report
  }

  @Test("an allowed domain is accepted, with what it measured and until when")
  func accepted() throws {
    let report = try domain()
    let policy = IntelPolicy(mrTDs: [report.mrTD], rtmrs: [0: [report.rtmrs[0]]])
    let made = try IntelVectors.made("TDX, version 4")
    let result = try verify("TDX, version 4", policy).get()
    #expect(result.measurement("mrtd") == report.mrTD.array)
    #expect(result.measurement("rtmr3") == report.rtmrs[3].array)
    #expect(result.reportData == [UInt8](0..<64))
    #expect(result.tcbStatus == "UpToDate" && !result.isDebug)
    // The PCK's revocation list is the first to end, 21 days on, and the second of its end no longer counts.
    #expect(result.expires == made.time + 21 * 86_400 - 1)
    #expect(result.limits.min { $0.until < $1.until }?.what == "PCK revocation list")
    #expect(try verify("TDX, version 4", policy, at: result.expires).get().expires == result.expires)
    let late = refusal(try verify("TDX, version 4", policy, at: result.expires + 1))
    #expect(late == .revocation(.pck, .expired(index: 0, secondsLate: 0)))
    let later = refusal(try verify("TDX, version 4", policy, at: result.expires + 1 + 86_401))
    #expect(later?.daysOut == 2)
  }

  @Test("each document outside of its window is named, with the days")
  func windows() throws {
    let policy = IntelPolicy(mrTDs: [try domain().mrTD])
    let made = try IntelVectors.made("TDX, version 4")
    let early = refusal(try verify("TDX, version 4", policy, at: made.time - 6 * 86_400))
    #expect(early == .notYetIssued(.tcbInfo, secondsEarly: 86_400))
    #expect(early?.daysOut == 1)
    let old = refusal(try verify("TDX, version 4", policy, at: made.time + 25 * 86_400 + 1))
    #expect(old == .outdated(.tcbInfo, secondsLate: 1))
    #expect(old?.daysOut == 1)
    let list = refusal(try verify("TDX, version 4", policy, at: made.time + 301 * 86_400))
    #expect(list == .rootList(.expired(index: 0, secondsLate: 86_400)))
  }

  @Test("where nothing is allowed, nothing is taken")
  func empty() throws {
    #expect(refusal(try verify("TDX, version 4", IntelPolicy())) == .policy(.mrTD(try domain().mrTD)))
    let report = try enclave()
    #expect(
      refusal(try verify("SGX, version 3", IntelPolicy(), platform: .sgx))
        == .policy(
          .enclave(
            mrEnclave: report.mrEnclave, mrSigner: report.mrSigner, isvProdID: 0, isvSVN: 0, isvSVNMin: nil)))
    let none = IntelPolicy(mrTDs: [try domain().mrTD], rtmrs: [2: []])
    #expect(refusal(try verify("TDX, version 4", none)) == .policy(.rtmr(index: 2, try domain().rtmrs[2])))
    let statuses = IntelPolicy(mrTDs: [try domain().mrTD], statuses: [])
    #expect(refusal(try verify("TDX, version 4", statuses)) == .policy(.status(.upToDate)))
  }

  @Test("an enclave is known by itself, or by its signer, product and least version")
  func enclaves() throws {
    let report = try enclave()
    func signer(_ product: UInt16, _ least: UInt16) -> IntelPolicy {
      IntelPolicy(signers: [.init(mrSigner: report.mrSigner, isvProdID: product, isvSVNMin: least)])
    }
    for policy in [IntelPolicy(mrEnclaves: [report.mrEnclave]), signer(0, 0)] {
      #expect(refusal(try verify("SGX, version 3", policy, platform: .sgx)) == nil)
    }
    for (policy, least) in [(signer(1, 0), nil), (signer(0, 1), UInt16(1))] {
      #expect(
        refusal(try verify("SGX, version 3", policy, platform: .sgx))
          == .policy(
            .enclave(
              mrEnclave: report.mrEnclave, mrSigner: report.mrSigner, isvProdID: 0, isvSVN: 0,
              isvSVNMin: least)))
    }
    #expect(
      refusal(try verify("SGX, version 3", IntelPolicy(mrEnclaves: [report.mrEnclave]), platform: .tdx))
        == .policy(.tee(.sgx)))
  }

  @Test("statuses and advisories are taken only when they are named")
  func statuses() throws {
    let name = "SGX platform OutOfDate, quoting enclave OutOfDate"
    let own = [try enclave().mrEnclave]
    #expect(
      refusal(try verify(name, IntelPolicy(mrEnclaves: own), platform: .sgx)) == .policy(.status(.outOfDate)))
    let status = IntelPolicy(mrEnclaves: own, statuses: [.outOfDate])
    #expect(refusal(try verify(name, status, platform: .sgx)) == .policy(.advisory("B")))
    let some = IntelPolicy(mrEnclaves: own, statuses: [.outOfDate], advisories: ["A", "B"])
    #expect(refusal(try verify(name, some, platform: .sgx)) == .policy(.advisory("C")))
    let all = IntelPolicy(mrEnclaves: own, statuses: [.outOfDate], advisories: ["A", "B", "C"])
    #expect(try verify(name, all, platform: .sgx).get().advisories == ["B", "A", "C"])
    // The quoting enclave's need of configuration leaves the platform UpToDate, but must be allowed.
    let quiet = IntelPolicy(mrEnclaves: own, advisories: ["A", "B", "C"])
    #expect(
      refusal(
        try verify("SGX platform UpToDate, quoting enclave ConfigurationNeeded", quiet, platform: .sgx))
        == .policy(.quotingEnclaveStatus(.configurationNeeded)))
  }

  @Test("collateral below the least evaluation number is refused although it is in its window")
  func evaluationNumber() throws {
    let own = [try domain().mrTD]
    #expect(refusal(try verify("TDX, version 4", IntelPolicy(mrTDs: own, evaluationNumberMin: 19))) == nil)
    #expect(
      refusal(try verify("TDX, version 4", IntelPolicy(mrTDs: own, evaluationNumberMin: 20)))
        == .policy(.evaluationNumber(.tcbInfo, least: 20, actual: 19)))
  }

  @Test("debug and service domains are refused unless the policy names them")
  func attributes() throws {
    let own = [try domain("TD attribute 0").mrTD]
    #expect(refusal(try verify("TD attribute 0", IntelPolicy(mrTDs: own))) == .attribute(.debug))
    let debug = try verify("TD attribute 0", IntelPolicy(mrTDs: own, debug: true)).get()
    #expect(debug.isDebug && debug.reasons.contains(.debugAllowed))
    let report = try domain("service domain")
    let service = try #require(report.mrServiceTD)
    #expect(
      refusal(try verify("service domain", IntelPolicy(mrTDs: [report.mrTD])))
        == .attribute(.serviceTD(service)))
    let bound = IntelPolicy(mrTDs: [report.mrTD], serviceTDs: [service])
    #expect(try verify("service domain", bound).get().measurement("mrservicetd") == service.array)
    #expect(
      refusal(try verify("TD attribute 8", IntelPolicy(mrTDs: own, debug: true)))
        == .attribute(.reserved(bits: 1 << 8)))
  }

  @Test("SGX in quotes of version 4 and 5 is verified")
  func laterVersions() throws {
    let policy = IntelPolicy(mrEnclaves: [try enclave().mrEnclave])
    for name in ["SGX, version 4", "SGX, version 5"] {
      #expect(try verify(name, policy, platform: .sgx).get().tcbStatus == "UpToDate")
    }
  }

  @Test("what definitions rule out is refused, where the compared library looks away")
  func strict() throws {
    let own = IntelPolicy(mrTDs: [try domain().mrTD])
    let junk = try IntelVectors.made("trailing bytes")
    #expect(
      refusal(try verify("trailing bytes", own))
        == .quote(.trailingBytes(.section, offset: junk.quote.count - 3)))
    #expect(
      refusal(try verify("certificates: root list later", own))
        == .rootList(.notYetValid(index: 0, secondsEarly: 1)))
    #expect(
      refusal(try verify("certificates: PCK list later", own))
        == .revocation(.pck, .notYetValid(index: 0, secondsEarly: 1)))
  }

  @Test("a certificate of the processor is asked for where the quote has none")
  func certification() throws {
    let own = IntelPolicy(mrTDs: [try domain().mrTD])
    #expect(refusal(try verify("chain: type 3", own)) == .certificationType(3))
    #expect(refusal(try verify("chain: type 3 with collateral", own)) == nil)
  }

  @Test("another root, and none, are refused")
  func roots() throws {
    let made = try IntelVectors.made("TDX, version 4")
    let collateral = try IntelCollateral(decoding: made.document)
    func refusal(_ roots: X509Roots) -> IntelRefusal? {
      do throws(IntelRefusal) {
        _ = try IntelVerification.verify(
          made.quote.span, collateral: collateral, at: made.time, roots: roots)
        return nil
      } catch { return error }
    }
    #expect(refusal(X509Roots([])) == .noRoot)
    #expect(refusal(X509Roots([Bytes32()])) == .noRoot)
    guard case .rootList(.noList)? = refusal(IntelRoots.production) else {
      Issue.record("a root of our own is taken for Intel's")
      return
    }
    #expect(IntelRoots.certificate?.fingerprint == IntelRoots.fingerprint)
  }

  @Test("reads what it writes, and refuses what it does not know")
  func json() throws {
    let policy = IntelPolicy(
      mrEnclaves: [Bytes32(bigEndian: 1)],
      signers: [.init(mrSigner: Bytes32(bigEndian: 2), isvProdID: 3, isvSVNMin: 4)],
      mrTDs: [FixedBytes<48> { UInt8($0) }], rtmrs: [0: [FixedBytes<48>()], 3: []],
      statuses: [.upToDate, .softwareHardeningNeeded], advisories: ["INTEL-SA-00615"],
      evaluationNumberMin: 17,
      serviceTDs: [FixedBytes<48> { _ in 7 }], debug: true)
    #expect(try IntelPolicy(json: policy.json, path: "sgx") == policy)
    #expect(try IntelPolicy(json: .object([:]), path: "sgx") == IntelPolicy())
    #expect(IntelPolicy().json == .object([:]))
    #expect(throws: AttestationPolicyError.unknownMember(path: "tdx.mrTd")) {
      try IntelPolicy(json: ["mrTd": []], path: "tdx")
    }
    #expect(throws: AttestationPolicyError.unknownMember(path: "tdx.rtmrs.4")) {
      try IntelPolicy(json: ["rtmrs": ["4": []]], path: "tdx")
    }
    #expect(throws: AttestationPolicyError.length(path: "tdx.mrTds.0", expected: 48, actual: 1)) {
      try IntelPolicy(json: ["mrTds": ["0x00"]], path: "tdx")
    }
    #expect(throws: AttestationPolicyError.member(path: "tdx.statuses.0", wanted: .word)) {
      try IntelPolicy(json: ["statuses": ["Fine"]], path: "tdx")
    }
    #expect(throws: AttestationPolicyError.member(path: "tdx.statuses", wanted: .word)) {
      try IntelPolicy(json: ["statuses": ["Revoked"]], path: "tdx")
    }
  }
}

@Suite("RA-TLS certificates")
struct RATLSTests {
  private func certificate(_ name: String) throws -> [UInt8] {
    let text = try IntelVectors.corpusFile("ra-tls/\(name)-cert.pem")
    return try X509PEM.blocks(text.span, label: "CERTIFICATE", countMax: 1)[0]
  }

  private func refusal(_ der: [UInt8]) -> RATLSError? {
    do throws(RATLSError) {
      _ = try RATLSCertificate(decoding: der).boundQuote()
      return nil
    } catch { return error }
  }

  @Test(
    "recorded certificates of Gramine and the SGX SDK bind their keys",
    .enabled(if: IntelVectors.corpus != nil, "corpus attestation is absent"),
    arguments: ["gramine", "intel-sgxsdk"])
  func recorded(name: String) throws {
    let certificate = try RATLSCertificate(decoding: try certificate(name))
    #expect(certificate.form == .interoperable)
    let quote = try certificate.boundQuote()
    #expect(quote.header.version == 3 && quote.header.tee == .sgx)
    #expect(certificate.nonce == nil)
  }

  @Test(
    "Gramine's older extension binds the key by itself",
    .enabled(if: IntelVectors.corpus != nil, "corpus attestation is absent"))
  func older() throws {
    var der = try certificate("gramine")
    // Another arc makes the interoperable extension one that is passed over.
    let name: [UInt8] = [6, 6, 0x67, 0x81, 5, 5, 4, 9]
    let offset = try #require(der.indices.first { der[$0...].starts(with: name) })
    der[offset + 7] = 10
    let read = try RATLSCertificate(decoding: der)
    #expect(read.form == .gramine)
    let quote = try read.boundQuote()
    #expect(quote.body.reportData.isZero == false)
    // The SDK's older extension says nothing of the key.
    var other = try certificate("intel-sgxsdk")
    let start = try #require(other.indices.first { other[$0...].starts(with: name) })
    other[start + 7] = 10
    #expect(refusal(other) == .noEvidence)
  }

  @Test(
    "another key, other claims and another quote are refused",
    .enabled(if: IntelVectors.corpus != nil, "corpus attestation is absent"))
  func changed() throws {
    let der = try certificate("gramine")
    let read = try RATLSCertificate(decoding: der)
    func offset(of part: [UInt8]) throws -> Int {
      try #require(der.indices.first { der[$0...].starts(with: part) })
    }
    func flipped(_ index: Int) -> RATLSError? {
      var changed = der
      changed[index] ^= 1
      return refusal(changed)
    }
    #expect(flipped(try offset(of: read.publicKeyInfo) + read.publicKeyInfo.count - 1) == .key)
    // The last byte of the claims is the last of the key's hash; the hash's algorithm stands 35 bytes before
    // the end.
    let claims = try offset(of: read.claims)
    #expect(flipped(claims + read.claims.count - 1) == .key)
    #expect(flipped(claims + read.claims.count - 35) == .hashAlgorithm(0))
    let name = [UInt8]("pubkey-hash".utf8)
    #expect(flipped(try offset(of: name)) == .claim("qubkey-hash"))
    // The quote of the interoperable extension follows the tag and 7 bytes of heads.
    let quote = try offset(of: [0xd9, 0xea, 0x60]) + 7
    guard case .reportData? = flipped(quote + 48 + 320) else {
      Issue.record("another hash is taken")
      return
    }
    guard case .reportData? = flipped(quote + 48 + 383) else {
      Issue.record("the second half may be anything")
      return
    }
    #expect(flipped(quote - 5) == .tag(60_001))
    for count in stride(from: 0, to: der.count, by: 17) {
      #expect(refusal([UInt8](der.prefix(count))) != nil)
    }
  }
}
