import AsyncHTTPClient
import Encodings
import NIOCore
import NIOHTTP1
import WireBytes

/// The HTTP client behind all accesses of a process: connections to an endpoint are kept and shared.
///
/// A class, since it holds those connections. Call ``shutdown()`` when the last access is done.
public final class CometBFTTransport: Sendable {
  private let client: HTTPClient

  public init() {
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    configuration.timeout = HTTPClient.Configuration.Timeout(connect: .seconds(5))
    configuration.httpVersion = .http1Only
    // Whoever asks decides whether to ask again.
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 32
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  /// Closes all connections; what is asked afterwards is `unreachable`.
  public func shutdown() async { try? await client.shutdown() }

  /// Posts a JSON-RPC message and gives the body of the answer.
  ///
  /// - Parameters:
  ///   - deadline: for the whole exchange.
  ///   - sizeMax: of the answer, in bytes.
  /// - Throws: `unreachable`, `timedOut`, `tooLarge`, `endpoint` with the status of an answer that is none.
  func post(
    _ body: [UInt8], to address: String, deadline: Duration, sizeMax: Int
  ) async throws(AccessError) -> [UInt8] {
    var request = HTTPClientRequest(url: address)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.body = .bytes(ByteBuffer(bytes: body))
    let (seconds, attoseconds) = deadline.components
    let end = NIODeadline.now() + .nanoseconds(seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000)
    do {
      let response = try await client.execute(request, deadline: end)
      // CometBFT answers 500 with a JSON error where the call itself failed.
      guard response.status == .ok || response.status == .internalServerError else {
        throw AccessError.endpoint(code: Int(response.status.code), message: response.status.reasonPhrase)
      }
      var answer: [UInt8] = []
      for try await part in response.body {
        guard answer.count + part.readableBytes <= sizeMax else { throw AccessError.tooLarge(max: sizeMax) }
        answer.append(contentsOf: part.readableBytesView)
      }
      return answer
    } catch let error as AccessError {
      throw error
    } catch let error as HTTPClientError {
      switch error {
      case .deadlineExceeded, .readTimeout, .writeTimeout: throw .timedOut
      default: throw .unreachable
      }
    } catch {
      throw NIODeadline.now() >= end ? .timedOut : .unreachable
    }
  }
}

/// One call of JSON-RPC.
struct RPCRequest {
  let method: String
  let parameters: JSONValue

  init(_ method: String, _ parameters: [String: JSONValue] = [:]) {
    self.method = method
    self.parameters = .object(parameters)
  }

  func json(id: Int) -> JSONValue {
    .object(["jsonrpc": "2.0", "id": .number(String(id)), "method": .string(method), "params": parameters])
  }
}

/// An answer to one call: its result, or the endpoint's own error.
enum RPCAnswer {
  case result(JSONValue)
  case failure(code: Int, message: String)

  init(_ json: JSONValue, id: Int) throws(AccessError) {
    guard json["jsonrpc"]?.string == "2.0", json["id"]?.integer(Int.self) == id else { throw .malformed }
    if let error = json["error"], !error.isNull {
      guard let code = error["code"]?.integer(Int.self) else { throw .malformed }
      let parts = [error["message"]?.string ?? "", error["data"]?.string ?? ""].filter { !$0.isEmpty }
      self = .failure(code: code, message: parts.joined(separator: ": "))
      return
    }
    guard let result = json["result"] else { throw .malformed }
    self = .result(result)
  }

  /// The result, or the error as it is.
  func get() throws(AccessError) -> JSONValue {
    switch self {
    case .result(let value): return value
    case .failure(let code, let message): throw .endpoint(code: code, message: message)
    }
  }

  /// The result of a call about a height, whose absence CometBFT tells in words alone (`rpc/core/env.go`).
  func get(at height: UInt64) throws(AccessError) -> JSONValue {
    if case .failure(_, let message) = self {
      if message.contains("must be less than or equal to") || message.contains("is not decided") {
        throw .heightUnknown(height)
      }
      if message.contains("is not available") { throw .heightPruned(height) }
    }
    return try get()
  }
}
