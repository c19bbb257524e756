/// Work that a transaction may ask for, and what it has used.
public struct GasMeter: Hashable, Sendable {
  /// The limit would be passed.
  public struct OutOfGas: Error, Hashable, Sendable {
    public let limit: UInt64
    /// What the refused charge would have brought the use to; held at the largest number.
    public let wanted: UInt64

    public init(limit: UInt64, wanted: UInt64) {
      self.limit = limit
      self.wanted = wanted
    }
  }

  public let limit: UInt64
  /// Never more than `limit`.
  public private(set) var used: UInt64 = 0

  public init(limit: UInt64) { self.limit = limit }

  public var remaining: UInt64 { limit - used }

  /// Uses `amount`, or all that is left when it is not enough.
  public mutating func charge(_ amount: UInt64) throws(OutOfGas) {
    let (sum, overflow) = used.addingReportingOverflow(amount)
    guard !overflow, sum <= limit else {
      used = limit
      throw OutOfGas(limit: limit, wanted: overflow ? .max : sum)
    }
    used = sum
  }
}

/// What storage and verification cost.
///
/// Storage: the Cosmos SDK's schedule (`store/types/gas.go`, `KVGasConfig`). Signatures: its `x/auth`
/// defaults.
public enum GasSchedule {
  public static let readFlat: UInt64 = 1_000
  public static let readPerByte: UInt64 = 3
  public static let writeFlat: UInt64 = 2_000
  public static let writePerByte: UInt64 = 30
  public static let delete: UInt64 = 1_000
  public static let iterationPerEntry: UInt64 = 30
  public static let transactionPerByte: UInt64 = 10
  public static let verifySecp256k1: UInt64 = 1_000
  public static let verifyEd25519: UInt64 = 590
  /// One node of a Merkle-Patricia proof, and one byte of it: a full branch costs 632, about an Ed25519
  /// signature's price for a small part of its work.
  public static let trieNode: UInt64 = 100
  public static let trieNodePerByte: UInt64 = 1
  /// One byte of the evidence of an enclave's registration: certificates and collateral are read and hashed.
  public static let attestationByte: UInt64 = 10
  /// One event; bounds how much a call can make nodes index.
  public static let eventFlat: UInt64 = 100
}
