public import Attestation
import Digests
public import Encodings
public import Messages
import WireBytes

/// Why JSON is no policy. `path` leads to the member, from the root, dotted.
public enum PolicyDecodingError: Error, Hashable, Sendable {
  case json(JSONError)
  /// A member is absent or not of the wanted form.
  case member(path: String, wanted: Form)
  /// A member that is not known: it might be a condition that we would not check.
  case unknownMember(path: String)
  case domain(path: String, DomainIDError)
  case client(path: String, IdentifierError)
  case address(path: String, InteroperableAddressError)
  case key(path: String, AttesterSignatureError)
  case attestation(path: String, AttestationPolicyError)
  case policy(path: String, PolicyError)

  /// What was wanted.
  public enum Form: String, Hashable, Sendable {
    case object
    /// An object with exactly one member, which names the kind of policy.
    case oneMember
    case array
    case string
    case hex
    /// A number without sign, fraction, exponent or leading zero.
    case integer
    /// Such a number as a string, up to 2^256 - 1.
    case decimalText
    /// One of a few words.
    case word
  }
}

/// The JSON form of policies; docs/spec/policy.md lists the members.
enum PolicyText {
  static func hash(_ node: Policy.Node) -> Bytes32 {
    SHA256Hash.hash([UInt8]("causeway/policy/v1".utf8) + [UInt8](json(node).text().utf8))
  }

  // MARK: Writing

  static func json(_ node: Policy.Node) -> JSONValue {
    switch node {
    case .attested(let policy): return ["attested": json(policy)]
    case .cometBFT(let policy): return ["cometbft": json(policy)]
    case .enclave(let policy): return ["enclave": json(policy)]
    case .all(let parts): return ["all": .array(parts.map { json($0) })]
    case .any(let parts): return ["any": .array(parts.map { json($0) })]
    case .threshold(let required, let parts):
      return ["threshold": ["required": .integer(required), "of": .array(parts.map { json($0) })]]
    case .route(let route):
      var members: [String: JSONValue] = [
        "by": .string(route.by.rawValue), "branches": .array(route.branches.map { json($0) }),
      ]
      if let otherwise = route.otherwise { members["otherwise"] = json(otherwise) }
      return ["route": .object(members)]
    case .delay(let above, let seconds, let then):
      return [
        "delay": ["above": .string(above.description), "seconds": .integer(seconds), "policy": json(then)]
      ]
    }
  }

  private static func json(_ branch: Policy.Route.Branch) -> JSONValue {
    let policy = json(branch.policy)
    switch branch.key {
    case .valueUpTo(let bound): return ["upTo": .string(bound.description), "policy": policy]
    case .recipient(let address): return ["is": .string(Hex.encode(address.encoded())), "policy": policy]
    case .ageUpTo(let seconds): return ["upTo": .integer(seconds), "policy": policy]
    }
  }

  private static func json(_ policy: AttestedPolicy) -> JSONValue {
    var members: [String: JSONValue] = [
      "mode": .string(policy.mode.rawValue), "form": .string(policy.form.rawValue),
      "origin": .string(policy.binding.origin.text), "router": .string(Hex.encode(policy.binding.router)),
      "client": .string(policy.binding.client.text), "quorum": .integer(policy.quorum),
      "surplus": .string(policy.surplus.rawValue), "unknownSigners": .string(policy.unknownSigners.rawValue),
      "attesters": .array(
        policy.attesters.map {
          [
            "suite": .string($0.suite.rawValue), "key": .string(Hex.encode($0.key)),
            "weight": .integer($0.weight),
          ]
        }),
    ]
    members["freshness"] = policy.freshness.map(json)
    return .object(members)
  }

