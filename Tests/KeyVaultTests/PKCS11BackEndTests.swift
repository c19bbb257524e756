import Crypto
import Foundation
import KeyVault
import LightClients
import Messages
import SignatureSchemes
import SigningRules
import Synchronization
import Testing
import WireBytes

@Suite(
  "Keys in SoftHSM2", .serialized,
  .enabled(if: SoftHSM.isPresent, "SoftHSM2 (softhsm2-util and libsofthsm2.so) is absent"))
struct PKCS11BackEndTests {
  let hsm: SoftHSM

  init() throws { hsm = try SoftHSM.shared.get() }

  static let suites: [KeySuite] = [.secp256k1, .ed25519, .p256, .p384]
  static let digest = Bytes32 { UInt8($0 * 7 & 0xff) }
  static let message = [UInt8]("a message of no particular length".utf8)

  /// The verdict of swift-crypto, or of libsecp256k1 where that has no such curve.
  static func holds(_ signature: [UInt8], _ content: SigningPayload.Content, _ key: BackEndKey) throws -> Bool
  {
    let bytes =
      switch content {
      case .digest(let digest): digest.array
      case .message(let message): message
      }
    switch key.suite {
    case .secp256k1:
      let digest =
        switch content {
        case .digest(let digest): digest
        case .message(let message): Bytes32([UInt8](SHA256.hash(data: message)).span, at: 0)
        }
      let parsed = try Secp256k1.Signature(compact: signature.span)
      try Secp256k1.verify(
        digest: digest, signature: parsed, key: Secp256k1.PublicKey(sec1: key.publicKey),
        policy: .lowSRequired)
      return true
    case .p256:
      let parsed = try P256.Signing.PublicKey(compressedRepresentation: key.publicKey)
      let signature = try P256.Signing.ECDSASignature(rawRepresentation: signature)
      guard case .message(let message) = content else {
        return try ECDSAP256.holds(
          digest: bytes, signature: [UInt8](signature.rawRepresentation), key: key.publicKey)
      }
      return parsed.isValidSignature(signature, for: message)
    case .p384:
      let parsed = try P384.Signing.PublicKey(compressedRepresentation: key.publicKey)
      return parsed.isValidSignature(
        try P384.Signing.ECDSASignature(rawRepresentation: signature), for: bytes)
    case .ed25519:
      return try Curve25519.Signing.PublicKey(rawRepresentation: key.publicKey).isValidSignature(
        signature, for: bytes)
    default: return false
    }
  }

  /// What a call throws, or nil.
  static func error<Value>(_ body: () throws(KeyBackEndError) -> Value) -> KeyBackEndError? {
    do {
      _ = try body()
      return nil
    } catch { return error }
  }

  @Test("sign what they should, digests and messages, in every suite", arguments: suites)
  func signs(suite: KeySuite) throws {
    let token = try hsm.open()
    let backEnd = try PKCS11BackEnd(token)
    #expect(backEnd.kind == .pkcs11 && backEnd.suites == Set(Self.suites))
    let key = try backEnd.generate(suite, label: "test." + suite.rawValue)
    #expect(key.suite == suite && key.reference.count == 16)
    #expect(key.publicKey.count == [.ed25519: 32, .p384: 49][suite, default: 33])
    for content in [SigningPayload.Content.digest(Self.digest), .message(Self.message), .message([])] {
      let signature = try token.sign(content, recoverable: false, with: key)
      #expect(signature.count == (suite == .p384 ? 96 : 64))
      #expect(try Self.holds(signature, content, key))
    }
    try backEnd.checkHealth()
    try backEnd.destroy(key)
  }

