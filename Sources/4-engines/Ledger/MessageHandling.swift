import Messages
import PacketHost

extension LedgerExecution {
  /// Does what the messages ask, in their order; `known` are the messages where they have been decoded before.
  func run(
    _ transaction: Transaction, _ known: [LedgerMessage]?, in context: inout HostContext
  ) throws(AttemptFailure<TransactionRefusal>) -> [AnyMessage] {
    var answers: [AnyMessage] = []
    answers.reserveCapacity(transaction.messages.count)
    let sender = transaction.sender.text
    for index in transaction.messages.indices {
      let message: LedgerMessage
      if let known { message = known[index] } else { message = try decode(index, of: transaction) }
      do {
        try context.emit(
          Event(
            "message", ["action": message.typeURL, "sender": sender], unindexed: ["msg_index": String(index)])
        )
      } catch { throw .halt(error) }
      do { answers.append(try handle(message, in: &context)) } catch {
        throw error.map { .message(index: index, $0) }
      }
    }
    return answers
  }

  /// Does what one message asks; gives its answer.
  private func handle(
    _ message: LedgerMessage, in context: inout HostContext
  ) throws(AttemptFailure<MessageRefusal>) -> AnyMessage {
    switch message {
    case .send(let from, let to, let coins):
      guard !coins.isEmpty else { throw .failure(.coinsEmpty) }
      for coin in coins {
        do { try bank.move(coin, from: from, to: to, in: &context) } catch { throw error.map { .bank($0) } }
      }
      return .empty(to: message)
    case .callProgram(let caller, let address, let funds, let input):
      do {
        return MessageAnswer.call(
          try programs.call(address, input: input, funds: funds, by: caller, in: &context))
      } catch { throw error.map { .call($0) } }
    case .createClient, .updateClient, .registerCounterparty:
      do { return try handle(client: message, in: &context) } catch { throw error.map { .client($0) } }
    case .sendPacket, .receivePacket, .acknowledgePacket, .timeOutPacket:
      do { return try handle(packet: message, in: &context) } catch { throw error.map { .packet($0) } }
    case .module(let message, _):
      guard let module = programs.module(for: message.typeURL) else {
        throw .failure(.typeUnknown(message.typeURL))
      }
      do { return try module.handle(message, in: &context) } catch { throw error.map { .module($0) } }
    }
  }

  private func handle(
    client message: LedgerMessage, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> AnyMessage {
    switch message {
    case .createClient(let state, let consensus, let signer):
      return MessageAnswer.createClient(
        try host.clients.create(
          typeURL: state.typeURL, state: state.value, consensusTypeURL: consensus.typeURL,
          consensus: consensus.value, by: signer, in: &context))
    case .updateClient(let id, let update, _):
      try host.clients.update(id, typeURL: update.typeURL, message: update.value, in: &context)
    case .registerCounterparty(let id, let counterparty, let signer):
      try host.clients.register(counterparty, for: id, by: signer, in: &context)
    default: break
    }
    return .empty(to: message)
  }

  private func handle(
    packet message: LedgerMessage, in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> AnyMessage {
    let outcome: PacketOutcome
    context.relayer = message.signer
    defer { context.relayer = nil }
    switch message {
    case .sendPacket(let id, let timeout, let payloads, let signer):
      return MessageAnswer.send(
        try host.send(payloads, over: id, timeout: timeout, by: signer, in: &context))
    case .receivePacket(let packet, let proof, let height, _):
      outcome = try host.receive(packet, proof: proof, at: height, in: &context)
    case .acknowledgePacket(let packet, let acknowledgement, let proof, let height, _):
      outcome = try host.acknowledge(packet, with: acknowledgement, proof: proof, at: height, in: &context)
    case .timeOutPacket(let packet, let proof, let height, _):
      outcome = try host.timeOut(packet, proof: proof, at: height, in: &context)
    default: return .empty(to: message)
    }
    return MessageAnswer.relay(outcome, to: message.typeURL)
  }
}

extension AnyMessage {
  fileprivate static func empty(to message: LedgerMessage) -> AnyMessage {
    MessageAnswer.empty(to: message.typeURL)
  }
}
