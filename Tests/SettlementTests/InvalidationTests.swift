import Attestation
import Digests
import Enclaves
import Ledger
import Messages
import PacketHost
import Settlement
import Testing
import WireBytes

/// A settled domain's state, with which one message can be tried on its own; what lies in it can be changed.
struct OpenState {
  let module: SettlementModule
  var memory: MemoryState
  let moment: BlockMoment

  init(_ ledger: SettlementLedger) throws {
    module = ledger.module
    let entries = try ledger.chain.state.range(from: [], until: nil, descending: false, limit: 10_000)
    memory = MemoryState(Dictionary(entries.map { ($0.key, $0.value) }) { first, _ in first })
    moment = BlockMoment(
      height: UInt64(ledger.chain.tip.height) + 1, time: UnixTime(seconds: try ledger.time))
  }

  /// Runs a message; its refusal, or nil.
  mutating func run(_ message: SettlementMessage) throws -> ModuleRefusal? {
    var context = HostContext(
      moment: moment, state: WorkingState(memory), gas: GasMeter(limit: 100_000_000))
    do { _ = try module.handle(message.encoded(), in: &context) } catch {
      guard case .failure(let refusal) = error else { throw error }
      return refusal
    }
    memory.apply(context.finish().state.changes)
    return nil
  }
}

@Suite("Ends of registrations")
struct InvalidationTests {
  /// The domain, with evidence in its state that its policy does not accept: what rules that have changed since, or roots
  /// that are not believed any more, would make of it.
  private static func fallen() throws -> (OpenState, SettlementLedger, TestEnclave, Bytes32) {
    let (ledger, enclave, id) = try SettleTests.closed()
    var state = try OpenState(ledger)
    let other = enclave.evidence(program: Bytes32 { _ in 0xdd })
    state.memory.apply([
      WrittenEntry(key: SettlementKeys.evidence(enclave.registration), value: other.encoded())
    ])
    return (state, ledger, enclave, id)
  }

  @Test("ends a registration whose evidence does not verify, by anybody, once, and keeps the reason")
  func ends() throws {
    var (state, ledger, enclave, _) = try Self.fallen()
    let id = enclave.registration
    let message = SettlementMessage.invalidateEnclave(
      sender: ledger.carol.address, registration: id, collateral: nil)
    #expect(try state.run(message) == nil)
    let bytes = try #require(state.memory.values[SettlementKeys.registration(id)])
    let record = try RegistrationRecord(decoding: bytes)
    #expect(record.status == .ended && record.ended == state.moment.time.seconds && record.linkCount == 2)
    let end = try RegistrationEnd(decoding: try #require(state.memory.values[SettlementKeys.end(id)]))
    #expect(String(decoding: end.reason, as: UTF8.self) == "attestation.simulated.program")
    let head = CustodyChain.head(of: [
      (.registration, record.content.encoded()), (.invalidated, end.encoded()),
    ])
    #expect(record.head == head)
    let again = try #require(try state.run(message))
    #expect(again.number == SettlementRefusal.registrationEnded(at: 0).code.number)
  }

  @Test("settles nothing by a registration that has ended")
  func settles() throws {
    var (state, ledger, enclave, id) = try Self.fallen()
    let work = try ledger.work(id, by: enclave, payouts: SettleTests.payouts(ledger))
    let message = try ledger.message(work)
    var before = state
    #expect(try before.run(message) == nil)
    let end = SettlementMessage.invalidateEnclave(
      sender: ledger.carol.address, registration: enclave.registration, collateral: nil)
    #expect(try state.run(end) == nil)
    let refusal = try #require(try state.run(message))
    #expect(
      refusal.text
        == "registrationEnded: \(SettlementRefusal.registrationEnded(at: state.moment.time.seconds))")
  }

  @Test("takes from newer collateral only what it says of the machine")
  func standing() throws {
    let about: [IntelRefusal] = [
      .revoked, .rootRevoked(at: 1), .revocation(.pck, .revoked(index: 0, at: 1)),
      .noLevel(.launch, component: 3, least: 5, actual: 4),
      .module(.current, .isvSVN(least: 3, actual: 2)), .quotingEnclave(.isvSVN(least: 8, actual: 7)),
      .policy(.advisory("INTEL-SA-00001")),
    ]
    for refusal in about { #expect(AttestationRefusal.intel(refusal).endsRegistrations, "\(refusal)") }
    let others: [IntelRefusal] = [
      .noRoot, .documentSignature(.tcbInfo), .outdated(.tcbInfo, secondsLate: 1),
      .notYetIssued(.quotingEnclaveIdentity, secondsEarly: 1),
      // The signer of old documents may be revoked: whoever sent them chose them.
      .revocation(.tcbInfo, .revoked(index: 0, at: 1)), .revocation(.pck, .expired(index: 0, secondsLate: 3)),
      .noLevel(.launch, component: nil, least: 0, actual: 4), .module(.launch, .absent),
      .policy(.evaluationNumber(.tcbInfo, least: 17, actual: 16)), .quoteSignature, .quotingEnclaveBinding,
      .certificationType(1), .documentKind(.tcbInfo, id: "SGX", version: 3, for: .tdx),
    ]
    for refusal in others { #expect(!AttestationRefusal.intel(refusal).endsRegistrations, "\(refusal)") }
    #expect(!AttestationRefusal.tooOld(ageSeconds: 2, maximum: 1).endsRegistrations)
    #expect(!AttestationRefusal.expired(AttestationLimit("TCB info", until: 1), secondsLate: 1).endsRegistrations)
  }
}