  private static func json(_ policy: EnclaveTierPolicy) -> JSONValue {
    var members: [String: JSONValue] = [
      "origin": .string(policy.binding.origin.text), "router": .string(Hex.encode(policy.binding.router)),
      "client": .string(policy.binding.client.text), "program": .string(policy.program.description),
      "policy": .string(policy.enclavePolicy.description), "attestation": policy.attestation.json,
      "start": .string(policy.start.description),
    ]
    members["freshness"] = policy.freshness.map(json)
    return .object(members)
  }

  private static func json(_ freshness: AttestedPolicy.Freshness) -> JSONValue {
    [
      "ageMaxSeconds": .integer(freshness.ageMaxSeconds), "driftMaxSeconds": .integer(freshness.driftMaxSeconds),
    ]
  }

  private static func json(_ policy: CometBFTPolicy) -> JSONValue {
    [
      "domain": .string(policy.domain.text), "chainId": .string(policy.chainID),
      "trustLevel": [
        "numerator": .integer(policy.trustNumerator), "denominator": .integer(policy.trustDenominator),
      ],
      "trustingPeriodSeconds": .integer(policy.trustingPeriodSeconds),
      "clockDriftSeconds": .integer(policy.clockDriftSeconds),
    ]
  }
}

extension JSONValue {
  fileprivate static func integer(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }
}

extension Policy {
  /// A longer text is refused.
  public static let textSizeMax = 1 << 20

  /// The canonical JSON: members sorted by name, no white space, lower-case hex.
  public var text: String { PolicyText.json(root).text() }
  /// The same as a value.
  public var json: JSONValue { PolicyText.json(root) }

  /// Decodes a policy from untrusted JSON text; white space and order of members are free, unknown members are not.
  ///
  /// - Throws: ``PolicyDecodingError``; no input traps.
  public init(decoding text: Span<UInt8>) throws(PolicyDecodingError) {
    let json: JSONValue
    do {
      // A node of the policy spends three levels at most: its kind, a list, a branch.
      json = try JSONValue(
        decoding: text, limits: JSONLimits(sizeBytes: Self.textSizeMax, depth: Self.depthMax * 4 + 8))
    } catch { throw .json(error) }
    try self.init(json: json)
  }

  /// Decodes a policy from JSON.
  ///
  /// - Throws: ``PolicyDecodingError``.
  public init(json: JSONValue) throws(PolicyDecodingError) {
    var reader = PolicyReader()
    let root = try reader.node(json, path: "", depth: 1)
    do { try self.init(root) } catch { throw .policy(path: "", error) }
  }
}

/// Reads nodes; counts them, so that a hostile tree ends early.
private struct PolicyReader {
  typealias Failure = PolicyDecodingError
  typealias Read = StrictMembers
  var nodes = 0

  mutating func node(_ json: JSONValue, path: String, depth: Int) throws(Failure) -> Policy.Node {
    guard depth <= Policy.depthMax else { throw .policy(path: path, .tooDeep(max: Policy.depthMax)) }
    nodes += 1
    guard nodes <= Policy.nodeCountMax else {
      throw .policy(path: path, .tooManyNodes(max: Policy.nodeCountMax))
    }
    guard let members = json.object, members.count == 1, let (kind, value) = members.first else {
      throw .member(path: path, wanted: .oneMember)
    }
    let inner = Read.join(path, kind)
    switch kind {
    case "attested": return .attested(try attested(value, path: inner))
    case "cometbft": return .cometBFT(try cometBFT(value, path: inner))
    case "enclave": return .enclave(try enclave(value, path: inner))
    case "all": return .all(try parts(value, path: inner, depth: depth))
    case "any": return .any(try parts(value, path: inner, depth: depth))
    case "threshold":
      let object = try Read.object(value, path: inner, known: ["required", "of"])
      let required: Int = try Read.integer(object, "required", path: inner)
      return .threshold(
        required: required, of: try parts(object["of"] ?? .null, path: Read.join(inner, "of"), depth: depth))
    case "route": return .route(try route(value, path: inner, depth: depth))
    case "delay":
      let object = try Read.object(value, path: inner, known: ["above", "seconds", "policy"])
      return .delay(
        above: try Read.amount(object, "above", path: inner),
        seconds: try Read.integer(object, "seconds", path: inner),
        then: try node(object["policy"] ?? .null, path: Read.join(inner, "policy"), depth: depth + 1))
    default: throw .unknownMember(path: inner)
    }
  }

