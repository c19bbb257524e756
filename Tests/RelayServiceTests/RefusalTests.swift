import Gate
import Ledger
import Messages
import PacketHost
import RelayEngine
import RelayService
import Testing
import WireBytes

/// One refusal of the ledger, as its result tells it, with what follows from it.
@Suite("Refusals of the ledger, as a relayer takes them")
struct RefusalTests {
  private static let height = Height(revision: 1, 7)
  private static let moment = UnixTime(seconds: 9)

  /// Inside a packet message, and by itself as an update.
  private static func client(_ refusal: ClientRefusal) -> TransactionRefusal {
    .message(index: 2, .packet(.client(refusal)))
  }

  private static func packet(_ refusal: PacketRefusal) -> TransactionRefusal {
    .message(index: 2, .packet(refusal))
  }

  static func transactions() throws -> [(TransactionRefusal, FailureClass)] {
    let denom = try Denom("ucause")
    let account = AccountAddress(module: "fees")
    let coin = Coin(UInt256(UInt64(1)), denom)
    return [
      (.form(.tooLarge(max: 1, actual: 2)), .split), (.form(.messageCount(max: 1, actual: 2)), .split),
      (.timeoutHeight(last: 1, height: 2), .retryLater), (.gasLimit(max: 1, actual: 2), .split),
      (.blockGas(left: 1, wanted: 2), .retryLater), (.fee(needed: coin, offered: .zero), .retryLater),
      (.feeDenom(denom), .retryLater), (.accountUnknown(account), .retryLater),
      (.sequence(expected: 1, actual: 2), .retryLater), (.sequenceExhausted, .retryLater),
      (.feePayment(.insufficientFunds(account, available: .zero, wanted: coin)), .retryLater),
      (.outOfGas(GasMeter.OutOfGas(limit: 1, wanted: 2)), .split), (.known, .alreadyDone),
      (.mempoolFull(max: 1), .retryLater), (.mempoolSender(max: 1), .retryLater),
      (.execution(.depth(max: 8)), .hopeless), (.execution(.valueEmpty), .hopeless),
    ]
  }

  static func messages() throws -> [(TransactionRefusal, FailureClass)] {
    let id = try ClientID("client-0")
    let membership = MembershipError.pathNotListed
    return [
      (.message(index: 2, .typeUnknown("/x")), .hopeless),
      (.message(index: 2, .packetForm(.tooManyPayloads(max: 1))), .hopeless),
      (packet(.counterpartyUnknown(id)), .hopeless),
      (packet(.counterpartyMismatch(expected: id, actual: id)), .hopeless),
      (packet(.timeoutElapsed(timeout: moment, now: moment)), .deadlinePassed),
      (packet(.timeoutNotReached(timeout: moment, proven: moment)), .waitHeight),
      (packet(.commitmentMismatch(stored: Bytes32(), given: Bytes32())), .hopeless),
      (packet(.acknowledgementCount(payloads: 1, results: 2)), .hopeless),
      (packet(.portUnknown(.transfer)), .hopeless), (packet(.packet(.sequenceZero)), .hopeless),
      (packet(.application(ApplicationRefusal(port: .transfer, code: "amount"))), .hopeless),
      (client(.clientUnknown(id)), .hopeless), (client(.frozen(height)), .laneShut),
      (client(.expired(at: moment)), .laneShut), (client(.conflict(height)), .laneShut),
      (client(.noHeight), .refreshClient), (client(.proofReference(length: 1)), .refreshClient),
      (client(.evidenceUnknown(Bytes32())), .refreshClient),
      (client(.heightMismatch(expected: height, actual: height)), .refreshClient),
      (client(.heightUnknown(height)), .refreshClient),
      (client(.heightExpired(height, at: moment)), .refreshClient),
      (client(.heightForgotten(height, floor: height)), .refreshClient),
      (client(.rootUnknown(height)), .refreshClient), (client(.timeUnknown(height)), .refreshClient),
      (client(.membership(membership)), .retryLater),
      (client(.membership(.valueMismatch(stored: Bytes32()))), .retryLater),
      (client(.membership(.present(stored: Bytes32()))), .retryLater),
      (client(.gate(.attestation(.quorum(required: 3, signed: 2)))), .retryLater),
      (client(.gate(.attestation(.tooOld(ageSeconds: 2, max: 1)))), .refreshClient),
      (client(.gate(.attestation(.fromFuture(aheadSeconds: 2, max: 1)))), .waitHeight),
      (client(.gate(.attestation(.tooManyEntries(max: 1, actual: 2)))), .split),
      (client(.gate(.part(1, .attestation(.quorum(required: 3, signed: 2))))), .retryLater),
      (client(.gate(.cometBFT(.untrustedHeight(revision: 1, height: 2)))), .refreshClient),
      (client(.gate(.cometBFT(.notEnoughTrust(signed: 1, needed: 2)))), .refreshClient),
      (client(.gate(.cometBFT(.noTrustedValidators))), .refreshClient),
      (client(.gate(.expired(at: moment))), .laneShut), (client(.gate(.frozen(nil))), .laneShut),
    ]
  }

