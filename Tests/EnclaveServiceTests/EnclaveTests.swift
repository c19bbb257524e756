import Attestation
import ContractHost
import Digests
import EnclaveService
import Enclaves
import Foundation
import Messages
import SignerJournal
import Testing
import WireBytes

/// An enclave on the simulated platform: keys, cases, and what is left after a crash.
@Suite("An enclave", .enabled(if: FixedProgram.library != nil, Comment(rawValue: FixedProgram.absence)))
struct EnclaveTests {
  private static func start(
    _ folder: Folder, _ workload: EnclaveWorkload, clock: Clock = Clock(),
    files: any DurableFiles = SystemFiles(),
    signing: EnclaveSigningKind = .p256, sealing: SealingSuite = .x25519, lifetimeSeconds: UInt64 = 3_600
  ) throws -> Enclave {
    try Enclave(
      Bench.configuration(folder, signing: signing, sealing: sealing, lifetimeSeconds: lifetimeSeconds),
      workload: workload,
      platform: SimulatedPlatform(folder: folder.path, files: files, clock: clock.reading), files: files,
      clock: clock.reading)
  }

  @Test(
    "binds its keys to evidence that a policy takes, and signs receipts that verify",
    arguments: [EnclaveSigningKind.p256, .ethereum], [SealingSuite.x25519, .xWing])
  func receipt(signing: EnclaveSigningKind, sealing: SealingSuite) throws {
    let folder = try Folder()
    let body = Data("you lost".utf8).base64EncodedString()
    let wasm = try FixedProgram.wasm(replies: #"[{"to":1,"body":"\#(body)"}]"#)
    let workload = try Bench.cases(wasm)
    let enclave = try Self.start(folder, workload, signing: signing, sealing: sealing)
    let registration = try enclave.rotate(Bench.anchor())
    #expect(registration.keys.program == SHA256Hash.hash(wasm))
    let policy = try EnclaveDemands.simulated(workload.identity)
    let result = try AttestationVerifier.verify(
      registration.evidence, under: policy, at: .live(Int64(Bench.now)))
    #expect(result.reportData == registration.keys.reportData.array)

    let replyKey = try EphemeralSealingKey(sealing)
    let job = try Bench.job(1, bodies: [[1], [2]], for: registration, replyTo: replyKey.publicKey)
    let bytes = try enclave.compute(job)
    let answer = try Read.answer(bytes)
    #expect(answer.encoded() == bytes)
    try EnclaveSignature.verify(
      digest: answer.receipt.digest(domain: try Bench.domain), signature: answer.signature,
      key: registration.keys.signing, at: Bench.now)
    #expect(answer.receipt.sequence == 1)
    #expect(answer.receipt.previous == Bytes32())
    #expect(answer.receipt.registration == registration.id)
    #expect(answer.receipt.inputs == (try CaseInputs.root(job.envelopes.map(\.commitment))))
    #expect(answer.receipt.update == answer.update.root())
    #expect(answer.update.stateAfter.array == [UInt8](repeating: 7, count: 32))
    let reply = try #require(answer.replies.first)
    let opened = try reply.open(
      with: replyKey, registration: registration.id, case: answer.receipt.case,
      commitment: job.envelopes[1].commitment)
    #expect(opened == [UInt8]("you lost".utf8))
  }

  /// A case that was computed, and another job for it.
  private struct Asked {
    let job: ComputationJob
    let other: ComputationJob
    let answer: [UInt8]
  }

  private static func ask(_ enclave: Enclave) throws -> Asked {
    let replyKey = try EphemeralSealingKey(.x25519).publicKey
    let registration = try enclave.rotate(Bench.anchor())
    let job = try Bench.job(1, bodies: [[1], [2]], for: registration, replyTo: replyKey)
    let other = try Bench.job(1, bodies: [[1], [3]], for: registration, replyTo: replyKey)
    let answer = try enclave.compute(job)
    return Asked(job: job, other: other, answer: answer)
  }

  @Test("computes a case once: the same inputs give the same bytes, others are refused")
  func once() throws {
    let folder = try Folder()
    let enclave = try Self.start(folder, try Bench.cases(try FixedProgram.wasm()))
    let asked = try Self.ask(enclave)
    #expect(try enclave.compute(asked.job) == asked.answer)
    let receipt = try Read.answer(asked.answer).receipt
    let computed = try CaseInputs.root(asked.job.envelopes.map(\.commitment))
    let actual = try CaseInputs.root(asked.other.envelopes.map(\.commitment))
    #expect(throws: EnclaveRefusal.otherInputs(case: receipt.case, computed: computed, actual: actual)) {
      try enclave.compute(asked.other)
    }
    // Receipts of one registration are a chain.
    let registration = try enclave.keys()
    let replyKey = try EphemeralSealingKey(.x25519).publicKey
    let bytes = try enclave.compute(try Bench.job(2, bodies: [[9]], for: registration, replyTo: replyKey))
    let next = try Read.answer(bytes)
    #expect(next.receipt.sequence == 2)
    let domain = try Bench.domain
    #expect(next.receipt.previous == receipt.digest(domain: domain))
  }

