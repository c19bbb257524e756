public import Messages
public import PacketHost

/// The programs of a domain, by address.
public struct LedgerPrograms: Sendable {
  private let programs: [AccountAddress: any LedgerProgram]
  private let bank = Bank()

  /// Of two programs with one name the first counts.
  public init(_ programs: [any LedgerProgram]) {
    self.programs = Dictionary(programs.map { ($0.address, $0) }) { first, _ in first }
  }

  /// A counter and the bank: what a domain has by default.
  public static let standard = LedgerPrograms([CounterProgram(), BankProgram()])

  public func contains(_ address: AccountAddress) -> Bool { programs[address] != nil }

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
    guard let program = programs[address] else { throw .failure(.programUnknown(address)) }
    do {
      return try program.call(input, funds: funds, by: ProgramCaller(account: caller), in: &context)
    } catch { throw error.map { .program($0) } }
  }
}
