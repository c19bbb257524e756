import Digests
public import Encodings
import SigningRules
public import WireBytes

/// Why a paper of a proposal, or an approval of one, is not used.
public enum ApprovalPaperError: Error, Hashable, Sendable {
  /// The file is none of its kind.
  case form
  /// What is shown does not have the identifier that is given.
  case identifier
}

/// A proposal of a stopped signer, as a file that its approvers look at.
///
/// JSON: `{"schema": "causeway.proposal/1", "vault": hex, "proposal": {…}}`, the proposal as `pending` shows it.
public struct ProposalPaper: Sendable {
  public static let schema = "causeway.proposal/1"
  public let vault: Bytes32
  public let proposal: JSONValue
  /// Computed from what is shown.
  public let identifier: Bytes32

  init(vault: Bytes32, _ entry: PendingProposal, content: JSONValue?) {
    self.vault = vault
    proposal = ProposalReading.json(entry, content: content)
    identifier = entry.identifier
  }

  public init(decoding text: [UInt8]) throws(ApprovalPaperError) {
    guard let value = try? JSONValue(decoding: text), value["schema"]?.string == Self.schema,
      let vault = value["vault"]?.string.flatMap({ try? Bytes32(hex: $0) }), let proposal = value["proposal"]
    else { throw .form }
    guard let identifier = ProposalReading.identifier(proposal, vault: vault),
      proposal["identifier"]?.string == identifier.description
    else { throw .identifier }
    self.vault = vault
    self.proposal = proposal
    self.identifier = identifier
  }

  public var json: JSONValue {
    ["schema": .string(Self.schema), "vault": .string(vault.description), "proposal": proposal]
  }
}

/// An approver's signature of one proposal, as a file that is carried to a stopped signer.
///
/// JSON: `{"schema": "causeway.approval/1", "vault", "identifier", "approver", "signature"}`, all in hex.
public struct ApprovalSlip: Hashable, Sendable {
  public static let schema = "causeway.approval/1"
  public let vault: Bytes32
  public let identifier: Bytes32
  public let approver: Bytes32
  public let signature: Bytes64

  public init(_ paper: ProposalPaper, signedBy key: ApproverKey) throws(PersonalKeyError) {
    vault = paper.vault
    identifier = paper.identifier
    approver = key.publicKey
    signature = try key.approve(vault: paper.vault, identifier: paper.identifier)
  }

  public init(decoding text: [UInt8]) throws(ApprovalPaperError) {
    guard let value = try? JSONValue(decoding: text), value["schema"]?.string == Self.schema,
      let vault = value["vault"]?.string.flatMap({ try? Bytes32(hex: $0) }),
      let identifier = value["identifier"]?.string.flatMap({ try? Bytes32(hex: $0) }),
      let approver = value["approver"]?.string.flatMap({ try? Bytes32(hex: $0) }),
      let signature = value["signature"]?.string.flatMap({ try? Bytes64(hex: $0) })
    else { throw .form }
    self.vault = vault
    self.identifier = identifier
    self.approver = approver
    self.signature = signature
  }

  public var json: JSONValue {
    [
      "schema": .string(Self.schema), "vault": .string(vault.description),
      "identifier": .string(identifier.description), "approver": .string(approver.description),
      "signature": .string(signature.description),
    ]
  }
}
