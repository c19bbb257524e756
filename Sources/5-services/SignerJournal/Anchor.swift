import Digests
import WireBytes

/// Why an anchor cannot be read or written.
public enum AnchorError: Error, Hashable, Sendable {
  case missing
  /// Another process holds it: a second signer with a copy of the state, perhaps.
  case inUse
  case foreignVault(found: VaultID)
  /// Neither of the two slots is whole.
  case damaged
  case unsupportedVersion(UInt32)
  case files(FileCallError)
  /// An earlier write or flush failed.
  case poisoned(FileCallError)
}

/// How far a signer's records were when something last relied on them, kept in another place than the records.
///
/// It is what notices that the records were replaced by an older copy. It is moved after the records were flushed and
/// before a signature leaves: records ahead of it are fine, records behind it never are.
///
/// The file has two slots of 512 bytes, each in a block of 4,096 of its own, written in turn. A slot carries a generation
/// and its own hash: a torn write leaves the other slot, which has the value before.
public struct Anchor: ~Copyable, Sendable {
  public struct Value: Hashable, Sendable {
    public let journal: Position
    public let audit: AuditHead

    public init(journal: Position, audit: AuditHead) {
      self.journal = journal
      self.audit = audit
    }

    /// Before anything was recorded.
    public static func beginning(of vault: VaultID) -> Value {
      Value(journal: .beginning(of: vault), audit: .beginning(of: vault))
    }
  }

  static let slotStride = 4_096

  public let vault: VaultID
  public private(set) var value: Value
  private var generation: UInt64
  private let file: OpenFile
  private var failure: FileCallError?

  /// Where the anchor of a vault is in a directory that holds those of several.
  public static func path(directory: String, vault: VaultID) -> String { "\(directory)/\(vault).anchor" }

  /// Makes the directory and the anchor, replacing none.
  ///
  /// - Throws: ``AnchorError/files(_:)`` with EEXIST when there is one.
  public static func create(
    directory: String, vault: VaultID, value: Value, files: any DurableFiles
  ) throws(AnchorError) -> Anchor {
    let path = path(directory: directory, vault: vault)
    do throws(FileCallError) {
      try files.makePath(directory)
      if let there = try files.openIfThere(path, .read) {
        files.close(there)
        throw FileCallError(.open, errno: FileNumbers.exists)
      }
      try files.removeIfThere(path + ".new")
      let file = OpenFile(files, try files.open(path + ".new", .makeNew))
      var bytes = AnchorSlot(vault: vault, generation: 0, value: value).encoded()
      bytes.append(contentsOf: repeatElement(0, count: 2 * slotStride - bytes.count))
      try file.write(bytes, at: 0)
      try file.flush()
      try files.rename(path + ".new", to: path)
      try files.flushDirectory(directory)
    } catch {
      throw .files(error)
    }
    return try open(directory: directory, vault: vault, files: files)
  }

  public static func open(
    directory: String, vault: VaultID, files: any DurableFiles
  ) throws(AnchorError) -> Anchor {
    let file: OpenFile
    do throws(FileCallError) {
      file = OpenFile(files, try files.open(path(directory: directory, vault: vault), .write))
    } catch {
      throw error.number == FileNumbers.missing ? .missing : .files(error)
    }
    do throws(FileCallError) { try file.lock() } catch {
      throw error.number == FileNumbers.wouldBlock ? .inUse : .files(error)
    }
    var newest: AnchorSlot?
    for index in 0..<2 {
      let bytes: [UInt8]
      do throws(FileCallError) {
        bytes = try file.read(at: index * slotStride, count: AnchorSlot.sizeBytes)
      } catch { throw .files(error) }
      guard let slot = try AnchorSlot(decoding: bytes), slot.generation % 2 == UInt64(index) else { continue }
      guard slot.vault == vault else { throw .foreignVault(found: slot.vault) }
      if slot.generation >= newest?.generation ?? 0 { newest = slot }
    }
    guard let newest else { throw .damaged }
    return Anchor(newest, file)
  }

