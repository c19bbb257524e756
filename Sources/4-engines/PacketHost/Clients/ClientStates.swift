import Digests
import Encodings
import Gate
import Messages
import WireBytes

/// Evidence as it is kept beside the state that it proved, to stand against whatever contradicts it later.
struct KeptEvidence: Hashable {
  let bytes: [UInt8]
  /// What the proven claim lists, when it lists something.
  let entries: [StoredEntry]
  /// Whether the entries can be read from the evidence itself.
  private let isPlain: Bool

  init(_ evidence: Evidence, bytes: [UInt8], claim: Claim) {
    self.bytes = bytes
    if case .packets(let packets) = claim { entries = packets.entries } else { entries = [] }
    if case .attested = evidence { isPlain = true } else { isPlain = false }
  }

  /// `{evidence 1, entries 2}`; entries only where the evidence does not show them.
  func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, bytes)
    if !isPlain {
      var listed: [UInt8] = []
      for entry in entries {
        listed.append(entry.pathHash)
        listed.append(entry.commitment)
      }
      writer.bytes(2, listed)
    }
    return writer.bytes
  }

  /// Nil for bytes that this host did not write.
  init?(stored: [UInt8]) {
    let span = stored.span
    var bytes: [UInt8] = []
    var listed: [UInt8] = []
    do {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
      while let field = try reader.next(in: span) {
        if field.number == 1 { bytes = try field.bytes(in: span) } else { listed = try field.bytes(in: span) }
      }
    } catch { return nil }
    guard let evidence = try? Evidence(protobuf: bytes.span), listed.count % 64 == 0 else { return nil }
    self.bytes = bytes
    if case .attested(let attested) = evidence {
      isPlain = true
      if case .packets(let found) = attested.body { entries = found } else { entries = [] }
    } else {
      isPlain = false
      let list = listed.span
      entries = stride(from: 0, to: list.count, by: 64).map { start in
        StoredEntry(pathHash: Bytes32(list, at: start), commitment: Bytes32(list, at: start + 32))
      }
    }
  }

  /// Whether one path has two values.
  func contradicts(_ other: KeptEvidence) -> Bool {
    guard !entries.isEmpty, !other.entries.isEmpty else { return false }
    let known = Dictionary(entries.map { ($0.pathHash, $0.commitment) }) { first, _ in first }
    return other.entries.contains { entry in known[entry.pathHash].map { $0 != entry.commitment } ?? false }
  }
}

