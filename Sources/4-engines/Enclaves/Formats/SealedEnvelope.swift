import Digests
public import Encodings
public import Messages
public import WireBytes

/// What is said openly of a sealed input, and authenticated with it.
public struct EnvelopeHeader: EnclaveContainer {
  public let suite: SealingSuite
  /// The registration whose sealing key it is for: ``EnclaveKeys/registration``.
  public let registration: Bytes32
  public let `case`: Bytes32
  /// Who submits the commitment on the ledger: an account.
  public let sender: InteroperableAddress
  /// Used once by a sender in a case.
  public let nonce: UInt64
  /// UNIX seconds; the first second at which it may not be opened.
  public let expires: UInt64
  /// Root of the ``SealedInput``, so that a disclosure of its fields can be checked against the receipt's inputs.
  ///
  /// The input's salt keeps the root from telling anything of it.
  public let content: Bytes32

  /// - Throws: ``EnclaveFormatError``.
  public init(
    suite: SealingSuite, registration: Bytes32, case: Bytes32, sender: InteroperableAddress, nonce: UInt64,
    expires: UInt64, content: Bytes32
  ) throws(EnclaveFormatError) {
    try EnclaveLimits.account(sender, .sender)
    self.suite = suite
    self.registration = registration
    self.case = `case`
    self.sender = sender
    self.nonce = nonce
    self.expires = expires
    self.content = content
  }

  public static let sizeMax = 256
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("suite", .uint(.uint16)),
    .init("registration", EnclaveLimits.hash), .init("case", EnclaveLimits.hash),
    .init("sender", EnclaveLimits.address), .init("nonce", .uint(.uint64)), .init("expires", .uint(.uint64)),
    .init("content", EnclaveLimits.hash),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(1), .uint(UInt64(suite.rawValue)), .hash(registration), .hash(`case`), .address(sender),
      .uint(nonce), .uint(expires), .hash(content),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 8)
    try fields.version()
    try self.init(
      suite: SealingSuite(number: try fields.integer()), registration: try fields.hash(),
      case: try fields.hash(), sender: try fields.address(.sender), nonce: try fields.integer(),
      expires: try fields.integer(), content: try fields.hash())
  }
}

/// An input that only the enclave of one registration can open.
public struct SealedEnvelope: EnclaveContainer {
  public static let encapsulatedSizeMax = 2048
  public static let ciphertextSizeMax = 131_072

  public let header: EnvelopeHeader
  /// HPKE's encapsulated key.
  public let encapsulated: [UInt8]
  public let ciphertext: [UInt8]

  /// - Throws: ``EnclaveFormatError`` when a length is none of the suite's.
  public init(
    header: EnvelopeHeader, encapsulated: [UInt8], ciphertext: [UInt8]
  ) throws(EnclaveFormatError) {
    try EnclaveLimits.isPrecise(encapsulated.count, header.suite.encapsulatedSize, .encapsulated)
    guard ciphertext.count >= SealingSuite.tagSize else {
      throw .length(.ciphertext, expected: SealingSuite.tagSize, actual: ciphertext.count)
    }
    try EnclaveLimits.fits(ciphertext.count, Self.ciphertextSizeMax, .ciphertext)
    self.header = header
    self.encapsulated = encapsulated
    self.ciphertext = ciphertext
  }

  public static let sizeMax = EnvelopeHeader.sizeMax + encapsulatedSizeMax + ciphertextSizeMax + 12
  public static let type: SSZType = .container([
    .init("header", EnvelopeHeader.type),
    .init("encapsulated", .byteList(limit: UInt64(encapsulatedSizeMax))),
    .init("ciphertext", .byteList(limit: UInt64(ciphertextSizeMax))),
  ])

  public var value: SSZValue { .sequence([header.value, .packed(encapsulated), .packed(ciphertext)]) }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 3)
    try self.init(
      header: EnvelopeHeader(value: try fields.value()), encapsulated: try fields.bytes(),
      ciphertext: try fields.bytes())
  }

  /// What the ledger records: `S(tag("causeway/envelope/v1") ‖ S(SSZ))`.
  public var commitment: Bytes32 { EnclaveTag.hash("causeway/envelope/v1", SHA256Hash.hash(encoded())) }
}

/// The commitments of a case in the order of their submission.
public enum CaseInputs {
  public static let countMax = EnclaveLimits.inputCountMax
  public static let type = SSZType.list(.byteVector(32), limit: UInt64(countMax))

  /// `hash_tree_root(List[Bytes32, 256])`.
  ///
  /// - Throws: ``EnclaveFormatError/overLimit(_:max:actual:)``.
  public static func root(_ commitments: [Bytes32]) throws(EnclaveFormatError) -> Bytes32 {
    try EnclaveLimits.fits(commitments.count, countMax, .inputs)
    return SSZMerkleizer.root(list: commitments, limit: UInt64(countMax))
  }
}

/// Cases by name.
public enum CaseIdentity {
  /// `S(tag("causeway/case/v1") ‖ u16 length ‖ domain ‖ u64 number)`, integers big-endian.
  ///
  /// - Throws: ``EnclaveFormatError`` when `domain` is not a chain alone.
  public static func id(
    domain: InteroperableAddress, number: UInt64
  ) throws(EnclaveFormatError) -> Bytes32 {
    try EnclaveLimits.chain(domain, .domain)
    var preimage = EnclaveTag.bytes("causeway/case/v1")
    let bytes = domain.encoded()
    preimage.append(bigEndian: UInt16(truncatingIfNeeded: bytes.count))
    preimage += bytes
    preimage.append(bigEndian: number)
    return SHA256Hash.hash(preimage)
  }
}
