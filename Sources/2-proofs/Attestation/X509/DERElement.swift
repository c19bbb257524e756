public import SwiftASN1
import WireBytes

/// Why bytes are not the DER they should be. Offsets count bytes from the start of what was decoded.
public enum DERError: Error, Hashable, Sendable {
  /// Empty, or over its maximum.
  case size(limit: Int, actual: Int)
  /// Not one element in DER: a length that is not the shortest, an indefinite one, nesting over 50, trailing bytes.
  case malformed(ASN1Error.ErrorCode)
  /// Another element than the one that must stand here.
  case tag(offset: Int, wanted: ASN1Identifier, found: ASN1Identifier)
  /// An element that holds others where one with bytes must stand, or the other way round.
  case construction(offset: Int)
  /// Another number of elements than allowed.
  case count(offset: Int, least: Int, most: Int, actual: Int)
  /// The bytes of a primitive element are not in the one form of DER, or not of its type.
  case content(offset: Int)
  /// An integer that is negative or over its maximum.
  case range(offset: Int)
}

/// One element of DER (X.690): a typed, strict view of SwiftASN1's node.
public struct DERElement: Hashable, Sendable {
  public let node: ASN1Node

  public init(_ node: ASN1Node) { self.node = node }

  /// Reads the one element that fills `bytes`.
  ///
  /// - Parameter sizeMax: longer input is refused before it is looked at.
  /// - Throws: ``DERError``; the input is untrusted and no input traps.
  public init(decoding bytes: [UInt8], sizeMax: Int = 1 << 16) throws(DERError) {
    guard !bytes.isEmpty, bytes.count <= sizeMax else { throw .size(limit: sizeMax, actual: bytes.count) }
    do { node = try DER.parse(bytes) } catch { throw Self.cause(error) }
  }

  public var identifier: ASN1Identifier { node.identifier }
  /// Where the element starts.
  public var offset: Int { node.encodedBytes.startIndex }
  /// The element as it was written, with tag and length.
  public var encoded: [UInt8] { [UInt8](node.encodedBytes) }

  private static func cause(_ error: any Error) -> DERError {
    .malformed((error as? ASN1Error)?.code ?? .invalidASN1Object)
  }

  private func require(_ wanted: ASN1Identifier) throws(DERError) {
    guard identifier == wanted else { throw .tag(offset: offset, wanted: wanted, found: identifier) }
  }

  /// The elements inside.
  ///
  /// - Parameters:
  ///   - wanted: the tag that this element must have.
  ///   - count: how many there may be.
  public func children(
    _ wanted: ASN1Identifier = .sequence, count: ClosedRange<Int> = 0...4096
  ) throws(DERError) -> [DERElement] {
    try require(wanted)
    guard case .constructed(let nodes) = node.content else { throw .construction(offset: offset) }
    let children = nodes.map { DERElement($0) }
    guard count.contains(children.count) else {
      throw .count(
        offset: offset, least: count.lowerBound, most: count.upperBound, actual: children.count)
    }
    return children
  }

  /// The one element inside of an explicit tag of the context class.
  public func explicit(_ number: UInt) throws(DERError) -> DERElement {
    let inner = try children(ASN1Identifier(tagWithNumber: number, tagClass: .contextSpecific), count: 1...1)
    return inner[0]
  }

  /// Whether this is element `number` of the context class.
  public func isContext(_ number: UInt) -> Bool {
    identifier == ASN1Identifier(tagWithNumber: number, tagClass: .contextSpecific)
  }

  /// The bytes of a primitive element.
  public func primitive(_ wanted: ASN1Identifier) throws(DERError) -> [UInt8] {
    try require(wanted)
    guard case .primitive(let bytes) = node.content else { throw .construction(offset: offset) }
    return [UInt8](bytes)
  }

  /// The bytes of an INTEGER in two's complement, the shortest form.
  public func integer() throws(DERError) -> [UInt8] {
    let bytes = try primitive(.integer)
    guard let first = bytes.first else { throw .content(offset: offset) }
    if bytes.count > 1, (first == 0 && bytes[1] < 0x80) || (first == 0xff && bytes[1] >= 0x80) {
      throw .content(offset: offset)
    }
    return bytes
  }

  /// An INTEGER from zero to `max`.
  public func unsigned(max: UInt64 = .max) throws(DERError) -> UInt64 {
    try Self.unsigned(try integer(), offset: offset, max: max)
  }

  /// An ENUMERATED from zero to `max`.
  public func enumerated(max: UInt64 = .max) throws(DERError) -> UInt64 {
    let bytes = try primitive(.enumerated)
    guard let first = bytes.first, bytes.count == 1 || first != 0 || bytes[1] >= 0x80 else {
      throw .content(offset: offset)
    }
    return try Self.unsigned(bytes, offset: offset, max: max)
  }

