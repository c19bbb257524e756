/// UTF-8 text as bytes: what addresses, denominations and messages are made of.
///
/// Swift's own `String` brings tables of Unicode with it, and compares texts as people read them; a contract
/// compares bytes. Literals and interpolation work: `"no such order: \(number)"`.
struct Text: Equatable, Sendable {
  var bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isEmpty: Bool { bytes.isEmpty }
  var count: Int { bytes.count }

  @inline(never)
  static func + (left: Text, right: Text) -> Text { Text(left.bytes + right.bytes) }

  @inline(never)
  func hasPrefix(_ prefix: Text) -> Bool {
    guard bytes.count >= prefix.bytes.count else { return false }
    for index in prefix.bytes.indices where bytes[index] != prefix.bytes[index] { return false }
    return true
  }

  func dropping(_ count: Int) -> Text { Text(Array(bytes.dropFirst(count))) }

  /// Compares with a literal without making an array of it; for `switch`.
  static func ~= (pattern: StaticString, text: Text) -> Bool { text.equals(pattern) }

  @inline(never)
  func equals(_ literal: StaticString) -> Bool {
    guard literal.utf8CodeUnitCount == bytes.count else { return false }
    let pointer = literal.utf8Start
    for index in bytes.indices where pointer[index] != bytes[index] { return false }
    return true
  }
}

extension Text: ExpressibleByStringInterpolation {
  @inline(never)
  init(stringLiteral literal: StaticString) { bytes = literal.array }

  struct Interpolation: StringInterpolationProtocol {
    typealias StringLiteralType = StaticString
    var bytes: [UInt8] = []

    init(literalCapacity: Int, interpolationCount: Int) {
      bytes.reserveCapacity(literalCapacity + interpolationCount * 16)
    }
    mutating func appendLiteral(_ literal: StaticString) { bytes.push(literal) }
    mutating func appendInterpolation(_ text: Text) { bytes.push(text.bytes) }
    mutating func appendInterpolation(_ address: Address) { bytes.push(address.text.bytes) }
    mutating func appendInterpolation(_ number: UInt64) { bytes.push(Uint128(number).decimal.bytes) }
    mutating func appendInterpolation(_ amount: Uint128) { bytes.push(amount.decimal.bytes) }
    mutating func appendInterpolation(_ coin: Coin) {
      bytes += coin.amount.decimal.bytes
      bytes += coin.denom.bytes
    }
  }

  init(stringInterpolation: Interpolation) { bytes = stringInterpolation.bytes }
}

extension StaticString {
  var array: [UInt8] {
    @inline(never)
    get {
      [UInt8](unsafeUninitializedCapacity: utf8CodeUnitCount) { buffer, count in
        count = utf8CodeUnitCount
        for index in 0..<count { buffer[index] = utf8Start[index] }
      }
    }
  }
}

/// Kept out of line, for calls are shorter than what they call.
extension [UInt8] {
  @inline(never)
  mutating func push(_ byte: UInt8) { append(byte) }

  @inline(never)
  mutating func push(_ literal: StaticString) {
    append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }

  @inline(never)
  mutating func push(_ bytes: [UInt8]) { append(contentsOf: bytes) }
}

/// By bytes, as stored keys are ordered.
extension Text: Comparable {
  static func < (left: Text, right: Text) -> Bool {
    let shared = min(left.bytes.count, right.bytes.count)
    for index in 0..<shared where left.bytes[index] != right.bytes[index] {
      return left.bytes[index] < right.bytes[index]
    }
    return left.bytes.count < right.bytes.count
  }
}
