import CoordinatorService
import Enclaves
import Foundation
import Messages
import Settlement
import Synchronization
import Testing
import WireBytes

@Suite("Coordinator")
struct CoordinatorTests {
  @Test("takes envelopes, waits for the close, and settles once; replies come after")
  func settles() async throws {
    let world = try World()
    let coordinator = try world.open()
    let id = try world.newCase()
    try await coordinator.turn()
    #expect(try await coordinator.registration(for: id) == world.enclaves[0].held.registration)
    for sender in [UInt8(21), 22, 23] {
      let envelope = try world.submit(id, by: sender)
      #expect(try await coordinator.take(envelope.encoded()) == envelope.commitment)
      // The same one again changes nothing.
      try await coordinator.take(envelope.encoded())
    }
    try await coordinator.turn()
    let waiting = try #require(try await coordinator.cases().first)
    #expect(waiting.stage == .waitingForClose(1_100) && waiting.envelopes == 3)
    #expect(try await coordinator.replies(of: id) == nil)
    #expect(world.enclaves[0].state.withLock { $0.calls } == 0)
    world.ledger.pass(100)
    try await coordinator.turn()
    for _ in 0..<3 { try await coordinator.turn() }
    #expect(world.settlements(of: id).count == 1)
    #expect(world.enclaves[0].state.withLock { $0.calls } == 1)
    let status = try #require(try await coordinator.cases().first)
    #expect(status.stage == .settled && status.attempt == 1)
    #expect(try await coordinator.replies(of: id)?.count == 3)
    // What settles the case is signed by both keys, over this case.
    let result = try #require(world.settlements(of: id).first)
    let token = try Token(decoding: result.token)
    try EnclaveSignature.verify(
      digest: token.digest(domain: world.ledger.domain), signature: result.tokenSignature,
      key: world.signer.key,
      at: 1_100)
    #expect(token.case == id && token.registration == world.enclaves[0].held.registration)
  }

  @Test(
    "settles once, with one receipt and one token, wherever it is stopped",
    arguments: Coordinator.Checkpoint.allCases)
  func crashes(checkpoint: Coordinator.Checkpoint) async throws {
    let world = try World()
    let id = try world.newCase()
    do {
      let coordinator = try world.open()
      try await coordinator.turn()
      for sender in [UInt8(21), 22] { try await coordinator.take(world.submit(id, by: sender).encoded()) }
    }
    world.ledger.pass(100)
    // As often as there are steps, and once more.
    for _ in 0..<3 {
      let stopped = try world.open { if $0 == checkpoint, $1 == id { throw Crash() } }
      do { try await stopped.turn() } catch is Crash {}
    }
    let coordinator = try world.open()
    for _ in 0..<3 { try await coordinator.turn() }
    #expect(world.settlements(of: id).count == 1)
    #expect(world.enclaves[0].state.withLock { $0.signed } == 1)
    let status = try #require(try await coordinator.cases().first)
    #expect(status.stage == .settled && status.attempt == 1)
    #expect(try await coordinator.replies(of: id)?.count == 2)
  }

  @Test("finds out that a settlement has happened although nobody said so")
  func mute() async throws {
    let world = try World()
    let coordinator = try world.open()
    let id = try world.newCase()
    try await coordinator.turn()
    try await coordinator.take(world.submit(id, by: 21).encoded())
    world.ledger.pass(100)
    world.ledger.state.withLock { $0.isMute = true }
    try await coordinator.turn()
    #expect(world.settlements(of: id).count == 1)
    #expect(try await coordinator.cases().first?.stage == .settled)
  }

