import Attestation
import Digests
import Enclaves
import Ledger
import LightClients
import Messages
import PacketHost
import Settlement
import Testing
import WireBytes

@Suite("Registrations")
struct RegistrationTests {
  @Test("keeps a policy under its hash, once")
  func policies() throws {
    var ledger = try SettlementLedger()
    let policy = try ledger.policy()
    let message = SettlementMessage.storePolicy(
      sender: ledger.alice.address, policy: [UInt8](policy.text.utf8))
    let result = try ledger.run(message, by: ledger.alice)
    #expect(try ledger.answer(result) == .policy(policy.hash))
    let text = try #require(try ledger.ask(.policy(policy.hash)))
    #expect(try SettlementAnswers.policy(decoding: text) == [UInt8](policy.text.utf8))
    #expect(try ledger.run(message, by: ledger.alice).isRefused(.policyKnown(policy.hash)))
    // Another spelling of the same policy is the same policy.
    let spaced = SettlementMessage.storePolicy(
      sender: ledger.alice.address, policy: [UInt8](policy.text.replacing(":", with: ": ").utf8))
    #expect(try ledger.run(spaced, by: ledger.alice).isRefused(.policyKnown(policy.hash)))
    let broken = SettlementMessage.storePolicy(sender: ledger.alice.address, policy: [UInt8]("{}".utf8))
    let refused = try ledger.run(broken, by: ledger.alice)
    #expect(refused.codespace == "settlement" && refused.code == 2)
  }

  @Test("registers keys by evidence, until the first of what ends")
  func registers() throws {
    var ledger = try SettlementLedger()
    let hash = try ledger.store(ledger.policy())
    let enclave = try ledger.enclave(lifetime: 3_600)
    let time = try ledger.time
    let result = try ledger.run(ledger.registration(of: enclave, policy: hash), by: ledger.operator)
    #expect(
      try ledger.answer(result) == .registration(enclave.registration, expires: enclave.keys.expires))
    let record = try ledger.registrationRecord(enclave.registration)
    #expect(record.keys == enclave.keys && record.status == .live && record.linkCount == 1)
    #expect(record.content.registered == time && record.content.attestationPolicy == hash)
    #expect(record.content.evidence == SHA256Hash.hash(enclave.evidence().encoded()))
    let chain = CustodyChain.link(
      after: CustodyChain.start, kind: .registration, content: record.content.encoded())
    #expect(record.head == chain)
    let answer = try SettlementAnswers.Registration(
      decoding: try #require(try ledger.ask(.registration(enclave.registration))))
    #expect(answer.record == record)
    #expect(answer.evidence == enclave.evidence().encoded())
    let event = try #require(result.events.first { $0.type == "settlement_registered" })
    #expect(event.value("operator") == ledger.operator.address.text)
  }

