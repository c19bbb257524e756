private import Attestation
private import Encodings
private import WireBytes

/// Bodies over evidence of every platform, its certificates, collateral and policies.
public enum AttestationBodies {
  public static let all: [FuzzBody] =
    common + tpm + vendors + tokens

  private static func bytes(_ hex: String) -> [UInt8] { (try? Hex.decode(hex)) ?? [] }

  // MARK: Seeds

  /// A quote of swtpm over PCR 0 and 16, its signature by a restricted key on P-256, and that key.
  private static let quote = bytes(
    "ff54434780180022000baa7e74b4919f0a15f8cd965ab060c1eae17a706a04ad0fb6b4a6cf9722e3eda100200011223344556677"
      + "8899aabbccddeeff00112233445566778899aabbccddeeff0000000000010a20000000020000000001201910230016363600"
      + "000001000b030100010020d4f6daa70c10d4a4364e28764e59c5339fddf687563b264d883d46ddbb9f5b76")
  private static let signature = bytes(
    "0018000b002064bc50e30cc2b08e10d02d51193a4c69168005c8b39274762731531d9a86a9290020588418793d6d1d6446425ba8"
      + "d01c347be4c7e373e038ea0fdb2ac211f7e81c8a")
  private static let publicArea = bytes(
    "00580023000b00050072000000100018000b000300100020cdf0c43efbed8afb1a2109f4be6c96b79234ad4bc0003302d7bbb4e2"
      + "19540e9b00209737cd1759545125ebf8c2f22984fb669a611a9c3121ca4599546cd2ddfa4156")
  /// Values of PCR 0 and 16 that the quote is over.
  private static let values = [
    TPMStatement.PCR(
      index: 0, value: bytes("3e287e57770de15677579228044a2abe6ca7c39d61de4b8a47fd6b7209dd0bab")),
    TPMStatement.PCR(
      index: 16, value: bytes("1c2343b4e39871560f2c32b9852edf1d5d6ea4854faf240a7ed71b73677efe16")),
  ]
  private static let launches = TPMLaunchLog([
    TPMLaunchLog.Launch(
      program: Bytes32 { UInt8($0) }, policy: Bytes32 { UInt8(255 - $0) }, start: 1_780_000_000)
  ])
  private static let statement = TPMStatement(
    quote: quote, signature: signature, attestationKey: publicArea, pcrs: values,
    launchLog: launches.encoded())

  /// Intel's root certificate list of 2025, empty.
  private static let revocationList = bytes(
    "308201203081c8020101300a06082a8648ce3d0403023068311a301806035504030c11496e74656c2053475820526f6f74204341"
      + "311a3018060355040a0c11496e74656c20436f72706f726174696f6e3114301206035504070c0b53616e746120436c617261"
      + "310b300906035504080c024341310b3009060355040613025553170d3235303332303131323135375a170d32363034303331"
      + "31323135375aa02f302d300a0603551d140403020101301f0603551d2304183016801422650cd65a9d3489f383b49552bf50"
      + "1b392706ac300a06082a8648ce3d0403020347003044022030c9fce1438da0a94e4fffdd46c9650e393be6e5a7862d4e4e73"
      + "527932d04af302206539efe3f734c3d7df20d9dfc4630e1c7ff0439a0f8ece101f15b5eaff9b4f33")

  private static let root = IntelRoots.certificate?.der ?? [0x30, 0]