  @Test("gives the same bytes in the next process, whose keys are others")
  func nextProcess() throws {
    let folder = try Folder()
    let workload = try Bench.cases(try FixedProgram.wasm())
    let asked = try Self.ask(try Self.start(folder, workload))
    // The process is gone with its keys; what it answered is not.
    let again = try Self.start(folder, workload)
    #expect(throws: EnclaveRefusal.noKeys) { try again.keys() }
    #expect(try again.compute(asked.job) == asked.answer)
    #expect(throws: EnclaveRefusal.self) { try again.compute(asked.other) }
    let registration = try again.rotate(Bench.anchor())
    #expect(registration.keys.sequence == 2)
    #expect(try again.compute(asked.job) == asked.answer)
    #expect(throws: EnclaveRefusal.self) { try again.compute(asked.other) }
    // What was sealed to keys that are gone is not opened by others.
    let lost = try Read.answer(asked.answer).receipt.registration
    let replyKey = try EphemeralSealingKey(.x25519).publicKey
    let known = try again.evidence(of: lost)
    let unopened = try Bench.job(3, bodies: [[1]], for: known, replyTo: replyKey)
    #expect(throws: EnclaveRefusal.unknownRegistration(lost)) { try again.compute(unopened) }
  }

  @Test("rotates with overlap: older keys open and sign until they expire, and no longer")
  func rotation() throws {
    let folder = try Folder()
    let clock = Clock()
    let enclave = try Self.start(folder, try Bench.cases(try FixedProgram.wasm()), clock: clock)
    let replyKey = try EphemeralSealingKey(.x25519)
    let first = try enclave.rotate(Bench.anchor(10))
    clock.advance(1_000)
    let second = try enclave.rotate(Bench.anchor(11))
    #expect(first.keys.sequence == 1)
    #expect(second.keys.sequence == 2)
    #expect(first.keys.signing != second.keys.signing)
    #expect(first.keys.sealing != second.keys.sealing)
    #expect(try enclave.keys() == second)
    #expect(throws: EnclaveRefusal.anchor(last: 11, actual: 10)) { try enclave.rotate(Bench.anchor(10)) }
    let old = try Bench.job(1, bodies: [[1]], for: first, replyTo: replyKey.publicKey)
    let answer = try Read.answer(try enclave.compute(old))
    #expect(answer.receipt.registration == first.id)
    try EnclaveSignature.verify(
      digest: answer.receipt.digest(domain: try Bench.domain), signature: answer.signature,
      key: first.keys.signing,
      at: clock.now)
    let late = try Bench.job(2, bodies: [[1]], for: first, replyTo: replyKey.publicKey)
    clock.advance(2_600)
    #expect(throws: EnclaveRefusal.unknownRegistration(first.id)) { try enclave.compute(late) }
    #expect(enclave.status().registrations.map(\.id) == [second.id])
    #expect(try enclave.evidence(of: first.id) == first)
    #expect(throws: EnclaveRefusal.unknownRegistration(Bytes32())) { try enclave.evidence(of: Bytes32()) }
    for height in 12..<(19 as UInt64) { _ = try enclave.rotate(Bench.anchor(height)) }
    #expect(throws: EnclaveRefusal.registrations(max: 8)) { try enclave.rotate(Bench.anchor(20)) }
  }

