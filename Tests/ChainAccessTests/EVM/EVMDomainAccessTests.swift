import ChainAccess
import Digests
import Encodings
import Foundation
import Gate
import Ledger
import LightClients
import Messages
import PacketHost
import TestSupport
import Testing
import WireBytes

@Suite("An EVM chain", .serialized, .enabled(if: EVMNodeProcess.isInstalled, "\(EVMNodeProcess.absence)"))
struct EVMDomainAccessTests {
  private func packet(_ sequence: UInt64) throws -> Packet {
    try Packet(
      sequence: Messages.Sequence(sequence) ?? .first, sourceClient: try ClientID("client-0"),
      destinationClient: try ClientID("08-wasm-3"), timeout: UnixTime(seconds: 1_900_000_000),
      payloads: [
        try Payload(
          sourcePort: "transfer", destinationPort: "transfer", version: "v1", encoding: "abi",
          value: [UInt8](repeating: 5, count: 40))
      ])
  }

  private static let packetType = "(uint64,string,string,uint64,(string,string,string,string,bytes)[])"

  /// What the recorder is called with to log `name` of a packet, as a router would.
  private func log(
    _ name: String, _ packet: Packet, client: ClientID, rest: [(ABIType, ABIValue)] = []
  ) throws -> [UInt8] {
    let types = ([Self.packetType] + rest.map(\.0.name)).joined(separator: ",")
    var input = ABI.eventTopic("\(name)(string,uint256,\(types))").array
    input.append(Keccak256.hash(client.bytes))
    input.append(UInt256(packet.sequence.rawValue).bigEndian)
    let payload = packet.payloads[0]
    let value = ABIValue.tuple([
      .uint(packet.sequence.rawValue), .string(packet.sourceClient.text),
      .string(packet.destinationClient.text),
      .uint(packet.timeout.seconds),
      .array([
        .tuple([
          .string(payload.sourcePort.text), .string(payload.destinationPort.text), .string(payload.version),
          .string(payload.encoding), .bytes(payload.value),
        ])
      ]),
    ])
    return input
      + (try ABI.encode([value] + rest.map(\.1), as: [try ABIType(Self.packetType)] + rest.map(\.0)))
  }

  private func store(_ slot: Bytes32, _ word: Bytes32) -> [UInt8] {
    slot.array + word.array + Bytes32().array
  }

  @Test("the head is final by depth, by tag, and never above itself")
  func head() async throws {
    try await EVMTestWorld.run { world in
      try await world.mine(5)
      let byDepth = try await world.access(finality: .depth(2)).head()
      #expect(byDepth.finalHeight == byDepth.height - 2)
      #expect(try await world.access(finality: .depth(1_000)).head().finalHeight == 0)
      try await world.rpc("devnet_setFinality", [["safe": 1, "finalized": 4]])
      #expect(try await world.access(finality: .safe).head().finalHeight == byDepth.height - 1)
      #expect(try await world.access(finality: .finalized).head().finalHeight == byDepth.height - 4)
      let header = try await world.access().stateHeader(at: byDepth.height)
      #expect(header.hash == byDepth.hash)
      #expect(try await world.access().stateHeader(at: byDepth.height - 1).hash == header.parent)
    }
  }

  @Test("waits for the next block")
  func next() async throws {
    try await EVMTestWorld.run { world in
      let access = try world.access()
      let head = try await access.head()
      async let next = access.head(above: head.height, patience: .seconds(60))
      try await world.mine()
      #expect(try await next.height == head.height + 1)
      #expect(try await access.head(above: head.height + 1, patience: .zero).height == head.height + 1)
    }
  }

