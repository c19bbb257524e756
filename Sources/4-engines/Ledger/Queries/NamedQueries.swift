import Encodings
import LightClients
import Messages
import PacketHost
import StateTree
import WireBytes

/// gRPC names of queries, with protobuf requests and answers, as `abci_query` takes them.
///
/// Field numbers: cosmos-sdk `auth/v1beta1/query.proto`, `bank/v1beta1/query.proto`,
/// `base/query/v1beta1/pagination.proto`; ibc-go v10 `core/client/v1/query.proto`, `core/client/v2/query.proto`,
/// `core/channel/v2/query.proto`. Two are this project's own, since no other tells what agents need in one answer.
public enum QueryName: String, Hashable, Sendable, CaseIterable {
  case account = "/cosmos.auth.v1beta1.Query/Account"
  case balance = "/cosmos.bank.v1beta1.Query/Balance"
  case allBalances = "/cosmos.bank.v1beta1.Query/AllBalances"
  case totalSupply = "/cosmos.bank.v1beta1.Query/TotalSupply"
  case supplyOf = "/cosmos.bank.v1beta1.Query/SupplyOf"
  case clientState = "/ibc.core.client.v1.Query/ClientState"
  case clientStatus = "/ibc.core.client.v1.Query/ClientStatus"
  case consensusState = "/ibc.core.client.v1.Query/ConsensusState"
  case counterparty = "/ibc.core.client.v2.Query/CounterpartyInfo"
  case nextSequenceSend = "/ibc.core.channel.v2.Query/NextSequenceSend"
  case packetCommitment = "/ibc.core.channel.v2.Query/PacketCommitment"
  case packetCommitments = "/ibc.core.channel.v2.Query/PacketCommitments"
  case packetAcknowledgement = "/ibc.core.channel.v2.Query/PacketAcknowledgement"
  case packetAcknowledgements = "/ibc.core.channel.v2.Query/PacketAcknowledgements"
  case packetReceipt = "/ibc.core.channel.v2.Query/PacketReceipt"
  case unreceivedPackets = "/ibc.core.channel.v2.Query/UnreceivedPackets"
  case unreceivedAcknowledgements = "/ibc.core.channel.v2.Query/UnreceivedAcks"
  /// {address 1} → {number 1, sequence 2}, transactions that wait included.
  case pendingAccount = "/causeway.ledger.v1.Query/PendingAccount"
  /// {client_id 1} → ``LedgerQueries/Client``.
  case client = "/causeway.ledger.v1.Query/Client"
}

extension LedgerChain {
  func named(
    _ name: QueryName, _ request: [UInt8], in state: TreeState<Store>
  ) throws(QueryRefusal) -> [UInt8] {
    do {
      let fields = try QueryFields(request)
      var answer = QueryAnswer(state: state, queries: LedgerQueries(state))
      switch name {
      case .account: try answer.account(try fields.account(1))
      case .balance: try answer.balance(of: try fields.account(1), try fields.denom(2))
      case .allBalances: try answer.balances(of: try fields.account(1), try fields.page(2))
      case .totalSupply: try answer.supplies(try fields.page(1))
      case .supplyOf: try answer.supply(of: try fields.denom(1))
      case .clientState: try answer.clientState(try fields.client(1))
      case .clientStatus: try answer.clientStatus(try fields.client(1), at: moment)
      case .consensusState:
        let height = Height(revision: fields.number(2), fields.number(3))
        try answer.consensusState(try fields.client(1), at: fields.number(4) == 0 ? height : nil, moment)
      case .counterparty: try answer.counterparty(try fields.client(1))
      case .nextSequenceSend: try answer.nextSequence(try fields.client(1))
      case .packetCommitment: try answer.entry(try fields.path(.commitment))
      case .packetAcknowledgement: try answer.entry(try fields.path(.acknowledgement))
      case .packetReceipt: try answer.receipt(try fields.path(.receipt))
      case .packetCommitments: try answer.entries(.commitment, of: try fields.client(1), try fields.page(2))
      case .packetAcknowledgements:
        try answer.entries(.acknowledgement, of: try fields.client(1), try fields.page(2))
      case .unreceivedPackets: try answer.unreceived(try fields.sequences(2), over: try fields.client(1))
      case .unreceivedAcknowledgements: try answer.open(try fields.sequences(2), over: try fields.client(1))
      case .pendingAccount:
        let address = try fields.account(1)
        try answer.pendingAccount(address, next: mempool.nextSequence(of: address))
      case .client: try answer.client(try fields.client(1), at: moment)
      }
      return answer.writer.bytes
    } catch let error as QueryRefusal {
      throw error
    } catch is ProtobufError {
      throw .request
    } catch { throw .state }
  }

  /// Clients are judged as of the newest block, also where an older state is read.
  var moment: BlockMoment {
    BlockMoment(
      height: UInt64(clamping: tip.height), time: UnixTime(seconds: UInt64(clamping: tip.time.seconds)))
  }
}