  private static let policyText = [UInt8](
    (#"{"production":true,"reportData":"0x00","schema":"causeway-attestation-policy/1","nitro":{"measurements":[]},"#
      + #""tpm":{"akNames":["0x000b"#
      + String(repeating: "11", count: 32)
      + #""],"pcrs":[{"index":14,"launches":[]},{"index":16,"reported":true}]},"token":{"claims":[{"path":["a"],"#
      + #""values":[1,"b",true]}],"kind":"ear","roots":["0x"#
      + String(repeating: "22", count: 32) + #""]}}"#).utf8)

  // MARK: What all platforms share

  private static let common = [
    // Evidence has one encoding.
    FuzzBody(
      name: "attestation-evidence",
      seeds: [
        AttestationEvidence(platform: .tpm, statement: statement.encoded()).encoded(),
        SimulatedStatement(program: Bytes32(), policy: Bytes32(), reportData: [1], issued: 1).evidence
          .encoded(),
      ]
    ) { bytes in
      guard let evidence = try? AttestationEvidence(decoding: bytes.span) else { return }
      precondition(evidence.encoded() == bytes)
      guard let policy = try? AttestationPolicy(decoding: policyText) else { return }
      // Nobody has such a key, and no measurement is allowed: nothing is taken.
      let result = try? AttestationVerifier.verify(evidence, under: policy, at: .live(1_780_000_000))
      precondition(result == nil)
    },
    // A policy that was read has one text, which reads as the same policy.
    FuzzBody(name: "attestation-policy", seeds: [policyText]) { bytes in
      guard let policy = try? AttestationPolicy(decoding: bytes) else { return }
      let again = try? AttestationPolicy(decoding: [UInt8](policy.text.utf8))
      precondition(again == policy && again?.hash == policy.hash)
    },
    FuzzBody(name: "certificate-collateral", seeds: [CertificateCollateral(certificates: [root]).encoded()]) {
      bytes in
      guard let collateral = try? CertificateCollateral(decoding: bytes.span) else { return }
      precondition(collateral.encoded() == bytes)
    },
    // A certificate holds what was signed as it was; a chain of it alone leads to no pinned root but its own.
    FuzzBody(name: "x509-certificate", seeds: [root]) { bytes in
      guard let certificate = try? X509Certificate(decoding: bytes) else { return }
      precondition(certificate.der == bytes)
      let chain = try? X509Chain.verify([certificate], roots: X509Roots([]), at: certificate.notBefore)
      precondition(chain == nil)
      _ = try? X509Chain.verify(
        [certificate], roots: X509Roots([certificate.fingerprint]), at: certificate.notBefore)
      _ = try? PCKExtension(certificate)
    },
    FuzzBody(
      name: "x509-pem",
      seeds: [
        [UInt8]("-----BEGIN CERTIFICATE-----\n\(Base64.encode(root))\n-----END CERTIFICATE-----\n".utf8)
      ]
    ) { bytes in
      guard let blocks = try? X509PEM.blocks(bytes.span, label: "CERTIFICATE") else { return }
      precondition(!blocks.isEmpty)
      _ = try? X509PEM.certificates(bytes.span)
    },
    FuzzBody(name: "x509-revocation-list", seeds: [revocationList]) { bytes in
      _ = try? CertificateRevocationList(decoding: bytes)
    },
  ]

  // MARK: TPM and Azure

  /// A log of one event in one bank behind its header.
  private static let eventLog: [UInt8] = {
    let header = [UInt8]("Spec ID Event03\0".utf8) + [0, 0, 0, 0, 0, 2, 0, 2, 1, 0, 0, 0, 0x0b, 0, 32, 0, 0]
    let zeroes = [UInt8](repeating: 0, count: 20)
    let first: [UInt8] = [0, 0, 0, 0, 3, 0, 0, 0] + zeroes + [UInt8(header.count), 0, 0, 0] + header
    return first + [4, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0x0b, 0] + [UInt8](repeating: 7, count: 32)
      + [4, 0, 0, 0, 0, 0, 0, 0]
  }()

  /// A paravisor's report around a TDREPORT of zeroes.
  private static let hclReport: [UInt8] = {
    let modulus = Base64.url.encode([UInt8](repeating: 0xff, count: 256).span)
    let claims = [UInt8](#"{"keys":[{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":"\#(modulus)"}]}"#.utf8)
    func u32(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    return [UInt8]("HCLA".utf8) + u32(2) + u32(32 + 1184 + 20 + claims.count) + u32(2)
      + [UInt8](repeating: 0, count: 16 + 1184) + u32(20 + claims.count) + u32(1) + u32(4) + u32(1)
      + u32(claims.count) + claims + [0, 0]
  }()

  private static let tpm = [
    FuzzBody(name: "tpm-quote", seeds: [quote]) { bytes in
      guard let quote = try? TPM2.Quote(decoding: bytes.span) else { return }
      precondition(quote.encoded() == bytes)
    },
    FuzzBody(name: "tpm-signature", seeds: [signature]) { bytes in
      guard let signature = try? TPM2.Signature(decoding: bytes.span) else { return }
      precondition(signature.encoded() == bytes)
    },
    FuzzBody(name: "tpm-public", seeds: [publicArea]) { bytes in
      guard let area = try? TPM2.Public(decodingSized: bytes.span) else { return }
      precondition(area.encodedSized() == bytes)
      // Any key may be shown with any signature.
      if let own = try? TPM2.Signature(decoding: signature.span) {
        _ = try? area.verify(quote.span, signature: own)
      }
      _ = area.subjectPublicKeyInfo
    },
    // A statement has one encoding; the quote in it holds only with an attestation key and over its own
    // values.
    FuzzBody(name: "tpm-statement", seeds: [statement.encoded()]) { bytes in
      guard let statement = try? TPMStatement(decoding: bytes.span) else { return }
      precondition(statement.encoded() == bytes)
      guard
        let held = try? VerifiedTPMQuote(
          quote: statement.quote.span, signature: statement.signature.span,
          attestationKey: statement.attestationKey.span, values: statement.pcrs)
      else { return }
      precondition(TPM2.Attributes.attestationKey.isSubset(of: held.key.attributes))
      precondition(held.bank.isAccepted && held.pcrs == values)
    },
    FuzzBody(name: "tpm-launch-log", seeds: [launches.encoded()]) { bytes in
      guard let log = try? TPMLaunchLog(decoding: bytes.span) else { return }
      precondition(log.encoded() == bytes)
      precondition(log.launches.isEmpty == log.pcrValue.isZero)
    },
    // Events lie one after the other; each bank replays, or its hash is not computed here.
    FuzzBody(name: "tcg-event-log", seeds: [eventLog]) { bytes in
      guard let log = try? TCGEventLog(decoding: bytes.span) else { return }
      var last = -1
      for event in log.events {
        precondition(event.offset > last && event.digests.count == log.banks.count)
        last = event.offset
      }
      for bank in log.banks {
        guard let hash = bank.hash, let values = try? log.replay(hash) else { continue }
        precondition(values.allSatisfy { $0.value.count == hash.size && $0.register < 32 })
        let own = values.map { TPMStatement.PCR(index: $0.register, value: $0.value) }
        let agrees: ()? = try? log.verify(hash, values: own)
        precondition(agrees != nil)
      }
    },
    FuzzBody(name: "azure-hcl-report", seeds: [hclReport]) { bytes in
      guard let report = try? HCLReport(decoding: bytes.span) else { return }
      precondition(report.reportData.count == 64 && report.expectedReportData.count == 64)
    },
    FuzzBody(
      name: "azure-statement",
      seeds: [
        AzureStatement(report: hclReport, quote: quote, signature: [1], pcrs: values, tdQuote: [1]).encoded()
      ]
    ) { bytes in
      guard let statement = try? AzureStatement(decoding: bytes.span) else { return }
      precondition(statement.encoded() == bytes)
      _ = try? AzureQuote(statement)
    },
    FuzzBody(
      name: "azure-evidence-json",
      seeds: [
        [UInt8](
          #"{"version":1,"hcl_report":"AAAA","tpm_quote":{"signature":"01","message":"02","pcrs":["00"]},"vcek":"AAAA"}"#
            .utf8),
        [UInt8](
          #"{"report":[1],"quote":{"signature":[1],"message":[2],"pcrs":[]},"vcek":"-----BEGIN"}"#.utf8),
      ]
    ) { bytes in
      guard let json = try? JSONValue(decoding: bytes),
        let read = try? AzureStatement.read(confidentialContainers: json)
      else { return }
      let again = try? AzureStatement(decoding: read.statement.encoded().span)
      precondition(again == read.statement)
    },
  ]

  // MARK: Nitro, SEV-SNP, SGX, TDX

  /// The frame of a document, with a payload that is too short.
  private static let nitro: [UInt8] =
    bytes("8444a1013822a0584ca9696d6f64756c655f69646161666469676573746653484133383469") + [0x74]
    + [UInt8](repeating: 0xf6, count: 40) + [0x58, 0x60] + [UInt8](repeating: 1, count: 96)

  /// A report of version 3 with bit 17 of its policy, else zeroes; ECDSA.
  private static let snp: [UInt8] = {
    var report = [UInt8](repeating: 0, count: SEVSNPReport.size)
    (report[0], report[10], report[0x34]) = (3, 2, 1)
    return report
  }()

  /// A quote of version 4 over a domain of zeroes, with sizes that fit.
  private static let tdx: [UInt8] =
    bytes("040002008100000000000000939a7233f79c4ca9940a0db3957f0607") + [UInt8](repeating: 0, count: 20 + 584)
    + bytes("4a020000") + [UInt8](repeating: 0, count: 128) + bytes("0600c4010000")
    + [UInt8](repeating: 0, count: 384 + 64) + bytes("0000") + bytes("050000000000")

  private static let vendors = [
    FuzzBody(name: "nitro-document", seeds: [nitro]) { bytes in
      guard let document = try? NitroDocument(decoding: bytes) else { return }
      _ = try? document.verified(at: document.issued, roots: NitroRoots.production)
    },
    FuzzBody(name: "sev-snp-report", seeds: [snp]) { bytes in
      guard let report = try? SEVSNPReport(decoding: bytes) else { return }
      precondition(bytes.count == SEVSNPReport.size && report.signed.count == SEVSNPReport.signedSize)
      let verified = try? report.verified(by: [], at: 1_780_000_000, roots: AMDProductRoots.production)
      precondition(verified == nil)
    },
    FuzzBody(name: "intel-quote", seeds: [tdx]) { bytes in
      guard let quote = try? IntelQuote(decoding: bytes.span) else { return }
      precondition(quote.body.reportData.array.count == 64)
    },
    FuzzBody(
      name: "intel-collateral",
      seeds: [[UInt8](#"{"tcb_info":"{}","qe_identity":"{}","root_ca_crl":""}"#.utf8)]
    ) {
      bytes in
      guard let collateral = try? IntelCollateral(decoding: bytes) else { return }
      let findings = try? IntelVerification.verify(
        tdx.span, collateral: collateral, at: 1_780_000_000, roots: IntelRoots.production)
      precondition(findings == nil)
    },
    FuzzBody(
      name: "intel-tcb-info",
      seeds: [
        [UInt8](
          (#"{"id":"SGX","version":3,"issueDate":"2025-01-01T00:00:00Z","nextUpdate":"2025-02-01T00:00:00Z","#
            + #""fmspc":"00906ED50000","pceId":"0000","tcbType":0,"tcbEvaluationDataNumber":17,"tcbLevels":[]}"#)
            .utf8)
      ]
    ) { bytes in _ = try? TCBInfo(decoding: bytes) },
    FuzzBody(
      name: "intel-qe-identity",
      seeds: [
        [UInt8](
          (#"{"id":"QE","version":2,"issueDate":"2025-01-01T00:00:00Z","nextUpdate":"2025-02-01T00:00:00Z","#
            + #""tcbEvaluationDataNumber":17,"miscselect":"00000000","miscselectMask":"FFFFFFFF","isvprodid":1,"#
            + #""attributes":"11000000000000000000000000000000","attributesMask":"FBFFFFFFFFFFFFFF0000000000000000","#
            + #""mrsigner":"8C4F5775D796503E96137F77C68A829A0056AC8DED70140B081B094490C57BFF","tcbLevels":[]}"#)
            .utf8)
      ]
    ) { bytes in _ = try? QuotingEnclaveIdentity(decoding: bytes) },
    FuzzBody(name: "ra-tls-certificate", seeds: [root]) { bytes in
      guard let certificate = try? RATLSCertificate(decoding: bytes) else { return }
      _ = try? certificate.boundQuote()
    },
    FuzzBody(name: "intel-pck-extension", seeds: [bytes("300e300c060a2a864886f84d010d0101")]) { bytes in
      _ = try? PCKExtension(decoding: bytes)
    },
  ]

  // MARK: Tokens

  private static let claims =
    #"{"eat_profile":"tag:github.com,2023:veraison/ear","iat":1.7e9,"ear.verifier-id":{"developer":"a","build":"b"},"#
    + #""submods":{"x":{"ear.status":"affirming","ear.trustworthiness-vector":{"hardware":2}}}}"#

  private static let token = [UInt8](
    [
      Base64.url.encode([UInt8](#"{"alg":"ES256","typ":"JWT"}"#.utf8).span),
      Base64.url.encode([UInt8](claims.utf8).span),
      Base64.url.encode([UInt8](repeating: 1, count: 64).span),
    ].joined(separator: ".").utf8)

  private static let tokens = [
    // What is signed is the token's own text; nobody's key has signed it.
    FuzzBody(name: "json-web-token", seeds: [token]) { bytes in
      guard let token = try? JSONWebToken(decoding: bytes.span) else { return }
      let again = token.signed + [UInt8(ascii: ".")] + [UInt8](Base64.url.encode(token.signature.span).utf8)
      precondition(again == bytes)
      _ = try? EARClaims(token.payload)
    },
    FuzzBody(name: "ear-claims", seeds: [[UInt8](claims.utf8)]) { bytes in
      guard let members = try? JSONValue(decoding: bytes).object, let ear = try? EARClaims(members) else {
        return
      }
      precondition(!ear.submodules.isEmpty && ear.submodules.count <= EARClaims.submodulesMax)
    },
    FuzzBody(
      name: "json-web-key",
      seeds: [
        [UInt8](
          (#"{"kty":"EC","crv":"P-256","x":"usWxHK2PmfnHKwXPS54m0kTcGJ90UiglWiGahtagnv8","#
            + #""y":"IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX4"}"#).utf8),
        [UInt8](#"{"kty":"RSA","n":"\#(String(repeating: "_", count: 342))","e":"AQAB"}"#.utf8),
      ]
    ) { bytes in
      guard let json = try? JSONValue(decoding: bytes), let key = try? TokenKey(jwk: json) else { return }
      let again = try? TokenKey(key.algorithm, publicKeyInfo: key.publicKeyInfo)
      precondition(again == key)
    },
  ]
}
