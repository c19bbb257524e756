import Encodings
import WireBytes
import Yams

/// The types that `ssz_generic` cases name, and their values in YAML.
///
/// Source: consensus-specs, tests/formats/ssz_generic/README.md and the generator's `ssz_generic_cases`.
enum SSZGenericTypes {
  /// A value in YAML does not fit the type of its case.
  enum YAMLMismatch: Error, Hashable, Sendable {
    case empty
    case scalar(String)
    case shape
  }

  // MARK: Types

  static func type(handler: String, name: String) -> SSZType? {
    let parts = name.split(separator: "_").map(String.init)
    switch handler {
    case "boolean":
      return .boolean
    case "uints":
      return parts.count > 1 ? basic("uint" + parts[1]) : nil
    case "basic_vector":
      guard parts.count > 2, let element = basic(parts[1]), let count = Int(parts[2]) else { return nil }
      return .vector(element, count)
    case "bitvector":
      return parts.count > 1 ? Int(parts[1]).map(SSZType.bitvector) : nil
    case "bitlist":
      guard parts.count > 1 else { return nil }
      // Cases without a delimiter need no limit, and older ones name none.
      return .bitlist(limit: UInt64(parts[1]) ?? 8)
    case "progressive_bitlist":
      return .progressiveBitlist
    case "basic_progressive_list":
      guard parts.count > 1, let element = basic(parts[1]) else { return nil }
      return .progressiveList(element)
    case "containers", "progressive_containers", "compatible_unions":
      return parts.first.flatMap { structures[$0] }
    default:
      return nil
    }
  }

  private static func basic(_ name: String) -> SSZType? {
    switch name {
    case "bool": .boolean
    case "uint8": .uint(.uint8)
    case "uint16": .uint(.uint16)
    case "uint32": .uint(.uint32)
    case "uint64": .uint(.uint64)
    case "uint128": .uint(.uint128)
    case "uint256": .uint(.uint256)
    default: nil
    }
  }

  private static let byte = SSZType.uint(.uint8)
  private static let small = SSZType.container([.init("A", .uint(.uint16)), .init("B", .uint(.uint16))])
  private static let fixed = SSZType.container([
    .init("A", .uint(.uint8)), .init("B", .uint(.uint64)), .init("C", .uint(.uint32)),
  ])
  private static let variable = SSZType.container([
    .init("A", .uint(.uint16)), .init("B", .list(.uint(.uint16), limit: 1024)), .init("C", .uint(.uint8)),
  ])
  private static let progressiveSingleField = SSZType.progressiveContainer(
    activeFields: [true], [.init("A", byte)])
  private static let progressiveSingleList = SSZType.progressiveContainer(
    activeFields: flags("00001"), [.init("C", .progressiveBitlist)])
  private static let progressiveVariable = SSZType.progressiveContainer(
    activeFields: flags("10101"),
    [.init("A", byte), .init("B", .list(.uint(.uint16), limit: 123)), .init("C", .progressiveBitlist)])

  private static func flags(_ digits: String) -> [Bool] { digits.map { $0 == "1" } }

