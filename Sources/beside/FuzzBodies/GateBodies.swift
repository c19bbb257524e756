private import Encodings
private import Gate
private import Messages
private import WireBytes

/// Bodies over the decoders of Messages and Gate.
public enum GateBodies {
  public static let all: [FuzzBody] = [
    policy, evidence, envelope, outcome, packet, payload, acknowledgement, address, transfer, eurekaProof,
  ]

  /// A policy's canonical text reads as the same policy, with the same hash.
  static let policy = FuzzBody(
    name: "policy",
    seeds: [
      [UInt8](
        #"{"all":[{"cometbft":{"chainId":"demo-1","clockDriftSeconds":10,"domain":"cosmos:demo-1","trustLevel":{"denominator":3,"numerator":1},"trustingPeriodSeconds":100}}]}"#
          .utf8),
      [UInt8](
        #"{"attested":{"attesters":[{"key":"0x7e5f4552091a69125d5dfcb7b8c2659029395bdf","suite":"secp256k1-address","weight":1}],"client":"client-0","form":"state","mode":"causeway","origin":"eip155:1","quorum":1,"router":"0x","surplus":"allow","unknownSigners":"refuse"}}"#
          .utf8),
    ]
  ) { bytes in
    guard let policy = try? Policy(decoding: bytes.span) else { return }
    let text = [UInt8](policy.text.utf8)
    precondition((try? Policy(decoding: text.span)) == policy)
  }

  /// Evidence reads back from its own JSON.
  static let evidence = FuzzBody(
    name: "evidence",
    seeds: [
      [UInt8](
        #"{"parts":[null,{"attested":{"height":1,"timestamp":2,"entries":[{"path":"0x0000000000000000000000000000000000000000000000000000000000000001","commitment":"0x0000000000000000000000000000000000000000000000000000000000000000"}],"signatures":[{"attester":0,"signature":"0x00"}]}}]}"#
          .utf8)
    ]
  ) { bytes in
    guard let evidence = try? Evidence(decoding: bytes.span), evidence.kind != .cometBFT else { return }
    guard let again = try? Evidence(json: evidence.json) else {
      preconditionFailure("evidence does not read back")
    }
    precondition(again.json == evidence.json)
  }

  static let envelope = FuzzBody(name: "envelope", seeds: [sampleEnvelope]) { bytes in
    guard let envelope = try? ExecutionEnvelope(decoding: bytes.span) else { return }
    precondition(envelope.encoded() == bytes)
  }

  static let outcome = FuzzBody(name: "outcome", seeds: [sampleOutcome]) { bytes in
    guard let outcome = try? Outcome(decoding: bytes.span) else { return }
    precondition(outcome.encoded() == bytes)
  }

  static let packet = FuzzBody(name: "packet", seeds: [samplePacket]) { bytes in
    guard let packet = try? Packet(decoding: bytes.span) else { return }
    precondition(packet.encoded() == bytes)
  }

  static let payload = FuzzBody(
    name: "payload", seeds: [(try? Packet(decoding: samplePacket.span))?.payloads.first?.encoded() ?? []]
  ) { bytes in
    guard let payload = try? Payload(decoding: bytes.span) else { return }
    precondition(payload.encoded() == bytes)
  }

  static let acknowledgement = FuzzBody(name: "acknowledgement", seeds: [[0x0a, 1, 1]]) { bytes in
    guard let acknowledgement = try? Acknowledgement(decoding: bytes.span) else { return }
    precondition(acknowledgement.encoded() == bytes)
  }

  static let address = FuzzBody(name: "interoperableAddress", seeds: [[0, 1, 0, 0, 1, 1, 0]]) { bytes in
    guard let address = try? InteroperableAddress(decoding: bytes.span) else { return }
    precondition(address.encoded() == bytes)
    guard let domain = address.domain else { return }
    precondition((try? InteroperableAddress(chain: domain))?.reference == address.reference)
  }

  static let transfer = FuzzBody(name: "transfer", seeds: [sampleTransfer]) { bytes in
    guard let transfer = try? FungibleTokenPacketData(decoding: bytes.span) else { return }
    precondition(transfer.encoded() == bytes)
  }

  /// The Eureka decoder takes many encodings of one proof; ours reads as the same.
  static let eurekaProof = FuzzBody(
    name: "eurekaProof", seeds: [EurekaProof(attestation: [1], signatures: [[2], [3, 4]]).encoded()]
  ) { bytes in
    _ = try? EurekaState(decoding: bytes.span)
    _ = try? EurekaPackets(decoding: bytes.span)
    guard let proof = try? EurekaProof(decoding: bytes.span) else { return }
    let again = proof.encoded()
    // Repeated offsets can make the plain form longer than is read.
    guard again.count <= EurekaProof.sizeMax else { return }
    precondition((try? EurekaProof(decoding: again.span)) == proof)
  }

  // MARK: Seeds

  private static let sampleEnvelope: [UInt8] = {
    guard
      let target = try? InteroperableAddress(
        chainType: .eip155, reference: [1], address: [UInt8](repeating: 7, count: 20)),
      let envelope = try? ExecutionEnvelope(
        calls: [
          .init(target: target, funds: [.init(denomination: [0x61], amount: .one)], gasLimit: 9, input: [1])
        ],
        refundTo: target, attributes: [.init(selector: .init(), value: [5])])
    else { return [] }
    return envelope.encoded()
  }()

  private static let sampleOutcome =
    (try? Outcome(status: .success, gasUsed: 5, results: [[1], []]))?.encoded() ?? []

  private static let sampleTransfer =
    (try? FungibleTokenPacketData(denomination: "uatom", sender: "a", receiver: "b", amount: .one, memo: "m"))?
    .encoded() ?? []

  private static let samplePacket: [UInt8] = {
    guard
      let payload = try? Payload(
        sourcePort: "transfer", destinationPort: "transfer", version: "v", encoding: "e", value: [1]),
      let client = try? ClientID("client-0"),
      let packet = try? Packet(
        sequence: .first, sourceClient: client, destinationClient: client, timeout: UnixTime(seconds: 9),
        payloads: [payload])
    else { return [] }
    return packet.encoded()
  }()
}
