import Digests
import Encodings
import Gate
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import StateTree
import WireBytes

/// Three attesters of a domain's state, two of whom suffice.
struct TestAttesters {
  let keys: [TestSigner]

  init() throws { keys = try (1...3).map { try TestSigner(200 + $0) } }

  func policy(of origin: DomainID, client: ClientID) throws -> AttestedPolicy {
    try AttestedPolicy(
      form: .packets, binding: try AttestationBinding(origin: origin, router: [7], client: client),
      attesters: try keys.map { try Attester(suite: .ed25519, key: $0.publicKey.array) }, quorum: 2)
  }

  /// What the chain `ledger` has at version `height - 1`, which header `height` proves, signed by two.
  func evidence(
    _ ledger: TestLedger, _ paths: [PacketPath], header: CometBFT.Header, under policy: AttestedPolicy
  ) throws -> [UInt8] {
    let state = TreeState(tree: ledger.chain.tree, version: UInt64(header.height) - 1)
    let entries = try paths.map { path in
      // A receipt is one byte: all that counts is that something is there.
      let stored = try state.value(for: path.bytes).map { (try? Bytes32($0)) ?? Bytes32 { _ in 2 } }
      return StoredEntry(pathHash: path.hash(), commitment: stored ?? Bytes32())
    }
    let (height, time) = (Height(UInt64(header.height)), UnixTime(seconds: UInt64(header.time.seconds)))
    let body = AttestationDigest.packetsBody(height: height, timestamp: time, entries: entries)
    let digest = AttestationDigest.of(form: .packets, binding: policy.binding, body: body)
    return Evidence.attested(
      AttestedEvidence(
        height: height, timestamp: time, body: .packets(entries),
        signatures: try [0, 2].map {
          AttestedEvidence.Signature(attester: $0, bytes: try keys[$0].sign(digest.array).array)
        })
    ).protobuf()
  }
}

/// Two ledgers with clients of each other, and a relayer's hands: everything goes by transactions.
struct TestLane {
  enum Form: CaseIterable { case attested, light }
  enum Side { case harbor, island }

  /// A block and the proof of the state before it.
  struct Proof {
    let update: AnyMessage
    let bytes: [UInt8]
    let height: Height
    let header: CometBFT.Header
  }

  let form: Form
  let user: TestSigner
  let friend: TestSigner
  let relayer: TestSigner
  var harbor: TestLedger
  var island: TestLedger
  /// Each side's client of the other; both have the same name.
  let client: ClientID
  let attesters: TestAttesters
  private var trusted: [Side: CometBFT.Header] = [:]
  private(set) var history: [Side: [CommittedBlock]] = [.harbor: [], .island: []]

  init(_ form: Form, programs: LedgerPrograms = .standard) throws {
    self.form = form
    user = try TestSigner(1)
    friend = try TestSigner(2)
    relayer = try TestSigner(3)
    attesters = try TestAttesters()
    client = try ClientID(form == .attested ? "client-0" : "07-tendermint-0")
    let funds = [(user, UInt64(10_000_000)), (friend, 10_000_000), (relayer, 1_000_000_000)]
    let denom = try Denom("ucause")
    harbor = try TestLedger(
      powers: [10, 20, 5], funds: funds, rules: LedgerRules(chainID: "harbor-1", feeDenom: denom),
      programs: programs)
    island = try TestLedger(
      powers: [7], funds: funds, rules: LedgerRules(chainID: "island-1", feeDenom: denom), programs: programs)
    try step()
    try step()
    try connect()
  }

  // MARK: Blocks

  subscript(side: Side) -> TestLedger {
    get { side == .harbor ? harbor : island }
    set { if side == .harbor { harbor = newValue } else { island = newValue } }
  }

  func other(_ side: Side) -> Side { side == .harbor ? .island : .harbor }

  /// A block on both sides, with these transactions.
  @discardableResult
  mutating func step(_ transactions: [Side: [UInt8]] = [:]) throws -> [Side: TransactionResult] {
    var results: [Side: TransactionResult] = [:]
    for side in [Side.harbor, .island] {
      let committed = try self[side].advance(transactions[side].map { [$0] } ?? [])
      history[side]?.append(committed)
      results[side] = committed.outcome.results.first
    }
    return results
  }

