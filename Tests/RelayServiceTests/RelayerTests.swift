import ChainAccess
import Gate
import Ledger
import LedgerService
import LightClients
import Messages
import RelayEngine
import RelayService
import Testing
import WireBytes

@Suite("Relaying between embedded domains", .serialized)
struct RelayerTests {
  @Test("carries packets both ways until they have settled", arguments: RelayWorld.Form.allCases)
  func settles(form: RelayWorld.Form) async throws {
    try await RelayWorld.run(form) { world in
      try await world.relaying(try world.configuration()) { relayer in
        try await world.send(3, from: world.harbor)
        try await world.send(2, from: world.island)
        let settled = try await world.settled(5)
        #expect(settled.map(\.record.status) == Array(repeating: .settled(.success), count: 5))
        for history in settled {
          #expect(history.packet?.sequence == history.record.key.sequence)
          #expect(history.acknowledgement?.isSuccess == true)
          #expect(history.failure == nil)
          #expect(history.timeline.reached.map(\.stage) == PacketStage.allCases)
          for stage in [PacketStage.sent, .executed, .acknowledged] {
            #expect(history.timeline[stage]?.transaction != nil)
          }
          let heights = [PacketStage.sent, .committed, .proven].map { history.timeline[$0]?.height ?? 0 }
          #expect(heights[1] == heights[0] + 1 && heights[2] >= heights[1])
        }
        let first = try world.key(world.harbor, 1)
        #expect(await relayer.report(on: first) == nil)
        let status = await relayer.status()
        #expect(status.settled == 5 && status.live == 0 && status.backlog == 0)
        #expect(status.incarnation == 1)
        #expect(status.notices.isEmpty, "\(status.notices)")
      }
      let friend = world.friend.address
      #expect(try await world.balance(friend, world.voucher(of: world.harbor), on: world.island) == 15)
      #expect(try await world.balance(friend, world.voucher(of: world.island), on: world.harbor) == 10)
      let records = try RelayRecords(path: world.folder.path + "/relayer.sqlite")
      let sent = try #require(try records.packet(try world.key(world.harbor, 2)))
      let hash = try #require(sent.timeline[.sent]?.transaction)
      #expect(try records.packets(sentBy: hash).map(\.record.key.sequence.rawValue) == [1, 2, 3])
      #expect(try records.ends().map(\.counts) == [["settled.success": 3], ["settled.success": 2]])
      #expect(try records.open(from: world.harborEnd).isEmpty)
    }
  }

  @Test("brings back what the destination cannot execute, with its reason")
  func errors() async throws {
    try await RelayWorld.run(.attested) { world in
      let before = try await world.balance(world.escrow, world.harbor.denom.text, on: world.harbor)
      try await world.relaying(try world.configuration()) { _ in
        try await world.send(2, from: world.harbor, to: "nobody")
        let settled = try await world.settled(2)
        #expect(settled.map(\.record.status) == [.settled(.error), .settled(.error)])
        #expect(settled.map(\.failure) == ["transfer.receiver", "transfer.receiver"])
        #expect(settled.first?.acknowledgement == .universalError)
      }
      #expect(try await world.balance(world.escrow, world.harbor.denom.text, on: world.harbor) == before)
    }
  }

  @Test("times out what was not executed in time", arguments: RelayWorld.Form.allCases)
  func timeouts(form: RelayWorld.Form) async throws {
    try await RelayWorld.run(form) { world in
      // An earlier packet goes through, so that absence stands among other keys.
      try await world.send(1, from: world.harbor)
      try await world.send(2, of: 7, from: world.harbor, seconds: 4)
      let deadline = UInt64(clamping: try await world.harbor.access.head().time.seconds) + 4
      try await world.until {
        try await world.island.access.head().time.seconds > Int64(clamping: deadline)
      }
      try await world.relaying(try world.configuration()) { _ in
        let settled = try await world.settled(3)
        #expect(settled.map(\.record.status) == [.settled(.success), .settled(.timeout), .settled(.timeout)])
        #expect(settled.last?.timeline[.executed] == nil)
        #expect(settled.last?.timeline[.acknowledged]?.transaction != nil)
      }
      #expect(try await world.balance(world.escrow, world.harbor.denom.text, on: world.harbor) == 5)
    }
  }

