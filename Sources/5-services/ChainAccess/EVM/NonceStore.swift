public import WireBytes

/// One nonce of an account, with every transaction that was ever signed for it.
public struct NonceRecord: Hashable, Sendable {
  /// A signed transaction; another one for the same nonce differs in its fees only.
  public struct Variant: Hashable, Sendable {
    public let hash: Bytes32
    public let encoded: [UInt8]
    public let fees: EVMFees

    public init(hash: Bytes32, encoded: [UInt8], fees: EVMFees) {
      self.hash = hash
      self.encoded = encoded
      self.fees = fees
    }
  }

  public enum Stage: Hashable, Sendable {
    /// In no block.
    case waiting
    /// In a block that may still be rolled back.
    case mined(transaction: Bytes32, block: Bytes32, height: UInt64, succeeded: Bool)
  }

  public let nonce: UInt64
  /// Names the call for its whole life: the hash under which it was signed first.
  public let id: Bytes32
  /// Nil for a transaction that does nothing but use up the nonce.
  public let call: EVMCall?
  public let gasLimit: UInt64
  public var variants: [Variant]
  public var stage: Stage

  public init(
    nonce: UInt64, id: Bytes32, call: EVMCall?, gasLimit: UInt64, variants: [Variant], stage: Stage
  ) {
    self.nonce = nonce
    self.id = id
    self.call = call
    self.gasLimit = gasLimit
    self.variants = variants
    self.stage = stage
  }
}

/// Why nonces cannot be kept.
public enum NonceStoreError: Error, Hashable, Sendable {
  /// The file can be neither read nor written.
  case file
  /// Another sender has it open.
  case inUse
  /// It belongs to another account or chain.
  case otherAccount
  /// Bytes at `offset` are not what was written, and more follow.
  case damaged(offset: Int)
  /// More than ``NonceJournal/recordSizeMax`` in one record.
  case tooLarge
}

/// Where a sender keeps its nonces, so that a crash neither loses a transaction nor signs a second one in its place.
public protocol NonceStore: Sendable {
  /// What was kept, by nonce.
  func load() async throws(NonceStoreError) -> [NonceRecord]
  /// Durable when it returns.
  func save(_ record: NonceRecord) async throws(NonceStoreError)
  /// What was final, or never left this process.
  func forget(_ nonce: UInt64) async throws(NonceStoreError)
}

/// Nonces that a crash forgets: for tests and short errands.
public actor VolatileNonces: NonceStore {
  private var records: [UInt64: NonceRecord] = [:]

  public init() {}

  public func load() throws(NonceStoreError) -> [NonceRecord] {
    records.values.sorted { $0.nonce < $1.nonce }
  }
  public func save(_ record: NonceRecord) throws(NonceStoreError) { records[record.nonce] = record }
  public func forget(_ nonce: UInt64) throws(NonceStoreError) { records[nonce] = nil }
}
