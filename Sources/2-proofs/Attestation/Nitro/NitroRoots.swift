import WireBytes

/// The authorities of AWS Nitro Enclaves.
public enum NitroRoots {
  /// AWS_NitroEnclaves_Root-G1, valid to 2049 (AWS Nitro Enclaves user guide, "Verifying the root of trust").
  public static let production = X509Roots([
    Bytes32(words: 0x641a_0321_a3e2_44ef, 0xe456_4631_95d6_0631, 0x7ed7_cdcc_3c17_56e0, 0x9893_f3c6_8f79_bb5b)
  ])
}

extension FixedBytes where count == 32 {
  /// Four big-endian words, for constants.
  init(words: UInt64...) {
    self.init { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64((7 - $0 % 8) * 8)) }
  }
}
