public import ChainAccess
public import Gate
public import Ledger
public import Messages
public import RelayEngine
public import WireBytes

/// What convinces a client, and where a relayer gets it.
public enum EvidenceSource: Sendable {
  /// Attesters of the tracked domain, in the order of the policy's; one that cannot be reached may be left out.
  case attesters(AttestedPolicy, [any AttesterAccess])
  /// Headers of the tracked domain, which signs them itself. The client forgets them `trustingSeconds` after their
  /// time.
  case headers(trustingSeconds: UInt64)

  var form: EvidenceForm {
    switch self {
    case .attesters(let policy, _): policy.form == .packets ? .attestedPackets : .attestedState
    case .headers: .header
    }
  }

  var trustingSeconds: UInt64? {
    switch self {
    case .attesters: nil
    case .headers(let seconds): seconds
    }
  }
}

/// A lane to be served in both directions, with what convinces the client at each end.
public struct RelayedLane: Sendable {
  public let lane: LaneID
  /// For the client on `lane.origin`: what speaks for the destination.
  public let origin: EvidenceSource
  /// For the client on `lane.destination`: what speaks for the origin.
  public let destination: EvidenceSource

  public init(_ lane: LaneID, origin: EvidenceSource, destination: EvidenceSource) {
    self.lane = lane
    self.origin = origin
    self.destination = destination
  }
}

/// A domain that a relayer reads and writes, and the account that pays for it there.
public struct RelayedDomain: Sendable {
  public let access: any DomainAccess
  public let account: RelayAccount
  /// The block to begin with when the file knows none; nil for the newest. What was sent before is found by a scan.
  public let startHeight: UInt64?

  public init(access: any DomainAccess, account: RelayAccount, startHeight: UInt64? = nil) {
    self.access = access
    self.account = account
    self.startHeight = startHeight
  }

  /// A ledger, by an account there.
  public init(
    access: any DomainAccess, signer: any TransactionSigning, chainID: String, feeDenom: Denom,
    feeNumerator: UInt64 = 1, feeDenominator: UInt64 = 1_000, startHeight: UInt64? = nil
  ) {
    self.init(
      access: access,
      account: .ledger(
        LedgerAccount(
          signer: signer, chainID: chainID, feeDenom: feeDenom, feeNumerator: feeNumerator,
          feeDenominator: feeDenominator)), startHeight: startHeight)
  }
}

/// Who submits on a domain.
public enum RelayAccount: Sendable {
  case ledger(LedgerAccount)
  case evm(EVMAccount)

  var isEVM: Bool { if case .evm = self { true } else { false } }
}

/// An account of a ledger.
public struct LedgerAccount: Sendable {
  public let signer: any TransactionSigning
  /// Of sign bytes.
  public let chainID: String
  /// What fees are paid in, and what one unit of gas costs as a fraction of its smallest unit.
  public let feeDenom: Denom
  public let feeNumerator: UInt64
  public let feeDenominator: UInt64

  public init(
    signer: any TransactionSigning, chainID: String, feeDenom: Denom, feeNumerator: UInt64 = 1,
    feeDenominator: UInt64 = 1_000
  ) {
    self.signer = signer
    self.chainID = chainID
    self.feeDenom = feeDenom
    self.feeNumerator = feeNumerator
    self.feeDenominator = feeDenominator
  }
}

/// An account of an EVM chain, and what one transaction of it may be.
public struct EVMAccount: Sendable {
  /// Where calls are tried before they are sent.
  public let access: any EVMChainAccess
  public let sender: any EVMCallSending
  public let router: Bytes20
  public let limits: EVMSubmissionLimits

  public init(
    access: any EVMChainAccess, sender: any EVMCallSending, router: Bytes20,
    limits: EVMSubmissionLimits = EVMSubmissionLimits()
  ) {
    self.access = access
    self.sender = sender
    self.router = router
    self.limits = limits
  }
}

/// What one transaction to a router may be.
public struct EVMSubmissionLimits: Hashable, Sendable {
  /// A third of the 30 million that blocks of Ethereum had for years; it passes anywhere.
  public var gasMax: UInt64 = 10_000_000
  /// Nodes take transactions of at most 128 KiB (go-ethereum `core/txpool`, `txMaxSize`).
  public var calldataMax = 120_000
  /// Packets of one list; the router takes 32 (`contracts/evm/router`).
  public var callsMax = 24
  /// Of one call of a list; the router takes 4,096 bytes.
  public var listedCallMax = 4_096
  /// Of a proof: `02 ‖ evidence`; the router takes 2,048 bytes.
  public var proofMax = 2_048

  public init() {}

  /// Packets of one transaction whose evidence, signed by `quorum` attesters, fits a proof: 29 bytes, 64 for each path
  /// and 66 for each signature.
  func messagesMax(quorum: UInt64) -> Int {
    let signatures = 66 * Int(clamping: min(quorum, 1_024))
    return min(callsMax, (proofMax - 29 - signatures) / 64)
  }

