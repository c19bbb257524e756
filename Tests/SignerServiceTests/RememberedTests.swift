import Encodings
import Foundation
import KeyVault
import Messages
import Secrets
import SignerAccess
import SignerJournal
import SignerService
import SignerWire
import SigningRules
import Synchronization
import Testing
import WireBytes

/// What a signer must not forget between two runs, beside what it has signed.
@Suite("A signer remembers", .timeLimit(.minutes(10)))
struct RememberedTests {
  private static func revoke(_ home: SignerHome) async throws {
    try await home.run { client in _ = try await client.admin(.revoke(home.key, reason: "stolen")) }
  }

  private static func state(_ home: SignerHome) async throws -> String? {
    var state: String?
    try await home.run { client in state = try await client.admin(.key(home.key))["state"]?.string }
    return state
  }

  private static func keep(_ home: SignerHome, _ name: String) throws {
    try FileManager.default.copyItem(
      atPath: home.directory.keys, toPath: home.folder.path + "/" + name)
  }

  private static func put(_ home: SignerHome, _ name: String) throws {
    try FileManager.default.removeItem(atPath: home.directory.keys)
    try FileManager.default.copyItem(
      atPath: home.folder.path + "/" + name, toPath: home.directory.keys)
  }

  // MARK: The inventory of keys

