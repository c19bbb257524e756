import Digests
import Encodings
import WireBytes

/// Verifies tokens of other verifiers: attestation results in the passport model.
///
/// Whoever has seen a token can show it again: believe the holder only after it proved possession of the key
/// that the token confirms (`cnf`, or a nonce that commits to it).
public enum TokenVerifier {
  /// Judges a token under a policy.
  ///
  /// In this order: form; signature by a pinned key or a key certified by `x5c`; the rules of its kind;
  /// issuer, audience, dates; each claim of the policy. A header's `jwk`, `jku` or `kid` chooses nothing.
  ///
  /// The result's report data is the first nonce, as text; measurements are the policy's claims, by path.
  ///
  /// - Throws: ``TokenRefusal``; the evidence is untrusted and nothing traps.
  public static func verify(
    _ evidence: AttestationEvidence, under policy: TokenPolicy, at time: AttestationTime
  ) throws(TokenRefusal) -> AttestationResult {
    guard evidence.collateral.isEmpty else { throw .collateral(bytes: evidence.collateral.count) }
    let token: JSONWebToken
    do { token = try JSONWebToken(decoding: evidence.statement.span) } catch { throw .token(error) }
    var limits = try checkSignature(token, policy, at: time.seconds)
    let claims = token.payload
    var reasons: [AttestationReason] = []
    var isDebug = false
    var nonces: [String]
    switch policy.kind {
    case .ear:
      let result: EARClaims
      do { result = try EARClaims(claims) } catch { throw .ear(error) }
      guard result.profile == policy.profile else { throw .ear(.profile(result.profile)) }
      for module in result.submodules {
        let path = ["submods", module.name, "ear.status"]
        // A policy that names a submodule's status says which ones it takes.
        guard module.status == .affirming || policy.claims.contains(where: { $0.path == path }) else {
          throw .status(submodule: module.name, module.status)
        }
        if module.status != .affirming {
          reasons.append(.status(component: module.name, status: module.status.name))
        }
      }
      nonces = result.nonces
    case .confidentialSpace:
      nonces = try confidentialSpace(claims)
      isDebug = claims["dbgstat"]?.string != "disabled-since-boot"
    case .azureAttestation:
      nonces = try azureAttestation(claims)
      isDebug = ([.object(claims)] + [claims["x-ms-isolation-tee"]].compactMap { $0 }).contains { part in
        debugClaims.contains { part[$0]?.boolean == true }
      }
    }
    guard !isDebug || policy.allowsDebug else { throw .value(path: [debugClaim(policy.kind)]) }
    if isDebug { reasons.append(.debugAllowed) }
    if let issuer = policy.issuer {
      guard claims["iss"]?.string == issuer else { throw .value(path: ["iss"]) }
    }
    if let audience = policy.audience {
      guard audiences(claims["aud"]).contains(audience) else { throw .value(path: ["aud"]) }
    }
    let issued = try date(claims, "iat")
    if let start = try date(claims, "nbf"), start > time.seconds {
      throw .notYetValid(secondsEarly: start - time.seconds)
    }
    if let end = try date(claims, "exp") {
      // RFC 7519, section 4.1.4: on or after which it must not be accepted.
      guard time.seconds < end else { throw .expired(secondsLate: X509Chain.difference(time.seconds, end)) }
      limits.append(AttestationLimit("token", until: end - 1))
    } else if policy.kind != .ear {
      throw .claim("exp")
    }
    // Tokens of services say many things of many machines: a policy that asks for none of it takes them all.
    guard !policy.claims.isEmpty else { throw .value(path: []) }
    var measurements: [AttestationMeasurement] = []
    for claim in policy.claims {
      guard let value = value(claims, claim.path), claim.values.contains(value) else {
        throw .value(path: claim.path)
      }
      measurements.append(
        AttestationMeasurement(
          claim.path.joined(separator: "."), [UInt8]((value.string ?? value.text()).utf8)))
    }
    return AttestationResult(
      platform: .token, measurements: measurements, reportData: nonces.first.map { [UInt8]($0.utf8) } ?? [],
      nonce: nonces.first.map { [UInt8]($0.utf8) }, boundKey: confirmation(claims), isDebug: isDebug,
      issued: issued, limits: limits, reasons: reasons, identity: SHA256Hash.hash(token.signed))
  }

  /// What Azure Attestation calls debug mode: SGX, its older name, SEV-SNP, TDX; at the root or in
  /// x-ms-isolation-tee.
  private static let debugClaims = [
    "x-ms-sgx-is-debuggable", "is-debuggable", "x-ms-sevsnpvm-is-debuggable", "tdx_td_attributes_debug",
  ]

