import Encodings
import Foundation
import KeyVault
import Messages
import SigningRules
import Synchronization
import Testing
import WireBytes

@Suite("The inventory of keys")
struct KeyVaultTests {
  typealias Vault = KeyVault<OperatorKeys>
  static let now: UInt64 = 1_700_000_000

  static func plan(_ label: String = "attester", _ suite: KeySuite = .secp256k1) -> KeyPlan {
    KeyPlan(label: label, suite: suite, purposes: [.attestation])
  }

  @Test("is read as an independent program writes it, and refused for the reason that it gives")
  func vectors() throws {
    let file = try VectorFile("inventories")
    #expect(file.cases.count == 34)
    let place = try Place()
    try place.write(try file.json.bytes("file"), to: place.vault)
    let files = try FileBackEnd.open(
      path: place.vault, domain: .operator, passphrase: file.json.secret("passphrase"))
    var refused = 0
    for json in file.cases {
      let text = [UInt8](try json.text("text").utf8)
      try place.write(text, to: place.keys)
      if let wanted = json["error"]?.string {
        let error = #expect(throws: KeyVaultError.self, "\(json.name)") {
          _ = try Vault.open(path: place.keys, files: files)
        }
        guard case .inventory(let reason)? = error else {
          Issue.record("\(json.name): \(error.map { "\($0)" } ?? "accepted")")
          continue
        }
        #expect(caseName(reason) == wanted, "\(json.name): \(reason)")
        refused += 1
        continue
      }
      let vault = try Vault.open(path: place.keys, files: files)
      let want = try #require(json["want"])
      func ids(_ member: String) throws -> [String] { try #require(want[member]?.array).compactMap(\.string) }
      #expect(vault.records.map(\.id.description) == (try ids("ids")))
      #expect(vault.lost().map(\.description) == (try ids("lost")))
      let signing = vault.records.filter { $0.state(at: 1_700_000_500).signs }
      #expect(signing.map(\.id.description) == (try ids("signing")))
      #expect(vault.mark.sequence == 7)
      // Nothing of it is changed by a change of ours but what is meant.
      if let first = vault.records.first {
        try vault.lock(first.id, reason: "test", at: 5)
        try vault.unlock(first.id)
        let again = try Vault.open(path: place.keys, files: files)
        #expect(again.records == vault.records && again.mark == vault.mark && again.mark.sequence == 9)
      }
      let sequence = vault.mark.sequence
      #expect(throws: KeyVaultError.older(sequence: sequence, expected: sequence + 1)) {
        _ = try Vault.open(
          path: place.keys, files: files, after: InventoryMark(sequence: sequence + 1, hash: vault.mark.hash))
      }
    }
    #expect(refused == 32)
  }

  @Test("follows a key from its making to its end")
  func life() throws {
    let place = try Place()
    let files = try FileBackEndTests.create(place)
    let vault = try Vault.create(path: place.keys, files: files)
    #expect(vault.records.isEmpty && vault.mark.sequence == 1)
    #expect(try place.mode(place.keys) == 0o600)
    let first = try vault.generate(Self.plan(), on: .file, at: Self.now)
    #expect(first.generation == 1 && first.life == .active)
    #expect(vault.newest(label: "attester") == first)
    let payload = try FileBackEndTests.payload()
    let signature = try vault.sign(payload, with: first.id, at: Self.now)
    try SignatureCheck.check(signature, over: payload, by: first.key)

    // Rotation, with an overlap.
    let second = try vault.rotate(first.id, overlapSeconds: 60, at: Self.now + 10)
    #expect(second.generation == 2 && second.plan == first.plan && second.id != first.id)
    #expect(vault.newest(label: "attester") == second)
    #expect(vault.record(first.id)?.life == .retiring(until: Self.now + 70))
    _ = try vault.sign(payload, with: first.id, at: Self.now + 69)
    _ = try vault.sign(payload, with: second.id, at: Self.now + 69)
    #expect(throws: KeyVaultError.state(.retiring(until: Self.now + 70))) {
      _ = try vault.sign(payload, with: first.id, at: Self.now + 70)
    }
    #expect(vault.facts(first.id, at: Self.now + 69)?.state == .retiring)
    #expect(vault.facts(first.id, at: Self.now + 70)?.state == .retired)
    #expect(throws: KeyVaultError.state(.retiring(until: Self.now + 70))) {
      _ = try vault.rotate(first.id, overlapSeconds: 1, at: Self.now + 20)
    }
    #expect(throws: KeyVaultError.state(.retiring(until: Self.now + 70))) {
      try vault.destroy(first.id, at: Self.now + 69)
    }
    try vault.destroy(first.id, at: Self.now + 70)
    #expect(vault.record(first.id)?.life == .destroyed(at: Self.now + 70))
    #expect(files.keys == [second.key])
    #expect(throws: KeyVaultError.state(.destroyed(at: Self.now + 70))) {
      _ = try vault.sign(payload, with: first.id, at: Self.now)
    }

    // Revocation.
    #expect(throws: KeyVaultError.state(.active)) { try vault.destroy(second.id, at: Self.now) }
    try vault.revoke(second.id, reason: "lost laptop", at: Self.now + 80)
    let revoked = KeyLife.revoked(at: Self.now + 80, reason: "lost laptop")
    #expect(throws: KeyVaultError.state(revoked)) {
      _ = try vault.sign(payload, with: second.id, at: Self.now + 80)
    }
    #expect(throws: KeyVaultError.state(revoked)) {
      try vault.revoke(second.id, reason: "again", at: Self.now + 81)
    }
    #expect(vault.newest(label: "attester") == nil)
    #expect(vault.facts(second.id, at: Self.now)?.state == .revoked)
    // The label goes on counting.
    let third = try vault.generate(Self.plan(), on: .file, at: Self.now + 90)
    #expect(third.generation == 3)

    let again = try Vault.open(path: place.keys, files: files, after: vault.mark)
    #expect(again.records == vault.records && again.mark == vault.mark)
    #expect(again.lost().isEmpty && again.strays().isEmpty)
  }

  @Test(
    "is refused when it is older than its mark, or another than the marked one, and goes on after a decision")
  func marks() throws {
    let place = try Place()
    let files = try FileBackEndTests.create(place)
    let vault = try Vault.create(path: place.keys, files: files)
    let key = try vault.generate(Self.plan(), on: .file, at: Self.now)
    let active = try place.bytes(place.keys)
    let before = vault.mark
    try vault.revoke(key.id, reason: "stolen", at: Self.now + 1)
    let mark = vault.mark
    #expect(mark.sequence == before.sequence + 1)
    // Newer than its mark is what a crash leaves.
    _ = try Vault.open(path: place.keys, files: files, after: before)
    _ = try Vault.open(path: place.keys, files: files, after: mark)
    try place.write(active, to: place.keys)
    #expect(throws: KeyVaultError.older(sequence: before.sequence, expected: mark.sequence)) {
      _ = try Vault.open(path: place.keys, files: files, after: mark)
    }
    // The same number, and another change.
    let older = try Vault.open(path: place.keys, files: files)
    try older.lock(key.id, reason: "another", at: Self.now + 2)
    #expect(older.mark.sequence == mark.sequence)
    #expect(throws: KeyVaultError.forked(sequence: mark.sequence)) {
      _ = try Vault.open(path: place.keys, files: files, after: mark)
    }
    try older.renumber(after: mark.sequence)
    #expect(older.mark.sequence == mark.sequence + 1)
    let decided = try Vault.open(path: place.keys, files: files, after: mark)
    #expect(decided.mark == older.mark && decided.records == older.records)
  }

  @Test("keeps a locked key from signing until it is unlocked")
  func locks() throws {
    let place = try Place()
    let files = try FileBackEndTests.create(place)
    let vault = try Vault.create(path: place.keys, files: files)
    let key = try vault.generate(Self.plan("k", .ed25519), on: .file, at: Self.now)
    let payload = try FileBackEndTests.payload()
    try vault.lock(key.id, reason: "unusual rate", at: Self.now + 1)
    try vault.lock(key.id, reason: "again", at: Self.now + 2)
    let lock = KeyLock(at: Self.now + 1, reason: "unusual rate")
    #expect(throws: KeyVaultError.locked(lock)) {
      _ = try vault.sign(payload, with: key.id, at: Self.now + 3)
    }
    #expect(vault.facts(key.id, at: Self.now)?.state == .retired)
    // Also after the process starts again.
    let again = try Vault.open(path: place.keys, files: files)
    #expect(throws: KeyVaultError.locked(lock)) {
      _ = try again.sign(payload, with: key.id, at: Self.now + 3)
    }
    try vault.unlock(key.id)
    _ = try vault.sign(payload, with: key.id, at: Self.now + 4)
    for reason in ["", "a\nb", String(repeating: "x", count: 129), "\u{85}"] {
      #expect(throws: KeyVaultError.reason) { try vault.lock(key.id, reason: reason, at: 0) }
      #expect(throws: KeyVaultError.reason) { try vault.revoke(key.id, reason: reason, at: 0) }
    }
  }

  @Test("refuses plans that the domain, the back ends or other keys do not allow")
  func plans() throws {
    let place = try Place()
    let files = try FileBackEndTests.create(place)
    let vault = try Vault.create(path: place.keys, files: files)
    #expect(throws: KeyVaultError.label("A")) { _ = try vault.generate(Self.plan("A"), on: .file, at: 0) }
    let idle = KeyPlan(label: "a", suite: .p256, purposes: [])
    #expect(throws: KeyVaultError.purpose(nil)) { _ = try vault.generate(idle, on: .file, at: 0) }
    #expect(throws: KeyVaultError.noBackEnd(.tpm)) { _ = try vault.generate(Self.plan(), on: .tpm, at: 0) }
    #expect(throws: KeyVaultError.suite(.frostEd25519)) {
      _ = try vault.generate(Self.plan("a", .frostEd25519), on: .file, at: 0)
    }
    let key = try vault.generate(Self.plan(), on: .file, at: 0)
    #expect(throws: KeyVaultError.labelInUse("attester")) {
      _ = try vault.generate(Self.plan(), on: .file, at: 0)
    }
    let unknown = KeyID(Bytes32())
    #expect(throws: KeyVaultError.unknown(unknown)) { try vault.unlock(unknown) }
    #expect(throws: KeyVaultError.unknown(unknown)) { try vault.destroy(unknown, at: 0) }
    #expect(throws: KeyVaultError.exists) { _ = try Vault.create(path: place.keys, files: files) }
    #expect(throws: KeyVaultError.domain) { _ = try KeyVault<UserKeys>.open(path: place.keys, files: files) }
    #expect(throws: KeyVaultError.backEndTwice(.file)) {
      _ = try Vault.open(path: place.keys, files: files, others: [files])
    }
    #expect(vault.records == [key])
    try FileManager.default.removeItem(atPath: place.keys)
    #expect(throws: KeyVaultError.absent) { _ = try Vault.open(path: place.keys, files: files) }

    let users = try Place()
    let userFiles = try FileBackEndTests.create(users, domain: .user)
    let userVault = try KeyVault<UserKeys>.create(path: users.keys, files: userFiles)
    #expect(throws: KeyVaultError.purpose(.attestation)) {
      _ = try userVault.generate(Self.plan(), on: .file, at: 0)
    }
    // One domain's inventory is not another's.
    try place.write(try users.bytes(users.keys), to: place.keys)
    #expect(throws: KeyVaultError.inventory(.code)) { _ = try Vault.open(path: place.keys, files: files) }
  }

  @Test("is refused with any bit changed and any byte missing")
  func mutations() throws {
    let place = try Place()
    let files = try FileBackEndTests.create(place)
    let vault = try Vault.create(path: place.keys, files: files)
    _ = try vault.generate(Self.plan("k", .ed25519), on: .file, at: Self.now)
    let whole = try place.bytes(place.keys)
    for index in whole.indices {
      var changed = whole
      changed[index] ^= 1
      try place.write(changed, to: place.keys)
      #expect(throws: KeyVaultError.self, "\(index)") { _ = try Vault.open(path: place.keys, files: files) }
      try place.write([UInt8](whole.prefix(index)), to: place.keys)
      #expect(throws: KeyVaultError.self, "\(index)") { _ = try Vault.open(path: place.keys, files: files) }
    }
    try place.write(whole, to: place.keys)
    _ = try Vault.open(path: place.keys, files: files)
  }

  @Test("takes derived keys and keys that a back end has already")
  func adopts() throws {
    let place = try Place()
    let files = try FileBackEndTests.create(place)
    let vault = try Vault.create(path: place.keys, files: files)
    let path = try DerivationPath("m/1'/2'")
    let derived = try vault.derive(Self.plan("derived", .ed25519), at: path, at: 1)
    #expect(derived.path == path)
    #expect(
      derived.key.publicKey == (try files.derivationRoot(OperatorKeys.self).derive(.ed25519, path).publicKey))
    #expect(throws: KeyVaultError.secrets(.duplicate)) {
      _ = try vault.derive(Self.plan("other", .ed25519), at: path, at: 1)
    }
    let soft = try DerivationPath("m/1")
    #expect(throws: KeyVaultError.derivation(.notHardened(step: 1))) {
      _ = try vault.derive(Self.plan("soft", .ed25519), at: soft, at: 1)
    }
    let loose = try files.generate(.p256, label: "loose")
    #expect(vault.strays() == [loose])
    let adopted = try vault.adopt(loose, plan: Self.plan("loose", .p256), on: .file, at: 2)
    #expect(vault.strays().isEmpty && adopted.generation == 1)
    #expect(throws: KeyVaultError.duplicate(loose.id)) {
      _ = try vault.adopt(loose, plan: Self.plan("loose", .p256), on: .file, at: 2)
    }
    #expect(throws: KeyVaultError.suite(.p256)) {
      _ = try vault.adopt(loose, plan: Self.plan("loose", .p384), on: .file, at: 2)
    }
    let absent = BackEndKey(suite: .p256, publicKey: [2], reference: [3])
    #expect(throws: KeyVaultError.backEnd(.missing)) {
      _ = try vault.adopt(absent, plan: Self.plan("absent", .p256), on: .file, at: 2)
    }
    try files.destroy(loose)
    #expect(vault.lost() == [loose.id])
    // Its end can still be written down.
    try vault.revoke(loose.id, reason: "gone", at: 3)
    try vault.destroy(loose.id, at: 4)
    #expect(vault.lost().isEmpty)
  }

  @Test("serves any back end, and removes a key that it cannot enter")
  func backEnds() throws {
    let place = try Place()
    let files = try FileBackEndTests.create(place)
    let token = Token()
    let vault = try Vault.create(path: place.keys, files: files, others: [token])
    #expect(vault.kinds == [.file, .pkcs11])
    let key = try vault.generate(Self.plan("t", .p256), on: .pkcs11, at: 1)
    #expect(key.backEnd == .pkcs11)
    let payload = try FileBackEndTests.payload()
    try SignatureCheck.check(try vault.sign(payload, with: key.id, at: 2), over: payload, by: key.key)
    #expect(vault.lost().isEmpty && vault.failures().isEmpty)
    // The directory is gone: nothing can be written.
    try FileManager.default.removeItem(atPath: place.folder)
    #expect(throws: KeyVaultError.self) { _ = try vault.rotate(key.id, overlapSeconds: 1, at: 3) }
    #expect(vault.records == [key] && token.count == 1)
    token.isAway.store(true, ordering: .relaxed)
    #expect(vault.failures()[.pkcs11] == .unavailable(code: 7))
    #expect(throws: KeyVaultError.backEnd(.unavailable(code: 7))) {
      _ = try vault.sign(payload, with: key.id, at: 2)
    }
    // One that does not answer has not lost its keys.
    #expect(vault.lost().isEmpty)
    #expect(throws: KeyVaultError.unknown(KeyID(Bytes32()))) {
      _ = try vault.location(of: KeyID(Bytes32()), challenge: Bytes32())
    }
  }
}

