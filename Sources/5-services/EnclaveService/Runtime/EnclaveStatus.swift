public import Encodings
public import WireBytes

/// What an enclave says about itself to whoever may ask: no secret.
public struct EnclaveStatus: Hashable, Sendable {
  public struct Registration: Hashable, Sendable {
    public let id: Bytes32
    public let sequence: UInt64
    /// UNIX seconds.
    public let issued: UInt64
    public let expires: UInt64

    public init(id: Bytes32, sequence: UInt64, issued: UInt64, expires: UInt64) {
      self.id = id
      self.sequence = sequence
      self.issued = issued
      self.expires = expires
    }
  }

  public static let schema = "causeway-enclave-status/1"

  public let platform: String
  public let isSimulated: Bool
  public let identity: EnclaveIdentity
  /// Starts and raises of the counter since the log was made.
  public let epoch: UInt64
  /// Cases computed, or transitions signed.
  public let answers: UInt64
  /// Of the newest keys that this log knows.
  public let sequence: UInt64
  /// Keys that this process holds.
  public let registrations: [Registration]
  /// How far a chain was followed; nil for an enclave that computes cases.
  public let followed: FollowedState?
  /// Nothing can be written down any more: the process has to be started again.
  public let failed: Bool

  public init(
    platform: String, isSimulated: Bool, identity: EnclaveIdentity, epoch: UInt64, answers: UInt64,
    sequence: UInt64,
    registrations: [Registration], followed: FollowedState?, failed: Bool
  ) {
    self.platform = platform
    self.isSimulated = isSimulated
    self.identity = identity
    self.epoch = epoch
    self.answers = answers
    self.sequence = sequence
    self.registrations = registrations
    self.followed = followed
    self.failed = failed
  }

  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "schema": .string(Self.schema), "platform": .string(platform), "simulated": .boolean(isSimulated),
      "program": .string(Hex.encode(identity.program.span)),
      "policy": .string(Hex.encode(identity.policy.span)),
      "epoch": .number(String(epoch)), "answers": .number(String(answers)),
      "sequence": .number(String(sequence)),
      "failed": .boolean(failed),
      "registrations": .array(
        registrations.map {
          [
            "id": .string(Hex.encode($0.id.span)), "sequence": .number(String($0.sequence)),
            "issued": .number(String($0.issued)), "expires": .number(String($0.expires)),
          ]
        }),
    ]
    if let followed { members["followed"] = .string(Hex.encode(followed.encoded())) }
    return .object(members)
  }

  /// Nil for JSON that is no status.
  public init?(json: JSONValue) {
    func hash(_ value: JSONValue?) -> Bytes32? { value?.string.flatMap { try? Bytes32(hex: $0) } }
    func integer(_ value: JSONValue?) -> UInt64? {
      guard case .number(let text)? = value else { return nil }
      return UInt64(text)
    }
    guard let members = json.object, members["schema"]?.string == Self.schema,
      let platform = members["platform"]?.string, case .boolean(let isSimulated)? = members["simulated"],
      let program = hash(members["program"]), let policy = hash(members["policy"]),
      let epoch = integer(members["epoch"]), let answers = integer(members["answers"]),
      let sequence = integer(members["sequence"]), case .boolean(let failed)? = members["failed"],
      case .array(let items)? = members["registrations"], items.count <= KeyRing.generationsMax
    else { return nil }
    var registrations: [Registration] = []
    for item in items {
      guard let parts = item.object, let id = hash(parts["id"]), let sequence = integer(parts["sequence"]),
        let issued = integer(parts["issued"]), let expires = integer(parts["expires"])
      else { return nil }
      registrations.append(Registration(id: id, sequence: sequence, issued: issued, expires: expires))
    }
    var followed: FollowedState?
    if let value = members["followed"] {
      guard let text = value.string, let bytes = try? Hex.decode(text),
        let state = try? FollowedState(decoding: bytes.span)
      else { return nil }
      followed = state
    }
    self.init(
      platform: platform, isSimulated: isSimulated,
      identity: EnclaveIdentity(program: program, policy: policy),
      epoch: epoch, answers: answers, sequence: sequence, registrations: registrations, followed: followed,
      failed: failed)
  }
}
