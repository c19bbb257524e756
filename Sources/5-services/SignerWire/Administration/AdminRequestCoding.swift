public import Encodings
import Messages
import SigningRules
import WireBytes

extension AdminRequest {
  /// The longest text of a label, a reason or a step.
  public static let textSizeMax = 256
  private static let limits = JSONLimits(sizeBytes: ClientSession.contentSizeMax, depth: 32)

  /// Canonical JSON: no white space, members in order of their names.
  public func encoded() -> [UInt8] { [UInt8](json.text().utf8) }

  public var json: JSONValue {
    var members: [String: JSONValue] = ["operation": .string(operation.rawValue)]
    switch self {
    case .status, .keys, .pending, .policy, .exportWatermarks, .exportEIP3076, .auditHead: break
    case .key(let key), .destroy(let key), .unlock(let key): members["key"] = .string(key.description)
    case .location(let key, let challenge):
      members["key"] = .string(key.description)
      members["challenge"] = .string(challenge.description)
    case .generate(let key):
      members["label"] = .string(key.label)
      members["suite"] = .string(key.suite.rawValue)
      members["purposes"] = .array(key.purposes.map(\.rawValue).sorted().map(JSONValue.string))
      members["backEnd"] = .string(key.backEnd)
      if let path = key.path { members["path"] = .string(path) }
      if let origin = key.origin { members["origin"] = .string(origin.text) }
      if let chains = key.chainIDs { members["chainIDs"] = .array(chains.sorted().map(JSONValue.string)) }
    case .rotate(let key, let overlap):
      members["key"] = .string(key.description)
      members["overlapSeconds"] = .number(String(overlap))
    case .revoke(let key, let reason), .lock(let key, let reason):
      members["key"] = .string(key.description)
      members["reason"] = .string(reason)
    case .propose(let change): members["change"] = change
    case .approve(let number, let approver, let signature), .cancel(let number, let approver, let signature):
      members["number"] = .number(String(number))
      members["approver"] = .string(approver.description)
      members["signature"] = .string(signature.description)
    case .execute(let number): members["number"] = .number(String(number))
    case .importWatermarks(let file), .importEIP3076(let file): members["file"] = file
    case .auditTail(let count): members["count"] = .number(String(count))
    case .threshold(let round, let message):
      members["round"] = .string(round)
      members["message"] = .string(Hex.encode(message))
    case .ceremony(let step, let fields):
      members["step"] = .string(step)
      members["fields"] = fields
    }
    return .object(members)
  }

  /// - Throws: ``AdminRequestError``. The input is untrusted; no input traps.
  public init(decoding bytes: [UInt8]) throws(AdminRequestError) {
    let json: JSONValue
    do { json = try JSONValue(decoding: bytes, limits: Self.limits) } catch { throw .json(error) }
    guard [UInt8](json.text().utf8) == bytes else { throw .notCanonical }
    var fields = try AdminFields(json)
    let name = try fields.text("operation")
    guard let operation = Operation(rawValue: name) else { throw .operation(name) }
    switch operation {
    case .status: self = .status
    case .keys: self = .keys
    case .key: self = .key(try fields.key())
    case .location: self = .location(try fields.key(), challenge: try fields.fixed("challenge"))
    case .generate: self = .generate(try fields.newKey())
    case .rotate: self = .rotate(try fields.key(), overlapSeconds: try fields.integer("overlapSeconds"))
    case .revoke: self = .revoke(try fields.key(), reason: try fields.text("reason"))
    case .destroy: self = .destroy(try fields.key())
    case .lock: self = .lock(try fields.key(), reason: try fields.text("reason"))
    case .unlock: self = .unlock(try fields.key())
    case .propose: self = .propose(try fields.value("change"))
    case .approve:
      self = .approve(
        number: try fields.integer("number"), approver: try fields.fixed("approver"),
        signature: try fields.fixed("signature"))
    case .cancel:
      self = .cancel(
        number: try fields.integer("number"), approver: try fields.fixed("approver"),
        signature: try fields.fixed("signature"))
    case .execute: self = .execute(number: try fields.integer("number"))
    case .pending: self = .pending
    case .policy: self = .policy
    case .exportWatermarks: self = .exportWatermarks
    case .importWatermarks: self = .importWatermarks(try fields.value("file"))
    case .exportEIP3076: self = .exportEIP3076
    case .importEIP3076: self = .importEIP3076(try fields.value("file"))
    case .auditHead: self = .auditHead
    case .auditTail: self = .auditTail(count: try fields.integer("count"))
    case .threshold: self = .threshold(round: try fields.text("round"), message: try fields.hex("message"))
    case .ceremony: self = .ceremony(step: try fields.text("step"), fields: try fields.value("fields"))
    }
    try fields.finish()
    // The form of ids and of hex has one spelling as well.
    guard self.json == json else { throw .notCanonical }
  }
}

