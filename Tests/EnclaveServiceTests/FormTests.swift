import Attestation
import EnclaveService
import Enclaves
import Encodings
import Messages
import Testing
import WireBytes

/// What goes over the socket and into the log: one encoding, and nothing else is read.
@Suite(
  "An enclave's answers as bytes",
  .enabled(if: FixedProgram.library != nil, Comment(rawValue: FixedProgram.absence)))
struct FormTests {
  private static func answers() throws -> (registration: EnclaveRegistration, answer: CaseAnswer) {
    let folder = try Folder()
    let clock = Clock()
    let enclave = try Enclave(
      Bench.configuration(folder),
      workload: Bench.cases(FixedProgram.wasm(replies: #"[{"to":0,"body":"AAEC"}]"#)),
      platform: SimulatedPlatform(folder: folder.path, clock: clock.reading), clock: clock.reading)
    let registration = try enclave.rotate(Bench.anchor())
    let replyKey = try EphemeralSealingKey(.x25519).publicKey
    let bytes = try enclave.compute(try Bench.job(1, bodies: [[1]], for: registration, replyTo: replyKey))
    return (registration, try Read.answer(bytes))
  }

  @Test("are read as they were written")
  func whole() throws {
    let (registration, answer) = try Self.answers()
    let first = registration.encoded()
    #expect(try EnclaveRegistration(decoding: first.span) == registration)
    let second = answer.encoded()
    #expect(try Read.answer(second) == answer)
    #expect(answer.replies.count == 1)
  }

  @Test("are refused when they are cut, longer, or out of order")
  func strict() throws {
    let (registration, answer) = try Self.answers()
    for whole in [registration.encoded(), answer.encoded()] {
      for count in 0..<whole.count {
        let cut = [UInt8](whole.prefix(count))
        #expect(throws: EnclaveAnswerError.self) { try EnclaveRegistration(decoding: cut.span) }
        // An answer without its last replies is one, with another root than its receipt has.
        if let shorter = try? Read.answer(cut) {
          let root = try SealedReply.root(shorter.replies)
          #expect(root != shorter.receipt.replies)
        }
      }
      let longer = whole + [0]
      #expect(throws: EnclaveAnswerError.self) { try Read.answer(longer) }
      #expect(throws: EnclaveAnswerError.self) { try EnclaveRegistration(decoding: longer.span) }
    }
    // Field 2 before field 1.
    let signature: [UInt8] = [0x12, 1, 7]
    let swapped = signature + answer.encoded()
    #expect(throws: EnclaveAnswerError.self) { try Read.answer(swapped) }
  }

  @Test("never trap when a bit of them is another")
  func flips() throws {
    let (registration, answer) = try Self.answers()
    for whole in [registration.encoded(), answer.encoded()] {
      for index in whole.indices {
        var changed = whole
        changed[index] ^= 1 << UInt8(index % 8)
        _ = try? EnclaveRegistration(decoding: changed.span)
        _ = try? Read.answer(changed)
        _ = try? SignedTransition(decoding: changed.span)
        _ = try? FollowedBlock(decoding: changed.span)
        _ = try? FollowPolicy(decoding: changed)
      }
    }
  }

  @Test("tell of the status what was said")
  func status() throws {
    let identity = EnclaveIdentity(program: Bytes32 { UInt8($0) }, policy: Bytes32 { UInt8(255 - $0) })
    let followed = try FollowedState(
      chainID: "demo-1", height: 7, header: Bytes32(), nextValidators: Bytes32(), seconds: 1, nanoseconds: 2)
    let status = EnclaveStatus(
      platform: "tpm", isSimulated: false, identity: identity, epoch: 3, answers: 4, sequence: 5,
      registrations: [.init(id: Bytes32(), sequence: 5, issued: 6, expires: 7)], followed: followed,
      failed: true)
    #expect(EnclaveStatus(json: status.json) == status)
    #expect(EnclaveStatus(json: .null) == nil)
    #expect(EnclaveStatus(json: ["schema": "causeway-enclave-status/2"]) == nil)
  }
}
