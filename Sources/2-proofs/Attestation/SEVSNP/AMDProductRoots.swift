import Encodings
public import WireBytes

/// Generations of AMD processors with SEV-SNP, each with keys of its own.
public enum AMDProduct: String, Hashable, Sendable, CaseIterable {
  /// Family 19h, models 0 to 0fh.
  case milan
  /// Family 19h, models 10h to 1fh and a0h to afh (Genoa, Bergamo, Siena).
  case genoa
  /// Family 1ah, models 0 to 11h.
  case turin
}

/// AMD's keys for one product, by the SHA-256 of their certificates in DER.
public struct AMDProductRoots: Hashable, Sendable {
  public let product: AMDProduct
  /// The root key, which signs itself.
  public let ark: Bytes32
  /// Signs VCEKs, which belong to a chip.
  public let ask: Bytes32
  /// Signs VLEKs, which belong to a cloud.
  public let asvk: Bytes32
  /// Certificates that are at hand when evidence carries none, DER; believed by the hashes alone.
  public let known: [[UInt8]]

  public init(product: AMDProduct, ark: Bytes32, ask: Bytes32, asvk: Bytes32, known: [[UInt8]] = []) {
    self.product = product
    self.ark = ark
    self.ask = ask
    self.asvk = asvk
    self.known = known
  }

  /// What kdsintf.amd.com/vcek/v1/PRODUCT/cert_chain and /vlek/v1/PRODUCT/cert_chain serve.
  public static let production = [
    AMDProductRoots(
      product: .milan,
      ark: Bytes32(
        words: 0x69d0_63b4_5344_d26a, 0x2e94_e1f4_210d_e49e, 0xf555_3082_87d4_c174, 0x445c_9563_9a54_0bcd),
      ask: Bytes32(
        words: 0x67d3_03bd_3905_fd38, 0xdb8b_20e0_7936_9987, 0x0e7f_a612_eaad_5dec, 0x3582_93fd_8c0b_ac1b),
      asvk: Bytes32(
        words: 0xc5e0_81f5_9b7e_fab1, 0xfe2f_8b50_5e15_9704, 0xe72f_29ca_b7ef_7cf6, 0x28a0_5a42_4390_82f5),
      known: decode(AMDCertificates.milanARK, AMDCertificates.milanASK, AMDCertificates.milanASVK)
    ),
    AMDProductRoots(
      product: .genoa,
      ark: Bytes32(
        words: 0x4c65_98d1_9c18_719c, 0x5dfd_4a7d_335f_674e, 0x5bfe_1d8f_800c_ea2c, 0xf270_c10d_103d_b2f1),
      ask: Bytes32(
        words: 0x5464_738c_1546_aed5, 0xf2ce_cf1d_c98c_5c96, 0x0a92_e891_3238_a617, 0x11bc_90ec_6e82_8521),
      asvk: Bytes32(
        words: 0x197e_6107_43a9_17d6, 0xb9bb_982a_5a92_26cc, 0xc0a1_5b61_1be0_619e, 0x626a_ca91_5145_7372),
      known: decode(AMDCertificates.genoaARK, AMDCertificates.genoaASK, AMDCertificates.genoaASVK)
    ),
    AMDProductRoots(
      product: .turin,
      ark: Bytes32(
        words: 0x1f08_4161_a44b_b6d9, 0x3778_a904_877d_4819, 0xcafa_5d05_ef41_93b2, 0xded9_dd9c_73dd_3f6a),
      ask: Bytes32(
        words: 0x5b77_ef5f_e7a7_a004, 0xfd90_3266_8fba_9d0f, 0xda22_f88c_4442_069a, 0x4796_36a6_ae3b_3185),
      asvk: Bytes32(
        words: 0x104e_10a8_bd06_0a3c, 0x20a4_3426_1a57_d058, 0x8fd6_5a88_915b_4f65, 0xb08b_deca_f8df_1a3c),
      known: decode(AMDCertificates.turinARK, AMDCertificates.turinASK, AMDCertificates.turinASVK)
    ),
  ]
  private static func decode(_ texts: String...) -> [[UInt8]] {
    // The texts are constants of this module; one that did not decode would be missed by its hash.
    texts.map { (try? Base64.decode($0)) ?? [] }
  }
}