  @Test("what a router tells and stores comes in the words of ledgers, with proofs that a gate accepts")
  func packets() async throws {
    try await EVMTestWorld.run { world in
      let access = try world.access()
      let sender = try world.sender()
      let packet = try packet(7)
      let path = PacketPath(.commitment, of: packet)
      let commitment = PacketCommitment.of(packet)
      let before = try await access.head().height
      _ = try await sender.submit(
        EVMCall(to: world.router, input: store(path.evmSlot, commitment), gasLimit: 200_000))
      let sent = try await sender.submit(
        EVMCall(
          to: world.router, input: try log("SendPacket", packet, client: packet.sourceClient),
          gasLimit: 200_000))
      let answered = try await sender.submit(
        EVMCall(
          to: world.router,
          input: try log(
            "WriteAcknowledgement", packet, client: packet.destinationClient,
            rest: [(.array(.bytes), .array([.bytes([1, 2])]))]), gasLimit: 200_000))
      let failed = try await sender.submit(EVMCall(to: world.router, input: [1], gasLimit: 60_000))
      let head = try await access.head()
      #expect(head.height == before + 4)

      let first = try await access.block(at: before + 2)
      #expect(first.transactions.map(\.hash) == sent.hashes)
      let told = try #require(first.transactions[0].result.events.first)
      #expect(told.type == "send_packet")
      #expect(told.value("encoded_packet_hex") == Hex.encode(packet.encoded(), prefix: ""))
      #expect(told.value("packet_sequence") == "7")
      let second = try await access.block(at: before + 3).transactions[0]
      #expect(second.hash == answered.hashes[0])
      #expect(second.result.events.map(\.type) == ["recv_packet", "write_acknowledgement"])
      #expect(
        second.result.events[1].value("encoded_acknowledgement_hex")
          == Hex.encode(try Acknowledgement([[1, 2]]).encoded(), prefix: ""))
      let third = try await access.block(at: before + 4)
      #expect(third.transactions.map(\.hash) == failed.hashes)
      #expect(third.transactions[0].result.code == 1)
      #expect(third.transactions[0].result.gasWanted == 60_000)
      #expect(third.transactions[0].result.log.hasPrefix("evm.outOfGas"))
      #expect(third.parent == (try await access.block(at: before + 3).hash))
      #expect(try await access.transaction(answered.hashes[0]) == second)
      #expect(try await access.transaction(Bytes32()) == nil)

      // In state, with proofs.
      let other = PacketPath(.receipt, of: packet)
      let entries = try await access.values(of: [path.bytes, other.bytes], at: head.height, proven: true)
      #expect(entries.map(\.value) == [commitment.array, nil])
      let header = try await access.stateHeader(at: head.height)
      for entry in entries {
        guard case .evmStorage(let account, let storage)? = entry.proof else {
          Issue.record("no proof")
          continue
        }
        let claim = Claim.state(
          StateClaim(
            domain: access.domain, height: Height(head.height), root: header.root,
            timestamp: UnixTime(seconds: UInt64(header.time.seconds))))
        let proof = MembershipProof.evmStorage(account: account, storage: storage)
        if entry.value == nil {
          _ = try Membership.proveAbsence(of: other, in: claim, store: .evm(router: world.router), by: proof)
        } else {
          _ = try Membership.prove(packet, in: claim, store: .evm(router: world.router), by: proof)
        }
      }
      #expect(try await access.values(of: [path.bytes], at: before, proven: true)[0].value == nil)
      #expect(
        try await access.values(of: [path.bytes, other.bytes], at: head.height, proven: false).map(\.value)
          == [commitment.array, nil])

