/// Why a certificate does not name its holder as an X.509-SVID does.
public enum PeerCertificateError: Error, Hashable, Sendable {
  case tooLarge(limit: Int, actual: Int)
  /// Not DER, or not a certificate, at this offset.
  case der(offset: Int)
  /// An extension stands twice.
  case repeatedExtension
  /// Exactly one URI must stand among the alternative names.
  case uriCount(Int)
  /// The URI is no SPIFFE ID of a workload.
  case uri
  /// It may sign other certificates.
  case authority
  /// The use of the key is not stated, or not as critical.
  case keyUsageMissing
  /// The key may not sign, or may sign certificates or revocation lists.
  case keyUsage
}

/// Reads who a leaf certificate names, by the rules of SPIFFE's X.509-SVID. Chain, dates and signature are TLS's to check.
///
/// - SeeAlso: spiffe/spiffe standards/X509-SVID.md sections 2 to 5.2, SPIFFE-ID.md section 2.
public enum PeerCertificate {
  public static let sizeMax = 64 << 10
  public static let uriSizeMax = 2_048

  /// - Returns: the URI, `spiffe://trust-domain/path`.
  /// - Throws: ``PeerCertificateError``. The input is untrusted; no input traps.
  public static func spiffeID(decoding certificate: [UInt8]) throws(PeerCertificateError) -> String {
    guard certificate.count <= sizeMax else { throw .tooLarge(limit: sizeMax, actual: certificate.count) }
    var outer = DERReader(certificate)
    var whole = try outer.nested(.sequence)
    try outer.finish()
    var body = try whole.nested(.sequence)
    // Version 3 is the first that has extensions.
    var version = try body.nested(.version)
    guard try version.value(.integer) == [2] else { throw .der(offset: version.start) }
    try version.finish()
    _ = try body.value(.integer)
    // Signature algorithm, issuer, validity, subject, public key.
    for _ in 0..<5 { _ = try body.nested(.sequence) }
    if body.peek == DERTag.issuerID.rawValue { _ = try body.value(.issuerID) }
    if body.peek == DERTag.subjectID.rawValue { _ = try body.value(.subjectID) }
    var wrapper = try body.nested(.extensions)
    try body.finish()
    var extensions = try wrapper.nested(.sequence)
    try wrapper.finish()
    return try name(&extensions)
  }

  /// The parts of the object identifiers 2.5.29.15, .17 and .19.
  private static let keyUsage: [UInt8] = [0x55, 0x1d, 0x0f]
  private static let alternativeName: [UInt8] = [0x55, 0x1d, 0x11]
  private static let basicConstraints: [UInt8] = [0x55, 0x1d, 0x13]

  private static func name(_ extensions: inout DERReader) throws(PeerCertificateError) -> String {
    var seen: Set<[UInt8]> = []
    var uris: [[UInt8]] = []
    var hasUsage = false
    while !extensions.isAtEnd {
      var one = try extensions.nested(.sequence)
      let identifier = try one.value(.objectIdentifier)
      var isCritical = false
      if one.peek == DERTag.boolean.rawValue {
        guard try one.value(.boolean) == [0xff] else { throw .der(offset: one.start) }
        isCritical = true
      }
      var content = try one.nested(.octetString)
      try one.finish()
      guard seen.insert(identifier).inserted else { throw .repeatedExtension }
      switch identifier {
      case keyUsage:
        guard isCritical else { throw .keyUsageMissing }
        try check(usage: try content.value(.bitString))
        hasUsage = true
      case basicConstraints:
        let constraints = try content.nested(.sequence)
        if constraints.peek == DERTag.boolean.rawValue { throw .authority }
        try constraints.finish()
      case alternativeName:
        var names = try content.nested(.sequence)
        while !names.isAtEnd {
          let (tag, value) = try names.any()
          if tag == DERTag.uriName.rawValue { uris.append(value) }
        }
      default: continue
      }
      try content.finish()
    }
    guard hasUsage else { throw .keyUsageMissing }
    guard uris.count == 1 else { throw .uriCount(uris.count) }
    return try checked(uris[0])
  }

