import Digests
public import Messages
import WireBytes

/// Executes envelopes: all of its calls, or none; each with a gas limit of its own.
///
/// A sender acts at the destination as an account of its own, ``account(of:over:)``, that no key opens and no
/// other sender reaches. A call's funds come from that account: transfer payloads of the same packet, or of
/// earlier ones, have paid into it. What calls leave there stays the sender's, for its next envelope.
public struct ExecutionApplication: PacketApplication {
  /// What a callback at the origin may use, unless it says more.
  public static let callbackGas: UInt64 = 300_000
  /// For one call: its layer, its event.
  public static let callOverheadGas: UInt64 = 20_000
  /// For one coin of a call: two balances.
  public static let coinGas: UInt64 = 60_000

  private let domain: DomainID
  private let targets: any CallTargets
  private let tokens: any TokenKeeping
  private let callbacks: (any SettlementCallbacks)?

  /// - Parameter domain: this domain, as senders name it.
  public init(
    domain: DomainID, targets: any CallTargets, tokens: any TokenKeeping,
    callbacks: (any SettlementCallbacks)? = nil
  ) {
    self.domain = domain
    self.targets = targets
    self.tokens = tokens
    self.callbacks = callbacks
  }

  public var port: PortID { .execution }

  public func gasNeeded(by payload: Payload) -> UInt64 {
    guard let envelope = try? ExecutionEnvelope(decoding: payload.value.span) else { return 0 }
    var sum: UInt64 = 0
    for call in envelope.calls {
      let overhead = Self.callOverheadGas + Self.coinGas * UInt64(call.funds.count)
      for part in [call.gasLimit, overhead] {
        let (next, overflow) = sum.addingReportingOverflow(part)
        sum = overflow ? .max : next
      }
    }
    return sum
  }

  /// The account that `sender`, an address of the origin, acts through at the destination of a lane.
  public static func account(
    of sender: InteroperableAddress, over destinationClient: ClientID
  ) -> AccountAddress {
    let client = destinationClient.bytes
    var preimage = [UInt8]("causeway/execution-account/v1".utf8)
    // A client id has at most 64 bytes.
    preimage.append(UInt8(truncatingIfNeeded: client.count))
    let hash = SHA256Hash.hash(preimage + client + sender.encoded())
    return AccountAddress(Bytes20 { hash[$0] })
  }

  // MARK: Origin

  public func send(
    _ payload: Payload, at place: PacketPlace, by sender: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    let envelope = try decode(payload)
    // The destination knows the sender by this address.
    guard envelope.refundTo.domain == domain, envelope.refundTo.address == sender.bytes else {
      throw refusal("refundTo")
    }
  }

  public func acknowledge(
    _ payload: Payload, result: [UInt8]?, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    guard let result else { return try tell(.failed, of: payload, at: place, in: &context) }
    // The packet has ended whatever the answer says; one that cannot be read tells nobody anything.
    guard let outcome = try? Outcome(decoding: result.span) else { return }
    try tell(.executed(outcome), of: payload, at: place, in: &context)
  }

  public func timeOut(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    try tell(.timedOut, of: payload, at: place, in: &context)
  }

  /// Runs the callback; whatever becomes of it, the packet is settled.
  private func tell(
    _ settlement: ExecutionSettlement, of payload: Payload, at place: PacketPlace,
    in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    guard let callbacks, let envelope = try? ExecutionEnvelope(decoding: payload.value.span) else { return }
    let attempt = try halting { () throws(ExecutionHalt) in
      // Less would let a relayer starve the callback.
      guard context.gas.remaining > callbacks.callbackGas else {
        throw .outOfGas(
          GasMeter.OutOfGas(
            limit: context.gas.limit,
            wanted: context.gas.used.addingReportingOverflow(callbacks.callbackGas).partialValue))
      }
      return try context.attempt(gasLimit: callbacks.callbackGas) {
        (context: inout HostContext) throws(AttemptFailure<CallRefusal>) -> Bool in
        try callbacks.settled(settlement, of: envelope, at: place, in: &context)
        return true
      }
    }
    let reason: String
    switch attempt {
    case .succeeded: return
    case .failed(let refusal): reason = refusal.code
    case .outOfGas: reason = "outOfGas"
    case .breach(let breach): reason = "execution.\(breach.code)"
    }
    try halting { () throws(ExecutionHalt) in
      try context.emit(
        Event(
          "callback_failed",
          [
            "packet_source_client": place.sourceClient.text, "packet_sequence": place.sequence.description,
            "reason": reason,
          ]))
    }
  }

  // MARK: Destination

  public func receive(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) -> [UInt8] {
    let envelope = try decode(payload)
    let caller = Self.account(of: envelope.refundTo, over: place.destinationClient)
    let before = context.gas.used
    var results: [[UInt8]] = []
    for (index, call) in envelope.calls.enumerated() {
      let result = try execute(call, at: index, by: caller, in: &context)
      guard result.count <= Outcome.resultSizeMax else { throw refusal("call\(index).resultSize") }
      results.append(result)
    }
    do {
      return try Outcome(status: .success, gasUsed: context.gas.used - before, results: results).encoded()
    } catch { throw refusal("outcome") }
  }

  private func execute(
    _ call: ExecutionEnvelope.Call, at index: Int, by caller: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) -> [UInt8] {
    guard let target = targets.account(of: call.target) else { throw refusal("call\(index).target") }
    var funds: [TokenAmount] = []
    for coin in call.funds {
      guard let token = String(validating: coin.denomination, as: UTF8.self) else {
        throw refusal("call\(index).denomination")
      }
      let amount = TokenAmount(coin.amount, of: token)
      try tokens { () throws(AttemptFailure<TokenRefusal>) in
        try tokens.move(amount, from: caller, to: target, in: &context)
      }
      funds.append(amount)
    }
    let attempt = try halting { () throws(ExecutionHalt) in
      try context.attempt(gasLimit: call.gasLimit) {
        (context: inout HostContext) throws(AttemptFailure<CallRefusal>) -> [UInt8] in
        try targets.call(target, input: call.input, funds: funds, by: caller, in: &context)
      }
    }
    switch attempt {
    case .succeeded(let result): return result
    case .failed(let failure): throw refusal("call\(index).\(failure.code)")
    case .outOfGas: throw refusal("call\(index).outOfGas")
    case .breach(let breach): throw refusal("call\(index).execution.\(breach.code)")
    }
  }

  // MARK: Both

  private func decode(_ payload: Payload) throws(AttemptFailure<ApplicationRefusal>) -> ExecutionEnvelope {
    guard payload.sourcePort == port, payload.destinationPort == port else { throw refusal("port") }
    guard payload.version == ExecutionEnvelope.payloadVersion else { throw refusal("version") }
    guard payload.encoding == ExecutionEnvelope.payloadEncoding else { throw refusal("encoding") }
    do { return try ExecutionEnvelope(decoding: payload.value.span) } catch {
      throw refusal("payload." + String(String(describing: error).prefix { $0 != "(" }))
    }
  }
}
