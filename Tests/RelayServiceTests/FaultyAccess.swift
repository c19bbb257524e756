import ChainAccess
import Ledger
import LightClients
import Messages
import PacketHost
import Synchronization
import WireBytes

/// An endpoint that does not answer at times, or answers nonsense.
final class FaultyAccess: DomainAccess {
  enum Fault: Sendable {
    /// Every third question has no answer.
    case unreachable
    /// Events that are no packets stand among the right ones.
    case strangeEvents
    /// Another block than was asked for, every second time.
    case otherBlocks
    /// Transactions are lost after every second submission.
    case lostSubmissions
    /// A head below the one before, every second time, and at once.
    case oldHeads
  }

  let inner: any DomainAccess
  let fault: Fault
  private let calls = Mutex(0)

  init(_ inner: any DomainAccess, _ fault: Fault) {
    self.inner = inner
    self.fault = fault
  }

  var domain: DomainID { inner.domain }

  private func turn() -> Int {
    calls.withLock { count in
      count += 1
      return count
    }
  }

  private func reach() throws(AccessError) {
    if case .unreachable = fault, turn().isMultiple(of: 3) { throw .unreachable }
  }

  func head() async throws(AccessError) -> ChainHead {
    try reach()
    return try await inner.head()
  }

  func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead {
    try reach()
    if case .oldHeads = fault, turn().isMultiple(of: 2) {
      let head = try await inner.head()
      guard head.height > 3 else { return head }
      return ChainHead(
        height: head.height - 3, time: head.time, finalHeight: head.finalHeight - 3,
        finalTime: head.finalTime,
        revision: head.revision)
    }
    return try await inner.head(above: height, patience: patience)
  }

  func block(at height: UInt64) async throws(AccessError) -> ObservedBlock {
    try reach()
    if case .otherBlocks = fault, turn().isMultiple(of: 2), height > 1 {
      return try await inner.block(at: height - 1)
    }
    let block = try await inner.block(at: height)
    guard case .strangeEvents = fault else { return block }
    let names = [
      "send_packet", "recv_packet", "write_acknowledgement", "acknowledge_packet", "timeout_packet",
    ]
    var events: [Event] = []
    for name in names {
      for hex in ["", "zz", "08", String(repeating: "ff", count: 300)] {
        var attributes = [Event.Attribute("encoded_packet_hex", hex)]
        for client in ["packet_source_client", "packet_dest_client"] {
          attributes.append(Event.Attribute(client, "client-0"))
        }
        events.append(Event(name, attributes))
      }
    }
    let result = TransactionResult(
      code: 0, codespace: "", payload: [8], log: "", gasWanted: 0, gasUsed: 0, events: events)
    return ObservedBlock(
      height: block.height, time: block.time,
      transactions: block.transactions + [
        ObservedTransaction(hash: Bytes32(), height: block.height, result: result)
      ])
  }

  func signedHeader(at height: UInt64) async throws(AccessError) -> LightBlock {
    try reach()
    return try await inner.signedHeader(at: height)
  }

  func values(
    of keys: [[UInt8]], at version: UInt64, proven: Bool
  ) async throws(AccessError) -> [StateEntry] {
    try reach()
    return try await inner.values(of: keys, at: version, proven: proven)
  }

  func packets(
    _ kind: PacketPath.Kind, of client: ClientID, after last: Sequence?, limit: Int, at version: UInt64
  ) async throws(AccessError) -> [LedgerQueries.PacketEntry] {
    try reach()
    return try await inner.packets(kind, of: client, after: last, limit: limit, at: version)
  }

  func client(_ id: ClientID) async throws(AccessError) -> ClientView? {
    try reach()
    return try await inner.client(id)
  }

  func account(_ address: AccountAddress) async throws(AccessError) -> AccountView? {
    try reach()
    return try await inner.account(address)
  }

  func balances(of address: AccountAddress) async throws(AccessError) -> [Coin] {
    try await inner.balances(of: address)
  }

  func supplies() async throws(AccessError) -> [Coin] { try await inner.supplies() }

  func submit(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 {
    try reach()
    if case .lostSubmissions = fault {
      let turn = turn()
      // Lost on the way there, or on the way back.
      if turn % 4 == 1 { throw .timedOut }
      let hash = try await inner.submit(transaction)
      if turn % 4 == 3 { throw .timedOut }
      return hash
    }
    return try await inner.submit(transaction)
  }

  func transaction(_ hash: Bytes32) async throws(AccessError) -> ObservedTransaction? {
    try reach()
    return try await inner.transaction(hash)
  }

  func transactions(matching query: String, limit: Int) async throws(AccessError) -> [ObservedTransaction] {
    try reach()
    return try await inner.transactions(matching: query, limit: limit)
  }
}
