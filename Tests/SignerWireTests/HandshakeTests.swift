import SignerWire
import SigningRules
import Testing
import WireBytes

@Suite("The handshake")
struct HandshakeTests {
  private let now = Samples.now

  private func client(
    signer: UInt8 = 2, domain: KeyDomain = .operator, at time: UInt64 = Samples.now, fresh: UInt8 = 4
  ) throws -> ClientHandshake {
    ClientHandshake(
      key: try Samples.key(1), signer: try Samples.key(signer).publicKey, domain: domain, at: time,
      randomness: try Samples.randomness(fresh))
  }

  private func server() throws -> ServerHandshake {
    ServerHandshake(identity: try Samples.key(2), domain: .operator)
  }

  @Test("gives both sides one session")
  func whole() throws {
    var pair = try Samples.session()
    let (nonce, frame) = try pair.client.seal(.sign, [1, 2, 3], at: now)
    let request = try pair.signer.open(frame, from: Samples.peer, at: now)
    #expect(request.nonce == nonce)
    #expect(request.content == [1, 2, 3])
    let answer = try pair.client.open(try pair.signer.seal(.signatures, [4], nonce: nonce, at: now))
    #expect(answer.nonce == nonce)
    #expect(answer.content == [4])
    #expect(pair.client.lifetime == .seconds(900))
    #expect(pair.client.grant.inFlightMax == 16)
  }