  /// One transaction on `side`, and a second block whose header proves its state.
  mutating func run(
    _ messages: [LedgerMessage], by signer: TestSigner, on side: Side
  ) throws -> TransactionResult {
    let gas: UInt64 = 5_000_000
    let transaction = try self[side].signed(
      messages, by: signer, fee: [self[side].coin(gas / 1_000)], gas: gas)
    let results = try step([side: transaction])
    try step()
    return try results[side].unwrapped()
  }

  private func newest(_ side: Side) throws -> CommittedBlock { try (history[side]?.last).unwrapped() }

  // MARK: Clients

  private mutating func connect() throws {
    for side in [Side.harbor, .island] {
      let (state, consensus) = try clientState(of: other(side))
      let created = try run(
        [
          .createClient(clientState: state, consensusState: consensus, signer: relayer.address),
          .registerCounterparty(
            client, try Counterparty(prefix: [[]], client: client), signer: relayer.address),
        ], by: relayer, on: side)
      guard created.succeeded else { throw Failure.refused(created.log) }
    }
    // An attested client knows no state until it is told of one.
    for side in [Side.harbor, .island] where form == .attested {
      let proof = try prove(PacketPath(.receipt, client: client, sequence: .first), on: side)
      let told = try run(
        [.updateClient(client, message: proof.update, signer: relayer.address)], by: relayer,
        on: other(side))
      guard told.succeeded else { throw Failure.refused(told.log) }
    }
  }

  /// A client of `side` as it stands, and the state to begin with.
  private mutating func clientState(of side: Side) throws -> (AnyMessage, AnyMessage) {
    let header = try newest(side).block.header
    switch form {
    case .attested:
      let policy = try attesters.policy(of: DomainID("cosmos:\(header.chainID)"), client: client)
      let state = PolicyClientState(
        policyText: [UInt8](try Policy(.attested(policy)).text.utf8), origin: policy.origin.text, router: [7])
      return (
        AnyMessage(typeURL: PolicyClientState.typeURL, value: state.encoded()),
        AnyMessage(typeURL: "", value: [])
      )
    case .light:
      trusted[side] = header
      let state = Tendermint.ClientState(
        chainID: header.chainID, trustLevelNumerator: 1, trustLevelDenominator: 3,
        trustingPeriod: .seconds(10_000), unbondingPeriod: .seconds(20_000), clockDriftMax: .seconds(10),
        frozenHeight: .zero,
        latestHeight: Tendermint.Height(revision: 1, height: UInt64(header.height)),
        proofSpecs: [ICS23.ProofSpec.sparseMerkleTree.encoded()], upgradePath: [])
      let consensus = Tendermint.ConsensusState(
        timestamp: header.time, root: header.appHash, nextValidatorsHash: header.nextValidatorsHash)
      return (
        AnyMessage(typeURL: Tendermint.ClientState.typeURL, value: state.encoded()),
        AnyMessage(
          typeURL: "/ibc.lightclients.tendermint.v1.ConsensusState", value: consensus.encoded())
      )
    }
  }

  // MARK: Proofs

  /// What `side` has under `path` in the state that its newest header proves, or that nothing is there.
  mutating func prove(_ path: PacketPath, on side: Side) throws -> Proof {
    let committed = try newest(side)
    let header = committed.block.header
    let height = UInt64(header.height)
    // The ledger's own answer, judged by the ICS-23 verifier under the header's app hash.
    let answer = try self[side].chain.query(
      path: "store/ibc/key", request: path.bytes, at: height - 1, prove: true)
    let proof = try answer.proof.unwrapped()
    if answer.value.isEmpty {
      try proof.verifyNonMembership(
        spec: .sparseMerkleTree, root: header.appHash.span, key: path.bytes.span)
    } else {
      try proof.verifyMembership(
        spec: .sparseMerkleTree, root: header.appHash.span, key: path.bytes.span, value: answer.value.span)
    }
    switch form {
    case .attested:
      let policy = try attesters.policy(of: DomainID("cosmos:\(header.chainID)"), client: client)
      let evidence = try attesters.evidence(self[side], [path], header: header, under: policy)
      return Proof(
        update: AnyMessage(typeURL: HostClients.MessageType.evidence, value: evidence),
        bytes: PacketProof.reference(HostKeys.evidenceHash(evidence)).encoded(), height: Height(height),
        header: header)
    case .light:
      let known = try trusted[side].unwrapped()
      let set = self[side].chain.tip.validators
      let update = Tendermint.Header(
        signedHeader: CometBFT.SignedHeader(header: header, commit: committed.commit), validators: set,
        trustedHeight: Tendermint.Height(revision: 1, height: UInt64(known.height)), trustedValidators: set)
      return Proof(
        update: AnyMessage(typeURL: Tendermint.Header.typeURL, value: update.encoded()),
        bytes: ICS23.MerkleProof(proofs: [proof]).encoded(), height: Height(revision: 1, height),
        header: header)
    }
  }

