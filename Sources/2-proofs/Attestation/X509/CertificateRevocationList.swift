public import SwiftASN1

/// Why bytes are not a certificate revocation list that we read.
public enum RevocationListError: Error, Hashable, Sendable {
  case der(DERError)
  /// The name, the algorithm or an extension is not in its form.
  case x509(X509Error)
  /// Not version 2 (of which the number is 1), or absent although there are extensions.
  case version(UInt64?)
  /// The algorithm inside of what is signed is not the one outside.
  case algorithmsDiffer
  /// Ends before it starts.
  case validity(thisUpdate: Int64, nextUpdate: Int64)
  /// No time by which the next list comes: such a list never ages.
  case noNextUpdate
  /// An element that cannot stand here, `offset` bytes from the start.
  case unexpected(offset: Int)
  /// A serial number that is negative or over 20 bytes.
  case serial(offset: Int)
  /// A critical extension that is not understood: a list of a part of the certificates, a delta, an indirect
  /// list.
  case criticalExtension(ASN1ObjectIdentifier)
}

/// A certificate revocation list (RFC 5280, section 5), parsed and not verified.
public struct CertificateRevocationList: Hashable, Sendable {
  /// Longest list that is looked at; Intel's longest has under 10 KiB.
  public static let sizeMax = 4 << 20
  /// Most entries.
  public static let countMax = 100_000

  /// The signed bytes.
  public let tbs: [UInt8]
  /// The issuer's name in DER.
  public let issuer: [UInt8]
  public let thisUpdate: Int64
  public let nextUpdate: Int64
  /// When each serial number, as the content of its INTEGER, was revoked.
  public let revoked: [[UInt8]: Int64]
  /// cRLNumber, when it fits.
  public let number: UInt64?
  public let signatureAlgorithm: X509SignatureAlgorithm
  public let signature: [UInt8]

  private static let numberName: ASN1ObjectIdentifier = [2, 5, 29, 20]
  private static let deltaName: ASN1ObjectIdentifier = [2, 5, 29, 27]
  private static let partName: ASN1ObjectIdentifier = [2, 5, 29, 28]

  /// Reads one list that fills `bytes`.
  ///
  /// - Throws: ``RevocationListError``; the input is untrusted and no input traps.
  public init(decoding bytes: [UInt8]) throws(RevocationListError) {
    let parts = try Self.der { () throws(DERError) in
      try DERElement(decoding: bytes, sizeMax: Self.sizeMax).children(count: 3...3)
    }
    tbs = parts[0].encoded
    signatureAlgorithm = try Self.algorithm(parts[1])
    signature = try Self.der { () throws(DERError) in try parts[2].wholeBits() }
    var fields = try Self.der { () throws(DERError) in try parts[0].children(count: 4...7) }[...]

    var version: UInt64?
    if let first = fields.first, first.identifier == .integer {
      version = try Self.der { () throws(DERError) in try first.unsigned() }
      fields = fields.dropFirst()
    }
    guard version == 1 else { throw .version(version) }
    guard let algorithm = fields.popFirst(), let name = fields.popFirst(), let start = fields.popFirst()
    else {
      throw .unexpected(offset: parts[0].offset)
    }
    guard algorithm.encoded == parts[1].encoded else { throw .algorithmsDiffer }
    do { issuer = try X509Certificate.name(name) } catch { throw .x509(error) }
    thisUpdate = try Self.der { () throws(DERError) in try start.time() }
    guard let end = fields.first, end.identifier == .utcTime || end.identifier == .generalizedTime else {
      throw .noNextUpdate
    }
    nextUpdate = try Self.der { () throws(DERError) in try end.time() }
    guard thisUpdate <= nextUpdate else { throw .validity(thisUpdate: thisUpdate, nextUpdate: nextUpdate) }
    fields = fields.dropFirst()

    var revoked: [[UInt8]: Int64] = [:]
    if let list = fields.first, list.identifier == .sequence {
      let entries = try Self.der { () throws(DERError) in try list.children(count: 0...Self.countMax) }
      for entry in entries {
        let (serial, time) = try Self.entry(entry)
        revoked[serial] = time
      }
      fields = fields.dropFirst()
    }
    self.revoked = revoked

    var number: UInt64?
    if let last = fields.popFirst() {
      guard last.isContext(0) else { throw .unexpected(offset: last.offset) }
      let wrapped = try Self.der { () throws(DERError) in try last.explicit(0) }
      for found in try Self.extensions(wrapped) {
        switch found.oid {
        case Self.numberName:
          number = try? DERElement(decoding: found.value).unsigned()
        case Self.deltaName, Self.partName:
          // Neither a delta nor a part of a list says who is not revoked, critical or not.
          throw .criticalExtension(found.oid)
        default:
          guard !found.isCritical else { throw .criticalExtension(found.oid) }
        }
      }
    }
    self.number = number
    if let left = fields.first { throw .unexpected(offset: left.offset) }
  }

  /// When the certificate was revoked; nil when it is not on the list.
  public func revocation(of certificate: X509Certificate) -> Int64? { revoked[certificate.serial] }

