import ChainAccess
import Encodings
import Foundation
import Synchronization
import TestSupport
import Testing
import WireBytes

@Suite(
  "Sending EVM transactions", .serialized,
  .enabled(if: EVMNodeProcess.isInstalled, "\(EVMNodeProcess.absence)"))
struct EVMSenderTests {
  /// Counts how often it ran, by the value at slot 1: each call stores another.
  private func call(_ world: EVMTestWorld, _ value: UInt64 = 1, gasLimit: UInt64? = 200_000) -> EVMCall {
    EVMCall(
      to: world.router,
      input: UInt256(1).bigEndian.array + UInt256(value).bigEndian.array + Bytes32().array, gasLimit: gasLimit
    )
  }

  private func count(_ world: EVMTestWorld, _ number: UInt8 = 1) async throws -> UInt64 {
    try await world.access().transactionCount(of: TestEVMSigner(number).address, isPending: false)
  }

  @Test("sends many at once, each once, and forgets them when they are final")
  func many() async throws {
    try await EVMTestWorld.run { world in
      let sender = try world.sender(isFollowing: true)
      try await withThrowingTaskGroup(of: EVMReceipt.self) { group in
        for value in 1...12 as ClosedRange<UInt64> {
          group.addTask { try await sender.send(call(world, value)) }
        }
        var nonces = 0
        for try await receipt in group {
          #expect(receipt.succeeded)
          nonces += 1
        }
        #expect(nonces == 12)
      }
      #expect(try await count(world) == 12)
      try await world.mine(4)
      try await sender.step()
      #expect(await sender.flights.isEmpty)
      await sender.stop()
      await #expect(throws: EVMSendError.stopped) { try await sender.submit(call(world)) }
    }
  }