  @Test("computes with the keys that most envelopes are sealed to")
  func majority() throws {
    let folder = try Folder()
    let enclave = try Self.start(folder, try Bench.cases(try FixedProgram.wasm()))
    let replyKey = try EphemeralSealingKey(.x25519).publicKey
    let first = try enclave.rotate(Bench.anchor(10))
    let second = try enclave.rotate(Bench.anchor(11))
    let toFirst = try Bench.job(1, bodies: [[1], [2], [3]], for: first, replyTo: replyKey)
    let toSecond = try Bench.job(1, bodies: [[1], [2], [3]], for: second, replyTo: replyKey)
    let mixed = try ComputationJob(
      opening: toFirst.opening, inputs: [toFirst.inputs[0], toSecond.inputs[1], toFirst.inputs[2]],
      envelopes: [toFirst.envelopes[0], toSecond.envelopes[1], toFirst.envelopes[2]], ledger: nil)
    let answer = try Read.answer(try enclave.compute(mixed))
    #expect(answer.receipt.registration == first.id)
    let empty = try Bench.job(2, bodies: [], for: first, replyTo: replyKey)
    #expect(try Read.answer(try enclave.compute(empty)).receipt.registration == second.id)
  }

  @Test("says why a program gave nothing, and writes nothing down for it")
  func programs() throws {
    let replyKey = try EphemeralSealingKey(.x25519).publicKey
    for (wasm, code) in [
      (try FixedProgram.wasm(result: #"{"error":"no bids"}"#), EnclaveRefusalCode.program),
      (try FixedProgram.wasm(answer: #"{"payouts":[]}"#), .program),
      (try FixedProgram.wasm(replies: #"[{"to":5,"body":""}]"#), .program),
    ] {
      let folder = try Folder()
      let enclave = try Self.start(folder, try Bench.cases(wasm))
      let registration = try enclave.rotate(Bench.anchor())
      let job = try Bench.job(1, bodies: [[1]], for: registration, replyTo: replyKey)
      let refusal = #expect(throws: EnclaveRefusal.self) { try enclave.compute(job) }
      #expect(refusal?.code == code)
      #expect(enclave.status().answers == 0)
      // A program's own words may hold of its inputs: they do not leave.
      #expect(refusal?.openText.contains("bids") == false)
    }
    let folder = try Folder()
    let poor = try Self.start(folder, try Bench.cases(try FixedProgram.wasm(), gas: 1))
    let registration = try poor.rotate(Bench.anchor())
    #expect(throws: EnclaveRefusal.program(.call(.outOfGas))) {
      try poor.compute(try Bench.job(1, bodies: [], for: registration, replyTo: replyKey))
    }
    let missing = try Folder()
    #expect(throws: EnclaveStartRefusal.self) {
      try Self.start(
        missing,
        .cases(
          wasm: [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], policy: Bench.policy(),
          library: #require(FixedProgram.library)))
    }
  }

  @Test("lets nobody read or change its log, and starts with no other key")
  func sealed() throws {
    let folder = try Folder()
    let workload = try Bench.cases(try FixedProgram.wasm())
    let secret = [UInt8]("a sealed bid of 4711".utf8)
    try computeAndHold(folder, workload, secret)
    let journal = folder.path + "/log/watermarks/records.journal"
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: journal)))
    #expect(!contains(bytes, secret))
    #expect(!contains(bytes, [UInt8]("p256-sha256".utf8)))
    let key = folder.path + "/storage-key"
    let kept = try Data(contentsOf: URL(fileURLWithPath: key))
    try Data(repeating: 1, count: 32).write(to: URL(fileURLWithPath: key))
    #expect(throws: EnclaveStartRefusal.log(.cipher(.notAuthentic(ordinal: 0)))) {
      try Self.start(folder, workload)
    }
    try kept.write(to: URL(fileURLWithPath: key))
    _ = try Self.start(folder, workload)
    // A journal without its anchor, and an anchor without its journal.
    try FileManager.default.removeItem(atPath: journal)
    let refusal = #expect(throws: EnclaveStartRefusal.self) { try Self.start(folder, workload) }
    guard case .log(.records(.missingState)) = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
  }

  /// Computes one case in a process that ends with this call, and that nobody can start beside.
  private func computeAndHold(_ folder: Folder, _ workload: EnclaveWorkload, _ secret: [UInt8]) throws {
    let enclave = try Self.start(folder, workload)
    let registration = try enclave.rotate(Bench.anchor())
    let replyKey = try EphemeralSealingKey(.x25519).publicKey
    _ = try enclave.compute(try Bench.job(1, bodies: [secret], for: registration, replyTo: replyKey))
    #expect(throws: EnclaveStartRefusal.log(.records(.inUse))) { try Self.start(folder, workload) }
    withExtendedLifetime(enclave) {}
  }

  private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    bytes.indices.dropLast(part.count - 1).contains { Array(bytes[$0..<($0 + part.count)]) == part }
  }

  @Test("answers the same after it died at any call that touches a file")
  func crashes() throws {
    let folder = try Folder()
    let workload = try Bench.cases(try FixedProgram.wasm())
    let whole = MemoryFiles()
    let enclave = try Self.start(folder, workload, files: whole)
    let registration = try enclave.rotate(Bench.anchor())
    let replyKey = try EphemeralSealingKey(.x25519).publicKey
    let job = try Bench.job(1, bodies: [[1], [2]], for: registration, replyTo: replyKey)
    whole.setFault(nil)
    _ = try enclave.compute(job)
    let calls = whole.calls
    #expect(calls >= 4)
    var kept = 0
    for call in 0...calls {
      let files = MemoryFiles()
      let enclave = try Self.start(folder, workload, files: files)
      let registration = try enclave.rotate(Bench.anchor())
      let job = try Bench.job(1, bodies: [[1], [2]], for: registration, replyTo: replyKey)
      // From this call on the machine is gone.
      files.setFault { index, _ in index >= call ? 5 : nil }
      let answer = try? enclave.compute(job)
      #expect((answer != nil) == (call >= calls))
      if answer == nil {
        // Nothing more is answered once it was not known what is on disk.
        #expect(throws: EnclaveRefusal.self) { try enclave.keys() }
        #expect(enclave.status().failed)
      }
      let after = files.copy()
      after.setFault(nil)
      let next = try Self.start(folder, workload, files: after)
      do throws(EnclaveRefusal) {
        let again = try next.compute(job)
        kept += 1
        if let answer { #expect(again == answer) }
      } catch {
        // It was not written down, and nobody has an answer; the keys are gone.
        #expect(answer == nil)
        #expect(error == .noKeys)
      }
      // Other inputs get no answer where the case has one.
      let fresh = try next.rotate(Bench.anchor())
      let other = try Bench.job(1, bodies: [[3]], for: fresh, replyTo: replyKey)
      if (try? next.compute(job)) != nil {
        #expect(throws: EnclaveRefusal.self) { try next.compute(other) }
      } else {
        _ = try next.compute(other)
      }
    }
    #expect(kept > 0)
  }

  @Test("starts again after it died at any call of its first start")
  func firstStart() throws {
    let folder = try Folder()
    let workload = try Bench.cases(try FixedProgram.wasm())
    let whole = MemoryFiles()
    _ = try Self.start(folder, workload, files: whole)
    let calls = whole.calls
    for call in 0..<calls {
      let files = MemoryFiles()
      files.setFault { index, _ in index >= call ? 5 : nil }
      #expect(throws: EnclaveStartRefusal.self) { try Self.start(folder, workload, files: files) }
      let after = files.copy()
      let enclave = try Self.start(folder, workload, files: after)
      #expect(try enclave.rotate(Bench.anchor()).keys.sequence == 1)
    }
  }

  @Test("refuses keys that live too shortly or too long, and TPM keys without a TPM")
  func configuration() throws {
    let folder = try Folder()
    let workload = try Bench.cases(try FixedProgram.wasm())
    for seconds in [0, 59, 366 * 86_400 + 1] as [UInt64] {
      #expect(throws: EnclaveStartRefusal.lifetime(seconds)) {
        try Self.start(folder, workload, lifetimeSeconds: seconds)
      }
    }
    #expect(throws: EnclaveStartRefusal.signing(.unsupported(.tpm))) {
      try Self.start(folder, workload, signing: .tpm)
    }
  }
}
