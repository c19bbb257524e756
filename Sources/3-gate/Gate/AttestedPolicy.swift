public import Messages

/// Which attesters a destination believes, how many of them, and for which origin their signatures are made.
public struct AttestedPolicy: Hashable, Sendable {
  public static let attesterCountMax = 256
  public static let routerSizeMax = AttestationBinding.routerSizeMax

  /// What is signed: the root of a state, or some paths with what is stored there.
  public typealias Form = AttestationForm

  /// Which bytes are signed.
  public enum Mode: String, Hashable, Sendable, CaseIterable {
    /// Ours: the digest names origin, router and client.
    case causeway
    /// Those of the Eureka attestation client, which name none of these: such keys must serve one origin only.
    case eureka
  }

  /// What to do with something that the quorum does not need.
  public enum Extra: String, Hashable, Sendable, CaseIterable {
    case allow
    case refuse
  }

  /// How far a claim's own time may lie from the destination's.
  public struct Freshness: Hashable, Sendable {
    /// A claim older than this is refused, and a verdict on it expires then.
    public let ageMaxSeconds: UInt64
    /// A claim from further ahead than this is refused.
    public let driftMaxSeconds: UInt64

    public init(ageMaxSeconds: UInt64, driftMaxSeconds: UInt64) {
      self.ageMaxSeconds = ageMaxSeconds
      self.driftMaxSeconds = driftMaxSeconds
    }
  }

  public let mode: Mode
  public let form: Form
  public let binding: AttestationBinding
  public let attesters: [Attester]
  /// What the signers must weigh together.
  public let quorum: UInt64
  /// Valid signatures beyond the quorum.
  public let surplus: Extra
  /// Signatures that name no attester of the policy; the Eureka mode always refuses them.
  public let unknownSigners: Extra
  /// Nil leaves times unchecked, as the Eureka client does.
  public let freshness: Freshness?

  public var origin: DomainID { binding.origin }
  /// All attesters together.
  public let totalWeight: UInt64

  /// - Throws: ``PolicyError``.
  public init(
    mode: Mode = .causeway, form: Form, binding: AttestationBinding, attesters: [Attester], quorum: UInt64,
    surplus: Extra = .allow, unknownSigners: Extra = .refuse, freshness: Freshness? = nil
  ) throws(PolicyError) {
    guard !attesters.isEmpty else { throw .noAttesters }
    guard attesters.count <= Self.attesterCountMax else {
      throw .tooManyAttesters(max: Self.attesterCountMax, actual: attesters.count)
    }
    var total: UInt64 = 0
    var keys: Set<[UInt8]> = []
    for (index, attester) in attesters.enumerated() {
      guard attester.weight > 0 else { throw .weightZero(attester: index) }
      guard keys.insert(attester.key).inserted else { throw .duplicateAttester(index) }
      let (sum, overflow) = total.addingReportingOverflow(attester.weight)
      guard !overflow else { throw .weightOverflow }
      total = sum
      if mode == .eureka, attester.suite != .secp256k1Address || attester.weight != 1 {
        throw .eurekaAttester(index)
      }
    }
    guard quorum > 0, quorum <= total else { throw .quorum(required: quorum, total: total) }
    if mode == .eureka, quorum > 255 { throw .eurekaQuorum(quorum) }
    self.mode = mode
    self.form = form
    self.binding = binding
    self.attesters = attesters
    self.quorum = quorum
    self.surplus = surplus
    self.unknownSigners = unknownSigners
    self.freshness = freshness
    totalWeight = total
  }

  /// Whose honesty a satisfied policy rests on.
  public var assumptions: [Assumption] {
    let suites = Set(attesters.map(\.suite.rawValue)).sorted().joined(separator: " and ")
    let plain = attesters.allSatisfy { $0.weight == 1 }
    var assumptions: [Assumption] = [
      plain
        ? .attesters(required: Int(quorum), of: attesters.count, suite: suites)
        : .attesterWeight(required: quorum, of: totalWeight, suite: suites)
    ]
    if mode == .eureka { assumptions.append(.keysServeOneOrigin(attesters: attesters.count)) }
    return assumptions
  }
}

/// How a CometBFT chain is followed.
public struct CometBFTPolicy: Hashable, Sendable {
  /// No period is longer: about a thousand years.
  public static let secondsMax: UInt64 = 1 << 35

  public let domain: DomainID
  /// The chain id in the headers.
  public let chainID: String
  /// The share of the trusted validators that must have signed a header that is not adjacent; 1/3 to 1.
  public let trustNumerator: UInt64
  public let trustDenominator: UInt64
  /// How long a header may be trusted after its own time; less than the unbonding period.
  public let trustingPeriodSeconds: UInt64
  /// How far ahead of the destination's time a header may be.
  public let clockDriftSeconds: UInt64

  /// - Throws: ``PolicyError``.
  public init(
    domain: DomainID, chainID: String, trustNumerator: UInt64 = 1, trustDenominator: UInt64 = 3,
    trustingPeriodSeconds: UInt64, clockDriftSeconds: UInt64
  ) throws(PolicyError) {
    guard (1...50).contains(chainID.utf8.count) else {
      throw .chainIDLength(max: 50, actual: chainID.utf8.count)
    }
    // Bounded first, so that the product cannot overflow.
    guard trustDenominator > 0, trustDenominator <= 1 << 32, trustNumerator <= trustDenominator,
      trustNumerator * 3 >= trustDenominator
    else { throw .trustLevel(numerator: trustNumerator, denominator: trustDenominator) }
    guard (1...Self.secondsMax).contains(trustingPeriodSeconds) else {
      throw .trustingPeriod(max: Self.secondsMax, actual: trustingPeriodSeconds)
    }
    guard clockDriftSeconds <= Self.secondsMax else {
      throw .clockDrift(max: Self.secondsMax, actual: clockDriftSeconds)
    }
    self.domain = domain
    self.chainID = chainID
    self.trustNumerator = trustNumerator
    self.trustDenominator = trustDenominator
    self.trustingPeriodSeconds = trustingPeriodSeconds
    self.clockDriftSeconds = clockDriftSeconds
  }
}
