public import ChainAccess
public import Gate
public import Ledger
public import Messages
public import RelayEngine

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

  /// The lane as the engine knows it.
  public var rule: LaneRule {
    LaneRule(
      lane, originForm: origin.form, destinationForm: destination.form,
      originTrustingSeconds: origin.trustingSeconds, destinationTrustingSeconds: destination.trustingSeconds)
  }
}

/// A domain that a relayer reads and writes, and the account that pays for it there.
public struct RelayedDomain: Sendable {
  public let access: any DomainAccess
  public let signer: any TransactionSigning
  /// Of sign bytes.
  public let chainID: String
  /// What fees are paid in, and what one unit of gas costs as a fraction of its smallest unit.
  public let feeDenom: Denom
  public let feeNumerator: UInt64
  public let feeDenominator: UInt64
  /// The block to begin with when the file knows none; nil for the newest. What was sent before is found by a scan.
  public let startHeight: UInt64?

  public init(
    access: any DomainAccess, signer: any TransactionSigning, chainID: String, feeDenom: Denom,
    feeNumerator: UInt64 = 1, feeDenominator: UInt64 = 1_000, startHeight: UInt64? = nil
  ) {
    self.access = access
    self.signer = signer
    self.chainID = chainID
    self.feeDenom = feeDenom
    self.feeNumerator = feeNumerator
    self.feeDenominator = feeDenominator
    self.startHeight = startHeight
  }
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

  func check() throws(RelayServiceError) {
    var known: Set<DomainID> = []
    for domain in domains {
      guard known.insert(domain.access.domain).inserted else { throw .domainRepeated(domain.access.domain) }
      guard domain.feeDenominator > 0 else { throw .feeDenominatorZero }
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
        guard case .attesters(let policy, let attesters) = source else { continue }
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
          attemptsMax: attesterAttemptsMax, patience: rules.evidenceTimeout)
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
