import Digests
import Testing
import WireBytes

@Suite("Keccak-256")
struct Keccak256Tests {
  /// Published values: the Keccak team's ShortMsgKAT_256 (empty input) and Solidity's documentation of `keccak256("abc")`.
  @Test("reproduces published digests")
  func published() {
    #expect(
      Hex.encode(Keccak256.hash([]).array)
        == "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
    #expect(
      Hex.encode(Keccak256.hash([UInt8]("abc".utf8)).array)
        == "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45")
  }
}
