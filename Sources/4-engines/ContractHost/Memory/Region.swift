/// A contract's description of a piece of its memory: 12 bytes, three little-endian 32-bit numbers.
///
/// Source: cosmwasm packages/vm/src/memory.rs.
struct Region: Hashable, Sendable {
  static let byteCount = 12

  /// Where the bytes begin.
  let offset: UInt32
  /// How many bytes there are.
  let capacity: UInt32
  /// How many of them are used.
  var length: UInt32

  /// Checks what can be told without the memory.
  init(offset: UInt32, capacity: UInt32, length: UInt32) throws(RegionError) {
    guard offset != 0 else { throw .zeroOffset }
    guard length <= capacity else { throw .lengthExceedsCapacity(length: length, capacity: capacity) }
    guard capacity <= UInt32.max - offset else { throw .outOfRange(offset: offset, capacity: capacity) }
    self.offset = offset
    self.capacity = capacity
    self.length = length
  }
}

/// What is wrong with a pointer to a region, or with the region.
public enum RegionError: Error, Hashable, Sendable {
  /// `allocate` or an entry point answered 0.
  case zeroAddress
  /// The 12 bytes do not lie in memory.
  case unreadable(pointer: UInt32)
  case zeroOffset
  case lengthExceedsCapacity(length: UInt32, capacity: UInt32)
  case outOfRange(offset: UInt32, capacity: UInt32)
  case tooLong(length: Int, limit: Int)
  case tooSmall(capacity: Int, needed: Int)
  /// The bytes do not lie in memory.
  case outside(offset: UInt32, capacity: UInt32, length: UInt32, memoryBytes: Int)

  public var text: String {
    switch self {
    case .zeroAddress: "Got a zero Wasm address"
    case .unreadable(let pointer):
      "The Wasm memory address \(pointer) provided by the contract could not be dereferenced: "
        + "Could not dereference this pointer to a Region"
    case .zeroOffset: "Got an invalid region: Got a zero Wasm address in the offset"
    case .lengthExceedsCapacity(let length, let capacity):
      "Got an invalid region: Region length exceeds capacity. Length \(length), capacity \(capacity)"
    case .outOfRange(let offset, let capacity):
      "Got an invalid region: Region exceeds address space. Offset \(offset), capacity \(capacity)"
    case .tooLong(let length, let limit): "Region length too big. Got \(length), limit \(limit)"
    case .tooSmall(let capacity, let needed): "Region too small. Got \(capacity), required \(needed)"
    case .outside(let offset, let capacity, let length, let memoryBytes):
      "Tried to access memory of region Region { offset: \(offset), capacity: \(capacity), length: \(length) } "
        + "in Wasm memory of size \(memoryBytes) bytes. This typically happens when the given Region pointer "
        + "does not point to a proper Region struct."
    }
  }
}
