import Digests
import Encodings
import Gate
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import RelayEngine
import StateTree
import WireBytes

/// What is checked of every block, by its transactions, its events and the state after it.
extension World {
  /// A block of `domain` has been decided and is in its history.
  mutating func observe(_ domain: Int, _ height: UInt64) throws {
    let decided = domains[domain].history[Int(height) - 1]
    var sights: [PacketSight] = []
    var touched = Touched()
    for (index, result) in decided.results.enumerated() {
      guard result.succeeded else {
        let name = String(result.log.prefix { $0 != ":" })
        count("refused.block.\(name)")
        checkTyped(name)
        if result.codespace.isEmpty { violate(.untypedRefusal, "no code space: \(result.log)") }
        let hasActed = result.events.contains {
          $0.type.hasSuffix("_packet") || $0.type == "write_acknowledgement"
        }
        if hasActed { violate(.unexpectedFailure, "a refused transaction has packet events: \(result.log)") }
        continue
      }
      let transaction = try Transaction(decoding: decided.block.transactions[index])
      let messages = try transaction.messages.map { try LedgerMessage(decoding: $0) }
      try judgeClaims(messages, result, domain, decided.seconds, height)
      try follow(result, messages, domain, decided.seconds, height, &sights, &touched)
      if violation != nil { break }
    }
    domains[domain].history[Int(height) - 1].sights = sights
    try checkValues(domain, touched, at: height)
  }

  /// What a block has changed that is compared with the state.
  struct Touched {
    var escrows: [Checker.EscrowPlace] = []
    var supplies: [Checker.SupplyPlace] = []
    var received: [PacketName] = []
  }

  func laneSide(_ domain: Int, _ client: ClientID) -> (lane: Int, side: Int)? {
    for lane in lanes {
      for side in 0..<2 where lane.ends[side].domain == domain && lane.ends[side].client == client {
        return (lane.index, side)
      }
    }
    return nil
  }

