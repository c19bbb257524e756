private import Digests
public import WireBytes

/// Typed structured data (EIP-712): struct types, their encoding and digests.
public enum EIP712 {
  /// Why types or values cannot be hashed.
  public enum EncodingError: Error, Hashable, Sendable {
    /// The document lacks this member, or it has another JSON type.
    case document(member: String)
    /// A name is no identifier.
    case name(String)
    /// A type is neither atomic, nor an array, nor a struct of the document.
    case type(String)
    /// A struct type has two members of one name.
    case duplicateMember(type: String, member: String)
    case tooManyTypes(limit: Int)
    case tooManyMembers(type: String, limit: Int)
    /// Values or array suffixes are nested deeper than this.
    case tooDeep(limit: Int)
    /// A struct value lacks a member.
    case missing(type: String, member: String)
    /// A struct value has a member that its type does not name.
    case surplus(type: String, member: String)
    /// A value is not of its type or out of its range.
    case value(type: String)
    /// A fixed array has another length.
    case arrayLength(type: String, expected: Int, actual: Int)
  }

  /// A member of a struct type, such as `uint256 amount`.
  public struct Member: Hashable, Sendable {
    public let name: String
    public let type: String

    public init(name: String, type: String) {
      self.name = name
      self.type = type
    }
  }

  public static let typesMax = 128
  public static let membersMax = 128
  /// Structs and arrays inside each other.
  public static let depthMax = 16

  /// Keccak-256 of `0x19 0x01 domainSeparator structHash`.
  public static func digest(domainSeparator: Bytes32, structHash: Bytes32) -> Bytes32 {
    var hasher = Keccak256()
    let prefix: [UInt8] = [0x19, 0x01]
    hasher.update(prefix.span)
    hasher.update(domainSeparator.span)
    hasher.update(structHash.span)
    return hasher.finalize()
  }

  /// The fields that tell one contract's signatures from another's; those that are nil are not in the type.
  public struct Domain: Hashable, Sendable {
    public var name: String?
    public var version: String?
    public var chainID: UInt256?
    public var verifyingContract: Bytes20?
    public var salt: Bytes32?

    public init(
      name: String? = nil, version: String? = nil, chainID: UInt256? = nil,
      verifyingContract: Bytes20? = nil, salt: Bytes32? = nil
    ) {
      self.name = name
      self.version = version
      self.chainID = chainID
      self.verifyingContract = verifyingContract
      self.salt = salt
    }

    /// The struct hash of the domain.
    public var separator: Bytes32 {
      var members: [String] = []
      var encoded: [UInt8] = []
      if let name {
        members.append("string name")
        encoded.append(Keccak256.hash([UInt8](name.utf8)))
      }
      if let version {
        members.append("string version")
        encoded.append(Keccak256.hash([UInt8](version.utf8)))
      }
      if let chainID {
        members.append("uint256 chainId")
        encoded.append(chainID.bigEndian)
      }
      if let verifyingContract {
        members.append("address verifyingContract")
        encoded.append(Bytes32 { $0 < 12 ? 0 : verifyingContract[$0 - 12] })
      }
      if let salt {
        members.append("bytes32 salt")
        encoded.append(salt)
      }
      let type = "EIP712Domain(" + members.joined(separator: ",") + ")"
      return Keccak256.hash(Keccak256.hash([UInt8](type.utf8)).array + encoded)
    }
  }

  /// A set of struct types whose members all have types: atomic ones, structs of the set, or arrays of these.
  public struct Types: Sendable {
    private let members: [String: [Member]]
    private let encodings: [String: String]

