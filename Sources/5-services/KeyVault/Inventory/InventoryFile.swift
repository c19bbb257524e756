import Digests
public import Encodings
import Messages
internal import Secrets
public import SigningRules
public import WireBytes

/// Why a file of keys is not believed.
public enum InventoryError: Error, Hashable, Sendable {
  /// Not JSON.
  case json(JSONError)
  /// A member that must be there and is not, or is of another type or out of bounds.
  case member(String)
  case unknownMember(String)
  case schema
  /// Its code does not fit: somebody else has written it, or it is another signer's.
  case code
  case vaultID(Bytes32)
  case domain
  /// The id is not that of the suite and the public key.
  case id(KeyID)
  case duplicateID(KeyID)
  /// Two keys of one label have one generation.
  case duplicateGeneration(label: String, generation: UInt32)
  /// A purpose that keys of this domain never have.
  case purpose(KeyPurpose)
  case tooMany(max: Int)
  /// It says what it should, and not in the one way of writing it.
  case notCanonical
}

/// The keys of a signer as `keys.json` holds them: public data, with a code under a key that the vault holds.
///
/// JSON with its members sorted, two spaces of indent and a line break at the end. The code is HMAC-SHA-256 over the same
/// object without `mac`, written without white space.
///
/// - SeeAlso: docs/spec/key-vault.md.
struct InventoryFile: Hashable, Sendable {
  static let schema = "causeway/key-inventory/v1"
  static let sizeBytesMax = 32 << 20
  static let recordCountMax = 4096

  let vaultID: Bytes32
  let domain: KeyDomain
  /// One more with each change.
  let sequence: UInt64
  /// Sorted by label and generation.
  let records: [KeyRecord]

  init(vaultID: Bytes32, domain: KeyDomain, sequence: UInt64, records: [KeyRecord]) {
    self.vaultID = vaultID
    self.domain = domain
    self.sequence = sequence
    self.records = records.sorted {
      ($0.plan.label, $0.generation) < ($1.plan.label, $1.generation)
    }
  }

  // MARK: Writing

  func encoded(key: SharedSecret) -> [UInt8] {
    var members: [String: JSONValue] = [
      "schema": .string(Self.schema), "vault": .string(vaultID.description),
      "domain": .string(domain.rawValue), "sequence": .number(String(sequence)),
      "keys": .array(records.map(\.json)),
    ]
    members["mac"] = .string(Self.code(members, key: key).description)
    return [UInt8](JSONValue.object(members).text(pretty: true).utf8) + [UInt8(ascii: "\n")]
  }

  private static func code(_ members: [String: JSONValue], key: SharedSecret) -> Bytes32 {
    SecretMAC.sha256(key: key, [UInt8](JSONValue.object(members).text().utf8))
  }

  // MARK: Reading

  /// - Throws: ``InventoryError``; nothing of a file that is refused is used.
  init(
    decoding text: [UInt8], vaultID: Bytes32, domain: KeyDomain, key: SharedSecret
  ) throws(InventoryError) {
    let json: JSONValue
    do {
      json = try JSONValue(decoding: text, limits: JSONLimits(sizeBytes: Self.sizeBytesMax, depth: 8))
    } catch { throw .json(error) }
    guard var members = json.object else { throw .schema }
    guard members["schema"] == .string(Self.schema) else { throw .schema }
    // Whose it is comes before what it says.
    guard let code = try? members.removeValue(forKey: "mac")?.string.map({ try Bytes32(hex: $0) }) else {
      throw .member("mac")
    }
    guard SecretMAC.matches(Self.code(members, key: key), code) else { throw .code }
    let top = try InventoryText(json, ["schema", "vault", "domain", "sequence", "keys", "mac"])
    let found: Bytes32 = try top.fixed("vault")
    guard found == vaultID else { throw .vaultID(found) }
    guard try top.text("domain") == domain.rawValue else { throw .domain }
    guard let list = top["keys"]?.array else { throw .member("keys") }
    guard list.count <= Self.recordCountMax else { throw .tooMany(max: Self.recordCountMax) }
    var records: [KeyRecord] = []
    var ids: Set<KeyID> = []
    for value in list {
      let record = try KeyRecord(json: value)
      for purpose in record.plan.purposes.sorted(by: { $0.byte < $1.byte })
      where !domain.purposes.contains(purpose) { throw .purpose(purpose) }
      guard ids.insert(record.id).inserted else { throw .duplicateID(record.id) }
      if let last = records.last, last.plan.label == record.plan.label, last.generation == record.generation {
        throw .duplicateGeneration(label: record.plan.label, generation: record.generation)
      }
      records.append(record)
    }
    self.init(
      vaultID: vaultID, domain: domain, sequence: try top.integer("sequence"), records: records)
    // Order, spelling and white space: there is one way only.
    guard encoded(key: key) == text else { throw .notCanonical }
  }
}

/// An object of the inventory, whose members are known by name.
private struct InventoryText {
  private let members: [String: JSONValue]

  init(_ value: JSONValue?, _ known: Set<String>) throws(InventoryError) {
    guard let members = value?.object else { throw .member("keys") }
    // Sorted, so that the one that is named does not depend on the run.
    for member in members.keys.sorted() where !known.contains(member) { throw .unknownMember(member) }
    self.members = members
  }

  subscript(member: String) -> JSONValue? { members[member] }

  func text(_ member: String) throws(InventoryError) -> String {
    guard let text = members[member]?.string else { throw .member(member) }
    return text
  }

