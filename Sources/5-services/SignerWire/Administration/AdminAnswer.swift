public import Encodings
import WireBytes

/// The content of an ``SignerFrameKind/administered`` frame: `[1][canonical JSON]`, or `[0][refusal]`.
public enum AdminAnswer {
  private static let limits = JSONLimits(sizeBytes: ClientSession.contentSizeMax, depth: 32)

  /// What does not fit a frame becomes the refusal that says so.
  public static func encode(_ answer: Result<JSONValue, SignerRefusal>) -> [UInt8] {
    switch answer {
    case .success(let json):
      let text = json.text().utf8
      guard text.count < ClientSession.contentSizeMax else {
        return encode(.failure(SignerRefusal(.answerTooLarge)))
      }
      return [1] + text
    case .failure(let refusal):
      var bytes: [UInt8] = [0]
      refusal.write(to: &bytes)
      return bytes
    }
  }

  /// - Throws: ``SignerMessageError``. The input is untrusted; no input traps.
  public static func decode(_ content: [UInt8]) throws(SignerMessageError) -> Result<JSONValue, SignerRefusal>
  {
    switch content.first {
    case 0:
      let bytes = content.span
      var offset = 1
      let refusal = try SignerRefusal(bytes, &offset)
      guard offset == bytes.count else {
        throw .form(.trailingBytes(offset: offset, count: bytes.count - offset))
      }
      return .failure(refusal)
    case 1:
      let text = [UInt8](content.dropFirst())
      guard let json = try? JSONValue(decoding: text, limits: limits) else { throw .text }
      guard [UInt8](json.text().utf8) == text else { throw .notCanonical }
      return .success(json)
    case nil: throw .form(.truncated(offset: 0, needed: 1))
    case .some(let tag): throw .tag(tag)
    }
  }
}
