public import Encodings
import WireBytes

/// An attestation result of another verifier (EAT Attestation Results, draft-fv-rats-ear) as JSON claims.
public struct EARClaims: Hashable, Sendable {
  /// Why JSON is no such result. Paths are dotted.
  public enum Refusal: Error, Hashable, Sendable {
    /// A mandatory claim is absent, or a claim is not of its form.
    case claim(String)
    /// Another profile than was asked for.
    case profile(String)
    /// No submodule, or too many.
    case submodules(Int)
    /// A name of a trustworthiness claim that the vector does not have.
    case unknownVectorClaim(submodule: String, String)
    /// A status better than the worst claim of the vector.
    case statusContradicted(submodule: String, status: Status, worst: Status)
  }

  /// The tiers of trust, the best first (draft-fv-rats-ear, section 3.2; AR4SI, section 2.3.2).
  public enum Status: Int, Hashable, Sendable, CaseIterable {
    case none = 0
    case affirming = 2
    case warning = 32
    case contraindicated = 96

    public var name: String {
      switch self {
      case .none: "none"
      case .affirming: "affirming"
      case .warning: "warning"
      case .contraindicated: "contraindicated"
      }
    }

    /// How bad: nothing said, good, doubtful, bad.
    fileprivate var severity: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// The tier of a trustworthiness claim, whose sign does not count.
    public init(claim: Int) {
      switch abs(claim) {
      case 0, 1: self = .none
      case 2..<32: self = .affirming
      case 32..<96: self = .warning
      default: self = .contraindicated
      }
    }

    fileprivate init?(json: JSONValue) {
      switch json {
      case .string(let name):
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
      case .number(let text):
        guard let value = Int(text), let found = Self(rawValue: value) else { return nil }
        self = found
      default: return nil
      }
    }
  }

  /// What was found of one part of the attester.
  public struct Submodule: Hashable, Sendable {
    public let name: String
    public let status: Status
    /// Sorted by name; -128 to 127 each.
    public let vector: [(name: String, value: Int)]
    public let policyID: String?

    public static func == (left: Self, right: Self) -> Bool {
      left.name == right.name && left.status == right.status && left.policyID == right.policyID
        && left.vector.elementsEqual(right.vector) { $0 == $1 }
    }

    public func hash(into hasher: inout Hasher) {
      hasher.combine(name)
      hasher.combine(status)
    }
  }

  /// The claims of a trustworthiness vector (AR4SI, section 2.3.4).
  public static let vectorClaims: Set<String> = [
    "instance-identity", "configuration", "executables", "file-system", "hardware", "runtime-opaque",
    "storage-opaque", "sourced-data",
  ]
  public static let submodulesMax = 32

  public let profile: String
  /// UNIX seconds.
  public let issued: Int64
  public let expires: Int64?
  public let notBefore: Int64?
  public let developer: String
  public let build: String
  /// Base 64 as it was written.
  public let rawEvidence: String?
  public let nonces: [String]
  /// Sorted by name.
  public let submodules: [Submodule]

  /// The profile of the draft.
  public static let profile = "tag:github.com,2023:veraison/ear"

  /// Reads claims; those that the draft does not name are passed over.
  ///
  /// - Throws: ``Refusal``. The input is untrusted; no input traps.
  public init(_ claims: [String: JSONValue]) throws(Refusal) {
    guard let profile = claims["eat_profile"]?.string else { throw .claim("eat_profile") }
    self.profile = profile
    guard let issued = claims["iat"].flatMap(NumericDate.seconds) else { throw .claim("iat") }
    self.issued = issued
    expires = try Self.date(claims, "exp")
    notBefore = try Self.date(claims, "nbf")
    guard let verifier = claims["ear.verifier-id"], let developer = verifier["developer"]?.string,
      let build = verifier["build"]?.string
    else { throw .claim("ear.verifier-id") }
    self.developer = developer
    self.build = build
    if let raw = claims["ear.raw-evidence"] {
      guard let text = raw.string else { throw .claim("ear.raw-evidence") }
      rawEvidence = text
    } else {
      rawEvidence = nil
    }
    nonces = try Self.nonces(claims["eat_nonce"])
    guard let modules = claims["submods"]?.object else { throw .claim("submods") }
    guard (1...Self.submodulesMax).contains(modules.count) else { throw .submodules(modules.count) }
    var submodules: [Submodule] = []
    for name in modules.keys.sorted() {
      guard let module = modules[name] else { continue }
      submodules.append(try Self.submodule(name, module))
    }
    self.submodules = submodules
  }

  private static func date(_ claims: [String: JSONValue], _ name: String) throws(Refusal) -> Int64? {
    guard let json = claims[name] else { return nil }
    guard let seconds = NumericDate.seconds(json) else { throw .claim(name) }
    return seconds
  }

  /// One nonce or several (RFC 9711, section 4.1).
  private static func nonces(_ json: JSONValue?) throws(Refusal) -> [String] {
    switch json {
    case nil: return []
    case .string(let text)?: return [text]
    case .array(let elements)?:
      let texts = elements.compactMap(\.string)
      guard texts.count == elements.count, (1...32).contains(texts.count) else { throw .claim("eat_nonce") }
      return texts
    default: throw .claim("eat_nonce")
    }
  }

  private static func submodule(_ name: String, _ json: JSONValue) throws(Refusal) -> Submodule {
    let path = "submods." + name
    guard let members = json.object else { throw .claim(path) }
    guard let status = members["ear.status"].flatMap(Status.init(json:)) else {
      throw .claim(path + ".ear.status")
    }
    var vector: [(name: String, value: Int)] = []
    if let written = members["ear.trustworthiness-vector"] {
      guard let claims = written.object else { throw .claim(path + ".ear.trustworthiness-vector") }
      for claim in claims.keys.sorted() {
        guard vectorClaims.contains(claim) else { throw .unknownVectorClaim(submodule: name, claim) }
        guard case .number(let text)? = claims[claim], let value = Int(text), (-128...127).contains(value)
        else {
          throw .claim(path + ".ear.trustworthiness-vector." + claim)
        }
        vector.append((claim, value))
      }
    }
    // The draft: no tier of higher trust than the worst claim of the vector.
    if let worst = vector.map({ Status(claim: $0.value) }).max(by: { $0.severity < $1.severity }),
      worst.severity > status.severity, worst.severity > Status.affirming.severity
    {
      throw .statusContradicted(submodule: name, status: status, worst: worst)
    }
    var policy: String?
    if let written = members["ear.appraisal-policy-id"] {
      guard let text = written.string else { throw .claim(path + ".ear.appraisal-policy-id") }
      policy = text
    }
    return Submodule(name: name, status: status, vector: vector, policyID: policy)
  }
}
