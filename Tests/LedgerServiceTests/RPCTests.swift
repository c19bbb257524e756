import Encodings
import Foundation
import Ledger
import LedgerService
import LightClients
import MerkleProofs
import NIOCore
import NIOPosix
import OfflineVerification
import TestSupport
import Testing
import WireBytes

/// A connection that sends what the test writes, byte for byte.
struct RawConnection {
  let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

  init(port: Int) async throws {
    channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
      }
  }

  /// Sends a request and reads until the server closes.
  static func exchange(_ request: String, port: Int) async throws -> (status: Int, body: [UInt8]) {
    let connection = try await RawConnection(port: port)
    var bytes: [UInt8] = []
    try await connection.channel.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(string: request))
      for try await more in inbound { bytes.append(contentsOf: more.readableBytesView) }
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    guard let end = text.range(of: "\r\n\r\n") else { return (status, []) }
    return (status, [UInt8](text[end.upperBound...].utf8))
  }
}

struct RPCAnswerError: Error { let json: JSONValue }

struct RPCCaller {
  let port: Int

  func post(_ body: String, path: String = "/") async throws -> (status: Int, body: [UInt8]) {
    try await RawConnection.exchange(
      "POST \(path) HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)",
      port: port)
  }

  func get(_ target: String) async throws -> (status: Int, json: JSONValue) {
    let answer = try await RawConnection.exchange(
      "GET \(target) HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", port: port)
    return (answer.status, answer.body.isEmpty ? .null : try JSONValue(decoding: answer.body))
  }

  func call(_ method: String, _ params: JSONValue = .object([:])) async throws -> JSONValue {
    let call = JSONValue.object(["jsonrpc": "2.0", "id": 7, "method": .string(method), "params": params])
    let json = try JSONValue(decoding: try await post(call.text()).body)
    guard let result = json["result"], json["id"] == 7 else { throw RPCAnswerError(json: json) }
    return result
  }
}

/// Reads the head of an upgrade, then one unmasked frame after another.
private struct FrameReader {
  var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  var bytes: [UInt8] = []

  private mutating func more() async throws {
    guard let more = try await iterator.next(isolation: #isolation) else { throw RPCAnswerError(json: .null) }
    bytes.append(contentsOf: more.readableBytesView)
  }

  mutating func head() async throws -> String {
    while bytes.suffix(4) != [13, 10, 13, 10] { try await more() }
    defer { bytes = [] }
    return String(decoding: bytes, as: UTF8.self)
  }

  private var size: (head: Int, body: Int)? {
    guard bytes.count >= 4 else { return nil }
    switch bytes[1] {
    case 126: return (4, Int(bytes[2]) << 8 | Int(bytes[3]))
    case 127: return bytes.count < 10 ? nil : (10, bytes[2..<10].reduce(0) { $0 << 8 | Int($1) })
    default: return (2, Int(bytes[1]))
    }
  }

  mutating func message() async throws -> JSONValue {
    while true {
      if let size, bytes.count >= size.head + size.body {
        defer { bytes.removeFirst(size.head + size.body) }
        return try JSONValue(decoding: Array(bytes[size.head..<(size.head + size.body)]))
      }
      try await more()
    }
  }
}

@Suite("RPC", .serialized)
struct RPCTests {
  /// A domain with three blocks, of 2, 1 and 0 transactions, served while `body` runs.
  static func served(
    limits: RPCServer.Limits = .patient,
    _ body: (ServiceWorld, EmbeddedDomain, RPCCaller) async throws -> Void
  ) async throws {
    let world = try ServiceWorld(validators: 4)
    let domain = try world.open()
    for (height, sequences) in [[0, 1], [2], []].enumerated() {
      for sequence in sequences { try await domain.submit(try world.send(1, sequence: UInt64(sequence))) }
      try await domain.produceBlock(now: try ServiceWorld.time(Int64(height) + 1))
    }
    let server = try await RPCServer(domain: domain, limits: limits)
    let task = Task { await server.run() }
    defer { task.cancel() }
    try await body(world, domain, RPCCaller(port: server.port))
  }

