public import Encodings
public import Messages
public import WireBytes

/// What a case does to the ledger: who gets what of its escrow, and the program's state before and after.
public struct Update: EnclaveContainer {
  public static let payoutCountMax = 256
  public static let coinCountMax = 8

  public typealias Coin = ExecutionEnvelope.Coin

  /// Coins for one account.
  public struct Payout: Hashable, Sendable {
    public let account: InteroperableAddress
    /// Denominations ascend; no amount is zero.
    public let coins: [Coin]

    /// - Throws: ``EnclaveFormatError``.
    public init(account: InteroperableAddress, coins: [Coin]) throws(EnclaveFormatError) {
      try EnclaveLimits.account(account, .account)
      try EnclaveCoins.check(coins)
      guard !coins.isEmpty else { throw .empty(.coins) }
      self.account = account
      self.coins = coins
    }
  }

  public let payouts: [Payout]
  public let stateBefore: Bytes32
  public let stateAfter: Bytes32

  /// - Throws: ``EnclaveFormatError/overLimit(_:max:actual:)``.
  public init(
    payouts: [Payout], stateBefore: Bytes32, stateAfter: Bytes32
  ) throws(EnclaveFormatError) {
    try EnclaveLimits.fits(payouts.count, Self.payoutCountMax, .payouts)
    self.payouts = payouts
    self.stateBefore = stateBefore
    self.stateAfter = stateAfter
  }

  public static let sizeMax = 1 << 19
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)),
    .init(
      "payouts",
      .list(
        .container([.init("account", EnclaveLimits.address), .init("coins", EnclaveCoins.type)]),
        limit: UInt64(payoutCountMax))),
    .init("stateBefore", EnclaveLimits.hash), .init("stateAfter", EnclaveLimits.hash),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(1),
      .sequence(payouts.map { .sequence([.address($0.account), EnclaveCoins.value($0.coins)]) }),
      .hash(stateBefore), .hash(stateAfter),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 4)
    try fields.version()
    var payouts: [Payout] = []
    for element in try fields.sequence() {
      var members = try SSZFields(element, count: 2)
      payouts.append(
        try Payout(account: try members.address(.account), coins: try EnclaveCoins.read(try members.value())))
    }
    try self.init(payouts: payouts, stateBefore: try fields.hash(), stateAfter: try fields.hash())
  }
}

/// Lists of coins: at most eight, denominations ascending, no amount zero, so that one set has one encoding.
enum EnclaveCoins {
  static let type: SSZType = .list(
    .container([
      .init("denom", .byteList(limit: UInt64(Update.Coin.denominationSizeMax))),
      .init("amount", .uint(.uint256)),
    ]), limit: UInt64(Update.coinCountMax))

  static func check(_ coins: [Update.Coin]) throws(EnclaveFormatError) {
    try EnclaveLimits.fits(coins.count, Update.coinCountMax, .coins)
    for (index, coin) in coins.enumerated() {
      guard !coin.denomination.isEmpty else { throw .empty(.denom) }
      try EnclaveLimits.fits(coin.denomination.count, Update.Coin.denominationSizeMax, .denom)
      guard coin.amount > .zero else { throw .empty(.amount) }
      guard index == 0 || coins[index - 1].denomination.lexicographicallyPrecedes(coin.denomination) else {
        throw .order(.coins, index: index)
      }
    }
  }

  static func value(_ coins: [Update.Coin]) -> SSZValue {
    .sequence(coins.map { .sequence([.packed($0.denomination), .uint($0.amount)]) })
  }

  static func read(_ value: SSZValue) throws(EnclaveFormatError) -> [Update.Coin] {
    guard case .sequence(let elements) = value else { throw .ssz(.shape) }
    var coins: [Update.Coin] = []
    for element in elements {
      var members = try SSZFields(element, count: 2)
      coins.append(Update.Coin(denomination: try members.bytes(), amount: try members.wide()))
    }
    return coins
  }
}
