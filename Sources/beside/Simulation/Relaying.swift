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

/// The service around each relay engine, in virtual time: it does effects, and tells what came of them.
extension World {
  // MARK: Life

  mutating func startRelayer(_ relayer: Int) {
    do { try restartRelayer(relayer) } catch { violate(.unexpectedFailure, "relayer \(relayer): \(error)") }
  }

  mutating func restartRelayer(_ relayer: Int) throws {
    guard relayers[relayer].engine == nil else { return }
    let torn = try relayers[relayer].disk.recover()
    if torn > 0 { count("fault.tornWrite") }
    relayers[relayer].incarnation += 1
    var rules = rules
    rules.relayerIndex = relayer
    let lanes = lanes.map { lane in
      LaneRule(
        LaneID(
          origin: domains[lane.ends[0].domain].id, sourceClient: lane.ends[0].client,
          destination: domains[lane.ends[1].domain].id, destinationClient: lane.ends[1].client),
        originForm: lane.form, destinationForm: lane.form, originTrustingSeconds: lane.trustingSeconds,
        destinationTrustingSeconds: lane.trustingSeconds)
    }
    relayers[relayer].engine = try RelayEngine(
      rules: rules, lanes: lanes, incarnation: relayers[relayer].incarnation,
      restoring: relayers[relayer].disk.snapshot)
    note("relayer \(relayer) starts with \(relayers[relayer].disk.rows.count) rows")
    try tell(relayer, .started)
    for domain in domains.indices {
      send(
        .domain(domain), .relayer(relayer),
        .blockSeen(relayer, domain: domain, height: domains[domain].height, hasEvents: false))
    }
  }

  mutating func crashRelayer(_ relayer: Int, keeping count: Int) {
    self.count("fault.relayerCrash")
    note("relayer \(relayer) crashes")
    relayers[relayer].stop(keeping: count)
    queue.push(.relayerUp(relayer), at: now + 500 + numbers.below(UInt64(15_000)))
  }

  private func instant(_ relayer: Int) -> RelayInstant {
    RelayInstant(milliseconds: relayers[relayer].clock + now)
  }

  /// One step of the engine, and its effects in order. The process may end before any of them.
  mutating func tell(_ relayer: Int, _ event: RelayEvent) throws {
    let moment = instant(relayer)
    guard let effects = relayers[relayer].engine?.step(event, at: moment) else { return }
    for effect in effects {
      if !isHealed, plan.contains(.relayerCrashes), numbers.chance(1) {
        crashRelayer(relayer, keeping: 0)
        return
      }
      try perform(effect, relayer)
      guard relayers[relayer].engine != nil, violation == nil else { return }
    }
  }

  private func index(of domain: DomainID) throws -> Int {
    guard let index = domains.firstIndex(where: { $0.id == domain }) else {
      throw SimulationFailure.reading("domain \(domain)")
    }
    return index
  }

  private func place(of end: LaneEnd) throws -> (lane: Int, side: Int) {
    let domain = try index(of: end.domain)
    for lane in lanes {
      for side in 0..<2 where lane.ends[side].domain == domain && lane.ends[side].client == end.client {
        return (lane.index, side)
      }
    }
    throw SimulationFailure.reading("end \(end)")
  }

  // MARK: Effects

