import Digests
import Encodings
import Ledger
import LightClients
import MerkleProofs
public import Messages
import PacketHost
import Synchronization
public import WireBytes

/// An EVM chain with a packet router, behind an execution client's JSON-RPC.
///
/// Checked here: that the client answers for the chain that it should; that blocks have the hash that their fields
/// give, receipts (with their logs and outcomes) the block's receipts root, and storage that is asked for as proven the
/// block's state root. Not checked: that anybody agreed on those blocks, and what no hash covers, such as how a
/// transaction is called. For both there is ``QuorumAccess``.
///
/// Reads at a height are pinned to the hash that the block had when the question began (EIP-1898), or compared with it
/// afterwards where the client cannot do that: a chain that rolls back in between gives `rolledBack`, never a mixture.
public struct EVMDomainAccess: DomainAccess, EVMChainAccess {
  public struct Limits: Hashable, Sendable {
    /// For one request and its whole answer.
    public var deadline = Duration.seconds(15)
    /// Of one answer.
    public var answerBytesMax = 64 << 20
    /// Between two looks at the head by one who waits for the next.
    public var interval = Duration.milliseconds(250)
    /// Calls in one message, to begin with.
    public var batchMax = 100
    /// Slots in one `eth_getProof`.
    public var proofSlotsMax = 64
    /// Blocks in one `eth_getLogs`, at most.
    public var logBlocksMax: UInt64 = 10_000

    public init() {}
  }

  /// When a block counts as final.
  public enum Finality: Hashable, Sendable {
    /// By the chain's own consensus: the tag `finalized`.
    case finalized
    /// Justified, not final: the tag `safe`.
    case safe
    /// With so many blocks on top.
    case depth(UInt64)
  }

  public struct Configuration: Hashable, Sendable {
    /// `http://host:port/path` or `https://…`
    public let address: String
    public let chainID: UInt64
    /// The packet router (of an upgradable one, the proxy).
    public let router: Bytes20
    public let finality: Finality
    /// The block that made the router, or any before it: where searches end.
    public let firstHeight: UInt64
    /// False where the router is yet to be made: then the chain's id alone tells the right chain.
    public let checksRouter: Bool

    public init(
      address: String, chainID: UInt64, router: Bytes20, finality: Finality = .finalized,
      firstHeight: UInt64 = 0,
      checksRouter: Bool = true
    ) {
      self.checksRouter = checksRouter
      self.address = address
      self.chainID = chainID
      self.router = router
      self.finality = finality
      self.firstHeight = firstHeight
    }
  }

  /// Why no access can be made of a configuration.
  public enum FormError: Error, Hashable, Sendable {
    case domain(DomainIDError)
  }

  public let domain: DomainID
  public let configuration: Configuration
  let endpoint: EVMEndpoint
  let limits: Limits
  let scan: EVMLogScan
  /// Whether the chain was found to be the right one, with a router on it.
  private let isChecked: CheckMark

  final class CheckMark: Sendable {
    private let mark = Mutex(false)
    var isSet: Bool { mark.withLock { $0 } }
    func set() { mark.withLock { $0 = true } }
  }

  /// - Parameter headers: of HTTP, for instance an authorization.
  public init(
    _ configuration: Configuration, headers: [(String, String)] = [], transport: EVMTransport,
    limits: Limits = Limits()
  ) throws(FormError) {
    do { domain = try DomainID("eip155:\(configuration.chainID)") } catch { throw .domain(error) }
    self.configuration = configuration
    self.limits = limits
    endpoint = EVMEndpoint(
      address: configuration.address, headers: headers, transport: transport, limits: limits)
    scan = EVMLogScan(windowMax: limits.logBlocksMax)
    isChecked = CheckMark()
  }

  public var chainID: UInt64 { configuration.chainID }
  public var address: String { configuration.address }
  public var router: Bytes20 { configuration.router }
  public var commitmentLag: UInt64 { 0 }
  public func hash(of transaction: [UInt8]) -> Bytes32 { Keccak256.hash(transaction) }

