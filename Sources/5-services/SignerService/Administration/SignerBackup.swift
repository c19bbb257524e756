import Encodings
internal import KeyVault
internal import Secrets
public import SignerJournal
public import SigningRules
public import WireBytes

/// Why a backup was not made or not restored.
public struct BackupTrouble: Error, Hashable, Sendable {
  /// The vault's name for it.
  public let name: String
  /// What to do, where that is known.
  public let nextStep: String?

  init(_ error: BackupError) {
    switch error {
    case .words(.memberCount(let given, let needed, _)):
      name = "shares: \(given), needed: \(needed)"
      nextStep =
        given < needed
        ? "Bring the shares of \(needed - given) more recovery parties." : "Use exactly \(needed) shares."
    case .words(let error):
      name = "\(error)"
      nextStep = "Read the words again: each share is one line of words, and each party has one."
    case .domain(let expected, let found):
      name = "it is of the \(found.rawValue) domain, and this is the \(expected.rawValue) domain"
      nextStep = error.nextStep
    default:
      name = "\(error)"
      nextStep = error.nextStep
    }
  }

  init(_ name: String, nextStep: String? = nil) {
    self.name = name
    self.nextStep = nextStep
  }
}

/// A share in words, on its way to the one person who keeps it.
public struct WordShare: Sendable {
  /// From 1.
  public let number: Int
  private let words: VaultSecret

  init(number: Int, words: consuming SecretBytes) {
    self.number = number
    self.words = VaultSecret(words)
  }

  /// Writes the words to a new file of mode 0600. No copy of them stays here but in guarded memory.
  public func write(to path: String, files: any DurableFiles = SystemFiles()) throws(FileCallError) {
    let file = try files.open(path, .makeNew)
    defer { files.close(file) }
    var bytes = words.withSpan { [UInt8](copying: $0) } + [UInt8(ascii: "\n")]
    defer { for index in bytes.indices { bytes[index] = 0 } }
    try files.write(file, bytes, at: 0)
    try files.flush(file)
    try files.flushDirectory(StateFile.folder(of: path))
  }
}

/// The public files that go with the secrets: inventory and policy are bound to them by codes and hashes inside.
private struct BackupPapers {
  static let names = ["signer.json", "keys.json", "policy.json"]
  let watermarks: WatermarkInterchange
  let files: [String: String]

  func encoded() throws(OfflineError) -> [UInt8] {
    guard let marks = try? JSONValue(decoding: [UInt8](watermarks.text.utf8)) else {
      throw .backup(BackupTrouble("watermarks"))
    }
    let papers: JSONValue = ["files": .object(files.mapValues(JSONValue.string)), "watermarks": marks]
    return [UInt8](papers.text().utf8)
  }

  init(watermarks: WatermarkInterchange, files: [String: String]) {
    self.watermarks = watermarks
    self.files = files
  }

  init(decoding bytes: [UInt8]) throws(OfflineError) {
    guard let value = try? JSONValue(decoding: bytes), let members = value["files"]?.object,
      Set(members.keys) == Set(Self.names), let marks = value["watermarks"]
    else { throw .backup(BackupTrouble("papers")) }
    do { watermarks = try WatermarkInterchange(decoding: [UInt8](marks.text().utf8)) } catch {
      throw .watermarks(error)
    }
    files = members.compactMapValues(\.string)
  }
}

extension OfflineSigner {
  /// A backup of everything, and a share of its key in words for each of `parties`, of which `needed` open it.
  ///
  /// - Parameter approvals: of who must agree; none where the policy names no approvers.
  public func backup(
    needed: Int, parties: Int, approvals: [ApprovalSlip] = [], at time: UInt64
  ) throws(OfflineError) -> (file: [UInt8], shares: [WordShare]) {
    try approveBackup(BackupPlan(needed: needed, parties: parties), approvals, at: time)
    try writeDown(
      AuditEntry(
        .administration, at: time,
        [.text(.operation, "backup"), .number(.count, UInt64(parties)), .text(.client, "offline")]),
      at: time)
    return switch configuration.domain {
    case .user: try sealed(UserKeys.self, needed, parties, at: time)
    case .operator: try sealed(OperatorKeys.self, needed, parties, at: time)
    case .settlement: try sealed(SettlementKeys.self, needed, parties, at: time)
    case .enclave: try sealed(SigningRules.EnclaveKeys.self, needed, parties, at: time)
    }
  }

