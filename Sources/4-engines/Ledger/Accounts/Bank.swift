public import Messages
public import PacketHost
public import WireBytes

/// Why tokens do not move.
public enum BankRefusal: Error, Hashable, Sendable {
  case insufficientFunds(AccountAddress, available: UInt256, wanted: Coin)
  /// The total would pass 256 bits.
  case supplyOverflow(Denom)
  case amountZero
}

/// Balances and supplies. The sum of all balances of a token is its supply: only ``mint`` and ``burn`` change
/// it.
public struct Bank: Sendable {
  private let accounts = Accounts()

  public init() {}

  public static func balanceKey(_ account: AccountAddress, _ denom: Denom) -> [UInt8] {
    balancePrefix(account) + [UInt8](denom.text.utf8)
  }

  public static func balancePrefix(_ account: AccountAddress) -> [UInt8] {
    // The length first, so that no account's prefix begins another's.
    [UInt8]("balances/".utf8) + [UInt8(account.count)] + account.bytes
  }

  public static func supplyKey(_ denom: Denom) -> [UInt8] { [UInt8]("supply/\(denom.text)".utf8) }

  public func balance(
    of account: AccountAddress, _ denom: Denom, in context: inout HostContext
  ) throws(ExecutionHalt) -> UInt256 {
    try Self.amount(Self.balanceKey(account, denom), in: &context)
  }

  public func supply(of denom: Denom, in context: inout HostContext) throws(ExecutionHalt) -> UInt256 {
    try Self.amount(Self.supplyKey(denom), in: &context)
  }

  /// Moves `coin`; sending to oneself changes nothing, and needs the funds all the same.
  public func move(
    _ coin: Coin, from: AccountAddress, to: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<BankRefusal>) {
    guard coin.amount > .zero else { throw .failure(.amountZero) }
    try take(coin, from: from, in: &context)
    try give(coin, to: to, in: &context)
    try halting { () throws(ExecutionHalt) in
      try context.emit(
        Event(
          "transfer", ["recipient": to.text, "sender": from.text], unindexed: ["amount": coin.description]))
    }
  }

  /// Makes `coin` for `account`.
  public func mint(
    _ coin: Coin, to account: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<BankRefusal>) {
    guard coin.amount > .zero else { throw .failure(.amountZero) }
    let supply = try stored(Self.supplyKey(coin.denom), in: &context)
    let (sum, overflow) = supply.addingReportingOverflow(coin.amount)
    guard !overflow else { throw .failure(.supplyOverflow(coin.denom)) }
    try store(sum, under: Self.supplyKey(coin.denom), in: &context)
    try give(coin, to: account, in: &context)
  }

  /// Destroys `coin` of `account`.
  public func burn(
    _ coin: Coin, of account: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<BankRefusal>) {
    guard coin.amount > .zero else { throw .failure(.amountZero) }
    try take(coin, from: account, in: &context)
    let supply = try stored(Self.supplyKey(coin.denom), in: &context)
    // A balance is part of the supply, so this cannot go below zero.
    let (rest, underflow) = supply.subtractingReportingOverflow(coin.amount)
    precondition(!underflow)
    try store(rest, under: Self.supplyKey(coin.denom), in: &context)
  }

  private func take(
    _ coin: Coin, from account: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<BankRefusal>) {
    let key = Self.balanceKey(account, coin.denom)
    let available = try stored(key, in: &context)
    let (rest, underflow) = available.subtractingReportingOverflow(coin.amount)
    guard !underflow else {
      throw .failure(.insufficientFunds(account, available: available, wanted: coin))
    }
    try store(rest, under: key, in: &context)
  }

  private func give(
    _ coin: Coin, to account: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<BankRefusal>) {
    let key = Self.balanceKey(account, coin.denom)
    let held = try stored(key, in: &context)
    if held == .zero {
      try halting { () throws(ExecutionHalt) in try accounts.ensure(account, in: &context) }
    }
    // The supply holds every balance, and was checked when it grew.
    let (sum, overflow) = held.addingReportingOverflow(coin.amount)
    precondition(!overflow)
    try store(sum, under: key, in: &context)
  }

  private func stored(
    _ key: [UInt8], in context: inout HostContext
  ) throws(AttemptFailure<BankRefusal>) -> UInt256 {
    do { return try Self.amount(key, in: &context) } catch { throw .halt(error) }
  }

  /// Zero is stored as nothing.
  private func store(
    _ amount: UInt256, under key: [UInt8], in context: inout HostContext
  ) throws(AttemptFailure<BankRefusal>) {
    try halting { () throws(ExecutionHalt) in
      if amount == .zero {
        try context.remove(key)
      } else {
        try context.write(amount.minimalBigEndian, to: key)
      }
    }
  }

  private func halting(_ body: () throws(ExecutionHalt) -> Void) throws(AttemptFailure<BankRefusal>) {
    do { try body() } catch { throw .halt(error) }
  }

  private static func amount(
    _ key: [UInt8], in context: inout HostContext
  ) throws(ExecutionHalt) -> UInt256 {
    guard let bytes = try context.read(key) else { return .zero }
    guard let amount = try? UInt256(bigEndian: bytes.span) else { throw .state(.unreadable) }
    return amount
  }
}
