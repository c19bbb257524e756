public import Messages
public import PacketHost

/// Why a module will not do what a message asks, in the code space that its own field knows.
public struct ModuleRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  public let codespace: String
  public let number: UInt32
  /// For people, and for contracts that read a reply; the same on every machine.
  public let text: String

  public init(codespace: String, number: UInt32, text: String) {
    self.codespace = codespace
    self.number = number
    self.text = text
  }

  public var description: String { text }
}

/// Why a module's query has no answer.
public enum ModuleQueryRefusal: Error, Hashable, Sendable {
  case request
  case notFound
  case refused(ModuleRefusal)
  case state
}

/// Code that a domain's users put there: contracts, which have accounts of 32 bytes.
///
/// The ledger decodes and executes what it knows itself, and hands everything else here. Calls run inside a
/// layer that is undone when they throw.
public protocol ContractModule: SettlementCallbacks, PortRouting {
  /// Whether messages of this type are for the module.
  func handles(_ typeURL: String) -> Bool

  /// Who must have signed `message`, which the module decodes and checks as far as its bytes tell.
  func signer(of message: AnyMessage) throws(MessageRefusal) -> AccountAddress

  /// Does what `message` asks; gives its answer.
  func handle(
    _ message: AnyMessage, in context: inout HostContext
  ) throws(AttemptFailure<ModuleRefusal>) -> AnyMessage

  /// The transfer application with what contracts have to do with transfers around it.
  func around(_ transfers: TransferApplication) -> any PacketApplication

  /// Calls a contract, whose account `funds` have been moved to already.
  func call(
    _ contract: AccountAddress, input: [UInt8], funds: [Coin], by caller: AccountAddress,
    in context: inout HostContext
  ) throws(AttemptFailure<ProgramRefusal>) -> [UInt8]

  /// The answer to a gRPC-named query with a protobuf request; nil when the name is not the module's.
  func query(
    path: String, request: [UInt8], on state: any StateReading, at moment: BlockMoment
  ) throws(ModuleQueryRefusal) -> [UInt8]?
}
