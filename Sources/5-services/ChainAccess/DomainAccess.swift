public import Ledger
public import LightClients
public import MerkleProofs
public import Messages
public import PacketHost
public import WireBytes

/// One domain as agents and tools reach it: in this process, over RPC, or over several RPCs that must agree.
///
/// Heights are block heights; revisions are the domain's own. The state **after** block `h` is *version* `h`; the header
/// of height `h + commitmentLag` commits to it and is what proves it. Every answer may be late or missing; no answer is
/// believed beyond the endpoint that gave it, unless it carries a proof that the caller checks.
public protocol DomainAccess: Sendable {
  var domain: DomainID { get }

  /// How many blocks later a header commits to a state: 1 under CometBFT, whose headers carry the root of the state
  /// before their block; 0 on an EVM chain, whose headers carry the root of the state after it.
  var commitmentLag: UInt64 { get }

  /// The newest block, and the newest that can no longer be rolled back.
  func head() async throws(AccessError) -> ChainHead

  /// Returns as soon as the newest block is above `height`, or after `patience` with the head as it is then.
  func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead

  /// A block's time and what its transactions did.
  ///
  /// - Throws: `heightUnknown`, `heightPruned`.
  func block(at height: UInt64) async throws(AccessError) -> ObservedBlock

  /// What the header at `height` says of itself and of the state that it commits to.
  ///
  /// - Throws: `heightUnknown`, `heightPruned`.
  func stateHeader(at height: UInt64) async throws(AccessError) -> StateHeader

  /// Header, commit and the set that signed it: what a CometBFT light client checks.
  ///
  /// - Throws: `notSupported` on other domains.
  func signedHeader(at height: UInt64) async throws(AccessError) -> LightBlock

  /// What lies under each key in the state of `version`, in the order of the keys.
  ///
  /// - Parameter proven: with a proof for each, of the value or of its absence, under the root that the header of height
  ///   `version + commitmentLag` has. An access over RPC checks what it gives against that header when `proven` is set.
  func values(
    of keys: [[UInt8]], at version: UInt64, proven: Bool
  ) async throws(AccessError) -> [StateEntry]

  /// Packets that `client` has sent and that have not ended, or answers that it has written, ascending, after `last`.
  func packets(
    _ kind: PacketPath.Kind, of client: ClientID, after last: Sequence?, limit: Int, at version: UInt64
  ) async throws(AccessError) -> [LedgerQueries.PacketEntry]

  /// What the client says of itself now; nil when there is none of this name.
  func client(_ id: ClientID) async throws(AccessError) -> ClientView?

  /// Number and next sequence, waiting transactions included; nil when the account has never received anything.
  func account(_ address: AccountAddress) async throws(AccessError) -> AccountView?

  /// All tokens of an account, by denomination.
  func balances(of address: AccountAddress) async throws(AccessError) -> [Coin]

  /// What there is of each token, by denomination.
  func supplies() async throws(AccessError) -> [Coin]

  /// Checks a signed transaction and leaves it to wait for a block.
  ///
  /// - Throws: `refused` when the domain's check refuses it: nothing was changed. Any other error leaves open whether
  ///   it waits.
  /// - Returns: its hash.
  func submit(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32

  /// A transaction of a block; nil while it is in none.
  func transaction(_ hash: Bytes32) async throws(AccessError) -> ObservedTransaction?

  /// Transactions whose events match a query in CometBFT's grammar, newest first.
  ///
  /// - Throws: `notSupported` on other domains.
  func transactions(matching query: String, limit: Int) async throws(AccessError) -> [ObservedTransaction]

  /// The transactions that did `step` with one packet, newest first: usually one, or none.
  ///
  /// - Parameter client: the packet's, on this domain.
  func packetTransactions(
    _ step: PacketStep, client: ClientID, sequence: Sequence, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction]

  /// The number that the next packet of `client` will have, in the state of `version`.
  func nextSequence(of client: ClientID, at version: UInt64) async throws(AccessError) -> UInt64

  /// The name under which a submitted transaction is found in a block.
  func hash(of transaction: [UInt8]) -> Bytes32
}

/// What holds for domains with CometBFT's headers and events.
extension DomainAccess {
  public var commitmentLag: UInt64 { 1 }

  public func stateHeader(at height: UInt64) async throws(AccessError) -> StateHeader {
    try StateHeader(try await signedHeader(at: height).signedHeader.header)
  }

