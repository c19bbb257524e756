import ArgumentParser
import ChainAccess
import Devnet
import Encodings
import Gate
import Messages
import PacketHost
import RelayEngine
import RelayService

/// `causeway lanes`: what connects the domains, and whom one trusts by using it.
struct Lanes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The lanes: whom each client believes, what it knows, and what is on its way.",
    discussion: """
        causeway lanes
        causeway lanes pause attested
        causeway lanes resume attested
      """,
    subcommands: [LanesShow.self, LanesPause.self, LanesResume.self, LanesClear.self],
    defaultSubcommand: LanesShow.self)
}

struct LanesShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show every lane, from both sides.",
    discussion: "  causeway lanes --json")
  @OptionGroup var arguments: DevnetArguments

  func run() async throws {
    let devnet = try arguments.connect()
    var reports: [LaneView] = []
    for lane in devnet.network.lanes {
      for end in lane.ends {
        reports.append(try await LaneView(lane, on: try devnet.domain(end.domain), client: end.client, devnet))
      }
    }
    if arguments.json {
      Terminal.print(
        JSONValue.object(["schema": "causeway.lanes/1", "lanes": .array(reports.map(\.json))]).text(
          pretty: true))
    } else {
      Terminal.print(reports.map(\.text).joined(separator: "\n\n"))
    }
  }
}

/// One client of a lane, as its own domain shows it, and what was sent over it.
struct LaneView {
  let lane: Network.Lane
  let domain: Network.Domain
  let other: Network.Domain
  let id: ClientID
  let client: ClientView?
  let assumptions: [String]
  let sent: UInt64
  let open: Int
  let isOpenCut: Bool
  let isPaused: Bool
  let otherHeight: UInt64

  static let openShownMax = 1_000

  init(
    _ lane: Network.Lane, on domain: Network.Domain, client id: ClientID, _ devnet: DevnetConnection
  ) async throws {
    self.lane = lane
    self.domain = domain
    self.id = id
    other = devnet.network.other(domain, over: lane)
    let access = devnet.access(domain)
    let client = try await devnet.reach(domain) { () async throws(AccessError) in try await access.client(id)
    }
    self.client = client
    let version = try await devnet.reach(domain) { () async throws(AccessError) in try await access.head() }
      .height
    let waiting = try await devnet.reach(domain) { () async throws(AccessError) in
      try await access.packets(
        .commitment, of: id, after: nil, limit: Self.openShownMax, at: version)
    }
    open = waiting.count
    isOpenCut = waiting.count == Self.openShownMax
    let end = LaneEnd(domain.id, id)
    sent =
      try await devnet.find(id.text) { () async throws(CrossingLookupError) in
        try await devnet.reader.next(end)
      } - 1
    let farSide = devnet.access(other)
    otherHeight = try await devnet.reach(other) { () async throws(AccessError) in try await farSide.head() }
      .height
    isPaused =
      devnet.records.flatMap { try? $0.ends() }?.contains { $0.record.end == end && $0.record.isPaused }
      ?? false
    assumptions = Self.assumptions(client, lane, other) + Self.evmAssumptions(domain, other)
  }

  /// Whom one trusts, in words, by the policy that the client has.
  static func assumptions(_ client: ClientView?, _ lane: Network.Lane, _ origin: Network.Domain) -> [String] {
    let policy = client?.policy.flatMap { text -> Policy? in
      let bytes = [UInt8](text.utf8)
      return try? Policy(decoding: bytes.span)
    }
    switch policy?.root {
    case .attested(let attested): return attested.assumptions.map(\.plainWords)
    case .cometBFT(let light): return Self.light(light.trustNumerator, light.trustDenominator, origin)
    case nil where lane.kind == .light: return Self.light(1, 3, origin)
    default: return ["its policy's parts hold: see `causeway lanes --json`"]
    }
  }

  /// What comes with an EVM chain at either end.
  private static func evmAssumptions(_ domain: Network.Domain, _ other: Network.Domain) -> [String] {
    var words: [String] = []
    if other.kind == .evm { words.append("blocks of \(other.name) that its node calls final stay") }
    if domain.kind == .evm { words.append("the owner of \(domain.name)'s router puts no other client in this one's place") }
    return words
  }

