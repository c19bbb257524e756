public import Encodings
public import Messages
public import WireBytes

/// What a ledger's state says of a case: what an ICS-23 proof under the ledger's root is of.
///
/// While the case is open, ``head`` is the custody chain over the ``CaseOpening`` and every ``CaseInput``. Once a header
/// of the ledger has a time of ``closes`` or later, the record that it commits to has all the inputs there will ever be.
public struct CaseRecord: EnclaveContainer {
  public typealias Coin = Update.Coin

  public enum Status: UInt8, Hashable, Sendable, CaseIterable {
    /// It takes inputs before it closes, and one result after that.
    case open = 1
    case settled = 2
    case reclaimed = 3
  }

  /// Root of the ``CaseOpening``.
  public let opening: Bytes32
  public let closes: UInt64
  public let expires: UInt64
  public let status: Status
  /// ``CaseInputs/root(_:)`` of what was submitted until now.
  public let inputs: Bytes32
  public let inputCount: UInt16
  /// The head of the custody chain.
  public let head: Bytes32
  /// Links of the custody chain.
  public let linkCount: UInt16
  /// The sum of all inputs' coins; nothing of it is left once the case is settled or reclaimed, and it still says what it
  /// was.
  public let escrow: [Coin]
  /// Digest of the receipt that the case was settled by; zero before.
  public let receipt: Bytes32
  /// The program's state after; zero before the case is settled.
  public let state: Bytes32

  /// - Throws: ``EnclaveFormatError``.
  public init(
    opening: Bytes32, closes: UInt64, expires: UInt64, status: Status, inputs: Bytes32, inputCount: UInt16,
    head: Bytes32, linkCount: UInt16, escrow: [Coin], receipt: Bytes32 = Bytes32(), state: Bytes32 = Bytes32()
  ) throws(EnclaveFormatError) {
    guard closes < expires else { throw .times(.expires, first: closes, second: expires) }
    try EnclaveLimits.fits(Int(inputCount), CaseInputs.countMax, .count)
    try EnclaveCoins.check(escrow)
    guard (status == .settled) != receipt.isZero else { throw .unknown(.status, UInt64(status.rawValue)) }
    guard status == .settled || state.isZero else { throw .unknown(.status, UInt64(status.rawValue)) }
    self.opening = opening
    self.closes = closes
    self.expires = expires
    self.status = status
    self.inputs = inputs
    self.inputCount = inputCount
    self.head = head
    self.linkCount = linkCount
    self.escrow = escrow
    self.receipt = receipt
    self.state = state
  }

  public static let sizeMax = 2 << 10
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("opening", EnclaveLimits.hash), .init("closes", .uint(.uint64)),
    .init("expires", .uint(.uint64)), .init("status", .uint(.uint8)), .init("inputs", EnclaveLimits.hash),
    .init("inputCount", .uint(.uint16)), .init("head", EnclaveLimits.hash),
    .init("linkCount", .uint(.uint16)), .init("escrow", EnclaveCoins.type),
    .init("receipt", EnclaveLimits.hash), .init("state", EnclaveLimits.hash),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(1), .hash(opening), .uint(closes), .uint(expires), .uint(UInt64(status.rawValue)), .hash(inputs),
      .uint(UInt64(inputCount)), .hash(head), .uint(UInt64(linkCount)), EnclaveCoins.value(escrow),
      .hash(receipt), .hash(state),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 12)
    try fields.version()
    let opening = try fields.hash()
    let closes = try fields.integer()
    let expires = try fields.integer()
    let number = try fields.integer()
    guard let status = UInt8(exactly: number).flatMap(Status.init(rawValue:)) else {
      throw .unknown(.status, number)
    }
    try self.init(
      opening: opening, closes: closes, expires: expires, status: status, inputs: try fields.hash(),
      inputCount: try fields.short(), head: try fields.hash(), linkCount: try fields.short(),
      escrow: try EnclaveCoins.read(try fields.value()), receipt: try fields.hash(), state: try fields.hash())
  }
}

/// Where a ledger keeps what proofs are of, in its one store.
public enum CaseKeys {
  public static let prefix = [UInt8]("settlement/".utf8)

  /// ``CaseRecord``.
  public static func record(_ id: Bytes32) -> [UInt8] { prefix + [UInt8]("cases/".utf8) + id.array }

  /// ``CaseOpening``.
  public static func opening(_ id: Bytes32) -> [UInt8] { prefix + [UInt8]("openings/".utf8) + id.array }

  /// ``CaseInput`` at a place of the list, from 0.
  public static func input(_ id: Bytes32, _ index: UInt32) -> [UInt8] {
    var key = prefix + [UInt8]("inputs/".utf8) + id.array
    key.append(bigEndian: index)
    return key
  }
}
