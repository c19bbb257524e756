public import Encodings
import NIOCore
import NIOPosix
import NIOSSL
public import SignerWire
public import SigningRules
import Synchronization
public import WireBytes

/// A signer as its clients see it: one connection, one session, many requests in flight.
///
/// Connects when first used, again after a failure (not before a growing wait is over), and renews its session before that
/// ends. A class: tasks share its one connection.
public final class SignerClient: Sendable {
  private typealias Waiter = CheckedContinuation<Result<SessionMessage, SignerClientError>, Never>

  private typealias Opener = CheckedContinuation<Result<Void, SignerClientError>, Never>

  private struct Pending: Sendable {
    let waiter: Waiter
    let weight: Int
    let deadline: ContinuousClock.Instant
  }

  private enum Link: Sendable {
    case none
    /// On its way; those who want it wait.
    case opening(UInt64, [Opener])
    case open(UInt64)
  }

  private struct State: Sendable {
    var link = Link.none
    var nextLink: UInt64 = 1
    var channel: (any Channel)?
    var handshake: ClientHandshake?
    var session: ClientSession?
    /// The session before, for the answers that it still owes.
    var oldSession: ClientSession?
    var renewAt = ContinuousClock.now
    /// By session and nonce.
    var waiting: [SessionID: [UInt64: Pending]] = [:]
    var inFlight = 0
    var isSweeping = false
    /// Handshakes begun, so that the clock of an old one does not end a new one.
    var handshakes: UInt64 = 0
    var failures = 0
    var notBefore = ContinuousClock.now
    var isClosed = false
  }

  private let endpoint: SignerEndpoint
  private let key: ClientKey
  private let signer: Bytes32
  private let domain: KeyDomain
  private let options: SignerClientOptions
  private let clock: @Sendable () -> UInt64
  private let state = Mutex(State())

  /// - Parameters:
  ///   - signer: the identity that is expected; no other signer is spoken to.
  ///   - clock: milliseconds since 1970.
  public init(
    endpoint: SignerEndpoint, key: ClientKey, signer: Bytes32, domain: KeyDomain,
    options: SignerClientOptions = SignerClientOptions(),
    clock: @escaping @Sendable () -> UInt64 = SignerClient.systemClock
  ) {
    self.endpoint = endpoint
    self.key = key
    self.signer = signer
    self.domain = domain
    self.options = options
    self.clock = clock
  }

  // MARK: Asking

  /// A signature by `key` over what the request says.
  public func sign(_ request: SigningRequest, key: KeyID) async throws(SignerClientError) -> [UInt8] {
    let answers = try await sign([SigningItem(key: key, request: request)])
    guard let answer = answers.first else { throw .malformed(.count(limit: 1, actual: 0)) }
    switch answer {
    case .success(let signature): return signature
    case .failure(let refusal): throw .refused(refusal)
    }
  }

  /// An answer for each of 1 to 64 requests, in their order. They are decided in that order, and flushed together.
  public func sign(_ batch: [SigningItem]) async throws(SignerClientError) -> [SigningAnswer] {
    let content: [UInt8]
    do throws(SignerMessageError) { content = try SigningBatch.encode(batch) } catch { throw .batch(error) }
    let answer = try await ask(.sign, content, weight: batch.count)
    do throws(SignerMessageError) {
      return try SigningAnswers.decode(answer, expected: batch.count)
    } catch { throw .malformed(error) }
  }

  /// The answer to an administrative request.
  public func admin(_ request: AdminRequest) async throws(SignerClientError) -> JSONValue {
    let content = request.encoded()
    guard content.count <= ClientSession.contentSizeMax else {
      throw .batch(.form(.overLimit(limit: ClientSession.contentSizeMax, actual: content.count)))
    }
    let answer = try await ask(.administer, content, weight: 1)
    let result: Result<JSONValue, SignerRefusal>
    do throws(SignerMessageError) { result = try AdminAnswer.decode(answer) } catch {
      throw .malformed(error)
    }
    switch result {
    case .success(let json): return json
    case .failure(let refusal): throw .refused(refusal)
    }
  }

