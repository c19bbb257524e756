public import WireBytes

/// Why text is not a checkpoint, or not one that a policy accepts.
public enum CheckpointError: Error, Hashable, Sendable {
  case note(NoteError)
  /// Fewer than three lines, or no newline at the end.
  case shape
  /// Line `index`, counted from zero, is empty.
  case emptyLine(index: Int)
  /// Not a decimal number without leading zeroes that fits 64 bits.
  case size
  /// Not 32 bytes in base64.
  case root
  case origin
  /// The log's own signature is missing.
  case noLogSignature
  case witnesses(required: Int, actual: Int)
}

/// The head of a log: whose, how many leaves, which root (C2SP tlog-checkpoint).
public struct Checkpoint: Hashable, Sendable {
  /// UTF-8 without the newline.
  public let origin: [UInt8]
  public let size: UInt64
  public let root: Bytes32
  /// Lines after the third, without newlines; their meaning is the log's own.
  public let extensions: [[UInt8]]

  public init(origin: [UInt8], size: UInt64, root: Bytes32, extensions: [[UInt8]] = []) {
    self.origin = origin
    self.size = size
    self.root = root
    self.extensions = extensions
  }

  /// Parses the text of a note, final newline included.
  ///
  /// - Throws: ``CheckpointError``. The input is untrusted; no input traps.
  public init(text: [UInt8]) throws(CheckpointError) {
    guard text.last == 0x0a else { throw .shape }
    let lines = text.dropLast().split(separator: 0x0a, omittingEmptySubsequences: false)
    guard lines.count >= 3 else { throw .shape }
    if let empty = lines.firstIndex(where: \.isEmpty) { throw .emptyLine(index: empty) }
    guard let size = Decimal.parse(lines[1]) else { throw .size }
    guard let root = StrictBase64.decode(lines[2]), root.count == 32 else { throw .root }
    origin = [UInt8](lines[0])
    self.size = size
    self.root = Bytes32 { root[$0] }
    extensions = lines[3...].map { [UInt8]($0) }
  }

  /// The text that is signed, final newline included.
  public var text: [UInt8] {
    var bytes =
      origin + [0x0a] + [UInt8](String(size).utf8) + [0x0a] + StrictBase64.encode(root.array) + [0x0a]
    for line in extensions { bytes += line + [0x0a] }
    return bytes
  }
}

/// Numbers as logs write them.
enum Decimal {
  /// ASCII digits without a leading zero, at most 2^64 - 1.
  static func parse(_ text: ArraySlice<UInt8>) -> UInt64? {
    guard !text.isEmpty, text.first != 0x30 || text.count == 1 else { return nil }
    var value: UInt64 = 0
    for character in text {
      guard (0x30...0x39).contains(character) else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(character - 0x30))
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value
  }
}

/// Whose signatures make a checkpoint good: the log's, and enough of the witnesses'.
public struct CheckpointPolicy: Hashable, Sendable {
  public let origin: [UInt8]
  /// Any of these may sign for the log.
  public let logKeys: [NoteKey]
  public let witnesses: [NoteKey]
  /// How many different witnesses must have cosigned.
  public let quorum: Int

  public init(origin: [UInt8], logKeys: [NoteKey], witnesses: [NoteKey] = [], quorum: Int = 0) {
    self.origin = origin
    self.logKeys = logKeys
    self.witnesses = witnesses
    self.quorum = quorum
  }

  /// Verifies a signed checkpoint.
  ///
  /// - Returns: the checkpoint with the times at which witnesses say they saw it.
  /// - Throws: ``CheckpointError``.
  public func verify(_ note: SignedNote) throws(CheckpointError) -> VerifiedCheckpoint {
    let verified: VerifiedNote
    do { verified = try note.verified(by: logKeys + witnesses) } catch { throw .note(error) }
    guard verified.signatures.contains(where: { logKeys.contains($0.key) }) else { throw .noLogSignature }
    let cosigned = verified.signatures.filter { witnesses.contains($0.key) }
    // One witness may hold several keys: its name counts once.
    let names = Set(cosigned.map(\.key.name)).count
    guard names >= quorum else { throw .witnesses(required: quorum, actual: names) }
    let checkpoint = try Checkpoint(text: verified.text)
    guard checkpoint.origin == origin else { throw .origin }
    return VerifiedCheckpoint(checkpoint: checkpoint, cosignatures: cosigned)
  }
}

/// A checkpoint that a policy accepted.
public struct VerifiedCheckpoint: Hashable, Sendable {
  public let checkpoint: Checkpoint
  public let cosignatures: [VerifiedNote.Signature]

  init(checkpoint: Checkpoint, cosignatures: [VerifiedNote.Signature]) {
    self.checkpoint = checkpoint
    self.cosignatures = cosignatures
  }
}
