public import Messages
public import PacketHost
public import WireBytes

extension Bank: TokenKeeping {
  public func balance(
    of account: AccountAddress, _ token: String, in context: inout HostContext
  ) throws(ExecutionHalt) -> UInt256 {
    // What is no denomination, nobody has any of.
    guard let denom = try? Denom(token) else { return .zero }
    return try balance(of: account, denom, in: &context)
  }

  public func move(
    _ amount: TokenAmount, from: AccountAddress, to: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<TokenRefusal>) {
    let coin = try Self.coin(amount)
    do { try move(coin, from: from, to: to, in: &context) } catch { throw error.map { $0.token } }
  }

  public func mint(
    _ amount: TokenAmount, to account: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<TokenRefusal>) {
    let coin = try Self.coin(amount)
    do { try mint(coin, to: account, in: &context) } catch { throw error.map { $0.token } }
  }

  public func burn(
    _ amount: TokenAmount, from account: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<TokenRefusal>) {
    let coin = try Self.coin(amount)
    do { try burn(coin, of: account, in: &context) } catch { throw error.map { $0.token } }
  }

  private static func coin(_ amount: TokenAmount) throws(AttemptFailure<TokenRefusal>) -> Coin {
    guard let denom = try? Denom(amount.token) else { throw .failure(TokenRefusal(code: "denomination")) }
    return Coin(amount.amount, denom)
  }
}

extension BankRefusal {
  /// Stable, lower camel case.
  public var code: String {
    switch self {
    case .insufficientFunds: "insufficientFunds"
    case .supplyOverflow: "supplyOverflow"
    case .amountZero: "amountZero"
    }
  }

  fileprivate var token: TokenRefusal { TokenRefusal(code: code) }
}

/// Accounts as bech32, in the one spelling that this domain writes.
public struct AccountNames: AccountNaming {
  public init() {}

  public func account(named text: String) -> AccountAddress? {
    guard let account = try? AccountAddress(text: text), account.text == text else { return nil }
    return account
  }

  public func name(of account: AccountAddress) -> String { account.text }
}

/// Programs as what packets call.
public struct ProgramTargets: CallTargets {
  private let domain: DomainID
  private let programs: LedgerPrograms

  /// - Parameter domain: this domain, as senders name it.
  public init(domain: DomainID, programs: LedgerPrograms) {
    self.domain = domain
    self.programs = programs
  }

  /// Only an account under which a program lies: anything else would keep a call's funds for good.
  public func account(of target: InteroperableAddress) -> AccountAddress? {
    guard target.domain == domain, let account = AccountAddress(bytes: target.address) else { return nil }
    return programs.contains(account) ? account : nil
  }

  public func call(
    _ target: AccountAddress, input: [UInt8], funds: [TokenAmount], by caller: AccountAddress,
    in context: inout HostContext
  ) throws(AttemptFailure<CallRefusal>) -> [UInt8] {
    var coins: [Coin] = []
    for amount in funds {
      guard let denom = try? Denom(amount.token) else { throw .failure(CallRefusal(code: "denomination")) }
      coins.append(Coin(amount.amount, denom))
    }
    do {
      return try programs.run(target, input: input, funds: coins, by: caller, in: &context)
    } catch { throw error.map { CallRefusal(code: $0.code) } }
  }
}

extension ProgramCallRefusal {
  /// Stable: `programUnknown`, `funds.…`, or the program's own, `name.…`.
  public var code: String {
    switch self {
    case .programUnknown: "programUnknown"
    case .funds(let refusal): "funds.\(refusal.code)"
    case .program(let refusal): "\(refusal.program).\(refusal.code)"
    }
  }
}

extension PacketHost {
  /// The host of a ledger: token transfers over its bank, executions over its programs and contracts.
  ///
  /// - Parameter domain: the ledger's name for senders elsewhere, for instance `cosmos:harbor-1`.
  public static func ledger(domain: DomainID, programs: LedgerPrograms = .standard) -> PacketHost {
    let bank = Bank()
    let transfers = TransferApplication(
      tokens: bank, accounts: AccountNames(), blocked: [LedgerRules.feeCollector])
    return PacketHost(
      applications: [
        programs.contracts?.around(transfers) ?? transfers,
        ExecutionApplication(
          domain: domain, targets: ProgramTargets(domain: domain, programs: programs), tokens: bank,
          callbacks: programs.contracts),
      ], clients: HostClients(), router: programs.contracts)
  }
}
