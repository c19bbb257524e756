private import Encodings
private import Gate
private import Messages
private import PacketHost
private import WireBytes

/// Bodies over what a host reads from transactions: what decodes encodes to the same bytes.
public enum PacketHostBodies {
  public static let all: [FuzzBody] = [
    counterparty, clientState, packetProof, evidence, transfer, envelope,
  ]

  private static let client = try? ClientID("client-0")

  static let counterparty = FuzzBody(
    name: "host-counterparty",
    seeds: [
      client.flatMap { client in
        try? Counterparty(prefix: [[UInt8]("ibc".utf8), []], client: client).encoded()
      } ?? []
    ]
  ) { bytes in
    guard let counterparty = try? Counterparty(decoding: bytes.span) else { return }
    precondition(counterparty.encoded() == bytes)
  }

  static let clientState = FuzzBody(
    name: "host-client-state",
    seeds: [
      PolicyClientState(
        policyText: [UInt8]("{}".utf8), origin: "cosmos:harbor-1", router: [7], latestHeight: Height(5),
        proofSpecs: [[10, 0]]
      ).encoded(),
      PolicyClientState(
        policyText: [UInt8]("{}".utf8), origin: "eip155:1", router: [UInt8](repeating: 7, count: 20)
      ).encoded(),
    ]
  ) { bytes in
    guard let state = try? PolicyClientState(decoding: bytes.span) else { return }
    guard state.proofSpecs.count <= PolicyClientState.specCountMax else { return }
    // A height of zero is written as none at all.
    precondition((try? PolicyClientState(decoding: state.encoded().span)) == state)
  }

  static let packetProof = FuzzBody(
    name: "host-packet-proof",
    seeds: [
      PacketProof.evmStorage(account: [[0xc0], [1, 2, 3]], storage: [[UInt8](repeating: 9, count: 60)])
        .encoded(),
      PacketProof.evmStorage(account: [], storage: []).encoded(),
      PacketProof.reference(Bytes32 { _ in 4 }).encoded(), PacketProof.evidence([1]).encoded(), [10, 0],
    ]
  ) { bytes in
    guard let proof = try? PacketProof(decoding: bytes.span) else { return }
    precondition(proof.encoded() == bytes)
    guard case .evmStorage(let account, let storage) = proof else { return }
    precondition(max(account.count, storage.count) <= EVMStorageProof.nodeCountMax)
    let size = (account + storage).reduce(0) { $0 + $1.count }
    precondition(size < bytes.count)
    let gas = EVMStorageProof(account: account, storage: storage).verificationGas
    precondition(gas == UInt64(account.count + storage.count) * GasSchedule.trieNode + UInt64(size))
  }

  private static let attested = Evidence.attested(
    AttestedEvidence(
      height: Height(revision: 1, 9), timestamp: UnixTime(seconds: 1_767_225_600),
      body: .packets([StoredEntry(pathHash: Bytes32 { _ in 1 }, commitment: Bytes32())]),
      signatures: [AttestedEvidence.Signature(attester: 2, bytes: [1, 2, 3])]))

  static let evidence = FuzzBody(
    name: "gate-evidence-protobuf",
    seeds: [
      attested.protobuf(), Evidence.parts([nil, attested]).protobuf(),
      Evidence.eureka(EurekaProof(attestation: [1], signatures: [[2], [3]])).protobuf(),
    ]
  ) { bytes in
    guard let evidence = try? Evidence(protobuf: bytes.span) else { return }
    precondition((try? Evidence(protobuf: evidence.protobuf().span)) == evidence)
  }

  static let transfer = FuzzBody(
    name: "transfer-payload",
    seeds: [
      (try? FungibleTokenPacketData(
        denomination: "transfer/client-0/stake", sender: "a", receiver: "b", amount: .one, memo: "m"
      ).encoded()) ?? []
    ]
  ) { bytes in
    guard let transfer = try? FungibleTokenPacketData(decoding: bytes.span) else { return }
    precondition(transfer.encoded() == bytes)
    let path = TokenPath(transfer.denomination)
    guard let client else { return }
    let longer = path.adding(.transfer, client)
    precondition(longer.isVoucher && longer.hasHop(.transfer, client))
    precondition(longer.dropping(.transfer, client) == path)
  }

  static let envelope = FuzzBody(
    name: "execution-envelope", seeds: envelopeSeeds
  ) { bytes in
    guard let envelope = try? ExecutionEnvelope(decoding: bytes.span) else { return }
    precondition(envelope.encoded() == bytes)
    _ = envelope.root()
  }

  private static var envelopeSeeds: [[UInt8]] {
    guard let domain = try? DomainID("cosmos:harbor-1"),
      let address = try? InteroperableAddress(domain: domain, address: [UInt8](repeating: 1, count: 20)),
      let envelope = try? ExecutionEnvelope(
        calls: [ExecutionEnvelope.Call(target: address, gasLimit: 5, input: [1])], refundTo: address)
    else { return [] }
    return [envelope.encoded()]
  }
}
