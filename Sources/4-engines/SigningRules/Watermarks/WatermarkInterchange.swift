private import Digests
public import Encodings
import Messages
public import WireBytes

/// Why text is no watermark file.
public enum WatermarkInterchangeError: Error, Hashable, Sendable {
  case json(JSONError)
  /// A member is missing, not known, or not in its one form.
  case member(path: String)
  case version(String)
  case tooManyRecords(max: Int, actual: Int)
  /// The hash in the file is not that of its content.
  case contentHash(stated: Bytes32, computed: Bytes32)
}

/// All watermarks of a vault, to be carried to another one or kept beside a backup.
///
/// JSON: `{"format": "causeway/watermarks/1", "vault": hex, "epoch": decimal text, "records": […], "contentHash": hex}`,
/// where the hash is SHA-256 of the canonical text without its own member. The epoch rises with every start of a signer,
/// so that of two files of one vault the older one is known.
///
/// - SeeAlso: docs/spec/signing-rules.md.
public struct WatermarkInterchange: Hashable, Sendable {
  public static let format = "causeway/watermarks/1"
  public static let sizeMax = 256 << 20
  public static let recordsMax = 1 << 20

  public let vaultID: Bytes32
  public let epoch: UInt64
  /// Locks are not among them: they belong to one signer.
  public let records: [WatermarkRecord]

  public init(vaultID: Bytes32, epoch: UInt64, records: [WatermarkRecord]) {
    self.vaultID = vaultID
    self.epoch = epoch
    self.records = records.filter { if case .lock = $0 { false } else { true } }
  }

  /// Reads a file strictly.
  ///
  /// - Throws: ``WatermarkInterchangeError``. No input traps.
  public init(decoding text: [UInt8]) throws(WatermarkInterchangeError) {
    let json: JSONValue
    do {
      json = try JSONValue(decoding: text, limits: JSONLimits(sizeBytes: Self.sizeMax, depth: 8))
    } catch { throw .json(error) }
    let root = try WatermarkMembers(json, "", ["format", "vault", "epoch", "records", "contentHash"])
    let format = try root.text("format")
    guard format == Self.format else { throw .version(format) }
    guard let elements = json["records"]?.array else { throw .member(path: "records") }
    guard elements.count <= Self.recordsMax else {
      throw .tooManyRecords(max: Self.recordsMax, actual: elements.count)
    }
    var records: [WatermarkRecord] = []
    records.reserveCapacity(elements.count)
    for (index, element) in elements.enumerated() {
      records.append(try WatermarkRecord(element, "records.\(index)"))
    }
    self.init(vaultID: try root.word("vault"), epoch: try root.number("epoch"), records: records)
    let stated = try root.word("contentHash")
    guard stated == contentHash else { throw .contentHash(stated: stated, computed: contentHash) }
  }

  /// SHA-256 of the canonical text of everything else.
  public var contentHash: Bytes32 { SHA256Hash.hash([UInt8](JSONValue.object(content).text().utf8)) }

  /// The file.
  public var text: String {
    var members = content
    members["contentHash"] = .string(contentHash.description)
    return JSONValue.object(members).text(pretty: true) + "\n"
  }

  private var content: [String: JSONValue] {
    [
      "format": .string(Self.format), "vault": .string(vaultID.description),
      "epoch": .string(String(epoch)), "records": .array(records.map(\.json)),
    ]
  }
}

/// What a merge did.
public struct WatermarkMerge: Hashable, Sendable {
  /// What was not known before, to be written.
  public let records: [WatermarkRecord]
  /// How many records were known already, or are below what is known.
  public let knownCount: Int
  /// The file was written before the signer's present start or an earlier one: it was merged, and lowered nothing.
  public let isOlderEpoch: Bool
  public let isOtherVault: Bool
}

extension SigningState {
  /// All watermarks.
  ///
  /// - Parameter epoch: of the signer's present run.
  public func interchange(vaultID: Bytes32, epoch: UInt64) -> WatermarkInterchange {
    WatermarkInterchange(vaultID: vaultID, epoch: epoch, records: snapshot())
  }

