import WireBytes

/// The authority of Intel's provisioning.
public enum IntelRoots {
  /// Intel SGX Root CA, valid to 2049, of certificates.trustedservices.intel.com.
  public static let production = X509Roots([
    Bytes32(words: 0x44a0_196b_2b99_f889, 0xb8e1_49e9_5b80_7a35, 0x0e74_2496_4399_e885, 0xa7cb_b8cc_fab6_74d3)
  ])
}
