import ChainAccess
import Encodings
import Gate
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import RelayEngine
import WireBytes

/// What was collected for a batch, in the form that the client takes.
struct CollectedEvidence: Sendable {
  enum Form: Sendable {
    /// An update of the client, with what each packet message gives as its proof when the evidence says it all.
    case ledger(AnyMessage, reference: [UInt8]?)
    /// For a contract: ``PackedEvidence``.
    case packed(PackedEvidence)
  }

  let form: Form
  /// The tracked domain's own time of the height.
  let time: CometBFT.Timestamp
  let signatureCount: Int

  var reference: [UInt8]? {
    if case .ledger(_, let reference) = form { reference } else { nil }
  }

  var sizeBytes: Int {
    switch form {
    case .ledger(let message, _): message.value.count
    case .packed(let evidence): evidence.bytes.count
    }
  }
}

/// Asks attesters and domains for what a client believes.
struct EvidenceCollector: Sendable {
  let end: LaneEnd
  let tracked: any DomainAccess
  let policy: AttestedPolicy?
  /// By their position in the policy.
  let attesters: [(index: Int, access: any AttesterAccess)]
  let pause: Duration
  let attemptsMax: Int
  let patience: Duration
  /// The client is a contract.
  let isPacked: Bool

  struct Collected: Sendable {
    let evidence: CollectedEvidence
    let findings: [ProofFinding]
  }

  struct Failure: Error, Sendable {
    let code: String
  }

  // MARK: Attesters

  private struct Statement {
    let timestamp: UnixTime
    let body: AttestedBody
    let digest: Bytes32
    var signatures: [AttestedEvidence.Signature] = []
    var weight: UInt64 = 0
  }

  /// Asks all attesters at once. The first of them that agree to the byte and reach the quorum are used; the rest is
  /// not waited for.
  ///
  /// - Parameters:
  ///   - now: for suites that end on a date.
  ///   - notice: told of attesters that do wrong.
  ///   - done: told once, as soon as there is an answer.
  func attest(
    _ request: AttestationRequest, at now: UnixTime, notice: @Sendable (Int, AttesterFault) async -> Void,
    done: @Sendable (Result<Collected, Failure>) async -> Void
  ) async {
    guard let policy else { return await done(.failure(Failure(code: "evidenceKind"))) }
    let paths = request.needs.map(\.path)
    let question = AttestationQuestion(
      binding: policy.binding, height: request.height,
      subject: request.isOverPackets ? .packets(paths) : .state)
    let hashes = paths.map { $0.hash() }
    await withTaskGroup(of: (Int, Result<AttestationAnswer, AttestationFailure>)?.self) { group in
      for (index, access) in attesters {
        group.addTask { (index, await ask(access, question)) }
      }
      group.addTask {
        try? await Task.sleep(for: patience)
        return nil
      }
      var statements: [Statement] = []
      var left = attesters.count
      var isWaiting = false
      answers: while left > 0, let next = await group.next() {
        guard let (index, result) = next else { break }
        left -= 1
        let answer: AttestationAnswer
        switch result {
        case .success(let given): answer = given
        case .failure(let failure):
          if case .notFinal = failure { isWaiting = true } else { await notice(index, .failed(failure)) }
          continue
        }
        guard Self.fits(answer.body, hashes, request) else {
          await notice(index, .form)
          continue
        }
        let place: Int
        if let known = statements.firstIndex(where: {
          $0.timestamp == answer.timestamp && $0.body == answer.body
        }) {
          place = known
        } else {
          statements.append(
            Statement(
              timestamp: answer.timestamp, body: answer.body,
              digest: Self.digest(answer, at: request.height, policy)))
          place = statements.count - 1
        }
        do throws(AttesterSignatureError) {
          try policy.attesters[index].verify(answer.signature, digest: statements[place].digest, at: now)
        } catch {
          await notice(index, .signature(error))
          continue
        }
        statements[place].signatures.append(.init(attester: index, bytes: answer.signature))
        // Each attester answers once, so this is at most their total weight.
        statements[place].weight += policy.attesters[index].weight
        guard statements[place].weight >= policy.quorum else { continue }
        for (other, statement) in statements.enumerated() where other != place {
          for signature in statement.signatures { await notice(signature.attester, .differs(request.height)) }
        }
        await done(.success(collected(statements[place], request)))
        group.cancelAll()
        return
      }
      group.cancelAll()
      await done(.failure(Failure(code: isWaiting ? "attester.waiting" : "attester.quorum")))
    }
  }

  private func ask(
    _ access: any AttesterAccess, _ question: AttestationQuestion
  ) async -> Result<AttestationAnswer, AttestationFailure> {
    var attempts = 0
    while true {
      do throws(AttestationFailure) { return .success(try await access.attest(question)) } catch {
        attempts += 1
        // It sees the block a little later than we do.
        guard case .notFinal = error, attempts < attemptsMax, !Task.isCancelled else {
          return .failure(error)
        }
        try? await Task.sleep(for: pause)
      }
    }
  }

  /// The very paths that were asked for, in their order.
  private static func fits(_ body: AttestedBody, _ hashes: [Bytes32], _ request: AttestationRequest) -> Bool {
    switch body {
    case .state: !request.isOverPackets
    case .packets(let entries):
      request.isOverPackets && entries.count == hashes.count
        && zip(entries, hashes).allSatisfy { $0.pathHash == $1 }
    }
  }

