import SignatureSchemes
import SwiftASN1
import WireBytes

/// The certificate of a key that signs reports, with AMD's extensions read: a VCEK or a VLEK.
///
/// Source: AMD 57230, "Versioned chip endorsement key (VCEK) certificate and KDS interface specification", section 3.
public struct SEVSNPEndorsement: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Of one chip and its TCB.
    case vcek
    /// Of one cloud.
    case vlek
  }

  public let certificate: X509Certificate
  public let kind: Kind
  /// As AMD writes it: `Milan-B0`, `Genoa`, `Turin`, …
  public let productName: String
  public let tcb: SEVSNPTCB
  /// The chip's name of a VCEK: 64 bytes, from Turin on 8.
  public let hardwareID: [UInt8]?
  /// The cloud's name of a VLEK.
  public let cloud: String?
  let key: ECDSAP384.PublicKey

  private static func amd(_ arcs: UInt...) -> ASN1ObjectIdentifier {
    // The arcs are those of this file, so they make an object identifier.
    (try? ASN1ObjectIdentifier(elements: [1, 3, 6, 1, 4, 1, 3704, 1] + arcs)) ?? [1, 3]
  }
  private static let productNameOID = amd(2)
  private static let bootLoaderOID = amd(3, 1)
  private static let teeOID = amd(3, 2)
  private static let snpOID = amd(3, 3)
  private static let reservedOIDs = [amd(3, 4), amd(3, 5), amd(3, 6), amd(3, 7)]
  private static let microcodeOID = amd(3, 8)
  private static let fmcOID = amd(3, 9)
  private static let hardwareIDOID = amd(4)
  private static let cloudOID = amd(5)

  /// Reads AMD's extensions of `certificate`, whose chain is for ``X509Chain`` to check.
  ///
  /// - Parameter product: of the authority that issued it; says which parts the TCB has.
  public init(_ certificate: X509Certificate, product: AMDProduct) throws(SEVSNPRefusal) {
    self.certificate = certificate
    guard case .p384(let key) = certificate.publicKey else { throw .endorsementKey }
    self.key = key
    productName = try Self.text(certificate, Self.productNameOID)
    let stem = productName.split(separator: "-", omittingEmptySubsequences: false).first.map {
      $0.lowercased()
    }
    guard stem == product.rawValue else { throw .productName(product) }
    for oid in Self.reservedOIDs where certificate.extension(oid) != nil {
      guard try Self.version(certificate, oid) == 0 else { throw .extensionValue(oid) }
    }
    let hasFMC = certificate.extension(Self.fmcOID) != nil
    if product != .turin, hasFMC { throw .extensionValue(Self.fmcOID) }
    tcb = SEVSNPTCB(
      fmc: product == .turin ? try Self.version(certificate, Self.fmcOID) : nil,
      bootLoader: try Self.version(certificate, Self.bootLoaderOID),
      tee: try Self.version(certificate, Self.teeOID), snp: try Self.version(certificate, Self.snpOID),
      microcode: try Self.version(certificate, Self.microcodeOID))
    switch (certificate.extension(Self.hardwareIDOID), certificate.extension(Self.cloudOID)) {
    case (let chip?, nil):
      kind = .vcek
      // The bytes stand in the extension as they are, without a tag.
      guard chip.value.count == (product == .turin ? 8 : 64) else {
        throw .extensionValue(Self.hardwareIDOID)
      }
      hardwareID = chip.value
      cloud = nil
    case (nil, .some):
      kind = .vlek
      hardwareID = nil
      cloud = try Self.text(certificate, Self.cloudOID)
    default:
      throw .endorsementKind
    }
  }

  private static func element(
    _ certificate: X509Certificate, _ oid: ASN1ObjectIdentifier
  ) throws(SEVSNPRefusal) -> DERElement {
    guard let found = certificate.extension(oid) else { throw .extensionMissing(oid) }
    do { return try DERElement(decoding: found.value, sizeMax: 256) } catch { throw .extensionValue(oid) }
  }

  private static func text(
    _ certificate: X509Certificate, _ oid: ASN1ObjectIdentifier
  ) throws(SEVSNPRefusal) -> String {
    guard let bytes = try? element(certificate, oid).primitive(.ia5String), (1...64).contains(bytes.count),
      bytes.allSatisfy({ (0x20..<0x7f).contains($0) })
    else {
      throw certificate.extension(oid) == nil ? .extensionMissing(oid) : .extensionValue(oid)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func version(
    _ certificate: X509Certificate, _ oid: ASN1ObjectIdentifier
  ) throws(SEVSNPRefusal) -> UInt8 {
    let element = try element(certificate, oid)
    do { return UInt8(try element.unsigned(max: 255)) } catch { throw .extensionValue(oid) }
  }
}
