import Messages

extension RelayEngine {
  // MARK: heads

  mutating func take(_ head: DomainHead, of id: DomainID) {
    guard let index = domainIndex[id], head.final <= head.latest else { return }
    if let known = domains[index].head {
      // An endpoint that lags behind tells nothing new.
      guard head.final >= known.final, head.latest >= known.latest, head != known else { return }
    }
    domains[index].head = head
    var released: [Slot] = []
    while let ticket = domains[index].finality.pop(through: head.final) {
      if tracked[ticket.slot]?.ticket == ticket.number { released.append(ticket.slot) }
    }
    while let ticket = domains[index].finalDeadlines.pop(through: head.finalTime) {
      if tracked[ticket.slot]?.ticket == ticket.number { released.append(ticket.slot) }
    }
    for slot in released { place(slot) }
    while let slot = domains[index].deadlines.pop(through: head.latestTime) {
      switch tracked[slot]?.record.status {
      case .evidenceReady(.receive):
        update(slot) { $0.status = .waitingEvidence(.receive) }
        place(slot)
      case .waitingEvidence(.receive), .hopeless(.receiveRefused), .hopeless(.receiveExhausted): place(slot)
      default: break
      }
    }
  }

  mutating func rollBack(_ id: DomainID, to height: Height) {
    guard let index = domainIndex[id] else { return }
    if domains[index].isForgiven {
      replaceHistory(index)
    } else if let head = domains[index].head {
      if height < head.final {
        violateFinality(index)
      } else if height < head.latest {
        domains[index].head = DomainHead(
          latest: height, latestTime: head.finalTime, final: head.final, finalTime: head.finalTime)
      }
    }
    // The transactions of these blocks mostly come again by themselves, in others.
    let moment = now.adding(rules.rollbackPatience)
    for slot in tracked.keys.sorted() {
      guard let record = tracked[slot]?.record, !record.status.isSettled else { continue }
      let isOrigin = ends[slot.end].domain == index
      let isDestination = destination(slot) == index
      if isOrigin, record.sentHeight > height {
        guard !record.status.isHopeless else { continue }
        // Nobody has to act on it: whoever sent it sees that it is not there.
        update(slot) { record in
          record.status = .hopeless(.rolledBack)
          record.notBefore = nil
          record.ending = nil
        }
        place(slot)
        continue
      }
      let losesEnding = isOrigin && (record.ending.map { $0.height > height } ?? false)
      let losesReceipt = isDestination && (record.receivedHeight.map { $0 > height } ?? false)
      let losesAnswer = isDestination && (record.answer.map { $0.height > height } ?? false)
      guard losesEnding || losesReceipt || losesAnswer else { continue }
      update(slot) { record in
        if losesEnding { record.ending = nil }
        if losesReceipt { record.receivedHeight = nil }
        if losesAnswer { record.answer = nil }
        record.notBefore = nil
        if !record.status.isHopeless {
          record.status = .checking(losesReceipt || losesAnswer ? .receive : .acknowledge)
          record.notBefore = moment
        }
      }
      place(slot)
    }
  }

  /// Shuts the lanes of a domain that takes back what it had called final.
  mutating func violateFinality(_ domain: Int) {
    domains[domain].isViolated = true
    for end in ends.indices where ends[end].domain == domain && !ends[end].record.isFinalityViolated {
      ends[end].record.isFinalityViolated = true
      changedEnds.insert(end)
      raise(.finalityViolated, end)
      dissolve(end)
      dissolve(ends[end].peer)
    }
  }

  mutating func restoreFinality(_ domain: Int) {
    domains[domain].isViolated = false
    domains[domain].isForgiven = false
    for end in ends.indices where ends[end].domain == domain && ends[end].record.isFinalityViolated {
      ends[end].record.isFinalityViolated = false
      changedEnds.insert(end)
      lower(.finalityViolated, end)
      for end in [end, ends[end].peer] {
        ends[end].clientAt = now
        ends[end].failures = 0
        ends[end].notBefore = now
      }
    }
  }

  /// What was final counts for nothing any more: heights begin anew, and what had ended is looked for again.
  private mutating func replaceHistory(_ domain: Int) {
    domains[domain].isViolated = false
    domains[domain].isForgiven = false
    domains[domain].head = nil
    for end in ends.indices where ends[end].domain == domain {
      dissolve(end)
      dissolve(ends[end].peer)
      ends[end].record.ended = SequenceRuns()
      ends[end].scanCursor = 0
      ends[end].isScanning = false
      ends[end].scanAt = now
      changedEnds.insert(end)
    }
  }

