import Encodings
import WireBytes

/// PEM text (RFC 7468): blocks one after the other, white space between them and nothing else.
public enum X509PEM {
  /// Longest text that is looked at.
  public static let sizeMax = 1 << 20

  /// The certificates of `text`, in its order.
  ///
  /// - Throws: ``X509Error``.
  public static func certificates(
    _ text: Span<UInt8>, countMax: Int = 16
  ) throws(X509Error) -> [X509Certificate] {
    var list: [X509Certificate] = []
    for block in try blocks(text, label: "CERTIFICATE", countMax: countMax) {
      list.append(try X509Certificate(decoding: block))
    }
    return list
  }

  /// The bytes of each block, all of which have the label `label`.
  ///
  /// Zero bytes behind the last block are passed over: certificate data of Intel's quotes ends with them.
  ///
  /// - Throws: ``X509Error`` `.pem` or `.count`.
  public static func blocks(
    _ text: Span<UInt8>, label: String, countMax: Int = 16
  ) throws(X509Error) -> [[UInt8]] {
    guard text.count <= sizeMax else { throw .pem(offset: sizeMax) }
    var end = text.count
    while end > 0, text[end - 1] == 0 { end -= 1 }
    let begin = [UInt8]("-----BEGIN \(label)-----".utf8)
    let close = [UInt8]("-----END \(label)-----".utf8)
    var offset = 0
    var blocks: [[UInt8]] = []
    while true {
      while offset < end, isSpace(text[offset]) { offset += 1 }
      if offset == end { break }
      guard text.extracting(offset..<end).starts(with: begin.span) else { throw .pem(offset: offset) }
      offset += begin.count
      var characters: [UInt8] = []
      while offset < end, text[offset] != UInt8(ascii: "-") {
        if !isSpace(text[offset]) { characters.append(text[offset]) }
        offset += 1
      }
      let start = offset
      guard text.extracting(start..<end).starts(with: close.span),
        let bytes = try? Base64.decode(String(decoding: characters, as: UTF8.self))
      else { throw .pem(offset: start) }
      offset += close.count
      blocks.append(bytes)
      guard blocks.count <= countMax else { throw .count(limit: countMax, actual: blocks.count) }
    }
    guard !blocks.isEmpty else { throw .count(limit: countMax, actual: 0) }
    return blocks
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09
  }
}
