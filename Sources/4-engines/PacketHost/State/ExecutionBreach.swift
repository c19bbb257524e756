import MerkleProofs

/// A rule of execution that code broke: what it did is undone, and nothing else is.
public enum ExecutionBreach: Error, Hashable, Sendable {
  /// Calls inside calls beyond ``WorkingState/depthMax``.
  case depth(max: Int)
  /// A state holds neither empty keys nor empty values: nothing could prove them.
  case keyEmpty
  case valueEmpty
  case keySize(max: Int, actual: Int)
  case valueSize(max: Int, actual: Int)

  /// Stable, lower camel case.
  public var code: String {
    switch self {
    case .depth: "depth"
    case .keyEmpty: "keyEmpty"
    case .valueEmpty: "valueEmpty"
    case .keySize: "keySize"
    case .valueSize: "valueSize"
    }
  }
}

extension ExecutionBreach {
  /// Refuses a key that no committed state can hold.
  static func check(key: [UInt8]) throws(ExecutionBreach) {
    guard !key.isEmpty else { throw .keyEmpty }
    guard key.count <= ICS23.EntryLimits.keyBytesMax else {
      throw .keySize(max: ICS23.EntryLimits.keyBytesMax, actual: key.count)
    }
  }

  /// Refuses a value that no committed state can hold.
  static func check(value: [UInt8]) throws(ExecutionBreach) {
    guard !value.isEmpty else { throw .valueEmpty }
    guard value.count <= ICS23.EntryLimits.valueBytesMax else {
      throw .valueSize(max: ICS23.EntryLimits.valueBytesMax, actual: value.count)
    }
  }
}
