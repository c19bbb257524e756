import ChainAccess
import Encodings
import Testing
import WireBytes

@Suite("EVM endpoints that are wrong")
struct EVMEndpointTests {
  /// Words of execution clients and of services before them, as their users report them.
  @Test(
    "reads pruned state in every client's words",
    arguments: [
      "missing trie node ef7df5d88cb1614dc3f143879a653cd90717ee42e967c5fabbcd7505a968f314 (path )",
      "required historical state unavailable (reexec=128)",
      "distance to target block exceeds maximum proof window",
      "state 0x12 is not available, not found: state not available",
      "historical state 0x12 is not available", "pruned history unavailable",
      "old data not available due to pruning",
      "seek with txNum=1962853355 but data before txNum=2662500000 is not available: blockNum=16999999",
      "World state unavailable", "No state available for block 0x12", "state at block #12 is pruned",
    ])
  func pruned(_ message: String) {
    #expect(EVMFault(code: -32_000, message: message) == .pruned)
  }

  @Test(
    "reads what pools say in every client's words",
    arguments: [
      ("already known", EVMFault.known), ("AlreadyKnown", .known), ("known transaction: 12", .known),
      ("Transaction with the same hash was already imported.", .known),
      ("nonce too low: next nonce 5, tx nonce 3", .nonceTooLow), ("OldNonce", .nonceTooLow),
      ("Transaction nonce is too low. Try incrementing the nonce.", .nonceTooLow),
      ("nonce too high", .nonceTooHigh), ("replacement transaction underpriced", .replacementUnderpriced),
      ("FeeTooLowToCompete", .replacementUnderpriced), ("ReplacementNotAllowed", .replacementUnderpriced),
      ("transaction underpriced", .underpriced), ("FeeTooLow", .underpriced),
      ("max fee per gas less than block base fee: address 0x1", .underpriced),
      ("insufficient funds for gas * price + value: balance 0", .fundsMissing),
      ("InsufficientFunds, Account balance: 0", .fundsMissing), ("intrinsic gas too low: have 1", .gasTooLow),
      ("exceeds block gas limit", .gasTooHigh),
    ])
  func pools(_ message: String, _ fault: EVMFault) {
    #expect(EVMFault(code: -32_000, message: message) == fault)
  }

  @Test(
    "reads too many logs in every service's words",
    arguments: [
      (-32_005, "query returned more than 10000 results"), (-32_602, "range 1000000 exceeds limit of 10000"),
      (-32_614, "eth_getLogs is limited to a 10,000 range"),
      (-32_602, "Log response size exceeded. Please reduce query block range."),
      (-32_602, "invalid params: range 9009594 is bigger than range limit 2000"),
      (-32_000, "block range is larger than max block range, block range = 5120, max block range = 5000"),
      (-32_000, "query exceeds max results 20000"), (-32_000, "exceed maximum block range: 5000"),
    ])
  func logs(_ code: Int, _ message: String) {
    #expect(EVMFault(code: code, message: message) == .logsTooMany)
  }

  @Test("names the chain that an endpoint serves instead")
  func otherChain() async throws {
    try await withStub({ method, _ in method == "eth_chainId" ? .result("0x89") : .result("0x00") }) {
      access, _ in
      await #expect(throws: AccessError.otherChain(expected: "eip155:1", actual: "eip155:137")) {
        try await access.head()
      }
      await #expect(throws: AccessError.otherChain(expected: "eip155:1", actual: "eip155:137")) {
        try await access.submit([2])
      }
    }
  }

  @Test("refuses a chain without the router")
  func noRouter() async throws {
    try await withStub({ method, _ in method == "eth_chainId" ? .result("0x1") : .result("0x") }) {
      access, _ in
      await #expect(
        throws: AccessError.otherChain(
          expected: "eip155:1", actual: "no contract at \(MainnetBlock.contract)")
      ) { try await access.check() }
    }
  }

  enum Nonsense: String, CaseIterable {
    case noJSON = "<html>"
    case noVersion = #"{"id":1,"result":"0x1"}"#
    case otherID = #"{"jsonrpc":"2.0","id":7,"result":"0x1"}"#
    case nothing = #"{"jsonrpc":"2.0","id":1}"#
    case empty = ""
    case shortList = #"[{"jsonrpc":"2.0","id":1,"result":"0x1"}]"#
    case twice =
      #"[{"jsonrpc":"2.0","id":1,"result":"0x1"},{"jsonrpc":"2.0","id":1,"result":"0x00"}]"#
  }

  @Test("refuses answers that are none", arguments: Nonsense.allCases)
  func nonsense(_ nonsense: Nonsense) async throws {
    try await withStub({ _, _ in .raw(status: 200, nonsense.rawValue) }) { access, _ in
      await #expect(throws: AccessError.malformed) { try await access.check() }
    }
  }

  @Test("an answer over the limit is cut off, not read")
  func tooLarge() async throws {
    var limits = EVMDomainAccess.Limits.patient
    limits.answerBytesMax = 1_000
    limits.batchMax = 1
    try await withStub(
      limits: limits, { _, _ in .raw(status: 200, String(repeating: "x", count: 2_000)) }
    ) { access, _ in
      await #expect(throws: AccessError.tooLarge(max: 1_000)) { try await access.check() }
    }
  }

  @Test("a service that wants to be left alone is told by its status")
  func limited() async throws {
    try await withStub({ _, _ in .raw(status: 429, "slow down") }) { access, _ in
      await #expect(throws: AccessError.endpoint(code: 429, message: "HTTP status")) {
        try await access.check()
      }
    }
  }

  @Test("an endpoint that is gone is unreachable")
  func gone() async throws {
    let transport = EVMTransport()
    let access = try EVMDomainAccess(
      .init(address: "http://127.0.0.1:9", chainID: 1, router: try Bytes20(hex: MainnetBlock.contract)),
      transport: transport)
    await #expect(throws: AccessError.unreachable) { try await access.head() }
    await transport.shutdown()
  }

  @Test("a transaction that the endpoint names otherwise is not taken for sent")
  func otherHash() async throws {
    try await withStub({ method, _ in
      switch method {
      case "eth_chainId": .result("0x1")
      case "eth_getCode": .result("0x00")
      default: .result("0x92dabfa3f61ff1c349d12f5fd0dd4c99760a0a41b77dee8f0a80f83efdcb307a")
      }
    }) { access, _ in
      await #expect(throws: AccessError.unproven) { try await access.submit([2, 1, 2, 3]) }
    }
  }

  @Test("tells a revert by its error's name, through the router's list of calls")
  func revert() async throws {
    // CallFailed(1, NotMember()); made with eth-abi 5.
    let bytes =
      "0x5c0dee5d"
      + "0000000000000000000000000000000000000000000000000000000000000001"
      + "0000000000000000000000000000000000000000000000000000000000000040"
      + "0000000000000000000000000000000000000000000000000000000000000004"
      + "291fc44200000000000000000000000000000000000000000000000000000000"
    let revert = EVMRevert(try Hex.decode(bytes))
    #expect(revert.name == "NotMember")
    #expect(revert.callIndex == 1)
    #expect(revert.code == "evm.NotMember")
    #expect(EVMRevert([]).name == "empty")
    #expect(EVMRevert([1, 2, 3, 4, 5]).name == "0x01020304")
    #expect(EVMRevert([1, 2]).name == "bytes")
  }
}
