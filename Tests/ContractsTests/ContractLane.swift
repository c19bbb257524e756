import ContractHost
import Contracts
import Encodings
import Gate
import Ledger
import LightClients
import Messages
import PacketHost
import StateTree
import Testing
import WireBytes

/// Two domains with contracts, whose clients of each other take what two of three attesters sign; and a relayer's hands.
struct ContractLane {
  enum Side { case harbor, island }

  static let gas: UInt64 = 20_000_000

  var harbor: ContractLedger
  var island: ContractLedger
  let client: ClientID
  let relayer: TestSigner
  private let attesters: [TestSigner]

  init() throws {
    harbor = try ContractLedger("harbor-1")
    island = try ContractLedger("island-1")
    client = try ClientID("client-0")
    relayer = try TestSigner(3)
    attesters = try (1...3).map { try TestSigner(200 + $0) }
    try step()
    for side in [Side.harbor, .island] {
      let policy = try policy(of: other(side))
      let state = PolicyClientState(
        policyText: [UInt8](try Policy(.attested(policy)).text.utf8), origin: policy.origin.text, router: [7])
      let created = try run(
        [
          .createClient(
            clientState: AnyMessage(typeURL: PolicyClientState.typeURL, value: state.encoded()),
            consensusState: AnyMessage(typeURL: "", value: []), signer: relayer.address),
          .registerCounterparty(
            client, try Counterparty(prefix: [[]], client: client), signer: relayer.address),
        ], by: relayer, on: side)
      #expect(created.succeeded, "\(created.log)")
    }
    for side in [Side.harbor, .island] {
      let proof = try prove(PacketPath(.receipt, client: client, sequence: .first), on: side)
      let told = try run(
        [.updateClient(client, message: proof.update, signer: relayer.address)], by: relayer, on: other(side))
      #expect(told.succeeded, "\(told.log)")
    }
  }

  subscript(side: Side) -> ContractLedger {
    get { side == .harbor ? harbor : island }
    set { if side == .harbor { harbor = newValue } else { island = newValue } }
  }

  func other(_ side: Side) -> Side { side == .harbor ? .island : .harbor }

  func chainID(_ side: Side) -> String { self[side].chain.rules.chainID }

  mutating func step() throws {
    try harbor.advance()
    try island.advance()
  }

  /// One transaction, and another block of both whose header proves its state.
  @discardableResult
  mutating func run(
    _ messages: [LedgerMessage], by signer: TestSigner, on side: Side, gas: UInt64 = gas
  ) throws -> TransactionResult {
    let result = try self[side].run(messages, by: signer, gas: gas)
    try self[other(side)].advance()
    try step()
    return result
  }

  private func policy(of side: Side) throws -> AttestedPolicy {
    try AttestedPolicy(
      form: .packets,
      binding: try AttestationBinding(
        origin: try DomainID("cosmos:\(chainID(side))"), router: [7], client: client),
      attesters: try attesters.map { try Attester(suite: .ed25519, key: $0.publicKey.array) }, quorum: 2)
  }

  private struct Proof {
    let update: AnyMessage
    let bytes: [UInt8]
    let height: Height
  }

  private func prove(_ path: PacketPath, on side: Side) throws -> Proof {
    let header = try #require(self[side].history.last).block.header
    let state = TreeState(tree: self[side].chain.tree, version: UInt64(header.height) - 1)
    let stored = try state.value(for: path.bytes).map { (try? Bytes32($0)) ?? Bytes32 { _ in 2 } }
    let entries = [StoredEntry(pathHash: path.hash(), commitment: stored ?? Bytes32())]
    let policy = try policy(of: side)
    let (height, time) = (Height(UInt64(header.height)), UnixTime(seconds: UInt64(header.time.seconds)))
    let body = AttestationDigest.packetsBody(height: height, timestamp: time, entries: entries)
    let digest = AttestationDigest.of(form: .packets, binding: policy.binding, body: body)
    let evidence = Evidence.attested(
      AttestedEvidence(
        height: height, timestamp: time, body: .packets(entries),
        signatures: try [0, 2].map {
          AttestedEvidence.Signature(attester: $0, bytes: try attesters[$0].sign(digest.array).array)
        })
    ).protobuf()
    return Proof(
      update: AnyMessage(typeURL: HostClients.MessageType.evidence, value: evidence),
      bytes: PacketProof.reference(HostKeys.evidenceHash(evidence)).encoded(), height: height)
  }

  // MARK: Packets

  /// Has a contract of harbor do something that sends a packet; gives it as the event tells it.
  mutating func sending(
    _ contract: AccountAddress, _ message: [UInt8], funds: [Coin] = []
  ) throws -> Packet {
    let result = try run(
      [
        WasmMessage.execute(
          sender: harbor.alice.address, contract: contract, message: message, funds: funds
        ).ledgerMessage
      ], by: harbor.alice, on: .harbor)
    guard result.succeeded else { throw TestFailure.answer(result.log) }
    let hex = try #require(
      result.events.first { $0.type == "send_packet" }?.value("encoded_packet_hex"))
    let bytes = try Hex.decode(hex)
    return try Packet(decoding: bytes.span)
  }

  mutating func deliver(_ packet: Packet, gas: UInt64 = gas) throws -> TransactionResult {
    let proof = try prove(PacketPath(.commitment, of: packet), on: .harbor)
    return try run(
      [
        .updateClient(client, message: proof.update, signer: relayer.address),
        .receivePacket(packet, proof: proof.bytes, height: proof.height, signer: relayer.address),
      ], by: relayer, on: .island, gas: gas)
  }

  mutating func settle(
    _ packet: Packet, _ answer: Acknowledgement, gas: UInt64 = gas
  ) throws -> TransactionResult {
    let proof = try prove(PacketPath(.acknowledgement, of: packet), on: .island)
    return try run(
      [
        .updateClient(client, message: proof.update, signer: relayer.address),
        .acknowledgePacket(
          packet, answer, proof: proof.bytes, height: proof.height, signer: relayer.address),
      ], by: relayer, on: .harbor, gas: gas)
  }

  mutating func timeOut(_ packet: Packet) throws -> TransactionResult {
    for _ in 0..<60 { try step() }
    let proof = try prove(PacketPath(.receipt, of: packet), on: .island)
    return try run(
      [
        .updateClient(client, message: proof.update, signer: relayer.address),
        .timeOutPacket(packet, proof: proof.bytes, height: proof.height, signer: relayer.address),
      ], by: relayer, on: .harbor)
  }

  /// Seconds since 1970, a little ahead of harbor.
  func deadline(_ seconds: UInt64 = 40) -> UInt64 { UInt64(harbor.chain.tip.time.seconds) + seconds }

  func isOpen(_ packet: Packet) throws -> Bool {
    try !harbor.queries.open([packet.sequence], over: client).isEmpty
  }
}

extension TransactionResult {
  /// What the destination answered.
  var acknowledgement: Acknowledgement {
    get throws {
      let hex = try #require(
        events.first { $0.type == "write_acknowledgement" }?.value("encoded_acknowledgement_hex"))
      let bytes = try Hex.decode(hex)
      return try Acknowledgement(decoding: bytes.span)
    }
  }
}