  // MARK: The right chain

  /// Checks that the endpoint answers for this chain and that the router has code there. Done before the first answer
  /// anyway; the chain's id is looked at again with every head.
  ///
  /// - Throws: `otherChain`; its `actual` is `no contract at 0x…` for a chain without the router.
  public func check() async throws(AccessError) {
    var requests = [EVMRequest("eth_chainId")]
    if configuration.checksRouter {
      requests.append(EVMRequest("eth_getCode", [EVMJSON.text(router), "latest"]))
    }
    let answers = try await endpoint.call(all: requests)
    try checkChain(answers[0])
    guard configuration.checksRouter else {
      isChecked.set()
      return
    }
    let code = try EVMJSON.bytes(try answers[1].get())
    guard !code.isEmpty else {
      throw .otherChain(expected: domain.text, actual: "no contract at \(router)")
    }
    isChecked.set()
  }

  private func checkChain(_ answer: EVMAnswer) throws(AccessError) {
    let actual = try EVMJSON.uint64(try answer.get())
    guard actual == chainID else { throw .otherChain(expected: domain.text, actual: "eip155:\(actual)") }
  }

  func ensureChecked() async throws(AccessError) {
    if !isChecked.isSet { try await check() }
  }

  // MARK: Head

  public func head() async throws(AccessError) -> ChainHead {
    var requests = [EVMRequest("eth_chainId"), EVMRequest("eth_getBlockByNumber", ["latest", false])]
    switch configuration.finality {
    case .finalized: requests.append(EVMRequest("eth_getBlockByNumber", ["finalized", false]))
    case .safe: requests.append(EVMRequest("eth_getBlockByNumber", ["safe", false]))
    case .depth: break
    }
    try await ensureChecked()
    let answers = try await endpoint.call(all: requests)
    try checkChain(answers[0])
    let latest = try EVMHeader(try answers[1].get())
    let final: EVMHeader
    switch configuration.finality {
    case .depth(0): final = latest
    case .depth(let depth):
      final = try await header(at: latest.number < depth ? 0 : latest.number - depth)
    case .finalized, .safe:
      // A young chain has final blocks later; its first needs nobody's word.
      if case .failure(.blockUnknown, _, _) = answers[2] {
        final = try await header(at: 0)
      } else {
        let told = try answers[2].get()
        if told.isNull { final = try await header(at: 0) } else { final = try EVMHeader(told) }
      }
    }
    guard final.number <= latest.number else { throw .malformed }
    return ChainHead(
      height: latest.number, time: try latest.time(), finalHeight: final.number, finalTime: try final.time(),
      revision: 0, hash: latest.hash)
  }

  public func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead {
    let clock = ContinuousClock()
    let end = clock.now + patience
    while true {
      let head = try await head()
      let left = end - clock.now
      guard head.height <= height, left > .zero, !Task.isCancelled else { return head }
      // Cancelled: the head is told as it is.
      do { try await Task.sleep(for: min(limits.interval, left)) } catch { return head }
    }
  }

  // MARK: Blocks

  func header(at height: UInt64) async throws(AccessError) -> EVMHeader {
    let json = try await blockJSON(at: height, full: false)
    let header = try EVMHeader(json)
    guard header.number == height else { throw .unproven }
    return header
  }

  private func blockJSON(at height: UInt64, full: Bool) async throws(AccessError) -> JSONValue {
    try await ensureChecked()
    let answers = try await endpoint.call(all: [
      EVMRequest("eth_getBlockByNumber", [EVMJSON.quantity(height), .boolean(full)]),
      EVMRequest("eth_blockNumber"),
    ])
    let json = try answers[0].get(at: height)
    guard json.isNull else { return json }
    // Not there yet, or no longer: the same answer from most clients.
    let newest = try EVMJSON.uint64(try answers[1].get())
    throw height > newest ? .heightUnknown(height) : .heightPruned(height)
  }

  public func stateHeader(at height: UInt64) async throws(AccessError) -> StateHeader {
    let header = try await header(at: height)
    return StateHeader(
      height: height, time: try header.time(), root: header.stateRoot, hash: header.hash,
      parent: height == 0 ? nil : header.parent)
  }

