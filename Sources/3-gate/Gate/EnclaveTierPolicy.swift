public import Attestation
import Digests
public import Messages
public import WireBytes

/// Which enclave a destination believes about an origin: a measured program that follows it, on hardware that
/// vouches for the measurement.
///
/// The quote comes once, with the registration of the enclave's key; each message then costs one signature. The
/// pattern is that of datachainlab/lcp (`ProxyMessage`: previous and next state, time, context).
public struct EnclaveTierPolicy: Hashable, Sendable {
  /// For which origin, router and client the enclave signs.
  public let binding: AttestationBinding
  /// SHA-256 of the program, as the enclave's keys name it.
  public let program: Bytes32
  /// The hash of the enclave's own policy: what its program may do, and from what it follows the origin.
  public let enclavePolicy: Bytes32
  /// What the evidence of a registration must show.
  public let attestation: AttestationPolicy
  /// The enclave's state from which the first transition must go on; the caller vouches for it.
  public let start: Bytes32
  /// Nil leaves the times of states unchecked.
  public let freshness: AttestedPolicy.Freshness?

  public var origin: DomainID { binding.origin }

  public init(
    binding: AttestationBinding, program: Bytes32, enclavePolicy: Bytes32, attestation: AttestationPolicy,
    start: Bytes32, freshness: AttestedPolicy.Freshness? = nil
  ) {
    self.binding = binding
    self.program = program
    self.enclavePolicy = enclavePolicy
    self.attestation = attestation
    self.start = start
    self.freshness = freshness
  }

  /// Names this leaf among those of a policy: SHA-256 of its canonical form.
  public var identifier: Bytes32 { PolicyText.hash(.enclave(self)) }
}

/// An enclave whose evidence satisfied a policy when it was registered.
public struct RegisteredEnclave: Hashable, Sendable {
  public let keys: EnclaveKeys
  /// The hardware's name, and what it measured, for the premises of verdicts.
  public let platform: String
  public let measurement: String
  /// Not to be believed from this moment on: the least of what keys, evidence, collateral and certificates allow.
  public let expires: UnixTime

  public init(keys: EnclaveKeys, platform: String, measurement: String, expires: UnixTime) {
    self.keys = keys
    self.platform = platform
    self.measurement = measurement
    self.expires = expires
  }
}

/// What a client remembers of the enclaves of one leaf of its policy.
public struct EnclaveMemory: Hashable, Sendable {
  /// More registrations are refused until one of these has expired.
  public static let registrationCountMax = 8

  /// The state that the last transition led to: the next must go on from it. Nil takes any, for judging
  /// misbehaviour of the past.
  public var state: Bytes32?
  public var registrations: [RegisteredEnclave]

  public init(state: Bytes32?, registrations: [RegisteredEnclave] = []) {
    self.state = state
    self.registrations = registrations
  }
}
