private import CPKCS11
private import Foundation
package import Secrets
private import Synchronization

/// One token, logged in, with the sessions that are open to it.
///
/// Sessions die: somebody closes them, the token is pulled, a network HSM restarts, a failed call leaves its operation
/// open. So a session that saw an error is closed and never used again, ``PKCS11Recovery`` says what goes with it, and the
/// call is tried again in a new one, ``PKCS11Recovery/attemptsMax`` times in all.
///
/// A class, because it owns what the module counts: its sessions are closed when nobody has it any more.
package final class PKCS11Token: Sendable {
  /// Used by one thread at a time.
  package struct Session {
    package let handle: UInt
    let generation: UInt64
    /// Handles of private keys that were found, by reference.
    var keys: [[UInt8]: UInt] = [:]
  }

  private struct State {
    /// Sessions that nobody uses, all of this generation.
    var idle: [Session] = []
    /// Sessions there are, those included that are being opened.
    var openCount = 0
    /// Rises when sessions are given up all at once.
    var generation: UInt64 = 0
    /// How many may be open: less than was asked for where the token does not have as many.
    var limit: Int
  }

  private struct Login {
    /// What the token said of the PIN. It is not tried again: the next tries might lock the token.
    var refusal: UInt?
    var attempts = 0
  }

  package let module: PKCS11Module
  private let configuration: PKCS11Configuration
  private let pin: SharedSecret
  private let waitSeconds: Double
  private let state: Mutex<State>
  private let login = Mutex(Login())
  /// Signalled when a session comes free. Taken before `state`, never after.
  private let changed = NSCondition()
  /// Keys are made and destroyed one at a time, in a session that may write and is closed afterwards.
  private let writing = NSLock()
  /// The process that may use it.
  private let owner: Int32 = getpid()

  /// How long a call waits for a session of which all are in use.
  package static let waitSecondsMax = 30.0
  /// Handles of keys remembered in one session.
  static let handlesMax = 256

  package init(
    _ configuration: PKCS11Configuration, pin: SharedSecret, waitSeconds: Double = waitSecondsMax
  ) throws(KeyBackEndError) {
    self.waitSeconds = waitSeconds
    module = try PKCS11Module(path: configuration.modulePath)
    self.configuration = configuration
    self.pin = pin
    state = Mutex(State(limit: configuration.sessionsMax))
  }

  deinit {
    // A child's copy of the handles is the parent's to close.
    guard getpid() == owner else { return }
    for session in state.withLock({ $0.idle }) { module.closeSession(session.handle) }
  }

  /// How often a PIN was given to the token.
  package var loginAttempts: Int { login.withLock { $0.attempts } }

  /// Runs `body` in a session that is logged in; again, in another one, when the failure is one that this mends.
  package func run<Result>(
    writing: Bool = false, _ body: (inout Session) throws(PKCS11Failure) -> Result
  ) throws(KeyBackEndError) -> Result {
    guard getpid() == owner else { throw .unavailable(code: PKCS11Condition.forked.rawValue) }
    for attempt in 1... {
      let generation = state.withLock { $0.generation }
      let failure: PKCS11Failure
      do throws(PKCS11Failure) {
        return try writing ? inWritingSession(body) : inSession(body)
      } catch { failure = error }
      switch PKCS11Recovery(after: failure) {
      case .giveUp(let error): throw error
      case .replaceSession: break
      case .replaceAll: giveUpIdle(of: generation, closing: true)
      case .initialise:
        // Its sessions are gone, and their numbers may soon be others'.
        giveUpIdle(of: generation, closing: false)
        let code = module.initialise()
        guard code == CKR_OK else { throw .unavailable(code: UInt64(code)) }
      }
      guard attempt < PKCS11Recovery.attemptsMax else { throw PKCS11Recovery.exhausted(failure) }
    }
    preconditionFailure("the last attempt returns or throws")
  }

  /// The token that the configuration names, wherever it is now.
  package func facts() throws(PKCS11Failure) -> PKCS11TokenFacts {
    var found: PKCS11TokenFacts?
    for slot in try module.slots() {
      let facts: PKCS11TokenFacts
      do {
        facts = try module.token(in: slot)
      } catch {
        // A slot may lose its token between two calls, or hold one that this module cannot read.
        switch error {
        case .code(CKR_TOKEN_NOT_PRESENT), .code(CKR_TOKEN_NOT_RECOGNIZED), .code(CKR_DEVICE_REMOVED),
          .code(CKR_SLOT_ID_INVALID):
          continue
        default: throw error
        }
      }
      // One that is not initialised may show any label, or none.
      guard facts.isInitialised, facts.label == configuration.tokenLabel,
        configuration.tokenSerial.map({ $0 == facts.serial }) ?? true
      else { continue }
      guard found == nil else { throw .final(.refused(code: PKCS11Condition.tokenAmbiguous.rawValue)) }
      found = facts
    }
    guard let found else { throw .code(CKR_TOKEN_NOT_PRESENT) }
    return found
  }

  /// The private key with this `CKA_ID`.
  ///
  /// - Throws: ``KeyBackEndError/missing`` only when the session is logged in: others see no private object.
  package func privateKey(_ reference: [UInt8], in session: inout Session) throws(PKCS11Failure) -> UInt {
    if let known = session.keys[reference] { return known }
    guard let key = try object(CKO_PRIVATE_KEY, reference, in: session) else {
      guard try module.isLoggedIn(session.handle) else { throw .code(CKR_USER_NOT_LOGGED_IN) }
      throw .final(.missing)
    }
    if session.keys.count >= Self.handlesMax { session.keys.removeAll() }
    session.keys[reference] = key
    return key
  }

  /// The object of this class with this `CKA_ID`, if there is one.
  func object(_ kind: UInt, _ reference: [UInt8], in session: Session) throws(PKCS11Failure) -> UInt? {
    var template = PKCS11Template()
    template.add(.kind, number: kind)
    template.add(.isToken, true)
    template.add(.identifier, reference)
    let found = try module.find(template, session: session.handle)
    guard found.count <= 1 else { throw .final(.malformed(step: "two keys with one CKA_ID")) }
    return found.first
  }

  /// Gives up all sessions that are idle now, and later those in use: what they remember is out of date.
  func forgetHandles() { giveUpIdle(of: state.withLock { $0.generation }, closing: true) }

  // MARK: Sessions

  private func inSession<Result>(
    _ body: (inout Session) throws(PKCS11Failure) -> Result
  ) throws(PKCS11Failure) -> Result {
    var session = try borrow()
    let result: Result
    do {
      result = try body(&session)
    } catch {
      if case .final = error {
        // Ours, not the module's: its calls all returned well.
        giveBack(session)
      } else {
        // After an answer, too: a call that failed may have left its operation open.
        if PKCS11Recovery.leavesHandle(error) { module.closeSession(session.handle) }
        lose()
      }
      throw error
    }
    giveBack(session)
    return result
  }

  private func inWritingSession<Result>(
    _ body: (inout Session) throws(PKCS11Failure) -> Result
  ) throws(PKCS11Failure) -> Result {
    writing.lock()
    defer { writing.unlock() }
    var session = Session(handle: try open(writing: true), generation: 0)
    let result: Result
    do {
      result = try body(&session)
    } catch {
      if PKCS11Recovery.leavesHandle(error) { module.closeSession(session.handle) }
      throw error
    }
    module.closeSession(session.handle)
    return result
  }

  private enum Turn {
    case use(Session)
    case open(generation: UInt64)
    case wait
  }

  private func borrow() throws(PKCS11Failure) -> Session {
    let deadline = Date(timeIntervalSinceNow: waitSeconds)
    while true {
      switch nextTurn() {
      case .use(let session): return session
      case .open(let generation):
        do {
          return Session(handle: try open(writing: false), generation: generation)
        } catch {
          // A token with fewer sessions than we want: those that it has must do.
          guard case .code(CKR_SESSION_COUNT) = error, settleForFewer() else {
            lose()
            throw error
          }
        }
      case .wait:
        guard waitForSession(until: deadline) else {
          throw .final(.unavailable(code: PKCS11Condition.sessionsBusy.rawValue))
        }
      }
    }
  }

  private func nextTurn() -> Turn {
    state.withLock { state in
      if let session = state.idle.popLast() { return .use(session) }
      guard state.openCount < state.limit else { return .wait }
      state.openCount += 1
      return .open(generation: state.generation)
    }
  }

  /// False when the time is over.
  private func waitForSession(until deadline: Date) -> Bool {
    changed.lock()
    defer { changed.unlock() }
    // Under the lock, so that no signal is missed between looking and waiting.
    while state.withLock({ $0.idle.isEmpty && $0.openCount >= $0.limit }) {
      guard changed.wait(until: deadline) else { return false }
    }
    return true
  }

  /// Takes back a session that could not be opened. False when there is no other to wait for.
  private func settleForFewer() -> Bool {
    state.withLock { state in
      guard state.openCount > 1 else { return false }
      state.openCount -= 1
      state.limit = state.openCount
      return true
    }
  }

  private func giveBack(_ session: Session) {
    let isCurrent = state.withLock { state in
      guard session.generation == state.generation else {
        state.openCount -= 1
        return false
      }
      state.idle.append(session)
      return true
    }
    if !isCurrent { module.closeSession(session.handle) }
    signal()
  }

  /// One session less is open.
  private func lose() {
    state.withLock { $0.openCount -= 1 }
    signal()
  }

  private func signal() {
    changed.lock()
    changed.signal()
    changed.unlock()
  }

  private func giveUpIdle(of generation: UInt64, closing: Bool) {
    state.withLock { state in
      // Another thread may have seen the same accident before.
      guard state.generation == generation else { return }
      state.generation += 1
      state.openCount -= state.idle.count
      state.limit = configuration.sessionsMax
      // Closed before anybody opens a new one, which may get the number of one that is gone already.
      if closing { for session in state.idle { module.closeSession(session.handle) } }
      state.idle.removeAll()
    }
    changed.lock()
    changed.broadcast()
    changed.unlock()
  }

  // MARK: Login

  private func open(writing: Bool) throws(PKCS11Failure) -> UInt {
    let facts = try facts()
    let session = try module.openSession(in: facts.slot, writing: writing)
    do {
      try logIn(session, facts)
    } catch {
      if PKCS11Recovery.leavesHandle(error) { module.closeSession(session) }
      throw error
    }
    return session
  }

  /// Logs in, unless the process is: all its sessions with a token are logged in together.
  private func logIn(_ session: UInt, _ facts: PKCS11TokenFacts) throws(PKCS11Failure) {
    // One thread at a time, so that a wrong PIN is given once and not by every thread.
    try login.withLock { (login: inout Login) throws(PKCS11Failure) in
      guard try !module.isLoggedIn(session) else { return }
      if let refusal = login.refusal { throw .final(.authorisation(code: UInt64(refusal))) }
      guard !facts.isPINLocked else { throw .final(.authorisation(code: UInt64(CKR_PIN_LOCKED))) }
      guard !facts.isFinalTry else {
        throw .final(.authorisation(code: PKCS11Condition.finalTry.rawValue))
      }
      login.attempts += 1
      let code = module.logIn(session, pin: pin)
      switch code {
      case CKR_OK, CKR_USER_ALREADY_LOGGED_IN: return
      case let code where PKCS11Recovery.isAuthorisation(code):
        login.refusal = code
        throw .final(.authorisation(code: UInt64(code)))
      default: throw .code(code)
      }
    }
  }
}
