import Encodings
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import WireBytes

/// The methods of CometBFT's RPC (0.38) that relayers use, over one domain; knows nothing of transports.
struct DomainRPC: Sendable {
  /// What `status` states: readers choose their dialect by it.
  static let version = "0.38.0"
  /// Blocks in one answer of `blockchain`.
  static let metasMax = 20
  /// How long `broadcast_tx_commit` waits for a block.
  static let commitTimeout = Duration.seconds(10)

  let domain: EmbeddedDomain
  /// Where the server listens, for `status`.
  var address = ""
  /// For the answer to one call.
  var deadline = Duration.seconds(30)

  /// Answers one call, or says that it took too long; a transaction may have been taken then all the same.
  func answer(_ method: String, _ arguments: RPCArguments) async throws(RPCFailure) -> JSONValue {
    let (answers, continuation) = AsyncStream.makeStream(of: Result<JSONValue, RPCFailure>?.self)
    // Tasks of their own: what waits for the domain cannot be stopped, but its caller is not kept for it.
    let work = Task {
      do throws(RPCFailure) { continuation.yield(.success(try await direct(method, arguments))) } catch {
        continuation.yield(.failure(error))
      }
    }
    let timer = Task { [deadline] in
      try await Task.sleep(for: deadline)
      continuation.yield(nil)
    }
    defer {
      work.cancel()
      timer.cancel()
    }
    for await answer in answers {
      guard let answer else { break }
      return try answer.get()
    }
    throw .internalError("the request took longer than \(deadline)")
  }

  private func direct(_ method: String, _ arguments: RPCArguments) async throws(RPCFailure) -> JSONValue {
    switch method {
    case "health": return .object([:])
    case "net_info":
      return .object(["listening": true, "listeners": .array([]), "n_peers": "0", "peers": .array([])])
    case "genesis": return .object(["genesis": domain.genesis.json])
    case "status": return try await status()
    case "consensus_params":
      let height = try await self.height(arguments)
      return .object([
        "block_height": RPCJSON.text(height), "consensus_params": domain.genesis.rules.consensusParameters,
      ])
    case "abci_info": return await applicationState()
    case "abci_query": return try await query(arguments)
    case "header":
      return .object(["header": RPCJSON.header(try block(at: try await height(arguments)).block.header)])
    case "commit": return try await commit(arguments)
    case "block": return Self.whole(try block(at: try await height(arguments)).block)
    case "block_by_hash":
      guard let bytes = try arguments.bytes("hash", 0, as: .base64), let hash = try? Bytes32(bytes) else {
        throw .arguments("hash is 32 bytes")
      }
      guard let stored = try kept({ () throws(BlockStoreError) in try domain.blocks.block(hash: hash) }),
        stored.commit != nil
      else {
        return .object(["block_id": RPCJSON.blockID(.none), "block": .null])
      }
      return Self.whole(stored.block)
    case "blockchain": return try await metas(arguments)
    case "block_results": return try await results(arguments)
    case "validators": return try await validators(arguments)
    case "tx": return try await transaction(arguments)
    case "tx_search": return try searchTransactions(arguments)
    case "block_search": return try searchBlocks(arguments)
    case "broadcast_tx_async", "broadcast_tx_sync":
      return try await broadcast(arguments, isSync: method.hasSuffix("_sync"))
    case "broadcast_tx_commit": return try await broadcastAndWait(arguments)
    default: throw .methodUnknown
    }
  }

  private func kept<Result>(_ read: () throws(BlockStoreError) -> Result) throws(RPCFailure) -> Result {
    do { return try read() } catch { throw .internalError("\(error)") }
  }

  // MARK: Heights and blocks

  /// The height that is asked for; the newest when none is.
  private func height(_ arguments: RPCArguments, ahead: Int64 = 0) async throws(RPCFailure) -> Int64 {
    let newest = await domain.tip.height
    guard let height = try arguments.integer("height", 0) else { return newest }
    guard height > 0 else { throw .internalError("height must be greater than 0, but got \(height)") }
    guard height <= newest + ahead else {
      throw .internalError(
        "height \(height) must be less than or equal to the current blockchain height \(newest)")
    }
    let oldest = try kept { () throws(BlockStoreError) in try domain.blocks.oldestHeight() } ?? 1
    guard height >= oldest else {
      throw .internalError("height \(height) is not available, lowest height is \(oldest)")
    }
    return height
  }

  private func block(at height: Int64) throws(RPCFailure) -> StoredBlock {
    guard let stored = try kept({ () throws(BlockStoreError) in try domain.blocks.block(at: height) }) else {
      throw .internalError("height \(height) is not available")
    }
    return stored
  }

