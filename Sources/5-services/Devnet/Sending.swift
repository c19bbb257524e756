public import ChainAccess
import Ledger
import LedgerService
import LightClients
public import Messages
public import PacketHost
public import WireBytes

/// Why a crossing is not sent.
public enum SendingError: Error, Hashable, Sendable {
  case token(FungibleTokenError)
  case envelope(EnvelopeError)
  case address(InteroperableAddressError)
  case packet(PacketError)
  case access(AccessError)
  case send(SendError)
  /// In a block, and refused there: the name of the refusal and its numbers.
  case refused(log: String)
  /// The domain's answer holds no packet.
  case noPacket
}

/// Puts together what is sent over a lane.
public struct CrossingMessages: Sendable {
  public let origin: Network.Domain
  public let destination: Network.Domain
  public let lane: Network.Lane

  public init(_ network: Network, lane: Network.Lane, from origin: Network.Domain) {
    self.lane = lane
    self.origin = origin
    destination = network.other(origin, over: lane)
    near = lane.client(on: origin.name) ?? lane.first.client
  }

  private let near: ClientID

  /// The origin's client of the destination.
  public var sourceClient: ClientID { near }
  public var destinationClient: ClientID { lane.far(from: origin.name).client }

  /// How the destination names a token that it gets over this lane.
  public func arriving(_ path: TokenPath) -> TokenPath {
    path.hasHop(.transfer, sourceClient)
      ? path.dropping(.transfer, sourceClient) : path.adding(.transfer, destinationClient)
  }

  /// - Parameter token: its whole path on the origin: its name there, or that of a voucher.
  public func transfer(
    _ amount: UInt256, of token: TokenPath, from sender: AccountAddress, to receiver: AccountAddress,
    memo: String = ""
  ) throws(SendingError) -> Payload {
    try transfer(amount, of: token, from: sender, to: receiver.text, memo: memo)
  }

  /// - Parameter receiver: as the destination writes its accounts.
  public func transfer(
    _ amount: UInt256, of token: TokenPath, from sender: AccountAddress, to receiver: String, memo: String = ""
  ) throws(SendingError) -> Payload {
    let packet: FungibleTokenPacketData
    do {
      packet = try FungibleTokenPacketData(
        denomination: token.text, sender: sender.text, receiver: receiver, amount: amount, memo: memo)
    } catch { throw .token(error) }
    do {
      return try Payload(
        sourcePort: .transfer, destinationPort: .transfer, version: FungibleTokenPacketData.payloadVersion,
        encoding: FungibleTokenPacketData.payloadEncoding, value: packet.encoded())
    } catch { throw .packet(error) }
  }

  /// One call of a program at the destination, with tokens that go along in the same packet: all of it, or nothing.
  public func call(
    _ program: AccountAddress, input: [UInt8], gasLimit: UInt64, funds: [(UInt256, TokenPath)] = [],
    by sender: AccountAddress
  ) throws(SendingError) -> [Payload] {
    let owner: InteroperableAddress
    do { owner = try InteroperableAddress(domain: origin.id, address: sender.bytes) } catch {
      throw .address(error)
    }
    let account = ExecutionApplication.account(of: owner, over: destinationClient)
    return try call(
      program.bytes, input: input, gasLimit: gasLimit, funds: funds, through: account.text, by: sender)
  }

  /// - Parameters:
  ///   - target: a contract of the destination, in the bytes of its addresses.
  ///   - account: what the sender acts through there, as the destination writes its accounts.
  public func call(
    _ target: [UInt8], input: [UInt8], gasLimit: UInt64, funds: [(UInt256, TokenPath)] = [],
    through account: String, by sender: AccountAddress
  ) throws(SendingError) -> [Payload] {
    let called: InteroperableAddress
    let refundTo: InteroperableAddress
    do {
      called = try InteroperableAddress(domain: destination.id, address: target)
      refundTo = try InteroperableAddress(domain: origin.id, address: sender.bytes)
    } catch { throw .address(error) }
    var payloads: [Payload] = []
    var coins: [ExecutionEnvelope.Coin] = []
    for (amount, token) in funds {
      payloads.append(try transfer(amount, of: token, from: sender, to: account))
      // An EVM chain finds a voucher by its path.
      let there = arriving(token)
      let name = [UInt8]((destination.kind == .evm ? there.text : there.token).utf8)
      coins.append(ExecutionEnvelope.Coin(denomination: name, amount: amount))
    }
    let envelope: ExecutionEnvelope
    do {
      envelope = try ExecutionEnvelope(
        calls: [.init(target: called, funds: coins, gasLimit: gasLimit, input: input)], refundTo: refundTo)
    } catch { throw .envelope(error) }
    do {
      payloads.append(
        try Payload(
          sourcePort: .execution, destinationPort: .execution, version: ExecutionEnvelope.payloadVersion,
          encoding: ExecutionEnvelope.payloadEncoding, value: envelope.encoded()))
    } catch { throw .packet(error) }
    return payloads
  }

  /// What sending costs at most.
  public static func gasLimit(_ payloads: [Payload]) -> UInt64 {
    let bytes = payloads.reduce(0) { $0 + $1.value.count }
    return 250_000 + UInt64(payloads.count) * 150_000 + UInt64(bytes) * 60
  }

  /// Sends, waits for the block, and gives the packet.
  ///
  /// - Parameter timeout: from the origin's newest block on.
  public func send(
    _ payloads: [Payload], timeout: Duration, as sender: AccountSender, at address: AccountAddress,
    through access: any DomainAccess
  ) async throws(SendingError) -> (packet: Packet, transaction: ObservedTransaction) {
    let deadline = try await Self.deadline(timeout, through: access)
    let message = LedgerMessage.sendPacket(
      over: sourceClient, timeout: deadline, payloads: payloads, signer: address)
    let sent: ObservedTransaction
    do { sent = try await sender.send([message], gasLimit: Self.gasLimit(payloads)) } catch {
      switch error {
      case .failed(let transaction): throw .refused(log: transaction.result.log)
      default: throw .send(error)
      }
    }
    let event = sent.result.events.first { $0.type == "send_packet" }
    guard let packet = event.flatMap({ CrossingReader.packet($0) }) else { throw .noPacket }
    return (packet, sent)
  }

  /// Now and `timeout` more, by the later of this machine's clock and the domain's.
  static func deadline(
    _ timeout: Duration, through access: any DomainAccess
  ) async throws(SendingError) -> UnixTime {
    let head: ChainHead
    do { head = try await access.head() } catch { throw .access(error) }
    let clock = EmbeddedDomain.wallClock().seconds
    let seconds = UInt64(clamping: max(head.time.seconds, clock))
    return UnixTime(seconds: seconds).adding(seconds: UInt64(clamping: max(1, timeout.components.seconds)))
  }
}
