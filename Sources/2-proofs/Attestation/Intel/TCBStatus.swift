/// What Intel says about a level of security versions.
public enum TCBStatus: String, Hashable, Sendable, CaseIterable {
  case upToDate = "UpToDate"
  case softwareHardeningNeeded = "SWHardeningNeeded"
  case configurationNeeded = "ConfigurationNeeded"
  case configurationAndSoftwareHardeningNeeded = "ConfigurationAndSWHardeningNeeded"
  /// A trust domain was launched below a module that is up to date now: launching it again helps.
  case relaunchAdvised = "TDRelaunchAdvised"
  case relaunchAdvisedConfigurationNeeded = "TDRelaunchAdvisedConfigurationNeeded"
  case outOfDate = "OutOfDate"
  case outOfDateConfigurationNeeded = "OutOfDateConfigurationNeeded"
  case revoked = "Revoked"

  /// Whether the platform has all patches and more than that is asked for.
  var isCurrent: Bool {
    switch self {
    case .upToDate, .softwareHardeningNeeded, .configurationNeeded, .configurationAndSoftwareHardeningNeeded:
      true
    case .relaunchAdvised, .relaunchAdvisedConfigurationNeeded, .outOfDate, .outOfDateConfigurationNeeded,
      .revoked:
      false
    }
  }

  private var asksForConfiguration: Bool {
    switch self {
    case .configurationNeeded, .configurationAndSoftwareHardeningNeeded, .outOfDateConfigurationNeeded,
      .relaunchAdvisedConfigurationNeeded:
      true
    case .upToDate, .softwareHardeningNeeded, .relaunchAdvised, .outOfDate, .revoked: false
    }
  }

  /// This status of a platform, made worse by that of a part (quoting enclave or TDX module).
  ///
  /// A revoked part revokes; a part that is out of date makes a current platform so, and keeps what it says
  /// about configuration. Other statuses of a part change nothing (Intel QVL, `convergeTcbStatuses`).
  public func converged(with part: TCBStatus) -> TCBStatus {
    switch part {
    case .revoked: .revoked
    case .outOfDate:
      isCurrent ? (asksForConfiguration ? .outOfDateConfigurationNeeded : .outOfDate) : self
    case .upToDate, .softwareHardeningNeeded, .configurationNeeded, .configurationAndSoftwareHardeningNeeded,
      .relaunchAdvised, .relaunchAdvisedConfigurationNeeded, .outOfDateConfigurationNeeded:
      self
    }
  }

  /// This status at launch, with what the same domain would have now (Intel QVL, `checkForRelaunch`).
  public func relaunched(as current: TCBStatus) -> TCBStatus {
    guard self == .outOfDate || self == .outOfDateConfigurationNeeded, current.isCurrent else { return self }
    return asksForConfiguration || current.asksForConfiguration
      ? .relaunchAdvisedConfigurationNeeded : .relaunchAdvised
  }

  /// Statuses that a level of TCB info, of a quoting enclave and of a TDX module may have (Intel QVL,
  /// `EvaluateTcb.cpp`).
  static let ofPlatform: Set<TCBStatus> = [
    .upToDate, .softwareHardeningNeeded, .configurationNeeded, .configurationAndSoftwareHardeningNeeded,
    .outOfDate,
    .outOfDateConfigurationNeeded, .revoked,
  ]
  static let ofQuotingEnclave: Set<TCBStatus> = [
    .upToDate, .configurationNeeded, .outOfDate, .outOfDateConfigurationNeeded, .revoked,
  ]
  static let ofModule: Set<TCBStatus> = [.upToDate, .outOfDate, .revoked]
}

/// A status with the advisories that Intel lists for it, in Intel's order.
public struct TCBStanding: Hashable, Sendable {
  public let status: TCBStatus
  public let advisories: [String]
  /// Intel's date of the level: patches published since may be missing. The oldest, when standings are
  /// merged.
  public let date: Int64

  public init(status: TCBStatus, advisories: [String], date: Int64) {
    self.status = status
    self.advisories = advisories
    self.date = date
  }

  /// This standing of a platform with that of a part: statuses converge, advisories come once.
  func merged(with part: TCBStanding) -> TCBStanding {
    TCBStanding(
      status: status.converged(with: part.status),
      advisories: advisories + part.advisories.filter { !advisories.contains($0) },
      date: min(date, part.date))
  }
}
