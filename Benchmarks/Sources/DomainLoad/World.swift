import Crypto
import Foundation
import Gate
import Ledger
import LightClients
import Messages
import PacketHost
import WireBytes

/// A key whose account sends transactions here.
struct Sender {
  let key: Curve25519.Signing.PrivateKey
  let account: AccountKey
  let number: UInt64
  var sequence: UInt64 = 0

  init(_ seed: UInt8, number: UInt64) throws {
    key = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: seed, count: 32))
    account = .ed25519(try Bytes32([UInt8](key.publicKey.rawRepresentation)))
    self.number = number
  }

  mutating func sign(_ messages: [LedgerMessage], gas: UInt64, rules: LedgerRules) throws -> [UInt8] {
    let unsigned = UnsignedTransaction(
      messages.map { $0.encoded() }, fee: [Coin(rules.fee(for: gas), rules.feeDenom)], gasLimit: gas,
      key: account, sequence: sequence, chainID: rules.chainID, accountNumber: number)
    sequence += 1
    return unsigned.signed([UInt8](try key.signature(for: unsigned.signBytes)))
  }
}

/// A domain under load, and everybody around it: users who send, a relayer, and the attesters of another
/// domain that exists only as what they sign.
struct World {
  static let start: Int64 = 1_780_000_000
  static let sendGas: UInt64 = 250_000
  static let relayGas: UInt64 = 350_000

  let validator: Curve25519.Signing.PrivateKey
  let attesters: [Curve25519.Signing.PrivateKey]
  let genesis: Genesis
  let policy: AttestedPolicy
  let client: ClientID
  let far: ClientID
  var users: [Sender]
  var relayer: Sender
  /// The other domain's newest height, and the next number of its packets.
  private var farHeight: UInt64 = 1
  private var farSequence: UInt64 = 1
  private var nearSequence: UInt64 = 1

