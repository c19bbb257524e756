import Encodings
import Foundation
import OfflineVerification
import TestSupport
import Testing
import WireBytes

@Suite("verify wormhole")
struct WormholeVerificationTests {
  private static func example() throws -> (file: [UInt8], hex: String, bytes: [UInt8]) {
    let url = Corpora.packageRoot.appendingPathComponent("examples/messages/wormhole-mainnet-vaa.json")
    let file = [UInt8](try Data(contentsOf: url))
    let hex = try #require(try JSONValue(decoding: file)["vaa"]?.string)
    return (file, hex, try Hex.decode(hex))
  }

  private static func verify(
    _ input: [UInt8], sets: JSONValue? = nil, at time: UInt64? = nil, live: Bool = false
  ) throws -> VerificationReport {
    try WormholeVerification.verify(input, guardianSets: sets, at: time, live: live)
  }

  private static func refusal(_ report: VerificationReport) -> String {
    switch report.outcome {
    case .valid: "valid"
    case .refused(let reason): reason.code
    case .undecided(let reason): "undecided: \(reason.code)"
    }
  }

  @Test("the example is valid with no other input, in every form a VAA comes in")
  func forms() throws {
    let (file, hex, bytes) = try Self.example()
    let whole = try Self.verify(file)
    #expect(whole.outcome == .valid)
    #expect(
      whole.assumptions.map(\.code) == [
        "attesters", "publishedGuardianSets", "originFinality", "emitterIsTheApplication", "replayGuard",
      ])
    let base64 = Data(bytes).base64EncodedString()
    let forms: [[UInt8]] = [
      bytes, Array(hex.utf8), Array((hex + "\n").utf8), Array(hex.dropFirst(2).utf8), Array(base64.utf8),
      Array("{\"vaaBytes\": \"\(base64)\"}".utf8), Array("{\"data\": {\"vaa\": \"\(base64)\"}}".utf8),
    ]
    for form in forms { #expect(try Self.verify(form) == whole) }
  }

  @Test("a set that is current is live; one that was replaced is valid in the archive only")
  func live() throws {
    let (file, hex, _) = try Self.example()
    #expect(try Self.verify(file, live: true).outcome == .valid)
    // The same keys, with a later set beside them.
    let keys = JSONValue.array(Self.set7.map { .string($0) })
    let sets: JSONValue = ["mainnet": ["7": keys, "8": ["0x0000000000000000000000000000000000000001"]]]
    let input = Array(hex.utf8)
    let archive = try Self.verify(input, sets: sets)
    #expect(archive.outcome == .valid)
    #expect(archive.facts.contains { $0.name == "deliverable" && $0.value.hasPrefix("no") })
    #expect(Self.refusal(try Self.verify(input, sets: sets, live: true)) == "guardianSetExpired")
    #expect(Self.refusal(try Self.verify(input, sets: sets, at: 5)) == "guardianSetExpired")
    #expect(archive.assumptions.contains { $0.code == "callerTrusts" })
  }

  @Test("a VAA under keys that did not sign it is refused, and under a set that is not known undecided")
  func otherKeys() throws {
    let (file, _, _) = try Self.example()
    var keys = Self.set7
    keys.swapAt(0, 1)
    let swapped = JSONValue.object(["7": .array(keys.map { .string($0) })])
    #expect(Self.refusal(try Self.verify(file, sets: swapped)) == "signatureInvalid")
    let other = JSONValue.object(["6": .array(Self.set7.map { .string($0) })])
    #expect(Self.refusal(try Self.verify(file, sets: other)) == "undecided: unknownGuardianSet")
  }

  @Test("bytes that are no VAA are refused, text that is none is an error of the input")
  func noVAA() throws {
    #expect(Self.refusal(try Self.verify([1, 0, 0])) == "truncated")
    #expect(Self.refusal(try Self.verify([2] + [UInt8](repeating: 0, count: 80))) == "unsupportedVersion")
    for text in ["", " ", "zz", "{}", "{\"vaa\": 5}", "{\"vaa\": \"xyz\"}"] {
      #expect(throws: InputError.self) { try Self.verify(Array(text.utf8)) }
    }
    #expect(throws: InputError.self) { try Self.verify([1], sets: [:]) }
    #expect(throws: InputError.self) { try Self.verify([1], sets: ["7": ["0x01"]]) }
  }

  /// Guardian set 7 of the mainnet (wormhole guardianset/mainnetv2/canonical_sets at 640e1848).
  private static let set7 = [
    "5893b5a76c3f739645648885bdccc06cd70a3cd3", "ff6cb952589bde862c25ef4392132fb9d4a42157",
    "114de8460193bdf3a2fcf81f86a09765f4762fd1", "107a0086b32d7a0977926a205131d8731d39cbeb",
    "8c82b2fd82faed2711d59af0f2499d16e726f6b2", "42579bffbcf4276e290ab8e4c162bd4052b97970",
    "938f104aeb5581293216ce97d771e0cb721221b1", "f3ea0ad4ffb5a178ae4ebc21861651b25bdcbb91",
    "9d16870160e703324d057c3361c34c5befba2c34", "000ac0076727b35fbea2dac28fee5ccb0fea768e",
    "af45ced136b9d9e24903464ae889f5c8a723fc14", "f93124b7c738843cbb89e864c862c38cddcccf95",
    "d2cc37a4dc036a8d232b48f62cdd4731412f4890", "da798f6896a3331f64b48c12d1d57fd9cbe70811",
    "ae565927bb8db25cd8bf3e7bb663d70023e4ea78", "3f851ad586a47cef8d04748f33ab0d71395f06b4",
    "178e21ad2e77ae06711549cfbb1f9c7a9d8096e8", "7899ceab1dc961dae9defdb7a4f521269a5448fc",
    "61d9800f9fcb4160fb0c6cf3a0902592bac2b434",
  ]
}
