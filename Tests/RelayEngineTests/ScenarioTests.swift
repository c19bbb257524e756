import Messages
import RelayEngine
import Testing
import WireBytes

@Suite("Crossings in a fake world")
struct ScenarioTests {
  private static let forms = EvidenceForm.allCases

  @Test("settle over every form of evidence, both ways", arguments: forms)
  func happy(form: EvidenceForm) throws {
    var world = try FakeWorld(form)
    world.errorSequences = [3]
    for sequence: UInt64 in 1...5 {
      try world.send(sequence)
      try world.send(sequence, from: 1)
    }
    try world.run(rounds: 40)
    #expect(world.isAllEnded)
    #expect(world.faults() == [])
    #expect(world.domains[0].sent[3]?.endings == ["error"])
    #expect(world.domains[0].sent[2]?.endings == ["success"])
    #expect(world.settled[0].count == 10)
    #expect(world.settled[0].values.allSatisfy { $0 == 1 })
    // Five receives, five acknowledgements, each way, in one transaction each.
    #expect(world.submissions[0].count == 4)
    #expect(world.alerts.isEmpty)
  }

  @Test("find a packet by scanning when no event tells of it")
  func lostSend() throws {
    var world = try FakeWorld(.attestedPackets)
    world.hidden = { if case .sent = $0 { true } else { false } }
    try world.send(1)
    try world.run(rounds: 100)
    #expect(world.faults() == [])
    #expect(world.settled[0].count == 1)
  }

  @Test("find an acknowledgement that no event tells of")
  func lostAcknowledgement() throws {
    var world = try FakeWorld(.header)
    world.hidden = { if case .acknowledgementWritten = $0 { true } else { false } }
    try world.send(1)
    try world.run(rounds: 100)
    #expect(world.faults() == [])
    #expect(world.domains[0].sent[1]?.endings == ["success"])
  }

  @Test("know an ending that no event tells of")
  func allHidden() throws {
    var world = try FakeWorld(.attestedState)
    world.hidden = { _ in true }
    for sequence: UInt64 in 1...3 { try world.send(sequence) }
    try world.run(rounds: 200)
    #expect(world.faults() == [])
    #expect(world.settled[0].count == 3)
  }

