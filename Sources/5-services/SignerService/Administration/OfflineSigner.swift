private import Digests
import Encodings
internal import KeyVault
internal import Secrets
public import SignerJournal
public import SigningRules
public import WireBytes

/// Why something could not be done to a stopped signer.
public enum OfflineError: Error, Hashable, Sendable {
  case configuration(SignerConfigurationError)
  case vault(VaultTrouble)
  case policy(PolicyFileError)
  case records(StartRefusal)
  case failure(RecordFailure)
  /// So many approvers decide about that, while the signer runs.
  case approvers(Int)
  /// The refusal that would be adopted; nobody said yes.
  case unconfirmed(StartRefusal)
  /// The same for an inventory that is not the newest.
  case unconfirmedKeys(KeyTrouble)
  case watermarks(WatermarkInterchangeError)
  case conflict(WatermarkConflict)
  case key(KeyTrouble)
  case file(FileCallError)
  case backup(BackupTrouble)
  /// A step towards what approvers decide about was not taken.
  case approval(ApprovalError)
  /// No change of that kind, and of this very content, was proposed and still waits.
  case unproposed(String)
  /// An approval is of another vault's proposal.
  case otherVault(expected: Bytes32, found: Bytes32)
  /// An approval is of another proposal.
  case otherProposal(expected: Bytes32, found: Bytes32)
  /// The watermarks that a restore brought are not in the directory any more, or are others.
  case restoredMarks(expected: Bytes32)
}

/// A stopped signer, opened by who has the passphrase. While it is open no signer runs there: the vault's lock is held.
public struct OfflineSigner: ~Copyable {
  public let directory: SignerDirectory
  public let configuration: SignerConfiguration
  public let anchors: String
  let secrets: FileBackEnd
  let files: any DurableFiles
  let chips: SignerChips
  private let givenCounter: (any MonotonicCounter)?

  /// - Parameters:
  ///   - anchors: when they moved since `init`.
  ///   - counter: in the place of the one that the directory names.
  public static func open(
    _ directory: SignerDirectory, anchors: String? = nil, passphrase: borrowing Passphrase,
    counter: (any MonotonicCounter)? = nil, files: any DurableFiles = SystemFiles()
  ) throws(OfflineError) -> OfflineSigner {
    let configuration: SignerConfiguration
    do { configuration = try SignerConfiguration.read(directory, files: files) } catch {
      throw .configuration(error)
    }
    let secrets: FileBackEnd
    let opening: SecretBytes
    do { opening = try VaultOpening.bytes(directory, configuration, passphrase, files) } catch {
      throw .vault(error)
    }
    do {
      secrets = try FileBackEnd.open(
        path: directory.secrets, domain: configuration.domain, vaultID: configuration.vault,
        passphrase: opening)
    } catch { throw .vault(VaultTrouble(error)) }
    return OfflineSigner(
      directory: directory, configuration: configuration, anchors: anchors ?? configuration.anchors,
      secrets: secrets, counter: counter, files: files)
  }

  private init(
    directory: SignerDirectory, configuration: SignerConfiguration, anchors: String, secrets: FileBackEnd,
    counter: (any MonotonicCounter)?, files: any DurableFiles
  ) {
    self.directory = directory
    self.configuration = configuration
    self.anchors = anchors
    self.secrets = secrets
    self.files = files
    chips = SignerChips(configuration, secrets)
    givenCounter = counter
  }

  private var places: SignerPlaces { SignerPlaces(state: directory.path, anchors: anchors) }
  private var vault: VaultID { VaultID(configuration.vault) }

  private func counter() throws(OfflineError) -> (any MonotonicCounter)? {
    if let givenCounter { return givenCounter }
    do { return try OpenCounter.open(configuration, secrets, chips) } catch {
      throw .records(.counter(error))
    }
  }

  public func policy() throws(OfflineError) -> AccessPolicy {
    do { return try PolicyFile(directory: directory, files: files).read(secrets) } catch {
      throw .policy(error)
    }
  }

  func replayed() throws(OfflineError) -> ReplayedRecords {
    let policy = try policy()
    return ReplayedRecords(
      signing: SigningState(domain: configuration.domain, policy: policy),
      approvals: Approvals(
        vaultID: configuration.vault, policy: policy.contentHash, rules: policy.approvers))
  }