  private static func unsigned(_ bytes: [UInt8], offset: Int, max: UInt64) throws(DERError) -> UInt64 {
    guard bytes[0] < 0x80, bytes.count <= 9, bytes.count < 9 || bytes[0] == 0 else {
      throw .range(offset: offset)
    }
    var value: UInt64 = 0
    for byte in bytes { value = value << 8 | UInt64(byte) }
    guard value <= max else { throw .range(offset: offset) }
    return value
  }

  /// An OBJECT IDENTIFIER.
  public func oid() throws(DERError) -> ASN1ObjectIdentifier {
    let bytes = try primitive(.objectIdentifier)
    // SwiftASN1 takes an arc that opens with needless 0x80; DER does not (X.690, clause 8.19.2).
    var opens = true
    for byte in bytes {
      if opens, byte == 0x80 { throw .content(offset: offset) }
      opens = byte < 0x80
    }
    guard opens, !bytes.isEmpty, bytes.count <= 64 else { throw .content(offset: offset) }
    do { return try ASN1ObjectIdentifier(derEncoded: node) } catch { throw Self.cause(error) }
  }

  /// The bytes of an OCTET STRING.
  public func octets() throws(DERError) -> [UInt8] { try primitive(.octetString) }

  /// The bytes of a BIT STRING whose bits fill them.
  public func wholeBits() throws(DERError) -> [UInt8] {
    let bytes = try primitive(.bitString)
    guard bytes.first == 0 else { throw .content(offset: offset) }
    return [UInt8](bytes.dropFirst())
  }

  /// The set bits of a BIT STRING with names, bit 0 first.
  ///
  /// Bits that do not count are zero. Trailing zero bits that do count are passed over, against X.690, clause 11.2.2:
  /// AMD's signing keys have a keyUsage with one (`03 02 01 04`).
  public func namedBits() throws(DERError) -> Set<Int> {
    let bytes = try primitive(.bitString)
    guard let unused = bytes.first, unused < 8, bytes.count <= 9 else { throw .content(offset: offset) }
    guard let last = bytes.dropFirst().last else {
      guard unused == 0 else { throw .content(offset: offset) }
      return []
    }
    guard last.trailingZeroBitCount >= Int(unused) else { throw .content(offset: offset) }
    var bits: Set<Int> = []
    for (index, byte) in bytes.dropFirst().enumerated() {
      for bit in 0..<8 where byte & (0x80 >> UInt8(bit)) != 0 { bits.insert(index * 8 + bit) }
    }
    return bits
  }

  /// A BOOLEAN: one byte, 00 or ff.
  public func boolean() throws(DERError) -> Bool {
    switch try primitive(.boolean) {
    case [0x00]: return false
    case [0xff]: return true
    default: throw .content(offset: offset)
    }
  }

  /// NULL.
  public func null() throws(DERError) {
    guard try primitive(.null).isEmpty else { throw .content(offset: offset) }
  }

  /// UNIX seconds of a UTCTime or a GeneralizedTime in the forms of RFC 5280, section 4.1.2.5: seconds, `Z`, no
  /// fraction. Which of the two is used for which year is not checked.
  public func time() throws(DERError) -> Int64 {
    let digits: [UInt8]
    let isShort = identifier == .utcTime
    digits = try primitive(isShort ? .utcTime : .generalizedTime)
    let years = isShort ? 2 : 4
    guard digits.count == years + 11, digits.last == UInt8(ascii: "Z") else { throw .content(offset: offset) }
    func number(_ start: Int, _ count: Int) throws(DERError) -> Int {
      var value = 0
      for digit in digits[start..<(start + count)] {
        guard (0x30...0x39).contains(digit) else { throw .content(offset: offset) }
        value = value * 10 + Int(digit - 0x30)
      }
      return value
    }
    var year = try number(0, years)
    if isShort { year += year < 50 ? 2000 : 1900 }
    guard
      let seconds = CivilTime.seconds(
        year: year, month: try number(years, 2), day: try number(years + 2, 2),
        hour: try number(years + 4, 2), minute: try number(years + 6, 2), second: try number(years + 8, 2))
    else { throw .content(offset: offset) }
    return seconds
  }
}

/// Dates of the proleptic Gregorian calendar in UTC, without leap seconds.
public enum CivilTime {
  /// UNIX seconds; nil when there is no such date or time of day.
  public static func seconds(
    year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int
  ) -> Int64? {
    guard (0...9999).contains(year), (1...12).contains(month), (0...23).contains(hour),
      (0...59).contains(minute), (0...59).contains(second)
    else { return nil }
    let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
    let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard (1...lengths[month - 1]).contains(day) else { return nil }
    // Years start in March, so that the leap day is the last; 400 years have 146097 days.
    let shifted = year - (month <= 2 ? 1 : 0) + 400
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear
    // 1970-01-01 is day 719468 from 0000-03-01.
    return Int64(days - 146_097 - 719_468) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
  }
}