  public func block(at height: UInt64) async throws(AccessError) -> ObservedBlock {
    let block = try EVMBlock(try await blockJSON(at: height, full: true))
    guard block.header.number == height else { throw .unproven }
    let router = router
    let transactions = try await observed(in: block, mayLog: block.header.mayHaveLogs(of: router)) {
      $1.to == router || $0.logs.contains { $0.log.address == router }
    }
    return ObservedBlock(
      height: height, time: try block.header.time(), transactions: transactions, hash: block.header.hash,
      parent: height == 0 ? nil : block.header.parent)
  }

  /// One transaction of a block, whatever it was sent to.
  func observed(_ hash: Bytes32, at height: UInt64) async throws(AccessError) -> ObservedTransaction? {
    let block = try EVMBlock(try await blockJSON(at: height, full: true))
    guard block.header.number == height else { throw .unproven }
    guard let index = block.transactions.firstIndex(where: { $0.hash == hash }) else { return nil }
    return try await result(try await receipts(of: block)[index], block.transactions[index], in: block)
  }

  /// The transactions of a block that `isWanted`, with outcomes and logs that its receipts root proves.
  ///
  /// - Parameter mayLog: false when the block's bloom excludes logs of the router, so that only what was sent to it
  ///   can be wanted.
  private func observed(
    in block: EVMBlock, mayLog: Bool, _ isWanted: (EVMReceipt, EVMBlock.Transaction) -> Bool
  ) async throws(AccessError) -> [ObservedTransaction] {
    let router = router
    guard mayLog || block.transactions.contains(where: { $0.to == router }) else { return [] }
    let receipts = try await receipts(of: block)
    var observed: [ObservedTransaction] = []
    for (receipt, transaction) in zip(receipts, block.transactions) where isWanted(receipt, transaction) {
      observed.append(try await result(receipt, transaction, in: block))
    }
    return observed
  }

  /// All receipts of a block, whose root they have.
  func receipts(of block: EVMBlock) async throws(AccessError) -> [EVMReceipt] {
    let height = block.header.number
    guard !block.transactions.isEmpty else { return [] }
    var elements: [JSONValue]?
    if !endpoint.isMissing("eth_getBlockReceipts") {
      let answer = try await endpoint.call("eth_getBlockReceipts", [EVMJSON.text(block.header.hash)])
      switch answer.fault {
      case .methodUnknown, .parametersRefused: endpoint.note(missing: "eth_getBlockReceipts")
      case .blockUnknown, .notCanonical: throw .rolledBack(height)
      default:
        let told = try answer.get(at: height)
        guard !told.isNull else { throw .rolledBack(height) }
        elements = try EVMJSON.list(told, max: EVMBlock.transactionsMax)
      }
    }
    let list: [JSONValue]
    if let elements {
      list = elements
    } else {
      let answers = try await endpoint.call(
        all: block.transactions.map { EVMRequest("eth_getTransactionReceipt", [EVMJSON.text($0.hash)]) })
      var told: [JSONValue] = []
      for answer in answers { told.append(try answer.get(at: height)) }
      list = told
    }
    // One by one, receipts of a block that was rolled back meanwhile are gone or name another.
    guard !list.contains(where: \.isNull) else { throw .rolledBack(height) }
    guard list.count == block.transactions.count else { throw .unproven }
    var receipts: [EVMReceipt] = []
    for (index, element) in list.enumerated() {
      let receipt = try EVMReceipt(element)
      guard receipt.block == block.header.hash else { throw .rolledBack(height) }
      guard receipt.height == height, receipt.index == UInt64(index),
        receipt.transaction == block.transactions[index].hash
      else { throw .unproven }
      receipts.append(receipt)
    }
    guard let trie = try? MerklePatriciaTrie(list: receipts.map(\.encoded)),
      trie.root == block.header.receiptsRoot
    else { throw .unproven }
    return receipts
  }

