/// Verifies evidence of Azure's confidential machines.
public enum AzureVerifier {
  public static func verify(
    _ evidence: AttestationEvidence, under policy: AzurePolicy, at time: AttestationTime, roots: AttestationRoots
  ) throws(AzureRefusal) -> AttestationResult {
    throw .unread
  }
}
