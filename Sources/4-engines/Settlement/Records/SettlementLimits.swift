public import Attestation
import Enclaves
public import Messages
import PacketHost

/// Sizes and times that the module bounds.
public enum SettlementLimits {
  /// Bytes of one message.
  public static let messageSizeMax = 2 << 20
  /// Bytes of an attestation policy.
  public static let policySizeMax = 64 << 10
  public static let keysSizeMax = EnclaveKeys.sizeMax
  /// Bytes of evidence, and of collateral. One entry of the store holds both.
  public static let evidenceSizeMax = 768 << 10
  /// Bytes of a coordinator's key.
  public static let keySizeMax = 2_048
  public static let updateSizeMax = Update.sizeMax
  /// Bytes of a receipt, and of a token.
  public static let receiptSizeMax = Receipt.sizeMax
  public static let signatureSizeMax = SigningSuite.signatureSizeMax
  /// Blocks that keys may be anchored at: the newest ones.
  public static let anchorCount: UInt64 = 1_024
  /// How long before the block's time, which is a little late, keys may be issued. Seconds.
  public static let clockDrift: UInt64 = 60
  /// How long keys live at most. Seconds.
  public static let registrationLifetimeMax: UInt64 = 90 * 86_400
  /// How long a case may take. Seconds.
  public static let caseLifetimeMax: UInt64 = 366 * 86_400
  /// Entries of one answer.
  public static let pageMax = 256
}

/// What verification costs, in gas. Storage costs what it costs everywhere.
///
/// Signatures are priced by their time against an Ed25519 signature's 590, evidence by the signatures that its chains have;
/// docs/spec/settlement.md section 6 has the table.
public enum SettlementGas {
  /// Reading, and hashing into a tree, one byte of SSZ or of evidence.
  public static let perByte: UInt64 = 10
  /// One link of a custody chain.
  public static let link: UInt64 = 200
  /// One step of the tree over a case's inputs.
  public static let treeStep: UInt64 = 50

  /// One signature of an enclave or a coordinator.
  public static func signature(_ suite: SigningSuite) -> UInt64 {
    switch suite {
    case .secp256k1Address: GasSchedule.verifySecp256k1
    case .ed25519: GasSchedule.verifyEd25519
    case .p256: 1_500
    case .p384: 10_000
    case .mlDSA65: 3_000
    case .ed25519AndMLDSA65, .secp256k1AndMLDSA65: 4_000
    }
  }

  /// The signatures and the parsing of one piece of evidence, beside ``perByte``.
  public static func evidence(_ platform: AttestationPlatform) -> UInt64 { 150_000 }
}