  private static func whole(_ block: ProposedBlock) -> JSONValue {
    .object(["block_id": RPCJSON.blockID(block.blockID), "block": RPCJSON.block(block)])
  }

  private func status() async throws(RPCFailure) -> JSONValue {
    let tip = await domain.tip
    let oldest = try kept { () throws(BlockStoreError) in try domain.blocks.oldestHeight() } ?? 0
    let first = tip.height > 0 ? try block(at: oldest).block : nil
    let last = tip.height > 0 ? try block(at: tip.height).block : nil
    let chainID = domain.genesis.rules.chainID
    let validator = tip.validators.validators[0]
    var sync: [String: JSONValue] = ["catching_up": false]
    for (name, block) in [("latest", last), ("earliest", first)] {
      sync["\(name)_block_hash"] = RPCJSON.hex(block?.blockID.hash)
      sync["\(name)_app_hash"] = RPCJSON.hex(block?.header.appHash ?? [])
      sync["\(name)_block_height"] = RPCJSON.text(block?.header.height ?? 0)
      sync["\(name)_block_time"] = .string((block?.header.time ?? .goZero).description)
    }
    return .object([
      "node_info": .object([
        "protocol_version": .object([
          "p2p": "8", "block": RPCJSON.text(CometBFT.blockProtocol),
          "app": RPCJSON.text(ProposedBlock.appProtocol),
        ]),
        "id": .string(Hex.encode(validator.address.array, prefix: "")), "listen_addr": "",
        "network": .string(chainID),
        "version": .string(Self.version), "channels": "", "moniker": .string(chainID),
        "other": .object(["tx_index": "on", "rpc_address": .string(address)]),
      ]),
      "sync_info": .object(sync),
      "validator_info": .object([
        "address": RPCJSON.hex(validator.address.array), "pub_key": RPCJSON.publicKey(validator.publicKey),
        "voting_power": RPCJSON.text(validator.power),
      ]),
    ])
  }

  private func commit(_ arguments: RPCArguments) async throws(RPCFailure) -> JSONValue {
    let newest = await domain.tip.height
    let height = try await self.height(arguments)
    let stored = try block(at: height)
    guard let commit = stored.commit else { throw .internalError("height \(height) is not decided") }
    return .object([
      "signed_header": .object([
        "header": RPCJSON.header(stored.block.header), "commit": RPCJSON.commit(commit),
      ]),
      "canonical": .boolean(height < newest),
    ])
  }

  private func metas(_ arguments: RPCArguments) async throws(RPCFailure) -> JSONValue {
    let newest = await domain.tip.height
    let oldest = try kept { () throws(BlockStoreError) in try domain.blocks.oldestHeight() } ?? 1
    let least = max(oldest, try arguments.integer("minHeight", 0) ?? 1)
    let wanted = try arguments.integer("maxHeight", 1) ?? 0
    let most = wanted <= 0 ? newest : min(newest, wanted)
    guard least <= most else {
      throw .internalError("min height \(least) can't be greater than max height \(most)")
    }
    var metas: [JSONValue] = []
    var height = most
    while height >= least, metas.count < Self.metasMax {
      let block = try block(at: height).block
      metas.append(
        .object([
          "block_id": RPCJSON.blockID(block.blockID), "block_size": RPCJSON.text(block.encoded.count),
          "header": RPCJSON.header(block.header), "num_txs": RPCJSON.text(block.transactions.count),
        ]))
      height -= 1
    }
    return .object(["last_height": RPCJSON.text(newest), "block_metas": .array(metas)])
  }

  private func results(_ arguments: RPCArguments) async throws(RPCFailure) -> JSONValue {
    let height = try await self.height(arguments)
    let results = try kept { () throws(BlockStoreError) in try domain.blocks.results(at: height) }
    let tip = await domain.tip
    let appHash = height == tip.height ? tip.appHash.array : try block(at: height + 1).block.header.appHash
    return .object([
      "height": RPCJSON.text(height),
      "txs_results": results.isEmpty ? .null : .array(results.map { RPCJSON.result($0) }),
      "finalize_block_events": .null, "validator_updates": .null, "consensus_param_updates": .null,
      "app_hash": RPCJSON.base64(appHash),
    ])
  }

