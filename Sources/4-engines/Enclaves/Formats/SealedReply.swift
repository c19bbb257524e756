import Digests
public import Encodings
public import Messages
public import WireBytes

/// What is said openly of a sealed reply, and authenticated with it.
public struct ReplyHeader: EnclaveContainer {
  public let suite: SealingSuite
  /// Whose enclave answers.
  public let registration: Bytes32
  public let `case`: Bytes32
  /// The commitment of the input that it answers.
  public let commitment: Bytes32
  /// The place of the reply in the answer: one input may get several.
  public let index: UInt64

  public init(
    suite: SealingSuite, registration: Bytes32, case: Bytes32, commitment: Bytes32, index: UInt64
  ) {
    self.suite = suite
    self.registration = registration
    self.case = `case`
    self.commitment = commitment
    self.index = index
  }

  public static let sizeMax = 108
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("suite", .uint(.uint16)),
    .init("registration", EnclaveLimits.hash), .init("case", EnclaveLimits.hash),
    .init("commitment", EnclaveLimits.hash), .init("index", .uint(.uint64)),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(1), .uint(UInt64(suite.rawValue)), .hash(registration), .hash(`case`), .hash(commitment),
      .uint(index),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 6)
    try fields.version()
    self.init(
      suite: try SealingSuite(number: try fields.integer()), registration: try fields.hash(),
      case: try fields.hash(), commitment: try fields.hash(), index: try fields.integer())
  }
}

/// An answer that only the holder of the input's reply key can open; its plaintext is the program's bytes.
public struct SealedReply: EnclaveContainer {
  public static let bodySizeMax = 65_536
  public static let ciphertextSizeMax = bodySizeMax + SealingSuite.tagSize
  public static let countMax = EnclaveLimits.inputCountMax

  public let header: ReplyHeader
  public let encapsulated: [UInt8]
  public let ciphertext: [UInt8]

  /// - Throws: ``EnclaveFormatError`` when a length is none of the suite's.
  public init(
    header: ReplyHeader, encapsulated: [UInt8], ciphertext: [UInt8]
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

  public static let sizeMax = ReplyHeader.sizeMax + 8 + 2048 + ciphertextSizeMax
  public static let type: SSZType = .container([
    .init("header", ReplyHeader.type), .init("encapsulated", .byteList(limit: 2048)),
    .init("ciphertext", .byteList(limit: UInt64(ciphertextSizeMax))),
  ])

  public var value: SSZValue { .sequence([header.value, .packed(encapsulated), .packed(ciphertext)]) }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 3)
    try self.init(
      header: ReplyHeader(value: try fields.value()), encapsulated: try fields.bytes(),
      ciphertext: try fields.bytes())
  }

  /// `S(SSZ)`.
  public var digest: Bytes32 { SHA256Hash.hash(encoded()) }

  /// ``Receipt/replies``: the root of `List[Bytes32, 256]` of the digests.
  ///
  /// - Throws: ``EnclaveFormatError/overLimit(_:max:actual:)``.
  public static func root(_ replies: [SealedReply]) throws(EnclaveFormatError) -> Bytes32 {
    try CaseInputs.root(replies.map(\.digest))
  }
}
