/// A type of the SSZ type system: what a decoder needs to know to read bytes.
///
/// Source: consensus-specs, ssz/simple-serialize.md, with progressive types (EIP-7916, EIP-7495) and compatible unions.
public indirect enum SSZType: Hashable, Sendable {
  /// Widths of unsigned integers in bytes.
  public enum Width: Int, Hashable, Sendable, CaseIterable {
    case uint8 = 1
    case uint16 = 2
    case uint32 = 4
    case uint64 = 8
    case uint128 = 16
    case uint256 = 32
  }

  public struct Field: Hashable, Sendable {
    public let name: String
    public let type: SSZType

    public init(_ name: String, _ type: SSZType) {
      self.name = name
      self.type = type
    }
  }

  public struct Option: Hashable, Sendable {
    public let selector: UInt8
    /// Nil for the `None` option of a union.
    public let type: SSZType?

    public init(_ selector: UInt8, _ type: SSZType?) {
      self.selector = selector
      self.type = type
    }
  }

  case boolean
  case uint(Width)
  case bitvector(Int)
  case bitlist(limit: UInt64)
  case byteVector(Int)
  case byteList(limit: UInt64)
  case vector(SSZType, Int)
  case list(SSZType, limit: UInt64)
  case container([Field])
  case progressiveBitlist
  case progressiveByteList
  case progressiveList(SSZType)
  /// One flag per place in the tree; the set ones are the fields, in order.
  case progressiveContainer(activeFields: [Bool], [Field])
  /// `Union` and `CompatibleUnion`: they differ in their selectors alone.
  case union([Option])

  /// Booleans and integers: several share a chunk.
  public var isBasic: Bool { basicSize != nil }

  /// Bytes of a boolean or an integer.
  var basicSize: Int? {
    switch self {
    case .boolean: 1
    case .uint(let width): width.rawValue
    default: nil
    }
  }

  /// Bytes of every value of the type; nil for a type of variable size.
  ///
  /// - Throws: ``SSZError/illegalType``.
  public func fixedSize() throws(SSZError) -> Int? {
    switch self {
    case .boolean: return 1
    case .uint(let width): return width.rawValue
    case .bitvector(let count):
      guard count > 0, count <= Int(UInt32.max) else { throw .illegalType }
      return (count + 7) / 8
    case .byteVector(let count):
      guard count > 0, count <= Int(UInt32.max) else { throw .illegalType }
      return count
    case .vector(let element, let count):
      guard count > 0, count <= Int(UInt32.max) else { throw .illegalType }
      guard let size = try element.fixedSize() else { return nil }
      let (product, overflow) = size.multipliedReportingOverflow(by: count)
      guard !overflow else { throw .illegalType }
      return product
    case .container(let fields), .progressiveContainer(_, let fields):
      guard !fields.isEmpty else { throw .illegalType }
      var sum = 0
      var isVariable = false
      for field in fields {
        if let size = try field.type.fixedSize() {
          let (next, overflow) = sum.addingReportingOverflow(size)
          guard !overflow else { throw .illegalType }
          sum = next
        } else {
          isVariable = true
        }
      }
      return isVariable ? nil : sum
    case .bitlist, .byteList, .list, .progressiveBitlist, .progressiveByteList, .progressiveList, .union:
      return nil
    }
  }

  /// Leaves of the tree of a type whose tree has a fixed depth.
  func chunkCount() throws(SSZError) -> UInt64 {
    switch self {
    case .boolean, .uint: return 1
    case .bitvector(let count): return (UInt64(count) + 255) / 256
    case .bitlist(let limit): return limit / 256 + (limit.isMultiple(of: 256) ? 0 : 1)
    case .byteVector(let count): return (UInt64(count) + 31) / 32
    case .byteList(let limit): return limit / 32 + (limit.isMultiple(of: 32) ? 0 : 1)
    case .vector(let element, let count): return Self.chunks(element, UInt64(count))
    case .list(let element, let limit): return Self.chunks(element, limit)
    case .container(let fields): return UInt64(fields.count)
    case .progressiveBitlist, .progressiveByteList, .progressiveList, .progressiveContainer, .union:
      throw .path
    }
  }

  private static func chunks(_ element: SSZType, _ count: UInt64) -> UInt64 {
    guard let size = element.basicSize else { return count }
    let perChunk = UInt64(32 / size)
    return count / perChunk + (count.isMultiple(of: perChunk) ? 0 : 1)
  }
}
