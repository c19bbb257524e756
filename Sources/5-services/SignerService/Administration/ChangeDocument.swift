import Digests
public import Encodings
import SigningRules
public import WireBytes

/// A change as it is proposed, with what the approvers' signature names only by its hash.
///
/// JSON: `{"kind": "policy", "policy": {…}}`, `{"kind": "rotate", "key": …, "overlapSeconds": …}`,
/// `{"kind": "importWatermarks", "file": {…}}`, `{"kind": "export", "key": …, "sealedTo": …}`, and
/// `{"kind": "destroy" | "unlock" | "revoke", "key": …}`.
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
      self.init(rotating: try key(), overlapSeconds: overlap)
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
      self.init(change: .export(key: try key(), sealedTo: recipient), content: nil)
    case "destroy":
      try only(["key"])
      self.init(change: .destroy(key: try key()), content: nil)
    case "unlock":
      try only(["key"])
      self.init(change: .unlock(key: try key()), content: nil)
    case "revoke":
      try only(["key"])
      self.init(change: .revoke(key: try key()), content: nil)
    default: throw .malformedChange
    }
  }

  init(rotating key: KeyID, overlapSeconds: UInt64) {
    self.init(
      change: .rotate(key: key), content: ["overlapSeconds": .number(String(overlapSeconds))])
  }

  static func destroy(_ key: KeyID) -> ChangeDocument {
    ChangeDocument(change: .destroy(key: key), content: nil)
  }
  static func unlock(_ key: KeyID) -> ChangeDocument {
    ChangeDocument(change: .unlock(key: key), content: nil)
  }

  /// The name of the file that keeps the content while the change waits: its own hash.
  static func fileName(_ change: ProposedChange) -> String {
    Hex.encode(SHA256Hash.hash(change.encoded()).span, prefix: "") + ".json"
  }
}

/// A proposal as a signer shows it in `pending`, read by whoever is to approve it.
public enum ProposalReading {
  /// The identifier of what is shown, computed from it; nil when it does not hold together, such as a policy that is not the
  /// one that the change names.
  public static func identifier(_ entry: JSONValue, vault: Bytes32) -> Bytes32? {
    guard let number = entry["number"]?.integer(UInt64.self),
      let time = entry["proposedAt"]?.integer(UInt64.self),
      let name = entry["proposer"]?.string, let proposer = try? ClientName(name),
      let text = entry["encoded"]?.string, let bytes = try? Hex.decode(text),
      let change = try? ProposedChange(decoding: bytes)
    else { return nil }
    guard entry["change"]?.string == change.name else { return nil }
    switch change {
    case .policy(let hash):
      guard let content = entry["content"],
        let policy = try? AccessPolicy(decoding: [UInt8](content.text().utf8)), policy.contentHash == hash
      else { return nil }
    case .rotate(let key), .destroy(let key), .revoke(let key), .unlock(let key), .export(let key, _):
      guard entry["key"]?.string == key.description else { return nil }
    case .adoptAnchor, .importWatermarks, .recover: break
    }
    return Proposal(
      number: number, change: change, proposer: proposer, proposedAt: UnixMilliseconds(time)
    ).identifier(vaultID: vault)
  }
}
