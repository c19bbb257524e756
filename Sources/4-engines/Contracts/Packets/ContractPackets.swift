import ContractHost
import Ledger
public import Messages
public import PacketHost

/// A contract behind its own port of IBC v2: it is asked before a packet leaves, receives, and is told how packets
/// ended.
///
/// - SeeAlso: wasmd `x/wasm/keeper/ibc2.go`.
struct ContractPackets: PacketApplication {
  let keeper: ContractKeeper
  let contract: AccountAddress
  let port: PortID

  func gasNeeded(by payload: Payload) -> UInt64 { ContractPacketGas.receive }

  private func refusal(_ code: String) -> AttemptFailure<ApplicationRefusal> {
    .failure(ApplicationRefusal(port: port, code: code))
  }

  private func message(_ payload: Payload) -> Ibc2Payload {
    Ibc2Payload(
      sourcePort: payload.sourcePort.text, destinationPort: payload.destinationPort.text,
      version: payload.version, encoding: payload.encoding, value: payload.value)
  }

  func send(
    _ payload: Payload, at place: PacketPlace, by sender: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    // Nobody else sends from a contract's port.
    guard sender == contract else { throw refusal("signer") }
    do throws(ContractStop) {
      let loaded = try keeper.load(contract, in: &context)
      try keeper.tell(
        .ibc2PacketSend, loaded,
        Ibc2PacketSendMsg(
          payload: message(payload), sourceClient: place.sourceClient.text,
          destinationClient: place.destinationClient.text, packetSequence: place.sequence.rawValue,
          signer: sender.text), in: &context)
    } catch { throw error.mapped { ApplicationRefusal(port: port, code: $0.code) } }
  }

  func receive(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) -> [UInt8] {
    guard let result = try receiveOrDefer(payload, at: place, in: &context) else { throw refusal("deferred") }
    return result
  }

  func receiveOrDefer(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) -> [UInt8]? {
    let attempt: Attempt<[UInt8]?, ContractFailure>
    do {
      attempt = try context.attempt(gasLimit: ContractPacketGas.receive) {
        (context: inout HostContext) throws(ContractStop) -> [UInt8]? in
        try received(payload, at: place, in: &context)
      }
    } catch { throw .halt(error) }
    switch attempt {
    case .succeeded(let result): return result
    case .failed(let failure): throw refusal(failure.code)
    case .outOfGas: throw refusal("outOfGas")
    case .breach(let breach): throw refusal("execution.\(breach.code)")
    }
  }

  private func received(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(ContractStop) -> [UInt8]? {
    let loaded = try keeper.load(contract, in: &context)
    try keeper.chargeInstance(of: loaded.code, id: loaded.record.codeID, in: &context)
    let message = Ibc2PacketReceiveMsg(
      payload: message(payload), relayer: context.relayerText, sourceClient: place.sourceClient.text,
      destinationClient: place.destinationClient.text, packetSequence: place.sequence.rawValue)
    let response: IbcReceiveResponse = try keeper.invoke(
      .ibc2PacketReceive, of: contract, loaded.compiled,
      [keeper.environment(of: contract, in: context), message.encoded()], refusal: .execute, in: &context)
    let parts = ResponseParts(
      messages: response.messages, attributes: response.attributes, events: response.events,
      bytes: response.acknowledgement)
    let result = try keeper.settle(parts, of: contract, in: &context)
    try keeper.emit(
      "ibc_packet_received", contract, [("module", "wasm"), ("success", "true")], in: &context)
    return result
  }

  func acknowledge(
    _ payload: Payload, result: [UInt8]?, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    let message = Ibc2PacketAckMsg(
      sourceClient: place.sourceClient.text, destinationClient: place.destinationClient.text,
      payload: message(payload), acknowledgement: result ?? PacketCommitment.universalErrorBytes,
      relayer: context.relayerText)
    try keeper.callBack(.ibc2PacketAck, contract, message, at: place, port: port, in: &context)
  }

  func timeOut(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    let message = Ibc2PacketTimeoutMsg(
      payload: message(payload), sourceClient: place.sourceClient.text,
      destinationClient: place.destinationClient.text, packetSequence: place.sequence.rawValue,
      relayer: context.relayerText)
    try keeper.callBack(.ibc2PacketTimeout, contract, message, at: place, port: port, in: &context)
  }
}

extension HostContext {
  /// Who carries the packet, as contracts are told; empty when nobody does.
  var relayerText: String { relayer?.text ?? "" }
}

extension ContractKeeper {
  public func application(for port: PortID) -> (any PacketApplication)? {
    guard let contract = ContractPort.contract(port) else { return nil }
    return ContractPackets(keeper: self, contract: contract, port: port)
  }

