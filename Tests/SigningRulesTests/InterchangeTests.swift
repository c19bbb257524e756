import Digests
import Encodings
import Messages
import SigningRules
import Testing
import WireBytes

@Suite("Watermark files")
struct InterchangeTests {
  private static let vault = Asked.hash("vault")

  private static func times(_ number: UInt64) -> UInt64 { number * 10 }

  private static func signer(_ heights: ClosedRange<UInt64>) throws -> SigningState {
    var signer = try Asked.signer()
    for number in heights {
      try signer.ask(try Asked.state(number, time: times(number), root: Asked.hash("root \(number)")))
    }
    try signer.ask(try Asked.vote(Int64(heights.upperBound)))
    return signer
  }

  @Test("are read and written as the document says")
  func published() throws {
    let json = try RulesVectors().json["interchange"]
    let text = try #require(json?["text"]?.string)
    let file = try WatermarkInterchange(decoding: [UInt8](text.utf8))
    #expect(file.vaultID == Self.vault)
    #expect(file.epoch == 7)
    #expect(file.records.count == 6)
    #expect(file.contentHash == (try RulesVectors.word(json?["contentHash"])))
    #expect(try JSONValue(decoding: [UInt8](file.text.utf8)).text() == text)
    for record in file.records { #expect(try WatermarkRecord(decoding: record.encoded()) == record) }
  }

  @Test("carry everything but locks to another signer")
  func roundTrip() throws {
    var signer = try Self.signer(1...20)
    _ = signer.lock(Asked.otherKey)
    let file = signer.interchange(vaultID: Self.vault, epoch: 3)
    let read = try WatermarkInterchange(decoding: [UInt8](file.text.utf8))
    #expect(read == file)
    var other = try Asked.signer()
    let merge = try other.merge(read, vaultID: Self.vault, epoch: 3)
    #expect(merge.records.count == 21)
    #expect(merge.knownCount == 0)
    #expect(!merge.isOlderEpoch && !merge.isOtherVault)
    #expect(other.lockedKeys.isEmpty)
    #expect(other.interchange(vaultID: Self.vault, epoch: 3) == file)
    #expect(throws: SigningRefusal.otherRoot(kept: Asked.hash("root 5"))) {
      try other.ask(try Asked.state(5, time: 50, root: Asked.hash("x")))
    }
    #expect(throws: SigningRefusal.otherVote) { try other.ask(try Asked.vote(20, block: nil)) }
    // Again: nothing new.
    let again = try other.merge(read, vaultID: Self.vault, epoch: 4)
    #expect(again.records.isEmpty)
    #expect(again.knownCount == 21)
    #expect(again.isOlderEpoch)
  }

  @Test("of an older epoch lower nothing")
  func older() throws {
    let old = try Self.signer(1...5)
    var new = try Self.signer(1...9)
    let before = new.snapshot()
    let merge = try new.merge(old.interchange(vaultID: Asked.root, epoch: 1), vaultID: Self.vault, epoch: 8)
    #expect(merge.isOlderEpoch && merge.isOtherVault)
    #expect(merge.records.isEmpty)
    #expect(new.snapshot() == before)
    #expect(throws: SigningRefusal.voteBehind(height: 9, round: 0, kind: .precommit)) {
      try new.ask(try Asked.vote(6))
    }
  }

  @Test("that contradict what is known are refused whole")
  func conflict() throws {
    var signer = try Self.signer(5...9)
    let before = signer.snapshot()
    var other = try Asked.signer()
    try other.ask(try Asked.state(1, time: 10))
    try other.ask(try Asked.state(9, time: 90, root: Asked.hash("x")))
    let file = other.interchange(vaultID: Self.vault, epoch: 1)
    #expect(
      throws: WatermarkConflict.claim(
        Asked.key, .attestation, try Asked.origin(), Height(revision: 1, 9),
        .otherRoot(kept: Asked.hash("root 9")))
    ) { try signer.merge(file, vaultID: Self.vault, epoch: 1) }
    #expect(signer.snapshot() == before)
  }

  @Test("bring their floor, after their claims were compared")
  func floors() throws {
    var pruned = try Asked.signer(SigningLimits(heightsKept: 2))
    for number in 1...UInt64(66) { try pruned.ask(try Asked.state(number, time: number)) }
    let file = pruned.interchange(vaultID: Self.vault, epoch: 1)
    var other = try Asked.signer()
    try other.ask(try Asked.state(3, time: 3))
    _ = try other.merge(file, vaultID: Self.vault, epoch: 1)
    #expect(throws: SigningRefusal.pruned(Height(revision: 1, 64))) {
      try other.ask(try Asked.state(3, time: 3))
    }
    #expect(throws: SigningRefusal.pruned(Height(revision: 1, 64))) {
      try other.ask(try Asked.state(64, time: 64))
    }
    #expect(try other.ask(try Asked.state(66, time: 66)).records.isEmpty)
    #expect(other.snapshot() == pruned.snapshot())
  }

  @Test("are refused when a bit of them is another one, and when they are not in their form")
  func malformed() throws {
    let text = try #require(try RulesVectors().json["interchange"]?["text"]?.string)
    let bytes = [UInt8](text.utf8)
    for count in stride(from: 0, to: bytes.count, by: 5) {
      let cut = [UInt8](bytes.prefix(count))
      #expect(throws: WatermarkInterchangeError.self) { try WatermarkInterchange(decoding: cut) }
    }
    for bit in stride(from: 0, to: bytes.count * 8, by: 3) {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: WatermarkInterchangeError.self) { try WatermarkInterchange(decoding: flipped) }
    }
    let cases: [(String, String, WatermarkInterchangeError)] = [
      ("watermarks/1", "watermarks/2", .version("causeway/watermarks/2")),
      ("\"epoch\":\"7\"", "\"epoch\":7", .member(path: "epoch")),
      ("\"epoch\":\"7\"", "\"epoch\":\"07\"", .member(path: "epoch")),
      ("\"kind\":\"vote\"", "\"kind\":\"lock\"", .member(path: "records.3.kind")),
      ("\"round\":\"1\"", "\"round\":\"-1\"", .member(path: "records.3.round")),
      ("\"height\":\"9\"", "\"height\":\"0\"", .member(path: "records.0.height")),
      ("\"purpose\":\"attestation\"", "\"purpose\":\"vote\"", .member(path: "records.0.purpose")),
      ("{\"contentHash\"", "{\"comment\":\"\",\"contentHash\"", .member(path: "comment")),
    ]
    for (old, new, error) in cases {
      let wrong = text.replacing(old, with: new, maxReplacements: 1)
      #expect(wrong != text)
      #expect(throws: error) { try WatermarkInterchange(decoding: [UInt8](wrong.utf8)) }
    }
    let other = text.replacing("\"epoch\":\"7\"", with: "\"epoch\":\"8\"")
    #expect(throws: WatermarkInterchangeError.self) {
      try WatermarkInterchange(decoding: [UInt8](other.utf8))
    }
  }
}
