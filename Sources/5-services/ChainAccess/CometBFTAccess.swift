import Encodings
public import Ledger
import LightClients
import MerkleProofs
public import Messages
import OfflineVerification
import PacketHost
public import WireBytes

/// An embedded domain behind CometBFT's RPC.
///
/// Checked here: hashes of headers, blocks, sets and transactions, and what is asked for as proven, against the app
/// hash of the next header. Not checked: that anybody signed those headers, which is a light client's work, and what
/// no hash covers, such as events and logs. For both there is ``QuorumAccess``.
public struct CometBFTAccess: DomainAccess {
  public struct Limits: Hashable, Sendable {
    /// For one request and its whole answer.
    public var deadline = Duration.seconds(10)
    /// Of one answer.
    public var answerBytesMax = 64 << 20
    /// Between two looks at the head by one who waits for the next.
    public var interval = Duration.milliseconds(200)
    /// Keys in one message; CometBFT answers a list of calls with a list.
    public var batchMax = 50

    public init() {}
  }

  /// Why no endpoint can be made of a chain id.
  public enum FormError: Error, Hashable, Sendable {
    case domain(DomainIDError)
    /// Its revision does not fit 64 bits.
    case revision
  }

  public let domain: DomainID
  /// `http://host:port` or `https://…`
  public let address: String
  private let chainID: String
  private let revision: UInt64
  private let transport: CometBFTTransport
  private let limits: Limits

  /// - Parameter chainID: an endpoint that serves another chain is `malformed` or `unproven`.
  public init(
    address: String, chainID: String, transport: CometBFTTransport, limits: Limits = Limits()
  ) throws(FormError) {
    do { domain = try DomainID("cosmos:" + chainID) } catch { throw .domain(error) }
    guard let revision = Tendermint.revision(ofChainID: chainID) else { throw .revision }
    self.revision = revision
    self.address = address
    self.chainID = chainID
    self.transport = transport
    self.limits = limits
  }

  // MARK: Calls

  private func call(_ request: RPCRequest) async throws(AccessError) -> RPCAnswer {
    let body = [UInt8](request.json(id: 1).text().utf8)
    let answer = try await transport.post(
      body, to: address, deadline: limits.deadline, sizeMax: limits.answerBytesMax)
    guard let json = try? JSONValue(decoding: answer, limits: JSONLimits(sizeBytes: answer.count, depth: 32))
    else { throw .malformed }
    return try RPCAnswer(json, id: 1)
  }

  /// All of `requests` in one message; the answers in their order.
  private func call(all requests: [RPCRequest]) async throws(AccessError) -> [RPCAnswer] {
    guard requests.count > 1 else { return requests.isEmpty ? [] : [try await call(requests[0])] }
    let message = JSONValue.array(requests.enumerated().map { $0.element.json(id: $0.offset) })
    let answer = try await transport.post(
      [UInt8](message.text().utf8), to: address, deadline: limits.deadline, sizeMax: limits.answerBytesMax)
    guard let json = try? JSONValue(decoding: answer, limits: JSONLimits(sizeBytes: answer.count, depth: 32))
    else { throw .malformed }
    // One object instead of a list is the refusal of the whole message.
    guard let list = json.array else {
      if let code = json["error"]?["code"]?.integer(Int.self) {
        throw .endpoint(code: code, message: json["error"]?["data"]?.string ?? "")
      }
      throw .malformed
    }
    guard list.count == requests.count else { throw .malformed }
    var answers: [RPCAnswer?] = Array(repeating: nil, count: requests.count)
    for element in list {
      guard let id = element["id"]?.integer(Int.self), answers.indices.contains(id), answers[id] == nil else {
        throw .malformed
      }
      answers[id] = try RPCAnswer(element, id: id)
    }
    return answers.compactMap { $0 }
  }

  // MARK: Blocks

