import LightClients
import Messages
import SignerWire
import SigningRules
import Transactions
import WireBytes

/// Requests of every kind, and a handshake that is the same at every run.
enum Samples {
  static let now: UInt64 = 1_800_000_000_000

  static func bytes(_ byte: UInt8) -> Bytes32 { Bytes32 { _ in byte } }

  static func key(_ byte: UInt8) throws -> ClientKey {
    guard let key = ClientKey(seed: [UInt8](repeating: byte, count: 32)) else { throw Missing.key }
    return key
  }

  enum Missing: Error { case key, randomness, step }

  static func randomness(_ byte: UInt8) throws -> HandshakeRandomness {
    guard
      let randomness = HandshakeRandomness(
        fresh: [UInt8](repeating: byte, count: 32), nonce: Bytes32 { _ in byte ^ 0x55 })
    else { throw Missing.randomness }
    return randomness
  }

  static func binding() throws -> AttestationBinding {
    try AttestationBinding(
      origin: try DomainID("cosmos:demo-1"), router: [UInt8]("ibc".utf8), client: try ClientID("client-0"))
  }

  static func state(height: UInt64 = 10, root: UInt8 = 7) throws -> SigningRequest {
    .attestation(
      AttestedStatement(
        binding: try binding(), height: Height(revision: 1, height),
        timestamp: UnixTime(seconds: 1_700_000_000), body: .state(root: bytes(root))))
  }

  static func packets(count: Int = 3) throws -> SigningRequest {
    .attestation(
      AttestedStatement(
        binding: try binding(), height: Height(11), timestamp: UnixTime(seconds: 1_700_000_001),
        body: .packets(
          (0..<count).map { index in
            var hash: [UInt8] = [UInt8](repeating: 0, count: 28)
            hash.append(bigEndian: UInt32(index))
            return StoredEntry(pathHash: Bytes32 { hash[$0] }, commitment: bytes(9))
          })))
  }

  static func all() throws -> [SigningRequest] {
    let origin = try DomainID("eip155:1")
    let block = CometBFT.BlockID(hash: bytes(1), parts: CometBFT.PartSetHeader(total: 1, hash: bytes(2)))
    let time = try CometBFT.Timestamp(seconds: 1_700_000_000, nanoseconds: 5)
    let key = AccountKey.secp256k1(FixedBytes<33> { $0 == 0 ? 2 : 0x11 })
    return [
      try state(), try packets(),
      .foreignAttestation(origin: origin, .state(height: 5, timestamp: 6)),
      .foreignAttestation(
        origin: origin, .packets(height: 5, [StoredEntry(pathHash: bytes(1), commitment: bytes(2))])),
      .vote(
        try VoteStatement(
          chainID: "demo-1", kind: .precommit, height: 3, round: 1, blockID: block, timestamp: time)),
      .vote(
        try VoteStatement(
          chainID: "demo-1", kind: .prevote, height: 3, round: 0, blockID: nil, timestamp: time)),
      .evmTransaction(
        try EVMTransaction(
          chainID: 31_337, nonce: 5, maxPriorityFeePerGas: UInt256(1), maxFeePerGas: UInt256(2_000),
          gasLimit: 300_000, to: Bytes20 { _ in 7 }, value: UInt256(9), input: [1, 2, 3, 4, 5],
          accessList: [EVMAccess(address: Bytes20(), storageKeys: [bytes(3)])])),
      .evmTransaction(
        try EVMTransaction(
          chainID: 1, nonce: 0, maxPriorityFeePerGas: .zero, maxFeePerGas: .zero, gasLimit: 0, to: nil)),
      .transaction(
        UnsignedTransaction(
          [AnyMessage(typeURL: "/ibc.core.channel.v2.MsgRecvPacket", value: [1, 2, 3])], memo: "m",
          timeoutHeight: 9, fee: [Coin(UInt256(5), try Denom("stake"))], gasLimit: 200_000, key: key,
          sequence: 4, chainID: "demo-1", accountNumber: 7)),
    ]
  }

  struct Pair {
    var client: ClientSession
    let signer: ServerSession
  }

  static let peer = ClientPeer.uid(1_000)

  /// A session between client 1 and signer 2.
  static func session(expires: UInt64 = now + 900_000, number: UInt8 = 3) throws -> Pair {
    let signer = try key(2)
    var client = ClientHandshake(
      key: try key(1), signer: signer.publicKey, domain: .operator, at: now, randomness: try randomness(4))
    var server = ServerHandshake(identity: signer, domain: .operator)
    _ = try server.open(client.start, at: now)
    let challenge = try server.challenge(at: now, randomness: try randomness(5))
    guard case .send(let proof) = try client.receive(challenge, at: now) else { throw Missing.step }
    try server.prove(proof)
    let (granted, session) = try server.grant(
      SessionGrant(
        session: SessionID { _ in number }, expires: expires, inFlightMax: 16, batchMax: 64),
      client: try ClientName("attester-0"), peer: peer)
    guard case .finished(let mine) = try client.receive(granted, at: now) else { throw Missing.step }
    return Pair(client: mine, signer: session)
  }
}
