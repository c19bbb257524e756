import ChainAccess
import Foundation
import Gate
import Ledger
import LedgerService
import LightClients
import Messages
import PacketHost
import RelayEngine
import RelayService
import Testing
import WireBytes

@Suite("Relaying between a ledger and a chain that takes blocks back", .serialized)
struct ReorganizationTests {
  @Test("carries packets both ways, with lists of calls and with proofs of storage", arguments: [AttestationForm.packets, .state])
  func settles(form: AttestationForm) async throws {
    try await ChainWorld.run(form) { world in
      try await world.relaying { relayer in
        try await world.sendFromHarbor(5)
        try await world.sendFromHarbor(1, to: "nobody")
        try world.sendFromChain(4)
        let settled = try await world.settled(10)
        #expect(settled.filter { $0.record.status == .settled(.success) }.count == 9)
        #expect(settled.compactMap(\.failure) == ["evm.ICS20InvalidAddress"])
        for history in settled {
          #expect(history.timeline.reached.map(\.stage) == PacketStage.allCases, "\(history.record.key)")
          if history.record.key.origin == world.chainEnd {
            // The header of a block on an EVM chain commits to what the block did.
            #expect(history.timeline[.committed]?.height == history.timeline[.sent]?.height)
          }
        }
        #expect(await relayer.status().notices.isEmpty)
      }
      #expect(try await world.received == 12)
      #expect(world.chain.newest.router.executions == [1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1])
      #expect(Set(world.chain.newest.router.endings.values) == ["success"])
      // Several packets in one transaction.
      #expect(world.chain.placed < 10)
    }
  }

  @Test("a send that comes again in another block is relayed once")
  func sentAgain() async throws {
    try await ChainWorld.run(mines: false) { world in
      try await world.relaying { relayer in
        try world.sendFromChain(2)
        world.chain.mine()
        let key = try world.key(world.chainEnd, 1)
        try await world.until { try world.reached(.sent, key) }
        world.chain.reorganize(2)
        try await world.until {
          await relayer.status().notices.contains { if case .rolledBack = $0 { true } else { false } }
        }
        try await world.until {
          world.chain.mine()
          return try RelayRecords(path: world.folder.path + "/relayer.sqlite").newestSettled().count == 2
        }
        let settled = try await world.settled(2)
        #expect(settled.allSatisfy { $0.record.status == .settled(.success) })
        // Where it stands now, not where it stood first.
        let sent = try #require(settled[0].timeline[.sent])
        let hash = try #require(sent.transaction)
        let transaction = try await world.chain.transaction(hash)
        #expect(transaction?.height == sent.height)
      }
      #expect(try await world.received == 6)
    }
  }

  @Test("a send that is gone is not relayed, and what takes its number is")
  func sentElse() async throws {
    try await ChainWorld.run(mines: false) { world in
      try await world.relaying { relayer in
        try world.sendFromChain(1, of: 3)
        world.chain.mine()
        let key = try world.key(world.chainEnd, 1)
        try await world.until { try world.reached(.sent, key) }
        world.chain.reorganize(1, blocks: 2, .drops)
        try await world.until { await relayer.report(on: key)?.status == .hopeless(.rolledBack) }
        for _ in 0..<6 { world.chain.mine() }
        try world.sendFromChain(1, of: 11)
        try await world.until {
          world.chain.mine()
          return try RelayRecords(path: world.folder.path + "/relayer.sqlite").newestSettled().count == 1
        }
        #expect(try await world.settled(1).first?.record.status == .settled(.success))
      }
      #expect(try await world.received == 11)
    }
  }

  @Test(
    "a receive that was executed is executed again, whether its transaction waits or is gone",
    arguments: [ScriptedChain.Fate.waits, .drops])
  func received(fate: ScriptedChain.Fate) async throws {
    try await ChainWorld.run { world in
      try await world.relaying { relayer in
        try await world.sendFromHarbor(3)
        try await world.until { world.chain.newest.router.executions.count == 3 }
        world.chain.reorganize(3, fate)
        #expect(world.chain.newest.router.executions.count <= 3)
        let settled = try await world.settled(3)
        #expect(settled.allSatisfy { $0.record.status == .settled(.success) })
      }
      #expect(world.chain.newest.router.executions == [1: 1, 2: 1, 3: 1])
    }
  }

