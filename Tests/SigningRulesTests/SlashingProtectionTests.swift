import Conformance
import Digests
import Encodings
import SigningRules
import TestSupport
import Testing
import WireBytes

@Suite("EIP-3076")
struct SlashingProtectionTests {
  private static func run(_ topic: String) throws -> ConformanceReport {
    let path = try #require(Corpora.directory(topic))
    var report = ConformanceReport()
    EIP3076Suite.run(try CorpusDirectory(path: path), into: &report)
    for result in report.results {
      if case .failed(let expected, let actual) = result.outcome {
        Issue.record("\(result.file) \(result.name): expected \(expected), got \(actual)")
      }
    }
    return report
  }

  @Test(
    "agrees with the interchange tests of eth-clients",
    .enabled(if: Corpora.directory("keys/eip3076") != nil, "the corpus is absent"))
  func interchangeTests() throws {
    let report = try Self.run("keys/eip3076")
    #expect(report.failed == 0)
    // 25 files with 33 steps, 29 blocks and 46 attestations; the JSON schema holds no case.
    #expect(report.passed == 108)
    #expect(report.skipped == 1)
  }

  @Test(
    "takes and refuses the files of Web3Signer",
    .enabled(if: Corpora.directory("keys/eip3076-web3signer") != nil, "the corpus is absent"))
  func web3signer() throws {
    let report = try Self.run("keys/eip3076-web3signer")
    #expect(report.failed == 0)
    let refused = report.results.filter { $0.name == "refused as malformed" }.map(\.file)
    #expect(
      refused == [
        "dataFieldNotArray.json", "errorInSecondValidator.json", "missingDataField.json",
        "missingPublicKey.json",
      ])
    // Six files are imported and exported.
    #expect(report.passed == 4 + 12)
    #expect(report.skipped == 0)
  }

  // MARK: Rules

  private static let key = FixedBytes<48> { UInt8($0) }
  private static let genesis = Bytes32()

  private static func root(_ number: UInt64) -> [UInt8] { Bytes32(bigEndian: number).array }

  private static func block(_ slot: UInt64, _ number: UInt64? = 1) -> SignedBlock {
    SignedBlock(slot: slot, signingRoot: number.map { root($0) })
  }

  private static func vote(_ source: UInt64, _ target: UInt64, _ number: UInt64? = 1) -> SignedAttestation {
    SignedAttestation(sourceEpoch: source, targetEpoch: target, signingRoot: number.map { root($0) })
  }

  @Test("refuses a second block of a slot, and slots that are not above the lowest")
  func blocks() throws {
    var database = SlashingProtection(genesisValidatorsRoot: Self.genesis)
    try database.sign(Self.block(10), by: Self.key)
    try database.sign(Self.block(10), by: Self.key)
    #expect(throws: SlashingRefusal.doubleProposal(slot: 10)) {
      try database.sign(Self.block(10, 2), by: Self.key)
    }
    #expect(throws: SlashingRefusal.doubleProposal(slot: 10)) {
      try database.sign(Self.block(10, nil), by: Self.key)
    }
    #expect(throws: SlashingRefusal.slotNotAboveMinimum(minimum: 10)) {
      try database.sign(Self.block(9), by: Self.key)
    }
    try database.sign(Self.block(20), by: Self.key)
    try database.sign(Self.block(15), by: Self.key)
    try database.sign(Self.block(9), by: FixedBytes<48>())
  }

  @Test("refuses double and surrounding votes, and what lies below the lowest")
  func attestations() throws {
    var database = SlashingProtection(genesisValidatorsRoot: Self.genesis)
    try database.sign(Self.vote(10, 11), by: Self.key)
    try database.sign(Self.vote(12, 20), by: Self.key)
    try database.sign(Self.vote(12, 20), by: Self.key)
    #expect(throws: SlashingRefusal.doubleVote(targetEpoch: 20)) {
      try database.sign(Self.vote(12, 20, 2), by: Self.key)
    }
    #expect(throws: SlashingRefusal.doubleVote(targetEpoch: 20)) {
      try database.sign(Self.vote(13, 20), by: Self.key)
    }
    #expect(throws: SlashingRefusal.surrounds(sourceEpoch: 12, targetEpoch: 20)) {
      try database.sign(Self.vote(11, 21), by: Self.key)
    }
    #expect(throws: SlashingRefusal.surrounded(sourceEpoch: 12, targetEpoch: 20)) {
      try database.sign(Self.vote(13, 19), by: Self.key)
    }
    #expect(throws: SlashingRefusal.sourceAfterTarget) {
      try database.sign(Self.vote(31, 30), by: Self.key)
    }
    #expect(throws: SlashingRefusal.sourceBelowMinimum(minimum: 10)) {
      try database.sign(Self.vote(9, 10), by: Self.key)
    }
    #expect(throws: SlashingRefusal.targetNotAboveMinimum(minimum: 11)) {
      try database.sign(Self.vote(10, 10), by: Self.key)
    }
    try database.sign(Self.vote(12, 15), by: Self.key)
  }

  @Test("forgets from below, and refuses all that it forgot")
  func pruning() throws {
    var database = SlashingProtection(genesisValidatorsRoot: Self.genesis, recordsKept: 3)
    for number in 1...UInt64(8) {
      try database.sign(Self.block(number * 10), by: Self.key)
      try database.sign(Self.vote(number, number + 1), by: Self.key)
    }
    #expect(throws: SlashingRefusal.slotNotAboveMinimum(minimum: 50)) {
      try database.sign(Self.block(50), by: Self.key)
    }
    try database.sign(Self.block(60), by: Self.key)
    #expect(throws: SlashingRefusal.targetNotAboveMinimum(minimum: 6)) {
      try database.sign(Self.vote(5, 6), by: Self.key)
    }
    #expect(throws: SlashingRefusal.sourceBelowMinimum(minimum: 5)) {
      try database.sign(Self.vote(4, 4), by: Self.key)
    }
    // What is exported binds another database as much.
    var other = SlashingProtection(genesisValidatorsRoot: Self.genesis)
    _ = try other.merge(try SlashingInterchange(decoding: [UInt8](database.interchange.text.utf8)))
    #expect(throws: SlashingRefusal.doubleProposal(slot: 50)) {
      try other.sign(Self.block(50), by: Self.key)
    }
    #expect(throws: SlashingRefusal.slotNotAboveMinimum(minimum: 50)) {
      try other.sign(Self.block(49), by: Self.key)
    }
    #expect(throws: SlashingRefusal.surrounds(sourceEpoch: 5, targetEpoch: 6)) {
      try other.sign(Self.vote(4, 30), by: Self.key)
    }
  }

  @Test("keeps what is slashable in a file, and signs nothing beside it")
  func slashable() throws {
    var database = SlashingProtection(genesisValidatorsRoot: Self.genesis)
    let file = SlashingInterchange(
      genesisValidatorsRoot: Self.genesis,
      validators: [
        .init(
          publicKey: Self.key, blocks: [Self.block(10, 1), Self.block(10, 2)],
          attestations: [Self.vote(2, 9), Self.vote(3, 8)])
      ])
    let first = try database.merge(file)
    #expect(first.addedCount == 4 && first.slashableCount == 2)
    let second = try database.merge(file)
    #expect(second.addedCount == 0 && second.slashableCount == 0)
    for number in UInt64(1)...2 {
      #expect(throws: SlashingRefusal.doubleProposal(slot: 10)) {
        try database.sign(Self.block(10, number), by: Self.key)
      }
    }
    #expect(
      try SlashingInterchange(decoding: [UInt8](database.interchange.text.utf8)) == database.interchange)
    let foreign = SlashingInterchange(genesisValidatorsRoot: Asked.root, validators: [])
    #expect(throws: SlashingImportError.genesisValidatorsRoot(own: Self.genesis, other: Asked.root)) {
      try database.merge(foreign)
    }
  }

  @Test("never signs two slashable messages in a random history", arguments: 0..<16)
  func random(seed: UInt64) throws {
    var numbers = SeededNumbers(seed: seed)
    let kept = seed % 2 == 0 ? 4 : 1_000
    var database = SlashingProtection(genesisValidatorsRoot: Self.genesis, recordsKept: kept)
    var blocks: [SignedBlock] = []
    var votes: [SignedAttestation] = []
    for _ in 0..<400 {
      if numbers.below(30) == 0 {
        // A restart from the exported file.
        var fresh = SlashingProtection(genesisValidatorsRoot: Self.genesis, recordsKept: kept)
        _ = try fresh.merge(database.interchange)
        database = fresh
      }
      let base = UInt64(blocks.count + votes.count)
      if numbers.below(2) == 0 {
        let block = Self.block(base + numbers.below(12), numbers.below(2))
        if (try? database.sign(block, by: Self.key)) != nil { blocks.append(block) }
      } else {
        let source = base + numbers.below(8)
        let vote = Self.vote(source, source + numbers.below(8), numbers.below(2))
        if (try? database.sign(vote, by: Self.key)) != nil { votes.append(vote) }
      }
    }
    for left in blocks { for right in blocks where left.slot == right.slot { #expect(left == right) } }
    for left in votes {
      for right in votes where left != right {
        #expect(left.targetEpoch != right.targetEpoch)
        #expect(!(left.sourceEpoch < right.sourceEpoch && right.targetEpoch < left.targetEpoch))
      }
    }
    #expect(blocks.count > 20 && votes.count > 20)
  }

  @Test("refuses files that are not in the EIP's form")
  func malformed() throws {
    let text = SlashingInterchange(
      genesisValidatorsRoot: Self.genesis,
      validators: [
        .init(publicKey: Self.key, blocks: [Self.block(10)], attestations: [Self.vote(2, 9)])
      ]
    ).json.text()
    #expect(try SlashingInterchange(decoding: [UInt8](text.utf8)).json.text() == text)
    for count in 0..<text.utf8.count {
      let cut = [UInt8](text.utf8.prefix(count))
      #expect(throws: SlashingInterchangeError.self) { try SlashingInterchange(decoding: cut) }
    }
    let cases: [(String, String, SlashingInterchangeError)] = [
      ("\"5\"", "\"4\"", .version("4")),
      ("\"5\"", "5", .member(path: "metadata.interchange_format_version")),
      ("\"10\"", "10", .member(path: "data.0.signed_blocks.0.slot")),
      ("\"10\"", "\"010\"", .member(path: "data.0.signed_blocks.0.slot")),
      ("\"10\"", "\"-1\"", .member(path: "data.0.signed_blocks.0.slot")),
      ("\"10\"", "\"18446744073709551616\"", .member(path: "data.0.signed_blocks.0.slot")),
      ("\"9\"", "null", .member(path: "data.0.signed_attestations.0.target_epoch")),
      ("source_epoch", "sauce_epoch", .member(path: "data.0.signed_attestations.0.sauce_epoch")),
      ("\"pubkey\":\"0x", "\"pubkey\":\"", .member(path: "data.0.pubkey")),
      ("\"pubkey\":\"0x00", "\"pubkey\":\"0x", .member(path: "data.0.pubkey")),
      ("{\"data\"", "{\"date\":[],\"data\"", .member(path: "date")),
    ]
    for (old, new, error) in cases {
      let wrong = text.replacing(old, with: new, maxReplacements: 1)
      #expect(wrong != text)
      #expect(throws: error) { try SlashingInterchange(decoding: [UInt8](wrong.utf8)) }
    }
  }
}
