import SignatureSchemes
public import SigningRules
public import WireBytes

/// The signer's half of the handshake, without I/O. Between its steps the host decides whether the client is one of the policy's.
public struct ServerHandshake: Sendable {
  private enum Stage: Sendable {
    case waiting
    case opened(HandshakeHello)
    case challenged(HandshakeRandomness, HandshakeHello, Transcript)
    case proved(SessionKeys, client: Bytes32)
    case over
  }

  private let identity: any SignerIdentity
  private let domain: KeyDomain
  private var stage = Stage.waiting

  public init(identity: any SignerIdentity, domain: KeyDomain) {
    self.identity = identity
    self.domain = domain
  }

  /// Reads `open`, and gives the key that the client says is its own. The host looks for it before anything is computed.
  public mutating func open(_ frame: SignerFrame, at now: UInt64) throws(HandshakeError) -> Bytes32 {
    guard case .waiting = stage, frame.kind == .open else {
      stage = .over
      throw .order(frame.kind)
    }
    stage = .over
    let open = try HandshakeHello(decoding: frame.body)
    guard open.domain == domain.byte else { throw .domain(expected: domain, actual: open.domain) }
    guard open.key != identity.publicKey else { throw .reflected }
    try checkClock(ours: now, theirs: open.milliseconds)
    stage = .opened(open)
    return open.key
  }

  /// The challenge to a client that may come.
  public mutating func challenge(
    at now: UInt64, randomness: HandshakeRandomness = HandshakeRandomness()
  ) throws(HandshakeError) -> SignerFrame {
    guard case .opened(let open) = stage else { throw .order(.challenge) }
    let hello = HandshakeHello(
      domain: domain, key: identity.publicKey, randomness: randomness, milliseconds: now)
    var transcript = Transcript(open: open, challenge: hello)
    let signature = identity.sign(handshake: transcript.message(of: .signer))
    transcript.add(signature)
    stage = .challenged(randomness, open, transcript)
    return SignerFrame(.challenge, ChallengeMessage(hello: hello, signature: signature).encoded())
  }

  /// Checks the client's proof; it is who it says it is when this returns its key.
  @discardableResult
  public mutating func prove(_ frame: SignerFrame) throws(HandshakeError) -> Bytes32 {
    guard case .challenged(let randomness, let open, var transcript) = stage, frame.kind == .prove else {
      stage = .over
      throw .order(frame.kind)
    }
    stage = .over
    guard let signature = try? Bytes64(frame.body) else {
      throw .length(expected: 64, actual: frame.body.count)
    }
    let message = transcript.message(of: .client)
    do {
      try Ed25519.verify(message.span, signature: signature, key: open.key, rule: .rfc8032Strict)
    } catch { throw .signature }
    let secret = try randomness.agree(with: open.fresh)
    transcript.add(signature)
    stage = .proved(transcript.keys(secret), client: open.key)
    return open.key
  }

  /// The session, and the frame that grants it.
  public mutating func grant(
    _ grant: SessionGrant, client: ClientName, peer: ClientPeer
  ) throws(HandshakeError) -> (SignerFrame, ServerSession) {
    guard case .proved(let keys, let clientKey) = stage else { throw .order(.granted) }
    stage = .over
    var body = grant.signedPart()
    body.append(SessionKeys.mac(.granted, body, keys.toClient))
    let session = ServerSession(
      id: grant.session, client: client, clientKey: clientKey, peer: peer, expires: grant.expires, keys: keys)
    return (SignerFrame(.granted, body), session)
  }
}
