public import Attestation
public import WireBytes

/// The attestation policy that an enclave's operator proposes: exactly this program under exactly this policy, on this
/// platform.
public enum EnclaveDemands {
  /// A TPM whose attestation key has one of these names, and whose launch register holds launches of this identity alone.
  ///
  /// - Parameters:
  ///   - names: TPM2B_NAME's contents.
  ///   - roots: fingerprints of roots of certificates of attestation keys.
  ///   - boot: further registers with the values that they may have.
  public static func tpm(
    _ identity: EnclaveIdentity, names: [[UInt8]], roots: [Bytes32] = [],
    boot: [(register: Int, values: [[UInt8]])] = [],
    ageMaxSeconds: Int64? = nil, isProduction: Bool
  ) throws(AttestationPolicyError) -> AttestationPolicy {
    var registers = boot.map { TPMPolicy.PCR(index: $0.register, rule: .values($0.values)) }
    registers.append(
      TPMPolicy.PCR(
        index: TPMLaunchLog.pcr,
        rule: .launches([TPMPolicy.Launch(program: identity.program, policy: identity.policy)])))
    return try AttestationPolicy(
      isProduction: isProduction, ageMaxSeconds: ageMaxSeconds,
      tpm: TPMPolicy(pcrs: registers.sorted { $0.index < $1.index }, keyNames: names, keyRoots: roots))
  }

  /// The simulated platform; never for production.
  public static func simulated(
    _ identity: EnclaveIdentity, ageMaxSeconds: Int64? = nil
  ) throws(AttestationPolicyError) -> AttestationPolicy {
    try AttestationPolicy(
      isProduction: false, ageMaxSeconds: ageMaxSeconds,
      simulated: SimulatedPolicy(programs: [identity.program], policies: [identity.policy]))
  }
}
