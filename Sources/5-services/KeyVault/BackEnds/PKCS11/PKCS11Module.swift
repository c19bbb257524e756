private import CPKCS11
private import Foundation
internal import Secrets
private import Synchronization

/// A PKCS#11 module in this process: the only place that calls it.
///
/// Every pointer handed to the module points to a local or to bytes borrowed for the call, is at least as long as the
/// length beside it says, and is not kept by the module (PKCS#11 2.40 base, section 5.1). A module is C code in our
/// process: it is trusted with memory, not with what it returns.
///
/// A module is loaded and initialised once in a process and stays until the process ends: others may use it as well, and
/// finalising it would take it away from them. Child processes must not use it (PKCS#11 2.40 base, section 6.6.1).
@safe
package final class PKCS11Module: Sendable {
  /// The module's, which live as long as it is loaded, and are not written by anybody.
  private nonisolated(unsafe) let functions: UnsafeMutablePointer<ck_function_list>

  /// Two threads must not load or initialise at once.
  private static let loading = Mutex(())

  /// Slots that are looked at; more are refused.
  static let slotsMax = 1024
  /// The longest attribute that is read.
  static let attributeSizeBytesMax = 512
  /// No signature of ours is longer than 96 bytes.
  private static let signatureSizeBytesMax = 256

  /// Loads and initialises the module, unless that has been done.
  ///
  /// - Throws: ``KeyBackEndError/unavailable(code:)`` with a ``PKCS11Condition`` or what the module said.
  package init(path: String) throws(KeyBackEndError) {
    unsafe functions = try Self.loading.withLock { _ throws(KeyBackEndError) in unsafe try Self.load(path) }
    let code = initialise()
    guard code == CKR_OK else { throw .unavailable(code: UInt64(code)) }
  }

  private static func load(_ path: String) throws(KeyBackEndError) -> UnsafeMutablePointer<ck_function_list> {
    var status = stat()
    guard path.hasPrefix("/"), unsafe stat(path, &status) == 0,
      UInt32(status.st_mode) & UInt32(S_IFMT) == UInt32(S_IFREG)
    else { throw Self.condition(.moduleUnreadable) }
    guard UInt32(status.st_mode) & 0o022 == 0 else { throw Self.condition(.moduleWritable) }
    guard let library = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      throw Self.condition(.moduleNotLoaded)
    }
    // The library is never closed: threads of its own may run.
    guard let symbol = unsafe dlsym(library, "C_GetFunctionList") else { throw Self.condition(.notPKCS11) }
    // A library that exports this name promises this type.
    let getFunctionList = unsafe unsafeBitCast(symbol, to: CK_C_GetFunctionList.self)
    var found: UnsafeMutablePointer<ck_function_list>?
    let code = unsafe getFunctionList(&found)
    guard code == CKR_OK else { throw .unavailable(code: UInt64(code)) }
    guard let list = unsafe found else { throw Self.condition(.notPKCS11) }
    let version = unsafe list.pointee.version.major
    guard version == 2 || version == 3 else { throw Self.condition(.moduleVersion) }
    return unsafe list
  }

  private static func condition(_ condition: PKCS11Condition) -> KeyBackEndError {
    .unavailable(code: condition.rawValue)
  }

  /// Initialises the module, with the system's locks for our threads; also again, after somebody finalised it.
  func initialise() -> UInt {
    Self.loading.withLock { _ in
      guard let call = unsafe functions.pointee.C_Initialize else { return CKR_FUNCTION_NOT_SUPPORTED }
      var arguments = unsafe ck_c_initialize_args()
      unsafe arguments.flags = CKF_OS_LOCKING_OK
      let code = unsafe call(&arguments)
      return code == CKR_CRYPTOKI_ALREADY_INITIALIZED ? CKR_OK : code
    }
  }

  // MARK: Slots

  /// The slots that hold a token.
  func slots() throws(PKCS11Failure) -> [UInt] {
    guard let call = unsafe functions.pointee.C_GetSlotList else { throw Self.absent }
    var count: UInt = 0
    // Without a list, the module looks at its slots anew.
    try Self.check(unsafe call(1, nil, &count))
    guard count > 0 else { return [] }
    guard count <= UInt(Self.slotsMax) else { throw .final(.malformed(step: "slots")) }
    var slots = [UInt](repeating: 0, count: Int(count))
    try Self.check(unsafe call(1, &slots, &count))
    return [UInt](slots.prefix(Int(min(count, UInt(slots.count)))))
  }

  func token(in slot: UInt) throws(PKCS11Failure) -> PKCS11TokenFacts {
    guard let call = unsafe functions.pointee.C_GetTokenInfo else { throw Self.absent }
    var facts = ck_token_info()
    try Self.check(unsafe call(slot, &facts))
    return PKCS11TokenFacts(
      slot: slot, label: Self.text(facts.label), manufacturer: Self.text(facts.manufacturer_id),
      model: Self.text(facts.model), serial: Self.text(facts.serial_number),
      isInitialised: facts.flags & CKF_TOKEN_INITIALIZED != 0,
      isPINLocked: facts.flags & CKF_USER_PIN_LOCKED != 0,
      isFinalTry: facts.flags & CKF_USER_PIN_FINAL_TRY != 0)
  }

  /// Whether the token knows a mechanism with these flags, for keys of this many bits. False when it cannot say.
  func knows(_ mechanism: UInt, in slot: UInt, bits: UInt, flags: UInt) -> Bool {
    guard let call = unsafe functions.pointee.C_GetMechanismInfo else { return false }
    var found = ck_mechanism_info()
    guard unsafe call(slot, mechanism, &found) == CKR_OK, found.flags & flags == flags else { return false }
    // Modules differ in the sizes that they give for Edwards curves: bits, bytes, or none.
    return bits == 0 || found.min_key_size <= bits && bits <= found.max_key_size
  }

  /// A fixed field of text, padded with blanks: printable ASCII, and `?` for every other byte. For eyes and comparing.
  private static func text<Field>(_ field: Field) -> String {
    // The bytes are read while they are borrowed.
    var bytes = unsafe Swift.withUnsafeBytes(of: field) { unsafe [UInt8]($0) }
    while bytes.last == 0x20 || bytes.last == 0 { bytes.removeLast() }
    return String(decoding: bytes.map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }

  // MARK: Sessions

  func openSession(in slot: UInt, writing: Bool) throws(PKCS11Failure) -> UInt {
    guard let call = unsafe functions.pointee.C_OpenSession else { throw Self.absent }
    var session: UInt = 0
    let flags = CKF_SERIAL_SESSION | (writing ? CKF_RW_SESSION : 0)
    try Self.check(unsafe call(slot, flags, nil, nil, &session))
    return session
  }

  /// That it cannot be closed changes nothing for us: we do not use it again.
  func closeSession(_ session: UInt) {
    guard let call = unsafe functions.pointee.C_CloseSession else { return }
    _ = call(session)
  }

  /// Whether the user of the token is logged in, as the session sees it.
  func isLoggedIn(_ session: UInt) throws(PKCS11Failure) -> Bool {
    guard let call = unsafe functions.pointee.C_GetSessionInfo else { throw Self.absent }
    var found = ck_session_info()
    try Self.check(unsafe call(session, &found))
    return found.state == CKS_RO_USER_FUNCTIONS || found.state == CKS_RW_USER_FUNCTIONS
  }

  func logIn(_ session: UInt, pin: SharedSecret) -> UInt {
    guard let call = unsafe functions.pointee.C_Login else { return CKR_FUNCTION_NOT_SUPPORTED }
    return unsafe pin.withUnsafeBytes { buffer in
      // The module only reads the PIN, though its type does not say so.
      let bytes = unsafe UnsafeMutablePointer(mutating: buffer.bindMemory(to: UInt8.self).baseAddress)
      return unsafe call(session, CKU_USER, bytes, UInt(buffer.count))
    }
  }

  // MARK: Objects

  /// At most two handles of objects with these attributes: enough to see that there is not exactly one.
  func find(_ template: PKCS11Template, session: UInt) throws(PKCS11Failure) -> [UInt] {
    guard let start = unsafe functions.pointee.C_FindObjectsInit,
      let next = unsafe functions.pointee.C_FindObjects,
      let end = unsafe functions.pointee.C_FindObjectsFinal
    else { throw Self.absent }
    var template = template
    try Self.check(unsafe template.withAttributes { unsafe start(session, $0, $1) })
    var found: [UInt] = []
    var objects: [UInt] = [0, 0]
    while found.count < 2 {
      var count: UInt = 0
      try Self.check(unsafe next(session, &objects, UInt(2 - found.count), &count))
      guard count > 0 else { break }
      found += objects.prefix(Int(min(count, 2)))
    }
    try Self.check(end(session))
    return found
  }

  package func attribute(
    _ kind: PKCS11Attribute, of object: UInt, session: UInt
  ) throws(PKCS11Failure) -> [UInt8] {
    guard let call = unsafe functions.pointee.C_GetAttributeValue else { throw Self.absent }
    var asked = unsafe ck_attribute(type: kind.rawValue, value: nil, value_len: 0)
    try Self.check(unsafe call(session, object, &asked, 1))
    let count = unsafe asked.value_len
    guard count <= UInt(Self.attributeSizeBytesMax) else { throw .final(.malformed(step: "attribute")) }
    var value = [UInt8](repeating: 0, count: Int(count))
    guard count > 0 else { return value }
    let (code, written) = unsafe value.withUnsafeMutableBytes { buffer in
      var asked = unsafe ck_attribute(
        type: kind.rawValue, value: buffer.baseAddress, value_len: UInt(buffer.count))
      let code = unsafe call(session, object, &asked, 1)
      return (code, unsafe asked.value_len)
    }
    try Self.check(code)
    guard written <= count else { throw .final(.malformed(step: "attribute")) }
    return [UInt8](value.prefix(Int(written)))
  }

  func flag(_ kind: PKCS11Attribute, of object: UInt, session: UInt) throws(PKCS11Failure) -> Bool {
    let value = try attribute(kind, of: object, session: session)
    guard value.count == 1 else { throw .final(.malformed(step: "attribute")) }
    return value[0] != 0
  }

  func destroy(_ object: UInt, session: UInt) throws(PKCS11Failure) {
    guard let call = unsafe functions.pointee.C_DestroyObject else { throw Self.absent }
    try Self.check(call(session, object))
  }

  // MARK: Keys

  func generateKeyPair(
    _ mechanism: UInt, publicTemplate: PKCS11Template, privateTemplate: PKCS11Template, session: UInt
  ) throws(PKCS11Failure) -> (publicKey: UInt, privateKey: UInt) {
    guard let call = unsafe functions.pointee.C_GenerateKeyPair else { throw Self.absent }
    var (publicTemplate, privateTemplate) = (publicTemplate, privateTemplate)
    var (publicKey, privateKey): (UInt, UInt) = (0, 0)
    var asked = unsafe ck_mechanism(mechanism: mechanism, parameter: nil, parameter_len: 0)
    let code = unsafe publicTemplate.withAttributes { publicAttributes, publicCount in
      unsafe privateTemplate.withAttributes { privateAttributes, privateCount in
        unsafe call(
          session, &asked, publicAttributes, publicCount, privateAttributes, privateCount, &publicKey,
          &privateKey)
      }
    }
    try Self.check(code)
    return (publicKey, privateKey)
  }

  func sign(
    _ message: [UInt8], _ mechanism: UInt, key: UInt, session: UInt
  ) throws(PKCS11Failure) -> [UInt8] {
    guard let start = unsafe functions.pointee.C_SignInit, let sign = unsafe functions.pointee.C_Sign else {
      throw Self.absent
    }
    var asked = unsafe ck_mechanism(mechanism: mechanism, parameter: nil, parameter_len: 0)
    try Self.check(unsafe start(session, &asked, key))
    // Some modules refuse a null pointer also where the length is 0.
    var input = message.isEmpty ? [0] : message
    var signature = [UInt8](repeating: 0, count: Self.signatureSizeBytesMax)
    var count = UInt(signature.count)
    try Self.check(unsafe sign(session, &input, UInt(message.count), &signature, &count))
    return [UInt8](signature.prefix(Int(min(count, UInt(signature.count)))))
  }

  private static func check(_ code: UInt) throws(PKCS11Failure) {
    guard code == CKR_OK else { throw .code(code) }
  }

  private static let absent = PKCS11Failure.code(CKR_FUNCTION_NOT_SUPPORTED)
}

/// What a token says of itself.
package struct PKCS11TokenFacts: Hashable, Sendable {
  package let slot: UInt
  package let label: String
  package let manufacturer: String
  package let model: String
  package let serial: String
  package let isInitialised: Bool
  package let isPINLocked: Bool
  /// One more wrong PIN locks it.
  package let isFinalTry: Bool
}
