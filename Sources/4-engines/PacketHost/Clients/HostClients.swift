import Digests
import Encodings
import Gate
import LightClients
import MerkleProofs
public import Messages
import WireBytes

/// The clients of a host: what it knows of other domains, each under a gate policy, in the keyed store.
///
/// A client is named `07-tendermint-N` when it was made from the client state that Cosmos relayers send, and
/// is then the policy `cometbft`; any other is `client-N`. Rules that ibc-go has are ibc-go's (`02-client`,
/// `07-tendermint`), with two that are stricter: a single verdict ages, not only the client; and heights that
/// were forgotten are not taken again.
public struct HostClients: Sendable {
  /// States kept for each client; the lowest go first, and those that have expired.
  public static let consensusStateCountMax: UInt64 = 1_000
  /// Pieces of evidence kept for each height.
  public static let evidenceCountMax: UInt8 = 8

  public init() {}

  // MARK: Creation

  /// Makes a client.
  ///
  /// - Parameters:
  ///   - typeURL: of the client state: 07-tendermint's, or ``PolicyClientState/typeURL``.
  ///   - consensus: the state that `creator` vouches for; empty, with an empty type, when none is needed.
  public func create(
    typeURL: String, state: [UInt8], consensusTypeURL: String, consensus: [UInt8], by creator: AccountAddress,
    in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> ClientID {
    try context.whole { (context: inout HostContext) throws(AttemptFailure<ClientRefusal>) -> ClientID in
      let number = try Self.nextNumber(in: &context)
      let start: ClientStart
      do throws(ClientRefusal) {
        switch typeURL {
        case Tendermint.ClientState.typeURL:
          start = try .tendermint(
            state, consensusTypeURL: consensusTypeURL, consensus: consensus, number: number)
        case PolicyClientState.typeURL:
          start = try .policy(state, consensusTypeURL: consensusTypeURL, consensus: consensus, number: number)
        default: throw .clientTypeUnknown(typeURL)
        }
      } catch { throw .failure(error) }
      var record = ClientRecord(
        kind: start.kind, store: start.store, creator: creator, domain: start.policy.domain,
        policyHash: start.policy.hash,
        trustingPeriodSeconds: Self.trustingPeriod(of: start.policy.root))
      let id = start.id
      try halting { () throws(ExecutionHalt) in
        let policyKey = HostKeys.policy(start.policy.hash)
        if try context.read(policyKey) == nil {
          try context.write([UInt8](start.policy.text.utf8), to: policyKey)
        }
        try context.write(
          AnyForm(typeURL: typeURL, value: state).encoded(), to: HostKeys.clientState(id))
        if let (height, consensus) = start.consensus {
          try Self.insert(consensus, at: height, of: id, record: &record, in: &context)
        }
        try Self.store(record, of: id, in: &context)
      }
      switch record.status(at: context.moment.time) {
      case .expired(let at) where record.latest != nil: throw .failure(.expired(at: at))
      default: break
      }
      try halting { () throws(ExecutionHalt) in
        try context.emit(
          Event(
            "create_client",
            [
              "client_id": id.text, "client_type": record.kind.name,
              "consensus_height": (record.latest ?? Height(0)).description,
            ]))
      }
      return id
    }
  }

  /// How long the newest state can be built upon; nil when the policy can be satisfied without any earlier
  /// state.
  static func trustingPeriod(of node: Policy.Node) -> UInt64? {
    switch node {
    case .attested, .enclave: return nil
    case .cometBFT(let policy): return policy.trustingPeriodSeconds
    case .all(let parts): return parts.compactMap { trustingPeriod(of: $0) }.min()
    case .any(let parts): return trustingPeriod(of: parts, required: 1)
    case .threshold(let required, let parts): return trustingPeriod(of: parts, required: required)
    // Refused when the client is made.
    case .route, .delay: return 0
    }
  }

  /// The policy lives as long as enough of its parts do: the period of the part that fails it when parts
  /// expire in order.
  private static func trustingPeriod(of parts: [Policy.Node], required: Int) -> UInt64? {
    let periods = parts.map { trustingPeriod(of: $0) }
    let lasting = periods.count { $0 == nil }
    guard lasting < required else { return nil }
    let ending = periods.compactMap { $0 }.sorted(by: >)
    return ending[required - lasting - 1]
  }

  private static func nextNumber(
    in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> UInt64 {
    do throws(ExecutionHalt) {
      var number: UInt64 = 0
      if let bytes = try context.read(HostKeys.nextClientSequence) {
        guard let stored = HostKeys.number(stored: bytes) else { throw ExecutionHalt.state(.unreadable) }
        number = stored
      }
      // One client a gas charge: 2^64 are never made.
      try context.write(HostKeys.bytes(of: number &+ 1), to: HostKeys.nextClientSequence)
      return number
    } catch { throw .halt(error) }
  }

  // MARK: Counterparty

  /// Names the other domain's client of this one. Only the account that made the client may, and only once.
  public func register(
    _ counterparty: Counterparty, for id: ClientID, by signer: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) {
    let record = try record(of: id, in: &context)
    guard record.creator == signer else { throw .failure(.notCreator(record.creator)) }
    guard record.prefixCounts.contains(counterparty.prefix.count) else {
      throw .failure(
        .prefixCount(expected: record.prefixCounts.lowerBound, actual: counterparty.prefix.count))
    }
    if case .evm = record.store, let element = counterparty.prefix.first, !element.isEmpty {
      throw .failure(.prefixOfEVM(length: element.count))
    }
    let key = HostKeys.counterparty(id)
    guard try read(key, in: &context) == nil else { throw .failure(.counterpartyKnown(id)) }
    try halting { () throws(ExecutionHalt) in try context.write(counterparty.encoded(), to: key) }
  }

  // MARK: Status

  public func status(
    of id: ClientID, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> ClientStatus {
    try record(of: id, in: &context).status(at: context.moment.time)
  }

  /// The newest height that is known, and its time; nil when none is.
  public func latest(
    of id: ClientID, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> (height: Height, time: UnixTime)? {
    let record = try record(of: id, in: &context)
    return record.latest.map { ($0, record.latestTime) }
  }

  /// Whether a packet with `timeout` may be sent over the client: it is active, and the deadline has not
  /// passed on the other side as far as is proven (ibc-go `sendPacket`).
  public func checkSendable(
    _ id: ClientID, timeout: UnixTime, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) {
    let record = try active(id, in: &context)
    guard record.latest != nil else { throw .failure(.noHeight) }
    guard record.latestTime < timeout else {
      throw .failure(.timeoutProven(timeout: timeout, proven: record.latestTime))
    }
  }

  // MARK: Stored parts

  func record(
    of id: ClientID, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> ClientRecord {
    guard let bytes = try read(HostKeys.clientRecord(id), in: &context) else {
      throw .failure(.clientUnknown(id))
    }
    guard let record = ClientRecord(stored: bytes) else { throw .halt(.state(.unreadable)) }
    return record
  }

  /// The record of a client that is neither frozen nor expired.
  func active(
    _ id: ClientID, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> ClientRecord {
    let record = try record(of: id, in: &context)
    switch record.status(at: context.moment.time) {
    case .active: return record
    case .frozen(let height): throw .failure(.frozen(height))
    case .expired(let at):
      // Without any state there is nothing that could have expired.
      guard record.latest != nil else { return record }
      throw .failure(.expired(at: at))
    }
  }

  func read(
    _ key: [UInt8], in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> [UInt8]? {
    do { return try context.read(key) } catch { throw .halt(error) }
  }

  func halting(_ body: () throws(ExecutionHalt) -> Void) throws(AttemptFailure<ClientRefusal>) {
    do { try body() } catch { throw .halt(error) }
  }

  static func store(
    _ record: ClientRecord, of id: ClientID, in context: inout HostContext
  ) throws(ExecutionHalt) {
    try context.write(record.encoded(), to: HostKeys.clientRecord(id))
  }
}
