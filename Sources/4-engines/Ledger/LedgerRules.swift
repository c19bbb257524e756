public import Messages
import PacketHost
import StateTree
public import WireBytes

/// The constants of one domain that everybody who replays its blocks must share.
public struct LedgerRules: Hashable, Sendable {
  /// The chain id of headers, votes and sign bytes.
  public let chainID: String
  /// The token in which fees are paid.
  public let feeDenom: Denom
  /// What one unit of gas costs, as a fraction: `feeNumerator / feeDenominator` of the smallest unit.
  public let feeNumerator: UInt64
  public let feeDenominator: UInt64
  /// Gas of all transactions of a block together.
  public let blockGasMax: UInt64
  /// Bytes of all transactions of a block together.
  public let blockSizeMax: Int
  /// Whether users may put contracts here.
  public let hasContracts: Bool
  /// Names of the modules beside contracts, in the order in which they see a new block.
  public let modules: [String]

  /// Why constants do not make a domain.
  public enum FormError: Error, Hashable, Sendable {
    case chainID(length: Int)
    case feeDenominatorZero
    case blockLimitZero
    /// One commit of the state could not hold what a block with that much gas may change.
    case blockGas(max: UInt64)
    case blockSize(max: Int)
    /// More than ``moduleCountMax``, a name twice, or one that is not 1 to 32 lower-case letters, digits and dashes.
    case modules
  }

  /// A change of state costs at least ``GasSchedule/delete``, and a commit takes ``StateLimits/changesMax``
  /// of them; some are left for what modules note of each block.
  public static let blockGasLimit =
    GasSchedule.delete * UInt64(StateLimits.changesMax - moduleCountMax * moduleChangesMax)
  public static let moduleCountMax = 8
  /// Keys that one module may write at the beginning of a block.
  public static let moduleChangesMax = 4
  /// Parts and votes fit the block's encoding beside the transactions.
  public static let blockSizeLimit = 32 << 20

  /// - Throws: ``FormError``.
  public init(
    chainID: String, feeDenom: Denom, feeNumerator: UInt64 = 1, feeDenominator: UInt64 = 1_000,
    blockGasMax: UInt64 = 1_000_000_000, blockSizeMax: Int = 16 << 20, hasContracts: Bool = false,
    modules: [String] = []
  ) throws(FormError) {
    // CometBFT's bound (`types/genesis.go`, MaxChainIDLen).
    guard (1...50).contains(chainID.utf8.count) else { throw .chainID(length: chainID.utf8.count) }
    guard feeDenominator > 0 else { throw .feeDenominatorZero }
    guard blockGasMax > 0, blockSizeMax > 0 else { throw .blockLimitZero }
    guard blockGasMax <= Self.blockGasLimit else { throw .blockGas(max: Self.blockGasLimit) }
    guard blockSizeMax <= Self.blockSizeLimit else { throw .blockSize(max: Self.blockSizeLimit) }
    self.chainID = chainID
    self.feeDenom = feeDenom
    self.feeNumerator = feeNumerator
    self.feeDenominator = feeDenominator
    self.blockGasMax = blockGasMax
    self.blockSizeMax = blockSizeMax
    self.hasContracts = hasContracts
    let characters = Set("abcdefghijklmnopqrstuvwxyz0123456789-")
    guard modules.count <= Self.moduleCountMax, Set(modules).count == modules.count,
      modules.allSatisfy({ (1...32).contains($0.utf8.count) && $0.allSatisfy(characters.contains) })
    else { throw .modules }
    self.modules = modules
  }

  /// The least fee for `gas`, rounded up.
  public func fee(for gas: UInt64) -> UInt256 {
    // Two 64-bit factors fit 256 bits.
    let (product, _) = UInt256(gas).multipliedReportingOverflow(by: feeNumerator)
    let (quotient, remainder) = product.quotientAndRemainder(dividingBy: feeDenominator)
    guard remainder > 0 else { return quotient }
    return quotient.addingReportingOverflow(.one).partialValue
  }

  /// Where fees go.
  public static let feeCollector = AccountAddress(module: "fees")
}
