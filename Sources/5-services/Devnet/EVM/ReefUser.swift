public import ChainAccess
public import Encodings
import Ledger
public import Messages
import PacketHost
public import WireBytes

/// What a person does on a devnet's EVM chain: each transaction is sent, and its block waited for.
public struct ReefUser: Sendable {
  public let chain: EVMDomainAccess
  public let contracts: Network.Contracts
  private let sender: EVMSender
  /// For what the user deploys.
  private let artifacts: EVMArtifacts?

  public var address: Bytes20 { sender.address }

  public init(
    _ chain: EVMDomainAccess, sender: EVMSender, contracts: Network.Contracts, artifacts: EVMArtifacts? = nil
  ) {
    self.chain = chain
    self.sender = sender
    self.contracts = contracts
    self.artifacts = artifacts
  }

  /// One of the devnet's contracts, by the name that it is built under.
  ///
  /// - Throws: `answer` when there is none.
  public func contract(_ name: String) throws(EVMSideError) -> Bytes20 {
    guard let address = contracts[name] else { throw .answer(name) }
    return address
  }

  // MARK: Any contract

  /// Makes a contract that `script/contracts` has built.
  public func deploy(
    _ name: String, _ types: [ABIType] = [], _ arguments: [ABIValue] = []
  ) async throws(EVMSideError) -> Bytes20 {
    guard let artifacts else { throw .contractMissing(name, folder: "") }
    var code = try artifacts.creationCode(name)
    do { code += try ABI.encode(arguments, as: types) } catch { throw .answer(name) }
    let receipt = try await land(EVMCall(to: nil, input: code), name)
    guard let address = receipt.contract else { throw .answer(name) }
    return address
  }

  /// Calls a function, such as `approve(address,uint256)`.
  @discardableResult
  public func send(
    _ signature: String, to contract: Bytes20, _ arguments: [ABIValue]
  ) async throws(EVMSideError) -> EVMReceipt {
    let function = try EVMFunction(signature)
    return try await land(EVMCall(to: contract, input: try function.input(arguments)), signature)
  }

  /// What a function answers now; nil when it reverts.
  public func ask(
    _ signature: String, of contract: Bytes20, _ arguments: [ABIValue] = [], returns: [ABIType]
  ) async throws(EVMSideError) -> [ABIValue]? {
    try await EVMFunction(signature, returns: returns).ask(contract, arguments, from: address, on: chain)
  }

  private func land(_ call: EVMCall, _ what: String) async throws(EVMSideError) -> EVMReceipt {
    do { return try await sender.send(call) } catch { throw .send(contract: what, error) }
  }

  // MARK: Tokens

  public func balance(of token: Bytes20, _ owner: Bytes20? = nil) async throws(EVMSideError) -> UInt256 {
    let answer = try await ask(
      "balanceOf(address)", of: token, [.address(owner ?? address)], returns: [.uint256])
    guard case .uint(let amount)? = answer?.first else { throw .answer("balanceOf(address)") }
    return amount
  }

  /// The contract that stands for a token which came over a lane, by its ICS-20 path; nil before the first came.
  public func voucher(_ path: String) async throws(EVMSideError) -> Bytes20? {
    let answer = try await ask(
      "voucherOf(string)", of: try contract("Transfer"), [.string(path)], returns: [.address])
    guard case .address(let token)? = answer?.first else { throw .answer("voucherOf(string)") }
    return token == Bytes20() ? nil : token
  }

  // MARK: Crossings

  /// Moves tokens over a lane: allows the transfer application to take them, and sends.
  ///
  /// - Returns: the packet, with the transaction that sent it.
  public func transfer(
    _ amount: UInt256, of token: Bytes20, to receiver: String, over client: ClientID, timeout: UnixTime,
    memo: String = ""
  ) async throws(EVMSideError) -> (packet: Packet, transaction: ObservedTransaction) {
    try await approve(amount, of: token)
    return try await sendTransfer(amount, of: token, to: receiver, over: client, timeout: timeout, memo: memo)
  }