  private func result(
    _ receipt: EVMReceipt, _ transaction: EVMBlock.Transaction, in block: EVMBlock
  ) async throws(AccessError) -> ObservedTransaction {
    var log = ""
    if !receipt.succeeded { log = await reason(receipt, transaction, in: block) }
    return ObservedTransaction(
      hash: receipt.transaction, height: block.header.number,
      result: TransactionResult(
        code: receipt.succeeded ? 0 : 1, codespace: receipt.succeeded ? "" : "evm", payload: [], log: log,
        gasWanted: transaction.gasLimit, gasUsed: receipt.gasUsed,
        events: EVMEvents.events(receipt.logs, router: router)))
  }

  /// Why a transaction failed, from running it again on the state before its block. That is not the state that it met
  /// when others stood before it in the block, so it is told to people and decides nothing.
  private func reason(
    _ receipt: EVMReceipt, _ transaction: EVMBlock.Transaction, in block: EVMBlock
  ) async -> String {
    let call = EVMCall(
      to: transaction.to, input: transaction.input, value: transaction.value, gasLimit: transaction.gasLimit)
    let answer = try? await self.call(
      call, from: transaction.from, pin: .hash(block.header.parent), height: block.header.number)
    if case .reverted(let revert)? = answer { return "\(revert.code): \(revert.text)" }
    return receipt.gasUsed == transaction.gasLimit
      ? "evm.outOfGas: all gas was used" : "evm.reverted: reason unknown"
  }

  public func signedHeader(at height: UInt64) async throws(AccessError) -> LightBlock { throw .notSupported }

  // MARK: Pinned reads

  /// The block whose state is read.
  enum Pin {
    case hash(Bytes32)
    case number(UInt64)
    case latest

    var json: JSONValue {
      switch self {
      case .hash(let hash): .object(["blockHash": EVMJSON.text(hash), "requireCanonical": true])
      case .number(let height): EVMJSON.quantity(height)
      case .latest: "latest"
      }
    }
  }

  static let pinning = "EIP-1898"

  /// Asks about the state after a block, in terms of its hash where the endpoint can, otherwise of its number with a
  /// second look at the hash.
  func pinned(
    to header: EVMHeader, _ requests: (JSONValue) -> [EVMRequest]
  ) async throws(AccessError) -> [EVMAnswer] {
    let height = header.number
    if !endpoint.isMissing(Self.pinning) {
      let answers = try await endpoint.call(all: requests(Pin.hash(header.hash).json))
      guard answers.contains(where: { $0.fault == .parametersRefused }) else {
        for answer in answers {
          switch answer.fault {
          // It was there a moment ago.
          case .notCanonical, .blockUnknown: throw .rolledBack(height)
          default: continue
          }
        }
        return answers
      }
      endpoint.note(missing: Self.pinning)
    }
    let answers = try await endpoint.call(all: requests(Pin.number(height).json))
    guard try await self.header(at: height).hash == header.hash else { throw .rolledBack(height) }
    return answers
  }

  public func values(
    of keys: [[UInt8]], at version: UInt64, proven: Bool
  ) async throws(AccessError) -> [StateEntry] {
    guard !keys.isEmpty else { return [] }
    let header = try await header(at: version)
    let slots = keys.map { Keccak256.hash(Keccak256.hash($0), PacketPath.evmStoreSlot) }
    guard proven else {
      let words = try await storage(slots, at: header)
      return zip(keys, words).map { StateEntry(key: $0, value: $1.isZero ? nil : $1.array, proof: nil) }
    }
    var entries: [StateEntry] = []
    var first = 0
    while first < keys.count {
      let part = first..<min(first + limits.proofSlotsMax, keys.count)
      let answer = try await proof(of: Array(slots[part]), at: header)
      for (index, (slot, entry)) in zip(part, zip(answer.proven.slots, answer.nodes)) {
        entries.append(
          StateEntry(
            key: keys[index], value: slot.value?.bigEndian.array,
            proof: .evmStorage(account: answer.account, storage: entry)))
      }
      first = part.upperBound
    }
    return entries
  }

