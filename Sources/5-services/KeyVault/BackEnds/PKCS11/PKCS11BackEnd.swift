private import CPKCS11
public import Secrets
public import SigningRules
public import WireBytes

/// Keys in a token behind a PKCS#11 module: an HSM, a smart card, or SoftHSM.
///
/// Keys are made in the token, sensitive and not extractable; their reference is a random `CKA_ID` of 16 bytes. Hashes are
/// made here, `CKM_ECDSA` and `CKM_EDDSA` sign, and no signature leaves that the public key does not verify.
///
/// Login belongs to the process and the token, not to this value: two back ends on one token share it. A process that was
/// forked after this was made cannot use it.
public struct PKCS11BackEnd: KeyBackEnd {
  public let kind = BackEndKind.pkcs11
  /// By the mechanisms that the token names. It does not name curves: one that it lacks is noticed by ``generate(_:label:)``.
  public let suites: Set<KeySuite>
  private let token: PKCS11Token

  /// Loads the module, finds the token and logs in.
  ///
  /// - Parameter pin: lent to the token at each login, and never given a second time once it was refused.
  /// - Throws: ``KeyBackEndError``; codes are `CK_RV`, or a ``PKCS11Condition``.
  public init(_ configuration: PKCS11Configuration, pin: SharedSecret) throws(KeyBackEndError) {
    try self.init(PKCS11Token(configuration, pin: pin))
  }

  package init(_ token: PKCS11Token) throws(KeyBackEndError) {
    self.token = token
    suites = try token.run { (_) throws(PKCS11Failure) in
      let slot = try token.facts().slot
      let module = token.module
      var suites: Set<KeySuite> = []
      if module.knows(CKM_EC_EDWARDS_KEY_PAIR_GEN, in: slot, bits: 0, flags: CKF_GENERATE_KEY_PAIR),
        module.knows(CKM_EDDSA, in: slot, bits: 0, flags: CKF_SIGN)
      {
        suites.insert(.ed25519)
      }
      for (bits, curves) in [(UInt(256), [KeySuite.secp256k1, .p256]), (384, [.p384])]
      where module.knows(CKM_EC_KEY_PAIR_GEN, in: slot, bits: bits, flags: CKF_GENERATE_KEY_PAIR)
        && module.knows(CKM_ECDSA, in: slot, bits: bits, flags: CKF_SIGN)
      { suites.formUnion(curves) }
      return suites
    }
  }

  public func generate(_ suite: KeySuite, label: String) throws(KeyBackEndError) -> BackEndKey {
    let rules = try PKCS11Suite(suite)
    guard suites.contains(suite) else { throw .unsupported(suite) }
    guard Self.isLabel(label) else { throw .refused(code: PKCS11Condition.label.rawValue) }
    for (index, parameters) in rules.parameterForms.enumerated() {
      do {
        return try token.run(writing: true) { (session) throws(PKCS11Failure) in
          try generate(rules, parameters, label: label, session: session.handle)
        }
      } catch {
        // A module that does not know this form of the curve's name may know the next.
        guard case .refused(let code) = error, code <= UInt64(UInt32.max) else { throw error }
        guard index + 1 == rules.parameterForms.count else { continue }
        switch UInt(code) {
        case CKR_CURVE_NOT_SUPPORTED, CKR_DOMAIN_PARAMS_INVALID, CKR_MECHANISM_INVALID:
          throw .unsupported(suite)
        default: throw error
        }
      }
    }
    throw .unsupported(suite)
  }

  public func sign(_ payload: SigningPayload, with key: BackEndKey) throws(KeyBackEndError) -> [UInt8] {
    try token.sign(payload.content, recoverable: payload.recoverable, with: key)
  }

  public func destroy(_ key: BackEndKey) throws(KeyBackEndError) {
    try Self.checkReference(key)
    var isDestroyed = false
    try token.run(writing: true) { (session) throws(PKCS11Failure) in
      if !isDestroyed {
        let handle = try token.privateKey(key.reference, in: &session)
        try token.module.destroy(handle, session: session.handle)
        isDestroyed = true
      }
      // The public half is of no use any more. Not every token keeps one.
      if let handle = try token.object(CKO_PUBLIC_KEY, key.reference, in: session) {
        try token.module.destroy(handle, session: session.handle)
      }
    }
    token.forgetHandles()
  }