  /// The same, with a deadline that counts from when the transfer itself is sent: that it was allowed may take blocks.
  public func transfer(
    _ amount: UInt256, of token: Bytes20, to receiver: String, over client: ClientID, within time: Duration,
    memo: String = ""
  ) async throws(EVMSideError) -> (packet: Packet, transaction: ObservedTransaction) {
    try await approve(amount, of: token)
    return try await sendTransfer(
      amount, of: token, to: receiver, over: client, timeout: try await deadline(time), memo: memo)
  }

  private func approve(_ amount: UInt256, of token: Bytes20) async throws(EVMSideError) {
    try await send("approve(address,uint256)", to: token, [.address(try contract("Transfer")), .uint(amount)])
  }

  private func sendTransfer(
    _ amount: UInt256, of token: Bytes20, to receiver: String, over client: ClientID, timeout: UnixTime, memo: String
  ) async throws(EVMSideError) -> (packet: Packet, transaction: ObservedTransaction) {
    let receipt = try await send(
      "sendTransfer((address,uint256,string,string,string,uint64,string))", to: try contract("Transfer"),
      [
        .tuple([
          .address(token), .uint(amount), .string(receiver), .string(client.text), .string("transfer"),
          .uint(timeout.seconds), .string(memo),
        ])
      ])
    return try await sent(receipt)
  }

  /// Calls a contract of the other domain.
  public func call(
    _ target: InteroperableAddress, input: [UInt8], gasLimit: UInt64, over client: ClientID, timeout: UnixTime
  ) async throws(EVMSideError) -> (packet: Packet, transaction: ObservedTransaction) {
    let receipt = try await send(
      "sendCall(string,uint64,bytes,uint64,bytes)", to: try contract("ExecutionHandler"),
      [
        .string(client.text), .uint(timeout.seconds), .bytes(target.encoded()), .uint(gasLimit), .bytes(input),
      ])
    return try await sent(receipt)
  }

  /// The same, with a deadline that counts from now.
  public func call(
    _ target: InteroperableAddress, input: [UInt8], gasLimit: UInt64, over client: ClientID, within time: Duration
  ) async throws(EVMSideError) -> (packet: Packet, transaction: ObservedTransaction) {
    try await call(target, input: input, gasLimit: gasLimit, over: client, timeout: try await deadline(time))
  }

  /// The account through which somebody of another domain acts here.
  public func executionAccount(
    of owner: InteroperableAddress, over client: ClientID
  ) async throws(EVMSideError) -> Bytes20 {
    let answer = try await ask(
      "accountOf(string,bytes)", of: try contract("ExecutionHandler"),
      [.string(client.text), .bytes(owner.encoded())], returns: [.address])
    guard case .address(let account)? = answer?.first else { throw .answer("accountOf(string,bytes)") }
    return account
  }

  /// Now and `time` more, by the later of this machine's clock and the chain's: the other domain's is one of them, or near.
  private func deadline(_ time: Duration) async throws(EVMSideError) -> UnixTime {
    do throws(SendingError) { return try await CrossingMessages.deadline(time, through: chain) } catch {
      if case .access(let cause) = error { throw .access(cause) }
      throw .answer("eth_getBlockByNumber")
    }
  }

  /// The packet that a transaction has sent.
  public func sent(
    _ receipt: EVMReceipt
  ) async throws(EVMSideError) -> (packet: Packet, transaction: ObservedTransaction) {
    let transaction: ObservedTransaction?
    do { transaction = try await chain.transaction(receipt.transaction) } catch { throw .access(error) }
    guard let transaction, let event = transaction.result.events.first(where: { $0.type == "send_packet" }),
      let packet = CrossingReader.packet(event)
    else { throw .answer("send_packet") }
    return (packet, transaction)
  }
}
