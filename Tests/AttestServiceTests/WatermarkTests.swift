import AttestService
import ChainAccess
import Foundation
import GRDB
import LocalKeys
import Messages
import Persistence
import StateTree
import Synchronization
import Testing
import WireBytes

/// Invariant: no key signs two claims for one height, whatever endpoints say and whenever the process dies.
@Suite("Watermarks")
struct WatermarkTests {
  let bench: Bench
  var domain: ScriptedDomain { bench.domain }

  init() throws {
    bench = try Bench()
    try domain.commit([(try Bench.path(1), Bench.word(1))])
    try domain.commit([(try Bench.path(2), Bench.word(2))])
    try domain.commit()
    try domain.commit()
  }

  private static let lie = Bytes32 { _ in 0xee }

  @Test("refuses a height whose header changed over a restart, and goes on when it is as it was")
  func restart() async throws {
    let question = bench.question(3, [try Bench.path(1)])
    let first = try await bench.service().attest(question)
    domain.set { $0.roots[3] = [Self.lie] }
    var again = try bench.service()
    #expect(await Bench.failure(again, question) == .equivocation(bench.height(3)))
    #expect(await Bench.failure(again, bench.question(3)) == .equivocation(bench.height(3)))
    #expect(await again.status.equivocations == 2)
    domain.set {
      $0.roots = [:]
      $0.seconds[3] = ScriptedDomain.start + 16
    }
    again = try bench.service()
    #expect(await Bench.failure(again, question) == .equivocation(bench.height(3)))
    domain.set { $0.seconds = [:] }
    #expect(try await again.attest(question) == first)
  }

  @Test("proves values under the root that it is bound to, not under the one that is told now")
  func provenUnderWatermark() async throws {
    let question = bench.question(3, [try Bench.path(2)])
    let service = try bench.service()
    _ = try await service.attest(bench.question(3))
    // The endpoint rewrites its state: proofs hold under its new root.
    try domain.script.withLock { script in
      var tree = StateTree(store: MemoryStateStore())
      try tree.commit(version: 1, changes: [StateChange(key: [0], value: [1])])
      try tree.commit(version: 2, changes: [StateChange(key: try Bench.path(2).bytes, value: Bench.word(9))])
      script.tree = tree
    }
    #expect(await Bench.failure(service, question) == .endpoint(.unproven))
    #expect(await Bench.failure(try bench.service(), question) == .equivocation(bench.height(3)))
  }