      // Found again by its topics, however few blocks the node looks at in one go.
      for style in ["geth", "alchemy", "infura", "quicknode"] {
        try await world.faults("/narrow", ["logsRangeMax": 1, "logsErrorStyle": .string(style)])
        let narrow = try world.access(path: "/narrow")
        let found = try await narrow.packetTransactions(
          .sent, client: packet.sourceClient, sequence: packet.sequence, limit: 4)
        #expect(found.map(\.hash) == sent.hashes, "\(style)")
        #expect(
          try await narrow.packetTransactions(
            .answered, client: packet.destinationClient, sequence: packet.sequence, limit: 4
          ).map(\.hash) == answered.hashes)
        #expect(
          try await narrow.packetTransactions(
            .timedOut, client: packet.sourceClient, sequence: packet.sequence, limit: 4) == [])
      }
    }
  }

  @Test("an endpoint that lies, lags, is pruned or on another chain is told from one that is right")
  func lies() async throws {
    try await EVMTestWorld.run { world in
      try await world.mine(20)
      let access = try world.access(path: "/liar")
      let head = try await access.head()
      func patch(_ method: String, _ fields: [String: JSONValue]) async throws {
        try await world.faults(
          "/liar",
          ["answers": [["method": .string(method), "kind": "patch", "patch": .object(fields)]]])
      }
      try await patch("eth_getBlockByNumber", ["stateRoot": .string(Bytes32().description)])
      await #expect(throws: AccessError.unproven) { try await access.head() }
      try await patch("eth_getBlockByNumber", ["timestamp": "0x1"])
      await #expect(throws: AccessError.unproven) { try await access.stateHeader(at: 3) }
      let key = PacketPath(.commitment, of: try packet(1)).bytes
      try await patch("eth_getProof", ["storageHash": .string(Bytes32().description)])
      await #expect(throws: AccessError.unproven) {
        try await access.values(of: [key], at: head.height, proven: true)
      }
      try await patch("eth_getProof", ["accountProof": []])
      await #expect(throws: AccessError.unproven) {
        try await access.values(of: [key], at: head.height, proven: true)
      }
      try await patch("eth_getProof", ["storageProof": []])
      await #expect(throws: AccessError.unproven) {
        try await access.values(of: [key], at: head.height, proven: true)
      }
      try await world.faults("/liar", ["prunedDepth": 4])
      for proven in [true, false] {
        await #expect(throws: AccessError.heightPruned(3)) {
          try await access.values(of: [key], at: 3, proven: proven)
        }
      }
      #expect(try await access.values(of: [key], at: head.height, proven: true)[0].value == nil)
      try await world.faults("/liar", ["chainId": 5])
      await #expect(throws: AccessError.otherChain(expected: "eip155:31337", actual: "eip155:5")) {
        try await access.head()
      }
      try await world.faults("/liar", ["lag": 6])
      #expect(try await access.head().height == head.height - 6)
      await #expect(throws: AccessError.heightUnknown(head.height)) {
        try await access.stateHeader(at: head.height)
      }
      for kind in ["malformed", "truncated", "empty", "wrongId"] {
        try await world.faults("/liar", ["answers": [["method": "*", "kind": .string(kind)]]])
        await #expect(throws: AccessError.self, "\(kind)") { try await access.head() }
      }
      try await world.faults("/liar", [:])
      #expect(try await access.head().height == head.height)
    }
  }

  @Test("a quorum goes on without the endpoint that is wrong, and names it")
  func quorum() async throws {
    try await EVMTestWorld.run { world in
      try await world.mine(8)
      let endpoints = [
        try world.access(), try world.access(path: "/second"), try world.access(path: "/liar"),
      ]
      let quorum = try EVMQuorumChain(2, of: endpoints)
      let right = try await endpoints[0].head()
      let faults: [[String: JSONValue]] = [
        ["chainId": 5], ["lag": 3], ["answers": [["method": "*", "kind": "hangup"]]],
        ["answers": [["method": "eth_getBlockByNumber", "kind": "patch", "patch": ["gasUsed": "0x9"]]]],
      ]
      for fault in faults {
        try await world.faults("/liar", fault)
        #expect(try await quorum.head() == right)
        #expect(try await quorum.transactionCount(of: TestEVMSigner(10).address, isPending: false) == 1)
        let key = PacketPath(.commitment, of: try packet(1)).bytes
        #expect(try await quorum.domain.values(of: [key], at: right.height, proven: true)[0].value == nil)
      }
      let standings = quorum.domain.endpointStandings
      #expect(standings.map(\.index) == [0, 1, 2])
      #expect(standings[2].name.hasSuffix("/liar"))
      #expect(standings[0].faults == 0 && standings[1].faults == 0)
      #expect(standings[2].faults > 0)
      // One that is right is not enough.
      try await world.faults("/second", ["answers": [["method": "*", "kind": "empty"]]])
      await #expect(throws: AccessError.self) { try await quorum.head() }
    }
  }

  @Test("a block that was rolled back has another hash, and its transactions are gone")
  func reorg() async throws {
    try await EVMTestWorld.run { world in
      let access = try world.access()
      let sender = try world.sender()
      let flight = try await sender.submit(
        EVMCall(to: world.router, input: store(Bytes32 { _ in 1 }, Bytes32 { _ in 2 }), gasLimit: 200_000))
      let head = try await access.head()
      let block = try await access.block(at: head.height)
      #expect(block.transactions.map(\.hash) == flight.hashes)
      try await world.rpc("devnet_reorg", [["depth": 1, "include": "none"]])
      let other = try await access.block(at: head.height)
      #expect(other.hash != block.hash)
      #expect(other.parent == block.parent)
      #expect(other.transactions.isEmpty)
      #expect(try await access.transaction(flight.hashes[0]) == nil)
      #expect(try await access.receipt(of: flight.hashes[0]) == nil)
      // An endpoint that still has the old branch: no quorum for its head.
      try await world.faults("/stale", ["head": .string(block.hash?.description ?? "")])
      let stale = try world.access(path: "/stale")
      #expect(try await stale.head().hash == block.hash)
      let quorum = try QuorumAccess(2, of: [access, try world.access(path: "/second"), stale])
      #expect(try await quorum.head().hash == other.hash)
    }
  }
}
