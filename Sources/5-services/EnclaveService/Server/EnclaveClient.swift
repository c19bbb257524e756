public import Enclaves
internal import NIOCore
internal import NIOPosix
internal import Synchronization
public import WireBytes

/// An enclave behind a unix socket. Each call has a connection of its own, so that nothing is kept from one that broke.
public final class EnclaveClient: EnclaveAccess, EnclaveExchange {
  private let path: String
  private let patience: Duration
  private let group: any EventLoopGroup

  /// - Parameters:
  ///   - path: of the socket.
  ///   - patience: how long a call may take, computing included.
  public init(path: String, patience: Duration = .seconds(120)) {
    self.path = path
    self.patience = patience
    group = MultiThreadedEventLoopGroup.singleton
  }

  public func status() async throws(EnclaveAccessError) -> EnclaveStatus { try await askStatus() }
  public func keys() async throws(EnclaveAccessError) -> EnclaveRegistration { try await askKeys() }
  public func evidence(of registration: Bytes32) async throws(EnclaveAccessError) -> EnclaveRegistration {
    try await askEvidence(of: registration)
  }
  public func rotate(_ anchor: EnclaveAnchor) async throws(EnclaveAccessError) -> EnclaveRegistration {
    try await askRotate(anchor)
  }
  public func compute(_ job: ComputationJob) async throws(EnclaveAccessError) -> CaseAnswer {
    try await askCompute(job)
  }
  public func follow(_ block: FollowedBlock) async throws(EnclaveAccessError) -> SignedTransition {
    try await askFollow(block)
  }

  func exchange(_ request: EnclaveRequestFrame) async throws(EnclaveAccessError) -> [UInt8] {
    let message = request.encoded()
    guard message.count <= EnclaveFrames.requestSizeMax else {
      throw .requestLength(max: EnclaveFrames.requestSizeMax, actual: message.count)
    }
    let answer: Result<[UInt8], EnclaveFrameError>
    do {
      let patience = patience
      let channel = try await ClientBootstrap(group: group)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
              AnswerReader(channel.eventLoop.makePromise(), patience))
          }
        }
        .connect(unixDomainSocketPath: path).get()
      let reading = try await channel.pipeline.handler(type: AnswerReader.self).map {
        $0.promise.futureResult
      }.get()
      var buffer = channel.allocator.buffer(capacity: message.count + 4)
      buffer.writeBytes(EnclaveFrames.framed(message))
      // A failure to write shows in the answer, which does not come.
      channel.writeAndFlush(buffer, promise: nil)
      answer = try await reading.get()
    } catch { throw .away }
    let frame: EnclaveAnswerFrame
    do throws(EnclaveFrameError) {
      let bytes = try answer.get()
      frame = try EnclaveAnswerFrame(decoding: bytes.span)
    } catch { throw .frame(error) }
    switch frame {
    case .done(let body): return body
    case .refused(let code, let text): throw .refused(code, text)
    }
  }
}

/// Reads one frame, and closes.
///
/// A class, since NIO's handlers are.
private final class AnswerReader: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  /// Fails when the connection ends before the frame does.
  let promise: EventLoopPromise<Result<[UInt8], EnclaveFrameError>>
  private let patience: Duration
  private var received = ByteBuffer()
  private var isDone = false
  private var clock: Scheduled<Void>?

  init(_ promise: EventLoopPromise<Result<[UInt8], EnclaveFrameError>>, _ patience: Duration) {
    self.promise = promise
    self.patience = patience
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let channel = context.channel
    clock = context.eventLoop.scheduleTask(in: TimeAmount(patience)) { channel.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var piece = unwrapInboundIn(data)
    received.writeBuffer(&piece)
    guard !isDone, let four = received.getBytes(at: received.readerIndex, length: 4) else { return }
    do throws(EnclaveFrameError) {
      let length = try EnclaveFrames.length(four, max: EnclaveFrames.answerSizeMax)
      guard let message = received.getBytes(at: received.readerIndex + 4, length: length) else { return }
      finish(.success(message), context)
    } catch { finish(.failure(error), context) }
  }

  private func finish(_ result: Result<[UInt8], EnclaveFrameError>, _ context: ChannelHandlerContext) {
    isDone = true
    promise.succeed(result)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    clock?.cancel()
    if !isDone {
      isDone = true
      promise.fail(ChannelError.eof)
    }
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
