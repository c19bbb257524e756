public import WireBytes

/// Why bytes are no ICS-20 v2 packet data.
public enum FungibleTokenError: Error, Hashable, Sendable {
  case size(max: Int, actual: Int)
  case truncated(offset: Int)
  /// Not the encoding that the field's place and length ask for: an offset that skips or repeats bytes, a length over 64
  /// bits, padding that is not zero.
  case notCanonical(offset: Int)
  case trailingBytes(offset: Int)
  case text(FungibleTokenPacketData.Field)
  /// Empty where something must stand, or over its maximum.
  case length(FungibleTokenPacketData.Field, max: Int, actual: Int)
  case amountZero
}

/// An ICS-20 transfer as `abi.encode` of one tuple `(denom, sender, receiver, uint256 amount, memo)`.
///
/// - SeeAlso: solidity-ibc-eureka `IICS20TransferMsgs.sol`; version `ics20-1`, encoding `application/x-solidity-abi`.
public struct FungibleTokenPacketData: Hashable, Sendable {
  public enum Field: String, Hashable, Sendable {
    case denomination
    case sender
    case receiver
    case memo
  }

  public static let sizeMax = 65_536
  public static let denominationSizeMax = 1024
  /// As relayers filter (hermes `ics20_max_receiver_size`).
  public static let addressSizeMax = 2048
  /// As relayers filter (hermes `ics20_max_memo_size`).
  public static let memoSizeMax = 32_768
  public static let payloadVersion = "ics20-1"
  public static let payloadEncoding = "application/x-solidity-abi"

  public let denomination: String
  public let sender: String
  public let receiver: String
  public let amount: UInt256
  public let memo: String

  /// - Throws: ``FungibleTokenError``.
  public init(
    denomination: String, sender: String, receiver: String, amount: UInt256, memo: String = ""
  ) throws(FungibleTokenError) {
    func check(_ field: Field, _ text: String, min: Int, max: Int) throws(FungibleTokenError) {
      guard (min...max).contains(text.utf8.count) else {
        throw .length(field, max: max, actual: text.utf8.count)
      }
    }
    try check(.denomination, denomination, min: 1, max: Self.denominationSizeMax)
    try check(.sender, sender, min: 1, max: Self.addressSizeMax)
    try check(.receiver, receiver, min: 1, max: Self.addressSizeMax)
    try check(.memo, memo, min: 0, max: Self.memoSizeMax)
    guard amount > .zero else { throw .amountZero }
    self.denomination = denomination
    self.sender = sender
    self.receiver = receiver
    self.amount = amount
    self.memo = memo
  }

  /// The one ABI encoding that Solidity writes.
  public func encoded() -> [UInt8] {
    let texts = [denomination, sender, receiver, memo].map { text in
      let bytes = [UInt8](text.utf8)
      return Bytes32(bigEndian: UInt64(bytes.count)).array + bytes
        + [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
    }
    var offsets: [UInt64] = []
    var next: UInt64 = 160
    for text in texts {
      offsets.append(next)
      next += UInt64(text.count)
    }
    var bytes = Bytes32(bigEndian: 32).array
    for offset in offsets.prefix(3) { bytes.append(Bytes32(bigEndian: offset)) }
    bytes.append(amount.bigEndian)
    bytes.append(Bytes32(bigEndian: offsets[3]))
    return bytes + texts.flatMap { $0 }
  }

  /// Decodes untrusted bytes; only the encoding that ``encoded()`` gives is accepted.
  ///
  /// - Throws: ``FungibleTokenError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(FungibleTokenError) {
    guard bytes.count <= Self.sizeMax else { throw .size(max: Self.sizeMax, actual: bytes.count) }
    var cursor = 192
    guard bytes.count >= cursor else { throw .truncated(offset: bytes.count) }
    guard Self.word(bytes, 0) == UInt256(32) else { throw .notCanonical(offset: 0) }
    var texts: [String] = []
    for (field, head) in [(Field.denomination, 32), (.sender, 64), (.receiver, 96), (.memo, 160)] {
      // Offsets count from the tuple, which starts at 32.
      guard Self.word(bytes, head) == UInt256(UInt64(cursor - 32)) else { throw .notCanonical(offset: head) }
      guard bytes.count - cursor >= 32 else { throw .truncated(offset: bytes.count) }
      guard let long = Self.word(bytes, cursor).asUInt64 else { throw .notCanonical(offset: cursor) }
      guard let length = Int(exactly: long), length <= bytes.count - cursor - 32 else {
        throw .truncated(offset: bytes.count)
      }
      let start = cursor + 32
      let padded = (length + 31) / 32 * 32
      guard padded <= bytes.count - start else { throw .truncated(offset: bytes.count) }
      for index in (start + length)..<(start + padded) where bytes[index] != 0 {
        throw .notCanonical(offset: index)
      }
      let slice = [UInt8](copying: bytes.extracting(start..<(start + length)))
      guard let text = String(validating: slice, as: UTF8.self) else { throw .text(field) }
      texts.append(text)
      cursor = start + padded
    }
    guard cursor == bytes.count else { throw .trailingBytes(offset: cursor) }
    try self.init(
      denomination: texts[0], sender: texts[1], receiver: texts[2], amount: Self.word(bytes, 128), memo: texts[3])
  }

  /// The word at `offset`, which is there.
  private static func word(_ bytes: Span<UInt8>, _ offset: Int) -> UInt256 {
    UInt256(bigEndian: Bytes32(bytes, at: offset))
  }
}