  @Test("a revocation, when an older inventory with the key active is put back")
  func olderInventory() async throws {
    let home = try SignerHome()
    try Self.keep(home, "active")
    try await Self.revoke(home)
    try Self.keep(home, "revoked")
    try Self.put(home, "active")
    let older = KeyTrouble.olderInventory(sequence: 2, recorded: 3)
    #expect(try await home.refusal() == .keys(older))
    #expect(try await home.refusal() == .keys(older))
    await #expect(throws: OfflineError.key(older)) { try await home.offline { try $0.position() } }
    await #expect(throws: OfflineError.key(older)) {
      try await home.offline { try $0.backup(needed: 1, parties: 1, at: Rig.now) }
    }
    try Self.put(home, "revoked")
    #expect(try await Self.state(home) == "revoked")
  }

  @Test("the inventory of the very first moment")
  func fromCreation() async throws {
    let home = try SignerHome()
    let codes = try FileBackEnd.open(
      path: home.directory.secrets, domain: .operator,
      passphrase: SecretBytes(copying: [UInt8]("a passphrase".utf8).span))
    // An empty inventory of this signer, as a thief of the moment before the first key could have it.
    try FileManager.default.removeItem(atPath: home.directory.keys)
    _ = try KeyVault<OperatorKeys>.create(path: home.directory.keys, files: codes)
    _ = consume codes
    #expect(try await home.refusal() == .keys(.olderInventory(sequence: 1, recorded: 2)))
  }

  @Test("that two signers changed the keys of one copy")
  func forked() async throws {
    let home = try SignerHome()
    try Self.keep(home, "active")
    try await Self.revoke(home)
    try Self.put(home, "active")
    let passphrase = [UInt8]("a passphrase".utf8)
    for _ in 0..<1_000_000 {
      do {
        let files = try FileBackEnd.open(
          path: home.directory.secrets, domain: .operator,
          passphrase: SecretBytes(copying: passphrase.span))
        let vault = try KeyVault<OperatorKeys>.open(path: home.directory.keys, files: files)
        try vault.lock(home.key, reason: "another", at: 5)
        break
      } catch FileVaultError.file(.inUse) { await Task.yield() }
    }
    #expect(try await home.refusal() == .keys(.forkedInventory(sequence: 3)))
  }

  @Test("after a crash between a change of keys and its mark, the change, and then marks it")
  func crashBetween() async throws {
    let home = try SignerHome()
    try Self.keep(home, "active")
    try home.copy(to: "before")
    try await Self.revoke(home)
    try Self.keep(home, "revoked")
    // Records and anchor as they were before the change, the inventory as it was after: what that crash leaves.
    try home.restore("before")
    try Self.put(home, "revoked")
    #expect(try await Self.state(home) == "revoked")
    // It is marked now.
    try Self.put(home, "active")
    #expect(try await home.refusal() == .keys(.olderInventory(sequence: 2, recorded: 3)))
  }

  @Test("after a crash before a change of keys was on disk, what was, and nobody is locked out")
  func crashBefore() async throws {
    let home = try SignerHome()
    try home.copy(to: "before")
    try await Self.revoke(home)
    try home.restore("before")
    #expect(try await Self.state(home) == "active")
    try await home.run(signing: 1...1)
  }

  @Test("nothing of a mark that could not be written, and halts then")
  func failedMark() async throws {
    let records = MemoryRecords()
    let keys = MarkedKeys()
    let core = try Self.core(records, keys)
    keys.value.withLock { $0 = KeysMark(sequence: 8, hash: Bytes32 { _ in 8 }) }
    records.state.withLock { $0.fails = true }
    await #expect(throws: SignerFault.halted) { try await core.perform { _ in } }
    #expect(core.haltReason == .records(MemoryRecords.failure))
    #expect(records.state.withLock { $0.committedRecords } == 0)
    await core.drain()
  }

  @Test("each mark once, with the commit that comes before the answer, and over a compaction")
  func marks() async throws {
    let records = MemoryRecords()
    let keys = MarkedKeys()
    let core = try Self.core(records, keys)
    try await core.perform { _ in }
    #expect(records.state.withLock { $0.records.isEmpty })
    let mark = KeysMark(sequence: 8, hash: Bytes32 { _ in 8 })
    keys.value.withLock { $0 = mark }
    try await core.perform { _ in }
    try await core.perform { _ in }
    #expect(records.state.withLock { $0.records } == [CoreRecord.keys(mark).encoded()])
    #expect(records.state.withLock { $0.committedRecords } == 1)
    records.state.withLock { $0.wantsCompaction = true }
    try await core.perform { _ in }
    await core.drain()
    let habit = ClientHabit(client: try ClientName("attester-0"), purpose: .attestation)
    #expect(
      records.state.withLock { $0.snapshot?.suffix(2) } == [
        CoreRecord.keys(mark).encoded(), CoreRecord.habit(habit).encoded(),
      ])
  }

  private static func core(_ records: MemoryRecords, _ keys: MarkedKeys) throws -> SigningCore {
    let policy = try AccessPolicy(
      domain: .operator, clients: [], keyLimits: [], approvers: .none, alarms: AlarmRules())
    return SigningCore(
      CoreState(
        signing: SigningState(domain: .operator, policy: policy),
        approvals: Approvals(vaultID: Bytes32(), policy: policy.contentHash, rules: policy.approvers),
        keys: keys, records: records, clients: ClientDirectory(), recordedKeys: keys.mark,
        habits: [ClientHabit(client: try ClientName("attester-0"), purpose: .attestation)]),
      clock: { UnixMilliseconds(Rig.now) })
  }

  @Test("a decision to use an older inventory, without its mark going back")
  func adoptedInventory() async throws {
    let home = try SignerHome()
    try Self.keep(home, "active")
    try await Self.revoke(home)
    try Self.keep(home, "revoked")
    try Self.put(home, "active")
    let trouble = try await home.offline { offline in
      let adoption = try offline.adoption(watermarks: nil)
      _ = try offline.adopt(adoption, reason: "the newest is lost", at: Rig.now)
      return (adoption.refusal, adoption.keys)
    }
    #expect(trouble.0 == nil && trouble.1 == .olderInventory(sequence: 2, recorded: 3))
    #expect(try await Self.state(home) == "active")
    // The one that was decided against is older now.
    try Self.put(home, "revoked")
    #expect(try await home.refusal() == .keys(.olderInventory(sequence: 3, recorded: 4)))
  }

  // MARK: Habits

  @Test("what its clients use, and raises no alarm for it again")
  func habits() async throws {
    let home = try SignerHome(alarms: AlarmRules(newPurpose: .note))
    var alarms: [Int] = []
    for height in UInt64(1)...3 {
      try await home.run(signing: height...height) { client in
        alarms.append(try await client.admin(.status)["alarms"]?.array?.count ?? -1)
      }
    }
    #expect(alarms == [1, 0, 0])
  }

  @Test("records of every kind by one encoding, and refuses what is none")
  func records() throws {
    let habit = ClientHabit(client: try ClientName("attester-0"), purpose: .vote)
    let mark = KeysMark(sequence: 0x0102_0304_0506_0708, hash: Bytes32 { UInt8($0) })
    for record in [CoreRecord.habit(habit), .keys(mark)] {
      #expect(try CoreRecord(decoding: record.encoded()) == record)
    }
    let bytes = CoreRecord.keys(mark).encoded()
    #expect(Array(bytes.prefix(9)) == [3, 1, 2, 3, 4, 5, 6, 7, 8])
    for count in 1..<bytes.count {
      #expect(throws: CoreRecord.DecodingError.keys(count - 1)) {
        try CoreRecord(decoding: Array(bytes.prefix(count)))
      }
    }
    #expect(throws: CoreRecord.DecodingError.keys(41)) { try CoreRecord(decoding: bytes + [0]) }
    #expect(throws: CoreRecord.DecodingError.habit(.empty)) { try CoreRecord(decoding: [4]) }
    #expect(throws: CoreRecord.DecodingError.habit(.purpose(0xff))) {
      try CoreRecord(decoding: [4, 0xff, 0x61])
    }
    for name in [[UInt8](), [0x41], [0xff], Array(repeating: 0x61, count: 65)] {
      #expect(throws: CoreRecord.DecodingError.habit(.client)) {
        try CoreRecord(decoding: [4, KeyPurpose.vote.byte] + name)
      }
    }
    #expect(throws: CoreRecord.DecodingError.tag(5)) { try CoreRecord(decoding: [5]) }
    #expect(throws: CoreRecord.DecodingError.empty) { try CoreRecord(decoding: []) }
  }

  // MARK: Exports

  @Test("more than fits an answer, and says which verb exports it")
  func largeExport() async throws {
    let home = try SignerHome()
    var refusal: SignerRefusal?
    try await home.run(signing: 1...1) { client in
      #expect(try await client.admin(.exportWatermarks)["records"] != nil)
      for height in UInt64(2)...12 {
        _ = try await client.sign(try Self.packets(height: height), key: home.key)
      }
      do { _ = try await client.admin(.exportWatermarks) } catch SignerClientError.refused(let why) {
        refusal = why
      }
      // The connection and the signer go on.
      _ = try await client.sign(try Rig.request(height: 13), key: home.key)
    }
    #expect(refusal == AdministrationFault.exportTooLarge.refusal)
    #expect(AdministrationFault.exportTooLarge.advice.contains("watermarks export-offline"))
    let marks = try await home.offline { try $0.watermarks() }
    #expect(marks.text.utf8.count > SignerLimits.frameSizeMax)
    #expect(try WatermarkInterchange(decoding: [UInt8](marks.text.utf8)) == marks)
  }

  private static func packets(height: UInt64) throws -> SigningRequest {
    let entries = (0..<SignerLimits.attestedEntriesMax).map { index in
      StoredEntry(
        pathHash: Bytes32 { $0 == 0 ? UInt8(index >> 8) : $0 == 1 ? UInt8(index & 0xff) : UInt8(height) },
        commitment: Bytes32 { _ in 7 })
    }
    return .attestation(
      AttestedStatement(
        binding: try Rig.binding(), height: Height(height),
        timestamp: UnixTime(seconds: 1_700_000_000 + height), body: .packets(entries)))
  }
}

/// No keys, and a mark that the test moves.
private final class MarkedKeys: KeySigning {
  let value = Mutex<KeysMark?>(nil)

  var mark: KeysMark? { value.withLock { $0 } }
  func facts(of key: KeyID, at now: UnixMilliseconds) -> KeyFacts? { nil }
  func sign(
    _ payload: SigningPayload, with key: KeyID, at now: UnixMilliseconds
  ) throws(SignerRefusal) -> [UInt8] {
    throw BackEndFault.keyMissing.refusal
  }
}
