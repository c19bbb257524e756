import Attestation
import Encodings
import WireBytes

/// What evidence says by itself, when no policy is given: which signatures hold, and what they are over.
enum AttestationFindings {
  static func collect(
    _ evidence: AttestationEvidence, _ kind: AttestationKind, _ input: AttestationInput, at time: Int64,
    _ report: inout VerificationReport
  ) {
    switch kind {
    case .nitro: nitro(evidence, input, at: time, &report)
    case .sgx, .tdx: intel(evidence, kind, input, at: time, &report)
    case .snp: sevSNP(evidence, input, at: time, &report)
    case .tpm: tpm(evidence, input, &report)
    case .azure: azure(evidence, input, at: time, &report)
    case .ear: ear(evidence, input, at: time, &report)
    }
    guard case .valid = report.outcome else { return }
    report.assumptions = AttestationText.assumptions(kind, evidence)
    report.leaveUndecided(
      "policy", code: "policyMissing",
      "the signatures hold, and no policy says which measurements are allowed: give one with --policy")
  }

  /// Compares what the caller asked for with what was found; false when it refused.
  private static func asked(
    _ input: AttestationInput, nonce: [UInt8]?, reportData: [UInt8], _ report: inout VerificationReport
  ) {
    report.add(fact: "reportData", AttestationText.bytes(reportData))
    if let nonce { report.add(fact: "nonce", AttestationText.bytes(nonce)) }
    if let wanted = input.nonce {
      let found = nonce ?? reportData
      guard wanted == found else {
        return report.refuse(
          "nonce", code: "nonce",
          "the challenge that is answered is \(AttestationText.bytes(found)), not \(AttestationText.bytes(wanted))"
        )
      }
      report.add(step: "nonce", "is the one asked for")
    }
    if let wanted = input.reportData {
      guard wanted == reportData else {
        return report.refuse(
          "report data", code: "reportData",
          "what the holder bound is \(AttestationText.bytes(reportData)), not \(AttestationText.bytes(wanted))"
        )
      }
      report.add(step: "report data", "is what was asked for")
    }
  }

  private static func refuse(_ error: AttestationRefusal, _ report: inout VerificationReport) {
    report.refuse(AttestationText.step(error), code: AttestationText.code(error), AttestationText.text(error))
  }

  private static func nitro(
    _ evidence: AttestationEvidence, _ input: AttestationInput, at time: Int64,
    _ report: inout VerificationReport
  ) {
    do {
      let document = try NitroDocument(decoding: evidence.statement)
      report.id = document.identity.description
      report.add(fact: "module", document.moduleID)
      report.add(fact: "issued", AttestationText.date(document.issued))
      for pcr in document.pcrs where pcr.value.contains(where: { $0 != 0 }) {
        report.add(fact: "pcr\(pcr.index)", AttestationText.bytes(pcr.value))
      }
      report.add(
        fact: "debug", document.isDebug ? "yes: PCR0 to PCR2 are zero, nothing in it is secret" : "no")
      if let key = document.publicKey { report.add(fact: "boundKey", AttestationText.bytes(key)) }
      let verified = try document.verified(at: time, roots: NitroRoots.production)
      report.add(
        step: "certificates",
        "lead to AWS's root, valid until \(AttestationText.date(verified.chain.notAfter))")
      report.add(step: "signature", "ECDSA over P-384, by the certified key")
      report.expires = UInt64(exactly: verified.chain.notAfter)
      if document.isDebug { return refuse(.nitro(.debug), &report) }
      asked(input, nonce: document.nonce, reportData: document.userData ?? [], &report)
    } catch { refuse(.nitro(error), &report) }
  }