  /// The keys that the signer has.
  public func keys() async throws(SignerClientError) -> [SignerKey] {
    guard let list = try await admin(.keys)["keys"]?.array else { throw .malformed(.text) }
    var keys: [SignerKey] = []
    for element in list {
      do throws(AdminRequestError) { keys.append(try SignerKey(json: element)) } catch {
        throw .malformed(.text)
      }
    }
    return keys
  }

  /// Ends the connection; what waits for an answer gets none.
  public func close() async {
    let channel = state.withLock { state in
      state.isClosed = true
      return state.channel
    }
    try? await channel?.close()
  }

  // MARK: One request

  private func ask(
    _ kind: SignerFrameKind, _ content: [UInt8], weight: Int
  ) async throws(SignerClientError) -> [UInt8] {
    // A session may end, and a connection break, just when a request is written: then once more on a new one.
    for attempt in 0..<2 {
      try await connect()
      do throws(SignerClientError) { return try await send(kind, content, weight: weight) } catch {
        guard attempt == 0, case .refused(let refusal) = error, refusal.retry == .newSession else {
          throw error
        }
        state.withLock { $0.renewAt = .now }
      }
    }
    throw .closed
  }

  private func send(
    _ kind: SignerFrameKind, _ content: [UInt8], weight: Int
  ) async throws(SignerClientError) -> [UInt8] {
    let result: Result<SessionMessage, SignerClientError> = await withCheckedContinuation { waiter in
      let failure = state.withLock { state -> SignerClientError? in
        guard !state.isClosed else { return .closed }
        guard var session = state.session, let channel = state.channel else {
          return .unavailable(retryAfterMilliseconds: 100)
        }
        let most = min(options.inFlight, Int(session.grant.inFlightMax))
        guard state.inFlight + weight <= most else { return .tooManyInFlight(max: most) }
        let sealed: (nonce: UInt64, frame: SignerFrame)
        do throws(SessionError) { sealed = try session.seal(kind, content, at: clock()) } catch {
          return .unavailable(retryAfterMilliseconds: 100)
        }
        state.session = session
        state.inFlight += weight
        let id = session.grant.session
        state.waiting[id, default: [:]][sealed.nonce] = Pending(
          waiter: waiter, weight: weight, deadline: .now + options.answer)
        // Written under the lock, so that nonces leave in order.
        channel.writeAndFlush(ByteBuffer(bytes: sealed.frame.encoded()), promise: nil)
        if !state.isSweeping {
          state.isSweeping = true
          sweepLater(channel.eventLoop)
        }
        return nil
      }
      if let failure { waiter.resume(returning: .failure(failure)) }
    }
    return try result.get().content
  }

  /// One clock for all requests: it looks four times in the time that an answer has.
  private func sweepLater(_ loop: any EventLoop) {
    loop.scheduleTask(in: TimeAmount(options.answer / 4)) { [weak self] in self?.sweep(loop) }
  }

  private func sweep(_ loop: any EventLoop) {
    let now = ContinuousClock.now
    let late = state.withLock { state in
      let late = state.waiting.flatMap { session, pending in
        pending.filter { $0.value.deadline <= now }.map { (session, $0.key) }
      }
      state.isSweeping = state.waiting.values.contains { !$0.isEmpty }
      if state.isSweeping { sweepLater(loop) }
      return late
    }
    for (session, nonce) in late { answer(session, nonce, .failure(.timedOut)) }
  }

  private func answer(
    _ session: SessionID, _ nonce: UInt64, _ result: Result<SessionMessage, SignerClientError>
  ) {
    let pending = state.withLock { state -> Pending? in
      guard let pending = state.waiting[session]?.removeValue(forKey: nonce) else { return nil }
      state.inFlight -= pending.weight
      if state.waiting[session]?.isEmpty == true { state.waiting[session] = nil }
      return pending
    }
    pending?.waiter.resume(returning: result)
  }

  // MARK: Connection