  @Test("binds itself before it signs: what a kill at the signature leaves holds the watermark")
  func killed() async throws {
    let (path, copy) = (bench.folder + "/0.sqlite", bench.folder + "/killed.sqlite")
    let signer = KeySigner(key: bench.keys[0]) { _ throws(AttestationSigningError) in
      // The files as they lie there now, with what SQLite has not yet folded in.
      for suffix in ["", "-wal"] {
        try? FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix)
      }
      throw .unavailable
    }
    let question = bench.question(3)
    #expect(await Bench.failure(try bench.service(signer: signer), question) == .signer)
    let left = try AttestationRecord(path: copy)
    let root = try domain.script.withLock { try $0.tree.root(at: 2) }
    let want = Watermark(time: UnixTime(seconds: 1_700_000_015), root: root)
    #expect(try await left.watermark(origin: domain.domain, height: bench.height(3)) == want)
    domain.set { $0.roots[3] = [Self.lie] }
    let again = try bench.service(record: left)
    #expect(await Bench.failure(again, question) == .equivocation(bench.height(3)))
  }

  @Test("signs nothing when its record cannot be written")
  func unwritable() async throws {
    let file = try DatabaseFile(
      path: bench.folder + "/closed.sqlite", migrations: AttestationRecord.migrations)
    try file.pool.close()
    let asked = Mutex(0)
    let signer = KeySigner(key: bench.keys[0]) { _ throws(AttestationSigningError) in
      asked.withLock { $0 += 1 }
    }
    let service = try bench.service(record: AttestationRecord(database: file), signer: signer)
    #expect(await Bench.failure(service, bench.question(2)) == .record)
    #expect(asked.withLock { $0 } == 0)
  }

  @Test("refuses times that go back, from either side")
  func timeOrder() async throws {
    let service = try bench.service()
    _ = try await service.attest(bench.question(3))
    domain.set {
      $0.seconds[2] = ScriptedDomain.start + 16
      $0.seconds[4] = ScriptedDomain.start + 14
    }
    #expect(await Bench.failure(service, bench.question(2)) == .equivocation(bench.height(2)))
    #expect(await Bench.failure(service, bench.question(4)) == .equivocation(bench.height(4)))
    domain.set {
      $0.seconds[2] = ScriptedDomain.start + 15
      $0.seconds[4] = ScriptedDomain.start + 15
    }
    _ = try await service.attest(bench.question(2))
    _ = try await service.attest(bench.question(4))
  }

  @Test("answers many questions about a new height at once with one claim, though its endpoint tells several")
  func concurrent() async throws {
    let roots = (0..<32).map { number in Bytes32 { _ in UInt8(number) } }
    domain.set { $0.roots[3] = roots }
    let claims = Mutex<Set<AttestedBody>>([])
    let signer = KeySigner(key: bench.keys[0]) { statement throws(AttestationSigningError) in
      await Task.yield()
      claims.withLock { _ = $0.insert(statement.body) }
    }
    // Two services, as two processes that were started on one record by mistake.
    let services = try (0..<2).map { _ in try bench.service(signer: signer) }
    let question = bench.question(3)
    let outcomes = await withTaskGroup(of: AttestationFailure?.self) { group in
      for number in 0..<64 {
        group.addTask { await Bench.failure(services[number % 2], question) }
      }
      return await group.reduce(into: [AttestationFailure?]()) { $0.append($1) }
    }
    #expect(claims.withLock { $0.count } == 1)
    #expect(outcomes.contains(nil))
    for outcome in outcomes { #expect(outcome == nil || outcome == .equivocation(bench.height(3))) }
  }

  @Test("reads a height's header once, and answers others while one question is slow")
  func slow() async throws {
    let service = try bench.service()
    domain.set { $0.isHeld = true }
    let (binding, path) = (bench.question(3, [try Bench.path(1)]), try Bench.path(2))
    async let slow = service.attest(binding)
    await domain.waits(for: 1)
    _ = try await service.attest(bench.question(3))
    _ = try await service.attest(bench.question(2))
    let second = bench.question(3, [path])
    async let alsoSlow = service.attest(second)
    await domain.waits(for: 2)
    domain.release()
    _ = try await (slow, alsoSlow)
    #expect(domain.script.withLock { $0.headersAsked } == 2)
    #expect(domain.script.withLock { $0.headsAsked } == 1)
  }

  @Test("turns away questions beyond those that it holds at once")
  func busy() async throws {
    let service = try bench.service(reading: .ownNode)
    _ = try await service.attest(bench.question(3))
    domain.set { $0.isHeld = true }
    let question = bench.question(3, [try Bench.path(1)])
    let answered = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<AttesterService.questionsMax {
        group.addTask { await Bench.failure(service, question) == nil }
      }
      await domain.waits(for: AttesterService.questionsMax)
      #expect(await Bench.failure(service, question) == .unreachable)
      domain.release()
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(answered == AttesterService.questionsMax)
    #expect(await Bench.failure(service, question) == nil)
  }

  @Test("forgets the lowest heights, and then signs nothing as low")
  func pruning() async throws {
    let record = try bench.record(heightsKept: 10)
    let mark = Watermark(time: UnixTime(seconds: 5), root: Self.lie)
    let other = try DomainID("cosmos:island-1")
    try await record.settle(mark, origin: other, height: bench.height(1))
    for number in 1...UInt64(73) {
      try await record.settle(mark, origin: domain.domain, height: bench.height(number * 2))
    }
    #expect(try await record.watermark(origin: domain.domain, height: bench.height(2)) == mark)
    try await record.settle(mark, origin: domain.domain, height: bench.height(148))
    // 74 were there: the lowest 64 went, up to height 128.
    for again in [record, try bench.record(heightsKept: 10)] {
      for number in [UInt64(0), 1, 2, 127, 128] {
        await #expect(throws: AttestationRecordError.pruned(bench.height(128))) {
          try await again.settle(mark, origin: domain.domain, height: bench.height(number))
        }
        #expect(try await again.watermark(origin: domain.domain, height: bench.height(number)) == nil)
      }
      for number in stride(from: UInt64(130), through: 148, by: 2) {
        #expect(try await again.watermark(origin: domain.domain, height: bench.height(number)) == mark)
        let changed = Watermark(time: mark.time, root: Bytes32())
        await #expect(throws: AttestationRecordError.conflict(mark)) {
          try await again.settle(changed, origin: domain.domain, height: bench.height(number))
        }
      }
      // Between those kept there is still room; another origin is untouched.
      try await again.settle(mark, origin: domain.domain, height: bench.height(129))
      #expect(try await again.watermark(origin: other, height: bench.height(1)) == mark)
    }
    let older = AttestationRecordError.pruned(bench.height(128))
    await #expect(throws: older) {
      try await record.settle(mark, origin: domain.domain, height: Height(revision: 0, 500))
    }
    try await record.settle(mark, origin: domain.domain, height: Height(revision: 2, 1))
  }

  @Test("says which heights are too old to sign for")
  func pruned() async throws {
    let record = try bench.record(heightsKept: 1)
    for _ in 0..<70 { try domain.commit() }
    let service = try bench.service(record: record)
    for number in 2...UInt64(66) { _ = try await service.attest(bench.question(number)) }
    let again = try bench.service(record: record)
    #expect(await Bench.failure(again, bench.question(2)) == .recordPruned(bench.height(65)))
    #expect(await Bench.failure(again, bench.question(65)) == .recordPruned(bench.height(65)))
    _ = try await again.attest(bench.question(66))
    _ = try await again.attest(bench.question(67))
  }

  @Test("refuses numbers that SQLite cannot order")
  func range() async throws {
    let record = try bench.record()
    let mark = Watermark(time: UnixTime(seconds: 5), root: Self.lie)
    for height in [Height(revision: 1, 1 << 63), Height(revision: .max, 1)] {
      await #expect(throws: AttestationRecordError.heightRange) {
        try await record.settle(mark, origin: domain.domain, height: height)
      }
      await #expect(throws: AttestationRecordError.heightRange) {
        try await record.watermark(origin: domain.domain, height: height)
      }
    }
    let late = Watermark(time: UnixTime(seconds: .max), root: Self.lie)
    await #expect(throws: AttestationRecordError.heightRange) {
      try await record.settle(late, origin: domain.domain, height: bench.height(1))
    }
  }
}
