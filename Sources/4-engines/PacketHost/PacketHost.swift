public import Messages
public import WireBytes

/// Why a host will not do what a packet message asks. Nothing has changed when one of these is thrown.
public enum PacketRefusal: Error, Hashable, Sendable {
  /// The client is not registered here, or its counterparty is not known yet.
  case counterpartyUnknown(ClientID)
  /// The packet names another client than the one that is registered as the counterparty.
  case counterpartyMismatch(expected: ClientID, actual: ClientID)
  /// The deadline is not after the moment that counts here.
  case timeoutElapsed(timeout: UnixTime, now: UnixTime)
  /// The deadline is too far ahead of the block's time.
  case timeoutTooFar(timeout: UnixTime, latest: UnixTime)
  /// The other side's proven time is not yet at the deadline.
  case timeoutNotReached(timeout: UnixTime, proven: UnixTime)
  /// This host has sent another packet under that number.
  case commitmentMismatch(stored: Bytes32, given: Bytes32)
  /// As many results as payloads, or the universal error alone.
  case acknowledgementCount(payloads: Int, results: Int)
  /// No application listens there.
  case portUnknown(PortID)
  case packet(PacketError)
  case sequenceExhausted
  /// No packet of that number waits for an acknowledgement.
  case notPending(ClientID, Sequence)
  /// The packet that waits came to another port.
  case pendingPort(PortID)
  /// The universal error, or nothing, as an acknowledgement of an application.
  case acknowledgement(AcknowledgementError)
  case client(ClientRefusal)
  case application(ApplicationRefusal)
}

/// What became of a packet message that was not refused.
public enum PacketOutcome: Hashable, Sendable {
  /// It had been done before: repeats are harmless.
  case noOperation
  case done
  /// Received, and executed without success: the error acknowledgement is on its way back.
  case executionFailed(ReceiveFailure)
}

/// Why a received packet was answered with the universal error.
public enum ReceiveFailure: Error, Hashable, Sendable {
  case portUnknown(PortID)
  case application(ApplicationRefusal)
  /// An application answered with the universal error as its own, or with nothing.
  case acknowledgement(AcknowledgementError)
  /// One of several payloads would be answered later.
  case deferral(payloads: Int)
  /// Execution ran out of the gas that the message left for it.
  case outOfGas(limit: UInt64)
  /// An application, or what it called, broke a rule of execution.
  case breach(ExecutionBreach)

  /// Stable, lower camel case.
  public var code: String {
    switch self {
    case .portUnknown: "portUnknown"
    case .application(let refusal): "\(refusal.port).\(refusal.code)"
    case .acknowledgement: "acknowledgement"
    case .deferral: "deferral"
    case .outOfGas: "outOfGas"
    case .breach(let breach): "execution.\(breach.code)"
    }
  }
}

/// An IBC v2 host as functions over a context: sends, receives, acknowledges and times out packets.
///
/// Rules and their order are ibc-go's (`04-channel/v2/keeper/packet.go`, `msg_server.go`), so that its
/// relayers and its counterparties find what they expect. Proofs are judged by the clients of
/// ``HostClients``.
public struct PacketHost: Sendable {
  /// Kept back from a packet's execution, so that its acknowledgement can always be written.
  public static let acknowledgementGasReserve: UInt64 = 60_000

  private let applications: [PortID: any PacketApplication]
  private let router: (any PortRouting)?
  public let clients: HostClients

  /// - Parameter router: knows the ports that `applications` does not have.
  public init(
    applications: [any PacketApplication], clients: HostClients, router: (any PortRouting)? = nil
  ) {
    self.applications = Dictionary(applications.map { ($0.port, $0) }) { first, _ in first }
    self.router = router
    self.clients = clients
  }

  private func application(for port: PortID) -> (any PacketApplication)? {
    applications[port] ?? router?.application(for: port)
  }

