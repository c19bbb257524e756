public import LightClients
public import Messages
public import RelayEngine
public import WireBytes

/// Where a packet's way can be seen from outside, in order.
public enum PacketStage: Int, Hashable, Sendable, CaseIterable {
  /// The origin's block that sent it.
  case sent = 0
  /// The origin's header that commits to it.
  case committed = 1
  /// The origin's header that can no longer be rolled back, when it was seen to be so.
  case final = 2
  /// The origin's height that the destination's client was given evidence of.
  case proven = 3
  /// The destination's block that executed it.
  case executed = 4
  /// The origin's block that took the acknowledgement, or timed it out.
  case acknowledged = 5
  /// The origin's final header after that block.
  case settled = 6

  /// Stable, lower camel case.
  public var name: String {
    switch self {
    case .sent: "sent"
    case .committed: "committed"
    case .final: "final"
    case .proven: "proven"
    case .executed: "executed"
    case .acknowledged: "acknowledged"
    case .settled: "settled"
    }
  }
}

/// When and where a stage was reached: by the clock of the domain whose height it is.
public struct StageMoment: Hashable, Sendable {
  public let height: UInt64
  public let time: CometBFT.Timestamp
  /// The transaction, for stages that one brings about.
  public let transaction: Bytes32?

  public init(height: UInt64, time: CometBFT.Timestamp, transaction: Bytes32? = nil) {
    self.height = height
    self.time = time
    self.transaction = transaction
  }
}

/// The stages that a packet is known to have reached. One that was reached while nobody looked may be missing.
public struct PacketTimeline: Hashable, Sendable {
  private var moments: [PacketStage: StageMoment]

  public init(_ moments: [PacketStage: StageMoment] = [:]) { self.moments = moments }

  public subscript(_ stage: PacketStage) -> StageMoment? { moments[stage] }

  /// In the order of the stages.
  public var reached: [(stage: PacketStage, moment: StageMoment)] {
    PacketStage.allCases.compactMap { stage in moments[stage].map { (stage, $0) } }
  }
}

/// All that a relayer has written down about one packet.
public struct PacketHistory: Hashable, Sendable {
  public static let failureSizeMax = 256

  public let record: PacketRecord
  /// Nil while the contents are not known.
  public let packet: Packet?
  public let acknowledgement: Acknowledgement?
  /// Why the destination answered with an error, in its own words, cut to ``failureSizeMax`` bytes.
  public let failure: String?
  public let timeline: PacketTimeline

  public init(
    record: PacketRecord, packet: Packet?, acknowledgement: Acknowledgement?, failure: String?,
    timeline: PacketTimeline
  ) {
    self.record = record
    self.packet = packet
    self.acknowledgement = acknowledgement
    self.failure = failure
    self.timeline = timeline
  }
}
