public import WireBytes

/// Which kinds of trouble a simulated world may have. What is in it is drawn from the seed.
public struct FaultPlan: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Messages are lost.
  public static let drops = FaultPlan(rawValue: 1 << 0)
  /// Messages come twice.
  public static let duplicates = FaultPlan(rawValue: 1 << 1)
  /// Messages come late, and so in another order.
  public static let delays = FaultPlan(rawValue: 1 << 2)
  /// Two parties do not hear each other for a while.
  public static let partitions = FaultPlan(rawValue: 1 << 3)
  /// Events of blocks are lost, or told twice.
  public static let lostEvents = FaultPlan(rawValue: 1 << 4)
  /// Relayers stop at any effect; what was not flushed is lost or torn.
  public static let relayerCrashes = FaultPlan(rawValue: 1 << 5)
  /// Domains stop between any two steps of making a block; what was not flushed is lost or torn.
  public static let domainCrashes = FaultPlan(rawValue: 1 << 6)
  /// Attesters stop before, between and after record and signature.
  public static let attesterCrashes = FaultPlan(rawValue: 1 << 7)
  /// Clocks of domains and relayers differ.
  public static let clockSkew = FaultPlan(rawValue: 1 << 8)
  /// Attesters that lie or are lied to, always fewer than the quorum.
  public static let byzantine = FaultPlan(rawValue: 1 << 9)
  /// In some seeds, as many liars as the quorum: their lane may be deceived, and must freeze.
  public static let beyondQuorum = FaultPlan(rawValue: 1 << 10)
  /// Somebody submits replays, mutations, forgeries, late and premature messages, and plain rubbish.
  public static let liars = FaultPlan(rawValue: 1 << 11)
  /// Relayers give messages too little gas at times.
  public static let scarceGas = FaultPlan(rawValue: 1 << 12)
  /// In some seeds, light clients whose trusting period is shorter than the outages.
  public static let expiry = FaultPlan(rawValue: 1 << 13)

  public static let all = FaultPlan(rawValue: (1 << 14) - 1)
  public static let none: FaultPlan = []

  private static let names: [(name: String, plan: FaultPlan)] = [
    ("drops", .drops), ("duplicates", .duplicates), ("delays", .delays), ("partitions", .partitions),
    ("lostEvents", .lostEvents), ("relayerCrashes", .relayerCrashes), ("domainCrashes", .domainCrashes),
    ("attesterCrashes", .attesterCrashes), ("clockSkew", .clockSkew), ("byzantine", .byzantine),
    ("beyondQuorum", .beyondQuorum), ("liars", .liars), ("scarceGas", .scarceGas), ("expiry", .expiry),
  ]

  /// Every name, in order.
  public static let allNames: [String] = names.map(\.name)

  /// Names joined by commas, `all` or `none`; a name after a minus is taken away. Nil for an unknown name.
  public init?(text: String) {
    var plan: FaultPlan = []
    for (index, part) in text.split(separator: ",").enumerated() {
      switch part {
      case "all": plan = .all
      case "none": plan = []
      default:
        let isWithout = part.hasPrefix("-")
        if isWithout, index == 0 { plan = .all }
        let name = isWithout ? part.dropFirst() : part
        guard let found = Self.names.first(where: { $0.name == name })?.plan else { return nil }
        if isWithout { plan.subtract(found) } else { plan.formUnion(found) }
      }
    }
    self = plan
  }

  public var text: String {
    if self == .all { return "all" }
    let held = Self.names.filter { contains($0.plan) }.map(\.name)
    return held.isEmpty ? "none" : held.joined(separator: ",")
  }
}

/// A part that is broken on purpose: the checkers must notice each.
public enum Defect: String, Hashable, Sendable, CaseIterable {
  /// A domain's store forgets receipts: packets can be replayed.
  case lostReceipts
  /// A transfer that failed is settled as if it had succeeded: nothing is given back.
  case errorTakenAsSuccess
  /// A transfer that succeeded is given back all the same.
  case successRefunded
  /// Attesters state times that are ahead, so that timeouts are accepted before they are due.
  case earlyTimeouts
  /// Attesters sign whatever they read, without a record of what they signed.
  case noWatermark
  /// A client was made with a quorum of one.
  case quorumOfOne
  /// A relayer acts before what it does is on its disk.
  case flushOrder
  /// A relayer relies on events alone: it never scans.
  case neverScans
  /// A domain forgets the block that its validators have signed, and proposes another after a restart.
  case blockForgotten
  /// Execution of a packet's calls goes on after one of them has failed.
  case partialExecution
}

