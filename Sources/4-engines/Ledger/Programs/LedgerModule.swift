public import Messages
public import PacketHost
public import WireBytes

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

/// The block that comes before the one that is executed.
public struct PreviousBlock: Hashable, Sendable {
  public let height: UInt64
  /// The hash of its header.
  public let hash: Bytes32

  public init(height: UInt64, hash: Bytes32) {
    self.height = height
    self.hash = hash
  }
}

/// A part of a domain's rules with messages and queries of its own.
///
/// The ledger decodes and executes what it knows itself, and hands everything else to the first module that says the type
/// is its own. Messages run inside a layer that is undone when they throw.
public protocol LedgerModule: Sendable {
  /// As a genesis names it: lower-case letters, digits and dashes.
  var name: String { get }

  /// Whether messages of this type are for the module.
  func handles(_ typeURL: String) -> Bool

  /// Who must have signed `message`, which the module decodes and checks as far as its bytes tell.
  func signer(of message: AnyMessage) throws(MessageRefusal) -> AccountAddress

  /// Does what `message` asks; gives its answer.
  func handle(
    _ message: AnyMessage, in context: inout HostContext
  ) throws(AttemptFailure<ModuleRefusal>) -> AnyMessage

  /// The answer to a gRPC-named query with a protobuf request; nil when the name is not the module's.
  func query(
    path: String, request: [UInt8], on state: any StateReading, at moment: BlockMoment
  ) throws(ModuleQueryRefusal) -> [UInt8]?

  /// Notes what the module must know of a new block, before its transactions: at most
  /// ``LedgerRules/moduleChangesMax`` keys, free of charge.
  func begin(after previous: PreviousBlock?, in context: inout HostContext) throws(ExecutionHalt)
}

extension LedgerModule {
  public func begin(after previous: PreviousBlock?, in context: inout HostContext) throws(ExecutionHalt) {}
}