  private mutating func perform(_ effect: RelayEffect, _ relayer: Int) throws {
    switch effect {
    case .persist(let packets, let ends):
      relayers[relayer].disk.write(packets, ends)
      if defect == .flushOrder {
        queue.push(
          .lateFlush(relayer, incarnation: relayers[relayer].incarnation), at: now + 1_500)
        return
      }
      if !isHealed, plan.contains(.relayerCrashes), numbers.chance(1) {
        count("fault.relayerCrash.torn")
        crashRelayer(relayer, keeping: numbers.below(8_192))
        return
      }
      relayers[relayer].disk.flush()
      for change in packets where change.record.status.isSettled {
        count("relayer.\(change.record.status.code)")
        try checkSettled(change.record, relayer)
      }
    case .readClient(let end): query(relayer, try index(of: end.domain), .client(end))
    case .scan(let request):
      guard defect != .neverScans else { return }
      query(relayer, try index(of: request.origin.domain), .scan(request))
    case .inspect(let request): query(relayer, try index(of: request.origin.domain), .origin(request))
    case .lookUp(let wanted):
      for lookup in wanted {
        var domain = try index(of: lookup.key.origin.domain)
        if lookup.wanted == .acknowledgement {
          let place = try place(of: lookup.key.origin)
          domain = lanes[place.lane].ends[1 - place.side].domain
        }
        query(relayer, domain, .lookUp(lookup))
      }
    case .askAttesters(let request): try askAttesters(request, relayer)
    case .fetchHeader(let request): query(relayer, try index(of: request.tracked), .header(request))
    case .fetchProofs(let request): query(relayer, try index(of: request.tracked), .proofs(request))
    case .submit(let request):
      for message in request.messages {
        let row = relayers[relayer].disk.rows[message.key]
        let isHeld = relayers[relayer].disk.packets[message.key] != nil
        guard row?.status != .submitting(message.task) || !isHeld else { continue }
        violate(
          .actedBeforeRecord,
          "relayer \(relayer) submits \(message.task.rawValue) of \(message.key), which its disk does not say"
        )
        return
      }
      try submit(request, relayer)
    case .abandon(let batch):
      relayers[relayer].forget(batch)
      // Whether its sequence was used is not known any more.
      for (hash, pending) in relayers[relayer].pending where pending.batch == batch {
        relayers[relayer].pending[hash] = nil
        relayers[relayer].accounts[pending.domain] = nil
      }
    case .alert(let alert): count("alert.\(alert.kind.rawValue)")
    case .alertEnded, .ignored: break
    case .wake(let moment):
      let at = max(now, moment.milliseconds - min(moment.milliseconds, relayers[relayer].clock))
      relayers[relayer].wakeAt = at
      queue.push(.wake(relayer, incarnation: relayers[relayer].incarnation), at: at)
    }
  }

  private mutating func query(_ relayer: Int, _ domain: Int, _ query: Query) {
    send(
      .relayer(relayer), .domain(domain),
      .query(relayer, incarnation: relayers[relayer].incarnation, domain: domain, query))
  }

  private mutating func askAttesters(_ request: AttestationRequest, _ relayer: Int) throws {
    let (lane, side) = try place(of: request.end)
    guard lanes[lane].group != nil else { return }
    relayers[relayer].collections[request.batch] = RelayerNode.Collection(
      request: request, lane: lane, side: side)
    let paths = request.needs.map(\.path)
    for path in paths { checker.know(path) }
    let question = AttesterQuestion(
      batch: request.batch, lane: lane, side: side, height: request.height,
      paths: request.isOverPackets ? paths : nil)
    for attester in attesters.indices where lanes[lane].serves(attesters[attester]) {
      send(
        .relayer(relayer), .attester(attester),
        .asked(attester, relayer: relayer, incarnation: relayers[relayer].incarnation, question))
    }
  }

  /// An attester has answered: the first three that say the same are enough.
  mutating func collect(_ statement: Statement, for batch: BatchID, _ relayer: Int) throws {
    guard var collection = relayers[relayer].collections[batch],
      let policy = lanes[collection.lane].policies[collection.side],
      statement.height == collection.request.height,
      !collection.statements.contains(where: { $0.attester == statement.attester })
    else { return }
    let notary = lanes[collection.lane].notaries[collection.side]
    let isNotary = statement.attester == Quorum.notary
    guard
      let member = isNotary ? notary?.attesters[0] : policy.attesters[statement.attester % Quorum.attesters]
    else { return }
    let time = UnixTime(seconds: DomainNode.epochSeconds)
    do { try member.verify(statement.signature, digest: statement.digest(for: policy), at: time) } catch {
      count("relayer.badSignature")
      return
    }
    collection.statements.append(statement)
    let agreeing = collection.statements.filter { $0.agrees(with: statement) }
    let hasNotary = agreeing.contains { $0.attester == Quorum.notary }
    guard agreeing.count - (hasNotary ? 1 : 0) >= Quorum.required, hasNotary || notary == nil else {
      relayers[relayer].collections[batch] = collection
      return
    }
    relayers[relayer].collections[batch] = nil
    let findings = Self.findings(collection.request.needs, statement.body)
    let evidence = Self.evidence(agreeing)
    relayers[relayer].evidence[batch] = RelayerNode.Held(
      typeURL: HostClients.MessageType.evidence, bytes: evidence.protobuf())
    try tell(relayer, .evidence(batch, .ready(findings: findings)))
  }

