import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import SignerAccess
import SignerWire
import SigningRules
import Testing

/// A stream to the program that says whatever a test wants: its socket, its TCP port, or TLS over that.
struct RawStream {
  private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  let channel: any Channel
  private var reader = SignerFrameReader(bodySizeMax: SignerLimits.frameSizeMax)

  /// Runs `body` with a stream, and closes it.
  ///
  /// - Parameter tls: nil for the bare socket or port.
  static func with<Value: Sendable>(
    _ signer: ServedSigner, tls: TLSConfiguration? = nil, autoRead: Bool = true,
    _ body: (inout RawStream) async throws -> Value
  ) async throws -> Value {
    let context = try tls.map { try NIOSSLContext(configuration: $0) }
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.autoRead, value: autoRead)
    let prepare: @Sendable (any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> = {
      channel in
      channel.eventLoop.makeCompletedFuture {
        if let context {
          try channel.pipeline.syncOperations.addHandler(
            NIOSSLClientHandler(context: context, serverHostname: nil))
        }
        return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
      }
    }
    let channel =
      switch signer.transport {
      case .unix:
        try await bootstrap.connect(unixDomainSocketPath: signer.socket, channelInitializer: prepare)
      case .tls:
        try await bootstrap.connect(host: "127.0.0.1", port: signer.port, channelInitializer: prepare)
      }
    var value: Value?
    do {
      try await channel.executeThenClose { inbound, outbound in
        var stream = RawStream(
          inbound: inbound.makeAsyncIterator(), outbound: outbound, channel: channel.channel)
        value = try await body(&stream)
      }
    } catch let error as ChannelError {
      // The signer was first to close.
      guard let value else { throw error }
      return value
    }
    return try #require(value)
  }

  /// The same, with the certificate of `name` where the signer listens over TLS.
  static func with<Value: Sendable>(
    _ signer: ServedSigner, as name: String, autoRead: Bool = true,
    _ body: (inout RawStream) async throws -> Value
  ) async throws -> Value {
    try await with(
      signer, tls: signer.transport == .tls ? configuration(signer, name) : nil, autoRead: autoRead, body)
  }

  /// A client's TLS with the certificate of `name`, or none.
  static func configuration(_ signer: ServedSigner, _ name: String?) throws -> TLSConfiguration {
    let path = signer.folder.path
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile("\(path)/root.pem"))
    configuration.certificateVerification = .noHostnameVerification
    if let name {
      configuration.certificateChain = try NIOSSLCertificate.fromPEMFile("\(path)/\(name).pem").map {
        .certificate($0)
      }
      configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: "\(path)/\(name).key", format: .pem))
    }
    return configuration
  }

  func send(_ bytes: [UInt8]) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }
  func send(_ frame: SignerFrame) async throws { try await send(frame.encoded()) }

  /// The next bytes; nil when the signer has ended the stream. TLS's own failures are thrown.
  mutating func bytes() async throws -> [UInt8]? {
    do {
      return try await inbound.next(isolation: #isolation).map { [UInt8]($0.readableBytesView) }
    } catch let error as IOError where error.errnoCode == ECONNRESET {
      return nil
    } catch is ChannelError { return nil }
  }

  /// The next frame; nil when the signer has ended the stream.
  mutating func receive() async throws -> SignerFrame? {
    while true {
      if let frame = try reader.next() { return frame }
      do {
        guard let bytes = try await bytes() else { return nil }
        reader.append(bytes)
      } catch NIOSSLError.uncleanShutdown { return nil }
    }
  }

  /// The refusal that comes next, and its nonce.
  mutating func refusal() async throws -> SignerFault? {
    guard let frame = try await receive(), frame.kind == .refused else { return nil }
    return try BareRefusal(decoding: frame.body).refusal.fault
  }

  mutating func handshake(_ signer: ServedSigner, _ name: String) async throws -> ClientSession {
    var handshake = ClientHandshake(
      key: try #require(signer.keys[name]), signer: signer.identity, domain: .operator, at: Self.now)
    try await send(handshake.start)
    while let frame = try await receive() {
      switch try handshake.receive(frame, at: Self.now) {
      case .send(let next): try await send(next)
      case .finished(let session): return session
      }
    }
    throw ChannelError.eof
  }

  /// A sealed request for one signature.
  static func asking(
    _ signer: ServedSigner, height: UInt64, in session: inout ClientSession, at now: UInt64 = Self.now
  ) throws -> SignerFrame {
    let item = SigningItem(key: signer.key, request: try ServedSigner.request(height: height))
    return try session.seal(.sign, try SigningBatch.encode([item]), at: now).frame
  }

  static var now: UInt64 { UInt64(Date().timeIntervalSince1970 * 1_000) }
}
