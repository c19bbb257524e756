public import Secrets
public import WireBytes

/// Why a secret was not sealed, or is not opened.
public enum TPMSealError: Error, Hashable, Sendable {
  /// 1 to 128 bytes are sealed.
  case secretLength(Int)
  /// The blob cannot be read.
  case blob(TPMDecodingError)
  /// It asks for an authorisation, and there is none; or there is one, and it asks for none.
  case authorisationWanted(Bool)
  /// The registers are not as they were at the time of sealing; `code` is the TPM's.
  case registersChanged(code: UInt64)
  case device(TPMError)
}

/// Secrets that one TPM alone opens again: under its storage key, as long as some registers have the values that they had,
/// and for who knows the authorisation, where there is one. Used for the key of an encrypted file, in a passphrase's stead.
///
/// The secret crosses the bus to the TPM encrypted. Layout of a blob, big-endian: version u8 (1), flags u8 (bit 0: asks for
/// the authorisation), registers (3 bytes, the first has 0 to 7), TPM2B_PUBLIC, TPM2B_PRIVATE; nothing after.
public struct TPMSeal: Sendable {
  package static let version: UInt8 = 1
  /// Type, name algorithm, attributes, policy, scheme, unique.
  package static let publicSizeMax = 2 + 2 + 4 + 34 + 2 + 34
  package static let privateSizeMax = 512
  /// The most that a TPM seals in one object (MAX_SYM_DATA; Library Specification part 2, table of implementation values).
  public static let secretSizeMax = 128
  public static let blobSizeMax = 5 + 2 + publicSizeMax + 2 + privateSizeMax

  private let connection: TPMConnection

  public init(_ connection: TPMConnection) {
    self.connection = connection
  }

  /// Seals 1 to 128 bytes to the TPM and to the present values of `registers`, of which there may be none.
  ///
  /// - Parameter authorisation: 1 to 32 bytes that ``unseal(_:authorisation:)`` must be given too; the TPM counts wrong
  ///   ones and locks itself up.
  public func seal(
    _ secret: borrowing SecretBytes, registers: TPMRegisters, authorisation: SharedSecret? = nil
  ) throws(TPMSealError) -> [UInt8] {
    guard (1...Self.secretSizeMax).contains(secret.count) else { throw .secretLength(secret.count) }
    try Self.checkLength(authorisation)
    // A borrowed value cannot go into a closure; this copy is wiped like the original.
    let secret = SharedSecret(secret.copy())
    let made = try answer { device throws(TPMFault) in
      let policy = registers.isEmpty ? [] : try Self.policyDigest(registers, authorisation != nil, device)
      let template = SealedArea(policy: policy, countsFailures: authorisation != nil, unique: []).encoded()
      return try device.hiding(command: true, response: true) { session throws(TPMFault) in
        try device.context.create(
          under: device.storageKey, template: template, authorisation: authorisation, secret: secret,
          session: session)
      }
    }
    let blob = SealedBlob(
      wantsAuthorisation: authorisation != nil, registers: registers, publicArea: made.publicArea,
      privateArea: made.privateArea
    ).encoded()
    // What cannot be opened again is not handed out as sealed.
    do { _ = try SealedBlob(decoding: blob.span) } catch { throw .device(.malformed(.sealedObject)) }
    return blob
  }

  /// What was sealed.
  ///
  /// - Throws: ``TPMSealError/registersChanged(code:)`` when the machine has started otherwise than at the time of sealing;
  ///   `.device(.missing)` when another TPM sealed it, or it was changed.
  public func unseal(_ blob: [UInt8], authorisation: SharedSecret? = nil) throws(TPMSealError) -> SecretBytes
  {
    let sealed: SealedBlob
    do { sealed = try SealedBlob(decoding: blob.span) } catch { throw .blob(error) }
    guard sealed.wantsAuthorisation == (authorisation != nil) else {
      throw .authorisationWanted(sealed.wantsAuthorisation)
    }
    try Self.checkLength(authorisation)
    let opened = try answer { device throws(TPMFault) in
      let item = try device.context.load(
        publicArea: sealed.publicArea, privateArea: sealed.privateArea, under: device.storageKey,
        session: device.session)
      defer { try? device.context.flush(item) }
      if let authorisation { try device.context.setAuthorisation(authorisation, of: item) }
      defer { device.context.overwriteBuffer() }
      guard !sealed.registers.isEmpty else {
        return try device.hiding(command: false, response: true) { session throws(TPMFault) in
          try device.context.unseal(item, session: session)
        }
      }
      let session = try device.context.startSession(.policy, salt: device.storageKey)
      defer { try? device.context.flush(session) }
      try Self.apply(sealed.registers, sealed.wantsAuthorisation, to: session, device)
      try device.context.setHiding(command: false, response: true, of: session)
      return try device.context.unseal(item, session: session)
    }
    return opened.copy()
  }

  /// Adds to a register: what is sealed to its present value is not opened any more until the machine starts again.
  ///
  /// A signer that has read its secrets closes the door behind it like this. After a lost answer it may be added twice.
  public func extend(register: Int, with digest: Bytes32) throws(TPMSealError) {
    precondition((0..<TPMRegisters.count).contains(register))
    try answer { device throws(TPMFault) in
      try device.context.extend(register: UInt32(register), with: digest.array)
    }
  }

  private static func checkLength(_ authorisation: SharedSecret?) throws(TPMSealError) {
    guard let authorisation else { return }
    guard (1...TPMConfiguration.authorisationSizeMax).contains(authorisation.count) else {
      throw .secretLength(authorisation.count)
    }
  }

