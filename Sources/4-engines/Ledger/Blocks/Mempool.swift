public import Messages
public import WireBytes

/// Transactions that wait for a block: bounded in number, in bytes, and for each sender.
///
/// A pure value. Transactions of one sender leave in the order of their sequences, others in the order of
/// arrival.
public struct Mempool: Sendable {
  public static let countMax = 10_000
  public static let sizeMax = 64 << 20
  public static let perSenderMax = 1_024
  /// Hashes of transactions that were included lately, so that a repeat is named as such.
  public static let recentMax = 20_000

  private struct Entry: Sendable {
    let hash: Bytes32
    let bytes: [UInt8]
    let gasLimit: UInt64
    let sender: AccountAddress
    let sequence: UInt64
  }

  private struct Queue: Sendable {
    var count: Int
    /// The sequence of the next transaction.
    var next: UInt64
  }

  private var entries: [Entry] = []
  private var known: Set<Bytes32> = []
  /// What is known of waiting transactions: at most about three times ``sizeMax``.
  private var checked: [Bytes32: CheckedTransaction] = [:]
  private var recent: [Bytes32] = []
  private var recentSet: Set<Bytes32> = []
  private var queues: [AccountAddress: Queue] = [:]
  /// Of all transactions together.
  public private(set) var sizeBytes = 0

  public init() {}

  public var count: Int { entries.count }

  /// The sequence that the next transaction of `sender` must have; nil when none of its is waiting.
  public func nextSequence(of sender: AccountAddress) -> UInt64? { queues[sender]?.next }

  /// Whether a transaction with this hash waits, or was included lately.
  public func contains(_ hash: Bytes32) -> Bool { known.contains(hash) || recentSet.contains(hash) }

  /// The waiting transaction with this hash, as it was checked.
  func checked(_ hash: Bytes32) -> CheckedTransaction? { checked[hash] }

  /// Up to `limit` of the waiting transactions, in the order in which they leave.
  public func waiting(limit: Int) -> [[UInt8]] { entries.prefix(max(0, limit)).map(\.bytes) }

  /// Takes a transaction that was checked against the state and against ``nextSequence(of:)``.
  ///
  /// - Throws: `known`, `mempoolFull`, `mempoolSender`.
  public mutating func add(
    _ transaction: Transaction, bytes: [UInt8], checked: CheckedTransaction? = nil
  ) throws(TransactionRefusal) {
    guard !contains(transaction.hash) else { throw .known }
    guard entries.count < Self.countMax, bytes.count <= Self.sizeMax - sizeBytes else {
      throw .mempoolFull(max: Self.countMax)
    }
    let sender = transaction.sender
    let count = queues[sender]?.count ?? 0
    guard count < Self.perSenderMax else { throw .mempoolSender(max: Self.perSenderMax) }
    let (next, overflow) = transaction.sequence.addingReportingOverflow(1)
    guard !overflow else { throw .sequenceExhausted }
    entries.append(
      Entry(
        hash: transaction.hash, bytes: bytes, gasLimit: transaction.gasLimit, sender: sender,
        sequence: transaction.sequence))
    known.insert(transaction.hash)
    self.checked[transaction.hash] = checked
    queues[sender] = Queue(count: count + 1, next: next)
    sizeBytes += bytes.count
  }

  /// The transactions that fit the next block, in order; they stay here until ``remove(_:refused:)``.
  public func selection(rules: LedgerRules) -> [[UInt8]] {
    var chosen: [[UInt8]] = []
    var gas: UInt64 = 0
    var size = 0
    for entry in entries {
      guard entry.gasLimit <= rules.blockGasMax - gas, entry.bytes.count <= rules.blockSizeMax - size else {
        break
      }
      gas += entry.gasLimit
      size += entry.bytes.count
      chosen.append(entry.bytes)
    }
    return chosen
  }

  /// Drops the transactions of a block.
  ///
  /// - Parameters:
  ///   - hashes: of those that were counted; a repeat of them is refused for a while.
  ///   - refused: those that were not counted. What waits behind them cannot be included, and is dropped as
  ///     well; each may come again.
  public mutating func remove(_ hashes: [Bytes32], refused: [Transaction] = []) {
    let included = Set(hashes)
    var stranded: [AccountAddress: UInt64] = [:]
    for transaction in refused {
      let sender = transaction.sender
      stranded[sender] = min(stranded[sender] ?? .max, transaction.sequence)
    }
    var kept: [Entry] = []
    kept.reserveCapacity(entries.count)
    queues.removeAll(keepingCapacity: true)
    for entry in entries {
      let isStranded = stranded[entry.sender].map { entry.sequence >= $0 } ?? false
      guard !included.contains(entry.hash), !isStranded else {
        known.remove(entry.hash)
        checked[entry.hash] = nil
        sizeBytes -= entry.bytes.count
        continue
      }
      kept.append(entry)
      // Sequences of one sender wait in ascending order without gaps, so the last one counts.
      queues[entry.sender] = Queue(count: (queues[entry.sender]?.count ?? 0) + 1, next: entry.sequence &+ 1)
    }
    entries = kept
    for hash in hashes where recentSet.insert(hash).inserted { recent.append(hash) }
    if recent.count > Self.recentMax {
      let surplus = recent.count - Self.recentMax
      for hash in recent.prefix(surplus) { recentSet.remove(hash) }
      recent.removeFirst(surplus)
    }
  }
}