/// Which part of a list is asked for.
struct QueryPage {
  /// Where to go on: what the answer before gave as `next_key`; empty at the beginning.
  let key: [UInt8]
  let limit: Int
  let isCounting: Bool

  /// The SDK's page when none is named.
  static let usual = QueryPage(key: [], limit: 100, isCounting: false)
}

/// Writes one answer.
private struct QueryAnswer<Store: StateStore> {
  let state: TreeState<Store>
  let queries: LedgerQueries
  var writer = ProtobufWriter()

  private mutating func height(_ field: UInt32) {
    let version = state.version
    writer.message(field) { $0.varint(2, version) }
  }

  // MARK: Accounts

  mutating func account(_ address: AccountAddress) throws {
    guard let account = try queries.account(address) else { throw QueryRefusal.notFound }
    var base = ProtobufWriter()
    base.string(1, address.text)
    base.varint(3, account.number)
    base.varint(4, account.sequence)
    writer.bytes(1, AnyMessage(typeURL: "/cosmos.auth.v1beta1.BaseAccount", value: base.bytes).encoded())
  }

  mutating func pendingAccount(_ address: AccountAddress, next: UInt64?) throws {
    guard let account = try queries.account(address) else { throw QueryRefusal.notFound }
    writer.varint(1, account.number)
    writer.varint(2, next ?? account.sequence)
  }

  mutating func balance(of address: AccountAddress, _ denom: Denom) throws {
    writer.bytes(1, Coin(try queries.balance(of: address, denom), denom).encoded())
  }

  mutating func supply(of denom: Denom) throws {
    writer.bytes(1, Coin(try queries.supply(of: denom), denom).encoded())
  }

  mutating func balances(of address: AccountAddress, _ page: QueryPage) throws {
    let queries = queries
    try coins(page) { last, limit in try queries.balances(of: address, after: last, limit: limit) }
  }

  mutating func supplies(_ page: QueryPage) throws {
    let queries = queries
    try coins(page) { last, limit in try queries.supplies(after: last, limit: limit) }
  }

  /// The key of a page is the denomination after which it goes on.
  private mutating func coins(
    _ page: QueryPage, _ read: (Denom?, Int) throws -> [Coin]
  ) throws {
    var last: Denom?
    if !page.key.isEmpty {
      guard let text = String(validating: page.key, as: UTF8.self), let denom = try? Denom(text) else {
        throw QueryRefusal.request
      }
      last = denom
    }
    let found = try read(last, page.limit + 1)
    for coin in found.prefix(page.limit) { writer.bytes(1, coin.encoded()) }
    let next = found.count > page.limit ? [UInt8](found[page.limit - 1].denom.text.utf8) : []
    let total = page.isCounting ? try read(nil, LedgerQueries.limitMax).count : 0
    pagination(2, next: next, total: total)
  }

  private mutating func pagination(_ field: UInt32, next: [UInt8], total: Int) {
    writer.message(field) { writer in
      writer.bytes(1, next)
      writer.varint(2, UInt64(total))
    }
  }

  // MARK: Clients

  mutating func clientState(_ id: ClientID) throws {
    guard let stored = try state.value(for: HostKeys.clientState(id)) else { throw QueryRefusal.notFound }
    writer.bytes(1, stored)
    height(3)
  }

  mutating func clientStatus(_ id: ClientID, at moment: BlockMoment) throws {
    guard let client = try queries.client(id, at: moment) else { throw QueryRefusal.notFound }
    switch client.status {
    case .active: writer.string(1, "Active")
    case .expired: writer.string(1, "Expired")
    case .frozen: writer.string(1, "Frozen")
    }
  }

  mutating func consensusState(_ id: ClientID, at height: Height?, _ moment: BlockMoment) throws {
    var wanted = height
    if wanted == nil { wanted = try queries.client(id, at: moment)?.latest }
    guard let wanted, let stored = try state.value(for: HostKeys.consensusState(id, wanted)) else {
      throw QueryRefusal.notFound
    }
    writer.bytes(1, stored)
    self.height(3)
  }

  mutating func counterparty(_ id: ClientID) throws {
    guard let stored = try state.value(for: HostKeys.counterparty(id)) else { throw QueryRefusal.notFound }
    writer.bytes(1, stored)
  }

  mutating func client(_ id: ClientID, at moment: BlockMoment) throws {
    guard let client = try queries.client(id, at: moment) else { throw QueryRefusal.notFound }
    client.write(to: &writer)
  }

  // MARK: Packets

  mutating func nextSequence(_ client: ClientID) throws {
    writer.varint(1, try queries.nextSequence(of: client).rawValue)
    height(3)
  }

  mutating func entry(_ path: PacketPath) throws {
    guard let stored = try state.value(for: path.bytes) else { throw QueryRefusal.notFound }
    writer.bytes(1, stored)
    height(3)
  }

  mutating func receipt(_ path: PacketPath) throws {
    writer.boolean(2, try state.value(for: path.bytes) != nil)
    height(4)
  }