  public func packetTransactions(
    _ step: PacketStep, client: ClientID, sequence: Sequence, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] {
    let event = step.rawValue
    return try await transactions(
      matching: "\(event).\(step.clientAttribute)='\(client)' AND \(event).packet_sequence='\(sequence)'",
      limit: limit)
  }

  public func nextSequence(of client: ClientID, at version: UInt64) async throws(AccessError) -> UInt64 {
    let entries = try await values(of: [HostKeys.nextSequenceSend(client)], at: version, proven: false)
    guard let bytes = entries.first?.value else { return 1 }
    return bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  public func hash(of transaction: [UInt8]) -> Bytes32 { Transaction.hash(of: transaction) }

  /// The height whose header proves the state after block `height`; nil over the largest number.
  public func provingHeight(of height: UInt64) -> UInt64? {
    let (sum, overflow) = height.addingReportingOverflow(commitmentLag)
    return overflow ? nil : sum
  }

  /// The state that the header of `height` commits to; nil below the first.
  public func version(provenAt height: UInt64) -> UInt64? {
    height < commitmentLag ? nil : height - commitmentLag
  }
}

/// Where a domain stands.
public struct ChainHead: Hashable, Sendable {
  /// 0 before the first block.
  public let height: UInt64
  public let time: CometBFT.Timestamp
  /// The newest height that can no longer be rolled back; with instant finality, the newest.
  public let finalHeight: UInt64
  public let finalTime: CometBFT.Timestamp
  public let revision: UInt64
  /// The newest block's hash, on domains whose blocks can be rolled back; nil where a block stays.
  public let hash: Bytes32?

  public init(
    height: UInt64, time: CometBFT.Timestamp, finalHeight: UInt64, finalTime: CometBFT.Timestamp,
    revision: UInt64, hash: Bytes32? = nil
  ) {
    self.hash = hash
    self.height = height
    self.time = time
    self.finalHeight = finalHeight
    self.finalTime = finalTime
    self.revision = revision
  }
}

/// What a host tells of a packet, by the type of its event (ibc-go `04-channel/v2/types/events.go`).
public enum PacketStep: String, Hashable, Sendable, CaseIterable {
  case sent = "send_packet"
  case received = "recv_packet"
  case answered = "write_acknowledgement"
  case acknowledged = "acknowledge_packet"
  case timedOut = "timeout_packet"

  /// Whether the origin's host tells it.
  public var isAtOrigin: Bool {
    switch self {
    case .sent, .acknowledged, .timedOut: true
    case .received, .answered: false
    }
  }

  /// Which of the packet's clients is the telling domain's.
  public var clientAttribute: String { isAtOrigin ? "packet_source_client" : "packet_dest_client" }
}

/// What a header says of itself, and of the state that it commits to.
public struct StateHeader: Hashable, Sendable {
  public let height: UInt64
  public let time: CometBFT.Timestamp
  /// The root of version `height - commitmentLag`.
  public let root: Bytes32
  public let hash: Bytes32
  /// The header before it; nil for the first.
  public let parent: Bytes32?

  public init(height: UInt64, time: CometBFT.Timestamp, root: Bytes32, hash: Bytes32, parent: Bytes32?) {
    self.height = height
    self.time = time
    self.root = root
    self.hash = hash
    self.parent = parent
  }

  /// - Throws: `malformed` for a header without a hash, or whose app hash is no root.
  public init(_ header: CometBFT.Header) throws(AccessError) {
    guard let height = UInt64(exactly: header.height), let root = try? Bytes32(header.appHash),
      let hash = header.hash()
    else { throw .malformed }
    self.init(height: height, time: header.time, root: root, hash: hash, parent: header.lastBlockID.hash)
  }
}

public struct ObservedBlock: Hashable, Sendable {
  public let height: UInt64
  public let time: CometBFT.Timestamp
  public let transactions: [ObservedTransaction]
  /// Its hash and its parent's, on domains whose blocks can be rolled back; nil where a block stays.
  public let hash: Bytes32?
  public let parent: Bytes32?

  public init(
    height: UInt64, time: CometBFT.Timestamp, transactions: [ObservedTransaction], hash: Bytes32? = nil,
    parent: Bytes32? = nil
  ) {
    self.height = height
    self.time = time
    self.transactions = transactions
    self.hash = hash
    self.parent = parent
  }
}

/// A transaction of a block, with what became of it.
public struct ObservedTransaction: Hashable, Sendable {
  public let hash: Bytes32
  public let height: UInt64
  public let result: TransactionResult

