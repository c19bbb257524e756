import ChainAccess
import Ledger
import LedgerService
import LightClients
import MerkleProofs
import Messages
import PacketHost
import Testing
import WireBytes

@Suite("A domain of this process")
struct EmbeddedAccessTests {
  @Test("tells the head, and the next one as soon as there is one")
  func heads() async throws {
    let world = try AccessWorld()
    #expect(world.access.domain == (try DomainID("cosmos:harbor-1")))
    let before = try await world.access.head()
    #expect(before.height == 0)
    #expect(before.revision == 1)
    async let next = world.access.head(above: 0, patience: .seconds(60))
    try await world.block(1)
    #expect(try await next.height == 1)
    #expect(try await next.time.seconds == AccessWorld.start)
    // It is above already, and patience ends without a block.
    #expect(try await world.access.head(above: 0, patience: .seconds(60)).height == 1)
    #expect(try await world.access.head(above: 1, patience: .milliseconds(1)).height == 1)
    #expect(try await world.access.head(above: 1, patience: .zero).height == 1)
  }

  @Test("stops waiting for a head when the task is cancelled")
  func cancelled() async throws {
    let world = try AccessWorld()
    let task = Task { try await world.access.head(above: 0, patience: .seconds(600)).height }
    task.cancel()
    #expect(try await task.value == 0)
  }

  @Test("gives blocks, also those that are no longer in memory, and names heights that are not there")
  func blocks() async throws {
    let world = try AccessWorld(retention: Retention(states: 3, blocks: 12, interval: 20))
    var hashes: [Bytes32] = []
    for height in 0..<20 as Range<UInt64> {
      hashes.append(try await world.access.submit(try await world.transaction(height + 1, sequence: height)))
      try await world.block(Int64(height) + 1)
    }
    for height in [9, 20] as [UInt64] {
      let block = try await world.access.block(at: height)
      #expect(block.height == height)
      #expect(block.transactions.map(\.hash) == [hashes[Int(height) - 1]])
      #expect(block.transactions.map(\.height) == [height])
      #expect(block.transactions.allSatisfy { $0.result.succeeded && !$0.result.events.isEmpty })
      #expect(try await world.access.transaction(hashes[Int(height) - 1]) == block.transactions[0])
    }
    await #expect(throws: AccessError.heightUnknown(21)) { try await world.access.block(at: 21) }
    await #expect(throws: AccessError.heightUnknown(0)) { try await world.access.block(at: 0) }
    await #expect(throws: AccessError.heightPruned(8)) { try await world.access.block(at: 8) }
    await #expect(throws: AccessError.heightPruned(17)) {
      try await world.access.values(of: [Genesis.chainIDKey], at: 17, proven: false)
    }
    await #expect(throws: AccessError.heightUnknown(21)) {
      try await world.access.values(of: [Genesis.chainIDKey], at: 21, proven: false)
    }
    #expect(try await world.access.transaction(Bytes32 { _ in 0 }) == nil)
    let found = try await world.access.transactions(matching: "tx.height > 17", limit: 2)
    #expect(found.map(\.hash) == [hashes[19], hashes[18]])
  }

  @Test("gives headers that a light client verifies, and values proven under the next one")
  func proofs() async throws {
    let world = try AccessWorld()
    for second in 1...3 { try await world.block(Int64(second)) }
    let trusted = try await world.access.signedHeader(at: 1)
    let next = try await world.access.signedHeader(at: 3)
    let verdict = CometBFT.verify(
      CometBFT.UncheckedLightBlock(
        signedHeader: next.signedHeader, validators: next.validators, nextValidators: next.nextValidators),
      trusted: CometBFT.TrustedState(vouched: trusted.signedHeader.header),
      trustedValidators: trusted.nextValidators,
      options: CometBFT.ClientOptions(trustingPeriod: .seconds(86_400)),
      now: try CometBFT.Timestamp(seconds: AccessWorld.start + 10))
    guard case .verified = verdict else {
      Issue.record("\(verdict)")
      return
    }
    let absent = [UInt8]("nothing".utf8)
    let entries = try await world.access.values(of: [absent, Genesis.chainIDKey], at: 2, proven: true)
    #expect(entries.map(\.value) == [nil, [UInt8]("harbor-1".utf8)])
    let root = next.signedHeader.header.appHash
    let key = Genesis.chainIDKey
    let value = try #require(entries[1].value)
    guard case .ics23(let present)? = entries[1].proof, case .ics23(let missing)? = entries[0].proof else {
      Issue.record("each comes with a proof in the sparse Merkle tree")
      return
    }
    try present.verifyMembership(spec: .sparseMerkleTree, root: root.span, key: key.span, value: value.span)
    try missing.verifyNonMembership(spec: .sparseMerkleTree, root: root.span, key: absent.span)
    let bare = try await world.access.values(of: [absent, key], at: 2, proven: false)
    #expect(bare.map(\.value) == entries.map(\.value))
    #expect(bare.allSatisfy { $0.proof == nil })
  }

  @Test("tells accounts with what waits, balances and supplies, and refusals by their name")
  func accounts() async throws {
    let world = try AccessWorld()
    #expect(try await world.access.account(world.account) == AccountView(number: 0, sequence: 0))
    #expect(try await world.access.account(AccountAddress(module: "nobody")) == nil)
    _ = try await world.access.submit(try await world.transaction(5, sequence: 0))
    #expect(try await world.access.account(world.account)?.sequence == 1)
    try await world.block(1)
    #expect(try await world.access.account(world.account)?.sequence == 1)
    #expect(
      try await world.access.balances(of: AccountAddress(module: "sink")) == [Coin(UInt256(UInt64(5)), world.denom)])
    #expect(
      try await world.access.supplies() == [Coin(UInt256(UInt64(1_000_000_000_000)), world.denom)])
    let early = try await world.transaction(5, sequence: 9)
    await #expect {
      try await world.access.submit(early)
    } throws: { error in
      guard case .refused("sequence", "sdk", 32, let log)? = error as? AccessError else { return false }
      return log.hasPrefix("sequence: ")
    }
    #expect(try await world.access.client(try ClientID("client-7")) == nil)
  }
}
