internal import Digests
internal import Secrets
internal import WireBytes

/// A connected TPM with what this process keeps in it: the storage key, a session, and a few loaded keys.
///
/// ``TPMConnection`` alone touches it, under its mutex: that is what makes it `Sendable` without checks.
package final class TPMDevice: @unchecked Sendable {
  /// The storage key: TCG's template for an ECC storage root key (TPM 2.0 Provisioning Guidance, section 7.5.1): P-256,
  /// AES-128-CFB, fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, decrypt. The same each time.
  package static let storageTemplate =
    TPMBytes.integers(TPMAlgorithm.ecc, TPMAlgorithm.sha256) + TPMBytes.integer(UInt32(0x0003_0472))
    + TPMBytes.integers(
      0, TPMAlgorithm.aes, 128, TPMAlgorithm.cfb, TPMAlgorithm.null, 0x0003, TPMAlgorithm.null, 0, 0)
  /// The attestation key, primary in the endorsement hierarchy, so that it outlives a change of owner.
  package static let attestationTemplate =
    TPMPublicArea.template(curve: .p256, attributes: .attestationKey.union(.noDA)) + TPMBytes.integers(0, 0)

  private struct LoadedKey {
    let fingerprint: Bytes32
    let handle: TPMHandle
  }

  package let context: TPMContext
  package let configuration: TPMConfiguration
  package let storageKey: TPMHandle
  /// Proves authorisations without showing them, salted to the storage key; goes on until the device is given back.
  package let session: TPMHandle
  /// The last one used is the last one.
  private var loaded: [LoadedKey] = []
  private(set) var loads = 0

  package init(_ configuration: TPMConfiguration) throws(TPMFault) {
    self.configuration = configuration
    context = try TPMContext(configuration: configuration.transport)
    if configuration.soleUser {
      try context.start()
      try Self.sweep(context)
    }
    storageKey = try Self.makePrimary(
      Self.storageTemplate, in: .owner, configuration.ownerAuthorisation, context: context
    ).handle
    do throws(TPMFault) {
      session = try context.startSession(.hmac, salt: storageKey)
    } catch {
      try? context.flush(storageKey)
      throw error
    }
  }

  /// Removes from the TPM what this process put there. Not called for a lost connection, which would have no use of it.
  package func leave() {
    for key in loaded { try? context.flush(key.handle) }
    loaded = []
    try? context.flush(session)
    try? context.flush(storageKey)
  }

  /// Removes what another process left behind when it was killed: without a resource manager it would stay until the TPM
  /// is reset, and there is room for about three.
  private static func sweep(_ context: TPMContext) throws(TPMFault) {
    // Transient objects, then loaded sessions, both kinds.
    for first in [0x8000_0000, 0x0200_0000] as [UInt32] {
      for handle in try context.handles(from: first) {
        let opened = try context.open(handle)
        try context.flush(opened)
      }
    }
  }

  private static func makePrimary(
    _ template: [UInt8], in hierarchy: TPMHandle, _ authorisation: SharedSecret?, context: TPMContext
  ) throws(TPMFault) -> (handle: TPMHandle, publicArea: [UInt8]) {
    guard let authorisation else {
      return try context.createPrimary(in: hierarchy, template: template, session: .password)
    }
    // There is no key to salt with yet; an HMAC does not show the authorisation either.
    try context.setAuthorisation(authorisation, of: hierarchy)
    let session = try context.startSession(.hmac, salt: nil)
    defer { try? context.flush(session) }
    return try context.createPrimary(in: hierarchy, template: template, session: session)
  }

  /// The attestation key and its public area (TPMT_PUBLIC); the caller flushes it.
  package func makeAttestationKey() throws(TPMFault) -> (handle: TPMHandle, publicArea: [UInt8]) {
    try Self.makePrimary(
      Self.attestationTemplate, in: .endorsement, configuration.endorsementAuthorisation, context: context)
  }

  /// Runs a command whose first parameter, or the first of its answer, is hidden from the bus.
  package func hiding<Result>(
    command: Bool, response: Bool, _ body: (TPMHandle) throws(TPMFault) -> Result
  ) throws(TPMFault) -> Result {
    try context.setHiding(command: command, response: response, of: session)
    defer { try? context.setHiding(command: false, response: false, of: session) }
    return try body(session)
  }

  /// The handle of a key, loaded if it is not.
  package func handle(of reference: TPMReference) throws(TPMFault) -> TPMHandle {
    let fingerprint = SHA256Hash.hash(reference.encoded())
    if let place = loaded.firstIndex(where: { $0.fingerprint == fingerprint }) {
      let key = loaded.remove(at: place)
      loaded.append(key)
      return key.handle
    }
    if loaded.count >= configuration.loadedKeysMax { try makeRoom() }
    let handle = try context.load(
      publicArea: reference.publicArea.encoded(), privateArea: reference.privateArea, under: storageKey,
      session: session)
    do throws(TPMFault) {
      if !reference.publicArea.attributes.contains(.noDA) {
        try context.setAuthorisation(configuration.keyAuthorisation, of: handle)
      }
    } catch {
      try? context.flush(handle)
      throw error
    }
    loads += 1
    loaded.append(LoadedKey(fingerprint: fingerprint, handle: handle))
    return handle
  }

  /// A new ECDSA key under the storage key, made inside, without an authorisation.
  package func makeKey(
    _ curve: TPMPublicArea.Curve, _ role: TPMReference.Role
  ) throws(TPMFault) -> TPMReference {
    let attributes = role.attributes.union(.noDA)
    let template = TPMPublicArea.template(curve: curve, attributes: attributes) + TPMBytes.integers(0, 0)
    let made = try hiding(command: true, response: true) { session throws(TPMFault) in
      try context.create(
        under: storageKey, template: template, authorisation: nil, secret: nil, session: session)
    }
    guard let area = try? TPMPublicArea(decoding: made.publicArea.span), area.curve == curve,
      area.attributes == attributes, (1...TPMReference.privateSizeMax).contains(made.privateArea.count)
    else { throw .malformedAnswer }
    return TPMReference(publicArea: area, privateArea: made.privateArea)
  }

  /// What authorises a signature: nothing where there is nothing to prove, since the digest is no secret and the signature
  /// is verified. tpm2-tss takes longer for an HMAC than a TPM simulator for a signature (`RATES=1`, TPMBackEndTests).
  package func signingSession(for reference: TPMReference) -> TPMHandle {
    reference.publicArea.attributes.contains(.noDA) ? .password : session
  }

  /// Flushes a key if it is loaded.
  package func forget(_ reference: TPMReference) throws(TPMFault) {
    let fingerprint = SHA256Hash.hash(reference.encoded())
    guard let place = loaded.firstIndex(where: { $0.fingerprint == fingerprint }) else { return }
    try context.flush(loaded.remove(at: place).handle)
  }

  /// Flushes the key that was not used for longest.
  ///
  /// - Returns: false when none is loaded.
  @discardableResult
  package func makeRoom() throws(TPMFault) -> Bool {
    guard !loaded.isEmpty else { return false }
    try context.flush(loaded.removeFirst().handle)
    return true
  }
}