  @Test("goes on where an earlier run was stopped", arguments: [1, 2, 3, 4, 5])
  func restart(stage: Int) async throws {
    try await RelayWorld.run(.attested) { world in
      try await world.send(20, from: world.harbor)
      // Stopped as soon as something has gone so far.
      try await world.relaying(try world.configuration()) { _ in
        let records = try RelayRecords(path: world.folder.path + "/relayer.sqlite")
        try await world.until {
          guard let stage = PacketStage(rawValue: stage) else { return true }
          return try records.packet(try world.key(world.harbor, 1))?.timeline[stage] != nil
        }
      }
      try await world.send(5, from: world.harbor)
      try await world.relaying(try world.configuration()) { relayer in
        let settled = try await world.settled(25)
        #expect(settled.allSatisfy { $0.record.status == .settled(.success) })
        #expect(await relayer.status().incarnation == 2)
      }
      let voucher = world.voucher(of: world.harbor)
      #expect(try await world.balance(world.friend.address, voucher, on: world.island) == 125)
    }
  }

  @Test("finds by a scan what it was not told of")
  func eventLoss() async throws {
    try await RelayWorld.run(.attested) { world in
      try await world.send(4, from: world.harbor)
      let height = try await world.harbor.access.head().height
      _ = try await world.harbor.access.head(above: height + 1, patience: .seconds(5))
      // It begins with the newest block.
      try await world.relaying(try world.configuration(startHeight: nil)) { _ in
        let settled = try await world.settled(4)
        #expect(settled.allSatisfy { $0.record.status == .settled(.success) })
        #expect(settled.first?.timeline[.sent]?.transaction != nil)
      }
    }
  }

  @Test("shares a lane with another relayer: each packet is executed once")
  func twoRelayers() async throws {
    try await RelayWorld.run(.attested) { world in
      var rules = try world.configuration().rules
      rules.relayerCount = 2
      rules.staggerStep = .milliseconds(300)
      let first = try world.configuration(0, path: "first.sqlite", rules: rules)
      rules.relayerIndex = 1
      let second = try world.configuration(1, path: "second.sqlite", rules: rules)
      try await world.relaying(first) { _ in
        try await world.relaying(second) { _ in
          try await world.send(30, from: world.harbor)
          try await world.send(30, from: world.island)
          for path in ["first.sqlite", "second.sqlite"] {
            let settled = try await world.settled(60, path: path)
            #expect(settled.allSatisfy { $0.record.status == .settled(.success) })
          }
        }
      }
      let voucher = world.voucher(of: world.harbor)
      #expect(try await world.balance(world.friend.address, voucher, on: world.island) == 150)
    }
  }

  @Test(
    "does without an attester that lies, forges or is silent, and names it",
    arguments: [TestAttester.Manner.lies, .forges, .silent])
  func attesterFaults(manner: TestAttester.Manner) async throws {
    try await RelayWorld.run(.attested) { world in
      let manners: [TestAttester.Manner] = [manner, .honest, .honest, .honest]
      try await world.relaying(try world.configuration(manners: manners)) { relayer in
        try await world.send(3, from: world.harbor)
        _ = try await world.settled(3)
        let notices = await relayer.status().notices
        var faults: [AttesterFault] = []
        for notice in notices {
          guard case .attester(_, let index, let fault) = notice else { continue }
          #expect(index == 0)
          faults.append(fault)
        }
        for fault in faults {
          switch (manner, fault) {
          case (.lies, .differs), (.forges, .signature(.ed25519)), (.silent, .failed(.unreachable)): break
          default: Issue.record("\(fault)")
          }
        }
      }
    }
  }

  @Test("waits while attesters do not reach the quorum, and says so")
  func quorum() async throws {
    try await RelayWorld.run(.attested) { world in
      let manners: [TestAttester.Manner] = [.lies, .forges, .honest, .honest]
      try await world.relaying(try world.configuration(manners: manners)) { relayer in
        try await world.send(1, from: world.harbor)
        let key = try world.key(world.harbor, 1)
        try await world.until { await relayer.report(on: key)?.record.lastRefusal == "attester.quorum" }
        #expect(await relayer.lanes().count == 2)
      }
      // With honest ones, a new run carries it.
      try await world.relaying(try world.configuration()) { _ in
        let settled = try await world.settled(1)
        #expect(settled.first?.record.status == .settled(.success))
      }
    }
  }