  @Test("time out what was refused at the destination, without another try", arguments: forms)
  func hopelessReceive(form: EvidenceForm) throws {
    var world = try FakeWorld(form)
    world.refusal = { message, _ in
      message.task == .receive && message.key.sequence.rawValue == 2 ? "packet.counterpartyMismatch" : nil
    }
    for sequence: UInt64 in 1...4 { try world.send(sequence, seconds: 60) }
    for _ in 0..<20 { try world.round() }
    #expect(world.domains[0].sent[1]?.endings == ["success"])
    let key = PacketKey(try Made.end(0), try #require(Sequence(2)))
    let report = try #require(world.engines[0].report(on: key))
    #expect(report.status == .hopeless(.receiveRefused))
    #expect(report.reason == "packet.counterpartyMismatch")
    #expect(report.nextStep == "relay.next.awaitDeadline")
    let tries = world.submissions[0].filter { $0.messages.contains { $0.key == key && $0.task == .receive } }
    #expect(tries.count == 1)
    try world.run(rounds: 200)
    #expect(world.faults() == [])
    #expect(world.domains[0].sent[2]?.endings == ["timeout"])
    #expect(world.alerts.map(\.kind) == [.packetHopeless])
  }

  @Test("find by halves whose fault a refused transaction is")
  func bisection() throws {
    var world = try FakeWorld(.attestedPackets)
    world.blindRefusal = { request in
      request.messages.contains { $0.task == .receive && $0.key.sequence.rawValue == 11 } ? "reverted" : nil
    }
    for sequence: UInt64 in 1...32 { try world.send(sequence, seconds: 100) }
    try world.run(rounds: 300)
    #expect(world.faults() == [])
    #expect(world.domains[0].sent.filter { $0.value.endings == ["timeout"] }.map(\.key) == [11])
    let tries = world.submissions[0].filter { $0.messages.contains { $0.key.sequence.rawValue == 11 } }
    #expect(tries.count <= 8)
  }

  @Test(
    "try again after a refusal that passes",
    arguments: [
      "mempoolFull", "accountSequence", "client.heightUnknown", "client.gate.waiting",
      "client.gate.attestation.quorum",
      "neverHeardOf", "noOperation", "outOfGas",
    ])
  func passing(code: String) throws {
    for isBlind in [true, false] {
      var world = try FakeWorld(.header)
      if isBlind { world.blindRefusal = { _ in code } } else { world.refusal = { _, _ in code } }
      for sequence: UInt64 in 1...3 { try world.send(sequence) }
      for _ in 0..<6 { try world.round() }
      #expect(!world.submissions[0].isEmpty)
      #expect(!world.isAllEnded)
      world.blindRefusal = nil
      world.refusal = nil
      try world.run(rounds: 300)
      #expect(world.faults() == [], "\(code) \(isBlind)")
      #expect(world.settled[0].count == 3)
    }
  }

  @Test("give up after a bounded number of attempts, and go on when the operator clears the lane")
  func exhausted() throws {
    var rules = RelayRules()
    rules.attemptsMax = 4
    var world = try FakeWorld(.attestedPackets, rules: rules)
    world.refusal = { message, _ in message.task == .acknowledge ? "neverHeardOf" : nil }
    try world.send(1)
    for _ in 0..<100 { try world.round() }
    let key = PacketKey(try Made.end(0), .first)
    #expect(world.engines[0].report(on: key)?.status == .hopeless(.settlementExhausted))
    #expect(world.submissions[0].count { $0.messages.contains { $0.task == .acknowledge } } == 4)
    #expect(world.alerts.map(\.kind) == [.packetHopeless])
    world.refusal = nil
    world.tell(0, .command(.clear(try Made.end(1))))
    try world.run(rounds: 50)
    #expect(world.faults() == [])
  }

  @Test("prove the timeout when the deadline passes before the packet is received", arguments: forms)
  func timeout(form: EvidenceForm) throws {
    var world = try FakeWorld(form)
    try world.send(1, seconds: 1)
    try world.send(2, seconds: 1_000)
    try world.run(rounds: 60)
    #expect(world.faults() == [])
    #expect(world.domains[0].sent[1]?.endings == ["timeout"])
    #expect(world.domains[0].sent[2]?.endings == ["success"])
  }

  @Test("let the late receive win over the timeout", arguments: forms)
  func race(form: EvidenceForm) throws {
    var world = try FakeWorld(form)
    world.hidden = {
      if case .received = $0 { true } else if case .acknowledgementWritten = $0 { true } else { false }
    }
    try world.send(1, seconds: 2)
    // Another relayer brings it in the last second, and nobody tells.
    let packet = try #require(world.domains[0].sent[1]?.packet)
    world.domains[1].received[1] = FakeDomain.Received(
      packet: packet, height: 1, acknowledgement: try Acknowledgement([[1]]))
    world.domains[1].executions[1] = 1
    try world.run(rounds: 60)
    #expect(world.faults() == [])
    #expect(world.domains[0].sent[1]?.endings == ["success"])
  }

  @Test("come to the same end when the engine is killed before any single effect", arguments: forms)
  func restarts(form: EvidenceForm) throws {
    func world(killedAt effect: Int?) throws -> FakeWorld {
      var world = try FakeWorld(form)
      world.killedAt = effect
      world.errorSequences = [3]
      for sequence: UInt64 in 1...3 {
        try world.send(sequence)
        try world.send(sequence, from: 1, seconds: sequence == 2 ? 1 : 10_000)
      }
      try world.run(rounds: 300)
      return world
    }
    let whole = try world(killedAt: nil)
    #expect(whole.effectsAsked >= 30)
    for effect in 1...whole.effectsAsked {
      let killed = try world(killedAt: effect)
      #expect(killed.faults() == [], "killed before effect \(effect)")
      for index in 0..<2 {
        let endings = killed.domains[index].sent.mapValues(\.endings)
        #expect(endings == whole.domains[index].sent.mapValues(\.endings), "killed before effect \(effect)")
      }
      #expect(killed.engines[0].snapshot().packets.isEmpty, "killed before effect \(effect)")
    }
  }

  @Test("end when the engine is killed after every one of the first rounds, with half of all answers lost")
  func restartsWithLosses() throws {
    for seed: UInt64 in 1...40 {
      var world = try FakeWorld(.attestedPackets, seed: seed)
      for sequence: UInt64 in 1...3 { try world.send(sequence, seconds: 40) }
      for _ in 0..<12 {
        world.lossPercent = 50
        try world.round()
        try world.restart(0)
      }
      world.lossPercent = 0
      try world.run(rounds: 300)
      #expect(world.faults() == [], "seed \(seed)")
    }
  }

  @Test("do nothing while the lane is shut, and lose nothing", arguments: [true, false])
  func shut(byOperator: Bool) throws {
    var world = try FakeWorld(.header)
    try world.round()
    if byOperator {
      world.tell(0, .command(.pause(try Made.end(0))))
    } else {
      world.domains[1].clientFrozen = true
      world.tell(
        0,
        .client(
          try Made.end(1), RelayedClient(latest: Height(1), latestTime: UnixTime(seconds: 1), isFrozen: true))
      )
    }
    try world.send(1)
    for _ in 0..<50 { try world.round() }
    #expect(world.submissions[0].isEmpty)
    let report = try #require(world.engines[0].report(on: PacketKey(try Made.end(0), .first)))
    #expect(report.status == .paused)
    #expect(report.reason == (byOperator ? "pausedByOperator" : "clientFrozen"))
    #expect(report.nextStep == "relay.next.openLane")
    if byOperator {
      try world.restart(0)
      try world.round()
      #expect(world.submissions[0].isEmpty)
      world.tell(0, .command(.resume(try Made.end(1))))
    } else {
      #expect(world.alerts.map(\.kind) == [.clientFrozen])
      world.domains[1].clientFrozen = false
    }
    try world.run(rounds: 200)
    #expect(world.faults() == [])
  }

  @Test("waste little when two relayers serve one lane")
  func twoRelayers() throws {
    var world = try FakeWorld(.attestedPackets, relayers: 2)
    for sequence: UInt64 in 1...200 { try world.send(sequence) }
    try world.run(rounds: 100)
    #expect(world.faults() == [])
    let messages = world.submissions.map { $0.reduce(0) { $0 + $1.messages.count } }
    // 400 are needed.
    #expect(messages[0] + messages[1] <= 440, "\(messages)")
    #expect(messages.allSatisfy { $0 > 100 })
    for relayer in 0..<2 { #expect(world.settled[relayer].values.allSatisfy { $0 == 1 }) }
  }

  @Test("always end, once, whatever is lost, doubled or reordered", arguments: 0..<60)
  func random(seed: Int) throws {
    let forms = EvidenceForm.allCases
    var world = try FakeWorld(forms[seed % 3], relayers: 1 + seed % 2, seed: UInt64(seed))
    world.lossPercent = 25
    world.repeatPercent = 15
    world.shuffles = true
    world.errorSequences = [2, 7]
    for sequence: UInt64 in 1...12 {
      try world.send(sequence, seconds: sequence % 4 == 0 ? 5 : 100)
      try world.send(sequence, from: 1, seconds: sequence % 3 == 0 ? 10 : 10_000)
      try world.round()
      if sequence == 6 { try world.restart(0) }
    }
    for _ in 0..<60 { try world.round() }
    world.lossPercent = 0
    try world.run(rounds: 1_000)
    #expect(world.faults() == [])
    #expect(world.engines.allSatisfy { $0.snapshot().packets.isEmpty })
    for relayer in world.engines.indices { #expect(world.settled[relayer].values.allSatisfy { $0 == 1 }) }
  }
}
