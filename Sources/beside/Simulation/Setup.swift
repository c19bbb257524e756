import Digests
import Encodings
import Gate
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import RelayEngine
import StateTree
import WireBytes

/// How a world begins: domains with their money, lanes made by real transactions, and what the seed draws.
extension World {
  static let userFunds: UInt64 = 1_000_000_000
  static let agentFunds: UInt64 = 1_000_000_000_000
  private static let names = ["harbor", "island", "atoll"]
  static let router = [UInt8]("ibc".utf8)

  mutating func setUp() throws {
    let seed = simulation.seed
    users = try (0..<4).map { try SimulatedKey(seed: seed, "user-\($0)") }
    drawNetwork()
    let domainCount = numbers.chance(250) ? 3 : 2
    let relayerCount = numbers.chance(500) ? 2 : 1
    let relayerKeys = try (0..<relayerCount).map { try SimulatedKey(seed: seed, "relayer-\($0)") }
    for index in 0..<domainCount { try makeDomain(index, relayerKeys) }
    try makeAttesters()
    for domain in domains.indices {
      try makeBlockInPeace(domain, [])
      try makeBlockInPeace(domain, [])
    }
    try makeLanes()
    try tellFirstHeights()
    try makeRelayers(relayerKeys)
  }

  private mutating func drawNetwork() {
    let isRough = numbers.chance(300)
    if plan.contains(.drops) { dropPermille = isRough ? 120 : 25 }
    if plan.contains(.duplicates) { repeatPermille = isRough ? 100 : 25 }
    if plan.contains(.delays) { latePermille = isRough ? 200 : 40 }
    finalLag = numbers.below(UInt64(3))
  }

  private mutating func makeDomain(_ index: Int, _ relayerKeys: [SimulatedKey]) throws {
    let name = Self.names[index]
    let id = try DomainID("cosmos:\(name)-1")
    let native = try Denom("u\(name)")
    let validators = try (0..<(numbers.chance(200) ? 3 : 1)).map {
      try SimulatedKey(seed: simulation.seed, "validator-\(name)-\($0)")
    }
    let rich = relayerKeys + [liar, creator]
    let rules = try LedgerRules(chainID: "\(name)-1", feeDenom: native)
    let genesis = try Genesis(
      rules: rules, time: try CometBFT.Timestamp(seconds: Int64(DomainNode.epochSeconds) - 100),
      validators: validators.enumerated().map {
        Genesis.Validator(name: "validator-\($0.offset)", publicKey: $0.element.publicKey, power: 10)
      },
      balances: users.map {
        Genesis.Balance(account: $0.address, coins: [Coin(UInt256(Self.userFunds), native)])
      }
        + rich.map {
          Genesis.Balance(account: $0.address, coins: [Coin(UInt256(Self.agentFunds), native)])
        })
    let programs = LedgerPrograms([CounterProgram(), BankProgram(), ObserverProgram()])
    var skew: Int64 = 0
    if plan.contains(.clockSkew) { skew = Int64(numbers.below(UInt64(40_000))) - 20_000 }
    let total = Self.userFunds * UInt64(users.count) + Self.agentFunds * UInt64(rich.count)
    checker.nativeSupply[index] = total
    domains.append(
      try DomainNode(
        index: index, id: id, native: native, genesis: genesis,
        host: .simulated(domain: id, programs: programs, defect: defect), programs: programs,
        validators: validators, skew: skew, blockInterval: 700 + numbers.below(UInt64(1_300)),
        losesReceipts: defect == .lostReceipts))
  }

