import Encodings
import Foundation
import Ledger
import LedgerService
import LightClients
import NIOCore
import Testing
import WireBytes

@Suite("Limits of the RPC", .serialized)
struct RPCLimitTests {
  private static let keepAlive = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n"

  @Test("closes a connection beyond the limit, and takes the next once one is free")
  func connections() async throws {
    var limits = RPCServer.Limits()
    limits.connections = 1
    try await RPCTests.served(limits: limits) {
      (_: ServiceWorld, _: EmbeddedDomain, caller: RPCCaller) async throws in
      let first = try await RawConnection(port: caller.port)
      try await first.channel.executeThenClose { inbound, outbound in
        try await outbound.write(ByteBuffer(string: Self.keepAlive))
        var reader = inbound.makeAsyncIterator()
        let answer = try #require(try await reader.next())
        #expect(String(buffer: answer).hasPrefix("HTTP/1.1 200"))
        #expect(try await RawConnection.exchange(Self.keepAlive, port: caller.port).status == 0)
        // The one that was there first is still served.
        try await outbound.write(ByteBuffer(string: Self.keepAlive))
        #expect(try await reader.next() != nil)
      }
      var status = 0
      while status != 200 { status = (try? await caller.get("/health").status) ?? 0 }
    }
  }

  @Test("closes a connection on which nothing moves")
  func idle() async throws {
    var limits = RPCServer.Limits()
    // Long enough for an answer on a machine whose cores are all taken.
    limits.idle = .seconds(2)
    try await RPCTests.served(limits: limits) {
      (_: ServiceWorld, _: EmbeddedDomain, caller: RPCCaller) async throws in
      // Reads until the server closes: after an answer, and without having asked for anything.
      #expect(try await RawConnection.exchange(Self.keepAlive, port: caller.port).status == 200)
      #expect(try await RawConnection.exchange("", port: caller.port).status == 0)
    }
  }

  @Test("closes a connection whose request does not end")
  func slowRequest() async throws {
    var limits = RPCServer.Limits()
    limits.request = .milliseconds(50)
    try await RPCTests.served(limits: limits) {
      (_: ServiceWorld, domain: EmbeddedDomain, caller: RPCCaller) async throws in
      let tip = await domain.tip
      let begun = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"
      #expect(try await RawConnection.exchange(begun, port: caller.port).status == 0)
      #expect(try await caller.get("/health").status == 200)
      #expect(await domain.tip == tip)
    }
  }