  private func validators(_ arguments: RPCArguments) async throws(RPCFailure) -> JSONValue {
    let height = try await self.height(arguments, ahead: 1)
    let set: CometBFT.ValidatorSet?
    do { set = try await domain.validators(at: height) } catch { throw .internalError("\(error)") }
    guard let validators = set?.validators else { throw .internalError("height \(height) is not available") }
    let (skip, limit) = try Self.page(arguments, places: (1, 2), total: validators.count)
    let page = validators.dropFirst(skip).prefix(limit)
    return .object([
      "block_height": RPCJSON.text(height), "validators": .array(page.map { RPCJSON.validator($0) }),
      "count": RPCJSON.text(page.count), "total": RPCJSON.text(validators.count),
    ])
  }

  // MARK: State

  private func applicationState() async -> JSONValue {
    let tip = await domain.tip
    return .object([
      "response": .object([
        "data": .string(domain.genesis.rules.chainID), "version": .string(Self.version),
        "app_version": RPCJSON.text(ProposedBlock.appProtocol), "last_block_height": RPCJSON.text(tip.height),
        "last_block_app_hash": RPCJSON.base64(tip.appHash.array),
      ])
    ])
  }

  private func query(_ arguments: RPCArguments) async throws(RPCFailure) -> JSONValue {
    let path = try arguments.text("path", 0) ?? ""
    let request = try arguments.bytes("data", 1, as: .hex) ?? []
    let asked = try arguments.integer("height", 2) ?? 0
    guard let height = UInt64(exactly: asked) else {
      throw .internalError("cannot query with a negative height")
    }
    let isProven = try arguments.boolean("prove", 3)
    var response: [String: JSONValue] = [
      "code": 0, "log": "", "info": "", "index": "0", "key": .null, "value": .null, "proofOps": .null,
      "height": RPCJSON.text(height), "codespace": "",
    ]
    do {
      let answer = try await domain.query(path: path, request: request, at: height, prove: isProven)
      response["key"] = RPCJSON.base64OrNull(answer.key)
      response["value"] = RPCJSON.base64OrNull(answer.value)
      response["height"] = RPCJSON.text(answer.height)
      if let proof = answer.proof {
        response["proofOps"] = .object([
          "ops": .array([
            .object([
              "type": .string(ABCIAnswer.proofType), "key": RPCJSON.base64(answer.key),
              "data": RPCJSON.base64(proof.encoded()),
            ])
          ])
        ])
      }
    } catch {
      let (codespace, number) = error.code
      response["code"] = RPCJSON.number(number)
      response["codespace"] = .string(codespace)
      // What a contract said is for people as it is.
      let log = if case .module(let refusal) = error { refusal.text } else { "\(error)" }
      response["log"] = .string(log)
    }
    return .object(["response": .object(response)])
  }

  // MARK: Transactions

  private func transaction(_ arguments: RPCArguments) async throws(RPCFailure) -> JSONValue {
    guard let bytes = try arguments.bytes("hash", 0, as: .base64), let hash = try? Bytes32(bytes) else {
      throw .arguments("hash is 32 bytes")
    }
    guard let found = try kept({ () throws(BlockStoreError) in try domain.blocks.transaction(hash) }) else {
      throw .internalError("tx (\(Hex.encode(bytes, prefix: "").uppercased())) not found")
    }
    let isProven = try arguments.boolean("prove", 1)
    return RPCJSON.transaction(found, of: isProven ? try block(at: found.height).block : nil)
  }

  private static func page(
    _ arguments: RPCArguments, places: (Int, Int), total: Int
  ) throws(RPCFailure) -> (skip: Int, limit: Int) {
    let asked = Int(clamping: try arguments.integer("per_page", places.1) ?? 30)
    let size = asked < 1 ? 30 : min(asked, BlockStore.pageMax)
    let page = try arguments.integer("page", places.0) ?? 1
    let pages = max(1, (total + size - 1) / size)
    guard page > 0, page <= Int64(pages) else {
      throw .internalError("page should be within [1, \(pages)] range, given \(page)")
    }
    return ((Int(page) - 1) * size, size)
  }

  private static func query(_ arguments: RPCArguments) throws(RPCFailure) -> EventQuery {
    let text = try arguments.text("query", 0) ?? ""
    do { return try EventQuery(text) } catch { throw .internalError("failed to parse query: \(error)") }
  }

  private static func order(
    _ arguments: RPCArguments, _ place: Int, usual: SearchOrder
  ) throws(RPCFailure) -> SearchOrder {
    guard let text = try arguments.text("order_by", place), !text.isEmpty else { return usual }
    guard let order = SearchOrder(rawValue: text) else {
      throw .internalError("expected order_by to be either `asc` or `desc` or empty")
    }
    return order
  }

