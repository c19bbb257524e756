import Foundation
import NIOCore
import NIOPosix
import NIOSSL
public import SignerWire
public import SigningRules
import Synchronization

/// Files that make a signer, or a client, known over TLS.
public struct SignerTLSFiles: Hashable, Sendable {
  /// PEM: the leaf first, then what leads to the root.
  public let certificate: String
  public let key: String
  /// PEM: the roots that peers' certificates lead to. No others are trusted.
  public let trust: String

  public init(certificate: String, key: String, trust: String) {
    self.certificate = certificate
    self.key = key
    self.trust = trust
  }
}

/// Where a signer listens.
public enum SignerAddress: Hashable, Sendable {
  /// A socket of this machine; the kernel says who the peer is.
  case unix(path: String)
  /// Mutual TLS 1.3; port 0 lets the system choose.
  case tls(host: String, port: Int, SignerTLSFiles)
}

/// Why no server listens.
public enum SignerServerError: Error, Hashable, Sendable {
  case socket(UnixSocketError)
  /// Certificate, key or roots cannot be read, or do not fit.
  case tls
  case bind
}

/// Serves one signing core over one address.
///
/// A class: it owns the socket, its event loop and the connections.
public final class SignerServer: Sendable {
  /// The port, over TLS.
  public let port: Int?
  private let group: MultiThreadedEventLoopGroup
  private let channel: any Channel
  private let registry: ConnectionRegistry
  private let socket: UnixSocketFile?
  private let core: SigningCore
  private let isStopped = Mutex(false)

  private init(
    port: Int?, group: MultiThreadedEventLoopGroup, channel: any Channel, registry: ConnectionRegistry,
    socket: UnixSocketFile?, core: SigningCore
  ) {
    self.port = port
    self.group = group
    self.channel = channel
    self.registry = registry
    self.socket = socket
    self.core = core
  }

  /// Listens, and answers from then on.
  ///
  /// - Parameter clients: the directory that the core's state keeps up to date.
  public static func start(
    _ address: SignerAddress, core: SigningCore, clients: ClientDirectory, identity: any SignerIdentity,
    domain: KeyDomain, limits: ServerLimits = ServerLimits()
  ) async throws(SignerServerError) -> SignerServer {
    let parts = ServerParts(
      core: core, clients: clients, identity: identity, domain: domain, limits: limits,
      refusals: RefusalRate(max: limits.auditedRefusals))
    let registry = ConnectionRegistry(limits)
    // The event loop reads, checks MACs and writes; deciding and signing have threads of their own.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do throws(SignerServerError) {
      switch address {
      case .unix(let path): return try await listen(unix: path, parts, registry, group)
      case .tls(let host, let port, let files):
        return try await listen(host, port, files, parts, registry, group)
      }
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
  }

  private static func listen(
    unix path: String, _ parts: ServerParts, _ registry: ConnectionRegistry,
    _ group: MultiThreadedEventLoopGroup
  ) async throws(SignerServerError) -> SignerServer {
    var socket: UnixSocketFile
    do throws(UnixSocketError) { socket = try UnixSocketFile(path: path) } catch { throw .socket(error) }
    let channel: any Channel
    do {
      channel = try await bootstrap(group, parts)
        .childChannelInitializer { channel in
          PeerCredentials.userID(of: channel).flatMapThrowing { user in
            try Self.add(channel, parts, registry, peer: .uid(user), tls: nil)
          }
        }
        .bind(unixDomainSocketPath: path).get()
    } catch {
      socket.release()
      throw .socket(.bind)
    }
    do throws(UnixSocketError) { try socket.made() } catch {
      try? await channel.close()
      socket.release()
      throw .socket(error)
    }
    return SignerServer(
      port: nil, group: group, channel: channel, registry: registry, socket: socket, core: parts.core)
  }

  private static func listen(
    _ host: String, _ port: Int, _ files: SignerTLSFiles, _ parts: ServerParts,
    _ registry: ConnectionRegistry,
    _ group: MultiThreadedEventLoopGroup
  ) async throws(SignerServerError) -> SignerServer {
    let tls: NIOSSLContext
    do {
      let chain = try NIOSSLCertificate.fromPEMFile(files.certificate).map {
        NIOSSLCertificateSource.certificate($0)
      }
      let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain, privateKey: .privateKey(key))
      configuration.minimumTLSVersion = .tlsv13
      configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(files.trust))
      // Chain and dates are TLS's to check; names are not host names here, but URIs.
      configuration.certificateVerification = .noHostnameVerification
      configuration.shutdownTimeout = .seconds(1)
      tls = try NIOSSLContext(configuration: configuration)
    } catch { throw .tls }
    do {
      let channel = try await bootstrap(group, parts)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try Self.add(channel, parts, registry, peer: nil, tls: tls)
          }
        }
        .bind(host: host, port: port).get()
      guard let bound = channel.localAddress?.port else {
        try? await channel.close()
        throw SignerServerError.bind
      }
      return SignerServer(
        port: bound, group: group, channel: channel, registry: registry, socket: nil, core: parts.core)
    } catch { throw .bind }
  }

  private static func bootstrap(
    _ group: MultiThreadedEventLoopGroup, _ parts: ServerParts
  ) -> ServerBootstrap {
    let unread = parts.limits.unreadBytes
    return ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 256)
      .childChannelOption(.writeBufferWaterMark, value: .init(low: unread / 4, high: unread))
  }

  /// Counts the connection in, and gives it its handlers.
  private static func add(
    _ channel: any Channel, _ parts: ServerParts, _ registry: ConnectionRegistry, peer: ClientPeer?,
    tls: NIOSSLContext?
  ) throws {
    parts.core.count { $0.connectionsSeen += 1 }
    let number: ConnectionRegistry.Number
    do throws(SignerFault) {
      let entry = try registry.enter(channel)
      number = entry.number
      entry.pushedOut?.cutOff()
    } catch {
      parts.core.count { $0.faults[error.name, default: 0] += 1 }
      throw error
    }
    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
    try channel.pipeline.syncOperations.addHandler(SignerConnection(parts, registry, number, peer: peer))
  }

  /// What came of it so far.
  public var counters: SignerCounters {
    var counters = core.counters
    counters.connections = registry.count
    return counters
  }

  /// Listens no more, lets the core answer what waits, and closes every connection.
  public func stop() async {
    let isFirst = isStopped.withLock { stopped in
      defer { stopped = true }
      return !stopped
    }
    guard isFirst else { return }
    try? await channel.close()
    await core.drain()
    // The answers were handed to the event loop before the core ended; one turn of it writes them.
    try? await group.next().submit {}.get()
    try? await group.next().submit {}.get()
    for connection in registry.close() { try? await connection.close() }
    socket?.release()
    try? await group.shutdownGracefully()
  }
}