  @Test(
    "an acknowledgement that was delivered is delivered again, whether its transaction waits or is gone",
    arguments: [ScriptedChain.Fate.waits, .drops])
  func acknowledged(fate: ScriptedChain.Fate) async throws {
    try await ChainWorld.run { world in
      try await world.relaying { relayer in
        try world.sendFromChain(3)
        try await world.until { world.chain.newest.router.endings.count == 3 }
        world.chain.reorganize(2, fate)
        let settled = try await world.settled(3)
        #expect(settled.allSatisfy { $0.record.status == .settled(.success) })
      }
      #expect(world.chain.newest.router.endings == [1: "success", 2: "success", 3: "success"])
      #expect(try await world.received == 9)
    }
  }

  @Test("a timeout that was proven is proven again", arguments: [ScriptedChain.Fate.waits, .drops])
  func timedOut(fate: ScriptedChain.Fate) async throws {
    try await ChainWorld.run { world in
      try world.sendFromChain(2, seconds: 2)
      try await world.until {
        try await world.harbor.access.head().time.seconds > Int64(clamping: world.chain.newest.seconds + 2)
          || world.chain.newest.router.nextSequence == 3
      }
      try await Task.sleep(for: .seconds(3))
      try await world.relaying { relayer in
        try await world.until { world.chain.newest.router.endings.count == 2 }
        world.chain.reorganize(2, fate)
        let settled = try await world.settled(2)
        #expect(settled.allSatisfy { $0.record.status == .settled(.timeout) })
      }
      #expect(world.chain.newest.router.endings == [1: "timeout", 2: "timeout"])
      #expect(try await world.received == 0)
    }
  }

  @Test("a rollback while the relayer was away is noticed when it is back", arguments: [1, 3])
  func restart(depth: Int) async throws {
    try await ChainWorld.run(mines: false) { world in
      try world.sendFromChain(1)
      let key = try world.key(world.chainEnd, 1)
      try await world.relaying { _ in
        world.chain.mine()
        world.chain.mine()
        world.chain.mine()
        try await world.until { try world.reached(.sent, key) }
        // The cursor is written with rows: something must change after the last block.
        try await Task.sleep(for: .milliseconds(200))
      }
      world.chain.reorganize(depth, blocks: depth + 2, .drops)
      try world.sendFromChain(1, of: 8)
      // The first send was in the lowest of three blocks.
      let count = depth == 3 ? 1 : 2
      try await world.relaying { relayer in
        try await world.until {
          world.chain.mine()
          return try RelayRecords(path: world.folder.path + "/relayer.sqlite").newestSettled().count >= count
        }
      }
      #expect(try await world.received == (depth == 3 ? 8 : 11))
    }
  }

  @Test("a final block that is another one shuts the lane, until it is the first one again")
  func violated() async throws {
    try await ChainWorld.run(depth: 2, mines: false) { world in
      try await world.relaying { relayer in
        for _ in 0..<4 { world.chain.mine() }
        let newest = world.chain.newest.height
        try await world.until { await relayer.status().domains[1].cursor == newest }
        var first: [ScriptedChain.Block] = []
        world.chain.set { first = $0.blocks }
        world.chain.reorganize(4, blocks: 6)
        try await world.until { await relayer.status().domains[1].pause == .finalityViolated(at: newest - 2) }
        try await world.until {
          let status = await relayer.status()
          return status.lanes.allSatisfy { $0.shut == .finalityViolated }
            && status.alerts.map(\.kind) == [.finalityViolated]
        }
        // Nothing is submitted meanwhile.
        let placed = world.chain.placed
        try await world.sendFromHarbor(1)
        try await Task.sleep(for: .milliseconds(300))
        #expect(world.chain.placed == placed)
        world.chain.set { $0.blocks = first }
        for _ in 0..<4 { world.chain.mine() }
        try await world.until {
          let status = await relayer.status()
          return status.domains[1].pause == nil && status.alerts.isEmpty
        }
        try await world.until {
          world.chain.mine()
          return try RelayRecords(path: world.folder.path + "/relayer.sqlite").newestSettled().count == 1
        }
      }
      #expect(world.chain.newest.router.executions == [1: 1])
    }
  }

