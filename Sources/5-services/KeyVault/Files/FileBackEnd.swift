public import Secrets
public import SigningRules
private import Synchronization
public import WireBytes

/// Keys and other secrets of one key domain in one encrypted file, and in this process's guarded memory while it runs.
///
/// A class because it owns the file's lock and what the file holds, for as long as it lives, and threads share it. Only
/// one value at a time has a file open, in any process.
///
/// - SeeAlso: docs/spec/key-vault.md.
public final class FileBackEnd: KeyBackEnd {
  public let path: String
  public let domain: KeyDomain
  /// Made at random with the file; the same as long as the file is.
  public let vaultID: Bytes32
  public var kind: BackEndKind { .file }
  public var suites: Set<KeySuite> { Set(KeySuite.allCases.filter { $0.secretSizeBytes != nil }) }

  private let lock: OwnedFileLock
  private let state: Mutex<State>

  private struct State {
    var header: VaultHeader
    var key: SharedSecret
    var contents: VaultContents
  }

  /// - Parameter lock: of `path`.
  private init(path: String, lock: consuming OwnedFileLock, state: consuming State) {
    self.path = path
    domain = state.header.domain
    vaultID = state.header.vaultID
    self.lock = lock
    self.state = Mutex(state)
  }

  // MARK: Making and opening

  /// Makes a new file at `path`, whose directory is there.
  ///
  /// - Parameters:
  ///   - passphrase: 1 to 1024 bytes.
  ///   - vaultID: that of the file whose contents are restored; at random for a new one.
  ///   - contents: from ``contents()`` of another file, to restore it; nothing for a new one.
  /// - Throws: ``FileVaultError``; there is no file then, or the one that was there.
  public static func create(
    path: String, domain: KeyDomain, passphrase: borrowing SecretBytes, cost: ScryptCost = .standard,
    vaultID: Bytes32? = nil, contents: borrowing SecretBytes = SecretBytes(zeroed: 4)
  ) throws(FileVaultError) -> FileBackEnd {
    let lock = try locked(path)
    let present: [UInt8]?
    do {
      present = try OwnedFile.read(path, sizeBytesMax: VaultHeader.fileSizeBytesMax)
    } catch { throw .file(error) }
    guard present == nil else { throw .exists }
    let parsed = try VaultContents(decoding: contents)
    let header = VaultHeader(
      cost: cost, salt: randomBytes(), vaultID: vaultID ?? randomBytes(), domain: domain)
    let state = State(
      header: header, key: try VaultSeal.key(passphrase, header: header), contents: parsed)
    try write(state, to: path)
    return FileBackEnd(path: path, lock: lock, state: state)
  }

  /// Opens the file at `path`.
  ///
  /// - Parameter vaultID: what the file's must be; nil when it is not known.
  /// - Throws: ``FileVaultError``.
  public static func open(
    path: String, domain: KeyDomain, vaultID: Bytes32? = nil, passphrase: borrowing SecretBytes
  ) throws(FileVaultError) -> FileBackEnd {
    let lock = try locked(path)
    let file: [UInt8]?
    do {
      file = try OwnedFile.read(path, sizeBytesMax: VaultHeader.fileSizeBytesMax)
    } catch { throw .file(error) }
    guard let file else { throw .absent }
    let parts = try VaultHeader.parse(file, domain: domain)
    guard vaultID.map({ $0 == parts.header.vaultID }) ?? true else {
      throw .vaultID(parts.header.vaultID)
    }
    let key = try VaultSeal.key(passphrase, header: parts.header)
    let contents = try VaultContents(decoding: VaultSeal.open(parts, key: key))
    return FileBackEnd(
      path: path, lock: lock, state: State(header: parts.header, key: key, contents: contents))
  }

  private static func locked(_ path: String) throws(FileVaultError) -> OwnedFileLock {
    do { return try OwnedFileLock(path) } catch { throw .file(error) }
  }

