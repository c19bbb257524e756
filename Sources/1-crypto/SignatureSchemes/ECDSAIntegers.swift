public import WireBytes

/// Why bytes are not the strict DER of two positive integers. Offsets count bytes from the start of the signature.
public enum DERIntegersError: Error, Hashable, Sendable {
  /// Input ended early.
  case truncated(offset: Int, needed: Int)
  /// Not the tag that must stand here.
  case tag(offset: Int, found: UInt8)
  /// A length in a long form that DER writes shorter, indefinite, or over 255.
  case length(offset: Int, found: UInt8)
  /// An integer with no bytes, a negative one, or one with a needless leading zero.
  case integer(offset: Int)
  /// An integer wider than the curve's order.
  case overflow(offset: Int, bytes: Int)
  /// Bytes follow the second integer or the sequence.
  case trailing(offset: Int, count: Int)
}

/// The two integers of an ECDSA signature as `width` big-endian bytes each; their range is not checked here.
public struct ECDSAIntegers<let width: Int>: Hashable, Sendable {
  public let r: FixedBytes<width>
  public let s: FixedBytes<width>

  /// Reads `SEQUENCE { INTEGER r, INTEGER s }` in DER, the only encoding accepted (X.690, clauses 8.3 and 10.1).
  ///
  /// - Throws: ``DERIntegersError``; the input is untrusted.
  public init(der bytes: Span<UInt8>) throws(DERIntegersError) {
    let (content, end) = try Self.header(bytes, at: 0, tag: 0x30)
    guard end == bytes.count else { throw .trailing(offset: end, count: bytes.count - end) }
    let (first, middle) = try Self.integer(bytes.extracting(0..<end), at: content)
    let (second, last) = try Self.integer(bytes.extracting(0..<end), at: middle)
    guard last == end else { throw .trailing(offset: last, count: end - last) }
    r = first
    s = second
  }

  /// The offsets of the content and of what follows it.
  private static func header(
    _ bytes: Span<UInt8>, at offset: Int, tag: UInt8
  ) throws(DERIntegersError) -> (content: Int, end: Int) {
    guard bytes.count - offset >= 2 else { throw .truncated(offset: offset, needed: 2) }
    guard bytes[offset] == tag else { throw .tag(offset: offset, found: bytes[offset]) }
    var content = offset + 2
    var length = Int(bytes[offset + 1])
    if length >= 0x80 {
      // Two P-384 integers take up to 102 bytes and two of P-521 up to 139: one length byte is enough for all.
      guard length == 0x81 else { throw .length(offset: offset + 1, found: bytes[offset + 1]) }
      guard bytes.count - content >= 1 else { throw .truncated(offset: content, needed: 1) }
      length = Int(bytes[content])
      guard length >= 0x80 else { throw .length(offset: content, found: bytes[content]) }
      content += 1
    }
    guard bytes.count - content >= length else { throw .truncated(offset: content, needed: length) }
    return (content, content + length)
  }

  private static func integer(
    _ bytes: Span<UInt8>, at offset: Int
  ) throws(DERIntegersError) -> (FixedBytes<width>, next: Int) {
    var (start, end) = try header(bytes, at: offset, tag: 0x02)
    guard end > start, bytes[start] < 0x80 else { throw .integer(offset: start) }
    if bytes[start] == 0, end - start > 1 {
      guard bytes[start + 1] >= 0x80 else { throw .integer(offset: start) }
      start += 1
    }
    let count = end - start
    guard count <= width else { throw .overflow(offset: start, bytes: count) }
    let missing = width - count
    return (FixedBytes<width> { $0 < missing ? 0 : bytes[start + $0 - missing] }, end)
  }
}
