public import Encodings
public import Messages
public import WireBytes

/// What a sealed envelope holds: what goes to the program, and the key that its answer is sealed to.
///
/// Any field can be disclosed alone with a branch to ``root()``; the salts keep the others hidden. In the tree the salt
/// is the body's neighbour, so that a branch to anything but the body shows the two of them only as one hash.
public struct SealedInput: EnclaveContainer {
  public static let bodySizeMax = 65_536
  public static let fieldCountMax = 64

  /// A named part of the input, hidden from whoever is shown another one by its own salt.
  public struct Field: Hashable, Sendable {
    public static let nameSizeMax = 64
    public static let valueSizeMax = 4096

    public let name: String
    public let value: [UInt8]
    /// 32 random bytes.
    public let salt: Bytes32

    /// - Throws: ``EnclaveFormatError``: names are 1 to 64 printable ASCII characters.
    public init(name: String, value: [UInt8], salt: Bytes32) throws(EnclaveFormatError) {
      guard !name.isEmpty else { throw .empty(.name) }
      try EnclaveLimits.fits(name.utf8.count, Self.nameSizeMax, .name)
      if let stranger = name.utf8.first(where: { !(0x21...0x7e).contains($0) }) {
        throw .unknown(.name, UInt64(stranger))
      }
      try EnclaveLimits.fits(value.count, Self.valueSizeMax, .value)
      guard !salt.isZero else { throw .empty(.salt) }
      self.name = name
      self.value = value
      self.salt = salt
    }

    static let type: SSZType = .container([
      .init("name", .byteList(limit: UInt64(nameSizeMax))),
      .init("value", .byteList(limit: UInt64(valueSizeMax))), .init("salt", EnclaveLimits.hash),
    ])

    var ssz: SSZValue { .sequence([.packed([UInt8](name.utf8)), .packed(value), .hash(salt)]) }

    init(ssz: SSZValue) throws(EnclaveFormatError) {
      var fields = try SSZFields(ssz, count: 3)
      let name = try fields.bytes()
      // Before it becomes text, so that no two byte strings read as one name.
      if let stranger = name.first(where: { !(0x21...0x7e).contains($0) }) {
        throw .unknown(.name, UInt64(stranger))
      }
      try self.init(
        name: String(decoding: name, as: UTF8.self), value: try fields.bytes(), salt: try fields.hash())
    }
  }

  /// The key that the reply is sealed to.
  public let reply: SealingPublicKey
  /// For the program.
  public let body: [UInt8]
  /// 32 random bytes: without them ``EnvelopeHeader/content`` would let anyone try out bodies.
  public let salt: Bytes32
  /// Also for the program; names ascend.
  public let fields: [Field]

  /// - Throws: ``EnclaveFormatError``.
  public init(
    reply: SealingPublicKey, body: [UInt8], salt: Bytes32, fields: [Field] = []
  ) throws(EnclaveFormatError) {
    try EnclaveLimits.fits(body.count, Self.bodySizeMax, .body)
    try EnclaveLimits.fits(fields.count, Self.fieldCountMax, .fields)
    guard !salt.isZero else { throw .empty(.salt) }
    for index in fields.indices.dropFirst()
    where !fields[index - 1].name.utf8.lexicographicallyPrecedes(fields[index].name.utf8) {
      throw .order(.fields, index: index)
    }
    self.reply = reply
    self.body = body
    self.salt = salt
    self.fields = fields
    try EnclaveLimits.fits(encodedSize, Self.sizeMax, .plaintext)
  }

  /// What a ciphertext can hold.
  public static let sizeMax = SealedEnvelope.ciphertextSizeMax - SealingSuite.tagSize
  public static let type: SSZType = .container([
    .init("replySuite", .uint(.uint16)), .init("replyKey", EnclaveLimits.key),
    .init("body", .byteList(limit: UInt64(bodySizeMax))), .init("salt", EnclaveLimits.hash),
    .init("fields", .list(Field.type, limit: UInt64(fieldCountMax))),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(UInt64(reply.suite.rawValue)), .packed(reply.bytes), .packed(body), .hash(salt),
      .sequence(fields.map(\.ssz)),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 5)
    let reply = try SealingPublicKey(
      suite: SealingSuite(number: try fields.integer()), bytes: try fields.bytes(), field: .replyKey)
    let body = try fields.bytes()
    let salt = try fields.hash()
    var parts: [Field] = []
    for part in try fields.sequence() { parts.append(try Field(ssz: part)) }
    try self.init(reply: reply, body: body, salt: salt, fields: parts)
  }

  private var encodedSize: Int {
    var size = 2 + 4 + 4 + 32 + 4 + reply.bytes.count + body.count
    for field in fields { size += 4 + 4 + 4 + 32 + field.name.utf8.count + field.value.count }
    return size
  }
}
