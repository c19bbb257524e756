import Messages

extension RelayEngine {
  mutating func take(_ result: SubmissionResult, of id: BatchID) {
    guard id.incarnation == incarnation, let batch = batches[id.number], batch.stage == .submitted else {
      return
    }
    switch result {
    case .included(let height, let outcomes): takeIncluded(id.number, batch, height, outcomes)
    case .refused(let part, let code): takeRefused(id.number, batch, part, code)
    case .lost:
      for task in batch.tasks where tracked[task.slot]?.batch == id.number {
        let key = task.message.key
        let moment = now.adding(backoff(ends[batch.end].failures + 1, key))
        enter(task.slot, .checking(task.message.task))
        update(task.slot) { record in
          record.lastRefusal = "lost"
          record.notBefore = moment
        }
        place(task.slot)
      }
      drop(id.number)
      backOff(batch.end)
    }
  }

  private mutating func takeIncluded(
    _ number: UInt64, _ batch: Batch, _ height: Height, _ outcomes: [MessageOutcome]
  ) {
    let end = batch.end
    ends[end].failures = 0
    ends[end].notBefore = now
    ends[end].needsUpdate = false
    if let early = ends[end].early, batch.updates, batch.height >= early.height { ends[end].early = nil }
    if batch.updates, let client = ends[end].client, client.latest.map({ $0 < batch.height }) ?? true {
      ends[end].client = RelayedClient(
        latest: batch.height, latestTime: batch.heightTime, isFrozen: client.isFrozen,
        isExpired: client.isExpired)
    }
    for (index, task) in batch.tasks.enumerated() where tracked[task.slot]?.batch == number {
      // Without an outcome nothing is known.
      let outcome = index < outcomes.count ? outcomes[index] : .noOperation
      let kind = task.message.task
      switch (kind, outcome) {
      case (.receive, .done), (.receive, .executionFailed):
        update(task.slot) { $0.receivedHeight = height }
        enter(task.slot, .received)
        progress(task.slot.end)
      case (.acknowledge, .done), (.timeOut, .done), (.acknowledge, .executionFailed),
        (.timeOut, .executionFailed):
        update(task.slot) { $0.ending = PacketRecord.Ending(isTimeout: kind == .timeOut, height: height) }
        enter(task.slot, .confirming)
        progress(task.slot.end)
      // Another relayer was first: that is success too, once it is seen what has become of it.
      case (_, .noOperation):
        doubt(task.slot, kind, code: "noOperation")
        continue
      }
      place(task.slot)
    }
    drop(number)
  }

  private mutating func takeRefused(
    _ number: UInt64, _ batch: Batch, _ part: SubmissionResult.Part, _ code: String
  ) {
    let kind = FailureClass(code: code)
    let end = batch.end
    let slots = release(number)
    drop(number)
    if case .message(let index) = part, batch.tasks.indices.contains(index), kind != .laneShut {
      let task = batch.tasks[index]
      // The others are as good as before.
      if kind == .refreshClient { staleClient(end) }
      if slots.contains(where: { $0.slot == task.slot }) {
        refuse(task.slot, task.message.task, kind, code: code)
      }
      return
    }
    blame(slots, code: code)
    if part == .update || batch.isRefresh {
      if kind == .waitHeight, batch.updates { hold(batch) } else { letGo(end, kind) }
      staleClient(end)
      backOff(end)
      return
    }
    switch kind {
    case .hopeless, .split, .deadlinePassed:
      if batch.tasks.count > 1 {
        halve(slots, to: batch.tasks.count / 2)
      } else if let only = slots.first {
        refuse(only.slot, only.task, kind, code: code)
      }
    case .alreadyDone:
      for (slot, task) in slots { doubt(slot, task, code: code) }
    case .refreshClient, .laneShut:
      staleClient(end)
      backOff(end)
    case .retryLater, .waitHeight, .waitCapacity: backOff(end)
    }
  }

