import Foundation
import LightClients
import NIOCore
import NIOPosix
import SignerAccess
import SignerWire
import SigningRules
import Testing
import WireBytes

/// What hostile clients can do to the process: its memory, its files, its time for others. What each frame is refused with is in
/// SignerServiceTests.
/// Far below what a client could hold up if it could, and above what a busy machine adds.
private let patience = Duration.seconds(60)

@Suite("causeway-signer among hostile clients", .serialized, .timeLimit(.minutes(10)))
struct HostileProgramTests {
  /// A process that serves anew takes so much more, at the most, whatever is done to it: in KiB.
  private static let memoryMax = 160 << 10

  /// A good client that signs a height each time it is asked, on one connection.
  private struct Honest {
    let access: SignerClient
    let key: KeyID
    private var height: UInt64 = 1_000_000

    init(_ signer: ServedSigner) throws {
      access = try signer.access()
      key = signer.key
    }

    /// - Returns: how long the answer took.
    mutating func sign() async throws -> Duration {
      height += 1
      let start = ContinuousClock.now
      let signature = try await access.sign(try ServedSigner.request(height: height), key: key)
      #expect(signature.count == 65)
      return ContinuousClock.now - start
    }
  }

  @Test(
    "refuses what is too large, malformed, replayed, stale or of another domain or purpose, and serves on",
    arguments: ServedSigner.Transport.allCases)
  func frames(_ transport: ServedSigner.Transport) async throws {
    try await OwnThreads.run {
      let signer = try ServedSigner(transport)
      for (bytes, fault) in [
        ([0xff, 0xff, 0xff, 0xff, 1] as [UInt8], SignerFault.frameTooLarge), ([0, 0, 0, 0, 99], .frameKind),
        ([0, 0, 0, 0, 1], .malformed), ([0, 0, 0, 1, 1, 7], .version), ([0, 0, 0, 0, 2], .frameOrder),
      ] {
        try await RawStream.with(signer, as: "client") { stream in
          try await stream.send(bytes)
          #expect(try await stream.refusal() == fault)
          #expect(try await stream.receive() == nil)
        }
      }
      let key = try #require(signer.keys["client"])
      let user = ClientHandshake(key: key, signer: signer.identity, domain: .user, at: RawStream.now).start
      let late = ClientHandshake(
        key: key, signer: signer.identity, domain: .operator, at: RawStream.now - 60_000
      ).start
      for (frame, fault) in [(user, SignerFault.domain), (late, .clock)] {
        try await RawStream.with(signer, as: "client") { stream in
          try await stream.send(frame)
          #expect(try await stream.refusal() == fault)
        }
      }
      try await RawStream.with(signer, as: "client") { stream in
        var session = try await stream.handshake(signer, "client")
        let frame = try RawStream.asking(signer, height: 1, in: &session)
        try await stream.send(frame)
        #expect(try await stream.receive()?.kind == .signatures)
        try await stream.send(frame)
        #expect(try await stream.refusal() == .replayed)
        try await stream.send(
          try RawStream.asking(signer, height: 2, in: &session, at: RawStream.now - 60_000))
        #expect(try await stream.refusal() == .stale)
        // Cut in the middle, and gone.
        try await stream.send(
          Array(try RawStream.asking(signer, height: 3, in: &session).encoded().dropLast(9)))
      }
      // A vote, with a key that only attests.
      let vote = try VoteStatement(
        chainID: "demo-1", kind: .precommit, height: 1, round: 0, blockID: nil,
        timestamp: .init(seconds: 1_700_000_000, nanoseconds: 0))
      let access = try signer.access()
      do throws(SignerClientError) {
        _ = try await access.sign(.vote(vote), key: signer.key)
        Issue.record("a key for attestations voted")
      } catch {
        guard case .refused(let refusal) = error else { throw error }
        #expect(refusal.name == "purposeNotOfKey")
      }
      await access.close()
      for height in [UInt64(2), 3] { try await signer.checkServes(height: height) }
      #expect(signer.stop() == 0)
    }
  }