  // MARK: events

  mutating func take(_ sight: PacketSight, on domain: DomainID, at height: Height) {
    let packet = sight.packet
    let isAtOrigin =
      switch sight {
      case .sent, .acknowledged, .timedOut: true
      case .received, .acknowledgementWritten: false
      }
    func ignored(_ reason: IgnoredSight.Reason) -> RelayEffect {
      .ignored(
        IgnoredSight(
          domain: domain, sourceClient: packet.sourceClient, sequence: packet.sequence, reason: reason))
    }
    let local = LaneEnd(domain, isAtOrigin ? packet.sourceClient : packet.destinationClient)
    guard let localEnd = endIndex[local] else {
      effects.append(ignored(.laneUnknown))
      return
    }
    let end = isAtOrigin ? localEnd : ends[localEnd].peer
    guard ends[end].end.client == packet.sourceClient,
      ends[ends[end].peer].end.client == packet.destinationClient
    else {
      effects.append(ignored(.clientMismatch))
      return
    }
    let slot = Slot(end: end, sequence: packet.sequence.rawValue)
    // A scan may know already that a packet in work has ended; what is told of that one still counts.
    guard tracked[slot] != nil || !ends[end].record.ended.contains(slot.sequence) else { return }
    let commitment = PacketCommitment.of(packet)
    if tracked[slot] == nil {
      switch sight {
      // Nothing is left to do for it.
      case .acknowledged, .timedOut: return
      case .sent, .received, .acknowledgementWritten: break
      }
      let isLive = counts.live < rules.liveMax
      guard isLive || counts.backlog < rules.backlogMax else {
        raise(.backlogFull, end)
        effects.append(ignored(.full))
        return
      }
      let record = PacketRecord(
        PacketKey(ends[end].end, packet.sequence), status: .waitingFinality, isLive: isLive,
        // What the destination has seen was final at the origin.
        sentHeight: isAtOrigin ? height : Height(0), groupMax: rules.batchMessagesMax, at: now)
      tracked[slot] = Tracked(record: record)
      count(record, 1)
      changed.insert(slot)
    }
    guard let record = tracked[slot]?.record else { return }
    if record.status == .hopeless(.rolledBack), case .sent = sight {
      update(slot) { record in
        record.status = .waitingFinality
        record.contents = nil
        record.sentHeight = height
      }
      // It is as new as before.
      if counts.live < rules.liveMax { update(slot) { $0.isLive = true } }
    }
    if let known = tracked[slot]?.record.contents {
      if known.commitment != commitment {
        // Before finality the origin may think better of it; what is proven against is the final state.
        guard case .sent = sight, record.status == .waitingFinality else {
          effects.append(ignored(.commitmentDiffers))
          return
        }
        learnContents(packet, slot)
      }
    } else {
      learnContents(packet, slot)
    }
    switch sight {
    case .sent:
      if record.status == .waitingFinality, height != record.sentHeight {
        update(slot) { $0.sentHeight = height }
      }
      // A packet that waits elsewhere, or is being submitted, does not lose its place.
      switch tracked[slot]?.record.status {
      case .waitingFinality, .discovered: place(slot)
      case .hopeless(.contentsUnavailable):
        enter(slot, .checking(.receive))
        place(slot)
      default: break
      }
    case .received:
      guard record.receivedHeight == nil, record.ending == nil else { return }
      update(slot) { $0.receivedHeight = height }
      if record.answer == nil {
        enter(slot, .received)
        place(slot)
      }
    case .acknowledgementWritten(_, let acknowledgement):
      guard record.answer == nil else { return }
      learnt[slot, default: Learnt()].acknowledgement = acknowledgement
      update(slot) { record in
        if record.receivedHeight == nil { record.receivedHeight = height }
        record.answer = PacketRecord.Answer(
          commitment: PacketCommitment.of(acknowledgement), isSuccess: acknowledgement.isSuccess,
          sizeBytes: acknowledgement.results.reduce(64) { $0 + $1.count }, height: height)
      }
      if record.ending == nil { enter(slot, .waitingAcknowledgementFinality) }
      place(slot)
      progress(end)
    case .acknowledged, .timedOut:
      guard record.ending == nil else { return }
      var isTimeout = false
      if case .timedOut = sight { isTimeout = true }
      update(slot) { $0.ending = PacketRecord.Ending(isTimeout: isTimeout, height: height) }
      enter(slot, .confirming)
      place(slot)
    }
  }

