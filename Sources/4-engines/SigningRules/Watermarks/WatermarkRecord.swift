public import Messages
public import WireBytes

/// Something that a key has bound itself to. A record is on disk before the signature that it is for leaves.
///
/// Layout of `encoded()`; integers are big-endian, texts stand behind one byte of length:
///
///     01 ‖ kind ‖ key (32) ‖ …
///     1 claim   purpose (1) ‖ origin ‖ revision (8) ‖ height (8) ‖ flags (1: time 1, root 2)
///               ‖ [seconds (8)] ‖ [root (32)] ‖ count (2) ‖ (path (32) ‖ commitment (32))…, paths ascending
///     2 floor   purpose (1) ‖ origin ‖ revision (8) ‖ height (8) ‖ flags (1: time 1) ‖ [seconds (8)]
///     3 origin  origin
///     4 vote    chain id ‖ height (8) ‖ round (4) ‖ type (1) ‖ block (32) ‖ sign bytes' hash (32)
///     5 lock    locked (1: 0 or 1)
///     6 call    chain id (8) ‖ nonce (8) ‖ hash of the call (32)
///     7 nonces  chain id (8) ‖ nonce (8)
///
/// - SeeAlso: docs/spec/signing-rules.md.
public enum WatermarkRecord: Hashable, Sendable {
  /// What a key has said of a height.
  case claim(ClaimMark)
  /// Heights up to this one are not remembered one by one any more, and nothing is signed for them.
  case floor(FloorMark)
  /// The one origin that a key serves in a format that does not name origins.
  case foreignOrigin(key: KeyID, origin: DomainID)
  /// The last vote of a key on a chain.
  case vote(VoteMark)
  /// Whether a key is locked; the last record counts.
  case lock(key: KeyID, isLocked: Bool)
  /// The call that an account has signed with a nonce on an EVM chain.
  case call(CallMark)
  /// Nonces up to this one are not remembered one by one any more.
  case nonceFloor(key: KeyID, chainID: UInt64, nonce: UInt64)
}

/// What a key said of an origin at one height, in whole or in part.
public struct ClaimMark: Hashable, Sendable {
  public let key: KeyID
  /// ``KeyPurpose/attestation`` or ``KeyPurpose/foreignAttestation``.
  public let purpose: KeyPurpose
  public let origin: DomainID
  public let height: Height
  public let time: UnixTime?
  public let root: Bytes32?
  /// By ascending path, each path once.
  public let entries: [StoredEntry]
}

/// The highest height that is not remembered any more.
public struct FloorMark: Hashable, Sendable {
  public let key: KeyID
  public let purpose: KeyPurpose
  public let origin: DomainID
  public let height: Height
  /// The latest time that was said of such a height.
  public let time: UnixTime?
}

/// The last vote of a key on a chain.
public struct VoteMark: Hashable, Sendable {
  public let key: KeyID
  public let chainID: String
  public let height: Int64
  public let round: Int32
  public let kind: VoteStatement.Kind
  /// SHA-256 of the block id's encoding; zero for a vote for no block.
  public let block: Bytes32
  /// SHA-256 of the bytes that were signed, the time among them.
  public let signBytesHash: Bytes32
}

/// The call that an account has signed with a nonce on an EVM chain.
public struct CallMark: Hashable, Sendable {
  public let key: KeyID
  /// EIP-155.
  public let chainID: UInt64
  public let nonce: UInt64
  /// `S(length of to (1) ‖ to ‖ value (32) ‖ input)`.
  public let call: Bytes32
}

/// Why bytes are no record.
public enum WatermarkRecordError: Error, Hashable, Sendable {
  case wire(WireError)
  case version(UInt8)
  case kind(UInt8)
  case purpose(UInt8)
  case origin(DomainIDError)
  /// Not UTF-8, empty, or longer than a chain id may be.
  case chainID
  case flags(UInt8)
  case tooManyEntries(max: Int, actual: Int)
  /// The path at `index` does not come after the one before it.
  case pathOrder(index: Int)
  /// Height zero, or one that CometBFT's votes cannot have.
  case height(UInt64)
  case round(UInt32)
  case voteType(UInt8)
  case lock(UInt8)
  case evmChainZero
  /// EIP-2681: no transaction has it.
  case nonce(UInt64)
  /// A claim that says nothing.
  case emptyClaim
}

