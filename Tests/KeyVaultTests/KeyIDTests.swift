import KeyVault
import SigningRules
import Testing

@Suite("Keys of back ends")
struct BackEndKeyTests {
  @Test("are named by suite and public key, not by where they lie")
  func names() {
    let one = BackEndKey(suite: .ed25519, publicKey: [1, 2, 3], reference: [1])
    #expect(one.id == BackEndKey(suite: .ed25519, publicKey: [1, 2, 3], reference: [2]).id)
    #expect(one.id != BackEndKey(suite: .p256, publicKey: [1, 2, 3], reference: [1]).id)
    // printf 'ed25519\0\1\2\3' | sha256sum
    #expect(one.id.description == "0x7186201cdcf023f272b5be7865274fe15bc11eca7555de6ef47cc2e9a1751e20")
  }
}