  private static func randomBytes() -> Bytes32 {
    SecretBytes(random: 32).withSpan { Bytes32($0, at: 0) }
  }

  private static func write(_ state: borrowing State, to path: String) throws(FileVaultError) {
    let file = try VaultSeal.seal(state.contents.encoded(), header: state.header, key: state.key)
    do { try OwnedFile.replace(path, with: file) } catch { throw .file(error) }
  }

  /// Writes the contents that `change` makes, and holds them once they are on the disk.
  private func update<Result: Sendable>(
    _ change: @Sendable (inout VaultContents) throws(FileVaultError) -> Result
  ) throws(FileVaultError) -> Result {
    try state.withLock { state throws(FileVaultError) -> Result in
      var next = State(header: state.header, key: state.key, contents: state.contents)
      let result = try change(&next.contents)
      guard next.contents.count <= VaultContents.entryCountMax else {
        throw .tooMany(max: VaultContents.entryCountMax)
      }
      try Self.write(next, to: path)
      state.contents = next.contents
      return result
    }
  }

  /// Seals the file with another passphrase, salt and cost.
  ///
  /// - Throws: ``FileVaultError``; the old passphrase is the file's then.
  public func changePassphrase(
    _ passphrase: borrowing SecretBytes, cost: ScryptCost = .standard
  ) throws(FileVaultError) {
    let header = VaultHeader(cost: cost, salt: Self.randomBytes(), vaultID: vaultID, domain: domain)
    let key = try VaultSeal.key(passphrase, header: header)
    try state.withLock { state throws(FileVaultError) in
      let next = State(header: header, key: key, contents: state.contents)
      try Self.write(next, to: path)
      state.header = header
      state.key = key
    }
  }

  /// All that the file holds, in the encoding that is sealed: for a backup, which seals it otherwise.
  public func contents() -> SecretBytes {
    state.withLock { SharedSecret($0.contents.encoded()) }.copy()
  }

  // MARK: Named secrets

  /// Sorted.
  public var secretNames: [String] { state.withLock { $0.contents.secrets.keys.sorted() } }

  /// Nil when there is none.
  public func secret(named name: String) -> SharedSecret? {
    state.withLock { $0.contents.secrets[name] }
  }

  /// The secret called `name`; one of `count` random bytes is made and written when there is none.
  public func secret(named name: String, orMaking count: Int) throws(FileVaultError) -> SharedSecret {
    if let present = secret(named: name) { return present }
    try Self.check(name, count: count)
    let fresh = SharedSecret(SecretBytes(random: count))
    return try update { (contents: inout VaultContents) throws(FileVaultError) -> SharedSecret in
      // Another thread may have made it meanwhile.
      if let present = contents.secrets[name] { return present }
      contents.secrets[name] = fresh
      return fresh
    }
  }

  /// Keeps `secret` under `name`, in the place of one that was there.
  ///
  /// - Throws: ``FileVaultError``; nothing has changed then.
  public func store(_ secret: consuming SecretBytes, named name: String) throws(FileVaultError) {
    try Self.check(name, count: secret.count)
    let shared = SharedSecret(secret)
    try update { (contents: inout VaultContents) throws(FileVaultError) -> Void in
      contents.secrets[name] = shared
    }
  }

  /// - Throws: ``FileVaultError/missing`` when there is none.
  public func removeSecret(named name: String) throws(FileVaultError) {
    try update { (contents: inout VaultContents) throws(FileVaultError) -> Void in
      guard contents.secrets.removeValue(forKey: name) != nil else { throw .missing }
    }
  }

  private static func check(_ name: String, count: Int) throws(FileVaultError) {
    guard VaultContents.isName(name) else { throw .name(name) }
    guard (1...VaultContents.secretSizeMax).contains(count) else { throw .secretLength(count) }
  }

  // MARK: Keys

