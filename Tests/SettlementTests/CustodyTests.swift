import Attestation
import Enclaves
import Encodings
import Foundation
import Ledger
import LightClients
import MerkleProofs
import Messages
import Settlement
import TestSupport
import Testing
import WireBytes

extension SettlementLedger {
  /// The newest block whose header proves the state, as a light client takes it, and a reader of that state.
  func proving() throws -> (block: LedgerBlock, version: UInt64) {
    guard let last = history.last else { throw TestError.noBlock }
    let block = LedgerBlock(
      signedHeader: CometBFT.SignedHeader(header: last.block.header, commit: last.commit),
      validators: chain.tip.validators)
    return (block, UInt64(last.block.header.height) - 1)
  }

  /// The custody bundle of a case under the newest header.
  func bundle(of id: Bytes32, policy: EnclavePolicy?) async throws -> CustodyBundle {
    let (block, version) = try proving()
    let chain = chain
    return try await CustodyExport.bundle(of: id, domain: domain, block: block, policy: policy) {
      (keys: [[UInt8]]) async throws(QueryRefusal) -> [ProvenEntry] in
      var entries: [ProvenEntry] = []
      for key in keys {
        let answer = try chain.query(path: "store/ibc/key", request: key, at: version, prove: true)
        entries.append(
          ProvenEntry(value: answer.value.isEmpty ? nil : answer.value, proof: answer.proof))
      }
      return entries
    }
  }

  var trust: CustodyAudit.Trust {
    CustodyAudit.Trust(chainID: chain.rules.chainID, validatorsHash: chain.tip.validators.hash())
  }
}

@Suite("Custody bundles of a ledger")
struct CustodyTests {
  static let policy = try? EnclavePolicy(
    maximumInputs: 256, maximumInputSize: 65_536, gas: 100_000_000, ledger: nil)

  /// A settled case under a real enclave policy, and its bundle.
  static func settled() async throws -> (SettlementLedger, CustodyBundle) {
    let policy = try #require(policy)
    var (ledger, enclave, id) = try SettleTests.closed(enclavePolicy: policy.hash)
    let work = try ledger.work(id, by: enclave, payouts: SettleTests.payouts(ledger))
    let result = try ledger.run(ledger.message(work), by: ledger.bob)
    guard result.succeeded else { throw TestError.refused(result.log) }
    try ledger.advance()
    return (ledger, try await ledger.bundle(of: id, policy: policy))
  }

  @Test("exports a settled case that verifies offline, and reads again from its text")
  func settles() async throws {
    let (ledger, bundle) = try await Self.settled()
    let text = [UInt8](bundle.text.utf8)
    let again = try CustodyBundle(decoding: text)
    #expect(again == bundle)
    let report = CustodyAudit(trust: ledger.trust).walk(again)
    try report.verify()
    #expect(report.lines.map(\.step) == CustodyStep.allCases)
    #expect(report.lines.allSatisfy { $0.verdict == .holds })
    #expect(report.status == .settled)
    // The file for those who audit it elsewhere.
    if let path = ProcessInfo.processInfo.environment["WRITE_CUSTODY"] {
      try Data(text).write(to: URL(filePath: path))
      print("validators hash \(ledger.trust.validatorsHash)")
    }
  }

