internal import CTPM
internal import Foundation
package import Secrets

/// A handle of tpm2-tss for something that the TPM holds.
package struct TPMHandle: Hashable, Sendable {
  package let raw: UInt32

  package static let none = TPMHandle(raw: 0xfff)
  /// Authorisation without a session, in the clear: only for what has an empty one.
  package static let password = TPMHandle(raw: 0x0ff)
  package static let owner = TPMHandle(raw: 0x101)
  package static let endorsement = TPMHandle(raw: 0x10b)
}

/// One open connection to a TPM: tpm2-tss's ESYS context and the transport under it.
///
/// Each method is one TPM command, or one call of the library. Structures go in and come out as the bytes that the TPM's
/// specification says. A class because it owns what C allocated, and gives it back once.
@safe
package final class TPMContext {
  // Both point to what the library allocated in `init`, and are used by no one else until `deinit` gives them back.
  private var esys: OpaquePointer?
  private var transport: OpaquePointer?

  /// - Parameter configuration: the transport's name and its own words, as in `device:/dev/tpmrm0`.
  package init(configuration: String) throws(TPMFault) {
    var transport: OpaquePointer?
    try unsafe Self.check(Tss2_TctiLdr_Initialize(configuration, &transport))
    var context: OpaquePointer?
    let code = unsafe Esys_Initialize(&context, transport, nil)
    guard code == 0 else {
      unsafe Tss2_TctiLdr_Finalize(&transport)
      throw TPMFault(code: code)
    }
    unsafe self.esys = context
    unsafe self.transport = transport
  }

  deinit {
    // In this order: the context still speaks to its transport while it is given back.
    unsafe Esys_Finalize(&esys)
    unsafe Tss2_TctiLdr_Finalize(&transport)
  }

  // MARK: - Objects

  /// A primary key of a hierarchy: the same each time for one template and one TPM.
  package func createPrimary(
    in hierarchy: TPMHandle, template: [UInt8], session: TPMHandle
  ) throws(TPMFault) -> (handle: TPMHandle, publicArea: [UInt8]) {
    var sensitive = TPM2B_SENSITIVE_CREATE()
    var area = try Self.publicArea(template)
    var outside = TPM2B_DATA()
    var registers = TPML_PCR_SELECTION()
    var handle = TPMHandle.none.raw
    var made: UnsafeMutablePointer<TPM2B_PUBLIC>?
    defer { unsafe Esys_Free(made) }
    // The inputs live until the call returns, which copies them; `made` is freed above.
    try unsafe Self.check(
      Esys_CreatePrimary(
        esys, hierarchy.raw, session.raw, TPMHandle.none.raw, TPMHandle.none.raw, &sensitive, &area, &outside,
        &registers, &handle, &made, nil, nil, nil))
    let created = TPMHandle(raw: handle)
    do throws(TPMFault) {
      return (created, try unsafe Self.bytes(of: made))
    } catch {
      try? flush(created)
      throw error
    }
  }

  /// A new object under `parent`, not loaded.
  ///
  /// - Parameters:
  ///   - authorisation: what its use will ask for.
  ///   - secret: what it seals; nil for a key, which the TPM makes.
  /// - Returns: TPM2B_PUBLIC's and TPM2B_PRIVATE's contents.
  package func create(
    under parent: TPMHandle, template: [UInt8], authorisation: SharedSecret?, secret: SharedSecret?,
    session: TPMHandle
  ) throws(TPMFault) -> (publicArea: [UInt8], privateArea: [UInt8]) {
    var sensitive = TPM2B_SENSITIVE_CREATE()
    defer { Self.wipe(&sensitive) }
    if let authorisation { Self.fill(&sensitive.sensitive.userAuth, with: authorisation) }
    if let secret { Self.fill(&sensitive.sensitive.data, with: secret) }
    var area = try Self.publicArea(template)
    var outside = TPM2B_DATA()
    var registers = TPML_PCR_SELECTION()
    var madePublic: UnsafeMutablePointer<TPM2B_PUBLIC>?
    var madePrivate: UnsafeMutablePointer<TPM2B_PRIVATE>?
    defer {
      unsafe Esys_Free(madePublic)
      unsafe Esys_Free(madePrivate)
    }
    // As above: inputs outlive the call, outputs are freed when they have been copied.
    try unsafe Self.check(
      Esys_Create(
        esys, parent.raw, session.raw, TPMHandle.none.raw, TPMHandle.none.raw, &sensitive, &area, &outside,
        &registers, &madePrivate, &madePublic, nil, nil, nil))
    return (
      try unsafe Self.bytes(of: madePublic),
      unsafe Self.sized(madePrivate, capacity: MemoryLayout<TPM2B_PRIVATE>.size)
    )
  }

  /// - Parameters:
  ///   - publicArea: TPMT_PUBLIC.
  ///   - privateArea: TPM2B_PRIVATE's contents.
  package func load(
    publicArea: [UInt8], privateArea: [UInt8], under parent: TPMHandle, session: TPMHandle
  ) throws(TPMFault) -> TPMHandle {
    var area = try Self.publicArea(publicArea)
    var wrapped = TPM2B_PRIVATE()
    guard Self.fill(&wrapped, with: privateArea) else { throw .malformedAnswer }
    var handle = TPMHandle.none.raw
    // The inputs live until the call returns.
    try unsafe Self.check(
      Esys_Load(
        esys, parent.raw, session.raw, TPMHandle.none.raw, TPMHandle.none.raw, &wrapped, &area, &handle))
    return TPMHandle(raw: handle)
  }

  /// Says which authorisation the next uses of `handle` carry.
  package func setAuthorisation(_ authorisation: SharedSecret?, of handle: TPMHandle) throws(TPMFault) {
    var value = TPM2B_AUTH()
    defer { Self.wipe(&value) }
    if let authorisation { Self.fill(&value, with: authorisation) }
    // The value is copied by the call.
    try unsafe Self.check(Esys_TR_SetAuth(esys, handle.raw, &value))
  }

  /// Removes an object or a session from the TPM's memory.
  package func flush(_ handle: TPMHandle) throws(TPMFault) {
    // A plain call with a handle of this context.
    try unsafe Self.check(Esys_FlushContext(esys, handle.raw))
  }

  /// TPMT_SIGNATURE over a digest as wide as the key's curve.
  package func sign(_ digest: [UInt8], with key: TPMHandle, session: TPMHandle) throws(TPMFault) -> [UInt8] {
    var hash = TPM2B_DIGEST()
    guard Self.fill(&hash, with: digest) else { throw .malformedAnswer }
    // The scheme that the key was made with, and no ticket: the key is not restricted.
    var scheme = TPMT_SIG_SCHEME()
    scheme.scheme = TPMAlgorithm.null
    var ticket = TPMT_TK_HASHCHECK()
    ticket.tag = 0x8024
    ticket.hierarchy = 0x4000_0007
    var signature: UnsafeMutablePointer<TPMT_SIGNATURE>?
    defer { unsafe Esys_Free(signature) }
    // Inputs outlive the call; the signature is copied before it is freed.
    try unsafe Self.check(
      Esys_Sign(
        esys, key.raw, session.raw, TPMHandle.none.raw, TPMHandle.none.raw, &hash, &scheme, &ticket,
        &signature))
    return try unsafe Self.marshalled(signature, max: 1024, Tss2_MU_TPMT_SIGNATURE_Marshal)
  }

  /// TPMS_ATTEST about `key`, and TPMT_SIGNATURE over it by `attestationKey`, whose authorisation is empty.
  package func certify(
    _ key: TPMHandle, by attestationKey: TPMHandle, challenge: [UInt8], session: TPMHandle
  ) throws(TPMFault) -> (attestation: [UInt8], signature: [UInt8]) {
    var qualifying = TPM2B_DATA()
    guard Self.fill(&qualifying, with: challenge) else { throw .malformedAnswer }
    var scheme = TPMT_SIG_SCHEME()
    scheme.scheme = TPMAlgorithm.null
    var statement: UnsafeMutablePointer<TPM2B_ATTEST>?
    var signature: UnsafeMutablePointer<TPMT_SIGNATURE>?
    defer {
      unsafe Esys_Free(statement)
      unsafe Esys_Free(signature)
    }
    // Inputs outlive the call; both outputs are copied before they are freed.
    try unsafe Self.check(
      Esys_Certify(
        esys, key.raw, attestationKey.raw, session.raw, TPMHandle.password.raw, TPMHandle.none.raw,
        &qualifying,
        &scheme, &statement, &signature))
    return (
      unsafe Self.sized(statement, capacity: MemoryLayout<TPM2B_ATTEST>.size),
      try unsafe Self.marshalled(signature, max: 1024, Tss2_MU_TPMT_SIGNATURE_Marshal)
    )
  }

  /// TPMS_ATTEST about the present values of `registers`, and TPMT_SIGNATURE over it by `key`, whose authorisation is empty.
  package func quote(
    by key: TPMHandle, qualifying: [UInt8], registers: TPMRegisters
  ) throws(TPMFault) -> (attestation: [UInt8], signature: [UInt8]) {
    var extra = TPM2B_DATA()
    guard Self.fill(&extra, with: qualifying) else { throw .malformedAnswer }
    // The scheme that the key was made with.
    var scheme = TPMT_SIG_SCHEME()
    scheme.scheme = TPMAlgorithm.null
    var selection = TPML_PCR_SELECTION()
    try unsafe Self.unmarshal(registers.encoded(), into: &selection, Tss2_MU_TPML_PCR_SELECTION_Unmarshal)
    var statement: UnsafeMutablePointer<TPM2B_ATTEST>?
    var signature: UnsafeMutablePointer<TPMT_SIGNATURE>?
    defer {
      unsafe Esys_Free(statement)
      unsafe Esys_Free(signature)
    }
    // Inputs outlive the call; both outputs are copied before they are freed.
    try unsafe Self.check(
      Esys_Quote(
        esys, key.raw, TPMHandle.password.raw, TPMHandle.none.raw, TPMHandle.none.raw, &extra, &scheme,
        &selection,
        &statement, &signature))
    return (
      unsafe Self.sized(statement, capacity: MemoryLayout<TPM2B_ATTEST>.size),
      try unsafe Self.marshalled(signature, max: 1024, Tss2_MU_TPMT_SIGNATURE_Marshal)
    )
  }

  /// Values of at most eight registers of the SHA-256 bank, in the order of their numbers: TPML_PCR_SELECTION of those that
  /// the TPM gave, which may be fewer than were asked for, and TPML_DIGEST.
  package func readRegisters(_ registers: TPMRegisters) throws(TPMFault) -> (
    selection: [UInt8], values: [UInt8]
  ) {
    var selection = TPML_PCR_SELECTION()
    try unsafe Self.unmarshal(registers.encoded(), into: &selection, Tss2_MU_TPML_PCR_SELECTION_Unmarshal)
    var given: UnsafeMutablePointer<TPML_PCR_SELECTION>?
    var values: UnsafeMutablePointer<TPML_DIGEST>?
    defer {
      unsafe Esys_Free(given)
      unsafe Esys_Free(values)
    }
    // The selection outlives the call; both outputs are copied before they are freed.
    try unsafe Self.check(
      Esys_PCR_Read(
        esys, TPMHandle.none.raw, TPMHandle.none.raw, TPMHandle.none.raw, &selection, nil, &given, &values))
    return (
      try unsafe Self.marshalled(given, max: 256, Tss2_MU_TPML_PCR_SELECTION_Marshal),
      try unsafe Self.marshalled(values, max: 1024, Tss2_MU_TPML_DIGEST_Marshal)
    )
  }

  /// What an object seals.
  package func unseal(_ item: TPMHandle, session: TPMHandle) throws(TPMFault) -> SharedSecret {
    var secret: UnsafeMutablePointer<TPM2B_SENSITIVE_DATA>?
    defer {
      // Overwritten while it is still ours.
      if let whole = unsafe secret { unsafe Self.wipe(&whole.pointee) }
      unsafe Esys_Free(secret)
    }
    try unsafe Self.check(
      Esys_Unseal(esys, item.raw, session.raw, TPMHandle.none.raw, TPMHandle.none.raw, &secret))
    // `secret` is the library's until it is freed above, and holds as many bytes as its first field says.
    guard let held = unsafe secret, unsafe held.pointee.size <= TPMSeal.secretSizeMax else {
      throw .malformedAnswer
    }
    return unsafe withUnsafeBytes(of: &held.pointee.buffer) { buffer in
      let contents = unsafe UnsafeRawBufferPointer(rebasing: buffer.prefix(Int(held.pointee.size)))
      return unsafe SharedSecret(SecretBytes(copying: contents.bindMemory(to: UInt8.self).span))
    }
  }

  // MARK: - Sessions and policies

  package enum SessionKind: UInt8 {
    case hmac = 0
    case policy = 1
    /// Computes a policy's digest and authorises nothing.
    case trial = 3
  }

  /// - Parameter salt: a loaded key that the session's secret is encrypted to, so that what the session hides is hidden
  ///   from who listens on the bus; nil for none.
  package func startSession(_ kind: SessionKind, salt: TPMHandle?) throws(TPMFault) -> TPMHandle {
    var symmetric = TPMT_SYM_DEF()
    symmetric.algorithm = TPMAlgorithm.aes
    unsafe symmetric.keyBits.aes = 128
    unsafe symmetric.mode.aes = TPMAlgorithm.cfb
    var handle = TPMHandle.none.raw
    // The definition outlives the call.
    try unsafe Self.check(
      Esys_StartAuthSession(
        esys, salt?.raw ?? TPMHandle.none.raw, TPMHandle.none.raw, TPMHandle.none.raw, TPMHandle.none.raw,
        TPMHandle.none.raw, nil, kind.rawValue, &symmetric, TPMAlgorithm.sha256, &handle))
    return TPMHandle(raw: handle)
  }

  /// Which parameters a session hides; it goes on after each command.
  package func setHiding(command: Bool, response: Bool, of session: TPMHandle) throws(TPMFault) {
    // TPMA_SESSION: continueSession 1, decrypt 0x20, encrypt 0x40.
    let attributes = 1 | (command ? 0x20 : 0) | (response ? 0x40 : 0) as UInt8
    try unsafe Self.check(Esys_TRSess_SetAttributes(esys, session.raw, attributes, 0xff))
  }

  /// Binds a policy session to the registers as they are now.
  package func policyRegisters(_ registers: TPMRegisters, session: TPMHandle) throws(TPMFault) {
    var selection = TPML_PCR_SELECTION()
    try unsafe Self.unmarshal(registers.encoded(), into: &selection, Tss2_MU_TPML_PCR_SELECTION_Unmarshal)
    var digest = TPM2B_DIGEST()
    // Inputs outlive the call; an empty digest means the registers' present values.
    try unsafe Self.check(
      Esys_PolicyPCR(
        esys, session.raw, TPMHandle.none.raw, TPMHandle.none.raw, TPMHandle.none.raw, &digest, &selection))
  }

  /// Makes a policy ask for the object's authorisation as well.
  package func policyAuthorisation(session: TPMHandle) throws(TPMFault) {
    try unsafe Self.check(
      Esys_PolicyAuthValue(
        esys, session.raw, TPMHandle.none.raw, TPMHandle.none.raw, TPMHandle.none.raw))
  }

  package func policyDigest(session: TPMHandle) throws(TPMFault) -> [UInt8] {
    var digest: UnsafeMutablePointer<TPM2B_DIGEST>?
    defer { unsafe Esys_Free(digest) }
    try unsafe Self.check(
      Esys_PolicyGetDigest(
        esys, session.raw, TPMHandle.none.raw, TPMHandle.none.raw, TPMHandle.none.raw, &digest))
    return unsafe Self.sized(digest, capacity: MemoryLayout<TPM2B_DIGEST>.size)
  }

  // MARK: - Non-volatile indices

  /// - Parameter publicArea: TPMS_NV_PUBLIC.
  package func defineIndex(
    _ publicArea: [UInt8], authorisation: SharedSecret?, session: TPMHandle
  ) throws(TPMFault) -> TPMHandle {
    var value = TPM2B_AUTH()
    defer { Self.wipe(&value) }
    if let authorisation { Self.fill(&value, with: authorisation) }
    var area = TPM2B_NV_PUBLIC()
    try unsafe Self.unmarshal(TPMBytes.sized(publicArea), into: &area, Tss2_MU_TPM2B_NV_PUBLIC_Unmarshal)
    var handle = TPMHandle.none.raw
    // Inputs outlive the call.
    try unsafe Self.check(
      Esys_NV_DefineSpace(
        esys, TPMHandle.owner.raw, session.raw, TPMHandle.none.raw, TPMHandle.none.raw, &value, &area, &handle
      ))
    return TPMHandle(raw: handle)
  }

  package func undefineIndex(_ index: TPMHandle, session: TPMHandle) throws(TPMFault) {
    try unsafe Self.check(
      Esys_NV_UndefineSpace(
        esys, TPMHandle.owner.raw, index.raw, session.raw, TPMHandle.none.raw, TPMHandle.none.raw))
  }

  /// A handle of the library for what the TPM holds under `handle` already.
  package func open(_ handle: UInt32) throws(TPMFault) -> TPMHandle {
    var opened = TPMHandle.none.raw
    try unsafe Self.check(
      Esys_TR_FromTPMPublic(
        esys, handle, TPMHandle.none.raw, TPMHandle.none.raw, TPMHandle.none.raw, &opened))
    return TPMHandle(raw: opened)
  }

  /// Forgets the library's handle; what the TPM holds stays.
  package func close(_ handle: TPMHandle) {
    var raw = handle.raw
    // Fails only for a handle that is not known, which is as well.
    _ = unsafe Esys_TR_Close(esys, &raw)
  }

  /// TPMS_NV_PUBLIC.
  package func readIndexArea(_ index: TPMHandle) throws(TPMFault) -> [UInt8] {
    var area: UnsafeMutablePointer<TPM2B_NV_PUBLIC>?
    defer { unsafe Esys_Free(area) }
    try unsafe Self.check(
      Esys_NV_ReadPublic(
        esys, index.raw, TPMHandle.none.raw, TPMHandle.none.raw, TPMHandle.none.raw, &area, nil))
    return [UInt8](try unsafe Self.marshalled(area, max: 1024, Tss2_MU_TPM2B_NV_PUBLIC_Marshal).dropFirst(2))
  }

  package func increment(_ index: TPMHandle, session: TPMHandle) throws(TPMFault) {
    try unsafe Self.check(
      Esys_NV_Increment(esys, index.raw, index.raw, session.raw, TPMHandle.none.raw, TPMHandle.none.raw))
  }

  package func readIndex(_ index: TPMHandle, count: UInt16, session: TPMHandle) throws(TPMFault) -> [UInt8] {
    var contents: UnsafeMutablePointer<TPM2B_MAX_NV_BUFFER>?
    defer { unsafe Esys_Free(contents) }
    try unsafe Self.check(
      Esys_NV_Read(
        esys, index.raw, index.raw, session.raw, TPMHandle.none.raw, TPMHandle.none.raw, count, 0, &contents))
    return unsafe Self.sized(contents, capacity: MemoryLayout<TPM2B_MAX_NV_BUFFER>.size)
  }

  // MARK: - The TPM itself

  /// Starts a TPM that nobody has started since its reset.
  package func start() throws(TPMFault) {
    // TPM2_SU_CLEAR.
    let code = unsafe Esys_Startup(esys, 0)
    // TPM_RC_INITIALIZE: it was started before.
    guard code == 0 || code == 0x100 else { throw TPMFault(code: code) }
  }

  /// Handles of one kind that the TPM holds, of which the first is `first`; at most 64.
  package func handles(from first: UInt32) throws(TPMFault) -> [UInt32] {
    var more: UInt8 = 0
    var answer: UnsafeMutablePointer<TPMS_CAPABILITY_DATA>?
    defer { unsafe Esys_Free(answer) }
    // TPM2_CAP_HANDLES.
    try unsafe Self.check(
      Esys_GetCapability(
        esys, TPMHandle.none.raw, TPMHandle.none.raw, TPMHandle.none.raw, 1, first, 64, &more, &answer))
    guard let held = unsafe answer, unsafe held.pointee.capability == 1 else { throw .malformedAnswer }
    let count = unsafe Int(held.pointee.data.handles.count)
    // Within the list as the library declares it, whatever the TPM counts.
    return unsafe withUnsafeBytes(of: &held.pointee.data.handles.handle) { list in
      (0..<min(count, list.count / 4)).map { unsafe list.load(fromByteOffset: $0 * 4, as: UInt32.self) }
    }
  }

  /// Lets an answer of some hundreds of bytes overwrite the last one in the library's buffer.
  package func overwriteBuffer() {
    var more: UInt8 = 0
    var answer: UnsafeMutablePointer<TPMS_CAPABILITY_DATA>?
    // TPM2_CAP_TPM_PROPERTIES from TPM2_PT_FIXED. That it fails is as good: it was written to.
    _ = unsafe Esys_GetCapability(
      esys, TPMHandle.none.raw, TPMHandle.none.raw, TPMHandle.none.raw, 6, 0x100, 64, &more, &answer)
    unsafe Esys_Free(answer)
  }

  /// Asks for a few random bytes: the TPM answers.
  package func ping() throws(TPMFault) {
    var random: UnsafeMutablePointer<TPM2B_DIGEST>?
    defer { unsafe Esys_Free(random) }
    try unsafe Self.check(
      Esys_GetRandom(esys, TPMHandle.none.raw, TPMHandle.none.raw, TPMHandle.none.raw, 8, &random))
  }

  /// Adds to a register of the SHA-256 bank; ours is the one that is free for it.
  package func extend(register: UInt32, with digest: [UInt8]) throws(TPMFault) {
    var values = TPML_DIGEST_VALUES()
    try unsafe Self.unmarshal(
      TPMBytes.integer(UInt32(1)) + TPMBytes.integer(TPMAlgorithm.sha256) + digest, into: &values,
      Tss2_MU_TPML_DIGEST_VALUES_Unmarshal)
    // ESYS's handles of registers are their numbers.
    try unsafe Self.check(
      Esys_PCR_Extend(
        esys, register, TPMHandle.password.raw, TPMHandle.none.raw, TPMHandle.none.raw, &values))
  }
}

