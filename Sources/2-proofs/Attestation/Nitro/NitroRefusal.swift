public import Encodings
public import SignatureSchemes

/// Why a Nitro document was refused.
public enum NitroRefusal: Error, Hashable, Sendable {
  /// A member of the payload, by AWS's name.
  public enum Field: String, Hashable, Sendable, CaseIterable {
    case moduleID = "module_id"
    case digest
    case timestamp
    case pcrs
    case certificate
    case cabundle
    case publicKey = "public_key"
    case userData = "user_data"
    case nonce
  }

  /// The document is no COSE_Sign1.
  case cose(COSEError)
  /// The protected header is not ES384 and nothing else; the number is its algorithm when it has one.
  case algorithm(Int64?)
  /// The unprotected header holds something.
  case unprotectedHeader(count: Int)
  case signatureLength(Int)
  /// The payload is no CBOR.
  case payload(CBORError)
  /// The payload is not a map.
  case notMap
  /// A member that the format does not have.
  case unknownField(index: Int)
  case missing(Field)
  case type(Field)
  case length(Field, least: Int, most: Int, actual: Int)
  /// The digest is not "SHA384".
  case digestName
  /// A register outside of 0 to 31.
  case pcrIndex
  case pcrLength(index: Int, actual: Int)
  /// PCR0, PCR1 and PCR2, which name the image, must be there.
  case pcrAbsent(index: Int)
  /// Certificate `index`, counted from the leaf, is not readable.
  case certificate(index: Int, X509Error)
  /// The chain does not hold; an archived document verified live ends here, with how long ago it expired.
  case chain(X509ChainError)
  /// The leaf's key is not on P-384.
  case leafKey
  case signature(ECDSAError)
  /// The document says that it was made before its certificate was in force.
  case timestampBeforeCertificate(milliseconds: UInt64)
  /// The document says that it was made after its certificate had ended.
  case timestampAfterCertificate(milliseconds: UInt64)
  /// PCR0, PCR1 or PCR2 is zero: the enclave ran in debug mode, where nothing is secret.
  case debug
  /// No allowed set of registers fits; `differing` are the registers of the nearest one that have other values.
  case measurements(allowed: Int, differing: [Int])
  /// The collateral is not a list of revocation lists, which is all that a document can need.
  case collateral(ProtobufError)
  case collateralCertificates(count: Int)
  /// Revocation list `index` of the collateral is not readable.
  case revocationList(index: Int, RevocationListError)
  case revocation(X509RevocationError)
}
