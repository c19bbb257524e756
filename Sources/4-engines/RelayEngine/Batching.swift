import Messages

extension RelayEngine {
  /// Makes batches at `end` as long as there is work and room.
  mutating func fill(_ end: Int) {
    guard !isShut(end), ends[end].notBefore <= now, let client = ends[end].client,
      let tracked = head(ends[ends[end].peer].domain), head(ends[end].domain) != nil
    else { return }
    if let early = ends[end].early {
      if client.latest.map({ $0 < early.height }) ?? true {
        offer(early, end, client, tracked)
        return
      }
      ends[end].early = nil
    }
    refresh(end, client, tracked)
    guard ends[end].ready.count > 0 else {
      ends[end].fillAt = nil
      return
    }
    let isDue = ends[end].fillAt.map { $0 <= now } ?? true
    let isFull = ends[end].ready.live.count >= ends[end].messagesMax
    guard isDue || isFull else { return }
    while ends[end].liveBatches < rules.liveBatchesPerEndMax {
      let tasks = pick(end, isLive: true, client, tracked)
      if tasks.isEmpty { break }
      open(tasks, end, isLive: true, client, tracked)
    }
    while ends[end].backlogBatches < rules.backlogBatchesPerEndMax {
      let tasks = pick(end, isLive: false, client, tracked)
      if tasks.isEmpty { break }
      open(tasks, end, isLive: false, client, tracked)
    }
    if ends[end].ready.count == 0 { ends[end].fillAt = nil }
  }

  private mutating func pick(
    _ end: Int, isLive: Bool, _ client: RelayedClient, _ head: DomainHead
  ) -> [BatchTask] {
    var picked: [BatchTask] = []
    var isCovered = false
    var bytes = 0
    var limit = ends[end].messagesMax
    while picked.count < limit {
      guard let ticket = isLive ? ends[end].ready.live.first : ends[end].ready.backlog.first else { break }
      let item = tracked[ticket.slot]
      if let item, item.ticket == ticket.number, case .waitingEvidence(let task) = item.record.status,
        let work = batchTask(ticket.slot, item.record, task)
      {
        if !picked.isEmpty, bytes + work.sizeBytes > ends[end].bytesMax { break }
        if picked.count >= item.record.groupMax { break }
        if work.sizeBytes > ends[end].listedBytesMax {
          if !picked.isEmpty { break }
          limit = 1
        }
        // What the client can judge already does not wait with what it cannot.
        if ends[end].isAhead {
          let isWorkCovered = covers(client, work, head)
          if picked.isEmpty { isCovered = isWorkCovered }
          if isWorkCovered != isCovered { break }
        }
        limit = min(limit, item.record.groupMax)
        bytes += work.sizeBytes
        picked.append(work)
      }
      _ = isLive ? ends[end].ready.live.pop() : ends[end].ready.backlog.pop()
    }
    return picked
  }

  private func batchTask(_ slot: Slot, _ record: PacketRecord, _ task: RelayTask) -> BatchTask? {
    guard let contents = record.contents else { return nil }
    let origin = record.key.origin.client
    let destination = ends[ends[slot.end].peer].end.client
    let sequence = record.key.sequence
    let need: ProofNeed
    var size = contents.sizeBytes + ends[workEnd(slot.end, task)].proofBytes
    switch task {
    case .receive:
      need = ProofNeed(
        key: record.key, path: PacketPath(.commitment, client: origin, sequence: sequence),
        commitment: contents.commitment)
    case .acknowledge:
      guard let answer = record.answer else { return nil }
      size += answer.sizeBytes
      need = ProofNeed(
        key: record.key, path: PacketPath(.acknowledgement, client: destination, sequence: sequence),
        commitment: answer.commitment)
    case .timeOut:
      need = ProofNeed(
        key: record.key, path: PacketPath(.receipt, client: destination, sequence: sequence), commitment: nil)
    }
    return BatchTask(slot: slot, message: RelayMessage(task, need), sizeBytes: size)
  }

