import RelayService
import Testing
import WireBytes

@Suite("The history of blocks that were read")
struct BlockHistoryTests {
  private static func hash(_ height: UInt64, fork: UInt8 = 0) -> Bytes32 {
    Bytes32 { $0 == 0 ? fork : UInt8(truncatingIfNeeded: height >> (8 * UInt64($0 % 8))) }
  }

  private static func history(_ heights: ClosedRange<UInt64>, final: UInt64) -> BlockHistory {
    var history = BlockHistory()
    for height in heights { history.append(height, hash(height)) }
    history.raise(final: final)
    return history
  }

  @Test("finds where a chain has left it, wherever that is", arguments: 10...40)
  func ancestor(last: Int) async {
    let last = UInt64(last)
    let history = Self.history(5...40, final: 10)
    var asked = 0
    let found = await history.ancestor { (mark) async -> Bool in
      asked += 1
      return mark.hash == Self.hash(mark.height) && mark.height <= last
    }
    #expect(found == .block(last))
    #expect(asked <= 12, "\(asked) questions for \(last)")
  }

  @Test("says so when the final block is gone")
  func belowFinal() async {
    let history = Self.history(5...40, final: 10)
    #expect(history.marks.first?.height == 10)
    #expect(await history.ancestor { _ async -> Bool in false } == .belowFinal(10))
    // Reading began above the final height: what is below was never read.
    let young = Self.history(20...22, final: 15)
    #expect(await young.ancestor { _ async -> Bool in false } == .block(15))
    #expect(await BlockHistory().ancestor { _ async -> Bool in true } == .belowFinal(0))
  }

  @Test("keeps the final block and the newest, and takes nothing out of order")
  func bounds() {
    var history = Self.history(1...100, final: 40)
    #expect(history.marks.map(\.height) == Array(40...100))
    history.append(100, Self.hash(7))
    history.append(99, Self.hash(7))
    #expect(history.hash(at: 100) == Self.hash(100))
    history.raise(final: 20)
    #expect(history.final == 40)
    for height in 101...UInt64(40 + 2 * BlockHistory.blocksMax) { history.append(height, Self.hash(height)) }
    #expect(history.marks.count == BlockHistory.blocksMax)
    #expect(history.marks.first?.height == 40)
    history.cut(above: 39)
    #expect(history.marks.isEmpty && history.final == 39)
    let strange = BlockHistory(
      marks: [.init(3, Self.hash(3)), .init(3, Self.hash(4)), .init(1, Self.hash(1)), .init(9, Self.hash(9))],
      final: 5)
    #expect(strange.marks.map(\.height) == [3, 9])
  }
}