  private mutating func makeAttesters() throws {
    // Of each group as many lie as the plan and the seed have it.
    for group in 0..<2 {
      var liars = 0
      if plan.contains(.byzantine) { liars = numbers.below(Quorum.required) }
      if defect == .noWatermark { liars = max(liars, 1) }
      let isBeyond = plan.contains(.beyondQuorum) && group == 0 && numbers.chance(150)
      if isBeyond {
        liars = Quorum.required
        count("world.beyondQuorum")
      }
      for place in 0..<Quorum.attesters {
        var kind = AttesterNode.Kind.honest
        if place < liars { kind = isBeyond || numbers.chance(500) ? .corrupt : .misled }
        if defect == .noWatermark, place == 0 { kind = .misled }
        if kind != .honest { count("world.attester.\(kind.rawValue)") }
        let index = attesters.count
        attesters.append(
          AttesterNode(
            index: index, group: group,
            key: try SimulatedKey(seed: simulation.seed, "attester-\(index)"), kind: kind))
      }
    }
    attesters.append(
      AttesterNode(
        index: Quorum.notary, group: Quorum.notaryGroup,
        key: try SimulatedKey(seed: simulation.seed, "notary"), kind: .honest))
  }

  /// A block of a domain while nothing goes wrong yet.
  @discardableResult
  private mutating func makeBlockInPeace(_ domain: Int, _ messages: [LedgerMessage]) throws -> DecidedBlock {
    if !messages.isEmpty {
      guard let bytes = try signed(messages, by: creator, at: domain, gas: 20_000_000) else {
        throw SimulationFailure.setup("account")
      }
      _ = try domains[domain].chain?.submit(bytes)
    }
    now += 1_000
    var signed: (height: UInt64, hash: Bytes32)?
    let production = try domains[domain].produce(now: now, crash: nil, torn: 0) { signed = ($0, $1) }
    if let signed { noteVote(domain, signed.height, signed.hash) }
    guard case .decided(let committed) = production else { throw SimulationFailure.setup("block") }
    let decided = DecidedBlock(
      block: committed.block, commit: committed.commit, results: committed.outcome.results,
      hashes: committed.block.transactions.map { Transaction.hash(of: $0) })
    for result in decided.results where !result.succeeded { throw SimulationFailure.setup(result.log) }
    domains[domain].history.append(decided)
    try observe(domain, domains[domain].height)
    return decided
  }

  /// A signed transaction with the account's next sequence; nil when the domain does not know the account.
  func signed(
    _ messages: [LedgerMessage], by key: SimulatedKey, at domain: Int, gas: UInt64, sequence: UInt64? = nil,
    timeoutHeight: UInt64 = 0, chainID: String? = nil
  ) throws -> [UInt8]? {
    guard let account = try domains[domain].account(key.address) else { return nil }
    return try Self.signed(
      messages, by: key, rules: domains[domain].genesis.rules, number: account.number,
      sequence: sequence ?? account.sequence, gas: gas, timeoutHeight: timeoutHeight, chainID: chainID)
  }

  static func signed(
    _ messages: [LedgerMessage], by key: SimulatedKey, rules: LedgerRules, number: UInt64, sequence: UInt64,
    gas: UInt64, timeoutHeight: UInt64 = 0, chainID: String? = nil
  ) throws -> [UInt8] {
    let unsigned = UnsignedTransaction(
      messages.map { $0.encoded() }, timeoutHeight: timeoutHeight,
      fee: [Coin(rules.fee(for: gas), rules.feeDenom)], gasLimit: gas, key: key.account,
      sequence: sequence, chainID: chainID ?? rules.chainID, accountNumber: number)
    return unsigned.signed(try key.sign(unsigned.signBytes))
  }

  // MARK: Lanes

