import Attestation

extension AttestationRefusal {
  /// Whether good collateral of now says that the evidence does not count any more: a level that was revoked, has fallen
  /// behind or is not allowed, or the machine's certificate on its issuer's list.
  ///
  /// Anything else may be the fault of whoever brought the collateral: text that does not read, a signature that is not its
  /// issuer's, a document that is not in force or too old. That says nothing about a registration.
  package var endsRegistrations: Bool {
    switch self {
    case .intel(let refusal), .azure(.tdx(let refusal)): refusal.endsRegistrations
    default: isAboutStanding
    }
  }
}

extension IntelRefusal {
  /// Levels are read from documents whose signature, window and kind have been checked before. Whose certificate signed an
  /// old document may have been revoked since: only the machine's own chain counts, which the quote has.
  package var endsRegistrations: Bool {
    switch self {
    case .revoked, .rootRevoked: true
    case .revocation(.pck, .revoked): true
    case .noLevel(_, let component, _, _): component != nil
    case .module(_, .isvSVN(let least, _)): least != nil
    case .quotingEnclave(.isvSVN): true
    case .policy(.status), .policy(.quotingEnclaveStatus), .policy(.advisory): true
    default: false
    }
  }
}