  /// Adds what a file says to what is known, all of it or nothing. Nothing is lowered, whatever the file's epoch.
  ///
  /// - Parameters:
  ///   - vaultID: this signer's.
  ///   - epoch: of this signer's present run.
  /// - Throws: ``WatermarkConflict`` when both cannot be true: then a key has signed two claims, or a file is forged.
  public mutating func merge(
    _ interchange: WatermarkInterchange, vaultID: Bytes32, epoch: UInt64
  ) throws(WatermarkConflict) -> WatermarkMerge {
    var merged = self
    var raised: [WatermarkRecord] = []
    // Floors last: a claim that contradicts is found before a floor covers it.
    for isFloor in [false, true] {
      for record in interchange.records {
        guard record.isFloor == isFloor else { continue }
        if try merged.raise(record) { raised.append(record) }
      }
    }
    self = merged
    return WatermarkMerge(
      records: raised, knownCount: interchange.records.count - raised.count,
      isOlderEpoch: interchange.epoch < epoch, isOtherVault: interchange.vaultID != vaultID)
  }
}

/// The members of one object of a watermark file, each read in its one form.
private struct WatermarkMembers {
  private let members: [String: JSONValue]
  private let path: String

  init(_ json: JSONValue, _ path: String, _ known: Set<String>) throws(WatermarkInterchangeError) {
    guard let members = json.object else { throw .member(path: path) }
    self.members = members
    self.path = path
    if let stranger = members.keys.filter({ !known.contains($0) }).sorted().first {
      throw .member(path: join(stranger))
    }
  }

  func join(_ name: String) -> String { path.isEmpty ? name : path + "." + name }

  func has(_ name: String) -> Bool { members[name] != nil }

  func text(_ name: String) throws(WatermarkInterchangeError) -> String {
    guard let text = members[name]?.string else { throw .member(path: join(name)) }
    return text
  }

  func word(_ name: String) throws(WatermarkInterchangeError) -> Bytes32 {
    guard let word = members[name].flatMap(PolicyMembers.hex32) else { throw .member(path: join(name)) }
    return word
  }

  /// Decimal text in its one form.
  func number<Value: FixedWidthInteger>(_ name: String) throws(WatermarkInterchangeError) -> Value {
    let text = try text(name)
    guard let value = Value(text), String(value) == text else { throw .member(path: join(name)) }
    return value
  }

  func key() throws(WatermarkInterchangeError) -> KeyID { KeyID(try word("key")) }

  func origin() throws(WatermarkInterchangeError) -> DomainID {
    guard let origin = try? DomainID(try text("origin")) else { throw .member(path: join("origin")) }
    return origin
  }

  func height() throws(WatermarkInterchangeError) -> Height {
    let height = Height(revision: try number("revision"), try number("height"))
    guard height.number > 0 else { throw .member(path: join("height")) }
    return height
  }

  func time() throws(WatermarkInterchangeError) -> UnixTime? {
    has("time") ? UnixTime(seconds: try number("time")) : nil
  }

  func purpose() throws(WatermarkInterchangeError) -> KeyPurpose {
    guard let purpose = KeyPurpose(rawValue: try text("purpose")),
      purpose == .attestation || purpose == .foreignAttestation
    else { throw .member(path: join("purpose")) }
    return purpose
  }

  func entries() throws(WatermarkInterchangeError) -> [StoredEntry] {
    guard let pairs = members["paths"]?.array, pairs.count <= WatermarkRecord.entryCountMax else {
      throw .member(path: join("paths"))
    }
    var entries: [StoredEntry] = []
    for (index, pair) in pairs.enumerated() {
      guard let both = pair.array, both.count == 2, let path = PolicyMembers.hex32(both[0]),
        let commitment = PolicyMembers.hex32(both[1]), entries.last.map({ $0.pathHash < path }) ?? true
      else { throw .member(path: join("paths") + ".\(index)") }
      entries.append(StoredEntry(pathHash: path, commitment: commitment))
    }
    return entries
  }
}

