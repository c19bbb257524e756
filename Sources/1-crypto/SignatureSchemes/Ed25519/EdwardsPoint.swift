import WireBytes

/// A point of edwards25519, -x^2 + y^2 = 1 + d x^2 y^2, as X : Y : Z : T with x = X/Z, y = Y/Z and xy = T/Z.
///
/// For verification only: nothing here is constant time.
struct EdwardsPoint: Sendable {
  private let x: FieldElement25519
  private let y: FieldElement25519
  private let z: FieldElement25519
  private let t: FieldElement25519

  private init(_ x: FieldElement25519, _ y: FieldElement25519, _ z: FieldElement25519, _ t: FieldElement25519)
  {
    (self.x, self.y, self.z, self.t) = (x, y, z, t)
  }

  static let identity = EdwardsPoint(.zero, .one, .one, .zero)

  /// The base point of order L, y = 4/5 with an even x (RFC 8032, section 5.1).
  static let base = EdwardsPoint(
    baseX, baseY, .one, baseX * baseY)
  private static let baseX = FieldElement25519(
    words: 0xc956_2d60_8f25_d51a, 0x692c_c760_9525_a7b2, 0xc0a4_e231_fdd6_dc5c, 0x2169_36d3_cd6e_53fe)
  private static let baseY = FieldElement25519(
    words: 0x6666_6666_6666_6658, 0x6666_6666_6666_6666, 0x6666_6666_6666_6666, 0x6666_6666_6666_6666)

  /// The point that `encoding` names under ZIP-215: y need not be below p, and x = 0 may carry a sign bit.
  ///
  /// Nil when no point has that y.
  init?(lenient encoding: Bytes32) {
    let y = FieldElement25519(littleEndian: encoding)
    let squared = y.squared()
    let u = squared - .one
    let v = FieldElement25519.d * squared + .one
    // x = u v^3 (u v^7)^((p - 5) / 8), up to a factor of sqrt(-1) (RFC 8032, section 5.1.3).
    let v3 = v.squared() * v
    let v7 = v3.squared() * v
    var x = u * v3 * (u * v7).raisedToRootExponent
    let check = v * x.squared()
    if !FieldElement25519.equal(check, u) {
      guard FieldElement25519.equal(check, -u) else { return nil }
      x = x * .rootOfMinusOne
    }
    if x.isOdd != (encoding[31] & 0x80 != 0) { x = -x }
    self.init(x, y, .one, x * y)
  }

  var isIdentity: Bool { x.isZero && FieldElement25519.equal(y, z) }

  var negated: EdwardsPoint { EdwardsPoint(-x, y, z, -t) }

  /// dbl-2008-hwcd with a = -1.
  var doubled: EdwardsPoint {
    let a = x.squared()
    let b = y.squared()
    let zz = z.squared()
    let e = (x + y).squared() - a - b
    let g = b - a
    let f = g - (zz + zz)
    let h = -(a + b)
    return EdwardsPoint(e * f, g * h, f * g, e * h)
  }

  /// add-2008-hwcd-3 with a = -1: complete, as -1 is a square and d is not.
  static func + (left: EdwardsPoint, right: EdwardsPoint) -> EdwardsPoint {
    let a = (left.y - left.x) * (right.y - right.x)
    let b = (left.y + left.x) * (right.y + right.x)
    let c = left.t * doubleD * right.t
    let zz = left.z * right.z
    let d = zz + zz
    let (e, f, g, h) = (b - a, d - c, d + c, b + a)
    return EdwardsPoint(e * f, g * h, f * g, e * h)
  }

  private static let doubleD = FieldElement25519.d + FieldElement25519.d

  /// 0 to 15 times this.
  private var multiples: [EdwardsPoint] {
    var multiples = [EdwardsPoint.identity]
    for index in 1..<16 { multiples.append(multiples[index - 1] + self) }
    return multiples
  }

  private static let multiplesOfBase = base.multiples

  /// `baseScalar` times the base point plus `scalar` times `point`: both four bits at a time.
  static func sum(_ baseScalar: Scalar25519, _ scalar: Scalar25519, _ point: EdwardsPoint) -> EdwardsPoint {
    let multiples = point.multiples
    var total = EdwardsPoint.identity
    for nibble in (0..<64).reversed() {
      total = total.doubled.doubled.doubled.doubled
      total = total + multiplesOfBase[baseScalar.nibble(nibble)] + multiples[scalar.nibble(nibble)]
    }
    return total
  }
}
