import Testing
import WireBytes

@Suite("FixedBytes")
struct FixedBytesTests {
  private struct Holder {
    var before: UInt8 = 0xee
    var root: Bytes32
    var after: UInt8 = 0xee
    var doubled: Bytes32 { Bytes32 { self.root[$0] &* 2 } }
  }
  private final class Box {
    let holder: Holder
    init(_ holder: Holder) { self.holder = holder }
  }

  private func total(_ bytes: Span<UInt8>) -> Int {
    var total = bytes.count * 1000
    for index in bytes.indices { total += Int(bytes[index]) }
    return total
  }

  @Test("lends its bytes from locals, fields, elements, classes and computed values")
  func span() {
    let counting = Bytes32 { UInt8($0) }
    let sum = 32_000 + 31 * 16
    #expect(total(counting.span) == sum)
    var holder = Holder(root: counting)
    #expect(total(holder.root.span) == sum)
    #expect(total(holder.doubled.span) == 32_000 + 2 * 31 * 16)
    holder.root[0] = 9
    #expect(total(holder.root.span) == sum + 9)
    let box = Box(holder)
    #expect(total(box.holder.root.span) == sum + 9)
    let many = [Bytes32](repeating: counting, count: 3)
    #expect(total(many[2].span) == sum)
    #expect(total(Bytes20 { _ in 1 }.span) == 20_020)
    let optional: Bytes32? = counting
    if let optional { #expect(total(optional.span) == sum) }
  }

  @Test("a lent span sees the bytes and not what lies beside them")
  func neighbours() {
    let holders = (0..<4).map { Holder(root: Bytes32(bigEndian: UInt64($0))) }
    for (index, holder) in holders.enumerated() {
      let copy = [UInt8](copying: holder.root.span)
      #expect(copy == [UInt8](repeating: 0, count: 31) + [UInt8(index)])
    }
  }

  @Test("takes exactly its length")
  func length() throws {
    let long = [UInt8](repeating: 1, count: 33)
    #expect(throws: WireError.length(expected: 32, actual: 33)) { _ = try Bytes32(long) }
    #expect(throws: WireError.length(expected: 32, actual: 0)) { _ = try Bytes32([]) }
    #expect(throws: HexError.length(expected: 20, actual: 1)) { _ = try Bytes20(hex: "0x01") }
    let empty = FixedBytes<0>()
    #expect(empty.isZero && empty.array.isEmpty)
  }

  @Test("compares left to right, hashes by content, prints hex")
  func order() throws {
    let low = try FixedBytes<2>(hex: "0x00ff")
    let high = try FixedBytes<2>(hex: "0100")
    #expect(low < high && !(high < low) && !(low < low))
    #expect(Set([low, high, low]).count == 2)
    #expect(low.description == "0x00ff")
    #expect(!low.isZero && FixedBytes<2>().isZero)
  }
}
