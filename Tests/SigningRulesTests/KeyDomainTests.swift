import SigningRules
import Testing

@Suite("Key domains")
struct KeyDomainTests {
  @Test("have a byte each, and no byte has two")
  func bytes() {
    #expect(KeyDomain.allCases.map(\.byte) == [1, 2, 3, 4])
    for byte in UInt8.min...UInt8.max {
      #expect(KeyDomain(byte: byte)?.byte == ((1...4).contains(byte) ? byte : nil))
    }
  }

  @Test("let no key of people attest or vote, and no key of an enclave sign yet")
  func purposes() {
    #expect(KeyDomain.user.purposes == [.transaction, .evmTransaction])
    #expect(KeyDomain.settlement.purposes == [.transaction, .evmTransaction])
    #expect(KeyDomain.enclave.purposes.isEmpty)
  }
}
