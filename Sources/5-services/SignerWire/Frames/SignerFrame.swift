import WireBytes

/// What a frame carries.
public enum SignerFrameKind: UInt8, Hashable, Sendable, CaseIterable {
  /// Client: who I am, which domain I want, a fresh key.
  case open = 1
  /// Signer: who I am, a fresh key, signed.
  case challenge = 2
  /// Client: the same, signed.
  case prove = 3
  /// Signer: a session.
  case granted = 4
  /// Client: a batch of signing requests.
  case sign = 5
  /// Signer: a signature or a refusal for each.
  case signatures = 6
  /// Client: an administrative request.
  case administer = 7
  /// Signer: its answer.
  case administered = 8
  /// Signer: no, without a session to say it in.
  case refused = 9
}

/// Why bytes are no frame.
public enum SignerFrameError: Error, Hashable, Sendable {
  /// The body would be longer than is allowed at this point; none of it was kept.
  case tooLarge(limit: Int, actual: Int)
  case unknownKind(UInt8)
}

/// One frame: `[body length: 4, big-endian][kind: 1][body]`.
public struct SignerFrame: Hashable, Sendable {
  public static let headSize = 5

  public let kind: SignerFrameKind
  public let body: [UInt8]

  public init(_ kind: SignerFrameKind, _ body: [UInt8]) {
    self.kind = kind
    self.body = body
  }

  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.headSize + body.count)
    // Bodies are bounded by SignerLimits.frameSizeMax wherever they are made.
    bytes.append(bigEndian: UInt32(truncatingIfNeeded: body.count))
    bytes.append(kind.rawValue)
    bytes += body
    return bytes
  }
}

/// Cuts a stream of bytes into frames, and refuses a frame by its head, before its body is kept.
public struct SignerFrameReader: Sendable {
  /// The longest body that is taken now. Raised when the peer is known.
  public var bodySizeMax: Int
  private var bytes: [UInt8] = []
  private var start = 0

  public init(bodySizeMax: Int = SignerLimits.handshakeFrameSizeMax) { self.bodySizeMax = bodySizeMax }

  /// Bytes that no frame has taken yet.
  public var waiting: Int { bytes.count - start }

  public mutating func append(_ more: some Sequence<UInt8>) {
    // Moving what is left is paid for by the frames that were read since.
    if start > 0, start * 2 >= bytes.count {
      bytes.removeFirst(start)
      start = 0
    }
    bytes.append(contentsOf: more)
  }

  /// The next whole frame; nil when more bytes are needed.
  ///
  /// - Throws: ``SignerFrameError``; the stream cannot be read on after that.
  public mutating func next() throws(SignerFrameError) -> SignerFrame? {
    guard waiting >= SignerFrame.headSize else { return nil }
    var length = 0
    for index in 0..<4 { length = length << 8 | Int(bytes[start + index]) }
    guard length <= bodySizeMax else { throw .tooLarge(limit: bodySizeMax, actual: length) }
    guard let kind = SignerFrameKind(rawValue: bytes[start + 4]) else {
      throw .unknownKind(bytes[start + 4])
    }
    guard waiting >= SignerFrame.headSize + length else { return nil }
    let body = start + SignerFrame.headSize
    defer { start = body + length }
    return SignerFrame(kind, [UInt8](bytes[body..<(body + length)]))
  }
}