  public func head() async throws(AccessError) -> ChainHead {
    try CometBFTAnswers.head(
      try await call(RPCRequest("status")).get(), chainID: chainID, revision: revision)
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

  private static func at(_ height: UInt64) -> [String: JSONValue] { ["height": .string(String(height))] }

  /// CometBFT takes 0 for the newest.
  private static func known(_ height: UInt64) throws(AccessError) {
    guard height > 0, height <= UInt64(Int64.max) else { throw .heightUnknown(height) }
  }

  public func block(at height: UInt64) async throws(AccessError) -> ObservedBlock {
    try Self.known(height)
    let answers = try await call(all: [
      RPCRequest("block", Self.at(height)), RPCRequest("block_results", Self.at(height)),
    ])
    let (header, hashes) = try CometBFTAnswers.block(try answers[0].get(at: height))
    try check(header, height)
    let results = try CometBFTAnswers.results(try answers[1].get(at: height))
    guard results.count == hashes.count else { throw .malformed }
    return ObservedBlock(
      height: height, time: header.time,
      transactions: zip(hashes, results).map { ObservedTransaction(hash: $0, height: height, result: $1) })
  }

  private func check(_ header: CometBFT.Header, _ height: UInt64) throws(AccessError) {
    guard header.chainID == chainID, header.height == Int64(clamping: height) else { throw .unproven }
  }

  /// Without the validators, which it does not need.
  public func stateHeader(at height: UInt64) async throws(AccessError) -> StateHeader {
    try StateHeader(try await header(at: height).header)
  }

  public func signedHeader(at height: UInt64) async throws(AccessError) -> LightBlock {
    let signed = try await header(at: height)
    let validators = try await validators(at: height)
    let next = try await self.validators(at: height + 1)
    guard validators.hash() == signed.header.validatorsHash, next.hash() == signed.header.nextValidatorsHash
    else { throw .unproven }
    return LightBlock(signedHeader: signed, validators: validators, nextValidators: next)
  }

  /// The header at `height` with its commit, which names the header's hash.
  private func header(at height: UInt64) async throws(AccessError) -> CometBFT.SignedHeader {
    try Self.known(height)
    let json = try await call(RPCRequest("commit", Self.at(height))).get(at: height)
    let signed = try CometBFTAnswers.signedHeader(json["signed_header"])
    try check(signed.header, height)
    guard let hash = signed.header.hash(), signed.commit.blockID.hash == hash,
      signed.commit.height == signed.header.height
    else { throw .unproven }
    return signed
  }

  private func validators(at height: UInt64) async throws(AccessError) -> CometBFT.ValidatorSet {
    var all: [CometBFT.Validator] = []
    var page = 1
    while true {
      var parameters = Self.at(height)
      parameters["page"] = .string(String(page))
      parameters["per_page"] = "100"
      let json = try await call(RPCRequest("validators", parameters)).get(at: height)
      guard let total = json["total"]?.integer(Int.self), total <= CometBFT.validatorsMax else {
        throw .malformed
      }
      let part: CometBFT.ValidatorSet
      do { part = try CometBFTJSON.validatorSet(json) } catch { throw .malformed }
      guard !part.validators.isEmpty else { throw .malformed }
      all += part.validators
      if all.count >= total { break }
      page += 1
    }
    do { return try CometBFT.ValidatorSet(sorting: all) } catch { throw .malformed }
  }

  // MARK: State

  /// A query of the state; nil when the endpoint says that there is nothing.
  private func value(_ answer: RPCAnswer, at version: UInt64?) throws(AccessError) -> JSONValue? {
    guard let response = try answer.get(at: version ?? 0)["response"],
      let code = response["code"]?.integer(Int.self)
    else { throw .malformed }
    let log = response["log"]?.string ?? ""
    switch (response["codespace"]?.string, code) {
    case (_, 0): break
    case ("sdk"?, 38): return nil
    case ("sdk"?, 26):
      guard let version else { throw .endpoint(code: code, message: log) }
      throw log.hasPrefix("heightPruned") ? .heightPruned(version) : .heightUnknown(version)
    default: throw .endpoint(code: code, message: log)
    }
    if let version {
      guard response["height"]?.integer(UInt64.self) == version else { throw .malformed }
    }
    return response
  }

  private func query(
    _ name: QueryName, at version: UInt64? = nil, _ write: (inout ProtobufWriter) -> Void
  ) async throws(AccessError) -> [UInt8]? {
    var writer = ProtobufWriter()
    write(&writer)
    return try await answer(to: name.rawValue, writer.bytes, at: version)
  }

  /// The endpoint's answer to a query that it knows by a gRPC name, protobuf both ways; nil when it says that there is
  /// nothing. Nothing proves it: believe the endpoint, or read ``values(of:at:proven:)``.
  public func answer(
    to path: String, _ request: [UInt8], at version: UInt64? = nil
  ) async throws(AccessError) -> [UInt8]? {
    let answer = try await call(
      RPCRequest(
        "abci_query",
        [
          "path": .string(path), "data": .string(Hex.encode(request, prefix: "")),
          "height": .string(String(version ?? 0)), "prove": false,
        ]))
    guard let response = try value(answer, at: version) else { return nil }
    return try CometBFTAnswers.base64(response["value"] ?? .null)
  }

  public func values(
    of keys: [[UInt8]], at version: UInt64, proven: Bool
  ) async throws(AccessError) -> [StateEntry] {
    // Zero would ask for the newest.
    guard version > 0 else { throw .heightPruned(version) }
    try Self.known(version)
    var entries: [StateEntry] = []
    var first = 0
    while first < keys.count {
      let part = keys[first..<min(first + limits.batchMax, keys.count)]
      let answers = try await call(
        all: part.map { key in
          RPCRequest(
            "abci_query",
            [
              "path": .string("store/ibc/key"), "data": .string(Hex.encode(key, prefix: "")),
              "height": .string(String(version)), "prove": .boolean(proven),
            ])
        })
      for (key, answer) in zip(part, answers) {
        guard let response = try value(answer, at: version),
          try CometBFTAnswers.base64(response["key"] ?? .null) == key
        else { throw .malformed }
        let value = try CometBFTAnswers.base64(response["value"] ?? .null)
        var proof: ICS23.CommitmentProof?
        if proven {
          let operation = response["proofOps"]?["ops"]?[0]
          guard operation?["type"]?.string == ABCIAnswer.proofType else { throw .unproven }
          let bytes = try CometBFTAnswers.base64(operation?["data"] ?? .null)
          do { proof = try ICS23.CommitmentProof(decoding: bytes.span) } catch { throw .malformed }
        }
        entries.append(StateEntry(key: key, value: value.isEmpty ? nil : value, proof: proof.map { .ics23($0) }))
      }
      first += part.count
    }
    if proven, !keys.isEmpty {
      let root = try await header(at: version + 1).header.appHash
      for entry in entries { try Self.check(entry, under: root) }
    }
    return entries
  }

  private static func check(_ entry: StateEntry, under root: [UInt8]) throws(AccessError) {
    guard case .ics23(let proof)? = entry.proof else { throw .unproven }
    let key = entry.key
    do {
      if let value = entry.value {
        try proof.verifyMembership(
          spec: .sparseMerkleTree, root: root.span, key: key.span, value: value.span)
      } else {
        try proof.verifyNonMembership(spec: .sparseMerkleTree, root: root.span, key: key.span)
      }
    } catch { throw .unproven }
  }

  public func packets(
    _ kind: PacketPath.Kind, of client: ClientID, after last: Sequence?, limit: Int, at version: UInt64
  ) async throws(AccessError) -> [LedgerQueries.PacketEntry] {
    guard kind != .receipt, limit > 0 else { return [] }
    guard version > 0 else { throw .heightPruned(version) }
    var from: [UInt8] = []
    if let last {
      guard let next = last.next else { return [] }
      from.append(bigEndian: next.rawValue)
    }
    let name = kind == .commitment ? QueryName.packetCommitments : .packetAcknowledgements
    let found = try await query(name, at: version) { writer in
      writer.string(1, client.text)
      Self.write(page: from, limit: min(limit, LedgerQueries.limitMax - 1), 2, to: &writer)
    }
    guard let found else { throw .malformed }
    let entries = try CometBFTAnswers.packets(found, of: client).entries
    guard entries.count <= limit, entries.first.map({ entry in last.map { $0 < entry.sequence } ?? true }) ?? true
    else { throw .malformed }
    return entries
  }

  private static func write(page key: [UInt8], limit: Int, _ field: UInt32, to writer: inout ProtobufWriter) {
    writer.message(field) { writer in
      writer.bytes(1, key)
      writer.varint(3, UInt64(limit))
    }
  }

  public func client(_ id: ClientID) async throws(AccessError) -> ClientView? {
    guard let found = try await query(.client, { $0.string(1, id.text) }) else { return nil }
    do { return ClientView(id, try LedgerQueries.Client(decoding: found)) } catch { throw .malformed }
  }

  public func account(_ address: AccountAddress) async throws(AccessError) -> AccountView? {
    guard let found = try await query(.pendingAccount, { $0.string(1, address.text) }) else { return nil }
    return try CometBFTAnswers.account(found)
  }

  public func balances(of address: AccountAddress) async throws(AccessError) -> [Coin] {
    try await coins(.allBalances, page: 2) { $0.string(1, address.text) }
  }

  public func supplies() async throws(AccessError) -> [Coin] {
    try await coins(.totalSupply, page: 1) { _ in }
  }

  /// All pages of a list of coins, as many as an embedded domain tells.
  private func coins(
    _ name: QueryName, page: UInt32, _ write: (inout ProtobufWriter) -> Void
  ) async throws(AccessError) -> [Coin] {
    var coins: [Coin] = []
    var key: [UInt8] = []
    repeat {
      let found = try await query(name) { writer in
        write(&writer)
        Self.write(page: key, limit: 1_000, page, to: &writer)
      }
      guard let found else { throw .malformed }
      let (part, next) = try CometBFTAnswers.coins(found)
      // Ascending throughout, so that no endpoint keeps us here with the same page.
      for coin in part {
        guard coins.last.map({ $0.denom < coin.denom }) ?? true else { throw .malformed }
        coins.append(coin)
      }
      guard !part.isEmpty || next.isEmpty, coins.count <= LedgerQueries.limitMax else { throw .malformed }
      key = next
    } while !key.isEmpty
    return coins
  }

  // MARK: Transactions

  public func submit(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 {
    let answer = try await call(
      RPCRequest("broadcast_tx_sync", ["tx": .string(Base64.encode(transaction))]))
    if case .failure(_, let message) = answer, message.contains("tx already exists in cache") {
      throw .refused(code: "known", codespace: "sdk", number: 19, log: message)
    }
    let json = try answer.get()
    guard let code = json["code"]?.integer(UInt32.self), let stated = try? Bytes32(CometBFTAnswers.hex(json["hash"]))
    else { throw .malformed }
    guard code == 0 else {
      let log = json["log"]?.string ?? ""
      throw .refused(
        code: String(log.prefix { $0 != ":" }), codespace: json["codespace"]?.string ?? "", number: code,
        log: log)
    }
    guard stated == Transaction.hash(of: transaction) else { throw .unproven }
    return stated
  }

  public func transaction(_ hash: Bytes32) async throws(AccessError) -> ObservedTransaction? {
    let answer = try await call(RPCRequest("tx", ["hash": .string(Base64.encode(hash.array)), "prove": false]))
    if case .failure(_, let message) = answer, message.contains("not found") { return nil }
    let found = try CometBFTAnswers.transaction(try answer.get())
    guard found.hash == hash else { throw .unproven }
    return found
  }

  public func transactions(
    matching query: String, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] {
    guard limit > 0 else { return [] }
    let json = try await call(
      RPCRequest(
        "tx_search",
        [
          "query": .string(query), "prove": false, "page": "1", "per_page": .string(String(min(limit, 100))),
          "order_by": "desc",
        ])
    ).get()
    guard let elements = json["txs"]?.array, elements.count <= limit else { throw .malformed }
    var found: [ObservedTransaction] = []
    for element in elements { found.append(try CometBFTAnswers.transaction(element)) }
    return found
  }
}

extension ClientView {
  /// What a domain's own query says.
  public init(_ id: ClientID, _ client: LedgerQueries.Client) {
    self.init(
      id: id, latest: client.latest.map { ($0, client.latestTime) }, status: client.status,
      counterparty: client.counterparty?.client, policy: client.policy)
  }
}
