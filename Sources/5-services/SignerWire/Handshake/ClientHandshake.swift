import SignatureSchemes
public import SigningRules
public import WireBytes

/// The client's half of the handshake, without I/O: `open` goes out, `challenge` comes in, `prove` goes out, `granted` comes in.
public struct ClientHandshake: Sendable {
  private enum Stage: Sendable {
    case opened
    case proved(SessionKeys, signerTime: UInt64)
    case over
  }

  public enum Step: Sendable {
    case send(SignerFrame)
    case finished(ClientSession)
  }

  private let key: ClientKey
  private let signer: Bytes32
  private let domain: KeyDomain
  private let randomness: HandshakeRandomness
  private let open: HandshakeHello
  private var stage = Stage.opened

  /// - Parameters:
  ///   - signer: the identity key that is expected; no other signer is spoken to.
  ///   - now: milliseconds since 1970.
  public init(
    key: ClientKey, signer: Bytes32, domain: KeyDomain, at now: UInt64,
    randomness: HandshakeRandomness = HandshakeRandomness()
  ) {
    self.key = key
    self.signer = signer
    self.domain = domain
    self.randomness = randomness
    open = HandshakeHello(domain: domain, key: key.publicKey, randomness: randomness, milliseconds: now)
  }

  /// The first frame.
  public var start: SignerFrame { SignerFrame(.open, open.encoded()) }

  /// Takes the signer's next frame.
  ///
  /// - Throws: ``HandshakeError``; the handshake is over then.
  public mutating func receive(_ frame: SignerFrame, at now: UInt64) throws(HandshakeError) -> Step {
    let stage = stage
    self.stage = .over
    if frame.kind == .refused {
      let refusal: BareRefusal
      do { refusal = try BareRefusal(decoding: frame.body) } catch { throw .malformed(error) }
      throw .refused(refusal.refusal)
    }
    switch (stage, frame.kind) {
    case (.opened, .challenge):
      let (proof, keys, signerTime) = try prove(ChallengeMessage(decoding: frame.body), at: now)
      self.stage = .proved(keys, signerTime: signerTime)
      return .send(SignerFrame(.prove, proof.array))
    case (.proved(let keys, let signerTime), .granted):
      guard frame.body.count == SessionGrant.size else {
        throw .length(expected: SessionGrant.size, actual: frame.body.count)
      }
      guard SessionKeys.check(.granted, frame.body, keys.toClient) else { throw .mac }
      return .finished(
        ClientSession(grant: try SessionGrant(decoding: frame.body), keys: keys, signerTime: signerTime))
    default: throw .order(frame.kind)
    }
  }

  private func prove(
    _ challenge: ChallengeMessage, at now: UInt64
  ) throws(HandshakeError) -> (Bytes64, SessionKeys, UInt64) {
    let hello = challenge.hello
    guard hello.domain == domain.byte else { throw .domain(expected: domain, actual: hello.domain) }
    guard hello.fresh != open.fresh, hello.nonce != open.nonce, hello.key != open.key else {
      throw .reflected
    }
    guard hello.key == signer else { throw .identity(expected: signer, actual: hello.key) }
    var transcript = Transcript(open: open, challenge: hello)
    let message = transcript.message(of: .signer)
    do {
      try Ed25519.verify(message.span, signature: challenge.signature, key: signer, rule: .rfc8032Strict)
    } catch { throw .signature }
    try checkClock(ours: now, theirs: hello.milliseconds)
    let secret = try randomness.agree(with: hello.fresh)
    transcript.add(challenge.signature)
    let proof = key.sign(transcript.message(of: .client))
    transcript.add(proof)
    return (proof, transcript.keys(secret), hello.milliseconds)
  }
}

/// Refuses a time that is further from ours than the horizon.
func checkClock(ours: UInt64, theirs: UInt64) throws(HandshakeError) {
  let distance = ours > theirs ? ours - theirs : theirs - ours
  guard distance <= SignerLimits.horizonMilliseconds else { throw .clock(ours: ours, theirs: theirs) }
}