extension WatermarkRecord {
  fileprivate init(_ json: JSONValue, _ path: String) throws(WatermarkInterchangeError) {
    let all: Set<String> = [
      "kind", "key", "purpose", "origin", "revision", "height", "time", "root", "paths", "chain", "round",
      "type", "block", "signBytesHash", "nonce", "call",
    ]
    let kind = try WatermarkMembers(json, path, all).text("kind")
    func members(_ names: Set<String>) throws(WatermarkInterchangeError) -> WatermarkMembers {
      try WatermarkMembers(json, path, names.union(["kind", "key"]))
    }
    switch kind {
    case "claim":
      let members = try members(["purpose", "origin", "revision", "height", "time", "root", "paths"])
      let mark = ClaimMark(
        key: try members.key(), purpose: try members.purpose(), origin: try members.origin(),
        height: try members.height(), time: try members.time(),
        root: members.has("root") ? try members.word("root") : nil, entries: try members.entries())
      guard mark.time != nil || mark.root != nil || !mark.entries.isEmpty else { throw .member(path: path) }
      self = .claim(mark)
    case "floor":
      let members = try members(["purpose", "origin", "revision", "height", "time"])
      self = .floor(
        FloorMark(
          key: try members.key(), purpose: try members.purpose(), origin: try members.origin(),
          height: try members.height(), time: try members.time()))
    case "foreignOrigin":
      let members = try members(["origin"])
      self = .foreignOrigin(key: try members.key(), origin: try members.origin())
    case "vote":
      let members = try members(["chain", "height", "round", "type", "block", "signBytesHash"])
      let chain = try members.text("chain")
      guard (1...VoteStatement.chainIDSizeMax).contains(chain.utf8.count) else {
        throw .member(path: members.join("chain"))
      }
      let height: Int64 = try members.number("height")
      let round: Int32 = try members.number("round")
      guard height > 0 else { throw .member(path: members.join("height")) }
      guard round >= 0 else { throw .member(path: members.join("round")) }
      guard let type = VoteStatement.Kind(rawValue: try members.number("type")) else {
        throw .member(path: members.join("type"))
      }
      self = .vote(
        VoteMark(
          key: try members.key(), chainID: chain, height: height, round: round, kind: type,
          block: try members.word("block"), signBytesHash: try members.word("signBytesHash")))
    case "call", "nonceFloor":
      let isCall = kind == "call"
      let members = try members(isCall ? ["chain", "nonce", "call"] : ["chain", "nonce"])
      let chainID: UInt64 = try members.number("chain")
      guard chainID > 0 else { throw .member(path: members.join("chain")) }
      let nonce: UInt64 = try members.number("nonce")
      guard nonce < .max else { throw .member(path: members.join("nonce")) }
      let key = try members.key()
      self =
        isCall
        ? .call(CallMark(key: key, chainID: chainID, nonce: nonce, call: try members.word("call")))
        : .nonceFloor(key: key, chainID: chainID, nonce: nonce)
    default: throw .member(path: path + ".kind")
    }
  }

  /// Whether it stands for what is forgotten.
  fileprivate var isFloor: Bool {
    switch self {
    case .floor, .nonceFloor: true
    case .claim, .foreignOrigin, .vote, .lock, .call: false
    }
  }

  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = [:]
    func place(_ purpose: KeyPurpose, _ origin: DomainID, _ height: Height, _ time: UnixTime?) {
      members["purpose"] = .string(purpose.rawValue)
      members["origin"] = .string(origin.text)
      members["revision"] = .string(String(height.revision))
      members["height"] = .string(String(height.number))
      if let time { members["time"] = .string(String(time.seconds)) }
    }
    switch self {
    case .claim(let mark):
      members["kind"] = "claim"
      members["key"] = .string(mark.key.description)
      place(mark.purpose, mark.origin, mark.height, mark.time)
      if let root = mark.root { members["root"] = .string(root.description) }
      members["paths"] = .array(
        mark.entries.map { [.string($0.pathHash.description), .string($0.commitment.description)] })
    case .floor(let mark):
      members["kind"] = "floor"
      members["key"] = .string(mark.key.description)
      place(mark.purpose, mark.origin, mark.height, mark.time)
    case .foreignOrigin(let key, let origin):
      members["kind"] = "foreignOrigin"
      members["key"] = .string(key.description)
      members["origin"] = .string(origin.text)
    case .vote(let mark):
      members["kind"] = "vote"
      members["key"] = .string(mark.key.description)
      members["chain"] = .string(mark.chainID)
      members["height"] = .string(String(mark.height))
      members["round"] = .string(String(mark.round))
      members["type"] = .string(String(mark.kind.rawValue))
      members["block"] = .string(mark.block.description)
      members["signBytesHash"] = .string(mark.signBytesHash.description)
    case .lock(let key, let isLocked):
      members["kind"] = "lock"
      members["key"] = .string(key.description)
      members["locked"] = .boolean(isLocked)
    case .call(let mark):
      members["kind"] = "call"
      members["key"] = .string(mark.key.description)
      members["chain"] = .string(String(mark.chainID))
      members["nonce"] = .string(String(mark.nonce))
      members["call"] = .string(mark.call.description)
    case .nonceFloor(let key, let chainID, let nonce):
      members["kind"] = "nonceFloor"
      members["key"] = .string(key.description)
      members["chain"] = .string(String(chainID))
      members["nonce"] = .string(String(nonce))
    }
    return .object(members)
  }
}
