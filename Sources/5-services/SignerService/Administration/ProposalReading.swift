import Digests
public import Encodings
import SigningRules
public import WireBytes

/// A proposal as a signer shows it, and as whoever is to approve it reads it.
public enum ProposalReading {
  /// - Parameter content: what the change names only by a hash.
  static func json(_ entry: PendingProposal, content: JSONValue?) -> JSONValue {
    let change = entry.proposal.change
    var members: [String: JSONValue] = [
      "number": .number(String(entry.proposal.number)),
      "policy": .string(entry.proposal.policy.description), "change": .string(change.name),
      "encoded": .string(Hex.encode(change.encoded())), "proposer": .string(entry.proposal.proposer.text),
      "proposedAt": .number(String(entry.proposal.proposedAt.milliseconds)),
      "identifier": .string(entry.identifier.description),
      "approvals": .array(entry.approvals.map { .string($0.description) }),
      "needed": .number(String(entry.needed)), "expires": .number(String(entry.expires.milliseconds)),
      "effectiveFrom": entry.effectiveFrom.map { .number(String($0.milliseconds)) } ?? .null,
      "ready": .boolean(entry.isReady),
    ]
    members.merge(fields(change)) { _, new in new }
    if let content { members["content"] = content }
    return .object(members)
  }

  /// The identifier of what is shown, computed from it; nil when it does not hold together, such as a policy that is not the
  /// one that the change names, or an overlap that is not the one that is signed.
  public static func identifier(_ entry: JSONValue, vault: Bytes32) -> Bytes32? {
    guard let number = entry["number"]?.integer(UInt64.self),
      let inForce = entry["policy"]?.string.flatMap({ try? Bytes32(hex: $0) }),
      let time = entry["proposedAt"]?.integer(UInt64.self),
      let name = entry["proposer"]?.string, let proposer = try? ClientName(name),
      let text = entry["encoded"]?.string, let bytes = try? Hex.decode(text),
      let change = try? ProposedChange(decoding: bytes)
    else { return nil }
    guard entry["change"]?.string == change.name else { return nil }
    for (member, value) in fields(change) where entry[member] != value { return nil }
    switch change {
    case .policy(let hash):
      guard let content = entry["content"],
        let policy = try? AccessPolicy(decoding: [UInt8](content.text().utf8)), policy.contentHash == hash
      else { return nil }
    case .adoptAnchor(let hash), .backup(let hash):
      guard let content = entry["content"], self.hash(content) == hash else { return nil }
    // An import can be long: its hash is what counts, and is the file's own.
    case .importWatermarks, .rotate, .destroy, .revoke, .unlock, .export: break
    }
    return Proposal(
      number: number, policy: inForce, change: change, proposer: proposer,
      proposedAt: UnixMilliseconds(time)
    ).identifier(vaultID: vault)
  }

  /// SHA-256 of the canonical text of a document, which names its own kind.
  static func hash(_ document: JSONValue) -> Bytes32 { SHA256Hash.hash([UInt8](document.text().utf8)) }

  /// What is signed, field by field.
  private static func fields(_ change: ProposedChange) -> [String: JSONValue] {
    switch change {
    case .policy(let hash), .adoptAnchor(let hash), .importWatermarks(let hash), .backup(let hash):
      ["contentHash": .string(hash.description)]
    case .rotate(let key, let overlapSeconds):
      ["key": .string(key.description), "overlapSeconds": .number(String(overlapSeconds))]
    case .destroy(let key), .revoke(let key), .unlock(let key): ["key": .string(key.description)]
    case .export(let key, let recipient):
      ["key": .string(key.description), "sealedTo": .string(recipient.description)]
    }
  }
}
