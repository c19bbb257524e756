import Foundation
import KeyVault
import SigningRules
import Synchronization
import Testing
import WireBytes

/// What a token that has little to give, and one that is about to lock itself, see of the back end. The module is the real
/// one; some of its functions are wrapped while a test runs.
extension PKCS11BackEndTests {
  @Test("make do with the sessions that the token has, when those are fewer than were asked for")
  func fewSessions() throws {
    let (token, key) = try wrappedToken(sessionsMax: 6)
    // From nothing, so that the pool itself finds out.
    let crowd = try hsm.open(sessionsMax: 6)
    let wrap = try WrappedModule(hsm.behindTheBack())
    WrappedModule.sessionsMax = WrappedModule.openSessions + 2
    let failures = Mutex<[KeyBackEndError]>([])
    let valid = Mutex(0)
    DispatchQueue.concurrentPerform(iterations: 6) { thread in
      for index in 0..<10 {
        let content = SigningPayload.Content.digest(Bytes32 { UInt8(($0 + thread * 10 + index) & 0xff) })
        do throws(KeyBackEndError) {
          let signature = try crowd.sign(content, recoverable: false, with: key)
          if (try? Self.holds(signature, content, key)) == true { valid.withLock { $0 += 1 } }
        } catch { failures.withLock { $0.append(error) } }
      }
    }
    #expect(failures.withLock { $0 }.isEmpty)
    #expect(valid.withLock { $0 } == 60)
    // Each of the others was refused once at most: what is known not to be there is not asked for again.
    #expect(WrappedModule.refusedSessions <= 4)
    wrap.restore()
    try PKCS11BackEnd(token).destroy(key)
  }

  @Test("are made also where signing has taken every session of the token")
  func noSessionLeft() throws {
    let wrap = try WrappedModule(hsm.behindTheBack())
    let (token, key) = try wrappedToken(sessionsMax: 2)
    WrappedModule.sessionsMax = WrappedModule.openSessions
    // One idle session of ours is the last that the token has: it is given up for the one that writes.
    let made = try PKCS11BackEnd(token).generate(.ed25519, label: "narrow")
    #expect(WrappedModule.refusedSessions >= 1)
    let signature = try token.sign(.message(Self.message), recoverable: false, with: made)
    #expect(try Self.holds(signature, .message(Self.message), made))
    wrap.restore()
    try PKCS11BackEnd(token).destroy(made)
    try PKCS11BackEnd(token).destroy(key)
  }

  @Test("give a wrong PIN to the token once in all their life, and none to one that has a single try left")
  func onePIN() throws {
    let wrap = try WrappedModule(hsm.behindTheBack())
    defer { wrap.restore() }
    func error(_ token: PKCS11Token) -> KeyBackEndError? {
      Self.error { () throws(KeyBackEndError) in try token.run { (_) throws(PKCS11Failure) in () } }
    }
    let wrong = try hsm.open("causeway other", pin: "0000")
    for _ in 0..<20 { #expect(error(wrong) == .authorisation(code: 0xa0)) }
    #expect(WrappedModule.logins == 1)

    // CKF_USER_PIN_FINAL_TRY: whoever gives a wrong one now locks the token for good; a right one is not tried either.
    WrappedModule.tokenFlags = 0x0002_0000
    let careful = try hsm.open("causeway other")
    for _ in 0..<3 {
      #expect(error(careful) == .authorisation(code: PKCS11Condition.finalTry.rawValue))
    }
    // CKF_USER_PIN_LOCKED
    WrappedModule.tokenFlags = 0x0004_0000
    #expect(error(try hsm.open("causeway other")) == .authorisation(code: 0xa4))
    #expect(WrappedModule.logins == 1)

    // Somebody has logged in by hand, and the token counts from the beginning.
    WrappedModule.tokenFlags = 0
    #expect(error(careful) == nil)
    #expect(WrappedModule.logins == 2)
  }

  @Test("are refused to a child process, and stay the parent's")
  func forked() throws {
    let (token, key) = try wrappedToken(sessionsMax: 2)
    // Swift does not show it; its type is that of POSIX.
    guard let symbol = unsafe dlsym(nil, "fork") else { throw CocoaError(.featureUnsupported) }
    let fork = unsafe unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)
    let child = fork()
    if child == 0 {
      // Only what is safe in the child of a process with threads: nothing but the refusal itself.
      do throws(KeyBackEndError) {
        _ = try token.sign(.digest(Self.digest), recoverable: false, with: key)
        _exit(1)
      } catch {
        _exit(error == .unavailable(code: PKCS11Condition.forked.rawValue) ? 42 : 2)
      }
    }
    try #require(child > 0)
    var status: Int32 = 0
    // The number is written before the call returns.
    let ended = unsafe waitpid(child, &status, 0)
    #expect(ended == child)
    #expect(status == 42 << 8)
    let signature = try token.sign(.digest(Self.digest), recoverable: false, with: key)
    #expect(try Self.holds(signature, .digest(Self.digest), key))
    #expect(token.loginAttempts == 1)
    try PKCS11BackEnd(token).destroy(key)
  }

  /// A token with one idle session, and a key in it.
  private func wrappedToken(sessionsMax: Int) throws -> (PKCS11Token, BackEndKey) {
    let token = try hsm.open(sessionsMax: sessionsMax)
    let key = try PKCS11BackEnd(token).generate(.p256, label: "restraint")
    _ = try token.sign(.digest(Self.digest), recoverable: false, with: key)
    return (token, key)
  }
}

