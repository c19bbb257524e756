import Attestation
import ChainAccess
import ContractHost
import CoordinatorService
import Devnet
import Enclaves
import Foundation
import Ledger
import LedgerService
import LightClients
import Messages
import Settlement
import TestSupport
import Testing
import WireBytes

/// A devnet with an enclave on an emulated TPM, in this process but for the enclave and the TPM.
private struct EnclaveTrial {
  let net: Devnet
  let side: EnclaveSide

  static let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("causeway-enclave").path

  /// Why there can be none here; nil when there can.
  static let missing: String? = {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let hasEmulator = path.split(separator: ":").contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/swtpm")
    }
    guard hasEmulator else { return "swtpm is not installed: run script/setup" }
    guard ContractBinaries.wasm("auction") != nil else { return ContractBinaries.absence }
    guard (try? WasmtimeLibrary.find()) != nil else { return "wasmtime is absent: run script/setup" }
    guard FileManager.default.isExecutableFile(atPath: executable) else {
      return "\(executable) is not built"
    }
    return nil
  }()

  static func run(_ body: (EnclaveTrial) async throws -> Void) async throws {
    var options = DevnetFolder.options
    var enclave = EnclaveOptions(
      program: ContractBinaries.directory.appendingPathComponent("auction.wasm").path)
    enclave.executable = executable
    options.enclave = enclave
    try await DevnetFolder().run(options) { net in
      try await body(EnclaveTrial(net: net, side: try #require(await net.enclave)))
    }
  }

  func now() async throws -> UInt64 { UInt64(try await net.harbor.head().time.seconds) }

  func value(_ key: [UInt8]) async throws -> [UInt8]? {
    let version = try await net.harbor.head().height
    return try await net.harbor.values(of: [key], at: version, proven: false).first?.value
  }

  func record(_ id: Bytes32) async throws -> CaseRecord {
    try CaseRecord(decoding: try #require(try await value(CaseKeys.record(id))))
  }

  func send(_ message: SettlementMessage, by user: String) async throws -> TransactionResult {
    let sender = try #require(await net.sender(user, on: "harbor"))
    return try await sender.send([message.ledgerMessage], gasLimit: 50_000_000).result
  }

  /// Opens a case that closes and expires so many seconds from now, and waits until an enclave was chosen.
  func open(closes: UInt64, expires: UInt64) async throws -> (id: Bytes32, keys: EnclaveKeys) {
    let time = try await now()
    let key = side.coordinator.key
    let terms = CaseTerms(
      program: side.program, policy: side.policy.hash, attestationPolicy: side.attestationPolicy.hash,
      coordinatorSuite: key.suite.rawValue, coordinatorKey: key.bytes, closes: time + closes,
      expires: time + expires,
      maximumInputs: 8, accepts: [Coin(UInt256(UInt64(1)), try Denom("uharbor"))])
    let result = try await send(.openCase(sender: try await net.address("alice"), terms), by: "alice")
    let answers = try TransactionAnswers(decoding: result.payload).answers
    guard case .opened(let id, _) = try SettlementAnswer(decoding: try #require(answers.first)) else {
      throw EnclaveSideError.coordinator(code: "notOpened")
    }
    for _ in 0..<200 {
      if let registration = try await side.coordinator.registration(for: id),
        let bytes = try await value(SettlementKeys.registration(registration))
      {
        return (id, try RegistrationRecord(decoding: bytes).keys)
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw EnclaveSideError.coordinator(code: "noEnclave")
  }

  /// Seals an order, records it, and hands it over.
  func order(_ body: String, of user: String, coins: UInt64, in id: Bytes32, to keys: EnclaveKeys)
    async throws
    -> (envelope: SealedEnvelope, reply: EphemeralSealingKey)
  {
    let account = try await net.address(user)
    let reply = try EphemeralSealingKey(.x25519)
    let envelope = try SealedEnvelope(
      sealing: SealedInput(
        reply: reply.publicKey, body: [UInt8](body.utf8), salt: Bytes32 { _ in .random(in: 0...255) }),
      to: keys, case: id,
      sender: InteroperableAddress(domain: DomainID("cosmos:harbor-1"), address: account.bytes), nonce: 1,
      expires: try await now() + 600)
    let coin = Coin(UInt256(coins), try Denom("uharbor"))
    _ = try await send(
      .submit(sender: account, case: id, commitment: envelope.commitment, nonce: 1, coins: [coin]), by: user)
    try await side.coordinator.take(envelope.encoded())
    return (envelope, reply)
  }

  /// Waits until the ledger says so, for a minute at most.
  func wait(for status: CaseRecord.Status, of id: Bytes32) async throws -> CaseRecord {
    for _ in 0..<600 {
      let record = try await record(id)
      if record.status == status { return record }
      try await Task.sleep(for: .milliseconds(100))
    }
    return try await record(id)
  }
}

@Suite(
  "An enclave in a devnet", .serialized, .timeLimit(.minutes(10)),
  .enabled(if: EnclaveTrial.missing == nil, Comment(rawValue: EnclaveTrial.missing ?? "")))
struct EnclaveTests {
  @Test(
    "sealed orders are computed on an emulated TPM's word, and settle once; replies are for their senders alone"
  )
  func auction() async throws {
    try await EnclaveTrial.run { trial in
      let (id, keys) = try await trial.open(closes: 4, expires: 300)
      let orders = [
        try await trial.order(#"{"ask":"30","denom":"uharbor"}"#, of: "carol", coins: 5, in: id, to: keys),
        try await trial.order(#"{"bid":"71"}"#, of: "alice", coins: 100, in: id, to: keys),
        try await trial.order(#"{"bid":"64"}"#, of: "bob", coins: 90, in: id, to: keys),
      ]
      let record = try await trial.wait(for: .settled, of: id)
      let cases = try await trial.side.coordinator.cases()
      #expect(record.status == .settled, "\(cases)")
      let escrow = try await trial.net.harbor.balances(of: SettlementModule.escrow(of: id))
      #expect(escrow.isEmpty)
      let result = try SettledResult(decoding: try #require(try await trial.value(SettlementKeys.result(id))))
      let paid = result.update.payouts.map { $0.coins.first?.amount.asUInt64 ?? 0 }
      // Carol: the price; Alice: 100 less the price, with the 5 that were sold; Bob: all of it.
      #expect(paid == [64, 100 - 64 + 5, 90])
      // Each reply opens with its own key alone.
      var replies: [SealedReply] = []
      for _ in 0..<100 where replies.isEmpty {
        replies = try await (trial.side.coordinator.replies(of: id) ?? []).map {
          try SealedReply(decoding: $0)
        }
        if replies.isEmpty { try await Task.sleep(for: .milliseconds(100)) }
      }
      #expect(replies.count == 3)
      for (owner, order) in orders.enumerated() {
        for (place, reply) in replies.enumerated() {
          let opened = try? reply.open(
            with: order.reply, registration: keys.registration, case: id,
            commitment: order.envelope.commitment)
          #expect((opened != nil) == (owner == place))
        }
      }
    }
  }

  @Test("an enclave that was killed comes back with other keys; what was sealed to the old ones goes back")
  func killed() async throws {
    try await EnclaveTrial.run { trial in
      let (id, keys) = try await trial.open(closes: 4, expires: 12)
      _ = try await trial.order(#"{"bid":"71"}"#, of: "alice", coins: 100, in: id, to: keys)
      let process = try #require(await trial.side.process())
      #expect(kill(process, SIGKILL) == 0)
      let record = try await trial.wait(for: .reclaimed, of: id)
      let cases = try await trial.side.coordinator.cases()
      #expect(record.status == .reclaimed, "\(cases)")
      #expect(try await trial.net.harbor.balances(of: SettlementModule.escrow(of: id)).isEmpty)
      // The next case is the new keys'.
      let (next, fresh) = try await trial.open(closes: 4, expires: 300)
      #expect(fresh.registration != keys.registration && fresh.sequence > keys.sequence)
      _ = try await trial.order(#"{"bid":"71"}"#, of: "alice", coins: 100, in: next, to: fresh)
      #expect(try await trial.wait(for: .settled, of: next).status == .settled)
    }
  }
}