// MARK: - Structures of C

extension TPMContext {
  package static func check(_ code: UInt32) throws(TPMFault) {
    guard code == 0 else { throw TPMFault(code: code) }
  }

  /// TPM2B_PUBLIC of a TPMT_PUBLIC; a template lacks its `unique`, which is empty then.
  private static func publicArea(_ bytes: [UInt8]) throws(TPMFault) -> TPM2B_PUBLIC {
    var area = TPM2B_PUBLIC()
    try unsafe unmarshal(TPMBytes.sized(bytes), into: &area, Tss2_MU_TPM2B_PUBLIC_Unmarshal)
    return area
  }

  private static func bytes(of area: UnsafeMutablePointer<TPM2B_PUBLIC>?) throws(TPMFault) -> [UInt8] {
    [UInt8](try unsafe marshalled(area, max: 1024, Tss2_MU_TPM2B_PUBLIC_Marshal).dropFirst(2))
  }

  /// Reads the whole of `bytes` into a structure of C.
  private static func unmarshal<Structure>(
    _ bytes: [UInt8], into structure: inout Structure,
    _ read: (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<Int>?, UnsafeMutablePointer<Structure>?) ->
      UInt32
  ) throws(TPMFault) {
    var offset = 0
    // The array outlives the call, and its count is given with it.
    let code = unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe read(buffer.baseAddress, buffer.count, &offset, &structure)
    }
    try check(code)
    guard offset == bytes.count else { throw .malformedAnswer }
  }

  /// Writes a structure of C as the TPM would.
  private static func marshalled<Structure>(
    _ structure: UnsafeMutablePointer<Structure>?, max: Int,
    _ write: (UnsafePointer<Structure>?, UnsafeMutablePointer<UInt8>?, Int, UnsafeMutablePointer<Int>?) ->
      UInt32
  ) throws(TPMFault) -> [UInt8] {
    guard let structure = unsafe structure else { throw .malformedAnswer }
    var code: UInt32 = 0
    // `structure` is the library's until its caller frees it; the buffer's capacity is given with it.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max) { buffer, count in
      unsafe buffer.initialize(repeating: 0)
      var offset = 0
      code = unsafe write(structure, buffer.baseAddress, buffer.count, &offset)
      count = code == 0 ? offset : 0
    }
    try check(code)
    return bytes
  }

  /// The bytes of a TPM2B that is a count and a buffer; none for a count beyond its buffer.
  private static func sized<Structure>(_ structure: UnsafeMutablePointer<Structure>?, capacity: Int)
    -> [UInt8]
  {
    guard let structure = unsafe structure else { return [] }
    // A TPM2B begins with its count, two bytes in the machine's order; the buffer follows at once.
    let whole = unsafe UnsafeRawBufferPointer(start: structure, count: capacity)
    let count = unsafe Int(whole.load(as: UInt16.self))
    guard count <= capacity - 2 else { return [] }
    return unsafe [UInt8](whole[2..<(2 + count)])
  }

  /// Puts a count and bytes into a TPM2B; false when they do not fit.
  @discardableResult
  private static func fill<Structure>(_ structure: inout Structure, with bytes: [UInt8]) -> Bool {
    // The structure is ours during the call, and writes stay inside of it.
    unsafe withUnsafeMutableBytes(of: &structure) { whole in
      guard bytes.count <= whole.count - 2 else { return false }
      unsafe whole.storeBytes(of: UInt16(bytes.count), as: UInt16.self)
      for (index, byte) in bytes.enumerated() { unsafe whole[2 + index] = byte }
      return true
    }
  }

  /// The same for a secret, which is at most as long as the smallest such buffer that it is put into.
  private static func fill<Structure>(_ structure: inout Structure, with secret: SharedSecret) {
    unsafe withUnsafeMutableBytes(of: &structure) { whole in
      precondition(secret.count <= whole.count - 2)
      unsafe whole.storeBytes(of: UInt16(secret.count), as: UInt16.self)
      secret.withSpan { bytes in
        for index in bytes.indices { unsafe whole[2 + index] = bytes[index] }
      }
    }
  }

  /// Overwrites a structure of C that held a secret.
  private static func wipe<Structure>(_ structure: inout Structure) {
    unsafe withUnsafeMutableBytes(of: &structure) { whole in
      // Unlike memset, it is not left out because nobody reads the bytes again.
      if let start = whole.baseAddress { unsafe explicit_bzero(start, whole.count) }
    }
  }
}