/// What must hold in every world; the numbers are those of the list of invariants.
public enum Invariant: String, Hashable, Sendable, CaseIterable {
  /// 1: no packet executes twice.
  case executedTwice
  /// 2: what was executed is not refunded, and every packet ends once.
  case executedAndRefunded
  /// 3: every packet ends once the faults have stopped.
  case unfinished
  /// 4: value is neither made nor lost.
  case valueNotConserved
  /// 5: nothing is believed that does not satisfy the policy.
  case falseClaim
  /// 6: nothing passes a lane that is frozen or expired.
  case shutLaneExecuted
  /// 7: nobody signs two claims for one height.
  case equivocation
  /// 9: a result settles at most once…
  case settledTwice
  /// …and only under a live registration.
  case settledWithoutRegistration
  /// 11: every refusal has a name.
  case untypedRefusal
  /// Nothing leaves before its record is on disk.
  case actedBeforeRecord
  /// What a relayer reports of an ending is what has happened.
  case misreported
  /// A block that is replayed gives what it gave before.
  case replayDiffers
  /// A part failed where it may not.
  case unexpectedFailure
}

/// An invariant that did not hold.
public struct Violation: Hashable, Sendable {
  public let invariant: Invariant
  public let step: Int
  /// Of virtual time.
  public let milliseconds: UInt64
  public let text: String
  /// The last notable things before it.
  public let trace: [String]
}

/// What a run exercised, and whether everything held.
public struct SimulationReport: Hashable, Sendable {
  public struct Count: Hashable, Sendable {
    public let name: String
    public let count: Int
  }
  public let seed: UInt64
  public let steps: Int
  public let faults: FaultPlan
  public let defect: Defect?
  /// Steps that were done, those after the faults had stopped among them.
  public let stepsDone: Int
  /// How much virtual time passed.
  public let milliseconds: UInt64
  /// By name: `packet.…` what became of packets, `fault.…` what was done to the world, `lie.…` what liars tried.
  public let counts: [Count]
  /// Over everything that happened and every state at the end: equal for equal runs.
  public let hash: Bytes32
  public let violation: Violation?
  /// A part of the settlement world that was broken on purpose.
  public var settlementDefect: SettlementDefect?
  /// Whether this is a world of ``SettlementSimulation``.
  public var isSettlement = false

  public func count(_ name: String) -> Int { counts.first { $0.name == name }?.count ?? 0 }

  /// The command that runs the same world again.
  public var command: String {
    var words = ["causeway", "simulate", "--seed", String(seed), "--steps", String(steps)]
    if faults != .all { words += ["--faults", faults.text] }
    if let defect { words += ["--defect", defect.rawValue] }
    if isSettlement { words.append("--settlement") }
    if let settlementDefect { words += ["--defect", settlementDefect.rawValue] }
    return words.joined(separator: " ")
  }
}

/// A seeded world in virtual time: domains with real blocks and proofs, relayers, attesters, users and liars, over a
/// network that fails, with the engines that production runs.
///
/// For `steps` events everything of the plan goes wrong; then all of it is healed, and every packet must end.
/// One seed is one history: no clock, no thread, no order of a dictionary has a say.
public struct Simulation: Sendable {
  public static let stepsDefault = 4_000

  public let seed: UInt64
  public let steps: Int
  public let faults: FaultPlan
  public let defect: Defect?

  public init(
    seed: UInt64, steps: Int = Self.stepsDefault, faults: FaultPlan = .all, defect: Defect? = nil
  ) {
    self.seed = seed
    self.steps = max(steps, 0)
    self.faults = faults
    self.defect = defect
  }

  /// Runs until everything has ended, or something did not hold.
  public func run() -> SimulationReport {
    let report: SimulationReport
    do {
      var world = try World(self)
      world.run()
      report = world.report()
    } catch {
      report = SimulationReport(
        seed: seed, steps: steps, faults: faults, defect: defect, stepsDone: 0, milliseconds: 0, counts: [],
        hash: Bytes32(),
        violation: Violation(
          invariant: .unexpectedFailure, step: 0, milliseconds: 0, text: "the world cannot begin: \(error)",
          trace: []))
    }
    return report
  }
}