  private static func debugClaim(_ kind: TokenPolicy.Kind) -> String {
    kind == .confidentialSpace ? "dbgstat" : "x-ms-sgx-is-debuggable"
  }

  private static func checkSignature(
    _ token: JSONWebToken, _ policy: TokenPolicy, at time: Int64
  ) throws(TokenRefusal) -> [AttestationLimit] {
    var refusal: TokenKeyError?
    for key in policy.keys where key.algorithm == token.algorithm {
      do {
        try key.verify(token)
        return []
      } catch { refusal = error }
    }
    guard !policy.roots.isEmpty, let written = token.header["x5c"] else {
      if let refusal { throw .signature(refusal) }
      throw .noKey(token.algorithm)
    }
    guard let texts = written.array?.map(\.string), (1...8).contains(texts.count) else { throw .certificates }
    var path: [X509Certificate] = []
    for text in texts {
      // RFC 7515, section 4.1.6: standard base 64, with padding.
      guard let text, let der = try? Base64.standard.decode(text, sizeBytesMax: 1 << 15) else {
        throw .certificates
      }
      do { path.append(try X509Certificate(decoding: der.span)) } catch { throw .certificate(error) }
    }
    let chain: VerifiedX509Chain
    do { chain = try X509Chain.verify(path, roots: X509Roots(Set(policy.roots)), at: time) } catch {
      throw .chain(error)
    }
    do {
      try TokenKey(token.algorithm, publicKeyInfo: path[0].publicKeyInfo).verify(token)
    } catch { throw .signature(error) }
    return [AttestationLimit("token certificate", until: chain.notAfter)]
  }

  /// The claims that every token of Confidential Space has (cloud.google.com, token claims).
  private static func confidentialSpace(_ claims: [String: JSONValue]) throws(TokenRefusal) -> [String] {
    for name in ["iss", "sub", "swname", "dbgstat", "hwmodel"] {
      guard claims[name]?.string != nil else { throw .claim(name) }
    }
    guard claims["swname"]?.string == "CONFIDENTIAL_SPACE" else { throw .value(path: ["swname"]) }
    guard claims["secboot"]?.boolean == true else { throw .value(path: ["secboot"]) }
    let nonces: [String]
    switch claims["eat_nonce"] {
    case nil: nonces = []
    case .string(let text)?: nonces = [text]
    case .array(let elements)?:
      nonces = elements.compactMap(\.string)
      guard nonces.count == elements.count, (1...6).contains(nonces.count) else { throw .claim("eat_nonce") }
    default: throw .claim("eat_nonce")
    }
    // 8 to 88 bytes; 10 to 74 in the older text.
    guard nonces.allSatisfy({ (8...88).contains($0.utf8.count) }) else { throw .claim("eat_nonce") }
    return nonces
  }

  /// The claims that every token of Azure Attestation has (learn.microsoft.com, claim sets).
  private static func azureAttestation(_ claims: [String: JSONValue]) throws(TokenRefusal) -> [String] {
    for name in ["iss", "x-ms-attestation-type"] {
      guard claims[name]?.string != nil else { throw .claim(name) }
    }
    if let nonce = claims["nonce"] {
      guard let text = nonce.string else { throw .claim("nonce") }
      return [text]
    }
    guard let runtime = claims["x-ms-runtime"], let payload = runtime["client-payload"] else { return [] }
    guard let nonce = payload["nonce"] else { return [] }
    guard let text = nonce.string else { throw .claim("x-ms-runtime.client-payload.nonce") }
    return [text]
  }

  private static func date(_ claims: [String: JSONValue], _ name: String) throws(TokenRefusal) -> Int64? {
    guard let json = claims[name] else { return nil }
    guard let seconds = NumericDate.seconds(json) else { throw .claim(name) }
    return seconds
  }

  private static func audiences(_ json: JSONValue?) -> [String] {
    switch json {
    case .string(let text)?: [text]
    case .array(let elements)?: elements.compactMap(\.string)
    default: []
    }
  }

  private static func value(_ claims: [String: JSONValue], _ path: [String]) -> JSONValue? {
    var value = JSONValue.object(claims)
    for name in path {
      guard let next = value[name] else { return nil }
      value = next
    }
    return value
  }

  /// The key that the token confirms as its holder's (RFC 7800), as canonical JSON.
  private static func confirmation(_ claims: [String: JSONValue]) -> [UInt8]? {
    claims["cnf"].map { [UInt8]($0.text().utf8) }
  }
}