  private static func findings(_ needs: [ProofNeed], _ body: AttestedBody) -> [ProofFinding] {
    guard case .packets(let entries) = body else { return [] }
    var findings: [ProofFinding] = []
    for need in needs {
      let hash = need.path.hash()
      let stored = entries.first { $0.pathHash == hash }?.commitment ?? Bytes32()
      if let finding = finding(need, stored: stored == Bytes32() ? nil : stored) { findings.append(finding) }
    }
    return findings
  }

  private static func finding(_ need: ProofNeed, stored: Bytes32?) -> ProofFinding? {
    switch (need.commitment, stored) {
    case (nil, nil): nil
    case (nil, .some): ProofFinding(need.key, .present)
    case (.some, nil): ProofFinding(need.key, .absent)
    case (.some(let wanted), .some(let found)):
      wanted == found ? nil : ProofFinding(need.key, .different)
    }
  }

  // MARK: Answers of domains

  /// What a domain answers; nil when it has no answer.
  func answer(_ query: Query, at domain: Int, to relayer: Int) throws -> Answer? {
    let node = domains[domain]
    let final = node.height - min(node.height, finalLag)
    switch query {
    case .client(let end): return try node.client(end.client).map { .event(.client(end, $0)) }
    case .scan(let request):
      guard let state = node.state(provenBy: final) else { return nil }
      let found = try LedgerQueries(state).commitments(
        of: request.origin.client, after: Sequence(request.after), limit: request.limit + 1)
      let page = found.prefix(request.limit).map(\.sequence)
      return .event(
        .scanned(
          ScanPage(
            origin: request.origin, after: request.after,
            through: found.count > page.count ? page.last?.rawValue : nil, open: Array(page),
            height: Height(revision: 1, final))))
    case .origin(let request):
      guard let state = node.state(provenBy: final) else { return nil }
      let open = Set(try LedgerQueries(state).open(request.sequences, over: request.origin.client))
      return .inspectNext(request, Height(revision: 1, final), request.sequences.map { open.contains($0) })
    case .destination(let request, let originHeight, let open):
      guard let state = node.state(provenBy: final), let seconds = node.seconds(at: final) else { return nil }
      let missing = Set(
        try LedgerQueries(state).unreceived(request.sequences, over: request.peer.client))
      let packets = zip(request.sequences, open).map {
        InspectedPacket($0, isOpen: $1, isReceived: !missing.contains($0))
      }
      return .event(
        .inspected(
          Inspection(
            origin: request.origin, originHeight: originHeight,
            destinationHeight: Height(revision: 1, final),
            destinationTime: UnixTime(seconds: seconds), packets: packets)))
    case .lookUp(let lookup): return .event(lookUp(lookup, at: domain))
    case .header(let request):
      let trusted = request.trusted?.number ?? 0
      guard let header = node.header(at: request.height.number, trusted: trusted) else {
        return .event(.evidence(request.batch, .failed(code: "network.heightUnknown")))
      }
      return .header(request.batch, header.encoded())
    case .proofs(let request):
      var proofs: [(key: PacketKey, proof: [UInt8])] = []
      var findings: [ProofFinding] = []
      for need in request.needs {
        let value = try node.value(need.path.bytes, provenBy: request.height.number)
        let stored = value.map { StoredEntry.of(need.path, value: $0).commitment }
        if let finding = Self.finding(need, stored: stored) {
          findings.append(finding)
          continue
        }
        guard let proof = try node.proof(of: need.path.bytes, at: request.height.number) else {
          return .event(.proofs(request.batch, .failed(code: "network.heightUnknown")))
        }
        proofs.append((need.key, proof))
      }
      return .proofs(request.batch, proofs, findings)
    case .account:
      guard let account = try node.account(relayers[relayer].key.address) else { return nil }
      return .account(domain: domain, number: account.number, sequence: account.sequence)
    case .transaction(let hash):
      let height = node.history.lastIndex { $0.hashes.contains(hash) }.map { UInt64($0) + 1 }
      return .transaction(
        hash, height: height, isWaiting: node.chain?.mempool.contains(hash) ?? false)
    }
  }