  /// Sends `payloads` over `client`, on behalf of `sender`.
  ///
  /// - Returns: the packet, whose commitment is now stored.
  public func send(
    _ payloads: [Payload], over client: ClientID, timeout: UnixTime, by sender: AccountAddress,
    in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> Packet {
    try context.whole { (context: inout HostContext) throws(AttemptFailure<PacketRefusal>) -> Packet in
      try sendInLayer(payloads, over: client, timeout: timeout, by: sender, in: &context)
    }
  }

  private func sendInLayer(
    _ payloads: [Payload], over client: ClientID, timeout: UnixTime, by sender: AccountAddress,
    in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> Packet {
    let counterparty = try counterparty(of: client, in: &context)
    let now = context.moment.time
    guard timeout > now else { throw .failure(.timeoutElapsed(timeout: timeout, now: now)) }
    let latest = now.adding(seconds: Packet.timeoutDeltaMaxSeconds)
    guard timeout <= latest else { throw .failure(.timeoutTooFar(timeout: timeout, latest: latest)) }
    try proving { () throws(AttemptFailure<ClientRefusal>) in
      try clients.checkSendable(client, timeout: timeout, in: &context)
    }
    let sequence = try nextSequence(client, in: &context)
    let packet: Packet
    do {
      packet = try Packet(
        sequence: sequence, sourceClient: client, destinationClient: counterparty.client, timeout: timeout,
        payloads: payloads)
    } catch { throw .failure(.packet(error)) }
    try halting { () throws(ExecutionHalt) in
      try context.write(
        PacketCommitment.of(packet).array, to: PacketPath(.commitment, of: packet).bytes)
    }
    for (index, payload) in payloads.enumerated() {
      let application = try application(payload.sourcePort)
      try refusing { () throws(AttemptFailure<ApplicationRefusal>) in
        try application.send(payload, at: PacketPlace(packet, index: index), by: sender, in: &context)
      }
    }
    try halting { () throws(ExecutionHalt) in try context.emit(.send, packet) }
    return packet
  }

  /// Executes a packet that the counterparty has provably sent: all of its payloads, or none.
  public func receive(
    _ packet: Packet, proof: [UInt8], at height: Height, in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> PacketOutcome {
    try context.whole { (context: inout HostContext) throws(AttemptFailure<PacketRefusal>) -> PacketOutcome in
      try receiveInLayer(packet, proof: proof, at: height, in: &context)
    }
  }

  private func receiveInLayer(
    _ packet: Packet, proof: [UInt8], at height: Height, in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> PacketOutcome {
    let counterparty = try counterparty(of: packet.destinationClient, in: &context)
    guard counterparty.client == packet.sourceClient else {
      throw .failure(.counterpartyMismatch(expected: counterparty.client, actual: packet.sourceClient))
    }
    let now = context.moment.time
    guard now < packet.timeout else { throw .failure(.timeoutElapsed(timeout: packet.timeout, now: now)) }
    let receipt = PacketPath(.receipt, of: packet).bytes
    guard try stored(receipt, in: &context) == nil else { return .noOperation }
    _ = try proving { () throws(AttemptFailure<ClientRefusal>) in
      try clients.verify(
        .member(PacketPath(.commitment, of: packet), PacketCommitment.of(packet)), of: counterparty,
        client: packet.destinationClient, proof: proof, at: height, in: &context)
    }
    // The receipt is written before anything is executed: a payload that calls back into the host finds it.
    try halting { () throws(ExecutionHalt) in
      try context.write(HostKeys.receipt, to: receipt)
      try context.emit(.receive, packet)
    }
    let outcome = try execute(packet, in: &context)
    let acknowledgement: Acknowledgement
    switch outcome {
    case .success(nil):
      try halting { () throws(ExecutionHalt) in
        try context.write(
          packet.encoded(), to: HostKeys.pendingPacket(packet.destinationClient, packet.sequence))
      }
      return .done
    case .success(let results?): acknowledgement = results
    case .failure(let failure):
      acknowledgement = .universalError
      try halting { () throws(ExecutionHalt) in
        try context.emit(
          Event(
            "packet_failed",
            [
              "packet_dest_client": packet.destinationClient.text,
              "packet_sequence": packet.sequence.description, "reason": failure.code,
            ]))
      }
    }
    try halting { () throws(ExecutionHalt) in
      try context.write(
        PacketCommitment.of(acknowledgement).array, to: PacketPath(.acknowledgement, of: packet).bytes)
      try context.emit(.writeAcknowledgement, packet, acknowledgement: acknowledgement)
    }
    switch outcome {
    case .success: return .done
    case .failure(let failure): return .executionFailed(failure)
    }
  }

  /// Answers a packet that an application had received and deferred, once.
  ///
  /// - Parameter port: of the application; the packet must have come to it.
  public func writeAcknowledgement(
    _ result: [UInt8], to client: ClientID, sequence: Sequence, by port: PortID, in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) {
    let key = HostKeys.pendingPacket(client, sequence)
    guard let bytes = try stored(key, in: &context) else { throw .failure(.notPending(client, sequence)) }
    // Only what this host has encoded lies there.
    guard let packet = try? Packet(decoding: bytes.span), packet.payloads.count == 1 else {
      throw .halt(.state(.unreadable))
    }
    guard packet.payloads[0].destinationPort == port else {
      throw .failure(.pendingPort(packet.payloads[0].destinationPort))
    }
    let acknowledgement: Acknowledgement
    do throws(AcknowledgementError) {
      guard result != PacketCommitment.universalErrorBytes else {
        throw AcknowledgementError.universalErrorAmongOthers(index: 0)
      }
      acknowledgement = try Acknowledgement([result])
    } catch { throw .failure(.acknowledgement(error)) }
    try halting { () throws(ExecutionHalt) in
      try context.remove(key)
      try context.write(
        PacketCommitment.of(acknowledgement).array, to: PacketPath(.acknowledgement, of: packet).bytes)
      try context.emit(.writeAcknowledgement, packet, acknowledgement: acknowledgement)
    }
  }

  /// Settles a packet of this host that the counterparty has provably answered.
  public func acknowledge(
    _ packet: Packet, with acknowledgement: Acknowledgement, proof: [UInt8], at height: Height,
    in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> PacketOutcome {
    try context.whole { (context: inout HostContext) throws(AttemptFailure<PacketRefusal>) -> PacketOutcome in
      try acknowledgeInLayer(packet, with: acknowledgement, proof: proof, at: height, in: &context)
    }
  }

  private func acknowledgeInLayer(
    _ packet: Packet, with acknowledgement: Acknowledgement, proof: [UInt8], at height: Height,
    in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> PacketOutcome {
    let counterparty = try counterparty(of: packet.sourceClient, in: &context)
    guard counterparty.client == packet.destinationClient else {
      throw .failure(.counterpartyMismatch(expected: counterparty.client, actual: packet.destinationClient))
    }
    guard try isOpen(packet, in: &context) else { return .noOperation }
    if acknowledgement.isSuccess, acknowledgement.results.count != packet.payloads.count {
      throw .failure(
        .acknowledgementCount(payloads: packet.payloads.count, results: acknowledgement.results.count))
    }
    _ = try proving { () throws(AttemptFailure<ClientRefusal>) in
      try clients.verify(
        .member(PacketPath(.acknowledgement, of: packet), PacketCommitment.of(acknowledgement)),
        of: counterparty, client: packet.sourceClient, proof: proof, at: height, in: &context)
    }
    try close(packet, in: &context)
    for (index, payload) in packet.payloads.enumerated() {
      let application = try application(payload.sourcePort)
      let result = acknowledgement.isSuccess ? acknowledgement.results[index] : nil
      try refusing { () throws(AttemptFailure<ApplicationRefusal>) in
        try application.acknowledge(
          payload, result: result, at: PacketPlace(packet, index: index), in: &context)
      }
    }
    try halting { () throws(ExecutionHalt) in try context.emit(.acknowledge, packet) }
    return .done
  }

  /// Undoes a packet of this host whose deadline has provably passed without a receipt.
  public func timeOut(
    _ packet: Packet, proof: [UInt8], at height: Height, in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> PacketOutcome {
    try context.whole { (context: inout HostContext) throws(AttemptFailure<PacketRefusal>) -> PacketOutcome in
      try timeOutInLayer(packet, proof: proof, at: height, in: &context)
    }
  }

  private func timeOutInLayer(
    _ packet: Packet, proof: [UInt8], at height: Height, in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> PacketOutcome {
    let counterparty = try counterparty(of: packet.sourceClient, in: &context)
    guard counterparty.client == packet.destinationClient else {
      throw .failure(.counterpartyMismatch(expected: counterparty.client, actual: packet.destinationClient))
    }
    guard try isOpen(packet, in: &context) else { return .noOperation }
    let proven = try proving { () throws(AttemptFailure<ClientRefusal>) in
      try clients.verify(
        .absent(PacketPath(.receipt, of: packet)), of: counterparty, client: packet.sourceClient,
        proof: proof,
        at: height, in: &context)
    }
    guard proven >= packet.timeout else {
      throw .failure(.timeoutNotReached(timeout: packet.timeout, proven: proven))
    }
    try close(packet, in: &context)
    for (index, payload) in packet.payloads.enumerated() {
      let application = try application(payload.sourcePort)
      try refusing { () throws(AttemptFailure<ApplicationRefusal>) in
        try application.timeOut(payload, at: PacketPlace(packet, index: index), in: &context)
      }
    }
    try halting { () throws(ExecutionHalt) in try context.emit(.timeOut, packet) }
    return .done
  }
}

extension PacketHost {
  private func execute(
    _ packet: Packet, in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> Result<Acknowledgement?, ReceiveFailure> {
    let reserve = Self.acknowledgementGasReserve
    var needed = reserve
    for payload in packet.payloads {
      let (sum, overflow) = needed.addingReportingOverflow(
        application(for: payload.destinationPort)?.gasNeeded(by: payload) ?? 0)
      needed = overflow ? .max : sum
    }
    guard context.gas.remaining > needed else {
      let (wanted, overflow) = context.gas.used.addingReportingOverflow(needed)
      throw .halt(.outOfGas(GasMeter.OutOfGas(limit: context.gas.limit, wanted: overflow ? .max : wanted)))
    }
    let attempt: Attempt<Acknowledgement?, ReceiveFailure>
    do throws(ExecutionHalt) {
      attempt = try context.attempt(gasLimit: context.gas.remaining - reserve) {
        (context: inout HostContext) throws(AttemptFailure<ReceiveFailure>) -> Acknowledgement? in
        var results: [[UInt8]] = []
        var isDeferred = false
        for (index, payload) in packet.payloads.enumerated() {
          guard let application = application(for: payload.destinationPort) else {
            throw .failure(.portUnknown(payload.destinationPort))
          }
          do throws(AttemptFailure<ApplicationRefusal>) {
            let place = PacketPlace(packet, index: index)
            if let result = try application.receiveOrDefer(payload, at: place, in: &context) {
              results.append(result)
            } else {
              isDeferred = true
            }
          } catch {
            switch error {
            case .failure(let refusal): throw .failure(.application(refusal))
            case .halt(let halt): throw .halt(halt)
            }
          }
        }
        if isDeferred {
          // ibc-go: only packets of one payload may be acknowledged later.
          guard packet.payloads.count == 1 else {
            throw .failure(.deferral(payloads: packet.payloads.count))
          }
          return nil
        }
        guard results != [PacketCommitment.universalErrorBytes] else {
          throw .failure(.acknowledgement(.universalErrorAmongOthers(index: 0)))
        }
        do throws(AcknowledgementError) { return try Acknowledgement(results) } catch {
          throw .failure(.acknowledgement(error))
        }
      }
    } catch { throw .halt(error) }
    switch attempt {
    case .succeeded(let acknowledgement): return .success(acknowledgement)
    case .failed(let failure): return .failure(failure)
    case .outOfGas(let shortage): return .failure(.outOfGas(limit: shortage.limit))
    case .breach(let breach): return .failure(.breach(breach))
    }
  }

  private func counterparty(
    of client: ClientID, in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> Counterparty {
    guard let bytes = try stored(HostKeys.counterparty(client), in: &context) else {
      throw .failure(.counterpartyUnknown(client))
    }
    // Only what this host has encoded lies there.
    guard let counterparty = try? Counterparty(decoding: bytes.span) else {
      throw .halt(.state(.unreadable))
    }
    return counterparty
  }

  private func application(_ port: PortID) throws(AttemptFailure<PacketRefusal>) -> any PacketApplication {
    guard let application = application(for: port) else { throw .failure(.portUnknown(port)) }
    return application
  }

  /// Takes the next number of `client`.
  private func nextSequence(
    _ client: ClientID, in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> Sequence {
    let key = HostKeys.nextSequenceSend(client)
    var number = Sequence.first
    if let bytes = try stored(key, in: &context) {
      var reader = ByteReader(bytes.span)
      guard let raw = try? reader.readBigEndian(UInt64.self), let stored = Sequence(raw) else {
        throw .halt(.state(.unreadable))
      }
      number = stored
    }
    guard let next = number.next else { throw .failure(.sequenceExhausted) }
    var bytes: [UInt8] = []
    bytes.append(bigEndian: next.rawValue)
    try halting { () throws(ExecutionHalt) in try context.write(bytes, to: key) }
    return number
  }

  /// Whether this host has sent exactly this packet and it has not ended.
  private func isOpen(
    _ packet: Packet, in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> Bool {
    guard let bytes = try stored(PacketPath(.commitment, of: packet).bytes, in: &context) else {
      return false
    }
    let given = PacketCommitment.of(packet)
    guard let stored = try? Bytes32(bytes) else { throw .halt(.state(.unreadable)) }
    guard stored == given else { throw .failure(.commitmentMismatch(stored: stored, given: given)) }
    return true
  }

  private func close(
    _ packet: Packet, in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) {
    try halting { () throws(ExecutionHalt) in
      try context.remove(PacketPath(.commitment, of: packet).bytes)
    }
  }

  private func stored(
    _ key: [UInt8], in context: inout HostContext
  ) throws(AttemptFailure<PacketRefusal>) -> [UInt8]? {
    do { return try context.read(key) } catch { throw .halt(error) }
  }

  private func proving<Value>(
    _ body: () throws(AttemptFailure<ClientRefusal>) -> Value
  ) throws(AttemptFailure<PacketRefusal>) -> Value {
    do { return try body() } catch {
      switch error {
      case .failure(let refusal): throw .failure(.client(refusal))
      case .halt(let halt): throw .halt(halt)
      }
    }
  }

  private func halting(_ body: () throws(ExecutionHalt) -> Void) throws(AttemptFailure<PacketRefusal>) {
    do { try body() } catch { throw .halt(error) }
  }

  private func refusing(
    _ body: () throws(AttemptFailure<ApplicationRefusal>) -> Void
  ) throws(AttemptFailure<PacketRefusal>) {
    do { try body() } catch {
      switch error {
      case .failure(let refusal): throw .failure(.application(refusal))
      case .halt(let halt): throw .halt(halt)
      }
    }
  }
}
