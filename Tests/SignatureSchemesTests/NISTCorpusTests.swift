import Conformance
import TestSupport
import Testing

@Suite("NIST signature corpora")
struct NISTCorpusTests {
  /// Signature cases by folder; the other Wycheproof files there are of ciphers, key exchange and key derivation.
  @Test(
    "every Wycheproof case of P-256, P-384, RSASSA-PSS and ML-DSA is answered as it says",
    .enabled(if: Corpora.directory("keys") != nil, "corpus keys is absent"),
    arguments: [("wycheproof", 555), ("pq", 101)])
  func wycheproof(folder: String, count: Int) throws {
    let path = try #require(Corpora.directory("keys"))
    var report = ConformanceReport()
    NISTSignaturesSuite.run(try CorpusDirectory(path: path + "/" + folder), into: &report)
    for result in report.results {
      if case .failed = result.outcome { Issue.record("\(result)") }
    }
    #expect(report.passed == count)
  }
}
