public import WireBytes

/// Why a body is not a warp route's.
public enum WarpTransferError: Error, Hashable, Sendable {
  case truncated(needed: Int, actual: Int)
}

/// A token transfer over a warp route: `[recipient: 32][amount: 32][metadata: rest]`.
///
/// Source: hyperlane-monorepo solidity/contracts/token/libs/TokenMessage.sol.
public struct WarpTransfer: Hashable, Sendable {
  public let recipient: Bytes32
  /// In the decimals of the message, which the two ends agree on; a token id for collectibles.
  public let amount: UInt256
  public let metadata: [UInt8]

  public init(decoding body: Span<UInt8>) throws(WarpTransferError) {
    do {
      var reader = ByteReader(body)
      recipient = try reader.readFixed()
      amount = UInt256(bigEndian: try reader.readFixed())
      metadata = reader.readRest()
    } catch {
      throw .truncated(needed: 64, actual: body.count)
    }
  }

  public func encoded() -> [UInt8] { recipient.array + amount.bigEndian.array + metadata }
}

/// Why a fee cannot be told.
public enum WarpFeeError: Error, Hashable, Sendable {
  /// A product does not fit 256 bits; the EVM contract reverts.
  case overflow
  case zeroHalfAmount
}

/// How much a warp route takes from a transfer.
///
/// Source: hyperlane-monorepo solidity/contracts/token/fees/{Linear,Progressive,Regressive}Fee.sol at f0f8a56c; divisions
/// round down, products of more than 256 bits are refused as the contracts do.
public struct WarpFee: Hashable, Sendable {
  public enum Curve: String, Hashable, Sendable, CaseIterable {
    /// `min(maxFee, amount * maxFee / (2 * halfAmount))`
    case linear
    /// `maxFee * amount^2 / (halfAmount^2 + amount^2)`
    case progressive
    /// `maxFee * amount / (halfAmount + amount)`
    case regressive
  }

  public let curve: Curve
  public let maximum: UInt256
  /// The amount at which half of the maximum is taken.
  public let halfAmount: UInt256

  public init(curve: Curve, maximum: UInt256, halfAmount: UInt256) throws(WarpFeeError) {
    guard halfAmount != .zero else { throw .zeroHalfAmount }
    self.curve = curve
    self.maximum = maximum
    self.halfAmount = halfAmount
  }

  /// The fee for a transfer of `amount`.
  public func fee(for amount: UInt256) throws(WarpFeeError) -> UInt256 {
    switch curve {
    case .linear:
      let uncapped = try divide(multiply(amount, maximum), by: add(halfAmount, halfAmount))
      return min(uncapped, maximum)
    case .progressive:
      let squared = try multiply(amount, amount)
      let denominator = try add(multiply(halfAmount, halfAmount), squared)
      return divide(try multiply(multiply(maximum, amount), amount), by: denominator)
    case .regressive:
      return divide(try multiply(maximum, amount), by: try add(halfAmount, amount))
    }
  }

  private func add(_ left: UInt256, _ right: UInt256) throws(WarpFeeError) -> UInt256 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    guard !overflow else { throw .overflow }
    return sum
  }

  /// Schoolbook over 64-bit limbs of the right factor.
  private func multiply(_ left: UInt256, _ right: UInt256) throws(WarpFeeError) -> UInt256 {
    let limbs = [right.limbs.0, right.limbs.1, right.limbs.2, right.limbs.3]
    var product = UInt256.zero
    for limb in limbs.reversed() {
      let (h0, h1, h2, h3) = product.limbs
      guard h3 == 0 else { throw .overflow }
      let (part, overflow) = left.multipliedReportingOverflow(by: limb)
      guard !overflow || limb == 0 else { throw .overflow }
      product = try add(UInt256(limbs: 0, h0, h1, h2), part)
    }
    return product
  }

  /// Long division, bit by bit; the divisor is not zero.
  private func divide(_ dividend: UInt256, by divisor: UInt256) -> UInt256 {
    if let small = divisor.asUInt64 { return dividend.quotientAndRemainder(dividingBy: small).quotient }
    let bytes = dividend.bigEndian
    var quotient = Bytes32()
    var rest = UInt256.zero
    for bit in 0..<256 {
      // The divisor is above 2^64 and the rest below it, so doubling overflows only past the divisor.
      let (doubled, carry) = rest.addingReportingOverflow(rest)
      let next = UInt256(UInt64(bytes[bit / 8] >> UInt8(7 - bit % 8) & 1))
      rest = doubled.addingReportingOverflow(next).partialValue
      guard carry || rest >= divisor else { continue }
      rest = rest.subtractingReportingOverflow(divisor).partialValue
      quotient[bit / 8] |= 1 << UInt8(7 - bit % 8)
    }
    return UInt256(bigEndian: quotient)
  }
}
