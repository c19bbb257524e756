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

/// What a liar has overheard.
struct LiarState: Sendable {
  static let overheardMax = 120
  private(set) var overheard: [(domain: Int, messages: [LedgerMessage])] = []

  mutating func overhear(_ domain: Int, _ messages: [LedgerMessage], _ numbers: inout SeededNumbers) {
    guard overheard.count >= Self.overheardMax else {
      overheard.append((domain, messages))
      return
    }
    overheard[numbers.below(Self.overheardMax)] = (domain, messages)
  }
}

/// Somebody with an account and no scruples: everything that he submits must be refused by name, or be harmless.
extension World {
  mutating func tellLie() throws {
    switch numbers.below(12) {
    case 0: try replay("lie.replay") { $0 }
    case 1:
      try replay("lie.proofWithoutUpdate") {
        $0.filter { if case .updateClient = $0 { false } else { true } }
      }
    case 2: try replay("lie.payload") { $0.map { Self.mutated($0) } }
    case 3: try replay("lie.acknowledgement") { $0.map { Self.misanswered($0) } }
    case 4: try replay("lie.otherHeight") { $0.map { Self.displaced($0) } }
    case 5: try settleEarly()
    case 6: try receiveLate()
    case 7: try forgePacket()
    case 8: try forgeTime()
    case 9: try forgeAnswer()
    case 10: try misdirect()
    default: try sendRubbish()
    }
  }

  private mutating func submit(_ messages: [LedgerMessage], at domain: Int, _ name: String) throws {
    guard !messages.isEmpty,
      let bytes = try signed(messages, by: liar, at: domain, gas: gas(for: messages) + 2_000_000)
    else { return }
    count(name)
    note("\(name) at domain \(domain)")
    send(.liar, .domain(domain), .transaction(domain, bytes, .liar))
  }

  private mutating func replay(_ name: String, _ change: ([LedgerMessage]) -> [LedgerMessage]) throws {
    guard let (domain, messages) = numbers.pick(liarState.overheard) else { return }
    try submit(change(messages).map { Self.signedBy(liar.address, $0) }, at: domain, name)
  }

  private static func signedBy(_ signer: AccountAddress, _ message: LedgerMessage) -> LedgerMessage {
    switch message {
    case .updateClient(let client, let update, _): .updateClient(client, message: update, signer: signer)
    case .receivePacket(let packet, let proof, let height, _):
      .receivePacket(packet, proof: proof, height: height, signer: signer)
    case .acknowledgePacket(let packet, let answer, let proof, let height, _):
      .acknowledgePacket(packet, answer, proof: proof, height: height, signer: signer)
    case .timeOutPacket(let packet, let proof, let height, _):
      .timeOutPacket(packet, proof: proof, height: height, signer: signer)
    default: message
    }
  }

  private static func mutated(_ message: LedgerMessage) -> LedgerMessage {
    func other(_ packet: Packet) -> Packet {
      let first = packet.payloads[0]
      var value = first.value
      // The last word of a transfer's amount, or the last byte of calls.
      if value.count > 160 { value[159] ^= 1 } else if !value.isEmpty { value[value.count - 1] ^= 1 }
      guard
        let payload = try? Payload(
          sourcePort: first.sourcePort, destinationPort: first.destinationPort, version: first.version,
          encoding: first.encoding, value: value),
        let changed = try? Packet(
          sequence: packet.sequence, sourceClient: packet.sourceClient,
          destinationClient: packet.destinationClient, timeout: packet.timeout,
          payloads: [payload] + packet.payloads.dropFirst())
      else { return packet }
      return changed
    }
    return switch message {
    case .receivePacket(let packet, let proof, let height, let signer):
      .receivePacket(other(packet), proof: proof, height: height, signer: signer)
    case .acknowledgePacket(let packet, let answer, let proof, let height, let signer):
      .acknowledgePacket(other(packet), answer, proof: proof, height: height, signer: signer)
    case .timeOutPacket(let packet, let proof, let height, let signer):
      .timeOutPacket(other(packet), proof: proof, height: height, signer: signer)
    default: message
    }
  }

  private static func misanswered(_ message: LedgerMessage) -> LedgerMessage {
    switch message {
    case .acknowledgePacket(let packet, let answer, let proof, let height, let signer):
      .acknowledgePacket(
        packet,
        answer.isSuccess
          ? .universalError
          : (try? Acknowledgement(packet.payloads.map { _ in TransferApplication.success })) ?? answer,
        proof: proof, height: height, signer: signer)
    // What was received is timed out, with the proof that it was sent.
    case .receivePacket(let packet, let proof, let height, let signer):
      .timeOutPacket(packet, proof: proof, height: height, signer: signer)
    default: message
    }
  }

