public import Attestation
public import Messages
public import WireBytes

/// Why keys are not registered, or do not count any more. Seconds are counted from the deciding moment.
public enum RegistrationRefusal: Error, Hashable, Sendable {
  /// The keys are for another settlement domain.
  case domain(expected: InteroperableAddress, actual: InteroperableAddress)
  /// The evidence binds something else than exactly these keys.
  case reportData(expected: Bytes64, actual: [UInt8])
  /// The evidence measures another program, or another policy, than the keys name.
  case measurement(name: String, expected: Bytes32, actual: [UInt8])
  case notIssued(issued: UInt64, secondsEarly: UInt64)
  case expired(expires: UInt64, secondsLate: UInt64)
  /// The operator has keys of this sequence or a later one.
  case sequence(last: UInt64, actual: UInt64)
  /// The anchor is not among the recent blocks: too old, or not there yet.
  case anchorUnknown(height: UInt64)
  case anchor(height: UInt64, expected: Bytes32, actual: Bytes32)
  /// The registration was ended.
  case ended(at: UInt64)
  /// The registration did not exist yet.
  case notRegistered(registered: UInt64, secondsEarly: UInt64)
}

/// Rules for registrations that the ledger, the gate and auditors share. Times are UNIX seconds; the first second at which
/// something has ended is `expires`.
public enum RegistrationRules {
  /// Whether keys may be registered on verified evidence, and until when.
  ///
  /// - Parameters:
  ///   - result: what the evidence says, verified at `time` under the policy that the registration names.
  ///   - lastSequence: the greatest sequence of the operator's registrations; nil when there is none.
  ///   - anchorHash: the domain's recent block hashes; nil for a height that is too old or not there.
  ///   - lifeSecondsMax: the longest that a registration lives from now on; nil for no such limit.
  /// - Returns: the least of all ends.
  /// - Throws: ``RegistrationRefusal``.
  public static func admit(
    _ keys: EnclaveKeys, result: AttestationResult, domain: InteroperableAddress, lastSequence: UInt64?,
    lifeSecondsMax: UInt64? = nil, at time: UInt64, anchorHash: (UInt64) -> Bytes32?
  ) throws(RegistrationRefusal) -> UInt64 {
    guard keys.domain == domain else { throw .domain(expected: domain, actual: keys.domain) }
    try checkBinding(keys, result: result)
    if let lastSequence, keys.sequence <= lastSequence {
      throw .sequence(last: lastSequence, actual: keys.sequence)
    }
    guard let expected = anchorHash(keys.anchorHeight) else {
      throw .anchorUnknown(height: keys.anchorHeight)
    }
    guard expected == keys.anchorHash else {
      throw .anchor(height: keys.anchorHeight, expected: expected, actual: keys.anchorHash)
    }
    guard keys.issued <= time else { throw .notIssued(issued: keys.issued, secondsEarly: keys.issued - time) }
    return try expiry(of: keys, result: result, lifeSecondsMax: lifeSecondsMax, at: time)
  }

  /// Whether evidence is of exactly these keys, and of the program and policy that they name where it measures those.
  ///
  /// - Throws: ``RegistrationRefusal/reportData(expected:actual:)``, `.measurement`.
  public static func checkBinding(
    _ keys: EnclaveKeys, result: AttestationResult
  ) throws(RegistrationRefusal) {
    let wanted = keys.reportData
    guard result.reportData == wanted.array else {
      throw .reportData(expected: wanted, actual: result.reportData)
    }
    for (name, expected) in [("program", keys.program), ("policy", keys.policy)] {
      if let actual = result.measurement(name), actual != expected.array {
        throw .measurement(name: name, expected: expected, actual: actual)
      }
    }
  }

  /// The first second at which a registration has ended: the least of what keys, evidence and rules allow.
  ///
  /// - Throws: ``RegistrationRefusal/expired(expires:secondsLate:)`` when that is not after `time`.
  public static func expiry(
    of keys: EnclaveKeys, result: AttestationResult, lifeSecondsMax: UInt64? = nil, at time: UInt64
  ) throws(RegistrationRefusal) -> UInt64 {
    // The result's is the last second that counts; ours is the first that does not.
    let evidence = result.expires < 0 ? 0 : UInt64(result.expires) + 1
    var expires = min(keys.expires, evidence)
    if let lifeSecondsMax {
      let (end, overflow) = time.addingReportingOverflow(lifeSecondsMax)
      if !overflow { expires = min(expires, end) }
    }
    guard time < expires else { throw .expired(expires: expires, secondsLate: time - expires) }
    return expires
  }

  /// Whether a registration counts at `time`.
  ///
  /// A record that ended later still counts for the time before: results that settled stay settled.
  ///
  /// - Throws: ``RegistrationRefusal``.
  public static func checkLive(_ record: RegistrationRecord, at time: UInt64) throws(RegistrationRefusal) {
    guard time >= record.content.registered else {
      throw .notRegistered(
        registered: record.content.registered, secondsEarly: record.content.registered - time)
    }
    if record.status == .ended, time >= record.ended { throw .ended(at: record.ended) }
    guard time < record.content.expires else {
      throw .expired(expires: record.content.expires, secondsLate: time - record.content.expires)
    }
  }
}

extension CaseKeys {
  /// ``RegistrationRecord``.
  public static func registrationRecord(_ id: Bytes32) -> [UInt8] {
    prefix + [UInt8]("registrations/".utf8) + id.array
  }
}
