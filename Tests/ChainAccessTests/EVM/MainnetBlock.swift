import ChainAccess
import Encodings
import Foundation
import TestSupport
import WireBytes

/// Block 21,925,176 of Ethereum's main chain with its 202 receipts, as an execution client told them
/// (a16z/helios, `tests/testdata/rpc`), behind a stub.
struct MainnetBlock: Sendable {
  static let absence = "corpus mpt is absent"
  static var isThere: Bool { Corpora.directory("mpt") != nil }
  /// In the place of a router: a contract with 70 logs in the block (WETH).
  static let contract = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"
  static let height: UInt64 = 21_925_176

  var block: [String: JSONValue]
  var receipts: [JSONValue]

  init() throws {
    func read(_ name: String) throws -> JSONValue {
      let folder = Corpora.directory("mpt") ?? ""
      return try JSONValue(
        decoding: [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/helios-rpc/\(name).json"))))
    }
    receipts = try read("receipts").array ?? []
    block = try read("block").object ?? [:]
    // The corpus has hashes alone; the rest of a transaction is covered by no hash that is checked.
    block["transactions"] = .array(
      receipts.map { receipt in
        .object([
          "hash": receipt["transactionHash"] ?? .null, "from": receipt["from"] ?? .null,
          "to": receipt["to"] ?? .null, "value": "0x0", "gas": "0x5208", "input": "0x",
        ])
      })
  }

  func answer(_ method: String, _ parameters: [JSONValue]) -> StubNode.Answer {
    switch method {
    case "eth_chainId": return .result("0x1")
    case "eth_getCode": return .result("0x00")
    case "eth_blockNumber": return .result(.string("0x" + String(Self.height, radix: 16)))
    case "eth_getBlockByNumber":
      let wanted = parameters[0].string
      let height = block["number"]?.string
      guard ["latest", "finalized", "safe"].contains(wanted) || wanted == height else {
        return .result(.null)
      }
      return .result(.object(block))
    case "eth_getBlockReceipts": return .result(.array(receipts))
    case "eth_getTransactionReceipt":
      return .result(receipts.first { $0["transactionHash"] == parameters[0] } ?? .null)
    default: return .error(code: -32_601, message: "the method \(method) does not exist")
    }
  }
}

extension EVMDomainAccess.Limits {
  /// Tests that share two cores with all others wait longer than people would.
  static let patient: Self = {
    var limits = Self()
    limits.deadline = .seconds(120)
    limits.interval = .milliseconds(20)
    return limits
  }()
}

/// An access to a stub that stands for main net, and ends with the body.
func withStub(
  chainID: UInt64 = 1, finality: EVMDomainAccess.Finality = .finalized, firstHeight: UInt64 = 0,
  limits: EVMDomainAccess.Limits = .patient, batchMax: Int = 1_000,
  _ script: @escaping StubNode.Script, _ body: (EVMDomainAccess, StubNode) async throws -> Void
) async throws {
  let stub = try await StubNode(batchMax: batchMax, script)
  let transport = EVMTransport()
  let access = try EVMDomainAccess(
    .init(
      address: stub.url, chainID: chainID, router: try Bytes20(hex: MainnetBlock.contract),
      finality: finality,
      firstHeight: firstHeight),
    transport: transport, limits: limits)
  let failure: (any Error)?
  do {
    try await body(access, stub)
    failure = nil
  } catch { failure = error }
  await transport.shutdown()
  stub.stop()
  if let failure { throw failure }
}