  /// Bits from the left: 0 digitalSignature, 5 keyCertSign, 6 cRLSign (RFC 5280, section 4.2.1.3).
  private static func check(usage: [UInt8]) throws(PeerCertificateError) {
    guard usage.count >= 2, usage[0] < 8 else { throw .keyUsage }
    guard usage[1] & 0x80 != 0, usage[1] & 0x06 == 0 else { throw .keyUsage }
  }

  /// A SPIFFE ID with a path, which a workload's has.
  private static func checked(_ uri: [UInt8]) throws(PeerCertificateError) -> String {
    let scheme = [UInt8]("spiffe://".utf8)
    guard uri.count <= uriSizeMax, uri.starts(with: scheme) else { throw .uri }
    let parts = uri.dropFirst(scheme.count).split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.count >= 2 else { throw .uri }
    for (index, part) in parts.enumerated() {
      guard !part.isEmpty, !part.elementsEqual(".".utf8), !part.elementsEqual("..".utf8) else { throw .uri }
      for character in part {
        switch character {
        case 0x30...0x39, 0x61...0x7a, 0x2d, 0x2e, 0x5f: continue
        case 0x41...0x5a: if index > 0 { continue }
        default: break
        }
        throw .uri
      }
    }
    guard parts[0].count <= 255 else { throw .uri }
    return String(decoding: uri, as: UTF8.self)
  }
}

private enum DERTag: UInt8 {
  case boolean = 0x01
  case integer = 0x02
  case bitString = 0x03
  case octetString = 0x04
  case objectIdentifier = 0x06
  case sequence = 0x30
  /// `[0]` of a certificate.
  case version = 0xa0
  case issuerID = 0x81
  case subjectID = 0x82
  case extensions = 0xa3
  /// `[6]` of a general name.
  case uriName = 0x86
}

/// A cursor over one level of DER: tags of one byte, lengths in their shortest form.
private struct DERReader {
  private let bytes: [UInt8]
  private var offset: Int
  private let end: Int
  /// Where this level starts in the whole.
  let start: Int

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    offset = 0
    start = 0
    end = bytes.count
  }

  private init(_ bytes: [UInt8], _ range: Range<Int>) {
    self.bytes = bytes
    offset = range.lowerBound
    start = range.lowerBound
    end = range.upperBound
  }

  var isAtEnd: Bool { offset == end }
  var peek: UInt8? { offset < end ? bytes[offset] : nil }

  private mutating func byte() throws(PeerCertificateError) -> UInt8 {
    guard offset < end else { throw .der(offset: offset) }
    defer { offset += 1 }
    return bytes[offset]
  }

  private mutating func element() throws(PeerCertificateError) -> (tag: UInt8, content: Range<Int>) {
    let tag = try byte()
    guard tag & 0x1f != 0x1f else { throw .der(offset: offset - 1) }
    let first = try byte()
    var length = Int(first)
    if first >= 0x80 {
      let count = Int(first & 0x7f)
      guard (1...3).contains(count) else { throw .der(offset: offset - 1) }
      length = 0
      for _ in 0..<count { length = length << 8 | Int(try byte()) }
      guard length >= 0x80, count == 1 || length >> (8 * (count - 1)) > 0 else { throw .der(offset: offset) }
    }
    guard length <= end - offset else { throw .der(offset: offset) }
    let content = offset..<(offset + length)
    offset += length
    return (tag, content)
  }

  mutating func any() throws(PeerCertificateError) -> (tag: UInt8, value: [UInt8]) {
    let (tag, content) = try element()
    return (tag, [UInt8](bytes[content]))
  }

  mutating func value(_ tag: DERTag) throws(PeerCertificateError) -> [UInt8] {
    let place = offset
    let (found, content) = try element()
    guard found == tag.rawValue else { throw .der(offset: place) }
    return [UInt8](bytes[content])
  }

  mutating func nested(_ tag: DERTag) throws(PeerCertificateError) -> DERReader {
    let place = offset
    let (found, content) = try element()
    guard found == tag.rawValue else { throw .der(offset: place) }
    return DERReader(bytes, content)
  }

  func finish() throws(PeerCertificateError) {
    guard isAtEnd else { throw .der(offset: offset) }
  }
}
