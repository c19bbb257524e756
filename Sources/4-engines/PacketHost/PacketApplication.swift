public import Messages

/// Why an application will not have a packet, or cannot send one: its port and the name of its own error
/// case.
public struct ApplicationRefusal: Error, Hashable, Sendable {
  public let port: PortID
  /// Stable, lower camel case.
  public let code: String

  public init(port: PortID, code: String) {
    self.port = port
    self.code = code
  }
}

/// Where a payload stands: its packet's ends and number.
public struct PacketPlace: Hashable, Sendable {
  public let sourceClient: ClientID
  public let destinationClient: ClientID
  public let sequence: Sequence
  public let timeout: UnixTime
  /// The position of the payload in the packet.
  public let index: Int

  public init(_ packet: Packet, index: Int) {
    sourceClient = packet.sourceClient
    destinationClient = packet.destinationClient
    sequence = packet.sequence
    timeout = packet.timeout
    self.index = index
  }
}

/// An application behind a port. All calls run inside a layer that is undone when they throw.
///
/// `acknowledge` and `timeOut` settle what `send` has put at stake. They must not fail for a reason that
/// somebody's callback chose: a packet that cannot be settled would be stuck for good. Callbacks run inside
/// attempts of their own.
public protocol PacketApplication: Sendable {
  var port: PortID { get }

  /// The gas that ``receive(_:at:in:)`` may use for `payload`, generously. A message that leaves less for it
  /// is refused as a whole: otherwise whoever relays could turn any packet into an error by giving it too
  /// little.
  func gasNeeded(by payload: Payload) -> UInt64

  /// The origin: takes into escrow what the payload promises. `sender` has signed the transaction.
  func send(
    _ payload: Payload, at place: PacketPlace, by sender: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>)

  /// The destination: executes, and gives the acknowledgement, which must not be the universal error.
  func receive(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) -> [UInt8]

  /// The destination: as ``receive(_:at:in:)``, but an application may give nothing now, and its acknowledgement
  /// later by ``PacketHost/writeAcknowledgement(_:to:sequence:by:in:)``. Only the one payload of a packet can wait.
  func receiveOrDefer(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) -> [UInt8]?

  /// The origin, after the destination executed all payloads (`result`) or none (nil).
  func acknowledge(
    _ payload: Payload, result: [UInt8]?, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>)

  /// The origin, after the deadline passed without a receipt.
  func timeOut(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>)
}

/// The parts of ``PacketApplication`` share these.
extension PacketApplication {
  public func receiveOrDefer(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) -> [UInt8]? {
    try receive(payload, at: place, in: &context)
  }

  func refusal(_ code: String) -> AttemptFailure<ApplicationRefusal> {
    .failure(ApplicationRefusal(port: port, code: code))
  }

  func halting<Value>(
    _ body: () throws(ExecutionHalt) -> Value
  ) throws(AttemptFailure<ApplicationRefusal>) -> Value {
    do { return try body() } catch { throw .halt(error) }
  }

  func tokens(
    _ body: () throws(AttemptFailure<TokenRefusal>) -> Void
  ) throws(AttemptFailure<ApplicationRefusal>) {
    do { try body() } catch {
      switch error {
      case .failure(let refusal): throw self.refusal(refusal.code)
      case .halt(let halt): throw .halt(halt)
      }
    }
  }
}
