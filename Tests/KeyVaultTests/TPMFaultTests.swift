import Foundation
import KeyVault
import SigningRules
import TPMAccess
import TestSupport
import Testing
import WireBytes

@Suite(
  "TPM faults", .serialized,
  .enabled(if: TPMSimulator.isInstalled, "swtpm is not installed: no TPM to test with"))
struct TPMFaultTests {
  static let content = SigningPayload.Content.digest(Bytes32(bigEndian: 7))

  struct Bench {
    let interposer: TPMInterposer
    let connection: TPMConnection
    let backEnd: TPMBackEnd
    let key: BackEndKey

    init() throws {
      interposer = try TPMInterposer(TPMSimulator())
      connection = TPMConnection(try TPMConfiguration(transport: interposer.transport))
      backEnd = TPMBackEnd(connection)
      key = try backEnd.generate(.p256, label: "faults")
      _ = try backEnd.sign(TPMFaultTests.content, with: key)
    }

    func signs() throws {
      let signature = try backEnd.sign(TPMFaultTests.content, with: key)
      try SignatureCheck.check(
        signature, over: TPMFaultTests.content, recoverable: false, suite: .p256, publicKey: key.publicKey)
    }

    func refusal() -> KeyBackEndError? {
      do throws(KeyBackEndError) {
        _ = try backEnd.sign(TPMFaultTests.content, with: key)
        return nil
      } catch { return error }
    }
  }

  @Test("asks a busy TPM again, a bounded number of times", arguments: [0x922, 0x908, 0x90a] as [UInt32])
  func busy(code: UInt32) throws {
    let bench = try Bench()
    bench.interposer.treat(TPMInterposer.sign, .answer(TPMInterposer.response(code: code)))
    #expect(bench.refusal() == .unavailable(code: UInt64(code)))
    // Six tries of ours, in each of which tpm2-tss asks again a few times.
    #expect((6...60).contains(bench.interposer.count(TPMInterposer.sign)))
    bench.interposer.treat { _ in .forward }
    try bench.signs()
  }

  @Test("does not try a refused authorisation twice", arguments: [0x98e, 0x9a2, 0x921] as [UInt32])
  func authorisation(code: UInt32) throws {
    let bench = try Bench()
    bench.interposer.treat(TPMInterposer.sign, .answer(TPMInterposer.response(code: code)))
    #expect(bench.refusal() == .authorisation(code: UInt64(code)))
    #expect(bench.interposer.count(TPMInterposer.sign) == 1)
    bench.interposer.treat(TPMInterposer.sign, .answer(TPMInterposer.response(code: 0x1d5)))
    #expect(bench.refusal() == .refused(code: 0x1d5))
    #expect(bench.interposer.count(TPMInterposer.sign) == 1)
  }

  @Test("opens a lost connection again, and gives up when it is lost each time")
  func lost() throws {
    let bench = try Bench()
    bench.interposer.treat(TPMInterposer.sign, .dropBefore)
    guard case .unavailable = bench.refusal() else {
      Issue.record("\(String(describing: bench.refusal())) for a lost connection")
      return
    }
    #expect((2...4).contains(bench.interposer.count(TPMInterposer.sign)))
    bench.interposer.treat { _ in .dropBefore }
    guard case .unavailable = bench.refusal() else {
      Issue.record("\(String(describing: bench.refusal())) for a TPM that answers nothing")
      return
    }
    bench.interposer.treat { _ in .forward }
    try bench.signs()
  }

  @Test("lets no signature out that does not verify")
  func lies() throws {
    let bench = try Bench()
    bench.interposer.treat(
      TPMInterposer.sign,
      .change { answer in
        var changed = answer
        // The last byte of s, which stands before the five bytes of the authorisation's answer.
        changed[changed.count - 6] ^= 1
        return changed
      })
    #expect(bench.refusal() == .invalidSignature)
    bench.interposer.treat { _ in .forward }
    try bench.signs()
  }

  @Test("takes any answer without trapping, and comes back")
  func garbage() throws {
    let bench = try Bench()
    let seed = UInt64(ProcessInfo.processInfo.environment["SEED"] ?? "") ?? 20_261_121
    for round in 0..<150 as Range<UInt64> {
      bench.interposer.treat(
        TPMInterposer.sign,
        .change { answer in
          var state = (seed &+ round) &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
          }
          var changed = answer
          for _ in 0...next(3) { changed[next(changed.count)] = [0, 1, 0x7f, 0x80, 0xff][next(5)] }
          if next(4) == 0 { changed = [UInt8](changed.prefix(next(changed.count + 1))) }
          return changed
        })
      if let signature = try? bench.backEnd.sign(Self.content, with: bench.key) {
        try SignatureCheck.check(
          signature, over: Self.content, recoverable: false, suite: .p256, publicKey: bench.key.publicKey)
      }
    }
    bench.interposer.treat { _ in .forward }
    try bench.signs()
  }

  @Test("says that a counter may have been raised, when its answer was lost, and does not raise it twice")
  func counter() throws {
    let bench = try Bench()
    let counter = try TPMCounter(bench.connection, index: 0x0142_4310)
    let value = try counter.define()
    bench.interposer.treat(TPMInterposer.increment, .dropAfter)
    #expect(throws: TPMCounterError.undecided) { try counter.increment() }
    #expect(bench.interposer.count(TPMInterposer.increment) == 1)
    #expect(try counter.read() == value + 1)
    bench.interposer.treat(TPMInterposer.increment, .dropBefore)
    #expect(throws: TPMCounterError.undecided) { try counter.increment() }
    #expect(bench.interposer.count(TPMInterposer.increment) == 1)
    #expect(try counter.read() == value + 1)
    bench.interposer.treat { _ in .forward }
    #expect(try counter.increment() == value + 2)
  }
}
