import Foundation
import NIOCore
import NIOSSL
import SignerWire
import SigningRules
import WireBytes

/// One connection: cuts frames, opens sessions, hands requests to the core, writes answers. All on its event loop.
///
/// A class, since NIO's handlers are.
final class SignerConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let server: ServerParts
  private let registry: ConnectionRegistry
  private let number: ConnectionRegistry.Number
  /// Nil until TLS has told.
  private var peer: ClientPeer?
  private var reader = SignerFrameReader()
  private var handshake: ServerHandshake?
  /// The newest session and the one before it, which its requests in flight may still use.
  private var sessions: [ServerSession] = []
  private var inFlight = 0
  private var isClosing = false
  private var flushIsDue = false
  private var handshakeClock: Scheduled<Void>?
  private var slowClock: Scheduled<Void>?
  private var idleClock: Scheduled<Void>?
  private var lastMove = NIODeadline.now()
  private var context: ChannelHandlerContext?

  init(
    _ server: ServerParts, _ registry: ConnectionRegistry, _ number: ConnectionRegistry.Number,
    peer: ClientPeer?
  ) {
    self.server = server
    self.registry = registry
    self.number = number
    self.peer = peer
  }

  // MARK: Channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    handshakeClock = context.eventLoop.scheduleTask(in: TimeAmount(server.limits.handshake)) {
      bound.value.refuse(.handshakeTimeout)
    }
    watchIdle()
  }

  func handlerRemoved(context: ChannelHandlerContext) { leave() }

  func channelInactive(context: ChannelHandlerContext) {
    leave()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // There is nobody to talk to; TLS has told the peer why, if it could.
    let name =
      switch error {
      case NIOSSLError.handshakeFailed: "tlsHandshake"
      default: "connection"
      }
    server.core.count { $0.faults[name, default: 0] += 1 }
    isClosing = true
    context.close(promise: nil)
  }

  private func leave() {
    guard context != nil else { return }
    context = nil
    isClosing = true
    handshakeClock?.cancel()
    slowClock?.cancel()
    idleClock?.cancel()
    registry.leave(number)
  }

  private func watchIdle() {
    guard let context else { return }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let limit = TimeAmount(server.limits.idle)
    idleClock = context.eventLoop.scheduleTask(deadline: lastMove + limit) {
      let connection = bound.value
      guard connection.inFlight == 0, .now() - connection.lastMove >= limit else {
        if connection.inFlight > 0 { connection.lastMove = .now() }
        connection.watchIdle()
        return
      }
      connection.context?.close(promise: nil)
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    if context.channel.isWritable {
      slowClock?.cancel()
      slowClock = nil
    } else if slowClock == nil {
      slowClock = context.eventLoop.scheduleTask(in: TimeAmount(server.limits.slowReader)) {
        let connection = bound.value
        connection.server.core.count { $0.faults[SignerFault.slowReader.name, default: 0] += 1 }
        connection.isClosing = true
        connection.context?.channel.cutOff()
      }
    }
    // Whoever does not read is not read from either.
    context.channel.setOption(ChannelOptions.autoRead, value: context.channel.isWritable).whenFailure { _ in }
    context.fireChannelWritabilityChanged()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosing else { return }
    lastMove = .now()
    reader.append(unwrapInboundIn(data).readableBytesView)
    while !isClosing {
      do throws(SignerFrameError) {
        guard let frame = try reader.next() else { return }
        receive(frame)
      } catch {
        switch error {
        case .tooLarge: refuse(.frameTooLarge)
        case .unknownKind: refuse(.frameKind)
        }
      }
    }
  }

  // MARK: Frames

  private func receive(_ frame: SignerFrame) {
    switch frame.kind {
    case .open: open(frame)
    case .prove: prove(frame)
    case .sign, .administer: request(frame)
    case .challenge, .granted, .signatures, .administered, .refused: refuse(.frameOrder)
    }
  }

  /// Who the other side is: the kernel said so, or its certificate does.
  private func identify() throws(SignerFault) -> ClientPeer {
    if let peer { return peer }
    guard let context,
      let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate(),
      let bytes = try? certificate.toDERBytes(),
      let name = try? PeerCertificate.spiffeID(decoding: bytes)
    else { throw .certificate }
    let peer = ClientPeer.spiffe(name)
    self.peer = peer
    return peer
  }

  private func open(_ frame: SignerFrame) {
    do throws(SignerFault) {
      let peer = try identify()
      var handshake = ServerHandshake(identity: server.identity, domain: server.domain)
      let now = server.core.now.milliseconds
      let challenge: SignerFrame
      do throws(HandshakeError) {
        let key = try handshake.open(frame, at: now)
        if case .failure(let fault) = server.clients.find(key, as: peer) {
          throw .refused(SignerRefusal(fault))
        }
        challenge = try handshake.challenge(at: now)
      } catch {
        if case .refused(let refusal) = error { throw refusal.fault ?? .unknownClient }
        throw error.fault
      }
      self.handshake = handshake
      write(challenge)
    } catch { refuse(error) }
  }

  private func prove(_ frame: SignerFrame) {
    do throws(SignerFault) {
      guard var handshake else { throw .frameOrder }
      self.handshake = nil
      let peer = try identify()
      let key: Bytes32
      do throws(HandshakeError) { key = try handshake.prove(frame) } catch { throw error.fault }
      let client: PolicyClient
      switch server.clients.find(key, as: peer) {
      case .success(let found): client = found
      case .failure(let fault): throw fault
      }
      try registry.know(number, as: key)
      let now = server.core.now.milliseconds
      let life = server.limits.session
      var random = SystemRandomNumberGenerator()
      let grant = SessionGrant(
        session: SessionID { _ in UInt8.random(in: .min ... .max, using: &random) },
        expires: now + UInt64(life / .milliseconds(1)), inFlightMax: server.limits.inFlight,
        batchMax: UInt16(SignerLimits.batchMax))
      let granted: (SignerFrame, ServerSession)
      do throws(HandshakeError) {
        granted = try handshake.grant(grant, client: client.name, peer: peer)
      } catch { throw error.fault }
      sessions = Array(([granted.1] + sessions).prefix(2))
      reader.bodySizeMax = SignerLimits.frameSizeMax
      handshakeClock?.cancel()
      handshakeClock = nil
      server.core.count { $0.sessions += 1 }
      server.core.note(AuditLines.session(client, peer, at: now))
      write(granted.0)
    } catch { refuse(error) }
  }

  private func request(_ frame: SignerFrame) {
    let now = server.core.now.milliseconds
    let session: ServerSession
    let message: SessionMessage
    do throws(SessionError) {
      let claim = try ServerSession.claim(of: frame)
      guard let known = sessions.first(where: { $0.id == claim.session }), let peer else {
        // The client may open another session, on this connection too.
        refuse(.unknownSession, nonce: claim.nonce)
        return
      }
      session = known
      do throws(SessionError) {
        message = try session.open(frame, from: peer, at: now)
      } catch {
        switch error {
        case .expired, .stale, .replayed, .tooOld: refuse(error.fault, nonce: claim.nonce)
        // Whoever sends these does not have the keys, or has lost its way in the stream.
        case .length, .otherSession, .peer, .mac, .exhausted, .order: refuse(error.fault)
        }
        return
      }
    } catch {
      refuse(error.fault)
      return
    }
    // From here on answers are in the session: the request is the client's own.
    let client: PolicyClient
    switch server.clients.find(session.clientKey, as: session.peer) {
    case .success(let found) where found.name == session.client: client = found
    case .success, .failure:
      answer(frame.kind, message.nonce, session, .unknownClient)
      return
    }
    if frame.kind == .sign {
      sign(message, session, client)
    } else {
      administer(message, session, client)
    }
  }

  private func sign(_ message: SessionMessage, _ session: ServerSession, _ client: PolicyClient) {
    do throws(SignerFault) {
      guard client.roles.contains(.sign) else { throw .role }
      let items: [SigningItem]
      do throws(SignerMessageError) { items = try SigningBatch.decode(message.content) } catch {
        if case .count = error { throw .batchSize }
        throw .malformed
      }
      guard inFlight + items.count <= Int(server.limits.inFlight) else { throw .tooManyInFlight }
      guard let context else { return }
      let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
      let loop = context.eventLoop
      try server.core.submit(items, sizeBytes: message.content.count, from: client.name) { answers in
        loop.execute { bound.value.finish(answers, message.nonce, session) }
      }
      inFlight += items.count
    } catch { answer(.sign, message.nonce, session, error) }
  }

  private func finish(_ answers: [SigningAnswer], _ nonce: UInt64, _ session: ServerSession) {
    inFlight -= answers.count
    let content =
      (try? SigningAnswers.encode(answers)) ?? SigningAnswers.encode(refusal: SignerRefusal(.answerTooLarge))
    send(.signatures, content, nonce, session)
  }

  private func administer(_ message: SessionMessage, _ session: ServerSession, _ client: PolicyClient) {
    do throws(SignerFault) {
      let request: AdminRequest
      do throws(AdminRequestError) { request = try AdminRequest(decoding: message.content) } catch {
        if case .operation = error { throw .operation }
        throw .malformed
      }
      let isAllowed =
        client.roles.contains(.admin) || request.operation.isReadOnly && client.roles.contains(.observe)
      guard isAllowed else { throw .role }
      guard inFlight < Int(server.limits.inFlight) else { throw .tooManyInFlight }
      guard let context else { return }
      let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
      let loop = context.eventLoop
      let caller = AdminCaller(client: client.name, peer: session.peer)
      try server.core.administer(request, from: caller) { answer in
        loop.execute {
          bound.value.inFlight -= 1
          bound.value.send(.administered, AdminAnswer.encode(answer), message.nonce, session)
        }
      }
      inFlight += 1
    } catch { answer(.administer, message.nonce, session, error) }
  }

  // MARK: Answers

  private func answer(
    _ kind: SignerFrameKind, _ nonce: UInt64, _ session: ServerSession, _ fault: SignerFault
  ) {
    server.core.count { $0.faults[fault.name, default: 0] += 1 }
    let refusal = SignerRefusal(fault)
    if kind == .sign {
      send(.signatures, SigningAnswers.encode(refusal: refusal), nonce, session)
    } else {
      send(.administered, AdminAnswer.encode(.failure(refusal)), nonce, session)
    }
  }

  private func send(_ kind: SignerFrameKind, _ content: [UInt8], _ nonce: UInt64, _ session: ServerSession) {
    guard !isClosing,
      let frame = try? session.seal(kind, content, nonce: nonce, at: server.core.now.milliseconds)
    else { return }
    write(frame)
  }

  /// Refuses what is not in a session. With a nonce the connection goes on; without one it ends.
  private func refuse(_ fault: SignerFault, nonce: UInt64? = nil) {
    guard !isClosing, let context else { return }
    server.core.count { $0.faults[fault.name, default: 0] += 1 }
    write(BareRefusal(SignerRefusal(fault), nonce: nonce ?? 0).frame)
    guard nonce == nil else { return }
    if sessions.isEmpty, let peer, server.refusals.mayTell(at: .now()) {
      server.core.note(AuditLines.refusedSession(fault, peer, at: server.core.now.milliseconds))
    }
    isClosing = true
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in bound.value.close(promise: nil) }
    // Whoever does not even read its refusal is not waited for.
    context.eventLoop.scheduleTask(in: .seconds(1)) { bound.value.channel.cutOff() }
  }

  private func write(_ frame: SignerFrame) {
    guard let context else { return }
    lastMove = .now()
    context.write(wrapOutboundOut(ByteBuffer(bytes: frame.encoded())), promise: nil)
    guard !flushIsDue else { return }
    // One flush for all answers of a batch.
    flushIsDue = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.execute {
      bound.value.flushIsDue = false
      bound.value.context?.flush()
    }
  }
}