  /// Reads the records, and changes nothing.
  private func read(_ replayed: inout ReplayedRecords) throws(OfflineError) -> Position {
    let counter = try counter()
    do {
      return try SignerRecords.inspect(places, vault: vault, files: files, counter: counter) {
        try replayed.take($0)
      }
    } catch { throw .records(error) }
  }

  /// The mark of the inventory that the records hold. Nothing is changed.
  func keysMark() throws(OfflineError) -> KeysMark? {
    var replayed = try replayed()
    _ = try read(&replayed)
    return replayed.keys
  }

  /// Where the records are, when they, the anchor, the counter and the inventory agree. Nothing is changed.
  public func position() throws(OfflineError) -> Position {
    var replayed = try replayed()
    let position = try read(&replayed)
    do {
      _ = try OpenVault.inventory(directory, configuration.domain, secrets, after: replayed.keys)
    } catch { throw .key(KeyTrouble(error)) }
    return position
  }

  /// Begins an epoch, and gives what the records say.
  func opened(
    _ replayed: inout ReplayedRecords, at time: UInt64
  ) throws(OfflineError) -> SignerRecords {
    let counter = try counter()
    do {
      return try SignerRecords.open(places, vault: vault, files: files, counter: counter, at: time) {
        try replayed.take($0)
      }
    } catch { throw .records(error) }
  }

  /// Begins an epoch, as every start of the signer does.
  @discardableResult
  public func begin(at time: UInt64) throws(OfflineError) -> Position {
    var replayed = try replayed()
    return try opened(&replayed, at: time).position
  }

  /// All watermarks, as an export of the epoch that was begun last. Nothing is changed.
  public func watermarks() throws(OfflineError) -> WatermarkInterchange {
    var replayed = try replayed()
    let epoch = try read(&replayed).epoch
    return replayed.signing.interchange(vaultID: configuration.vault, epoch: epoch)
  }

  /// Puts `policy` in force. The log says so first.
  ///
  /// - Throws: ``OfflineError/approvers(_:)`` when the policy in force names approvers: they decide, not the passphrase.
  public func setPolicy(_ policy: AccessPolicy, at time: UInt64) throws(OfflineError) {
    let approvers = try self.policy().approvers.keys.count
    guard approvers == 0 else { throw .approvers(approvers) }
    try writeDown(
      AuditEntry(
        .administration, at: time,
        [.text(.operation, "policy set"), .hash(.policy, policy.contentHash), .text(.client, "offline")]),
      at: time)
    do { try PolicyFile(directory: directory, files: files).replace(with: policy, secrets) } catch {
      throw .policy(error)
    }
  }

  /// Has a line in the log before what it says is done.
  func writeDown(_ entry: AuditEntry, at time: UInt64) throws(OfflineError) {
    var replayed = try replayed()
    var records = try opened(&replayed, at: time)
    do throws(RecordFailure) {
      try records.append(entry)
      try records.commit()
    } catch { throw .failure(error) }
  }

  /// Begins a change of keys: the line is in the log, and the inventory goes on from its mark.
  func changeKeys(_ entry: AuditEntry, at time: UInt64) throws(OfflineError) -> KeysChange {
    var replayed = try replayed()
    var records = try opened(&replayed, at: time)
    let vault: any KeyKeeping
    do {
      vault = try OpenVault.open(directory, configuration, secrets, chips, after: replayed.keys)
    } catch { throw .key(KeyTrouble(error)) }
    do throws(RecordFailure) {
      try records.append(entry)
      try records.commit()
    } catch { throw .failure(error) }
    return KeysChange(vault: vault, records: records)
  }

  // MARK: Going on after a restore

  /// What an adoption would decide about, and what it would add.
  public struct Adoption: Sendable {
    /// Nil when records and anchor agree.
    public let refusal: StartRefusal?
    /// Nil when the inventory goes on from the mark that the records hold. Asked only when there is no refusal.
    public let keys: KeyTrouble?
    let inventory: OlderInventory?
    let records: [[UInt8]]
    /// Of the records that are there, in order.
    let state: Bytes32
    /// The exports that are added, by their hashes.
    let watermarks: [Bytes32]
    /// The newest epoch of this vault that the exports know.
    let epoch: UInt64