  /// From the index of the domain's events.
  private func lookUp(_ lookup: Lookup, at domain: Int) -> RelayEvent {
    guard let origin = try? place(of: lookup.key.origin) else { return .notFound(lookup) }
    let destination = lanes[origin.lane].ends[1 - origin.side].client
    for (index, decided) in domains[domain].history.enumerated().reversed() {
      for sight in decided.sights where sight.packet.sequence == lookup.key.sequence {
        switch (lookup.wanted, sight) {
        case (.packet, .sent(let packet)) where packet.sourceClient == lookup.key.origin.client: break
        // Several domains may call their clients by one name.
        case (.acknowledgement, .acknowledgementWritten(let packet, _))
        where packet.destinationClient == destination: break
        default: continue
        }
        return .observed(domains[domain].id, at: Height(revision: 1, UInt64(index) + 2), [sight])
      }
    }
    return .notFound(lookup)
  }

  // MARK: What relayers hear

  mutating func hear(_ answer: Answer, _ relayer: Int) throws {
    switch answer {
    case .event(let event): try tell(relayer, event)
    case .inspectNext(let request, let height, let open):
      query(
        relayer, try index(of: request.peer.domain),
        .destination(request, originHeight: height, open: open))
    case .header(let batch, let bytes):
      relayers[relayer].evidence[batch] = RelayerNode.Held(typeURL: Tendermint.Header.typeURL, bytes: bytes)
      try tell(relayer, .evidence(batch, .ready(findings: [])))
    case .proofs(let batch, let proofs, let findings):
      relayers[relayer].proofs[batch] = Dictionary(proofs.map { ($0.key, $0.proof) }) { first, _ in first }
      try tell(relayer, .proofs(batch, .ready(findings: findings)))
    case .account(let domain, let number, let sequence):
      guard relayers[relayer].accounts[domain] == nil else { return }
      relayers[relayer].accounts[domain] = (number, sequence)
      let waiting = relayers[relayer].waitingForAccount
      relayers[relayer].waitingForAccount = []
      for request in waiting { try submit(request, relayer) }
    case .checked(let hash, let refusal):
      guard let refusal, let pending = relayers[relayer].pending[hash] else { return }
      relayers[relayer].pending[hash] = nil
      relayers[relayer].accounts[pending.domain] = nil
      relayers[relayer].forget(pending.batch)
      let code = refusal.isSequence ? "accountSequence" : refusal.code
      try tell(relayer, .submitted(pending.batch, .refused(refusal.part, code: code)))
    case .transaction(let hash, let height, let isWaiting):
      guard let pending = relayers[relayer].pending[hash] else { return }
      if let height {
        try takeInclusion(relayer, pending.domain, height)
      } else if !isWaiting {
        relayers[relayer].pending[hash] = nil
        relayers[relayer].accounts[pending.domain] = nil
        relayers[relayer].forget(pending.batch)
        count("relayer.lost")
        try tell(relayer, .submitted(pending.batch, .lost))
      }
    }
  }