  @Test(
    "keeps its memory, its files and its honest client among a thousand connections",
    arguments: ServedSigner.Transport.allCases)
  func thousand(_ transport: ServedSigner.Transport) async throws {
    try await OwnThreads.run {
      let signer = try ServedSigner(transport)
      var honest = try Honest(signer)
      _ = try await honest.sign()
      let before = try signer.memory().now
      let hello = ClientHandshake(
        key: try #require(signer.keys["client"]), signer: signer.identity, domain: .operator,
        at: RawStream.now
      ).start.encoded()
      var slowest = Duration.zero
      var open: [any Channel] = []
      for number in 0..<1_000 {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        let channel =
          switch transport {
          case .unix: try await bootstrap.connect(unixDomainSocketPath: signer.socket).get()
          case .tls: try await bootstrap.connect(host: "127.0.0.1", port: signer.port).get()
          }
        open.append(channel)
        // Half say nothing; others begin: frames on the socket, over TLS the head of a record that never ends.
        if number % 2 == 0 {
          let bytes = transport == .unix ? hello : [0x16, 3, 1, 0x40, 0] + [UInt8](repeating: 1, count: 500)
          channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
        }
        if number % 50 == 0 { slowest = max(slowest, try await honest.sign()) }
        // 256 connections, and what else it has open.
        if number % 50 == 0, let files = signer.openFiles { #expect(files < 330, "after \(number)") }
      }
      let during = try signer.memory().highest
      #expect(during - before < Self.memoryMax, "\(before) KiB, then \(during)")
      #expect(slowest < patience)
      for channel in open { try? await channel.close() }
      await honest.access.close()
      try await signer.checkServes(height: 1)
      #expect(signer.stop() == 0)
    }
  }

  @Test(
    "ends handshakes that go on byte by byte, of its frames and of TLS, in its own time",
    arguments: ServedSigner.Transport.allCases, [true, false])
  func slowWriters(_ transport: ServedSigner.Transport, _ isBare: Bool) async throws {
    try await OwnThreads.run {
      let signer = try ServedSigner(transport)
      var honest = try Honest(signer)
      let hello = ClientHandshake(
        key: try #require(signer.keys["client"]), signer: signer.identity, domain: .operator,
        at: RawStream.now
      ).start.encoded()
      // On the bare port of TLS: the head of a record of 16 KiB, and then of its content.
      let bytes = transport == .tls && isBare ? [0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc] + hello : hello
      async let took = Self.write(bytes, slowlyTo: signer, isBare: isBare)
      for _ in 0..<20 { #expect(try await honest.sign() < patience) }
      // 5 s from the connection to the session, one for the farewell; byte by byte it would have gone on for longer than this.
      #expect(try await took < patience)
      if let files = signer.openFiles { #expect(files < 80) }
      await honest.access.close()
      try await signer.checkServes(height: 1)
      #expect(signer.stop() == 0)
    }
  }

  /// - Returns: how long the signer bore it.
  private static func write(
    _ bytes: [UInt8], slowlyTo signer: ServedSigner, isBare: Bool
  ) async throws -> Duration {
    let tls = signer.transport == .tls && !isBare ? try RawStream.configuration(signer, "client") : nil
    return try await RawStream.with(signer, tls: tls) { stream in
      let start = ContinuousClock.now
      let outbound = stream.outbound
      let writing = Task {
        for byte in bytes + [UInt8](repeating: 0, count: 1_000) {
          try await outbound.write(ByteBuffer(bytes: [byte]))
          try await Task.sleep(for: .milliseconds(100))
        }
      }
      defer { writing.cancel() }
      // Its refusal, or a reset, and then its end.
      do { while try await stream.bytes() != nil {} } catch {}
      return ContinuousClock.now - start
    }
  }

  @Test(
    "cuts off who asks and does not read, and who floods it, without growing",
    arguments: ServedSigner.Transport.allCases)
  func slowReaders(_ transport: ServedSigner.Transport) async throws {
    try await OwnThreads.run {
      let signer = try ServedSigner(transport)
      var honest = try Honest(signer)
      _ = try await honest.sign()
      let before = try signer.memory().now
      try await withThrowingTaskGroup(of: Void.self) { group in
        let (counted, told) = AsyncStream<Void>.makeStream()
        for _ in 0..<4 {
          group.addTask { try await Self.askWithoutReading(signer, until: counted) }
        }
        for _ in 0..<20 { #expect(try await honest.sign() < patience) }
        // The signer's own word for it: 5 s after the answers no longer fit, however much of the questions lies in buffers.
        let start = ContinuousClock.now
        while try await signer.faults()["slowReader"] != 4, ContinuousClock.now - start < .seconds(120) {
          try await Task.sleep(for: .milliseconds(200))
        }
        #expect(try await signer.faults()["slowReader"] == 4)
        told.finish()
        try await group.waitForAll()
      }
      // Bodies of a mebibyte, none of which says anything.
      for _ in 0..<8 {
        try await RawStream.with(signer, as: "client") { stream in
          _ = try await stream.handshake(signer, "client")
          let body = [UInt8](repeating: 0xee, count: SignerLimits.frameSizeMax)
          try await stream.send(SignerFrame(.sign, body))
          #expect(try await stream.refusal() == .unknownSession)
        }
        #expect(try await honest.sign() < patience)
      }
      let after = try signer.memory().highest
      #expect(after - before < Self.memoryMax, "\(before) KiB, then \(after)")
      await honest.access.close()
      try await signer.checkServes(height: 1)
      #expect(signer.stop() == 0)
    }
  }

  /// Asks until the signer ends the stream or nothing more is to be asked; reads only when `counted` is over, to the stream's end.
  ///
  /// Whether a write fails is chance: what the kernels' buffers and TLS take in goes nowhere, and nobody says so.
  private static func askWithoutReading(_ signer: ServedSigner, until counted: AsyncStream<Void>) async throws
  {
    try await RawStream.with(signer, as: "admin") { stream in
      var session = try await stream.handshake(signer, "admin")
      try await stream.channel.setOption(ChannelOptions.autoRead, value: false).get()
      let asking = AdminRequest.policy.encoded()
      do {
        for _ in 0..<100_000 {
          try await stream.send(try session.seal(.administer, asking, at: RawStream.now).frame)
        }
      } catch {}
      for await _ in counted {}
      // Whoever was not cut off would be answered on and on, and waited for in vain.
      do {
        try await stream.channel.setOption(ChannelOptions.autoRead, value: true).get()
        while try await stream.bytes() != nil {}
      } catch {}
    }
  }
}
