import AttestService
import ChainAccess
import Encodings
import LightClients
import Messages
import RelayEngine
import RelayService

/// What `status.json` says: written every second while a devnet runs, for `causeway status`.
enum DevnetStatus {
  static let schema = "causeway.devnet-status/1"

  static func json(
    agents: [(name: String, state: Supervisor.State)], attesters: [AttesterService], relayer: RelayerStatus?,
    network: Network?, time: CometBFT.Timestamp
  ) async -> JSONValue {
    var signing: [JSONValue] = []
    for (index, service) in attesters.enumerated() {
      signing.append(Self.attester(index, await service.status, network))
    }
    return .object([
      "schema": .string(schema), "time": .string(time.description),
      "agents": .array(agents.map { agent($0.name, $0.state) }),
      "attesters": .array(signing),
      "relayer": relayer.map { Self.relayer($0, network) } ?? .null,
    ])
  }

  private static func attester(_ index: Int, _ status: AttesterStatus, _ network: Network?) -> JSONValue {
    var newest: [String: JSONValue] = [:]
    for (domain, height) in status.newest {
      newest[network?.domain(domain.text)?.name ?? domain.text] = .integer(height.number)
    }
    return .object([
      "name": .string(DevnetNames.attesters[index]), "address": .string(network?.attesters[index] ?? ""),
      "signed": .integer(status.answered), "equivocations": .integer(status.equivocations),
      "refused": .object(status.refused.mapValues { .integer($0) }), "newest": .object(newest),
    ])
  }

  private static func agent(_ name: String, _ state: Supervisor.State) -> JSONValue {
    switch state {
    case .running: .object(["name": .string(name), "state": "running"])
    case .stopped: .object(["name": .string(name), "state": "stopped"])
    case .waiting(let reason, let times, let pause):
      .object([
        "name": .string(name), "state": "waiting", "reason": .string(reason), "failures": .integer(times),
        "pause_ms": .integer(Int(pause.components.seconds * 1_000)),
      ])
    }
  }

  private static func relayer(_ status: RelayerStatus, _ network: Network?) -> JSONValue {
    .object([
      "incarnation": .integer(status.incarnation), "live": .integer(status.live),
      "backlog": .integer(status.backlog), "hopeless": .integer(status.hopeless),
      "settled": .integer(status.settled),
      "domains": .array(
        status.domains.map { domain in
          .object([
            "name": .string(network?.domain(domain.domain.text)?.name ?? domain.domain.text),
            "head": domain.head.map { .integer($0.height) } ?? .null,
            "cursor": domain.cursor.map { .integer($0) } ?? .null,
            "failure": domain.failure.map { .string($0.code) } ?? .null,
            "transactions_waiting": .integer(domain.transactionsWaiting),
          ])
        }),
      "ends": .array(status.lanes.map { end($0, network) }),
      "alerts": .array(
        status.alerts.map { alert in
          .object([
            "kind": .string(alert.kind.rawValue), "end": .string(alert.end.description),
            "packet": alert.packet.map { .string($0.description) } ?? .null,
            "runbook": .string(alert.kind.runbook),
          ])
        }),
      "notices": .array(status.notices.suffix(20).map { .string("\($0)") }),
    ])
  }

  private static func end(_ report: LaneReport, _ network: Network?) -> JSONValue {
    .object([
      "domain": .string(network?.domain(report.end.domain.text)?.name ?? report.end.domain.text),
      "client": .string(report.end.client.text),
      "shut": report.shut.map { .string($0.rawValue) } ?? .null,
      "open": .integer(report.openCount), "ready_live": .integer(report.readyLiveCount),
      "ready_backlog": .integer(report.readyBacklogCount), "hopeless": .integer(report.hopelessCount),
      "oldest_open": report.oldestOpen.map { .integer($0.rawValue) } ?? .null,
      "failures": .integer(report.failures),
    ])
  }
}

extension JSONValue {
  static func integer(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }
}
