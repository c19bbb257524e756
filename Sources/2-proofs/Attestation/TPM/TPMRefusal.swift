/// Why a TPM's statement was refused. Values that a policy asked for come first, what was found after them.
public enum TPMRefusal: Error, Hashable, Sendable {
  case statement(TPMStatement.DecodingError)
  case quote(TPM2.DecodingError)
  case signatureForm(TPM2.DecodingError)
  case attestationKey(TPM2.DecodingError)
  case launchLog(TPMLaunchLog.DecodingError)
  /// There is a launch log, and no PCR that the policy judges by it.
  case launchLogUnasked(bytes: Int)
  /// A TPM's statement holds all that is needed: it has no collateral.
  case collateral(bytes: Int)
  /// TPMA_OBJECT lacks bits that an attestation key has, or has those of a decryption key. An unrestricted
  /// key signs whatever its holder likes, a forged quote too.
  case keyAttributes(missing: TPM2.Attributes, forbidden: TPM2.Attributes)
  /// The key's name is by a hash that is not accepted.
  case nameAlgorithm(UInt16)
  case signature(TPM2.SignatureRefusal)
  /// The quote is of no bank, or of more than one.
  case banks(count: Int)
  /// The quote is of a bank that no verdict may rest on, such as SHA-1, or not of the one that was asked for.
  case bank(expected: UInt16, actual: UInt16)
  /// The PCRs that are quoted are not exactly those that were asked for.
  case selection(expected: [Int], actual: [Int])
  /// The statement's values are not of exactly the PCRs that are quoted.
  case values(expected: [Int], actual: [Int])
  case valueLength(index: Int, expected: Int, actual: Int)
  /// The values do not hash to the quote's digest.
  case pcrDigest(expected: [UInt8], actual: [UInt8])
  /// The quote answers another challenge.
  case nonce(expected: [UInt8], actual: [UInt8])
  /// Neither the key's name nor a certificate of it is one that the policy knows.
  case keyUnknown(name: [UInt8])
  /// The first certificate is of another key.
  case certificateKey
  case certificate(X509Error)
  case chain(X509ChainError)
  /// A PCR has a value that is not allowed.
  case pcrValue(index: Int, actual: [UInt8])
  /// The launches do not lead to the PCR's value.
  case launchReplay(index: Int, expected: [UInt8], actual: [UInt8])
  /// The PCR is said to hold launches, and there is none.
  case noLaunch
  /// A launch of a program, or under a policy, that is not allowed: `index` counts from the oldest.
  case launch(index: Int, program: [UInt8], policy: [UInt8])
}
