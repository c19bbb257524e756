/// Verifies tokens of other verifiers.
public enum TokenVerifier {
  public static func verify(
    _ evidence: AttestationEvidence, under policy: TokenPolicy, at time: AttestationTime
  ) throws(TokenRefusal) -> AttestationResult {
    throw .unread
  }
}
