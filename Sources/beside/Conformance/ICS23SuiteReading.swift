import Encodings
private import Foundation
import MerkleProofs
import WireBytes

/// JSON whose member names count in any case, as Go's reader takes them.
struct FoldedJSON {
  let value: JSONValue

  init(_ value: JSONValue) { self.value = value }

  /// The member whose name is `name` in lower case; nil when it is absent or null.
  subscript(name: String) -> FoldedJSON? {
    guard let member = member(name), !member.isNull else { return nil }
    return FoldedJSON(member)
  }

  /// Whether the member is there, be it null.
  func has(_ name: String) -> Bool { member(name) != nil }

  private func member(_ name: String) -> JSONValue? {
    guard let members = value.object else { return nil }
    if let exact = members[name] { return exact }
    // Sorted, so that two spellings of one name give one answer.
    return members.sorted { $0.key < $1.key }.first { $0.key.lowercased() == name }?.value
  }

  /// Named cases of an object, or the elements of an array by number; nil when they are no objects.
  var cases: [(name: String, case: FoldedJSON)]? {
    let members: [(String, JSONValue)]
    switch value {
    case .object(let object): members = object.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    case .array(let array): members = array.enumerated().map { ("\($0.offset)", $0.element) }
    default: return nil
    }
    guard members.allSatisfy({ $0.1.object != nil }) else { return nil }
    return members.map { ($0.0, FoldedJSON($0.1)) }
  }

  /// Hex bytes; nil when absent or not hex.
  func hex(_ name: String) -> [UInt8]? {
    guard let text = self[name]?.value.string else { return nil }
    return try? Hex.decode(text)
  }

  /// Base64 bytes; nil when absent or not base64.
  func base64(_ name: String) -> [UInt8]? { self[name]?.value.string.flatMap(CorpusBase64.decode) }

  private func integer(_ name: String) -> Int32? {
    guard let member = self[name] else { return 0 }
    return member.value.integer(Int32.self)
  }

  private func hashOperation(_ name: String) -> ICS23.HashOperation? {
    integer(name).flatMap(ICS23.HashOperation.init(rawValue:))
  }

  /// Absent is empty; nil when it is there and no base64.
  private func octets(_ name: String) -> [UInt8]? { self[name] == nil ? [] : base64(name) }

  var leafOperation: ICS23.LeafOperation? {
    guard value.object != nil, let hash = hashOperation("hash"),
      let prehashKey = hashOperation("prehash_key"),
      let prehashValue = hashOperation("prehash_value"), let prefix = octets("prefix"),
      let length = integer("length").flatMap(ICS23.LengthOperation.init(rawValue:))
    else { return nil }
    return ICS23.LeafOperation(
      hash: hash, prehashKey: prehashKey, prehashValue: prehashValue, length: length, prefix: prefix)
  }

  var innerOperation: ICS23.InnerOperation? {
    guard value.object != nil, let hash = hashOperation("hash"), let prefix = octets("prefix"),
      let suffix = octets("suffix")
    else { return nil }
    return ICS23.InnerOperation(hash: hash, prefix: prefix, suffix: suffix)
  }

  var existenceProof: ICS23.ExistenceProof? {
    guard value.object != nil, let key = octets("key"), let proven = octets("value") else { return nil }
    var leaf: ICS23.LeafOperation?
    if let member = self["leaf"] {
      guard let operation = member.leafOperation else { return nil }
      leaf = operation
    }
    var path: [ICS23.InnerOperation] = []
    for step in self["path"]?.value.array ?? [] {
      guard let operation = FoldedJSON(step).innerOperation else { return nil }
      path.append(operation)
    }
    return ICS23.ExistenceProof(key: key, value: proven, leaf: leaf, path: path)
  }

  /// The shape that Go gives a `oneof`: {"Proof": {"Exist": …}} or the member alone.
  var commitmentProof: ICS23.CommitmentProof? {
    let choice = self["proof"] ?? self
    if let exist = choice["exist"]?.existenceProof { return .existence(exist) }
    guard let absence = choice["nonexist"], let key = absence.octets("key") else { return nil }
    return .nonExistence(
      ICS23.NonExistenceProof(
        key: key, left: absence["left"]?.existenceProof, right: absence["right"]?.existenceProof))
  }

  var proofSpec: ICS23.ProofSpec? {
    guard let leaf = self["leaf_spec"]?.leafOperation, let inner = self["inner_spec"],
      let childSize = inner.integer("child_size"), let prefixMin = inner.integer("min_prefix_length"),
      let prefixMax = inner.integer("max_prefix_length"), let emptyChild = inner.octets("empty_child"),
      let hash = inner.hashOperation("hash"), let depthMax = integer("max_depth"),
      let depthMin = integer("min_depth")
    else { return nil }
    var childOrder: [Int32] = []
    for element in inner["child_order"]?.value.array ?? [] {
      guard let child = element.integer(Int32.self) else { return nil }
      childOrder.append(child)
    }
    return ICS23.ProofSpec(
      leaf: leaf,
      inner: ICS23.InnerSpec(
        childOrder: childOrder, childSize: childSize, prefixLengthMin: prefixMin, prefixLengthMax: prefixMax,
        emptyChild: emptyChild, hash: hash),
      depthMax: depthMax, depthMin: depthMin,
      prehashKeyBeforeComparison: self["prehash_key_before_comparison"]?.value.boolean ?? false)
  }
}

/// Literals of a Go fuzz corpus file.
enum GoLiteral {
  /// The bytes of the first `[]byte("…")` of a file of version 1.
  static func bytes(in file: [UInt8]) -> [UInt8]? {
    guard let open = file.firstIndex(of: 0x22), file[..<open].suffix(7).elementsEqual("[]byte(".utf8) else {
      return nil
    }
    var bytes: [UInt8] = []
    var rest = file[(open + 1)...]
    while let character = rest.popFirst() {
      switch character {
      case 0x22: return bytes
      case 0x5c:
        guard let escape = rest.popFirst() else { return nil }
        switch escape {
        case UInt8(ascii: "n"): bytes.append(0x0a)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "r"): bytes.append(0x0d)
        case UInt8(ascii: "a"): bytes.append(0x07)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0c)
        case UInt8(ascii: "v"): bytes.append(0x0b)
        case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): bytes.append(escape)
        case UInt8(ascii: "x"):
          guard let value = number(&rest, digits: 2), let byte = UInt8(exactly: value) else { return nil }
          bytes.append(byte)
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
          guard let value = number(&rest, digits: escape == UInt8(ascii: "u") ? 4 : 8),
            let scalar = Unicode.Scalar(value)
          else { return nil }
          bytes.append(contentsOf: String(Character(scalar)).utf8)
        default: return nil
        }
      default: bytes.append(character)
      }
    }
    return nil
  }

  private static func number(_ rest: inout ArraySlice<UInt8>, digits: Int) -> UInt32? {
    guard rest.count >= digits else { return nil }
    let text = String(decoding: rest.prefix(digits), as: UTF8.self)
    rest = rest.dropFirst(digits)
    return UInt32(text, radix: 16)
  }
}

/// Base64 as corpora have it.
enum CorpusBase64 {
  static func decode(_ text: String) -> [UInt8]? {
    guard let bytes = Data(base64Encoded: text) else { return nil }
    return [UInt8](bytes)
  }
}