  private static func displaced(_ message: LedgerMessage) -> LedgerMessage {
    func other(_ height: Height) -> Height { Height(revision: height.revision, height.number ^ 1) }
    return switch message {
    case .receivePacket(let packet, let proof, let height, let signer):
      .receivePacket(packet, proof: proof, height: other(height), signer: signer)
    case .acknowledgePacket(let packet, let answer, let proof, let height, let signer):
      .acknowledgePacket(packet, answer, proof: proof, height: other(height), signer: signer)
    case .timeOutPacket(let packet, let proof, let height, let signer):
      .timeOutPacket(packet, proof: proof, height: other(height), signer: signer)
    default: message
    }
  }

  // MARK: True proofs at the wrong moment

  /// An update of the client at `side` with a true claim, and the proof of a path under it.
  private mutating func proven(
    _ lane: Int, _ side: Int, _ path: PacketPath
  ) throws -> (update: LedgerMessage, proof: [UInt8], height: Height)? {
    let tracked = lanes[lane].ends[1 - side].domain
    let client = lanes[lane].ends[side].client
    let height = domains[tracked].height - min(domains[tracked].height, finalLag)
    guard height > 0, domains[tracked].chain != nil else { return nil }
    let update: AnyMessage
    var proof: [UInt8]
    if lanes[lane].form == .header {
      guard let trusted = try domains[lanes[lane].ends[side].domain].client(client)?.latest,
        trusted.number < height, let header = domains[tracked].header(at: height, trusted: trusted.number)
      else { return nil }
      update = AnyMessage(typeURL: Tendermint.Header.typeURL, value: header.encoded())
      proof = []
    } else {
      let isState = lanes[lane].form == .attestedState
      guard let statements = try statements(lane, side, height: height, paths: isState ? nil : [path]) else {
        return nil
      }
      let bytes = Self.evidence(statements).protobuf()
      update = AnyMessage(typeURL: HostClients.MessageType.evidence, value: bytes)
      proof = PacketProof.reference(HostKeys.evidenceHash(bytes)).encoded()
    }
    if lanes[lane].form != .attestedPackets {
      guard let merkle = try domains[tracked].proof(of: path.bytes, at: height) else { return nil }
      proof = merkle
    }
    return (
      .updateClient(client, message: update, signer: liar.address), proof, Height(revision: 1, height)
    )
  }

  /// A timeout, whether it is due or not.
  private mutating func settleEarly() throws {
    guard let (name, observed) = checker.anyPacket(&numbers, { $0.endings.isEmpty && !$0.isForged }) else {
      return
    }
    let packet = observed.packet
    guard let (update, proof, height) = try proven(name.lane, name.side, PacketPath(.receipt, of: packet))
    else {
      return
    }
    try submit(
      [update, .timeOutPacket(packet, proof: proof, height: height, signer: liar.address)],
      at: lanes[name.lane].ends[name.side].domain, "lie.timeout")
  }

  /// A receive, whether it is too late or not.
  private mutating func receiveLate() throws {
    guard let (name, observed) = checker.anyPacket(&numbers, { !$0.isForged }) else { return }
    let packet = observed.packet
    let side = 1 - name.side
    guard let (update, proof, height) = try proven(name.lane, side, PacketPath(.commitment, of: packet))
    else {
      return
    }
    try submit(
      [update, .receivePacket(packet, proof: proof, height: height, signer: liar.address)],
      at: lanes[name.lane].ends[side].domain, "lie.receive")
  }

  // MARK: Forged attestations

  /// Evidence that those sign who lie, filled up with signatures that are not what they say.
  private mutating func forged(
    _ lane: Int, _ side: Int, height: UInt64, time: UnixTime, _ body: AttestedBody
  ) throws -> [UInt8]? {
    guard let policy = lanes[lane].policies[side], let group = lanes[lane].group else { return nil }
    let quorumLies = liarCount(group) >= Quorum.required
    // The world is left alone for a while first.
    if quorumLies, step < simulation.steps / 2 { return nil }
    var signed: [Statement] = []
    for attester in attesters.indices where attesters[attester].group == group {
      guard attesters[attester].kind == .corrupt else { continue }
      signed.append(
        try attesters[attester].sign(body, height: Height(revision: 1, height), timestamp: time, for: policy))
    }
    var signatures = signed.map {
      AttestedEvidence.Signature(attester: $0.attester % Quorum.attesters, bytes: $0.signature)
    }
    if !quorumLies {
      switch numbers.below(4) {
      case 0: break
      case 1:
        if let first = signatures.first { signatures.append(first) }
      case 2:
        // Somebody else's signature under an honest name.
        let bytes = signatures.first?.bytes ?? [UInt8](repeating: 7, count: 64)
        for place in 0..<Quorum.attesters where !signatures.contains(where: { $0.attester == place }) {
          signatures.append(AttestedEvidence.Signature(attester: place, bytes: bytes))
        }
      default:
        signatures.append(
          AttestedEvidence.Signature(attester: 9, bytes: [UInt8](repeating: 1, count: 64)))
      }
    } else {
      signatures = Array(signatures.prefix(Quorum.required))
    }
    return Evidence.attested(
      AttestedEvidence(
        height: Height(revision: 1, height), timestamp: time, body: body, signatures: signatures)
    ).protobuf()
  }

