import Attestation
import Enclaves
import Messages
import Testing
import WireBytes

@Suite("Rules of registrations")
struct RegistrationTests {
  static func result(
    _ keys: EnclaveKeys, reportData: [UInt8]? = nil, program: Bytes32? = nil, until: Int64 = 1_700_050_000
  ) -> AttestationResult {
    AttestationResult(
      platform: .simulated,
      measurements: [
        AttestationMeasurement("program", (program ?? keys.program).array),
        AttestationMeasurement("policy", keys.policy.array),
      ], reportData: reportData ?? keys.reportData.array, isDebug: false,
      limits: [AttestationLimit("collateral", until: until)], identity: Bytes32())
  }

  private func admit(
    _ world: EnclaveWorld, result: AttestationResult? = nil, domain: InteroperableAddress? = nil,
    last: UInt64? = nil, life: UInt64? = nil, at time: UInt64 = 1_700_000_010,
    anchors: [UInt64: Bytes32] = [5: EnclaveWorld.hash(0x55)]
  ) throws(RegistrationRefusal) -> UInt64 {
    try RegistrationRules.admit(
      world.keys, result: result ?? Self.result(world.keys), domain: domain ?? world.domain,
      lastSequence: last, lifeSecondsMax: life, at: time, anchorHash: { anchors[$0] })
  }

  @Test("live until the first of keys, evidence and rules ends")
  func expiry() throws {
    let world = try EnclaveWorld()
    // The evidence counts in its last second.
    #expect(try admit(world) == 1_700_050_001)
    #expect(try admit(world, result: Self.result(world.keys, until: .max)) == world.keys.expires)
    #expect(try admit(world, life: 60) == 1_700_000_070)
    #expect(try admit(world, life: .max) == 1_700_050_001)
    #expect(throws: RegistrationRefusal.expired(expires: 1_700_000_010, secondsLate: 0)) {
      try admit(world, result: Self.result(world.keys, until: 1_700_000_009))
    }
    #expect(throws: RegistrationRefusal.expired(expires: 0, secondsLate: 1_700_000_010)) {
      try admit(world, result: Self.result(world.keys, until: -1))
    }
    #expect(throws: RegistrationRefusal.expired(expires: 1_700_000_010, secondsLate: 0)) {
      try admit(world, life: 0)
    }
    #expect(throws: RegistrationRefusal.notIssued(issued: 1_700_000_000, secondsEarly: 1)) {
      try admit(world, at: 1_699_999_999)
    }
  }

  @Test(
    "only on evidence of exactly these keys, this domain, this program, a recent block and a new sequence")
  func bindings() throws {
    let world = try EnclaveWorld()
    let data = world.keys.reportData
    for place in 0..<64 {
      var changed = data.array
      changed[place] ^= 1
      #expect(throws: RegistrationRefusal.reportData(expected: data, actual: changed)) {
        try admit(world, result: Self.result(world.keys, reportData: changed))
      }
    }
    // Half of it is not all of it, and padding is not nothing.
    for wrong in [Array(data.array.prefix(32)), data.array + [0], []] {
      #expect(throws: RegistrationRefusal.reportData(expected: data, actual: wrong)) {
        try admit(world, result: Self.result(world.keys, reportData: wrong))
      }
    }
    let other = EnclaveWorld.hash(3)
    #expect(
      throws: RegistrationRefusal.measurement(
        name: "program", expected: world.keys.program, actual: other.array)
    ) { try admit(world, result: Self.result(world.keys, program: other)) }
    let elsewhere = try InteroperableAddress(chain: try DomainID("cosmos:demo-2"))
    #expect(throws: RegistrationRefusal.domain(expected: elsewhere, actual: world.domain)) {
      try admit(world, domain: elsewhere)
    }
    #expect(throws: RegistrationRefusal.sequence(last: 1, actual: 1)) { try admit(world, last: 1) }
    #expect(throws: RegistrationRefusal.sequence(last: 7, actual: 1)) { try admit(world, last: 7) }
    #expect(try admit(world, last: 0) > 0)
    #expect(throws: RegistrationRefusal.anchorUnknown(height: 5)) { try admit(world, anchors: [:]) }
    #expect(
      throws: RegistrationRefusal.anchor(height: 5, expected: other, actual: EnclaveWorld.hash(0x55))
    ) { try admit(world, anchors: [5: other]) }
  }

  @Test("counts from its registration until it ends")
  func liveness() throws {
    let world = try EnclaveWorld()
    let content = RegistrationContent(
      registration: world.keys.registration, attestationPolicy: Bytes32(), evidence: Bytes32(),
      registered: 100, height: 7, expires: 200)
    let live = try RegistrationRecord(
      keys: world.keys, content: content, status: .live, head: Bytes32(), linkCount: 1)
    #expect(throws: RegistrationRefusal.notRegistered(registered: 100, secondsEarly: 1)) {
      try RegistrationRules.checkLive(live, at: 99)
    }
    try RegistrationRules.checkLive(live, at: 100)
    try RegistrationRules.checkLive(live, at: 199)
    #expect(throws: RegistrationRefusal.expired(expires: 200, secondsLate: 0)) {
      try RegistrationRules.checkLive(live, at: 200)
    }
    let ended = try RegistrationRecord(
      keys: world.keys, content: content, status: .ended, ended: 150, head: Bytes32(), linkCount: 2)
    try RegistrationRules.checkLive(ended, at: 149)
    #expect(throws: RegistrationRefusal.ended(at: 150)) { try RegistrationRules.checkLive(ended, at: 150) }
  }
}