  enum Failure: Error { case absent, refused(String) }

  // MARK: Packets

  func transfer(_ amount: UInt64, to receiver: String) throws -> Payload {
    try Payload(
      sourcePort: .transfer, destinationPort: .transfer, version: FungibleTokenPacketData.payloadVersion,
      encoding: FungibleTokenPacketData.payloadEncoding,
      value: FungibleTokenPacketData(
        denomination: "ucause", sender: user.address.text, receiver: receiver, amount: UInt256(amount),
        memo: ""
      ).encoded())
  }

  /// Sends from harbor; gives the packet as the event tells it.
  mutating func send(_ payload: Payload, seconds: UInt64 = 600) throws -> Packet {
    let deadline = UnixTime(seconds: UInt64(harbor.chain.tip.time.seconds) + seconds)
    let result = try run(
      [.sendPacket(over: client, timeout: deadline, payloads: [payload], signer: user.address)], by: user,
      on: .harbor)
    guard result.succeeded else { throw Failure.refused(result.log) }
    let bytes = try Hex.decode(try result.attribute("encoded_packet_hex", of: "send_packet"))
    return try Packet(decoding: bytes.span)
  }

  /// An update and a message that rests on it, on the side that `proof` is not of.
  private mutating func relay(
    _ message: LedgerMessage, _ proof: Proof, of side: Side
  ) throws -> TransactionResult {
    let result = try run(
      [.updateClient(client, message: proof.update, signer: relayer.address), message], by: relayer,
      on: other(side))
    if result.succeeded { trusted[side] = proof.header }
    return result
  }

  /// Carries harbor's packet to island.
  mutating func deliver(_ packet: Packet) throws -> TransactionResult {
    let proof = try prove(PacketPath(.commitment, of: packet), on: .harbor)
    return try relay(
      .receivePacket(packet, proof: proof.bytes, height: proof.height, signer: relayer.address), proof,
      of: .harbor)
  }

  /// Carries island's answer to harbor.
  mutating func settle(_ packet: Packet, _ answer: Acknowledgement) throws -> TransactionResult {
    let proof = try prove(PacketPath(.acknowledgement, of: packet), on: .island)
    return try relay(
      .acknowledgePacket(packet, answer, proof: proof.bytes, height: proof.height, signer: relayer.address),
      proof, of: .island)
  }

  /// Shows harbor that island has not received the packet.
  mutating func timeOut(_ packet: Packet) throws -> TransactionResult {
    let proof = try prove(PacketPath(.receipt, of: packet), on: .island)
    return try relay(
      .timeOutPacket(packet, proof: proof.bytes, height: proof.height, signer: relayer.address), proof,
      of: .island)
  }

  var escrow: AccountAddress { TransferApplication.escrow(.transfer, client) }

  func voucher(of account: AccountAddress) throws -> UInt64? {
    let token = TokenPath("transfer/\(client)/ucause").token
    return try island.queries.balance(of: account, Denom(token)).asUInt64
  }
}

extension TransactionResult {
  func attribute(_ key: String, of type: String) throws -> String {
    try events.first { $0.type == type }?.value(key).unwrapped() ?? ""
  }

  /// What the destination answered.
  var answer: Acknowledgement {
    get throws {
      let bytes = try Hex.decode(try attribute("encoded_acknowledgement_hex", of: "write_acknowledgement"))
      return try Acknowledgement(decoding: bytes.span)
    }
  }
}

extension Optional {
  func unwrapped() throws -> Wrapped {
    guard let self else { throw TestLane.Failure.absent }
    return self
  }
}
