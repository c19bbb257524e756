import Digests
public import WireBytes

/// The name of a signer's store, drawn at random when it was made: an anchor or a journal of another store is told apart by it.
public struct VaultID: Hashable, Sendable, CustomStringConvertible {
  public let bytes: Bytes32

  public init(_ bytes: Bytes32) { self.bytes = bytes }

  /// 64 hexadecimal digits.
  public var description: String { Hex.encode(bytes.span, prefix: "") }

  /// What a chain of hashes starts from: SHA-256 of its name, a zero byte and the vault's id.
  func start(of chain: String) -> Bytes32 { SHA256Hash.hash([UInt8](chain.utf8) + [0] + bytes.array) }
}

/// A place in the history of a journal: after how many records it is, in which epoch, and the hash of all of them.
public struct Position: Hashable, Sendable {
  /// Raised at every start and at every compaction.
  public let epoch: UInt64
  /// Records so far, since the vault was made; compaction does not lower it.
  public let sequence: UInt64
  /// The chain's hash after them.
  public let hash: Bytes32

  /// More starts than any signer sees: an epoch from elsewhere that says more is cut to it, so that it can still rise.
  static let epochMax: UInt64 = 1 << 62

  public init(epoch: UInt64, sequence: UInt64, hash: Bytes32) {
    self.epoch = epoch
    self.sequence = sequence
    self.hash = hash
  }

  /// Before the first record of a vault.
  public static func beginning(of vault: VaultID) -> Position {
    Position(epoch: 0, sequence: 0, hash: vault.start(of: "causeway/signer-journal/v1"))
  }

  static let sizeBytes = 48
  /// No epoch and no sequence comes near it; a file that says so is not one of ours, and nothing overflows.
  static let numberMax: UInt64 = 1 << 62

  var isBounded: Bool { epoch <= Self.numberMax && sequence <= Self.numberMax }

  func write(to bytes: inout [UInt8]) {
    bytes.append(bigEndian: epoch)
    bytes.append(bigEndian: sequence)
    bytes.append(hash)
  }

  init(reading bytes: [UInt8], at offset: Int) {
    var epoch: UInt64 = 0
    var sequence: UInt64 = 0
    for index in 0..<8 { epoch = epoch << 8 | UInt64(bytes[offset + index]) }
    for index in 8..<16 { sequence = sequence << 8 | UInt64(bytes[offset + index]) }
    self.init(epoch: epoch, sequence: sequence, hash: Bytes32 { bytes[offset + 16 + $0] })
  }

  /// The chain's hash after one more payload.
  func hash(with payload: [UInt8]) -> Bytes32 {
    var hasher = SHA256Hash()
    hasher.update(hash.span)
    hasher.update(payload.span)
    return hasher.finalize()
  }

  /// The position after a frame with `content`, whose payload is `payload`.
  func after(_ content: JournalContent, payload: [UInt8], hash: Bytes32? = nil) -> Position {
    var epoch = epoch
    if case .epoch(let next, _) = content { epoch = next }
    return Position(epoch: epoch, sequence: sequence + 1, hash: hash ?? self.hash(with: payload))
  }
}

/// The newest line of an audit log: its number, and the hash of its text.
public struct AuditHead: Hashable, Sendable {
  /// Lines so far, since the vault was made.
  public let sequence: UInt64
  public let hash: Bytes32

  public init(sequence: UInt64, hash: Bytes32) {
    self.sequence = sequence
    self.hash = hash
  }

  /// Before the first line of a vault.
  public static func beginning(of vault: VaultID) -> AuditHead {
    AuditHead(sequence: 0, hash: vault.start(of: "causeway/signer-audit/v1"))
  }
}