  func integer<Value: FixedWidthInteger>(_ member: String) throws(InventoryError) -> Value {
    guard case .number(let text)? = members[member], let value = Value(text) else { throw .member(member) }
    return value
  }

  func fixed<let count: Int>(_ member: String) throws(InventoryError) -> FixedBytes<count> {
    let text = try text(member)
    guard let bytes = try? FixedBytes<count>(hex: text) else { throw .member(member) }
    return bytes
  }

  func bytes(_ member: String, max: Int) throws(InventoryError) -> [UInt8] {
    let text = try text(member)
    guard text.utf8.count <= 2 * max + 2, let bytes = try? Hex.decode(text) else { throw .member(member) }
    return bytes
  }

  /// Strings in a list.
  func texts(_ member: String, max: Int) throws(InventoryError) -> [String] {
    guard let list = members[member]?.array, list.count <= max else { throw .member(member) }
    var texts: [String] = []
    for element in list {
      guard let text = element.string, !texts.contains(text) else { throw .member(member) }
      texts.append(text)
    }
    return texts
  }
}

extension KeyRecord {
  /// The longest public key, a hybrid of P-384 and ML-DSA-87, has 2650 bytes; a reference is the back end's affair.
  static let publicKeySizeMax = 4096
  static let referenceSizeMax = 4096
  static let chainCountMax = 256
  static let reasonSizeMax = 128

  /// 1 to 128 bytes without control characters.
  static func isReason(_ text: String) -> Bool {
    (1...reasonSizeMax).contains(text.utf8.count)
      && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
  }

  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = [
      "id": .string(id.description), "label": .string(plan.label),
      "generation": .number(String(generation)), "suite": .string(key.suite.rawValue),
      "public": .string(Hex.encode(key.publicKey)), "backEnd": .string(backEnd.rawValue),
      "reference": .string(Hex.encode(key.reference)), "madeAt": .number(String(madeAt)),
      "purposes": .array(plan.purposes.map(\.rawValue).sorted().map { .string($0) }),
      "state": life.json,
    ]
    if let origin = plan.origin { members["origin"] = .string(origin.text) }
    if let chains = plan.chainIDs { members["chains"] = .array(chains.sorted().map { .string($0) }) }
    if let path { members["path"] = .string(path.description) }
    if let lock { members["lock"] = ["at": .number(String(lock.at)), "reason": .string(lock.reason)] }
    return .object(members)
  }

  fileprivate init(json: JSONValue) throws(InventoryError) {
    let members = try InventoryText(
      json,
      [
        "id", "label", "generation", "suite", "public", "backEnd", "reference", "madeAt", "purposes", "state",
        "origin", "chains", "path", "lock",
      ])
    let label = try members.text("label")
    guard VaultContents.isName(label) else { throw .member("label") }
    guard let suite = KeySuite(rawValue: try members.text("suite")) else { throw .member("suite") }
    guard let backEnd = BackEndKind(rawValue: try members.text("backEnd")) else { throw .member("backEnd") }
    var purposes: Set<KeyPurpose> = []
    for text in try members.texts("purposes", max: KeyPurpose.allCases.count) {
      guard let purpose = KeyPurpose(rawValue: text) else { throw .member("purposes") }
      purposes.insert(purpose)
    }
    var origin: DomainID?
    if members["origin"] != nil {
      guard let read = try? DomainID(members.text("origin")) else { throw .member("origin") }
      origin = read
    }
    var chains: Set<String>?
    if members["chains"] != nil { chains = Set(try members.texts("chains", max: Self.chainCountMax)) }
    var path: DerivationPath?
    if members["path"] != nil {
      guard let read = try? DerivationPath(members.text("path")) else { throw .member("path") }
      path = read
    }
    var lock: KeyLock?
    if let value = members["lock"] {
      let parts = try InventoryText(value, ["at", "reason"])
      lock = KeyLock(at: try parts.integer("at"), reason: try parts.text("reason"))
    }
    let key = BackEndKey(
      suite: suite, publicKey: try members.bytes("public", max: Self.publicKeySizeMax),
      reference: try members.bytes("reference", max: Self.referenceSizeMax))
    guard key.id == KeyID(try members.fixed("id")) else { throw .id(key.id) }
    self.init(
      plan: KeyPlan(label: label, suite: suite, purposes: purposes, origin: origin, chainIDs: chains),
      generation: try members.integer("generation"), key: key, backEnd: backEnd, path: path,
      madeAt: try members.integer("madeAt"), life: try KeyLife(json: members["state"]), lock: lock)
  }
}

extension KeyLife {
  fileprivate var json: JSONValue {
    switch self {
    case .active: ["name": "active"]
    case .retiring(let until): ["name": "retiring", "until": .number(String(until))]
    case .revoked(let at, let reason):
      ["name": "revoked", "at": .number(String(at)), "reason": .string(reason)]
    case .destroyed(let at): ["name": "destroyed", "at": .number(String(at))]
    }
  }

  fileprivate init(json: JSONValue?) throws(InventoryError) {
    switch json?["name"]?.string {
    case "active":
      _ = try InventoryText(json, ["name"])
      self = .active
    case "retiring":
      self = .retiring(until: try InventoryText(json, ["name", "until"]).integer("until"))
    case "revoked":
      let members = try InventoryText(json, ["name", "at", "reason"])
      self = .revoked(at: try members.integer("at"), reason: try members.text("reason"))
    case "destroyed":
      self = .destroyed(at: try InventoryText(json, ["name", "at"]).integer("at"))
    default: throw .member("state")
    }
  }
}