  private static func der<Value>(
    _ body: () throws(DERError) -> Value
  ) throws(RevocationListError) -> Value {
    do { return try body() } catch { throw .der(error) }
  }

  private static func algorithm(
    _ element: DERElement
  ) throws(RevocationListError) -> X509SignatureAlgorithm {
    do { return try X509SignatureAlgorithm(element) } catch { throw .x509(error) }
  }

  private static func entry(_ entry: DERElement) throws(RevocationListError) -> ([UInt8], Int64) {
    let parts = try der { () throws(DERError) in try entry.children(count: 2...3) }
    let serial = try der { () throws(DERError) in try parts[0].integer() }
    guard serial[0] < 0x80, serial.count <= 21, serial.count < 21 || serial[0] == 0 else {
      throw .serial(offset: parts[0].offset)
    }
    let time = try der { () throws(DERError) in try parts[1].time() }
    if parts.count == 3 {
      // A critical extension of an entry is that of an indirect list: the serial is another issuer's.
      for found in try extensions(parts[2]) where found.isCritical { throw .criticalExtension(found.oid) }
    }
    return (serial, time)
  }

  private static func extensions(_ element: DERElement) throws(RevocationListError) -> [X509Extension] {
    do { return try X509Extension.list(element) } catch { throw .x509(error) }
  }
}

/// What to do with a certificate about which there is no list.
public enum X509MissingList: Hashable, Sendable {
  case refused
  /// The certificate is named in ``X509RevocationOutcome/unchecked``.
  case reported
}

/// Why a list does not speak for an issuer at a time, or a chain is revoked. `index` counts from the leaf,
/// which is 0; times are UNIX seconds.
public enum X509RevocationError: Error, Hashable, Sendable {
  /// There is no list of the certificate's issuer.
  case noList(index: Int)
  /// keyUsage of the issuer leaves out cRLSign.
  case issuerUsage(index: Int)
  /// The issuer did not sign its list.
  case signature(index: Int, X509SignatureError)
  /// The list starts later.
  case notYetValid(index: Int, secondsEarly: Int64)
  /// The next list was due.
  case expired(index: Int, secondsLate: Int64)
  case revoked(index: Int, at: Int64)
}

/// What lists said about a chain.
public struct X509RevocationOutcome: Hashable, Sendable {
  /// When the first of the lists is replaced; nil when none was used. At that second the list has ended.
  public let until: Int64?
  /// Certificates without a list.
  public let unchecked: [Int]
}

/// From when on a list counts.
public enum X509ListStart: Hashable, Sendable {
  /// Refused before its thisUpdate.
  case checked
  /// Any list that has not ended counts, as webpki does: a newer list knows all that an older one knew.
  case ignored
}

extension CertificateRevocationList {
  /// Checks that `issuer` signed this list and that it counts at `time`.
  ///
  /// A list has ended at the second of its nextUpdate (RFC 5280 leaves this open; webpki does so, too).
  ///
  /// - Parameter index: named in the error.
  public func verify(
    issuedBy issuer: X509Certificate, at time: Int64, start: X509ListStart = .checked, index: Int = 0
  ) throws(X509RevocationError) {
    guard self.issuer == issuer.subject else { throw .noList(index: index) }
    if let usage = issuer.keyUsage, !usage.contains(X509Certificate.Usage.crlSign.rawValue) {
      throw .issuerUsage(index: index)
    }
    do {
      try issuer.publicKey.verify(tbs.span, signature: signature, algorithm: signatureAlgorithm)
    } catch {
      throw .signature(index: index, error)
    }
    guard time < nextUpdate else {
      throw .expired(index: index, secondsLate: X509Chain.difference(time, nextUpdate))
    }
    guard start == .ignored || thisUpdate <= time else {
      throw .notYetValid(index: index, secondsEarly: X509Chain.difference(thisUpdate, time))
    }
  }
}

extension VerifiedX509Chain {
  /// Looks for every certificate below the root in its issuer's list.
  ///
  /// - Parameter lists: in any order; lists of other issuers are passed over. All lists of an issuer count.
  public func checkRevocation(
    _ lists: [CertificateRevocationList], at time: Int64, missing: X509MissingList,
    start: X509ListStart = .checked
  ) throws(X509RevocationError) -> X509RevocationOutcome {
    var until: Int64?
    var unchecked: [Int] = []
    for index in certificates.indices.dropLast() {
      let certificate = certificates[index]
      let own = lists.filter { $0.issuer == certificate.issuer }
      guard !own.isEmpty else {
        guard missing == .reported else { throw .noList(index: index) }
        unchecked.append(index)
        continue
      }
      for list in own {
        try list.verify(issuedBy: certificates[index + 1], at: time, start: start, index: index)
        if let moment = list.revocation(of: certificate) { throw .revoked(index: index, at: moment) }
        until = min(until ?? list.nextUpdate, list.nextUpdate)
      }
    }
    return X509RevocationOutcome(until: until, unchecked: unchecked)
  }
}