  /// The keys that the file holds, sorted by reference.
  public var keys: [BackEndKey] {
    state.withLock { state in
      state.contents.keys.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
        BackEndKey(suite: $0.value.key.suite, publicKey: $0.value.key.publicKey, reference: $0.key)
      }
    }
  }

  /// Keeps a private key that was made elsewhere: derived, restored or moved.
  ///
  /// - Parameters:
  ///   - secret: in the form of ``SigningRules/KeySuite/secretSizeBytes``.
  ///   - label: as for ``generate(_:label:)``.
  /// - Throws: ``FileVaultError``; ``FileVaultError/duplicate`` when the file has that key.
  public func importKey(
    _ suite: KeySuite, secret: borrowing SecretBytes, label: String
  ) throws(FileVaultError) -> BackEndKey {
    guard VaultContents.isName(label) else { throw .name(label) }
    let key: InProcessKey
    do { key = try InProcessKey(suite, secret: secret) } catch { throw .key(error) }
    let stored = VaultContents.Key(label: label, key: key, secret: SharedSecret(secret.copy()))
    let reference = SecretBytes(random: VaultContents.referenceSizeBytes).withSpan { [UInt8](copying: $0) }
    return try update { (contents: inout VaultContents) throws(FileVaultError) -> BackEndKey in
      guard !contents.keys.values.contains(where: { $0.key.publicKey == key.publicKey }) else {
        throw .duplicate
      }
      contents.keys[reference] = stored
      return BackEndKey(suite: suite, publicKey: key.publicKey, reference: reference)
    }
  }

  /// The private half, in the form of ``SigningRules/KeySuite/secretSizeBytes``: for an export that was approved.
  ///
  /// - Throws: ``FileVaultError/missing``.
  public func exportKey(_ key: BackEndKey) throws(FileVaultError) -> SharedSecret {
    guard let found = find(key) else { throw .missing }
    return found.secret
  }

  private func find(_ key: BackEndKey) -> VaultContents.Key? {
    let found = state.withLock { $0.contents.keys[key.reference] }
    guard let found, found.key.suite == key.suite, found.key.publicKey == key.publicKey else { return nil }
    return found
  }

  // MARK: KeyBackEnd

  public func generate(_ suite: KeySuite, label: String) throws(KeyBackEndError) -> BackEndKey {
    let secret: SecretBytes
    do {
      secret = try InProcessKey.generate(suite)
    } catch { throw .unsupported(suite) }
    do {
      return try importKey(suite, secret: secret, label: label)
    } catch { throw error.asBackEndError }
  }

  public func sign(_ payload: SigningPayload, with key: BackEndKey) throws(KeyBackEndError) -> [UInt8] {
    guard let found = find(key) else { throw .missing }
    return try found.key.sign(payload.content, recoverable: payload.recoverable)
  }

  public func destroy(_ key: BackEndKey) throws(KeyBackEndError) {
    guard find(key) != nil else { throw .missing }
    do {
      try update { (contents: inout VaultContents) throws(FileVaultError) -> Void in
        contents.keys.removeValue(forKey: key.reference)
      }
    } catch { throw error.asBackEndError }
  }

  public func location(of key: BackEndKey, challenge: Bytes32) throws(KeyBackEndError) -> KeyLocation {
    guard find(key) != nil else { throw .missing }
    return .file
  }

  public func checkHealth() throws(KeyBackEndError) {
    do { try OwnedFile.confirm(path) } catch { throw FileVaultError.file(error).asBackEndError }
  }
}

extension FileVaultError {
  /// The same for those who know back ends only: the system's number where there is one.
  fileprivate var asBackEndError: KeyBackEndError {
    switch self {
    case .file(.unreadable(let number)), .file(.unwritable(let number)):
      .unavailable(code: UInt64(UInt32(bitPattern: number)))
    case .missing: .missing
    case .key(.unsupported(let suite)): .unsupported(suite)
    case .name: .malformed(step: "label")
    default: .unavailable(code: 0)
    }
  }
}
