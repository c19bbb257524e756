import Encodings
import ForeignProtocols
import Foundation
import Gate
import TestSupport
import Testing
import WireBytes

@Suite("README")
struct ReadmeSampleTests {
  /// The README's sample, compiled.
  private static func premises(_ bytes: [UInt8], at now: UInt64) throws -> [String] {
    let vaa = try VAA(decoding: bytes)  // typed errors; no input traps
    guard let guardians = WormholeMainnet.guardianSets.set(vaa.guardianSetIndex) else { return [] }
    let verified = try vaa.verify(under: guardians, at: now)  // VAARefusal names the rule that was broken
    return verified.assumptions.map(\.plainWords)  // whom you trust
  }

  @Test("holds a Swift sample that compiles and does what it says")
  func sample() throws {
    let example = try JSONValue(decoding: try Program.example("wormhole-mainnet-vaa.json"))
    let bytes = try Hex.decode(try #require(example["vaa"]?.string))
    let premises = try Self.premises(bytes, at: 1_800_000_000)
    #expect(premises.contains { $0.contains("13 of 19") })

    let readme = try String(
      contentsOf: Corpora.packageRoot.appendingPathComponent("README.md"), encoding: .utf8)
    let block = try #require(readme.split(separator: "```swift\n").dropFirst().first)
      .split(separator: "```")[0]
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    for line in block.split(separator: "\n") {
      #expect(source.contains(line), "the README's line is not the compiled one: \(line)")
    }
  }
}