  private static func intel(
    _ evidence: AttestationEvidence, _ kind: AttestationKind, _ input: AttestationInput, at time: Int64,
    _ report: inout VerificationReport
  ) {
    let quote: IntelQuote
    do { quote = try IntelQuote(decoding: evidence.statement.span) } catch {
      return refuse(.intel(.quote(error)), &report)
    }
    let wanted: IntelTEE = kind == .sgx ? .sgx : .tdx
    guard quote.header.tee == wanted else {
      return report.refuse(
        "quote", code: "intel.tee", "the quote is of \(quote.header.tee), not of \(kind.rawValue)")
    }
    report.add(fact: "version", "\(quote.header.version)")
    switch quote.body {
    case .enclave(let enclave):
      report.add(fact: "mrenclave", enclave.mrEnclave.description)
      report.add(fact: "mrsigner", enclave.mrSigner.description)
      report.add(fact: "isvprodid", "\(enclave.isvProdID)")
      report.add(fact: "isvsvn", "\(enclave.isvSVN)")
      report.add(fact: "debug", enclave.isDebug ? "yes" : "no")
    case .trustDomain(let domain):
      report.add(fact: "mrtd", domain.mrTD.description)
      for (index, value) in domain.rtmrs.enumerated() { report.add(fact: "rtmr\(index)", value.description) }
      report.add(fact: "debug", domain.attributes.isDebug ? "yes" : "no")
    }
    guard !evidence.collateral.isEmpty else {
      asked(input, nonce: nil, reportData: quote.body.reportData.array, &report)
      guard case .valid = report.outcome else { return }
      return report.leaveUndecided(
        "collateral", code: "collateralMissing",
        "whether Intel vouches for this processor is said by its collateral: give it with --collateral")
    }
    do throws(IntelRefusal) {
      let collateral: IntelCollateral
      do { collateral = try IntelCollateral(decoding: evidence.collateral) } catch {
        throw .collateral(error)
      }
      let findings = try IntelVerification.verify(
        evidence.statement.span, collateral: collateral, at: time, roots: IntelRoots.production)
      report.add(
        step: "certificates", "of the processor and of the collateral lead to Intel's root; none is revoked")
      report.add(step: "quoting enclave", "is Intel's, and vouches for the key of the quote")
      report.add(step: "signature", "ECDSA over P-256, by that key")
      report.add(fact: "tcbStatus", findings.status.rawValue)
      if !findings.advisories.isEmpty {
        report.add(fact: "advisories", findings.advisories.joined(separator: ", "))
      }
      for limit in findings.limits {
        report.add(fact: "until: \(limit.what)", AttestationText.date(limit.until))
      }
      report.expires = UInt64(exactly: findings.expires)
    } catch { return refuse(.intel(error), &report) }
    asked(input, nonce: nil, reportData: quote.body.reportData.array, &report)
  }

  private static func sevSNP(
    _ evidence: AttestationEvidence, _ input: AttestationInput, at time: Int64,
    _ report: inout VerificationReport
  ) {
    do {
      let snp = try SEVSNPReport(decoding: evidence.statement)
      report.id = snp.identity.description
      describe(snp, &report)
      guard hardware(snp, evidence.collateral, at: time, &report) else { return }
      if snp.policy.allowsDebug { return refuse(.sevSNP(.debug), &report) }
      asked(input, nonce: nil, reportData: snp.reportData.array, &report)
    } catch { refuse(.sevSNP(error), &report) }
  }

  private static func describe(_ snp: SEVSNPReport, _ report: inout VerificationReport) {
    report.add(fact: "measurement", snp.measurement.description)
    report.add(fact: "hostData", snp.hostData.description)
    report.add(fact: "chip", AttestationText.bytes(snp.chipID.array))
    report.add(fact: "vmpl", "\(snp.vmpl)")
    report.add(fact: "debug", snp.policy.allowsDebug ? "yes: the host may read all of it" : "no")
  }

  /// Verifies a report by the certificates that came with it; false when it did not hold, or none came.
  private static func hardware(
    _ snp: SEVSNPReport, _ collateral: [UInt8], at time: Int64, _ report: inout VerificationReport
  ) -> Bool {
    guard !collateral.isEmpty else {
      report.leaveUndecided(
        "collateral", code: "collateralMissing",
        "the processor's certificate (VCEK or VLEK) is needed: give it with --collateral, PEM or DER")
      return false
    }
    do throws(SEVSNPRefusal) {
      let carried: CertificateCollateral
      do { carried = try CertificateCollateral(decoding: collateral.span) } catch { throw .collateral(error) }
      var certificates: [X509Certificate] = []
      for (index, der) in carried.certificates.enumerated() {
        do { certificates.append(try X509Certificate(decoding: der)) } catch {
          throw .certificate(index: index, error)
        }
      }
      let verified = try snp.verified(by: certificates, at: time, roots: AMDProductRoots.production)
      report.add(
        step: "certificates",
        "\(verified.endorsement.kind.rawValue) of \(verified.product.rawValue), of this chip and TCB, leads to AMD's root"
      )
      report.add(step: "signature", "ECDSA over P-384, by the processor")
      report.expires = UInt64(exactly: verified.chain.notAfter)
      return true
    } catch {
      refuse(.sevSNP(error), &report)
      return false
    }
  }

