private import Crypto
private import Digests
private import FoundationEssentials
public import WireBytes

/// Ed25519 verification under a named rule. There are several in use, they differ on crafted input, and two sides that
/// pick different ones disagree about which blocks are signed.
public enum Ed25519 {
  /// Which signatures are valid. All of them require s < L and hash the key and R as they were given.
  public enum Rule: Hashable, Sendable {
    /// `[s]B = R + [k]A`; A and R must be canonically encoded and not of small order.
    ///
    /// The narrowest rule: what it accepts every other rule accepts. A small-order A would let one signature hold
    /// for many messages. For keys and signatures of our own making.
    case rfc8032Strict
    /// `R` equals the encoding of `[s]B - [k]A`, byte for byte; A may be of small order or encoded with y >= p.
    ///
    /// The rule of ref10, BoringSSL and Go's crypto/ed25519; NEAR's bridge tests follow it.
    case ref10
    /// `[8][s]B = [8]R + [8][k]A`; A and R may be of small order or encoded with y >= p.
    ///
    /// ZIP-215: what CometBFT's consensus uses. A narrower rule there would split from the chain.
    case zip215
  }

  /// Why a signature was refused.
  public enum VerificationError: Error, Hashable, Sendable {
    case keyLength(Int)
    case signatureLength(Int)
    /// s is L or more: a second signature would exist for the same message.
    case scalarOverflow
    /// Strict rule: A is not the one encoding of its point.
    case keyNotCanonical
    /// Strict rule: A is one of the eight points of small order.
    case keySmallOrder
    /// Strict rule: R is not the one encoding of its point.
    case commitmentNotCanonical
    /// Strict rule: R is one of the eight points of small order.
    case commitmentSmallOrder
    /// No point has the y of A.
    case keyNotOnCurve
    /// No point has the y of R.
    case commitmentNotOnCurve
    /// The equation does not hold.
    case mismatch
  }

  /// Checks `signature` (`R || s`) over `message` against `key`; returning means that it holds under `rule`.
  ///
  /// BoringSSL answers first. It accepts exactly ``Rule/ref10``: s < L, A decoded leniently, and R equal to the
  /// encoding of `[s]B - [k]A`. Then R decodes to that very point, so `[s]B = R + [k]A`, and eight times both sides
  /// are equal too: what it accepts is valid under ZIP-215 as well. What it refuses is decided for ZIP-215 by our own
  /// arithmetic, which sees public values only.
  ///
  /// - Throws: ``VerificationError``.
  /// - Complexity: one BoringSSL verification; a signature it refuses costs several times that under ZIP-215.
  public static func verify(
    _ message: Span<UInt8>, signature: Bytes64, key: Bytes32, rule: Rule
  ) throws(VerificationError) {
    let commitment = Bytes32 { signature[$0] }
    guard let s = Scalar25519(canonical: Bytes32 { signature[32 + $0] }) else { throw .scalarOverflow }
    if rule == .rfc8032Strict {
      guard PointEncoding.isCanonical(key) else { throw .keyNotCanonical }
      guard !PointEncoding.isSmallOrder(key) else { throw .keySmallOrder }
      guard PointEncoding.isCanonical(commitment) else { throw .commitmentNotCanonical }
      guard !PointEncoding.isSmallOrder(commitment) else { throw .commitmentSmallOrder }
    }
    if holdsUnderRef10(message, signature, key) { return }
    guard let a = EdwardsPoint(lenient: key) else { throw .keyNotOnCurve }
    guard let r = EdwardsPoint(lenient: commitment) else { throw .commitmentNotOnCurve }
    guard rule == .zip215 else { throw .mismatch }
    var preimage: [UInt8] = []
    preimage.reserveCapacity(64 + message.count)
    preimage.append(commitment)
    preimage.append(key)
    preimage.append(message)
    let k = Scalar25519(reducing: SecureHashes.sha512(preimage.span))
    let rest = EdwardsPoint.sum(s, k, a.negated) + r.negated
    guard rest.doubled.doubled.doubled.isIdentity else { throw .mismatch }
  }

  /// Checks a signature of any length against a key of any length, as ``verify(_:signature:key:rule:)``.
  public static func verify(
    _ message: Span<UInt8>, signature: Span<UInt8>, key: Span<UInt8>, rule: Rule
  ) throws(VerificationError) {
    guard key.count == 32 else { throw .keyLength(key.count) }
    guard signature.count == 64 else { throw .signatureLength(signature.count) }
    try verify(message, signature: Bytes64(signature, at: 0), key: Bytes32(key, at: 0), rule: rule)
  }

  private static func holdsUnderRef10(_ message: Span<UInt8>, _ signature: Bytes64, _ key: Bytes32) -> Bool {
    // The pointers do not leave the closures.
    unsafe key.span.withUnsafeBufferPointer { keyBytes in
      guard let parsed = try? unsafe Curve25519.Signing.PublicKey(rawRepresentation: keyBytes) else {
        return false
      }
      return unsafe signature.span.withUnsafeBufferPointer { signatureBytes in
        unsafe message.withUnsafeBufferPointer { messageBytes in
          unsafe parsed.isValidSignature(signatureBytes, for: messageBytes)
        }
      }
    }
  }
}

/// What can be said of an encoded point without decoding it.
private enum PointEncoding {
  /// y < p = 2^255 - 19, and no sign bit on the two points with x = 0.
  static func isCanonical(_ encoding: Bytes32) -> Bool {
    let words = encoding.littleEndianWords
    let top = words.3 & 0x7fff_ffff_ffff_ffff
    if top == 0x7fff_ffff_ffff_ffff, words.1 & words.2 == .max, words.0 >= 0xffff_ffff_ffff_ffed {
      return false
    }
    let isNegative = encoding[31] & 0x80 != 0
    let isOne = words.0 == 1 && words.1 | words.2 | top == 0
    let isMinusOne =
      words.0 == 0xffff_ffff_ffff_ffec && words.1 & words.2 == .max && top == 0x7fff_ffff_ffff_ffff
    return !(isNegative && (isOne || isMinusOne))
  }

  /// Whether a canonical encoding is one of the eight points whose order divides 8: y is 0 (order 4), 1, -1, or the y
  /// of a point of order 8, which is a root of d y^4 + 2 y^2 - 1.
  static func isSmallOrder(_ encoding: Bytes32) -> Bool {
    let words = encoding.littleEndianWords
    let y = UInt256(limbs: words.0, words.1, words.2, words.3 & 0x7fff_ffff_ffff_ffff)
    return smallOrder.contains(y)
  }

  private static let smallOrder: [UInt256] = [
    .zero, .one,
    UInt256(
      limbs: 0xffff_ffff_ffff_ffec, 0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff),
    UInt256(
      limbs: 0x4fd8_4d3d_706a_17c7, 0x0f67_100d_760b_3cba, 0xc6cc_392c_fa53_202a, 0x7a03_ac92_77fd_c74e),
    UInt256(
      limbs: 0xb027_b2c2_8f95_e826, 0xf098_eff2_89f4_c345, 0x3933_c6d3_05ac_dfd5, 0x05fc_536d_8802_38b1),
  ]
}
