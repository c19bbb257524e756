import ContractHost
import Encodings
import Ledger
import Messages
public import PacketHost

/// Transfers whose memo asks for contracts to be told: the sender's, when the packet has ended, and one at the
/// destination, when it came in.
///
/// The memo is JSON with `src_callback` or `dest_callback`, each `{"address": …, "gas_limit": "…"}`; a gas limit can
/// only lower what a callback may use.
///
/// - SeeAlso: ibc-go `modules/apps/callbacks` (ADR 008); wasmd `x/wasm/ibc.go`.
struct TransferCallbacks: PacketApplication {
  let inner: TransferApplication
  let keeper: ContractKeeper

  var port: PortID { inner.port }

  /// What a memo asks for on one side.
  struct Wanted {
    let address: String
    let gas: UInt64

    init?(_ name: String, in memo: String) {
      let limits = JSONLimits(sizeBytes: FungibleTokenPacketData.memoSizeMax, depth: 32)
      guard memo.utf8.first == UInt8(ascii: "{"),
        let callback = (try? JSONValue(decoding: [UInt8](memo.utf8), limits: limits))?[name],
        let address = callback["address"]?.string, !address.isEmpty
      else { return nil }
      self.address = address
      let limit = callback["gas_limit"]?.string.flatMap { UInt64($0) } ?? 0
      gas = limit == 0 ? ContractPacketGas.callback : min(limit, ContractPacketGas.callback)
    }
  }

  private func transfer(_ payload: Payload) -> FungibleTokenPacketData? {
    try? FungibleTokenPacketData(decoding: payload.value.span)
  }

  func gasNeeded(by payload: Payload) -> UInt64 {
    let isWanted = transfer(payload).flatMap { Wanted("dest_callback", in: $0.memo) } != nil
    return inner.gasNeeded(by: payload) + (isWanted ? ContractPacketGas.callback : 0)
  }

  private func refusal(_ code: String) -> AttemptFailure<ApplicationRefusal> {
    .failure(ApplicationRefusal(port: port, code: code))
  }

  // MARK: Origin

  func send(
    _ payload: Payload, at place: PacketPlace, by sender: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    if let transfer = transfer(payload), let wanted = Wanted("src_callback", in: transfer.memo) {
      // Only who sends is told; nobody has others' contracts called.
      guard wanted.address == sender.text else { throw refusal("callbackAddress") }
    }
    try inner.send(payload, at: place, by: sender, in: &context)
  }

  func acknowledge(
    _ payload: Payload, result: [UInt8]?, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    try inner.acknowledge(payload, result: result, at: place, in: &context)
    try tell(payload, at: place, in: &context) { packet, relayer in
      .acknowledgement(
        IbcPacketAckMsg(
          acknowledgement: IbcAcknowledgement(result ?? PacketCommitment.universalErrorBytes),
          originalPacket: packet, relayer: relayer))
    }
  }

  func timeOut(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    try inner.timeOut(payload, at: place, in: &context)
    try tell(payload, at: place, in: &context) { packet, relayer in
      .timeout(IbcPacketMsg(packet: packet, relayer: relayer))
    }
  }

  private func tell(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext,
    _ message: (IbcPacket, String) -> IbcSourceCallbackMsg
  ) throws(AttemptFailure<ApplicationRefusal>) {
    guard let transfer = transfer(payload), let wanted = Wanted("src_callback", in: transfer.memo),
      wanted.address == transfer.sender, let contract = AccountNames().account(named: wanted.address),
      contract.count == 32
    else { return }
    let packet = keeper.packet(payload.value, payload.sourcePort, payload.destinationPort, at: place)
    try keeper.callBack(
      .ibcSourceCallback, contract, message(packet, context.relayerText), at: place, port: port,
      gas: wanted.gas, in: &context)
  }

  // MARK: Destination

  func receive(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) -> [UInt8] {
    let result = try inner.receive(payload, at: place, in: &context)
    guard let transfer = transfer(payload), let wanted = Wanted("dest_callback", in: transfer.memo) else {
      return result
    }
    guard let contract = AccountNames().account(named: wanted.address), contract.count == 32 else {
      throw refusal("callbackAddress")
    }
    let path = TokenPath(transfer.denomination)
    let token =
      path.hasHop(payload.sourcePort, place.sourceClient)
      ? path.dropping(payload.sourcePort, place.sourceClient).token
      : path.adding(payload.destinationPort, place.destinationClient).token
    let message = IbcDestinationCallbackMsg(
      packet: keeper.packet(payload.value, payload.sourcePort, payload.destinationPort, at: place),
      acknowledgement: IbcAcknowledgement(result),
      transfer: IbcDestinationCallbackMsg.Transfer(
        sender: transfer.sender, receiver: transfer.receiver,
        funds: [ContractCoin(denomination: token, amount: transfer.amount)]))
    let attempt: Attempt<Bool, ContractFailure>
    do {
      attempt = try context.attempt(gasLimit: wanted.gas) {
        (context: inout HostContext) throws(ContractStop) -> Bool in
        try keeper.tell(
          .ibcDestinationCallback, try keeper.load(contract, in: &context), message, in: &context)
        return true
      }
    } catch { throw .halt(error) }
    // A contract that fails refuses the transfer: it goes back.
    switch attempt {
    case .succeeded: return result
    case .failed(let failure): throw refusal("callback.\(failure.code)")
    case .outOfGas: throw refusal("callback.outOfGas")
    case .breach(let breach): throw refusal("callback.execution.\(breach.code)")
    }
  }
}

extension ContractKeeper {
  public func around(_ transfers: TransferApplication) -> any PacketApplication {
    TransferCallbacks(inner: transfers, keeper: self)
  }
}
