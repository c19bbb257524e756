import WireBytes

/// Why bytes are no integer modulo L as this protocol sends it.
public enum ScalarError: Error, Hashable, Sendable {
  case length(Int)
  /// L or more: a second encoding of a smaller one (RFC 9591, section 6.1).
  case notCanonical
  /// A secret that is zero.
  case zero
}

/// An integer modulo L, the order of the base point, that anyone may know: factors, challenges, shares of a signature.
struct Scalar: Hashable, Sendable {
  /// Little-endian, below L.
  let bytes: Bytes32

  private init(trusted bytes: Bytes32) { self.bytes = bytes }

  /// - Throws: ``ScalarError/notCanonical``.
  init(canonical bytes: Bytes32) throws(ScalarError) {
    let wide = Bytes64 { $0 < 32 ? bytes[$0] : 0 }
    guard Sodium.reduce(wide) == bytes else { throw .notCanonical }
    self.bytes = bytes
  }

  /// 64 little-endian bytes modulo L.
  init(reducing wide: Bytes64) { bytes = Sodium.reduce(wide) }

  init(_ value: UInt16) {
    bytes = Bytes32 { $0 < 2 ? UInt8(truncatingIfNeeded: value >> UInt16(8 * $0)) : 0 }
  }

  static let zero = Scalar(0)
  static let one = Scalar(1)

  static func + (left: Scalar, right: Scalar) -> Scalar {
    Scalar(trusted: Sodium.add(left.bytes, right.bytes))
  }

  static func - (left: Scalar, right: Scalar) -> Scalar {
    Scalar(trusted: Sodium.subtract(left.bytes, right.bytes))
  }

  static func * (left: Scalar, right: Scalar) -> Scalar {
    Scalar(trusted: Sodium.multiply(left.bytes, right.bytes))
  }

  /// One over this; nil for zero.
  var inverse: Scalar? { Sodium.invert(bytes).map { Scalar(trusted: $0) } }

  /// What weighs the value at `identifier` when the polynomial through `all` is taken at `place` (RFC 9591, section
  /// 4.2, there with place zero). `all` are different and hold `identifier`.
  static func weight(
    of identifier: ParticipantIdentifier, among all: [ParticipantIdentifier], at place: UInt16 = 0
  ) -> Scalar {
    let own = Scalar(identifier.number)
    var numerator = Scalar.one
    var denominator = Scalar.one
    for other in all where other != identifier {
      numerator = numerator * (Scalar(other.number) - Scalar(place))
      denominator = denominator * (Scalar(other.number) - own)
    }
    guard let inverse = denominator.inverse else { preconditionFailure("identifiers are different") }
    return numerator * inverse
  }
}

/// A secret integer from 1 to L - 1, in guarded memory.
///
/// It has no `==`, no description and no encoding; libsodium does its arithmetic.
public struct SecretScalar: ~Copyable, Sendable {
  let guarded: GuardedBytes

  init(_ guarded: consuming GuardedBytes) {
    precondition(guarded.count == 32)
    self.guarded = guarded
  }

  /// Evenly chosen from the system's random numbers.
  public static func random() -> SecretScalar { SecretScalar(GuardedBytes.randomScalar()) }

  /// Reads 32 little-endian bytes. Wiping `bytes` is the caller's.
  ///
  /// - Throws: ``ScalarError``.
  public init(canonical bytes: Span<UInt8>) throws(ScalarError) {
    guard bytes.count == 32 else { throw .length(bytes.count) }
    let guarded = GuardedBytes(copying: bytes)
    guard guarded.isCanonicalScalar() else {
      throw guarded.withBytes { (secret: Span<UInt8>) -> ScalarError in
        var all: UInt8 = 0
        for index in secret.indices { all |= secret[index] }
        return all == 0 ? .zero : .notCanonical
      }
    }
    self.guarded = guarded
  }

  /// Lends the 32 little-endian bytes; they must not be kept.
  public func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try guarded.withBytes(body)
  }

  func plus(_ other: borrowing SecretScalar) -> SecretScalar {
    SecretScalar(guarded.plusScalar(other.guarded))
  }

  func times(_ other: Scalar) -> SecretScalar {
    let factor = GuardedBytes(copying: other.bytes.span)
    return SecretScalar(guarded.timesScalar(factor))
  }

  /// The public half of this secret, when it is a share or a key.
  public var publicElement: GroupElement? { timesBase() }

  /// This times the base point; nil when it came out as zero.
  func timesBase() -> GroupElement? { guarded.timesBasePoint().map { GroupElement(trusted: $0) } }

  /// The value itself, for what the protocol makes public: a share of a signature, the answer of a proof.
  consuming func published() -> Scalar {
    let bytes = guarded.withBytes { (secret: Span<UInt8>) in Bytes32(secret, at: 0) }
    guard let scalar = try? Scalar(canonical: bytes) else { preconditionFailure("arithmetic is modulo L") }
    return scalar
  }
}
