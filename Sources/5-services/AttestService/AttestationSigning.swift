public import Messages

/// Whoever holds an attester's key: it reads what it signs, and builds the digest itself. It is never given a hash.
public protocol AttestationSigning: Sendable {
  /// A signature over ``AttestedStatement/digest`` in the form of the attester's suite.
  func sign(_ statement: AttestedStatement) async throws(AttestationSigningError) -> [UInt8]
}

/// Why there is no signature.
public enum AttestationSigningError: Error, Hashable, Sendable {
  case unavailable
  /// Its own rules do not allow this statement.
  case refused
}
