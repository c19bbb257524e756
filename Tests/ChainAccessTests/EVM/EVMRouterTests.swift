import ChainAccess
import Encodings
import Foundation
import Ledger
import LightClients
import Messages
import PacketHost
import TestSupport
import Testing
import WireBytes

/// The compiled contracts of `contracts/evm`.
enum EVMContracts {
  static let absence = "EVM contracts are not built: run script/contracts --evm"

  static func code(_ name: String) -> [UInt8]? {
    let file = Corpora.packageRoot.appendingPathComponent("contracts/evm/.build/\(name).json")
    guard let data = try? Data(contentsOf: file), let json = try? JSONValue(decoding: [UInt8](data)) else {
      return nil
    }
    return json["bytecode"]?.string.flatMap { try? Hex.decode($0) }
  }

  static func areBuilt(_ names: String...) -> Bool { names.allSatisfy { code($0) != nil } }
}

@Suite(
  "The router of this project on an EVM chain", .serialized,
  .enabled(if: EVMNodeProcess.isInstalled, "\(EVMNodeProcess.absence)"),
  .enabled(
    if: EVMContracts.areBuilt("Router", "RouterExtension", "AttestedClient"), "\(EVMContracts.absence)"))
struct EVMRouterTests {
  private func make(
    _ world: EVMTestWorld, _ name: String, _ values: [ABIValue], _ types: [ABIType]
  ) async throws -> Bytes20 {
    try await world.make(try #require(EVMContracts.code(name)) + (try ABI.encode(values, as: types)))
  }

  @Test("what it sends is found in its logs, its storage and its answers alike")
  func sending() async throws {
    try await EVMTestWorld.run { world in
      let signer = try TestEVMSigner(1)
      let owner = ABIValue.address(signer.address)
      let half = try await make(world, "RouterExtension", [], [])
      let router = try await make(
        world, "Router", [owner, owner, .address(half)], [.address, .address, .address])
      let origin = try InteroperableAddress(chain: try DomainID("cosmos:harbor-1")).encoded()
      let light = try await make(
        world, "AttestedClient",
        [
          .array([.address(try TestEVMSigner(2).address)]), .uint(1), .bytes(origin), .bytes([1]),
          .string("client-0"), .uint(0), .uint(0),
        ], [.array(.address), .uint(8), .bytes, .bytes, .string, .uint(64), .uint(64)])
      let access = try world.access(router: router)
      let sender = try world.sender(chain: access, isFollowing: true)
      let addClient = ABI.selector("addClient((string,bytes[]),address)").array
      let addApp = ABI.selector("addIBCApp(address)").array
      _ = try await sender.send(
        EVMCall(
          to: router,
          input: addClient
            + (try ABI.encode(
              [.tuple([.string("07-evm-9"), .array([.bytes([])])]), .address(light)],
              as: [.tuple([.string, .array(.bytes)]), .address]))))
      _ = try await sender.send(
        EVMCall(to: router, input: addApp + (try ABI.encode([.address(world.router)], as: [.address]))))

      let client = try ClientID("client-0")
      let empty = try await access.head().height
      #expect(try await access.nextSequence(of: client, at: empty) == 1)
      #expect(try await access.packets(.commitment, of: client, after: nil, limit: 10, at: empty) == [])
      let view = try #require(try await access.client(client))
      #expect(view.status == .active)
      #expect(view.counterparty == (try ClientID("07-evm-9")))
      #expect(view.latest == nil)
      #expect(view.policy?.contains("cosmos:harbor-1") ?? false)
      #expect(try await access.client(try ClientID("client-7")) == nil)

      let port = world.router.description
      let payload = try Payload(
        sourcePort: port, destinationPort: "transfer", version: "v1", encoding: "abi",
        value: [UInt8](repeating: 7, count: 32))
      let timeout = UnixTime(seconds: UInt64(try await access.head().time.seconds) + 3_600)
      var sent: [EVMReceipt] = []
      for count in [1, 2, 1] {
        let call = EVMRouterCall.sendPayloads(
          source: client, timeout: timeout, Array(repeating: payload, count: count))
        sent.append(try await sender.send(EVMCall(to: router, input: call.encoded())))
      }
      let head = try await access.head().height
      #expect(try await access.nextSequence(of: client, at: head) == 4)
      #expect(try await access.nextSequence(of: client, at: empty) == 1)
      let open = try await access.packets(.commitment, of: client, after: nil, limit: 10, at: head)
      #expect(open.map(\.sequence.rawValue) == [1, 2, 3])
      #expect(
        try await access.packets(
          .commitment, of: client, after: Messages.Sequence(1), limit: 1, at: head
        ).map(\.sequence.rawValue) == [2])
      for (receipt, entry) in zip(sent, open) {
        let block = try await access.block(at: receipt.height)
        let transaction = try #require(block.transactions.first { $0.hash == receipt.transaction })
        let event = try #require(transaction.result.events.first { $0.type == "send_packet" })
        let bytes = try Hex.decode(event.value("encoded_packet_hex") ?? "")
        let packet = try Packet(decoding: bytes.span)
        #expect(PacketCommitment.of(packet) == entry.commitment)
        let path = PacketPath(.commitment, of: packet)
        #expect(
          try await access.values(of: [path.bytes], at: head, proven: true)[0].value == entry.commitment.array
        )
        #expect(
          try await access.packetTransactions(
            .sent, client: client, sequence: packet.sequence, limit: 4
          ).map(\.hash) == [receipt.transaction])
      }
      // Errors by their names, before anything is sent.
      let unknown = EVMRouterCall.sendPayloads(
        source: try ClientID("client-9"), timeout: timeout, [payload])
      let refusal = await #expect(throws: EVMSendError.self) {
        try await sender.estimate(EVMCall(to: router, input: unknown.encoded()))
      }
      #expect(refusal?.code == "evm.IBCCounterpartyClientNotFound")
      let list = EVMRouterCall.relay([
        .sendPayloads(source: client, timeout: timeout, [payload]), unknown,
      ])
      guard
        case .reverted(let revert) = try await access.call(
          EVMCall(to: router, input: list.encoded()), from: signer.address, at: nil)
      else {
        Issue.record("not reverted")
        return
      }
      #expect(revert.name == "IBCCounterpartyClientNotFound")
      #expect(revert.callIndex == 1)
      // Sent with its gas given, it fails in its block, and why is told.
      let failed = try await sender.submit(EVMCall(to: router, input: unknown.encoded(), gasLimit: 300_000))
      let block = try await access.block(at: try await access.head().height)
      let result = try #require(block.transactions.first { $0.hash == failed.id }).result
      #expect(result.code == 1)
      #expect(result.log.hasPrefix("evm.IBCCounterpartyClientNotFound"))
      await sender.stop()
    }
  }
}
