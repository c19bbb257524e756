public import SigningRules
import WireBytes

/// One thing to sign, and the key that is to sign it.
public struct SigningItem: Hashable, Sendable {
  public let key: KeyID
  public let request: SigningRequest

  public init(key: KeyID, request: SigningRequest) {
    self.key = key
    self.request = request
  }
}

/// The content of a ``SignerFrameKind/sign`` frame: `[count: 2]([key: 32][length: 4][request])…`.
public enum SigningBatch {
  /// - Throws: ``SignerMessageError``: no or too many requests, or more bytes than a frame holds.
  public static func encode(_ items: [SigningItem]) throws(SignerMessageError) -> [UInt8] {
    guard (1...SignerLimits.batchMax).contains(items.count) else {
      throw .count(limit: SignerLimits.batchMax, actual: items.count)
    }
    var bytes: [UInt8] = []
    bytes.append(bigEndian: UInt16(truncatingIfNeeded: items.count))
    for item in items {
      let request = try SigningRequestCoding.encode(item.request)
      bytes.append(item.key.bytes)
      bytes.append(bigEndian: UInt32(truncatingIfNeeded: request.count))
      bytes += request
      guard bytes.count <= ClientSession.contentSizeMax else {
        throw .form(.overLimit(limit: ClientSession.contentSizeMax, actual: bytes.count))
      }
    }
    return bytes
  }

  /// - Throws: ``SignerMessageError``. The input is untrusted; no input traps.
  public static func decode(_ content: [UInt8]) throws(SignerMessageError) -> [SigningItem] {
    let bytes = content.span
    var items: [SigningItem] = []
    var offset = 0
    let count: UInt16 = try integer(bytes, &offset)
    guard (1...SignerLimits.batchMax).contains(Int(count)) else {
      throw .count(limit: SignerLimits.batchMax, actual: Int(count))
    }
    items.reserveCapacity(Int(count))
    for _ in 0..<count {
      guard bytes.count - offset >= 32 else { throw .form(.truncated(offset: offset, needed: 32)) }
      let key = KeyID(Bytes32(bytes, at: offset))
      offset += 32
      let length = Int(try integer(bytes, &offset) as UInt32)
      guard bytes.count - offset >= length else {
        throw .form(.truncated(offset: offset, needed: length))
      }
      let request = try SigningRequestCoding.decode(bytes.extracting(offset..<(offset + length)))
      offset += length
      items.append(SigningItem(key: key, request: request))
    }
    guard offset == bytes.count else {
      throw .form(.trailingBytes(offset: offset, count: bytes.count - offset))
    }
    return items
  }
}

/// What comes back for one request.
public typealias SigningAnswer = Result<[UInt8], SignerRefusal>

/// The content of a ``SignerFrameKind/signatures`` frame: `[count: 2]([1][length: 2][signature] | [0][refusal])…`, in the order
/// of the requests; or `[0: 2][refusal]` when the batch as a whole was refused.
public enum SigningAnswers {
  /// - Throws: ``SignerMessageError``: no or too many answers, or a signature that is too long.
  public static func encode(_ answers: [SigningAnswer]) throws(SignerMessageError) -> [UInt8] {
    guard (1...SignerLimits.batchMax).contains(answers.count) else {
      throw .count(limit: SignerLimits.batchMax, actual: answers.count)
    }
    var bytes: [UInt8] = []
    bytes.append(bigEndian: UInt16(truncatingIfNeeded: answers.count))
    for answer in answers {
      switch answer {
      case .success(let signature):
        guard signature.count <= Int(UInt16.max) else {
          throw .form(.overLimit(limit: Int(UInt16.max), actual: signature.count))
        }
        bytes.append(1)
        bytes.append(bigEndian: UInt16(truncatingIfNeeded: signature.count))
        bytes += signature
      case .failure(let refusal):
        bytes.append(0)
        refusal.write(to: &bytes)
      }
      guard bytes.count <= ClientSession.contentSizeMax else {
        throw .form(.overLimit(limit: ClientSession.contentSizeMax, actual: bytes.count))
      }
    }
    return bytes
  }

  public static func encode(refusal: SignerRefusal) -> [UInt8] {
    var bytes: [UInt8] = [0, 0]
    refusal.write(to: &bytes)
    return bytes
  }

  /// - Parameter expected: how many requests the batch had; another count is refused.
  /// - Throws: ``SignerMessageError``. The input is untrusted; no input traps.
  public static func decode(_ content: [UInt8], expected: Int) throws(SignerMessageError) -> [SigningAnswer] {
    let bytes = content.span
    var offset = 0
    let count = Int(try integer(bytes, &offset) as UInt16)
    var answers: [SigningAnswer] = []
    if count == 0 {
      let refusal = try SignerRefusal(bytes, &offset)
      answers = Array(repeating: .failure(refusal), count: expected)
    } else {
      guard count == expected else { throw .count(limit: expected, actual: count) }
      answers.reserveCapacity(count)
      for _ in 0..<count {
        guard offset < bytes.count else { throw .form(.truncated(offset: offset, needed: 1)) }
        let tag = bytes[offset]
        offset += 1
        switch tag {
        case 0: answers.append(.failure(try SignerRefusal(bytes, &offset)))
        case 1:
          let length = Int(try integer(bytes, &offset) as UInt16)
          guard bytes.count - offset >= length else {
            throw .form(.truncated(offset: offset, needed: length))
          }
          answers.append(.success([UInt8](copying: bytes.extracting(offset..<(offset + length)))))
          offset += length
        default: throw .tag(tag)
        }
      }
    }
    guard offset == bytes.count else {
      throw .form(.trailingBytes(offset: offset, count: bytes.count - offset))
    }
    return answers
  }
}

private func integer<Value: FixedWidthInteger & UnsignedInteger>(
  _ bytes: Span<UInt8>, _ offset: inout Int
) throws(SignerMessageError) -> Value {
  let width = Value.bitWidth / 8
  guard bytes.count - offset >= width else { throw .form(.truncated(offset: offset, needed: width)) }
  defer { offset += width }
  return bigEndian(bytes, at: offset)
}