  @Test("sign what a request says, and nothing else reaches them", arguments: suites)
  func requests(suite: KeySuite) throws {
    let backEnd = try PKCS11BackEnd(hsm.configuration(), pin: SoftHSM.secret(SoftHSM.pin))
    let key = try backEnd.generate(suite, label: "requests")
    let vote = try VoteStatement(
      chainID: "demo-1", kind: .precommit, height: 7, round: 0, blockID: nil,
      timestamp: CometBFT.Timestamp(seconds: 1_700_000_000))
    let attestation = SigningRequest.foreignAttestation(
      origin: try DomainID("cosmos:demo-1"), .state(height: 7, timestamp: 1_700_000_000))
    for request in [attestation, .vote(vote)] {
      let signature = try backEnd.sign(request.payload, with: key)
      // 27 or 28 behind an attestation's, as contracts want it.
      let isRecoverable = suite == .secp256k1 && request == attestation
      #expect(signature.count == (suite == .p384 ? 96 : isRecoverable ? 65 : 64))
      #expect(try Self.holds(Array(signature.prefix(suite == .p384 ? 96 : 64)), request.payload.content, key))
      try SignatureCheck.check(signature, over: request.payload, by: key)
    }
    try backEnd.destroy(key)
  }

  @Test("are found again by their reference, after everything was closed")
  func reopened() throws {
    let key = try PKCS11BackEnd(hsm.open()).generate(.p256, label: "stays")
    let token = try hsm.open()
    let signature = try token.sign(.message(Self.message), recoverable: false, with: key)
    #expect(try Self.holds(signature, .message(Self.message), key))
    try PKCS11BackEnd(token).destroy(key)
  }

  @Test("of secp256k1 give 200 valid signatures, all with a low s, and each v finds the key")
  func lowS() throws {
    let token = try hsm.open()
    let backEnd = try PKCS11BackEnd(token)
    let key = try backEnd.generate(.secp256k1, label: "low")
    var seen: Set<UInt8> = []
    for index in 0..<200 {
      let digest = Bytes32 { UInt8(($0 * 31 + index * 17) & 0xff) }
      let whole = try token.sign(.digest(digest), recoverable: true, with: key)
      let parsed = try Secp256k1.RecoverableSignature(whole, form: .twentySevenOrTwentyEight)
      #expect(parsed.signature.hasLowS)
      let recovered = try Secp256k1.recover(digest: digest, signature: parsed, policy: .lowSRequired)
      #expect(recovered.compressed.array == key.publicKey)
      seen.insert(whole[64])
    }
    #expect(seen == [27, 28])
    try backEnd.destroy(key)
  }

  @Test("do not leave the token: the value is refused, and the token says where it lives")
  func stays() throws {
    let token = try hsm.open()
    let backEnd = try PKCS11BackEnd(token)
    for suite in Self.suites {
      let key = try backEnd.generate(suite, label: "guarded")
      let error = Self.error { () throws(KeyBackEndError) in
        try token.run { (session) throws(PKCS11Failure) in
          let handle = try token.privateKey(key.reference, in: &session)
          return try token.module.attribute(.value, of: handle, session: session.handle)
        }
      }
      // CKR_ATTRIBUTE_SENSITIVE
      #expect(error == .refused(code: 0x11))
      let location = try backEnd.location(of: key, challenge: Self.digest)
      guard
        case .token(let manufacturer, let model, let serial, let sensitive, let extractable, let local) =
          location
      else {
        Issue.record("\(location)")
        continue
      }
      #expect(manufacturer == "SoftHSM project" && model == "SoftHSM v2" && serial.count == 16)
      #expect(sensitive && !extractable && local)
      try backEnd.destroy(key)
    }
  }

