public import Encodings
public import WireBytes

/// What is asked of another verifier's token.
///
/// JSON: `{"kind": "ear" | "confidential-space" | "maa", "keys"?: [{"alg": "ES256", "spki": "0x…"}],
/// "roots"?: ["0x…"], "issuer"?: "…", "audience"?: "…", "profile"?: "…", "debug"?: true, "claims": [{"path":
/// ["submods", "cpu0", "ear.appraisal-policy-id"], "values": ["…"]}]}`. Each claim must have one of its
/// values; no claims refuse everything, and so does an empty list of values. The key is pinned, or certified
/// by a root given by the SHA-256 of its DER (`x5c`).
public struct TokenPolicy: Hashable, Sendable {
  /// Whose tokens.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// EAT Attestation Results: Veraison, Trustee.
    case ear
    /// Google Confidential Space.
    case confidentialSpace = "confidential-space"
    /// Microsoft Azure Attestation.
    case azureAttestation = "maa"
  }

  /// A claim that must have one of the values.
  public struct Claim: Hashable, Sendable {
    /// Names of members from the payload inwards.
    public let path: [String]
    public let values: [JSONValue]

    public init(path: [String], values: [JSONValue]) {
      self.path = path
      self.values = values
    }
  }

  /// Google's issuer (cloud.google.com, Confidential Space token claims).
  public static let googleIssuer = "https://confidentialcomputing.googleapis.com"

  public let kind: Kind
  public let keys: [TokenKey]
  public let roots: [Bytes32]
  /// `iss`; always asked for but in EAR, which has none.
  public let issuer: String?
  /// `aud`; nil asks nothing.
  public let audience: String?
  /// `eat_profile` of an EAR.
  public let profile: String
  /// Takes tokens of machines in debug mode.
  public let allowsDebug: Bool
  public let claims: [Claim]

  /// - Throws: ``AttestationPolicyError`` `.empty`, `.member`.
  public init(
    kind: Kind, keys: [TokenKey] = [], roots: [Bytes32] = [], issuer: String? = nil, audience: String? = nil,
    profile: String = EARClaims.profile, allowsDebug: Bool = false, claims: [Claim], path: String = "token"
  ) throws(AttestationPolicyError) {
    typealias Read = PolicyMembers
    guard !keys.isEmpty || !roots.isEmpty else { throw .empty(path: Read.join(path, "keys")) }
    guard kind != .azureAttestation || issuer != nil else {
      throw .member(path: Read.join(path, "issuer"), wanted: .string)
    }
    self.kind = kind
    self.keys = keys
    self.roots = roots
    self.issuer = issuer ?? (kind == .confidentialSpace ? Self.googleIssuer : nil)
    self.audience = audience
    self.profile = profile
    self.allowsDebug = allowsDebug
    self.claims = claims
  }

  /// Reads the member of a policy.
  public init(json: JSONValue, path: String) throws(AttestationPolicyError) {
    typealias Read = PolicyMembers
    let object = try Read.object(
      json, path: path,
      known: ["kind", "keys", "roots", "issuer", "audience", "profile", "debug", "claims"])
    let kind: Kind = try Read.word(object, "kind", path: path)
    var keys: [TokenKey] = []
    if object["keys"] != nil {
      for (position, element) in try Read.array(object, "keys", path: path, countMax: 16).enumerated() {
        let here = Read.join(Read.join(path, "keys"), String(position))
        let member = try Read.object(element, path: here, known: ["alg", "spki"])
        let algorithm: TokenAlgorithm = try Read.word(member, "alg", path: here)
        let spki = try Read.hex(member, "spki", path: here, lengths: 1...1200)
        guard let key = try? TokenKey(algorithm, publicKeyInfo: spki) else {
          throw .member(path: Read.join(here, "spki"), wanted: .hex)
        }
        guard !keys.contains(key) else { throw .duplicate(path: here) }
        keys.append(key)
      }
    }
    let roots = object["roots"] == nil ? [] : try Read.hexList(object, "roots", path: path, lengths: 32...32)
    func text(_ name: String) throws(AttestationPolicyError) -> String? {
      object[name] == nil ? nil : try Read.string(object, name, path: path)
    }
    let issuer = try text("issuer")
    // A default is not written: one policy has one text.
    guard kind != .confidentialSpace || issuer != Self.googleIssuer else {
      throw .member(path: Read.join(path, "issuer"), wanted: .string)
    }
    let profile = try text("profile")
    guard profile == nil || (kind == .ear && profile != EARClaims.profile) else {
      throw .unknownMember(path: Read.join(path, "profile"))
    }
    try self.init(
      kind: kind, keys: keys, roots: roots.map { Bytes32($0.span, at: 0) }, issuer: issuer,
      audience: try text("audience"), profile: profile ?? EARClaims.profile,
      allowsDebug: try Read.flag(object, "debug", path: path), claims: try Self.claims(object, path: path),
      path: path)
  }

  private static func claims(
    _ object: [String: JSONValue], path: String
  ) throws(AttestationPolicyError) -> [Claim] {
    typealias Read = PolicyMembers
    var claims: [Claim] = []
    for (position, element) in try Read.array(object, "claims", path: path, countMax: 64).enumerated() {
      let here = Read.join(Read.join(path, "claims"), String(position))
      let member = try Read.object(element, path: here, known: ["path", "values"])
      var names: [String] = []
      for (index, name) in try Read.array(member, "path", path: here, countMax: 8).enumerated() {
        guard let text = name.string else {
          throw .member(path: Read.join(Read.join(here, "path"), String(index)), wanted: .string)
        }
        names.append(text)
      }
      guard !names.isEmpty else { throw .empty(path: Read.join(here, "path")) }
      var values: [JSONValue] = []
      for (index, value) in try Read.array(member, "values", path: here).enumerated() {
        let at = Read.join(Read.join(here, "values"), String(index))
        switch value {
        case .string, .number, .boolean: break
        case .null, .array, .object: throw .member(path: at, wanted: .word)
        }
        guard !values.contains(value) else { throw .duplicate(path: at) }
        values.append(value)
      }
      claims.append(Claim(path: names, values: values))
    }
    return claims
  }

  /// The same as JSON; what is not asked for is left out.
  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "kind": .string(kind.rawValue),
      "claims": .array(
        claims.map { ["path": .array($0.path.map { .string($0) }), "values": .array($0.values)] }),
    ]
    if !keys.isEmpty {
      members["keys"] = .array(
        keys.map { ["alg": .string($0.algorithm.rawValue), "spki": .string(Hex.encode($0.publicKeyInfo))] })
    }
    if !roots.isEmpty { members["roots"] = .array(roots.map { .string($0.description) }) }
    if let issuer, kind != .confidentialSpace || issuer != Self.googleIssuer {
      members["issuer"] = .string(issuer)
    }
    members["audience"] = audience.map { .string($0) }
    if profile != EARClaims.profile { members["profile"] = .string(profile) }
    if allowsDebug { members["debug"] = true }
    return .object(members)
  }
}
