extension CometBFT {
  /// A fraction of voting power that must be exceeded: from 1/3, below which nothing honest need have signed, to 1.
  public struct TrustThreshold: Hashable, Sendable {
    /// Why a fraction is no threshold (`ValidateTrustLevel`, light/verifier.go).
    public enum RangeError: Error, Hashable, Sendable {
      case zeroDenominator
      case underOneThird(numerator: UInt64, denominator: UInt64)
      case overOne(numerator: UInt64, denominator: UInt64)
    }

    public let numerator: UInt64
    public let denominator: UInt64

    /// What light clients ask of the trusted set: at least one honest signer, if two thirds are honest.
    public static let oneThird = TrustThreshold(unchecked: 1, 3)
    /// What consensus asks of the signing set.
    public static let twoThirds = TrustThreshold(unchecked: 2, 3)

    public init(_ numerator: UInt64, _ denominator: UInt64) throws(RangeError) {
      guard denominator != 0 else { throw .zeroDenominator }
      let (high, low) = numerator.multipliedFullWidth(by: 3)
      guard high > 0 || low >= denominator else {
        throw .underOneThird(numerator: numerator, denominator: denominator)
      }
      guard numerator <= denominator else { throw .overOne(numerator: numerator, denominator: denominator) }
      self.init(unchecked: numerator, denominator)
    }

    private init(unchecked numerator: UInt64, _ denominator: UInt64) {
      self.numerator = numerator
      self.denominator = denominator
    }

    /// The power that signatures must exceed: `total` times the fraction, rounded down, exact for any `total` of a set.
    public func needed(of total: Int64) -> Int64 {
      let product = total.magnitude.multipliedFullWidth(by: numerator)
      // The fraction is at most 1, so the quotient is at most `total`, and the high word is under the divisor.
      return Int64(denominator.dividingFullWidth(product).quotient)
    }
  }
}
