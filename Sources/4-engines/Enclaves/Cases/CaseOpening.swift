public import Encodings
public import Messages
public import WireBytes

/// How a case began: what computes it, under which policies, who issues its tokens, until when.
///
/// The first content of the case's custody chain, so that the head of the case's record commits to it.
public struct CaseOpening: EnclaveContainer {
  public typealias Coin = Update.Coin

  /// Counts the cases of the domain from 1.
  public let number: UInt64
  public let opener: InteroperableAddress
  /// SHA-256 of the program's WASM.
  public let program: Bytes32
  /// ``EnclavePolicy/hash``.
  public let policy: Bytes32
  /// Hash of the attestation policy that registrations for this case were made under.
  public let attestationPolicy: Bytes32
  /// Whose tokens count.
  public let coordinator: EnclaveVerificationKey
  /// The block time of the opening. UNIX seconds, as the others.
  public let opened: UInt64
  /// The first second at which nothing more is submitted.
  public let closes: UInt64
  /// The first second at which the case is not settled any more, and everybody's coins go back.
  public let expires: UInt64
  public let maximumInputs: UInt16
  /// The coins that inputs may bring, with the least amount of each that one input brings, if any.
  public let accepts: [Coin]
  /// The settled case that this one goes on from; zero for none.
  public let continues: Bytes32
  /// The program's state before: what the case that this one continues has left; zero for none.
  public let state: Bytes32

  /// - Throws: ``EnclaveFormatError``.
  public init(
    number: UInt64, opener: InteroperableAddress, program: Bytes32, policy: Bytes32,
    attestationPolicy: Bytes32, coordinator: EnclaveVerificationKey, opened: UInt64, closes: UInt64,
    expires: UInt64, maximumInputs: UInt16, accepts: [Coin], continues: Bytes32 = Bytes32(),
    state: Bytes32 = Bytes32()
  ) throws(EnclaveFormatError) {
    guard number > 0 else { throw .empty(.number) }
    try EnclaveLimits.account(opener, .opener)
    guard opened < closes else { throw .times(.closes, first: opened, second: closes) }
    guard closes < expires else { throw .times(.expires, first: closes, second: expires) }
    guard maximumInputs > 0 else { throw .empty(.maximumInputs) }
    try EnclaveLimits.fits(Int(maximumInputs), CaseInputs.countMax, .maximumInputs)
    try EnclaveCoins.check(accepts)
    guard !continues.isZero || state.isZero else { throw .unknown(.number, 0) }
    self.number = number
    self.opener = opener
    self.program = program
    self.policy = policy
    self.attestationPolicy = attestationPolicy
    self.coordinator = coordinator
    self.opened = opened
    self.closes = closes
    self.expires = expires
    self.maximumInputs = maximumInputs
    self.accepts = accepts
    self.continues = continues
    self.state = state
  }

  public static let sizeMax = 8 << 10
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("number", .uint(.uint64)), .init("opener", EnclaveLimits.address),
    .init("program", EnclaveLimits.hash), .init("policy", EnclaveLimits.hash),
    .init("attestationPolicy", EnclaveLimits.hash), .init("coordinatorSuite", EnclaveLimits.suiteName),
    .init("coordinatorKey", EnclaveLimits.key), .init("opened", .uint(.uint64)),
    .init("closes", .uint(.uint64)), .init("expires", .uint(.uint64)),
    .init("maximumInputs", .uint(.uint16)), .init("accepts", EnclaveCoins.type),
    .init("continues", EnclaveLimits.hash), .init("state", EnclaveLimits.hash),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(1), .uint(number), .address(opener), .hash(program), .hash(policy), .hash(attestationPolicy),
      .name(coordinator.suite), .packed(coordinator.bytes), .uint(opened), .uint(closes), .uint(expires),
      .uint(UInt64(maximumInputs)), EnclaveCoins.value(accepts), .hash(continues), .hash(state),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 15)
    try fields.version()
    let number = try fields.integer()
    let opener = try fields.address(.opener)
    let program = try fields.hash()
    let policy = try fields.hash()
    let attestationPolicy = try fields.hash()
    let coordinator = try EnclaveVerificationKey(
      suite: SigningSuite(name: try fields.bytes()), bytes: try fields.bytes(), field: .coordinatorKey)
    try self.init(
      number: number, opener: opener, program: program, policy: policy, attestationPolicy: attestationPolicy,
      coordinator: coordinator, opened: try fields.integer(), closes: try fields.integer(),
      expires: try fields.integer(), maximumInputs: try fields.short(),
      accepts: try EnclaveCoins.read(try fields.value()), continues: try fields.hash(),
      state: try fields.hash())
  }
}
