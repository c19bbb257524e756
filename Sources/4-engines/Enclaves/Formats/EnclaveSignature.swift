public import Gate
public import Messages
public import WireBytes

/// Why a signature of an enclave or a coordinator does not count.
public enum EnclaveSignatureError: Error, Hashable, Sendable {
  case signatureLength(expected: Int, actual: Int)
  /// The s of an ECDSA signature is over half of the group's order: its twin would be a second signature.
  case highS
  /// The suite's reason: another key's signature, a key that is no point, or a suite forbidden by now.
  case refused(AttesterSignatureError)
  /// A suite that no attester has; the two lists name the same suites, so that no key of a container comes here.
  case suite(String)
}

/// Signatures over the digests of docs/spec/enclaves.md.
public enum EnclaveSignature {
  /// Checks that `key` signed `digest`, in a suite that is not forbidden at `seconds`; returning means that it did.
  ///
  /// - Parameter seconds: UNIX seconds of the decision.
  /// - Throws: ``EnclaveSignatureError``.
  public static func verify(
    digest: Bytes32, signature: [UInt8], key: EnclaveVerificationKey, at seconds: UInt64
  ) throws(EnclaveSignatureError) {
    guard signature.count == key.suite.signatureSize else {
      throw .signatureLength(expected: key.suite.signatureSize, actual: signature.count)
    }
    switch key.suite {
    case .p256: guard !isHigh(signature, order: p256Order) else { throw .highS }
    case .p384: guard !isHigh(signature, order: p384Order) else { throw .highS }
    // The suite's own rule refuses a high s of secp256k1; the others have no twin.
    case .secp256k1Address, .ed25519, .mlDSA65, .ed25519AndMLDSA65, .secp256k1AndMLDSA65: break
    }
    guard let suite = AttesterSuite(rawValue: key.suite.rawValue) else { throw .suite(key.suite.rawValue) }
    do {
      try Attester(suite: suite, key: key.bytes).verify(
        signature, digest: digest, at: UnixTime(seconds: seconds))
    } catch { throw .refused(error) }
  }

  /// The form with a low s of a P-256 or P-384 signature `r ‖ s`, for signers whose hardware gives either.
  ///
  /// Any other suite's signature is returned as it is, and so is one of another length.
  public static func lowS(_ signature: [UInt8], suite: SigningSuite) -> [UInt8] {
    let order: [UInt8]
    switch suite {
    case .p256: order = p256Order
    case .p384: order = p384Order
    default: return signature
    }
    guard signature.count == 2 * order.count, isHigh(signature, order: order) else { return signature }
    var lowered = signature
    var borrow = 0
    for index in order.indices.reversed() {
      let difference = Int(order[index]) - Int(signature[order.count + index]) - borrow
      borrow = difference < 0 ? 1 : 0
      lowered[order.count + index] = UInt8(truncatingIfNeeded: difference)
    }
    // An s of the order or more is no signature; it stays what it was, and is refused.
    return borrow == 0 ? lowered : signature
  }

  /// Whether twice the s of `r ‖ s` is over `order`.
  private static func isHigh(_ signature: [UInt8], order: [UInt8]) -> Bool {
    var carry = 0
    var doubled = [UInt8](repeating: 0, count: order.count + 1)
    for index in order.indices.reversed() {
      let sum = 2 * Int(signature[order.count + index]) + carry
      doubled[index + 1] = UInt8(truncatingIfNeeded: sum)
      carry = sum >> 8
    }
    doubled[0] = UInt8(truncatingIfNeeded: carry)
    return ([0] + order).lexicographicallyPrecedes(doubled)
  }

  /// The order of P-256. SEC 2, section 2.4.2.
  private static let p256Order: [UInt8] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
  ]
  /// The order of P-384. SEC 2, section 2.5.1.
  private static let p384Order: [UInt8] =
    [UInt8](repeating: 0xff, count: 24) + [
      0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2,
      0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
    ]
}
