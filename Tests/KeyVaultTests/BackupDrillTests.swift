import KeyVault
import SigningRules
import Testing
import WireBytes

@Suite("Recovery drills")
struct BackupDrillTests {
  private static let suites: [KeySuite] = [.ed25519, .secp256k1, .p384, .ed25519AndMLDSA65]
  private static let challenge = Bytes32 { UInt8($0) }

  private static let arrangements: [(DrillArrangement, Int)] = [
    (.words(groupThreshold: 1, groups: [SLIP39Group(memberThreshold: 2, memberCount: 3)]), 3),
    (
      .words(
        groupThreshold: 2,
        groups: [
          SLIP39Group(memberThreshold: 1, memberCount: 1), SLIP39Group(memberThreshold: 2, memberCount: 3),
          SLIP39Group(memberThreshold: 2, memberCount: 2),
        ]), 3 + 1 + 3
    ),
    (.keys(threshold: 2, parties: 3), 3), (.keys(threshold: 3, parties: 5), 10),
    (.keys(threshold: 2, parties: 2), 1),
  ]

  @Test("passes every step, for every minimal set of parties", arguments: 0..<5)
  func passes(index: Int) throws {
    let (arrangement, sets) = Self.arrangements[index]
    let report = try RecoveryDrill<OperatorKeys>(
      arrangement: arrangement, suites: Self.suites, challenge: Self.challenge
    ).run()
    #expect(report.passed, "\(report.lines)")
    #expect(report.domain == .operator && report.minimalSets == sets)
    func checked(_ step: DrillStep) -> Int? { report.lines.first { $0.step == step }?.checked }
    #expect(report.lines.map(\.step) == DrillStep.allCases)
    #expect(checked(.makeKeys) == 4)
    #expect(checked(.everyMinimalSet) == sets)
    #expect(checked(.signWithRestored) == sets * 4)
    #expect(checked(.shareOfAnother) == sets)
    #expect(checked(.otherDomain) == 3)
    #expect(checked(.olderBackup) == 2)
  }

  @Test("rehearses each key domain by itself")
  func domains() throws {
    func run<Kind: KeyDomainKind>(_ kind: Kind.Type) throws -> DrillReport {
      try RecoveryDrill<Kind>(
        arrangement: .keys(threshold: 2, parties: 2), suites: [.ed25519, .frostEd25519],
        challenge: Self.challenge
      ).run()
    }
    #expect(try run(UserKeys.self).passed)
    #expect(try run(SettlementKeys.self).passed)
    #expect(try run(SigningRules.EnclaveKeys.self).domain == .enclave)
  }

  @Test("does not call a drill without keys passed")
  func empty() throws {
    let report = try RecoveryDrill<UserKeys>(
      arrangement: .keys(threshold: 2, parties: 2), suites: [.frostEd25519], challenge: Self.challenge
    ).run()
    #expect(!report.passed)
  }

  @Test("counts more sets than it tries")
  func many() throws {
    let group = SLIP39Group(memberThreshold: 8, memberCount: 16)
    let report = try RecoveryDrill<UserKeys>(
      arrangement: .words(groupThreshold: 16, groups: [SLIP39Group](repeating: group, count: 16)), suites: [],
      challenge: Self.challenge, setsMax: 2
    ).run()
    #expect(report.minimalSets == .max)
    #expect(report.lines.first { $0.step == .everyMinimalSet }?.checked == 2)
    #expect(
      throws: BackupError.arrangement,
      performing: {
        try RecoveryDrill<UserKeys>(
          arrangement: .keys(threshold: 1, parties: 3), suites: [.ed25519], challenge: Self.challenge
        ).run()
      })
  }
}
