import SignerWire
import Testing

@Suite("Bounds of the signer's protocol")
struct SignerLimitsTests {
  @Test("let a window of nonces be told apart within the horizon")
  func window() {
    #expect(SignerLimits.nonceWindow.isMultiple(of: 64))
    #expect(SignerLimits.horizonMilliseconds < SignerLimits.sessionSeconds * 1_000)
  }
}
