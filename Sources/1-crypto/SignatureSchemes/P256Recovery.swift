private import Crypto
public import WireBytes

/// Why no key can be recovered from a signature over P-256.
public enum P256RecoveryError: Error, Hashable, Sendable {
  /// r or s is out of range.
  case signature(ECDSAError)
  /// Neither of 0, 1, 2, 3.
  case recoveryID(UInt8)
  /// r names no point, or the key would be the point at infinity.
  case unrecoverable
}

extension ECDSAP256 {
  /// The key that made `r || s` over a digest (SEC 1, section 4.1.6).
  ///
  /// BoringSSL multiplies the points; it hands out the x coordinate of a product alone, so the sign of y is told by a
  /// second product. What is left, a few additions and two inverses, is done here, on public values only.
  ///
  /// - Parameter recoveryID: bit 0: y of the nonce's point is odd; bit 1: its x was n or more.
  /// - Complexity: about four multiplications of a point.
  public static func recover(
    digest: Bytes32, signature: Bytes64, recoveryID: UInt8
  ) throws(P256RecoveryError) -> PublicKey {
    guard recoveryID <= 3 else { throw .recoveryID(recoveryID) }
    let (rBytes, sBytes) = (Bytes32 { signature[$0] }, Bytes32 { signature[32 + $0] })
    do { try checkRange(rBytes, sBytes) } catch { throw .signature(error) }
    let scalars = OddField.p256Scalars
    let (r, s) = (UInt256(bigEndian: rBytes), UInt256(bigEndian: sBytes))
    let (x, overflow) = recoveryID & 2 == 0 ? (r, false) : r.addingReportingOverflow(scalars.modulus)
    guard !overflow, x < OddField.p256Coordinates.modulus,
      let nonce = AffinePoint(x: x, odd: recoveryID & 1 == 1)
    else { throw .unrecoverable }
    // Q = r⁻¹ (s R − z G) = u2 R + u1 G
    let inverse = scalars.inverse(r)
    let u1 = scalars.negate(scalars.multiply(scalars.reduce(UInt256(bigEndian: digest)), inverse))
    let u2 = scalars.multiply(s, inverse)
    guard let product = nonce.multiplied(by: u2) else { throw .unrecoverable }
    let sum = u1 == .zero ? product : AffinePoint(generatorTimes: u1).flatMap { $0.adding(product) }
    guard let sum else { throw .unrecoverable }
    do { return try PublicKey(coordinates: sum.coordinates) } catch { throw .unrecoverable }
  }
}

/// A point of P-256 other than infinity.
private struct AffinePoint: Hashable {
  let x: UInt256
  let y: UInt256

  var coordinates: Bytes64 {
    let (x, y) = (x.bigEndian, y.bigEndian)
    return Bytes64 { $0 < 32 ? x[$0] : y[$0 - 32] }
  }

  init(x: UInt256, y: UInt256) {
    self.x = x
    self.y = y
  }

  /// Nil when no point has this x.
  init?(x: UInt256, odd: Bool) {
    let compressed = [odd ? 3 : 2] + x.bigEndian.array
    guard let key = try? ECDSAP256.PublicKey(sec1: compressed.span) else { return nil }
    self.init(key.uncompressed.array)
  }

  /// Reads 65 bytes: 04, x, y.
  private init(_ uncompressed: [UInt8]) {
    x = UInt256(bigEndian: Bytes32 { uncompressed[1 + $0] })
    y = UInt256(bigEndian: Bytes32 { uncompressed[33 + $0] })
  }

  init?(generatorTimes scalar: UInt256) {
    guard let key = try? P256.KeyAgreement.PrivateKey(rawRepresentation: scalar.bigEndian.array) else {
      return nil
    }
    self.init([UInt8](key.publicKey.x963Representation))
  }

  var negated: AffinePoint { AffinePoint(x: x, y: OddField.p256Coordinates.negate(y)) }

  /// - Parameter scalar: 1 and more, below the order.
  func multiplied(by scalar: UInt256) -> AffinePoint? {
    let order = OddField.p256Scalars
    if scalar == .one { return self }
    if scalar == order.negate(.one) { return negated }
    guard let x = xOfProduct(scalar), let product = AffinePoint(x: x, odd: false),
      let next = xOfProduct(order.add(scalar, .one))
    else { return nil }
    // The product is this point or its negative: only one of them, and self, add up to the next multiple.
    return adding(product)?.x == next ? product : product.negated
  }

  private func xOfProduct(_ scalar: UInt256) -> UInt256? {
    guard let secret = try? P256.KeyAgreement.PrivateKey(rawRepresentation: scalar.bigEndian.array),
      let point = try? P256.KeyAgreement.PublicKey(x963Representation: [4] + coordinates.array),
      let shared = try? secret.sharedSecretFromKeyAgreement(with: point)
    else { return nil }
    // The bytes are copied while they are lent; nothing here is secret.
    let bytes = unsafe shared.withUnsafeBytes { unsafe [UInt8]($0) }
    guard bytes.count == 32 else { return nil }
    return UInt256(bigEndian: Bytes32 { bytes[$0] })
  }

