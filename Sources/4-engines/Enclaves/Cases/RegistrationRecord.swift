public import Encodings
public import Messages
public import WireBytes

/// What a ledger says of an enclave's keys that it has registered.
///
/// Its content in custody chains is ``RegistrationContent``, which stays when the registration ends.
public struct RegistrationRecord: EnclaveContainer {
  public enum Status: UInt8, Hashable, Sendable, CaseIterable {
    /// Until it expires.
    case live = 1
    /// Its evidence did not verify any more.
    case ended = 2
  }

  public let keys: EnclaveKeys
  public let content: RegistrationContent
  public let status: Status
  /// When it ended. UNIX seconds; zero while it lives.
  public let ended: UInt64
  /// The head of the registration's own custody chain, and how many links that has.
  public let head: Bytes32
  public let linkCount: UInt16

  /// - Throws: ``EnclaveFormatError``.
  public init(
    keys: EnclaveKeys, content: RegistrationContent, status: Status, ended: UInt64 = 0, head: Bytes32,
    linkCount: UInt16
  ) throws(EnclaveFormatError) {
    guard keys.registration == content.registration else { throw .unknown(.registration, 0) }
    guard (status == .ended) == (ended > 0) else { throw .unknown(.status, UInt64(status.rawValue)) }
    self.keys = keys
    self.content = content
    self.status = status
    self.ended = ended
    self.head = head
    self.linkCount = linkCount
  }

  public static let sizeMax = EnclaveKeys.sizeMax + RegistrationContent.sizeMax + 64
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("keys", EnclaveKeys.type),
    .init("content", RegistrationContent.type), .init("status", .uint(.uint8)),
    .init("ended", .uint(.uint64)), .init("head", EnclaveLimits.hash), .init("linkCount", .uint(.uint16)),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(1), keys.value, content.value, .uint(UInt64(status.rawValue)), .uint(ended), .hash(head),
      .uint(UInt64(linkCount)),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 7)
    try fields.version()
    let keys = try EnclaveKeys(value: try fields.value())
    let content = try RegistrationContent(value: try fields.value())
    let number = try fields.integer()
    guard let status = UInt8(exactly: number).flatMap(Status.init(rawValue:)) else {
      throw .unknown(.status, number)
    }
    try self.init(
      keys: keys, content: content, status: status, ended: try fields.integer(), head: try fields.hash(),
      linkCount: try fields.short())
  }
}

/// A registration as custody chains have it: whose evidence was accepted, under which policy, when, and until when.
public struct RegistrationContent: EnclaveContainer {
  /// ``EnclaveKeys/registration``.
  public let registration: Bytes32
  public let attestationPolicy: Bytes32
  /// SHA-256 of the evidence's canonical bytes.
  public let evidence: Bytes32
  /// The block time and height of the registration.
  public let registered: UInt64
  public let height: UInt64
  /// The least of what the keys, the evidence with its collateral, and the policy allow. The first second at which nothing
  /// counts any more.
  public let expires: UInt64

  public init(
    registration: Bytes32, attestationPolicy: Bytes32, evidence: Bytes32, registered: UInt64, height: UInt64,
    expires: UInt64
  ) {
    self.registration = registration
    self.attestationPolicy = attestationPolicy
    self.evidence = evidence
    self.registered = registered
    self.height = height
    self.expires = expires
  }

  public static let sizeMax = 2 + 3 * 32 + 3 * 8
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("registration", EnclaveLimits.hash),
    .init("attestationPolicy", EnclaveLimits.hash), .init("evidence", EnclaveLimits.hash),
    .init("registered", .uint(.uint64)), .init("height", .uint(.uint64)), .init("expires", .uint(.uint64)),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(1), .hash(registration), .hash(attestationPolicy), .hash(evidence), .uint(registered),
      .uint(height), .uint(expires),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 7)
    try fields.version()
    self.init(
      registration: try fields.hash(), attestationPolicy: try fields.hash(), evidence: try fields.hash(),
      registered: try fields.integer(), height: try fields.integer(), expires: try fields.integer())
  }
}

/// The end of a registration: the last content of its custody chain.
public struct RegistrationEnd: EnclaveContainer {
  public static let reasonSizeMax = 256

  public let registration: Bytes32
  /// SHA-256 of the evidence that was refused, newer collateral included.
  public let evidence: Bytes32
  /// The refusal's name.
  public let reason: [UInt8]
  /// The block time.
  public let time: UInt64

  /// - Throws: ``EnclaveFormatError/overLimit(_:max:actual:)``.
  public init(
    registration: Bytes32, evidence: Bytes32, reason: [UInt8], time: UInt64
  ) throws(EnclaveFormatError) {
    try EnclaveLimits.fits(reason.count, Self.reasonSizeMax, .value)
    self.registration = registration
    self.evidence = evidence
    self.reason = reason
    self.time = time
  }

  public static let sizeMax = 512
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("registration", EnclaveLimits.hash),
    .init("evidence", EnclaveLimits.hash), .init("reason", .byteList(limit: UInt64(reasonSizeMax))),
    .init("time", .uint(.uint64)),
  ])

  public var value: SSZValue {
    .sequence([.uint(1), .hash(registration), .hash(evidence), .packed(reason), .uint(time)])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 5)
    try fields.version()
    try self.init(
      registration: try fields.hash(), evidence: try fields.hash(), reason: try fields.bytes(),
      time: try fields.integer())
  }
}
