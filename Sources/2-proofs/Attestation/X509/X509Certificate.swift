import Digests
public import SignatureSchemes
public import SwiftASN1
public import WireBytes

/// Why bytes are no certificate that is read here.
public enum X509Error: Error, Hashable, Sendable {
  case der(DERError)
  /// Only version 3 is read; the number is the one written, which is one less.
  case version(UInt64)
  /// A serial number that is negative or over 20 bytes (RFC 5280, section 4.1.2.2). Zero is taken: AMD's keys have it.
  case serial([UInt8])
  /// The algorithm inside the signed part is not the one outside.
  case algorithmsDiffer
  /// Parameters of this algorithm are not in its one form.
  case algorithmParameters(ASN1ObjectIdentifier)
  case ecdsaKey(ECDSAError)
  case rsaKey(RSAPSS.VerificationError)
  /// The end of the validity is before its start.
  case validity(notBefore: Int64, notAfter: Int64)
  /// Two extensions with one name.
  case duplicateExtension(ASN1ObjectIdentifier)
  /// An extension with a default that is written, or with a value that is not of its type.
  case extensionValue(ASN1ObjectIdentifier)
  /// An issuer or a subject unique identifier, or anything else that RFC 5280 keeps away.
  case unexpected(offset: Int)
  /// The text is no PEM: offset of the first byte that cannot stand there.
  case pem(offset: Int)
  /// More certificates than allowed, or none.
  case count(limit: Int, actual: Int)

  /// Runs a step of DER and names it.
  static func der<Value>(_ step: () throws(DERError) -> Value) throws(X509Error) -> Value {
    do { return try step() } catch { throw .der(error) }
  }
}

/// One extension as it was written.
public struct X509Extension: Hashable, Sendable {
  public let oid: ASN1ObjectIdentifier
  public let isCritical: Bool
  /// What is inside of the OCTET STRING.
  public let value: [UInt8]

  /// Reads an Extension; a default that is written is refused.
  public init(_ element: DERElement) throws(X509Error) {
    let parts = try X509Error.der { () throws(DERError) in try element.children(count: 2...3) }
    let name = try X509Error.der { () throws(DERError) in try parts[0].oid() }
    if parts.count == 3 {
      guard try X509Error.der({ () throws(DERError) in try parts[1].boolean() }) else {
        throw .extensionValue(name)
      }
    }
    oid = name
    isCritical = parts.count == 3
    value = try X509Error.der { () throws(DERError) in try parts[parts.count - 1].octets() }
  }

  /// Reads Extensions, a list without duplicates.
  public static func list(_ element: DERElement, countMax: Int = 64) throws(X509Error) -> [X509Extension] {
    let children = try X509Error.der { () throws(DERError) in try element.children(count: 1...countMax) }
    var list: [X509Extension] = []
    var names: Set<ASN1ObjectIdentifier> = []
    for child in children {
      let next = try X509Extension(child)
      guard names.insert(next.oid).inserted else { throw .duplicateExtension(next.oid) }
      list.append(next)
    }
    return list
  }
}

/// A certificate (RFC 5280) in strict DER: read, and not verified.
///
/// swift-certificates does not read RSASSA-PSS, which AMD signs with, so certificates are read here, on SwiftASN1.
public struct X509Certificate: Hashable, Sendable {
  /// Longest certificate that is looked at.
  public static let sizeMax = 16 << 10

  /// `cA` and `pathLenConstraint`.
  public struct BasicConstraints: Hashable, Sendable {
    public let isAuthority: Bool
    public let pathLengthMax: UInt64?
  }

  /// Bits of keyUsage that are asked for here (RFC 5280, section 4.2.1.3).
  public enum Usage: Int, Hashable, Sendable {
    case digitalSignature = 0
    case keyCertSign = 5
    case crlSign = 6
  }

  /// The whole certificate.
  public let der: [UInt8]
  /// The signed part as it was signed.
  public let tbs: [UInt8]
  /// The bytes of the INTEGER.
  public let serial: [UInt8]
  /// Names in DER; they are compared byte by byte.
  public let issuer: [UInt8]
  public let subject: [UInt8]
  /// UNIX seconds, both inclusive.
  public let notBefore: Int64
  public let notAfter: Int64
  /// SubjectPublicKeyInfo in DER.
  public let publicKeyInfo: [UInt8]
  public let publicKey: X509PublicKey
  public let extensions: [X509Extension]
  public let basicConstraints: BasicConstraints?
  /// Nil when the extension is absent.
  public let keyUsage: Set<Int>?
  public let signatureAlgorithm: X509SignatureAlgorithm
  public let signature: [UInt8]

