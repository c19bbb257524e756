private import Encodings
private import Messages
private import SignerWire
private import SigningRules
private import Transactions
private import WireBytes

/// Bodies over everything that a stranger may send to a signer, and a false signer to its clients.
public enum SignerWireBodies {
  public static let all: [FuzzBody] = [
    frames, request, batch, answers, refusal, administration, administered, certificate, opening, challenge,
  ]

  private static let now: UInt64 = 1_800_000_000_000
  private static let signer = ClientKey(seed: [UInt8](repeating: 2, count: 32))
  private static let client = ClientKey(seed: [UInt8](repeating: 1, count: 32))

  private static var requests: [SigningRequest] {
    guard let origin = try? DomainID("cosmos:demo-1"), let name = try? ClientID("client-0"),
      let binding = try? AttestationBinding(origin: origin, router: [1, 2], client: name)
    else { return [] }
    let entries = [StoredEntry(pathHash: Bytes32(), commitment: Bytes32())]
    let access = [EVMAccess(address: Bytes20(), storageKeys: [Bytes32()])]
    let call = try? EVMTransaction(
      chainID: 1, nonce: 2, maxPriorityFeePerGas: UInt256(3), maxFeePerGas: UInt256(4), gasLimit: 5,
      to: Bytes20(), value: UInt256(6), input: [7, 8, 9, 10], accessList: access)
    return (call.map { [.evmTransaction($0)] } ?? []) + [
      .attestation(
        AttestedStatement(
          binding: binding, height: Height(5), timestamp: UnixTime(seconds: 6), body: .state(root: Bytes32()))
      ),
      .attestation(
        AttestedStatement(
          binding: binding, height: Height(5), timestamp: UnixTime(seconds: 6), body: .packets(entries))),
      .foreignAttestation(origin: origin, .packets(height: 7, entries)),
    ]
  }

  private static var items: [SigningItem] {
    requests.map { SigningItem(key: KeyID(Bytes32()), request: $0) }
  }

  /// The first byte says into which pieces the rest is cut.
  static let frames = FuzzBody(
    name: "signer-frames",
    seeds: [[3] + SignerFrame(.open, [1, 2, 3]).encoded() + SignerFrame(.prove, []).encoded()]
  ) { bytes in
    guard let size = bytes.first else { return }
    var reader = SignerFrameReader()
    var rest = bytes.dropFirst()
    var read: [UInt8] = []
    while !rest.isEmpty {
      reader.append(rest.prefix(Int(size) + 1))
      rest = rest.dropFirst(Int(size) + 1)
      do {
        while let frame = try reader.next() { read += frame.encoded() }
      } catch { return }
      precondition(
        reader.waiting <= SignerLimits.handshakeFrameSizeMax + SignerFrame.headSize + Int(size) + 1)
    }
    precondition(bytes.dropFirst().starts(with: read))
  }

  static let request = FuzzBody(
    name: "signer-request", seeds: requests.compactMap { try? SigningRequestCoding.encode($0) }
  ) { bytes in
    guard let request = try? SigningRequestCoding.decode(bytes) else { return }
    precondition((try? SigningRequestCoding.encode(request)) == bytes)
  }

  static let batch = FuzzBody(name: "signer-batch", seeds: [(try? SigningBatch.encode(items)) ?? []]) {
    bytes in
    guard let items = try? SigningBatch.decode(bytes) else { return }
    precondition((try? SigningBatch.encode(items)) == bytes)
  }

  static let answers = FuzzBody(
    name: "signer-answers",
    seeds: [
      (try? SigningAnswers.encode([.success([1, 2]), .failure(SignerRefusal(.halted))])) ?? [],
      SigningAnswers.encode(refusal: SignerRefusal(.overloaded)),
    ]
  ) { bytes in
    guard let answers = try? SigningAnswers.decode(bytes, expected: 2), bytes.first != 0 || bytes[1] != 0
    else {
      return
    }
    precondition((try? SigningAnswers.encode(answers)) == bytes)
  }

  static let refusal = FuzzBody(
    name: "signer-refusal", seeds: [BareRefusal(SignerRefusal(.mac), nonce: 3).frame.body]
  ) { bytes in
    guard let refusal = try? BareRefusal(decoding: bytes) else { return }
    precondition(refusal.frame.body == bytes)
  }

  static let administration = FuzzBody(
    name: "signer-administration",
    seeds: [
      AdminRequest.status.encoded(), AdminRequest.rotate(KeyID(Bytes32()), overlapSeconds: 5).encoded(),
      AdminRequest.generate(.init(label: "a", suite: .p256, purposes: [.vote])).encoded(),
      AdminRequest.propose(.object(["a": 1])).encoded(),
    ]
  ) { bytes in
    guard let request = try? AdminRequest(decoding: bytes) else { return }
    precondition(request.encoded() == bytes)
  }

  static let administered = FuzzBody(
    name: "signer-administered",
    seeds: [
      AdminAnswer.encode(.success(.object(["a": 1]))), AdminAnswer.encode(.failure(SignerRefusal(.role))),
    ]
  ) { bytes in
    guard let answer = try? AdminAnswer.decode(bytes) else { return }
    precondition(AdminAnswer.encode(answer) == bytes)
  }

  static let certificate = FuzzBody(name: "signer-certificate", seeds: [[0x30, 0x03, 0x30, 0x01, 0x00]]) {
    bytes in
    guard let name = try? PeerCertificate.spiffeID(decoding: bytes) else { return }
    precondition(name.hasPrefix("spiffe://") && name.utf8.count <= PeerCertificate.uriSizeMax)
  }

  /// What a signer does with the first two frames of a stranger.
  static let opening = FuzzBody(
    name: "signer-opening",
    seeds: client.flatMap { client in
      signer.map { signer in
        [ClientHandshake(key: client, signer: signer.publicKey, domain: .operator, at: now).start.body]
      }
    } ?? []
  ) { bytes in
    guard let signer else { return }
    var handshake = ServerHandshake(identity: signer, domain: .operator)
    guard (try? handshake.open(SignerFrame(.open, bytes), at: now)) != nil else { return }
    guard let challenge = try? handshake.challenge(at: now) else { return }
    // No signature over a transcript with this challenge can be known beforehand.
    precondition((try? handshake.prove(SignerFrame(.prove, Array(challenge.body.suffix(64))))) == nil)
  }

  /// What a client does with a false signer's challenge.
  static let challenge = FuzzBody(
    name: "signer-challenge", seeds: [[UInt8](repeating: 1, count: 170)]
  ) { bytes in
    guard let client, let signer else { return }
    var handshake = ClientHandshake(key: client, signer: signer.publicKey, domain: .operator, at: now)
    precondition((try? handshake.receive(SignerFrame(.challenge, bytes), at: now)) == nil)
  }
}