  private init(_ slot: AnchorSlot, _ file: consuming OpenFile) {
    vault = slot.vault
    value = slot.value
    generation = slot.generation
    self.file = file
  }

  /// Writes the value that was read again, before the other slot is overwritten: an earlier process may have failed to flush
  /// it, and then it is shown and not on disk.
  public mutating func confirm() throws(AnchorError) {
    try write(AnchorSlot(vault: vault, generation: generation, value: value))
  }

  /// Moves to `value`, which must not be behind. On return it is on disk.
  public mutating func advance(to value: Value) throws(AnchorError) {
    precondition(
      value.journal.sequence >= self.value.journal.sequence
        && value.audit.sequence >= self.value.audit.sequence)
    guard value != self.value else { return }
    try replace(by: value)
  }

  /// Moves to any value, after a decision to go on.
  mutating func replace(by value: Value) throws(AnchorError) {
    try write(AnchorSlot(vault: vault, generation: generation + 1, value: value))
    generation += 1
    self.value = value
  }

  private mutating func write(_ slot: AnchorSlot) throws(AnchorError) {
    if let failure { throw .poisoned(failure) }
    do throws(FileCallError) {
      try file.write(slot.encoded(), at: Int(slot.generation % 2) * Self.slotStride)
      try file.flush()
    } catch {
      failure = error
      throw .files(error)
    }
  }
}

/// One of an anchor's two values.
///
/// Layout: magic (8) ‖ u32 version ‖ vault id (32) ‖ u64 generation ‖ u64 epoch ‖ u64 sequence ‖ hash (32) ‖ u64 audit
/// sequence ‖ audit hash (32) ‖ zeros up to 480 ‖ SHA-256 of all before it.
struct AnchorSlot: Hashable {
  static let magic = [UInt8]("CWANCHR\n".utf8)
  static let version: UInt32 = 1
  static let sizeBytes = 512

  let vault: VaultID
  let generation: UInt64
  let value: Anchor.Value

  init(vault: VaultID, generation: UInt64, value: Anchor.Value) {
    self.vault = vault
    self.generation = generation
    self.value = value
  }

  /// Nil when the slot is not whole.
  init?(decoding bytes: [UInt8]) throws(AnchorError) {
    let covered = Self.sizeBytes - 32
    guard bytes.count == Self.sizeBytes, bytes.span.starts(with: Self.magic.span),
      SHA256Hash.hash([UInt8](bytes[..<covered])) == Bytes32({ bytes[covered + $0] })
    else { return nil }
    var reader = ByteReader(bytes.span)
    do {
      try reader.skip(8)
      let version: UInt32 = try reader.readBigEndian()
      guard version == Self.version else { throw AnchorError.unsupportedVersion(version) }
      vault = VaultID(try reader.readFixed())
      generation = try reader.readBigEndian()
      let position = Position(
        epoch: try reader.readBigEndian(), sequence: try reader.readBigEndian(), hash: try reader.readFixed())
      let audit = AuditHead(sequence: try reader.readBigEndian(), hash: try reader.readFixed())
      guard position.isBounded, audit.sequence <= Position.numberMax, generation <= Position.numberMax else {
        return nil
      }
      value = Anchor.Value(journal: position, audit: audit)
      guard reader.readRest()[..<(covered - Self.usedBytes)].allSatisfy({ $0 == 0 }) else { return nil }
    } catch let error as AnchorError {
      throw error
    } catch {
      return nil
    }
  }

  private static let usedBytes = 8 + 4 + 32 + 8 + Position.sizeBytes + 40

  func encoded() -> [UInt8] {
    var bytes = Self.magic
    bytes.reserveCapacity(Self.sizeBytes)
    bytes.append(bigEndian: Self.version)
    bytes.append(vault.bytes)
    bytes.append(bigEndian: generation)
    value.journal.write(to: &bytes)
    bytes.append(bigEndian: value.audit.sequence)
    bytes.append(value.audit.hash)
    bytes.append(contentsOf: repeatElement(0, count: Self.sizeBytes - 32 - bytes.count))
    bytes.append(SHA256Hash.hash(bytes))
    return bytes
  }
}