  /// Nil when the sum is infinity.
  func adding(_ other: AffinePoint) -> AffinePoint? {
    let field = OddField.p256Coordinates
    let slope: UInt256
    if x != other.x {
      slope = field.multiply(field.subtract(other.y, y), field.inverse(field.subtract(other.x, x)))
    } else if y == other.y, y != .zero {
      // (3 x² − 3) / 2y, for a is −3.
      let square = field.subtract(field.multiply(x, x), .one)
      let numerator = field.add(field.add(square, square), square)
      slope = field.multiply(numerator, field.inverse(field.add(y, y)))
    } else {
      return nil
    }
    let sumX = field.subtract(field.subtract(field.multiply(slope, slope), x), other.x)
    return AffinePoint(x: sumX, y: field.subtract(field.multiply(slope, field.subtract(x, sumX)), y))
  }
}

/// Arithmetic modulo an odd prime of 256 bits, by Montgomery's multiplication. Not constant time: public values only.
struct OddField: Sendable {
  let modulus: UInt256
  /// −modulus⁻¹ modulo 2^64.
  private let factor: UInt64
  /// 2^512 modulo the modulus.
  private let square: UInt256

  /// n and p of P-256 (SP 800-186, section 3.2.1.3).
  static let p256Scalars = OddField(UInt256(bigEndian: ECDSAP256.order))
  static let p256Coordinates = OddField(
    UInt256(limbs: 0xffff_ffff_ffff_ffff, 0x0000_0000_ffff_ffff, 0, 0xffff_ffff_0000_0001))

  /// - Parameter modulus: an odd prime with its highest bit set.
  init(_ modulus: UInt256) {
    self.modulus = modulus
    var inverse: UInt64 = 1
    for _ in 0..<6 { inverse = inverse &* (2 &- modulus.limbs.0 &* inverse) }
    factor = 0 &- inverse
    var power = UInt256.one
    for _ in 0..<512 { power = Self.sum(power, power, modulus) }
    square = power
  }

  /// - Parameter value: below 2^256, which is less than twice the modulus.
  func reduce(_ value: UInt256) -> UInt256 {
    value < modulus ? value : value.subtractingReportingOverflow(modulus).partialValue
  }

  func add(_ left: UInt256, _ right: UInt256) -> UInt256 { Self.sum(left, right, modulus) }

  func subtract(_ left: UInt256, _ right: UInt256) -> UInt256 { add(left, negate(right)) }

  func negate(_ value: UInt256) -> UInt256 {
    value == .zero ? .zero : modulus.subtractingReportingOverflow(value).partialValue
  }

  func multiply(_ left: UInt256, _ right: UInt256) -> UInt256 {
    montgomery(montgomery(left, right), square)
  }

  /// By Fermat: the power of modulus − 2. Zero has none and gives zero.
  func inverse(_ value: UInt256) -> UInt256 {
    let exponent = modulus.subtractingReportingOverflow(UInt256(2)).partialValue
    let limbs = [exponent.limbs.3, exponent.limbs.2, exponent.limbs.1, exponent.limbs.0]
    let base = montgomery(value, square)
    var power = montgomery(.one, square)
    for limb in limbs {
      for bit in (0..<64).reversed() {
        power = montgomery(power, power)
        if limb >> UInt64(bit) & 1 == 1 { power = montgomery(power, base) }
      }
    }
    return montgomery(power, .one)
  }

  private static func sum(_ left: UInt256, _ right: UInt256, _ modulus: UInt256) -> UInt256 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow || sum >= modulus ? sum.subtractingReportingOverflow(modulus).partialValue : sum
  }

  /// left · right / 2^256, word by word.
  private func montgomery(_ left: UInt256, _ right: UInt256) -> UInt256 {
    let a: InlineArray<4, UInt64> = [left.limbs.0, left.limbs.1, left.limbs.2, left.limbs.3]
    let b: InlineArray<4, UInt64> = [right.limbs.0, right.limbs.1, right.limbs.2, right.limbs.3]
    let m: InlineArray<4, UInt64> = [modulus.limbs.0, modulus.limbs.1, modulus.limbs.2, modulus.limbs.3]
    var t = InlineArray<6, UInt64>(repeating: 0)
    for i in 0..<4 {
      var carry: UInt64 = 0
      for j in 0..<4 {
        let word = UInt128(a[j]) * UInt128(b[i]) + UInt128(t[j]) + UInt128(carry)
        t[j] = UInt64(truncatingIfNeeded: word)
        carry = UInt64(truncatingIfNeeded: word >> 64)
      }
      let top = UInt128(t[4]) + UInt128(carry)
      t[4] = UInt64(truncatingIfNeeded: top)
      t[5] = UInt64(truncatingIfNeeded: top >> 64)
      let multiple = t[0] &* factor
      carry = UInt64(truncatingIfNeeded: (UInt128(multiple) * UInt128(m[0]) + UInt128(t[0])) >> 64)
      for j in 1..<4 {
        let word = UInt128(multiple) * UInt128(m[j]) + UInt128(t[j]) + UInt128(carry)
        t[j - 1] = UInt64(truncatingIfNeeded: word)
        carry = UInt64(truncatingIfNeeded: word >> 64)
      }
      let rest = UInt128(t[4]) + UInt128(carry)
      t[3] = UInt64(truncatingIfNeeded: rest)
      t[4] = t[5] + UInt64(truncatingIfNeeded: rest >> 64)
    }
    let value = UInt256(limbs: t[0], t[1], t[2], t[3])
    return t[4] != 0 || value >= modulus ? value.subtractingReportingOverflow(modulus).partialValue : value
  }
}
