public import Messages
public import PacketHost

/// Code that a domain's users put there: contracts, which have accounts of 32 bytes.
///
/// Calls run inside a layer that is undone when they throw.
public protocol ContractModule: LedgerModule, SettlementCallbacks, PortRouting {
  /// The transfer application with what contracts have to do with transfers around it.
  func around(_ transfers: TransferApplication) -> any PacketApplication

  /// Calls a contract, whose account `funds` have been moved to already.
  func call(
    _ contract: AccountAddress, input: [UInt8], funds: [Coin], by caller: AccountAddress,
    in context: inout HostContext
  ) throws(AttemptFailure<ProgramRefusal>) -> [UInt8]
}
