/// Verifies Nitro documents.
public enum NitroVerifier {
  public static func verify(
    _ evidence: AttestationEvidence, under policy: NitroPolicy, at time: AttestationTime, roots: X509Roots
  ) throws(NitroRefusal) -> AttestationResult {
    throw .unread
  }
}
