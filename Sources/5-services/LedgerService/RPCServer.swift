import Encodings
import Ledger
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Synchronization

/// Serves CometBFT's RPC over one domain: JSON-RPC by POST, calls by GET, and events over `/websocket`.
///
/// On loopback unless told otherwise: it knows no users, and whoever reaches it may read everything.
public struct RPCServer: Sendable {
  public struct Limits: Hashable, Sendable {
    /// Connections at once; the next is closed at once.
    public var connections = 256
    /// Bytes of one request's body, or of one WebSocket message; fits a transaction of 4 MiB in base64.
    public var bodyBytes = 8 << 20
    /// A connection on which nothing moves for this long is closed.
    public var idle = Duration.seconds(60)
    /// For a request to come in whole, once it has begun, and again for its answer; `broadcast_tx_commit` waits for a
    /// block, and not longer.
    public var request = Duration.seconds(30)
    /// Subscriptions of one connection.
    public var subscriptions = 16

    public init() {}
  }

  /// Why no server listens.
  public enum StartError: Error, Hashable, Sendable {
    /// The address cannot be listened on.
    case bind
  }

  /// The port that is listened on.
  public let port: Int
  private let channel: NIOAsyncChannel<EventLoopFuture<Connection>, Never>
  private let rpc: DomainRPC
  private let limits: Limits

  /// What a connection turned out to be.
  enum Connection: Sendable {
    case http(NIOAsyncChannel<HTTPServerRequestPart, HTTPPart<HTTPResponseHead, ByteBuffer>>)
    case webSocket(NIOAsyncChannel<WebSocketFrame, WebSocketFrame>)
  }

  /// Listens; nothing is answered before ``run()``.
  ///
  /// - Parameter port: 0 lets the system choose a free one.
  public init(
    domain: EmbeddedDomain, host: String = "127.0.0.1", port: Int = 0, limits: Limits = Limits()
  ) async throws(StartError) {
    do {
      channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .bind(host: host, port: port) { channel in
          channel.eventLoop.makeCompletedFuture { try Self.configure(channel, limits) }
        }
    } catch { throw .bind }
    guard let bound = channel.channel.localAddress?.port else { throw .bind }
    self.port = bound
    self.limits = limits
    rpc = DomainRPC(domain: domain, address: "tcp://\(host):\(bound)", deadline: limits.request)
  }

  /// HTTP, and the way from there to WebSocket.
  private static func configure(_ channel: any Channel, _ limits: Limits) throws -> EventLoopFuture<
    Connection
  > {
    try channel.pipeline.syncOperations.addHandlers([
      IdleStateHandler(allTimeout: TimeAmount(limits.idle)), IdleCloser(),
    ])
    let upgrader = NIOTypedWebSocketServerUpgrader<Connection>(
      maxFrameSize: limits.bodyBytes, enableAutomaticErrorHandling: true,
      shouldUpgrade: { channel, head in
        let isThere = head.uri == "/websocket" || head.uri.hasPrefix("/websocket?")
        return channel.eventLoop.makeSucceededFuture(isThere ? HTTPHeaders() : nil)
      },
      upgradePipelineHandler: { channel, _ in
        channel.eventLoop.makeCompletedFuture {
          .webSocket(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
        }
      })
    let upgrade = NIOTypedHTTPServerUpgradeConfiguration<Connection>(
      upgraders: [upgrader],
      notUpgradingCompletionHandler: { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers([RequestClock(limits.request), ResponseBytes()])
          return .http(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
        }
      })
    return try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
      configuration: .init(upgradeConfiguration: upgrade))
  }

  /// Answers until the task is cancelled; then every connection is closed.
  public func run() async {
    let open = ConnectionCount()
    try? await withThrowingDiscardingTaskGroup { group in
      try await channel.executeThenClose { connections in
        for try await connection in connections {
          guard open.value.add(1, ordering: .relaxed).newValue <= limits.connections else {
            open.value.subtract(1, ordering: .relaxed)
            group.addTask { await Self.refuse(connection) }
            continue
          }
          group.addTask {
            await serve(connection)
            open.value.subtract(1, ordering: .relaxed)
          }
        }
      }
    }
  }

  private static func refuse(_ connection: EventLoopFuture<Connection>) async {
    // Whatever it is, it is closed when it has said what it is; silence is closed by the idle rule.
    switch try? await connection.get() {
    case .http(let channel): try? await channel.executeThenClose { _, _ in }
    case .webSocket(let channel): try? await channel.executeThenClose { _, _ in }
    case nil: return
    }
  }

  private func serve(_ connection: EventLoopFuture<Connection>) async {
    // A peer that breaks the protocol or goes away ends its connection, and nothing else.
    switch try? await connection.get() {
    case .http(let channel): try? await serve(http: channel)
    case .webSocket(let channel): try? await RPCSocket(rpc: rpc, limits: limits).serve(channel)
    case nil: return
    }
  }

  // MARK: HTTP

