import Digests
internal import Secrets
public import SigningRules
private import Synchronization
public import WireBytes

/// Why the vault did not do what was asked.
public enum KeyVaultError: Error, Hashable, Sendable {
  /// There is no inventory, though there is a vault: somebody has removed it.
  case absent
  /// There is an inventory already, and a new one was to be made.
  case exists
  case file(OwnedFileError)
  case secrets(FileVaultError)
  case inventory(InventoryError)
  /// The inventory is older than what was seen of it: keys that were revoked since could be back.
  case older(sequence: UInt64, expected: UInt64)
  /// It has the change of that number, and it is another change than the one that was seen: two signers went on from one copy.
  case forked(sequence: UInt64)
  /// The file of secrets is another domain's.
  case domain
  /// Two back ends of one kind.
  case backEndTwice(BackEndKind)
  /// No such back end is at hand.
  case noBackEnd(BackEndKind)
  /// The back end makes no such keys.
  case suite(KeySuite)
  /// Not 1 to 64 characters of `a-z 0-9 . _ -`.
  case label(String)
  /// A key has that label: it is to be rotated, or another label taken.
  case labelInUse(String)
  /// None, or one that keys of this domain never have.
  case purpose(KeyPurpose?)
  /// Not 1 to 128 bytes without control characters.
  case reason
  case tooMany(max: Int)
  case unknown(KeyID)
  /// The key is in the inventory already.
  case duplicate(KeyID)
  /// A key in this state does not do that.
  case state(KeyLife)
  case locked(KeyLock)
  case derivation(DerivationError)
  case backEnd(KeyBackEndError)
}

/// The point that an inventory has reached, to be kept elsewhere, so that an older copy is noticed.
///
/// The inventory is written first, and its mark after it. A crash between the two leaves an inventory that is newer than the
/// mark, which opens; the other order could leave a mark that no file reaches, and lock the owner out. What a crash may
/// take back is a change that nobody was told of yet.
public struct InventoryMark: Hashable, Sendable {
  public let sequence: UInt64
  /// SHA-256 of the file.
  public let hash: Bytes32

  public init(sequence: UInt64, hash: Bytes32) {
    self.sequence = sequence
    self.hash = hash
  }
}

/// All keys of one key domain, wherever they live, from their making to their end.
///
/// A class because threads share it: the one that signs, and those that administer. Each change is on the disk before it
/// holds.
///
/// - SeeAlso: docs/spec/key-vault.md.
public final class KeyVault<Kind: KeyDomainKind>: Sendable {
  /// The encrypted file, which also holds the key of the inventory's code.
  public let files: FileBackEnd
  private let path: String
  private let backEnds: [BackEndKind: any KeyBackEnd]
  private let codeKey: SharedSecret
  private let state: Mutex<State>

  private struct State {
    var records: [KeyID: KeyRecord]
    var mark: InventoryMark
  }

  // MARK: Making and opening

  /// Makes an empty inventory at `path`.
  ///
  /// - Parameter others: back ends beside `files`, at most one of a kind.
  /// - Throws: ``KeyVaultError``; ``KeyVaultError/exists`` when there is one.
  public static func create(
    path: String, files: FileBackEnd, others: [any KeyBackEnd] = []
  ) throws(KeyVaultError) -> KeyVault {
    guard try read(path) == nil else { throw .exists }
    let vault = try KeyVault(path: path, files: files, others: others, state: nil)
    try vault.update { (_: inout [KeyID: KeyRecord]) throws(KeyVaultError) in () }
    return vault
  }