  private mutating func makeLanes() throws {
    let isShort = plan.contains(.expiry) && numbers.chance(150)
    if isShort { count("world.shortTrust") }
    let trusting: UInt64 = isShort ? 60 : 1_200
    var made = [Int](repeating: 0, count: domains.count)
    var plans: [(form: EvidenceForm, pair: [Int], group: Int?)] = [
      (.attestedPackets, [0, 1], 0), (.header, [0, 1], nil), (.attestedState, [0, 1], 1),
    ]
    if domains.count > 2 { plans.append((.attestedPackets, [1, 2], 1)) }
    for (index, entry) in plans.enumerated() {
      let name = entry.form == .header ? "07-tendermint" : "client"
      let ends = try entry.pair.map { domain in
        SimulatedLane.End(domain: domain, client: try ClientID("\(name)-\(made[domain])"))
      }
      for domain in entry.pair { made[domain] += 1 }
      var policies: [AttestedPolicy?] = [nil, nil]
      if let group = entry.group {
        policies = try (0..<2).map { side in
          try policy(entry.form, group, of: ends[1 - side].domain, client: ends[side].client)
        }
      }
      var notaries: [AttestedPolicy?] = [nil, nil]
      if entry.form == .attestedState, defect != .quorumOfOne {
        notaries = try (0..<2).map { side in
          try policy(
            entry.form, Quorum.notaryGroup, of: ends[1 - side].domain, client: ends[side].client, quorum: 1)
        }
      }
      let lane = SimulatedLane(
        index: index, ends: ends, form: entry.form, group: entry.group, policies: policies,
        notaries: notaries,
        trustingSeconds: entry.form == .header ? trusting : nil)
      lanes.append(lane)
      for side in 0..<2 { try makeClient(lane, side) }
      for side in 0..<2 {
        let counterparty = try Counterparty(prefix: [[]], client: ends[1 - side].client)
        try makeBlockInPeace(
          ends[side].domain,
          [.registerCounterparty(ends[side].client, counterparty, signer: creator.address)])
      }
    }
  }

  func policy(
    _ form: EvidenceForm, _ group: Int, of domain: Int, client: ClientID, quorum: Int = Quorum.required
  ) throws -> AttestedPolicy {
    let members = attesters.filter { $0.group == group }
    return try AttestedPolicy(
      form: form == .attestedState ? .state : .packets,
      binding: try AttestationBinding(origin: domains[domain].id, router: Self.router, client: client),
      attesters: try members.map { try Attester(suite: .ed25519, key: $0.key.publicKey.array) },
      quorum: UInt64(quorum))
  }

  private mutating func makeClient(_ lane: SimulatedLane, _ side: Int) throws {
    let end = lane.ends[side]
    let other = lane.ends[1 - side].domain
    let state: AnyMessage
    var consensus = AnyMessage(typeURL: "", value: [])
    if let group = lane.group {
      let isWeak = defect == .quorumOfOne
      let believed = try policy(
        lane.form, group, of: other, client: end.client, quorum: isWeak ? 1 : Quorum.required)
      state = AnyMessage(
        typeURL: PolicyClientState.typeURL,
        value: PolicyClientState(
          policyText: [UInt8](
            (isWeak ? try Policy(.attested(believed)) : try lane.policy(side))?.text.utf8 ?? "".utf8),
          origin: believed.origin.text,
          router: Self.router
        ).encoded())
    } else {
      let height = domains[other].height
      guard let chain = domains[other].chain, let decided = domains[other].history.last else {
        throw SimulationFailure.setup("no block")
      }
      let trusting = Int64(lane.trustingSeconds ?? 0)
      let start = Tendermint.ClientState(
        chainID: chain.rules.chainID, trustLevelNumerator: 1, trustLevelDenominator: 3,
        trustingPeriod: .seconds(trusting), unbondingPeriod: .seconds(trusting * 2),
        clockDriftMax: .seconds(30), frozenHeight: .zero,
        latestHeight: Tendermint.Height(revision: 1, height: height),
        proofSpecs: [ICS23.ProofSpec.sparseMerkleTree.encoded()], upgradePath: [])
      state = AnyMessage(typeURL: Tendermint.ClientState.typeURL, value: start.encoded())
      let header = decided.block.header
      let first = Tendermint.ConsensusState(
        timestamp: header.time, root: header.appHash, nextValidatorsHash: header.nextValidatorsHash)
      consensus = AnyMessage(
        typeURL: "/ibc.lightclients.tendermint.v1.ConsensusState", value: first.encoded())
      checker.trusted[Checker.ClientPlace(end.domain, end.client)] = decided.seconds
    }
    let decided = try makeBlockInPeace(
      end.domain, [.createClient(clientState: state, consensusState: consensus, signer: creator.address)])
    let given = decided.results[0].events.first { $0.type == "create_client" }?.value("client_id")
    guard given == end.client.text else { throw SimulationFailure.setup("client \(given ?? "none")") }
  }

