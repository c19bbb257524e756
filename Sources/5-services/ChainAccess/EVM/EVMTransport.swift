import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// The HTTP client behind all EVM accesses of a process: connections to an endpoint are kept and shared.
///
/// A class, since it holds those connections. Call ``shutdown()`` when the last access is done.
public final class EVMTransport: Sendable {
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

  /// Posts a JSON-RPC message and gives status and body of the answer, whatever the status: execution clients and the
  /// services in front of them put errors into answers of many.
  ///
  /// - Parameters:
  ///   - deadline: for the whole exchange.
  ///   - sizeMax: of the answer, in bytes.
  /// - Throws: `unreachable`, `timedOut`, `tooLarge`.
  func post(
    _ body: [UInt8], to address: String, headers: [(String, String)], deadline: Duration, sizeMax: Int
  ) async throws(AccessError) -> (status: Int, body: [UInt8]) {
    var request = HTTPClientRequest(url: address)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    request.body = .bytes(ByteBuffer(bytes: body))
    let (seconds, attoseconds) = deadline.components
    let end = NIODeadline.now() + .nanoseconds(seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000)
    do {
      let response = try await client.execute(request, deadline: end)
      var answer: [UInt8] = []
      for try await part in response.body {
        guard answer.count + part.readableBytes <= sizeMax else { throw AccessError.tooLarge(max: sizeMax) }
        answer.append(contentsOf: part.readableBytesView)
      }
      return (Int(response.status.code), answer)
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