  func liarCount(_ group: Int) -> Int { attesters.count { $0.group == group && $0.kind != .honest } }

  private mutating func anyAttestedLane() -> (lane: Int, side: Int, tracked: Int)? {
    guard let lane = numbers.pick(lanes.filter { $0.form == .attestedPackets }) else { return nil }
    let side = numbers.below(2)
    let tracked = lane.ends[1 - side].domain
    guard domains[tracked].chain != nil else { return nil }
    return (lane.index, side, tracked)
  }

  /// A packet that was never sent.
  private mutating func forgePacket() throws {
    guard let (lane, side, tracked) = anyAttestedLane(),
      let sequence = Sequence(1_000_000 + numbers.below(UInt64(1_000)))
    else {
      return
    }
    let node = domains[tracked]
    let here = lanes[lane].ends[side]
    let packet = try Packet(
      sequence: sequence, sourceClient: lanes[lane].ends[1 - side].client, destinationClient: here.client,
      timeout: UnixTime(seconds: (domains[here.domain].history.last?.seconds ?? 0) + 5_000),
      payloads: [
        try Payload(
          sourcePort: .transfer, destinationPort: .transfer,
          version: FungibleTokenPacketData.payloadVersion,
          encoding: FungibleTokenPacketData.payloadEncoding,
          value: try FungibleTokenPacketData(
            denomination: node.native.text, sender: liar.address.text, receiver: liar.address.text,
            amount: UInt256(UInt64(777))
          ).encoded())
      ])
    let path = PacketPath(.commitment, of: packet)
    checker.know(path)
    let entry = StoredEntry(pathHash: path.hash(), commitment: PacketCommitment.of(packet))
    try submitForged(lane, side, tracked, .packets([entry])) { proof, height, signer in
      .receivePacket(packet, proof: proof, height: height, signer: signer)
    } name: {
      "lie.packet"
    }
  }

  /// An error where there was success, or an answer where there is none: the sender would be paid twice.
  private mutating func forgeAnswer() throws {
    guard let (name, observed) = checker.anyPacket(&numbers, { $0.endings.isEmpty && !$0.isForged }),
      lanes[name.lane].form == .attestedPackets
    else { return }
    let path = PacketPath(.acknowledgement, of: observed.packet)
    checker.know(path)
    let answer = Acknowledgement.universalError
    let entry = StoredEntry(pathHash: path.hash(), commitment: PacketCommitment.of(answer))
    try submitForged(name.lane, name.side, lanes[name.lane].ends[1 - name.side].domain, .packets([entry])) {
      proof, height, signer in
      .acknowledgePacket(observed.packet, answer, proof: proof, height: height, signer: signer)
    } name: {
      "lie.answer"
    }
  }

  private mutating func submitForged(
    _ lane: Int, _ side: Int, _ tracked: Int, _ body: AttestedBody,
    _ message: ([UInt8], Height, AccountAddress) -> LedgerMessage, name: () -> String
  ) throws {
    let node = domains[tracked]
    guard let seconds = node.seconds(at: node.height),
      let bytes = try forged(lane, side, height: node.height, time: UnixTime(seconds: seconds), body)
    else { return }
    let update = AnyMessage(typeURL: HostClients.MessageType.evidence, value: bytes)
    let proof = PacketProof.reference(HostKeys.evidenceHash(bytes)).encoded()
    let height = Height(revision: 1, node.height)
    try submit(
      [
        .updateClient(lanes[lane].ends[side].client, message: update, signer: liar.address),
        message(proof, height, liar.address),
      ], at: lanes[lane].ends[side].domain, name())
  }

