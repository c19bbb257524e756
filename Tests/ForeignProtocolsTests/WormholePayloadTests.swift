import ForeignProtocols
import Testing
import WireBytes

@Suite("Wormhole payloads")
struct WormholePayloadTests {
  private static func module(_ name: String) -> [UInt8] {
    [UInt8](repeating: 0, count: 32 - name.utf8.count) + [UInt8](name.utf8)
  }

  private static let word = [UInt8](repeating: 0x5a, count: 32)

  /// Every action with fields of a fixed length, and that length after module, action and chain.
  private static let fixed: [(module: String, action: UInt8, count: Int)] = [
    ("Core", 1, 32), ("Core", 3, 32), ("Core", 4, 64), ("TokenBridge", 1, 34), ("TokenBridge", 2, 32),
    ("NFTBridge", 1, 34), ("NFTBridge", 2, 32), ("WormholeRelayer", 1, 34), ("WormholeRelayer", 2, 32),
    ("WormholeRelayer", 3, 32), ("CircleIntegration", 1, 1), ("CircleIntegration", 2, 38),
    ("CircleIntegration", 3, 32),
  ]

  @Test("governance actions have exactly their length", arguments: fixed.indices)
  func lengths(index: Int) throws {
    let (module, action, count) = Self.fixed[index]
    let head = Self.module(module) + [action, 0, 2]
    let whole = head + [UInt8](repeating: 1, count: count)
    let packet = try WormholeGovernance(bytes: whole)
    #expect(packet.module == module)
    #expect(packet.chain == 2)
    for length in 0..<whole.count {
      let cut = Array(whole.prefix(length))
      #expect(throws: WormholePayloadError.self) { try WormholeGovernance(bytes: cut) }
    }
    let longer = whole + [0]
    #expect(throws: WormholePayloadError.wire(.trailingBytes(offset: whole.count, count: 1))) {
      try WormholeGovernance(bytes: longer)
    }
  }

  @Test("a recovery after a fork names no chain")
  func recovery() throws {
    for module in [("Core", UInt8(5)), ("TokenBridge", 3), ("NFTBridge", 3)] {
      let bytes = Self.module(module.0) + [module.1] + Bytes32(bigEndian: 1).array + [0, 2]
      let packet = try WormholeGovernance(bytes: bytes)
      #expect(packet.action == .recoverChainID(evmChainID: .one, newChainID: 2))
    }
  }

  @Test("a guardian set upgrade holds as many keys as it says")
  func keys() throws {
    let key = [UInt8](repeating: 7, count: 20)
    let head = Self.module("Core") + [2, 0, 0, 0, 0, 0, 9]
    let packet = try WormholeGovernance(bytes: (head + [1] + key))
    #expect(packet.action == .guardianSetUpgrade(newIndex: 9, keys: [try Bytes20(key)]))
    #expect(throws: WormholePayloadError.wire(.truncated(offset: 60, needed: 20))) {
      try WormholeGovernance(bytes: (head + [2] + key))
    }
    #expect(throws: WormholePayloadError.wire(.trailingBytes(offset: 40, count: 20))) {
      try WormholeGovernance(bytes: (head + [0] + key))
    }
  }

  @Test("a module's name is padded text")
  func names() throws {
    let unknown = Self.module("Anything") + [200, 0, 0, 1, 2, 3]
    #expect(try WormholeGovernance(bytes: unknown).action == .other(fields: [1, 2, 3]))
    let padded = [UInt8]("Core".utf8) + [UInt8](repeating: 0, count: 28) + [1, 0, 0] + Self.word
    for bytes in [padded, [UInt8](repeating: 0, count: 35), [UInt8](repeating: 0xff, count: 35)] {
      #expect(throws: WormholePayloadError.moduleName) { try WormholeGovernance(bytes: bytes) }
    }
  }

  @Test("token bridge payloads have one form each")
  func tokenBridge() throws {
    let transfer = TokenBridgePayload.Transfer(
      amount: UInt256(5), token: Bytes32(bigEndian: 6), tokenChain: 7, recipient: Bytes32(bigEndian: 8),
      recipientChain: 9)
    let payloads: [(TokenBridgePayload, Int)] = [
      (.transfer(transfer, fee: UInt256(10)), 133),
      (.attestation(token: Bytes32(), tokenChain: 1, decimals: 18, symbol: Bytes32(), name: Bytes32()), 100),
      (.transferWithPayload(transfer, from: Bytes32(bigEndian: 11), payload: [1, 2, 3]), 136),
    ]
    for (payload, size) in payloads {
      let bytes = payload.encoded()
      #expect(bytes.count == size)
      #expect(try TokenBridgePayload(bytes: bytes) == payload)
      for count in 0..<min(size, 133) {
        let cut = Array(bytes.prefix(count))
        #expect(throws: WormholePayloadError.self) { try TokenBridgePayload(bytes: cut) }
      }
    }
    let longer = payloads[0].0.encoded() + [0]
    #expect(throws: WormholePayloadError.wire(.trailingBytes(offset: 133, count: 1))) {
      try TokenBridgePayload(bytes: longer)
    }
    let four: [UInt8] = [4]
    #expect(throws: WormholePayloadError.wrongKind(expected: 1, actual: 4)) {
      try TokenBridgePayload(bytes: four)
    }
  }

  @Test("an empty additional payload of a native token transfer is not written")
  func additionalPayload() throws {
    let plain = [0x99, 0x4e, 0x54, 0x54, 8, 0, 0, 0, 0, 0, 0, 0, 1] + Self.word + Self.word + [0, 2]
    let transfer = try NativeTokenTransfer(bytes: plain)
    #expect(transfer.amount == 1)
    #expect(transfer.encoded() == plain)
    #expect(throws: WormholePayloadError.notCanonical(offset: 79)) {
      try NativeTokenTransfer(bytes: (plain + [0, 0]))
    }
    let extended = plain + [0, 1, 0xff]
    #expect(try NativeTokenTransfer(bytes: extended).encoded() == extended)
    #expect(throws: WormholePayloadError.wire(.trailingBytes(offset: 82, count: 1))) {
      try NativeTokenTransfer(bytes: (extended + [0]))
    }
  }

  @Test("a transceiver of another kind is not read as Wormhole's")
  func prefix() throws {
    let bytes: [UInt8] = [1, 2, 3, 4] + Self.word
    #expect(throws: WormholePayloadError.wrongKind(expected: 0x9945_ff10, actual: 0x0102_0304)) {
      try NTTTransceiverMessage(bytes: bytes)
    }
    let mode = [0x9c, 0x23, 0xbd, 0x3b] + Self.word + [2] + Self.word + [18]
    #expect(throws: WormholePayloadError.outOfRange(offset: 36, value: 2)) {
      try NTTTransceiverNotice(bytes: mode)
    }
  }

  /// One `eth_call` with one call, and its answer. Source: wormhole sdk/js-query response.test.ts at 640e1848.
  private static let request =
    "010000002a010005010000002a0000000930783238343236626201130db1b83d205562461ed0720b37f1fbc21bf67f00000004916d5743"
  private static let response =
    "010000b094a2ee9b1d5b310e1710bb5f6106bd481f28d932f83d6220c8ffdd5c55b91818ca78c812cd03c51338e384ab09265aa6fb2615"
    + "a830e13c65775e769c5505800100000037" + request
    + "010005010000005500000000028426bb7e422fe7df070cd5261d8e23280debfd1ac8c544dcd80837c5f1ebda47c06b7f000609c35ffdb8"
    + "800100000020000000000000000000000000000000000000000000000000000000000000002a"

  @Test("a query's answer is as long as its parts, and answers that query")
  func query() throws {
    let bytes = try Hex.decode(Self.response)
    let response = try CrossChainQueryResponse(bytes: bytes)
    #expect("\(response.digest)" == "0xefbcab0576e7cb4db8cfcb3c59681eee292c75812b11a959112860ecb641c0ba")
    #expect(
      response.requester(on: .devnet) == (try Bytes20(hex: "ae9bd712796df36f8af0dc19dd0f7e09ad9115e9")))
    guard case .calls(let block, let results) = response.answers[0].answer else {
      Issue.record("not the answer to a call")
      return
    }
    #expect(block.number == 42_215_099)
    #expect(results.count == 1)
    for count in 0..<bytes.count {
      let cut = Array(bytes.prefix(count))
      #expect(throws: WormholePayloadError.self) { try CrossChainQueryResponse(bytes: cut) }
    }
    let longer = bytes + [0]
    #expect(throws: WormholePayloadError.self) { try CrossChainQueryResponse(bytes: longer) }
    var other = bytes
    // The chain of the answer.
    other[129] ^= 1
    #expect(throws: WormholePayloadError.outOfRange(offset: 128, value: 4)) {
      try CrossChainQueryResponse(bytes: other)
    }
  }

  @Test("every shorter query is refused")
  func shorterQuery() throws {
    let bytes = try Hex.decode(Self.request)
    #expect(try CrossChainQuery(bytes: bytes).queries.count == 1)
    for count in 0..<bytes.count {
      let cut = Array(bytes.prefix(count))
      #expect(throws: WormholePayloadError.self) { try CrossChainQuery(bytes: cut) }
    }
    let empty: [UInt8] = [1, 0, 0, 0, 0, 0]
    #expect(throws: WormholePayloadError.empty(offset: 5)) { try CrossChainQuery(bytes: empty) }
  }
}