  /// The height of the tracked domain that `task` needs, and the time.
  private func reach(_ task: BatchTask) -> (height: Height, time: UnixTime) {
    guard let record = tracked[task.slot]?.record else { return (Height(0), UnixTime(seconds: 0)) }
    return switch task.message.task {
    case .receive: (record.sentHeight, UnixTime(seconds: 0))
    case .acknowledge: (record.answer?.height ?? Height(0), UnixTime(seconds: 0))
    case .timeOut: (Height(0), record.contents?.timeout ?? UnixTime(seconds: 0))
    }
  }

  /// Whether what the client knows is late enough for the task.
  private func covers(_ client: RelayedClient, _ task: BatchTask, _ tracked: DomainHead) -> Bool {
    guard let latest = client.latest else { return false }
    let (height, time) = reach(task)
    // Absence is sure at any height whose time is past the deadline. Elsewhere height 0 stands for "final, at a height
    // not known": only the newest final height is sure.
    let isSure = height != Height(0) || task.message.task == .timeOut || latest >= tracked.final
    return isSure && height <= latest && client.latestTime >= time
  }

  private mutating func open(
    _ tasks: [BatchTask], _ end: Int, isLive: Bool, _ client: RelayedClient, _ tracked: DomainHead
  ) {
    let number = nextBatch
    nextBatch += 1
    let id = BatchID(incarnation: incarnation, number: number)
    let form = ends[end].form
    // A height that the client knows already serves as well, when it is late enough for every message.
    var known: (height: Height, time: UnixTime)?
    if form != .attestedPackets, !ends[end].needsUpdate, !tasks.isEmpty, let latest = client.latest {
      if tasks.allSatisfy({ covers(client, $0, tracked) }) { known = (latest, client.latestTime) }
    }
    let height = known?.height ?? tracked.final
    let updates = known == nil
    batches[number] = Batch(
      end: end, isLive: isLive, height: height, heightTime: known?.time ?? tracked.finalTime,
      updates: updates,
      isRefresh: tasks.isEmpty, tasks: tasks, stage: .collecting, awaitsEvidence: updates,
      awaitsProofs: form != .attestedPackets && !tasks.isEmpty)
    if isLive { ends[end].liveBatches += 1 } else { ends[end].backlogBatches += 1 }
    if updates { ends[end].updatesOpen += 1 }
    for task in tasks { self.tracked[task.slot]?.batch = number }
    let domain = ends[ends[end].peer].end.domain
    let needs = tasks.map(\.message.need)
    if updates {
      switch form {
      case .attestedPackets, .attestedState:
        let isOverPackets = form == .attestedPackets
        effects.append(
          .askAttesters(
            AttestationRequest(
              batch: id, end: ends[end].end, tracked: domain, height: height, isOverPackets: isOverPackets,
              needs: isOverPackets ? needs : [])))
      case .header:
        effects.append(
          .fetchHeader(
            HeaderRequest(
              batch: id, end: ends[end].end, tracked: domain, height: height, trusted: client.latest)))
      }
    }
    if form != .attestedPackets, !tasks.isEmpty {
      effects.append(.fetchProofs(ProofRequest(batch: id, tracked: domain, height: height, needs: needs)))
    }
    timers.push(now.adding(rules.evidenceTimeout), .batch(number))
  }

  /// Offers a header again that was too early, alone.
  private mutating func offer(
    _ early: (height: Height, time: UnixTime), _ end: Int, _ client: RelayedClient, _ tracked: DomainHead
  ) {
    guard ends[end].updatesOpen == 0, ends[end].liveBatches < rules.liveBatchesPerEndMax else { return }
    let head = DomainHead(
      latest: tracked.latest, latestTime: tracked.latestTime, final: early.height, finalTime: early.time)
    open([], end, isLive: true, client, head)
  }

  /// Updates a client that nothing else updates, at two thirds of its trusting period.
  private mutating func refresh(_ end: Int, _ client: RelayedClient, _ tracked: DomainHead) {
    guard ends[end].form == .header, let trusting = ends[end].trustingSeconds, let latest = client.latest,
      let time = head(ends[end].domain)?.latestTime
    else { return }
    let age = time.seconds(since: client.latestTime)
    if age >= trusting / 6 * 5 { raise(.clientExpiring, end) } else { lower(.clientExpiring, end) }
    guard age >= trusting / 3 * 2, ends[end].updatesOpen == 0, tracked.final > latest,
      tracked.finalTime > client.latestTime, ends[end].liveBatches < rules.liveBatchesPerEndMax
    else { return }
    open([], end, isLive: true, client, tracked)
  }

