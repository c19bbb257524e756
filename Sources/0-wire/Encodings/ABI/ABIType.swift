/// Why a type's name is none of the Solidity ABI. Offsets count bytes from the start of the text.
public enum ABITypeError: Error, Hashable, Sendable {
  /// An unknown name, or a width that Solidity does not have.
  case name(String)
  /// A parenthesis, comma or bracket is missing or too many.
  case syntax(offset: Int)
  /// Arrays and tuples are nested deeper than ``ABIType/depthMax``.
  case tooDeep
  /// An array without elements.
  case emptyArray
}

/// A type of the Solidity ABI.
///
/// Source: Solidity documentation, "Contract ABI Specification".
public indirect enum ABIType: Hashable, Sendable {
  /// Unsigned; width in bits, 8…256 in steps of 8.
  case uint(Int)
  /// Two's complement; width in bits, 8…256 in steps of 8.
  case int(Int)
  case address
  case boolean
  /// `bytesN`, 1…32.
  case fixedBytes(Int)
  case bytes
  case string
  /// `T[]`.
  case array(ABIType)
  /// `T[k]`.
  case fixedArray(ABIType, Int)
  case tuple([ABIType])

  /// How deep types may be nested.
  public static let depthMax = 32

  public static let uint256 = ABIType.uint(256)
  public static let bytes32 = ABIType.fixedBytes(32)

  /// Reads a canonical name: `uint256`, `(address,bytes32[2])[]`; `uint` and `int` stand for 256 bits.
  public init(_ name: String) throws(ABITypeError) {
    var parser = ABITypeParser(characters: [UInt8](name.utf8))
    self = try parser.type(depth: 0)
    try parser.finish()
  }

  /// The canonical name, as selectors hash it.
  public var name: String {
    switch self {
    case .uint(let bits): "uint\(bits)"
    case .int(let bits): "int\(bits)"
    case .address: "address"
    case .boolean: "bool"
    case .fixedBytes(let count): "bytes\(count)"
    case .bytes: "bytes"
    case .string: "string"
    case .array(let element): element.name + "[]"
    case .fixedArray(let element, let count): element.name + "[\(count)]"
    case .tuple(let members): "(" + members.map(\.name).joined(separator: ",") + ")"
    }
  }

  /// Whether a value stands behind an offset.
  public var isDynamic: Bool {
    switch self {
    case .bytes, .string, .array: true
    case .fixedArray(let element, _): element.isDynamic
    case .tuple(let members): members.contains { $0.isDynamic }
    default: false
    }
  }

  /// Bytes in the head of what encloses a value; nil when the type is too large to be real.
  var headSize: Int? {
    if isDynamic { return 32 }
    switch self {
    case .fixedArray(let element, let count):
      guard let size = element.headSize, count > 0 else { return nil }
      let (product, overflow) = size.multipliedReportingOverflow(by: count)
      return overflow ? nil : product
    case .tuple(let members):
      return Self.headSize(members)
    default:
      return 32
    }
  }

  static func headSize(_ members: [ABIType]) -> Int? {
    var sum = 0
    for member in members {
      guard let size = member.headSize else { return nil }
      let (next, overflow) = sum.addingReportingOverflow(size)
      guard !overflow else { return nil }
      sum = next
    }
    return sum
  }
}

/// Reads type names by recursive descent.
struct ABITypeParser {
  let characters: [UInt8]
  var offset = 0

  func finish() throws(ABITypeError) {
    guard offset == characters.count else { throw .syntax(offset: offset) }
  }

  private var next: UInt8? { offset < characters.count ? characters[offset] : nil }

  mutating func type(depth: Int) throws(ABITypeError) -> ABIType {
    guard depth < ABIType.depthMax else { throw .tooDeep }
    var type = next == 0x28 ? ABIType.tuple(try members(depth: depth)) : try elementary()
    var suffixes = 0
    while next == 0x5b {
      offset += 1
      suffixes += 1
      guard depth + suffixes < ABIType.depthMax else { throw .tooDeep }
      let start = offset
      while let character = next, (0x30...0x39).contains(character) { offset += 1 }
      let digits = String(decoding: characters[start..<offset], as: UTF8.self)
      guard next == 0x5d else { throw .syntax(offset: offset) }
      offset += 1
      if digits.isEmpty {
        type = .array(type)
      } else {
        guard let count = Int(digits), digits.first != "0" || digits.count == 1 else {
          throw .syntax(offset: start)
        }
        guard count > 0 else { throw .emptyArray }
        type = .fixedArray(type, count)
      }
    }
    return type
  }

  /// `(T1,T2,…)`.
  mutating func members(depth: Int) throws(ABITypeError) -> [ABIType] {
    guard next == 0x28 else { throw .syntax(offset: offset) }
    offset += 1
    var members: [ABIType] = []
    if next == 0x29 {
      offset += 1
      return members
    }
    while true {
      members.append(try type(depth: depth + 1))
      let separator = next
      offset += 1
      switch separator {
      case 0x2c: continue
      case 0x29: return members
      default: throw .syntax(offset: offset - 1)
      }
    }
  }

  private mutating func elementary() throws(ABITypeError) -> ABIType {
    let start = offset
    while let character = next, (0x30...0x39).contains(character) || (0x61...0x7a).contains(character) {
      offset += 1
    }
    let name = String(decoding: characters[start..<offset], as: UTF8.self)
    switch name {
    case "address": return .address
    case "bool": return .boolean
    case "bytes": return .bytes
    case "string": return .string
    case "uint": return .uint(256)
    case "int": return .int(256)
    default: break
    }
    func width(after prefix: String, step: Int, max: Int) -> Int? {
      guard name.hasPrefix(prefix) else { return nil }
      let digits = name.dropFirst(prefix.count)
      guard digits.first != "0", let width = Int(digits), width > 0, width <= max, width.isMultiple(of: step)
      else { return nil }
      return width
    }
    if let bits = width(after: "uint", step: 8, max: 256) { return .uint(bits) }
    if let bits = width(after: "int", step: 8, max: 256) { return .int(bits) }
    if let count = width(after: "bytes", step: 1, max: 32) { return .fixedBytes(count) }
    throw .name(name)
  }
}
