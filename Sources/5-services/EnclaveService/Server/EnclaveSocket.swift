import Foundation
import NIOCore
import NIOPosix
public import SignerJournal
internal import Synchronization

/// Why no server listens.
public enum EnclaveServerError: Error, Hashable, Sendable {
  /// Longer than the kernel takes (`sun_path`).
  case pathLength(max: Int, actual: Int)
  /// The socket's directory is missing, or another user may enter it.
  case directory
  /// Another process listens there.
  case inUse
  /// Something that is no socket has its name.
  case notASocket
  case files(FileCallError)
  case bind
}

/// How much of itself an enclave gives to its clients.
public struct EnclaveServerLimits: Hashable, Sendable {
  /// Connections at once; one more is closed.
  public var connections = 32
  /// A connection on which nothing moves for this long is closed.
  public var idle = Duration.seconds(120)
  /// From a frame's first byte to its last.
  public var frame = Duration.seconds(30)

  public init() {}
}

/// Serves an enclave on a unix socket, to processes of its own user alone.
///
/// A class: it owns the socket, its event loop and the thread that computes.
public final class EnclaveServer: Sendable {
  /// 108 bytes with the zero at the end (unix(7)).
  static let pathSizeMax = 107

  private let path: String
  private let group: MultiThreadedEventLoopGroup
  private let workers: NIOThreadPool
  private let channel: any Channel
  private let files: any DurableFiles
  private let lock: Int32
  private let isStopped = Mutex(false)

  private init(
    _ path: String, _ group: MultiThreadedEventLoopGroup, _ workers: NIOThreadPool, _ channel: any Channel,
    _ files: any DurableFiles, _ lock: Int32
  ) {
    self.path = path
    self.group = group
    self.workers = workers
    self.channel = channel
    self.files = files
    self.lock = lock
  }

  /// Listens, and answers from then on. The socket's directory is closed to other users.
  public static func start(
    path: String, enclave: Enclave, limits: EnclaveServerLimits = EnclaveServerLimits(),
    files: any DurableFiles = SystemFiles()
  ) async throws(EnclaveServerError) -> EnclaveServer {
    let lock = try takePlace(path, files)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    // The enclave does one thing at a time; a second thread answers what it is while it computes.
    let workers = NIOThreadPool(numberOfThreads: 2)
    workers.start()
    let open = OpenConnections(limits.connections)
    let user = getuid()
    do {
      let channel = try await ServerBootstrap(group: group)
        .serverChannelOption(ChannelOptions.backlog, value: 64)
        .childChannelOption(ChannelOptions.maxMessagesPerRead, value: 4)
        .childChannelInitializer { channel in
          PeerUser.number(of: channel).flatMapThrowing { peer in
            guard peer == user, open.enter() else { throw EnclaveServerError.bind }
            channel.closeFuture.whenComplete { _ in open.leave() }
            try channel.pipeline.syncOperations.addHandler(EnclaveConnection(enclave, workers, limits))
          }
        }
        .bind(unixDomainSocketPath: path).get()
      do { try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path) } catch {
        try? await channel.close()
        throw EnclaveServerError.bind
      }
      return EnclaveServer(path, group, workers, channel, files, lock)
    } catch {
      try? await group.shutdownGracefully()
      try? await workers.shutdownGracefully()
      files.close(lock)
      throw .bind
    }
  }

  /// Takes the place of the socket, and removes what a dead server left there.
  private static func takePlace(_ path: String, _ files: any DurableFiles) throws(EnclaveServerError) -> Int32
  {
    guard path.utf8.count <= pathSizeMax else { throw .pathLength(max: pathSizeMax, actual: path.utf8.count) }
    let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: directory),
      attributes[.type] as? FileAttributeType == .typeDirectory,
      let permissions = (attributes[.posixPermissions] as? NSNumber)?.intValue, permissions & 0o077 == 0
    else { throw .directory }
    let lock: Int32
    do throws(FileCallError) { lock = try files.open(path + ".lock", .make) } catch { throw .files(error) }
    do throws(FileCallError) { try files.lock(lock) } catch {
      files.close(lock)
      throw .inUse
    }
    // Links are not followed there.
    if let old = try? FileManager.default.attributesOfItem(atPath: path) {
      guard old[.type] as? FileAttributeType == .typeSocket else {
        files.close(lock)
        throw .notASocket
      }
      do throws(FileCallError) { try files.remove(path) } catch {
        files.close(lock)
        throw .files(error)
      }
    }
    return lock
  }

  /// Closes the socket and its connections, and waits for what is being computed.
  public func stop() async {
    guard
      !isStopped.withLock({ stopped in
        defer { stopped = true }
        return stopped
      })
    else { return }
    try? await channel.close()
    try? await workers.shutdownGracefully()
    try? await group.shutdownGracefully()
    try? files.remove(path)
    files.close(lock)
  }
}

