import ChainAccess
import Encodings
import Foundation
import Ledger
import Synchronization
import TestSupport
import Testing
import WireBytes

@Suite("EVM blocks", .enabled(if: MainnetBlock.isThere, "corpus mpt is absent"))
struct EVMBlockTests {
  @Test("a block of main net has the hash of its header and the receipts of its root")
  func mainnet() async throws {
    let mainnet = try MainnetBlock()
    let stateRoot = mainnet.block["stateRoot"]?.string
    let emitters = Set(
      mainnet.receipts.filter { receipt in
        receipt["logs"]?.array?.contains { $0["address"]?.string == MainnetBlock.contract } ?? false
      }.compactMap { $0["transactionHash"]?.string })
    try #require(emitters.count > 20)
    let observed = Mutex<(ChainHead, StateHeader, ObservedBlock)?>(nil)
    try await withStub({ mainnet.answer($0, $1) }) { access, _ in
      let told = (
        try await access.head(), try await access.stateHeader(at: MainnetBlock.height),
        try await access.block(at: MainnetBlock.height)
      )
      observed.withLock { $0 = told }
    }
    let (head, header, block) = try #require(observed.withLock { $0 })
    #expect(head.height == MainnetBlock.height)
    #expect(head.finalHeight == MainnetBlock.height)
    #expect(head.hash?.description == "0x92dabfa3f61ff1c349d12f5fd0dd4c99760a0a41b77dee8f0a80f83efdcb307a")
    #expect(header.hash == head.hash)
    #expect(header.root.description == stateRoot)
    #expect(block.hash == head.hash)
    let hashes = Set(block.transactions.map { $0.hash.description })
    #expect(hashes.isSuperset(of: emitters))
    // None of them speaks of packets.
    let events = block.transactions.flatMap(\.result.events)
    #expect(events.isEmpty)
  }

  @Test(
    "refuses a header of which any field was changed",
    arguments: [
      "parentHash", "stateRoot", "receiptsRoot", "transactionsRoot", "timestamp", "number", "gasUsed",
      "gasLimit",
      "miner", "mixHash", "extraData", "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas",
      "parentBeaconBlockRoot", "logsBloom", "nonce", "sha3Uncles", "difficulty", "hash",
    ])
  func changedField(_ name: String) async throws {
    var mainnet = try MainnetBlock()
    let text = try #require(mainnet.block[name]?.string)
    // Another last digit.
    mainnet.block[name] = .string(String(text.dropLast()) + (text.hasSuffix("1") ? "2" : "1"))
    let liar = mainnet
    try await withStub({ liar.answer($0, $1) }) { access, _ in
      await #expect(throws: AccessError.unproven) { try await access.head() }
    }
  }

  @Test(
    "refuses a header without a field, whatever else it says",
    arguments: ["baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "parentBeaconBlockRoot"])
  func missingField(_ name: String) async throws {
    var mainnet = try MainnetBlock()
    mainnet.block[name] = nil
    let liar = mainnet
    try await withStub({ liar.answer($0, $1) }) { access, _ in
      await #expect(throws: AccessError.unproven) { try await access.head() }
    }
  }

  @Test(
    "refuses quantities and bytes in any other form", arguments: ["0x", "0x00", "0x01", "12", "0x1g", ""])
  func forms(_ text: String) async throws {
    var mainnet = try MainnetBlock()
    mainnet.block["timestamp"] = .string(text)
    let liar = mainnet
    try await withStub({ liar.answer($0, $1) }) { access, _ in
      await #expect(throws: AccessError.malformed) { try await access.head() }
    }
  }

  enum Lie: CaseIterable {
    case logLeftOut, logChanged, failureHidden, receiptLeftOut, receiptsSwapped
  }

  @Test("refuses receipts that the block's root does not prove", arguments: Lie.allCases)
  func receipts(_ lie: Lie) async throws {
    var mainnet = try MainnetBlock()
    let index = try #require(
      mainnet.receipts.firstIndex { ($0["logs"]?.array?.count ?? 0) > 1 && $0["status"]?.string == "0x1" })
    var receipt = try #require(mainnet.receipts[index].object)
    switch lie {
    case .logLeftOut: receipt["logs"] = .array(Array(receipt["logs"]?.array?.dropLast() ?? []))
    case .logChanged:
      var logs = receipt["logs"]?.array ?? []
      var log = logs[0].object ?? [:]
      log["data"] = "0x"
      logs[0] = .object(log)
      receipt["logs"] = .array(logs)
    case .failureHidden: receipt["status"] = "0x0"
    case .receiptLeftOut: break
    case .receiptsSwapped: break
    }
    mainnet.receipts[index] = .object(receipt)
    if lie == .receiptLeftOut { mainnet.receipts.removeLast() }
    if lie == .receiptsSwapped { mainnet.receipts.swapAt(0, 1) }
    let liar = mainnet
    try await withStub({ liar.answer($0, $1) }) { access, _ in
      await #expect(throws: AccessError.unproven) { try await access.block(at: MainnetBlock.height) }
    }
  }

  @Test("asks for receipts one by one where the client has no list of them, and only once for the list")
  func oneByOne() async throws {
    let mainnet = try MainnetBlock()
    try await withStub({ method, parameters in
      method == "eth_getBlockReceipts"
        ? .error(code: -32_601, message: "Method not found") : mainnet.answer(method, parameters)
    }) { access, stub in
      let first = try await access.block(at: MainnetBlock.height)
      let second = try await access.block(at: MainnetBlock.height)
      #expect(second == first)
      #expect(first.transactions.count > 20)
      let methods = stub.messages.withLock { $0.flatMap { $0 } }
      #expect(methods.count { $0 == "eth_getBlockReceipts" } == 1)
      #expect(methods.count { $0 == "eth_getTransactionReceipt" } == 404)
    }
  }

  @Test(
    "sends shorter lists to a client that refuses long ones, down to single calls", arguments: [1, 3, 100])
  func batches(_ size: Int) async throws {
    let mainnet = try MainnetBlock()
    try await withStub(
      batchMax: size,
      { method, parameters in
        method == "eth_getBlockReceipts"
          ? .error(code: -32_601, message: "Method not found") : mainnet.answer(method, parameters)
      }
    ) { access, stub in
      let block = try await access.block(at: MainnetBlock.height)
      #expect(block.transactions.count > 20)
      let lists = stub.messages.withLock { $0.map(\.count) }
      // 100, then halves until they are taken; nothing is asked twice because of it.
      #expect(lists.last { $0 > 0 } ?? 0 <= size)
    }
  }

  @Test("a block that was rolled back between two calls is told as such")
  func rolledBack() async throws {
    let mainnet = try MainnetBlock()
    try await withStub({ method, parameters in
      method == "eth_getBlockReceipts" ? .result(.null) : mainnet.answer(method, parameters)
    }) { access, _ in
      await #expect(throws: AccessError.rolledBack(MainnetBlock.height)) {
        try await access.block(at: MainnetBlock.height)
      }
    }
  }

  @Test("heights above the head are unknown, those below it that are gone are pruned")
  func absent() async throws {
    let mainnet = try MainnetBlock()
    try await withStub({ mainnet.answer($0, $1) }) { access, _ in
      await #expect(throws: AccessError.heightUnknown(MainnetBlock.height + 1)) {
        try await access.block(at: MainnetBlock.height + 1)
      }
      await #expect(throws: AccessError.heightPruned(7)) { try await access.stateHeader(at: 7) }
    }
  }
}
