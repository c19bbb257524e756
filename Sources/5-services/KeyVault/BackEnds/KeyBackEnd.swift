public import SigningRules
public import WireBytes

/// Where the private half of a key lives and where it signs.
public enum BackEndKind: String, Hashable, Sendable, CaseIterable {
  /// An encrypted file; keys are in this process's memory while it runs.
  case file
  /// A token behind a PKCS#11 module; keys do not leave it.
  case pkcs11
  /// A TPM 2.0; keys do not leave it.
  case tpm
}

/// A key as its back end knows it.
public struct BackEndKey: Hashable, Sendable {
  public let suite: KeySuite
  /// In the form that ``KeyID`` names.
  public let publicKey: [UInt8]
  /// What the back end needs to find the private half again. Others do not read it; it is no secret.
  public let reference: [UInt8]

  public init(suite: KeySuite, publicKey: [UInt8], reference: [UInt8]) {
    self.suite = suite
    self.publicKey = publicKey
    self.reference = reference
  }

  public var id: KeyID { KeyID(suite: suite, publicKey: publicKey) }
}

/// What a back end says about where a key lives, for whoever wants proof.
public enum KeyLocation: Hashable, Sendable {
  /// In an encrypted file; the file can be copied.
  case file
  /// In a token: its labels, and whether the token says that the key is sensitive, not extractable and made inside.
  case token(
    manufacturer: String, model: String, serial: String, sensitive: Bool, extractable: Bool, local: Bool)
  /// In a TPM, which certifies it: `TPMS_ATTEST` over the challenge, its signature, and the public area of the key that
  /// signed it.
  case certified(attestation: [UInt8], signature: [UInt8], attestationKey: [UInt8])
}

/// Why a back end did not do what was asked.
public enum KeyBackEndError: Error, Hashable, Sendable {
  /// It cannot be reached, also after it was tried again; `code` is its own.
  case unavailable(code: UInt64)
  /// It makes no such keys.
  case unsupported(KeySuite)
  /// No private half answers to the reference.
  case missing
  /// It answered that it does not do that; `code` is its own.
  case refused(code: UInt64)
  /// It gave something that is no signature by the key over the payload.
  case invalidSignature
  /// It gave something that cannot be read, at this step.
  case malformed(step: String)
  /// Its PIN or authorisation is wrong, or locked.
  case authorisation(code: UInt64)
}

/// Makes keys and signs with them. Calls block; any thread may call.
public protocol KeyBackEnd: Sendable {
  var kind: BackEndKind { get }
  /// The suites of which it makes keys.
  var suites: Set<KeySuite> { get }

  /// A new key, made inside.
  ///
  /// - Parameter label: for people who look at the token; 1 to 64 characters of `a-z 0-9 . _ -`.
  func generate(_ suite: KeySuite, label: String) throws(KeyBackEndError) -> BackEndKey

  /// The signature in the form that ``SigningPayload`` says, verified with the public half before it is returned.
  func sign(_ payload: SigningPayload, with key: BackEndKey) throws(KeyBackEndError) -> [UInt8]

  /// Removes the private half for ever.
  func destroy(_ key: BackEndKey) throws(KeyBackEndError)

  /// Where the key lives.
  func location(of key: BackEndKey, challenge: Bytes32) throws(KeyBackEndError) -> KeyLocation

  /// Returns when it has the private half.
  ///
  /// - Throws: ``KeyBackEndError/missing`` when it has not.
  func confirm(_ key: BackEndKey) throws(KeyBackEndError)

  /// Returns when it can sign now.
  func checkHealth() throws(KeyBackEndError)
}

extension KeyBackEnd {
  /// By asking where it lives; a back end that can look it up at less cost does that.
  public func confirm(_ key: BackEndKey) throws(KeyBackEndError) {
    _ = try location(of: key, challenge: Bytes32())
  }
}