  /// Opens the inventory at `path`.
  ///
  /// - Parameters:
  ///   - others: back ends beside `files`, at most one of a kind.
  ///   - mark: the last that was kept elsewhere; nil where there is none yet.
  /// - Throws: ``KeyVaultError``; ``KeyVaultError/older(sequence:expected:)`` and ``KeyVaultError/forked(sequence:)`` for an
  ///   inventory that does not go on from `mark`.
  public static func open(
    path: String, files: FileBackEnd, others: [any KeyBackEnd] = [], after mark: InventoryMark? = nil
  ) throws(KeyVaultError) -> KeyVault {
    guard let text = try read(path) else { throw .absent }
    let codeKey = try Self.codeKey(files)
    let inventory: InventoryFile
    do {
      inventory = try InventoryFile(
        decoding: text, vaultID: files.vaultID, domain: Kind.domain, key: codeKey)
    } catch { throw .inventory(error) }
    let found = InventoryMark(sequence: inventory.sequence, hash: SHA256Hash.hash(text))
    if let mark {
      guard found.sequence >= mark.sequence else {
        throw .older(sequence: found.sequence, expected: mark.sequence)
      }
      guard found.sequence > mark.sequence || found.hash == mark.hash else {
        throw .forked(sequence: mark.sequence)
      }
    }
    let records = Dictionary(inventory.records.map { ($0.id, $0) }) { first, _ in first }
    return try KeyVault(
      path: path, files: files, others: others, state: State(records: records, mark: found))
  }

  private init(
    path: String, files: FileBackEnd, others: [any KeyBackEnd], state: consuming State?
  ) throws(KeyVaultError) {
    guard files.domain == Kind.domain else { throw .domain }
    var backEnds: [BackEndKind: any KeyBackEnd] = [.file: files]
    for other in others {
      guard backEnds.updateValue(other, forKey: other.kind) == nil else { throw .backEndTwice(other.kind) }
    }
    self.path = path
    self.files = files
    self.backEnds = backEnds
    codeKey = try Self.codeKey(files)
    self.state = Mutex(
      state ?? State(records: [:], mark: InventoryMark(sequence: 0, hash: Bytes32())))
  }

  private static func codeKey(_ files: FileBackEnd) throws(KeyVaultError) -> SharedSecret {
    guard files.domain == Kind.domain else { throw .domain }
    do {
      return try files.secret(named: inventorySecretName, orMaking: 32)
    } catch { throw .secrets(error) }
  }

  /// The name of the secret under which the inventory's code is made.
  public static var inventorySecretName: String { "inventory-mac" }

  private static func read(_ path: String) throws(KeyVaultError) -> [UInt8]? {
    do {
      return try OwnedFile.read(path, sizeBytesMax: InventoryFile.sizeBytesMax)
    } catch { throw .file(error) }
  }

  private static func write(_ text: [UInt8], to path: String) throws(KeyVaultError) {
    do { try OwnedFile.replace(path, with: text) } catch { throw .file(error) }
  }

  /// Writes the records that `change` makes, and holds them once they are on the disk.
  @discardableResult
  private func update<Result: Sendable>(
    after sequence: UInt64 = 0,
    _ change: (inout [KeyID: KeyRecord]) throws(KeyVaultError) -> Result
  ) throws(KeyVaultError) -> Result {
    try state.withLock { state throws(KeyVaultError) -> Result in
      var records = state.records
      let result = try change(&records)
      guard records.count <= InventoryFile.recordCountMax else {
        throw .tooMany(max: InventoryFile.recordCountMax)
      }
      let next = InventoryFile(
        vaultID: files.vaultID, domain: Kind.domain, sequence: max(state.mark.sequence, sequence) + 1,
        records: Array(records.values))
      let text = next.encoded(key: codeKey)
      try Self.write(text, to: path)
      state = State(
        records: records, mark: InventoryMark(sequence: next.sequence, hash: SHA256Hash.hash(text)))
      return result
    }
  }

  /// Writes the inventory as it is under a number behind `sequence`: people have decided that this older one is to be used.
  public func renumber(after sequence: UInt64) throws(KeyVaultError) {
    try update(after: sequence) { (_: inout [KeyID: KeyRecord]) throws(KeyVaultError) in () }
  }

  // MARK: Looking

  /// Sorted by label and generation.
  public var records: [KeyRecord] {
    state.withLock { Array($0.records.values) }.sorted {
      ($0.plan.label, $0.generation) < ($1.plan.label, $1.generation)
    }
  }

