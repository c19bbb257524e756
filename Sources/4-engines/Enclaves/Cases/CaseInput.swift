public import Encodings
public import Messages
public import WireBytes

/// One submission to a case, as the ledger recorded it.
///
/// A content of the case's custody chain, in the order of submission: the head of the case's record commits to who
/// submitted what with which coins, while the root of the inputs commits to the commitments alone.
public struct CaseInput: EnclaveContainer {
  public typealias Coin = Update.Coin

  public let sender: InteroperableAddress
  /// Used once by a sender in a case.
  public let nonce: UInt64
  /// ``SealedEnvelope/commitment``.
  public let commitment: Bytes32
  /// What went into the case's escrow; denominations ascend, no amount is zero.
  public let coins: [Coin]

  /// - Throws: ``EnclaveFormatError``.
  public init(
    sender: InteroperableAddress, nonce: UInt64, commitment: Bytes32, coins: [Coin]
  ) throws(EnclaveFormatError) {
    try EnclaveLimits.account(sender, .sender)
    try EnclaveCoins.check(coins)
    self.sender = sender
    self.nonce = nonce
    self.commitment = commitment
    self.coins = coins
  }

  public static let sizeMax = 2 << 10
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("sender", EnclaveLimits.address), .init("nonce", .uint(.uint64)),
    .init("commitment", EnclaveLimits.hash), .init("coins", EnclaveCoins.type),
  ])

  public var value: SSZValue {
    .sequence([.uint(1), .address(sender), .uint(nonce), .hash(commitment), EnclaveCoins.value(coins)])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 5)
    try fields.version()
    try self.init(
      sender: try fields.address(.sender), nonce: try fields.integer(), commitment: try fields.hash(),
      coins: try EnclaveCoins.read(try fields.value()))
  }
}

/// The end of submissions: a content of the case's custody chain.
public struct CaseClosing: EnclaveContainer {
  /// ``CaseInputs/root(_:)``.
  public let inputs: Bytes32
  public let inputCount: UInt16

  /// - Throws: ``EnclaveFormatError/overLimit(_:max:actual:)``.
  public init(inputs: Bytes32, inputCount: UInt16) throws(EnclaveFormatError) {
    try EnclaveLimits.fits(Int(inputCount), CaseInputs.countMax, .count)
    self.inputs = inputs
    self.inputCount = inputCount
  }

  public static let sizeMax = 36
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("inputs", EnclaveLimits.hash), .init("inputCount", .uint(.uint16)),
  ])

  public var value: SSZValue { .sequence([.uint(1), .hash(inputs), .uint(UInt64(inputCount))]) }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 3)
    try fields.version()
    try self.init(inputs: try fields.hash(), inputCount: try fields.short())
  }
}
