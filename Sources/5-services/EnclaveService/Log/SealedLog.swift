internal import Secrets
public import SignerJournal
internal import WireBytes

/// Why the log does not open.
public enum SealedLogRefusal: Error, Hashable, Sendable {
  /// The records: damaged, older than the anchor or the counter says, held by another process.
  case records(StartRefusal)
  /// A record does not decrypt.
  case cipher(LogCipherError)
  /// A record decrypts and is none that is known.
  case entry(ordinal: UInt64, LogEntryError)
  /// A record contradicts the ones before it.
  case order(ordinal: UInt64)
  case files(FileCallError)
  /// The file with the log's id is damaged.
  case identifier
}

/// Why nothing can be written down, and so nothing may be answered.
public enum SealedLogFailure: Error, Hashable, Sendable {
  case records(RecordFailure)
  /// A record has more bytes than the journal takes.
  case recordLength(max: Int, actual: Int)
  /// The log has as many records as its key may seal.
  case full
}

/// What an enclave has answered, on disk before it left: encrypted records in a journal with an anchor and, where the
/// platform has one, a counter outside the disk.
///
/// A value belongs to one thread at a time.
struct SealedLog: ~Copyable, Sendable {
  /// When the counter outside the disk is raised.
  enum Raising: Hashable, Sendable {
    /// With each answer: an older copy is noticed whenever it was made. Each time wears the device.
    case everyAnswer
    /// At starts alone: a copy that was made since the last start is not noticed.
    case starts
  }

  /// What fits into the journal's record with the cipher's own.
  static let entrySizeMax = (1 << 20) - LogCipher.overheadBytes

  private var records: SignerRecords
  private let cipher: LogCipher
  private let raising: Raising
  private var ordinal: UInt64
  let vault: VaultID

  /// Opens a log, or makes one where there is none, and replays it.
  ///
  /// - Parameters:
  ///   - folder: exists; the records, the anchor and the log's id are kept in it.
  ///   - anchors: where the anchor lies: best on another medium than the records.
  ///   - time: milliseconds since 1970, for the journal's own lines.
  static func open(
    folder: String, anchors: String, secret: Secrets.SharedSecret, counter: (any MonotonicCounter)?,
    raising: Raising, files: any DurableFiles, at time: UInt64,
    replay: (LogEntry) throws(LogOrderError) -> Void
  ) throws(SealedLogRefusal) -> SealedLog {
    let places = SignerPlaces(state: folder + "/log", anchors: anchors)
    let vault = try identifier(folder, places, files)
    let cipher = LogCipher(secret: secret, vault: vault)
    var ordinal: UInt64 = 0
    var refusal: SealedLogRefusal?
    do throws(StartRefusal) {
      let records = try SignerRecords.open(
        places, vault: vault, files: files, counter: counter, at: time,
        replay: { record in
          do throws(SealedLogRefusal) {
            try Self.replay(record, ordinal, cipher, replay)
          } catch {
            refusal = error
            throw error
          }
          ordinal += 1
        })
      return SealedLog(records: records, cipher: cipher, raising: raising, ordinal: ordinal, vault: vault)
    } catch {
      if let refusal { throw refusal }
      throw .records(error)
    }
  }

  private static func replay(
    _ record: [UInt8], _ ordinal: UInt64, _ cipher: LogCipher,
    _ replay: (LogEntry) throws(LogOrderError) -> Void
  ) throws(SealedLogRefusal) {
    let opened: [UInt8]
    do { opened = try cipher.open(record, ordinal: ordinal) } catch { throw .cipher(error) }
    let entry: LogEntry
    do { entry = try LogEntry(decoding: opened.span) } catch { throw .entry(ordinal: ordinal, error) }
    do { try replay(entry) } catch { throw .order(ordinal: ordinal) }
  }

  /// The log's id, drawn at random when it was made: written before the first anchor, so that what a crash leaves is
  /// finished by the next start.
  private static func identifier(
    _ folder: String, _ places: SignerPlaces, _ files: any DurableFiles
  ) throws(SealedLogRefusal) -> VaultID {
    let path = folder + "/log-id"
    let kept: [UInt8]?
    do { kept = try StateFile.read(path, files) } catch { throw .files(error) }
    if let kept {
      guard kept.count == 33, kept[32] <= 1 else { throw .identifier }
      let vault = VaultID(Bytes32 { kept[$0] })
      // Made, and never opened: a crash came between.
      if kept[32] == 0 { try make(vault, path, folder, places, files) }
      return vault
    }
    let vault = VaultID(SecretBytes(random: 32).withSpan { Bytes32($0, at: 0) })
    do { try StateFile.replace(path, in: folder, with: vault.bytes.array + [0], files) } catch {
      throw .files(error)
    }
    try make(vault, path, folder, places, files)
    return vault
  }

  private static func make(
    _ vault: VaultID, _ path: String, _ folder: String, _ places: SignerPlaces, _ files: any DurableFiles
  ) throws(SealedLogRefusal) {
    do { try SignerRecords.create(places, vault: vault, files: files) } catch { throw .records(error) }
    do { try StateFile.replace(path, in: folder, with: vault.bytes.array + [1], files) } catch {
      throw .files(error)
    }
  }

  private init(
    records: consuming SignerRecords, cipher: LogCipher, raising: Raising, ordinal: UInt64, vault: VaultID
  ) {
    self.records = records
    self.cipher = cipher
    self.raising = raising
    self.ordinal = ordinal
    self.vault = vault
  }

  /// Records on disk.
  var count: UInt64 { ordinal }
  var epoch: UInt64 { records.epoch }

  /// Returns when the entry is on disk, and when no older copy of the disk passes for the newest any more.
  ///
  /// - Throws: after any failure but a length nothing is written any more.
  mutating func append(_ entry: LogEntry, at time: UInt64) throws(SealedLogFailure) {
    let bytes = entry.encoded()
    guard bytes.count <= Self.entrySizeMax else {
      throw .recordLength(max: Self.entrySizeMax, actual: bytes.count)
    }
    guard ordinal < LogCipher.recordsMax - 1 else { throw .full }
    do throws(RecordFailure) {
      try records.append(cipher.seal(bytes, ordinal: ordinal))
      try records.commit()
      ordinal += 1
      if raising == .everyAnswer { try records.raiseCounter(at: time) }
    } catch { throw .records(error) }
  }
}

/// An entry that does not follow from those before it.
struct LogOrderError: Error, Hashable, Sendable {}
