public import SwiftASN1
public import WireBytes

/// Why the SGX extension of a PCK certificate is not what it should be.
public enum PCKExtensionError: Error, Hashable, Sendable {
  /// The certificate has none.
  case absent
  case der(DERError)
  /// A member that must be there is not.
  case missing(ASN1ObjectIdentifier)
  /// A member comes twice.
  case duplicate(ASN1ObjectIdentifier)
  /// A member of another length.
  case length(ASN1ObjectIdentifier, expected: Int, actual: Int)
}

/// What Intel says about a processor in its PCK certificate (extension 1.2.840.113741.1.13.1).
///
/// - SeeAlso: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification, section 1.3.5.
public struct PCKExtension: Hashable, Sendable {
  public static let oid: ASN1ObjectIdentifier = [1, 2, 840, 113741, 1, 13, 1]

  private static let ppidName: ASN1ObjectIdentifier = [1, 2, 840, 113741, 1, 13, 1, 1]
  private static let tcbName: ASN1ObjectIdentifier = [1, 2, 840, 113741, 1, 13, 1, 2]
  private static let provisioningEnclaveName: ASN1ObjectIdentifier = [1, 2, 840, 113741, 1, 13, 1, 2, 17]
  private static let cpuSVNName: ASN1ObjectIdentifier = [1, 2, 840, 113741, 1, 13, 1, 2, 18]
  private static let pceIDName: ASN1ObjectIdentifier = [1, 2, 840, 113741, 1, 13, 1, 3]
  private static let fmspcName: ASN1ObjectIdentifier = [1, 2, 840, 113741, 1, 13, 1, 4]
  private static let typeName: ASN1ObjectIdentifier = [1, 2, 840, 113741, 1, 13, 1, 5]

  /// Names the platform.
  public let ppid: [UInt8]
  /// The security versions of 16 components.
  public let cpuSVN: FixedBytes<16>
  public let provisioningEnclaveSVN: UInt16
  public let pceID: FixedBytes<2>
  /// The family of processors, by which TCB info is chosen.
  public let fmspc: FixedBytes<6>
  /// 0 standard, 1 scalable, 2 scalable with integrity.
  public let sgxType: UInt64

  public init(_ certificate: X509Certificate) throws(PCKExtensionError) {
    guard let found = certificate.extension(Self.oid) else { throw .absent }
    try self.init(decoding: found.value)
  }

  /// Reads the extension's value: a SEQUENCE of pairs of a name and a value.
  ///
  /// - Throws: ``PCKExtensionError``; the input is untrusted and no input traps.
  public init(decoding value: [UInt8]) throws(PCKExtensionError) {
    let members = try Self.members(Self.der { () throws(DERError) in try DERElement(decoding: value) })
    func octets(
      _ from: [ASN1ObjectIdentifier: DERElement], _ name: ASN1ObjectIdentifier, _ count: Int
    ) throws(PCKExtensionError) -> [UInt8] {
      guard let element = from[name] else { throw .missing(name) }
      let bytes = try Self.der { () throws(DERError) in try element.octets() }
      guard bytes.count == count else { throw .length(name, expected: count, actual: bytes.count) }
      return bytes
    }
    func fixed<let count: Int>(
      _ from: [ASN1ObjectIdentifier: DERElement], _ name: ASN1ObjectIdentifier
    ) throws(PCKExtensionError) -> FixedBytes<count> {
      let bytes = try octets(from, name, count)
      return FixedBytes<count> { bytes[$0] }
    }
    ppid = try octets(members, Self.ppidName, 16)
    guard let tcb = members[Self.tcbName] else { throw .missing(Self.tcbName) }
    let versions = try Self.members(tcb)
    cpuSVN = try fixed(versions, Self.cpuSVNName)
    guard let own = versions[Self.provisioningEnclaveName] else {
      throw .missing(Self.provisioningEnclaveName)
    }
    provisioningEnclaveSVN = UInt16(try Self.der { () throws(DERError) in try own.unsigned(max: 0xffff) })
    pceID = try fixed(members, Self.pceIDName)
    fmspc = try fixed(members, Self.fmspcName)
    guard let type = members[Self.typeName] else { throw .missing(Self.typeName) }
    sgxType = try Self.der { () throws(DERError) in try type.enumerated(max: 255) }
  }

  private static func der<Value>(_ body: () throws(DERError) -> Value) throws(PCKExtensionError) -> Value {
    do { return try body() } catch { throw .der(error) }
  }

  private static func members(
    _ element: DERElement
  ) throws(PCKExtensionError) -> [ASN1ObjectIdentifier: DERElement] {
    var members: [ASN1ObjectIdentifier: DERElement] = [:]
    for pair in try der({ () throws(DERError) in try element.children(count: 1...32) }) {
      let (name, value) = try der { () throws(DERError) -> (ASN1ObjectIdentifier, DERElement) in
        let parts = try pair.children(count: 2...2)
        return (try parts[0].oid(), parts[1])
      }
      guard members.updateValue(value, forKey: name) == nil else { throw .duplicate(name) }
    }
    return members
  }
}