  /// A client without any height cannot be sent over: each is told of one.
  private mutating func tellFirstHeights() throws {
    for domain in domains.indices { try makeBlockInPeace(domain, []) }
    for lane in lanes where lane.group != nil {
      for side in 0..<2 {
        guard let policy = lane.policies[side] else { continue }
        let tracked = lane.ends[1 - side].domain
        let height = Height(revision: 1, domains[tracked].height - finalLag)
        let path = PacketPath(.receipt, client: lane.ends[1 - side].client, sequence: .first)
        checker.know(path)
        guard
          let reading = try read(
            tracked, at: height.number, form: lane.form == .attestedState ? nil : [path])
        else { throw SimulationFailure.setup("reading") }
        var statements: [Statement] = []
        for index in attesters.indices where lane.serves(attesters[index]) {
          guard statements.count < Quorum.required || index == Quorum.notary else { continue }
          _ = attesters[index].record(
            AttesterNode.Watermark(timestamp: reading.timestamp, root: reading.root),
            at: AttesterNode.Place(domain: tracked, height: height.number))
          attesters[index].journal.flush()
          statements.append(
            try attesters[index].sign(
              reading.body, height: height, timestamp: reading.timestamp, for: policy))
        }
        for statement in statements { noteSignature(statement, tracked) }
        let evidence = Self.evidence(statements)
        try makeBlockInPeace(
          lane.ends[side].domain,
          [
            .updateClient(
              lane.ends[side].client,
              message: AnyMessage(typeURL: HostClients.MessageType.evidence, value: evidence.protobuf()),
              signer: creator.address)
          ])
      }
    }
  }

  /// Evidence of statements that agree: of a group, and of the notary beside it when one has signed.
  static func evidence(_ statements: [Statement]) -> Evidence {
    let group = attested(statements.filter { $0.attester != Quorum.notary })
    let notary = statements.filter { $0.attester == Quorum.notary }
    return notary.isEmpty ? group : .parts([group, attested(notary)])
  }

  private static func attested(_ statements: [Statement]) -> Evidence {
    let sorted = statements.sorted { $0.attester < $1.attester }
    let first = sorted.first
    return .attested(
      AttestedEvidence(
        height: first?.height ?? Height(0), timestamp: first?.timestamp ?? UnixTime(seconds: 0),
        body: first?.body ?? .packets([]),
        signatures: sorted.map {
          AttestedEvidence.Signature(attester: $0.attester % Quorum.attesters, bytes: $0.signature)
        }))
  }

  // MARK: Relayers

  private mutating func makeRelayers(_ keys: [SimulatedKey]) throws {
    rules.batchDelay = .milliseconds(Int64(50 + numbers.below(600)))
    rules.batchMessagesMax = 1 + numbers.below(24)
    rules.evidenceTimeout = .seconds(10)
    rules.submissionTimeout = .seconds(40)
    rules.answerTimeout = .seconds(5)
    rules.scanInterval = .seconds(Int64(15 + numbers.below(20)))
    rules.clientInterval = .seconds(20)
    rules.backoffMax = .seconds(30)
    rules.acknowledgementPatience = .seconds(4)
    rules.relayerCount = keys.count
    for (index, key) in keys.enumerated() {
      var clock: UInt64 = 1_000_000
      if plan.contains(.clockSkew) { clock += numbers.below(UInt64(500_000)) }
      relayers.append(RelayerNode(index: index, key: key, clock: clock))
    }
  }
}