  init(users count: Int) throws {
    let denom = try Denom("uharbor")
    validator = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 200, count: 32))
    attesters = try (1...4).map {
      try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 200 + $0, count: 32))
    }
    let seeds = (1...UInt8(count + 1))
    // Accounts of a genesis are numbered in the order of their addresses.
    let ordered = try seeds.map { ($0, try Sender($0, number: 0).account.address) }.sorted { $0.1 < $1.1 }
    var senders: [UInt8: Sender] = [:]
    for (number, (seed, _)) in ordered.enumerated() {
      senders[seed] = try Sender(seed, number: UInt64(number))
    }
    let funded = try seeds.map { seed in
      guard let sender = senders[seed] else { throw LoadError.setup }
      return sender
    }
    users = Array(funded.dropLast())
    relayer = funded[count]
    genesis = try Genesis(
      rules: LedgerRules(chainID: "harbor-1", feeDenom: denom), time: CometBFT.Timestamp(seconds: Self.start),
      validators: [
        .init(name: "local", publicKey: Bytes32([UInt8](validator.publicKey.rawRepresentation)), power: 10)
      ],
      balances: funded.map {
        .init(account: $0.account.address, coins: [Coin(UInt256(UInt64(1) << 60), denom)])
      })
    client = try ClientID("client-0")
    far = try ClientID("client-0")
    policy = try AttestedPolicy(
      form: .packets,
      binding: AttestationBinding(origin: DomainID("cosmos:island-1"), router: [7], client: client),
      attesters: attesters.map {
        try Attester(suite: .ed25519, key: [UInt8]($0.publicKey.rawRepresentation))
      },
      quorum: 3)
  }

  var host: PacketHost { get throws { .ledger(domain: try DomainID("cosmos:harbor-1")) } }

  func votes(for requests: [VoteRequest]) throws -> [CometBFT.CommitVote] {
    try requests.map { $0.signed(try Bytes64([UInt8](validator.signature(for: $0.signBytes)))) }
  }

  /// The client of the other domain, told of its first height.
  mutating func connecting() throws -> [UInt8] {
    let state = PolicyClientState(
      policyText: [UInt8](try Policy(.attested(policy)).text.utf8), origin: policy.origin.text, router: [7])
    let path = PacketPath(.receipt, client: far, sequence: .first)
    let evidence = try evidence([StoredEntry(pathHash: path.hash(), commitment: Bytes32())], at: Self.start)
    let address = relayer.account.address
    return try relayer.sign(
      [
        .createClient(
          clientState: AnyMessage(typeURL: PolicyClientState.typeURL, value: state.encoded()),
          consensusState: AnyMessage(typeURL: "", value: []), signer: address),
        .registerCounterparty(client, Counterparty(prefix: [[]], client: far), signer: address),
        .updateClient(client, message: Self.update(evidence), signer: address),
      ], gas: 5_000_000, rules: genesis.rules)
  }

  private static func update(_ evidence: [UInt8]) -> AnyMessage {
    AnyMessage(typeURL: HostClients.MessageType.evidence, value: evidence)
  }

  private func evidence(_ entries: [StoredEntry], at seconds: Int64) throws -> [UInt8] {
    let time = UnixTime(seconds: UInt64(seconds))
    let body = AttestationDigest.packetsBody(height: Height(farHeight), timestamp: time, entries: entries)
    let digest = AttestationDigest.of(form: .packets, binding: policy.binding, body: body)
    return Evidence.attested(
      AttestedEvidence(
        height: Height(farHeight), timestamp: time, body: .packets(entries),
        signatures: try (0..<3).map {
          .init(attester: $0, bytes: [UInt8](try attesters[$0].signature(for: digest.array)))
        })
    ).protobuf()
  }

  private func transfer(from: String, to: String) throws -> Payload {
    try Payload(
      sourcePort: .transfer, destinationPort: .transfer, version: FungibleTokenPacketData.payloadVersion,
      encoding: FungibleTokenPacketData.payloadEncoding,
      value: FungibleTokenPacketData(
        denomination: "uharbor", sender: from, receiver: to, amount: UInt256(UInt64(1)), memo: ""
      ).encoded())
  }

  /// Users' transactions, one packet each, and the packets that they make.
  mutating func sends(_ count: Int, at seconds: Int64) throws -> (transactions: [[UInt8]], packets: [Packet])
  {
    let timeout = UnixTime(seconds: UInt64(seconds) + 3_600)
    var transactions: [[UInt8]] = []
    var packets: [Packet] = []
    for index in 0..<count {
      let user = index % users.count
      let address = users[user].account.address
      let payload = try transfer(from: address.text, to: relayer.account.address.text)
      let message = LedgerMessage.sendPacket(
        over: client, timeout: timeout, payloads: [payload], signer: address)
      transactions.append(try users[user].sign([message], gas: Self.sendGas, rules: genesis.rules))
      guard let sequence = Sequence(nearSequence) else { throw LoadError.setup }
      packets.append(
        try Packet(
          sequence: sequence, sourceClient: client, destinationClient: far, timeout: timeout,
          payloads: [payload]))
      nearSequence += 1
    }
    return (transactions, packets)
  }

  /// The relayer's transactions that settle `packets`, in batches.
  mutating func settlements(_ packets: [Packet], batch: Int, at seconds: Int64) throws -> [[UInt8]] {
    farHeight += 1
    let answer = try Acknowledgement([TransferApplication.success])
    return try batches(packets, of: batch, at: seconds) { packet in
      StoredEntry(
        pathHash: PacketPath(.acknowledgement, of: packet).hash(), commitment: PacketCommitment.of(answer))
    } message: { packet, proof, height, signer in
      .acknowledgePacket(packet, answer, proof: proof, height: height, signer: signer)
    }
  }

  /// The relayer's transactions that bring `count` packets of the other domain, in batches.
  mutating func arrivals(_ count: Int, batch: Int, at seconds: Int64) throws -> [[UInt8]] {
    farHeight += 1
    let timeout = UnixTime(seconds: UInt64(seconds) + 3_600)
    var packets: [Packet] = []
    for index in 0..<count {
      guard let sequence = Sequence(farSequence) else { throw LoadError.setup }
      farSequence += 1
      packets.append(
        try Packet(
          sequence: sequence, sourceClient: far, destinationClient: client, timeout: timeout,
          payloads: [
            try transfer(from: "far", to: users[index % users.count].account.address.text)
          ]))
    }
    return try batches(packets, of: batch, at: seconds) { packet in
      StoredEntry(
        pathHash: PacketPath(.commitment, of: packet).hash(), commitment: PacketCommitment.of(packet))
    } message: { packet, proof, height, signer in
      .receivePacket(packet, proof: proof, height: height, signer: signer)
    }
  }

  private mutating func batches(
    _ packets: [Packet], of size: Int, at seconds: Int64, entry: (Packet) -> StoredEntry,
    message: (Packet, [UInt8], Height, AccountAddress) -> LedgerMessage
  ) throws -> [[UInt8]] {
    var transactions: [[UInt8]] = []
    let address = relayer.account.address
    for start in stride(from: 0, to: packets.count, by: size) {
      let part = packets[start..<min(start + size, packets.count)]
      let evidence = try evidence(part.map(entry), at: seconds)
      let proof = PacketProof.reference(HostKeys.evidenceHash(evidence)).encoded()
      var messages: [LedgerMessage] = [
        .updateClient(client, message: Self.update(evidence), signer: address)
      ]
      for packet in part { messages.append(message(packet, proof, Height(farHeight), address)) }
      let gas = Self.relayGas * UInt64(part.count) + 2_000_000
      transactions.append(try relayer.sign(messages, gas: gas, rules: genesis.rules))
    }
    return transactions
  }
}

enum LoadError: Error {
  case setup
  case refused(String)
}