  private static func digest(
    _ answer: AttestationAnswer, at height: Height, _ policy: AttestedPolicy
  ) -> Bytes32 {
    let body =
      switch answer.body {
      case .state(let root):
        AttestationDigest.stateBody(height: height, timestamp: answer.timestamp, root: root)
      case .packets(let entries):
        AttestationDigest.packetsBody(height: height, timestamp: answer.timestamp, entries: entries)
      }
    return AttestationDigest.of(form: policy.form, binding: policy.binding, body: body)
  }

  private func collected(_ statement: Statement, _ request: AttestationRequest) -> Collected {
    var findings: [ProofFinding] = []
    if case .packets(let entries) = statement.body {
      for (need, entry) in zip(request.needs, entries) {
        let stored = entry.commitment == Bytes32() ? nil : entry.commitment
        if let kind = Self.finding(need.commitment, stored) { findings.append(ProofFinding(need.key, kind)) }
      }
    }
    let signatures = statement.signatures.sorted { $0.attester < $1.attester }
    let form: CollectedEvidence.Form
    if isPacked, case .packets(let entries) = statement.body {
      form = .packed(
        PackedEvidence(
          body: AttestationDigest.packetsBody(
            height: request.height, timestamp: statement.timestamp, entries: entries),
          digest: statement.digest, signatures: signatures))
    } else {
      let bytes = Evidence.attested(
        AttestedEvidence(
          height: request.height, timestamp: statement.timestamp, body: statement.body, signatures: signatures)
      ).protobuf()
      form = .ledger(
        AnyMessage(typeURL: HostClients.MessageType.evidence, value: bytes),
        reference: request.isOverPackets
          ? PacketProof.reference(HostKeys.evidenceHash(bytes)).encoded() : nil)
    }
    return Collected(
      evidence: CollectedEvidence(
        form: form, time: CometBFT.Timestamp(statement.timestamp), signatureCount: signatures.count),
      findings: findings)
  }

  private static func finding(_ wanted: Bytes32?, _ stored: Bytes32?) -> ProofFinding.Kind? {
    switch (wanted, stored) {
    case (nil, nil): nil
    case (nil, .some): .present
    case (.some, nil): .absent
    case (.some(let wanted), .some(let stored)): wanted == stored ? nil : .different
    }
  }

  // MARK: Headers

  /// The header of a height with the sets that it is checked by.
  func header(_ request: HeaderRequest) async -> Result<Collected, Failure> {
    guard let trusted = request.trusted else { return .failure(Failure(code: "noHeight")) }
    // Somebody has brought the client further than we have read.
    guard trusted < request.height else { return .failure(Failure(code: "noBlock")) }
    do throws(AccessError) {
      let block = try await tracked.signedHeader(at: request.height.number)
      let base = try await tracked.signedHeader(at: trusted.number)
      let header = Tendermint.Header(
        signedHeader: block.signedHeader, validators: block.validators,
        trustedHeight: Tendermint.Height(revision: trusted.revision, height: trusted.number),
        trustedValidators: base.nextValidators)
      // The client's kind is in its name (ibc-go `02-client/types/keys.go`).
      let isTendermint = request.end.client.text.hasPrefix("07-tendermint-")
      let message =
        isTendermint
        ? AnyMessage(typeURL: Tendermint.Header.typeURL, value: header.encoded())
        : AnyMessage(
          typeURL: HostClients.MessageType.evidence,
          value: Evidence.cometBFT(CometBFTEvidence(header: header)).protobuf())
      return .success(
        Collected(
          evidence: CollectedEvidence(
            form: .ledger(message, reference: nil), time: block.signedHeader.header.time,
            signatureCount: 2 * block.signedHeader.commit.signatures.count), findings: []))
    } catch {
      return .failure(Failure(code: error.code))
    }
  }

  // MARK: Proofs

  struct Proofs: Sendable {
    /// One for each need, in their order; empty where there is a finding.
    let proofs: [ProofNeed: [UInt8]]
    let findings: [ProofFinding]
  }

  /// Proofs under the header of the height: of the version that it commits to.
  func proofs(_ request: ProofRequest) async -> Result<Proofs, Failure> {
    guard let version = tracked.version(provenAt: request.height.number) else {
      return .failure(Failure(code: "noBlock"))
    }
    let entries: [StateEntry]
    do throws(AccessError) {
      entries = try await tracked.values(
        of: request.needs.map(\.path.bytes), at: version, proven: true)
    } catch {
      return .failure(Failure(code: error.code))
    }
    guard entries.count == request.needs.count else {
      return .failure(Failure(code: AccessError.malformed.code))
    }
    var proofs: [ProofNeed: [UInt8]] = [:]
    var findings: [ProofFinding] = []
    for (need, entry) in zip(request.needs, entries) {
      let kind: ProofFinding.Kind? =
        switch (need.commitment, entry.value) {
        case (nil, nil): nil
        case (nil, .some): .present
        case (.some, nil): .absent
        case (.some(let wanted), .some(let stored)): wanted.array == stored ? nil : .different
        }
      if let kind {
        findings.append(ProofFinding(need.key, kind))
      } else {
        switch entry.proof {
        case .ics23(let proof)?:
          proofs[need] = PacketProof.merkle(ICS23.MerkleProof(proofs: [proof]).encoded()).encoded()
        case .evmStorage(let account, let storage)?:
          proofs[need] = PacketProof.evmStorage(account: account, storage: storage).encoded()
        case nil: return .failure(Failure(code: AccessError.unproven.code))
        }
      }
    }
    return .success(Proofs(proofs: proofs, findings: findings))
  }
}