  /// Tells a contract how a packet ended. Whatever it does, the packet has ended: what fails is undone, and an event
  /// says so. A contract without the entry point is not told.
  ///
  /// - Throws: when the message has not left enough gas: whoever relays must not starve the contract.
  func callBack(
    _ entryPoint: EntryPoint, _ contract: AccountAddress, _ message: some ContractMessage,
    at place: PacketPlace, port: PortID, gas: UInt64 = ContractPacketGas.callback,
    in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    let attempt: Attempt<Bool, ContractFailure>
    do throws(ExecutionHalt) {
      guard context.gas.remaining > gas else {
        throw .outOfGas(
          GasMeter.OutOfGas(
            limit: context.gas.limit, wanted: context.gas.used.addingReportingOverflow(gas).partialValue))
      }
      attempt = try context.attempt(gasLimit: gas) {
        (context: inout HostContext) throws(ContractStop) -> Bool in
        let loaded = try load(contract, in: &context)
        guard loaded.compiled.exports(entryPoint) else { return false }
        try tell(entryPoint, loaded, message, in: &context)
        return true
      }
    } catch { throw .halt(error) }
    let reason: String
    switch attempt {
    case .succeeded: return
    case .failed(let failure): reason = failure.code
    case .outOfGas: reason = "outOfGas"
    case .breach(let breach): reason = "execution.\(breach.code)"
    }
    do {
      try context.emit(
        Event(
          "callback_failed",
          [
            "packet_source_client": place.sourceClient.text, "packet_sequence": place.sequence.description,
            "_contract_address": contract.text, "reason": reason,
          ]))
    } catch { throw .halt(error) }
  }

  /// A payload's packet in the form of IBC v1, as callbacks are told it: channels are clients.
  func packet(_ bytes: [UInt8], _ source: PortID, _ destination: PortID, at place: PacketPlace) -> IbcPacket {
    let (nanoseconds, overflow) = place.timeout.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return IbcPacket(
      bytes: bytes, source: IbcEndpoint(portID: source.text, channelID: place.sourceClient.text),
      destination: IbcEndpoint(portID: destination.text, channelID: place.destinationClient.text),
      sequence: place.sequence.rawValue,
      timeout: IbcTimeout(block: nil, timestampNanoseconds: overflow ? .max : nanoseconds))
  }

  // MARK: Execution envelopes

  public var callbackGas: UInt64 { ContractPacketGas.callback }

  /// Tells a contract that has sent an execution envelope how it ended, with `ibc_source_callback`.
  public func settled(
    _ settlement: ExecutionSettlement, of envelope: ExecutionEnvelope, at place: PacketPlace,
    in context: inout HostContext
  ) throws(AttemptFailure<CallRefusal>) {
    // The envelope's sender was checked when it left.
    guard let sender = AccountAddress(bytes: envelope.refundTo.address), sender.count == 32 else { return }
    do throws(ContractStop) {
      guard try knownContract(sender, in: &context) != nil else { return }
      let loaded = try load(sender, in: &context)
      guard loaded.compiled.exports(.ibcSourceCallback) else { return }
      let packet = packet(envelope.encoded(), .execution, .execution, at: place)
      let relayer = context.relayerText
      let message: IbcSourceCallbackMsg
      switch settlement {
      case .executed(let outcome):
        message = .acknowledgement(
          IbcPacketAckMsg(
            acknowledgement: IbcAcknowledgement(outcome.encoded()), originalPacket: packet, relayer: relayer))
      case .failed:
        message = .acknowledgement(
          IbcPacketAckMsg(
            acknowledgement: IbcAcknowledgement(PacketCommitment.universalErrorBytes),
            originalPacket: packet, relayer: relayer))
      case .timedOut: message = .timeout(IbcPacketMsg(packet: packet, relayer: relayer))
      }
      try tell(.ibcSourceCallback, loaded, message, in: &context)
    } catch { throw error.mapped { CallRefusal(code: $0.code) } }
  }
}