  private mutating func parts(_ json: JSONValue, path: String, depth: Int) throws(Failure) -> [Policy.Node] {
    guard let elements = json.array else { throw .member(path: path, wanted: .array) }
    guard elements.count <= Policy.partCountMax else {
      throw .policy(path: path, .tooManyParts(max: Policy.partCountMax, actual: elements.count))
    }
    var parts: [Policy.Node] = []
    for (index, element) in elements.enumerated() {
      parts.append(try node(element, path: Read.join(path, String(index)), depth: depth + 1))
    }
    return parts
  }

  private mutating func route(_ json: JSONValue, path: String, depth: Int) throws(Failure) -> Policy.Route {
    let object = try Read.object(json, path: path, known: ["by", "branches", "otherwise"])
    let by: Policy.Route.Dimension = try Read.word(object, "by", path: path)
    let list = Read.join(path, "branches")
    guard let elements = object["branches"]?.array else { throw .member(path: list, wanted: .array) }
    guard elements.count <= Policy.partCountMax else {
      throw .policy(path: list, .tooManyParts(max: Policy.partCountMax, actual: elements.count))
    }
    var branches: [Policy.Route.Branch] = []
    for (index, element) in elements.enumerated() {
      let at = Read.join(list, String(index))
      let name = by == .recipient ? "is" : "upTo"
      let branch = try Read.object(element, path: at, known: [name, "policy"])
      let key: Policy.Route.Key
      switch by {
      case .value: key = .valueUpTo(try Read.amount(branch, name, path: at))
      case .age: key = .ageUpTo(seconds: try Read.integer(branch, name, path: at))
      case .recipient:
        let bytes = try Read.hex(branch, name, path: at)
        do { key = .recipient(try InteroperableAddress(decoding: bytes.span)) } catch {
          throw .address(path: Read.join(at, name), error)
        }
      }
      branches.append(
        Policy.Route.Branch(
          key, try node(branch["policy"] ?? .null, path: Read.join(at, "policy"), depth: depth + 1)))
    }
    var otherwise: Policy.Node?
    if let json = object["otherwise"] {
      otherwise = try node(json, path: Read.join(path, "otherwise"), depth: depth + 1)
    }
    return Policy.Route(by: by, branches: branches, otherwise: otherwise)
  }

  private func attested(_ json: JSONValue, path: String) throws(Failure) -> AttestedPolicy {
    let object = try Read.object(
      json, path: path,
      known: [
        "mode", "form", "origin", "router", "client", "attesters", "quorum", "surplus", "unknownSigners",
        "freshness",
      ])
    let freshness = try freshness(object, path: path)
    let mode: AttestedPolicy.Mode = try Read.word(object, "mode", path: path)
    let form: AttestedPolicy.Form = try Read.word(object, "form", path: path)
    let surplus: AttestedPolicy.Extra = try Read.word(object, "surplus", path: path)
    let unknown: AttestedPolicy.Extra = try Read.word(object, "unknownSigners", path: path)
    let quorum: UInt64 = try Read.integer(object, "quorum", path: path)
    let attesters = try attesters(object["attesters"] ?? .null, path: Read.join(path, "attesters"))
    let binding = try binding(object, path: path)
    do {
      return try AttestedPolicy(
        mode: mode, form: form, binding: binding, attesters: attesters, quorum: quorum,
        surplus: surplus, unknownSigners: unknown, freshness: freshness)
    } catch { throw .policy(path: path, error) }
  }