    /// What approvers sign: which records, why they or the inventory were refused, what is added, and why that is right. Nil
    /// when there is nothing to decide.
    func document(reason: String) -> JSONValue? {
      if let refusal {
        return [
          "schema": "causeway.anchor-adoption/1", "refusal": .string("\(refusal)"),
          "records": .string(state.description),
          "watermarks": .array(watermarks.map { .string($0.description) }), "reason": .string(reason),
        ]
      }
      guard let keys, let inventory else { return nil }
      return [
        "schema": "causeway.keys-adoption/1", "refusal": .string("\(keys)"),
        "keys": .string(inventory.found.hash.description),
        "recorded": .string(inventory.recorded.hash.description), "reason": .string(reason),
      ]
    }
  }

  /// An inventory that is not the newest, and the newest that the records know.
  struct OlderInventory: Sendable {
    let found: KeysMark
    let recorded: KeysMark
  }

  /// - Parameter watermarks: an export of what is known to have been signed since.
  public func adoption(watermarks: [UInt8]?) throws(OfflineError) -> Adoption {
    var exports: [WatermarkInterchange] = []
    for text in [try restoredMarks(), watermarks].compactMap(\.self) {
      do { exports.append(try WatermarkInterchange(decoding: text)) } catch { throw .watermarks(error) }
    }
    var replayed = try replayed()
    var content = Bytes32()
    let counter = try counter()
    do {
      _ = try SignerRecords.inspect(places, vault: vault, files: files, counter: counter) {
        content = SHA256Hash.hash(content.array + $0)
        try replayed.take($0)
      }
    } catch {
      guard error.adoptable != nil else { throw .records(error) }
      var added: [[UInt8]] = []
      for marks in exports {
        do {
          let merge = try replayed.signing.merge(marks, vaultID: configuration.vault, epoch: marks.epoch)
          added += merge.records.map { CoreRecord.watermark($0).encoded() }
        } catch { throw .conflict(error) }
      }
      return Adoption(
        refusal: error, keys: nil, inventory: nil, records: added, state: content,
        watermarks: exports.map(\.contentHash),
        epoch: exports.filter { $0.vaultID == configuration.vault }.map(\.epoch).max() ?? 0)
    }
    // The records are as they should be; the inventory may be older than they say.
    let trouble = try keysTrouble(after: replayed.keys)
    return Adoption(
      refusal: nil, keys: trouble?.trouble, inventory: trouble?.inventory, records: [], state: content,
      watermarks: [], epoch: 0)
  }

  /// Why the inventory does not go on from its mark, which it is, and the mark; nil when it does.
  private func keysTrouble(
    after mark: KeysMark?
  ) throws(OfflineError) -> (trouble: KeyTrouble, inventory: OlderInventory)? {
    do {
      _ = try OpenVault.inventory(directory, configuration.domain, secrets, after: mark)
      return nil
    } catch {
      switch error {
      case .older, .forked:
        guard let mark else { throw .key(KeyTrouble(error)) }
        do {
          let found = try OpenVault.inventory(directory, configuration.domain, secrets, after: nil).mark
          return (KeyTrouble(error), OlderInventory(found: KeysMark(found), recorded: mark))
        } catch { throw .key(KeyTrouble(error)) }
      default: throw .key(KeyTrouble(error))
      }
    }
  }

