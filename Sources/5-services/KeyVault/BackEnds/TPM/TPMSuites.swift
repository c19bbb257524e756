public import SigningRules
public import TPMAccess

extension TPMPublicArea.Curve {
  /// Nil for a suite that TPMs do not make.
  public init?(_ suite: KeySuite) {
    switch suite {
    case .p256: self = .p256
    case .p384: self = .p384
    case .secp256k1, .ed25519, .mlDSA65, .mlDSA87, .ed25519AndMLDSA65, .secp256k1AndMLDSA65,
      .p384AndMLDSA87,
      .frostEd25519:
      return nil
    }
  }

  public var suite: KeySuite { self == .p256 ? .p256 : .p384 }
}

extension TPMFault {
  /// What a caller of a back end is told; `busy` and lost connections have been tried again before.
  var asBackEndError: KeyBackEndError {
    switch TPMError(self) {
    case .unavailable(let code): .unavailable(code: code)
    case .missing: .missing
    case .refused(let code): .refused(code: code)
    case .authorisation(let code): .authorisation(code: code)
    case .malformed: .malformed(step: "TPM response")
    }
  }
}
