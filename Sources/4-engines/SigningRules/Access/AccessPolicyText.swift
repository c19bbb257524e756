public import Encodings
import Messages
import Transactions
import WireBytes

extension AccessPolicy {
  public static let version: UInt64 = 1

  /// Reads a document strictly: every member is known, and has one form.
  ///
  /// - Throws: ``AccessPolicyError``. No input traps.
  public init(decoding text: [UInt8]) throws(AccessPolicyError) {
    let json: JSONValue
    do {
      json = try JSONValue(decoding: text, limits: JSONLimits(sizeBytes: Self.sizeMax, depth: 8))
    } catch { throw .json(error) }
    let root = try PolicyMembers(
      json, "", ["version", "domain", "clients", "keyLimits", "approvers", "alarms"])
    let version: UInt64 = try root.integer("version")
    guard version == Self.version else { throw .version(version) }
    let clients = try root.array("clients", .clients, max: Self.clientsMax)
    var parsed: [PolicyClient] = []
    for (index, client) in clients.enumerated() {
      parsed.append(try PolicyClient(client, "clients.\(index)"))
    }
    var limits: [KeyLimit] = []
    for (index, limit) in try root.array("keyLimits", .keyLimits, max: Self.keyLimitsMax).enumerated() {
      let members = try PolicyMembers(limit, "keyLimits.\(index)", ["key", "purpose", "perMinute"])
      limits.append(
        KeyLimit(
          key: KeyID(try members.hex32("key")), purpose: try members.word("purpose"),
          perMinute: try members.integer("perMinute")))
    }
    try self.init(
      domain: try root.word("domain"), clients: parsed, keyLimits: limits,
      approvers: try ApproverRules(try root.value("approvers"), "approvers"),
      alarms: try AlarmRules(try root.value("alarms"), "alarms"))
  }

  /// The canonical text: members by name, no white space.
  public var text: String { json.text() }

  /// The document.
  public var json: JSONValue {
    [
      "version": .number(String(Self.version)), "domain": .string(domain.rawValue),
      "clients": .array(clients.map(\.json)),
      "keyLimits": .array(
        keyLimits.map { limit in
          [
            "key": .string(limit.key.description), "purpose": .string(limit.purpose.rawValue),
            "perMinute": .number(String(limit.perMinute)),
          ]
        }),
      "approvers": approvers.json, "alarms": alarms.json,
    ]
  }
}

/// The members of one object of a policy, each read in its one form.
struct PolicyMembers {
  private let members: [String: JSONValue]
  private let path: String

  /// Refuses what is no object, and members that are not `known`.
  init(_ json: JSONValue, _ path: String, _ known: Set<String>) throws(AccessPolicyError) {
    guard let members = json.object else { throw .member(path: path, wanted: .object) }
    self.path = path
    self.members = members
    // Sorted, so that the same member is named every time.
    if let stranger = members.keys.filter({ !known.contains($0) }).sorted().first {
      throw .unknownMember(path: join(stranger))
    }
  }

  func join(_ name: String) -> String { path.isEmpty ? name : path + "." + name }

  func value(_ name: String) throws(AccessPolicyError) -> JSONValue {
    guard let value = members[name] else { throw .member(path: join(name), wanted: .object) }
    return value
  }

  func optional(_ name: String) -> JSONValue? { members[name] }

  func string(_ name: String) throws(AccessPolicyError) -> String {
    guard let text = members[name]?.string else { throw .member(path: join(name), wanted: .string) }
    return text
  }

  func integer<Value: FixedWidthInteger>(_ name: String) throws(AccessPolicyError) -> Value {
    guard case .number(let text)? = members[name], text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      text == "0" || !text.hasPrefix("0"), let value = Value(text)
    else { throw .member(path: join(name), wanted: .integer) }
    return value
  }

  func word<Word: RawRepresentable>(
    _ name: String
  ) throws(AccessPolicyError) -> Word where Word.RawValue == String {
    guard let text = members[name]?.string, let word = Word(rawValue: text) else {
      throw .member(path: join(name), wanted: .word)
    }
    return word
  }

  func boolean(_ name: String) throws(AccessPolicyError) -> Bool {
    guard let value = members[name]?.boolean else { throw .member(path: join(name), wanted: .boolean) }
    return value
  }

  /// Decimal text in its one form.
  func amount(_ name: String) throws(AccessPolicyError) -> UInt256 {
    let text = try string(name)
    guard let amount = UInt256(decimal: text), amount.description == text else {
      throw .member(path: join(name), wanted: .decimalText)
    }
    return amount
  }

