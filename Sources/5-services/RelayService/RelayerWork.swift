import ChainAccess
import FoundationEssentials
import Gate
import Messages
import RelayEngine
import WireBytes

/// What goes on beside the turns.
extension Relayer {
  @concurrent nonisolated func perform(_ work: Work) async {
    switch work {
    case .readClient(let end):
      await answer(on: end.domain) { () async throws(AccessError) in try await questions.client(end) }
    case .scan(let request):
      await answer(on: request.origin.domain) { () async throws(AccessError) in
        try await questions.scan(request)
      }
    case .inspect(let request):
      await answer(on: request.origin.domain) { () async throws(AccessError) in
        try await questions.inspect(request)
      }
    case .lookUp(let lookups): await lookUp(lookups)
    case .attest(let request): await attest(request)
    case .header(let request):
      guard let collector = collectors[request.end] else { break }
      await took(request.batch, await collector.header(request))
    case .proofs(let request):
      // All ends that track the domain ask it the same way.
      guard let collector = collectors.values.first(where: { $0.tracked.domain == request.tracked }) else {
        break
      }
      await took(request.batch, await collector.proofs(request))
    }
    await finished()
  }

  private func finished() { works -= 1 }

  private nonisolated func answer(
    on domain: DomainID, _ ask: () async throws(AccessError) -> RelayEvent?
  ) async {
    do throws(AccessError) {
      if let event = try await ask() { await enqueue(.event(event)) }
    } catch {
      await failed(error, of: domain)
    }
  }

  private nonisolated func lookUp(_ lookups: [Lookup]) async {
    for lookup in lookups {
      guard !Task.isCancelled, let peer = destinations[lookup.key.origin] else { continue }
      do throws(AccessError) {
        guard let found = try await questions.lookUp(lookup, peer: peer) else { continue }
        await enqueue(.event(found.event))
        if let (stage, moment) = found.moment { await self.stage(stage, lookup.key, moment) }
      } catch {
        await failed(error, of: lookup.wanted == .packet ? lookup.key.origin.domain : peer.domain)
      }
    }
  }

  private nonisolated func attest(_ request: AttestationRequest) async {
    guard let collector = collectors[request.end] else { return }
    let now = UnixTime(seconds: UInt64(max(0, Date().timeIntervalSince1970)))
    await collector.attest(request, at: now) { index, fault in
      await self.note(.attester(request.end, index: index, fault))
    } done: { result in
      await self.took(request.batch, result)
    }
  }

  private func took(
    _ batch: BatchID, _ result: Result<EvidenceCollector.Collected, EvidenceCollector.Failure>
  ) {
    guard batches.contains(batch) else { return }
    switch result {
    case .failure(let failure): enqueue(.event(.evidence(batch, .failed(code: failure.code))))
    case .success(let collected):
      evidence[batch] = collected.evidence
      enqueue(.event(.evidence(batch, .ready(findings: collected.findings))))
    }
  }

  private func took(
    _ batch: BatchID, _ result: Result<EvidenceCollector.Proofs, EvidenceCollector.Failure>
  ) {
    guard batches.contains(batch) else { return }
    switch result {
    case .failure(let failure): enqueue(.event(.proofs(batch, .failed(code: failure.code))))
    case .success(let collected):
      proofs[batch] = collected.proofs
      enqueue(.event(.proofs(batch, .ready(findings: collected.findings))))
    }
  }

  // MARK: Submissions

  @concurrent nonisolated func submit(
    _ submissions: AsyncStream<Submission>, by submitter: Submitter, on domain: DomainID
  ) async {
    var state = Submitter.State()
    for await submission in submissions {
      if await isAccountStale(domain) { state.forget() }
      let request = submission.request
      let answer = await submitter.submit(submission, &state) { hash in
        await self.expect(hash, request, on: domain)
      } forget: { hash in
        await self.forget(hash, on: domain)
      }
      switch answer {
      case .waiting: await proven(submission)
      case .refused(let part, let code):
        await note(.refused(request.end, part, code: code))
        await enqueue(.event(.submitted(request.batch, .refused(part, code: code))))
      case .lost(let error):
        await failed(error, of: domain)
        await enqueue(.event(.submitted(request.batch, .lost)))
      case .failed:
        // Nothing was submitted; the file's failure is seen at the next turn.
        await enqueue(.event(.submitted(request.batch, .refused(.transaction, code: "unavailable"))))
      }
    }
  }

  private func isAccountStale(_ domain: DomainID) -> Bool {
    defer { sessions[domain]?.isAccountStale = false }
    return sessions[domain]?.isAccountStale ?? true
  }

  private func expect(_ hash: Bytes32, _ request: SubmitRequest, on domain: DomainID) {
    let expires = ContinuousClock.now + configuration.rules.submissionTimeout
    guard var session = sessions[domain] else { return }
    session.flights[hash] = Flight(request: request, expires: expires)
    // Its block was here before us.
    if let index = session.strays.firstIndex(where: { $0.id == hash }) {
      let stray = session.strays.remove(at: index)
      land(stray.transaction, named: hash, at: stray.height, &session)
    }
    sessions[domain] = session
  }

  private func forget(_ hash: Bytes32, on domain: DomainID) { sessions[domain]?.flights[hash] = nil }

  /// Packets that go to the destination with the height that proves them.
  private func proven(_ submission: Submission) {
    guard let time = submission.evidence?.time else { return }
    let height = submission.request.height.number
    let exact = peers[submission.request.end].flatMap { sessions[$0.domain]?.time(of: height) }
    let moment = StageMoment(height: height, time: exact ?? time)
    for message in submission.request.messages where message.task == .receive {
      stage(.proven, message.key, moment)
    }
  }
}
