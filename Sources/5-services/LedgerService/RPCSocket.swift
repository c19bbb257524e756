import Encodings
import Ledger
import LightClients
import NIOCore
import NIOWebSocket
import PacketHost
import WireBytes

/// One WebSocket connection: calls as over HTTP, and subscriptions whose events carry the id of their call.
struct RPCSocket: Sendable {
  let rpc: DomainRPC
  let limits: RPCServer.Limits

  private struct Subscription: Sendable {
    let id: JSONValue
    let query: EventQuery
  }

  /// Subscriptions of the connection, shared by its reader and its writer of events.
  private actor Subscriptions {
    private let max: Int
    private(set) var all: [Subscription] = []

    init(max: Int) { self.max = max }

    func add(_ subscription: Subscription) throws(RPCFailure) {
      guard all.count < max else { throw .internalError("max_subscriptions_per_client \(max) reached") }
      guard !all.contains(where: { $0.query == subscription.query }) else {
        throw .internalError("already subscribed")
      }
      all.append(subscription)
    }

    func remove(_ query: EventQuery) throws(RPCFailure) {
      guard let place = all.firstIndex(where: { $0.query == query }) else {
        throw .internalError("subscription not found")
      }
      all.remove(at: place)
    }

    func removeAll() { all = [] }
  }

  func serve(_ channel: NIOAsyncChannel<WebSocketFrame, WebSocketFrame>) async throws {
    let blocks = try await rpc.domain.committedBlocks()
    let subscriptions = Subscriptions(max: limits.subscriptions)
    try await channel.executeThenClose { inbound, outbound in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for await committed in blocks {
            for text in Self.events(of: committed, for: await subscriptions.all) {
              try await outbound.write(
                WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: text)))
            }
          }
        }
        group.addTask { try await read(inbound, outbound, subscriptions) }
        // Whichever ends first ends the connection: the peer went, or it fell behind and was cut off.
        try await group.next()
        group.cancelAll()
      }
    }
  }

  private func read(
    _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>,
    _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>, _ subscriptions: Subscriptions
  ) async throws {
    var message: [UInt8] = []
    for try await frame in inbound {
      switch frame.opcode {
      case .text, .binary, .continuation:
        let bytes = frame.unmaskedData
        guard message.count + bytes.readableBytes <= limits.bodyBytes else { return }
        message.append(contentsOf: bytes.readableBytesView)
        guard frame.fin else { continue }
        let whole = message
        message = []
        if let answer = await answer(whole, subscriptions) {
          try await outbound.write(
            WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: answer.text())))
        }
      case .ping:
        try await outbound.write(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
      case .connectionClose:
        try await outbound.write(
          WebSocketFrame(fin: true, opcode: .connectionClose, data: frame.unmaskedData))
        return
      default: continue
      }
    }
  }

  private func answer(_ message: [UInt8], _ subscriptions: Subscriptions) async -> JSONValue? {
    guard
      let json = try? JSONValue(decoding: message, limits: JSONLimits(sizeBytes: message.count, depth: 16)),
      let method = json["method"]?.string, ["subscribe", "unsubscribe", "unsubscribe_all"].contains(method)
    else { return await rpc.answer(message: message) }
    let id = json["id"] ?? .null
    do throws(RPCFailure) {
      let call = try RPCCall(json)
      if method == "unsubscribe_all" {
        await subscriptions.removeAll()
      } else {
        let query: EventQuery
        let text = try call.arguments.text("query", 0) ?? ""
        do { query = try EventQuery(text) } catch { throw .internalError("failed to parse query: \(error)") }
        if method == "subscribe" {
          try await subscriptions.add(Subscription(id: id, query: query))
        } else {
          try await subscriptions.remove(query)
        }
      }
      return DomainRPC.envelope(id, .success(.object([:])))
    } catch { return DomainRPC.envelope(id, .failure(error)) }
  }

  /// The messages that `committed` means for the subscriptions, in the order of the block.
  private static func events(of committed: CommittedBlock, for subscriptions: [Subscription]) -> [String] {
    guard !subscriptions.isEmpty else { return [] }
    var texts: [String] = []
    func tell(_ type: String, _ events: [String: [String]], _ value: () -> JSONValue) {
      let matching = subscriptions.filter { $0.query.matches(events) }
      guard !matching.isEmpty else { return }
      let event = JSONValue.object(["type": .string("tendermint/event/\(type)"), "value": value()])
      for subscription in matching {
        let result = JSONValue.object([
          "query": .string(subscription.query.text), "data": event,
          "events": .object(events.mapValues { .array($0.map { .string($0) }) }),
        ])
        texts.append(DomainRPC.envelope(subscription.id, .success(result)).text())
      }
    }
    let block = committed.block
    tell("NewBlock", ["tm.event": ["NewBlock"]]) {
      .object([
        "block": RPCJSON.block(block), "block_id": RPCJSON.blockID(block.blockID),
        "result_finalize_block": .object([
          "events": .array([]), "validator_updates": .array([]),
          "tx_results": .array(committed.outcome.results.map { RPCJSON.result($0) }),
          "app_hash": RPCJSON.base64(committed.tip.appHash.array),
        ]),
      ])
    }
    tell("NewBlockHeader", ["tm.event": ["NewBlockHeader"]]) {
      .object(["header": RPCJSON.header(block.header)])
    }
    for (place, result) in committed.outcome.results.enumerated() {
      let bytes = block.transactions[place]
      var events = [
        "tm.event": ["Tx"], "tx.height": [String(block.header.height)],
        "tx.hash": [Hex.encode(Transaction.hash(of: bytes).array, prefix: "").uppercased()],
      ]
      for event in result.events {
        for attribute in event.attributes {
          events["\(event.type).\(attribute.key)", default: []].append(attribute.value)
        }
      }
      tell("Tx", events) {
        .object([
          "TxResult": .object([
            "height": RPCJSON.text(block.header.height), "index": RPCJSON.number(place),
            "tx": RPCJSON.base64(bytes),
            "result": RPCJSON.result(result),
          ])
        ])
      }
    }
    return texts
  }
}