  public init(hash: Bytes32, height: UInt64, result: TransactionResult) {
    self.hash = hash
    self.height = height
    self.result = result
  }
}

public struct LightBlock: Hashable, Sendable {
  public let signedHeader: CometBFT.SignedHeader
  public let validators: CometBFT.ValidatorSet
  /// The set of the next height, which a header's `next_validators_hash` names.
  public let nextValidators: CometBFT.ValidatorSet

  public init(
    signedHeader: CometBFT.SignedHeader, validators: CometBFT.ValidatorSet,
    nextValidators: CometBFT.ValidatorSet
  ) {
    self.signedHeader = signedHeader
    self.validators = validators
    self.nextValidators = nextValidators
  }
}

public struct StateEntry: Hashable, Sendable {
  public let key: [UInt8]
  /// Nil when nothing lies there.
  public let value: [UInt8]?
  /// Nil unless it was asked for.
  public let proof: StateProof?

  public init(key: [UInt8], value: [UInt8]?, proof: StateProof?) {
    self.key = key
    self.value = value
    self.proof = proof
  }
}

/// What leads from a root to a value, or shows that there is none.
public enum StateProof: Hashable, Sendable {
  /// In one sparse Merkle tree.
  case ics23(ICS23.CommitmentProof)
  /// Nodes of the state trie to an account, and of its storage trie to a slot, root first.
  case evmStorage(account: [[UInt8]], storage: [[UInt8]])
}

public struct ClientView: Hashable, Sendable {
  public let id: ClientID
  /// The newest height that it knows, and that height's time; nil before the first update.
  public let latest: (Height, UnixTime)?
  public let status: ClientStatus
  public let counterparty: ClientID?
  /// The policy's canonical text; nil for a client state of another type.
  public let policy: String?

  public init(
    id: ClientID, latest: (Height, UnixTime)?, status: ClientStatus, counterparty: ClientID?, policy: String?
  ) {
    self.id = id
    self.latest = latest
    self.status = status
    self.counterparty = counterparty
    self.policy = policy
  }

  public static func == (left: ClientView, right: ClientView) -> Bool {
    left.id == right.id && left.latest?.0 == right.latest?.0 && left.latest?.1 == right.latest?.1
      && left.status == right.status && left.counterparty == right.counterparty && left.policy == right.policy
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

public struct AccountView: Hashable, Sendable {
  public let number: UInt64
  /// Of its next transaction.
  public let sequence: UInt64

  public init(number: UInt64, sequence: UInt64) {
    self.number = number
    self.sequence = sequence
  }
}

/// Why an endpoint gave no answer. Codes are stable, for logs and for deciding what to do next.
public enum AccessError: Error, Hashable, Sendable {
  /// Nobody answers, or not in time.
  case unreachable
  case timedOut
  /// The answer is over a limit of ours, in bytes.
  case tooLarge(max: Int)
  /// The answer is not what the protocol says.
  case malformed
  /// A proof or a hash in the answer does not hold: the endpoint lies or is broken.
  case unproven
  /// Endpoints that must agree differ.
  case disagreement
  /// Too few of the endpoints answer for a quorum.
  case quorum(needed: Int, answered: Int)
  case heightUnknown(UInt64)
  case heightPruned(UInt64)
  /// The domain's check refused the transaction: `code` is the dotted name of the ledger's refusal when it is known.
  case refused(code: String, codespace: String, number: UInt32, log: String)
  /// The endpoint's own error, by its JSON-RPC code.
  case endpoint(code: Int, message: String)
  /// The domain has stopped.
  case halted
  /// Domains of this kind have no such thing.
  case notSupported
  /// The endpoint answers for another chain, by its CAIP-2 id or what it says of itself.
  case otherChain(expected: String, actual: String)
  /// The block at this height is not the one that the question was about: the chain has been rolled back.
  case rolledBack(UInt64)

  public var code: String {
    switch self {
    case .unreachable: "network.unreachable"
    case .timedOut: "network.timedOut"
    case .tooLarge: "network.tooLarge"
    case .malformed: "network.malformed"
    case .unproven: "network.unproven"
    case .disagreement: "network.disagreement"
    case .quorum: "network.quorum"
    case .heightUnknown: "network.heightUnknown"
    case .heightPruned: "network.heightPruned"
    case .refused(let code, _, _, _): code
    case .endpoint: "network.endpoint"
    case .halted: "network.halted"
    case .notSupported: "network.notSupported"
    case .otherChain: "network.otherChain"
    case .rolledBack: "network.rolledBack"
    }
  }
}