  @Test("serves headers, commits and sets that our light client verifies")
  func lightClient() async throws {
    try await Self.served { _, _, caller in
      var blocks: [CometBFT.UncheckedLightBlock] = []
      for height in 1...3 {
        let commit = try await caller.call("commit", .object(["height": .string("\(height)")]))
        let validators = try await caller.call("validators", .object(["height": .string("\(height)")]))
        let next = try await caller.call("validators", .object(["height": .string("\(height + 1)")]))
        #expect(commit["canonical"] == .boolean(height < 3))
        blocks.append(
          try CometBFTJSON.lightBlock(
            .object([
              "signed_header": commit["signed_header"] ?? .null,
              "validator_set": validators["validators"] ?? .null,
              "next_validator_set": next["validators"] ?? .null,
            ])))
      }
      var trusted = CometBFT.TrustedState(vouched: blocks[0].signedHeader.header)
      for block in blocks.dropFirst() {
        let verdict = CometBFT.verify(
          block, trusted: trusted, trustedValidators: block.validators,
          options: CometBFT.ClientOptions(trustingPeriod: .seconds(86_400)), now: try ServiceWorld.time(10))
        guard case .verified(let verified) = verdict else {
          Issue.record("\(verdict)")
          return
        }
        trusted = CometBFT.TrustedState(verified)
      }
    }
  }

