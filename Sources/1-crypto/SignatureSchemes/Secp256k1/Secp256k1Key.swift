private import Digests
public import WireBytes

/// ECDSA over secp256k1 by libsecp256k1: public keys, recovery and verification. Signing is not here.
public enum Secp256k1 {
  /// Why bytes are not a public key.
  public enum KeyError: Error, Hashable, Sendable {
    /// Neither 33 nor 65 bytes.
    case length(Int)
    /// The first byte is not that of a form with this length.
    case prefix(UInt8)
    /// 06 or 07 (SEC 1's obsolete hybrid form), which the caller did not ask for.
    case hybridForm(UInt8)
    /// Coordinates out of range, off the curve, or with a hybrid prefix of the wrong parity.
    case notOnCurve
  }

  /// Whether the hybrid form (06 or 07, then both coordinates) is read. Bitcoin consensus reads it; nothing else does.
  public enum HybridForm: Hashable, Sendable {
    case refused
    case accepted
  }

  /// A point of the curve that is not the point at infinity, kept as `x || y`, each 32 bytes big-endian.
  public struct PublicKey: Hashable, Sendable {
    /// `x || y`, 32 big-endian bytes each: on the curve by construction.
    public let coordinates: Bytes64

    init(onCurve coordinates: Bytes64) { self.coordinates = coordinates }

    /// Reads SEC 1: 33 bytes (02 or 03, then x) or 65 bytes (04, then x and y).
    ///
    /// - Throws: ``KeyError``. The input is untrusted.
    public init(sec1 bytes: Span<UInt8>, hybrid: HybridForm = .refused) throws(KeyError) {
      switch bytes.count {
      case 33:
        guard bytes[0] == 2 || bytes[0] == 3 else { throw .prefix(bytes[0]) }
      case 65:
        switch (bytes[0], hybrid) {
        case (4, _), (6, .accepted), (7, .accepted): break
        case (6, .refused), (7, .refused): throw .hybridForm(bytes[0])
        default: throw .prefix(bytes[0])
        }
      default: throw .length(bytes.count)
      }
      guard let point = CurvePoint(sec1: bytes) else { throw .notOnCurve }
      coordinates = point.coordinates
    }

    /// Reads SEC 1, as ``init(sec1:hybrid:)``.
    public init(sec1 bytes: [UInt8], hybrid: HybridForm = .refused) throws(KeyError) {
      try self.init(sec1: bytes.span, hybrid: hybrid)
    }

    /// Reads `x || y` without a prefix, as Ethereum tools write keys.
    ///
    /// - Throws: ``KeyError/notOnCurve``.
    public init(coordinates: Bytes64) throws(KeyError) {
      guard CurvePoint(coordinates) != nil else { throw .notOnCurve }
      self.coordinates = coordinates
    }

    /// 02 or 03 by the parity of y, then x.
    public var compressed: FixedBytes<33> {
      FixedBytes<33> { $0 == 0 ? 2 | coordinates[63] & 1 : coordinates[$0 - 1] }
    }

    /// 04, then x and y.
    public var uncompressed: FixedBytes<65> { FixedBytes<65> { $0 == 0 ? 4 : coordinates[$0 - 1] } }

    /// The last 20 bytes of the Keccak-256 of `x || y`.
    public var ethereumAddress: Bytes20 {
      let hash = Keccak256.hash(coordinates.span)
      return Bytes20 { hash[12 + $0] }
    }
  }

  /// A signature `r || s` whose parts are in 1..<n; s may be in either half.
  public struct Signature: Hashable, Sendable {
    /// `r || s`, 32 big-endian bytes each.
    public let compact: Bytes64

    /// Checks that r and s are in 1..<n.
    ///
    /// - Throws: ``VerificationError`` `.rZero`, `.rOverflow`, `.sZero` or `.sOverflow`.
    public init(compact: Bytes64) throws(VerificationError) {
      let (r, s) = (UInt256(compact, at: 0), UInt256(compact, at: 32))
      guard r != .zero else { throw .rZero }
      guard r < Secp256k1.order else { throw .rOverflow }
      guard s != .zero else { throw .sZero }
      guard s < Secp256k1.order else { throw .sOverflow }
      self.compact = compact
    }

    /// Reads exactly 64 bytes `r || s`.
    ///
    /// - Throws: ``VerificationError`` `.signatureLength` or a range error.
    public init(compact bytes: Span<UInt8>) throws(VerificationError) {
      guard bytes.count == 64 else { throw .signatureLength(bytes.count) }
      try self.init(compact: Bytes64(bytes, at: 0))
    }

