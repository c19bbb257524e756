import Digests
import Encodings
import SigningRules
import WireBytes

/// A change as it is proposed to a running signer, with what the approvers' signature names only by its hash.
///
/// JSON: `{"kind": "policy", "policy": {…}}`, `{"kind": "rotate", "key": …, "overlapSeconds": …}`,
/// `{"kind": "importWatermarks", "file": {…}}`, `{"kind": "export", "key": …, "sealedTo": …}`,
/// `{"kind": "backup", "needed": …, "parties": …}`, and `{"kind": "destroy" | "unlock" | "revoke", "key": …}`.
struct ChangeDocument: Hashable, Sendable {
  let change: ProposedChange
  /// What the change is about, when its hash alone is signed; canonical.
  let content: JSONValue?

  static func policy(_ policy: AccessPolicy) -> ChangeDocument {
    ChangeDocument(change: .policy(contentHash: policy.contentHash), content: policy.json)
  }

  private init(change: ProposedChange, content: JSONValue?) {
    self.change = change
    self.content = content
  }

  /// Reads a proposal.
  init(_ json: JSONValue, domain: KeyDomain) throws(AdministrationFault) {
    guard let members = json.object, let kind = members["kind"]?.string else { throw .malformedChange }
    func only(_ names: Set<String>) throws(AdministrationFault) {
      guard Set(members.keys) == names.union(["kind"]) else { throw .malformedChange }
    }
    func key() throws(AdministrationFault) -> KeyID {
      guard let text = members["key"]?.string, let bytes = try? Bytes32(hex: text) else {
        throw .malformedChange
      }
      return KeyID(bytes)
    }
    switch kind {
    case "policy":
      try only(["policy"])
      let policy: AccessPolicy
      do {
        policy = try AccessPolicy(decoding: [UInt8]((members["policy"] ?? .null).text().utf8))
      } catch { throw .policyForm }
      guard policy.domain == domain else { throw .policyDomain }
      self = .policy(policy)
    case "rotate":
      try only(["key", "overlapSeconds"])
      guard let overlap = members["overlapSeconds"]?.integer(UInt64.self) else { throw .malformedChange }
      self.init(.rotate(key: try key(), overlapSeconds: overlap))
    case "importWatermarks":
      try only(["file"])
      let file = members["file"] ?? .null
      let marks: WatermarkInterchange
      do { marks = try WatermarkInterchange(decoding: [UInt8](file.text().utf8)) } catch {
        throw .watermarkForm
      }
      self.init(change: .importWatermarks(contentHash: marks.contentHash), content: file)
    case "export":
      try only(["key", "sealedTo"])
      guard let text = members["sealedTo"]?.string, let recipient = try? Bytes32(hex: text) else {
        throw .malformedChange
      }
      self.init(.export(key: try key(), sealedTo: recipient))
    case "backup":
      try only(["needed", "parties"])
      guard let needed = members["needed"]?.integer(Int.self),
        let parties = members["parties"]?.integer(Int.self), (2...16).contains(parties),
        (2...parties).contains(needed)
      else { throw .malformedChange }
      let document = BackupPlan(needed: needed, parties: parties).document
      self.init(change: .backup(contentHash: ProposalReading.hash(document)), content: document)
    case "destroy":
      try only(["key"])
      self.init(.destroy(key: try key()))
    case "unlock":
      try only(["key"])
      self.init(.unlock(key: try key()))
    case "revoke":
      try only(["key"])
      self.init(.revoke(key: try key()))
    default: throw .malformedChange
    }
  }

  /// A change that its own fields say all about.
  init(_ change: ProposedChange) { self.init(change: change, content: nil) }

  /// The name of the file that keeps the content while the change waits: its own hash.
  static func fileName(_ change: ProposedChange) -> String {
    Hex.encode(SHA256Hash.hash(change.encoded()).span, prefix: "") + ".json"
  }
}