  @Test("proves a value under the next header, by JSON and by address")
  func proof() async throws {
    try await Self.served { _, _, caller in
      let key = Genesis.chainIDKey
      let answer = try await caller.call(
        "abci_query",
        .object([
          "path": "store/ibc/key", "data": .string(Hex.encode(key, prefix: "")), "height": "2", "prove": true,
        ]))
      let response = try #require(answer["response"])
      #expect(response["height"] == "2")
      let value = try Base64.decode(try #require(response["value"]?.string))
      #expect(value == [UInt8]("crash-1".utf8))
      let proof = try Base64.decode(try #require(response["proofOps"]?["ops"]?[0]?["data"]?.string))
      let header = try CometBFTJSON.header(
        try #require(try await caller.call("header", .object(["height": "3"]))["header"]))
      let root = header.appHash
      let decoded = try ICS23.CommitmentProof(decoding: proof.span)
      try decoded.verifyMembership(spec: .sparseMerkleTree, root: root.span, key: key.span, value: value.span)
      let (status, json) = try await caller.get(
        "/abci_query?path=%22store/ibc/key%22&data=\(Hex.encode(key))&height=2&prove=true")
      #expect(status == 200)
      #expect(json["result"] == answer)
      #expect(json["id"] == -1)
    }
  }

  @Test("finds transactions by hash and by event, with a proof")
  func transactions() async throws {
    try await Self.served { world, domain, caller in
      let page = try await caller.call(
        "tx_search", .object(["query": "tx.height = 1", "prove": true, "per_page": "1", "page": "2"]))
      #expect(page["total_count"] == "2")
      let found = try #require(page["txs"]?[0])
      #expect(found["index"] == 1)
      #expect(found["proof"]?["proof"]?["aunts"]?.array?.count == 1)
      let block = try #require(try domain.blocks.block(at: 1)?.block)
      #expect(found["tx"]?.string == Base64.encode(block.transactions[1]))
      #expect(
        found["proof"]?["root_hash"]?.string
          == Hex.encode(block.header.dataHash?.array ?? [], prefix: "").uppercased())
      let hash = Transaction.hash(of: block.transactions[1])
      let byHash = try await caller.call("tx", .object(["hash": .string(Base64.encode(hash.array))]))
      #expect(byHash["height"] == "1")
      let (status, json) = try await caller.get("/tx?hash=\(Hex.encode(hash.array))")
      #expect(status == 200)
      #expect(json["result"] == byHash)
      let missing = try await caller.get("/tx?hash=0x" + String(repeating: "00", count: 32))
      #expect(missing.status == 500)
      #expect(missing.json["error"]?["code"] == .number("-32603"))
    }
  }

  @Test("takes transactions, tells their refusal as a code, and a repeat as an error")
  func broadcast() async throws {
    try await Self.served { world, domain, caller in
      let bytes = try world.send(7, sequence: 3)
      let params = JSONValue.object(["tx": .string(Base64.encode(bytes))])
      let taken = try await caller.call("broadcast_tx_sync", params)
      #expect(taken["code"] == 0)
      #expect(taken["hash"]?.string == Hex.encode(Transaction.hash(of: bytes).array, prefix: "").uppercased())
      await #expect(throws: RPCAnswerError.self) { try await caller.call("broadcast_tx_sync", params) }
      let early = try world.send(7, sequence: 9)
      let refused = try await caller.call("broadcast_tx_sync", .object(["tx": .string(Base64.encode(early))]))
      #expect(refused["code"] != 0)
      #expect(refused["codespace"]?.string?.isEmpty == false)
      #expect(await domain.mempool.count == 1)
    }
  }

  @Test("refuses what is malformed, unknown or too much, each with its code")
  func refusals() async throws {
    var limits = RPCServer.Limits()
    limits.bodyBytes = 4_096
    try await Self.served(limits: limits) {
      (_: ServiceWorld, _: EmbeddedDomain, caller: RPCCaller) async throws in
      func code(_ body: String) async throws -> String? {
        let json = try JSONValue(decoding: try await caller.post(body).body)
        guard case .number(let code)? = json["error"]?["code"] else { return nil }
        return code
      }
      #expect(try await code("{") == "-32700")
      #expect(try await code("[]") == "-32600")
      #expect(try await code(#"{"jsonrpc":"1.0","id":1,"method":"health"}"#) == "-32600")
      #expect(try await code(#"{"jsonrpc":"2.0","id":1,"method":"none"}"#) == "-32601")
      #expect(
        try await code(#"{"jsonrpc":"2.0","id":1,"method":"block","params":{"height":[]}}"#) == "-32602")
      #expect(
        try await code(#"{"jsonrpc":"2.0","id":1,"method":"block","params":{"height":"9"}}"#) == "-32603")
      #expect(try await code(#"{"jsonrpc":"2.0","id":1,"method":"block","params":["0"]}"#) == "-32603")
      #expect(
        try await code(#"{"jsonrpc":"2.0","id":1,"method":"tx_search","params":{"query":"a OR b"}}"#)
          == "-32603")
      #expect(try await caller.post(String(repeating: "x", count: 5_000)).status == 413)
      #expect(try await caller.post("{}", path: "/block").status == 404)
      #expect(try await caller.get("/none").status == 404)
      #expect(try await caller.get("/subscribe?query=%22x%22").status == 404)
      // A notification has no answer; a batch answers the rest.
      #expect(try await caller.post(#"{"jsonrpc":"2.0","method":"health"}"#).body.isEmpty)
      let batch = #"[{"jsonrpc":"2.0","id":1,"method":"health"},{"jsonrpc":"2.0","method":"health"}]"#
      #expect(try JSONValue(decoding: try await caller.post(batch).body).array?.count == 1)
    }
  }

  @Test("tells subscribers of blocks and of transactions")
  func webSocket() async throws {
    try await Self.served { world, domain, caller in
      let connection = try await RawConnection(port: caller.port)
      try await connection.channel.executeThenClose { inbound, outbound in
        var reader = FrameReader(iterator: inbound.makeAsyncIterator())
        try await outbound.write(
          ByteBuffer(
            string: "GET /websocket HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
              + "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
        let head = try await reader.head()
        // The key and its answer are RFC 6455's own example, section 1.3.
        #expect(head.hasPrefix("HTTP/1.1 101"))
        #expect(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        for (id, query) in [(1, "tm.event = 'NewBlock'"), (2, "tx.fee EXISTS AND tx.height > 3")] {
          let call = #"{"jsonrpc":"2.0","id":\#(id),"method":"subscribe","params":{"query":"\#(query)"}}"#
          // Masked with zeros, which leaves the text as it is.
          let frame = [0x81, 0x80 | UInt8(call.utf8.count), 0, 0, 0, 0] + [UInt8](call.utf8)
          try await outbound.write(ByteBuffer(bytes: frame))
          let answer = try await reader.message()
          #expect(answer["id"]?.integer() == id)
          #expect(answer["result"] == .object([:]))
        }
        let sent = try world.send(7, sequence: 3)
        try await domain.submit(sent)
        try await domain.produceBlock(now: try ServiceWorld.time(9))
        let block = try await reader.message()
        #expect(block["id"] == 1)
        #expect(block["result"]?["data"]?["type"] == "tendermint/event/NewBlock")
        #expect(block["result"]?["data"]?["value"]?["block"]?["header"]?["height"] == "4")
        let transaction = try await reader.message()
        #expect(transaction["id"] == 2)
        #expect(transaction["result"]?["data"]?["value"]?["TxResult"]?["tx"]?.string == Base64.encode(sent))
        #expect(transaction["result"]?["events"]?["tx.height"] == .array(["4"]))
      }
    }
  }

  /// Answers of a 0.38 node that was recorded, and how ours is asked for the same.
  static let recorded: [(file: String, method: String, params: JSONValue)] = [
    ("status", "status", .object([:])), ("block_at_height_1", "block", .object(["height": "1"])),
    ("blockchain_from_1_to_10", "blockchain", .object(["minHeight": "1", "maxHeight": "3"])),
    ("commit_at_height_10", "commit", .object(["height": "2"])),
    ("block_results_at_height_10", "block_results", .object(["height": "3"])),
    ("block_search", "block_search", .object(["query": "block.height > 1"])),
    (
      "abci_query_with_non_existent_key", "abci_query",
      .object(["path": "store/ibc/key", "data": "00", "height": "2"])
    ),
  ]

  @Test(
    "answers in the shape of a recorded node",
    .enabled(
      if: Corpora.directory("tendermint-light-client") != nil, "corpus tendermint-light-client is absent"))
  func shapes() async throws {
    let root = try #require(Corpora.directory("tendermint-light-client"))
    let folder = root + "/tendermint-rs-rpc/rpc/tests/kvstore_fixtures/v0_38/incoming"
    try await Self.served { _, _, caller in
      for (file, method, params) in Self.recorded {
        let text = try #require(FileManager.default.contents(atPath: "\(folder)/\(file).json"))
        let theirs = try #require(try JSONValue(decoding: [UInt8](text))["result"])
        Self.compare(theirs, try await caller.call(method, params), at: file)
      }
    }
  }

  /// Every member of `theirs` is one of `ours`, of the same kind; null stands for any kind.
  private static func compare(_ theirs: JSONValue, _ ours: JSONValue, at path: String) {
    switch (theirs, ours) {
    case (.null, _), (_, .null), (.boolean, .boolean), (.string, .string), (.number, .number): return
    case (.array(let theirs), .array(let ours)):
      if let first = theirs.first, let other = ours.first { compare(first, other, at: path + "[]") }
    case (.object(let theirs), .object(let ours)):
      for (name, value) in theirs {
        guard let other = ours[name] else {
          Issue.record("\(path).\(name) is missing")
          continue
        }
        compare(value, other, at: "\(path).\(name)")
      }
    default: Issue.record("\(path) is of another kind")
    }
  }
}

extension RPCServer.Limits {
  /// Tests that share two cores with all others wait longer than people would.
  static let patient: Self = {
    var limits = Self()
    limits.idle = .seconds(300)
    limits.request = .seconds(120)
    return limits
  }()
}
