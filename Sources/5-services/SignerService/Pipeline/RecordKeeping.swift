public import SignerJournal
import Synchronization

/// What is written down before anything is signed: records, audit lines and the anchor, in one commit.
///
/// A protocol, so that tests can let a commit fail.
public protocol RecordKeeping: Sendable {
  func append(_ record: [UInt8]) throws(RecordFailure)
  func append(_ entry: AuditEntry) throws(RecordFailure)
  /// Returns when everything that was appended is on disk. After a failure nothing may be signed any more.
  func commit() throws(RecordFailure)
  var wantsCompaction: Bool { get }
  func compact(snapshot: [[UInt8]], at milliseconds: UInt64) throws(RecordFailure)
  /// Whether a counter outside the disk is due to be raised.
  func wantsCounterRaise(at milliseconds: UInt64) -> Bool
  /// Commits, and raises the counter where there is one and something was written. A failure is final.
  func raiseCounter(at milliseconds: UInt64) throws(RecordFailure)
  var position: Position { get }
  var auditHead: AuditHead { get }
}

extension RecordKeeping {
  /// There is none.
  public func wantsCounterRaise(at milliseconds: UInt64) -> Bool { false }
  public func raiseCounter(at milliseconds: UInt64) throws(RecordFailure) {}
}

/// The records of a signer's directory. A class, since they are one, and the signing thread's; the lock is free but for reports.
public final class JournaledRecords: RecordKeeping {
  private let records: Mutex<SignerRecords>

  public init(_ records: consuming sending SignerRecords) {
    self.records = Mutex(records)
  }

  public func append(_ record: [UInt8]) throws(RecordFailure) {
    try records.withLock { records throws(RecordFailure) in try records.append(record) }
  }

  public func append(_ entry: AuditEntry) throws(RecordFailure) {
    try records.withLock { records throws(RecordFailure) in try records.append(entry) }
  }

  public func commit() throws(RecordFailure) {
    try records.withLock { records throws(RecordFailure) in _ = try records.commit() }
  }

  public var wantsCompaction: Bool { records.withLock { $0.wantsCompaction } }

  public func compact(snapshot: [[UInt8]], at milliseconds: UInt64) throws(RecordFailure) {
    try records.withLock { records throws(RecordFailure) in
      try records.compact(snapshot: snapshot, at: milliseconds)
    }
  }

  public func wantsCounterRaise(at milliseconds: UInt64) -> Bool {
    records.withLock { $0.wantsCounterRaise(at: milliseconds) }
  }

  public func raiseCounter(at milliseconds: UInt64) throws(RecordFailure) {
    try records.withLock { records throws(RecordFailure) in try records.raiseCounter(at: milliseconds) }
  }

  public var position: Position { records.withLock { $0.position } }
  public var auditHead: AuditHead { records.withLock { $0.auditHead } }
}
