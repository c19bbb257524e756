import Encodings
import MerkleProofs
import Synchronization
import WireBytes

/// Which logs are looked for.
struct EVMLogFilter: Sendable {
  let address: Bytes20
  /// What may stand at each position; any for none.
  let topics: [[Bytes32]]

  func parameters(from first: UInt64, to last: UInt64) -> JSONValue {
    .object([
      "address": EVMJSON.text(address), "fromBlock": EVMJSON.quantity(first),
      "toBlock": EVMJSON.quantity(last),
      "topics": .array(
        topics.map {
          $0.isEmpty ? .null : $0.count == 1 ? EVMJSON.text($0[0]) : .array($0.map { EVMJSON.text($0) })
        }),
    ])
  }

  func matches(_ log: EthereumLog) -> Bool {
    guard log.address == address, log.topics.count >= topics.count else { return false }
    return zip(topics, log.topics).allSatisfy { $0.isEmpty || $0.contains($1) }
  }
}

/// Reads logs of many blocks, as many at a time as the endpoint takes: fewer after a refusal, more again after that.
/// No block is skipped.
///
/// A class, since it remembers how many blocks that is.
final class EVMLogScan: Sendable {
  /// Answers of exactly so many are taken for cut ones: services stop at round numbers without a word.
  static let roundCounts: Set<Int> = [100, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000]
  static let answerCountMax = 1 << 18
  /// Of a plain refusal to answer, so that a scan ends.
  private static let retriesMax = 3

  private let window: Mutex<UInt64>
  private let windowMax: UInt64

  init(windowMax: UInt64) {
    self.windowMax = max(windowMax, 1)
    window = Mutex(self.windowMax)
  }

  /// For tests and for operators: blocks in the next question.
  var windowBlocks: UInt64 { window.withLock { $0 } }

  /// Logs in the blocks `first...last`, newest first, until `limit` are found.
  ///
  /// - Throws: what a question about a single block throws.
  func newest(
    _ filter: EVMLogFilter, from first: UInt64, to last: UInt64, limit: Int, through endpoint: EVMEndpoint
  ) async throws(AccessError) -> [EVMLog] {
    guard first <= last, limit > 0 else { return [] }
    var found: [EVMLog] = []
    var end = last
    var retries = 0
    while true {
      let size = window.withLock { $0 }
      let start = end - first >= size ? end - size + 1 : first
      switch try await ask(filter, from: start, to: end, through: endpoint) {
      case .logs(let logs):
        retries = 0
        found += logs.reversed()
        if found.count >= limit || start == first { return Array(found.prefix(limit)) }
        end = start - 1
        if logs.count < Self.roundCounts.min() ?? 100 { grow(size) }
      case .tooMany(let error):
        guard end > start else {
          retries += 1
          guard retries < Self.retriesMax else { throw error }
          continue
        }
        window.withLock { $0 = max(min($0, (end - start + 1) / 2), 1) }
      }
    }
  }

  private func grow(_ size: UInt64) {
    let windowMax = windowMax
    window.withLock { $0 = min(max($0, size < .max / 2 ? size * 2 : size), windowMax) }
  }

  private enum Part {
    case logs([EVMLog])
    case tooMany(AccessError)
  }

  private func ask(
    _ filter: EVMLogFilter, from first: UInt64, to last: UInt64, through endpoint: EVMEndpoint
  ) async throws(AccessError) -> Part {
    let answer: EVMAnswer
    do { answer = try await endpoint.call("eth_getLogs", [filter.parameters(from: first, to: last)]) } catch {
      switch error {
      case .tooLarge, .timedOut: return .tooMany(error)
      case .endpoint(let code, let message)
      where [.logsTooMany, .answerTooLarge, .timedOut].contains(EVMFault(code: code, message: message))
        || code == 413 || code == 504:
        return .tooMany(error)
      default: throw error
      }
    }
    switch answer {
    case .failure(.logsTooMany, let code, let message), .failure(.answerTooLarge, let code, let message),
      .failure(.timedOut, let code, let message):
      return .tooMany(.endpoint(code: code, message: message))
    // Infura says both "too many" and "too fast" by this code; a smaller question answers either.
    case .failure(.limited, -32_005, let message) where last > first:
      return .tooMany(.endpoint(code: -32_005, message: message))
    default: break
    }
    let elements = try EVMJSON.list(try answer.get(at: first), max: Self.answerCountMax)
    if last > first, Self.roundCounts.contains(elements.count) {
      return .tooMany(.tooLarge(max: elements.count))
    }
    var logs: [EVMLog] = []
    for element in elements {
      let log = try EVMLog(element)
      // Nothing else was asked for, and everything in order.
      guard filter.matches(log.log), (first...last).contains(log.height) else { throw .malformed }
      if let before = logs.last {
        guard (before.height, before.index) < (log.height, log.index) else { throw .malformed }
      }
      logs.append(log)
    }
    return .logs(logs)
  }
}