  @Test("goes on by itself when the enclave, the ledger or its own key come back")
  func comesBack() async throws {
    let world = try World()
    let coordinator = try world.open()
    let id = try world.newCase()
    try await coordinator.turn()
    try await coordinator.take(world.submit(id, by: 21).encoded())
    world.ledger.pass(100)
    world.enclaves[0].state.withLock { $0.isAway = true }
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.stage == .enclaveAway)
    #expect(await coordinator.conditions.first?.state == .away)
    world.enclaves[0].state.withLock { $0.isAway = false }
    world.signer.isAway.withLock { $0 = true }
    // A token that was kept serves: no other is signed.
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.stage == .settled)
    #expect(await coordinator.conditions.first?.state == .live(expires: 100_000))

    let second = try world.newCase()
    try await coordinator.turn()
    try await coordinator.take(world.submit(second, by: 21).encoded())
    world.ledger.pass(100)
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.stage == .noToken)
    world.signer.isAway.withLock { $0 = false }
    world.ledger.state.withLock { $0.faults = [.refused(code: "receiptTime")] }
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.stage == .settling(code: "receiptTime"))
    world.ledger.state.withLock { $0.isAway = true }
    await #expect(throws: LedgerFault.unreachable(code: "network.unreachable")) {
      try await coordinator.turn()
    }
    world.ledger.state.withLock { $0.isAway = false }
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.stage == .settled)
    #expect(world.settlements(of: second).count == 1)
  }

  @Test("issues another token when the last has expired")
  func tokens() async throws {
    let world = try World()
    let coordinator = try world.open()
    let id = try world.newCase()
    try await coordinator.turn()
    try await coordinator.take(world.submit(id, by: 21).encoded())
    world.ledger.pass(100)
    world.ledger.state.withLock { $0.faults = [.unreachable(code: "network.timedOut")] }
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.attempt == 1)
    world.ledger.pass(700)
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.attempt == 2)
    #expect(world.settlements(of: id).count == 1)
    #expect(world.enclaves[0].state.withLock { $0.calls } == 1)
  }

  @Test("gives everybody's coins back when a case has expired")
  func expires() async throws {
    let world = try World(expires: 1_150)
    let coordinator = try world.open()
    let id = try world.newCase()
    try await coordinator.turn()
    try await coordinator.take(world.submit(id, by: 21).encoded())
    world.ledger.pass(160)
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.stage == .staleRegistration(.expired(at: 1_150)))
    #expect(world.enclaves[0].state.withLock { $0.calls } == 0)
    world.ledger.pass(1_000)
    try await coordinator.turn()
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.stage == .reclaimed)
    #expect(world.ledger.state.withLock { $0.reclaims[id] } == 1)
    #expect(world.settlements(of: id).isEmpty)
  }

  @Test("says which envelopes are missing")
  func missing() async throws {
    let world = try World()
    let coordinator = try world.open()
    let id = try world.newCase()
    try await coordinator.turn()
    _ = try world.submit(id, by: 21)
    try await coordinator.take(world.submit(id, by: 22).encoded())
    let late = try world.submit(id, by: 23)
    world.ledger.pass(100)
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.stage == .missingEnvelopes([0, 2]))
    // It was recorded in time: that it is handed over later does no harm.
    try await coordinator.take(late.encoded())
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.stage == .missingEnvelopes([0]))
  }

  @Test(
    "believes no answer that does not fit",
    arguments: [
      AnswerFault.anotherCase, .anotherRegistration, .otherInputs, .otherProgram, .otherUpdate, .otherReplies,
      .signature,
    ])
  func spoiled(fault: AnswerFault) async throws {
    let world = try World()
    let coordinator = try world.open()
    let id = try world.newCase()
    try await coordinator.turn()
    try await coordinator.take(world.submit(id, by: 21).encoded())
    world.ledger.pass(100)
    world.enclaves[0].state.withLock { $0.spoils = fault }
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.stage == .answer(fault))
    #expect(world.settlements(of: id).isEmpty)
  }

  @Test("says when an enclave refuses, and why")
  func refused() async throws {
    let world = try World()
    let coordinator = try world.open()
    let id = try world.newCase()
    try await coordinator.turn()
    try await coordinator.take(world.submit(id, by: 21).encoded())
    world.ledger.pass(100)
    world.enclaves[0].state.withLock { $0.refusal = "unknownRegistration" }
    try await coordinator.turn()
    #expect(try await coordinator.cases().first?.stage == .enclaveRefused(code: "unknownRegistration"))
  }

  @Test("chooses live enclaves that run the program, the least busy one first")
  func chooses() async throws {
    let world = try World(enclaveCount: 3)
    world.enclaves[0].state.withLock { $0.isAway = true }
    let coordinator = try world.open()
    var chosen: [Bytes32?] = []
    for _ in 0..<4 {
      let id = try world.newCase()
      try await coordinator.turn()
      chosen.append(try await coordinator.registration(for: id))
    }
    let (second, third) = (world.enclaves[1].held.registration, world.enclaves[2].held.registration)
    #expect(chosen == [second, third, second, third])
    let other = try world.newCase(program: Bytes32 { _ in 9 })
    try await coordinator.turn()
    #expect(try await coordinator.registration(for: other) == nil)
    #expect(try await coordinator.cases().first?.stage == .noEnclave)
  }
}