  /// Returns when there is a session that is not about to end.
  private func connect() async throws(SignerClientError) {
    enum Plan {
      case ready
      case wait
      case begin(UInt64)
      case renew(any Channel, UInt64)
      case fail(SignerClientError)
    }
    let result: Result<Void, SignerClientError> = await withCheckedContinuation { waiter in
      let plan = state.withLock { state -> Plan in
        guard !state.isClosed else { return .fail(.closed) }
        switch state.link {
        case .open(let number):
          guard state.renewAt <= .now, let channel = state.channel else { return .ready }
          state.link = .opening(number, [waiter])
          return .renew(channel, number)
        case .opening(let number, let waiters):
          state.link = .opening(number, waiters + [waiter])
          return .wait
        case .none:
          let left = state.notBefore - .now
          guard left <= .zero else {
            return .fail(
              .unavailable(retryAfterMilliseconds: UInt32(clamping: Int(left / .milliseconds(1)) + 1)))
          }
          let number = state.nextLink
          state.nextLink += 1
          state.link = .opening(number, [waiter])
          return .begin(number)
        }
      }
      switch plan {
      case .ready: waiter.resume(returning: .success(()))
      case .fail(let error): waiter.resume(returning: .failure(error))
      case .wait: break
      case .begin(let number): begin(number)
      case .renew(let channel, let number): shakeHands(channel, number)
      }
    }
    try result.get()
  }

  private func begin(_ number: UInt64) {
    let context: NIOSSLContext?
    do throws(SignerClientError) { context = try tlsContext() } catch {
      ended(number, error)
      return
    }
    let expectedName: String? = if case .tls(_, _, let tls) = endpoint { tls.signer } else { nil }
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connectTimeout(TimeAmount(options.connect))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let context {
            try channel.pipeline.syncOperations.addHandler(
              NIOSSLClientHandler(context: context, serverHostname: nil))
          }
          try channel.pipeline.syncOperations.addHandler(
            ClientHandler(self, number, expectedName: expectedName))
        }
      }
    let connected =
      switch endpoint {
      case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
      case .tls(let host, let port, _): bootstrap.connect(host: host, port: port)
      }
    connected.whenComplete { [self] result in
      switch result {
      case .success(let channel): shakeHands(channel, number)
      case .failure: ended(number, nil)
      }
    }
  }

  private func tlsContext() throws(SignerClientError) -> NIOSSLContext? {
    guard case .tls(_, _, let tls) = endpoint else { return nil }
    do {
      let chain = try NIOSSLCertificate.fromPEMFile(tls.certificate).map {
        NIOSSLCertificateSource.certificate($0)
      }
      var configuration = TLSConfiguration.makeClientConfiguration()
      configuration.minimumTLSVersion = .tlsv13
      configuration.certificateChain = chain
      configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: tls.key, format: .pem))
      configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(tls.trust))
      configuration.certificateVerification = .noHostnameVerification
      return try NIOSSLContext(configuration: configuration)
    } catch { throw .tls(.files) }
  }

  private func shakeHands(_ channel: any Channel, _ number: UInt64) {
    let handshake = ClientHandshake(key: key, signer: signer, domain: domain, at: clock())
    let attempt = state.withLock { state -> UInt64? in
      guard !state.isClosed, case .opening(number, _) = state.link else { return nil }
      state.channel = channel
      state.handshake = handshake
      state.handshakes += 1
      return state.handshakes
    }
    guard let attempt else {
      channel.close(promise: nil)
      return
    }
    channel.writeAndFlush(ByteBuffer(bytes: handshake.start.encoded()), promise: nil)
    channel.eventLoop.scheduleTask(in: TimeAmount(options.connect)) { [weak self] in
      guard let self else { return }
      let isLate = state.withLock { state -> Bool in
        guard case .opening(number, _) = state.link else { return false }
        return state.handshakes == attempt
      }
      if isLate { channel.close(promise: nil) }
    }
  }
}

extension SignerClient {
  /// Milliseconds since 1970 by the system's clock.
  public static let systemClock: @Sendable () -> UInt64 = {
    SystemTime.milliseconds()
  }
}

// MARK: Frames