  @Test("that were brought from outside sign, and are not said to be guarded")
  func imported() throws {
    let secret = P256.Signing.PrivateKey()
    let path = hsm.folder + "/imported.pem"
    try Data(secret.pemRepresentation.utf8).write(to: URL(fileURLWithPath: path))
    let reference = [UInt8](repeating: 0xab, count: 16)
    try hsm.run([
      "--import", path, "--token", SoftHSM.token, "--label", "imported", "--pin", SoftHSM.pin, "--id",
      String(repeating: "ab", count: 16),
    ])
    let token = try hsm.open()
    let backEnd = try PKCS11BackEnd(token)
    let key = BackEndKey(
      suite: .p256, publicKey: [UInt8](secret.publicKey.compressedRepresentation), reference: reference)
    let signature = try token.sign(.message(Self.message), recoverable: false, with: key)
    #expect(try Self.holds(signature, .message(Self.message), key))
    guard
      case .token(_, _, _, let sensitive, let extractable, let local) = try backEnd.location(
        of: key, challenge: Self.digest)
    else {
      Issue.record("no token")
      return
    }
    #expect(!sensitive && extractable && !local)
    // The same object under another public key: its signature does not leave.
    let other = BackEndKey(
      suite: .p256, publicKey: [UInt8](P256.Signing.PrivateKey().publicKey.compressedRepresentation),
      reference: reference)
    let wrong = Self.error { () throws(KeyBackEndError) in
      try token.sign(.message(Self.message), recoverable: false, with: other)
    }
    #expect(wrong == .invalidSignature)
    // And as a key of another suite: the token refuses, or its signature does.
    let curve = BackEndKey(suite: .secp256k1, publicKey: key.publicKey, reference: reference)
    #expect(
      Self.error { () throws(KeyBackEndError) in
        try token.sign(.message(Self.message), recoverable: false, with: curve)
      } != nil)
    try backEnd.destroy(key)
  }

  @Test("are missing once they are destroyed, also where a handle was remembered")
  func destroyed() throws {
    let one = try hsm.open()
    let two = try hsm.open()
    let backEnds = (try PKCS11BackEnd(one), try PKCS11BackEnd(two))
    let key = try backEnds.0.generate(.ed25519, label: "shared")
    for token in [one, two] {
      let signature = try token.sign(.message(Self.message), recoverable: false, with: key)
      #expect(try Self.holds(signature, .message(Self.message), key))
    }
    try backEnds.0.destroy(key)
    for token in [one, two, one] {
      let error = Self.error { () throws(KeyBackEndError) in
        try token.sign(.message(Self.message), recoverable: false, with: key)
      }
      #expect(error == .missing)
    }
    #expect(Self.error { () throws(KeyBackEndError) in try backEnds.1.destroy(key) } == .missing)
    #expect(
      Self.error { () throws(KeyBackEndError) in
        try backEnds.1.location(of: key, challenge: Self.digest)
      } == .missing)
    for reference in [[], [UInt8](repeating: 1, count: 15), [UInt8](repeating: 1, count: 17)] {
      let odd = BackEndKey(suite: .ed25519, publicKey: key.publicKey, reference: reference)
      #expect(Self.error { () throws(KeyBackEndError) in try backEnds.0.destroy(odd) } == .missing)
      #expect(
        Self.error { () throws(KeyBackEndError) in
          try one.sign(.message([]), recoverable: false, with: odd)
        } == .missing)
    }
  }

  @Test("are not made for other suites, nor with labels that nobody can read")
  func refusals() throws {
    let backEnd = try PKCS11BackEnd(hsm.configuration(), pin: SoftHSM.secret(SoftHSM.pin))
    for suite in KeySuite.allCases where !Self.suites.contains(suite) {
      #expect(
        Self.error { () throws(KeyBackEndError) in try backEnd.generate(suite, label: "other") }
          == .unsupported(suite))
    }
    for label in ["", "Upper", "with space", "ü", String(repeating: "a", count: 65)] {
      #expect(
        Self.error { () throws(KeyBackEndError) in try backEnd.generate(.p256, label: label) }
          == .refused(code: PKCS11Condition.label.rawValue))
    }
  }

  // MARK: Sessions that die

  @Test("sign on when somebody else closes all sessions")
  func closedBehindTheBack() throws {
    let (token, key) = try made(.secp256k1)
    let module = try hsm.behindTheBack()
    let slot = try facts(of: token).slot
    for round in 1...5 {
      #expect(try module.closeAllSessions(slot) == 0)
      try signs(token, key)
      // Closing them logs out; each time the back end logs in once more.
      #expect(token.loginAttempts == 1 + round)
    }
    #expect(try module.closeAllSessions(slot) == 0)
    try PKCS11BackEnd(token).checkHealth()
    #expect(try module.closeAllSessions(slot) == 0)
    let another = try PKCS11BackEnd(token).generate(.p256, label: "later")
    #expect(try module.closeAllSessions(slot) == 0)
    try PKCS11BackEnd(token).destroy(another)
    try PKCS11BackEnd(token).destroy(key)
  }

  @Test("sign on when somebody else logs out, and are not taken for missing")
  func loggedOut() throws {
    let (token, key) = try made(.p256)
    let module = try hsm.behindTheBack()
    for _ in 1...3 {
      try token.run { (session) throws(PKCS11Failure) in
        #expect((try? module.logOut(session.handle)) == 0)
      }
      try signs(token, key)
      try token.run { (session) throws(PKCS11Failure) in
        #expect((try? module.logOut(session.handle)) == 0)
      }
      try PKCS11BackEnd(token).checkHealth()
    }
    // A key that the session has not seen yet: a search finds nothing, because nobody is logged in.
    try token.run { (session) throws(PKCS11Failure) in
      #expect((try? module.logOut(session.handle)) == 0)
    }
    let fresh = try hsm.open()
    try signs(fresh, key)
    try PKCS11BackEnd(token).destroy(key)
  }

  @Test("sign on when the module was finalised")
  func finalised() throws {
    let (token, key) = try made(.ed25519)
    let module = try hsm.behindTheBack()
    for _ in 1...3 {
      #expect(try module.finalise() == 0)
      try signs(token, key)
    }
    try PKCS11BackEnd(token).destroy(key)
  }

  @Test("sign on when a session was left in the middle of an operation")
  func operationActive() throws {
    let (token, key) = try made(.p384)
    let module = try hsm.behindTheBack()
    // One session, which has not seen the key yet: the back end searches for it, while a search is open.
    let narrow = try hsm.open(sessionsMax: 1)
    try narrow.run { (session) throws(PKCS11Failure) in
      #expect((try? module.startSearch(session.handle)) == 0)
    }
    try signs(narrow, key)
    try PKCS11BackEnd(token).destroy(key)
  }

  @Test("sign for eight threads at once, with fewer sessions, while sessions are closed behind their back")
  func threads() throws {
    let (token, key) = try made(.secp256k1, sessionsMax: 3)
    let module = try hsm.behindTheBack()
    let slot = try facts(of: token).slot
    let valid = Mutex(0)
    let failures = Mutex<[KeyBackEndError]>([])
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      for index in 0..<25 {
        let content = SigningPayload.Content.digest(Bytes32 { UInt8(($0 + thread * 25 + index) & 0xff) })
        do throws(KeyBackEndError) {
          let signature = try token.sign(content, recoverable: false, with: key)
          if (try? Self.holds(signature, content, key)) == true { valid.withLock { $0 += 1 } }
        } catch { failures.withLock { $0.append(error) } }
      }
    }
    #expect(valid.withLock { $0 } == 200)
    #expect(failures.withLock { $0 }.isEmpty)
    #expect(token.loginAttempts == 1)
    #expect(try module.closeAllSessions(slot) == 0)
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      do throws(KeyBackEndError) {
        _ = try token.sign(.message(Self.message), recoverable: false, with: key)
        valid.withLock { $0 += 1 }
      } catch { failures.withLock { $0.append(error) } }
    }
    #expect(valid.withLock { $0 } == 208)
    #expect(failures.withLock { $0 }.isEmpty)
    try PKCS11BackEnd(token).destroy(key)
  }

  @Test("wait for a session no longer than they should")
  func busy() throws {
    let token = try hsm.open(sessionsMax: 1, waitSeconds: 0)
    try token.run { (_) throws(PKCS11Failure) in
      let error = Self.error { () throws(KeyBackEndError) in try token.run { (_) throws(PKCS11Failure) in () }
      }
      #expect(error == .unavailable(code: PKCS11Condition.sessionsBusy.rawValue))
    }
    try token.run { (_) throws(PKCS11Failure) in () }
  }

  @Test("are asked for as often as the maximum says, and no more")
  func bounded() throws {
    let token = try hsm.open()
    let key = try PKCS11BackEnd(token).generate(.p256, label: "bounded")
    for code in [UInt(0x30), 0x90, 0xe0] {
      var attempts = 0
      let error = Self.error { () throws(KeyBackEndError) in
        try token.run { (_) throws(PKCS11Failure) in
          attempts += 1
          throw .code(code)
        }
      }
      #expect(error == .unavailable(code: UInt64(code)))
      #expect(attempts == PKCS11Recovery.attemptsMax)
    }
    var attempts = 0
    let error = Self.error { () throws(KeyBackEndError) in
      try token.run { (_) throws(PKCS11Failure) in
        attempts += 1
        // CKR_KEY_FUNCTION_NOT_PERMITTED
        throw .code(0x68)
      }
    }
    #expect(error == .refused(code: 0x68) && attempts == 1)
    try signs(token, key)
    try PKCS11BackEnd(token).destroy(key)
  }

  // MARK: What cannot be mended

  @Test("are not there for a wrong PIN, which is given once")
  func wrongPIN() throws {
    let token = try hsm.open("causeway other", pin: "8765")
    for _ in 0..<5 {
      let error = Self.error { () throws(KeyBackEndError) in try token.run { (_) throws(PKCS11Failure) in () }
      }
      // CKR_PIN_INCORRECT
      #expect(error == .authorisation(code: 0xa0))
    }
    #expect(
      Self.error { () throws(KeyBackEndError) in try PKCS11BackEnd(token) } == .authorisation(code: 0xa0))
    #expect(token.loginAttempts == 1)

    let crowd = try hsm.open("causeway other", pin: "87654")
    let refused = Mutex(0)
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      let error = Self.error { () throws(KeyBackEndError) in try crowd.run { (_) throws(PKCS11Failure) in () }
      }
      if error == .authorisation(code: 0xa0) { refused.withLock { $0 += 1 } }
    }
    #expect(refused.withLock { $0 } == 8)
    #expect(crowd.loginAttempts == 1)

    let right = try hsm.open("causeway other")
    try right.run { (_) throws(PKCS11Failure) in () }
  }

  @Test("are not there while the token is gone, and are there again when it is back")
  func tokenGone() throws {
    let module = try hsm.behindTheBack()
    let tokens = hsm.folder + "/tokens"
    let token = try hsm.open("causeway moving")
    let key = try PKCS11BackEnd(token).generate(.p256, label: "moving")
    let serial = try facts(of: token).serial
    // SoftHSM names the directory by a UUID that ends in the serial number.
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: tokens).first {
        $0.replacing("-", with: "").hasSuffix(serial)
      })
    // It looks at its directory when it is initialised.
    try FileManager.default.moveItem(atPath: "\(tokens)/\(name)", toPath: hsm.folder + "/away")
    #expect(try module.finalise() == 0)
    for _ in 0..<2 {
      let error = Self.error { () throws(KeyBackEndError) in
        try token.sign(.message(Self.message), recoverable: false, with: key)
      }
      // CKR_TOKEN_NOT_PRESENT
      #expect(error == .unavailable(code: 0xe0))
      #expect(
        Self.error { () throws(KeyBackEndError) in
          try PKCS11BackEnd(hsm.configuration("causeway moving"), pin: SoftHSM.secret(SoftHSM.pin))
        } == .unavailable(code: 0xe0))
    }
    try FileManager.default.moveItem(atPath: hsm.folder + "/away", toPath: "\(tokens)/\(name)")
    #expect(try module.finalise() == 0)
    try signs(token, key)
    try PKCS11BackEnd(token).checkHealth()
    try PKCS11BackEnd(token).destroy(key)
  }

  @Test("are in the token that label and serial number name together")
  func tokens() throws {
    func error(_ label: String, _ serial: String?) -> KeyBackEndError? {
      Self.error { () throws(KeyBackEndError) in
        try PKCS11BackEnd(hsm.configuration(label, serial: serial), pin: SoftHSM.secret(SoftHSM.pin))
      }
    }
    #expect(error("causeway twin", nil) == .refused(code: PKCS11Condition.tokenAmbiguous.rawValue))
    #expect(error("causeway", nil) == .unavailable(code: 0xe0))
    #expect(error("", nil) == .unavailable(code: 0xe0))
    #expect(error(SoftHSM.token, "0000000000000000") == .unavailable(code: 0xe0))
    let serials = try hsm.run(["--show-slots"]).matches(
      of: /Serial number: +(?<serial>[0-9a-f]{16})\s[^S]*[^\n]*\n[^\n]*\n +Label: +causeway twin/
    ).map { String($0.serial) }
    #expect(Set(serials).count == 2)
    for serial in serials {
      #expect(try facts(of: hsm.open("causeway twin", serial: serial)).serial == serial)
    }
  }

  @Test("are behind a module that can be loaded")
  func modules() throws {
    func error(_ path: String) -> KeyBackEndError? {
      let configuration = PKCS11Configuration(modulePath: path, tokenLabel: SoftHSM.token)
      return Self.error { () throws(KeyBackEndError) in
        try PKCS11BackEnd(configuration, pin: SoftHSM.secret(SoftHSM.pin))
      }
    }
    func condition(_ condition: PKCS11Condition) -> KeyBackEndError { .unavailable(code: condition.rawValue) }
    #expect(error(hsm.folder + "/none.so") == condition(.moduleUnreadable))
    #expect(error(hsm.folder) == condition(.moduleUnreadable))
    #expect(error("libsofthsm2.so") == condition(.moduleUnreadable))
    #expect(error("") == condition(.moduleUnreadable))
    #expect(error(hsm.folder + "/softhsm2.conf") == condition(.moduleNotLoaded))
    let open = hsm.folder + "/open.so"
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: hsm.modulePath).resolvingSymlinksInPath(), to: URL(fileURLWithPath: open))
    try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: open)
    #expect(error(open) == condition(.moduleWritable))
    let library = try #require(OtherLibrary.path())
    #expect(error(library) == condition(.notPKCS11))
  }

  // MARK: Parts

  private func made(_ suite: KeySuite, sessionsMax: Int = 4) throws -> (PKCS11Token, BackEndKey) {
    let token = try hsm.open(sessionsMax: sessionsMax)
    let key = try PKCS11BackEnd(token).generate(suite, label: "dying")
    try signs(token, key)
    return (token, key)
  }

  private func signs(_ token: PKCS11Token, _ key: BackEndKey) throws {
    let signature = try token.sign(.message(Self.message), recoverable: false, with: key)
    #expect(try Self.holds(signature, .message(Self.message), key))
  }

  private func facts(of token: PKCS11Token) throws -> PKCS11TokenFacts {
    try token.run { (_) throws(PKCS11Failure) in try token.facts() }
  }
}

extension ECDSAP256 {
  /// swift-crypto hashes what it is given, so a digest goes the way of our verifier.
  fileprivate static func holds(digest: [UInt8], signature: [UInt8], key: [UInt8]) throws -> Bool {
    try verify(digest: Bytes32(digest), signature: Bytes64(signature), key: PublicKey(sec1: key.span))
    return true
  }
}