  public var mark: InventoryMark { state.withLock { $0.mark } }

  /// Nil when there is none.
  public func record(_ id: KeyID) -> KeyRecord? { state.withLock { $0.records[id] } }

  /// The newest active key with that label; nil when there is none.
  public func newest(label: String) -> KeyRecord? {
    records.last { $0.plan.label == label && $0.life == .active }
  }

  /// What the rules are told of a key; nil when there is none.
  public func facts(_ id: KeyID, at seconds: UInt64) -> KeyFacts? { record(id)?.facts(at: seconds) }

  /// Keys that have not been destroyed and that their back end does not have any more; those whose back end cannot be
  /// asked are not among them.
  public func lost() -> [KeyID] {
    var lost: [KeyID] = []
    for record in records {
      if case .destroyed = record.life { continue }
      guard let backEnd = backEnds[record.backEnd] else { continue }
      do {
        try backEnd.confirm(record.key)
      } catch {
        if error == .missing { lost.append(record.id) }
      }
    }
    return lost
  }

  /// Keys in the encrypted file that the inventory does not know: of a generation that was cut short.
  public func strays() -> [BackEndKey] {
    let known = state.withLock { Set($0.records.keys) }
    return files.keys.filter { !known.contains($0.id) }
  }

  /// Where a key lives, for whoever wants proof.
  public func location(of id: KeyID, challenge: Bytes32) throws(KeyVaultError) -> KeyLocation {
    let (record, backEnd) = try found(id)
    do {
      return try backEnd.location(of: record.key, challenge: challenge)
    } catch { throw .backEnd(error) }
  }

  /// The back ends that are at hand.
  public var kinds: Set<BackEndKind> { Set(backEnds.keys) }

  /// Why back ends cannot sign now; those that can are not among them.
  public func failures() -> [BackEndKind: KeyBackEndError] {
    var failures: [BackEndKind: KeyBackEndError] = [:]
    for (kind, backEnd) in backEnds {
      do { try backEnd.checkHealth() } catch { failures[kind] = error }
    }
    return failures
  }

  private func found(_ id: KeyID) throws(KeyVaultError) -> (KeyRecord, any KeyBackEnd) {
    guard let record = record(id) else { throw .unknown(id) }
    guard let backEnd = backEnds[record.backEnd] else { throw .noBackEnd(record.backEnd) }
    return (record, backEnd)
  }

  // MARK: Signing

  /// The signature of a key that may sign now, verified by its back end.
  ///
  /// Whether it may sign this is for the rules, which made the payload.
  ///
  /// - Parameter seconds: Unix seconds.
  /// - Throws: ``KeyVaultError``.
  public func sign(
    _ payload: SigningPayload, with id: KeyID, at seconds: UInt64
  ) throws(KeyVaultError) -> [UInt8] {
    let (record, backEnd) = try found(id)
    guard record.state(at: seconds).signs else {
      if let lock = record.lock { throw .locked(lock) }
      throw .state(record.life)
    }
    do {
      return try backEnd.sign(payload, with: record.key)
    } catch { throw .backEnd(error) }
  }

  // MARK: Making keys

  /// A new key, made by a back end.
  ///
  /// - Parameter seconds: Unix seconds.
  public func generate(
    _ plan: KeyPlan, on kind: BackEndKind, at seconds: UInt64
  ) throws(KeyVaultError) -> KeyRecord {
    try check(plan)
    guard newest(label: plan.label) == nil else { throw .labelInUse(plan.label) }
    let key = try make(plan, on: kind)
    return try enter(key, plan: plan, on: kind, path: nil, at: seconds)
  }

