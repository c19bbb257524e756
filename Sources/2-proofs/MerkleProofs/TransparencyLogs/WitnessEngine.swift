public import WireBytes

/// A witness of logs as a pure step: takes an `add-checkpoint` request, gives what to persist and what to sign
/// (C2SP tlog-witness).
///
/// It cosigns a head only when that head continues the last one that it cosigned for the log. The caller must have
/// persisted ``Cosigning/head`` before it signs ``Cosigning/message``.
public struct WitnessEngine: Sendable {
  /// The most consistency proof lines of a request.
  public static let proofLinesMax = 63

  /// A log that may be cosigned.
  public struct Log: Hashable, Sendable {
    public let origin: [UInt8]
    public let keys: [NoteKey]

    public init(origin: [UInt8], keys: [NoteKey]) {
      self.origin = origin
      self.keys = keys
    }
  }

  /// The latest head that was cosigned for a log; size zero before the first.
  public struct Head: Hashable, Sendable {
    public let origin: [UInt8]
    public let size: UInt64
    public let root: Bytes32

    public init(origin: [UInt8], size: UInt64, root: Bytes32) {
      self.origin = origin
      self.size = size
      self.root = root
    }
  }

  /// What an accepted request asks of the caller.
  public struct Cosigning: Hashable, Sendable {
    /// To be on disk before anything else happens.
    public let head: Head
    /// Unix time in seconds, part of the signed message.
    public let timestamp: UInt64
    /// To be signed with the witness's Ed25519 key.
    public let message: [UInt8]

    /// The body of the response: one signature line.
    public func response(key: NoteKey, signature: Bytes64) -> [UInt8] {
      SignedNote.line(
        name: key.name, keyID: key.id,
        signature: Cosignature.payload(timestamp: timestamp, signature: signature))
    }
  }

  /// Why a request is not cosigned.
  public enum Refusal: Error, Hashable, Sendable {
    /// The request is not in its form.
    case malformed
    case unknownLog
    /// No known key signed, or a signature by a known key is wrong.
    case invalidSignature(NoteError)
    /// The text is signed and no checkpoint.
    case checkpoint(CheckpointError)
    case oldSizeAboveNew(old: UInt64, new: UInt64)
    /// The requester's idea of the last head is not ours.
    case conflict(knownSize: UInt64)
    /// A tree of size zero has one root only.
    case emptyTreeRoot
    case consistency(RFC6962Error)
    /// A proof was given where none is needed: from the empty tree.
    case superfluousProof(count: Int)
  }

  private let logs: [[UInt8]: Log]
  private var heads: [[UInt8]: Head] = [:]

  /// - Parameter heads: what was persisted before.
  public init(logs: [Log], heads: [Head] = []) {
    self.logs = Dictionary(logs.map { ($0.origin, $0) }) { first, _ in first }
    for head in heads { self.heads[head.origin] = head }
  }

  /// The latest head that was cosigned for a log.
  public func head(of origin: [UInt8]) -> Head? { heads[origin] }

  /// Takes the body of a request.
  ///
  /// - Parameter now: Unix time in seconds.
  /// - Throws: ``Refusal``; the state is as it was.
  public mutating func addCheckpoint(
    _ body: Span<UInt8>, at now: UInt64
  ) throws(Refusal) -> Cosigning {
    let request = try Request(decoding: body)
    guard let log = logs[request.origin] else { throw .unknownLog }
    let verified: VerifiedNote
    do { verified = try request.note.verified(by: log.keys) } catch { throw .invalidSignature(error) }
    let checkpoint: Checkpoint
    do { checkpoint = try Checkpoint(text: verified.text) } catch { throw .checkpoint(error) }
    guard request.oldSize <= checkpoint.size else {
      throw .oldSizeAboveNew(old: request.oldSize, new: checkpoint.size)
    }
    let known = heads[log.origin] ?? Head(origin: log.origin, size: 0, root: RFC6962.emptyRoot)
    guard request.oldSize == known.size else { throw .conflict(knownSize: known.size) }
    if checkpoint.size == 0, checkpoint.root != RFC6962.emptyRoot { throw .emptyTreeRoot }
    if request.oldSize == 0 {
      guard request.proof.isEmpty else { throw .superfluousProof(count: request.proof.count) }
    } else {
      do {
        try RFC6962.verifyConsistency(
          oldSize: known.size, newSize: checkpoint.size, proof: request.proof, oldRoot: known.root,
          newRoot: checkpoint.root)
      } catch {
        throw .consistency(error)
      }
    }
    let head = Head(origin: log.origin, size: checkpoint.size, root: checkpoint.root)
    heads[log.origin] = head
    return Cosigning(
      head: head, timestamp: now, message: Cosignature.message(checkpoint: verified.text, timestamp: now))
  }

  /// `old <size>`, proof lines, an empty line, a signed checkpoint.
  private struct Request {
    let oldSize: UInt64
    let proof: [Bytes32]
    let note: SignedNote
    let origin: [UInt8]

    init(decoding body: Span<UInt8>) throws(Refusal) {
      guard body.count <= SignedNote.sizeBytesMax else { throw .malformed }
      let bytes = [UInt8](copying: body)
      var lines: [ArraySlice<UInt8>] = []
      var rest = bytes[...]
      while true {
        guard lines.count <= WitnessEngine.proofLinesMax + 1, let end = rest.firstIndex(of: 0x0a) else {
          throw .malformed
        }
        let line = rest[..<end]
        rest = rest[(end + 1)...]
        if line.isEmpty { break }
        lines.append(line)
      }
      guard let first = lines.first, first.starts(with: "old ".utf8),
        let oldSize = Decimal.parse(first.dropFirst(4)), lines.count <= WitnessEngine.proofLinesMax + 1
      else { throw .malformed }
      self.oldSize = oldSize
      proof = try lines.dropFirst().map { (line: ArraySlice<UInt8>) throws(Refusal) -> Bytes32 in
        guard let hash = StrictBase64.decode(line), hash.count == 32 else { throw .malformed }
        return Bytes32 { hash[$0] }
      }
      let owned = [UInt8](rest)
      do { note = try SignedNote(decoding: owned.span) } catch { throw .malformed }
      origin = [UInt8](note.text.prefix { $0 != 0x0a })
    }
  }
}

extension WitnessEngine.Refusal {
  /// The status of the HTTP response (C2SP tlog-witness, add-checkpoint).
  public var status: Int {
    switch self {
    case .malformed, .checkpoint, .oldSizeAboveNew: 400
    case .invalidSignature: 403
    case .unknownLog: 404
    case .conflict: 409
    case .emptyTreeRoot, .consistency, .superfluousProof: 422
    }
  }

  /// The body of the HTTP response: for a conflict the known size, which requesters read; else a few words.
  public var body: String {
    switch self {
    case .malformed, .checkpoint: "invalid input\n"
    case .oldSizeAboveNew: "invalid input: old size above the checkpoint's\n"
    case .invalidSignature: "invalid signature\n"
    case .unknownLog: "unknown log\n"
    case .conflict(let knownSize): "\(knownSize)\n"
    case .emptyTreeRoot: "wrong root of the empty tree\n"
    case .consistency, .superfluousProof: "bad consistency proof\n"
    }
  }
}
