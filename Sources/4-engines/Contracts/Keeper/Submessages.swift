import ContractHost
import Encodings
import Ledger
import Messages
import PacketHost

/// What a contract's answer asks for: events, then messages one after the other, each with its reply.
///
/// - SeeAlso: wasmd `x/wasm/keeper/{keeper,events,msg_dispatcher}.go`.
extension ContractKeeper {
  /// Gives the data of the answer, or of the last reply that has given any.
  func settle(
    _ parts: ResponseParts, of contract: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> [UInt8]? {
    try halting { () throws(ExecutionHalt) in
      try context.charge(ContractGas.events(parts.attributes, parts.events))
    }
    if !parts.attributes.isEmpty {
      try emit("wasm", contract, try Self.attributes(parts.attributes), in: &context)
    }
    var types: [(String, [(String, String)])] = []
    for event in parts.events {
      let type = event.type.trimmed
      guard type.utf8.count > 2 else {
        throw .failure(ContractFailure(.invalidEvent, "Event type too short: '\(type)'"))
      }
      types.append(("wasm-\(type)", try Self.attributes(event.attributes)))
    }
    for (type, attributes) in types { try emit(type, contract, attributes, in: &context) }
    let keeper: ContractKeeper
    do { keeper = try deeper() } catch { throw .failure(error) }
    var result = parts.bytes
    for message in parts.messages {
      if let replied = try keeper.dispatch(message, of: contract, in: &context) { result = replied }
    }
    return result
  }

  /// Keys and values without white space around them; keys that begin with `_` are the domain's own.
  private static func attributes(
    _ attributes: [ContractAttribute]
  ) throws(ContractStop) -> [(String, String)] {
    var read: [(String, String)] = []
    for attribute in attributes {
      let key = attribute.key.trimmed
      guard !key.isEmpty else {
        throw .failure(
          ContractFailure(.invalidEvent, "Empty attribute key. Value: \(attribute.value)"))
      }
      guard !key.hasPrefix("_") else {
        throw .failure(
          ContractFailure(.invalidEvent, "Attribute key starts with reserved prefix _: '\(key)'"))
      }
      read.append((key, attribute.value.trimmed))
    }
    return read
  }

  /// Runs one message in a layer of its own; gives the data of its reply.
  private func dispatch(
    _ message: SubMsg, of contract: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> [UInt8]? {
    let eventCount = context.events.count
    let attempt = try halting { () throws(ExecutionHalt) in
      try context.attempt(gasLimit: message.gasLimit ?? .max) {
        (context: inout HostContext) throws(ContractStop) -> [AnyMessage] in
        try send(message.message, of: contract, in: &context)
      }
    }
    let failure: ContractFailure
    switch attempt {
    case .succeeded(let answers):
      let events = sortOut(after: eventCount, message.message, in: &context)
      guard message.replyOn.onSuccess else { return nil }
      let response = SubMsgResponse(
        events: events, bytes: answers.first.flatMap { $0.value.isEmpty ? nil : $0.value },
        messageResponses: answers.map { SubMsgResponse.Message(typeURL: $0.typeURL, value: $0.value) })
      return try answer(message, .ok(response), to: contract, in: &context)
    case .failed(let reason): failure = reason
    // It has used its whole limit, and the parent has some left.
    case .outOfGas: failure = ContractFailure(.outOfGas, "SubMsg hit gas limit")
    case .breach(let breach): throw .halt(.breach(breach))
    }
    guard message.replyOn.onError else { throw .failure(failure) }
    return try answer(message, .error(failure.redacted), to: contract, in: &context)
  }

  private func answer(
    _ message: SubMsg, _ result: ContractResult<SubMsgResponse>, to contract: AccountAddress,
    in context: inout HostContext
  ) throws(ContractStop) -> [UInt8]? {
    try wrapping("reply") { () throws(ContractStop) in
      try reply(
        Reply(id: message.id, payload: message.payload, result: result), to: contract, in: &context)
    }
  }

  /// Leaves out events of type `message`, as wasmd does, and sorts the attributes of those that another contract's
  /// call has left; gives the ones that a reply is told.
  private func sortOut(
    after count: Int, _ message: CosmosMsg, in context: inout HostContext
  ) -> [ContractEvent] {
    var isContracts = false
    if case .wasm = message { isContracts = true }
    context.rewriteEvents(after: count) { events in
      let kept = events.filter { $0.type != "message" }
      guard isContracts else { return kept }
      return kept.map { event in
        // Swift's sort is stable.
        Event(
          event.type,
          event.attributes.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
      }
    }
    guard isContracts else { return [] }
    return context.events[count...].map { event in
      ContractEvent(
        type: event.type,
        attributes: event.attributes.map { ContractAttribute(key: $0.key, value: $0.value) })
    }
  }
}

extension String {
  /// Without white space at its ends, as Go's `strings.TrimSpace` leaves it.
  var trimmed: String {
    let scalars = unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return String(scalars[first...last])
  }
}
