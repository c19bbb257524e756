import SignerWire
import SigningRules
import Testing
import WireBytes

@Suite("Sessions")
struct SessionTests {
  private let now = Samples.now

  @Test("take each request once, in any order within the window")
  func replay() throws {
    var pair = try Samples.session()
    var frames: [SignerFrame] = []
    for _ in 0..<5_000 { frames.append(try pair.client.seal(.sign, [1], at: now).frame) }
    // Nonces 2, 1, 4, 3, …
    for index in stride(from: 0, to: 200, by: 2) {
      for place in [index + 1, index] {
        #expect(try pair.signer.open(frames[place], from: Samples.peer, at: now).nonce == UInt64(place + 1))
      }
    }
    for place in 0..<200 {
      #expect(throws: SessionError.replayed(UInt64(place + 1))) {
        try pair.signer.open(frames[place], from: Samples.peer, at: now)
      }
    }
    // The last one moves the window: 4,096 wide, so 904 is behind it and 905 is not.
    _ = try pair.signer.open(frames[4_999], from: Samples.peer, at: now)
    #expect(throws: SessionError.tooOld(904)) {
      try pair.signer.open(frames[903], from: Samples.peer, at: now)
    }
    #expect(try pair.signer.open(frames[904], from: Samples.peer, at: now).nonce == 905)
    #expect(throws: SessionError.tooOld(1)) { try pair.signer.open(frames[0], from: Samples.peer, at: now) }
  }

  @Test("refuse each bit that was turned, and use up no nonce by that")
  func tampering() throws {
    var pair = try Samples.session()
    let frame = try pair.client.seal(.sign, [1, 2, 3, 4], at: now).frame
    for bit in 0..<(frame.body.count * 8) {
      var body = frame.body
      body[bit / 8] ^= 1 << UInt8(bit % 8)
      let expected: SessionError = bit < 128 ? .otherSession : .mac
      #expect(throws: expected) {
        try pair.signer.open(SignerFrame(.sign, body), from: Samples.peer, at: now)
      }
    }
    // The kind is under the MAC too.
    #expect(throws: SessionError.mac) {
      try pair.signer.open(SignerFrame(.administer, frame.body), from: Samples.peer, at: now)
    }
    for count in 0..<frame.body.count {
      #expect(throws: SessionError.self) {
        try pair.signer.open(
          SignerFrame(.sign, Array(frame.body.prefix(count))), from: Samples.peer, at: now)
      }
    }
    #expect(throws: SessionError.length(min: 64, actual: 63)) {
      try pair.signer.open(SignerFrame(.sign, Array(frame.body.prefix(63))), from: Samples.peer, at: now)
    }
    #expect(try pair.signer.open(frame, from: Samples.peer, at: now).content == [1, 2, 3, 4])
  }

  @Test("end, and take nothing outside the horizon")
  func times() throws {
    var pair = try Samples.session(expires: now + 100_000)
    let early = try pair.client.seal(.sign, [], at: now).frame
    #expect(throws: SessionError.stale(ours: now + 30_001, theirs: now)) {
      try pair.signer.open(early, from: Samples.peer, at: now + 30_001)
    }
    #expect(try pair.signer.open(early, from: Samples.peer, at: now + 30_000).nonce == 1)
    let ahead = try pair.client.seal(.sign, [], at: now + 30_001).frame
    #expect(throws: SessionError.stale(ours: now, theirs: now + 30_001)) {
      try pair.signer.open(ahead, from: Samples.peer, at: now)
    }
    let last = try pair.client.seal(.sign, [], at: now + 99_999).frame
    #expect(throws: SessionError.expired(at: now + 100_000)) {
      try pair.signer.open(last, from: Samples.peer, at: now + 100_000)
    }
    #expect(try pair.signer.open(last, from: Samples.peer, at: now + 99_999).nonce == 3)
    // Clocks at their ends trap nothing.
    #expect(throws: SessionError.expired(at: now + 100_000)) {
      try pair.signer.open(last, from: Samples.peer, at: .max)
    }
    #expect(throws: SessionError.stale(ours: 0, theirs: now + 99_999)) {
      try pair.signer.open(last, from: Samples.peer, at: 0)
    }
  }

  @Test("are of no use to another peer, and their name is of no use without their key")
  func stolen() throws {
    var pair = try Samples.session()
    let frame = try pair.client.seal(.sign, [1], at: now).frame
    for peer in [ClientPeer.uid(1_001), .spiffe("spiffe://example.org/attester")] {
      #expect(throws: SessionError.peer) { try pair.signer.open(frame, from: peer, at: now) }
    }
    // A thief who knows the name and sends a frame under keys of its own session.
    var other = try OtherSession.with(name: 3)
    let forged = try other.seal(.sign, [1], at: now).frame
    #expect(throws: SessionError.mac) { try pair.signer.open(forged, from: Samples.peer, at: now) }
    var elsewhere = try Samples.session(number: 8)
    let foreign = try elsewhere.client.seal(.sign, [1], at: now).frame
    #expect(throws: SessionError.otherSession) {
      try pair.signer.open(foreign, from: Samples.peer, at: now)
    }
  }

  @Test("do not take what is sent back: each direction has its own key")
  func reflection() throws {
    var pair = try Samples.session()
    let request = try pair.client.seal(.sign, [1], at: now).frame
    let answer = try pair.signer.seal(.signatures, [1], nonce: 1, at: now)
    #expect(throws: SessionError.mac) { try pair.client.open(SignerFrame(.signatures, request.body)) }
    #expect(throws: SessionError.order(.sign)) { try pair.client.open(request) }
    #expect(throws: SessionError.mac) {
      try pair.signer.open(SignerFrame(.sign, answer.body), from: Samples.peer, at: now)
    }
    #expect(throws: SessionError.order(.signatures)) {
      try pair.signer.open(answer, from: Samples.peer, at: now)
    }
    #expect(throws: SessionError.order(.granted)) { try pair.client.seal(.granted, [], at: now) }
    #expect(throws: SessionError.order(.sign)) { try pair.signer.seal(.sign, [], nonce: 1, at: now) }
  }

  @Test("answers with any bit turned are refused")
  func answers() throws {
    let pair = try Samples.session()
    let answer = try pair.signer.seal(.signatures, [1, 2], nonce: 1, at: now)
    for bit in 0..<(answer.body.count * 8) {
      var body = answer.body
      body[bit / 8] ^= 1 << UInt8(bit % 8)
      let expected: SessionError = bit < 128 ? .otherSession : .mac
      #expect(throws: expected) { try pair.client.open(SignerFrame(.signatures, body)) }
    }
  }

  @Test("the window of nonces takes each once, whatever the order", arguments: [UInt64(1), 2, 3])
  func window(seed: UInt64) throws {
    var state = seed &* 0x9e37_79b9_7f4a_7c15
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    var window = NonceWindow()
    var used: Set<UInt64> = []
    var highest: UInt64 = 0
    for _ in 0..<20_000 {
      let nonce =
        highest < 100 ? next() % 200 : highest - 100 &+ next() % 5_000 % (next() % 7 == 0 ? 5_000 : 150)
      do throws(NonceWindow.Refusal) {
        try window.use(nonce)
        #expect(nonce > 0 && !used.contains(nonce))
        #expect(highest < 4_096 || nonce > highest - 4_096)
        used.insert(nonce)
        highest = max(highest, nonce)
      } catch {
        switch error {
        case .zero: #expect(nonce == 0)
        case .replayed: #expect(used.contains(nonce))
        case .tooOld: #expect(highest - nonce >= 4_096)
        }
      }
    }
    var end = NonceWindow()
    try end.use(.max)
    #expect(throws: NonceWindow.Refusal.replayed) { try end.use(.max) }
    try end.use(.max - 4_095)
    #expect(throws: NonceWindow.Refusal.tooOld) { try end.use(.max - 4_096) }
  }
}

enum OtherSession {
  /// A session with the same name and other keys.
  static func with(name: UInt8) throws -> ClientSession {
    let signer = try Samples.key(2)
    var client = ClientHandshake(
      key: try Samples.key(6), signer: signer.publicKey, domain: .operator, at: Samples.now,
      randomness: try Samples.randomness(7))
    var server = ServerHandshake(identity: signer, domain: .operator)
    _ = try server.open(client.start, at: Samples.now)
    let challenge = try server.challenge(at: Samples.now, randomness: try Samples.randomness(8))
    guard case .send(let proof) = try client.receive(challenge, at: Samples.now) else {
      throw Samples.Missing.step
    }
    try server.prove(proof)
    let (granted, _) = try server.grant(
      SessionGrant(
        session: SessionID { _ in name }, expires: Samples.now + 900_000, inFlightMax: 16, batchMax: 64),
      client: try ClientName("attester-0"), peer: Samples.peer)
    guard case .finished(let session) = try client.receive(granted, at: Samples.now) else {
      throw Samples.Missing.step
    }
    return session
  }
}
