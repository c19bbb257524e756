import KeyVault
import Secrets
import SigningRules
import Testing
import WireBytes

@Suite("Secret bytes")
struct SecretBytesTests {
  @Test("hold what they were made of, and copies and slices of it")
  func hold() {
    let bytes: [UInt8] = [1, 2, 3, 4, 5]
    let secret = SecretBytes(copying: bytes.span)
    #expect(secret.count == 5)
    #expect(exposed(secret) == bytes)
    #expect(exposed(secret.copy()) == bytes)
    #expect(exposed(secret.slice(1..<3)) == [2, 3])
    #expect(exposed(SecretBytes(secret, secret.slice(0..<1))) == [1, 2, 3, 4, 5, 1])
    #expect(exposed(SecretBytes(zeroed: 3)) == [0, 0, 0])
    #expect(SecretBytes(zeroed: 0).count == 0)
  }

  @Test("take the bytes out of the array that they wipe")
  func wipes() {
    var bytes: [UInt8] = [9, 8, 7]
    let secret = SecretBytes(wiping: &bytes)
    #expect(bytes.isEmpty)
    #expect(exposed(secret) == [9, 8, 7])
  }

  @Test("are equal to the same bytes alone")
  func compares() {
    let bytes: [UInt8] = [1, 2, 3]
    let one = SecretBytes(copying: bytes.span)
    var other = one.copy()
    let first = one.matches(other)
    #expect(first)
    other.set(4, at: 2)
    let last = one.matches(other)
    #expect(!last)
    let part = one.matches(one.slice(0..<2))
    #expect(!part)
    let nothing = SecretBytes(zeroed: 0).matches(SecretBytes(zeroed: 0))
    #expect(nothing)
    let same = one.matches(bytes.span)
    #expect(same)
    let short = one.matches(bytes.span.extracting(0..<2))
    #expect(!short)
  }

  @Test("come from the system's random numbers when told so")
  func random() {
    let one = SecretBytes(random: 32)
    let again = one.matches(SecretBytes(random: 32))
    let zeros = one.matches(SecretBytes(zeroed: 32))
    #expect(!again && !zeros)
  }

  @Test("are counted while they live, and whether they could be locked is told")
  func report() {
    let secret = SharedSecret(SecretBytes(random: 8))
    let report = SecretMemory.report()
    #expect(report.living >= 1)
    #expect(report.unlocked >= 0)
    #expect(report.limitBytes.map { $0 > 0 } ?? true)
    #expect(secret.count == 8)
    #expect(exposed(secret.copy()) == secret.withSpan { [UInt8](copying: $0) })
  }

  @Test("show nothing of themselves when a key is printed")
  func silent() throws {
    let bytes = [UInt8](repeating: 0x42, count: 32)
    let key = try InProcessKey(.secp256k1, secret: SecretBytes(copying: bytes.span))
    var dumped = ""
    dump(key, to: &dumped)
    for text in ["\(key)", String(reflecting: key), dumped] {
      #expect(!text.contains("42") && !text.contains("66"), "\(text)")
    }
    let shared = SharedSecret(SecretBytes(copying: bytes.span))
    dumped = ""
    dump(shared, to: &dumped)
    #expect(!dumped.contains("66, 66") && !dumped.contains("4242"))
  }
}
