import Digests
import Encodings
import Gate
import LightClients
public import Messages
import WireBytes

extension HostClients {
  /// Types of client messages.
  public enum MessageType {
    public static let evidence = "/causeway.gate.v1.Evidence"
    /// `{evidence 1, evidence 2}`, both as bytes.
    public static let misbehaviour = "/causeway.gate.v1.Misbehaviour"
  }

  /// Takes a client message: a header, evidence, or the proof that two claims contradict each other.
  ///
  /// A contradiction is no refusal: the client freezes, for good, and keeps both pieces.
  @discardableResult public func update(
    _ id: ClientID, typeURL: String, message: [UInt8], in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> ClientUpdate {
    try context.whole { (context: inout HostContext) throws(AttemptFailure<ClientRefusal>) -> ClientUpdate in
      var record = try active(id, in: &context)
      let update: ClientUpdate
      switch typeURL {
      case MessageType.evidence:
        let evidence: Evidence
        do throws(EvidenceProtobufError) { evidence = try Evidence(protobuf: message.span) } catch {
          throw .failure(.evidence(error))
        }
        update = try take(evidence, bytes: message, of: id, record: &record, in: &context)
      case Tendermint.Header.typeURL:
        let evidence: Evidence
        do throws(CometBFT.DecodingError) {
          evidence = .cometBFT(CometBFTEvidence(header: try Tendermint.Header(decoding: message.span)))
        } catch { throw .failure(.header(error)) }
        update = try take(evidence, bytes: evidence.protobuf(), of: id, record: &record, in: &context)
      case MessageType.misbehaviour:
        let (first, second) = try Self.pair(message)
        update = try judge(first, second, of: id, record: &record, in: &context)
      case Tendermint.Misbehaviour.typeURL:
        let both: Tendermint.Misbehaviour
        do throws(CometBFT.DecodingError) { both = try Tendermint.Misbehaviour(decoding: message.span) } catch
        {
          throw .failure(.header(error))
        }
        let first = Evidence.cometBFT(CometBFTEvidence(header: both.header1)).protobuf()
        let second = Evidence.cometBFT(CometBFTEvidence(header: both.header2)).protobuf()
        update = try judge(first, second, of: id, record: &record, in: &context)
      default: throw .failure(.messageTypeUnknown(typeURL))
      }
      try announce(update, of: id, kind: record.kind, in: &context)
      return update
    }
  }

  private func announce(
    _ update: ClientUpdate, of id: ClientID, kind: ClientRecord.Kind, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) {
    let event: Event
    switch update {
    case .updated(let height), .unchanged(let height):
      event = Event(
        "update_client",
        ["client_id": id.text, "client_type": kind.name, "consensus_heights": height.description])
    case .frozen:
      event = Event("client_misbehaviour", ["client_id": id.text, "client_type": kind.name])
    }
    try halting { () throws(ExecutionHalt) in try context.emit(event) }
  }

  private static func pair(_ bytes: [UInt8]) throws(AttemptFailure<ClientRefusal>) -> ([UInt8], [UInt8]) {
    var both: [[UInt8]] = [[], []]
    let span = bytes.span
    do throws(ProtobufError) {
      let rules = ProtobufRules(singular: [1, 2])
      var reader = ProtobufReader(rules, sizeBytesMax: 2 * Evidence.protobufSizeMax + 16)
      while let field = try reader.next(in: span) { both[Int(field.number) - 1] = try field.bytes(in: span) }
    } catch { throw .failure(.misbehaviour(error)) }
    return (both[0], both[1])
  }

  // MARK: One piece

  /// Verifies `evidence`, and records its claim: for the rest of the transaction in the context, its time and
  /// root for good.
  func take(
    _ evidence: Evidence, bytes: [UInt8], of id: ClientID, record: inout ClientRecord,
    in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> ClientUpdate {
    let reference = VerifiedEvidence.Reference(client: id, hash: SHA256Hash.hash(bytes))
    if let known = context.verifiedEvidence[reference], let height = known.claim.height {
      return .unchanged(height)
    }
    let judged = try judge(evidence, of: id, record: record, at: context.moment.time, in: &context)
    for (leaf, memory) in judged.enclaves.sorted(by: { $0.key < $1.key }) {
      try halting { () throws(ExecutionHalt) in
        try context.write(memory.encoded(), to: HostKeys.enclaves(id, leaf))
      }
    }
    guard let height = judged.verdict.claim.height else { throw .failure(.heightUnknown(Height(0))) }
    if case .evm = record.store, height.revision != 0 { throw .failure(.revisionOfEVM(height)) }
    if let floor = record.floor, height <= floor {
      throw .failure(.heightForgotten(height, floor: floor))
    }
    let link = try self.link(of: id, height, in: &context)
    let kept = KeptEvidence(evidence, bytes: bytes, claim: judged.verdict.claim)
    if let link, let first = try contradicted(by: kept, at: height, of: id, link: link, in: &context) {
      return try freeze(id, at: height, first: first, second: bytes, record: &record, in: &context)
    }
    var update = ClientUpdate.unchanged(height)
    if let state = ConsensusRecord(judged.verdict, header: judged.header) {
      if let other = try contradiction(
        of: state, at: height, link: link, of: id, record: record, in: &context)
      {
        return try freeze(
          id, at: height, first: try standing(for: other, of: id, in: &context), second: bytes,
          record: &record,
          in: &context)
      }
      let known = try consensusRecord(of: id, height, in: &context)
      let merged = known.map { $0.merged(state) } ?? state
      if merged != known {
        try halting { () throws(ExecutionHalt) in
          if known == nil {
            try Self.insert(merged, at: height, of: id, record: &record, in: &context)
          } else {
            try context.write(merged.encoded(for: record.kind), to: HostKeys.consensusState(id, height))
          }
        }
        try writeLatest(of: id, record: record, in: &context)
        update = .updated(height)
      }
      try prune(id, record: &record, in: &context)
    }
    try keep(kept, at: height, of: id, in: &context)
    try halting { () throws(ExecutionHalt) in try Self.store(record, of: id, in: &context) }
    context.remember(
      VerifiedEvidence(claim: judged.verdict.claim, expires: judged.verdict.expires), as: reference)
    return update
  }

  struct Judgement {
    let verdict: Verdict
    /// The header that proved the claim, if one did.
    let header: CometBFT.TrustedState?
    /// What changed of what the client remembers of enclaves.
    let enclaves: [Bytes32: EnclaveMemory]
  }

  /// Asks the gate.
  ///
  /// - Parameter isPast: whether enclaves may go on from any state, for judging what was signed before.
  private func judge(
    _ evidence: Evidence, of id: ClientID, record: ClientRecord, at now: UnixTime, isPast: Bool = false,
    in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> Judgement {
    let policy = try policy(record.policyHash, in: &context)
    try halting { () throws(ExecutionHalt) in try context.charge(evidence.verificationGas) }
    var trusted: [CometBFT.TrustedState] = []
    let chainID = policy.root.chainID ?? ""
    for height in evidence.trustedHeights {
      let height = Height(revision: height.revision, height.height)
      if let known = try consensusRecord(of: id, height, in: &context),
        let state = known.trustedState(chainID: chainID, height: height), !trusted.contains(state)
      {
        trusted.append(state)
      }
    }
    var enclaves: [Bytes32: EnclaveMemory] = [:]
    for leaf in policy.root.enclaves {
      var memory = EnclaveMemory(state: leaf.start)
      if let bytes = try read(HostKeys.enclaves(id, leaf.identifier), in: &context) {
        guard let known = EnclaveMemory(stored: bytes) else { throw .halt(.state(.unreadable)) }
        memory = known
      }
      if isPast { memory.state = nil }
      enclaves[leaf.identifier] = memory
    }
    var gate = GateClient(policy: policy, trusted: trusted, enclaves: enclaves)
    let outcome: GateClient.Outcome
    do { outcome = try gate.update(evidence, in: GateContext(now: now)) } catch {
      throw .failure(.gate(error))
    }
    // A fresh client knows nothing that could contradict, and no policy here waits.
    guard case .accepted(let verdict) = outcome else { throw .failure(.noMisbehaviour) }
    let header = gate.trusted.first { state in
      !trusted.contains(state) && UInt64(exactly: state.height) == verdict.claim.height?.number
    }
    return Judgement(
      verdict: verdict, header: header,
      enclaves: gate.enclaves.filter { leaf, memory in enclaves[leaf] != memory })
  }

  private func policy(
    _ hash: Bytes32, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> Policy {
    guard let text = try read(HostKeys.policy(hash), in: &context),
      let policy = try? Policy(decoding: text.span),
      policy.hash == hash
    else { throw .halt(.state(.unreadable)) }
    return policy
  }

  // MARK: Two pieces

  /// Freezes the client when both pieces satisfy the policy and cannot both be true.
  ///
  /// Statements of attesters count whenever they were signed: freshness is for what is to be believed.
  private func judge(
    _ first: [UInt8], _ second: [UInt8], of id: ClientID, record: inout ClientRecord,
    in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> ClientUpdate {
    var judgements: [Judgement] = []
    for bytes in [first, second] {
      let evidence: Evidence
      do { evidence = try Evidence(protobuf: bytes.span) } catch { throw .failure(.evidence(error)) }
      var moment = context.moment.time
      switch evidence {
      case .attested(let attested): moment = attested.timestamp
      case .enclave(let enclave): moment = UnixTime(seconds: enclave.transition.time)
      default: break
      }
      judgements.append(
        try judge(evidence, of: id, record: record, at: moment, isPast: true, in: &context))
    }
    let (left, right) = (judgements[0], judgements[1])
    guard let leftHeight = left.verdict.claim.height, let rightHeight = right.verdict.claim.height else {
      throw .failure(.noMisbehaviour)
    }
    var contradict = left.verdict.claim.conflicts(with: right.verdict.claim)
    // Two blocks of one height may share root and second.
    if leftHeight == rightHeight, let one = left.header?.headerHash, let other = right.header?.headerHash {
      contradict = contradict || one != other
    }
    if leftHeight != rightHeight, let one = ConsensusRecord(left.verdict, header: left.header),
      let other = ConsensusRecord(right.verdict, header: right.header)
    {
      contradict = leftHeight < rightHeight ? one.crosses(other) : other.crosses(one)
    }
    guard contradict else { throw .failure(.noMisbehaviour) }
    return try freeze(
      id, at: max(leftHeight, rightHeight), first: first, second: second, record: &record, in: &context)
  }

  private func freeze(
    _ id: ClientID, at height: Height, first: [UInt8], second: [UInt8], record: inout ClientRecord,
    in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> ClientUpdate {
    record.frozen = height
    try halting { () throws(ExecutionHalt) in
      try context.write(first, to: HostKeys.conflict(id, 1))
      try context.write(second, to: HostKeys.conflict(id, 2))
      try Self.store(record, of: id, in: &context)
    }
    context.forgetVerifiedEvidence(of: id)
    try writeLatest(of: id, record: record, in: &context)
    return .frozen(height)
  }

  /// Brings the public client state up to date.
  private func writeLatest(
    of id: ClientID, record: ClientRecord, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) {
    let key = HostKeys.clientState(id)
    guard let bytes = try read(key, in: &context), let any = AnyForm(stored: bytes) else {
      throw .halt(.state(.unreadable))
    }
    let value = any.value
    let changed: [UInt8]
    switch record.kind {
    case .tendermint:
      guard var state = try? Tendermint.ClientState(decoding: value.span) else {
        throw .halt(.state(.unreadable))
      }
      if let latest = record.latest { state.latestHeight = latest.tendermint }
      if record.frozen != nil { state.frozenHeight = .frozen }
      changed = state.encoded()
    case .policy:
      guard var state = try? PolicyClientState(decoding: value.span) else {
        throw .halt(.state(.unreadable))
      }
      if let latest = record.latest { state.latestHeight = latest }
      state.frozen = record.frozen != nil
      changed = state.encoded()
    }
    guard changed != value else { return }
    try halting { () throws(ExecutionHalt) in
      try context.write(AnyForm(typeURL: any.typeURL, value: changed).encoded(), to: key)
    }
  }
}

extension Policy.Node {
  /// The chain id of the light clients in it: one domain has one.
  fileprivate var chainID: String? {
    switch self {
    case .attested, .enclave: nil
    case .cometBFT(let policy): policy.chainID
    case .all(let parts), .any(let parts), .threshold(_, let parts):
      parts.lazy.compactMap(\.chainID).first
    case .route(let route): route.branches.lazy.compactMap(\.policy.chainID).first ?? route.otherwise?.chainID
    case .delay(_, _, let then): then.chainID
    }
  }

  /// The leaves that believe enclaves.
  fileprivate var enclaves: [EnclaveTierPolicy] {
    switch self {
    case .enclave(let policy): [policy]
    case .attested, .cometBFT: []
    case .all(let parts), .any(let parts), .threshold(_, let parts): parts.flatMap(\.enclaves)
    case .route(let route): (route.branches.map(\.policy) + [route.otherwise].compactMap { $0 }).flatMap(\.enclaves)
    case .delay(_, _, let then): then.enclaves
    }
  }
}

extension Evidence {
  /// Heights that headers in it build upon.
  fileprivate var trustedHeights: [Tendermint.Height] {
    switch self {
    case .attested, .eureka, .enclave: []
    case .cometBFT(let evidence): [evidence.header.trustedHeight]
    case .parts(let parts): parts.flatMap { $0?.trustedHeights ?? [] }
    }
  }

  /// What checking all of its signatures costs.
  var verificationGas: UInt64 {
    switch self {
    case .attested(let evidence): UInt64(evidence.signatures.count) * GasSchedule.verifySecp256k1
    case .eureka(let proof): UInt64(proof.signatures.count) * GasSchedule.verifySecp256k1
    // A registration's chains and quote are up to eight signatures, most of RSA or P-384.
    case .enclave(let evidence):
      GasSchedule.verifySecp256k1 * (evidence.registration == nil ? 1 : 9)
        + UInt64(evidence.registration?.evidenceSize ?? 0) * GasSchedule.attestationByte
    // A header that skips is checked against two sets.
    case .cometBFT(let evidence):
      UInt64(evidence.header.signedHeader.commit.signatures.count) * 2 * GasSchedule.verifyEd25519
    case .parts(let parts): parts.reduce(0) { $0 + ($1?.verificationGas ?? 0) }
    }
  }
}
