public import SigningRules
import Synchronization
public import WireBytes

/// The name of a session: 16 random bytes. It opens nothing without the session's keys.
public typealias SessionID = FixedBytes<16>

/// Why a message of a session is refused.
public enum SessionError: Error, Hashable, Sendable {
  /// Shorter than a session's message can be.
  case length(min: Int, actual: Int)
  case otherSession
  /// The session was granted to another peer.
  case peer
  case mac
  case expired(at: UInt64)
  /// The message's time is further away than the horizon.
  case stale(ours: UInt64, theirs: UInt64)
  case replayed(UInt64)
  /// Behind the window of nonces.
  case tooOld(UInt64)
  /// All nonces are used up.
  case exhausted
  /// This kind does not belong to this direction.
  case order(SignerFrameKind)

  public var fault: SignerFault {
    switch self {
    case .length: .malformed
    case .otherSession, .exhausted: .unknownSession
    case .peer: .sessionPeer
    case .mac: .mac
    case .expired: .sessionExpired
    case .stale: .stale
    case .replayed: .replayed
    case .tooOld: .nonceTooOld
    case .order: .frameOrder
    }
  }
}

/// What a message of a session says, once it is known to be the other side's, fresh, and new.
public struct SessionMessage: Hashable, Sendable {
  public let nonce: UInt64
  public let content: [UInt8]
}

/// `[session: 16][nonce: 8][milliseconds since 1970: 8][content][MAC: 32]`, in both directions; an answer has its request's nonce.
enum SessionLayout {
  static let head = 32
  static let mac = 32
  static let sizeMin = head + mac

  static func seal(
    _ kind: SignerFrameKind, _ session: SessionID, _ nonce: UInt64, _ milliseconds: UInt64,
    _ content: [UInt8],
    _ key: SessionKeys, toSigner: Bool
  ) -> SignerFrame {
    var body: [UInt8] = []
    body.reserveCapacity(sizeMin + content.count)
    body.append(session)
    body.append(bigEndian: nonce)
    body.append(bigEndian: milliseconds)
    body += content
    body.append(SessionKeys.mac(kind, body, toSigner ? key.toSigner : key.toClient))
    return SignerFrame(kind, body)
  }
}

/// A session as the client has it.
public struct ClientSession: Sendable {
  public let grant: SessionGrant
  /// How long it lives from when it was granted.
  public let lifetime: Duration
  private let keys: SessionKeys
  private var nextNonce: UInt64 = 1

  init(grant: SessionGrant, keys: SessionKeys, signerTime: UInt64) {
    self.grant = grant
    self.keys = keys
    // The signer's own two times are compared: the client's clock has no say.
    let left = grant.expires > signerTime ? grant.expires - signerTime : 0
    lifetime = .milliseconds(min(left, SignerLimits.sessionSeconds * 1_000))
  }

  /// The longest content of one request.
  public static var contentSizeMax: Int { SignerLimits.frameSizeMax - SessionLayout.sizeMin }

  /// - Throws: ``SessionError/exhausted``, ``SessionError/order(_:)``.
  public mutating func seal(
    _ kind: SignerFrameKind, _ content: [UInt8], at now: UInt64
  ) throws(SessionError) -> (nonce: UInt64, frame: SignerFrame) {
    guard kind == .sign || kind == .administer else { throw .order(kind) }
    guard nextNonce < .max else { throw .exhausted }
    let nonce = nextNonce
    nextNonce += 1
    return (nonce, SessionLayout.seal(kind, grant.session, nonce, now, content, keys, toSigner: true))
  }

  /// Reads an answer. Whether its nonce is one that waits is the caller's to know.
  public func open(_ frame: SignerFrame) throws(SessionError) -> SessionMessage {
    guard frame.kind == .signatures || frame.kind == .administered else { throw .order(frame.kind) }
    let count = frame.body.count
    guard count >= SessionLayout.sizeMin else { throw .length(min: SessionLayout.sizeMin, actual: count) }
    let bytes = frame.body.span
    guard SessionID(bytes, at: 0) == grant.session else { throw .otherSession }
    guard SessionKeys.check(frame.kind, frame.body, keys.toClient) else { throw .mac }
    return SessionMessage(
      nonce: bigEndian(bytes, at: 16),
      content: [UInt8](frame.body[SessionLayout.head..<(count - SessionLayout.mac)]))
  }
}

/// A session as the signer has it. A class, since every connection of the client shares its window of nonces.
public final class ServerSession: Sendable {
  public let id: SessionID
  public let client: ClientName
  public let clientKey: Bytes32
  public let peer: ClientPeer
  /// Milliseconds since 1970.
  public let expires: UInt64
  private let keys: SessionKeys
  private let window = Mutex(NonceWindow())

  init(
    id: SessionID, client: ClientName, clientKey: Bytes32, peer: ClientPeer, expires: UInt64,
    keys: SessionKeys
  ) {
    self.id = id
    self.client = client
    self.clientKey = clientKey
    self.peer = peer
    self.expires = expires
    self.keys = keys
  }

  /// The session that a request says it belongs to, and its nonce; nothing about them is known to be true.
  public static func claim(of frame: SignerFrame) throws(SessionError) -> (session: SessionID, nonce: UInt64)
  {
    guard frame.kind == .sign || frame.kind == .administer else { throw .order(frame.kind) }
    guard frame.body.count >= SessionLayout.sizeMin else {
      throw .length(min: SessionLayout.sizeMin, actual: frame.body.count)
    }
    let bytes = frame.body.span
    return (SessionID(bytes, at: 0), bigEndian(bytes, at: 16))
  }

  /// Reads a request that came from `peer`; its nonce is used up by that, and by nothing that is refused.
  public func open(_ frame: SignerFrame, from peer: ClientPeer, at now: UInt64) throws(SessionError)
    -> SessionMessage
  {
    let claim = try Self.claim(of: frame)
    guard claim.session == id else { throw .otherSession }
    guard peer == self.peer else { throw .peer }
    guard SessionKeys.check(frame.kind, frame.body, keys.toSigner) else { throw .mac }
    guard now < expires else { throw .expired(at: expires) }
    let bytes = frame.body.span
    let theirs: UInt64 = bigEndian(bytes, at: 24)
    let distance = now > theirs ? now - theirs : theirs - now
    guard distance <= SignerLimits.horizonMilliseconds else { throw .stale(ours: now, theirs: theirs) }
    let refusal = window.withLock { window -> NonceWindow.Refusal? in
      do throws(NonceWindow.Refusal) { try window.use(claim.nonce) } catch { return error }
      return nil
    }
    switch refusal {
    case nil: break
    case .replayed: throw .replayed(claim.nonce)
    case .tooOld, .zero: throw .tooOld(claim.nonce)
    }
    return SessionMessage(
      nonce: claim.nonce,
      content: [UInt8](frame.body[SessionLayout.head..<(frame.body.count - SessionLayout.mac)]))
  }

  /// The answer to the request with this nonce.
  public func seal(
    _ kind: SignerFrameKind, _ content: [UInt8], nonce: UInt64, at now: UInt64
  ) throws(SessionError) -> SignerFrame {
    guard kind == .signatures || kind == .administered else { throw .order(kind) }
    return SessionLayout.seal(kind, id, nonce, now, content, keys, toSigner: false)
  }
}