  /// What lies in slots of the router after a block; nothing proves it.
  func storage(_ slots: [Bytes32], at header: EVMHeader) async throws(AccessError) -> [Bytes32] {
    let router = router
    let answers = try await pinned(to: header) { block in
      slots.map { EVMRequest("eth_getStorageAt", [EVMJSON.text(router), EVMJSON.text($0), block]) }
    }
    var words: [Bytes32] = []
    for answer in answers { words.append(try EVMJSON.word(try answer.get(at: header.number))) }
    return words
  }

  private struct StorageAnswer {
    let proven: ProvenEthereumAccount
    let account: [[UInt8]]
    let nodes: [[[UInt8]]]
  }

  /// Nodes in one proof: a path has 64 nibbles.
  private static let proofNodesMax = 65

  private func proof(of slots: [Bytes32], at header: EVMHeader) async throws(AccessError) -> StorageAnswer {
    let router = router
    let answers = try await pinned(to: header) { block in
      [EVMRequest("eth_getProof", [EVMJSON.text(router), .array(slots.map { EVMJSON.text($0) }), block])]
    }
    let json = try answers[0].get(at: header.number)
    func nodes(_ value: JSONValue?) throws(AccessError) -> [[UInt8]] {
      var nodes: [[UInt8]] = []
      for node in try EVMJSON.list(value, max: Self.proofNodesMax) { nodes.append(try EVMJSON.bytes(node)) }
      return nodes
    }
    var storage: [EthereumStorageProof] = []
    let elements = try EVMJSON.list(json["storageProof"], max: slots.count)
    guard elements.count == slots.count, try EVMJSON.address(json["address"]) == router else {
      throw .unproven
    }
    for (slot, element) in zip(slots, elements) {
      guard try EVMJSON.word(element["key"]) == slot else { throw .unproven }
      storage.append(
        EthereumStorageProof(
          slot: slot, value: UInt256(bigEndian: try EVMJSON.word(element["value"])),
          nodes: try nodes(element["proof"])))
    }
    let proof = EthereumStateProof(
      address: router,
      claim: EthereumAccount(
        nonce: try EVMJSON.uint64(json["nonce"]), balance: try EVMJSON.uint256(json["balance"]),
        storageRoot: try EVMJSON.hash(json["storageHash"]), codeHash: try EVMJSON.hash(json["codeHash"])),
      accountNodes: try nodes(json["accountProof"]), storage: storage)
    let proven: ProvenEthereumAccount
    do { proven = try proof.verify(stateRoot: header.stateRoot) } catch { throw .unproven }
    return StorageAnswer(
      proven: proven, account: proof.accountNodes, nodes: storage.map(\.nodes))
  }

  // MARK: Calls

  func call(
    _ call: EVMCall, from sender: Bytes20?, pin: Pin, height: UInt64
  ) async throws(AccessError) -> EVMCallAnswer {
    var pin = pin
    if case .hash = pin, endpoint.isMissing(Self.pinning) { pin = .number(height == 0 ? 0 : height - 1) }
    let answer = try await endpoint.call("eth_call", [Self.json(call, from: sender), pin.json])
    return try Self.answer(answer, at: height)
  }

  static func answer(_ answer: EVMAnswer, at height: UInt64) throws(AccessError) -> EVMCallAnswer {
    if case .failure(.reverted(let bytes), _, _) = answer { return .reverted(EVMRevert(bytes)) }
    return .returned(try EVMJSON.bytes(try answer.get(at: height)))
  }

  static func json(_ call: EVMCall, from sender: Bytes20?) -> JSONValue {
    var members: [String: JSONValue] = ["data": EVMJSON.text(call.input)]
    if let to = call.to { members["to"] = EVMJSON.text(to) }
    if let sender { members["from"] = EVMJSON.text(sender) }
    if call.value != .zero { members["value"] = EVMJSON.quantity(call.value) }
    if let gas = call.gasLimit { members["gas"] = EVMJSON.quantity(gas) }
    return .object(members)
  }
}