  private func searchTransactions(_ arguments: RPCArguments) throws(RPCFailure) -> JSONValue {
    let query = try Self.query(arguments)
    let isProven = try arguments.boolean("prove", 1)
    let order = try Self.order(arguments, 4, usual: .ascending)
    do {
      let total = try domain.blocks.transactions(matching: query, limit: 0).total
      let (skip, limit) = try Self.page(arguments, places: (2, 3), total: total)
      let page = try domain.blocks.transactions(matching: query, order: order, skip: skip, limit: limit)
      var blocks: [Int64: ProposedBlock] = [:]
      if isProven {
        for element in page.elements where blocks[element.height] == nil {
          blocks[element.height] = try block(at: element.height).block
        }
      }
      return .object([
        "txs": .array(page.elements.map { RPCJSON.transaction($0, of: blocks[$0.height]) }),
        "total_count": RPCJSON.text(page.total),
      ])
    } catch let error as RPCFailure {
      throw error
    } catch { throw .internalError("\(error)") }
  }

  private func searchBlocks(_ arguments: RPCArguments) throws(RPCFailure) -> JSONValue {
    let query = try Self.query(arguments)
    let order = try Self.order(arguments, 3, usual: .descending)
    do {
      let total = try domain.blocks.heights(matching: query, limit: 0).total
      let (skip, limit) = try Self.page(arguments, places: (1, 2), total: total)
      let page = try domain.blocks.heights(matching: query, order: order, skip: skip, limit: limit)
      var blocks: [JSONValue] = []
      for height in page.elements { blocks.append(Self.whole(try block(at: height).block)) }
      return .object(["blocks": .array(blocks), "total_count": RPCJSON.text(page.total)])
    } catch let error as RPCFailure {
      throw error
    } catch { throw .internalError("\(error)") }
  }

  /// Takes the transaction into the mempool; nil when it was refused by a rule, which is an answer, not a
  /// failure.
  private func submit(_ bytes: [UInt8]) async throws(RPCFailure) -> TransactionResult? {
    do {
      try await domain.submit(bytes)
      return nil
    } catch {
      switch error {
      case .refused(.known): throw .internalError("tx already exists in cache")
      case .refused(let refusal): return TransactionResult(refusal, gasWanted: 0, gasUsed: 0, events: [])
      case .state: throw .internalError("the state cannot be read")
      }
    }
  }

  private static func payload(_ arguments: RPCArguments) throws(RPCFailure) -> [UInt8] {
    guard let bytes = try arguments.bytes("tx", 0, as: .base64), !bytes.isEmpty else {
      throw .arguments("tx is wanted")
    }
    return bytes
  }

  private func broadcast(_ arguments: RPCArguments, isSync: Bool) async throws(RPCFailure) -> JSONValue {
    let bytes = try Self.payload(arguments)
    let refused = try await submit(bytes)
    let told = isSync ? refused : nil
    return .object([
      "code": RPCJSON.number(told?.code ?? 0), "data": "", "log": .string(told?.log ?? ""),
      "codespace": .string(told?.codespace ?? ""), "hash": RPCJSON.hex(Transaction.hash(of: bytes)),
    ])
  }

  private func broadcastAndWait(_ arguments: RPCArguments) async throws(RPCFailure) -> JSONValue {
    let bytes = try Self.payload(arguments)
    let hash = Transaction.hash(of: bytes)
    let stream: AsyncStream<CommittedBlock>
    do { stream = try await domain.committedBlocks() } catch { throw .internalError("\(error)") }
    let passed = TransactionResult(
      code: 0, codespace: "", payload: [], log: "", gasWanted: 0, gasUsed: 0, events: [])
    if let refused = try await submit(bytes) {
      return .object([
        "check_tx": RPCJSON.result(refused), "tx_result": RPCJSON.result(passed), "hash": RPCJSON.hex(hash),
        "height": "0",
      ])
    }
    let found = await withTaskGroup(of: (Int64, TransactionResult)?.self) { group in
      group.addTask {
        for await committed in stream {
          let place = committed.block.transactions.firstIndex { Transaction.hash(of: $0) == hash }
          if let place { return (committed.block.header.height, committed.outcome.results[place]) }
        }
        return nil
      }
      group.addTask {
        try? await Task.sleep(for: Self.commitTimeout)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    guard let (height, result) = found else {
      throw .internalError("timed out waiting for tx to be included in a block")
    }
    return .object([
      "check_tx": RPCJSON.result(passed), "tx_result": RPCJSON.result(result), "hash": RPCJSON.hex(hash),
      "height": RPCJSON.text(height),
    ])
  }
}