extension SignerClient: ClientHandlerOwner {
  func received(_ frame: SignerFrame, on connection: UInt64) {
    switch frame.kind {
    case .challenge, .granted: continueHandshake(frame, connection)
    case .signatures, .administered: take(frame)
    case .refused:
      if let refusal = try? BareRefusal(decoding: frame.body), refusal.nonce != 0 {
        // Nobody vouches for it: the request ends, and only its own session's.
        let id = state.withLock { state in
          state.session.map(\.grant.session).flatMap { id in
            state.waiting[id]?[refusal.nonce] == nil ? state.oldSession?.grant.session : id
          }
        }
        if let id { answer(id, refusal.nonce, .failure(.refused(refusal.refusal))) }
      } else {
        continueHandshake(frame, connection)
      }
    case .open, .prove, .sign, .administer: fail(connection, .handshake(.order(frame.kind)))
    }
  }

  private func take(_ frame: SignerFrame) {
    let sessions = state.withLock { [$0.session, $0.oldSession].compactMap { $0 } }
    for session in sessions {
      do throws(SessionError) {
        let message = try session.open(frame)
        answer(session.grant.session, message.nonce, .success(message))
        return
      } catch { continue }
    }
    // What is of no session of ours is let fall: its request will time out.
  }

  private func continueHandshake(_ frame: SignerFrame, _ connection: UInt64) {
    let waiting = state.withLock { state in
      let handshake = state.handshake
      state.handshake = nil
      return handshake
    }
    guard var handshake = waiting else {
      var failure = SignerClientError.handshake(.order(frame.kind))
      if frame.kind == .refused, let refusal = try? BareRefusal(decoding: frame.body) {
        failure = .refused(refusal.refusal)
      }
      fail(connection, failure)
      return
    }
    do throws(HandshakeError) {
      switch try handshake.receive(frame, at: clock()) {
      case .send(let next):
        let channel = state.withLock { state in
          state.handshake = handshake
          return state.channel
        }
        channel?.writeAndFlush(ByteBuffer(bytes: next.encoded()), promise: nil)
      case .finished(let session): begin(session, connection)
      }
    } catch {
      switch error {
      case .identity(let expected, let actual):
        fail(connection, .identity(expected: expected, actual: actual))
      case .refused(let refusal): fail(connection, .refused(refusal))
      default: fail(connection, .handshake(error))
      }
    }
  }

  private func begin(_ session: ClientSession, _ connection: UInt64) {
    let waiters = state.withLock { state in
      guard case .opening(connection, let waiters) = state.link else {
        return [Opener]()
      }
      state.oldSession = state.session
      state.session = session
      // At three quarters of its life, so that what is in flight then is answered within it.
      state.renewAt = .now + session.lifetime * 3 / 4
      state.link = .open(connection)
      state.failures = 0
      return waiters
    }
    for waiter in waiters { waiter.resume(returning: .success(())) }
  }

  private func fail(_ connection: UInt64, _ error: SignerClientError) {
    let channel = state.withLock { $0.channel }
    ended(connection, error)
    channel?.close(promise: nil)
  }

  /// The connection is over: everybody who waits is told, and the next one does not begin at once.
  func ended(_ connection: UInt64, _ failure: SignerClientError?) {
    let ended = state.withLock { state -> ([Opener], [Waiter], SignerClientError) in
      var openers: [Opener] = []
      switch state.link {
      case .opening(connection, let waiters): openers = waiters
      case .open(connection): break
      case .none, .opening, .open: return ([], [], .closed)
      }
      let waiters = state.waiting.values.flatMap { $0.values.map(\.waiter) }
      state.waiting = [:]
      state.inFlight = 0
      state.link = .none
      state.channel = nil
      state.handshake = nil
      state.session = nil
      state.oldSession = nil
      let shift = min(state.failures, 16)
      let wait = min(options.backoff * (1 << shift), options.backoffMax)
      state.failures += 1
      state.notBefore = .now + wait
      if state.isClosed { return (openers, waiters, .closed) }
      let milliseconds = UInt32(clamping: Int(wait / .milliseconds(1)))
      return (openers, waiters, failure ?? .unavailable(retryAfterMilliseconds: milliseconds))
    }
    for opener in ended.0 { opener.resume(returning: .failure(ended.2)) }
    for waiter in ended.1 { waiter.resume(returning: .failure(ended.2)) }
  }
}