  /// The key at `path` from this domain's derivation root, kept in the encrypted file.
  ///
  /// - Parameter seconds: Unix seconds.
  public func derive(
    _ plan: KeyPlan, at path: DerivationPath, at seconds: UInt64
  ) throws(KeyVaultError) -> KeyRecord {
    try check(plan)
    guard newest(label: plan.label) == nil else { throw .labelInUse(plan.label) }
    let root: DerivationRoot<Kind>
    do { root = try files.derivationRoot(Kind.self) } catch { throw .secrets(error) }
    let derived: DerivedKey
    do { derived = try root.derive(plan.suite, path) } catch { throw .derivation(error) }
    let key: BackEndKey
    do {
      key = try files.importKey(plan.suite, secret: derived.secret, label: plan.label)
    } catch { throw .secrets(error) }
    return try enter(key, plan: plan, on: .file, path: path, at: seconds)
  }

  /// Takes a key into the inventory that a back end has already: one that was imported or restored.
  ///
  /// - Parameter seconds: Unix seconds.
  public func adopt(
    _ key: BackEndKey, plan: KeyPlan, on kind: BackEndKind, at seconds: UInt64
  ) throws(KeyVaultError) -> KeyRecord {
    try check(plan)
    guard key.suite == plan.suite else { throw .suite(key.suite) }
    guard let backEnd = backEnds[kind] else { throw .noBackEnd(kind) }
    do { try backEnd.confirm(key) } catch { throw .backEnd(error) }
    return try update { (records: inout [KeyID: KeyRecord]) throws(KeyVaultError) -> KeyRecord in
      try Self.insert(
        &records,
        KeyRecord(
          plan: plan, generation: Self.next(records, plan.label), key: key, backEnd: kind, path: nil,
          madeAt: seconds, life: .active))
    }
  }

  /// A new key in the place of an active one, of the same plan and in the same back end; the old one signs for
  /// `overlapSeconds` more.
  ///
  /// - Parameter seconds: Unix seconds.
  public func rotate(
    _ id: KeyID, overlapSeconds: UInt64, at seconds: UInt64
  ) throws(KeyVaultError) -> KeyRecord {
    let (old, _) = try found(id)
    guard old.life == .active else { throw .state(old.life) }
    let key = try make(old.plan, on: old.backEnd)
    let (until, isOver) = seconds.addingReportingOverflow(overlapSeconds)
    return try keeping(key, on: old.backEnd) { () throws(KeyVaultError) -> KeyRecord in
      try update { (records: inout [KeyID: KeyRecord]) throws(KeyVaultError) -> KeyRecord in
        // Another thread may have been faster.
        guard let life = records[id]?.life else { throw .unknown(id) }
        guard life == .active else { throw .state(life) }
        records[id]?.life = .retiring(until: isOver ? .max : until)
        return try Self.insert(
          &records,
          KeyRecord(
            plan: old.plan, generation: Self.next(records, old.plan.label), key: key, backEnd: old.backEnd,
            path: nil, madeAt: seconds, life: .active))
      }
    }
  }

  private func check(_ plan: KeyPlan) throws(KeyVaultError) {
    guard VaultContents.isName(plan.label) else { throw .label(plan.label) }
    guard !plan.purposes.isEmpty else { throw .purpose(nil) }
    for purpose in plan.purposes.sorted(by: { $0.byte < $1.byte })
    where !Kind.domain.purposes.contains(purpose) { throw .purpose(purpose) }
    guard (plan.chainIDs?.count ?? 0) <= KeyRecord.chainCountMax else {
      throw .tooMany(max: KeyRecord.chainCountMax)
    }
  }

  private func make(_ plan: KeyPlan, on kind: BackEndKind) throws(KeyVaultError) -> BackEndKey {
    guard let backEnd = backEnds[kind] else { throw .noBackEnd(kind) }
    guard backEnd.suites.contains(plan.suite) else { throw .suite(plan.suite) }
    do {
      return try backEnd.generate(plan.suite, label: plan.label)
    } catch { throw .backEnd(error) }
  }