  private static func tpm(
    _ evidence: AttestationEvidence, _ input: AttestationInput, _ report: inout VerificationReport
  ) {
    do throws(TPMRefusal) {
      let statement: TPMStatement
      do { statement = try TPMStatement(decoding: evidence.statement.span) } catch { throw .statement(error) }
      let quoted = try VerifiedTPMQuote(
        quote: statement.quote.span, signature: statement.signature.span,
        attestationKey: statement.attestationKey.span, values: statement.pcrs)
      report.add(fact: "key", AttestationText.bytes(quoted.keyName))
      report.add(fact: "bank", quoted.bank.name)
      for pcr in quoted.pcrs { report.add(fact: "pcr\(pcr.index)", AttestationText.bytes(pcr.value)) }
      let clock = quoted.quote.clockInfo
      report.add(fact: "resets", "\(clock.resetCount), restarts \(clock.restartCount)")
      report.add(step: "key", "restricted, made in this TPM, and never to leave it")
      report.add(step: "signature", "by that key, over a quote that the TPM made itself")
      report.add(step: "values", "hash to the quote's digest")
      if !statement.launchLog.isEmpty {
        let log: TPMLaunchLog
        do { log = try TPMLaunchLog(decoding: statement.launchLog.span) } catch { throw .launchLog(error) }
        let expected = log.pcrValue.array
        guard let index = quoted.pcrs.first(where: { $0.value == expected })?.index else {
          throw .launchReplay(
            index: TPMLaunchLog.pcr, expected: expected,
            actual: quoted.pcrs.first { $0.index == UInt32(TPMLaunchLog.pcr) }?.value ?? [])
        }
        report.add(step: "launches", "\(log.launches.count), which lead to PCR \(index)")
        if let last = log.launches.last {
          report.add(fact: "program", last.program.description)
          report.add(fact: "policy", last.policy.description)
        }
      }
      asked(input, nonce: quoted.quote.extraData, reportData: quoted.quote.extraData, &report)
    } catch { refuse(.tpm(error), &report) }
  }

  private static func azure(
    _ evidence: AttestationEvidence, _ input: AttestationInput, at time: Int64,
    _ report: inout VerificationReport
  ) {
    do throws(AzureRefusal) {
      let statement: AzureStatement
      do { statement = try AzureStatement(decoding: evidence.statement.span) } catch {
        throw .statement(error)
      }
      let quoted = try AzureQuote(statement)
      for pcr in quoted.pcrs where pcr.value.contains(where: { $0 != 0 && $0 != 0xff }) {
        report.add(fact: "pcr\(pcr.index)", AttestationText.bytes(pcr.value))
      }
      report.add(step: "runtime claims", "their hash is the report data of the hardware's report")
      report.add(step: "quote", "signed by HCLAkPub of these claims, over the values at hand")
      switch quoted.report.hardware {
      case .snp:
        let snp: SEVSNPReport
        do { snp = try SEVSNPReport(decoding: quoted.report.report) } catch { throw .sevSNP(error) }
        describe(snp, &report)
        guard hardware(snp, evidence.collateral, at: time, &report) else { return }
        if snp.policy.allowsDebug { throw .sevSNP(.debug) }
      case .tdx:
        let inner = AttestationEvidence(
          platform: .tdx, statement: statement.tdQuote.isEmpty ? [0] : statement.tdQuote,
          collateral: evidence.collateral)
        guard !statement.tdQuote.isEmpty else { throw .tdQuote(bytes: 0) }
        var asked = input
        (asked.nonce, asked.reportData) = (nil, quoted.report.expectedReportData)
        intel(inner, .tdx, asked, at: time, &report)
        guard case .valid = report.outcome else { return }
      }
      asked(input, nonce: quoted.quote.extraData, reportData: quoted.quote.extraData, &report)
    } catch { refuse(.azure(error), &report) }
  }

  private static func ear(
    _ evidence: AttestationEvidence, _ input: AttestationInput, at time: Int64,
    _ report: inout VerificationReport
  ) {
    do throws(TokenRefusal) {
      let token: JSONWebToken
      do { token = try JSONWebToken(decoding: evidence.statement.span) } catch { throw .token(error) }
      report.add(fact: "algorithm", token.algorithm.rawValue)
      let claims: EARClaims
      do { claims = try EARClaims(token.payload) } catch { throw .ear(error) }
      report.add(fact: "profile", claims.profile)
      report.add(fact: "verifier", "\(claims.developer), \(claims.build)")
      report.add(fact: "issued", AttestationText.date(claims.issued))
      for module in claims.submodules {
        let vector = module.vector.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
        report.add(fact: module.name, module.status.name + (vector.isEmpty ? "" : ": " + vector))
      }
      guard let key = input.collateral else {
        return report.leaveUndecided(
          "signature", code: "keyMissing",
          "the verifier's key is not in the token: give it with --key, as a JWK")
      }
      do {
        let pinned = try TokenKey(jwk: (try? JSONValue(decoding: key)) ?? .null)
        try pinned.verify(token)
      } catch { throw .signature(error) }
      report.add(step: "signature", "\(token.algorithm.rawValue), by the key given")
      if let end = claims.expires {
        guard time < end else { throw .expired(secondsLate: time - end) }
        report.expires = UInt64(exactly: end - 1)
      }
      if let start = claims.notBefore, time < start { throw .notYetValid(secondsEarly: start - time) }
      for module in claims.submodules where module.status != .affirming {
        throw .status(submodule: module.name, module.status)
      }
      if let nonce = claims.nonces.first {
        asked(input, nonce: [UInt8](nonce.utf8), reportData: [UInt8](nonce.utf8), &report)
      }
    } catch { refuse(.token(error), &report) }
  }
}
