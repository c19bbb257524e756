import Encodings
import Foundation
import KeyVault
import Messages
import SignatureSchemes
import SignerAccess
import SignerJournal
import SignerService
import SignerWire
import SigningRules
import Synchronization
import Testing
import WireBytes

@Suite("A signer on a unix socket", .timeLimit(.minutes(10)))
struct ServingTests {
  private static func check(_ signature: [UInt8], _ rig: Rig, height: UInt64, root: UInt8 = 1) throws {
    let digest = try Rig.statement(height: height, root: root).digest
    #expect(signature.count == 65)
    let compact = try Bytes64(Array(signature.prefix(64)))
    let key = try Secp256k1.PublicKey(sec1: rig.key.publicKey.span)
    try Secp256k1.verify(
      digest: digest, signature: try Secp256k1.Signature(compact: compact), key: key, policy: .lowSRequired)
  }

  @Test("signs what its client may ask for, many requests at once on one connection")
  func signs() async throws {
    let rig = try await Rig.start()
    let access = rig.access()
    try Self.check(
      try await access.sign(try Rig.request(height: 1), key: rig.key.id), rig, height: 1)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for height in UInt64(2)..<200 {
        group.addTask {
          try Self.check(
            try await access.sign(try Rig.request(height: height), key: rig.key.id), rig, height: height)
        }
      }
      try await group.waitForAll()
    }
    let answers = try await access.sign(try (200..<264).map { try rig.item(height: $0) })
    #expect(answers.count == 64)
    for (index, answer) in answers.enumerated() {
      try Self.check(try answer.get(), rig, height: UInt64(200 + index))
    }
    let counters = rig.server.counters
    #expect(counters.sessions == 1)
    #expect(counters.signatures == 263)
    #expect(counters.connections == 1)
    await access.close()
    await rig.server.stop()
  }

  @Test("refuses a second claim with the rule's own code, also in one batch, and signs the first again")
  func claims() async throws {
    let rig = try await Rig.start()
    let access = rig.access()
    let answers = try await access.sign([
      try rig.item(height: 5), try rig.item(height: 5, root: 2), try rig.item(height: 5),
    ])
    try Self.check(try answers[0].get(), rig, height: 5)
    #expect(answers[1] == .failure(SignerRefusal(code: 401, name: "otherRoot", retry: .never)))
    try Self.check(try answers[2].get(), rig, height: 5)
    await #expect(
      throws: SignerClientError.refused(SignerRefusal(code: 401, name: "otherRoot", retry: .never))
    ) { try await access.sign(try Rig.request(height: 5, root: 3), key: rig.key.id) }
    let unknown = KeyID(Bytes32())
    await #expect(throws: SignerClientError.refused(SignerRefusal(.unknownKey))) {
      try await access.sign(try Rig.request(height: 6), key: unknown)
    }
    // One record for the one claim, one that the client uses this purpose; a line for each grant and each refusal.
    rig.records.state.withLock { state in
      #expect(state.committedRecords == 2 && state.records.map(\.first) == [1, 4])
      #expect(state.entries.filter { $0.kind == .grant }.count == 2)
      #expect(state.entries.filter { $0.kind == .refusal }.count == 3)
    }
    await access.close()
    await rig.server.stop()
  }

  @Test("has written down every claim before it is signed")
  func order() async throws {
    let records = Mutex<MemoryRecords?>(nil)
    let rig = try await Rig.start(before: { _ throws(SignerRefusal) in
      guard let kept = records.withLock({ $0 }) else { return }
      // Nothing of the batch is left to write when the first signature is made.
      let isWritten = kept.state.withLock {
        $0.committedRecords == $0.records.count && $0.committedEntries == $0.entries.count
          && $0.committedRecords > 0
      }
      if !isWritten { throw BackEndFault.keyRefused.refusal }
    })
    records.withLock { $0 = rig.records }
    let access = rig.access()
    for height in UInt64(1)...20 {
      let answers = try await access.sign(try (0..<5).map { try rig.item(height: height * 10 + $0) })
      for answer in answers { #expect((try? answer.get()) != nil) }
    }
    // A hundred claims, and that the client uses this purpose.
    #expect(rig.records.state.withLock { $0.committedRecords } == 101)
    #expect(rig.records.state.withLock { $0.records.count { $0.first == 1 } } == 100)
    await access.close()
    await rig.server.stop()
  }

  @Test("signs nothing after a commit that failed, says why, and answers questions about its state")
  func halts() async throws {
    let count = Counter()
    let rig = try await Rig.start(before: { _ throws(SignerRefusal) in count.add() })
    let access = rig.access()
    _ = try await access.sign(try Rig.request(height: 1), key: rig.key.id)
    rig.records.state.withLock { $0.fails = true }
    let halted = SignerClientError.refused(SignerRefusal(.halted))
    await #expect(throws: halted) { try await access.sign(try Rig.request(height: 2), key: rig.key.id) }
    rig.records.state.withLock { $0.fails = false }
    await #expect(throws: halted) { try await access.sign(try Rig.request(height: 1), key: rig.key.id) }
    #expect(count.value == 1)
    #expect(rig.core.haltReason == .records(MemoryRecords.failure))
    #expect(try await access.admin(.status)["operation"]?.string == "status")
    await #expect(throws: halted) { try await access.admin(.unlock(rig.key.id)) }
    await access.close()
    await rig.server.stop()
  }

  @Test("says which back end's refusal kept a granted request from being signed")
  func backEnd() async throws {
    let rig = try await Rig.start(
      before: { _ throws(SignerRefusal) in throw BackEndFault.keyUnavailable.refusal })
    let access = rig.access()
    await #expect(throws: SignerClientError.refused(BackEndFault.keyUnavailable.refusal)) {
      try await access.sign(try Rig.request(height: 1), key: rig.key.id)
    }
    await access.close()
    await rig.server.stop()
    #expect(rig.records.state.withLock { $0.entries.last?.kind } == .refusal)
  }

  @Test("lets roles do what they are for, and nothing else")
  func roles() async throws {
    let rig = try await Rig.start()
    let observer = rig.access(rig.observer)
    #expect(try await observer.admin(.keys)["client"]?.string == "watcher")
    let role = SignerClientError.refused(SignerRefusal(.role))
    await #expect(throws: role) { try await observer.admin(.destroy(rig.key.id)) }
    await #expect(throws: role) { try await observer.sign(try Rig.request(height: 1), key: rig.key.id) }
    let admin = rig.access()
    #expect(try await admin.admin(.destroy(rig.key.id))["operation"]?.string == "destroy")
    await #expect(
      throws: SignerClientError.refused(SignerRefusal(code: 801, name: "noProposal", retry: .never))
    ) { try await admin.admin(.execute(number: 1)) }
    await observer.close()
    await admin.close()
    await rig.server.stop()
  }

  @Test("renews sessions before they end, and the client notices nothing")
  func renewal() async throws {
    var limits = ServerLimits()
    limits.session = .milliseconds(200)
    let rig = try await Rig.start(limits: limits)
    let access = rig.access()
    let start = ContinuousClock.now
    var height: UInt64 = 1
    // However slow the machine is.
    while rig.server.counters.sessions <= 2, ContinuousClock.now - start < .seconds(60) {
      rig.clock.now = Rig.now + UInt64((ContinuousClock.now - start) / .milliseconds(1))
      _ = try await access.sign(try Rig.request(height: height), key: rig.key.id)
      height += 1
    }
    #expect(rig.server.counters.sessions > 2)
    #expect(rig.server.counters.connectionsSeen == 1)
    await access.close()
    await rig.server.stop()
  }

  @Test("is found again by its clients after a restart, not before their wait is over")
  func restart() async throws {
    let rig = try await Rig.start()
    var options = SignerClientOptions()
    options.backoff = .milliseconds(20)
    options.backoffMax = .milliseconds(20)
    let access = rig.access(options: options)
    _ = try await access.sign(try Rig.request(height: 1), key: rig.key.id)
    await rig.server.stop()
    var refusals = 0
    let request = try Rig.request(height: 2)
    do throws(SignerClientError) {
      _ = try await access.sign(request, key: rig.key.id)
    } catch {
      refusals += 1
      if case .unavailable = error {} else { Issue.record("\(error)") }
    }
    #expect(refusals == 1)
    // The same keys in a second process on the same socket.
    let state = CoreState(
      signing: SigningState(domain: .operator, policy: try await Self.policy(rig)),
      approvals: Approvals(vaultID: Bytes32(), policy: Bytes32(), rules: .none), keys: rig.keys,
      records: MemoryRecords(),
      clients: rig.clients)
    let clock = rig.clock
    let core = SigningCore(state, clock: { UnixMilliseconds(clock.now) })
    let second = try await SignerServer.start(
      .unix(path: rig.socket), core: core, clients: rig.clients, identity: rig.identity, domain: .operator)
    var isSigned = false
    let end = ContinuousClock.now + .seconds(20)
    while !isSigned, ContinuousClock.now < end {
      let request = try Rig.request(height: 3)
      do throws(SignerClientError) {
        _ = try await access.sign(request, key: rig.key.id)
        isSigned = true
      } catch {
        guard case .unavailable = error else { throw error }
        await Task.yield()
      }
    }
    #expect(isSigned)
    await access.close()
    await second.stop()
  }

  private static func policy(_ rig: Rig) async throws -> AccessPolicy {
    try AccessPolicy(
      domain: .operator,
      clients: [
        PolicyClient(
          name: try ClientName("attester-0"), key: rig.client.publicKey, peers: [.uid(getuid())],
          roles: [.sign],
          perMinute: 1_000_000,
          grants: [
            Grant(
              keys: [rig.key.id], scope: .attestation(origins: [try Rig.binding().origin]))
          ])
      ], keyLimits: [KeyLimit(key: rig.key.id, purpose: .attestation, perMinute: 1_000_000)])
  }

  @Test("has one server for a socket, which others do not take, and a closed directory around it")
  func socket() async throws {
    let rig = try await Rig.start()
    await #expect(throws: SignerServerError.socket(.inUse)) {
      try await SignerServer.start(
        .unix(path: rig.socket), core: rig.core, clients: rig.clients, identity: rig.identity,
        domain: .operator)
    }
    let mode = try FileManager.default.attributesOfItem(atPath: rig.socket)[.posixPermissions] as? NSNumber
    #expect(mode?.intValue == 0o600)
    // Still there, still answering.
    let access = rig.access()
    _ = try await access.sign(try Rig.request(height: 1), key: rig.key.id)
    await access.close()
    await rig.server.stop()
    #expect(!FileManager.default.fileExists(atPath: rig.socket))

    let core = rig.core
    func start(_ path: String) async throws(SignerServerError) -> SignerServer {
      try await SignerServer.start(
        .unix(path: path), core: core, clients: rig.clients, identity: rig.identity, domain: .operator)
    }
    try FileManager.default.createDirectory(
      atPath: rig.directory.path + "/open", withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o755])
    await #expect(throws: SignerServerError.socket(.directory)) {
      try await start(rig.directory.path + "/open/s")
    }
    try Data([1]).write(to: URL(fileURLWithPath: rig.directory.path + "/file"))
    await #expect(throws: SignerServerError.socket(.notASocket)) {
      try await start(rig.directory.path + "/file")
    }
    #expect(FileManager.default.fileExists(atPath: rig.directory.path + "/file"))
    let long = rig.directory.path + "/" + String(repeating: "s", count: 100)
    await #expect(throws: SignerServerError.socket(.pathLength(max: 107, actual: long.utf8.count))) {
      try await start(long)
    }
  }

  @Test("locks a key when the alarm rules say so")
  func alarms() async throws {
    let rules = AlarmRules(newPurpose: nil, refusals: AlarmRules.Refusals(perMinute: 3, action: .lock))
    let rig = try await Rig.start(alarms: rules)
    let access = rig.access()
    _ = try await access.sign(try Rig.request(height: 1), key: rig.key.id)
    for _ in 0..<4 { _ = try? await access.sign(try Rig.request(height: 1, root: 2), key: rig.key.id) }
    let locked = SignerClientError.refused(SignerRefusal(code: 106, name: "keyLocked", retry: .afterChange))
    await #expect(throws: locked) { try await access.sign(try Rig.request(height: 9), key: rig.key.id) }
    #expect(rig.server.counters.alarms > 0)
    let alarms = try await rig.core.perform { $0.recentAlarms.count }
    #expect(alarms > 0)
    await access.close()
    await rig.server.stop()
  }
}

final class Counter: Sendable {
  private let count = Mutex(0)
  func add() { count.withLock { $0 += 1 } }
  var value: Int { count.withLock { $0 } }
}