  /// The origin, the router there and the client here, for which something is signed.
  private func binding(
    _ object: [String: JSONValue], path: String
  ) throws(Failure) -> AttestationBinding {
    let origin = try Read.domain(object, "origin", path: path)
    let text = try Read.string(object, "client", path: path)
    let client: ClientID
    do { client = try ClientID(text) } catch { throw .client(path: Read.join(path, "client"), error) }
    let router = try Read.hex(object, "router", path: path)
    do { return try AttestationBinding(origin: origin, router: router, client: client) } catch {
      throw .policy(path: path, PolicyError(error))
    }
  }

  private func freshness(
    _ object: [String: JSONValue], path: String
  ) throws(Failure) -> AttestedPolicy.Freshness? {
    guard let value = object["freshness"] else { return nil }
    let at = Read.join(path, "freshness")
    let members = try Read.object(value, path: at, known: ["ageMaxSeconds", "driftMaxSeconds"])
    return AttestedPolicy.Freshness(
      ageMaxSeconds: try Read.integer(members, "ageMaxSeconds", path: at),
      driftMaxSeconds: try Read.integer(members, "driftMaxSeconds", path: at))
  }

  private func enclave(_ json: JSONValue, path: String) throws(Failure) -> EnclaveTierPolicy {
    let object = try Read.object(
      json, path: path,
      known: ["origin", "router", "client", "program", "policy", "attestation", "start", "freshness"])
    let attestation: AttestationPolicy
    do { attestation = try AttestationPolicy(json: object["attestation"] ?? .null) } catch {
      throw .attestation(path: Read.join(path, "attestation"), error)
    }
    return EnclaveTierPolicy(
      binding: try binding(object, path: path), program: try Read.word32(object, "program", path: path),
      enclavePolicy: try Read.word32(object, "policy", path: path), attestation: attestation,
      start: try Read.word32(object, "start", path: path), freshness: try freshness(object, path: path))
  }

  private func attesters(_ json: JSONValue, path: String) throws(Failure) -> [Attester] {
    guard let elements = json.array else { throw .member(path: path, wanted: .array) }
    guard elements.count <= AttestedPolicy.attesterCountMax else {
      throw .policy(
        path: path, .tooManyAttesters(max: AttestedPolicy.attesterCountMax, actual: elements.count))
    }
    var attesters: [Attester] = []
    for (index, element) in elements.enumerated() {
      let at = Read.join(path, String(index))
      let object = try Read.object(element, path: at, known: ["suite", "key", "weight"])
      let suite: AttesterSuite = try Read.word(object, "suite", path: at)
      let key = try Read.hex(object, "key", path: at)
      let weight: UInt64 = object["weight"] == nil ? 1 : try Read.integer(object, "weight", path: at)
      do { attesters.append(try Attester(suite: suite, key: key, weight: weight)) } catch {
        throw .key(path: Read.join(at, "key"), error)
      }
    }
    return attesters
  }

  private func cometBFT(_ json: JSONValue, path: String) throws(Failure) -> CometBFTPolicy {
    let object = try Read.object(
      json, path: path,
      known: ["domain", "chainId", "trustLevel", "trustingPeriodSeconds", "clockDriftSeconds"])
    let at = Read.join(path, "trustLevel")
    let level = try Read.object(object["trustLevel"] ?? .null, path: at, known: ["numerator", "denominator"])
    let domain = try Read.domain(object, "domain", path: path)
    let chainID = try Read.string(object, "chainId", path: path)
    let numerator: UInt64 = try Read.integer(level, "numerator", path: at)
    let denominator: UInt64 = try Read.integer(level, "denominator", path: at)
    let period: UInt64 = try Read.integer(object, "trustingPeriodSeconds", path: path)
    let drift: UInt64 = try Read.integer(object, "clockDriftSeconds", path: path)
    do {
      return try CometBFTPolicy(
        domain: domain, chainID: chainID, trustNumerator: numerator, trustDenominator: denominator,
        trustingPeriodSeconds: period, clockDriftSeconds: drift)
    } catch { throw .policy(path: path, error) }
  }
}