  /// Another time for a height that is known.
  private mutating func forgeTime() throws {
    guard let (lane, side, tracked) = anyAttestedLane(),
      let latest = try domains[lanes[lane].ends[side].domain].client(lanes[lane].ends[side].client)?.latest,
      let seconds = domains[tracked].seconds(at: latest.number)
    else { return }
    let path = PacketPath(.receipt, client: lanes[lane].ends[1 - side].client, sequence: .first)
    checker.know(path)
    let entry = StoredEntry(pathHash: path.hash(), commitment: Bytes32())
    guard
      let bytes = try forged(
        lane, side, height: latest.number, time: UnixTime(seconds: seconds + 60), .packets([entry]))
    else { return }
    let update = AnyMessage(typeURL: HostClients.MessageType.evidence, value: bytes)
    try submit(
      [.updateClient(lanes[lane].ends[side].client, message: update, signer: liar.address)],
      at: lanes[lane].ends[side].domain, "lie.time")
  }

  /// Good evidence, given to a client that it was not made for.
  private mutating func misdirect() throws {
    guard let (_, messages) = numbers.pick(liarState.overheard), let lane = numbers.pick(lanes) else {
      return
    }
    let end = lane.ends[numbers.below(2)]
    for case .updateClient(let client, let update, _) in messages where client != end.client {
      try submit(
        [.updateClient(end.client, message: update, signer: liar.address)], at: end.domain, "lie.misdirected")
      return
    }
  }

  /// Bytes that are no transaction, or nobody's.
  private mutating func sendRubbish() throws {
    let domain = numbers.below(domains.count)
    let to = users[0].address
    let coin = Coin(UInt256(UInt64(5)), domains[domain].native)
    let plain = LedgerMessage.send(from: liar.address, to: to, coins: [coin])
    var bytes: [UInt8]?
    switch numbers.below(8) {
    case 0: bytes = (0..<(1 + numbers.below(200))).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
    case 1:
      bytes = try signed([plain], by: liar, at: domain, gas: 200_000)
      if let count = bytes?.count { bytes?[numbers.below(count)] ^= UInt8(1 << numbers.below(8)) }
    case 2: bytes = try signed([plain], by: liar, at: domain, gas: 200_000, chainID: "elsewhere-1")
    case 3: bytes = try signed([plain], by: liar, at: domain, gas: 200_000, timeoutHeight: 1)
    case 4: bytes = try signed([plain], by: liar, at: domain, gas: 200_000, sequence: 1 << 40)
    case 5:
      let much = Coin(UInt256(UInt64.max), domains[domain].native)
      bytes = try signed(
        [.send(from: liar.address, to: to, coins: [much])], by: liar, at: domain, gas: 200_000)
    case 6:
      // Somebody else's money.
      bytes = try signed(
        [.send(from: to, to: liar.address, coins: [coin])], by: liar, at: domain, gas: 200_000)
    default: bytes = try signed([plain], by: liar, at: domain, gas: 3_000)
    }
    guard let bytes else { return }
    count("lie.rubbish")
    send(.liar, .domain(domain), .transaction(domain, bytes, .liar))
  }

  // MARK: The watcher

  /// Shows a deceived client both claims that cannot be true together.
  mutating func watch(_ lane: Int) throws {
    guard let forgery = checker.forgeries[lane] else { return }
    let end = lanes[lane].ends[forgery.side]
    guard checker.frozen[Checker.ClientPlace(end.domain, end.client)] == nil else { return }
    queue.push(.watch(lane: lane), at: now + 10_000)
    guard let policy = lanes[lane].policies[forgery.side], forgery.height > 0 else { return }
    let tracked = lanes[lane].ends[1 - forgery.side].domain
    guard let reading = try read(tracked, at: forgery.height, form: forgery.paths) else { return }
    var statements: [Statement] = []
    // Liars sign the truth as well, when they are asked for it.
    for attester in attesters.indices where attesters[attester].group == lanes[lane].group {
      guard statements.count < Quorum.required, attesters[attester].kind == .corrupt else { continue }
      statements.append(
        try attesters[attester].sign(
          reading.body, height: Height(revision: 1, forgery.height), timestamp: reading.timestamp, for: policy
        ))
    }
    guard statements.count == Quorum.required else { return }
    let truth = Self.evidence(statements).protobuf()
    let both = Misbehaviour.encoded(forgery.evidence, truth)
    let message = LedgerMessage.updateClient(
      end.client, message: AnyMessage(typeURL: HostClients.MessageType.misbehaviour, value: both),
      signer: creator.address)
    guard let bytes = try signed([message], by: creator, at: end.domain, gas: 5_000_000) else { return }
    count("watcher.reported")
    note("watcher reports lane \(lane)")
    send(.user, .domain(end.domain), .transaction(end.domain, bytes, .user))
  }
}