  /// `sensitive` where the key always was, `extractable` unless it never was: what a copy could have been made of is not
  /// guarded. The token is taken at its word, and the challenge is not used: PKCS#11 has no proof of this.
  public func location(of key: BackEndKey, challenge: Bytes32) throws(KeyBackEndError) -> KeyLocation {
    try Self.checkReference(key)
    return try token.run { (session) throws(PKCS11Failure) in
      let facts = try token.facts()
      let handle = try token.privateKey(key.reference, in: &session)
      let module = token.module
      let isSensitive = try module.flag(.isSensitive, of: handle, session: session.handle)
      let isExtractable = try module.flag(.isExtractable, of: handle, session: session.handle)
      let wasAlwaysSensitive = try module.flag(.wasAlwaysSensitive, of: handle, session: session.handle)
      let wasNeverExtractable = try module.flag(.wasNeverExtractable, of: handle, session: session.handle)
      return .token(
        manufacturer: facts.manufacturer, model: facts.model, serial: facts.serial,
        sensitive: isSensitive && wasAlwaysSensitive, extractable: isExtractable || !wasNeverExtractable,
        local: try module.flag(.isLocal, of: handle, session: session.handle))
    }
  }

  /// Returns when the token is there and a session with it is logged in.
  public func checkHealth() throws(KeyBackEndError) {
    try token.run { (session) throws(PKCS11Failure) in
      _ = try token.facts()
      guard try token.module.isLoggedIn(session.handle) else { throw .code(CKR_USER_NOT_LOGGED_IN) }
    }
  }

  private func generate(
    _ rules: PKCS11Suite, _ parameters: [UInt8], label: String, session: UInt
  ) throws(PKCS11Failure) -> BackEndKey {
    let module = token.module
    // New for each attempt: one that failed may have left a key behind.
    var generator = SystemRandomNumberGenerator()
    let reference = (0..<Self.referenceSizeBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
    var publicTemplate = PKCS11Template()
    publicTemplate.add(.isToken, true)
    publicTemplate.add(.isPrivate, false)
    publicTemplate.add(.verifies, true)
    publicTemplate.add(.parameters, parameters)
    publicTemplate.add(.identifier, reference)
    publicTemplate.add(.label, [UInt8](label.utf8))
    var privateTemplate = PKCS11Template()
    privateTemplate.add(.isToken, true)
    privateTemplate.add(.isPrivate, true)
    privateTemplate.add(.isSensitive, true)
    privateTemplate.add(.isExtractable, false)
    privateTemplate.add(.signs, true)
    privateTemplate.add(.decrypts, false)
    privateTemplate.add(.unwraps, false)
    privateTemplate.add(.derives, false)
    privateTemplate.add(.identifier, reference)
    privateTemplate.add(.label, [UInt8](label.utf8))
    let made = try module.generateKeyPair(
      rules.keyPairMechanism, publicTemplate: publicTemplate, privateTemplate: privateTemplate,
      session: session)
    do throws(PKCS11Failure) {
      guard try module.flag(.isSensitive, of: made.privateKey, session: session),
        try !module.flag(.isExtractable, of: made.privateKey, session: session)
      else { throw .final(.refused(code: PKCS11Condition.keyNotGuarded.rawValue)) }
      let point = try module.attribute(.point, of: made.publicKey, session: session)
      let publicKey: [UInt8]
      do {
        publicKey = try PKCS11Point.read(point.span, suite: rules.suite)
      } catch { throw .final(.malformed(step: "CKA_EC_POINT")) }
      return BackEndKey(suite: rules.suite, publicKey: publicKey, reference: reference)
    } catch {
      // What nobody will ask for is not left lying there, if that can be helped.
      try? module.destroy(made.privateKey, session: session)
      try? module.destroy(made.publicKey, session: session)
      throw error
    }
  }

  static let referenceSizeBytes = 16

  /// An empty reference, or another's, would find other keys.
  static func checkReference(_ key: BackEndKey) throws(KeyBackEndError) {
    guard key.reference.count == referenceSizeBytes else { throw .missing }
  }

  private static func isLabel(_ label: String) -> Bool {
    (1...64).contains(label.utf8.count)
      && label.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
          UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}

extension PKCS11Token {
  /// The signature of a payload's content: below ``PKCS11BackEnd/sign(_:with:)``, for tests of what payloads may hold.
  package func sign(
    _ content: SigningPayload.Content, recoverable: Bool, with key: BackEndKey
  ) throws(KeyBackEndError) -> [UInt8] {
    try PKCS11BackEnd.checkReference(key)
    let rules = try PKCS11Suite(key.suite)
    let input = rules.input(content)
    return try run { (session) throws(PKCS11Failure) in
      let handle = try privateKey(key.reference, in: &session)
      let signature = try module.sign(input, rules.signMechanism, key: handle, session: session.handle)
      return try rules.finish(signature, over: content, recoverable: recoverable, publicKey: key.publicKey)
    }
  }
}
