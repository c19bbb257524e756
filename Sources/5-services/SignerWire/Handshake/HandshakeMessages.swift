import SigningRules
public import WireBytes

/// `[version: 1][domain: 1][client key: 32][fresh X25519 key: 32][nonce: 32][milliseconds since 1970: 8]`
struct OpenMessage: Hashable, Sendable {
  static let size = 106

  var version: UInt8
  var domain: UInt8
  var clientKey: Bytes32
  var fresh: Bytes32
  var nonce: Bytes32
  var milliseconds: UInt64

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = [version, domain]
    bytes.append(clientKey)
    bytes.append(fresh)
    bytes.append(nonce)
    bytes.append(bigEndian: milliseconds)
    return bytes
  }

  init(
    version: UInt8, domain: UInt8, clientKey: Bytes32, fresh: Bytes32, nonce: Bytes32, milliseconds: UInt64
  ) {
    self.version = version
    self.domain = domain
    self.clientKey = clientKey
    self.fresh = fresh
    self.nonce = nonce
    self.milliseconds = milliseconds
  }

  init(decoding body: [UInt8]) throws(HandshakeError) {
    // The version comes first, so that another one can be told from a broken message.
    guard let version = body.first else { throw .length(expected: Self.size, actual: 0) }
    guard version == SignerLimits.protocolVersion else { throw .version(version) }
    guard body.count == Self.size else { throw .length(expected: Self.size, actual: body.count) }
    let bytes = body.span
    self.version = version
    domain = bytes[1]
    clientKey = Bytes32(bytes, at: 2)
    fresh = Bytes32(bytes, at: 34)
    nonce = Bytes32(bytes, at: 66)
    milliseconds = bigEndian(bytes, at: 98)
  }
}

/// `[version: 1][domain: 1][identity: 32][fresh X25519 key: 32][nonce: 32][milliseconds since 1970: 8][signature: 64]`
struct ChallengeMessage: Hashable, Sendable {
  static let signedSize = 106
  static let size = 170

  var version: UInt8
  var domain: UInt8
  var identity: Bytes32
  var fresh: Bytes32
  var nonce: Bytes32
  var milliseconds: UInt64
  var signature: Bytes64

  func signedPart() -> [UInt8] {
    var bytes: [UInt8] = [version, domain]
    bytes.append(identity)
    bytes.append(fresh)
    bytes.append(nonce)
    bytes.append(bigEndian: milliseconds)
    return bytes
  }

  func encoded() -> [UInt8] {
    var bytes = signedPart()
    bytes.append(signature)
    return bytes
  }

  init(
    version: UInt8, domain: UInt8, identity: Bytes32, fresh: Bytes32, nonce: Bytes32, milliseconds: UInt64,
    signature: Bytes64
  ) {
    self.version = version
    self.domain = domain
    self.identity = identity
    self.fresh = fresh
    self.nonce = nonce
    self.milliseconds = milliseconds
    self.signature = signature
  }

  init(decoding body: [UInt8]) throws(HandshakeError) {
    guard let version = body.first else { throw .length(expected: Self.size, actual: 0) }
    guard version == SignerLimits.protocolVersion else { throw .version(version) }
    guard body.count == Self.size else { throw .length(expected: Self.size, actual: body.count) }
    let bytes = body.span
    self.version = version
    domain = bytes[1]
    identity = Bytes32(bytes, at: 2)
    fresh = Bytes32(bytes, at: 34)
    nonce = Bytes32(bytes, at: 66)
    milliseconds = bigEndian(bytes, at: 98)
    signature = Bytes64(bytes, at: 106)
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