  private mutating func learnContents(_ packet: Packet, _ slot: Slot) {
    learnt[slot, default: Learnt()].packet = packet
    let size = packet.payloads.reduce(256) { $0 + $1.value.count + 160 }
    update(slot) { record in
      record.contents = PacketRecord.Contents(
        commitment: PacketCommitment.of(packet), timeout: packet.timeout, sizeBytes: size)
    }
    changed.insert(slot)
    watchDeadline(slot)
  }

  // MARK: look-ups

  mutating func takeNothing(for lookup: Lookup) {
    guard let end = endIndex[lookup.key.origin] else { return }
    let slot = Slot(end: end, sequence: lookup.key.sequence.rawValue)
    guard let item = tracked[slot], item.asking == .lookup, wanted(by: item.record) == lookup.wanted else {
      return
    }
    takeNothing(at: slot)
  }

  func wanted(by record: PacketRecord) -> Lookup.Wanted {
    record.status == .discovered ? .packet : .acknowledgement
  }

  mutating func takeNothing(at slot: Slot) {
    guard let record = tracked[slot]?.record else { return }
    let lookupsMax = rules.lookupsMax
    let failures = record.lookups + 1
    if record.status == .discovered, failures >= rules.lookupsMax {
      update(slot) { $0.lookups = failures }
      giveUp(slot, .contentsUnavailable)
      return
    }
    let pause = backoff(failures, record.key)
    let moment = now.adding(pause)
    update(slot) { record in
      record.lookups = min(failures, lookupsMax)
      record.notBefore = moment
    }
    place(slot)
  }

  func backoff(_ failures: Int, _ key: PacketKey) -> Duration {
    Self.backoff(failures, key, rules)
  }

  static func backoff(_ failures: Int, _ key: PacketKey, _ rules: RelayRules) -> Duration {
    Turns.backoff(
      failures, first: rules.backoffFirst, max: rules.backoffMax,
      salt: Turns.hash(key, UInt64(failures) &+ 16))
  }

  // MARK: scans

  mutating func take(_ page: ScanPage) {
    guard let end = endIndex[page.origin], ends[end].isScanning, page.after == ends[end].scanCursor,
      page.open.count <= rules.scanPageMax
    else { return }
    let through = page.through ?? .max
    let open = page.open.map(\.rawValue)
    // A page out of order or out of its bounds is not believed.
    guard through > page.after, zip(open, open.dropFirst()).allSatisfy({ $0 < $1 }),
      open.first.map({ $0 > page.after }) ?? true, open.last.map({ $0 <= through }) ?? true
    else { return }
    ends[end].isScanning = false
    var covered = through
    var isFull = false
    for sequence in page.open {
      let slot = Slot(end: end, sequence: sequence.rawValue)
      if tracked[slot]?.record.status == .hopeless(.rolledBack) {
        update(slot) { record in
          record.contents = nil
          record.sentHeight = page.height
        }
        enter(slot, .discovered)
        place(slot)
      }
      if tracked[slot] != nil || ends[end].record.ended.contains(slot.sequence) { continue }
      guard counts.backlog < rules.backlogMax else {
        raise(.backlogFull, end)
        covered = sequence.rawValue - 1
        isFull = true
        break
      }
      let record = PacketRecord(
        PacketKey(ends[end].end, sequence), status: .discovered, isLive: false, sentHeight: page.height,
        groupMax: rules.batchMessagesMax, at: now)
      tracked[slot] = Tracked(record: record)
      count(record, 1)
      changed.insert(slot)
      place(slot)
    }
    if !isFull { lower(.backlogFull, end) }
    closeGaps(page, end, covered: covered)
    if isFull || page.through == nil {
      // The rest is found again once there is room.
      ends[end].scanCursor = isFull ? covered : 0
      ends[end].scanAt = now.adding(rules.scanInterval)
    } else {
      ends[end].scanCursor = covered
      ends[end].scanAt = now
    }
  }

