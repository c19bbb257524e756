public import RelayEngine

/// Serves lanes: follows their domains, and does what ``RelayEngine`` says, until its task is cancelled.
public actor Relayer {
  public let configuration: RelayConfiguration

  /// Opens the file, and takes up what an earlier run has left.
  public init(_ configuration: RelayConfiguration) throws(RelayServiceError) {
    self.configuration = configuration
  }

  /// Returns when its task is cancelled.
  public func run() async throws(RelayServiceError) {}

  /// Nil for a packet that is not in work; ``RelayRecords`` knows settled ones.
  public func report(on key: PacketKey) -> PacketReport? { nil }

  /// Both ends of every lane, in the order of the configuration.
  public func lanes() -> [LaneReport] { [] }

  /// Pauses, resumes or clears a lane by one of its ends.
  public func command(_ command: RelayCommand) {}

  public func status() -> RelayerStatus {
    RelayerStatus(
      incarnation: 0, domains: [], lanes: [], live: 0, backlog: 0, hopeless: 0, alerts: [], notices: [],
      settled: 0)
  }
}
