/// Why another verifier's token was refused.
public enum TokenRefusal: Error, Hashable, Sendable {
  case token(JSONWebToken.DecodingError)
  /// A token carries all that is needed: it has no collateral.
  case collateral(bytes: Int)
  /// No key of the policy has the token's algorithm, and no certificates lead to its roots.
  case noKey(TokenAlgorithm)
  /// The last key that was tried.
  case signature(TokenKeyError)
  /// `x5c` is not a list of certificates in base 64.
  case certificates
  case certificate(X509Error)
  case chain(X509ChainError)
  case ear(EARClaims.Refusal)
  /// A claim is absent or not of its form.
  case claim(String)
  /// A claim has a value that the policy does not allow.
  case value(path: [String])
  /// A submodule's status is not affirming.
  case status(submodule: String, EARClaims.Status)
  case expired(secondsLate: Int64)
  case notYetValid(secondsEarly: Int64)
}
