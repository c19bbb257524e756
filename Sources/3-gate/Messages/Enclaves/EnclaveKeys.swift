private import Digests
public import Encodings
public import WireBytes

/// What an enclave's evidence binds: its keys, its program and policy, whose it is, where it settles, and until when.
///
/// ``reportData`` goes into the evidence whole, so that a quote serves one operator, one domain and one pair of keys.
public struct EnclaveKeys: EnclaveContainer {
  /// The settlement domain: ERC-7930, chain alone.
  public let domain: InteroperableAddress
  /// Who runs the enclave: an account.
  public let `operator`: InteroperableAddress
  /// SHA-256 of the program's WASM.
  public let program: Bytes32
  /// ``EnclavePolicy/hash``.
  public let policy: Bytes32
  public let signing: EnclaveVerificationKey
  public let sealing: SealingPublicKey
  /// Grows with each rotation of one operator.
  public let sequence: UInt64
  /// A recent block of the domain: the keys are not older than it.
  public let anchorHeight: UInt64
  public let anchorHash: Bytes32
  /// UNIX seconds.
  public let issued: UInt64
  public let expires: UInt64

  /// - Throws: ``EnclaveFormatError``.
  public init(
    domain: InteroperableAddress, operator: InteroperableAddress, program: Bytes32, policy: Bytes32,
    signing: EnclaveVerificationKey, sealing: SealingPublicKey, sequence: UInt64, anchorHeight: UInt64,
    anchorHash: Bytes32, issued: UInt64, expires: UInt64
  ) throws(EnclaveFormatError) {
    try EnclaveLimits.chain(domain, .domain)
    try EnclaveLimits.account(`operator`, .operator)
    guard sequence > 0 else { throw .empty(.sequence) }
    guard issued < expires else { throw .times(.expires, first: issued, second: expires) }
    self.domain = domain
    self.operator = `operator`
    self.program = program
    self.policy = policy
    self.signing = signing
    self.sealing = sealing
    self.sequence = sequence
    self.anchorHeight = anchorHeight
    self.anchorHash = anchorHash
    self.issued = issued
    self.expires = expires
  }

  public static let sizeMax = 8 << 10
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("domain", EnclaveLimits.address),
    .init("operator", EnclaveLimits.address), .init("program", EnclaveLimits.hash),
    .init("policy", EnclaveLimits.hash), .init("signingSuite", EnclaveLimits.suiteName),
    .init("signingKey", EnclaveLimits.key), .init("sealingSuite", .uint(.uint16)),
    .init("sealingKey", EnclaveLimits.key), .init("sequence", .uint(.uint64)),
    .init("anchorHeight", .uint(.uint64)), .init("anchorHash", EnclaveLimits.hash),
    .init("issued", .uint(.uint64)), .init("expires", .uint(.uint64)),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(1), .address(domain), .address(`operator`), .hash(program), .hash(policy), .name(signing.suite),
      .packed(signing.bytes), .uint(UInt64(sealing.suite.rawValue)), .packed(sealing.bytes), .uint(sequence),
      .uint(anchorHeight), .hash(anchorHash), .uint(issued), .uint(expires),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 14)
    try fields.version()
    let domain = try fields.address(.domain)
    let account = try fields.address(.operator)
    let program = try fields.hash()
    let policy = try fields.hash()
    let signing = try EnclaveVerificationKey(
      suite: SigningSuite(name: try fields.bytes()), bytes: try fields.bytes())
    let sealing = try SealingPublicKey(
      suite: SealingSuite(number: try fields.integer()), bytes: try fields.bytes())
    try self.init(
      domain: domain, operator: account, program: program, policy: policy, signing: signing,
      sealing: sealing, sequence: try fields.integer(), anchorHeight: try fields.integer(),
      anchorHash: try fields.hash(), issued: try fields.integer(), expires: try fields.integer())
  }

  /// The id of the registration of these keys: their root.
  public var registration: Bytes32 { root() }

  /// What the evidence must hold, all 64 bytes: `SHA-512(tag("causeway/enclave-keys/v1") ‖ root)`.
  public var reportData: Bytes64 {
    var preimage = EnclaveTag.bytes("causeway/enclave-keys/v1")
    preimage.append(root())
    return SecureHashes.sha512(preimage.span)
  }
}

/// One start of an enclave on a machine with a TPM, as its event log has it.
///
/// PCR 14 is extended by ``eventDigest`` of each launch, from zero, in order.
public struct Launch: EnclaveContainer {
  public let program: Bytes32
  public let policy: Bytes32
  /// UNIX seconds by the machine's clock.
  public let start: UInt64

  public init(program: Bytes32, policy: Bytes32, start: UInt64) {
    self.program = program
    self.policy = policy
    self.start = start
  }

  public static let sizeMax = 74
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("program", EnclaveLimits.hash),
    .init("policy", EnclaveLimits.hash), .init("start", .uint(.uint64)),
  ])

  public var value: SSZValue { .sequence([.uint(1), .hash(program), .hash(policy), .uint(start)]) }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 4)
    try fields.version()
    self.init(program: try fields.hash(), policy: try fields.hash(), start: try fields.integer())
  }

  /// `S(tag("causeway/launch/v1") ‖ SSZ)`: what the PCR is extended with.
  public var eventDigest: Bytes32 {
    SHA256Hash.hash(EnclaveTag.bytes("causeway/launch/v1") + encoded())
  }
}
