/// A response code that is not success, of the TPM or of a layer of tpm2-tss above it.
///
/// Source: TPM 2.0 Library Specification, part 2, section 6.6; TCG TSS 2.0 Overview, section 3.
package struct TPMFault: Error, Hashable, Sendable {
  package let code: UInt32

  package init(code: UInt32) { self.code = code }

  /// What follows from it for who asked.
  package enum Kind: Hashable, Sendable {
    /// The TPM asks to be asked again.
    case busy
    /// The TPM cannot be reached over this connection any more.
    case connectionLost
    /// A handle that was good is not known any more: the TPM was reset behind the connection.
    case handlesLost
    /// No room for one more object or session.
    case full
    /// The authorisation is wrong or locked out. Not to be tried again: each try counts.
    case authorisation
    /// A policy does not hold: the registers are others than at the time of sealing.
    case policy
    /// The blob is not this TPM's, or was changed.
    case integrity
    /// There is nothing under the handle.
    case absent
    /// The TPM, or tpm2-tss, does not do it.
    case refused
    /// What came back is no answer of a TPM.
    case malformed
  }

  /// The layer's answer when it got bytes that it could not use.
  package static let malformedAnswer = TPMFault(code: 9 << 16 | 11)

  private var layer: UInt32 { code >> 16 & 0xff }

  /// The TPM's own code without the numbers of the parameter, handle or session that it is about.
  private var base: UInt32 {
    // Format one carries those numbers in bits 6 and 8 to 11 (part 2, table 15).
    code & 0x80 != 0 ? code & 0xbf : code & 0xfff
  }

  package var kind: Kind {
    switch layer {
    // The TPM's, or a resource manager's in its name.
    case 0, 12: Self.kindOfTPM(base, aboutHandle: code & 0x80 != 0 && code & 0x40 == 0 && code & 0x800 == 0)
    // A resource manager's own words.
    case 11: Self.kindOfTPM(base, aboutHandle: false)
    // Transport, and its loader.
    case 10: .connectionLost
    case 7, 8, 9:
      switch code & 0xffff {
      // No connection, a timeout, an error of input or output.
      case 8, 9, 10: .connectionLost
      // Bad sequence: a command was left half done.
      case 7: .connectionLost
      // Malformed or short responses, and answers whose HMAC does not fit.
      case 17, 19, 27: .malformed
      // The lower two only say that they cannot read or hold something, and what goes in is well formed.
      default: layer == 7 ? .refused : .malformed
      }
    default: .refused
    }
  }

  private static func kindOfTPM(_ base: UInt32, aboutHandle: Bool) -> Kind {
    switch base {
    // TPM_RC_CANCELED, YIELDED, TESTING, NV_RATE, RETRY, NV_UNAVAILABLE; PCR_CHANGED.
    case 0x909, 0x908, 0x90a, 0x920, 0x922, 0x923, 0x128: .busy
    // TPM_RC_REFERENCE_H0 to H6 and S0 to S6.
    case 0x910...0x916, 0x918...0x91e: .handlesLost
    // TPM_RC_INITIALIZE: a TPM that was reset and not started.
    case 0x100: .connectionLost
    // TPM_RC_OBJECT_MEMORY, SESSION_MEMORY, MEMORY, SESSION_HANDLES, OBJECT_HANDLES.
    case 0x902...0x906: .full
    // TPM_RC_LOCKOUT, AUTH_FAIL, BAD_AUTH, AUTH_MISSING, AUTH_UNAVAILABLE, NV_AUTHORIZATION.
    case 0x921, 0x08e, 0x0a2, 0x125, 0x12f, 0x149: .authorisation
    // TPM_RC_POLICY_FAIL, POLICY, PCR.
    case 0x09d, 0x126, 0x127: .policy
    // TPM_RC_INTEGRITY.
    case 0x09f: .integrity
    // TPM_RC_HANDLE.
    case 0x08b where aboutHandle: .absent
    default: .refused
    }
  }
}

/// Why a TPM did not do what was asked, as far as whoever asked can do something about it. Codes are the TPM's own.
public enum TPMError: Error, Hashable, Sendable {
  /// What of an answer cannot be used.
  public enum Step: String, Hashable, Sendable {
    case response, publicArea, newKey, signature, attestation, registers, sealedObject, attestationKey
  }

  /// It cannot be reached, also after it was tried again.
  case unavailable(code: UInt64)
  /// It holds nothing of the kind, or the blob is another TPM's.
  case missing
  /// It does not do that.
  case refused(code: UInt64)
  /// The authorisation is wrong, or locked.
  case authorisation(code: UInt64)
  case malformed(Step)

  /// `busy` and lost connections have been tried again before.
  package init(_ fault: TPMFault) {
    self =
      switch fault.kind {
      case .busy, .connectionLost, .handlesLost, .full: .unavailable(code: UInt64(fault.code))
      case .authorisation: .authorisation(code: UInt64(fault.code))
      case .integrity, .absent: .missing
      case .policy, .refused: .refused(code: UInt64(fault.code))
      case .malformed: .malformed(.response)
      }
  }
}
