import SigningRules
public import WireBytes

/// Who begins, or answers, a handshake: the body of `open`, and what the signer signs of `challenge`.
///
/// `[version: 1][domain: 1][Ed25519 key: 32][fresh X25519 key: 32][nonce: 32][milliseconds since 1970: 8]`
struct HandshakeHello: Hashable, Sendable {
  static let size = 106

  let domain: UInt8
  /// The client's, or the signer's identity.
  let key: Bytes32
  let fresh: Bytes32
  let nonce: Bytes32
  let milliseconds: UInt64

  init(domain: KeyDomain, key: Bytes32, randomness: HandshakeRandomness, milliseconds: UInt64) {
    self.domain = domain.byte
    self.key = key
    fresh = randomness.publicKey
    nonce = randomness.nonce
    self.milliseconds = milliseconds
  }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = [SignerLimits.protocolVersion, domain]
    bytes.append(key)
    bytes.append(fresh)
    bytes.append(nonce)
    bytes.append(bigEndian: milliseconds)
    return bytes
  }

  /// Reads a whole body, behind which `trailing` bytes stand.
  init(decoding body: [UInt8], trailing: Int = 0) throws(HandshakeError) {
    let expected = Self.size + trailing
    // The version comes first, so that another one can be told from a broken message.
    guard let version = body.first else { throw .length(expected: expected, actual: 0) }
    guard version == SignerLimits.protocolVersion else { throw .version(version) }
    guard body.count == expected else { throw .length(expected: expected, actual: body.count) }
    let bytes = body.span
    domain = bytes[1]
    key = Bytes32(bytes, at: 2)
    fresh = Bytes32(bytes, at: 34)
    nonce = Bytes32(bytes, at: 66)
    milliseconds = bigEndian(bytes, at: 98)
  }
}

/// The signer's hello, and its signature over the transcript: `[hello: 106][signature: 64]`.
struct ChallengeMessage: Hashable, Sendable {
  let hello: HandshakeHello
  let signature: Bytes64

  func encoded() -> [UInt8] {
    var bytes = hello.encoded()
    bytes.append(signature)
    return bytes
  }

  init(hello: HandshakeHello, signature: Bytes64) {
    self.hello = hello
    self.signature = signature
  }

  init(decoding body: [UInt8]) throws(HandshakeError) {
    hello = try HandshakeHello(decoding: body, trailing: Bytes64.count)
    let bytes = body.span
    signature = Bytes64(bytes, at: HandshakeHello.size)
  }
}

/// What a session was granted.
public struct SessionGrant: Hashable, Sendable {
  static let size = 62
  static let macSize = 32

  public let session: SessionID
  /// When it ends, by the signer's clock, in milliseconds since 1970.
  public let expires: UInt64
  /// Requests that may wait for their answers at once.
  public let inFlightMax: UInt32
  /// Signing requests of one frame.
  public let batchMax: UInt16

  public init(session: SessionID, expires: UInt64, inFlightMax: UInt32, batchMax: UInt16) {
    self.session = session
    self.expires = expires
    self.inFlightMax = inFlightMax
    self.batchMax = batchMax
  }

  /// `[session: 16][expires: 8][in flight: 4][batch: 2]`, which the MAC follows.
  func signedPart() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(session)
    bytes.append(bigEndian: expires)
    bytes.append(bigEndian: inFlightMax)
    bytes.append(bigEndian: batchMax)
    return bytes
  }

  init(decoding body: [UInt8]) throws(HandshakeError) {
    guard body.count == Self.size else { throw .length(expected: Self.size, actual: body.count) }
    let bytes = body.span
    session = SessionID(bytes, at: 0)
    expires = bigEndian(bytes, at: 16)
    inFlightMax = bigEndian(bytes, at: 24)
    batchMax = bigEndian(bytes, at: 28)
  }
}

/// The integer at `offset`, where the caller has made sure that there is one.
func bigEndian<Value: FixedWidthInteger & UnsignedInteger>(_ bytes: Span<UInt8>, at offset: Int) -> Value {
  var value: Value = 0
  for index in 0..<(Value.bitWidth / 8) { value = value << 8 | Value(bytes[offset + index]) }
  return value
}