  /// Uses the older inventory from now on, under a number behind the mark's, so that the mark goes on, too.
  private func adoptKeys(
    _ inventory: OlderInventory, _ reason: String, _ approval: Bytes32, _ entries: [AuditEntry],
    at time: UInt64
  ) throws(OfflineError) -> Position {
    var replayed = try replayed()
    var records = try opened(&replayed, at: time)
    let vault: any KeyKeeping
    do {
      vault = try OpenVault.inventory(directory, configuration.domain, secrets, after: nil)
    } catch { throw .key(KeyTrouble(error)) }
    // The decision was about that one.
    let found = KeysMark(vault.mark)
    guard found == inventory.found, replayed.keys == inventory.recorded else {
      throw .key(.forkedInventory(sequence: found.sequence))
    }
    do throws(RecordFailure) {
      try records.append(
        AuditEntry(
          .administration, at: time,
          [
            .text(.operation, "keys adopt"), .text(.reason, reason), .number(.count, found.sequence),
            .number(.anchor, inventory.recorded.sequence), .hash(.approval, approval),
          ]))
      for entry in entries { try records.append(entry) }
      try records.commit()
    } catch { throw .failure(error) }
    do { try vault.renumber(after: inventory.recorded.sequence) } catch { throw .key(KeyTrouble(error)) }
    var change = KeysChange(vault: vault, records: records)
    return try change.finish()
  }

  /// Makes the counter that the configuration names anew, where its TPM has none: it was cleared or replaced. The records
  /// still know the old one's value, and an adoption decides about the difference.
  public func makeCounter() throws(OfflineError) -> UInt64 {
    do { return try OpenCounter.make(configuration, secrets, chips) } catch {
      throw .records(.counter(error))
    }
  }

  /// What a restore brought, until it is adopted: nobody goes on without it.
  private func restoredMarks() throws(OfflineError) -> [UInt8]? {
    guard let secret = secrets.secret(named: SignerSecret.restoredMarks) else { return nil }
    let expected = secret.withSpan { try? Bytes32($0) } ?? Bytes32()
    let text: [UInt8]?
    do { text = try StateFile.read(directory.restoredMarks, files) } catch { throw .file(error) }
    guard let text, (try? WatermarkInterchange(decoding: text))?.contentHash == expected else {
      throw .restoredMarks(expected: expected)
    }
    return text
  }

  /// Goes on in spite of the refusal, and writes down why. A counter is raised past what it has, so that no copy from before
  /// the decision is the newest any more.
  ///
  /// - Parameter approvals: of who must agree; none where the policy names no approvers.
  public func adopt(
    _ adoption: borrowing Adoption, reason: String, approvals: [ApprovalSlip] = [], at time: UInt64
  ) throws(OfflineError) -> Position {
    guard let document = adoption.document(reason: reason) else { throw .records(.nothingToAdopt) }
    let approved = try approveAdoption(document, approvals, at: time)
    let approval = approved?.identifier ?? ProposalReading.hash(document)
    if let inventory = adoption.inventory {
      return try adoptKeys(inventory, reason, approval, approved?.entries ?? [], at: time)
    }
    guard let refusal = adoption.refusal else { throw .records(.nothingToAdopt) }
    let counter = try counter()
    do {
      var records = try SignerRecords.adopt(
        places, vault: vault, files: files, counter: counter, approved: refusal, approval: approval,
        records: adoption.records, epochMin: adoption.epoch, at: time
      ) { _ in }
      do throws(RecordFailure) {
        try records.append(
          AuditEntry(
            .administration, at: time,
            [.text(.operation, "anchor adopt"), .text(.reason, reason), .hash(.approval, approval)]))
        for entry in approved?.entries ?? [] { try records.append(entry) }
        let position = try records.commit()
        // They are in the records now.
        try? secrets.removeSecret(named: SignerSecret.restoredMarks)
        return position
      } catch { throw OfflineError.failure(error) }
    } catch let error as StartRefusal {
      throw .records(error)
    } catch let error as OfflineError {
      throw error
    } catch {
      throw .records(.nothingToAdopt)
    }
  }
}

/// A change of keys of a stopped signer. The inventory is changed first, and ``finish()`` then has the records hold its mark.
///
/// Where it is not finished the inventory is newer than its mark, which the next start makes good.
struct KeysChange: ~Copyable {
  let vault: any KeyKeeping
  private var records: SignerRecords

  init(vault: any KeyKeeping, records: consuming SignerRecords) {
    self.vault = vault
    self.records = records
  }

  @discardableResult
  mutating func finish() throws(OfflineError) -> Position {
    do throws(RecordFailure) {
      try records.append(CoreRecord.keys(KeysMark(vault.mark)).encoded())
      return try records.commit()
    } catch { throw .failure(error) }
  }
}
