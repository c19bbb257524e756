private import Digests
public import Encodings
public import WireBytes

extension EIP712 {
  /// What `eth_signTypedData_v4` signs: types, a primary type, a domain and a message.
  ///
  /// JSON values: integers as numbers, decimal text or `0x` hex; bytes and addresses as `0x` hex; a struct that is
  /// null hashes as 32 zero bytes, as MetaMask's v4 does. Every member must be present and no other.
  public struct Document: Sendable {
    /// The hash that the wallet signs.
    public let digest: Bytes32
    public let domainSeparator: Bytes32
    /// The struct hash of the message.
    public let messageHash: Bytes32

    /// - Throws: ``EncodingError``.
    public init(_ json: JSONValue) throws(EncodingError) {
      guard let list = json["types"]?.object else { throw .document(member: "types") }
      guard let primary = json["primaryType"]?.string else { throw .document(member: "primaryType") }
      guard let domain = json["domain"], let fields = domain.object else { throw .document(member: "domain") }
      guard let message = json["message"] else { throw .document(member: "message") }
      guard list.count <= EIP712.typesMax else { throw .tooManyTypes(limit: EIP712.typesMax) }
      var members: [String: [Member]] = [:]
      for (type, value) in list {
        guard let entries = value.array else { throw .document(member: "types.\(type)") }
        members[type] = try entries.map { (entry: JSONValue) throws(EncodingError) -> Member in
          guard let name = entry["name"]?.string, let kind = entry["type"]?.string else {
            throw .document(member: "types.\(type)")
          }
          return Member(name: name, type: kind)
        }
      }
      if members[Self.domainType] == nil {
        members[Self.domainType] = Self.domainMembers.filter { fields[$0.name] != nil }
      }
      let encoder = Encoder(types: try Types(members))
      domainSeparator = try encoder.hashStruct(Self.domainType, domain, depth: 0)
      // A document whose primary type is the domain signs the domain alone (MetaMask v4).
      messageHash = try encoder.hashStruct(primary, message, depth: 0)
      digest = EIP712.digest(domainSeparator: domainSeparator, structHash: messageHash)
    }

    private static let domainType = "EIP712Domain"
    /// In the order that EIP-712 gives.
    private static let domainMembers = [
      Member(name: "name", type: "string"), Member(name: "version", type: "string"),
      Member(name: "chainId", type: "uint256"), Member(name: "verifyingContract", type: "address"),
      Member(name: "salt", type: "bytes32"),
    ]
  }

  private struct Encoder {
    let types: Types

    /// Keccak-256 of `typeHash || encodeData`.
    func hashStruct(_ type: String, _ value: JSONValue, depth: Int) throws(EncodingError) -> Bytes32 {
      guard depth <= EIP712.depthMax else { throw .tooDeep(limit: EIP712.depthMax) }
      let members = try types.members(of: type)
      guard let fields = value.object else { throw .value(type: type) }
      let names = Set(members.map { $0.name })
      if let surplus = fields.keys.filter({ !names.contains($0) }).min() {
        throw .surplus(type: type, member: surplus)
      }
      var encoded = Keccak256.hash([UInt8](try types.encoding(of: type).utf8)).array
      for member in members {
        guard let field = fields[member.name] else { throw .missing(type: type, member: member.name) }
        let name = try TypeName(member.type)
        encoded.append(try word(name, name.suffixes.count, member.type, field, depth: depth + 1))
      }
      return Keccak256.hash(encoded)
    }

    /// The 32 bytes of a value whose type is `name` with its first `suffixes` array suffixes.
    private func word(
      _ name: TypeName, _ suffixes: Int, _ text: String, _ value: JSONValue, depth: Int
    ) throws(EncodingError) -> Bytes32 {
      guard depth <= EIP712.depthMax else { throw .tooDeep(limit: EIP712.depthMax) }
      if suffixes > 0 {
        guard let elements = value.array else { throw .value(type: text) }
        if let length = name.suffixes[suffixes - 1], length != elements.count {
          throw .arrayLength(type: text, expected: length, actual: elements.count)
        }
        var hasher = Keccak256()
        for element in elements {
          let word = try word(name, suffixes - 1, text, element, depth: depth + 1)
          hasher.update(word.span)
        }
        return hasher.finalize()
      }
      switch name.base {
      case .structure(let type):
        return value.isNull ? Bytes32() : try hashStruct(type, value, depth: depth)
      case .atomic(let atomic):
        guard let word = Self.word(atomic, value) else { throw .value(type: text) }
        return word
      }
    }

    private static func word(_ type: TypeName.Atomic, _ value: JSONValue) -> Bytes32? {
      switch type {
      case .string:
        return value.string.map { Keccak256.hash([UInt8]($0.utf8)) }
      case .bytes:
        return hex(value).map { Keccak256.hash($0) }
      case .fixedBytes(let count):
        guard let bytes = hex(value), bytes.count == count else { return nil }
        return Bytes32 { $0 < count ? bytes[$0] : 0 }
      case .bool:
        return value.boolean.map { Bytes32(bigEndian: $0 ? 1 : 0) }
      case .address:
        guard let text = value.string, let address = try? EthereumAddress.parse(text) else { return nil }
        return Bytes32 { $0 < 12 ? 0 : address[$0 - 12] }
      case .unsigned(let bits):
        guard let (isNegative, magnitude) = integer(value), !isNegative, magnitude < PowerOfTwo(bits: bits)
        else {
          return nil
        }
        return magnitude.bigEndian
      case .signed(let bits):
        guard let (isNegative, magnitude) = integer(value) else { return nil }
        let bound = PowerOfTwo(bits: bits - 1)
        guard isNegative else { return magnitude < bound ? magnitude.bigEndian : nil }
        guard magnitude <= bound else { return nil }
        return UInt256.zero.subtractingReportingOverflow(magnitude).partialValue.bigEndian
      }
    }

    private static func hex(_ value: JSONValue) -> [UInt8]? {
      guard let text = value.string, text.hasPrefix("0x") else { return nil }
      return try? Hex.decode(text)
    }

    /// Sign and magnitude of an integer as a number, decimal text or `0x` hex of at most 64 digits.
    private static func integer(_ value: JSONValue) -> (isNegative: Bool, magnitude: UInt256)? {
      let text: String
      switch value {
      case .number(let digits), .string(let digits): text = digits
      case .null, .boolean, .array, .object: return nil
      }
      let isNegative = text.hasPrefix("-")
      let digits = isNegative ? String(text.dropFirst()) : text
      guard digits.hasPrefix("0x") else { return UInt256(decimal: digits).map { (isNegative, $0) } }
      let bare = digits.dropFirst(2)
      guard !bare.isEmpty, bare.utf8.count <= 64,
        let bytes = try? Hex.decode((bare.utf8.count.isMultiple(of: 2) ? "" : "0") + bare),
        let magnitude = try? UInt256(bigEndian: bytes.span)
      else { return nil }
      return (isNegative, magnitude)
    }
  }

  /// 2^bits for bits in 0...256, which a 256-bit integer cannot hold at its upper end.
  private struct PowerOfTwo {
    let bits: Int

    private var value: UInt256 {
      func limb(_ index: Int) -> UInt64 { bits / 64 == index ? 1 << UInt64(bits % 64) : 0 }
      return UInt256(limbs: limb(0), limb(1), limb(2), limb(3))
    }

    static func < (left: UInt256, right: PowerOfTwo) -> Bool { right.bits >= 256 || left < right.value }
    static func <= (left: UInt256, right: PowerOfTwo) -> Bool { right.bits >= 256 || left <= right.value }
  }
}
