import Attestation
import Digests
import EnclaveService
import Enclaves
import Foundation
import Messages
import SignerJournal
import TPMAccess
import TestSupport
import Testing
import WireBytes

/// Enclaves on a TPM 2.0, which is swtpm here.
@Suite(
  "An enclave on a TPM", .serialized,
  .enabled(if: TPMSimulator.isInstalled && FixedProgram.library != nil, "swtpm or wasmtime is absent"))
struct TPMPlatformTests {
  private struct Machine {
    let simulator: TPMSimulator
    let folder: Folder
    let clock = Clock()
    let workload: EnclaveWorkload

    init() throws {
      simulator = try TPMSimulator()
      folder = try Folder()
      workload = try Bench.cases(try FixedProgram.wasm())
    }

    func platform(_ folder: Folder? = nil, counter: UInt32? = 0x0143_4557) throws -> TPMPlatform {
      try TPMPlatform(
        try simulator.connection(), folder: (folder ?? self.folder).path,
        configuration: TPMPlatform.Configuration(counterIndex: counter))
    }

    func start(
      _ platform: TPMPlatform, folder: Folder? = nil, signing: EnclaveSigningKind = .p256,
      withEachAnswer: Bool = true
    ) throws -> Enclave {
      try Enclave(
        Bench.configuration(folder ?? self.folder, signing: signing, withEachAnswer: withEachAnswer),
        workload: workload, platform: platform, clock: clock.reading)
    }

    func policy(_ platform: TPMPlatform) throws -> AttestationPolicy {
      try EnclaveDemands.tpm(workload.identity, names: [platform.attestationKey.name], isProduction: true)
    }

    func verify(_ registration: EnclaveRegistration, _ policy: AttestationPolicy) throws(AttestationRefusal)
      -> AttestationResult
    {
      try AttestationVerifier.verify(registration.evidence, under: policy, at: .live(Int64(Bench.now)))
    }
  }

