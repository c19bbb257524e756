public import Encodings
public import Messages
public import SigningRules
public import WireBytes

/// What an administrator asks of a signer. On the wire it is canonical JSON, `{"operation": …}` with the fields of the case.
///
/// What changes policies, keys or records for good goes through ``propose(_:)``, and the approvals that the policy demands.
public enum AdminRequest: Hashable, Sendable {
  case status
  /// Every key, newest generation first.
  case keys
  case key(KeyID)
  /// Proof of where a key lives, over the caller's challenge.
  case location(KeyID, challenge: Bytes32)
  case generate(NewKey)
  /// A new generation; the old one signs for this long.
  case rotate(KeyID, overlapSeconds: UInt64)
  case revoke(KeyID, reason: String)
  case destroy(KeyID)
  case lock(KeyID, reason: String)
  case unlock(KeyID)
  /// A change that needs approvals, in the form of the room that carries it out.
  case propose(JSONValue)
  case approve(number: UInt64, approver: Bytes32, signature: Bytes64)
  case cancel(number: UInt64, approver: Bytes32, signature: Bytes64)
  /// Carries out a proposal whose approvals and delay are complete.
  case execute(number: UInt64)
  case pending
  case policy
  case exportWatermarks
  case importWatermarks(JSONValue)
  case exportEIP3076
  case importEIP3076(JSONValue)
  case auditHead
  /// The newest lines, newest last.
  case auditTail(count: UInt32)
  /// A round of threshold signing or of key generation: bytes that only that room reads.
  case threshold(round: String, message: [UInt8])
  /// A step of a ceremony (backup, recovery), in the form of the room that carries it out.
  case ceremony(step: String, fields: JSONValue)

  /// A key to be made.
  public struct NewKey: Hashable, Sendable {
    public let label: String
    public let suite: KeySuite
    public let purposes: Set<KeyPurpose>
    /// `file`, `pkcs11` or `tpm`.
    public let backEnd: String
    /// A path below the domain's derivation root; nil for random keys.
    public let path: String?
    public let origin: DomainID?
    public let chainIDs: Set<String>?

    public init(
      label: String, suite: KeySuite, purposes: Set<KeyPurpose>, backEnd: String = "file",
      path: String? = nil,
      origin: DomainID? = nil, chainIDs: Set<String>? = nil
    ) {
      self.label = label
      self.suite = suite
      self.purposes = purposes
      self.backEnd = backEnd
      self.path = path
      self.origin = origin
      self.chainIDs = chainIDs
    }
  }

  /// The name of the operation, as it stands on the wire and in the audit log.
  public enum Operation: String, Hashable, Sendable, CaseIterable {
    case status, keys, key, location, generate, rotate, revoke, destroy, lock, unlock, propose, approve,
      cancel,
      execute, pending, policy, exportWatermarks, importWatermarks, exportEIP3076, importEIP3076, auditHead,
      auditTail, threshold, ceremony

    /// Whether it changes nothing: the role `observe` is enough.
    public var isReadOnly: Bool {
      switch self {
      case .status, .keys, .key, .location, .pending, .policy, .exportWatermarks, .exportEIP3076, .auditHead,
        .auditTail:
        true
      case .generate, .rotate, .revoke, .destroy, .lock, .unlock, .propose, .approve, .cancel, .execute,
        .importWatermarks, .importEIP3076, .threshold, .ceremony:
        false
      }
    }
  }

  public var operation: Operation {
    switch self {
    case .status: .status
    case .keys: .keys
    case .key: .key
    case .location: .location
    case .generate: .generate
    case .rotate: .rotate
    case .revoke: .revoke
    case .destroy: .destroy
    case .lock: .lock
    case .unlock: .unlock
    case .propose: .propose
    case .approve: .approve
    case .cancel: .cancel
    case .execute: .execute
    case .pending: .pending
    case .policy: .policy
    case .exportWatermarks: .exportWatermarks
    case .importWatermarks: .importWatermarks
    case .exportEIP3076: .exportEIP3076
    case .importEIP3076: .importEIP3076
    case .auditHead: .auditHead
    case .auditTail: .auditTail
    case .threshold: .threshold
    case .ceremony: .ceremony
    }
  }
}

/// Why bytes are no administrative request.
public enum AdminRequestError: Error, Hashable, Sendable {
  case json(JSONError)
  /// The same in other bytes than ours: white space, order of members, escapes.
  case notCanonical
  case operation(String)
  /// A member is missing, or is not what it must be.
  case member(String)
  /// A member that this operation does not have.
  case unknownMember(String)
  case tooLong(limit: Int, actual: Int)
}