  @Test("refuses keys that are another's, another domain's, or not keys")
  func keys() throws {
    var ledger = try SettlementLedger()
    let hash = try ledger.store(ledger.policy())
    let foreign = try ledger.enclave(domain: try DomainID("cosmos:island-1"))
    #expect(
      try ledger.run(ledger.registration(of: foreign, policy: hash), by: ledger.operator)
        .isRefused(.domain(foreign.keys.domain)))
    let others = try ledger.enclave(operator: ledger.alice.address)
    #expect(
      try ledger.run(ledger.registration(of: others, policy: hash), by: ledger.operator)
        .isRefused(.operator(others.keys.operator)))
    let unknown = Bytes32 { _ in 9 }
    let enclave = try ledger.enclave()
    #expect(
      try ledger.run(ledger.registration(of: enclave, policy: unknown), by: ledger.operator)
        .isRefused(.policyUnknown(unknown)))
    let cut = SettlementMessage.registerEnclave(
      sender: ledger.operator.address, keys: Array(enclave.keys.encoded().dropLast()),
      evidence: enclave.evidence().encoded(), policy: hash)
    let refused = try ledger.run(cut, by: ledger.operator)
    #expect(refused.codespace == "settlement" && refused.code == 5)
    let noEvidence = SettlementMessage.registerEnclave(
      sender: ledger.operator.address, keys: enclave.keys.encoded(), evidence: [8, 1], policy: hash)
    #expect(try ledger.run(noEvidence, by: ledger.operator).isRefused(.evidence(.noStatement)))
  }

  @Test("refuses keys twice, and sequences that do not grow")
  func sequences() throws {
    var ledger = try SettlementLedger()
    let hash = try ledger.store(ledger.policy())
    let enclave = try ledger.enclave(sequence: 5)
    #expect(try ledger.run(ledger.registration(of: enclave, policy: hash), by: ledger.operator).succeeded)
    #expect(
      try ledger.run(ledger.registration(of: enclave, policy: hash), by: ledger.operator)
        .isRefused(.registrationKnown(enclave.registration)))
    let same = try ledger.enclave(seed: 51, sequence: 5)
    #expect(
      try ledger.run(ledger.registration(of: same, policy: hash), by: ledger.operator)
        .isRefused(.sequence(last: 5, actual: 5)))
    let next = try ledger.enclave(seed: 52, sequence: 6)
    #expect(try ledger.run(ledger.registration(of: next, policy: hash), by: ledger.operator).succeeded)
  }

  @Test("refuses keys from the future, keys that are over, and keys that live too long")
  func times() throws {
    var ledger = try SettlementLedger()
    let hash = try ledger.store(ledger.policy())
    let soon = try ledger.enclave(issued: try ledger.time + 100)
    let time = try ledger.time
    #expect(
      try ledger.run(ledger.registration(of: soon, policy: hash), by: ledger.operator)
        .isRefused(.keysFromFuture(issued: soon.keys.issued, time: time)))
    let old = try ledger.enclave(lifetime: 10, issued: try ledger.time - 100)
    let later = try ledger.time
    #expect(
      try ledger.run(ledger.registration(of: old, policy: hash), by: ledger.operator)
        .isRefused(.keysExpired(expires: old.keys.expires, time: later)))
    let long = try ledger.enclave(lifetime: 91 * 86_400)
    #expect(
      try ledger.run(ledger.registration(of: long, policy: hash), by: ledger.operator)
        .isRefused(.keysLifetime(max: 90 * 86_400, actual: 91 * 86_400)))
  }

  @Test("refuses anchors that are no recent block of the domain")
  func anchors() throws {
    var ledger = try SettlementLedger()
    let hash = try ledger.store(ledger.policy())
    let first = try #require(ledger.history.first?.block.blockID.hash)
    let wrong = try ledger.enclave(anchor: (1, Bytes32 { _ in 3 }))
    #expect(
      try ledger.run(ledger.registration(of: wrong, policy: hash), by: ledger.operator)
        .isRefused(.anchorHash(height: 1, expected: first, actual: Bytes32 { _ in 3 })))
    let future = try ledger.enclave(anchor: (1_000, first))
    let newest = UInt64(ledger.chain.tip.height)
    #expect(
      try ledger.run(ledger.registration(of: future, policy: hash), by: ledger.operator)
        .isRefused(.anchorUnknown(height: 1_000, newest: newest)))
    let right = try ledger.enclave(anchor: (1, first))
    #expect(try ledger.run(ledger.registration(of: right, policy: hash), by: ledger.operator).succeeded)
    // The window moves on: 1,024 blocks later the first one is forgotten.
    while UInt64(ledger.chain.tip.height) < SettlementLimits.anchorCount { try ledger.advance() }
    let edge = try ledger.enclave(anchor: (1, first))
    #expect(try ledger.run(ledger.registration(of: edge, policy: hash), by: ledger.operator).succeeded)
    let late = try ledger.enclave(anchor: (1, first))
    let tip = UInt64(ledger.chain.tip.height)
    #expect(
      try ledger.run(ledger.registration(of: late, policy: hash), by: ledger.operator)
        .isRefused(.anchorUnknown(height: 1, newest: tip)))
  }

  @Test("refuses evidence of another program, of other keys, too old, or simulated in production")
  func evidence() throws {
    var ledger = try SettlementLedger()
    let hash = try ledger.store(ledger.policy(ageMaxSeconds: 30))
    let enclave = try ledger.enclave()
    let elsewhere = Bytes32 { _ in 0xee }
    #expect(
      try ledger.run(
        ledger.registration(of: enclave, evidence: enclave.evidence(program: elsewhere), policy: hash),
        by: ledger.operator
      ).isRefused(.attestation(.simulated(.program(elsewhere)))))
    let data = [UInt8](repeating: 1, count: 64)
    #expect(
      try ledger.run(
        ledger.registration(of: enclave, evidence: enclave.evidence(reportData: data), policy: hash),
        by: ledger.operator
      ).isRefused(.reportData(expected: enclave.keys.reportData, actual: data)))
    // All 64 bytes count: half of them, and zeros behind, are another binding.
    let half = Array(enclave.keys.reportData.array.prefix(32)) + [UInt8](repeating: 0, count: 32)
    #expect(
      try ledger.run(
        ledger.registration(of: enclave, evidence: enclave.evidence(reportData: half), policy: hash),
        by: ledger.operator
      ).isRefused(.reportData(expected: enclave.keys.reportData, actual: half)))
    let time = try ledger.time
    let stale = try ledger.run(
      ledger.registration(of: enclave, evidence: enclave.evidence(issued: time - 31), policy: hash),
      by: ledger.operator)
    #expect(stale.isRefused(.attestation(.tooOld(ageSeconds: 31, maximum: 30))))
    let production = try AttestationPolicy(isProduction: true)
    try ledger.store(production)
    #expect(
      try ledger.run(ledger.registration(of: enclave, policy: production.hash), by: ledger.operator)
        .isRefused(.attestation(.simulatedInProduction)))
    let nobody = try ledger.policy(programs: [])
    try ledger.store(nobody)
    #expect(
      try ledger.run(ledger.registration(of: enclave, policy: nobody.hash), by: ledger.operator)
        .isRefused(.attestation(.simulated(.program(ledger.program)))))
  }

  @Test("refuses keys that name another program than was measured")
  func measured() throws {
    var ledger = try SettlementLedger()
    let other = Bytes32 { _ in 0xc3 }
    let hash = try ledger.store(ledger.policy(programs: [ledger.program, other]))
    let enclave = try ledger.enclave(program: other)
    #expect(
      try ledger.run(
        ledger.registration(
          of: enclave, evidence: enclave.evidence(program: ledger.program), policy: hash),
        by: ledger.operator
      ).isRefused(.measured("program", expected: other, actual: ledger.program.array)))
  }

  @Test("ends no registration that stands, that is unknown, or that is over")
  func invalidations() throws {
    var ledger = try SettlementLedger()
    let (enclave, _) = try ledger.registered(lifetime: 100)
    let id = enclave.registration
    func end(_ id: Bytes32, _ collateral: [UInt8]? = nil) -> SettlementMessage {
      .invalidateEnclave(sender: ledger.carol.address, registration: id, collateral: collateral)
    }
    #expect(try ledger.run(end(id), by: ledger.carol).isRefused(.registrationStands(id)))
    let unknown = Bytes32 { _ in 1 }
    #expect(try ledger.run(end(unknown), by: ledger.carol).isRefused(.registrationUnknown(unknown)))
    // Collateral that does not read is whoever sent it's fault.
    #expect(
      try ledger.run(end(id, [1, 2, 3]), by: ledger.carol)
        .isRefused(.collateral(.simulated(.collateral(bytes: 3)))))
    #expect(try ledger.registrationRecord(id).status == .live)
    try ledger.wait(until: enclave.keys.expires)
    let time = try ledger.time
    #expect(
      try ledger.run(end(id), by: ledger.carol)
        .isRefused(.registrationExpired(expires: enclave.keys.expires, time: time)))
  }
}
