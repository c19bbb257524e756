import Digests
public import Encodings
public import Messages
public import WireBytes

/// Why bytes are no transaction.
public enum TransactionFormError: Error, Hashable, Sendable {
  case tooLarge(max: Int, actual: Int)
  case protobuf(part: Part, ProtobufError)
  case messageCount(max: Int, actual: Int)
  /// Exactly one signer is read: a second party signs a transaction of its own.
  case signerCount(Int)
  case signatureCount(Int)
  case keyType(String)
  case keyLength(Int)
  /// Only SIGN_MODE_DIRECT (1) is read.
  case signMode(Int32)
  case memo(max: Int, actual: Int)
  case feeMissing
  case feeCoins(max: Int, actual: Int)
  case denom(Denom.FormError)
  /// Not a decimal number of at most 256 bits.
  case amount

  public enum Part: String, Hashable, Sendable {
    case raw
    case body
    case message
    case authInfo
    case signerInfo
    case fee
    case coin
  }
}

/// A transaction as its sender signed it: the Cosmos SDK's `TxRaw` in SIGN_MODE_DIRECT with one signer.
///
/// - SeeAlso: cosmos-sdk `proto/cosmos/tx/v1beta1/tx.proto`.
public struct Transaction: Hashable, Sendable {
  public static let sizeMax = 4 << 20
  /// A relayer's batch fits.
  public static let messageCountMax = 1_024
  public static let memoSizeMax = 256
  public static let feeCoinsMax = 4

  public let messages: [AnyMessage]
  public let memo: String
  /// The last height at which it may be included; zero for no limit.
  public let timeoutHeight: UInt64
  public let key: AccountKey
  /// How many transactions the account has sent before.
  public let sequence: UInt64
  public let fee: [Coin]
  public let gasLimit: UInt64
  public let signature: [UInt8]
  /// What is signed, together with the chain id and the account's number.
  public let bodyBytes: [UInt8]
  public let authInfoBytes: [UInt8]
  /// SHA-256 of the whole: its name on the chain.
  public let hash: Bytes32

  public var sender: AccountAddress { key.address }

  /// Decodes untrusted bytes in canonical protobuf.
  ///
  /// - Throws: ``TransactionFormError``; no input traps.
  public init(decoding bytes: [UInt8]) throws(TransactionFormError) {
    guard bytes.count <= Self.sizeMax else { throw .tooLarge(max: Self.sizeMax, actual: bytes.count) }
    var body: [UInt8] = []
    var authInfo: [UInt8] = []
    var signatures: [[UInt8]] = []
    do {
      let span = bytes.span
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2], repeated: [3]))
      while let field = try reader.next(in: span) {
        switch field.number {
        case 1: body = try field.bytes(in: span)
        case 2: authInfo = try field.bytes(in: span)
        // One more than is allowed is enough to refuse.
        default: if signatures.count < 2 { signatures.append(try field.bytes(in: span)) }
        }
      }
    } catch { throw .protobuf(part: .raw, error) }
    guard signatures.count == 1 else { throw .signatureCount(signatures.count) }
    let parsedBody = try Body(decoding: body)
    let parsedInfo = try AuthInfo(decoding: authInfo)
    messages = parsedBody.messages
    memo = parsedBody.memo
    timeoutHeight = parsedBody.timeoutHeight
    key = parsedInfo.key
    sequence = parsedInfo.sequence
    fee = parsedInfo.fee
    gasLimit = parsedInfo.gasLimit
    signature = signatures[0]
    bodyBytes = body
    authInfoBytes = authInfo
    hash = Self.hash(of: bytes)
  }

  /// The name of a transaction, from its bytes.
  public static func hash(of bytes: [UInt8]) -> Bytes32 { SHA256Hash.hash(bytes) }

  /// The bytes that the account's key signs: `SignDoc {body 1, auth_info 2, chain_id 3, account_number 4}`.
  public func signBytes(chainID: String, accountNumber: UInt64) -> [UInt8] {
    Self.signBytes(body: bodyBytes, authInfo: authInfoBytes, chainID: chainID, accountNumber: accountNumber)
  }

  static func signBytes(
    body: [UInt8], authInfo: [UInt8], chainID: String, accountNumber: UInt64
  ) -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, body)
    writer.bytes(2, authInfo)
    writer.string(3, chainID)
    writer.varint(4, accountNumber)
    return writer.bytes
  }
}

extension Transaction {
  private struct Body {
    var messages: [AnyMessage] = []
    var memo = ""
    var timeoutHeight: UInt64 = 0

    init(decoding bytes: [UInt8]) throws(TransactionFormError) {
      let span = bytes.span
      var ranges: [Range<Int>] = []
      do {
        // Extension options (1023, 2047) are not known here, and are refused as unknown fields.
        var reader = ProtobufReader(ProtobufRules(singular: [2, 3], repeated: [1]))
        while let field = try reader.next(in: span) {
          switch field.number {
          case 1: if ranges.count <= Transaction.messageCountMax { ranges.append(try field.message()) }
          case 2: memo = try field.string(in: span)
          default: timeoutHeight = try field.uint64()
          }
        }
      } catch { throw .protobuf(part: .body, error) }
      guard (1...Transaction.messageCountMax).contains(ranges.count) else {
        throw .messageCount(max: Transaction.messageCountMax, actual: ranges.count)
      }
      guard memo.utf8.count <= Transaction.memoSizeMax else {
        throw .memo(max: Transaction.memoSizeMax, actual: memo.utf8.count)
      }
      messages.reserveCapacity(ranges.count)
      for range in ranges {
        do { messages.append(try AnyMessage(decoding: span.extracting(range))) } catch {
          throw .protobuf(part: .message, error)
        }
      }
    }
  }

