import Encodings
import Messages
import RelayEngine
import Testing
import WireBytes

/// An engine that is told things by hand.
private struct Desk {
  var engine: RelayEngine
  var now: UInt64 = 1_000_000

  init(_ form: EvidenceForm, rules: RelayRules = RelayRules(), trustingSeconds: UInt64? = nil) throws {
    var rules = rules
    rules.batchDelay = .zero
    engine = try RelayEngine(
      rules: rules, lanes: [try Made.lane(form, trustingSeconds: trustingSeconds)], incarnation: 9)
    _ = tell(.started)
    for index in 0..<2 {
      _ = try head(index, 10, time: 1_000)
      _ = tell(
        .client(try Made.end(index), RelayedClient(latest: Height(5), latestTime: UnixTime(seconds: 995))))
    }
  }

  mutating func tell(_ event: RelayEvent, after milliseconds: UInt64 = 0) -> [RelayEffect] {
    now += milliseconds
    return engine.step(event, at: RelayInstant(milliseconds: now))
  }

  mutating func head(_ index: Int, _ final: UInt64, latest: UInt64? = nil, time: UInt64) throws
    -> [RelayEffect]
  {
    tell(
      .head(
        try Made.domain(index),
        DomainHead(
          latest: Height(latest ?? final), latestTime: UnixTime(seconds: time), final: Height(final),
          finalTime: UnixTime(seconds: time))))
  }

  mutating func sent(_ sequences: ClosedRange<UInt64>, at height: UInt64 = 10) throws -> [RelayEffect] {
    let sights = try sequences.map { PacketSight.sent(try Made.packet($0, from: 0, timeout: 50_000)) }
    return tell(.observed(try Made.domain(0), at: Height(height), sights))
  }

  func status(_ sequence: UInt64) throws -> PacketStatus? {
    engine.report(on: PacketKey(try Made.end(0), Sequence(sequence) ?? .first))?.status
  }
}

private func batches(_ effects: [RelayEffect]) -> [AttestationRequest] {
  effects.compactMap { if case .askAttesters(let request) = $0 { request } else { nil } }
}

private func submits(_ effects: [RelayEffect]) -> [SubmitRequest] {
  effects.compactMap { if case .submit(let request) = $0 { request } else { nil } }
}

@Suite("The relay engine")
struct EngineTests {
  @Test("waits for finality, and forgets what a rollback takes back")
  func rollback() throws {
    var desk = try Desk(.attestedPackets)
    _ = try desk.head(0, 10, latest: 12, time: 1_001)
    #expect(batches(try desk.sent(1...1, at: 12)).isEmpty)
    #expect(try desk.status(1) == .waitingFinality)
    _ = desk.tell(.rolledBack(try Made.domain(0), to: Height(11)))
    #expect(try desk.status(1) == .hopeless(.rolledBack))
    // The same number, sent again in the block that replaces it.
    _ = try desk.sent(1...1, at: 13)
    #expect(try desk.status(1) == .waitingFinality)
    let asked = batches(try desk.head(0, 13, time: 1_002))
    #expect(asked.map(\.height) == [Height(13)])
    #expect(try desk.status(1) == .waitingEvidence(.receive))
  }

