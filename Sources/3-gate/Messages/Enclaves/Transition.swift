public import Encodings
public import WireBytes

/// What an attested enclave that follows a foreign chain signs: the step from one state of it to the next.
public struct Transition: EnclaveContainer {
  public let registration: Bytes32
  /// State ids: the digest of the transition before, or zero for the first.
  public let previous: Bytes32
  public let next: Bytes32
  public let revision: UInt64
  public let height: UInt64
  /// The chain's own time, UNIX seconds.
  public let time: UInt64
  /// The chain's state root.
  public let stateRoot: Bytes32

  public init(
    registration: Bytes32, previous: Bytes32, next: Bytes32, revision: UInt64, height: UInt64, time: UInt64,
    stateRoot: Bytes32
  ) {
    self.registration = registration
    self.previous = previous
    self.next = next
    self.revision = revision
    self.height = height
    self.time = time
    self.stateRoot = stateRoot
  }

  public static let sizeMax = 2 + 4 * 32 + 24
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("registration", EnclaveLimits.hash),
    .init("previous", EnclaveLimits.hash), .init("next", EnclaveLimits.hash),
    .init("revision", .uint(.uint64)), .init("height", .uint(.uint64)), .init("time", .uint(.uint64)),
    .init("root", EnclaveLimits.hash),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(1), .hash(registration), .hash(previous), .hash(next), .uint(revision), .uint(height),
      .uint(time), .hash(stateRoot),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 8)
    try fields.version()
    self.init(
      registration: try fields.hash(), previous: try fields.hash(), next: try fields.hash(),
      revision: try fields.integer(), height: try fields.integer(), time: try fields.integer(),
      stateRoot: try fields.hash())
  }

  /// What the enclave signs: `S(tag("causeway/enclave-state/v1") ‖ S(binding) ‖ root)`.
  ///
  /// - Parameter bindingHash: SHA-256 of the client's binding, as in docs/spec/attestation.md.
  public func digest(bindingHash: Bytes32) -> Bytes32 {
    EnclaveTag.hash("causeway/enclave-state/v1", bindingHash, root())
  }
}
