public import Messages
public import PacketHost

/// What accounts and packets call by address: the programs of a domain, and its contracts where it has any.
public struct LedgerPrograms: Sendable {
  private let programs: [AccountAddress: any LedgerProgram]
  public let contracts: (any ContractModule)?
  /// What else has messages of its own; names are unique, the first of a name counts.
  public let modules: [any LedgerModule]
  private let bank = Bank()

  /// Of two programs with one name the first counts.
  public init(_ programs: [any LedgerProgram], contracts: (any ContractModule)? = nil) {
    self.init(Dictionary(programs.map { ($0.address, $0) }) { first, _ in first }, contracts, [])
  }

  private init(
    _ programs: [AccountAddress: any LedgerProgram], _ contracts: (any ContractModule)?,
    _ modules: [any LedgerModule]
  ) {
    self.programs = programs
    self.contracts = contracts
    self.modules = modules
  }

  /// The same programs beside `contracts`.
  public func with(contracts: any ContractModule) -> LedgerPrograms {
    LedgerPrograms(programs, contracts, modules)
  }

  /// The same programs and contracts beside one more module.
  public func with(module: any LedgerModule) -> LedgerPrograms {
    guard !modules.contains(where: { $0.name == module.name }) else { return self }
    return LedgerPrograms(programs, contracts, modules + [module])
  }

  /// Contracts first, then the others in the order in which they were given.
  var allModules: [any LedgerModule] {
    guard let contracts else { return modules }
    return [contracts] + modules
  }

  /// The module whose messages have this type.
  func module(for typeURL: String) -> (any LedgerModule)? { allModules.first { $0.handles(typeURL) } }

  /// A counter and the bank: what a domain has by default.
  public static let standard = LedgerPrograms([CounterProgram(), BankProgram()])

  /// Whether something could lie at `address`. Only the state tells whether a contract does: a call to none
  /// is refused.
  public func contains(_ address: AccountAddress) -> Bool {
    programs[address] != nil || (contracts != nil && address.count == 32)
  }

  /// Calls a program with `funds` of `caller`. When it throws, the layer that it ran in is for the caller to
  /// undo.
  public func call(
    _ address: AccountAddress, input: [UInt8], funds: [Coin], by caller: AccountAddress,
    in context: inout HostContext
  ) throws(AttemptFailure<ProgramCallRefusal>) -> [UInt8] {
    guard contains(address) else { throw .failure(.programUnknown(address)) }
    for coin in funds {
      do { try bank.move(coin, from: caller, to: address, in: &context) } catch {
        throw error.map { .funds($0) }
      }
    }
    return try run(address, input: input, funds: funds, by: caller, in: &context)
  }

  /// Runs a program whose account `funds` have been moved to already.
  func run(
    _ address: AccountAddress, input: [UInt8], funds: [Coin], by caller: AccountAddress,
    in context: inout HostContext
  ) throws(AttemptFailure<ProgramCallRefusal>) -> [UInt8] {
    guard let program = programs[address] else {
      guard let contracts, address.count == 32 else { throw .failure(.programUnknown(address)) }
      do {
        return try contracts.call(address, input: input, funds: funds, by: caller, in: &context)
      } catch { throw error.map { .program($0) } }
    }
    do {
      return try program.call(input, funds: funds, by: ProgramCaller(account: caller), in: &context)
    } catch { throw error.map { .program($0) } }
  }
}
