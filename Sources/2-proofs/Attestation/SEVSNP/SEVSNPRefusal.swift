public import Encodings
public import SignatureSchemes
public import SwiftASN1
public import WireBytes

/// Why a SEV-SNP report was refused. Offsets count bytes from the start of the report.
public enum SEVSNPRefusal: Error, Hashable, Sendable {
  case size(expected: Int, actual: Int)
  case version(UInt32)
  /// A reserved byte is set.
  case notZero(offset: Int)
  /// Not 1, ECDSA on P-384 with SHA-384.
  case signatureAlgorithm(UInt32)
  /// r or s is wider than P-384.
  case signatureWidth(offset: Int)
  /// Reserved bits of GUEST_POLICY: bit 17 is one, bits 26 and up are zero.
  case policyReserved(UInt64)
  /// Reserved bits of the key information.
  case keyInformation(UInt32)

  /// The guest's policy allows debugging, so that the host may read all of it.
  case debug
  /// The guest's policy lets a migration agent move it.
  case migrationAgent
  /// The guest's policy admits simultaneous multithreading.
  case multithreading
  /// The guest's policy admits more than one socket.
  case sockets
  /// The report was asked for at another privilege level than those allowed.
  case vmpl(UInt32)
  /// The firmware's interface that the guest demands is older than asked for.
  case abi(wantedMajor: UInt8, wantedMinor: UInt8, major: UInt8, minor: UInt8)
  case guestSVN(wanted: UInt32, found: UInt32)

  /// The chip was told to sign nothing (MASK_CHIP_KEY), so there is nothing to verify.
  case chipKeyMasked
  /// The report says that another kind of key, or none, signed it.
  case signingKey(SEVSNPReport.SigningKey)
  /// The kind of the key, VCEK or VLEK, is not among those allowed.
  case endorsementNotAllowed(SEVSNPEndorsement.Kind)
  /// No certificate of the signing key is at hand.
  case noEndorsement
  case collateral(ProtobufError)
  /// Certificate `index` of the collateral is not readable.
  case certificate(index: Int, X509Error)
  case revocationList(index: Int, RevocationListError)
  /// The key's certificate was issued by none of AMD's signing keys that are pinned.
  case issuer(fingerprint: Bytes32)
  /// The issuer's certificate is neither carried nor known.
  case noIssuer
  case chain(X509ChainError)
  case revocation(X509RevocationError)
  /// The key is not on P-384.
  case endorsementKey
  /// The certificate lacks an extension of AMD's.
  case extensionMissing(ASN1ObjectIdentifier)
  /// An extension of AMD's is not in its form.
  case extensionValue(ASN1ObjectIdentifier)
  /// A certificate with both a chip's and a cloud's name, or neither.
  case endorsementKind
  /// The certificate's product name is not that of the chain it is in.
  case productName(AMDProduct)
  case signature(ECDSAError)

  /// The processor of the report is of another product than the chain, or unknown.
  case product(chain: AMDProduct, family: UInt8, model: UInt8)
  /// A reserved byte of a TCB version is set.
  case tcbReserved(SEVSNPField)
  /// The TCB that the certificate names is not the one reported.
  case tcbDiffers(SEVSNPTCB.Part, certificate: UInt8, report: UInt8)
  /// The reported TCB is ahead of the committed one, or the committed one ahead of the current one.
  case tcbOrder(SEVSNPField, SEVSNPTCB.Part, lower: UInt8, upper: UInt8)
  /// A TCB is under the policy's minimum for the product.
  case tcbTooOld(SEVSNPField, SEVSNPTCB.Part, wanted: UInt8, found: UInt8)
  /// The report is of another chip than the certificate.
  case chipID
  /// The report leaves the chip's name out, and the policy does not allow that.
  case chipMasked
  /// The chip is not among those allowed.
  case chipNotAllowed(Bytes64)
  /// The policy does not name the product.
  case productNotAllowed(AMDProduct)
  /// No allowed measurement fits; `differing` are the members of the nearest one that have other values.
  case measurements(allowed: Int, differing: [SEVSNPPolicy.Identity])
}
