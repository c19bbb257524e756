import Crypto
import Foundation
import KeyVault
import SigningRules
import TPMAccess
import TestSupport
import Testing
import WireBytes

@Suite(
  "TPM keys", .serialized,
  .enabled(if: TPMSimulator.isInstalled, "swtpm is not installed: no TPM to test with"))
struct TPMBackEndTests {
  static let digest = Bytes32 { UInt8($0 * 7 & 0xff) }

  /// Checks with swift-crypto what a payload's content says about a suite.
  static func isSignature(_ bytes: [UInt8], over content: SigningPayload.Content, by key: BackEndKey) throws
    -> Bool
  {
    switch (key.suite, content) {
    case (.p256, .digest(let digest)):
      try P256.Signing.PublicKey(compressedRepresentation: key.publicKey).isValidSignature(
        P256.Signing.ECDSASignature(rawRepresentation: bytes), for: GivenDigest(digest))
    case (.p256, .message(let message)):
      try P256.Signing.PublicKey(compressedRepresentation: key.publicKey).isValidSignature(
        P256.Signing.ECDSASignature(rawRepresentation: bytes), for: SHA256.hash(data: message))
    case (.p384, .digest(let digest)):
      try P384.Signing.PublicKey(compressedRepresentation: key.publicKey).isValidSignature(
        P384.Signing.ECDSASignature(rawRepresentation: bytes), for: SHA384.hash(data: digest.array))
    case (.p384, .message(let message)):
      try P384.Signing.PublicKey(compressedRepresentation: key.publicKey).isValidSignature(
        P384.Signing.ECDSASignature(rawRepresentation: bytes), for: SHA384.hash(data: message))
    default: false
    }
  }

