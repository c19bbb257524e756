import Digests
public import Messages
import WireBytes

/// ICS-20 over IBC v2: moves tokens between domains. What leaves home waits in an escrow of its lane; what
/// arrives away from home is a voucher that names its way; going back burns the voucher and releases the
/// escrow.
///
/// - SeeAlso: ibc-go v10 `apps/transfer/v2/ibc_module.go`, `apps/transfer/keeper/relay.go`.
public struct TransferApplication: PacketApplication {
  /// `{"result":"AQ=="}`, as ibc-go writes a success.
  public static let success = [UInt8](#"{"result":"AQ=="}"#.utf8)
  /// Two balances, two supplies, an account and a trace, written once each with the longest names.
  public static let receiveGas: UInt64 = 250_000

  private let tokens: any TokenKeeping
  private let accounts: any AccountNaming
  /// Accounts that may not receive: modules, whose balances mean something.
  private let blocked: Set<AccountAddress>

  public init(
    tokens: any TokenKeeping, accounts: any AccountNaming, blocked: Set<AccountAddress> = []
  ) {
    self.tokens = tokens
    self.accounts = accounts
    self.blocked = blocked
  }

  public var port: PortID { .transfer }

  public func gasNeeded(by payload: Payload) -> UInt64 { Self.receiveGas }

  /// The account that holds what left over a lane (ibc-go `GetEscrowAddress`, ADR 028).
  public static func escrow(_ port: PortID, _ client: ClientID) -> AccountAddress {
    let hash = SHA256Hash.hash([UInt8]("ics20-1".utf8) + [0] + [UInt8]("\(port)/\(client)".utf8))
    return AccountAddress(Bytes20 { hash[$0] })
  }

  // MARK: Origin

  public func send(
    _ payload: Payload, at place: PacketPlace, by sender: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    let transfer = try decode(payload)
    guard accounts.account(named: transfer.sender) == sender else { throw refusal("sender") }
    let path = TokenPath(transfer.denomination)
    let amount = TokenAmount(transfer.amount, of: path.token)
    if path.hasHop(payload.sourcePort, place.sourceClient) {
      try tokens { () throws(AttemptFailure<TokenRefusal>) in
        try tokens.burn(amount, from: sender, in: &context)
      }
    } else {
      let escrow = Self.escrow(payload.sourcePort, place.sourceClient)
      try tokens { () throws(AttemptFailure<TokenRefusal>) in
        try tokens.move(amount, from: sender, to: escrow, in: &context)
      }
    }
    try emit("ibc_transfer", transfer, in: &context)
  }

  public func acknowledge(
    _ payload: Payload, result: [UInt8]?, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    // Anything but the universal error was written by a receiver that has executed, whatever it says: what
    // left stays away, for a refund needs a proof that nothing arrived.
    guard result == nil else { return }
    try refund(payload, at: place, in: &context)
  }

  public func timeOut(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    try refund(payload, at: place, in: &context)
  }

  /// Undoes ``send(_:at:by:in:)``: whatever it took is there to be given back.
  private func refund(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    let transfer = try decode(payload)
    guard let sender = accounts.account(named: transfer.sender) else { throw refusal("sender") }
    let path = TokenPath(transfer.denomination)
    let amount = TokenAmount(transfer.amount, of: path.token)
    if path.hasHop(payload.sourcePort, place.sourceClient) {
      try tokens { () throws(AttemptFailure<TokenRefusal>) in
        try tokens.mint(amount, to: sender, in: &context)
      }
    } else {
      let escrow = Self.escrow(payload.sourcePort, place.sourceClient)
      try tokens { () throws(AttemptFailure<TokenRefusal>) in
        try tokens.move(amount, from: escrow, to: sender, in: &context)
      }
    }
    try emit("timeout", transfer, in: &context)
  }

  // MARK: Destination

  public func receive(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) -> [UInt8] {
    let transfer = try decode(payload)
    guard let receiver = accounts.account(named: transfer.receiver) else { throw refusal("receiver") }
    let escrow = Self.escrow(payload.destinationPort, place.destinationClient)
    guard !blocked.contains(receiver), receiver != escrow else { throw refusal("receiverBlocked") }
    let path = TokenPath(transfer.denomination)
    if path.hasHop(payload.sourcePort, place.sourceClient) {
      // It comes home: the other side has burnt its voucher.
      let home = path.dropping(payload.sourcePort, place.sourceClient)
      try tokens { () throws(AttemptFailure<TokenRefusal>) in
        try tokens.move(
          TokenAmount(transfer.amount, of: home.token), from: escrow, to: receiver, in: &context)
      }
    } else {
      let voucher = path.adding(payload.destinationPort, place.destinationClient)
      guard voucher.text.utf8.count <= FungibleTokenPacketData.denominationSizeMax else {
        throw refusal("denominationLength")
      }
      let key = HostKeys.tokenTrace(voucher.hash)
      try halting { () throws(ExecutionHalt) in
        if try context.read(key) == nil { try context.write([UInt8](voucher.text.utf8), to: key) }
      }
      try tokens { () throws(AttemptFailure<TokenRefusal>) in
        try tokens.mint(TokenAmount(transfer.amount, of: voucher.token), to: receiver, in: &context)
      }
    }
    try emit("fungible_token_packet", transfer, in: &context)
    return Self.success
  }

  // MARK: Both

  private func decode(
    _ payload: Payload
  ) throws(AttemptFailure<ApplicationRefusal>) -> FungibleTokenPacketData {
    guard payload.sourcePort == port, payload.destinationPort == port else { throw refusal("port") }
    guard payload.version == FungibleTokenPacketData.payloadVersion else { throw refusal("version") }
    guard payload.encoding == FungibleTokenPacketData.payloadEncoding else { throw refusal("encoding") }
    do { return try FungibleTokenPacketData(decoding: payload.value.span) } catch {
      throw refusal("payload." + String(String(describing: error).prefix { $0 != "(" }))
    }
  }

  private func emit(
    _ type: String, _ transfer: FungibleTokenPacketData, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    try halting { () throws(ExecutionHalt) in
      try context.emit(
        Event(
          type, [:],
          unindexed: [
            "sender": transfer.sender, "receiver": transfer.receiver, "denom": transfer.denomination,
            "amount": transfer.amount.description,
          ]))
    }
  }
}