  /// What a page covers and does not list has ended.
  private mutating func closeGaps(_ page: ScanPage, _ end: Int, covered: UInt64) {
    let open = Set(page.open.map(\.rawValue))
    let first = Slot(end: end, sequence: page.after)
    for slot in tracked.keys.filter({ $0.end == end && $0 > first && $0.sequence <= covered }).sorted() {
      guard !open.contains(slot.sequence), let record = tracked[slot]?.record,
        record.sentHeight <= page.height
      else { continue }
      switch record.status {
      case .discovered, .hopeless(.contentsUnavailable):
        enter(slot, .settled(.elsewhere))
        place(slot)
      case .waitingEvidence(let task): recheck(slot, task)
      // It was never sent.
      case .hopeless(.rolledBack): break
      case .hopeless: recheck(slot, .acknowledge)
      case .received, .waitingAcknowledgementFinality: recheck(slot, .acknowledge)
      case .waitingDeadline: recheck(slot, .timeOut)
      case .waitingFinality, .evidenceReady, .submitting, .checking, .confirming, .settled, .paused: break
      }
    }
    // Sequences below an open one have been sent; those that are not open there have ended.
    var next = page.after + 1
    var ended = ends[end].record.ended
    for sequence in page.open where sequence.rawValue <= covered {
      if sequence.rawValue > next {
        ended.insert(next, sequence.rawValue - 1, runsMax: rules.endedRunsMax)
      }
      next = sequence.rawValue &+ 1
    }
    guard ended != ends[end].record.ended else { return }
    ends[end].record.ended = ended
    changedEnds.insert(end)
  }

  private mutating func recheck(_ slot: Slot, _ task: RelayTask) {
    guard tracked[slot]?.batch == nil else { return }
    enter(slot, .checking(task))
    place(slot)
  }

  // MARK: inspections

  mutating func take(_ inspection: Inspection) {
    guard let end = endIndex[inspection.origin], inspection.packets.count <= rules.questionsMax else {
      return
    }
    for found in inspection.packets {
      let slot = Slot(end: end, sequence: found.sequence.rawValue)
      guard let item = tracked[slot], item.asking == .inspection,
        case .checking(let task) = item.record.status
      else { continue }
      decide(slot, item.record, task, found, inspection)
    }
  }

  private mutating func decide(
    _ slot: Slot, _ record: PacketRecord, _ task: RelayTask, _ found: InspectedPacket,
    _ inspection: Inspection
  ) {
    let isPassed = record.contents.map { inspection.destinationTime >= $0.timeout } ?? false
    if !found.isOpen {
      guard record.sentHeight <= inspection.originHeight else {
        enter(slot, .waitingFinality)
        place(slot)
        return
      }
      // Ended without a receipt means timed out; the destination is believed once it is past the deadline, for
      // before that the receipt may be missing only in what was read.
      guard found.isReceived || record.answer != nil || isPassed else {
        pause(slot)
        return
      }
      update(slot) { record in
        record.ending = PacketRecord.Ending(
          isTimeout: !found.isReceived && record.answer == nil, height: inspection.originHeight)
        if found.isReceived, record.receivedHeight == nil {
          record.receivedHeight = inspection.destinationHeight
        }
      }
      enter(slot, .confirming)
    } else if found.isReceived {
      update(slot) { record in
        if record.receivedHeight == nil { record.receivedHeight = inspection.destinationHeight }
      }
      enter(slot, record.answer == nil ? .received : .waitingAcknowledgementFinality)
      update(slot, persists: false) { $0.notBefore = nil }
    } else if record.receivedHeight.map({ $0 > inspection.destinationHeight }) ?? false {
      // Seen in a block that was not final when it was read.
      pause(slot)
      return
    } else {
      update(slot) { record in
        record.receivedHeight = nil
        record.answer = nil
      }
      if record.sentHeight > inspection.originHeight {
        enter(slot, .waitingFinality)
      } else {
        let time = destinationHead(slot)?.latestTime ?? UnixTime(seconds: 0)
        let isLate = record.contents.map { time >= $0.timeout } ?? false
        enter(slot, isLate ? .waitingDeadline : .waitingEvidence(.receive))
      }
    }
    place(slot)
  }

  private mutating func pause(_ slot: Slot) {
    let moment = now.adding(rules.backoffFirst)
    update(slot, persists: false) { $0.notBefore = moment }
    place(slot)
  }
}