  @Test("says so when an answer takes too long, though the transaction was taken")
  func slowAnswer() async throws {
    var limits = RPCServer.Limits()
    limits.request = .milliseconds(50)
    try await RPCTests.served(limits: limits) {
      (world: ServiceWorld, domain: EmbeddedDomain, caller: RPCCaller) async throws in
      let bytes = try world.send(7, sequence: 3)
      let error = await #expect(throws: RPCAnswerError.self) {
        try await caller.call("broadcast_tx_commit", .object(["tx": .string(Base64.encode(bytes))]))
      }
      #expect(error?.json["error"]?["code"] == .number("-32603"))
      #expect(error?.json["error"]?["data"]?.string == "the request took longer than 0.05 seconds")
      #expect(await domain.mempool.count == 1)
    }
  }

  @Test("waits for the block of a transaction, and tells its result there")
  func commit() async throws {
    try await RPCTests.served { world, domain, caller in
      let bytes = try world.send(7, sequence: 3)
      let params = JSONValue.object(["tx": .string(Base64.encode(bytes))])
      let task = Task { try await caller.call("broadcast_tx_commit", params) }
      while await domain.mempool.count == 0 { await Task.yield() }
      let committed = try await domain.produceBlock(now: try ServiceWorld.time(9))
      let told = try await task.value
      #expect(told["height"]?.string == String(committed.block.header.height))
      #expect(told["hash"]?.string == Hex.encode(Transaction.hash(of: bytes).array, prefix: "").uppercased())
      #expect(told["check_tx"]?["code"] == 0)
      #expect(told["tx_result"]?["code"] == 0)
      #expect(told["tx_result"]?["gas_used"]?.integer(UInt64.self) == committed.outcome.results[0].gasUsed)
      #expect(told["tx_result"]?["events"]?.array?.count == committed.outcome.results[0].events.count)
      // A refusal of the check is an answer, and waits for no block.
      let early = JSONValue.object(["tx": .string(Base64.encode(try world.send(7, sequence: 77)))])
      let refused = try await caller.call("broadcast_tx_commit", early)
      #expect(refused["check_tx"]?["code"] == 32)
      #expect(refused["check_tx"]?["codespace"] == "sdk")
      #expect(refused["height"] == "0")
      #expect(await domain.mempool.count == 0)
    }
  }

  /// What is sent, and the code of the error that it must give.
  static let wrong: [(name: String, body: String, code: String)] = [
    ("nothing", "", "-32700"), ("an open object", "{", "-32700"), ("two values", "{}{}", "-32700"),
    ("a name twice", #"{"jsonrpc":"2.0","jsonrpc":"2.0"}"#, "-32700"),
    ("nesting beyond the limit", String(repeating: "[", count: 40), "-32700"),
    ("no object", "7", "-32600"), ("an empty batch", "[]", "-32600"),
    ("a batch beyond the limit", "[" + Array(repeating: "{}", count: 101).joined(separator: ",") + "]", "-32600"),
    ("no version", #"{"id":1,"method":"health"}"#, "-32600"),
    ("no method", #"{"jsonrpc":"2.0","id":1}"#, "-32600"),
    ("an id of another kind", #"{"jsonrpc":"2.0","id":{},"method":"health"}"#, "-32600"),
    ("an unknown method", #"{"jsonrpc":"2.0","id":1,"method":"unsafe_flush_mempool"}"#, "-32601"),
    ("a method in other letters", #"{"jsonrpc":"2.0","id":1,"method":"Health"}"#, "-32601"),
    ("parameters of another kind", #"{"jsonrpc":"2.0","id":1,"method":"block","params":7}"#, "-32602"),
    ("no number", #"{"jsonrpc":"2.0","id":1,"method":"block","params":{"height":"x"}}"#, "-32602"),
    ("no base64", #"{"jsonrpc":"2.0","id":1,"method":"broadcast_tx_sync","params":{"tx":"*"}}"#, "-32602"),
    ("no transaction", #"{"jsonrpc":"2.0","id":1,"method":"broadcast_tx_sync","params":{}}"#, "-32602"),
    ("no hex", #"{"jsonrpc":"2.0","id":1,"method":"abci_query","params":{"data":"zz"}}"#, "-32602"),
    ("a negative height", #"{"jsonrpc":"2.0","id":1,"method":"block","params":{"height":"-1"}}"#, "-32603"),
    ("a page beyond the last", #"{"jsonrpc":"2.0","id":1,"method":"validators","params":{"page":"9"}}"#, "-32603"),
    ("an unknown order", #"{"jsonrpc":"2.0","id":1,"method":"tx_search","params":{"query":"tx.height>0","order_by":"x"}}"#, "-32603"),
  ]

  @Test("refuses what is wrong with its own code, and changes nothing")
  func wrong() async throws {
    try await RPCTests.served { _, domain, caller in
      let tip = await domain.tip
      for (name, body, code) in Self.wrong {
        let answer = try await caller.post(body)
        let json = try JSONValue(decoding: answer.body)
        #expect(answer.status == 200, "\(name)")
        #expect(json["error"]?["code"] == .number(code), "\(name): \(json.text())")
        #expect(json["result"] == nil, "\(name)")
      }
      // A query that the state cannot answer is an answer with the SDK's code.
      for (path, hex, code) in [("/nothing", "", 6), ("/cosmos.bank.v1beta1.Query/Balance", "0a01ff", 18)] {
        let params = JSONValue.object(["path": .string(path), "data": .string(hex)])
        let answer = try await caller.call("abci_query", params)
        #expect(answer["response"]?["code"] == .number(String(code)))
      }
      #expect(await domain.tip == tip)
      #expect(await domain.mempool.count == 0)
    }
  }
}
