public import Messages
public import PacketHost
import WireBytes

/// What a domain knows of one account beside its balances.
public struct Account: Hashable, Sendable {
  /// Given once, when the account first received something; part of the sign bytes.
  public let number: UInt64
  /// How many of its transactions were included.
  public var sequence: UInt64

  public init(number: UInt64, sequence: UInt64) {
    self.number = number
    self.sequence = sequence
  }
}

/// Account numbers and sequences.
public struct Accounts: Sendable {
  static let nextNumberKey = [UInt8]("nextAccountNumber".utf8)

  public init() {}

  public static func key(_ address: AccountAddress) -> [UInt8] {
    [UInt8]("accounts/".utf8) + address.bytes
  }

  /// Nil when the account has never received anything.
  public func account(
    _ address: AccountAddress, in context: inout HostContext
  ) throws(ExecutionHalt) -> Account? {
    guard let bytes = try context.read(Self.key(address)) else { return nil }
    guard let account = Account(stored: bytes) else { throw .state(.unreadable) }
    return account
  }

  /// Gives the account a number if it has none yet.
  public func ensure(_ address: AccountAddress, in context: inout HostContext) throws(ExecutionHalt) {
    guard try context.read(Self.key(address)) == nil else { return }
    var number: UInt64 = 0
    if let bytes = try context.read(Self.nextNumberKey) {
      var reader = ByteReader(bytes.span)
      guard let stored = try? reader.readBigEndian(UInt64.self) else { throw .state(.unreadable) }
      number = stored
    }
    var next: [UInt8] = []
    next.append(bigEndian: number + 1)
    try context.write(next, to: Self.nextNumberKey)
    try context.write(Account(number: number, sequence: 0).stored, to: Self.key(address))
  }

  func set(
    _ account: Account, for address: AccountAddress, in context: inout HostContext
  ) throws(ExecutionHalt) {
    try context.write(account.stored, to: Self.key(address))
  }
}

extension Account {
  /// Reads what ``stored`` wrote; nil for anything else.
  public init?(stored bytes: [UInt8]) {
    var reader = ByteReader(bytes.span)
    guard bytes.count == 16, let number = try? reader.readBigEndian(UInt64.self),
      let sequence = try? reader.readBigEndian(UInt64.self)
    else { return nil }
    self.init(number: number, sequence: sequence)
  }

  var stored: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: number)
    bytes.append(bigEndian: sequence)
    return bytes
  }
}
