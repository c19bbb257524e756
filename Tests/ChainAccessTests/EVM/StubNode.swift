import Encodings
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import WireBytes

/// An execution client that answers as the test says.
final class StubNode: Sendable {
  enum Answer: Sendable {
    case result(JSONValue)
    case error(code: Int, message: String, data: JSONValue? = nil)
    /// The body as it is, under a status.
    case raw(status: Int, String)
  }

  let url: String
  /// Messages and the methods in each, in their order.
  let messages = Mutex<[[String]]>([])
  private let task: Task<Void, any Error>

  typealias Script = @Sendable (_ method: String, _ parameters: [JSONValue]) -> Answer

  /// - Parameter batchMax: longer lists are refused as geth refuses them.
  init(batchMax: Int = 1_000, _ script: @escaping Script) async throws {
    typealias Incoming = HTTPServerRequestPart
    typealias Outgoing = HTTPServerResponsePart
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0) { channel in
        channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
          try NIOAsyncChannel<Incoming, Outgoing>(wrappingChannelSynchronously: channel)
        }
      }
    url = "http://127.0.0.1:\(server.channel.localAddress?.port ?? 0)"
    let shared = Shared()
    task = Task {
      try await withThrowingDiscardingTaskGroup { group in
        try await server.executeThenClose { connections in
          for try await connection in connections {
            group.addTask {
              try? await connection.executeThenClose { inbound, outbound in
                var body = ByteBuffer()
                for try await part in inbound {
                  switch part {
                  case .head: body.clear()
                  case .body(let more): body.writeImmutableBuffer(more)
                  case .end:
                    let (status, text) = shared.answer(body)
                    let headers = HTTPHeaders([("content-length", String(text.utf8.count))])
                    try await outbound.write(
                      contentsOf: [
                        .head(
                          HTTPResponseHead(
                            version: .http1_1, status: .init(statusCode: status), headers: headers)),
                        .body(.byteBuffer(ByteBuffer(string: text))), .end(nil),
                      ])
                  }
                }
              }
            }
          }
        }
      }
    }
    shared.set { [weak self] body in self?.reply(to: body, batchMax: batchMax, script) ?? (503, "") }
  }

  /// Set once the node is complete.
  private final class Shared: Sendable {
    private let handler = Mutex<(@Sendable (ByteBuffer) -> (Int, String))?>(nil)
    func set(_ body: @escaping @Sendable (ByteBuffer) -> (Int, String)) { handler.withLock { $0 = body } }
    func answer(_ body: ByteBuffer) -> (Int, String) {
      let handler = handler.withLock { $0 }
      return handler?(body) ?? (503, "")
    }
  }

  func stop() { task.cancel() }

  private func reply(to body: ByteBuffer, batchMax: Int, _ script: Script) -> (Int, String) {
    guard let json = try? JSONValue(decoding: [UInt8](body.readableBytesView)) else { return (400, "") }
    let calls = json.array ?? [json]
    messages.withLock { $0.append(calls.map { $0["method"]?.string ?? "" }) }
    if json.array != nil, calls.count > batchMax {
      return (
        200,
        JSONValue.object([
          "jsonrpc": "2.0", "id": .null, "error": ["code": -32_600, "message": "batch too large"],
        ]).text()
      )
    }
    var answers: [JSONValue] = []
    for call in calls {
      var members: [String: JSONValue] = ["jsonrpc": "2.0", "id": call["id"] ?? .null]
      switch script(call["method"]?.string ?? "", call["params"]?.array ?? []) {
      case .result(let value): members["result"] = value
      case .error(let code, let message, let data):
        var error: [String: JSONValue] = ["code": .number(String(code)), "message": .string(message)]
        if let data { error["data"] = data }
        members["error"] = .object(error)
      case .raw(let status, let text): return (status, text)
      }
      answers.append(.object(members))
    }
    return (200, json.array == nil ? answers[0].text() : JSONValue.array(answers.reversed()).text())
  }
}