  @Test("an operator may believe the history that replaced a final one")
  func forgiven() async throws {
    try await ChainWorld.run(depth: 2, mines: false) { world in
      try await world.relaying { relayer in
        try await world.sendFromHarbor(1)
        try await world.until {
          world.chain.mine()
          return try RelayRecords(path: world.folder.path + "/relayer.sqlite").newestSettled().count == 1
        }
        let newest = world.chain.newest.height
        try await world.until { await relayer.status().domains[1].cursor == newest }
        world.chain.reorganize(4, blocks: 6, .drops)
        try await world.until { await relayer.status().domains[1].pause != nil }
        await relayer.command(.resume(world.harborEnd))
        try await world.until { await relayer.status().domains[1].pause == nil }
        try world.sendFromChain(1)
        try await world.sendFromHarbor(1)
        try await world.until {
          world.chain.mine()
          return try RelayRecords(path: world.folder.path + "/relayer.sqlite").newestSettled().count == 3
        }
        #expect(await relayer.status().alerts.isEmpty)
      }
    }
  }

  @Test("what a router refuses costs nothing, and is tried again or timed out by its reason")
  func refusals() async throws {
    try await ChainWorld.run { world in
      try await world.relaying { relayer in
        world.chain.set { $0.isCapped = true }
        try await world.sendFromHarbor(2)
        let key = try world.key(world.harborEnd, 1)
        try await world.until {
          await relayer.report(on: key)?.record.lastRefusal == "evm.OverCap.capped"
        }
        #expect(world.chain.placed == 0)
        world.chain.set {
          $0.isCapped = false
          $0.isPaused = true
        }
        try await world.until {
          await relayer.status().notices.contains {
            if case .refused(_, _, code: "evm.ClientIsPaused.paused") = $0 { true } else { false }
          }
        }
        world.chain.set { $0.isPaused = false }
        let settled = try await world.settled(2)
        #expect(settled.allSatisfy { $0.record.status == .settled(.success) })
      }
      var failures = -1
      world.chain.set { failures = $0.failures }
      #expect(failures == 0)
    }
  }

  @Test("random rollbacks lose nothing and repeat nothing", arguments: [UInt64(1), 2, 3])
  func random(seed: UInt64) async throws {
    var state = seed
    func next(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    try await ChainWorld.run(seed.isMultiple(of: 2) ? .state : .packets, depth: 6) { world in
      try await world.relaying { relayer in
        var sent = 0
        for _ in 0..<12 {
          switch next(3) {
          case 0:
            try await world.sendFromHarbor(Int(1 + next(3)))
          case 1:
            let count = Int(1 + next(3))
            sent += count
            try world.sendFromChain(count)
          default: break
          }
          try await Task.sleep(for: .milliseconds(Int64(next(120))))
          // What people have sent waits again; relayers' calls may be lost.
          world.chain.reorganize(Int(1 + next(5)), .waits)
        }
        let harbor = try await world.harbor.access.nextSequence(
          of: world.client, at: world.harbor.access.head().height - 1)
        let settled = try await world.settled(Int(harbor) - 1 + sent)
        #expect(settled.allSatisfy { $0.record.status == .settled(.success) })
        #expect(settled.count == Int(harbor) - 1 + sent)
        #expect(try await world.received == 3 * UInt64(sent))
        let executions = world.chain.newest.router.executions
        #expect(executions.count == Int(harbor) - 1 && executions.values.allSatisfy { $0 == 1 })
      }
    }
  }

  @Test("refuses lanes that a client on an EVM chain cannot check")
  func configuration() async throws {
    let world = try ChainWorld(.packets, depth: 4)
    let good = try world.configuration()
    let (ofChain, ofHarbor) = (try world.ofChain, try world.ofHarbor)
    var headers = good
    headers.lanes = [
      RelayedLane(
        world.lane, origin: .attesters(ofChain, world.attesters(ofChain, world.chain)),
        destination: .headers(trustingSeconds: 10))
    ]
    #expect(throws: RelayServiceError.evmEvidence(world.chainEnd)) { try Relayer(headers) }
    let ed25519 = try RelayWorld(.attested)
    let other = try ed25519.policy(of: ed25519.harbor)
    var suite = good
    suite.lanes = [
      RelayedLane(
        world.lane, origin: .attesters(ofChain, world.attesters(ofChain, world.chain)),
        destination: .attesters(other, try ed25519.attesters(of: ed25519.harbor)))
    ]
    #expect(throws: RelayServiceError.evmEvidence(world.chainEnd)) { try Relayer(suite) }
    var account = good
    account.domains[0] = RelayedDomain(
      access: world.harbor.access,
      account: .evm(EVMAccount(access: world.chain, sender: world.chain, router: ScriptedRouter.router)))
    #expect(throws: RelayServiceError.account(world.harbor.id)) { try Relayer(account) }
    _ = ofHarbor
  }
}
