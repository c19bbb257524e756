import Foundation
import KeyVault
import Secrets
import SigningRules
import TPMAccess
import TestSupport
import Testing
import WireBytes

@Suite(
  "TPM seals and counters", .serialized,
  .enabled(if: TPMSimulator.isInstalled, "swtpm is not installed: no TPM to test with"))
struct TPMSealTests {
  static let secret = (0..<32).map { UInt8($0 * 3) }

  private static func bytes(_ secret: borrowing SecretBytes) -> [UInt8] {
    secret.withSpan { [UInt8](copying: $0) }
  }
  private static func secret(_ bytes: [UInt8]) -> SecretBytes { SecretBytes(copying: bytes.span) }

  @Test("gives back 1 to 128 bytes, after a restart too", arguments: [1, 32, 127, 128])
  func roundTrip(count: Int) throws {
    let simulator = try TPMSimulator()
    let seal = TPMSeal(try simulator.connection())
    let secret = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 5) }
    let registers = try #require(TPMRegisters([7, 16]))
    let plain = try seal.seal(Self.secret(secret), registers: try #require(TPMRegisters([])))
    let bound = try seal.seal(Self.secret(secret), registers: registers)
    let guarded = try seal.seal(
      Self.secret(secret), registers: registers, authorisation: TPMSimulator.secret("pin"))
    for _ in 0..<2 {
      #expect(Self.bytes(try seal.unseal(plain)) == secret)
      #expect(Self.bytes(try seal.unseal(bound)) == secret)
      #expect(Self.bytes(try seal.unseal(guarded, authorisation: TPMSimulator.secret("pin"))) == secret)
      try simulator.restart()
    }
    for blob in [plain, bound, guarded] { #expect(blob.count <= TPMSeal.blobSizeMax) }
  }

  @Test("seals neither nothing nor more than 128 bytes")
  func lengths() throws {
    let simulator = try TPMSimulator()
    let seal = TPMSeal(try simulator.connection())
    let registers = try #require(TPMRegisters([]))
    for count in [0, 129, 1_000] {
      let secret = Self.secret([UInt8](repeating: 1, count: count))
      #expect(throws: TPMSealError.secretLength(count)) { try seal.seal(secret, registers: registers) }
    }
    #expect(TPMRegisters([24]) == nil)
    #expect(TPMRegisters([-1]) == nil)
  }

  @Test("does not open when a register has changed, until it is as it was")
  func registers() throws {
    let simulator = try TPMSimulator()
    let seal = TPMSeal(try simulator.connection())
    let blob = try seal.seal(Self.secret(Self.secret), registers: try #require(TPMRegisters([7, 16])))
    let elsewhere = try seal.seal(Self.secret(Self.secret), registers: try #require(TPMRegisters([7])))
    try seal.extend(register: 16, with: Bytes32(bigEndian: 1))
    // TPM_RC_POLICY_FAIL of the first session.
    #expect(throws: TPMSealError.registersChanged(code: 0x99d)) { _ = try seal.unseal(blob) }
    #expect(Self.bytes(try seal.unseal(elsewhere)) == Self.secret)
    let late = try seal.seal(Self.secret(Self.secret), registers: try #require(TPMRegisters([16])))
    #expect(Self.bytes(try seal.unseal(late)) == Self.secret)
    try simulator.restart()
    #expect(Self.bytes(try seal.unseal(blob)) == Self.secret)
    #expect(throws: TPMSealError.registersChanged(code: 0x99d)) { _ = try seal.unseal(late) }
  }

  @Test("does not open for a wrong authorisation, for none, or in another TPM")
  func strangers() throws {
    let (simulator, other) = (try TPMSimulator(), try TPMSimulator())
    let seal = TPMSeal(try simulator.connection())
    for registers in [try #require(TPMRegisters([])), try #require(TPMRegisters([7]))] {
      let blob = try seal.seal(
        Self.secret(Self.secret), registers: registers, authorisation: TPMSimulator.secret("right"))
      let refusal = #expect(throws: TPMSealError.self) {
        _ = try seal.unseal(blob, authorisation: TPMSimulator.secret("wrong"))
      }
      guard case .device(.authorisation) = refusal else {
        Issue.record("\(String(describing: refusal)) for a wrong authorisation")
        return
      }
      #expect(throws: TPMSealError.authorisationWanted(true)) { _ = try seal.unseal(blob) }
      #expect(Self.bytes(try seal.unseal(blob, authorisation: TPMSimulator.secret("right"))) == Self.secret)
      let stranger = TPMSeal(try other.connection())
      #expect(throws: TPMSealError.device(.missing)) {
        _ = try stranger.unseal(blob, authorisation: TPMSimulator.secret("right"))
      }
      let open = try seal.seal(Self.secret(Self.secret), registers: registers)
      #expect(throws: TPMSealError.authorisationWanted(false)) {
        _ = try seal.unseal(open, authorisation: TPMSimulator.secret("right"))
      }
    }
  }

  @Test("opens the encrypted file without a passphrase, as long as the machine starts as it did")
  func fileKey() throws {
    let simulator = try TPMSimulator()
    let seal = TPMSeal(try simulator.connection())
    let path = simulator.directory.appendingPathComponent("secrets.vault").path
    let made = SecretBytes(random: 32)
    let blob = try seal.seal(made, registers: try #require(TPMRegisters([7, 16])))
    let key: BackEndKey
    do {
      let file = try FileBackEnd.create(path: path, domain: .operator, passphrase: made, cost: .least)
      key = try file.generate(.ed25519, label: "sealed")
    }
    try simulator.restart()
    let opened = try FileBackEnd.open(path: path, domain: .operator, passphrase: try seal.unseal(blob))
    #expect(opened.keys.map(\.id) == [key.id])
    try seal.extend(register: 16, with: Bytes32(bigEndian: 3))
    #expect(throws: TPMSealError.registersChanged(code: 0x99d)) { _ = try seal.unseal(blob) }
  }

  @Test("refuses every shorter and changed blob")
  func blobs() throws {
    let simulator = try TPMSimulator()
    let seal = TPMSeal(try simulator.connection())
    let blob = try seal.seal(Self.secret(Self.secret), registers: try #require(TPMRegisters([7])))
    let isRefused = { (blob: [UInt8]) -> Bool in
      do {
        _ = try seal.unseal(blob)
        return false
      } catch { return true }
    }
    for count in 0..<blob.count { #expect(isRefused([UInt8](blob.prefix(count)))) }
    #expect(isRefused(blob + [0]))
    for bit in 0..<(blob.count * 8) {
      var changed = blob
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(isRefused(changed), "bit \(bit)")
    }
    #expect(Self.bytes(try seal.unseal(blob)) == Self.secret)
  }

  @Test("leaves no object and no session behind in a hundred rounds")
  func rounds() throws {
    let simulator = try TPMSimulator()
    let connection = try simulator.connection()
    let seal = TPMSeal(connection)
    let registers = try #require(TPMRegisters([16]))
    let first = try seal.seal(Self.secret(Self.secret), registers: registers)
    try seal.extend(register: 16, with: Bytes32(bigEndian: 2))
    for _ in 0..<50 {
      let blob = try seal.seal(Self.secret(Self.secret), registers: registers)
      _ = try seal.unseal(blob)
      #expect(throws: TPMSealError.self) { _ = try seal.unseal(first) }
    }
    connection.close()
    if TPMSimulator.hasTools { #expect(try simulator.run("tpm2_getcap", "handles-transient").isEmpty) }
  }

  @Test("a counter only goes up: over restarts, and when it is made anew", arguments: [nil, "pin"])
  func counter(authorisation: String?) throws {
    let simulator = try TPMSimulator()
    let connection = try simulator.connection()
    let counter = try TPMCounter(
      connection, index: 0x0142_4300, authorisation: authorisation.map(TPMSimulator.secret))
    #expect(throws: TPMCounterError.device(.missing)) { try counter.read() }
    let first = try counter.define()
    #expect(try counter.read() == first)
    for step in 1...5 as ClosedRange<UInt64> { #expect(try counter.increment() == first + step) }
    try simulator.restart()
    #expect(try counter.read() == first + 5)
    try simulator.restart()
    #expect(try counter.increment() == first + 6)
    // TPM_RC_NV_DEFINED.
    #expect(throws: TPMCounterError.device(.refused(code: 0x14c))) { try counter.define() }
    try counter.undefine()
    #expect(throws: TPMCounterError.device(.missing)) { try counter.read() }
    #expect(try counter.define() > first + 6)
  }

  @Test("a counter is not read or raised by a wrong authorisation, and nothing else is taken for one")
  func otherIndices() throws {
    let simulator = try TPMSimulator()
    let connection = try simulator.connection()
    let counter = try TPMCounter(connection, index: 0x0142_4301, authorisation: TPMSimulator.secret("right"))
    _ = try counter.define()
    let wrong = try TPMCounter(connection, index: 0x0142_4301, authorisation: TPMSimulator.secret("wrong"))
    let refusal = #expect(throws: TPMCounterError.self) { try wrong.increment() }
    guard case .device(.authorisation) = refusal else {
      Issue.record("\(String(describing: refusal)) for a wrong authorisation")
      return
    }
    // Without one it would be another kind of index.
    #expect(throws: TPMCounterError.otherIndex) { try TPMCounter(connection, index: 0x0142_4301).read() }
    #expect(throws: TPMCounterError.index(0x0400_0000)) { try TPMCounter(connection, index: 0x0400_0000) }
    if TPMSimulator.hasTools {
      connection.close()
      try simulator.run("tpm2_nvdefine", "0x1424302", "-C", "o", "-s", "8", "-a", "authread|authwrite|no_da")
      #expect(throws: TPMCounterError.otherIndex) { try TPMCounter(connection, index: 0x0142_4302).read() }
    }
  }
}