  @Test("gives evidence that a production policy takes, for its keys, its program and its policy")
  func evidence() throws {
    let machine = try Machine()
    let platform = try machine.platform()
    let enclave = try machine.start(platform)
    let registration = try enclave.rotate(Bench.anchor())
    let policy = try machine.policy(platform)
    let result = try machine.verify(registration, policy)
    #expect(result.platform == .tpm)
    #expect(result.reportData == registration.keys.reportData.array)
    #expect(!result.isDebug)
    // A policy is the same after it was written and read.
    #expect(try AttestationPolicy(decoding: [UInt8](policy.text.utf8)) == policy)
    // Another program's policy, another machine's key, and another rotation's evidence are refused.
    let other = EnclaveIdentity(program: SHA256Hash.hash([1]), policy: machine.workload.identity.policy)
    let otherProgram = try EnclaveDemands.tpm(
      other, names: [platform.attestationKey.name], isProduction: true)
    #expect(throws: AttestationRefusal.self) { try machine.verify(registration, otherProgram) }
    let otherName = [UInt8](platform.attestationKey.name.dropLast()) + [0]
    let otherKey = try EnclaveDemands.tpm(machine.workload.identity, names: [otherName], isProduction: true)
    #expect(throws: AttestationRefusal.self) { try machine.verify(registration, otherKey) }
    let next = try enclave.rotate(Bench.anchor())
    #expect(try machine.verify(next, policy).reportData != registration.keys.reportData.array)
    // Production policies refuse the simulated platform by name.
    let simulated = SimulatedStatement(
      program: machine.workload.identity.program, policy: machine.workload.identity.policy,
      reportData: registration.keys.reportData.array, issued: Int64(Bench.now)
    ).evidence
    #expect(throws: AttestationRefusal.self) {
      try AttestationVerifier.verify(simulated, under: policy, at: .live(Int64(Bench.now)))
    }
  }

  @Test("logs each launch: evidence verifies after restarts of the process and of the machine")
  func restarts() throws {
    let machine = try Machine()
    var policy: AttestationPolicy?
    for launch in 1...3 {
      let platform = try machine.platform()
      let enclave = try machine.start(platform)
      let registration = try enclave.rotate(Bench.anchor())
      let known = try policy ?? machine.policy(platform)
      policy = known
      _ = try machine.verify(registration, known)
      let statement = try Read.statement(registration.evidence.statement)
      #expect(try Read.launches(statement.launchLog).count == launch)
      #expect(registration.keys.sequence == UInt64(launch))
      platform.chip?.close()
    }
    try machine.simulator.restart()
    let platform = try machine.platform()
    let registration = try machine.start(platform).rotate(Bench.anchor())
    _ = try machine.verify(registration, try #require(policy))
    let statement = try Read.statement(registration.evidence.statement)
    #expect(try Read.launches(statement.launchLog).count == 1)
    #expect(registration.keys.sequence == 4)
  }

  @Test("finishes a launch that was logged and not measured, and no other difference of log and register")
  func launchLog() throws {
    let machine = try Machine()
    let first = try machine.platform()
    try first.measure(machine.workload.identity, at: 1)
    #expect(throws: EnclavePlatformError.sequence) { try first.measure(machine.workload.identity, at: 1) }
    first.chip?.close()
    let path = URL(fileURLWithPath: machine.folder.path + "/launches")
    let one = try Data(contentsOf: path)
    // As a crash leaves it between the log and the register.
    let identity = machine.workload.identity
    let logged = TPMLaunchLog.Launch(program: identity.program, policy: identity.policy, start: 2)
    try (one + Data(logged.encoded())).write(to: path)
    let second = try machine.platform()
    try second.measure(identity, at: 3)
    let starts = try Read.launches([UInt8](try Data(contentsOf: path))).map(\.start)
    #expect(starts == [1, 3])
    second.chip?.close()
    // The log is put back to an older one, or is lost.
    for bytes in [one, Data()] {
      try bytes.write(to: path)
      let platform = try machine.platform()
      let refusal = #expect(throws: EnclavePlatformError.self) { try platform.measure(identity, at: 4) }
      guard case .register(number: 14, logged: _, found: _) = refusal else {
        Issue.record("\(String(describing: refusal))")
        return
      }
      platform.chip?.close()
    }
    try Data([1, 2, 3]).write(to: path)
    #expect(throws: EnclavePlatformError.damaged(.launches)) {
      try machine.platform().measure(identity, at: 4)
    }
  }

  @Test(
    "gives no evidence once something else was measured into its register, and does not start on it again")
  func tampered() throws {
    let machine = try Machine()
    let platform = try machine.platform()
    let enclave = try machine.start(platform)
    let registration = try enclave.rotate(Bench.anchor())
    let connection = try #require(platform.chip)
    try TPMRegisterBank(connection).extend(14, with: SHA256Hash.hash([6, 6, 6]))
    let refusal = #expect(throws: EnclaveRefusal.self) { try enclave.rotate(Bench.anchor()) }
    guard case .platform(.register(number: 14, logged: _, found: _)) = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
    // Whoever quotes the register himself shows a log that does not lead to it.
    let key = try TPMAttestationKey(
      connection,
      blob: [UInt8](try Data(contentsOf: URL(fileURLWithPath: machine.folder.path + "/attestation-key"))))
    let quote = try key.quote(
      try #require(TPMRegisters([14])), qualifying: registration.keys.reportData.array)
    var statement = try Read.statement(registration.evidence.statement)
    statement.quote = quote.attestation
    statement.signature = quote.signature
    statement.pcrs = [TPMStatement.PCR(index: 14, value: quote.values[0].value.array)]
    let forged = AttestationEvidence(platform: .tpm, statement: statement.encoded())
    let policy = try machine.policy(platform)
    #expect(throws: AttestationRefusal.self) {
      try AttestationVerifier.verify(forged, under: policy, at: .live(Int64(Bench.now)))
    }
    connection.close()
    #expect(throws: EnclaveStartRefusal.self) { try machine.start(try machine.platform()) }
  }

  @Test("keeps its log's key from a machine that was started otherwise, and from another machine")
  func sealing() throws {
    let machine = try Machine()
    let platform = try machine.platform()
    _ = try machine.start(platform)
    platform.chip?.close()
    try machine.simulator.restart()
    let connection = try machine.simulator.connection()
    try TPMRegisterBank(connection).extend(7, with: SHA256Hash.hash([1]))
    connection.close()
    let refusal = #expect(throws: EnclaveStartRefusal.self) { try machine.start(try machine.platform()) }
    guard case .platform(.seal(.registersChanged)) = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
    let other = try TPMSimulator()
    #expect(throws: EnclavePlatformError.tpm(.device(.missing))) {
      try TPMPlatform(try other.connection(), folder: machine.folder.path)
    }
  }

  /// Copies the folder of a running enclave, and has that compute one more case before it ends.
  private static func copyThenCompute(_ machine: Machine, _ copy: Folder) throws {
    let platform = try machine.platform()
    let enclave = try machine.start(platform)
    let registration = try enclave.rotate(Bench.anchor())
    for name in ["log", "anchors", "log-id", "storage-key", "attestation-key", "launches"] {
      try machine.folder.copy(to: copy, name)
    }
    let replyKey = try EphemeralSealingKey(.x25519).publicKey
    _ = try enclave.compute(try Bench.job(1, bodies: [[1]], for: registration, replyTo: replyKey))
    platform.chip?.close()
  }

  @Test("notices that an older copy of its folder was put back, also one of the same start")
  func restored() throws {
    let machine = try Machine()
    let copy = try Folder()
    try Self.copyThenCompute(machine, copy)
    let platform = try machine.platform(copy)
    let refusal = #expect(throws: EnclaveStartRefusal.self) { try machine.start(platform, folder: copy) }
    guard case .log(.records(.counterAhead)) = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
    platform.chip?.close()
  }

  @Test("signs receipts with a key that stays in the TPM")
  func resident() throws {
    let machine = try Machine()
    let platform = try machine.platform()
    let enclave = try machine.start(platform, signing: .tpm)
    let registration = try enclave.rotate(Bench.anchor())
    let replyKey = try EphemeralSealingKey(.x25519).publicKey
    for number in 1...8 as ClosedRange<UInt64> {
      let bytes = try enclave.compute(
        try Bench.job(number, bodies: [[1]], for: registration, replyTo: replyKey))
      let answer = try Read.answer(bytes)
      // Low s, whatever the TPM gave.
      try EnclaveSignature.verify(
        digest: answer.receipt.digest(domain: try Bench.domain), signature: answer.signature,
        key: registration.keys.signing, at: Bench.now)
    }
  }

  @Test(
    "receipts a second, in the TPM and in software",
    .enabled(if: ProcessInfo.processInfo.environment["MEASURE"] == "1", "MEASURE=1 measures"))
  func speed() throws {
    let replyKey = try EphemeralSealingKey(.x25519).publicKey
    for (name, signing, withEach) in [
      ("tpm key, counter with each answer", .tpm, true), ("tpm key, counter at starts", .tpm, false),
      ("p256 in software, counter at starts", .p256, false),
      ("secp256k1 in software, counter at starts", .ethereum, false),
    ] as [(String, EnclaveSigningKind, Bool)] {
      let machine = try Machine()
      let enclave = try machine.start(try machine.platform(), signing: signing, withEachAnswer: withEach)
      let registration = try enclave.rotate(Bench.anchor())
      let jobs = try (1...50 as ClosedRange<UInt64>).map {
        try Bench.job($0, bodies: [[1]], for: registration, replyTo: replyKey)
      }
      let clock = ContinuousClock()
      let taken = try clock.measure { for job in jobs { _ = try enclave.compute(job) } }
      let seconds = Double(taken.components.seconds) + Double(taken.components.attoseconds) / 1e18
      print("\(name): \(Int(Double(jobs.count) / seconds)) receipts a second, \(taken / jobs.count) each")
    }
  }
}