  /// What packets' contents may be for their calls to keep within the limits. A call has about 1,100 bytes beside the
  /// values, and the first one has the evidence.
  func endLimits(quorum: UInt64) -> EndLimits {
    EndLimits(
      messagesMax: max(messagesMax(quorum: quorum), 1), bytesMax: calldataMax / 4 * 3,
      listedBytesMax: max(listedCallMax - proofMax + 340, 1), proofBytes: 1_024)
  }
}

/// Whoever sends calls of one account of an EVM chain: each once, whatever becomes of single transactions.
public protocol EVMCallSending: Sendable {
  var address: Bytes20 { get }

  /// Signs and offers a call, and keeps at it until it is in a block.
  ///
  /// - Returns: the call's name for its whole life.
  /// - Throws: ``EVMSendError``: the call was not sent and will not be.
  func place(_ call: EVMCall) async throws(EVMSendError) -> Bytes32

  /// The call that has landed, or may land, under this hash.
  func call(landedAs hash: Bytes32) async -> Bytes32?
}

extension EVMSender: EVMCallSending {
  public func place(_ call: EVMCall) async throws(EVMSendError) -> Bytes32 { try await submit(call).id }
}

/// What a relayer serves, by which rules, and where it keeps its rows.
public struct RelayConfiguration: Sendable {
  public var rules: RelayRules
  public var lanes: [RelayedLane]
  public var domains: [RelayedDomain]
  /// The SQLite file; one relayer at a time.
  public var path: String
  /// Settled packets that are kept for whoever asks what became of them; the oldest go first.
  public var settledMax = 100_000
  /// Blocks that a domain may be ahead before the relayer jumps to the newest, and finds the rest by a scan.
  public var blocksBehindMax: UInt64 = 50_000
  /// How long a domain is asked to hold back its answer while it has no new block.
  public var blockPatience = Duration.seconds(5)
  /// The pause after an endpoint gave no answer.
  public var endpointPause = Duration.milliseconds(500)
  /// How often, and how often at most, an attester is asked again that has not seen the height as final.
  public var attesterPause = Duration.milliseconds(50)
  public var attesterAttemptsMax = 40
  /// Work that goes on at a time; over it, what the engine asks is answered as unavailable, and it asks again.
  public var worksMax = 512
  /// Contents of packets that are held in memory, in bytes; what is not there is read from the file.
  public var contentsBytesMax = 64 << 20

  public init(lanes: [RelayedLane], domains: [RelayedDomain], path: String, rules: RelayRules = RelayRules())
  {
    self.lanes = lanes
    self.domains = domains
    self.path = path
    self.rules = rules
  }
}

/// Why a relayer does not start, or has stopped.
public enum RelayServiceError: Error, Hashable, Sendable {
  case engine(RelayConfigurationError)
  case domainUnknown(DomainID)
  case domainRepeated(DomainID)
  /// A policy is for another domain or another client than the end that it is given for.
  case binding(LaneEnd)
  /// An attester that the policy at this end does not list.
  case attesterUnknown(LaneEnd, index: Int)
  /// The attesters at this end together do not reach the quorum.
  case quorum(LaneEnd)
  /// More messages in a batch than attesters sign at once.
  case batchMessages(max: Int)
  case limit(min: Int, actual: Int)
  case feeDenominatorZero
  /// A client on an EVM chain checks signatures of `secp256k1-address` attesters over packets, each of weight 1, at most
  /// ``RelayConfiguration/evmAttestersMax`` of them, and so many as fit one proof.
  case evmEvidence(LaneEnd)
  /// An account of another kind than the domain.
  case account(DomainID)
  /// Already running, or stopped after a failure of its file.
  case notIdle
  /// The file is not there: no relayer has run in this place yet.
  case noRecords
  case newerFile
  /// SQLite's extended result code (sqlite.org/rescode.html).
  case records(code: Int32)
  /// A row is not what was written there.
  case rowUnreadable
}

extension RelayedLane {
  var ends: (LaneEnd, LaneEnd) {
    (LaneEnd(lane.origin, lane.sourceClient), LaneEnd(lane.destination, lane.destinationClient))
  }

  /// Each end with what convinces its client, and the domain that this client tracks.
  var sources: [(end: LaneEnd, source: EvidenceSource, tracked: DomainID)] {
    let (first, second) = ends
    return [(first, origin, lane.destination), (second, destination, lane.origin)]
  }
}

extension RelayConfiguration {
  /// Attesters sign so many entries at once, and a transaction has so many messages beside its update.
  static let batchMessagesMax = min(PacketsClaim.entryCountMax, Transaction.messageCountMax - 1)

  /// Attesters that a client on an EVM chain has at most (`contracts/evm/clients/AttestedClient.vy`).
  public static let evmAttestersMax = 32