@Suite("Coordinator: envelopes")
struct EnvelopeTests {
  private func refusal(_ coordinator: Coordinator, _ bytes: [UInt8]) async -> DeliveryRefusal? {
    do {
      _ = try await coordinator.take(bytes)
      return nil
    } catch { return error }
  }

  @Test("refuses what is no envelope, of no case, or not as the ledger has it")
  func refuses() async throws {
    let world = try World(enclaveCount: 2)
    let coordinator = try world.open()
    let id = try world.newCase()
    try await coordinator.turn()
    let good = try world.submit(id, by: 21)
    let bytes = good.encoded()
    // The ciphertext comes last: with another length it is another envelope, which nobody has recorded.
    for other in stride(from: 0, to: bytes.count, by: 7).map({ [UInt8](bytes.prefix($0)) }) + [bytes + [0]] {
      switch await refusal(coordinator, other) {
      case .malformed: break
      case .notRecorded(let commitment): #expect(commitment != good.commitment)
      case let refusal: Issue.record("\(other.count) bytes: \(refusal.map { "\($0)" } ?? "taken")")
      }
    }
    #expect(
      await refusal(coordinator, [UInt8](repeating: 0, count: SealedEnvelope.sizeMax + 1)) == .malformed)
    let unrecorded = try world.submit(id, by: 22, records: false)
    #expect(await refusal(coordinator, unrecorded.encoded()) == .notRecorded(unrecorded.commitment))
    let stolen = try world.submit(id, by: 23, recordsSender: 24)
    #expect(await refusal(coordinator, stolen.encoded()) == .sender)
    let elsewhere = try world.submit(id, by: 25, to: 1)
    let (mine, other) = (world.enclaves[0].held.registration, world.enclaves[1].held.registration)
    #expect(await refusal(coordinator, elsewhere.encoded()) == .registration(expected: mine, actual: other))
    let late = try world.submit(id, by: 26, expires: 1_000)
    #expect(await refusal(coordinator, late.encoded()) == .expired(1_000))
    let strange = try world.newCase(key: world.enclaves[0].held.signing)
    let foreign = try world.submit(strange, by: 21)
    #expect(await refusal(coordinator, foreign.encoded()) == .caseUnknown(strange))
    let nowhere = try world.submit(Bytes32 { _ in 5 }, by: 21, records: false)
    #expect(await refusal(coordinator, nowhere.encoded()) == .caseUnknown(Bytes32 { _ in 5 }))
    #expect(await refusal(coordinator, bytes) == nil)
    world.ledger.pass(2_000)
    #expect(await refusal(coordinator, bytes) == .caseExpired(expires: 2_000))
    try await coordinator.turn()
    #expect(await refusal(coordinator, bytes) == .caseEnded)
  }

  @Test("keeps no more bytes than it may")
  func full() async throws {
    let world = try World()
    var rules = CoordinatorRules()
    rules.bytesMax = 1_000
    let coordinator = try world.open(rules)
    let id = try world.newCase()
    try await coordinator.turn()
    var refusals = 0
    for sender in UInt8(21)..<28
    where await refusal(coordinator, try world.submit(id, by: sender).encoded()) != nil {
      refusals += 1
    }
    #expect(refusals > 0 && refusals < 7)
  }

  @Test("its files hold nothing that was sealed")
  func sealed() async throws {
    let world = try World()
    let coordinator = try world.open()
    let id = try world.newCase()
    try await coordinator.turn()
    for sender in [UInt8(21), 22] { try await coordinator.take(world.submit(id, by: sender).encoded()) }
    world.ledger.pass(100)
    try await coordinator.turn()
    #expect(world.settlements(of: id).count == 1)
    var seen = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: world.folder.path) {
      let bytes = try #require(FileManager.default.contents(atPath: world.folder.path + "/" + name))
      seen += bytes.count
      #expect(bytes.range(of: Data(World.marker.utf8)) == nil, "\(name)")
    }
    #expect(seen > 4_096)
  }
}
