internal import Digests
internal import SignatureSchemes
public import SigningRules
internal import Synchronization
public import TPMAccess
public import WireBytes

/// Keys that a TPM 2.0 made and does not let out: P-256 and P-384, ECDSA.
///
/// What is kept outside is the reference: the key's two halves as the TPM gave them out, the private one encrypted to this
/// TPM's storage key. A TPM keeps no list of keys: see ``destroy(_:)``.
public final class TPMBackEnd: KeyBackEnd {
  /// References that were destroyed and are remembered.
  static let destroyedMax = 65_536

  public let kind = BackEndKind.tpm
  public let suites: Set<KeySuite> = [.p256, .p384]

  private let connection: TPMConnection
  private let destroyed = Mutex<Set<KeyID>>([])

  public init(_ connection: TPMConnection) {
    self.connection = connection
  }

  /// A new key, made inside.
  ///
  /// - Parameter label: a TPM has no place for it.
  public func generate(_ suite: KeySuite, label: String) throws(KeyBackEndError) -> BackEndKey {
    guard let curve = TPMPublicArea.Curve(suite) else { throw .unsupported(suite) }
    let authorisation = connection.configuration.keyAuthorisation
    let attributes = authorisation == nil ? TPMObjectAttributes.signingKey.union(.noDA) : .signingKey
    let template = TPMPublicArea.template(curve: curve, attributes: attributes) + TPMBytes.integers(0, 0)
    let made = try answer { device throws(TPMFault) in
      try device.hiding(command: true, response: true) { session throws(TPMFault) in
        try device.context.create(
          under: device.storageKey, template: template, authorisation: authorisation, secret: nil,
          session: session)
      }
    }
    let area: TPMPublicArea
    do { area = try TPMPublicArea(decoding: made.publicArea.span) } catch {
      throw .malformed(step: "public area")
    }
    guard area.curve == curve, area.attributes == attributes, !made.privateArea.isEmpty,
      made.privateArea.count <= TPMReference.privateSizeMax
    else { throw .malformed(step: "new key") }
    let reference = TPMReference(publicArea: area, privateArea: made.privateArea)
    return BackEndKey(suite: suite, publicKey: area.publicKey, reference: reference.encoded())
  }

  public func sign(_ payload: SigningPayload, with key: BackEndKey) throws(KeyBackEndError) -> [UInt8] {
    try sign(payload.content, with: key)
  }

  /// Below ``sign(_:with:)-(SigningPayload,_)``: what is signed is not vouched for by any rule.
  package func sign(
    _ content: SigningPayload.Content, with key: BackEndKey
  ) throws(KeyBackEndError) -> [UInt8] {
    let reference = try reference(of: key)
    let curve = reference.publicArea.curve
    let digest: [UInt8]
    switch curve {
    case .p256: digest = content.sha256.array
    case .p384: digest = SecureHashes.sha384(content.message.span).array
    }
    let encoded = try answer { device throws(TPMFault) in
      try device.context.sign(
        digest, with: try device.handle(of: reference), session: device.signingSession(for: reference))
    }
    let signature: TPMSignature
    do { signature = try TPMSignature(decoding: encoded.span) } catch { throw .malformed(step: "signature") }
    guard signature.curve == curve else { throw .invalidSignature }
    try SignatureCheck.check(
      signature.raw, over: content, recoverable: false, suite: key.suite, publicKey: key.publicKey)
    return signature.raw
  }

  /// Removes the key from the TPM's memory and refuses it from now on.
  ///
  /// The key itself is in the reference, encrypted: who has a copy of it and the TPM can load it again. It is gone for ever
  /// when the last copy of the reference is, or when the TPM's owner is changed (`tpm2_clear`), which ends all keys.
  public func destroy(_ key: BackEndKey) throws(KeyBackEndError) {
    let reference = try reference(of: key)
    let id = key.id
    let isRemembered = destroyed.withLock { destroyed in
      guard destroyed.count < Self.destroyedMax else { return false }
      destroyed.insert(id)
      return true
    }
    guard isRemembered else { throw .refused(code: 0) }
    try answer { device throws(TPMFault) in try device.forget(reference) }
  }

  /// The TPM's statement about the key, over `challenge`; ``TPMCertification`` checks it.
  public func location(of key: BackEndKey, challenge: Bytes32) throws(KeyBackEndError) -> KeyLocation {
    let reference = try reference(of: key)
    let evidence = try answer { device throws(TPMFault) in
      let handle = try device.handle(of: reference)
      let signer = try device.makeAttestationKey()
      defer { try? device.context.flush(signer.handle) }
      let certificate = try device.context.certify(
        handle, by: signer.handle, challenge: challenge.array, session: device.session)
      return (certificate.attestation, certificate.signature, signer.publicArea)
    }
    return .certified(attestation: evidence.0, signature: evidence.1, attestationKey: evidence.2)
  }

  /// The public area of the key that certifies: what a verifier takes down when the machine is enrolled.
  public func attestationKey() throws(KeyBackEndError) -> TPMPublicArea {
    let area = try answer { device throws(TPMFault) in
      let key = try device.makeAttestationKey()
      try device.context.flush(key.handle)
      return key.publicArea
    }
    do { return try TPMPublicArea(decoding: area.span) } catch { throw .malformed(step: "attestation key") }
  }

  /// By loading it: the TPM checks that both halves are its own.
  public func confirm(_ key: BackEndKey) throws(KeyBackEndError) {
    let reference = try reference(of: key)
    try answer { device throws(TPMFault) in
      _ = try device.handle(of: reference)
      try device.context.ping()
    }
  }

  public func checkHealth() throws(KeyBackEndError) {
    try answer { device throws(TPMFault) in try device.context.ping() }
  }

  private func reference(of key: BackEndKey) throws(KeyBackEndError) -> TPMReference {
    guard let curve = TPMPublicArea.Curve(key.suite) else { throw .unsupported(key.suite) }
    let reference: TPMReference
    do { reference = try TPMReference(decoding: key.reference.span) } catch {
      throw .malformed(step: "reference")
    }
    guard reference.publicArea.curve == curve, reference.publicArea.publicKey == key.publicKey else {
      throw .missing
    }
    let id = key.id
    guard !(destroyed.withLock { $0.contains(id) }) else { throw .missing }
    return reference
  }

  private func answer<Result: Sendable>(
    _ operation: (TPMDevice) throws(TPMFault) -> Result
  ) throws(KeyBackEndError) -> Result {
    do { return try connection.run(operation) } catch { throw error.asBackEndError }
  }
}