    /// Reads a strict DER `SEQUENCE { INTEGER r, INTEGER s }`.
    ///
    /// - Throws: ``VerificationError`` `.der` or a range error.
    public init(der bytes: Span<UInt8>) throws(VerificationError) {
      let integers: ECDSAIntegers<32>
      do { integers = try ECDSAIntegers<32>(der: bytes) } catch { throw .der(error) }
      try self.init(compact: Bytes64 { $0 < 32 ? integers.r[$0] : integers.s[$0 - 32] })
    }

    /// Whether s is at most (n - 1) / 2.
    public var hasLowS: Bool { UInt256(compact, at: 32) <= Secp256k1.halfOrder }
  }

  /// A signature that tells which of the candidate points is its key.
  public struct RecoverableSignature: Hashable, Sendable {
    public let signature: Signature
    /// 0...3: bit 0 is the parity of the commitment's y, bit 1 whether its x was at least n.
    public let recoveryID: UInt8

    /// - Parameter v: the recovery value as the protocol writes it, read by `form`.
    public init(_ signature: Signature, v: UInt64, form: RecoveryIDForm) throws(VerificationError) {
      self.signature = signature
      recoveryID = try form.recoveryID(v)
    }

    /// Reads exactly 65 bytes `r || s || v`.
    ///
    /// - Throws: ``VerificationError`` `.signatureLength`, `.recoveryValue` or a range error.
    public init(_ bytes: Span<UInt8>, form: RecoveryIDForm) throws(VerificationError) {
      guard bytes.count == 65 else { throw .signatureLength(bytes.count) }
      try self.init(Signature(compact: Bytes64(bytes, at: 0)), v: UInt64(bytes[64]), form: form)
    }

    /// Reads exactly 65 bytes `r || s || v`.
    public init(_ bytes: [UInt8], form: RecoveryIDForm) throws(VerificationError) {
      try self.init(bytes.span, form: form)
    }
  }

  /// How a protocol writes the recovery id.
  public enum RecoveryIDForm: Hashable, Sendable {
    /// 0 or 1 (Wormhole VAAs, typed transactions).
    case zeroOrOne
    /// 0, 1, 2 or 3 (libsecp256k1, go-ethereum's `crypto.Ecrecover`).
    case zeroToThree
    /// 27 or 28 (the ECRECOVER precompile, OpenZeppelin's ECDSA).
    case twentySevenOrTwentyEight
    /// 27 only (Chainlink CCIP RMN and CCV, whose signers negate s until the id is 0).
    case twentySeven
    /// 0, 1, 27 or 28.
    case either
    /// 35 or 36 above twice the chain id (EIP-155).
    case eip155(chainID: UInt64)

    /// - Throws: ``VerificationError/recoveryValue(_:)``.
    public func recoveryID(_ v: UInt64) throws(VerificationError) -> UInt8 {
      switch (self, v) {
      case (.zeroOrOne, 0...1), (.zeroToThree, 0...3), (.either, 0...1): return UInt8(v)
      case (.twentySevenOrTwentyEight, 27...28), (.either, 27...28): return UInt8(v - 27)
      case (.twentySeven, 27): return 0
      case (.eip155(let chainID), 35...):
        let (rest, parity) = (v - 35).quotientAndRemainder(dividingBy: 2)
        guard rest == chainID else { throw .recoveryValue(v) }
        return UInt8(parity)
      default: throw .recoveryValue(v)
      }
    }
  }

  /// n, the order of the group (SEC 2, section 2.4.1).
  public static let order = UInt256(
    limbs: 0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, 0xffff_ffff_ffff_ffff)
  /// (n - 1) / 2: the largest low s (EIP-2, BIP-62).
  public static let halfOrder = UInt256(
    limbs: 0xdfe9_2f46_681b_20a0, 0x5d57_6e73_57a4_501d, 0xffff_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff)
}

extension UInt256 {
  /// 32 big-endian bytes of `bytes` from `offset`.
  init<let count: Int>(_ bytes: FixedBytes<count>, at offset: Int) {
    func limb(_ start: Int) -> UInt64 {
      var value: UInt64 = 0
      for index in start..<(start + 8) { value = value << 8 | UInt64(bytes[index]) }
      return value
    }
    self.init(limbs: limb(offset + 24), limb(offset + 16), limb(offset + 8), limb(offset))
  }
}
