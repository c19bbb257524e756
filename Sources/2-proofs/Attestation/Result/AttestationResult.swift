public import WireBytes

/// When evidence must hold. Both are UNIX seconds.
public enum AttestationTime: Hashable, Sendable {
  /// Now: certificates and collateral must be in force, and the evidence must not be older than the policy allows.
  case live(Int64)
  /// At a stated time, for records: the same, save that the age of the evidence is not asked for.
  case archival(Int64)

  public var seconds: Int64 {
    switch self {
    case .live(let seconds), .archival(let seconds): seconds
    }
  }

  public var isLive: Bool {
    switch self {
    case .live: true
    case .archival: false
    }
  }
}

/// A named measurement: what code ran, by the platform's own name of the register.
public struct AttestationMeasurement: Hashable, Sendable {
  /// `pcr0`, `mrenclave`, `mrtd`, `rtmr1`, `measurement`, `program`, …
  public let name: String
  public let value: [UInt8]

  public init(_ name: String, _ value: [UInt8]) {
    self.name = name
    self.value = value
  }
}

/// One end that limits how long a result may be used.
public struct AttestationLimit: Hashable, Sendable {
  /// What ends: `leaf certificate`, `TCB info`, `QE identity`, `revocation list`, `token`, …
  public let what: String
  /// The last second that counts.
  public let until: Int64

  public init(_ what: String, until: Int64) {
    self.what = what
    self.until = until
  }
}

/// Something true of accepted evidence that its user should know.
public enum AttestationReason: Hashable, Sendable {
  /// No revocation list was at hand for certificate `index` of the chain, counted from the leaf.
  case revocationNotChecked(index: Int)
  /// The platform states no time, so that its age is unknown; only a nonce or report data shows freshness.
  case ageUnknown
  /// The policy allows debug mode, and the evidence is of it.
  case debugAllowed
  /// The chip has left its identity out of the report.
  case chipMasked
  /// A part has a status that the policy allows and that is not the best.
  case status(component: String, status: String)
  /// The evidence vouches for nothing: it is simulated.
  case simulated
  /// A field with a number that a reader should see.
  case field(String, Int64)
}

/// What verified evidence says.
public struct AttestationResult: Hashable, Sendable {
  public let platform: AttestationPlatform
  /// In the platform's order.
  public let measurements: [AttestationMeasurement]
  /// What the holder bound into the statement; all its bytes.
  public let reportData: [UInt8]
  /// The challenge, where the platform has a field of its own for it.
  public let nonce: [UInt8]?
  /// A key that the statement carries in a field of its own.
  public let boundKey: [UInt8]?
  public let isDebug: Bool
  /// The worst status of the platform's parts, in its vendor's word.
  public let tcbStatus: String?
  public let advisories: [String]
  /// When the statement was made, where it says so.
  public let issued: Int64?
  /// The earliest of ``limits``; the result means nothing after it. `Int64.max` when nothing ends.
  public let expires: Int64
  public let limits: [AttestationLimit]
  public let reasons: [AttestationReason]
  /// One value for one statement, however it was signed or wrapped: the key against replays.
  public let identity: Bytes32

  public init(
    platform: AttestationPlatform, measurements: [AttestationMeasurement], reportData: [UInt8],
    nonce: [UInt8]? = nil, boundKey: [UInt8]? = nil, isDebug: Bool, tcbStatus: String? = nil,
    advisories: [String] = [], issued: Int64? = nil, limits: [AttestationLimit],
    reasons: [AttestationReason] = [], identity: Bytes32
  ) {
    self.platform = platform
    self.measurements = measurements
    self.reportData = reportData
    self.nonce = nonce
    self.boundKey = boundKey
    self.isDebug = isDebug
    self.tcbStatus = tcbStatus
    self.advisories = advisories
    self.issued = issued
    self.limits = limits
    expires = limits.map(\.until).min() ?? .max
    self.reasons = reasons
    self.identity = identity
  }

  /// The measurement called `name`.
  public func measurement(_ name: String) -> [UInt8]? { measurements.first { $0.name == name }?.value }

  /// The same result with one more limit and more reasons.
  public func adding(
    limits more: [AttestationLimit] = [], reasons others: [AttestationReason] = []
  ) -> AttestationResult {
    AttestationResult(
      platform: platform, measurements: measurements, reportData: reportData, nonce: nonce,
      boundKey: boundKey, isDebug: isDebug, tcbStatus: tcbStatus, advisories: advisories, issued: issued,
      limits: limits + more, reasons: reasons + others, identity: identity)
  }
}