  // MARK: collecting

  mutating func collected(_ id: BatchID, _ answer: CollectionAnswer, isProofs: Bool) {
    guard id.incarnation == incarnation, var batch = batches[id.number], batch.stage == .collecting,
      isProofs ? batch.awaitsProofs : batch.awaitsEvidence
    else { return }
    switch answer {
    case .failed(let code):
      failCollection(id.number, code: code)
    case .ready(let findings):
      if isProofs { batch.awaitsProofs = false } else { batch.awaitsEvidence = false }
      let kinds = Dictionary(findings.map { ($0.key, $0.kind) }) { first, _ in first }
      var odd: [(task: BatchTask, kind: ProofFinding.Kind)] = []
      batch.tasks.removeAll { task in
        guard let kind = kinds[task.message.key] else { return false }
        odd.append((task, kind))
        return true
      }
      batches[id.number] = batch
      for (task, kind) in odd where tracked[task.slot]?.batch == id.number {
        take(kind, of: task, at: batch.height)
      }
      guard !batch.awaitsEvidence, !batch.awaitsProofs else { return }
      guard !batch.tasks.isEmpty || batch.isRefresh else {
        drop(id.number)
        return
      }
      batches[id.number]?.stage = .ready
      for task in batch.tasks where tracked[task.slot]?.batch == id.number {
        update(task.slot, persists: false) { $0.status = .evidenceReady(task.message.task) }
      }
      let domain = ends[batch.end].domain
      if batch.isLive {
        domains[domain].readyLive.append(id.number)
      } else {
        domains[domain].readyBacklog.append(id.number)
      }
    }
  }

  private mutating func take(_ kind: ProofFinding.Kind, of task: BatchTask, at height: Height) {
    switch (task.message.task, kind) {
    case (.receive, .absent), (.receive, .present), (.acknowledge, .present):
      doubt(task.slot, task.message.task, code: "proof." + kind.rawValue)
    case (.receive, .different): giveUp(task.slot, .commitmentDiffers)
    case (.acknowledge, .absent), (.acknowledge, .different):
      // What was seen as the acknowledgement is not: it is looked up again, a bounded number of times.
      refuse(task.slot, .acknowledge, .retryLater, code: "acknowledgementDiffers")
      guard tracked[task.slot]?.record.status.isHopeless == false else { return }
      let moment = tracked[task.slot]?.record.notBefore
      update(task.slot) { record in
        record.answer = nil
        record.status = .received
        record.notBefore = moment
      }
      place(task.slot)
    case (.timeOut, _):
      // The late receive has won.
      update(task.slot) { record in if record.receivedHeight == nil { record.receivedHeight = height } }
      enter(task.slot, .received)
      update(task.slot, persists: false) { $0.notBefore = nil }
      place(task.slot)
    }
  }

  private mutating func failCollection(_ number: UInt64, code: String) {
    guard let batch = batches[number] else { return }
    let slots = release(number)
    blame(slots, code: code)
    drop(number)
    let kind = FailureClass(code: code)
    letGo(batch.end, kind)
    switch kind {
    case .split where batch.tasks.count > 1: halve(slots, to: batch.tasks.count / 2)
    case .laneShut, .refreshClient:
      ends[batch.end].needsUpdate = true
      ends[batch.end].clientAt = now
      backOff(batch.end)
    default: backOff(batch.end)
    }
  }

  /// What was asked for a batch is overdue.
  mutating func expire(_ number: UInt64) {
    guard let batch = batches[number] else { return }
    switch batch.stage {
    case .collecting: failCollection(number, code: "evidenceTimeout")
    case .ready: break
    case .submitted: take(.lost, of: BatchID(incarnation: incarnation, number: number))
    }
  }

  // MARK: submitting