/// The states of a client in the store: a list in the order of heights, each with its neighbours, so that no
/// step reads more than a few of them.
extension HostClients {
  func consensusRecord(
    of id: ClientID, _ height: Height, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> ConsensusRecord? {
    guard let bytes = try read(HostKeys.consensusState(id, height), in: &context) else { return nil }
    guard let record = ConsensusRecord(stored: bytes) else { throw .halt(.state(.unreadable)) }
    return record
  }

  func link(
    of id: ClientID, _ height: Height, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> ConsensusLink? {
    do { return try Self.link(of: id, height, in: &context) } catch { throw .halt(error) }
  }

  private static func link(
    of id: ClientID, _ height: Height, in context: inout HostContext
  ) throws(ExecutionHalt) -> ConsensusLink? {
    guard let bytes = try context.read(HostKeys.consensusLink(id, height)) else { return nil }
    guard let link = ConsensusLink(stored: bytes) else { throw .state(.unreadable) }
    return link
  }

  private static func neighbours(
    of id: ClientID, _ height: Height, record: ClientRecord, in context: inout HostContext
  ) throws(ExecutionHalt) -> (lower: Height?, higher: Height?) {
    guard let latest = record.latest, let oldest = record.oldest else { return (nil, nil) }
    if height > latest { return (latest, nil) }
    if height < oldest { return (nil, oldest) }
    let found = try context.entries(
      prefix: HostKeys.consensusLinks(id), after: HostKeys.consensusLink(id, height), limit: 1)
    guard let entry = found.first, let higher = HostKeys.height(ofLink: entry.key, id),
      let link = ConsensusLink(stored: entry.value)
    else { throw .state(.unreadable) }
    return (link.lower, higher)
  }

  /// Adds a state at a height that has none.
  static func insert(
    _ state: ConsensusRecord, at height: Height, of id: ClientID, record: inout ClientRecord,
    in context: inout HostContext
  ) throws(ExecutionHalt) {
    var link = ConsensusLink()
    (link.lower, link.higher) = try neighbours(of: id, height, record: record, in: &context)
    if let lower = link.lower, var other = try Self.link(of: id, lower, in: &context) {
      other.higher = height
      try context.write(other.encoded(), to: HostKeys.consensusLink(id, lower))
    }
    if let higher = link.higher, var other = try Self.link(of: id, higher, in: &context) {
      other.lower = height
      try context.write(other.encoded(), to: HostKeys.consensusLink(id, higher))
    }
    try context.write(link.encoded(), to: HostKeys.consensusLink(id, height))
    try context.write(state.encoded(for: record.kind), to: HostKeys.consensusState(id, height))
    record.count += 1
    if link.lower == nil { record.oldest = height }
    if link.higher == nil {
      record.latest = height
      record.latestTime = state.time
    }
  }

  /// The height whose state cannot be true beside `state`: this one, or a neighbour whose time crosses.
  func contradiction(
    of state: ConsensusRecord, at height: Height, link: ConsensusLink?, of id: ClientID, record: ClientRecord,
    in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> Height? {
    if let known = try consensusRecord(of: id, height, in: &context), known.contradicts(state) {
      return height
    }
    let lower: Height?
    let higher: Height?
    if let link {
      (lower, higher) = (link.lower, link.higher)
    } else {
      do { (lower, higher) = try Self.neighbours(of: id, height, record: record, in: &context) } catch {
        throw .halt(error)
      }
    }
    if let lower, let known = try consensusRecord(of: id, lower, in: &context), known.crosses(state) {
      return lower
    }
    if let higher, let known = try consensusRecord(of: id, higher, in: &context), state.crosses(known) {
      return higher
    }
    return nil
  }

  /// The kept evidence of `height` that lists another value for a path.
  func contradicted(
    by kept: KeptEvidence, at height: Height, of id: ClientID, link: ConsensusLink,
    in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> [UInt8]? {
    guard !kept.entries.isEmpty else { return nil }
    for index in 0..<link.evidenceCount {
      guard let bytes = try read(HostKeys.evidence(id, height, index), in: &context),
        let other = KeptEvidence(stored: bytes)
      else { throw .halt(.state(.unreadable)) }
      if other.contradicts(kept) { return other.bytes }
    }
    return nil
  }

  /// What stands for the state at `height`: the evidence that proved it, or the state that the creator
  /// vouched for.
  func standing(
    for height: Height, of id: ClientID, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> [UInt8] {
    if let bytes = try read(HostKeys.evidence(id, height, 0), in: &context) {
      guard let kept = KeptEvidence(stored: bytes) else { throw .halt(.state(.unreadable)) }
      return kept.bytes
    }
    guard let bytes = try read(HostKeys.consensusState(id, height), in: &context) else {
      throw .halt(.state(.unreadable))
    }
    return bytes
  }

  /// Keeps evidence that is new at its height, while there is room.
  func keep(
    _ kept: KeptEvidence, at height: Height, of id: ClientID, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) {
    guard var link = try link(of: id, height, in: &context), link.evidenceCount < Self.evidenceCountMax else {
      return
    }
    let bytes = kept.encoded()
    for index in 0..<link.evidenceCount
    where try read(HostKeys.evidence(id, height, index), in: &context) == bytes {
      return
    }
    let index = link.evidenceCount
    link.evidenceCount += 1
    try halting { () throws(ExecutionHalt) in
      try context.write(bytes, to: HostKeys.evidence(id, height, index))
      try context.write(link.encoded(), to: HostKeys.consensusLink(id, height))
    }
  }

  /// Forgets the lowest state when it has expired or there are too many; never the newest one.
  func prune(
    _ id: ClientID, record: inout ClientRecord, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) {
    guard let oldest = record.oldest, oldest != record.latest else { return }
    if record.count <= Self.consensusStateCountMax {
      guard let period = record.trustingPeriodSeconds,
        let state = try consensusRecord(of: id, oldest, in: &context),
        state.time.adding(seconds: period) <= context.moment.time
      else { return }
    }
    guard let link = try link(of: id, oldest, in: &context), let next = link.higher,
      var nextLink = try self.link(of: id, next, in: &context)
    else { throw .halt(.state(.unreadable)) }
    nextLink.lower = nil
    try halting { () throws(ExecutionHalt) in
      try context.write(nextLink.encoded(), to: HostKeys.consensusLink(id, next))
      for index in 0..<link.evidenceCount { try context.remove(HostKeys.evidence(id, oldest, index)) }
      try context.remove(HostKeys.consensusState(id, oldest))
      try context.remove(HostKeys.consensusLink(id, oldest))
    }
    record.count -= 1
    record.oldest = next
    record.floor = max(record.floor ?? oldest, oldest)
  }
}