/// Connections that are open, counted.
private final class OpenConnections: Sendable {
  private let max: Int
  private let count = Mutex(0)

  init(_ max: Int) { self.max = max }

  func enter() -> Bool {
    count.withLock { count in
      guard count < max else { return false }
      count += 1
      return true
    }
  }

  func leave() { count.withLock { $0 -= 1 } }
}

/// Who is at the other end of a unix socket, as the kernel says.
private enum PeerUser {
  static func number(of channel: any Channel) -> EventLoopFuture<UInt32> {
    #if os(Linux)
      guard let options = channel as? any SocketOptionProvider else {
        return channel.eventLoop.makeFailedFuture(EnclaveServerError.bind)
      }
      // SO_PEERCRED of unix(7), the credentials at the time of connect(2): pid, uid, gid, 32 bits each.
      return options.unsafeGetSocketOption(level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
        .map { (credentials: InlineArray<3, UInt32>) in credentials[1] }
    #else
      // Who connects cannot be told, so nobody may.
      return channel.eventLoop.makeFailedFuture(EnclaveServerError.bind)
    #endif
  }
}

/// One connection: cuts frames, has one request worked on at a time, writes answers. All on its event loop.
///
/// A class, since NIO's handlers are.
final class EnclaveConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let enclave: Enclave
  private let workers: NIOThreadPool
  private let limits: EnclaveServerLimits
  private var received = ByteBuffer()
  private var isWorking = false
  private var context: ChannelHandlerContext?
  private var deadline: Scheduled<Void>?

  init(_ enclave: Enclave, _ workers: NIOThreadPool, _ limits: EnclaveServerLimits) {
    self.enclave = enclave
    self.workers = workers
    self.limits = limits
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    wait(limits.idle)
  }

  func handlerRemoved(context: ChannelHandlerContext) { leave() }

  func channelInactive(context: ChannelHandlerContext) {
    leave()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func leave() {
    deadline?.cancel()
    deadline = nil
    context = nil
  }

  /// Closes the connection after `patience`, unless something happens before.
  private func wait(_ patience: Duration?) {
    deadline?.cancel()
    deadline = nil
    guard let patience, let context else { return }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: TimeAmount(patience)) {
      bound.value.context?.close(promise: nil)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let wasEmpty = received.readableBytes == 0
    var piece = unwrapInboundIn(data)
    received.writeBuffer(&piece)
    if wasEmpty, !isWorking { wait(limits.frame) }
    work()
  }

  private func work() {
    guard !isWorking, let context else { return }
    guard let four = received.getBytes(at: received.readerIndex, length: 4) else { return }
    let length: Int
    do throws(EnclaveFrameError) {
      length = try EnclaveFrames.length(four, max: EnclaveFrames.requestSizeMax)
    } catch {
      // Where the next frame begins is not known any more.
      context.close(promise: nil)
      return
    }
    guard let message = received.getBytes(at: received.readerIndex + 4, length: length) else { return }
    received.moveReaderIndex(forwardBy: 4 + length)
    received.discardReadBytes()
    let request: EnclaveRequestFrame
    do throws(EnclaveFrameError) { request = try EnclaveRequestFrame(decoding: message.span) } catch {
      send(.refused(.malformed, "\(error)"))
      return
    }
    // What it is doing is told at once, also while it computes.
    if request.call == .status {
      send(EnclaveDispatch.answer(request, of: enclave))
      return
    }
    isWorking = true
    wait(nil)
    // Nothing more is read while it is worked on: what comes stays with the sender.
    context.channel.setOption(ChannelOptions.autoRead, value: false).whenFailure { _ in }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let enclave = enclave
    workers.runIfActive(eventLoop: context.eventLoop) { EnclaveDispatch.answer(request, of: enclave) }
      .whenComplete { result in
        let connection = bound.value
        connection.isWorking = false
        switch result {
        case .success(let answer): connection.send(answer)
        case .failure: connection.context?.close(promise: nil)
        }
      }
  }

  private func send(_ answer: EnclaveAnswerFrame) {
    guard let context else { return }
    var buffer = context.channel.allocator.buffer(capacity: 0)
    buffer.writeBytes(EnclaveFrames.framed(answer.encoded()))
    context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    wait(limits.idle)
    context.channel.setOption(ChannelOptions.autoRead, value: true).whenFailure { _ in }
    work()
  }
}
