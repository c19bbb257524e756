import Encodings
import Synchronization
import WireBytes

/// One call of an execution client's JSON-RPC.
struct EVMRequest: Sendable {
  let method: String
  let parameters: [JSONValue]

  init(_ method: String, _ parameters: [JSONValue] = []) {
    self.method = method
    self.parameters = parameters
  }

  func json(id: Int) -> JSONValue {
    .object([
      "jsonrpc": "2.0", "id": .number(String(id)), "method": .string(method), "params": .array(parameters),
    ])
  }
}

/// An answer to one call: its result, or the endpoint's own error.
enum EVMAnswer: Sendable {
  case result(JSONValue)
  case failure(EVMFault, code: Int, message: String)

  /// Errors are as long as endpoints like; so much of one is kept.
  static let messageSizeMax = 512

  init(_ json: JSONValue) throws(AccessError) {
    guard json["jsonrpc"]?.string == "2.0" else { throw .malformed }
    if let error = json["error"], !error.isNull {
      self = try Self.failure(error)
      return
    }
    guard let result = json["result"] else { throw .malformed }
    self = .result(result)
  }

  /// What the error object of an answer says.
  static func failure(_ error: JSONValue) throws(AccessError) -> EVMAnswer {
    guard let code = error["code"]?.integer(Int.self) else { throw .malformed }
    let data = error["data"]
    // Some wrap the bytes, some put words before them (nethermind, besu).
    let text = data?.string ?? data?["data"]?.string ?? data?["payload"]?.string ?? ""
    var revert: [UInt8]?
    // `0x…`, or `Reverted 0x…` (OpenEthereum's heirs).
    if let last = text.split(separator: " ").last, last.hasPrefix("0x") {
      revert = try? Hex.decode(String(last))
    }
    var message = error["message"]?.string ?? ""
    if revert == nil, !text.isEmpty { message += ": " + text }
    let cut = String(decoding: Array(message.utf8.prefix(messageSizeMax)), as: UTF8.self)
    return .failure(EVMFault(code: code, message: message, revert: revert), code: code, message: cut)
  }

  /// The result, or the error as it is.
  func get() throws(AccessError) -> JSONValue {
    switch self {
    case .result(let value): return value
    case .failure(.timedOut, _, _): throw .timedOut
    case .failure(_, let code, let message): throw .endpoint(code: code, message: message)
    }
  }

  /// The result of a call about a block.
  func get(at height: UInt64) throws(AccessError) -> JSONValue {
    switch self {
    case .failure(.pruned, _, _): throw .heightPruned(height)
    case .failure(.blockUnknown, _, _), .failure(.notCanonical, _, _): throw .heightUnknown(height)
    default: return try get()
    }
  }

  var fault: EVMFault? { if case .failure(let fault, _, _) = self { fault } else { nil } }
}

/// An execution client behind HTTP: single calls, and lists of them as long as it takes them.
///
/// A class, since it learns how long lists may be.
final class EVMEndpoint: Sendable {
  let address: String
  private let headers: [(String, String)]
  private let transport: EVMTransport
  let limits: EVMDomainAccess.Limits
  /// Calls in one message that this endpoint has not refused.
  private let batch: Mutex<Int>
  /// What the endpoint was found not to know, so that it is not asked again.
  private let missing: Mutex<Set<String>>

  init(address: String, headers: [(String, String)], transport: EVMTransport, limits: EVMDomainAccess.Limits)
  {
    self.address = address
    self.headers = headers
    self.transport = transport
    self.limits = limits
    batch = Mutex(limits.batchMax)
    missing = Mutex([])
  }

  func isMissing(_ feature: String) -> Bool { missing.withLock { $0.contains(feature) } }
  func note(missing feature: String) { missing.withLock { _ = $0.insert(feature) } }

  func call(_ request: EVMRequest) async throws(AccessError) -> EVMAnswer {
    let answer = try await post(request.json(id: 1))
    guard answer["id"]?.integer(Int.self) == 1 || answer["error"] != nil else { throw .malformed }
    return try EVMAnswer(answer)
  }

  func call(_ method: String, _ parameters: [JSONValue] = []) async throws(AccessError) -> EVMAnswer {
    try await call(EVMRequest(method, parameters))
  }

  /// All of `requests`, in lists that the endpoint takes; the answers in their order.
  func call(all requests: [EVMRequest]) async throws(AccessError) -> [EVMAnswer] {
    var answers: [EVMAnswer] = []
    answers.reserveCapacity(requests.count)
    while answers.count < requests.count {
      let size = min(batch.withLock { $0 }, requests.count - answers.count)
      let part = Array(requests[answers.count..<(answers.count + size)])
      if size == 1 {
        answers.append(try await call(part[0]))
      } else if let more = try await list(part) {
        answers += more
      } else {
        // Refused as a whole: half of it, and so from now on.
        batch.withLock { $0 = min($0, max(size / 2, 1)) }
      }
    }
    return answers
  }

  /// The answers to one list; nil when the endpoint refused the list for what it is.
  private func list(_ requests: [EVMRequest]) async throws(AccessError) -> [EVMAnswer]? {
    let message = JSONValue.array(requests.enumerated().map { $0.element.json(id: $0.offset + 1) })
    let json: JSONValue
    do { json = try await post(message) } catch {
      switch error {
      // A shorter list has a shorter answer, and takes less time.
      case .tooLarge, .timedOut: return nil
      case .endpoint(let code, let text):
        switch EVMFault(code: code, message: text) {
        case .limited: throw error
        default: return nil
        }
      default: throw error
      }
    }
    guard let elements = json.array else {
      guard let error = json["error"], !error.isNull else { throw .malformed }
      if case .failure(.limited, let code, let text) = try EVMAnswer.failure(error) {
        throw .endpoint(code: code, message: text)
      }
      return nil
    }
    // Some refuse the list in its first element, which then is alone, with or without an id.
    if elements.count == 1, elements[0]["error"] != nil { return nil }
    guard elements.count == requests.count else { throw .malformed }
    var answers: [EVMAnswer?] = Array(repeating: nil, count: requests.count)
    for element in elements {
      guard let id = element["id"]?.integer(Int.self), answers.indices.contains(id - 1),
        answers[id - 1] == nil
      else { throw .malformed }
      answers[id - 1] = try EVMAnswer(element)
    }
    let all = answers.compactMap { $0 }
    if all.contains(where: { $0.fault == .batchRefused || $0.fault == .answerTooLarge }) { return nil }
    return all
  }

  private func post(_ message: JSONValue) async throws(AccessError) -> JSONValue {
    let (status, body) = try await transport.post(
      [UInt8](message.text().utf8), to: address, headers: headers, deadline: limits.deadline,
      sizeMax: limits.answerBytesMax)
    guard
      let json = try? JSONValue(
        decoding: body, limits: JSONLimits(sizeBytes: max(body.count, 1), depth: Self.depthMax))
    else {
      guard status == 200 else { throw .endpoint(code: status, message: "HTTP status") }
      throw .malformed
    }
    guard json.array != nil || json["jsonrpc"] != nil else {
      guard status == 200 else {
        throw .endpoint(code: status, message: json["message"]?.string ?? "HTTP status")
      }
      throw .malformed
    }
    return json
  }

  private static let depthMax = 32
}