    public init(_ members: [String: [Member]]) throws(EncodingError) {
      guard members.count <= EIP712.typesMax else { throw .tooManyTypes(limit: EIP712.typesMax) }
      var references: [String: Set<String>] = [:]
      for (type, list) in members.sorted(by: { $0.key < $1.key }) {
        guard Self.isIdentifier(type), TypeName.atomic(type) == nil else { throw .name(type) }
        guard list.count <= EIP712.membersMax else {
          throw .tooManyMembers(type: type, limit: EIP712.membersMax)
        }
        var seen: Set<String> = []
        var used: Set<String> = []
        for member in list {
          guard Self.isIdentifier(member.name) else { throw .name(member.name) }
          guard seen.insert(member.name).inserted else {
            throw .duplicateMember(type: type, member: member.name)
          }
          switch try TypeName(member.type).base {
          case .atomic: break
          case .structure(let name):
            guard members[name] != nil else { throw .type(member.type) }
            used.insert(name)
          }
        }
        references[type] = used
      }
      self.members = members
      var encodings: [String: String] = [:]
      for type in members.keys {
        var reached: Set<String> = [type]
        var waiting = [type]
        while let next = waiting.popLast() {
          for name in references[next] ?? [] where reached.insert(name).inserted { waiting.append(name) }
        }
        reached.remove(type)
        // The names are identifiers, so scalar order is byte order.
        encodings[type] = ([type] + reached.sorted()).map { Self.signature($0, members[$0] ?? []) }.joined()
      }
      self.encodings = encodings
    }

    /// `encodeType`: the type's signature, then those of all it refers to, sorted by name.
    public func encoding(of type: String) throws(EncodingError) -> String {
      guard let text = encodings[type] else { throw .type(type) }
      return text
    }

    /// The members of struct type `type`, in order.
    public func members(of type: String) throws(EncodingError) -> [Member] {
      guard let list = members[type] else { throw .type(type) }
      return list
    }

    public func contains(_ type: String) -> Bool { members[type] != nil }

    private static func signature(_ type: String, _ members: [Member]) -> String {
      "\(type)(" + members.map { "\($0.type) \($0.name)" }.joined(separator: ",") + ")"
    }

    /// An identifier of Solidity: letters, digits, `_` and `$`, not opening with a digit.
    private static func isIdentifier(_ text: String) -> Bool {
      guard let first = text.utf8.first, text.utf8.count <= 256, !(0x30...0x39).contains(first) else {
        return false
      }
      return text.utf8.allSatisfy { character in
        switch character {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f, 0x24: true
        default: false
        }
      }
    }
  }

  /// A member's type: a base and the array suffixes after it, innermost first.
  struct TypeName {
    enum Atomic: Hashable {
      case unsigned(bits: Int)
      case signed(bits: Int)
      case fixedBytes(Int)
      case bytes, string, bool, address
    }

    enum Base: Hashable {
      case atomic(Atomic)
      case structure(String)
    }

    let base: Base
    /// A length, or nil for `[]`; the last one is the outermost.
    let suffixes: [Int?]

    init(_ text: String) throws(EncodingError) {
      var rest = Substring(text)
      var suffixes: [Int?] = []
      while rest.hasSuffix("]") {
        guard let open = rest.lastIndex(of: "[") else { throw .type(text) }
        let inside = rest[rest.index(after: open)...].dropLast()
        if inside.isEmpty {
          suffixes.append(nil)
        } else {
          guard inside.utf8.allSatisfy({ (0x30...0x39).contains($0) }), inside.first != "0",
            let length = Int(inside), length <= 1 << 20
          else { throw .type(text) }
          suffixes.append(length)
        }
        guard suffixes.count <= EIP712.depthMax else { throw .tooDeep(limit: EIP712.depthMax) }
        rest = rest[..<open]
      }
      self.suffixes = suffixes.reversed()
      let name = String(rest)
      if let atomic = Self.atomic(name) { base = .atomic(atomic) } else { base = .structure(name) }
    }

    static func atomic(_ name: String) -> Atomic? {
      switch name {
      case "bytes": return .bytes
      case "string": return .string
      case "bool": return .bool
      case "address": return .address
      default: break
      }
      func number(after prefix: String) -> Int? {
        guard name.hasPrefix(prefix) else { return nil }
        let digits = name.dropFirst(prefix.count)
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != "0" else { return nil }
        return Int(digits)
      }
      if let count = number(after: "bytes"), (1...32).contains(count) { return .fixedBytes(count) }
      if let bits = number(after: "uint"), (8...256).contains(bits), bits % 8 == 0 {
        return .unsigned(bits: bits)
      }
      if let bits = number(after: "int"), (8...256).contains(bits), bits % 8 == 0 {
        return .signed(bits: bits)
      }
      return nil
    }
  }
}