  func hex32(_ name: String) throws(AccessPolicyError) -> Bytes32 {
    guard let value = members[name], let bytes = Self.hex32(value) else {
      throw .member(path: join(name), wanted: .hex32)
    }
    return bytes
  }

  /// Lower-case hex behind `0x`: one form a value.
  static func hex32(_ json: JSONValue) -> Bytes32? {
    guard let text = json.string, let bytes = try? Bytes32(hex: text), bytes.description == text else {
      return nil
    }
    return bytes
  }

  func array(
    _ name: String, _ part: AccessPolicyError.Part, max: Int = AccessPolicy.listMax
  ) throws(AccessPolicyError) -> [JSONValue] {
    guard let elements = members[name]?.array else { throw .member(path: join(name), wanted: .array) }
    guard elements.count <= max else { throw .tooMany(part, max: max, actual: elements.count) }
    return elements
  }

  /// Each element of a list by `read`, which answers nil for what is not in its form.
  func list<Element>(
    _ name: String, _ part: AccessPolicyError.Part, _ wanted: AccessPolicyError.Wanted,
    _ read: (JSONValue) -> Element?
  ) throws(AccessPolicyError) -> [Element] {
    var elements: [Element] = []
    for (index, element) in try array(name, part).enumerated() {
      guard let value = read(element) else {
        throw .member(path: join(name) + ".\(index)", wanted: wanted)
      }
      elements.append(value)
    }
    return elements
  }
}

extension PolicyClient {
  fileprivate init(_ json: JSONValue, _ path: String) throws(AccessPolicyError) {
    let members = try PolicyMembers(json, path, ["name", "key", "peers", "roles", "perMinute", "grants"])
    guard let name = try? ClientName(try members.string("name")) else {
      throw .member(path: members.join("name"), wanted: .clientName)
    }
    let roles = try members.list("roles", .roles, .word) { $0.string.flatMap(ClientRole.init(rawValue:)) }
    guard Set(roles).count == roles.count else { throw .repeated(.roles) }
    var peers: [ClientPeer] = []
    for (index, peer) in try members.array("peers", .peers).enumerated() {
      peers.append(try ClientPeer(peer, members.join("peers") + ".\(index)"))
    }
    var grants: [Grant] = []
    for (index, grant) in try members.array("grants", .grants, max: AccessPolicy.grantsMax).enumerated() {
      grants.append(try Grant(grant, members.join("grants") + ".\(index)"))
    }
    self.init(
      name: name, key: try members.hex32("key"), peers: peers, roles: Set(roles),
      perMinute: try members.integer("perMinute"), grants: grants)
  }

  fileprivate var json: JSONValue {
    [
      "name": .string(name.text), "key": .string(key.description), "peers": .array(peers.map(\.json)),
      "roles": .array(ClientRole.allCases.filter(roles.contains).map { .string($0.rawValue) }),
      "perMinute": .number(String(perMinute)), "grants": .array(grants.map(\.json)),
    ]
  }
}

extension ClientPeer {
  /// SPIFFE-ID section 2.3: at most 2,048 bytes.
  public static let spiffeSizeMax = 2_048

  fileprivate init(_ json: JSONValue, _ path: String) throws(AccessPolicyError) {
    let members = try PolicyMembers(json, path, ["uid", "spiffe"])
    switch (members.optional("uid"), members.optional("spiffe")) {
    case (.some, nil): self = .uid(try members.integer("uid"))
    case (nil, .some):
      let text = try members.string("spiffe")
      guard Self.isSPIFFE(text) else { throw .member(path: members.join("spiffe"), wanted: .spiffe) }
      self = .spiffe(text)
    default: throw .member(path: path, wanted: .object)
    }
  }

