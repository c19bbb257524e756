import ChainAccess
import Encodings
import Ledger
import Messages
import Synchronization
import Testing
import WireBytes

/// A thousand blocks up to that of main net, of which the router's logs are made up; what is asked is written down.
private final class LogChain: Sendable {
  static let first = MainnetBlock.height - 999
  static let last = MainnetBlock.height

  struct Question: Hashable { let first: UInt64, last: UInt64, isAnswered: Bool }
  let questions = Mutex<[Question]>([])
  private let mainnet: MainnetBlock

  init() throws { mainnet = try MainnetBlock() }

  private static func number(_ json: JSONValue?) -> UInt64 {
    UInt64(json?.string?.dropFirst(2) ?? "", radix: 16) ?? 0
  }

  private static func hex(_ number: UInt64) -> JSONValue { .string("0x" + String(number, radix: 16)) }

  /// - Parameters:
  ///   - perBlock: logs in each block, each of another packet.
  ///   - cut: the most logs that an answer has; the rest is left out without a word.
  ///   - refusal: of so many blocks; nil to answer.
  func script(
    perBlock: UInt64, cut: Int = .max, refusal: @escaping @Sendable (UInt64) -> StubNode.Answer?
  ) -> StubNode.Script {
    { [self] method, parameters in
      switch method {
      case "eth_getStorageAt": return .result(.string(UInt256(9).bigEndian.description))
      case "eth_getLogs":
        let (first, last) = (Self.number(parameters[0]["fromBlock"]), Self.number(parameters[0]["toBlock"]))
        if let answer = refusal(last - first + 1) {
          questions.withLock { $0.append(Question(first: first, last: last, isAnswered: false)) }
          return answer
        }
        questions.withLock { $0.append(Question(first: first, last: last, isAnswered: true)) }
        var logs: [JSONValue] = []
        for height in first...last {
          for index in 0..<perBlock {
            let sequence = (height - Self.first) * perBlock + index + 1
            var topics = parameters[0]["topics"]?.array ?? []
            topics.append(.string(UInt256(sequence).bigEndian.description))
            logs.append(
              .object([
                "address": parameters[0]["address"] ?? .null, "topics": .array(topics), "data": "0x",
                "blockNumber": Self.hex(height), "blockHash": .string(UInt256(height).bigEndian.description),
                "transactionHash": .string(UInt256(sequence).bigEndian.description),
                "transactionIndex": Self.hex(index), "logIndex": Self.hex(index), "removed": false,
              ]))
          }
        }
        return .result(.array(Array(logs.prefix(cut))))
      default: return mainnet.answer(method, parameters)
      }
    }
  }

  /// Whether the answered questions cover all blocks, with no hole.
  var coversAll: Bool {
    var next = Self.first
    for question in questions.withLock({ $0 }).filter(\.isAnswered).sorted(by: { $0.first < $1.first }) {
      guard question.first <= next else { return false }
      next = max(next, question.last + 1)
    }
    return next > Self.last
  }
}

@Suite("Searching logs of EVM chains", .enabled(if: MainnetBlock.isThere, "corpus mpt is absent"))
struct EVMLogTests {
  private func search(
    perBlock: UInt64, cut: Int = .max, _ refusal: @escaping @Sendable (UInt64) -> StubNode.Answer?
  ) async throws -> (sequences: [UInt64], chain: LogChain) {
    let chain = try LogChain()
    let found = Mutex<[UInt64]>([])
    try await withStub(
      firstHeight: LogChain.first, chain.script(perBlock: perBlock, cut: cut, refusal: refusal)
    ) { access, _ in
      let entries = try await access.packets(
        .acknowledgement, of: try ClientID("client-0"), after: nil, limit: 100_000, at: LogChain.last)
      found.withLock { $0 = entries.map(\.sequence.rawValue) }
    }
    return (found.withLock { $0 }, chain)
  }

  @Test(
    "takes as many blocks at a time as the endpoint allows, and leaves out none",
    arguments: [1, 7, 64, 999, 1_000] as [UInt64])
  func windows(_ max: UInt64) async throws {
    let (sequences, chain) = try await search(perBlock: 1) { blocks in
      blocks > max ? .error(code: -32_000, message: "exceed maximum block range: \(max)") : nil
    }
    #expect(sequences == Array(1...1_000))
    #expect(chain.coversAll)
    // Halving, growing, and nothing worse.
    let questions = chain.questions.withLock { $0 }
    #expect(questions.count { !$0.isAnswered } <= questions.count { $0.isAnswered } + 10)
  }

  @Test("an answer of a round number of logs is asked for again in parts", arguments: [1_000, 2_000])
  func silentCut(_ cut: Int) async throws {
    let (sequences, chain) = try await search(perBlock: 3, cut: cut) { _ in nil }
    #expect(sequences == Array(1...3_000))
    #expect(chain.coversAll)
  }

  @Test("an endpoint that refuses even one block is told, not asked for ever")
  func hopeless() async throws {
    await #expect(
      throws: AccessError.endpoint(code: -32_005, message: "query returned more than 10000 results")
    ) {
      _ = try await search(perBlock: 1) { _ in
        .error(code: -32_005, message: "query returned more than 10000 results")
      }
    }
  }

  @Test("refuses logs that were not asked for")
  func others() async throws {
    let chain = try LogChain()
    let script = chain.script(perBlock: 1) { _ in nil }
    try await withStub(
      firstHeight: LogChain.first,
      { method, parameters in
        guard method == "eth_getLogs", var filter = parameters[0].object else {
          return script(method, parameters)
        }
        filter["address"] = "0x0000000000000000000000000000000000000001"
        return script(method, [.object(filter)])
      }
    ) { access, _ in
      await #expect(throws: AccessError.malformed) {
        try await access.packets(
          .acknowledgement, of: try ClientID("client-0"), after: nil, limit: 10, at: LogChain.last)
      }
    }
  }
}