  private func enter(
    _ key: BackEndKey, plan: KeyPlan, on kind: BackEndKind, path: DerivationPath?, at seconds: UInt64
  ) throws(KeyVaultError) -> KeyRecord {
    try keeping(key, on: kind) { () throws(KeyVaultError) -> KeyRecord in
      try update { (records: inout [KeyID: KeyRecord]) throws(KeyVaultError) -> KeyRecord in
        let isTaken = records.values.contains { $0.plan.label == plan.label && $0.life == .active }
        guard !isTaken else { throw .labelInUse(plan.label) }
        return try Self.insert(
          &records,
          KeyRecord(
            plan: plan, generation: Self.next(records, plan.label), key: key, backEnd: kind, path: path,
            madeAt: seconds, life: .active))
      }
    }
  }

  /// Removes a key that was made just now when it cannot be entered, so that the back end keeps none that nobody knows.
  private func keeping(
    _ key: BackEndKey, on kind: BackEndKind, _ body: () throws(KeyVaultError) -> KeyRecord
  ) throws(KeyVaultError) -> KeyRecord {
    do {
      return try body()
    } catch {
      // Where this fails too, ``strays()`` shows the key.
      try? backEnds[kind]?.destroy(key)
      throw error
    }
  }

  private static func next(_ records: [KeyID: KeyRecord], _ label: String) -> UInt32 {
    1 + (records.values.lazy.filter { $0.plan.label == label }.map(\.generation).max() ?? 0)
  }

  private static func insert(
    _ records: inout [KeyID: KeyRecord], _ record: KeyRecord
  ) throws(KeyVaultError) -> KeyRecord {
    guard records.updateValue(record, forKey: record.id) == nil else { throw .duplicate(record.id) }
    return record
  }

  // MARK: Ending keys

  /// The key signs nothing from now on, for ever.
  ///
  /// - Parameters:
  ///   - reason: 1 to 128 bytes for people, without control characters.
  ///   - seconds: Unix seconds.
  public func revoke(_ id: KeyID, reason: String, at seconds: UInt64) throws(KeyVaultError) {
    guard KeyRecord.isReason(reason) else { throw .reason }
    try change(id) { (record: inout KeyRecord) throws(KeyVaultError) in
      switch record.life {
      case .active, .retiring: record.life = .revoked(at: seconds, reason: reason)
      case .revoked, .destroyed: throw .state(record.life)
      }
    }
  }

  /// The key signs nothing until ``unlock(_:)``. A key that is locked stays as it was locked first.
  public func lock(_ id: KeyID, reason: String, at seconds: UInt64) throws(KeyVaultError) {
    guard KeyRecord.isReason(reason) else { throw .reason }
    try change(id) { (record: inout KeyRecord) throws(KeyVaultError) in
      if case .destroyed = record.life { throw .state(record.life) }
      record.lock = record.lock ?? KeyLock(at: seconds, reason: reason)
    }
  }

  public func unlock(_ id: KeyID) throws(KeyVaultError) {
    try change(id) { (record: inout KeyRecord) throws(KeyVaultError) in
      record.lock = nil
    }
  }

  /// Removes the private half for ever. A key that may still sign is to be revoked first.
  ///
  /// It can be asked again after it was cut short: a private half that is gone already is no error.
  ///
  /// - Parameter seconds: Unix seconds.
  public func destroy(_ id: KeyID, at seconds: UInt64) throws(KeyVaultError) {
    let (record, backEnd) = try found(id)
    switch record.life {
    case .active, .destroyed: throw .state(record.life)
    case .retiring(let until): guard seconds >= until else { throw .state(record.life) }
    case .revoked: break
    }
    do {
      try backEnd.destroy(record.key)
    } catch {
      guard error == .missing else { throw .backEnd(error) }
    }
    try change(id) { (record: inout KeyRecord) throws(KeyVaultError) in
      record.life = .destroyed(at: seconds)
      record.lock = nil
    }
  }

  private func change(
    _ id: KeyID, _ body: (inout KeyRecord) throws(KeyVaultError) -> Void
  ) throws(KeyVaultError) {
    try update { (records: inout [KeyID: KeyRecord]) throws(KeyVaultError) in
      guard var record = records[id] else { throw .unknown(id) }
      try body(&record)
      records[id] = record
    }
  }
}