  /// The key of a page is the sequence with which it begins, as in the store.
  mutating func entries(_ kind: PacketPath.Kind, of client: ClientID, _ page: QueryPage) throws {
    var last: Sequence?
    if !page.key.isEmpty {
      var reader = ByteReader(page.key.span)
      guard let first = try? reader.readBigEndian(UInt64.self), reader.isAtEnd, first > 0 else {
        throw QueryRefusal.request
      }
      last = Sequence(first - 1)
    }
    func read(_ last: Sequence?, _ limit: Int) throws -> [LedgerQueries.PacketEntry] {
      kind == .commitment
        ? try queries.commitments(of: client, after: last, limit: limit)
        : try queries.acknowledgements(of: client, after: last, limit: limit)
    }
    let found = try read(last, page.limit + 1)
    for entry in found.prefix(page.limit) {
      writer.message(1) { writer in
        writer.string(1, client.text)
        writer.varint(2, entry.sequence.rawValue)
        writer.bytes(3, entry.commitment)
      }
    }
    var next: [UInt8] = []
    if found.count > page.limit { next.append(bigEndian: found[page.limit].sequence.rawValue) }
    let total = page.isCounting ? try read(nil, LedgerQueries.limitMax).count : 0
    pagination(2, next: next, total: total)
    height(3)
  }

  mutating func unreceived(_ sequences: [Sequence], over client: ClientID) throws {
    writer.packed(1, try queries.unreceived(sequences, over: client).map(\.rawValue))
    height(2)
  }

  mutating func open(_ sequences: [Sequence], over client: ClientID) throws {
    writer.packed(1, try queries.open(sequences, over: client).map(\.rawValue))
    height(2)
  }
}

/// A request of texts, numbers and one page, from any protobuf writer.
private struct QueryFields {
  static let sizeBytesMax = 1 << 16
  static let sequencesMax = 1_000

  private var texts: [UInt32: [UInt8]] = [:]
  private var numbers: [UInt32: UInt64] = [:]
  private var lists: [UInt32: [UInt64]] = [:]

  init(_ request: [UInt8]) throws(ProtobufError) {
    let span = request.span
    let rules = ProtobufRules(repeated: [1, 2, 3, 4, 5], form: .foreign, unknown: .skip)
    var reader = ProtobufReader(rules, sizeBytesMax: Self.sizeBytesMax)
    while let field = try reader.next(in: span) {
      guard field.number <= 5 else { continue }
      if case .varint(let value) = field.value {
        numbers[field.number] = value
        lists[field.number, default: []].append(value)
      } else {
        texts[field.number] = [UInt8](copying: span.extracting(try field.message()))
      }
    }
  }

  func number(_ field: UInt32) -> UInt64 { numbers[field] ?? 0 }

  private func text(_ field: UInt32) throws(QueryRefusal) -> String {
    guard let text = String(validating: texts[field] ?? [], as: UTF8.self) else { throw .request }
    return text
  }

  func account(_ field: UInt32) throws(QueryRefusal) -> AccountAddress {
    do { return try AccountAddress(text: try text(field)) } catch { throw .request }
  }

  func denom(_ field: UInt32) throws(QueryRefusal) -> Denom {
    do { return try Denom(try text(field)) } catch { throw .request }
  }

  func client(_ field: UInt32) throws(QueryRefusal) -> ClientID {
    do { return try ClientID(try text(field)) } catch { throw .request }
  }

  func path(_ kind: PacketPath.Kind) throws(QueryRefusal) -> PacketPath {
    guard let sequence = Sequence(number(2)) else { throw .request }
    return PacketPath(kind, client: try client(1), sequence: sequence)
  }

  /// `repeated uint64`, packed or not.
  func sequences(_ field: UInt32) throws(QueryRefusal) -> [Sequence] {
    var values = lists[field] ?? []
    if let packed = texts[field] {
      var offset = 0
      while offset < packed.count, values.count <= Self.sequencesMax {
        do { values.append(try ProtobufReader.varint(packed.span, at: &offset, end: packed.count)) } catch {
          throw .request
        }
      }
    }
    guard values.count <= Self.sequencesMax else { throw .request }
    var sequences: [Sequence] = []
    for value in values {
      guard let sequence = Sequence(value) else { throw .request }
      sequences.append(sequence)
    }
    return sequences
  }

  /// `PageRequest {key 1, offset 2, limit 3, count_total 4, reverse 5}`; offsets and reversed order are refused.
  func page(_ field: UInt32) throws(QueryRefusal) -> QueryPage {
    guard let bytes = texts[field] else { return .usual }
    let page: QueryFields
    do { page = try QueryFields(bytes) } catch { throw .request }
    guard page.number(2) == 0, page.number(5) == 0 else { throw .request }
    let limit = page.number(3) == 0 ? QueryPage.usual.limit : Int(clamping: page.number(3))
    return QueryPage(
      key: page.texts[1] ?? [], limit: min(limit, LedgerQueries.limitMax - 1),
      isCounting: page.number(4) != 0)
  }
}
