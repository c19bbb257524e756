public import ChainAccess
import Contracts
public import Encodings
import Foundation
import Ledger
import LedgerService
import LightClients
public import Messages
import PacketHost
public import RelayEngine
public import WireBytes

// The application's own contracts.
extension Trial {
  /// What a contract did: its answer, and the transaction.
  public struct Receipt: Hashable, Sendable {
    /// What it answered; null when that is no JSON.
    public let answer: JSONValue
    public let transaction: ObservedTransaction
    /// What the transaction cost its sender beside the funds.
    public let fee: UInt64
  }

  // MARK: On a ledger

  /// A contract that `script/contracts` has built.
  public static func wasm(_ name: String) throws(TrialError) -> [UInt8] {
    guard let root = EVMArtifacts.find()?.checkout,
      let code = FileManager.default.contents(atPath: "\(root)/contracts/wasm/.build/\(name).wasm")
    else { throw .absent("contracts/wasm/.build/\(name).wasm: script/contracts") }
    return [UInt8](code)
  }

  /// Stores code and makes a contract of it.
  public func deploy(
    _ code: [UInt8], _ message: JSONValue, on name: String = DevnetNames.harbor, as user: String = "carol"
  ) async throws(TrialError) -> AccountAddress {
    let sender = try address(user)
    let stored = try await send(
      .storeCode(sender: sender, code: code, permission: nil), gas: 1_000_000 + 60 * UInt64(code.count), name,
      user)
    guard case .storeCode(let id, _) = stored.answer else { throw .answer(contract: "MsgStoreCode") }
    let made = try await send(
      .instantiate(
        sender: sender, admin: nil, codeID: id, label: "trial", message: [UInt8](message.text().utf8),
        funds: []),
      gas: Self.gas, name, user)
    guard case .instantiate(let contract, _) = made.answer else {
      throw .answer(contract: "MsgInstantiateContract")
    }
    return contract
  }

  /// Calls a contract with some of the ledger's own token.
  ///
  /// - Throws: ``TrialError/refused(domain:log:)`` when the contract does not want it.
  public func execute(
    _ contract: AccountAddress, _ message: JSONValue, funds: UInt64 = 0, on name: String = DevnetNames.harbor,
    as user: String
  ) async throws(TrialError) -> Receipt {
    let domain = name == network.island.name ? network.island : network.harbor
    let coins = funds > 0 ? [Coin(UInt256(funds), domain.feeDenom)] : []
    let done = try await send(
      .execute(
        sender: try address(user), contract: contract, message: [UInt8](message.text().utf8), funds: coins),
      gas: Self.gas, name, user)
    guard case .executed(let result) = done.answer else { throw .answer(contract: contract.text) }
    return Receipt(
      answer: (try? JSONValue(decoding: result)) ?? .null, transaction: done.transaction,
      fee: HistoryAudit.fee(done.transaction, domain).asUInt64 ?? .max)
  }

  /// What a contract answers to a question, at the newest block.
  public func ask(
    _ contract: AccountAddress, _ question: JSONValue, on name: String = DevnetNames.harbor
  ) async throws(TrialError) -> JSONValue {
    let query = ContractQuery.smartContractState(contract, message: [UInt8](question.text().utf8))
    let domain = name == network.island.name ? net.islandDomain : net.harborDomain
    let answer: [UInt8]
    do { answer = try await domain.query(path: query.path, request: query.request).value } catch {
      throw .refused(domain: name, log: "\(error)")
    }
    guard let bytes = try? ContractAnswers.bytes(answer), let json = try? JSONValue(decoding: bytes) else {
      throw .answer(contract: contract.text)
    }
    return json
  }

  /// The crossing that a transaction of a contract on harbor has sent over the lane.
  public func packet(_ receipt: Receipt) throws(TrialError) -> PacketKey {
    for event in receipt.transaction.result.events where event.type == "send_packet" {
      if let packet = CrossingReader.packet(event), packet.sourceClient == nearClient {
        return self.packet(packet.sequence)
      }
    }
    throw .answer(contract: "send_packet")
  }

  private static let gas: UInt64 = 6_000_000

  private func send(
    _ message: WasmMessage, gas: UInt64, _ name: String, _ user: String
  ) async throws(TrialError) -> (answer: WasmAnswer, transaction: ObservedTransaction) {
    guard let sender = await net.sender(user, on: name) else { throw .unknown(user: user) }
    let sent: ObservedTransaction
    do { sent = try await sender.send([message.ledgerMessage], gasLimit: gas) } catch {
      if case .failed(let transaction) = error { throw .refused(domain: name, log: transaction.result.log) }
      throw .send(domain: name, error)
    }
    guard let answers = try? TransactionAnswers(decoding: sent.result.payload).answers,
      let first = answers.first,
      let answer = try? WasmAnswer(decoding: first)
    else { throw .answer(contract: message.typeURL) }
    return (answer, sent)
  }

  // MARK: On the EVM chain

  /// What a contract of a ledger must know to call one on the EVM chain, as the kit's `EVMRoute` reads it.
  public func route(to contract: Bytes20) async throws(TrialError) -> JSONValue {
    let user = try await onReef(DevnetNames.users[0])
    let handler: Bytes20
    let hash: [ABIValue]?
    do {
      handler = try user.contract("ExecutionHandler")
      hash = try await user.ask("ACCOUNT_INITCODE_HASH()", of: handler, returns: [.bytes32])
    } catch { throw .evm(error) }
    guard case .fixedBytes(let codeHash)? = hash?.first else { throw .answer(contract: "ExecutionHandler") }
    return [
      "client": .string(nearClient.text), "domain": .string(reef.domain.text),
      "destination_client": .string(farClient.text), "contract": .string(contract.description),
      "handler": .string(handler.description), "account_code_hash": .string(Hex.encode(codeHash)),
    ]
  }

  /// An account of harbor as other domains write it, ERC-7930.
  public func name(of account: AccountAddress) throws(TrialError) -> [UInt8] {
    guard let address = try? InteroperableAddress(domain: network.harbor.id, address: account.bytes) else {
      throw .answer(contract: account.text)
    }
    return address.encoded()
  }

  /// The path of harbor's own token on the EVM chain.
  public var arrivingPath: String {
    CrossingMessages(network, lane: lane, from: network.harbor)
      .arriving(TokenPath(network.harbor.feeDenom.text)).text
  }
}