  /// Keeps the lowest height that was too early.
  private mutating func hold(_ batch: Batch) {
    let end = batch.end
    guard ends[end].form == .header else { return }
    ends[end].isAhead = true
    guard ends[end].early.map({ batch.height < $0.height }) ?? true else { return }
    ends[end].early = (batch.height, batch.heightTime)
  }

  /// A header that cannot be had, or is refused for another reason than its time, is not offered again.
  mutating func letGo(_ end: Int, _ kind: FailureClass) {
    switch kind {
    case .retryLater, .waitHeight, .waitCapacity: break
    default: ends[end].early = nil
    }
  }

  private mutating func staleClient(_ end: Int) {
    ends[end].needsUpdate = true
    ends[end].clientAt = now
  }

  /// What a refusal of one packet's message means for that packet.
  mutating func refuse(_ slot: Slot, _ task: RelayTask, _ kind: FailureClass, code: String) {
    guard let record = tracked[slot]?.record else { return }
    switch kind {
    case .retryLater, .split, .refreshClient, .laneShut:
      let attempts = record.attempts + 1
      guard attempts < rules.attemptsMax else {
        update(slot) { $0.attempts = attempts }
        giveUp(slot, task == .receive ? .receiveExhausted : .settlementExhausted, code: code)
        return
      }
      let moment = now.adding(backoff(attempts, record.key))
      update(slot) { record in
        record.attempts = attempts
        record.notBefore = moment
        record.lastRefusal = PacketRecord.cut(code)
        record.isLive = false
      }
      place(slot)
    case .waitHeight:
      let moment = now.adding(backoff(1, record.key))
      update(slot) { record in
        record.notBefore = moment
        record.lastRefusal = PacketRecord.cut(code)
      }
      place(slot)
    case .waitCapacity:
      // It passes by itself, late: pauses grow, and attempts do not run out.
      let attempts = min(record.attempts + 1, rules.attemptsMax - 1)
      let moment = now.adding(backoff(max(attempts, 1), record.key))
      update(slot) { record in
        record.attempts = attempts
        record.notBefore = moment
        record.lastRefusal = PacketRecord.cut(code)
        record.isLive = false
      }
      place(slot)
    case .alreadyDone: doubt(slot, task, code: code)
    case .deadlinePassed:
      guard task == .receive else {
        refuse(slot, task, .retryLater, code: code)
        return
      }
      update(slot) { $0.lastRefusal = PacketRecord.cut(code) }
      enter(slot, .waitingDeadline)
      place(slot)
    case .hopeless: giveUp(slot, task == .receive ? .receiveRefused : .settlementRefused, code: code)
    }
  }

  /// Both domains are asked, a bounded number of times, before the task is tried again.
  mutating func doubt(_ slot: Slot, _ task: RelayTask, code: String) {
    guard let attempts = tracked[slot].map({ $0.record.attempts + 1 }) else { return }
    update(slot) { record in
      record.attempts = attempts
      record.lastRefusal = PacketRecord.cut(code)
    }
    guard attempts < rules.attemptsMax else {
      giveUp(slot, task == .receive ? .receiveExhausted : .settlementExhausted, code: code)
      return
    }
    enter(slot, .checking(task))
    place(slot)
  }

  mutating func blame(_ slots: [(slot: Slot, task: RelayTask)], code: String) {
    let code = PacketRecord.cut(code)
    for (slot, _) in slots { update(slot) { $0.lastRefusal = code } }
  }

  /// Finds the culprit of a batch by halves.
  mutating func halve(_ slots: [(slot: Slot, task: RelayTask)], to size: Int) {
    for (slot, _) in slots { update(slot) { $0.groupMax = max(1, min($0.groupMax, size)) } }
  }

  /// Something other than a packet stands in the way of everything at `end`.
  mutating func backOff(_ end: Int) {
    ends[end].failures += 1
    let failures = min(ends[end].failures, 1_000)
    ends[end].failures = failures
    let key = PacketKey(ends[end].end, .first)
    ends[end].notBefore = now.adding(backoff(failures, key))
  }
}
