import ForeignProtocols
import Testing
import WireBytes

@Suite("guardian set upgrades")
struct GuardianSetChainTests {
  /// The VAA of August 2021 that installed set 1, signed by the launch key. Source: wormhole at 640e1848,
  /// guardianset/mainnetv2/canonical_sets/guardianSetVAAs.csv.
  private static let firstUpgrade = """
    010000000001007ac31b282c2aeeeb37f3385ee0de5f8e421d30b9e5ae8ba3d4375c1c77a86e77159bb697d9c456d6f8c02d
    22a94b1279b65b0d6a9957e7d3857423845ac758e300610ac1d2000000030001000000000000000000000000000000000000
    0000000000000000000000000004000000000000053900000000000000000000000000000000000000000000000000000000
    00436f7265020000000000011358cc3ae5c097b213ce3c81979e1b9f9570746aa5ff6cb952589bde862c25ef4392132fb9d4
    a42157114de8460193bdf3a2fcf81f86a09765f4762fd1107a0086b32d7a0977926a205131d8731d39cbeb8c82b2fd82faed
    2711d59af0f2499d16e726f6b211b39756c042441be6d8650b69b54ebe715e234354ce5b4d348fb74b958e8966e2ec3dbd49
    58a7cdeb5f7389fa26941519f0863349c223b73a6ddee774a3bf913953d695260d88bc1aa25a4eee363ef0000ac0076727b3
    5fbea2dac28fee5ccb0fea768eaf45ced136b9d9e24903464ae889f5c8a723fc14f93124b7c738843cbb89e864c862c38cdd
    cccf95d2cc37a4dc036a8d232b48f62cdd4731412f4890da798f6896a3331f64b48c12d1d57fd9cbe7081171aa1be1d36caf
    e3867910f99c09e347899c19c38192b6e7387ccd768277c17dab1b7a5027c0b3cf178e21ad2e77ae06711549cfbb1f9c7a9d
    8096e85e1487f35515d02a92753504a8d75471b9f49edb6fbebc898f403e4773e95feb15e80c9a99c8348d
    """.split(separator: "\n").joined()

  private static func upgrade() throws -> VAA { try VAA(decoding: try Hex.decode(firstUpgrade)) }

  private static func launch() throws -> GuardianSetChain {
    GuardianSetChain(genesis: try #require(WormholeMainnet.guardianSets.set(0)))
  }

  @Test("the first upgrade of the mainnet installs set 1 and lets set 0 run out after a day")
  func firstUpgrade() throws {
    var chain = try Self.launch()
    try chain.apply(try Self.upgrade(), at: 1000)
    #expect(chain.current.index == 1)
    #expect(chain.current.standing == .current)
    #expect(chain.current.keys == WormholeMainnet.guardianSets.set(1)?.keys)
    #expect(chain.current.quorum == 13)
    #expect(chain.set(0)?.standing == .replaced(expires: 87_400))
  }

  @Test("an upgrade is applied once, and an old set governs no more")
  func once() throws {
    var chain = try Self.launch()
    let vaa = try Self.upgrade()
    try chain.apply(vaa, at: 1000)
    let after = chain
    #expect(throws: GuardianSetUpgradeError.notSignedByCurrentSet(named: 0, current: 1)) {
      try chain.apply(vaa, at: 87_400)
    }
    #expect(
      throws: GuardianSetUpgradeError.refused(.guardianSetExpired(index: 0, expired: 87_400, time: 87_401))
    ) {
      try chain.apply(vaa, at: 87_401)
    }
    #expect(chain == after)
  }

  @Test("messages of a replaced set are valid in its overlap, and in the archive")
  func overlap() throws {
    var chain = try Self.launch()
    let vaa = try Self.upgrade()
    try chain.apply(vaa, at: 1000)
    #expect(try chain.verify(vaa, at: 87_400).guardianSet.index == 0)
    #expect(try chain.verify(vaa, at: nil).guardianSet.index == 0)
    #expect(throws: VAARefusal.guardianSetExpired(index: 0, expired: 87_400, time: 87_401)) {
      try chain.verify(vaa, at: 87_401)
    }
  }

  @Test("a message of a set that is not known is refused")
  func unknownSet() throws {
    let vaa = try Self.upgrade()
    let set = try #require(WormholeMainnet.guardianSets.set(7))
    #expect(throws: VAARefusal.unknownGuardianSet(index: 0)) {
      try GuardianSetChain(genesis: set).verify(vaa, at: nil)
    }
    #expect(throws: VAARefusal.otherGuardianSet(named: 0, given: 7)) { try vaa.verify(under: set, at: nil) }
  }

  @Test("governance that is no guardian set upgrade is refused")
  func otherGovernance() throws {
    // Delegated guardians, signed by set 7.
    let bytes = try VectorFile.json("examples/messages/wormhole-mainnet-vaa.json").hex("vaa")
    var chain = WormholeMainnet.guardianSets
    #expect(
      throws: GuardianSetUpgradeError.notAGuardianSetUpgrade(
        module: "DelegatedGuardians", action: 1, chain: 0)
    ) { try chain.apply(try VAA(decoding: bytes), at: 0) }
  }

  @Test("the published table has eight sets of 1 and 19 keys, the last one current")
  func published() {
    let sets = WormholeMainnet.guardianSets.sets
    #expect(sets.map(\.index) == Array(0...7))
    #expect(sets.map(\.keys.count) == [1] + [Int](repeating: 19, count: 7))
    #expect(sets.count { $0.standing == .current } == 1)
    #expect(WormholeMainnet.guardianSets.current.index == 7)
  }

  @Test("a chain of known sets must ascend, and only its last may be current")
  func order() throws {
    let sets = WormholeMainnet.guardianSets.sets
    #expect(GuardianSetChain(sets: []) == nil)
    #expect(GuardianSetChain(sets: [sets[1], sets[0]]) == nil)
    #expect(GuardianSetChain(sets: [sets[7], sets[7]]) == nil)
    #expect(GuardianSetChain(sets: sets) == WormholeMainnet.guardianSets)
  }
}