/// The members of an object, each of which is taken once.
struct AdminFields {
  private var members: [String: JSONValue]

  init(_ json: JSONValue) throws(AdminRequestError) {
    guard let members = json.object else { throw .member("") }
    self.members = members
  }

  mutating func optional(_ name: String) -> JSONValue? { members.removeValue(forKey: name) }

  mutating func value(_ name: String) throws(AdminRequestError) -> JSONValue {
    guard let value = optional(name) else { throw .member(name) }
    return value
  }

  mutating func text(_ name: String) throws(AdminRequestError) -> String {
    guard let text = try value(name).string else { throw .member(name) }
    guard text.utf8.count <= AdminRequest.textSizeMax else {
      throw .tooLong(limit: AdminRequest.textSizeMax, actual: text.utf8.count)
    }
    return text
  }

  mutating func integer<Value: FixedWidthInteger>(_ name: String) throws(AdminRequestError) -> Value {
    guard let value = try value(name).integer(Value.self) else { throw .member(name) }
    return value
  }

  mutating func fixed<let count: Int>(_ name: String) throws(AdminRequestError) -> FixedBytes<count> {
    guard let text = try value(name).string, let bytes = try? FixedBytes<count>(hex: text) else {
      throw .member(name)
    }
    return bytes
  }

  mutating func hex(_ name: String) throws(AdminRequestError) -> [UInt8] {
    guard let text = try value(name).string, let bytes = try? Hex.decode(text) else { throw .member(name) }
    return bytes
  }

  mutating func key() throws(AdminRequestError) -> KeyID { KeyID(try fixed("key")) }

  mutating func texts(_ name: String) throws(AdminRequestError) -> [String] {
    guard let elements = try value(name).array else { throw .member(name) }
    guard elements.count <= 64 else { throw .tooLong(limit: 64, actual: elements.count) }
    var texts: [String] = []
    for element in elements {
      guard let text = element.string, text.utf8.count <= AdminRequest.textSizeMax else {
        throw .member(name)
      }
      texts.append(text)
    }
    guard Set(texts).count == texts.count else { throw .member(name) }
    return texts
  }

  mutating func suite() throws(AdminRequestError) -> KeySuite {
    guard let suite = KeySuite(rawValue: try text("suite")) else { throw .member("suite") }
    return suite
  }

  mutating func purposes() throws(AdminRequestError) -> Set<KeyPurpose> {
    var purposes: Set<KeyPurpose> = []
    for name in try texts("purposes") {
      guard let purpose = KeyPurpose(rawValue: name) else { throw .member("purposes") }
      purposes.insert(purpose)
    }
    return purposes
  }

  mutating func origin() throws(AdminRequestError) -> DomainID? {
    guard members["origin"] != nil else { return nil }
    guard let origin = try? DomainID(try text("origin")) else { throw .member("origin") }
    return origin
  }

  mutating func chainIDs() throws(AdminRequestError) -> Set<String>? {
    guard members["chainIDs"] != nil else { return nil }
    return Set(try texts("chainIDs"))
  }

  mutating func newKey() throws(AdminRequestError) -> AdminRequest.NewKey {
    AdminRequest.NewKey(
      label: try text("label"), suite: try suite(), purposes: try purposes(), backEnd: try text("backEnd"),
      path: members["path"] == nil ? nil : try text("path"), origin: try origin(), chainIDs: try chainIDs())
  }

  func finish() throws(AdminRequestError) {
    guard let name = members.keys.sorted().first else { return }
    throw .unknownMember(name)
  }
}
