private import Digests
public import WireBytes

/// Why bytes are no change, proposal or record of one.
public enum ApprovalRecordError: Error, Hashable, Sendable {
  case wire(WireError)
  case version(UInt8)
  case kind(UInt8)
  case change(UInt8)
  case proposer
}

/// A change to a signer that operators must approve: what approvers sign is its exact content.
///
/// `encoded()` is one byte for the case and its fields in order, integers big-endian.
public enum ProposedChange: Hashable, Sendable {
  /// The policy whose canonical text has this SHA-256 takes the place of the one in force.
  case policy(contentHash: Bytes32)
  /// A successor is made for a key, which signs on for `overlapSeconds` and then retires.
  case rotate(key: KeyID, overlapSeconds: UInt64)
  /// A key leaves the vault, sealed; `sealedTo` names for whom.
  case export(key: KeyID, sealedTo: Bytes32)
  case destroy(key: KeyID)
  /// A key signs nothing from now on, and never again.
  case revoke(key: KeyID)
  /// A key that an alarm locked signs again.
  case unlock(key: KeyID)
  /// A stopped signer goes on with records that its anchor contradicts. The document of this hash says which records, what the
  /// refusal was, which watermarks are added, and why.
  case adoptAnchor(contentHash: Bytes32)
  /// Watermarks of this content are merged.
  case importWatermarks(contentHash: Bytes32)
  /// All key material of a stopped signer is sealed once, to the parties that the document of this hash describes.
  case backup(contentHash: Bytes32)

  /// The byte that stands for the case.
  public var byte: UInt8 {
    switch self {
    case .policy: 1
    case .rotate: 2
    case .export: 3
    case .destroy: 4
    case .revoke: 5
    case .unlock: 6
    case .adoptAnchor: 7
    case .importWatermarks: 8
    case .backup: 9
    }
  }

  /// The name of the case, for lists and logs.
  public var name: String {
    switch self {
    case .policy: "policy"
    case .rotate: "rotate"
    case .export: "export"
    case .destroy: "destroy"
    case .revoke: "revoke"
    case .unlock: "unlock"
    case .adoptAnchor: "adoptAnchor"
    case .importWatermarks: "importWatermarks"
    case .backup: "backup"
    }
  }

  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = [byte]
    switch self {
    case .policy(let hash), .adoptAnchor(let hash), .importWatermarks(let hash), .backup(let hash):
      bytes.append(hash)
    case .destroy(let key), .revoke(let key), .unlock(let key): bytes.append(key.bytes)
    case .rotate(let key, let overlapSeconds):
      bytes.append(key.bytes)
      bytes.append(bigEndian: overlapSeconds)
    case .export(let key, let sealedTo):
      bytes.append(key.bytes)
      bytes.append(sealedTo)
    }
    return bytes
  }

  /// Reads one change and nothing after it.
  public init(decoding bytes: [UInt8]) throws(ApprovalRecordError) {
    var reader = ByteReader(bytes.span)
    do {
      let byte = try reader.readUInt8()
      switch byte {
      case 1: self = .policy(contentHash: try reader.readFixed())
      case 2:
        self = .rotate(
          key: KeyID(try reader.readFixed()), overlapSeconds: try reader.readBigEndian())
      case 3: self = .export(key: KeyID(try reader.readFixed()), sealedTo: try reader.readFixed())
      case 4: self = .destroy(key: KeyID(try reader.readFixed()))
      case 5: self = .revoke(key: KeyID(try reader.readFixed()))
      case 6: self = .unlock(key: KeyID(try reader.readFixed()))
      case 7: self = .adoptAnchor(contentHash: try reader.readFixed())
      case 8: self = .importWatermarks(contentHash: try reader.readFixed())
      case 9: self = .backup(contentHash: try reader.readFixed())
      default: throw ApprovalRecordError.change(byte)
      }
      try reader.finish()
    } catch let error as ApprovalRecordError {
      throw error
    } catch let error as WireError {
      throw .wire(error)
    } catch {
      // The two above are all that is thrown.
      throw .change(0)
    }
  }
}

/// A change that somebody asked for.
public struct Proposal: Hashable, Sendable {
  /// From 1; a number is used once in the life of a vault.
  public let number: UInt64
  /// The policy that was in force, by its hash: who approves, how many, and after which delay.
  public let policy: Bytes32
  public let change: ProposedChange
  public let proposer: ClientName
  public let proposedAt: UnixMilliseconds

