import ChainAccess
import Encodings
import Foundation
import Messages
import WireBytes

/// Makes the contracts of a devnet's EVM chain, each only when the chain does not have it yet: one that was cut off
/// anywhere goes on from there.
///
/// What was made is written down before anything is told of it. A contract whose address was lost with the process is
/// made again, and the one without a name does no harm: nothing refers to it.
struct ReefDeployment: Sendable {
  /// Ports as the router lists them.
  static let ports = [("transfer", "Transfer"), ("execution", "ExecutionHandler")]

  let artifacts: EVMArtifacts
  let chain: EVMDomainAccess
  let deployer: EVMSender
  /// Addresses by name.
  let record: String

  /// Router, applications and their ports.
  func core() async throws(EVMSideError) -> Network.Contracts {
    var made = try Self.read(record)
    for (name, address) in made where try await !has(address) {
      throw .otherChain(contract: name, address: address)
    }
    let owner = ABIValue.address(deployer.address)
    let fallback = try await make("RouterExtension", [], [], &made)
    let router = try await make(
      "Router", [.address, .address, .address], [owner, owner, .address(fallback)], &made)
    let transfer = try await make(
      "Transfer", [.address, .address, .address, .bytes],
      [.address(router), owner, owner, .bytes(try artifacts.creationCode("Voucher"))], &made)
    _ = try await make(
      "ExecutionHandler", [.address, .address, .bytes],
      [.address(router), .address(transfer), .bytes(try artifacts.creationCode("ExecutionAccount"))], &made)
    // For people to call.
    _ = try await make("Counter", [], [], &made)
    let getApp = try EVMFunction("getIBCApp(string)", returns: [.address])
    let addApp = try EVMFunction("addIBCApp(string,address)")
    for (port, name) in Self.ports {
      guard let app = made[name] else { continue }
      if let answer = try await getApp.ask(router, [.string(port)], on: chain), answer == [.address(app)] {
        continue
      }
      try await send(name, to: router, try addApp.input([.string(port), .address(app)]))
    }
    return Network.Contracts(made)
  }

  /// The contract that believes `attesters` about a ledger, for the router's client `binding.client`.
  ///
  /// - Parameter attesters: Ethereum's form of their keys, in the order of the policy.
  func client(
    attesters: [Bytes20], quorum: Int, binding: AttestationBinding
  ) async throws(EVMSideError) -> Bytes20 {
    var made = try Self.read(record)
    let origin: [UInt8]
    do { origin = try InteroperableAddress(chain: binding.origin).encoded() } catch {
      throw .answer(binding.origin.text)
    }
    return try await make(
      "AttestedClient", [.array(.address), .uint(8), .bytes, .bytes, .string, .uint(64), .uint(64)],
      [
        .array(attesters.map { .address($0) }), .uint(UInt64(quorum)), .bytes(origin), .bytes(binding.router),
        .string(binding.client.text), .uint(0), .uint(0),
      ], &made)
  }

  // MARK: One contract

  private func make(
    _ name: String, _ types: [ABIType], _ arguments: [ABIValue], _ made: inout [String: Bytes20]
  ) async throws(EVMSideError) -> Bytes20 {
    if let known = made[name] { return known }
    var code = try artifacts.creationCode(name)
    do { code += try ABI.encode(arguments, as: types) } catch { throw .answer(name) }
    let receipt: EVMReceipt
    do { receipt = try await deployer.send(EVMCall(to: nil, input: code)) } catch {
      throw .send(contract: name, error)
    }
    guard let address = receipt.contract else { throw .answer(name) }
    made[name] = address
    try Self.write(made, record)
    return address
  }

  func send(_ contract: String, to address: Bytes20, _ input: [UInt8]) async throws(EVMSideError) {
    do { _ = try await deployer.send(EVMCall(to: address, input: input)) } catch {
      throw .send(contract: contract, error)
    }
  }

  private func has(_ address: Bytes20) async throws(EVMSideError) -> Bool {
    do { return try await !chain.code(of: address).isEmpty } catch { throw .access(error) }
  }

  // MARK: What was made

  private static func read(_ path: String) throws(EVMSideError) -> [String: Bytes20] {
    guard let file = FileManager.default.contents(atPath: path) else { return [:] }
    guard let members = try? JSONValue(decoding: [UInt8](file)).object else { throw .file(path) }
    var made: [String: Bytes20] = [:]
    for (name, value) in members {
      guard let address = value.string.flatMap({ try? Bytes20(hex: $0) }) else { throw .file(path) }
      made[name] = address
    }
    return made
  }

  private static func write(_ made: [String: Bytes20], _ path: String) throws(EVMSideError) {
    let text = JSONValue.object(made.mapValues { .string($0.description) }).text(pretty: true) + "\n"
    do { try DevnetDirectory.replace(path, with: text) } catch { throw .file(path) }
  }
}
