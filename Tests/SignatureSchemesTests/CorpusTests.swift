import Conformance
import TestSupport
import Testing

@Suite("Signature corpora")
struct SignatureCorpusTests {
  @Test(
    "every Wycheproof secp256k1 case that verifies a signature is answered as it says",
    .enabled(if: Corpora.directory("secp256k1") != nil, "corpus secp256k1 is absent"))
  func secp256k1() throws {
    let path = try #require(Corpora.directory("secp256k1"))
    var report = ConformanceReport()
    Secp256k1Suite.run(try CorpusDirectory(path: path), into: &report)
    for result in report.results {
      if case .failed = result.outcome { Issue.record("\(result)") }
    }
    #expect(report.passed == 3121)
    #expect(report.skipped == 955)
  }

  @Test(
    "every Ed25519 case of Wycheproof and NEAR is answered as it says",
    .enabled(if: Corpora.directory("ed25519") != nil, "corpus ed25519 is absent"))
  func ed25519() throws {
    let path = try #require(Corpora.directory("ed25519"))
    var report = ConformanceReport()
    Ed25519Suite.run(try CorpusDirectory(path: path), into: &report)
    for result in report.results {
      if case .failed = result.outcome { Issue.record("\(result)") }
    }
    #expect(report.passed == 239)
  }

  @Test(
    "every edge case of C2SP is answered as its properties demand, under all three rules",
    .enabled(if: Corpora.directory("keys") != nil, "corpus keys is absent"))
  func edgeCases() throws {
    let path = try #require(Corpora.directory("keys"))
    var report = ConformanceReport()
    Ed25519Suite.run(
      try CorpusDirectory(path: path + "/pq/cctv_ed25519_ed25519vectors.json"), into: &report)
    for result in report.results {
      if case .failed = result.outcome { Issue.record("\(result)") }
    }
    #expect(report.passed == 616)
  }
}
