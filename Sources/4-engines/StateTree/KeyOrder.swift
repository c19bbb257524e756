import WireBytes

/// The byte order of keys: left to right, a prefix before what it opens.
///
/// Spans are faster than the arrays' own comparison, and an element's span must not outlive the element.
enum KeyOrder {
  static func precedes(_ one: [UInt8], _ two: [UInt8]) -> Bool { one.span.precedes(two.span) }

  static func starts(_ key: [UInt8], with prefix: [UInt8]) -> Bool { key.span.starts(with: prefix.span) }
}
