public import Ledger
public import LightClients
public import MerkleProofs
public import Messages
public import PacketHost
public import WireBytes

/// One domain as agents and tools reach it: in this process, over RPC, or over several RPCs that must agree.
///
/// Heights are block heights; revisions are the domain's own. The state **after** block `h` is *version* `h`; header
/// `h + 1` commits to it (its app hash is the root) and is what proves it. Every answer may be late or missing; no
/// answer is believed beyond the endpoint that gave it, unless it carries a proof that the caller checks.
public protocol DomainAccess: Sendable {
  var domain: DomainID { get }

  /// The newest block, and the newest that can no longer be rolled back.
  func head() async throws(AccessError) -> ChainHead

  /// Returns as soon as the newest block is above `height`, or after `patience` with the head as it is then.
  func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead

  /// A block's time and what its transactions did.
  ///
  /// - Throws: `heightUnknown`, `heightPruned`.
  func block(at height: UInt64) async throws(AccessError) -> ObservedBlock

  /// Header, commit and the set that signed it: what a light client checks.
  func signedHeader(at height: UInt64) async throws(AccessError) -> LightBlock

  /// What lies under each key in the state of `version`, in the order of the keys.
  ///
  /// - Parameter proven: with an ICS-23 proof for each, of the value or of its absence, under the app hash of header
  ///   `version + 1`. An access over RPC checks what it gives against that header when `proven` is set.
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
  func transactions(matching query: String, limit: Int) async throws(AccessError) -> [ObservedTransaction]
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

  public init(
    height: UInt64, time: CometBFT.Timestamp, finalHeight: UInt64, finalTime: CometBFT.Timestamp,
    revision: UInt64
  ) {
    self.height = height
    self.time = time
    self.finalHeight = finalHeight
    self.finalTime = finalTime
    self.revision = revision
  }
}

public struct ObservedBlock: Hashable, Sendable {
  public let height: UInt64
  public let time: CometBFT.Timestamp
  public let transactions: [ObservedTransaction]

  public init(height: UInt64, time: CometBFT.Timestamp, transactions: [ObservedTransaction]) {
    self.height = height
    self.time = time
    self.transactions = transactions
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
  public let proof: ICS23.CommitmentProof?

  public init(key: [UInt8], value: [UInt8]?, proof: ICS23.CommitmentProof?) {
    self.key = key
    self.value = value
    self.proof = proof
  }
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
    }
  }
}