  @Test("refuses every other length of each message")
  func lengths() throws {
    let open = try client().start
    for count in 0..<open.body.count {
      var server = try server()
      #expect(throws: HandshakeError.length(expected: 106, actual: count)) {
        try server.open(SignerFrame(.open, Array(open.body.prefix(count))), at: now)
      }
    }
    var long = try server()
    #expect(throws: HandshakeError.length(expected: 106, actual: 107)) {
      try long.open(SignerFrame(.open, open.body + [0]), at: now)
    }
    var server = try server()
    _ = try server.open(open, at: now)
    let challenge = try server.challenge(at: now, randomness: try Samples.randomness(5))
    for count in 0..<challenge.body.count {
      var client = try client()
      #expect(throws: HandshakeError.length(expected: 170, actual: count)) {
        try client.receive(SignerFrame(.challenge, Array(challenge.body.prefix(count))), at: now)
      }
    }
    for count in [0, 63, 65] {
      var copy = server
      #expect(throws: HandshakeError.length(expected: 64, actual: count)) {
        try copy.prove(SignerFrame(.prove, [UInt8](repeating: 0, count: count)))
      }
    }
  }

  @Test("fails when any bit of the challenge or of the proof was turned on the way")
  func tampering() throws {
    var server = try server()
    _ = try server.open(try client().start, at: now)
    let challenge = try server.challenge(at: now, randomness: try Samples.randomness(5))
    for bit in 0..<(challenge.body.count * 8) {
      var body = challenge.body
      body[bit / 8] ^= 1 << UInt8(bit % 8)
      var client = try client()
      let expected: HandshakeError =
        switch bit / 8 {
        case 0: .version(body[0])
        case 1: .domain(expected: .operator, actual: body[1])
        case 2..<34:
          .identity(expected: try Samples.key(2).publicKey, actual: try Bytes32(Array(body[2..<34])))
        default: .signature
        }
      #expect(throws: expected) { try client.receive(SignerFrame(.challenge, body), at: now) }
    }
    var client = try client()
    guard case .send(let proof) = try client.receive(challenge, at: now) else { throw Samples.Missing.step }
    for bit in 0..<(64 * 8) {
      var body = proof.body
      body[bit / 8] ^= 1 << UInt8(bit % 8)
      var copy = server
      #expect(throws: HandshakeError.signature) { try copy.prove(SignerFrame(.prove, body)) }
    }
  }

  @Test("fails when the opening was changed on the way, whatever was changed")
  func openTampering() throws {
    let open = try client().start
    // A client key that is turned fails as a proof, times by the clock or the transcript.
    for bit in stride(from: 16, to: open.body.count * 8, by: 5) {
      var body = open.body
      body[bit / 8] ^= 1 << UInt8(bit % 8)
      var server = try server()
      do {
        _ = try server.open(SignerFrame(.open, body), at: now)
      } catch HandshakeError.clock { continue }
      let challenge = try server.challenge(at: now, randomness: try Samples.randomness(5))
      var client = try client()
      #expect(throws: HandshakeError.signature) { try client.receive(challenge, at: now) }
    }
  }

  @Test("fails for another version, another domain, another signer, another clock")
  func others() throws {
    var body = try client().start.body
    body[0] = 2
    var server1 = try server()
    #expect(throws: HandshakeError.version(2)) { try server1.open(SignerFrame(.open, body), at: now) }
    var server2 = try server()
    let user = try client(domain: .user).start
    #expect(throws: HandshakeError.domain(expected: .operator, actual: 1)) { try server2.open(user, at: now) }
    for time in [now - 30_001, now + 30_001] {
      var server = try server()
      let open = try client(at: time).start
      #expect(throws: HandshakeError.clock(ours: now, theirs: time)) { try server.open(open, at: now) }
    }
    for time in [now - 30_000, now + 30_000] {
      var server = try server()
      _ = try server.open(try client(at: time).start, at: now)
    }
    var server3 = try server()
    _ = try server3.open(try client().start, at: now)
    let challenge = try server3.challenge(at: now, randomness: try Samples.randomness(5))
    var pinned = try client(signer: 9)
    #expect(
      throws: HandshakeError.identity(
        expected: try Samples.key(9).publicKey, actual: try Samples.key(2).publicKey)
    ) { try pinned.receive(challenge, at: now) }
    var late = try client()
    #expect(throws: HandshakeError.clock(ours: now + 30_001, theirs: now)) {
      try late.receive(challenge, at: now + 30_001)
    }
  }

  @Test("fails when a message is sent back to its author")
  func reflection() throws {
    // The signer's own randomness is the client's: a mirror.
    var server = try server()
    var client = try client(fresh: 5)
    _ = try server.open(client.start, at: now)
    let challenge = try server.challenge(at: now, randomness: try Samples.randomness(5))
    #expect(throws: HandshakeError.reflected) { try client.receive(challenge, at: now) }
    // The signer's signature is no proof of the client.
    var other = try self.server()
    _ = try other.open(try self.client().start, at: now)
    let second = try other.challenge(at: now, randomness: try Samples.randomness(5))
    let signature = Array(second.body.suffix(64))
    #expect(throws: HandshakeError.signature) { try other.prove(SignerFrame(.prove, signature)) }
    // A client that shows the signer's own key.
    var mirror = try self.server()
    let own = ClientHandshake(
      key: try Samples.key(2), signer: try Samples.key(2).publicKey, domain: .operator, at: now)
    #expect(throws: HandshakeError.reflected) { try mirror.open(own.start, at: now) }
  }

  @Test("fails for a fresh key of small order", arguments: [UInt8(0), 1])
  func smallOrder(_ first: UInt8) throws {
    var body = try client().start.body
    for index in 34..<66 { body[index] = index == 34 ? first : 0 }
    var server = try server()
    _ = try server.open(SignerFrame(.open, body), at: now)
    // The client signs what was sent, so that only the key itself is wrong.
    let challenge = try server.challenge(at: now, randomness: try Samples.randomness(5))
    #expect(throws: HandshakeError.self) { try server.prove(SignerFrame(.prove, challenge.body.suffix(64))) }
  }

  @Test("takes messages in their order only, and ends at the first that is out of it")
  func order() throws {
    let frame = SignerFrame(.prove, [UInt8](repeating: 0, count: 64))
    var server1 = try server()
    #expect(throws: HandshakeError.order(.prove)) { try server1.prove(frame) }
    var server2 = try server()
    #expect(throws: HandshakeError.order(.challenge)) { try server2.challenge(at: now) }
    var server3 = try server()
    let open = try client().start
    _ = try server3.open(open, at: now)
    #expect(throws: HandshakeError.order(.open)) { try server3.open(open, at: now) }
    #expect(throws: HandshakeError.order(.challenge)) { try server3.challenge(at: now) }
    for kind in SignerFrameKind.allCases where kind != .challenge && kind != .refused {
      var client = try client()
      #expect(throws: HandshakeError.order(kind)) { try client.receive(SignerFrame(kind, []), at: now) }
    }
    var refused = try client()
    #expect(throws: HandshakeError.refused(SignerRefusal(.unknownClient))) {
      try refused.receive(BareRefusal(SignerRefusal(.unknownClient)).frame, at: now)
    }
  }

  @Test("does not accept a grant with any bit turned")
  func grant() throws {
    let signer = try Samples.key(2)
    var client = try client()
    var server = try server()
    _ = try server.open(client.start, at: now)
    guard
      case .send(let proof) = try client.receive(
        try server.challenge(at: now, randomness: try Samples.randomness(5)), at: now)
    else { throw Samples.Missing.step }
    #expect(try server.prove(proof) == (try Samples.key(1)).publicKey)
    let (granted, _) = try server.grant(
      SessionGrant(session: SessionID { _ in 1 }, expires: now + 1, inFlightMax: 1, batchMax: 1),
      client: try ClientName("a"), peer: Samples.peer)
    for bit in 0..<(granted.body.count * 8) {
      var body = granted.body
      body[bit / 8] ^= 1 << UInt8(bit % 8)
      var copy = client
      #expect(throws: HandshakeError.mac) { try copy.receive(SignerFrame(.granted, body), at: now) }
    }
    var copy = client
    #expect(throws: HandshakeError.length(expected: 62, actual: 61)) {
      try copy.receive(SignerFrame(.granted, Array(granted.body.dropLast())), at: now)
    }
    _ = signer
  }
}
