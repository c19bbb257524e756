import ChainAccess
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// An endpoint that asks another one and changes a piece of what it says.
final class Liar: Sendable {
  let address: String
  private let task: Task<Void, any Error>

  init(before origin: String, from: String, to: String) async throws {
    let port = Int(origin.split(separator: ":").last ?? "") ?? 0
    typealias Incoming = HTTPServerRequestPart
    typealias Outgoing = HTTPServerResponsePart
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0) { channel in
        channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
          try NIOAsyncChannel<Incoming, Outgoing>(wrappingChannelSynchronously: channel)
        }
      }
    address = "http://127.0.0.1:\(server.channel.localAddress?.port ?? 0)"
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
                    let told = try await Self.ask(body, port: port)
                    let text = String(buffer: told).replacing(from, with: to)
                    let headers = HTTPHeaders([("content-length", String(text.utf8.count))])
                    try await outbound.write(
                      contentsOf: [
                        .head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)),
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
  }

  func stop() { task.cancel() }

  private static func ask(_ body: ByteBuffer, port: Int) async throws -> ByteBuffer {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.pipeline.addHTTPClientHandlers().flatMapThrowing {
          try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
            wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      let headers = HTTPHeaders([("host", "x"), ("content-length", String(body.readableBytes))])
      try await outbound.write(
        contentsOf: [
          .head(HTTPRequestHead(version: .http1_1, method: .POST, uri: "/", headers: headers)),
          .body(.byteBuffer(body)), .end(nil),
        ])
      var answer = ByteBuffer()
      for try await part in inbound {
        switch part {
        case .head: continue
        case .body(let more): answer.writeImmutableBuffer(more)
        case .end: return answer
        }
      }
      return answer
    }
  }
}
