import WireBytes

/// A refusal as it crosses the wire: a number, its name, and what to do about it.
///
/// Layout: `[code: 2][advice: 1][milliseconds: 4][name length: 1][name]`. A name is 1 to 64 characters of letters, digits,
/// `.`, `_` and `-`. It is for people; programs go by the code.
public struct SignerRefusal: Error, Hashable, Sendable {
  public static let nameSizeMax = 64
  static let sizeMin = 9

  public let code: UInt16
  public let name: String
  public let retry: RetryAdvice

  public init(_ fault: SignerFault) {
    code = fault.rawValue
    name = fault.name
    retry = fault.retry
  }

  /// - Parameter name: anything that may not stand in a name becomes `-`, and what is too long is cut.
  public init(code: UInt16, name: String, retry: RetryAdvice) {
    self.code = code
    let kept = name.utf8.prefix(Self.nameSizeMax).map { Self.isAllowed($0) ? $0 : UInt8(ascii: "-") }
    self.name = kept.isEmpty ? "unnamed" : String(decoding: kept, as: UTF8.self)
    self.retry = retry
  }

  /// The protocol's own refusal, when it is one.
  public var fault: SignerFault? { SignerFault(rawValue: code) }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
    default: false
    }
  }

  func write(to bytes: inout [UInt8]) {
    bytes.append(bigEndian: code)
    var milliseconds: UInt32 = 0
    switch retry {
    case .never: bytes.append(0)
    case .later(let wait):
      bytes.append(1)
      milliseconds = wait
    case .newSession: bytes.append(2)
    case .afterChange: bytes.append(3)
    }
    bytes.append(bigEndian: milliseconds)
    bytes.append(UInt8(truncatingIfNeeded: name.utf8.count))
    bytes += name.utf8
  }

  init(_ bytes: Span<UInt8>, _ offset: inout Int) throws(SignerMessageError) {
    do throws(WireError) {
      var reader = ByteReader(bytes)
      try reader.skip(offset)
      let code: UInt16 = try reader.readBigEndian()
      let advice = try reader.readUInt8()
      let milliseconds: UInt32 = try reader.readBigEndian()
      let length = Int(try reader.readUInt8())
      let name = try reader.readBytes(length)
      let retry: RetryAdvice
      switch (advice, milliseconds) {
      case (0, 0): retry = .never
      case (1, _): retry = .later(milliseconds: milliseconds)
      case (2, 0): retry = .newSession
      case (3, 0): retry = .afterChange
      default: throw WireError.overLimit(limit: 3, actual: Int(advice))
      }
      guard (1...Self.nameSizeMax).contains(length), name.allSatisfy(Self.isAllowed) else {
        throw WireError.overLimit(limit: Self.nameSizeMax, actual: length)
      }
      self.code = code
      self.name = String(decoding: name, as: UTF8.self)
      self.retry = retry
      offset = reader.offset
    } catch { throw .form(error) }
  }
}

/// A refusal outside a session: `[nonce of the request, or 0: 8][refusal]`. Nothing vouches for it.
public struct BareRefusal: Hashable, Sendable {
  public let nonce: UInt64
  public let refusal: SignerRefusal

  public init(_ refusal: SignerRefusal, nonce: UInt64 = 0) {
    self.refusal = refusal
    self.nonce = nonce
  }

  public var frame: SignerFrame {
    var body: [UInt8] = []
    body.append(bigEndian: nonce)
    refusal.write(to: &body)
    return SignerFrame(.refused, body)
  }

  /// - Throws: ``SignerMessageError/form(_:)``.
  public init(decoding body: [UInt8]) throws(SignerMessageError) {
    let bytes = body.span
    var nonce: UInt64 = 0
    do throws(WireError) {
      var reader = ByteReader(bytes)
      nonce = try reader.readBigEndian()
    } catch { throw .form(error) }
    var offset = 8
    refusal = try SignerRefusal(bytes, &offset)
    self.nonce = nonce
    guard offset == bytes.count else {
      throw .form(.trailingBytes(offset: offset, count: bytes.count - offset))
    }
  }
}
