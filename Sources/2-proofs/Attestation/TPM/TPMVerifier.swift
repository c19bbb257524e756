/// Verifies TPM quotes.
public enum TPMVerifier {
  public static func verify(
    _ evidence: AttestationEvidence, under policy: TPMPolicy, at time: AttestationTime
  ) throws(TPMRefusal) -> AttestationResult {
    throw .unread
  }
}
