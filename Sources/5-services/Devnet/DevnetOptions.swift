public import ContractHost
public import LedgerService
public import RelayEngine

/// How a devnet runs; what is in its directory stays as it was first made.
public struct DevnetOptions: Sendable {
  /// The least time between two blocks of a domain.
  public var blockTime = Duration.milliseconds(200)
  /// The time after which a block is made although nothing waits: deadlines pass in blocks.
  public var idleTime = Duration.seconds(1)
  /// Ports of the RPCs; 0 lets the system choose.
  public var harborPort = 0
  public var islandPort = 0
  /// Whether there are RPC servers at all, with ``network`` and the other files for tools.
  public var servesRPC = true
  /// Runs the contracts of both domains. A directory that was made with contracts needs it; one that was made without
  /// has none.
  public var contracts: ContractEngine?
  /// A third domain: an EVM chain with a lane to harbor.
  public var evm: EVMOptions?
  /// An enclave on harbor's side, with a coordinator.
  public var enclave: EnclaveOptions?
  public var retention = Retention()
  public var relay = RelayRules.devnet

  public init() {}
}

extension RelayRules {
  /// For domains with blocks of a fraction of a second: short pauses, and scans that a person can wait for.
  public static let devnet: RelayRules = {
    var rules = RelayRules()
    rules.backoffFirst = .milliseconds(250)
    rules.backoffMax = .seconds(10)
    rules.scanInterval = .seconds(10)
    rules.clientInterval = .seconds(10)
    rules.acknowledgementPatience = .seconds(2)
    rules.evidenceTimeout = .seconds(10)
    rules.submissionTimeout = .seconds(20)
    rules.answerTimeout = .seconds(10)
    rules.stuckAfter = .seconds(60)
    rules.batchDelay = .milliseconds(20)
    // A second's blocks: what was in one that was taken back is in another soon, or must be sent again.
    rules.rollbackPatience = .seconds(2)
    // What lets a lane settle most a second: script/bench crossings.
    rules.flightsPerDomainMax = 8
    rules.liveBatchesPerEndMax = 8
    return rules
  }()
}