  /// `spiffe://`, a trust domain of `a-z 0-9 . - _`, and path segments of letters, digits and `. - _`, none of them
  /// empty, `.` or `..` (SPIFFE-ID sections 2.1 and 2.2).
  static func isSPIFFE(_ text: String) -> Bool {
    let scheme = "spiffe://"
    guard text.utf8.count <= spiffeSizeMax, text.hasPrefix(scheme) else { return false }
    let parts = text.utf8.dropFirst(scheme.utf8.count).split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard let trust = parts.first, (1...255).contains(trust.count) else { return false }
    func plain(_ byte: UInt8) -> Bool {
      (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || [0x2e, 0x2d, 0x5f].contains(byte)
    }
    guard trust.allSatisfy(plain) else { return false }
    return parts.dropFirst().allSatisfy { segment in
      !segment.isEmpty && !segment.elementsEqual(".".utf8) && !segment.elementsEqual("..".utf8)
        && segment.allSatisfy { plain($0) || (0x41...0x5a).contains($0) }
    }
  }

  fileprivate var json: JSONValue {
    switch self {
    case .uid(let uid): ["uid": .number(String(uid))]
    case .spiffe(let text): ["spiffe": .string(text)]
    }
  }
}

extension Grant {
  fileprivate init(_ json: JSONValue, _ path: String) throws(AccessPolicyError) {
    let known: Set<String> = [
      "purpose", "keys", "origins", "chains", "typeURLs", "feeMax", "gasMax", "calls", "makesContracts",
      "valueMax", "feePerGasMax", "oneCallPerNonce",
    ]
    // The purpose says which of the others there are.
    let all = try PolicyMembers(json, path, known)
    let purpose: KeyPurpose = try all.word("purpose")
    let own: Set<String> =
      switch purpose {
      case .attestation, .foreignAttestation: ["origins"]
      case .vote: ["chains"]
      case .transaction: ["chains", "typeURLs", "feeMax", "gasMax"]
      case .evmTransaction:
        ["chains", "calls", "makesContracts", "valueMax", "gasMax", "feePerGasMax", "oneCallPerNonce"]
      }
    let members = try PolicyMembers(json, path, own.union(["purpose", "keys"]))
    let keys = try members.list("keys", .keys, .hex32) { PolicyMembers.hex32($0).map { KeyID($0) } }
    func origins() throws(AccessPolicyError) -> [DomainID] {
      try members.list("origins", .origins, .domain) { $0.string.flatMap { try? DomainID($0) } }
    }
    func chains() throws(AccessPolicyError) -> [String] {
      try members.list("chains", .chains, .chainID) { json in
        json.string.flatMap { (1...VoteStatement.chainIDSizeMax).contains($0.utf8.count) ? $0 : nil }
      }
    }
    let scope: Scope =
      switch purpose {
      case .attestation: .attestation(origins: try origins())
      case .foreignAttestation: .foreignAttestation(origins: try origins())
      case .vote: .vote(chains: try chains())
      case .transaction: .transaction(try TransactionScope(members, path, chains: try chains()))
      case .evmTransaction: .evmTransaction(try EVMTransactionScope(members))
      }
    self.init(keys: keys, scope: scope)
  }

  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = [
      "purpose": .string(purpose.rawValue), "keys": .array(keys.map { .string($0.description) }),
    ]
    switch scope {
    case .attestation(let origins), .foreignAttestation(let origins):
      members["origins"] = .array(origins.map { .string($0.text) })
    case .vote(let chains): members["chains"] = .array(chains.map { .string($0) })
    case .transaction(let scope):
      members["chains"] = .array(scope.chains.map { .string($0) })
      members["typeURLs"] = .array(scope.typeURLs.map { .string($0) })
      members["feeMax"] = .array(
        scope.feeMax.map { ["denom": .string($0.denom.text), "amount": .string($0.amount.description)] })
      members["gasMax"] = .number(String(scope.gasMax))
    case .evmTransaction(let scope): scope.write(to: &members)
    }
    return .object(members)
  }
}

extension TransactionScope {
  fileprivate init(
    _ members: PolicyMembers, _ path: String, chains: [String]
  ) throws(AccessPolicyError) {
    let typeURLs = try members.list("typeURLs", .typeURLs, .string) { json in
      json.string.flatMap { (1...AnyMessage.typeURLSizeMax).contains($0.utf8.count) ? $0 : nil }
    }
    var fees: [Coin] = []
    for (index, element) in try members.array("feeMax", .feeMax).enumerated() {
      let place = members.join("feeMax") + ".\(index)"
      let coin = try PolicyMembers(element, place, ["denom", "amount"])
      guard let denom = try? Denom(try coin.string("denom")) else {
        throw .member(path: coin.join("denom"), wanted: .denom)
      }
      fees.append(Coin(try coin.amount("amount"), denom))
    }
    self.init(chains: chains, typeURLs: typeURLs, feeMax: fees, gasMax: try members.integer("gasMax"))
  }
}

extension ApproverRules {
  fileprivate init(_ json: JSONValue, _ path: String) throws(AccessPolicyError) {
    let members = try PolicyMembers(json, path, ["threshold", "keys", "delaySeconds", "expirySeconds"])
    try self.init(
      threshold: try members.integer("threshold"),
      keys: try members.list("keys", .approvers, .hex32) { PolicyMembers.hex32($0) },
      delaySeconds: try members.integer("delaySeconds"),
      expirySeconds: try members.integer("expirySeconds"))
  }

  fileprivate var json: JSONValue {
    [
      "threshold": .number(String(threshold)), "keys": .array(keys.map { .string($0.description) }),
      "delaySeconds": .number(String(delaySeconds)), "expirySeconds": .number(String(expirySeconds)),
    ]
  }
}