  /// Submits what is ready, live first; one place is never the backlog's.
  mutating func launch(_ domain: Int) {
    while domains[domain].flights < rules.flightsPerDomainMax {
      let mayBacklog =
        !domains[domain].readyBacklog.isEmpty
        && domains[domain].backlogFlights < rules.flightsPerDomainMax - 1
      let number: UInt64
      if !domains[domain].readyLive.isEmpty, !(mayBacklog && domains[domain].liveRun >= rules.liveRunMax) {
        number = domains[domain].readyLive.removeFirst()
        domains[domain].liveRun = mayBacklog ? domains[domain].liveRun + 1 : 0
      } else if mayBacklog {
        number = domains[domain].readyBacklog.removeFirst()
        domains[domain].liveRun = 0
      } else {
        return
      }
      submit(number)
    }
  }

  private mutating func submit(_ number: UInt64) {
    guard var batch = batches[number], batch.stage == .ready else { return }
    let domain = ends[batch.end].domain
    batch.tasks.removeAll { task in
      guard let item = tracked[task.slot] else { return true }
      return item.batch != number || item.record.status != .evidenceReady(task.message.task)
    }
    guard !batch.tasks.isEmpty || batch.isRefresh else {
      drop(number)
      return
    }
    batch.stage = .submitted
    batches[number] = batch
    domains[domain].flights += 1
    if !batch.isLive { domains[domain].backlogFlights += 1 }
    var gas = rules.gas.perTransaction + (batch.updates ? rules.gas.perUpdate : 0)
    var attemptsMost = 0
    for task in batch.tasks {
      update(task.slot) { $0.status = .submitting(task.message.task) }
      attemptsMost = max(attemptsMost, tracked[task.slot]?.record.attempts ?? 0)
      gas = Self.sum(
        gas, Self.sum(rules.gas.perMessage, Self.product(rules.gas.perByte, UInt64(task.sizeBytes))))
    }
    // What ran out of gas gets more.
    gas = Self.product(gas, UInt64(1 + min(attemptsMost, 3)))
    effects.append(
      .submit(
        SubmitRequest(
          batch: BatchID(incarnation: incarnation, number: number), end: ends[batch.end].end,
          height: batch.height,
          updatesClient: batch.updates, messages: batch.tasks.map(\.message), gasEstimate: gas)))
    timers.push(now.adding(rules.submissionTimeout), .batch(number))
  }

  private static func sum(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let (value, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : value
  }

  private static func product(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let (value, overflow) = left.multipliedReportingOverflow(by: right)
    return overflow ? .max : value
  }

  // MARK: ending a batch

  /// Returns the packets of a batch to their queue; those that have gone elsewhere stay there.
  @discardableResult
  mutating func release(_ number: UInt64) -> [(slot: Slot, task: RelayTask)] {
    guard let batch = batches[number] else { return [] }
    var released: [(slot: Slot, task: RelayTask)] = []
    for task in batch.tasks where tracked[task.slot]?.batch == number {
      let kind = task.message.task
      update(task.slot) { $0.status = .waitingEvidence(kind) }
      released.append((task.slot, kind))
      place(task.slot)
    }
    return released
  }

  mutating func drop(_ number: UInt64) {
    guard let batch = batches.removeValue(forKey: number) else { return }
    if batch.isLive { ends[batch.end].liveBatches -= 1 } else { ends[batch.end].backlogBatches -= 1 }
    if batch.updates { ends[batch.end].updatesOpen -= 1 }
    let domain = ends[batch.end].domain
    switch batch.stage {
    case .submitted:
      domains[domain].flights -= 1
      if !batch.isLive { domains[domain].backlogFlights -= 1 }
    case .ready:
      domains[domain].readyLive.removeAll { $0 == number }
      domains[domain].readyBacklog.removeAll { $0 == number }
      effects.append(.abandon(BatchID(incarnation: incarnation, number: number)))
    case .collecting: effects.append(.abandon(BatchID(incarnation: incarnation, number: number)))
    }
  }

  /// Takes back every batch at `end` that has not been submitted.
  mutating func dissolve(_ end: Int) {
    for number in batches.keys.sorted()
    where batches[number]?.end == end && batches[number]?.stage != .submitted {
      release(number)
      drop(number)
    }
  }
}
