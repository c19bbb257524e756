import Attestation
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

@Suite("Intel verdicts")
struct IntelVerdictTests {
  @Test("the vectors are there, and of both kinds")
  func counts() {
    #expect(IntelVectors.made.count == 200)
    #expect(IntelVectors.made.filter { $0.verdict.error == nil }.count == 74)
    #expect(IntelVectors.recorded.count == 306)
    #expect(IntelVectors.root != nil)
  }

  @Test("made quotes have dcap-qvl's status, advisories or reason", arguments: IntelVectors.made)
  func made(_ one: IntelVectors.Made) throws {
    let root = try #require(IntelVectors.root)
    let answer = DcapComparison.run(quote: one.quote, collateral: one.document, at: one.time, root: root)
    let difference = IntelVectors.difference(answer, one.verdict)
    #expect(difference == nil)
  }

  @Test(
    "recorded quotes, at the edges of their collateral and with flipped bits, have dcap-qvl's verdict",
    .enabled(if: IntelVectors.corpus != nil, "corpus attestation is absent"))
  func recorded() throws {
    var files: [String: [UInt8]] = [:]
    var differences: [String] = []
    for one in IntelVectors.recorded {
      for path in [one.quote, one.collateral] where files[path] == nil {
        files[path] = try IntelVectors.corpusFile(path)
      }
      var quote = try #require(files[one.quote])
      for flip in one.flips { quote[flip.offset] ^= flip.xor }
      let answer = DcapComparison.run(
        quote: quote, collateral: try #require(files[one.collateral]), at: one.time)
      if let difference = IntelVectors.difference(answer, one.verdict) {
        differences.append("\(one.name): \(difference)")
      }
    }
    #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
  }

  @Test(
    "the outside corpus' own verdicts",
    .enabled(if: IntelVectors.corpus != nil, "corpus attestation is absent"))
  func corpus() throws {
    let json = try JSONValue(decoding: IntelVectors.corpusFile("expected_results_dcap_qvl_0.7.0.json"))
    let cases = try #require(json.array)
    #expect(cases.count == 24)
    let format = ISO8601DateFormatter()
    for one in cases {
      var quote = try IntelVectors.corpusFile(try #require(one["quote"]?.string))
      if let flip = one["mutate"], let offset = flip["offset"]?.integer(Int.self) {
        let xor = try #require(flip["xor"]?.integer(UInt8.self))
        quote[offset >= 0 ? offset : quote.count + offset] ^= xor
      }
      let moment = try #require(one["at"]?.string)
      let date = try #require(format.date(from: moment))
      let answer = DcapComparison.run(
        quote: quote, collateral: try IntelVectors.corpusFile(try #require(one["collateral"]?.string)),
        at: Int64(date.timeIntervalSince1970))
      let expected = try #require(one["expected"])
      let difference = IntelVectors.difference(answer, IntelVectors.Verdict(expected))
      #expect(difference == nil)
    }
  }
}
