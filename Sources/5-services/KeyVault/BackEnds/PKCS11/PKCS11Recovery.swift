private import CPKCS11

/// Why one attempt at a token failed.
package enum PKCS11Failure: Error, Hashable, Sendable {
  /// The module's `CK_RV`.
  case code(UInt)
  /// A signature that the public key does not verify.
  case signature
  /// Trying again would not help.
  case final(KeyBackEndError)
}

/// What follows from a failed attempt. A session that has seen an error is never used again.
package enum PKCS11Recovery: Hashable, Sendable {
  /// This session is closed; the next attempt takes another one.
  case replaceSession
  /// The token has lost this session, maybe all: idle ones go too, and the next attempt opens and logs in anew.
  case replaceAll
  /// The module has forgotten everything: it is initialised again, and then as ``replaceAll``.
  case initialise
  case giveUp(KeyBackEndError)

  /// Attempts at one call, the first included.
  package static let attemptsMax = 3

  package init(after failure: PKCS11Failure) {
    switch failure {
    case .final(let error): self = .giveUp(error)
    case .signature: self = .replaceSession
    case .code(let code): self.init(afterCode: code)
    }
  }

  /// The table. What is not in it is an answer, not an accident, and is not asked for twice.
  private init(afterCode code: UInt) {
    switch code {
    case CKR_OPERATION_ACTIVE, CKR_OPERATION_NOT_INITIALIZED, CKR_KEY_HANDLE_INVALID,
      CKR_OBJECT_HANDLE_INVALID,
      CKR_FUNCTION_CANCELED, CKR_BUFFER_TOO_SMALL:
      self = .replaceSession
    case CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_USER_NOT_LOGGED_IN, CKR_DEVICE_REMOVED,
      CKR_DEVICE_ERROR, CKR_DEVICE_MEMORY, CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED,
      CKR_SLOT_ID_INVALID,
      CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_HOST_MEMORY, CKR_SESSION_COUNT:
      self = .replaceAll
    case CKR_CRYPTOKI_NOT_INITIALIZED:
      self = .initialise
    // Each further try with a wrong PIN brings the token closer to locking itself.
    case let code where PKCS11Recovery.isAuthorisation(code):
      self = .giveUp(.authorisation(code: UInt64(code)))
    default:
      self = .giveUp(.refused(code: UInt64(code)))
    }
  }

  /// Whether a code says that the PIN will not do.
  static func isAuthorisation(_ code: UInt) -> Bool {
    switch code {
    case CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE, CKR_PIN_EXPIRED, CKR_PIN_LOCKED,
      CKR_USER_PIN_NOT_INITIALIZED:
      true
    default: false
    }
  }

  /// Whether a failed session's handle may be closed. One that the module does not know may by now be another's.
  static func leavesHandle(_ failure: PKCS11Failure) -> Bool {
    switch failure {
    case .code(CKR_SESSION_HANDLE_INVALID), .code(CKR_SESSION_CLOSED), .code(CKR_CRYPTOKI_NOT_INITIALIZED):
      false
    case .code, .signature, .final: true
    }
  }

  /// What is said when the last attempt failed too.
  static func exhausted(_ failure: PKCS11Failure) -> KeyBackEndError {
    switch failure {
    case .code(let code): .unavailable(code: UInt64(code))
    case .signature: .invalidSignature
    case .final(let error): error
    }
  }
}