/// A token that is a dictionary.
private final class Token: KeyBackEnd {
  let kind = BackEndKind.pkcs11
  let suites: Set<KeySuite> = [.p256]
  let isAway = Atomic(false)
  private let keys = Mutex<[[UInt8]: InProcessKey]>([:])

  var count: Int { keys.withLock { $0.count } }

  func generate(_ suite: KeySuite, label: String) throws(KeyBackEndError) -> BackEndKey {
    guard let key = try? InProcessKey(suite, secret: InProcessKey.generate(suite)) else {
      throw .unsupported(suite)
    }
    keys.withLock { $0[key.publicKey] = key }
    return BackEndKey(suite: suite, publicKey: key.publicKey, reference: key.publicKey)
  }

  private func find(_ key: BackEndKey) throws(KeyBackEndError) -> InProcessKey {
    try checkHealth()
    guard let found = keys.withLock({ $0[key.reference] }) else { throw .missing }
    return found
  }

  func sign(_ payload: SigningPayload, with key: BackEndKey) throws(KeyBackEndError) -> [UInt8] {
    try find(key).sign(payload.content, recoverable: payload.recoverable)
  }

  func destroy(_ key: BackEndKey) throws(KeyBackEndError) {
    _ = try find(key)
    keys.withLock { _ = $0.removeValue(forKey: key.reference) }
  }

  func location(of key: BackEndKey, challenge: Bytes32) throws(KeyBackEndError) -> KeyLocation {
    _ = try find(key)
    return .token(manufacturer: "", model: "", serial: "", sensitive: true, extractable: false, local: true)
  }

  func checkHealth() throws(KeyBackEndError) {
    guard !isAway.load(ordering: .relaxed) else { throw .unavailable(code: 7) }
  }
}