  mutating func seeBlock(_ relayer: Int, _ domain: Int, _ height: UInt64, hasEvents: Bool) throws {
    let node = domains[domain]
    let final = height - min(height, finalLag)
    guard let latest = node.seconds(at: height), let finalSeconds = node.seconds(at: final) else { return }
    try tell(
      relayer,
      .head(
        node.id,
        DomainHead(
          latest: Height(revision: 1, height), latestTime: UnixTime(seconds: latest),
          final: Height(revision: 1, final), finalTime: UnixTime(seconds: finalSeconds))))
    guard hasEvents, relayers[relayer].engine != nil else { return }
    let sights = node.history[Int(height) - 1].sights
    if !sights.isEmpty {
      try tell(relayer, .observed(node.id, at: Height(revision: 1, height + 1), sights))
    }
    guard relayers[relayer].engine != nil else { return }
    try takeInclusion(relayer, domain, height)
  }

  /// Finds this relayer's transactions in a block.
  private mutating func takeInclusion(_ relayer: Int, _ domain: Int, _ height: UInt64) throws {
    let decided = domains[domain].history[Int(height) - 1]
    for (index, hash) in decided.hashes.enumerated() {
      guard let pending = relayers[relayer].pending[hash], pending.domain == domain else { continue }
      relayers[relayer].pending[hash] = nil
      relayers[relayer].forget(pending.batch)
      let result = decided.results[index]
      let outcome: SubmissionResult
      if result.succeeded {
        outcome = .included(Height(revision: 1, height + 1), try Self.outcomes(result, pending))
      } else {
        outcome = Self.refused(result, pending)
        if result.events.isEmpty { relayers[relayer].accounts[domain] = nil }
      }
      count(result.succeeded ? "relayer.included" : "relayer.refused")
      try tell(relayer, .submitted(pending.batch, outcome))
      guard relayers[relayer].engine != nil else { return }
    }
  }

  private static func outcomes(
    _ result: TransactionResult, _ pending: RelayerNode.Pending
  ) throws -> [MessageOutcome] {
    let answers = try TransactionAnswers(decoding: result.payload).answers
    return answers.suffix(pending.messageCount).map { answer in
      // `ResponseResultType`, field 1: 1 no operation, 2 success, 3 failure.
      switch answer.value.last {
      case 1: .noOperation
      case 3: .executionFailed(code: "failed")
      default: .done
      }
    }
  }

  /// The refusal's name stands before the first colon, and a message's index behind `index: `.
  private static func refused(_ result: TransactionResult, _ pending: RelayerNode.Pending) -> SubmissionResult
  {
    let name = String(result.log.prefix { $0 != ":" })
    var part = SubmissionResult.Part.transaction
    if name.hasPrefix("message."), let range = result.log.firstRange(of: "index: "),
      let index = Int(result.log[range.upperBound...].prefix { $0.isNumber })
    {
      if !pending.updates {
        part = .message(index)
      } else {
        part = index == 0 ? .update : .message(index - 1)
      }
    }
    return .refused(part, code: name)
  }

  mutating func checkPending(_ relayer: Int, _ hash: Bytes32) {
    guard let pending = relayers[relayer].pending[hash] else { return }
    query(relayer, pending.domain, .transaction(hash))
    queue.push(
      .pendingCheck(relayer, incarnation: relayers[relayer].incarnation, hash), at: now + 8_000)
  }

  mutating func askAccount(_ relayer: Int, _ domain: Int) {
    guard relayers[relayer].accounts[domain] == nil, !relayers[relayer].waitingForAccount.isEmpty else {
      return
    }
    query(relayer, domain, .account)
    queue.push(
      .accountCheck(relayer, incarnation: relayers[relayer].incarnation, domain: domain), at: now + 3_000)
  }

  // MARK: Submission

