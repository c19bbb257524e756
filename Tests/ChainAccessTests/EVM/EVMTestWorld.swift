import ChainAccess
import Digests
import Encodings
import Foundation
import LocalKeys
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Transactions
import WireBytes

/// Signs whatever it is given with one of the keys 1 to 10 that a test's chain has funded.
struct TestEVMSigner: EVMTransactionSigning {
  let key: LocalSecp256k1Key
  var address: Bytes20 { key.ethereumAddress }

  init(_ number: UInt8) throws {
    let secret = [UInt8](repeating: 0, count: 31) + [number]
    key = try LocalSecp256k1Key(secret: secret.span)
  }

  func sign(_ transaction: EVMTransaction) async throws(TransactionSigningError) -> [UInt8] {
    let signature = key.signRecoverable(digest: transaction.signingHash).array
    do { return try SignedEVMTransaction(transaction, signature: signature).encoded } catch { throw .refused }
  }
}

/// A chain of a test's own with a contract in the place of a router, that stores and logs what it is told.
struct EVMTestWorld: Sendable {
  /// `sstore(input[0], input[1])`, then a log with the topics `input[0…2]` and the rest of the input. Without three
  /// words it uses up all gas.
  static let recorder =
    "60203560003555606036036060600037604035602035600035606036036000a300"

  let node: EVMNodeProcess
  let transport: EVMTransport
  let router: Bytes20

  /// Starts a chain, makes the contract, and ends both with the body.
  static func run(_ arguments: [String] = [], _ body: (EVMTestWorld) async throws -> Void) async throws {
    let node = try EVMNodeProcess(arguments)
    let transport = EVMTransport()
    let failure: (any Error)?
    do {
      let world = EVMTestWorld(node: node, transport: transport, router: Bytes20())
      let runtime = try Hex.decode(recorder)
      let size = String(runtime.count, radix: 16)
      let made = try await world.make(try Hex.decode("60\(size)600c60003960\(size)6000f3" + recorder))
      try await body(EVMTestWorld(node: node, transport: transport, router: made))
      failure = nil
    } catch { failure = error }
    await transport.shutdown()
    node.stop()
    if let failure { throw failure }
  }

  func access(
    path: String = "", finality: EVMDomainAccess.Finality = .depth(2), router: Bytes20? = nil,
    checksRouter: Bool = true, limits: EVMDomainAccess.Limits = .patient
  ) throws -> EVMDomainAccess {
    try EVMDomainAccess(
      .init(
        address: node.url + path, chainID: node.chainID, router: router ?? self.router, finality: finality,
        checksRouter: checksRouter), transport: transport, limits: limits)
  }

  func sender(
    _ number: UInt8 = 1, chain: (any EVMChainAccess)? = nil, store: any NonceStore = VolatileNonces(),
    limits: EVMSendingLimits = .byHand, rules: EVMFeeRules = EVMFeeRules(), isFollowing: Bool = false
  ) throws -> EVMSender {
    EVMSender(
      chain: try chain ?? access(), signer: try TestEVMSigner(number), store: store, rules: rules,
      limits: limits,
      isFollowing: isFollowing)
  }

  /// Makes a contract with key 10 and a block for it, whether the node mines by itself or not.
  func make(_ code: [UInt8]) async throws -> Bytes20 {
    let access = try access(checksRouter: false)
    let signer = try TestEVMSigner(10)
    let nonce = try await access.transactionCount(of: signer.address, isPending: true)
    let raw = try await signer.sign(
      try EVMTransaction(
        chainID: node.chainID, nonce: nonce, maxPriorityFeePerGas: UInt256(1_000_000),
        maxFeePerGas: UInt256(20_000_000_000), gasLimit: 8_000_000, to: nil, input: code))
    let hash = try await access.offer(raw)
    if try await access.receipt(of: hash) == nil { try await mine() }
    guard let receipt = try await access.receipt(of: hash), receipt.succeeded, let made = receipt.contract
    else {
      throw AccessError.malformed
    }
    return made
  }

  // MARK: The node's controls

  func mine(_ blocks: Int = 1) async throws {
    guard blocks > 0 else { return }
    try await rpc("evm_mine", [["blocks": .number(String(blocks))]])
  }

  func faults(_ path: String, _ faults: [String: JSONValue]) async throws {
    var members = faults
    members["path"] = .string(path)
    try await rpc("devnet_setFaults", [.object(members)])
  }

  /// Calls the node past the code that is tested.
  @discardableResult
  func rpc(_ method: String, _ parameters: [JSONValue] = []) async throws -> JSONValue {
    let port = Int(node.url.split(separator: ":").last ?? "") ?? 0
    let message = JSONValue.object([
      "jsonrpc": "2.0", "id": 1, "method": .string(method), "params": .array(parameters),
    ]).text()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.pipeline.addHTTPClientHandlers().flatMapThrowing {
          try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
            wrappingChannelSynchronously: channel)
        }
      }
    let answer = try await channel.executeThenClose { inbound, outbound in
      let headers = HTTPHeaders([
        ("host", "127.0.0.1"), ("content-type", "application/json"),
        ("content-length", String(message.utf8.count)),
      ])
      try await outbound.write(
        contentsOf: [
          .head(HTTPRequestHead(version: .http1_1, method: .POST, uri: "/control", headers: headers)),
          .body(.byteBuffer(ByteBuffer(string: message))), .end(nil),
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
    let json = try JSONValue(decoding: [UInt8](answer.readableBytesView))
    guard let result = json["result"] else { throw ControlError(said: json.text()) }
    return result
  }

  struct ControlError: Error { let said: String }
}

extension EVMSendingLimits {
  /// Everything that waits has waited long enough.
  static let byHand: Self = {
    var limits = Self()
    limits.stuckAfter = .seconds(3_600)
    limits.reofferAfter = .seconds(3_600)
    limits.patience = .seconds(300)
    limits.recheck = .milliseconds(100)
    return limits
  }()

  static let impatient: Self = {
    var limits = Self.byHand
    limits.stuckAfter = .zero
    limits.reofferAfter = .zero
    return limits
  }()
}