  /// Nodes of two tries, each up to about 4 KB on a large chain.
  private static let storageProofBytes = 8_192

  func isEVM(_ domain: DomainID) -> Bool {
    domains.contains { $0.access.domain == domain && $0.account.isEVM }
  }

  /// A lane as the engine knows it.
  func rule(of lane: RelayedLane) -> LaneRule {
    LaneRule(
      lane.lane, originForm: lane.origin.form, destinationForm: lane.destination.form,
      originTrustingSeconds: lane.origin.trustingSeconds,
      destinationTrustingSeconds: lane.destination.trustingSeconds,
      originLimits: limits(at: lane.lane.origin, tracking: lane.lane.destination, lane.origin),
      destinationLimits: limits(at: lane.lane.destination, tracking: lane.lane.origin, lane.destination))
  }

  private func limits(at domain: DomainID, tracking tracked: DomainID, _ source: EvidenceSource) -> EndLimits {
    let account = domains.first { $0.access.domain == domain }?.account
    if case .evm(let account)? = account, case .attesters(let policy, _) = source {
      return account.limits.endLimits(quorum: policy.quorum)
    }
    return source.form == .attestedState && isEVM(tracked)
      ? EndLimits(proofBytes: Self.storageProofBytes) : EndLimits()
  }

  func check() throws(RelayServiceError) {
    var known: Set<DomainID> = []
    for domain in domains {
      guard known.insert(domain.access.domain).inserted else { throw .domainRepeated(domain.access.domain) }
      switch domain.account {
      case .ledger(let account):
        guard account.feeDenominator > 0 else { throw .feeDenominatorZero }
      case .evm(let account):
        guard domain.access.domain.namespace == "eip155", domain.access.commitmentLag == 0 else {
          throw .account(domain.access.domain)
        }
        let limits = account.limits
        for limit in [limits.calldataMax, limits.callsMax, limits.listedCallMax, limits.proofMax] where limit < 1 {
          throw .limit(min: 1, actual: limit)
        }
      }
    }
    guard rules.batchMessagesMax <= Self.batchMessagesMax else {
      throw .batchMessages(max: Self.batchMessagesMax)
    }
    for limit in [settledMax, attesterAttemptsMax, worksMax, contentsBytesMax] where limit < 1 {
      throw .limit(min: 1, actual: limit)
    }
    for lane in lanes {
      for (end, source, tracked) in lane.sources {
        guard known.contains(end.domain) else { throw .domainUnknown(end.domain) }
        let isEVM = isEVM(end.domain)
        guard case .attesters(let policy, let attesters) = source else {
          if isEVM { throw .evmEvidence(end) }
          continue
        }
        if isEVM {
          let isTaken = policy.attesters.allSatisfy { $0.suite == .secp256k1Address && $0.weight == 1 }
          guard isTaken, policy.form == .packets, policy.attesters.count <= Self.evmAttestersMax,
            case .evm(let account)? = domains.first(where: { $0.access.domain == end.domain })?.account,
            account.limits.messagesMax(quorum: policy.quorum) > 0
          else { throw .evmEvidence(end) }
        }
        guard policy.mode == .causeway, policy.binding.origin == tracked, policy.binding.client == end.client
        else { throw .binding(end) }
        var positions: Set<Int> = []
        var weight: UInt64 = 0
        for (index, access) in attesters.enumerated() {
          guard let position = policy.position(of: access.attester), positions.insert(position).inserted
          else {
            throw .attesterUnknown(end, index: index)
          }
          // Each position counts once, so this is at most their total weight.
          weight += policy.attesters[position].weight
        }
        guard weight >= policy.quorum else { throw .quorum(end) }
      }
    }
  }

  /// How the client at each end is convinced; all of it was checked.
  var collectors: [LaneEnd: EvidenceCollector] {
    let accesses = Dictionary(domains.map { ($0.access.domain, $0.access) }) { first, _ in first }
    var collectors: [LaneEnd: EvidenceCollector] = [:]
    for lane in lanes {
      for (end, source, tracked) in lane.sources {
        guard let access = accesses[tracked] else { continue }
        var policy: AttestedPolicy?
        var attesters: [(index: Int, access: any AttesterAccess)] = []
        if case .attesters(let given, let accesses) = source {
          policy = given
          for access in accesses {
            if let position = given.position(of: access.attester) { attesters.append((position, access)) }
          }
        }
        collectors[end] = EvidenceCollector(
          end: end, tracked: access, policy: policy, attesters: attesters, pause: attesterPause,
          attemptsMax: attesterAttemptsMax, patience: rules.evidenceTimeout, isPacked: isEVM(end.domain))
      }
    }
    return collectors
  }
}

extension AttestedPolicy {
  fileprivate func position(of attester: Attester) -> Int? {
    attesters.firstIndex { $0.suite == attester.suite && $0.key == attester.key }
  }
}
