import Digests
import WireBytes

/// What is wrong with a frame of a journal.
public enum JournalDamage: Hashable, Sendable {
  /// It goes on past the end of the file.
  case incomplete
  /// Its length is zero, or above the maximum.
  case length(UInt32)
  /// Its hash is not that of the chain.
  case hash
  /// Its hash is right and its content is none that this version writes. A crash cannot make that.
  case content
}

/// The first bytes of a journal: whose it is, and where in the history its records start.
///
/// Layout: magic (8) ‖ u32 version ‖ vault id (32) ‖ base: u64 epoch, u64 sequence, hash (32) ‖ u64 sealed through ‖
/// SHA-256 of all before it (32); integers are big-endian.
struct JournalHeader: Hashable {
  static let magic = [UInt8]("CWJOURN\n".utf8)
  static let version: UInt32 = 1
  static let sizeBytes = 8 + 4 + 32 + Position.sizeBytes + 8 + 32

  let vault: VaultID
  /// The position before the file's first record.
  let base: Position
  /// Records up to this one were on disk before the file had its name: none of them may be damaged.
  let sealedThrough: UInt64

  init(vault: VaultID, base: Position, sealedThrough: UInt64) {
    self.vault = vault
    self.base = base
    self.sealedThrough = sealedThrough
  }

  init(decoding bytes: [UInt8]) throws(RecordJournalError) {
    guard bytes.count >= Self.sizeBytes else { throw .headerDamaged }
    guard bytes.span.starts(with: Self.magic.span) else { throw .notAJournal }
    var version: UInt32 = 0
    for index in 8..<12 { version = version << 8 | UInt32(bytes[index]) }
    guard version == Self.version else { throw .unsupportedVersion(version) }
    let covered = Self.sizeBytes - 32
    let hash = SHA256Hash.hash([UInt8](bytes[..<covered]))
    guard hash == Bytes32({ bytes[covered + $0] }) else { throw .headerDamaged }
    vault = VaultID(Bytes32 { bytes[12 + $0] })
    base = Position(reading: bytes, at: 44)
    var sealed: UInt64 = 0
    for index in (covered - 8)..<covered { sealed = sealed << 8 | UInt64(bytes[index]) }
    guard base.isBounded, sealed >= base.sequence, sealed <= Position.numberMax else { throw .headerDamaged }
    sealedThrough = sealed
  }

  func encoded() -> [UInt8] {
    var bytes = Self.magic
    bytes.append(bigEndian: Self.version)
    bytes.append(vault.bytes)
    base.write(to: &bytes)
    bytes.append(bigEndian: sealedThrough)
    bytes.append(SHA256Hash.hash(bytes))
    return bytes
  }
}

/// What a frame of a journal says. Its payload is one byte for the kind, and the content.
enum JournalContent: Hashable {
  /// 0: opaque bytes of the caller.
  case record([UInt8])
  /// 1: a start or a compaction: u64 epoch ‖ u8 0, or u8 1 ‖ u64 the value that the monotonic counter will have.
  case epoch(UInt64, counter: UInt64?)
  /// 2: the decision to go on in spite of a refusal.
  case adoption(AdoptionDecision)

  /// The most bytes of a record.
  static let recordSizeMax = 1 << 20

  init?(payload: [UInt8]) {
    switch payload.first {
    case 0: self = .record([UInt8](payload.dropFirst()))
    case 1:
      guard payload.count >= 10 else { return nil }
      let epoch = Self.integer(payload, at: 1)
      switch (payload[9], payload.count) {
      case (0, 10): self = .epoch(epoch, counter: nil)
      case (1, 18): self = .epoch(epoch, counter: Self.integer(payload, at: 10))
      default: return nil
      }
    case 2:
      guard let decision = AdoptionDecision(payload: payload) else { return nil }
      self = .adoption(decision)
    default: return nil
    }
  }

  var payload: [UInt8] {
    var bytes: [UInt8] = []
    switch self {
    case .record(let record):
      bytes.reserveCapacity(record.count + 1)
      bytes.append(0)
      bytes += record
    case .epoch(let epoch, let counter):
      bytes.append(1)
      bytes.append(bigEndian: epoch)
      bytes.append(counter == nil ? 0 : 1)
      if let counter { bytes.append(bigEndian: counter) }
    case .adoption(let decision):
      bytes = decision.payload
    }
    return bytes
  }

  private static func integer(_ bytes: [UInt8], at offset: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in offset..<(offset + 8) { value = value << 8 | UInt64(bytes[index]) }
    return value
  }
}

/// Frames: u32 length of the payload ‖ payload ‖ SHA-256(previous hash ‖ payload).
enum JournalFrame {
  /// The most bytes of a payload: a record and its kind.
  static let payloadSizeMax = JournalContent.recordSizeMax + 1
  static let overheadBytes = 4 + 32

  static func write(_ payload: [UInt8], _ after: Position, to bytes: inout [UInt8]) {
    bytes.append(bigEndian: UInt32(payload.count))
    bytes += payload
    bytes.append(after.hash)
  }
}

/// Reads the frames of an open file one after another, a window of it in memory.
struct JournalReader {
  enum Step {
    case end
    case frame(JournalContent)
    case damaged(JournalDamage)
  }

  private static let windowBytes = 1 << 20

  private let size: Int
  private var window: [UInt8] = []
  private var windowStart = 0
  /// Where the next frame starts.
  private(set) var offset: Int
  /// The position before the next frame.
  private(set) var position: Position

  init(header: JournalHeader, size: Int) {
    self.size = size
    offset = JournalHeader.sizeBytes
    position = header.base
  }

  mutating func next(from file: borrowing OpenFile) throws(FileCallError) -> Step {
    guard offset < size else { return .end }
    guard try fill(4, from: file) else { return .damaged(.incomplete) }
    let start = offset - windowStart
    var length: UInt32 = 0
    for index in start..<(start + 4) { length = length << 8 | UInt32(window[index]) }
    guard length > 0, Int(length) <= JournalFrame.payloadSizeMax else { return .damaged(.length(length)) }
    let total = JournalFrame.overheadBytes + Int(length)
    guard try fill(total, from: file) else { return .damaged(.incomplete) }
    let first = offset - windowStart
    let payload = [UInt8](window[(first + 4)..<(first + 4 + Int(length))])
    let stored = first + 4 + Int(length)
    let hash = position.hash(with: payload)
    guard hash == Bytes32({ window[stored + $0] }) else { return .damaged(.hash) }
    guard let content = JournalContent(payload: payload) else { return .damaged(.content) }
    let after = position.after(content, payload: payload, hash: hash)
    guard after.isBounded else { return .damaged(.content) }
    if case .epoch = content, after.epoch <= position.epoch { return .damaged(.content) }
    position = after
    offset += total
    return .frame(content)
  }

  /// Whether `count` bytes from the offset are in the window now; false when the file ends before.
  private mutating func fill(_ count: Int, from file: borrowing OpenFile) throws(FileCallError) -> Bool {
    guard count <= size - offset else { return false }
    if offset + count > windowStart + window.count {
      window = try file.read(at: offset, count: max(count, min(Self.windowBytes, size - offset)))
      windowStart = offset
    }
    return offset + count <= windowStart + window.count
  }
}
