/// Why evidence was refused. Numbers say how far out a field is; text is made at the edge.
public enum AttestationRefusal: Error, Hashable, Sendable {
  /// The policy does not name the platform.
  case platformNotNamed(AttestationPlatform)
  /// Simulated evidence under a policy for production.
  case simulatedInProduction
  case nitro(NitroRefusal)
  case intel(IntelRefusal)
  case sevSNP(SEVSNPRefusal)
  case tpm(TPMRefusal)
  case azure(AzureRefusal)
  case token(TokenRefusal)
  case simulated(SimulatedRefusal)
  /// The statement is of a time that has not come, beyond what clocks may differ.
  case issuedInFuture(secondsAhead: Int64, allowed: Int64)
  /// The statement is older than the policy allows.
  case tooOld(ageSeconds: Int64, maximum: Int64)
  /// The policy asks for an age, which this platform's statements do not tell, and for no nonce or report data.
  case ageUnknown(maximum: Int64)
  /// What the holder bound is not what the policy asks for.
  case reportData(wanted: [UInt8], found: [UInt8])
  /// The challenge is another one, or absent.
  case nonce(wanted: [UInt8], found: [UInt8]?)
  /// Something that the result rests on has ended.
  case expired(AttestationLimit, secondsLate: Int64)
}