  @Test(
    "goes on over endpoints that fail at times or answer nonsense",
    arguments: [
      FaultyAccess.Fault.unreachable, .strangeEvents, .otherBlocks, .lostSubmissions, .oldHeads,
    ])
  func endpointFaults(fault: FaultyAccess.Fault) async throws {
    try await RelayWorld.run(.attested) { world in
      let accesses = [world.harbor, world.island].map { FaultyAccess($0.access, fault) }
      var rules = try world.configuration().rules
      rules.answerTimeout = .milliseconds(300)
      rules.backoffMax = .milliseconds(500)
      var configuration = try world.configuration(rules: rules, accesses: accesses)
      configuration.endpointPause = .milliseconds(5)
      try await world.relaying(configuration) { relayer in
        for _ in 0..<3 {
          try await world.send(5, from: world.harbor)
          try await world.send(5, from: world.island)
        }
        let settled = try await world.settled(30)
        #expect(settled.allSatisfy { $0.record.status == .settled(.success) })
        let notices = await relayer.status().notices
        switch fault {
        case .strangeEvents:
          #expect(notices.contains { if case .eventMalformed = $0 { true } else { false } })
        case .unreachable, .otherBlocks:
          #expect(notices.contains { if case .endpoint = $0 { true } else { false } })
        // Offered again, a submission gets through; an old head is passed over.
        case .lostSubmissions, .oldHeads: break
        }
      }
      let voucher = world.voucher(of: world.harbor)
      #expect(try await world.balance(world.friend.address, voucher, on: world.island) == 75)
    }
  }

  @Test("pauses and resumes a lane")
  func commands() async throws {
    try await RelayWorld.run(.attested) { world in
      try await world.relaying(try world.configuration()) { relayer in
        await relayer.command(.pause(world.harborEnd))
        try await world.until { await relayer.lanes().first?.shut == .pausedByOperator }
        try await world.send(1, from: world.harbor)
        let key = try world.key(world.harbor, 1)
        try await world.until { await relayer.report(on: key)?.status == .paused }
        await relayer.command(.resume(world.islandEnd))
        let settled = try await world.settled(1)
        #expect(settled.first?.record.status == .settled(.success))
      }
    }
  }

  @Test("keeps as many settled packets as it is told to")
  func retention() async throws {
    try await RelayWorld.run(.attested) { world in
      var configuration = try world.configuration()
      configuration.settledMax = 10
      try await world.relaying(configuration) { relayer in
        for _ in 0..<3 { try await world.send(10, from: world.harbor) }
        try await world.until { await relayer.status().settled >= 30 }
        // What has settled is forgotten with the write that follows.
        let records = try RelayRecords(path: world.folder.path + "/relayer.sqlite")
        try await world.until { try records.newestSettled().count == 10 }
      }
      let records = try RelayRecords(path: world.folder.path + "/relayer.sqlite")
      let kept = try (1...30).filter { try records.packet(try world.key(world.harbor, UInt64($0))) != nil }
      #expect(kept.count == 10, "\(kept)")
      #expect(try records.newestSettled().count == 10)
    }
  }

  @Test("runs once, and refuses what cannot be served")
  func configuration() async throws {
    let world = try RelayWorld(.attested)
    let good = try world.configuration()
    var twice = good
    twice.domains.append(good.domains[0])
    #expect(throws: RelayServiceError.domainRepeated(world.harbor.id)) { try Relayer(twice) }
    var half = good
    half.domains.removeLast()
    #expect(throws: RelayServiceError.domainUnknown(world.island.id)) { try Relayer(half) }
    var large = good
    large.rules.batchMessagesMax = 1_024
    #expect(throws: RelayServiceError.batchMessages(max: 1_023)) { try Relayer(large) }
    let (ofHarbor, ofIsland) = (try world.policy(of: world.harbor), try world.policy(of: world.island))
    let attesters = try world.attesters(of: world.harbor)
    var crossed = good
    crossed.lanes = [
      RelayedLane(
        world.lane, origin: .attesters(ofHarbor, attesters), destination: .attesters(ofIsland, attesters))
    ]
    #expect(throws: RelayServiceError.binding(world.harborEnd)) { try Relayer(crossed) }
    var few = good
    few.lanes = [
      RelayedLane(
        world.lane, origin: .attesters(ofIsland, try world.attesters(of: world.island)),
        destination: .attesters(ofHarbor, [attesters[0], attesters[1]]))
    ]
    #expect(throws: RelayServiceError.quorum(world.islandEnd)) { try Relayer(few) }
    var repeated = good
    repeated.lanes += good.lanes
    #expect(throws: RelayServiceError.engine(.endRepeated(world.harborEnd))) { try Relayer(repeated) }
    #expect(throws: RelayServiceError.noRecords) { try RelayRecords(path: world.folder.path + "/none") }
    let relayer = try Relayer(good)
    let task = Task { try await relayer.run() }
    task.cancel()
    try await task.value
    await #expect(throws: RelayServiceError.notIdle) { try await relayer.run() }
  }
}