  private struct AuthInfo {
    var key: AccountKey
    var sequence: UInt64
    var fee: [Coin] = []
    var gasLimit: UInt64 = 0

    init(decoding bytes: [UInt8]) throws(TransactionFormError) {
      let span = bytes.span
      var signers: [Range<Int>] = []
      var feeRange: Range<Int>?
      do {
        var reader = ProtobufReader(ProtobufRules(singular: [2], repeated: [1]))
        while let field = try reader.next(in: span) {
          if field.number == 1 {
            if signers.count < 2 { signers.append(try field.message()) }
          } else {
            feeRange = try field.message()
          }
        }
      } catch { throw .protobuf(part: .authInfo, error) }
      guard signers.count == 1 else { throw .signerCount(signers.count) }
      (key, sequence) = try Self.signer(span.extracting(signers[0]))
      guard let feeRange else { throw .feeMissing }
      (fee, gasLimit) = try Self.fee(span.extracting(feeRange))
    }

    private static func signer(
      _ bytes: Span<UInt8>
    ) throws(TransactionFormError) -> (AccountKey, UInt64) {
      var keyMessage = AnyMessage(typeURL: "", value: [])
      var mode: Int32 = 0
      var sequence: UInt64 = 0
      do {
        var reader = ProtobufReader(ProtobufRules(singular: [1, 2, 3]))
        while let field = try reader.next(in: bytes) {
          switch field.number {
          case 1: keyMessage = try AnyMessage(decoding: bytes.extracting(try field.message()))
          case 2: mode = try Self.mode(bytes.extracting(try field.message()))
          default: sequence = try field.uint64()
          }
        }
      } catch { throw .protobuf(part: .signerInfo, error) }
      guard mode == 1 else { throw .signMode(mode) }
      return (try key(keyMessage), sequence)
    }

    /// `ModeInfo {single 1 {mode 1}}`; multi-signatures (2) are refused as an unknown field.
    private static func mode(_ bytes: Span<UInt8>) throws(ProtobufError) -> Int32 {
      var mode: Int32 = 0
      var reader = ProtobufReader(ProtobufRules(singular: [1]))
      while let field = try reader.next(in: bytes) {
        let single = bytes.extracting(try field.message())
        var inner = ProtobufReader(ProtobufRules(singular: [1]))
        while let field = try inner.next(in: single) { mode = try field.int32() }
      }
      return mode
    }

    private static func key(_ message: AnyMessage) throws(TransactionFormError) -> AccountKey {
      var bytes: [UInt8] = []
      do {
        let span = message.value.span
        var reader = ProtobufReader(ProtobufRules(singular: [1]))
        while let field = try reader.next(in: span) { bytes = try field.bytes(in: span) }
      } catch { throw .protobuf(part: .signerInfo, error) }
      switch message.typeURL {
      case AccountKey.secp256k1URL:
        guard let key = try? FixedBytes<33>(bytes) else { throw .keyLength(bytes.count) }
        return .secp256k1(key)
      case AccountKey.ed25519URL:
        guard let key = try? Bytes32(bytes) else { throw .keyLength(bytes.count) }
        return .ed25519(key)
      default: throw .keyType(message.typeURL)
      }
    }

    /// `Fee {amount 1 repeated Coin, gas_limit 2}`; payer and granter are refused as unknown fields.
    private static func fee(_ bytes: Span<UInt8>) throws(TransactionFormError) -> ([Coin], UInt64) {
      var ranges: [Range<Int>] = []
      var gasLimit: UInt64 = 0
      do {
        var reader = ProtobufReader(ProtobufRules(singular: [2], repeated: [1]))
        while let field = try reader.next(in: bytes) {
          if field.number == 1 {
            if ranges.count <= Transaction.feeCoinsMax { ranges.append(try field.message()) }
          } else {
            gasLimit = try field.uint64()
          }
        }
      } catch { throw .protobuf(part: .fee, error) }
      guard ranges.count <= Transaction.feeCoinsMax else {
        throw .feeCoins(max: Transaction.feeCoinsMax, actual: ranges.count)
      }
      var coins: [Coin] = []
      for range in ranges { coins.append(try Coin(decoding: bytes.extracting(range))) }
      return (coins, gasLimit)
    }
  }
}

extension Coin {
  /// Decodes `cosmos.base.v1beta1.Coin {denom 1, amount 2 decimal text}`.
  public init(decoding bytes: Span<UInt8>) throws(TransactionFormError) {
    var denom = ""
    var amount = ""
    do {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
      while let field = try reader.next(in: bytes) {
        if field.number == 1 {
          denom = try field.string(in: bytes)
        } else {
          amount = try field.string(in: bytes)
        }
      }
    } catch { throw .protobuf(part: .coin, error) }
    guard let value = UInt256(decimal: amount), value.description == amount else { throw .amount }
    do { self.init(value, try Denom(denom)) } catch { throw .denom(error) }
  }

  /// The canonical protobuf.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.string(1, denom.text)
    writer.string(2, amount.description)
    return writer.bytes
  }
}
