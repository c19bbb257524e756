import Encodings
import Foundation
import KeyVault
import NIOCore
import NIOPosix
import SignerAccess
import SignerService
import SignerWire
import SigningRules
import Synchronization
import Testing
import WireBytes

/// What clients do that are broken or mean, against the real server: each is refused by its name, and a good client still signs.
@Suite("A signer among hostile clients", .timeLimit(.minutes(10)))
struct HostileClientTests {
  /// A good client signs a height that nobody asked for, and its second claim is refused.
  private static func checkGood(_ rig: Rig, height: UInt64 = 1_000) async throws {
    let access = rig.access()
    let signature = try await access.sign(try Rig.request(height: height), key: rig.key.id)
    #expect(signature.count == 65)
    await #expect(
      throws: SignerClientError.refused(SignerRefusal(code: 401, name: "otherRoot", retry: .never))
    ) { try await access.sign(try Rig.request(height: height, root: 9), key: rig.key.id) }
    await access.close()
  }

  private static func stop(_ rig: Rig) async throws {
    try await checkGood(rig)
    await rig.server.stop()
  }

  @Test(
    "refuses bytes that are no frame",
    arguments: [
      ([0xff, 0xff, 0xff, 0xff, 1] as [UInt8], SignerFault.frameTooLarge),
      ([0, 0, 2, 1, 1], .frameTooLarge), ([0, 0, 0, 0, 0], .frameKind), ([0, 0, 0, 0, 99], .frameKind),
      ([UInt8]("GET / HTTP/1.1\r\n\r\n".utf8), .frameTooLarge), ([0, 0, 0, 0, 1], .malformed),
      ([0, 0, 0, 1, 1, 7], .version), ([0, 0, 0, 0, 3], .frameOrder), ([0, 0, 0, 0, 5], .malformed),
      ([0, 0, 0, 0, 2], .frameOrder), ([0, 0, 0, 0, 9], .frameOrder),
    ])
  func garbage(_ bytes: [UInt8], _ fault: SignerFault) async throws {
    let rig = try await Rig.start()
    try await RawConnection.with(rig.socket) { talk in
      try await talk.send(bytes)
      #expect(try await talk.refusal() == fault)
      #expect(try await talk.receive() == nil)
    }
    #expect(rig.server.counters.faults[fault.name] == 1)
    try await Self.stop(rig)
  }

  @Test("refuses strangers, other domains, other versions, other clocks, and replayed openings")
  func handshakes() async throws {
    let rig = try await Rig.start()
    func refusal(of open: SignerFrame) async throws -> SignerFault? {
      try await RawConnection.with(rig.socket) { talk in
        try await talk.send(open)
        return try await talk.refusal()
      }
    }
    func open(_ key: ClientKey, _ domain: KeyDomain = .operator, at now: UInt64 = Rig.now) -> SignerFrame {
      ClientHandshake(key: key, signer: rig.identity.publicKey, domain: domain, at: now).start
    }
    #expect(try await refusal(of: open(ClientKey())) == .unknownClient)
    #expect(try await refusal(of: open(rig.client, .user)) == .domain)
    #expect(try await refusal(of: open(rig.client, at: Rig.now - 30_001)) == .clock)
    #expect(try await refusal(of: open(rig.client, at: Rig.now + 30_001)) == .clock)
    #expect(try await refusal(of: open(rig.identity)) == .keyAgreement)
    var body = open(rig.client).body
    body[0] = 2
    #expect(try await refusal(of: SignerFrame(.open, body)) == .version)
    // What was heard on another connection opens nothing: the challenge is another, and cannot be answered.
    let heard = open(rig.client)
    try await RawConnection.with(rig.socket) { talk in
      try await talk.send(heard)
      #expect(try await talk.receive()?.kind == .challenge)
      try await talk.send(SignerFrame(.prove, [UInt8](repeating: 1, count: 64)))
      #expect(try await talk.refusal() == .signature)
      #expect(try await talk.receive() == nil)
    }
    try await Self.stop(rig)
  }

  @Test("refuses a client that comes as another user than its policy says")
  func otherUser() async throws {
    let rig = try await Rig.start(peers: [.uid(getuid() &+ 1)])
    let access = rig.access()
    await #expect(throws: SignerClientError.refused(SignerRefusal(.peer))) {
      try await access.sign(try Rig.request(height: 1), key: rig.key.id)
    }
    await access.close()
    await rig.server.stop()
  }

  @Test("takes no request twice, on no connection, and not when it is old")
  func replays() async throws {
    let rig = try await Rig.start()
    let item = try rig.item(height: 1)
    let content = try SigningBatch.encode([item])
    let heard = try await RawConnection.with(rig.socket) { talk in
      var session = try await talk.handshake(rig.client, signer: rig.identity)
      let sealed = try session.seal(.sign, content, at: Rig.now)
      try await talk.send(sealed.frame)
      #expect(try await talk.receive()?.kind == .signatures)
      try await talk.send(sealed.frame)
      #expect(try await talk.refusal() == .replayed)
      let stale = try session.seal(.sign, content, at: Rig.now - 30_001)
      try await talk.send(stale.frame)
      #expect(try await talk.refusal() == .stale)
      let ahead = try session.seal(.sign, content, at: Rig.now + 30_001)
      try await talk.send(ahead.frame)
      #expect(try await talk.refusal() == .stale)
      // The connection goes on.
      let answers = try await talk.sign([item], in: &session)
      #expect((try? answers[0].get())?.count == 65)
      // After 4,096 more nonces the first is behind the window.
      for _ in 0..<4_096 { _ = try session.seal(.sign, content, at: Rig.now) }
      _ = try await talk.sign([item], in: &session)
      try await talk.send(sealed.frame)
      #expect(try await talk.refusal() == .nonceTooOld)
      return try session.seal(.sign, content, at: Rig.now).frame
    }
    // A thief replays what it has heard: without the session, and beside one of its own.
    try await RawConnection.with(rig.socket) { talk in
      try await talk.send(heard)
      #expect(try await talk.refusal() == .unknownSession)
      _ = try await talk.handshake(rig.observer, signer: rig.identity)
      try await talk.send(heard)
      #expect(try await talk.refusal() == .unknownSession)
    }
    try await Self.stop(rig)
  }

  @Test("ends a connection whose MAC does not fit, and a session when its time is over")
  func sessions() async throws {
    let rig = try await Rig.start()
    let content = try SigningBatch.encode([try rig.item(height: 1)])
    try await RawConnection.with(rig.socket) { talk in
      var session = try await talk.handshake(rig.client, signer: rig.identity)
      var body = try session.seal(.sign, content, at: Rig.now).frame.body
      body[body.count - 1] ^= 1
      try await talk.send(SignerFrame(.sign, body))
      #expect(try await talk.refusal() == .mac)
      #expect(try await talk.receive() == nil)
    }
    // The stolen name of a session is worth nothing without its key.
    try await RawConnection.with(rig.socket) { talk in
      var session = try await talk.handshake(rig.client, signer: rig.identity)
      let own = session.grant.session
      var other = try await RawConnection.with(rig.socket) { thief in
        try await thief.handshake(rig.observer, signer: rig.identity)
      }
      var body = try other.seal(.sign, content, at: Rig.now).frame.body
      body.replaceSubrange(0..<16, with: own.array)
      try await talk.send(SignerFrame(.sign, body))
      #expect(try await talk.refusal() == .mac)
      _ = try session.seal(.sign, content, at: Rig.now)
    }
    try await RawConnection.with(rig.socket) { talk in
      var session = try await talk.handshake(rig.client, signer: rig.identity)
      rig.clock.advance(milliseconds: 900_000)
      try await talk.send(try session.seal(.sign, content, at: rig.clock.now).frame)
      #expect(try await talk.refusal() == .sessionExpired)
      // Another session, on the same connection.
      var next = try await talk.handshake(rig.client, signer: rig.identity, at: rig.clock.now)
      let answers = try await talk.sign([try rig.item(height: 2)], in: &next, at: rig.clock.now)
      #expect((try? answers[0].get()) != nil)
    }
    try await Self.stop(rig)
  }

  @Test("refuses what a session's request may not be, in the session, and goes on")
  func requests() async throws {
    let rig = try await Rig.start()
    try await RawConnection.with(rig.socket) { talk in
      var session = try await talk.handshake(rig.client, signer: rig.identity)
      func ask(_ content: [UInt8]) async throws -> SignerFault? {
        try await talk.send(try session.seal(.sign, content, at: Rig.now).frame)
        guard let frame = try await talk.receive() else { return nil }
        guard
          case .failure(let refusal)? = try SigningAnswers.decode(
            try session.open(frame).content, expected: 1
          ).first
        else { return nil }
        return refusal.fault
      }
      func administer(_ text: String) async throws -> SignerFault? {
        try await talk.send(try session.seal(.administer, [UInt8](text.utf8), at: Rig.now).frame)
        guard let frame = try await talk.receive() else { return nil }
        guard case .failure(let refusal) = try AdminAnswer.decode(try session.open(frame).content) else {
          return nil
        }
        return refusal.fault
      }
      #expect(try await ask([]) == .malformed)
      #expect(try await ask([0, 0]) == .batchSize)
      #expect(try await ask([0, 65]) == .batchSize)
      #expect(try await ask([UInt8](repeating: 0xff, count: 100_000)) == .batchSize)
      #expect(try await ask([0, 1] + [UInt8](repeating: 0xff, count: 100)) == .malformed)
      let good = try SigningBatch.encode([try rig.item(height: 3)])
      #expect(try await ask(good + [0]) == .malformed)
      #expect(try await ask(Array(good.dropLast())) == .malformed)
      #expect(try await administer("{}") == .malformed)
      #expect(try await administer("{\"operation\":\"reboot\"}") == .operation)
      #expect(try await administer("{ \"operation\":\"status\"}") == .malformed)
      #expect(try await administer(String(repeating: "[", count: 100_000)) == .malformed)
      #expect((try await talk.sign([try rig.item(height: 3)], in: &session)).count == 1)
      // A frame of a kind that does not come from clients ends the connection.
      try await talk.send(SignerFrame(.granted, []))
      #expect(try await talk.refusal() == .frameOrder)
    }
    // The one claim, and that the client uses this purpose.
    #expect(rig.records.state.withLock { $0.committedRecords } == 2)
    #expect(rig.records.state.withLock { $0.records.map(\.first) } == [1, 4])
    try await Self.stop(rig)
  }

  @Test("refuses a purpose that keys of its domain do not serve: a user signer attests nothing")
  func purpose() async throws {
    let rig = try await Rig.start(domain: .user)
    let access = rig.access(domain: .user)
    let request = try Rig.request(height: 1)
    do throws(SignerClientError) {
      _ = try await access.sign(request, key: rig.key.id)
      Issue.record("a user key attested")
    } catch {
      guard case .refused(let refusal) = error else { throw error }
      #expect(refusal.name == "purposeNotOfDomain")
    }
    await access.close()
    let other = rig.access(domain: .operator)
    await #expect(throws: SignerClientError.refused(SignerRefusal(.domain))) {
      try await other.sign(try Rig.request(height: 1), key: rig.key.id)
    }
    await rig.server.stop()
  }

  @Test("is not spoken to when it is another signer than the one that is pinned")
  func impostor() async throws {
    let rig = try await Rig.start()
    let expected = ClientKey().publicKey
    let clock = rig.clock
    let access = SignerClient(
      endpoint: .unix(path: rig.socket), key: rig.client, signer: expected, domain: .operator,
      clock: { clock.now })
    await #expect(
      throws: SignerClientError.identity(expected: expected, actual: rig.identity.publicKey)
    ) { try await access.sign(try Rig.request(height: 1), key: rig.key.id) }
    await access.close()
    try await Self.stop(rig)
  }

  @Test("keeps room for those who show who they are among a thousand who do not")
  func thousandConnections() async throws {
    var limits = ServerLimits()
    limits.connections = 64
    let rig = try await Rig.start(limits: limits)
    let access = rig.access()
    _ = try await access.sign(try Rig.request(height: 1), key: rig.key.id)
    let group = MultiThreadedEventLoopGroup.singleton
    var open: [any Channel] = []
    for number in 0..<1_000 {
      let channel = try await ClientBootstrap(group: group).connect(unixDomainSocketPath: rig.socket).get()
      // Half of them begin a handshake, and say no more.
      if number % 2 == 0 {
        let hello = ClientHandshake(
          key: rig.client, signer: rig.identity.publicKey, domain: .operator, at: Rig.now)
        channel.writeAndFlush(ByteBuffer(bytes: hello.start.encoded()), promise: nil)
      }
      open.append(channel)
      if number % 100 == 0 {
        #expect(rig.server.counters.connections <= 64)
        _ = try await access.sign(try Rig.request(height: 2 + UInt64(number)), key: rig.key.id)
      }
    }
    try await Self.checkGood(rig, height: 5_000)
    for channel in open { try? await channel.close() }
    #expect(rig.server.counters.connectionsSeen >= 1_002)
    await access.close()
    await rig.server.stop()
  }

  @Test("gives one client no more connections than its share")
  func share() async throws {
    var limits = ServerLimits()
    limits.connectionsPerClient = 2
    let rig = try await Rig.start(limits: limits)
    let first = rig.access()
    let second = rig.access()
    let third = rig.access()
    _ = try await first.sign(try Rig.request(height: 1), key: rig.key.id)
    _ = try await second.sign(try Rig.request(height: 2), key: rig.key.id)
    await #expect(throws: SignerClientError.refused(SignerRefusal(.tooManyConnections))) {
      try await third.sign(try Rig.request(height: 3), key: rig.key.id)
    }
    let observer = rig.access(rig.observer)
    _ = try await observer.admin(.status)
    for access in [first, second, third, observer] { await access.close() }
    await rig.server.stop()
  }

  @Test("ends handshakes that do not end, byte by byte too")
  func halfOpen() async throws {
    var limits = ServerLimits()
    limits.handshake = .seconds(1)
    let rig = try await Rig.start(limits: limits)
    try await RawConnection.with(rig.socket) { (talk: inout RawTalk) async throws -> Void in
      #expect(try await talk.refusal() == .handshakeTimeout)
      #expect(try await talk.receive() == nil)
    }
    let hello = ClientHandshake(
      key: rig.client, signer: rig.identity.publicKey, domain: .operator, at: Rig.now
    ).start.encoded()
    try await RawConnection.with(rig.socket) { talk in
      try await talk.send(hello)
      #expect(try await talk.receive()?.kind == .challenge)
      #expect(try await talk.refusal() == .handshakeTimeout)
      #expect(try await talk.receive() == nil)
    }
    try await RawConnection.with(rig.socket) { (talk: inout RawTalk) async throws -> Void in
      // On a busy machine the second is over before the fifty bytes are written.
      do {
        for byte in hello.prefix(50) { try await talk.send([byte]) }
      } catch { return }
      #expect(try await talk.refusal() == .handshakeTimeout)
    }
    #expect(rig.server.counters.faults["handshakeTimeout"] == 3)
    try await Self.stop(rig)
  }

  @Test("cuts off who does not read its answers, and reads no more from it")
  func slowReader() async throws {
    var limits = ServerLimits()
    limits.slowReader = .milliseconds(200)
    limits.unreadBytes = 16 << 10
    let rig = try await Rig.start(limits: limits)
    let ended = try await RawConnection.with(rig.socket) { talk -> Bool in
      var session = try await talk.handshake(rig.client, signer: rig.identity)
      try await talk.channel.setOption(ChannelOptions.autoRead, value: false).get()
      let large = AdminRequest.ceremony(step: "echo", fields: .null)
      // Answers pile up in the kernel first, then with the signer.
      for _ in 0..<40_000 {
        do { try await talk.send(try session.seal(.administer, large.encoded(), at: Rig.now).frame) } catch {
          return true
        }
        guard rig.server.counters.faults["slowReader"] == nil else { return true }
      }
      return false
    }
    #expect(ended)
    #expect(rig.server.counters.faults["slowReader"] == 1)
    try await Self.stop(rig)
  }

  @Test("survives clients that leave in the middle of everything")
  func disconnects() async throws {
    var limits = ServerLimits()
    limits.handshake = .seconds(60)
    let rig = try await Rig.start(limits: limits)
    let hello = ClientHandshake(
      key: rig.client, signer: rig.identity.publicKey, domain: .operator, at: Rig.now
    ).start.encoded()
    for count in [0, 1, 4, 5, 60, hello.count] {
      try await RawConnection.with(rig.socket) { talk in try await talk.send(Array(hello.prefix(count))) }
    }
    for height in UInt64(1)..<30 {
      try await RawConnection.with(rig.socket) { talk in
        var session = try await talk.handshake(rig.client, signer: rig.identity)
        let frame = try session.seal(
          .sign, try SigningBatch.encode([try rig.item(height: height)]), at: Rig.now
        )
        .frame.encoded()
        try await talk.send(height % 2 == 0 ? frame : Array(frame.dropLast(7)))
      }
    }
    try await Self.checkGood(rig)
    // Whether it was read before its client left or not: one of two claims is signed, never both.
    let access = rig.access()
    for height in UInt64(1)..<30 {
      var signed = 0
      for root in [UInt8(2), 1] {
        let request = try Rig.request(height: height, root: root)
        do throws(SignerClientError) {
          _ = try await access.sign(request, key: rig.key.id)
          signed += 1
        } catch {
          guard case .refused(let refusal) = error else { throw error }
          #expect(refusal.name == "otherRoot")
        }
      }
      #expect(signed == 1)
    }
    await access.close()
    await rig.server.stop()
    #expect(rig.server.counters.connections == 0)
  }

  @Test("refuses garbage after a handshake, however it is cut")
  func garbageAfterHandshake() async throws {
    let rig = try await Rig.start()
    for (bytes, fault) in [
      ([0xff, 0xff, 0xff, 0xff, 5] as [UInt8], SignerFault.frameTooLarge),
      ([0, 0, 0, 3, 5, 1, 2, 3], .malformed),
      ([0, 0, 0, 0, 200], .frameKind), ([0, 0, 0, 0, 6], .frameOrder),
    ] {
      try await RawConnection.with(rig.socket) { talk in
        _ = try await talk.handshake(rig.client, signer: rig.identity)
        for byte in bytes { try await talk.send([byte]) }
        #expect(try await talk.refusal() == fault)
        #expect(try await talk.receive() == nil)
      }
    }
    try await Self.stop(rig)
  }

  @Test("takes no more in flight than it has granted")
  func inFlight() async throws {
    var limits = ServerLimits()
    limits.inFlight = 8
    let rig = try await Rig.start(limits: limits)
    try await RawConnection.with(rig.socket) { talk in
      var session = try await talk.handshake(rig.client, signer: rig.identity)
      let answers = try await talk.sign(try (0..<9).map { try rig.item(height: 1 + $0) }, in: &session)
      #expect(answers == Array(repeating: .failure(SignerRefusal(.tooManyInFlight)), count: 9))
      #expect(try await talk.sign(try (0..<8).map { try rig.item(height: 1 + $0) }, in: &session).count == 8)
    }
    let access = rig.access()
    let many = try (0..<9).map { try rig.item(height: 100 + $0) }
    _ = try await access.sign(try rig.item(height: 99).request, key: rig.key.id)
    await #expect(throws: SignerClientError.tooManyInFlight(max: 8)) { try await access.sign(many) }
    await access.close()
    try await Self.stop(rig)
  }
}