  @Test("as a whole belong to no message")
  func ofTransactions() throws {
    for (refusal, meant) in try Self.transactions() {
      let told = TransactionResult(refusal, gasWanted: 1, gasUsed: 1, events: [])
      let (part, code) = RefusalReading.read(
        codespace: told.codespace, number: told.code, log: told.log, updatesClient: true)
      #expect(part == .transaction, "\(code)")
      #expect(code == refusal.name)
      #expect(FailureClass(code: code) == meant, "\(code)")
    }
  }

  @Test("of a message name it, the update apart", arguments: [true, false])
  func ofMessages(updatesClient: Bool) throws {
    for (refusal, meant) in try Self.messages() {
      let told = TransactionResult(refusal, gasWanted: 1, gasUsed: 1, events: [])
      let (part, code) = RefusalReading.read(
        codespace: told.codespace, number: told.code, log: told.log, updatesClient: updatesClient)
      #expect(part == .message(updatesClient ? 1 : 2), "\(code)")
      #expect(code == refusal.name)
      #expect(FailureClass(code: code) == meant, "\(code)")
    }
    let update = TransactionRefusal.message(index: 0, .client(.heightUnknown(Self.height)))
    let told = TransactionResult(update, gasWanted: 1, gasUsed: 1, events: [])
    let (part, _) = RefusalReading.read(
      codespace: told.codespace, number: told.code, log: told.log, updatesClient: updatesClient)
    #expect(part == (updatesClient ? .update : .message(0)))
  }

  @Test(
    "by numbers alone are read as the Cosmos SDK and ibc-go number them",
    arguments: [
      ("sdk", UInt32(32), FailureClass.retryLater), ("sdk", 11, .split), ("sdk", 20, .retryLater),
      ("sdk", 19, .alreadyDone), ("channelv2", 10, .deadlinePassed), ("channelv2", 13, .waitHeight),
      ("other", 3, .retryLater),
    ])
  func numbers(codespace: String, number: UInt32, meant: FailureClass) {
    let log = "failed to execute message; message index: 4: whatever it says: and more"
    let (part, code) = RefusalReading.read(
      codespace: codespace, number: number, log: log, updatesClient: true)
    #expect(part == .message(3))
    #expect(FailureClass(code: code) == meant)
  }

  @Test(
    "do not trap, whatever the log says",
    arguments: [
      "", ":", "a", "message(index: ", "message(index: 99999999999999999999, x", "message(index: -1,",
      "x: message(index: 999999", String(repeating: "é", count: 400),
      String(repeating: "a", count: 5_000) + ":",
    ])
  func hostile(log: String) {
    let (part, code) = RefusalReading.read(codespace: "x", number: 1, log: log, updatesClient: true)
    #expect(code == "x.1" || log.hasPrefix(code))
    #expect(part == .transaction || part == .message(999_998))
  }
}
