private import WireBytes

/// Input on which Solidity's ABI decoder reverts without data.
struct SolidityRevert: Error, Hashable, Sendable {}

/// Reads ABI values exactly as the decoder that solc generates: offsets may repeat or overlap and bytes may follow, all
/// of which the strict decoders of Encodings refuse, but a contract accepts. Values are ranges of the input, not copies.
struct SolidityDecoder {
  /// Where the value that is read ends.
  let end: Int
  let base: Int

  init(_ range: Range<Int>) {
    base = range.lowerBound
    end = range.upperBound
  }

  /// The word at `position` as an unsigned integer of 64 bits; solc reverts on more in offsets, lengths and `uint64`.
  func uint64(_ bytes: Span<UInt8>, at position: Int) throws(SolidityRevert) -> UInt64 {
    guard position >= 0, position <= end, end - position >= 32 else { throw SolidityRevert() }
    var value: UInt64 = 0
    for index in 0..<24 where bytes[position + index] != 0 { throw SolidityRevert() }
    for index in 24..<32 { value = value << 8 | UInt64(bytes[position + index]) }
    return value
  }

  /// Follows the offset stored at `position`, which counts from `start`.
  func follow(_ bytes: Span<UInt8>, at position: Int, from start: Int) throws(SolidityRevert) -> Int {
    let offset = try uint64(bytes, at: position)
    guard offset <= UInt64(end - start) else { throw SolidityRevert() }
    return start + Int(offset)
  }

  /// The bytes whose length stands at `position`.
  func byteString(_ bytes: Span<UInt8>, at position: Int) throws(SolidityRevert) -> Range<Int> {
    let length = try uint64(bytes, at: position)
    let start = position + 32
    guard length <= UInt64(end - start) else { throw SolidityRevert() }
    return start..<(start + Int(length))
  }

  /// The number of elements at `position`, each with a head of `size` bytes that must be there.
  func count(_ bytes: Span<UInt8>, at position: Int, elementSize size: Int) throws(SolidityRevert) -> Int {
    let count = try uint64(bytes, at: position)
    guard count <= UInt64((end - position - 32) / size) else { throw SolidityRevert() }
    return Int(count)
  }
}