  mutating func checkTyped(_ name: String) {
    let isTyped = !name.isEmpty && name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "." }
    if !isTyped { violate(.untypedRefusal, "a refusal called '\(name)'") }
  }

  // MARK: Events

  private static func packet(_ hex: String) throws -> Packet {
    let bytes = try Hex.decode(hex)
    return try Packet(decoding: bytes.span)
  }

  private static func answer(_ hex: String) throws -> Acknowledgement {
    let bytes = try Hex.decode(hex)
    return try Acknowledgement(decoding: bytes.span)
  }

  private mutating func follow(
    _ result: TransactionResult, _ messages: [LedgerMessage], _ domain: Int, _ seconds: UInt64,
    _ height: UInt64, _ sights: inout [PacketSight], _ touched: inout Touched
  ) throws {
    for event in result.events {
      switch event.type {
      case "client_misbehaviour":
        guard let text = event.value("client_id"), let client = try? ClientID(text) else { continue }
        try noteFreeze(domain, client, height)
      case "send_packet", "recv_packet", "write_acknowledgement", "acknowledge_packet", "timeout_packet":
        guard let hex = event.value("encoded_packet_hex") else {
          violate(.unexpectedFailure, "\(event.type) without a packet")
          return
        }
        let packet = try Self.packet(hex)
        switch event.type {
        case "send_packet":
          sights.append(.sent(packet))
          noteSent(packet, domain, seconds, &touched)
        case "recv_packet":
          sights.append(.received(packet))
          noteReceived(packet, domain, seconds, &touched)
        case "write_acknowledgement":
          let answer = try Self.answer(event.value("encoded_acknowledgement_hex") ?? "")
          sights.append(.acknowledgementWritten(packet, answer))
          noteAnswer(packet, answer, domain, &touched)
        case "acknowledge_packet":
          sights.append(.acknowledged(packet))
          let given = messages.compactMap { message -> Acknowledgement? in
            guard case .acknowledgePacket(let named, let answer, _, _, _) = message, named == packet else {
              return nil
            }
            return answer
          }
          guard let answer = given.first else {
            violate(.unexpectedFailure, "acknowledged without a message")
            return
          }
          noteEnding(packet, answer.isSuccess ? .success : .error, answer, domain, seconds, &touched)
        default:
          sights.append(.timedOut(packet))
          noteEnding(packet, .timeout, nil, domain, seconds, &touched)
        }
      default: continue
      }
      if violation != nil { return }
    }
  }

  /// Nothing passes a client that is frozen or expired.
  private mutating func checkOpen(_ domain: Int, _ client: ClientID, _ seconds: UInt64, _ what: String) {
    let place = Checker.ClientPlace(domain, client)
    if checker.frozen[place] != nil {
      violate(.shutLaneExecuted, "\(what) over \(client) of domain \(domain), which is frozen")
    }
    guard let (lane, _) = laneSide(domain, client), let period = lanes[lane].trustingSeconds,
      let trusted = checker.trusted[place], trusted + period <= seconds
    else { return }
    violate(
      .shutLaneExecuted, "\(what) over \(client) of domain \(domain), which expired at \(trusted + period)")
  }

  private mutating func noteSent(_ packet: Packet, _ domain: Int, _ seconds: UInt64, _ touched: inout Touched)
  {
    guard let (lane, side) = laneSide(domain, packet.sourceClient) else {
      violate(.unexpectedFailure, "sent over a client that nobody made")
      return
    }
    checkOpen(domain, packet.sourceClient, seconds, "a packet was sent")
    let name = PacketName(lane: lane, side: side, sequence: packet.sequence.rawValue)
    guard checker.packets[name] == nil else {
      violate(.executedTwice, "packet \(name) was sent twice")
      return
    }
    checker.add(name, Self.observed(packet, isForged: false))
    count("packet.sent")
    count("packet.sent.\(lanes[lane].form.rawValue)")
    move(packet, from: domain, gives: true, &touched)
  }

  private static func observed(_ packet: Packet, isForged: Bool) -> ObservedPacket {
    var tags: [[UInt8]] = []
    var mustFail = false
    let observer = ObserverProgram().address.bytes
    let counter = CounterProgram().address.bytes
    for payload in packet.payloads where payload.sourcePort == .execution {
      guard let envelope = try? ExecutionEnvelope(decoding: payload.value.span) else { continue }
      for call in envelope.calls {
        if call.target.address == observer { tags.append(call.input) }
        if call.target.address == counter, call.input == [UInt8](#"{"fail":{}}"#.utf8) { mustFail = true }
      }
    }
    return ObservedPacket(packet: packet, isForged: isForged, tags: tags, mustFail: mustFail)
  }

  private mutating func noteReceived(
    _ packet: Packet, _ domain: Int, _ seconds: UInt64, _ touched: inout Touched
  ) {
    guard let (lane, side) = laneSide(domain, packet.destinationClient) else { return }
    checkOpen(domain, packet.destinationClient, seconds, "a packet was received")
    let name = PacketName(lane: lane, side: 1 - side, sequence: packet.sequence.rawValue)
    count("packet.received")
    let isDeceived = checker.deceived.contains(lane)
    if checker.packets[name]?.packet != packet {
      guard isDeceived else {
        violate(.falseClaim, "packet \(name) was received, and never sent like that")
        return
      }
      count("packet.forged")
      if checker.packets[name] == nil { checker.add(name, Self.observed(packet, isForged: true)) }
    }
    if seconds >= packet.timeout.seconds {
      violate(
        .executedAndRefunded, "packet \(name) was received at \(seconds), its deadline is \(packet.timeout)")
    }
    checker.change(name) { $0.executions += 1 }
    guard let observed = checker.packets[name] else { return }
    if observed.executions > 1 {
      violate(.executedTwice, "packet \(name) was executed \(observed.executions) times")
    }
    if !observed.endings.isEmpty, !isDeceived {
      violate(
        .executedAndRefunded,
        "packet \(name) was received after it had ended by \(observed.endings[0].rawValue)")
    }
    touched.received.append(name)
  }

  private mutating func noteAnswer(
    _ packet: Packet, _ answer: Acknowledgement, _ domain: Int, _ touched: inout Touched
  ) {
    guard let (lane, side) = laneSide(domain, packet.destinationClient) else { return }
    let name = PacketName(lane: lane, side: 1 - side, sequence: packet.sequence.rawValue)
    count(answer.isSuccess ? "packet.executed" : "packet.failed")
    guard let observed = checker.packets[name] else { return }
    if observed.answer != nil { violate(.executedTwice, "packet \(name) was answered twice") }
    if observed.mustFail, answer.isSuccess {
      violate(
        .executedAndRefunded, "packet \(name) succeeded although one of its calls fails: not all or none")
    }
    checker.change(name) { $0.answer = answer }
    if answer.isSuccess { take(packet, at: domain, &touched) }
  }

  private mutating func noteEnding(
    _ packet: Packet, _ ending: PacketEnding, _ answer: Acknowledgement?, _ domain: Int, _ seconds: UInt64,
    _ touched: inout Touched
  ) {
    guard let (lane, side) = laneSide(domain, packet.sourceClient) else { return }
    checkOpen(domain, packet.sourceClient, seconds, "a packet ended")
    let name = PacketName(lane: lane, side: side, sequence: packet.sequence.rawValue)
    count("packet.ended.\(ending.rawValue)")
    checker.change(name) { $0.endings.append(ending) }
    guard let observed = checker.packets[name], observed.packet == packet, !observed.isForged else {
      violate(.executedAndRefunded, "packet \(name) ended, and was never sent")
      return
    }
    if observed.endings.count > 1 {
      violate(.executedAndRefunded, "packet \(name) ended \(observed.endings)")
    }
    if ending != .success { move(packet, from: domain, gives: false, &touched) }
    guard !checker.deceived.contains(lane) else { return }
    switch ending {
    case .success, .error:
      if observed.answer != answer {
        violate(.falseClaim, "packet \(name) was acknowledged with another answer than was written")
      }
    case .timeout:
      if observed.executions > 0 {
        violate(.executedAndRefunded, "packet \(name) was executed, and timed out")
      }
      let there = lanes[lane].ends[1 - side].domain
      let newest = domains[there].history.last?.seconds ?? 0
      if newest < packet.timeout.seconds {
        violate(
          .executedAndRefunded, "packet \(name) timed out at \(newest), its deadline is \(packet.timeout)")
      }
    }
  }

  // MARK: Value, as packets say it moves

  private static func transfers(_ packet: Packet) -> [(payload: Payload, transfer: FungibleTokenPacketData)] {
    packet.payloads.compactMap { payload in
      guard payload.sourcePort == .transfer,
        let transfer = try? FungibleTokenPacketData(decoding: payload.value.span)
      else { return nil }
      return (payload, transfer)
    }
  }

  private func amount(_ transfer: FungibleTokenPacketData) -> Int64 {
    Int64(clamping: transfer.amount.asUInt64 ?? .max)
  }

  /// Leaves the origin, or comes back to it.
  private mutating func move(_ packet: Packet, from domain: Int, gives: Bool, _ touched: inout Touched) {
    for (payload, transfer) in Self.transfers(packet) {
      let path = TokenPath(transfer.denomination)
      let amount = amount(transfer) * (gives ? 1 : -1)
      if path.hasHop(payload.sourcePort, packet.sourceClient) {
        change(supply: Checker.SupplyPlace(domain: domain, token: path.token), by: -amount, &touched)
      } else {
        change(
          escrow: Checker.EscrowPlace(domain: domain, client: packet.sourceClient, token: path.token),
          by: amount, &touched)
      }
    }
  }

  /// Arrives at the destination.
  private mutating func take(_ packet: Packet, at domain: Int, _ touched: inout Touched) {
    for (payload, transfer) in Self.transfers(packet) {
      let path = TokenPath(transfer.denomination)
      let amount = amount(transfer)
      if path.hasHop(payload.sourcePort, packet.sourceClient) {
        let home = path.dropping(payload.sourcePort, packet.sourceClient)
        change(
          escrow: Checker.EscrowPlace(domain: domain, client: packet.destinationClient, token: home.token),
          by: -amount, &touched)
      } else {
        let voucher = path.adding(payload.destinationPort, packet.destinationClient)
        change(supply: Checker.SupplyPlace(domain: domain, token: voucher.token), by: amount, &touched)
      }
    }
  }

  private mutating func change(escrow place: Checker.EscrowPlace, by amount: Int64, _ touched: inout Touched)
  {
    checker.escrow[place, default: 0] += amount
    touched.escrows.append(place)
  }

  private mutating func change(supply place: Checker.SupplyPlace, by amount: Int64, _ touched: inout Touched)
  {
    checker.supply[place, default: 0] += amount
    touched.supplies.append(place)
  }

  /// Escrows, vouchers and traces of execution are exactly what the packets have made of them.
  private mutating func checkValues(_ domain: Int, _ touched: Touched, at height: UInt64) throws {
    guard let tree = domains[domain].tree, try tree.versions()?.newest == height else { return }
    let queries = LedgerQueries(TreeState(tree: tree, version: height))
    for place in touched.escrows {
      let account = TransferApplication.escrow(.transfer, place.client)
      let held = try queries.balance(of: account, try Denom(place.token)).asUInt64
      let expected = checker.escrow[place, default: 0]
      if held != UInt64(exactly: expected) {
        violate(
          .valueNotConserved,
          "domain \(domain) holds \(held ?? .max) \(place.token) for \(place.client), packets make it \(expected)"
        )
      }
    }
    for place in touched.supplies {
      let held = try queries.supply(of: try Denom(place.token)).asUInt64
      let expected = checker.supply[place, default: 0]
      if held != UInt64(exactly: expected) {
        violate(
          .valueNotConserved,
          "domain \(domain) has \(held ?? .max) of \(place.token), packets make it \(expected)")
      }
    }
    for name in touched.received {
      guard let observed = checker.packets[name] else { continue }
      let expected: UInt8 = observed.answer?.isSuccess == true ? 1 : 0
      for tag in observed.tags {
        let key = ObserverProgram().stateKey("") + tag
        let seen = try tree.value(of: key, at: height)?.first ?? 0
        if seen != expected {
          violate(
            seen > 1 ? .executedTwice : .executedAndRefunded,
            "packet \(name) left \(seen) traces of its execution, its answer says \(expected)")
        }
      }
    }
  }
}