  @Test("exports open and reclaimed cases too")
  func others() async throws {
    var ledger = try SettlementLedger()
    let (_, policy) = try ledger.registered()
    let id = try ledger.opened(policy: policy)
    try ledger.submit(CaseTests.commitment("a"), coins: [ledger.coin(5)], to: id, by: ledger.alice)
    try ledger.advance()
    let open = CustodyAudit(trust: ledger.trust).walk(try await ledger.bundle(of: id, policy: nil))
    try open.verify()
    #expect(open.status == .open && open.lines.count == 5)
    try ledger.wait(until: try ledger.record(id).expires)
    try ledger.run(.reclaim(sender: ledger.carol.address, case: id), by: ledger.carol)
    try ledger.advance()
    let over = CustodyAudit(trust: ledger.trust).walk(try await ledger.bundle(of: id, policy: nil))
    try over.verify()
    #expect(over.status == .reclaimed)
    let unknown = Bytes32 { _ in 1 }
    let last = ledger
    await #expect(throws: CustodyExportError<QueryRefusal>.caseUnknown(unknown)) {
      try await last.bundle(of: unknown, policy: nil)
    }
  }

  @Test("exports no settled case without its enclave policy")
  func otherPolicy() async throws {
    var (ledger, enclave, id) = try SettleTests.closed()
    let work = try ledger.work(id, by: enclave, payouts: SettleTests.payouts(ledger))
    try ledger.run(ledger.message(work), by: ledger.bob)
    try ledger.advance()
    let policy = try #require(Self.policy)
    let expected = CustodyExportError<QueryRefusal>.enclavePolicy(
      expected: ledger.enclavePolicy, actual: policy.hash)
    let domain = ledger
    await #expect(throws: expected) { try await domain.bundle(of: id, policy: policy) }
  }

  @Test("names the link that was tampered with")
  func tampered() async throws {
    let (ledger, bundle) = try await Self.settled()
    let settlement = try #require(bundle.settlement)
    func walk(
      trust: CustodyAudit.Trust? = nil, opening: CaseOpening? = nil, inputs: [CaseInput]? = nil,
      _ change: CustodyBundle.Settlement? = nil
    ) throws -> CustodyFailure? {
      let changed = try CustodyBundle(
        domain: bundle.domain, block: bundle.block, record: bundle.record, opening: opening ?? bundle.opening,
        inputs: inputs ?? bundle.inputs, settlement: change ?? settlement)
      do { try CustodyAudit(trust: trust ?? ledger.trust).walk(changed).verify() } catch { return error }
      return nil
    }
    #expect(try walk() == nil)
    let stranger = CustodyAudit.Trust(chainID: "harbor-1", validatorsHash: Bytes32 { _ in 3 })
    #expect(try walk(trust: stranger)?.step == .block)
    let elsewhere = CustodyAudit.Trust(chainID: "island-1", validatorsHash: ledger.trust.validatorsHash)
    #expect(try walk(trust: elsewhere)?.step == .block)
    #expect(try walk(inputs: Array(bundle.inputs.reversed()))?.step == .inputs)
    #expect(try walk(inputs: Array(bundle.inputs.dropLast()))?.step == .inputs)
    let first = try #require(bundle.inputs.first)
    let other = try CaseInput(
      sender: first.sender, nonce: first.nonce + 1, commitment: first.commitment, coins: first.coins)
    // Only the custody chain knows of senders and nonces.
    #expect(try walk(inputs: [other] + bundle.inputs.dropFirst())?.step == .chain)
    func settled(
      token: CustodyBundle.Signed<Token>? = nil, receipt: CustodyBundle.Signed<Receipt>? = nil,
      update: Update? = nil, evidence: AttestationEvidence? = nil
    ) -> CustodyBundle.Settlement {
      CustodyBundle.Settlement(
        registration: settlement.registration, end: nil, evidence: evidence ?? settlement.evidence,
        attestationPolicy: settlement.attestationPolicy, enclavePolicy: settlement.enclavePolicy,
        token: token ?? settlement.token, receipt: receipt ?? settlement.receipt,
        update: update ?? settlement.update)
    }
    var signature = settlement.token.signature
    signature[5] ^= 1
    #expect(
      try walk(settled(token: .init(settlement.token.value, signature: signature)))?.step == .token)
    signature = settlement.receipt.signature
    signature[5] ^= 1
    #expect(
      try walk(settled(receipt: .init(settlement.receipt.value, signature: signature)))?.step == .receipt)
    let update = try Update(
      payouts: settlement.update.payouts, stateBefore: settlement.update.stateBefore,
      stateAfter: Bytes32 { _ in 9 })
    #expect(try walk(settled(update: update))?.step == .chain)
    let evidence = SimulatedStatement(
      program: ledger.program, policy: bundle.opening.policy, reportData: [1], issued: 5
    ).evidence
    #expect(try walk(settled(evidence: evidence))?.step == .evidence)
  }

  @Test("refuses a file with any byte changed, in reading or in walking")
  func flipped() async throws {
    let (ledger, bundle) = try await Self.settled()
    let text = [UInt8](bundle.text.utf8)
    let audit = CustodyAudit(trust: ledger.trust)
    for position in stride(from: 1, to: text.count, by: 37) {
      var changed = text
      changed[position] = changed[position] == 0x31 ? 0x32 : 0x31
      guard let read = try? CustodyBundle(decoding: changed) else { continue }
      // Proposers' priorities are in a validator set, and in no hash: they say nothing.
      if read.block.signedHeader == bundle.block.signedHeader,
        read.block.validators.hash() == bundle.block.validators.hash(), read.block != bundle.block
      {
        continue
      }
      #expect(throws: CustodyFailure.self, "byte \(position)") { try audit.walk(read).verify() }
    }
    for count in stride(from: 0, to: text.count, by: 101) {
      #expect(throws: CustodyBundleError.self) { try CustodyBundle(decoding: Array(text.prefix(count))) }
    }
  }
}