extension WatermarkRecord {
  public static let version: UInt8 = 1
  public static let entryCountMax = SigningRequest.entryCountMax

  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    switch self {
    case .claim(let mark):
      bytes.reserveCapacity(160 + mark.entries.count * 64)
      Self.open(1, mark.key, &bytes)
      Self.write(mark.purpose, mark.origin, mark.height, &bytes)
      bytes.append((mark.time == nil ? 0 : 1) | (mark.root == nil ? 0 : 2))
      if let time = mark.time { bytes.append(bigEndian: time.seconds) }
      if let root = mark.root { bytes.append(root) }
      bytes.append(bigEndian: UInt16(truncatingIfNeeded: mark.entries.count))
      for entry in mark.entries {
        bytes.append(entry.pathHash)
        bytes.append(entry.commitment)
      }
    case .floor(let mark):
      Self.open(2, mark.key, &bytes)
      Self.write(mark.purpose, mark.origin, mark.height, &bytes)
      bytes.append(mark.time == nil ? 0 : 1)
      if let time = mark.time { bytes.append(bigEndian: time.seconds) }
    case .foreignOrigin(let key, let origin):
      Self.open(3, key, &bytes)
      Self.write(origin.text, &bytes)
    case .vote(let mark):
      Self.open(4, mark.key, &bytes)
      Self.write(mark.chainID, &bytes)
      bytes.append(bigEndian: UInt64(bitPattern: mark.height))
      bytes.append(bigEndian: UInt32(bitPattern: mark.round))
      bytes.append(UInt8(truncatingIfNeeded: mark.kind.rawValue))
      bytes.append(mark.block)
      bytes.append(mark.signBytesHash)
    case .lock(let key, let isLocked):
      Self.open(5, key, &bytes)
      bytes.append(isLocked ? 1 : 0)
    case .call(let mark):
      Self.open(6, mark.key, &bytes)
      bytes.append(bigEndian: mark.chainID)
      bytes.append(bigEndian: mark.nonce)
      bytes.append(mark.call)
    case .nonceFloor(let key, let chainID, let nonce):
      Self.open(7, key, &bytes)
      bytes.append(bigEndian: chainID)
      bytes.append(bigEndian: nonce)
    }
    return bytes
  }

  private static func open(_ kind: UInt8, _ key: KeyID, _ bytes: inout [UInt8]) {
    bytes.append(version)
    bytes.append(kind)
    bytes.append(key.bytes)
  }

  /// Texts here have at most 50 bytes.
  private static func write(_ text: String, _ bytes: inout [UInt8]) {
    bytes.append(UInt8(truncatingIfNeeded: text.utf8.count))
    bytes += text.utf8
  }

  private static func write(
    _ purpose: KeyPurpose, _ origin: DomainID, _ height: Height, _ bytes: inout [UInt8]
  ) {
    bytes.append(purpose.byte)
    write(origin.text, &bytes)
    bytes.append(bigEndian: height.revision)
    bytes.append(bigEndian: height.number)
  }

  /// Reads one record and nothing after it.
  ///
  /// - Throws: ``WatermarkRecordError``. No input traps.
  public init(decoding bytes: [UInt8]) throws(WatermarkRecordError) { try self.init(decoding: bytes.span) }

  /// Reads one record and nothing after it.
  ///
  /// - Throws: ``WatermarkRecordError``. No input traps.
  public init(decoding bytes: Span<UInt8>) throws(WatermarkRecordError) {
    var reader = ByteReader(bytes)
    do {
      let version = try reader.readUInt8()
      guard version == Self.version else { throw WatermarkRecordError.version(version) }
      let kind = try reader.readUInt8()
      let key = KeyID(try reader.readFixed(Bytes32.self))
      switch kind {
      case 1, 2:
        let byte = try reader.readUInt8()
        guard let purpose = KeyPurpose(byte: byte), purpose == .attestation || purpose == .foreignAttestation
        else { throw WatermarkRecordError.purpose(byte) }
        let origin = try Self.origin(try reader.readBytes(Int(try reader.readUInt8())))
        let height = Height(revision: try reader.readBigEndian(), try reader.readBigEndian())
        guard height.number > 0 else { throw WatermarkRecordError.height(0) }
        let flags = try reader.readUInt8()
        guard flags <= (kind == 1 ? 3 : 1) else { throw WatermarkRecordError.flags(flags) }
        let time = flags & 1 == 0 ? nil : UnixTime(seconds: try reader.readBigEndian())
        if kind == 2 {
          self = .floor(FloorMark(key: key, purpose: purpose, origin: origin, height: height, time: time))
          break
        }
        let root = flags & 2 == 0 ? nil : try reader.readFixed(Bytes32.self)
        let count = Int(try reader.readBigEndian(UInt16.self))
        guard count <= Self.entryCountMax else {
          throw WatermarkRecordError.tooManyEntries(max: Self.entryCountMax, actual: count)
        }
        guard flags != 0 || count > 0 else { throw WatermarkRecordError.emptyClaim }
        var entries: [StoredEntry] = []
        entries.reserveCapacity(min(count, reader.remaining / 64))
        for index in 0..<count {
          let path = try reader.readFixed(Bytes32.self)
          if let last = entries.last, path <= last.pathHash {
            throw WatermarkRecordError.pathOrder(index: index)
          }
          entries.append(StoredEntry(pathHash: path, commitment: try reader.readFixed(Bytes32.self)))
        }
        self = .claim(
          ClaimMark(
            key: key, purpose: purpose, origin: origin, height: height, time: time, root: root,
            entries: entries))
      case 3:
        self = .foreignOrigin(
          key: key, origin: try Self.origin(try reader.readBytes(Int(try reader.readUInt8()))))
      case 4:
        let chainID = try reader.readBytes(Int(try reader.readUInt8()))
        guard (1...VoteStatement.chainIDSizeMax).contains(chainID.count),
          let text = String(validating: chainID, as: UTF8.self)
        else { throw WatermarkRecordError.chainID }
        let height = try reader.readBigEndian(UInt64.self)
        guard let signedHeight = Int64(exactly: height), signedHeight > 0 else {
          throw WatermarkRecordError.height(height)
        }
        let round = try reader.readBigEndian(UInt32.self)
        guard let signedRound = Int32(exactly: round) else { throw WatermarkRecordError.round(round) }
        let type = try reader.readUInt8()
        guard let voteKind = VoteStatement.Kind(rawValue: Int32(type)) else {
          throw WatermarkRecordError.voteType(type)
        }
        self = .vote(
          VoteMark(
            key: key, chainID: text, height: signedHeight, round: signedRound, kind: voteKind,
            block: try reader.readFixed(), signBytesHash: try reader.readFixed()))
      case 5:
        let byte = try reader.readUInt8()
        guard byte <= 1 else { throw WatermarkRecordError.lock(byte) }
        self = .lock(key: key, isLocked: byte == 1)
      case 6, 7:
        let chainID = try reader.readBigEndian(UInt64.self)
        guard chainID > 0 else { throw WatermarkRecordError.evmChainZero }
        let nonce = try reader.readBigEndian(UInt64.self)
        guard nonce < .max else { throw WatermarkRecordError.nonce(nonce) }
        self =
          kind == 7
          ? .nonceFloor(key: key, chainID: chainID, nonce: nonce)
          : .call(CallMark(key: key, chainID: chainID, nonce: nonce, call: try reader.readFixed()))
      default: throw WatermarkRecordError.kind(kind)
      }
      try reader.finish()
    } catch let error as WatermarkRecordError {
      throw error
    } catch let error as WireError {
      throw .wire(error)
    } catch {
      // The two above are all that is thrown.
      throw .kind(0)
    }
  }

  private static func origin(_ bytes: [UInt8]) throws(WatermarkRecordError) -> DomainID {
    // What is not UTF-8 turns into characters that no id has.
    do { return try DomainID(String(decoding: bytes, as: UTF8.self)) } catch { throw .origin(error) }
  }
}