  private mutating func submit(_ request: SubmitRequest, _ relayer: Int) throws {
    let domain = try index(of: request.end.domain)
    guard let account = relayers[relayer].accounts[domain] else {
      relayers[relayer].waitingForAccount.append(request)
      askAccount(relayer, domain)
      return
    }
    guard let messages = try messages(of: request, relayer) else {
      relayers[relayer].forget(request.batch)
      try tell(relayer, .submitted(request.batch, .refused(.transaction, code: "evidenceUnknown")))
      return
    }
    var gas = gas(for: messages)
    if !isHealed, plan.contains(.scarceGas), numbers.chance(20) {
      count("fault.scarceGas")
      gas = gas / 3
    }
    let bytes = try Self.signed(
      messages, by: relayers[relayer].key, rules: domains[domain].genesis.rules, number: account.number,
      sequence: account.sequence, gas: gas)
    relayers[relayer].accounts[domain] = (account.number, account.sequence + 1)
    let hash = Transaction.hash(of: bytes)
    relayers[relayer].pending[hash] = RelayerNode.Pending(
      batch: request.batch, domain: domain, updates: request.updatesClient,
      messageCount: request.messages.count, since: now)
    liarState.overhear(domain, messages, &numbers)
    let incarnation = relayers[relayer].incarnation
    send(
      .relayer(relayer), .domain(domain),
      .transaction(domain, bytes, .relayer(relayer, incarnation: incarnation)))
    queue.push(.pendingCheck(relayer, incarnation: incarnation, hash), at: now + 8_000)
  }

  /// Nil when evidence or proofs are not held.
  private func messages(of request: SubmitRequest, _ relayer: Int) throws -> [LedgerMessage]? {
    let node = relayers[relayer]
    let signer = node.key.address
    let held = node.evidence[request.batch]
    var messages: [LedgerMessage] = []
    if request.updatesClient {
      guard let held else { return nil }
      messages.append(
        .updateClient(
          request.end.client, message: AnyMessage(typeURL: held.typeURL, value: held.bytes), signer: signer))
    }
    let (lane, _) = try place(of: request.end)
    for message in request.messages {
      // Ended meanwhile, while the account was asked for.
      guard let packet = node.disk.packets[message.key] else { return nil }
      let proof: [UInt8]
      if lanes[lane].form == .attestedPackets {
        guard let held else { return nil }
        proof = PacketProof.reference(HostKeys.evidenceHash(held.bytes)).encoded()
      } else {
        guard let merkle = node.proofs[request.batch]?[message.key] else { return nil }
        proof = merkle
      }
      switch message.task {
      case .receive:
        messages.append(.receivePacket(packet, proof: proof, height: request.height, signer: signer))
      case .acknowledge:
        guard let answer = node.disk.answers[message.key] else { return nil }
        messages.append(
          .acknowledgePacket(packet, answer, proof: proof, height: request.height, signer: signer))
      case .timeOut:
        messages.append(.timeOutPacket(packet, proof: proof, height: request.height, signer: signer))
      }
    }
    return messages
  }

  /// What a transaction needs at most, from what is in it.
  func gas(for messages: [LedgerMessage]) -> UInt64 {
    var gas: UInt64 = 200_000
    for message in messages {
      switch message {
      case .updateClient(_, let update, _): gas += 400_000 + 30 * UInt64(update.value.count)
      case .receivePacket(let packet, let proof, _, _):
        gas += 450_000 + 30 * UInt64(proof.count)
        for payload in packet.payloads {
          gas += 60 * UInt64(payload.value.count)
          if payload.destinationPort == .execution {
            guard let envelope = try? ExecutionEnvelope(decoding: payload.value.span) else { continue }
            for call in envelope.calls {
              gas += min(call.gasLimit, 10_000_000) + 50_000 + 80_000 * UInt64(call.funds.count)
            }
          } else {
            gas += TransferApplication.receiveGas
          }
        }
      case .acknowledgePacket(let packet, _, let proof, _, _), .timeOutPacket(let packet, let proof, _, _):
        gas += 250_000 + 400_000 * UInt64(packet.payloads.count) + 30 * UInt64(proof.count)
      default: gas += 400_000
      }
    }
    return gas
  }
}
