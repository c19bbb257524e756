/// Why a signer's records are not opened. Each says what was found; what to do about it is said at the edge.
public enum StartRefusal: Error, Hashable, Sendable {
  /// The anchor knows records, and there are none; or, with no anchor either, nothing is known of this vault here.
  case missingState(anchor: Position?)
  /// There are records, and no anchor that could tell whether they are the newest.
  case missingAnchor(state: Position)
  case foreignVault(found: VaultID)
  /// The records end before what was relied on: an older copy was put back.
  case restoredOlderState(state: Position, anchor: Position)
  /// The records start after the anchor's position: the anchor is an older copy.
  case restoredOlderAnchor(state: Position, anchor: Position)
  /// At the anchor's sequence the records have another hash: two signers went on from one copy.
  case forked(at: UInt64)
  /// The counter was raised by a start that these records do not know: they and the anchor are older copies.
  case counterAhead(recorded: UInt64, counter: UInt64)
  /// The counter is lower than it was: another device, or one that was cleared.
  case counterBehind(recorded: UInt64, counter: UInt64)
  /// Earlier starts used a counter, and this one has none.
  case counterMissing(recorded: UInt64)
  case auditTruncated(found: AuditHead, anchor: AuditHead)
  case auditForked(at: UInt64)
  /// A vault is to be made where there is one.
  case alreadyThere
  /// Another process holds the records or the anchor.
  case inUse
  /// The caller did not accept the record of this sequence.
  case record(sequence: UInt64)
  /// There is nothing to decide: the records open as they are, or with another refusal than the one decided about.
  case nothingToAdopt
  case journal(RecordJournalError)
  case anchor(AnchorError)
  case audit(AuditLogError)
  case counter(MonotonicCounterError)
  case files(FileCallError)

  /// Which decision would let the records be opened; nil when none would.
  public var adoptable: AdoptionReason? {
    switch self {
    case .missingState: .missingState
    case .missingAnchor: .missingAnchor
    case .restoredOlderState: .restoredOlderState
    case .restoredOlderAnchor: .restoredOlderAnchor
    case .forked: .forked
    case .counterAhead: .counterAhead
    case .counterBehind: .counterBehind
    case .counterMissing: .counterMissing
    case .auditTruncated: .auditTruncated
    case .auditForked: .auditForked
    case .foreignVault, .alreadyThere, .inUse, .record, .nothingToAdopt, .journal, .anchor, .audit, .counter,
      .files:
      nil
    }
  }

  init(_ error: RecordJournalError) {
    switch error {
    case .inUse: self = .inUse
    case .foreignVault(let found): self = .foreignVault(found: found)
    case .record(let sequence): self = .record(sequence: sequence)
    default: self = .journal(error)
    }
  }

  init(_ error: AnchorError) {
    switch error {
    case .inUse: self = .inUse
    case .foreignVault(let found): self = .foreignVault(found: found)
    default: self = .anchor(error)
    }
  }

  init(_ error: AuditLogError) {
    switch error {
    case .truncated(let found, let anchor): self = .auditTruncated(found: found, anchor: anchor)
    case .forked(let sequence): self = .auditForked(at: sequence)
    default: self = .audit(error)
    }
  }

  /// What the journal's contents say about the anchor's position; nil when they agree.
  init?(_ found: RecordJournal.Found, anchor: Position) {
    // A decision to go on that the anchor was to follow, and a crash between the two.
    if let adoption = found.adoption, adoption.anchor == anchor, found.base.sequence >= anchor.sequence {
      return nil
    }
    if found.end.sequence < anchor.sequence || found.end.epoch < anchor.epoch {
      self = .restoredOlderState(state: found.end, anchor: anchor)
    } else if anchor.sequence < found.base.sequence {
      self = .restoredOlderAnchor(state: found.end, anchor: anchor)
    } else if found.acknowledgedHash != anchor.hash {
      self = .forked(at: anchor.sequence)
    } else {
      return nil
    }
  }
}