  public init(
    number: UInt64, policy: Bytes32, change: ProposedChange, proposer: ClientName,
    proposedAt: UnixMilliseconds
  ) {
    self.number = number
    self.policy = policy
    self.change = change
    self.proposer = proposer
    self.proposedAt = proposedAt
  }

  /// SHA-256 of: tag behind its length, vault (32), policy in force (32), number (8), time in milliseconds (8), the
  /// proposer's name behind its length, and the change.
  public func identifier(vaultID: Bytes32) -> Bytes32 {
    var bytes = Approvals.opening("causeway/proposal/v2", vaultID)
    bytes.append(policy)
    bytes.append(bigEndian: number)
    bytes.append(bigEndian: proposedAt.milliseconds)
    bytes.append(UInt8(truncatingIfNeeded: proposer.text.utf8.count))
    bytes += proposer.text.utf8
    bytes += change.encoded()
    return SHA256Hash.hash(bytes)
  }
}

/// One step in the life of a proposal, to be kept before it counts.
public enum ApprovalRecord: Hashable, Sendable {
  /// Numbers below this one are used up.
  case nextNumber(UInt64)
  case proposed(Proposal)
  case approved(number: UInt64, approver: Bytes32, signature: Bytes64, at: UnixMilliseconds)
  /// Cancelled by an approver, or dropped with the rules under which it was made.
  case cancelled(number: UInt64)
  case executed(number: UInt64)

  public static let version: UInt8 = 2

  /// `02 ‖ kind ‖ number (8) ‖ …`: a proposal goes on with time (8), policy (32), proposer behind its length and change; an
  /// approval with key (32), signature (64) and time (8).
  public func encoded() -> [UInt8] {
    func head(_ kind: UInt8, _ number: UInt64) -> [UInt8] {
      var bytes: [UInt8] = [Self.version, kind]
      bytes.append(bigEndian: number)
      return bytes
    }
    switch self {
    case .nextNumber(let number): return head(1, number)
    case .proposed(let proposal):
      var bytes = head(2, proposal.number)
      bytes.append(bigEndian: proposal.proposedAt.milliseconds)
      bytes.append(proposal.policy)
      bytes.append(UInt8(truncatingIfNeeded: proposal.proposer.text.utf8.count))
      bytes += proposal.proposer.text.utf8
      return bytes + proposal.change.encoded()
    case .approved(let number, let approver, let signature, let at):
      var bytes = head(3, number)
      bytes.append(approver)
      bytes.append(signature)
      bytes.append(bigEndian: at.milliseconds)
      return bytes
    case .cancelled(let number): return head(4, number)
    case .executed(let number): return head(5, number)
    }
  }

  /// Reads one record and nothing after it.
  public init(decoding bytes: [UInt8]) throws(ApprovalRecordError) {
    var reader = ByteReader(bytes.span)
    do {
      let version = try reader.readUInt8()
      guard version == Self.version else { throw ApprovalRecordError.version(version) }
      let kind = try reader.readUInt8()
      let number = try reader.readBigEndian(UInt64.self)
      switch kind {
      case 1: self = .nextNumber(number)
      case 2:
        let at = UnixMilliseconds(try reader.readBigEndian())
        let policy: Bytes32 = try reader.readFixed()
        let name = try reader.readBytes(Int(try reader.readUInt8()))
        guard let proposer = try? ClientName(String(decoding: name, as: UTF8.self)) else {
          throw ApprovalRecordError.proposer
        }
        self = .proposed(
          Proposal(
            number: number, policy: policy, change: try ProposedChange(decoding: reader.readRest()),
            proposer: proposer, proposedAt: at))
      case 3:
        self = .approved(
          number: number, approver: try reader.readFixed(), signature: try reader.readFixed(),
          at: UnixMilliseconds(try reader.readBigEndian()))
      case 4: self = .cancelled(number: number)
      case 5: self = .executed(number: number)
      default: throw ApprovalRecordError.kind(kind)
      }
      try reader.finish()
    } catch let error as ApprovalRecordError {
      throw error
    } catch let error as WireError {
      throw .wire(error)
    } catch {
      // The two above are all that is thrown.
      throw .kind(0)
    }
  }
}