  private func serve(
    http channel: NIOAsyncChannel<HTTPServerRequestPart, HTTPPart<HTTPResponseHead, ByteBuffer>>
  ) async throws {
    try await channel.executeThenClose { inbound, outbound in
      var head: HTTPRequestHead?
      var body: [UInt8] = []
      for try await part in inbound {
        switch part {
        case .head(let given):
          head = given
          body = []
        case .body(let more):
          guard body.count + more.readableBytes <= limits.bodyBytes else {
            try await Self.write(.init(status: .payloadTooLarge), isLast: true, to: outbound)
            return
          }
          body.append(contentsOf: more.readableBytesView)
        case .end:
          guard let request = head else { return }
          head = nil
          let reply = await reply(to: request, body: body)
          try await Self.write(reply, isLast: !request.isKeepAlive, to: outbound)
          if !request.isKeepAlive { return }
        }
      }
    }
  }

  private struct Reply: Sendable {
    var status: HTTPResponseStatus = .ok
    var json: JSONValue?
  }

  private func reply(to request: HTTPRequestHead, body: [UInt8]) async -> Reply {
    switch request.method {
    case .POST:
      guard request.uri == "/" || request.uri.isEmpty else { return Reply(status: .notFound) }
      return Reply(json: await rpc.answer(message: body))
    case .GET:
      guard request.uri != "/" else { return Reply(status: .notFound) }
      let result: JSONValue
      do throws(RPCFailure) {
        let call = try RPCCall(target: request.uri)
        result = try await rpc.answer(call.method, call.arguments)
      } catch {
        if error == .methodUnknown { return Reply(status: .notFound) }
        return Reply(status: .internalServerError, json: DomainRPC.envelope(-1, .failure(error)))
      }
      return Reply(json: DomainRPC.envelope(-1, .success(result)))
    default: return Reply(status: .methodNotAllowed)
    }
  }

  private static func write(
    _ reply: Reply, isLast: Bool,
    to outbound: NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>
  ) async throws {
    let body = ByteBuffer(string: reply.json?.text() ?? "")
    var headers = HTTPHeaders([("content-length", String(body.readableBytes))])
    if reply.json != nil { headers.add(name: "content-type", value: "application/json") }
    if isLast { headers.add(name: "connection", value: "close") }
    try await outbound.write(
      contentsOf: [
        .head(HTTPResponseHead(version: .http1_1, status: reply.status, headers: headers)), .body(body),
        .end(nil),
      ])
  }
}

/// A class, since tasks share one count.
private final class ConnectionCount: Sendable {
  let value = Atomic<Int>(0)
}

/// Closes a connection on which nothing moved.
private final class IdleCloser: ChannelInboundHandler, Sendable {
  typealias InboundIn = NIOAny

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent {
      context.close(promise: nil)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }
}

/// Closes a connection whose request does not come to its end in time: the idle rule alone lets a peer send a byte
/// now and then. A class, since NIO's handlers are.
private final class RequestClock: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart

  private let limit: TimeAmount
  private var end: Scheduled<Void>?

  init(_ limit: Duration) {
    self.limit = TimeAmount(limit)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      let channel = context.channel
      end = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    case .body: break
    case .end: stop()
    }
    context.fireChannelRead(data)
  }

  func channelInactive(context: ChannelHandlerContext) {
    stop()
    context.fireChannelInactive()
  }

  private func stop() {
    end?.cancel()
    end = nil
  }
}

/// Lets a response's body be plain bytes.
private final class ResponseBytes: ChannelOutboundHandler, Sendable {
  typealias OutboundIn = HTTPPart<HTTPResponseHead, ByteBuffer>
  typealias OutboundOut = HTTPServerResponsePart

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let part: HTTPServerResponsePart =
      switch unwrapOutboundIn(data) {
      case .head(let head): .head(head)
      case .body(let bytes): .body(.byteBuffer(bytes))
      case .end(let trailers): .end(trailers)
      }
    context.write(wrapOutboundOut(part), promise: promise)
  }
}

// MARK: Messages

extension DomainRPC {
  /// The answer to a JSON-RPC message; nil when it holds nothing but notifications.
  func answer(message: [UInt8]) async -> JSONValue? {
    guard
      let json = try? JSONValue(decoding: message, limits: JSONLimits(sizeBytes: message.count, depth: 16))
    else {
      return Self.envelope(.null, .failure(.parse))
    }
    guard let batch = json.array else { return await answer(call: json) }
    guard !batch.isEmpty, batch.count <= RPCCall.batchMax else {
      return Self.envelope(.null, .failure(.request("a batch holds 1 to \(RPCCall.batchMax) calls")))
    }
    var answers: [JSONValue] = []
    for call in batch {
      if let answer = await answer(call: call) { answers.append(answer) }
    }
    return answers.isEmpty ? nil : .array(answers)
  }

  private func answer(call json: JSONValue) async -> JSONValue? {
    var id = json["id"] ?? .null
    do throws(RPCFailure) {
      let call = try RPCCall(json)
      guard let given = call.id else { return nil }
      id = given
      return Self.envelope(id, .success(try await answer(call.method, call.arguments)))
    } catch { return Self.envelope(id, .failure(error)) }
  }

  static func envelope(_ id: JSONValue, _ result: Result<JSONValue, RPCFailure>) -> JSONValue {
    switch result {
    case .success(let value): .object(["jsonrpc": "2.0", "id": id, "result": value])
    case .failure(let failure): .object(["jsonrpc": "2.0", "id": id, "error": failure.json])
    }
  }
}
