/// Verifies SEV-SNP reports.
public enum SEVSNPVerifier {
  public static func verify(
    _ evidence: AttestationEvidence, under policy: SEVSNPPolicy, at time: AttestationTime, roots: [AMDProductRoots]
  ) throws(SEVSNPRefusal) -> AttestationResult {
    throw .unread
  }
}
