import Encodings

/// What a sender puts together before signing; the key stays with whoever signs.
public struct UnsignedTransaction: Hashable, Sendable {
  public let messages: [AnyMessage]
  public let memo: String
  /// The last height at which it may be included; zero for no limit.
  public let timeoutHeight: UInt64
  public let fee: [Coin]
  public let gasLimit: UInt64
  public let key: AccountKey
  /// How many transactions the account has sent before.
  public let sequence: UInt64
  public let chainID: String
  public let accountNumber: UInt64
  /// The encodings of the fields above.
  public let bodyBytes: [UInt8]
  public let authInfoBytes: [UInt8]

  public init(
    _ messages: [AnyMessage], memo: String = "", timeoutHeight: UInt64 = 0, fee: [Coin], gasLimit: UInt64,
    key: AccountKey, sequence: UInt64, chainID: String, accountNumber: UInt64
  ) {
    var body = ProtobufWriter()
    for message in messages {
      body.message(1) { writer in
        writer.string(1, message.typeURL)
        writer.bytes(2, message.value)
      }
    }
    body.string(2, memo)
    body.varint(3, timeoutHeight)
    var authInfo = ProtobufWriter()
    authInfo.message(1) { signer in
      signer.bytes(1, key.encodedAny())
      signer.message(2) { mode in mode.message(1) { single in single.varint(1, 1) } }
      signer.varint(3, sequence)
    }
    authInfo.message(2) { writer in
      for coin in fee { writer.alwaysBytes(1, coin.encoded()) }
      writer.varint(2, gasLimit)
    }
    self.messages = messages
    self.memo = memo
    self.timeoutHeight = timeoutHeight
    self.fee = fee
    self.gasLimit = gasLimit
    self.key = key
    self.sequence = sequence
    self.chainID = chainID
    self.accountNumber = accountNumber
    bodyBytes = body.bytes
    authInfoBytes = authInfo.bytes
  }

  /// The bytes to sign.
  public var signBytes: [UInt8] {
    Transaction.signBytes(
      body: bodyBytes, authInfo: authInfoBytes, chainID: chainID, accountNumber: accountNumber)
  }

  /// `TxRaw` with the signature.
  public func signed(_ signature: [UInt8]) -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, bodyBytes)
    writer.bytes(2, authInfoBytes)
    writer.alwaysBytes(3, signature)
    return writer.bytes
  }
}