  private func sealed<Kind: KeyDomainKind>(
    _: Kind.Type, _ needed: Int, _ parties: Int, at time: UInt64
  ) throws(OfflineError) -> (file: [UInt8], shares: [WordShare]) {
    let vault: KeyVault<Kind>
    // Keys in tokens stay there; what is known of them is in the inventory.
    let mark = try keysMark()
    do {
      vault = try KeyVault<Kind>.open(
        path: directory.keys, files: secrets, after: mark.map(InventoryMark.init))
    } catch {
      throw .key(KeyTrouble(error))
    }
    var files: [String: String] = [:]
    for name in BackupPapers.names {
      let bytes: [UInt8]?
      do { bytes = try StateFile.read(directory.path + "/" + name, self.files) } catch { throw .file(error) }
      files[name] = String(decoding: bytes ?? [], as: UTF8.self)
    }
    let marks = try watermarks()
    let papers = try BackupPapers(watermarks: marks, files: files).encoded()
    do {
      let facts = try BackupFacts(
        vaultID: configuration.vault, epoch: marks.epoch, madeAt: time / 1_000,
        policyHash: try policyHash(), keyIDs: vault.records.map(\.id))
      let (backup, words) = try SealedBackup<Kind>.seal(
        try BackupContents(vault: secrets.contents(), watermarks: papers), facts: facts,
        for: .words(
          groupThreshold: 1, groups: [SLIP39Group(memberThreshold: needed, memberCount: parties)]),
        passphrase: SecretBytes(zeroed: 0))
      let shares = (words.first ?? []).enumerated().map { index, share in
        WordShare(number: index + 1, words: share.mnemonic())
      }
      return (backup.encoded(), shares)
    } catch let error as BackupError {
      throw .backup(BackupTrouble(error))
    } catch let error as OfflineError {
      throw error
    } catch {
      throw .backup(BackupTrouble("\(error)"))
    }
  }

  private func policyHash() throws(OfflineError) -> Bytes32 { try policy().contentHash }
}

/// Brings a signer back from a sealed backup, into an empty directory.
public enum SignerRestore {
  /// - Parameters:
  ///   - shares: the words of as many parties as are needed, each a text.
  ///   - knownEpoch: the newest that is known of the vault, from its anchor or from logs and exports.
  ///   - newer: a newer export, where the backup is older than that.
  ///   - passphrase: of the new file of secrets.
  /// - Returns: the export whose marks must be adopted before it signs; it lies in the directory as `restored-watermarks.json`.
  public static func restore(
    _ file: [UInt8], shares: [[UInt8]], domain: KeyDomain, vault: Bytes32, knownEpoch: UInt64,
    newer: [UInt8]?, into directory: SignerDirectory, anchors: String?, passphrase: borrowing Passphrase,
    scryptLog2N: Int = 17, files: any DurableFiles = SystemFiles()
  ) throws(OfflineError) -> WatermarkInterchange {
    switch domain {
    case .user:
      try restored(
        UserKeys.self, file, shares, vault, knownEpoch, newer, directory, anchors, passphrase, scryptLog2N,
        files)
    case .operator:
      try restored(
        OperatorKeys.self, file, shares, vault, knownEpoch, newer, directory, anchors, passphrase,
        scryptLog2N,
        files)
    case .settlement:
      try restored(
        SettlementKeys.self, file, shares, vault, knownEpoch, newer, directory, anchors, passphrase,
        scryptLog2N,
        files)
    case .enclave:
      try restored(
        SigningRules.EnclaveKeys.self, file, shares, vault, knownEpoch, newer, directory, anchors, passphrase, scryptLog2N,
        files)
    }
  }