  static let basicConstraintsName: ASN1ObjectIdentifier = [2, 5, 29, 19]
  static let keyUsageName: ASN1ObjectIdentifier = [2, 5, 29, 15]

  public init(decoding bytes: Span<UInt8>) throws(X509Error) {
    try self.init(decoding: [UInt8](copying: bytes))
  }

  /// Reads one certificate that fills `bytes`.
  ///
  /// - Throws: ``X509Error``; the input is untrusted and no input traps.
  public init(decoding bytes: [UInt8]) throws(X509Error) {
    let parts = try X509Error.der { () throws(DERError) in
      try DERElement(decoding: bytes, sizeMax: Self.sizeMax).children(count: 3...3)
    }
    der = bytes
    tbs = parts[0].encoded
    signatureAlgorithm = try X509SignatureAlgorithm(parts[1])
    signature = try X509Error.der { () throws(DERError) in try parts[2].wholeBits() }
    let fields = try X509Error.der { () throws(DERError) in try parts[0].children(count: 7...10) }
    let version = try X509Error.der { () throws(DERError) in try fields[0].explicit(0).unsigned() }
    guard version == 2 else { throw .version(version) }
    serial = try X509Error.der { () throws(DERError) in try fields[1].integer() }
    guard serial[0] < 0x80, serial.count <= 21, serial.count < 21 || serial[0] == 0 else {
      throw .serial(serial)
    }
    guard fields[2].encoded == parts[1].encoded else { throw .algorithmsDiffer }
    issuer = try Self.name(fields[3])
    (notBefore, notAfter) = try X509Error.der { () throws(DERError) -> (Int64, Int64) in
      let times = try fields[4].children(count: 2...2)
      return (try times[0].time(), try times[1].time())
    }
    guard notBefore <= notAfter else { throw .validity(notBefore: notBefore, notAfter: notAfter) }
    subject = try Self.name(fields[5])
    publicKeyInfo = fields[6].encoded
    publicKey = try X509PublicKey(fields[6])
    if fields.count > 7 {
      // Unique identifiers [1] and [2] are of the past (RFC 5280, section 4.1.2.8).
      guard fields.count == 8, fields[7].isContext(3) else { throw .unexpected(offset: fields[7].offset) }
      let wrapped = try X509Error.der { () throws(DERError) in try fields[7].explicit(3) }
      extensions = try X509Extension.list(wrapped)
    } else {
      extensions = []
    }
    var constraints: BasicConstraints?
    var usage: Set<Int>?
    for found in extensions {
      switch found.oid {
      case Self.basicConstraintsName: constraints = try Self.constraints(found)
      case Self.keyUsageName:
        usage = try X509Error.der { () throws(DERError) in try DERElement(decoding: found.value).namedBits() }
      default: break
      }
    }
    basicConstraints = constraints
    keyUsage = usage
  }

  /// SHA-256 of the whole certificate.
  public var fingerprint: Bytes32 { SHA256Hash.hash(der) }

  /// The extension called `oid`, if there is one.
  public func `extension`(_ oid: ASN1ObjectIdentifier) -> X509Extension? {
    extensions.first { $0.oid == oid }
  }

  /// Checks that `issuer`'s key signed this certificate; nothing else about the two is looked at.
  public func verifySignature(by issuer: X509PublicKey) throws(X509SignatureError) {
    try issuer.verify(tbs.span, signature: signature, algorithm: signatureAlgorithm)
  }

  /// A Name: a SEQUENCE of SETs, kept as written.
  static func name(_ element: DERElement) throws(X509Error) -> [UInt8] {
    _ = try X509Error.der { () throws(DERError) in
      for part in try element.children(count: 0...32) {
        for pair in try part.children(.set, count: 1...8) { _ = try pair.children(count: 2...2)[0].oid() }
      }
    }
    return element.encoded
  }

  private static func constraints(_ found: X509Extension) throws(X509Error) -> BasicConstraints {
    var parts = try X509Error.der { () throws(DERError) in
      try DERElement(decoding: found.value).children(count: 0...2)
    }[...]
    var isAuthority = false
    if let first = parts.first, first.identifier == .boolean {
      isAuthority = try X509Error.der { () throws(DERError) in try first.boolean() }
      // FALSE is the default, so DER leaves it out; certificates of real authorities write it all the same.
      parts = parts.dropFirst()
    }
    var length: UInt64?
    if let first = parts.first {
      length = try X509Error.der { () throws(DERError) in try first.unsigned() }
      guard isAuthority, parts.count == 1 else { throw .extensionValue(found.oid) }
    }
    return BasicConstraints(isAuthority: isAuthority, pathLengthMax: length)
  }
}