  private static func light(_ numerator: UInt64, _ denominator: UInt64, _ origin: Network.Domain) -> [String]
  {
    [
      Assumption.validatorStake(numerator: numerator, denominator: denominator, until: nil).plainWords,
      "the first header of \(origin.name) that the client was given is true",
    ]
  }

  private var status: String {
    switch client?.status {
    case .active: "active"
    case .expired(let at): "expired at \(ISO8601.text(at.seconds))"
    case .frozen(let height): "frozen at \(height)"
    case nil: "missing"
    }
  }

  var text: String {
    let state =
      isPaused
      ? Terminal.paint("paused", 33)
      : status == "active" ? Terminal.paint(status, 32) : Terminal.paint(status, 31)
    var lines = ["\(lane.kind.rawValue): \(domain.name)'s client of \(other.name), \(id)  \(state)"]
    if let latest = client?.latest {
      let behind = otherHeight >= latest.0.number ? otherHeight - latest.0.number : 0
      lines.append(
        "  knows    \(other.name) at height \(latest.0.number), \(ISO8601.text(latest.1.seconds)) (\(behind) blocks behind)"
      )
    } else {
      lines.append("  knows    nothing yet")
    }
    lines.append(
      "  sent     \(sent) \(sent == 1 ? "packet" : "packets") to \(other.name); \(open)\(isOpenCut ? " or more" : "") open"
    )
    if isPaused { lines.append("  paused   " + RelayText.text(.pausedByOperator)) }
    lines.append("  by believing it you trust that")
    for assumption in assumptions { lines.append("    - \(assumption)") }
    return lines.joined(separator: "\n")
  }

  var json: JSONValue {
    .object([
      "lane": .string(lane.kind.rawValue), "domain": .string(domain.name), "tracks": .string(other.name),
      "client": .string(id.text),
      "counterparty": client?.counterparty.map { .string($0.text) } ?? .null,
      "status": .string(status), "paused": .boolean(isPaused),
      "latest_height": client?.latest.map { .string($0.0.description) } ?? .null,
      "latest_time": client?.latest.map { .number(String($0.1.seconds)) } ?? .null,
      "tracked_height": .number(String(otherHeight)), "sent": .number(String(sent)),
      "open": .number(String(open)), "assumptions": .array(assumptions.map { .string($0) }),
      "policy": client?.policy.map { .string($0) } ?? .null,
    ])
  }
}

/// What the three commands take.
struct LaneCommandArguments: ParsableArguments {
  @Argument(help: ArgumentHelp("attested, light, or evm.", valueName: "lane"))
  var lane: Network.Lane.Kind
  @OptionGroup var devnet: DevnetArguments

  func tell(_ verb: DevnetCommand.Verb, _ done: String) async throws {
    let devnet = try self.devnet.connect()
    _ = try devnet.lane(lane)
    try await devnet.tell(DevnetCommand(verb, lane: lane))
    if self.devnet.json {
      Terminal.print(
        JSONValue.object(["lane": .string(lane.rawValue), "command": .string(verb.rawValue)]).text())
    } else {
      Terminal.print("the \(lane.rawValue) lane \(done)")
    }
  }
}

struct LanesPause: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Let the relayer submit nothing over a lane, in both directions.",
    discussion: "  causeway lanes pause attested")
  @OptionGroup var arguments: LaneCommandArguments
  func run() async throws {
    try await arguments.tell(.pause, "is paused: what is sent waits, and is refunded after its deadline")
  }
}

struct LanesResume: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Open a lane again.", discussion: "  causeway lanes resume attested")
  @OptionGroup var arguments: LaneCommandArguments
  func run() async throws { try await arguments.tell(.resume, "is open") }
}

struct LanesClear: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clear", abstract: "Scan a lane now, and try again what was given up.",
    discussion: "  causeway lanes clear light")
  @OptionGroup var arguments: LaneCommandArguments
  func run() async throws { try await arguments.tell(.clear, "is being scanned") }
}