  private struct GivenDigest: Digest {
    static var byteCount: Int { 32 }
    let bytes: [UInt8]
    init(_ digest: Bytes32) { bytes = digest.array }
    // The pointer does not outlive `body`.
    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
      try unsafe bytes.withUnsafeBytes(body)
    }
    var description: String { Hex.encode(bytes) }
  }

  @Test("signs digests and messages as swift-crypto checks them", arguments: [KeySuite.p256, .p384])
  func signs(suite: KeySuite) throws {
    let simulator = try TPMSimulator()
    let backEnd = TPMBackEnd(try simulator.connection())
    try backEnd.checkHealth()
    let key = try backEnd.generate(suite, label: "attester-0")
    #expect(key.suite == suite)
    #expect(key.publicKey.count == (suite == .p256 ? 33 : 49))
    let contents: [SigningPayload.Content] = [
      .digest(Self.digest), .message([]), .message([UInt8]("a vote".utf8)),
      .message([UInt8](repeating: 7, count: 100_000)),
    ]
    for content in contents {
      let signature = try backEnd.sign(content, with: key)
      #expect(signature.count == (suite == .p256 ? 64 : 96))
      #expect(try Self.isSignature(signature, over: content, by: key))
    }
    let one = try backEnd.sign(.digest(Self.digest), with: key)
    #expect(try !Self.isSignature(one, over: .message(Self.digest.array + [0]), by: key))
  }

  @Test("makes no keys of other suites")
  func unsupported() throws {
    let simulator = try TPMSimulator()
    let backEnd = TPMBackEnd(try simulator.connection())
    #expect(backEnd.kind == .tpm)
    for suite in KeySuite.allCases where suite != .p256 && suite != .p384 {
      #expect(throws: KeyBackEndError.unsupported(suite)) { try backEnd.generate(suite, label: "x") }
      let key = BackEndKey(suite: suite, publicKey: [], reference: [])
      #expect(throws: KeyBackEndError.unsupported(suite)) {
        try backEnd.sign(.digest(Self.digest), with: key)
      }
    }
  }

  @Test("signs many times with one loaded key, and with more keys than a TPM has room for")
  func many() throws {
    let simulator = try TPMSimulator()
    let connection = try simulator.connection()
    let backEnd = TPMBackEnd(connection)
    let keys = try [KeySuite.p256, .p384, .p256, .p384, .p256].map { try backEnd.generate($0, label: "many") }
    for round in 0..<100 {
      let content = SigningPayload.Content.message([UInt8(round)])
      #expect(try Self.isSignature(backEnd.sign(content, with: keys[0]), over: content, by: keys[0]))
    }
    #expect(connection.loads == 1)
    for round in 0..<100 {
      let key = keys[round % keys.count]
      let content = SigningPayload.Content.message([UInt8(round)])
      #expect(try Self.isSignature(backEnd.sign(content, with: key), over: content, by: key))
    }
    // Nothing of all that is in the way of an object more.
    for _ in 0..<20 { _ = try backEnd.location(of: keys[1], challenge: Self.digest) }
    _ = try backEnd.generate(.p256, label: "last")
  }

  @Test("keeps as many keys loaded as the TPM takes, when it is told of more")
  func fullTPM() throws {
    let simulator = try TPMSimulator()
    let backEnd = TPMBackEnd(try simulator.connection(loadedKeysMax: 16))
    let keys = try (0..<6).map { _ in try backEnd.generate(.p256, label: "full") }
    for _ in 0..<3 {
      for key in keys {
        let signature = try backEnd.sign(.digest(Self.digest), with: key)
        #expect(try Self.isSignature(signature, over: .digest(Self.digest), by: key))
        _ = try backEnd.location(of: key, challenge: Self.digest)
      }
    }
  }

  @Test("goes on after the TPM was restarted, and refuses while there is none")
  func restart() throws {
    let simulator = try TPMSimulator()
    let backEnd = TPMBackEnd(try simulator.connection())
    let key = try backEnd.generate(.p256, label: "restart")
    for _ in 0..<3 {
      let signature = try backEnd.sign(.digest(Self.digest), with: key)
      #expect(try Self.isSignature(signature, over: .digest(Self.digest), by: key))
      try simulator.restart()
    }
    _ = try backEnd.sign(.digest(Self.digest), with: key)
    simulator.stop()
    for _ in 0..<2 {
      let refusal = #expect(throws: KeyBackEndError.self) {
        try backEnd.sign(.digest(Self.digest), with: key)
      }
      guard case .unavailable = refusal else {
        Issue.record("\(String(describing: refusal)) for a TPM that is not there")
        return
      }
    }
    try simulator.start()
    let signature = try backEnd.sign(.digest(Self.digest), with: key)
    #expect(try Self.isSignature(signature, over: .digest(Self.digest), by: key))
    try backEnd.checkHealth()
  }

  @Test(
    "goes on after a reset behind an open connection", .enabled(if: TPMSimulator.hasTools, "no tpm2-tools"))
  func reset() throws {
    let simulator = try TPMSimulator()
    let backEnd = TPMBackEnd(try simulator.connection())
    let key = try backEnd.generate(.p384, label: "reset")
    _ = try backEnd.sign(.digest(Self.digest), with: key)
    try simulator.run("swtpm_ioctl", "--unix", simulator.socket + ".ctrl", "-i")
    let signature = try backEnd.sign(.digest(Self.digest), with: key)
    #expect(try Self.isSignature(signature, over: .digest(Self.digest), by: key))
  }

  @Test(
    "clears the room that a killed process left occupied",
    .enabled(if: TPMSimulator.hasTools, "no tpm2-tools"))
  func sweeps() throws {
    let simulator = try TPMSimulator()
    // Without a resource manager the tool leaves its object in the TPM, each time.
    for _ in 0..<3 { try simulator.run("tpm2_createprimary", "-C", "o", "-c", "left.ctx") }
    let backEnd = TPMBackEnd(try simulator.connection())
    let key = try backEnd.generate(.p256, label: "sweeps")
    _ = try backEnd.sign(.digest(Self.digest), with: key)
  }

  @Test("takes a key of another process, and leaves nothing behind when it closes")
  func twoConnections() throws {
    let simulator = try TPMSimulator()
    let first = try simulator.connection()
    let key = try TPMBackEnd(first).generate(.p256, label: "shared")
    first.close()
    let second = try simulator.connection()
    let signature = try TPMBackEnd(second).sign(.digest(Self.digest), with: key)
    #expect(try Self.isSignature(signature, over: .digest(Self.digest), by: key))
    second.close()
    if TPMSimulator.hasTools {
      #expect(try simulator.run("tpm2_getcap", "handles-transient").isEmpty)
      #expect(try simulator.run("tpm2_getcap", "handles-loaded-session").isEmpty)
    }
  }

  @Test("does not know keys of another TPM, nor halves that do not belong together")
  func otherTPM() throws {
    let (one, other) = (try TPMSimulator(), try TPMSimulator())
    let (here, there) = (TPMBackEnd(try one.connection()), TPMBackEnd(try other.connection()))
    let key = try here.generate(.p256, label: "here")
    let second = try here.generate(.p256, label: "second")
    #expect(throws: KeyBackEndError.missing) { try there.sign(.digest(Self.digest), with: key) }
    #expect(throws: KeyBackEndError.missing) { try there.location(of: key, challenge: Self.digest) }
    #expect(throws: KeyBackEndError.missing) { try there.confirm(key) }
    try here.confirm(key)
    let exchanged = BackEndKey(suite: .p256, publicKey: second.publicKey, reference: key.reference)
    #expect(throws: KeyBackEndError.missing) { try here.sign(.digest(Self.digest), with: exchanged) }
    let otherSuite = BackEndKey(suite: .p384, publicKey: key.publicKey, reference: key.reference)
    #expect(throws: KeyBackEndError.missing) { try here.sign(.digest(Self.digest), with: otherSuite) }
  }

  @Test("refuses every shorter, longer and changed reference")
  func references() throws {
    let simulator = try TPMSimulator()
    let backEnd = TPMBackEnd(try simulator.connection())
    let key = try backEnd.generate(.p256, label: "reference")
    let whole = key.reference
    let isRefused = { (reference: [UInt8]) -> Bool in
      let changed = BackEndKey(suite: key.suite, publicKey: key.publicKey, reference: reference)
      do {
        _ = try backEnd.sign(.digest(Self.digest), with: changed)
        return false
      } catch { return true }
    }
    for count in 0..<whole.count { #expect(isRefused([UInt8](whole.prefix(count)))) }
    #expect(isRefused(whole + [0]))
    #expect(isRefused([UInt8](repeating: 0xff, count: 70_000)))
    for bit in 0..<(whole.count * 8) {
      var changed = whole
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      // One bit says whether wrong authorisations count; it is part of what the TPM checks, like all the others.
      #expect(isRefused(changed), "bit \(bit)")
    }
    let signature = try backEnd.sign(.digest(Self.digest), with: key)
    #expect(try Self.isSignature(signature, over: .digest(Self.digest), by: key))
  }

  @Test("signs no more with a destroyed key")
  func destroy() throws {
    let simulator = try TPMSimulator()
    let backEnd = TPMBackEnd(try simulator.connection())
    let (key, kept) = (try backEnd.generate(.p256, label: "a"), try backEnd.generate(.p256, label: "b"))
    _ = try backEnd.sign(.digest(Self.digest), with: key)
    try backEnd.destroy(key)
    #expect(throws: KeyBackEndError.missing) { try backEnd.sign(.digest(Self.digest), with: key) }
    #expect(throws: KeyBackEndError.missing) { try backEnd.destroy(key) }
    _ = try backEnd.sign(.digest(Self.digest), with: kept)
  }

  @Test("asks for the key's authorisation and does not try a wrong one twice")
  func authorisation() throws {
    let simulator = try TPMSimulator()
    let right = try simulator.connection(key: "right")
    let key = try TPMBackEnd(right).generate(.p256, label: "guarded")
    let signature = try TPMBackEnd(right).sign(.digest(Self.digest), with: key)
    #expect(try Self.isSignature(signature, over: .digest(Self.digest), by: key))
    right.close()
    for connection in [try simulator.connection(key: "wrong"), try simulator.connection()] {
      let refusal = #expect(throws: KeyBackEndError.self) {
        try TPMBackEnd(connection).sign(.digest(Self.digest), with: key)
      }
      guard case .authorisation = refusal else {
        Issue.record("\(String(describing: refusal)) for a wrong authorisation")
        return
      }
      connection.close()
    }
    if TPMSimulator.hasTools {
      let properties = try simulator.run("tpm2_getcap", "properties-variable")
      #expect(properties.contains("TPM2_PT_LOCKOUT_COUNTER: 0x2"))
      // Locked up: the right one is refused too, and is not the worse for it.
      try simulator.run("tpm2_dictionarylockout", "-s", "-n", "2", "-t", "1000", "-l", "1000")
      let again = try simulator.connection(key: "right")
      #expect(throws: KeyBackEndError.authorisation(code: 0x921)) {
        try TPMBackEnd(again).sign(.digest(Self.digest), with: key)
      }
    }
  }

  @Test(
    "gives the owner's authorisation where there is one", .enabled(if: TPMSimulator.hasTools, "no tpm2-tools")
  )
  func owner() throws {
    let simulator = try TPMSimulator()
    try simulator.run("tpm2_changeauth", "-c", "o", "landlord")
    let connection = try simulator.connection(owner: "landlord")
    let backEnd = TPMBackEnd(connection)
    let key = try backEnd.generate(.p256, label: "owned")
    _ = try backEnd.sign(.digest(Self.digest), with: key)
    connection.close()
    for wrong in [nil, "lodger"] {
      let stranger = try simulator.connection(owner: wrong)
      let refusal = #expect(throws: KeyBackEndError.self) { try TPMBackEnd(stranger).checkHealth() }
      guard case .authorisation = refusal else {
        Issue.record("\(String(describing: refusal)) for a wrong owner")
        return
      }
      stranger.close()
    }
  }

  @Test("serves four threads")
  func threads() async throws {
    let simulator = try TPMSimulator()
    let backEnd = TPMBackEnd(try simulator.connection())
    let keys = try (0..<2).map { try backEnd.generate($0 == 0 ? .p256 : .p384, label: "threads") }
    let signed = try await withThrowingTaskGroup(of: Int.self) { group in
      for thread in 0..<4 {
        group.addTask {
          var signed = 0
          for round in 0..<25 {
            let key = keys[(thread + round) % 2]
            let content = SigningPayload.Content.message([UInt8(thread), UInt8(round)])
            if try Self.isSignature(backEnd.sign(content, with: key), over: content, by: key) { signed += 1 }
          }
          return signed
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(signed == 100)
  }

  @Test(
    "tells how fast it signs",
    .enabled(if: ProcessInfo.processInfo.environment["RATES"] != nil, "RATES is not set"))
  func rates() throws {
    let simulator = try TPMSimulator()
    for authorisation in [nil, "secret"] {
      let connection = try simulator.connection(key: authorisation)
      let backEnd = TPMBackEnd(connection)
      for suite in [KeySuite.p256, .p384] {
        let key = try backEnd.generate(suite, label: "rates")
        _ = try backEnd.sign(.digest(Self.digest), with: key)
        let times = try (0..<1_000).map { _ in
          try ContinuousClock().measure { _ = try backEnd.sign(.digest(Self.digest), with: key) }
        }.sorted()
        let rate = Int(1_000 / (times.reduce(.zero, +) / .seconds(1)))
        print(
          "TPM \(suite.rawValue), \(authorisation == nil ? "no " : "")authorisation: \(rate) signatures a second,",
          "p50 \(times[500]), p99 \(times[990])")
      }
      connection.close()
    }
  }
}
