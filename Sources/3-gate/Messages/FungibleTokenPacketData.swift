public import Encodings
public import WireBytes

/// Why bytes are no ICS-20 v2 packet data.
public enum FungibleTokenError: Error, Hashable, Sendable {
  case size(max: Int, actual: Int)
  /// Not the canonical ABI of such a tuple.
  case abi(ABIError)
  /// Decoded, and not such a tuple after all.
  case shape
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

  private static let type = ABIType.tuple([.string, .string, .string, .uint256, .string])

  /// The one ABI encoding that Solidity writes.
  public func encoded() -> [UInt8] {
    let value = ABIValue.tuple([
      .string(denomination), .string(sender), .string(receiver), .uint(amount), .string(memo),
    ])
    do { return try ABI.encode([value], as: [Self.type]) } catch {
      preconditionFailure("a transfer does not fit its own type: \(error)")
    }
  }

  /// Decodes untrusted bytes; only the encoding that ``encoded()`` gives is accepted.
  ///
  /// - Throws: ``FungibleTokenError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(FungibleTokenError) {
    guard bytes.count <= Self.sizeMax else { throw .size(max: Self.sizeMax, actual: bytes.count) }
    let values: [ABIValue]
    do { values = try ABI.decode(bytes, as: [Self.type]) } catch { throw .abi(error) }
    guard case .tuple(let fields)? = values.first, fields.count == 5,
      case .string(let denomination) = fields[0],
      case .string(let sender) = fields[1], case .string(let receiver) = fields[2],
      case .uint(let amount) = fields[3], case .string(let memo) = fields[4]
    else { throw .shape }
    try self.init(
      denomination: denomination, sender: sender, receiver: receiver, amount: amount, memo: memo)
  }
}
