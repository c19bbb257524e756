import NIOCore
import NIOPosix
import SignerService
import SignerWire
import SigningRules
import Synchronization
import WireBytes

/// A client that says whatever a test wants, byte by byte.
final class RawConnection: Sendable {
  private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

  private init(_ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>) { self.channel = channel }

  /// Runs `body` with a connection to `socket`, and closes it.
  static func with<Value: Sendable>(
    _ socket: String, autoRead: Bool = true,
    _ body: @Sendable (inout RawTalk) async throws -> Value
  ) async throws -> Value {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.autoRead, value: autoRead)
      .connect(unixDomainSocketPath: socket) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      var talk = RawTalk(inbound: inbound.makeAsyncIterator(), outbound: outbound, channel: channel.channel)
      return try await body(&talk)
    }
  }
}

struct RawTalk {
  var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  let channel: any Channel
  private var reader = SignerFrameReader(bodySizeMax: SignerLimits.frameSizeMax)

  init(
    inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
    outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, channel: any Channel
  ) {
    self.inbound = inbound
    self.outbound = outbound
    self.channel = channel
  }

  func send(_ bytes: [UInt8]) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }
  func send(_ frame: SignerFrame) async throws { try await send(frame.encoded()) }

  /// The next frame; nil when the signer has closed the connection.
  mutating func receive() async throws -> SignerFrame? {
    while true {
      if let frame = try reader.next() { return frame }
      let buffer: ByteBuffer?
      // A reset is an end too.
      do { buffer = try await inbound.next(isolation: #isolation) } catch { return nil }
      guard let buffer else { return nil }
      reader.append(buffer.readableBytesView)
    }
  }

  /// The code of the refusal that comes next, and whether the connection ends then.
  mutating func refusal() async throws -> SignerFault? {
    guard let frame = try await receive(), frame.kind == .refused else { return nil }
    return try BareRefusal(decoding: frame.body).refusal.fault
  }

  mutating func handshake(
    _ key: ClientKey, signer: ClientKey, domain: KeyDomain = .operator, at now: UInt64 = Rig.now
  ) async throws -> ClientSession {
    var handshake = ClientHandshake(key: key, signer: signer.publicKey, domain: domain, at: now)
    try await send(handshake.start)
    while let frame = try await receive() {
      switch try handshake.receive(frame, at: now) {
      case .send(let next): try await send(next)
      case .finished(let session): return session
      }
    }
    throw RigError.form
  }

  /// The answers to a batch.
  mutating func sign(
    _ items: [SigningItem], in session: inout ClientSession, at now: UInt64 = Rig.now
  ) async throws -> [SigningAnswer] {
    try await send(try session.seal(.sign, try SigningBatch.encode(items), at: now).frame)
    guard let frame = try await receive() else { throw RigError.form }
    return try SigningAnswers.decode(try session.open(frame).content, expected: items.count)
  }
}