  @Test("takes back a receipt that was rolled back, and shuts lanes when final blocks are")
  func rolledBackReceipt() throws {
    var desk = try Desk(.attestedPackets)
    _ = try desk.sent(1...1)
    let packet = try Made.packet(1, from: 0, timeout: 50_000)
    _ = try desk.head(1, 10, latest: 11, time: 1_001)
    _ = desk.tell(
      .observed(
        try Made.domain(1), at: Height(11), [.acknowledgementWritten(packet, try Acknowledgement([[1]]))]))
    #expect(try desk.status(1) == .waitingAcknowledgementFinality)
    _ = desk.tell(.rolledBack(try Made.domain(1), to: Height(10)))
    #expect(try desk.status(1) == .checking(.receive))
    let effects = desk.tell(.rolledBack(try Made.domain(1), to: Height(3)))
    #expect(
      effects.contains { if case .alert(let alert) = $0 { alert.kind == .finalityViolated } else { false } })
    #expect(desk.engine.report(on: try Made.end(0))?.shut == .finalityViolated)
    _ = desk.tell(.command(.resume(try Made.end(0))))
    #expect(desk.engine.report(on: try Made.end(0))?.shut == nil)
  }

  @Test("does nothing twice for a repeated event")
  func repeated() throws {
    var desk = try Desk(.attestedPackets)
    let first = try desk.sent(1...3)
    #expect(batches(first).count == 1)
    #expect(try desk.sent(1...3).isEmpty)
    let batch = try #require(batches(first).first?.batch)
    let done = desk.tell(.evidence(batch, .ready(findings: [])))
    #expect(submits(done).count == 1)
    #expect(desk.tell(.evidence(batch, .ready(findings: []))).isEmpty)
    #expect(desk.tell(.evidence(BatchID(incarnation: 8, number: batch.number), .failed(code: "x"))).isEmpty)
  }

  @Test("persists before it submits")
  func order() throws {
    var desk = try Desk(.attestedPackets)
    let batch = try #require(batches(try desk.sent(1...3)).first?.batch)
    let effects = desk.tell(.evidence(batch, .ready(findings: [])))
    guard case .persist(let packets, _) = effects.first else {
      Issue.record("\(effects)")
      return
    }
    #expect(packets.map(\.record.status) == Array(repeating: .submitting(.receive), count: 3))
  }

  @Test("submits a live packet at once behind a backlog of 20,000")
  func backlog() throws {
    var desk = try Desk(.attestedPackets)
    var after: UInt64 = 0
    while after < 20_000 {
      let open = ((after + 1)...(after + 1_000)).compactMap { Sequence($0) }
      _ = desk.tell(
        .scanned(
          ScanPage(
            origin: try Made.end(0), after: after, through: after + 1_000 < 20_000 ? after + 1_000 : nil,
            open: open,
            height: Height(10))))
      after += 1_000
    }
    #expect(desk.engine.packetCounts.backlog == 20_000)
    // Contents and states of the whole backlog.
    for start in stride(from: UInt64(1), through: 20_000, by: 500) {
      _ = try desk.sent(start...(start + 499))
    }
    var asked: [AttestationRequest] = []
    for start in stride(from: UInt64(1), through: 20_000, by: 200) {
      let packets = (start...(start + 199)).compactMap { number in
        Sequence(number).map { InspectedPacket($0, isOpen: true, isReceived: false) }
      }
      asked += batches(
        desk.tell(
          .inspected(
            Inspection(
              origin: try Made.end(0), originHeight: Height(10), destinationHeight: Height(10),
              destinationTime: UnixTime(seconds: 1_000), packets: packets))))
    }
    // The backlog has its own place, and no more.
    #expect(asked.count == 1)
    #expect(asked.first?.needs.count == 100)
    let first = try #require(asked.first?.batch)
    #expect(submits(desk.tell(.evidence(first, .ready(findings: [])))).count == 1)
    let live = batches(try desk.sent(30_000...30_000))
    #expect(live.map(\.needs.count) == [1])
    let batch = try #require(live.first?.batch)
    // In flight beside the backlog's submission, which has not been answered.
    let submitted = submits(desk.tell(.evidence(batch, .ready(findings: []))))
    #expect(submitted.map(\.messages.count) == [1])
  }

  @Test("holds its limits on packets, batches, flights and attempts")
  func limits() throws {
    var rules = RelayRules()
    rules.liveMax = 10
    rules.backlogMax = 5
    rules.batchMessagesMax = 2
    var desk = try Desk(.attestedPackets, rules: rules)
    let effects = try desk.sent(1...20)
    #expect(desk.engine.packetCounts.live == 10)
    #expect(desk.engine.packetCounts.backlog == 5)
    #expect(effects.count { if case .ignored(let sight) = $0 { sight.reason == .full } else { false } } == 5)
    let asked = batches(effects)
    #expect(asked.count == rules.liveBatchesPerEndMax + rules.backlogBatchesPerEndMax)
    #expect(asked.allSatisfy { $0.needs.count == 2 })
    var submitted: [SubmitRequest] = []
    for request in asked { submitted += submits(desk.tell(.evidence(request.batch, .ready(findings: [])))) }
    #expect(submitted.count == rules.flightsPerDomainMax)
    let page = ScanPage(
      origin: try Made.end(0), after: 0, through: nil, open: (1...20).compactMap { Sequence($0) },
      height: Height(10))
    let scanned = desk.tell(.scanned(page))
    #expect(desk.engine.packetCounts.backlog == 5)
    #expect(!scanned.contains { if case .lookUp = $0 { true } else { false } })
  }

  @Test("asks a bounded number of questions at once, and believes no page over its limit")
  func questions() throws {
    var rules = RelayRules()
    rules.questionsMax = 7
    rules.scanPageMax = 50
    var desk = try Desk(.attestedPackets, rules: rules)
    func page(_ count: UInt64) throws -> RelayEvent {
      .scanned(
        ScanPage(
          origin: try Made.end(0), after: 0, through: nil, open: (1...count).compactMap { Sequence($0) },
          height: Height(10)))
    }
    _ = desk.tell(try page(51))
    #expect(desk.engine.packetCounts.backlog == 0)
    let effects = desk.tell(try page(50))
    #expect(desk.engine.packetCounts.backlog == 50)
    let wanted = effects.compactMap { if case .lookUp(let wanted) = $0 { wanted.count } else { nil } }
    #expect(wanted == [7])
    // An answer makes room for one more look-up, and the next question is whether it was received.
    let next = try desk.sent(1...1)
    #expect(next.compactMap { if case .lookUp(let wanted) = $0 { wanted.count } else { nil } } == [1])
    #expect(next.count { if case .inspect = $0 { true } else { false } } == 1)
  }

  @Test("gives the backlog its turn after a bounded run of live submissions")
  func turns() throws {
    var rules = RelayRules()
    rules.liveMax = 10
    rules.batchMessagesMax = 1
    rules.liveBatchesPerEndMax = 10
    rules.backlogBatchesPerEndMax = 2
    rules.liveRunMax = 3
    var desk = try Desk(.attestedPackets, rules: rules)
    var flying: [SubmitRequest] = []
    for request in batches(try desk.sent(1...20)) {
      flying += submits(desk.tell(.evidence(request.batch, .ready(findings: []))))
    }
    var order: [Bool] = []
    while order.count < 11, !flying.isEmpty {
      let first = flying.removeFirst()
      order.append(first.messages.allSatisfy { $0.key.sequence.rawValue > 10 })
      flying += submits(desk.tell(.submitted(first.batch, .included(Height(11), [.done]))))
    }
    // Two live ones flew before any backlog was ready; one flies beside the backlog's submission, uncounted.
    #expect(order == [false, false, false, false, false, true, false, false, false, false, true])
  }

  @Test("cuts a batch at its bytes")
  func bytes() throws {
    var rules = RelayRules()
    rules.batchBytesMax = 5_000
    var desk = try Desk(.attestedPackets, rules: rules)
    let asked = batches(try desk.sent(1...12))
    #expect(asked.count == rules.liveBatchesPerEndMax)
    #expect(asked.allSatisfy { $0.needs.count == 3 })
  }

  @Test("keeps the shelf of hopeless packets at its limit")
  func shelf() throws {
    var rules = RelayRules()
    rules.shelfMax = 3
    var desk = try Desk(.attestedPackets, rules: rules)
    let batch = try #require(batches(try desk.sent(1...5)).first)
    let findings = batch.needs.map { ProofFinding($0.key, .different) }
    _ = desk.tell(.evidence(batch.batch, .ready(findings: findings)))
    #expect(desk.engine.packetCounts.hopeless == 3)
    #expect(try desk.status(1) == nil)
    #expect(try desk.status(5) == .hopeless(.commitmentDiffers))
  }

  @Test("gives up on contents that nobody has, after a bounded number of questions")
  func contents() throws {
    var rules = RelayRules()
    rules.lookupsMax = 3
    var desk = try Desk(.attestedPackets, rules: rules)
    let one = try #require(Sequence(1))
    _ = desk.tell(
      .scanned(ScanPage(origin: try Made.end(0), after: 0, through: nil, open: [one], height: Height(10))))
    let key = PacketKey(try Made.end(0), one)
    var questions = 1
    for _ in 0..<20 {
      let effects = desk.tell(.notFound(Lookup(key, .packet)))
      questions += effects.count { if case .lookUp = $0 { true } else { false } }
      let later = desk.tell(.tick, after: 10_000)
      questions += later.count { if case .lookUp = $0 { true } else { false } }
    }
    #expect(questions == 3)
    #expect(try desk.status(1) == .hopeless(.contentsUnavailable))
  }

  @Test("refreshes a client at two thirds of its trusting period and warns at five sixths")
  func refresh() throws {
    var desk = try Desk(.header, trustingSeconds: 900)
    func headers(_ effects: [RelayEffect]) -> [HeaderRequest] {
      effects.compactMap { if case .fetchHeader(let request) = $0 { request } else { nil } }
    }
    _ = try desk.head(1, 20, time: 1_500)
    #expect(headers(try desk.head(0, 20, time: 1_594)).isEmpty)
    let effects = try desk.head(0, 21, time: 1_595)
    let asked = headers(effects)
    #expect(asked.map(\.height) == [Height(20)])
    #expect(asked.map(\.trusted) == [Height(5)])
    let warned = try desk.head(0, 22, time: 1_745)
    #expect(
      warned.contains { if case .alert(let alert) = $0 { alert.kind == .clientExpiring } else { false } })
    let batch = try #require(asked.first?.batch)
    let submitted = submits(desk.tell(.evidence(batch, .ready(findings: []))))
    #expect(submitted.map(\.updatesClient) == [true])
    let after = desk.tell(.submitted(batch, .included(Height(23), [])))
    #expect(after.contains(.alertEnded(.clientExpiring, try Made.end(0))))
    #expect(desk.engine.report(on: try Made.end(0))?.client?.latest == Height(20))
  }

  @Test("offers a header that was too early again, not a newer one, and goes on with what it covers")
  func aheadClock() throws {
    var desk = try Desk(.header)
    func headers(_ effects: [RelayEffect]) -> [HeaderRequest] {
      effects.compactMap { if case .fetchHeader(let request) = $0 { request } else { nil } }
    }
    func ready(_ batch: BatchID, _ proofs: Bool = true) -> [SubmitRequest] {
      var effects = desk.tell(.evidence(batch, .ready(findings: [])))
      if proofs { effects += desk.tell(.proofs(batch, .ready(findings: []))) }
      return submits(effects)
    }
    let first = try #require(headers(try desk.sent(1...2, at: 10)).first)
    #expect(first.height == Height(10))
    #expect(ready(first.batch).count == 1)
    let early = "message.client.gate.cometBFT.header.fromTheFuture"
    _ = desk.tell(.submitted(first.batch, .refused(.update, code: early)))
    // The tracked domain goes on, and its clock stays ahead.
    for (height, tries) in zip(11...13 as ClosedRange<UInt64>, 1...3) {
      _ = try desk.head(0, height, time: 1_000 + height)
      _ = try desk.sent((height - 8)...(height - 8), at: height)
      let asked = headers(desk.tell(.tick, after: 300_000))
      #expect(asked.map(\.height) == [Height(10)], "attempt \(tries)")
      let batch = try #require(asked.first?.batch)
      let submitted = ready(batch, false)
      #expect(submitted.map(\.messages.count) == [0])
      if tries < 3 { _ = desk.tell(.submitted(batch, .refused(.update, code: early))) }
      if tries == 3 {
        let effects = desk.tell(.submitted(batch, .included(Height(11), [])))
        let proofs = effects.compactMap { if case .fetchProofs(let request) = $0 { request } else { nil } }
        let covered = try #require(proofs.first)
        // The two that the header covers, under it, without another; the later ones need the newest.
        #expect(covered.height == Height(10) && covered.needs.count == 2)
        #expect(headers(effects).map(\.height) == [Height(13)])
        #expect(submits(desk.tell(.proofs(covered.batch, .ready(findings: [])))).map(\.updatesClient) == [false])
      }
    }
  }

  @Test(
    "lets go of an early header that nobody has any more, and keeps it over a lost answer",
    arguments: [("network.heightPruned", 12), ("network.heightUnknown", 12), ("network.timedOut", 10)] as [(String, UInt64)])
  func earlyHeaderGone(code: String, next: UInt64) throws {
    var desk = try Desk(.header)
    func header(_ effects: [RelayEffect]) -> HeaderRequest? {
      effects.lazy.compactMap { if case .fetchHeader(let request) = $0 { request } else { nil } }.first
    }
    let first = try #require(header(try desk.sent(1...1, at: 10)))
    _ = desk.tell(.evidence(first.batch, .ready(findings: [])))
    _ = desk.tell(.proofs(first.batch, .ready(findings: [])))
    _ = desk.tell(
      .submitted(
        first.batch, .refused(.update, code: "message.client.gate.cometBFT.header.fromTheFuture")))
    _ = try desk.head(0, 12, time: 1_012)
    let held = try #require(header(desk.tell(.tick, after: 300_000)))
    #expect(held.height == Height(10))
    _ = desk.tell(.evidence(held.batch, .failed(code: code)))
    #expect(header(desk.tell(.tick, after: 300_000))?.height == Height(next))
  }

  @Test("ignores what belongs to no lane, and says so")
  func unknownLane() throws {
    var desk = try Desk(.attestedPackets)
    let packet = try Made.packet(1, from: 1, timeout: 50_000)
    let effects = desk.tell(.observed(try Made.domain(0), at: Height(10), [.sent(packet)]))
    #expect(
      effects.count { if case .ignored(let sight) = $0 { sight.reason == .laneUnknown } else { false } } == 1)
  }

  @Test("reports a lane on which nothing gets done")
  func stuck() throws {
    var desk = try Desk(.attestedPackets)
    _ = try desk.sent(1...1)
    var alerts: [RelayAlert.Kind] = []
    for _ in 0..<40 {
      for effect in desk.tell(.tick, after: 10_000) {
        if case .alert(let alert) = effect { alerts.append(alert.kind) }
      }
    }
    #expect(alerts == [.laneStuck])
  }

  @Test("does not call a lane stuck because it has been restarted")
  func restartedIsNotStuck() throws {
    var desk = try Desk(.attestedPackets)
    _ = try desk.sent(1...1)
    let rows = desk.engine.snapshot()
    var restored = try RelayEngine(
      lanes: [try Made.lane(.attestedPackets)], incarnation: 2, restoring: rows)
    let effects = restored.step(.started, at: RelayInstant(milliseconds: 900_000_000))
    #expect(!effects.contains { if case .alert = $0 { true } else { false } })
  }

  @Test("gives equal effects for equal events")
  func deterministic() throws {
    var first = try Desk(.attestedState)
    var second = try Desk(.attestedState)
    #expect(try first.sent(1...50) == second.sent(1...50))
    #expect(first.engine.snapshot() == second.engine.snapshot())
  }

  @Test("refuses lanes and rules that cannot be")
  func configuration() throws {
    let lane = try Made.lane(.header)
    #expect(throws: RelayConfigurationError.endRepeated(try Made.end(0))) {
      try RelayEngine(lanes: [lane, lane], incarnation: 1)
    }
    var rules = RelayRules()
    rules.flightsPerDomainMax = 1
    #expect(throws: RelayConfigurationError.limit(min: 2, actual: 1)) {
      try RelayEngine(rules: rules, lanes: [lane], incarnation: 1)
    }
    #expect(throws: RelayConfigurationError.laneCount(max: 64, actual: 65)) {
      try RelayEngine(lanes: Array(repeating: lane, count: 65), incarnation: 1)
    }
  }

  @Test("classifies codes by the last part that is known")
  func classes() {
    #expect(FailureClass(code: "client.gate.attestation.quorum") == .retryLater)
    #expect(FailureClass(code: "client.frozen") == .laneShut)
    #expect(FailureClass(code: "application.outOfGas") == .split)
    #expect(FailureClass(code: "application.transferRefused") == .hopeless)
    #expect(FailureClass(code: "client.heightUnknown") == .refreshClient)
    #expect(FailureClass(code: "timeoutElapsed") == .deadlinePassed)
    #expect(FailureClass(code: "") == .retryLater)
  }

  @Test("writes rows that it reads again, and no others")
  func rows() throws {
    for code in PacketStatus.all.map(\.code) { #expect(PacketStatus(code: code)?.code == code) }
    var desk = try Desk(.attestedPackets)
    _ = try desk.sent(1...3)
    let rows = desk.engine.snapshot().packets
    #expect(rows.count == 3)
    for row in rows {
      #expect(try PacketRecord(json: row.json) == row)
      guard case .object(let members) = row.json else { continue }
      for name in members.keys.sorted() {
        var fewer = members
        fewer[name] = nil
        #expect(throws: RelayRecordError.member(name)) { try PacketRecord(json: .object(fewer)) }
        var wrong = members
        wrong[name] = .array([.number("-1")])
        #expect(throws: (any Error).self) { try PacketRecord(json: .object(wrong)) }
      }
      var more = members
      more["x"] = .null
      #expect(throws: RelayRecordError.unknownMember("x")) { try PacketRecord(json: .object(more)) }
    }
    for row in desk.engine.snapshot().ends { #expect(try EndRecord(json: row.json) == row) }
  }

  @Test("remembers ended sequences as runs, up to a limit")
  func runs() {
    var runs = SequenceRuns()
    for sequence: UInt64 in [1, 3, 2, 7, 9, 8, .max] { runs.insert(sequence, sequence, runsMax: 10) }
    #expect(runs.runs.map { [$0.first, $0.last] } == [[1, 3], [7, 9], [.max, .max]])
    #expect(runs.contains(2) && runs.contains(9) && !runs.contains(4) && runs.contains(.max))
    var bounded = SequenceRuns()
    for sequence in stride(from: UInt64(1), to: 100, by: 2) { bounded.insert(sequence, sequence, runsMax: 8) }
    #expect(bounded.runs.count == 8)
    #expect(bounded.contains(1) && bounded.contains(99))
    #expect(SequenceRuns([(first: 1, last: 2), (first: 3, last: 4)]) == nil)
    #expect(SequenceRuns([(first: 5, last: 4)]) == nil)
  }
}