/// The real module with a few functions of its list replaced by ones that count, refuse, or pretend.
///
/// `CK_FUNCTION_LIST` is the version and then pointers in the order of PKCS#11 2.40; each place is checked against the
/// function that the library exports by that name.
@safe
struct WrappedModule {
  private enum Place: Int, CaseIterable {
    case tokenInfo = 6
    case openSession = 12
    case closeSession = 13
    case login = 18

    var name: String {
      switch self {
      case .tokenInfo: "C_GetTokenInfo"
      case .openSession: "C_OpenSession"
      case .closeSession: "C_CloseSession"
      case .login: "C_Login"
      }
    }
  }

  private typealias OpenSession =
    @convention(c) (
      UInt, UInt, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt>?
    ) -> UInt
  private typealias CloseSession = @convention(c) (UInt) -> UInt
  private typealias Login = @convention(c) (UInt, UInt, UnsafeMutablePointer<UInt8>?, UInt) -> UInt
  private typealias TokenInfo = @convention(c) (UInt, UnsafeMutableRawPointer?) -> UInt

  struct State {
    var originals: [Int: UInt] = [:]
    var open: Set<UInt> = []
    var max = Int.max
    var refused = 0
    var logins = 0
    var flags: UInt = 0
  }

  fileprivate static let state = Mutex(State())
  /// Sessions that were opened since the first wrapping and are not closed.
  static var openSessions: Int { state.withLock { $0.open.count } }
  /// More are refused with CKR_SESSION_COUNT.
  static var sessionsMax: Int {
    get { state.withLock { $0.max } }
    set { state.withLock { $0.max = newValue } }
  }
  static var refusedSessions: Int { state.withLock { $0.refused } }
  static var logins: Int { state.withLock { $0.logins } }
  /// Set in each token's flags.
  static var tokenFlags: UInt {
    get { state.withLock { $0.flags } }
    set { state.withLock { $0.flags = newValue } }
  }

  /// The list's pointers; as long as the library is loaded.
  private let functions: UnsafeMutablePointer<UInt>

  init(_ module: SoftHSM.Module) throws {
    let functions = try unsafe module.functions()
    unsafe self.functions = functions
    var originals: [Int: UInt] = [:]
    for place in Place.allCases {
      let original = unsafe functions[place.rawValue]
      try #require(original == (try module.address(place.name)))
      originals[place.rawValue] = original
    }
    Self.state.withLock { state in
      state = State(originals: originals, open: state.open)
    }
    put(.openSession, unsafe unsafeBitCast(Self.openSession, to: UInt.self))
    put(.closeSession, unsafe unsafeBitCast(Self.closeSession, to: UInt.self))
    put(.login, unsafe unsafeBitCast(Self.login, to: UInt.self))
    put(.tokenInfo, unsafe unsafeBitCast(Self.tokenInfo, to: UInt.self))
  }

  private func put(_ place: Place, _ address: UInt) { unsafe functions[place.rawValue] = address }

  func restore() {
    let originals = Self.state.withLock { $0.originals }
    for (place, address) in originals { unsafe functions[place] = address }
  }

  private static func original<Function>(_ place: Place, _ type: Function.Type) -> Function {
    let address = state.withLock { $0.originals[place.rawValue] } ?? 0
    // An address that was taken from the list, of the type that the list has in that place.
    return unsafe unsafeBitCast(address, to: type)
  }

  private static let openSession: OpenSession = { slot, flags, application, notify, handle in
    let isRefused = WrappedModule.state.withLock { state -> Bool in
      guard state.open.count >= state.max else { return false }
      state.refused += 1
      return true
    }
    if isRefused { return 0xb1 }
    let code = unsafe WrappedModule.original(.openSession, OpenSession.self)(
      slot, flags, application, notify, handle)
    if code == 0, let session = unsafe handle?.pointee {
      _ = WrappedModule.state.withLock { $0.open.insert(session) }
    }
    return code
  }

  private static let closeSession: CloseSession = { session in
    let code = WrappedModule.original(.closeSession, CloseSession.self)(session)
    _ = WrappedModule.state.withLock { $0.open.remove(session) }
    return code
  }

  private static let login: Login = { session, user, pin, count in
    WrappedModule.state.withLock { $0.logins += 1 }
    return unsafe WrappedModule.original(.login, Login.self)(session, user, pin, count)
  }

  private static let tokenInfo: TokenInfo = { slot, info in
    let code = unsafe WrappedModule.original(.tokenInfo, TokenInfo.self)(slot, info)
    // CK_TOKEN_INFO: 96 bytes of names, then the flags.
    if code == 0, let info = unsafe info {
      let flags = unsafe info.load(fromByteOffset: 96, as: UInt.self)
      unsafe info.storeBytes(of: flags | WrappedModule.tokenFlags, toByteOffset: 96, as: UInt.self)
    }
    return code
  }
}

extension SoftHSM.Module {
  /// The pointers of the module's function list, behind its version.
  func functions() throws -> UnsafeMutablePointer<UInt> {
    let getList = try unsafe function(
      "C_GetFunctionList",
      (@convention(c) (UnsafeMutablePointer<UnsafeMutablePointer<UInt>?>) -> UInt).self)
    var list: UnsafeMutablePointer<UInt>?
    let code = unsafe getList(&list)
    try #require(code == 0)
    guard let list = unsafe list else { throw CocoaError(.featureUnsupported) }
    return unsafe list + 1
  }

  func address(_ name: String) throws -> UInt {
    try function(name, UInt.self)
  }
}
