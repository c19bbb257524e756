public import Messages
public import PacketHost
public import WireBytes

/// What may be asked of a domain's committed state, without gas and without changing it.
public struct LedgerQueries: Sendable {
  /// Entries that one answer holds; ask again after the last.
  public static let limitMax = 10_000

  private let state: any StateReading

  public init(_ state: any StateReading) { self.state = state }

  /// Nil when the account has never received anything.
  public func account(_ address: AccountAddress) throws(StateFailure) -> Account? {
    guard let bytes = try state.value(for: Accounts.key(address)) else { return nil }
    guard let account = Account(stored: bytes) else { throw .unreadable }
    return account
  }

  public func balance(of address: AccountAddress, _ denom: Denom) throws(StateFailure) -> UInt256 {
    try amount(Bank.balanceKey(address, denom))
  }

  public func supply(of denom: Denom) throws(StateFailure) -> UInt256 { try amount(Bank.supplyKey(denom)) }

  /// All tokens of an account after `last`, by denomination.
  public func balances(
    of address: AccountAddress, after last: Denom? = nil, limit: Int = limitMax
  ) throws(StateFailure) -> [Coin] {
    let prefix = Bank.balancePrefix(address)
    return try coins(prefix: prefix, after: last.map { prefix + [UInt8]($0.text.utf8) }, limit: limit)
  }

  /// All supplies after `last`, by denomination.
  public func supplies(after last: Denom? = nil, limit: Int = limitMax) throws(StateFailure) -> [Coin] {
    let prefix = [UInt8]("supply/".utf8)
    return try coins(prefix: prefix, after: last.map { prefix + [UInt8]($0.text.utf8) }, limit: limit)
  }

  /// One entry of a packet path: its number and the 32 bytes under it.
  public struct PacketEntry: Hashable, Sendable {
    public let sequence: Sequence
    public let commitment: Bytes32

    public init(sequence: Sequence, commitment: Bytes32) {
      self.sequence = sequence
      self.commitment = commitment
    }
  }

  /// Packets that `client` has sent and that have not ended, by number: found by scanning state, not by
  /// events.
  public func commitments(
    of client: ClientID, after last: Sequence? = nil, limit: Int = limitMax
  ) throws(StateFailure) -> [PacketEntry] {
    try packets(.commitment, of: client, after: last, limit: limit)
  }

  /// What was answered to packets that `client` has received.
  public func acknowledgements(
    of client: ClientID, after last: Sequence? = nil, limit: Int = limitMax
  ) throws(StateFailure) -> [PacketEntry] {
    try packets(.acknowledgement, of: client, after: last, limit: limit)
  }

  /// Which of `sequences` the domain has not received over `client`.
  public func unreceived(_ sequences: [Sequence], over client: ClientID) throws(StateFailure) -> [Sequence] {
    var missing: [Sequence] = []
    for sequence in sequences {
      let path = PacketPath(.receipt, client: client, sequence: sequence)
      if try state.value(for: path.bytes) == nil { missing.append(sequence) }
    }
    return missing
  }

  /// Which of `sequences` that this domain sent over `client` have not ended.
  public func open(_ sequences: [Sequence], over client: ClientID) throws(StateFailure) -> [Sequence] {
    var found: [Sequence] = []
    for sequence in sequences {
      let path = PacketPath(.commitment, client: client, sequence: sequence)
      if try state.value(for: path.bytes) != nil { found.append(sequence) }
    }
    return found
  }

  /// The number of the next packet over `client`.
  public func nextSequence(of client: ClientID) throws(StateFailure) -> Sequence {
    guard let bytes = try state.value(for: HostKeys.nextSequenceSend(client)) else { return .first }
    var reader = ByteReader(bytes.span)
    guard let number = try? reader.readBigEndian(UInt64.self), let sequence = Sequence(number) else {
      throw .unreadable
    }
    return sequence
  }

  /// The client as it is at `moment`, since clients expire with time; nil when there is none of this name.
  public func client(_ id: ClientID, at moment: BlockMoment) throws(StateFailure) -> Client? {
    var context = HostContext(moment: moment, state: WorkingState(state), gas: GasMeter(limit: .max))
    let clients = HostClients()
    do {
      let status = try clients.status(of: id, in: &context)
      let latest = try clients.latest(of: id, in: &context)
      let counterparty = try state.value(for: HostKeys.counterparty(id))
      guard let bytes = try state.value(for: HostKeys.clientState(id)) else { throw StateFailure.unreadable }
      let form = try AnyMessage(decoding: bytes.span)
      let value = form.value
      var policy: String?
      if form.typeURL == PolicyClientState.typeURL {
        policy = String(validating: try PolicyClientState(decoding: value.span).policyText, as: UTF8.self)
      }
      return Client(
        status: status, latest: latest?.height, latestTime: latest?.time ?? UnixTime(seconds: 0),
        counterparty: try counterparty.map { (bytes: [UInt8]) throws(Counterparty.FormError) in
          try Counterparty(decoding: bytes.span)
        }, policy: policy)
    } catch AttemptFailure<ClientRefusal>.failure(.clientUnknown) {
      return nil
    } catch { throw .unreadable }
  }

  private func packets(
    _ kind: PacketPath.Kind, of client: ClientID, after last: Sequence?, limit: Int
  ) throws(StateFailure) -> [PacketEntry] {
    let prefix = client.bytes + [kind.rawValue]
    let start = last.map { PacketPath(kind, client: client, sequence: $0).bytes }
    var entries: [PacketEntry] = []
    for (key, value) in try state.entries(prefix: prefix, after: start, limit: Self.held(limit)) {
      var reader = ByteReader(key.span)
      guard (try? reader.skip(prefix.count)) != nil, let number = try? reader.readBigEndian(UInt64.self),
        reader.isAtEnd, let sequence = Sequence(number), let commitment = try? Bytes32(value)
      else { throw .unreadable }
      entries.append(PacketEntry(sequence: sequence, commitment: commitment))
    }
    return entries
  }

  private func coins(prefix: [UInt8], after start: [UInt8]?, limit: Int) throws(StateFailure) -> [Coin] {
    var coins: [Coin] = []
    for (key, value) in try state.entries(prefix: prefix, after: start, limit: Self.held(limit)) {
      guard let text = String(validating: key.dropFirst(prefix.count), as: UTF8.self),
        let denom = try? Denom(text), let amount = try? UInt256(bigEndian: value.span)
      else { throw .unreadable }
      coins.append(Coin(amount, denom))
    }
    return coins
  }

  private func amount(_ key: [UInt8]) throws(StateFailure) -> UInt256 {
    guard let bytes = try state.value(for: key) else { return .zero }
    guard let amount = try? UInt256(bigEndian: bytes.span) else { throw .unreadable }
    return amount
  }

  private static func held(_ limit: Int) -> Int { min(max(limit, 0), limitMax) }
}