  @Test("replaces what is stuck by the same for more, and knows it under every hash")
  func stuck() async throws {
    try await EVMTestWorld.run(["--no-mining"]) { world in
      let sender = try world.sender(limits: .impatient)
      let flight = try await sender.submit(call(world))
      try await sender.step()
      try await sender.step()
      let waiting = try #require(await sender.flights.first)
      #expect(waiting.hashes.count == 3)
      #expect(waiting.id == flight.id)
      for hash in waiting.hashes { #expect(await sender.call(landedAs: hash) == flight.id) }
      try await world.mine()
      try await sender.step()
      guard case .mined(let transaction, _, _, true)? = await sender.flights.first?.stage else {
        Issue.record("not mined")
        return
      }
      #expect(transaction == waiting.hashes[2])
      #expect(try await count(world) == 1)
    }
  }

  @Test("a fee that blocks no longer take is raised until they do")
  func baseFee() async throws {
    try await EVMTestWorld.run(["--no-mining"]) { world in
      let sender = try world.sender(limits: .impatient)
      _ = try await sender.submit(call(world))
      try await world.rpc("devnet_setNextBaseFee", [.number("90000000000")])
      try await world.mine()
      #expect(try await count(world) == 0)
      try await sender.step()
      try await world.mine()
      try await sender.step()
      #expect(try await count(world) == 1)
    }
  }

  @Test("never offers more than the cap")
  func cap() async throws {
    try await EVMTestWorld.run(["--no-mining"]) { world in
      var rules = EVMFeeRules()
      rules.feeMax = UInt256(3_000_000_000)
      let sender = try world.sender(limits: .impatient, rules: rules)
      _ = try await sender.submit(call(world))
      for _ in 0..<12 { try await sender.step() }
      let hashes = try #require(await sender.flights.first?.hashes)
      #expect(hashes.count < 8)
      try await world.mine()
      try await sender.step()
      #expect(try await count(world) == 1)
    }
  }

  @Test("goes on after a restart with what was kept, though the endpoint has forgotten it")
  func restart() async throws {
    try await EVMTestWorld.run(["--no-mining"]) { world in
      let folder = try TemporaryFolder()
      let address = try TestEVMSigner(1).address
      let flights: [EVMFlight]
      do {
        let store = try NonceJournal(
          path: folder.path + "/nonces", chainID: world.node.chainID, account: address)
        let sender = try world.sender(store: store)
        for value in 1...3 as ClosedRange<UInt64> { _ = try await sender.submit(call(world, value)) }
        flights = await sender.flights
        await sender.stop()
      }
      for flight in flights {
        try await world.rpc("devnet_dropTransaction", [.string(flight.hashes[0].description)])
      }
      let store = try NonceJournal(
        path: folder.path + "/nonces", chainID: world.node.chainID, account: address)
      let sender = try world.sender(store: store)
      try await sender.start()
      #expect(await sender.flights == flights)
      try await sender.step()
      try await world.mine()
      try await sender.step()
      #expect(try await count(world) == 3)
      #expect(await sender.flights.map(\.hashes) == flights.map(\.hashes))
      // And the next one goes behind them.
      #expect(try await sender.submit(call(world)).nonce == 3)
      await sender.stop()
    }
  }

  @Test("what no endpoint took is kept, and offered when one answers again")
  func unreachable() async throws {
    try await EVMTestWorld.run { world in
      let sender = try world.sender(chain: try world.access(path: "/flaky"))
      _ = try await sender.submit(call(world, 1))
      try await world.faults("/flaky", ["unsupported": ["eth_sendRawTransaction"]])
      let flight = try await sender.submit(call(world, 2))
      #expect(try await count(world) == 1)
      try await sender.step()
      #expect(try await count(world) == 1)
      try await world.faults("/flaky", [:])
      try await sender.step()
      #expect(try await count(world) == 2)
      #expect(try await world.access().receipt(of: flight.id) != nil)
    }
  }

  @Test("an answer that was lost does not send a call twice")
  func lostAnswer() async throws {
    try await EVMTestWorld.run { world in
      let sender = try world.sender(chain: try world.access(path: "/flaky"))
      // The node takes it; who asked hears something else.
      try await world.faults(
        "/flaky",
        ["answers": [["method": "eth_sendRawTransaction", "kind": "wrongId", "times": 1]]])
      let flight = try await sender.submit(call(world, 1))
      try await sender.step()
      try await sender.step()
      #expect(try await count(world) == 1)
      guard case .mined(flight.id, _, _, true)? = await sender.flights.first?.stage else {
        Issue.record("not mined")
        return
      }
    }
  }

  @Test("fills the nonce that nobody has a transaction for")
  func gap() async throws {
    try await EVMTestWorld.run(["--no-mining"]) { world in
      let store = VolatileNonces()
      let first = try world.sender(store: store)
      let lost = try await first.submit(call(world, 1))
      let kept = try await first.submit(call(world, 2))
      await first.stop()
      try await store.forget(lost.nonce)
      try await world.rpc("devnet_dropTransaction", [.string(lost.hashes[0].description)])
      let sender = try world.sender(store: store)
      try await sender.step()
      #expect(await sender.flights.map(\.nonce) == [0, 1])
      try await world.mine()
      try await sender.step()
      #expect(try await count(world) == 2)
      #expect(try await world.access().receipt(of: kept.id)?.succeeded == true)
      #expect(try await world.access().receipt(of: lost.id) == nil)
    }
  }

  @Test("takes the next nonce when somebody else has used one")
  func nonceTooLow() async throws {
    try await EVMTestWorld.run { world in
      let sender = try world.sender()
      _ = try await sender.submit(call(world, 1))
      let other = try world.sender()
      for value in 2...4 as ClosedRange<UInt64> { _ = try await other.submit(call(world, value)) }
      let flight = try await sender.submit(call(world, 5))
      #expect(flight.nonce == 4)
      #expect(try await world.access().receipt(of: flight.id)?.succeeded == true)
    }
  }

  @Test("says so when somebody else's transaction took the nonce of one that waited")
  func taken() async throws {
    try await EVMTestWorld.run(["--no-mining"]) { world in
      let sender = try world.sender()
      let flight = try await sender.submit(call(world, 1))
      try await world.rpc("devnet_dropTransaction", [.string(flight.hashes[0].description)])
      let other = try world.sender()
      let theirs = try await other.submit(call(world, 2))
      #expect(theirs.nonce == flight.nonce)
      let waiting = Task { try await sender.receipt(of: flight.id) }
      for _ in 0..<4 {
        try await world.mine()
        try await sender.step()
      }
      #expect(await sender.flights.isEmpty)
      await sender.stop()
      await #expect(throws: EVMSendError.self) { try await waiting.value }
      #expect(try await count(world) == 1)
    }
  }

  @Test("what a rolled-back block held waits again, and lands once", arguments: [1, 3])
  func reorg(_ depth: Int) async throws {
    try await EVMTestWorld.run { world in
      try await world.mine(3)
      let sender = try world.sender(chain: try world.access(finality: .depth(20)))
      let flight = try await sender.submit(call(world, 1))
      try await world.mine(depth - 1)
      try await sender.step()
      guard case .mined? = await sender.flights.first?.stage else {
        Issue.record("not mined")
        return
      }
      // Gone from the chain and from the pool.
      try await world.rpc(
        "devnet_reorg",
        [["depth": .number(String(depth)), "include": "none", "drop": [.string(flight.id.description)]]])
      #expect(try await count(world) == 0)
      try await sender.step()
      if try await count(world) == 0 { try await world.mine() }
      try await sender.step()
      #expect(try await count(world) == 1)
      guard case .mined(flight.id, _, _, true)? = await sender.flights.first?.stage else {
        Issue.record("not mined again")
        return
      }
    }
  }

  @Test("a call that would fail is not sent; one that fails in its block is told with its receipt")
  func failures() async throws {
    try await EVMTestWorld.run { world in
      let sender = try world.sender(isFollowing: true)
      await #expect(throws: EVMSendError.self) {
        try await sender.send(EVMCall(to: world.router, input: [1]))
      }
      #expect(try await count(world) == 0)
      let failure = await #expect(throws: EVMSendError.self) {
        try await sender.send(EVMCall(to: world.router, input: [1], gasLimit: 50_000))
      }
      guard case .failed(let receipt)? = failure else {
        Issue.record("not failed: \(String(describing: failure))")
        return
      }
      #expect(!receipt.succeeded)
      #expect(try await count(world) == 1)
      // A refusal by the pool uses no nonce.
      await #expect(throws: EVMSendError.self) {
        try await sender.submit(
          EVMCall(
            to: world.router, input: [], value: UInt256.max.quotientAndRemainder(dividingBy: 4).quotient,
            gasLimit: 21_500))
      }
      #expect(try await sender.submit(call(world, 9)).nonce == 1)
      await sender.stop()
    }
  }

  @Test("no more wait at once than the limit")
  func queueFull() async throws {
    try await EVMTestWorld.run(["--no-mining"]) { world in
      var limits = EVMSendingLimits.byHand
      limits.inFlightMax = 3
      let sender = try world.sender(limits: limits)
      for value in 1...3 as ClosedRange<UInt64> { _ = try await sender.submit(call(world, value)) }
      await #expect(throws: EVMSendError.queueFull(max: 3)) { try await sender.submit(call(world, 4)) }
    }
  }
}
