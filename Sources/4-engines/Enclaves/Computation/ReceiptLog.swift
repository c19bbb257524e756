public import Messages
public import WireBytes

/// Why a receipt does not follow the log.
public enum ReceiptLogError: Error, Hashable, Sendable {
  case registration(expected: Bytes32, actual: Bytes32)
  case sequence(expected: UInt64, actual: UInt64)
  case previous(expected: Bytes32, actual: Bytes32)
  /// The case has its receipt already, at this sequence.
  case `repeated`(sequence: UInt64)
  case full(max: Int)
}

/// The receipts of one registration: a chain, and one receipt a case.
///
/// A value: the runtime appends to its sealed file, flushes, appends here, and only then lets the receipt out. After a
/// restart it replays the file, and the log is what it was.
public struct ReceiptLog: Hashable, Sendable {
  public static let countMax = 1 << 20

  public struct Entry: Hashable, Sendable {
    public let sequence: UInt64
    public let inputs: Bytes32
    /// ``Receipt/digest(domain:)``.
    public let receipt: Bytes32
  }

  public let registration: Bytes32
  public let domain: InteroperableAddress
  /// Of the last receipt; 0 before the first.
  public private(set) var sequence: UInt64 = 0
  /// Digest of the last receipt; zero before the first.
  public private(set) var previous = Bytes32()
  private var entries: [Bytes32: Entry] = [:]
  private let countMax: Int

  public init(keys: EnclaveKeys, countMax: Int = ReceiptLog.countMax) {
    registration = keys.registration
    domain = keys.domain
    self.countMax = countMax
  }

  /// What the log has of a case.
  public func entry(case id: Bytes32) -> Entry? { entries[id] }
  public var count: Int { entries.count }
  public var isFull: Bool { entries.count >= countMax }

  /// Whether `receipt` may be the next.
  ///
  /// - Throws: ``ReceiptLogError``.
  public func check(_ receipt: Receipt) throws(ReceiptLogError) {
    guard receipt.registration == registration else {
      throw .registration(expected: registration, actual: receipt.registration)
    }
    if let entry = entries[receipt.case] { throw .repeated(sequence: entry.sequence) }
    guard !isFull else { throw .full(max: countMax) }
    guard receipt.sequence == sequence + 1 else {
      throw .sequence(expected: sequence + 1, actual: receipt.sequence)
    }
    guard receipt.previous == previous else {
      throw .previous(expected: previous, actual: receipt.previous)
    }
  }

  /// Takes the next receipt.
  ///
  /// - Throws: ``ReceiptLogError``, and then the log is unchanged.
  public mutating func append(_ receipt: Receipt) throws(ReceiptLogError) {
    try check(receipt)
    let digest = receipt.digest(domain: domain)
    entries[receipt.case] = Entry(sequence: receipt.sequence, inputs: receipt.inputs, receipt: digest)
    sequence = receipt.sequence
    previous = digest
  }
}