  private static let structures: [String: SSZType] = [
    "SingleFieldTestStruct": .container([.init("A", byte)]),
    "SmallTestStruct": small,
    "FixedTestStruct": fixed,
    "VarTestStruct": variable,
    "ComplexTestStruct": .container([
      .init("A", .uint(.uint16)), .init("B", .list(.uint(.uint16), limit: 128)), .init("C", .uint(.uint8)),
      .init("D", .byteList(limit: 256)), .init("E", variable), .init("F", .vector(fixed, 4)),
      .init("G", .vector(variable, 2)),
    ]),
    "ProgressiveTestStruct": .container([
      .init("A", .progressiveByteList), .init("B", .progressiveList(.uint(.uint64))),
      .init("C", .progressiveList(small)), .init("D", .progressiveList(.progressiveList(variable))),
    ]),
    "BitsStruct": .container([
      .init("A", .bitlist(limit: 5)), .init("B", .bitvector(2)), .init("C", .bitvector(1)),
      .init("D", .bitlist(limit: 6)), .init("E", .bitvector(8)),
    ]),
    "ProgressiveBitsStruct": .container([
      .init("A", .bitvector(256)), .init("B", .bitlist(limit: 256)), .init("C", .progressiveBitlist),
      .init("D", .bitvector(257)), .init("E", .bitlist(limit: 257)), .init("F", .progressiveBitlist),
      .init("G", .bitvector(1280)), .init("H", .bitlist(limit: 1280)), .init("I", .progressiveBitlist),
      .init("J", .bitvector(1281)), .init("K", .bitlist(limit: 1281)), .init("L", .progressiveBitlist),
    ]),
    "ProgressiveSingleFieldContainerTestStruct": progressiveSingleField,
    "ProgressiveSingleListContainerTestStruct": progressiveSingleList,
    "ProgressiveVarTestStruct": progressiveVariable,
    "ProgressiveComplexTestStruct": .progressiveContainer(
      activeFields: flags("1010100010001100000011"),
      [
        .init("A", byte), .init("B", .list(.uint(.uint16), limit: 123)), .init("C", .progressiveBitlist),
        .init("D", .progressiveList(.uint(.uint64))), .init("E", .progressiveList(small)),
        .init("F", .progressiveList(.progressiveList(variable))),
        .init("G", .list(progressiveSingleField, limit: 10)),
        .init("H", .progressiveList(progressiveVariable)),
      ]),
    "CompatibleUnionA": .union([.init(1, progressiveSingleField)]),
    "CompatibleUnionBC": .union([.init(2, progressiveSingleList), .init(3, progressiveVariable)]),
    "CompatibleUnionABCA": .union([
      .init(1, progressiveSingleField), .init(2, progressiveSingleList), .init(3, progressiveVariable),
      .init(4, progressiveSingleField),
    ]),
  ]

  // MARK: Values

  /// The value that `node` spells; bytes and bits are hex of their encoding, integers decimal.
  static func value(_ node: Node, _ type: SSZType) throws -> SSZValue {
    switch type {
    case .boolean, .uint:
      let text = try scalar(node)
      if type == .boolean {
        switch text {
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        default: throw YAMLMismatch.scalar(text)
        }
      }
      return .uint(try integer(text))
    case .bitvector, .bitlist, .progressiveBitlist, .byteVector, .byteList, .progressiveByteList:
      return try type.decode(try Hex.decode(try scalar(node)))
    case .vector(let element, _), .list(let element, _), .progressiveList(let element):
      guard let nodes = node.sequence else {
        // Byte is an alias of uint8: a list of them may be written in hex.
        return .packed(try Hex.decode(try scalar(node)))
      }
      let values = try nodes.map { try value($0, element) }
      guard element.isBasic else { return .sequence(values) }
      return .packed(try values.flatMap { try element.encode($0) })
    case .container(let fields), .progressiveContainer(_, let fields):
      guard let mapping = node.mapping, mapping.count == fields.count else { throw YAMLMismatch.shape }
      return .sequence(
        try fields.map { field in
          guard let inner = node[field.name] else { throw YAMLMismatch.shape }
          return try value(inner, field.type)
        })
    case .union(let options):
      guard let text = node["selector"]?.string, let selector = UInt8(text), let inner = node["data"],
        let option = options.first(where: { $0.selector == selector }), let type = option.type
      else { throw YAMLMismatch.shape }
      return .selected(selector, try value(inner, type))
    }
  }

  private static func scalar(_ node: Node) throws -> String {
    guard let text = node.scalar?.string else { throw YAMLMismatch.shape }
    return text
  }

  private static func integer(_ text: String) throws -> UInt256 {
    if text.hasPrefix("0x") {
      let bytes = try Hex.decode(text)
      return try UInt256(bigEndian: bytes.span)
    }
    guard let value = UInt256(decimal: text) else { throw YAMLMismatch.scalar(text) }
    return value
  }
}
