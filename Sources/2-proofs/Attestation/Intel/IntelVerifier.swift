/// Verifies quotes of SGX and TDX.
public enum IntelVerifier {
  public static func verify(
    _ evidence: AttestationEvidence, under policy: IntelPolicy, at time: AttestationTime, roots: X509Roots
  ) throws(IntelRefusal) -> AttestationResult {
    throw .unread
  }
}