  private static func restored<Kind: KeyDomainKind>(
    _: Kind.Type, _ file: [UInt8], _ words: [[UInt8]], _ vault: Bytes32, _ knownEpoch: UInt64,
    _ newer: [UInt8]?,
    _ directory: SignerDirectory, _ anchors: String?, _ passphrase: borrowing Passphrase, _ scryptLog2N: Int,
    _ files: any DurableFiles
  ) throws(OfflineError) -> WatermarkInterchange {
    do {
      let backup = try SealedBackup<Kind>(decoding: file.span)
      let shares = try words.map { (text: [UInt8]) throws(SLIP39Error) in
        try SLIP39Share(mnemonic: text.span)
      }
      let key = try backup.key(from: shares, passphrase: SecretBytes(zeroed: 0))
      let papers = try BackupPapers(decoding: try backup.open(key).watermarks)
      let newerMarks = try newer.map { (text: [UInt8]) throws(WatermarkInterchangeError) in
        try WatermarkInterchange(decoding: text)
      }
      // Refuses a backup that is older than what is known, unless newer marks come with it.
      let vaultRestored = try backup.restore(
        with: key, known: .stated(vaultID: vault, epoch: knownEpoch),
        newerWatermarks: newerMarks.map { WatermarkExport(epoch: $0.epoch, bytes: [UInt8]($0.text.utf8)) })
      try files.makeDirectory(directory.path)
      guard try files.names(in: directory.path).isEmpty else { throw OfflineError.vault(.exists) }
      let secrets = try FileBackEnd.create(
        path: directory.secrets, domain: Kind.domain, passphrase: passphrase.bytes,
        cost: ScryptCost(n: 1 << UInt32(scryptLog2N), r: 8, p: 1), vaultID: vault,
        contents: vaultRestored.secrets)
      for name in BackupPapers.names {
        try StateFile.replace(
          directory.path + "/" + name, with: [UInt8]((papers.files[name] ?? "").utf8), files)
      }
      if let anchors {
        let old = try SignerConfiguration.read(directory, files: files)
        try StateFile.replace(directory.configuration, with: old.moved(anchors: anchors).encoded(), files)
      }
      // The restored file opens with the new passphrase: the TPM that sealed the old one may be gone.
      let restored = try SignerConfiguration.read(directory, files: files)
      if restored.seal != nil {
        try StateFile.replace(directory.configuration, with: restored.unsealed().encoded(), files)
      }
      let marks = try union(papers, newerMarks, Kind.domain, vault)
      try StateFile.replace(directory.restoredMarks, with: [UInt8](marks.text.utf8), files)
      // So that nobody goes on without them.
      try secrets.store(SecretBytes(copying: marks.contentHash.span), named: SignerSecret.restoredMarks)
      return marks
    } catch let error as OfflineError {
      throw error
    } catch let error as BackupError {
      throw .backup(BackupTrouble(error))
    } catch let error as SLIP39Error {
      throw .backup(
        BackupTrouble("\(error)", nextStep: "Read the words again: each share is one line of words."))
    } catch let error as FileVaultError {
      throw .vault(VaultTrouble(error))
    } catch let error as FileCallError {
      throw .file(error)
    } catch let error as WatermarkInterchangeError {
      throw .watermarks(error)
    } catch let error as SignerConfigurationError {
      throw .configuration(error)
    } catch {
      throw .backup(BackupTrouble("\(error)"))
    }
  }

  /// The marks of the backup and the newer ones, whichever of them are newer.
  private static func union(
    _ papers: BackupPapers, _ newer: WatermarkInterchange?, _ domain: KeyDomain, _ vault: Bytes32
  ) throws(OfflineError) -> WatermarkInterchange {
    guard let newer else { return papers.watermarks }
    let policy: AccessPolicy
    do { policy = try AccessPolicy(decoding: [UInt8]((papers.files["policy.json"] ?? "").utf8)) } catch {
      throw .policy(.policy(error))
    }
    var state = SigningState(domain: domain, policy: policy)
    let epoch = max(papers.watermarks.epoch, newer.epoch)
    do {
      _ = try state.merge(papers.watermarks, vaultID: vault, epoch: epoch)
      _ = try state.merge(newer, vaultID: vault, epoch: epoch)
    } catch { throw .conflict(error) }
    return state.interchange(vaultID: vault, epoch: epoch)
  }

  /// What anyone may know of a backup: whose it is, and how old.
  public static func facts(_ file: [UInt8], domain: KeyDomain) throws(OfflineError) -> (
    vault: Bytes32, epoch: UInt64
  ) {
    func facts<Kind: KeyDomainKind>(_: Kind.Type) throws(OfflineError) -> (vault: Bytes32, epoch: UInt64) {
      do {
        let facts = try SealedBackup<Kind>(decoding: file.span).facts
        return (facts.vaultID, facts.epoch)
      } catch { throw .backup(BackupTrouble(error)) }
    }
    return switch domain {
    case .user: try facts(UserKeys.self)
    case .operator: try facts(OperatorKeys.self)
    case .settlement: try facts(SettlementKeys.self)
    case .enclave: try facts(SigningRules.EnclaveKeys.self)
    }
  }
}