  private static func policyDigest(
    _ registers: TPMRegisters, _ wantsAuthorisation: Bool, _ device: TPMDevice
  ) throws(TPMFault) -> [UInt8] {
    let session = try device.context.startSession(.trial, salt: nil)
    defer { try? device.context.flush(session) }
    try apply(registers, wantsAuthorisation, to: session, device)
    return try device.context.policyDigest(session: session)
  }

  private static func apply(
    _ registers: TPMRegisters, _ wantsAuthorisation: Bool, to session: TPMHandle, _ device: TPMDevice
  ) throws(TPMFault) {
    try device.context.policyRegisters(registers, session: session)
    if wantsAuthorisation { try device.context.policyAuthorisation(session: session) }
  }

  private func answer<Result: Sendable>(
    _ operation: (TPMDevice) throws(TPMFault) -> Result
  ) throws(TPMSealError) -> Result {
    do { return try connection.run(operation) } catch {
      if error.kind == .policy { throw .registersChanged(code: UInt64(error.code)) }
      throw .device(TPMError(error))
    }
  }
}

/// The public area of an object that seals (TPMT_PUBLIC of type keyedHash).
private struct SealedArea {
  /// Empty, or a SHA-256 digest.
  let policy: [UInt8]
  let countsFailures: Bool
  /// Empty in a template; else the digest that the TPM puts there.
  let unique: [UInt8]

  var attributes: TPMObjectAttributes {
    var attributes: TPMObjectAttributes = [.fixedTPM, .fixedParent]
    // With a policy, nothing but the policy opens it.
    if policy.isEmpty { attributes.insert(.userWithAuth) }
    if !countsFailures { attributes.insert(.noDA) }
    return attributes
  }

  func encoded() -> [UInt8] {
    TPMBytes.integers(TPMAlgorithm.keyedHash, TPMAlgorithm.sha256) + TPMBytes.integer(attributes.rawValue)
      + TPMBytes.sized(policy) + TPMBytes.integer(TPMAlgorithm.null) + TPMBytes.sized(unique)
  }

  init(policy: [UInt8], countsFailures: Bool, unique: [UInt8]) {
    self.policy = policy
    self.countsFailures = countsFailures
    self.unique = unique
  }

  init(decoding bytes: Span<UInt8>) throws(TPMDecodingError) {
    var reader = ByteReader(bytes)
    try TPMReading.expect(&reader, TPMAlgorithm.keyedHash, .type)
    try TPMReading.expect(&reader, TPMAlgorithm.sha256, .nameAlg)
    let attributes = TPMObjectAttributes(rawValue: try TPMReading.integer(&reader, UInt32.self))
    countsFailures = !attributes.contains(.noDA)
    policy = try TPMReading.sized(&reader, max: 32, .authPolicy)
    guard policy.isEmpty || policy.count == 32 else { throw .field(.authPolicy, value: UInt64(policy.count)) }
    try TPMReading.expect(&reader, TPMAlgorithm.null, .scheme)
    try TPMReading.expect(&reader, 32, .unique)
    unique = try TPMReading.bytes(&reader, 32)
    try TPMReading.finish(reader)
    guard attributes == self.attributes else {
      throw .field(.objectAttributes, value: UInt64(attributes.rawValue))
    }
  }
}

/// A sealed secret as it is kept.
private struct SealedBlob {
  let wantsAuthorisation: Bool
  let registers: TPMRegisters
  let publicArea: [UInt8]
  let privateArea: [UInt8]

  init(wantsAuthorisation: Bool, registers: TPMRegisters, publicArea: [UInt8], privateArea: [UInt8]) {
    self.wantsAuthorisation = wantsAuthorisation
    self.registers = registers
    self.publicArea = publicArea
    self.privateArea = privateArea
  }

  init(decoding bytes: Span<UInt8>) throws(TPMDecodingError) {
    guard bytes.count <= TPMSeal.blobSizeMax else {
      throw .length(max: TPMSeal.blobSizeMax, actual: bytes.count)
    }
    var reader = ByteReader(bytes)
    let version = try TPMReading.integer(&reader, UInt8.self)
    guard version == TPMSeal.version else { throw .field(.version, value: UInt64(version)) }
    let flags = try TPMReading.integer(&reader, UInt8.self)
    guard flags <= 1 else { throw .field(.flags, value: UInt64(flags)) }
    let wantsAuthorisation = flags == 1
    let chosen = try TPMReading.bytes(&reader, 3)
    let registers = TPMRegisters(bits: UInt32(chosen[0]) | UInt32(chosen[1]) << 8 | UInt32(chosen[2]) << 16)
    let publicArea = try TPMReading.sized(&reader, max: TPMSeal.publicSizeMax, .type)
    let area = try SealedArea(decoding: publicArea.span)
    guard area.policy.isEmpty == registers.isEmpty else {
      throw .field(.pcrSelection, value: UInt64(registers.bits))
    }
    guard area.countsFailures == wantsAuthorisation else { throw .field(.flags, value: UInt64(flags)) }
    let privateArea = try TPMReading.sized(&reader, max: TPMSeal.privateSizeMax, .privateArea)
    guard !privateArea.isEmpty else { throw .field(.privateArea, value: 0) }
    try TPMReading.finish(reader)
    self.init(
      wantsAuthorisation: wantsAuthorisation, registers: registers, publicArea: publicArea,
      privateArea: privateArea)
  }

  func encoded() -> [UInt8] {
    [TPMSeal.version, wantsAuthorisation ? 1 : 0] + registers.bytes + TPMBytes.sized(publicArea)
      + TPMBytes.sized(privateArea)
  }
}
