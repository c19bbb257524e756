internal import Digests
public import SignatureSchemes
public import SigningRules
public import TPMAccess
public import WireBytes

/// Why a TPM's word about a key was not believed.
public enum TPMCertificationError: Error, Hashable, Sendable {
  /// The statement cannot be read.
  case attestation(TPMDecodingError)
  /// Its signature cannot be read.
  case signature(TPMDecodingError)
  /// The public area of the key that signed cannot be read.
  case attestationKey(TPMDecodingError)
  /// The key that signed is none that only signs what the TPM says: such a one signs forged statements too.
  case attestationKeyAttributes(TPMObjectAttributes)
  /// It was signed by another key than the one that is trusted.
  case otherAttestationKey
  /// TPMs make no such keys.
  case suite(KeySuite)
  /// The key that it should be about is no point of its curve.
  case key(ECDSAError)
  /// The signature is no signature of the trusted key over the statement.
  case verification(ECDSAError)
  /// It was made for another challenge, or for none.
  case otherChallenge
  /// The trusted key signed it in another place than the endorsement hierarchy.
  case otherHierarchy
  /// It is about another key, or about this one with attributes that let it leave the TPM.
  case otherKey
}

/// What a TPM said about itself when it certified a key (TPMS_CLOCK_INFO and the firmware's version).
public struct TPMClockReading: Hashable, Sendable {
  /// Milliseconds that the TPM has had power.
  public let clockMilliseconds: UInt64
  /// How many times it was reset; together with ``restartCount`` it tells evidence of before a restart.
  public let resetCount: UInt32
  public let restartCount: UInt32
  /// Whether the clock cannot have gone back since it was last given.
  public let isSafe: Bool
  public let firmwareVersion: UInt64
}

/// A TPM's signed statement that it holds a key (TPM2_Certify): TPMS_ATTEST of type certify, and TPMT_SIGNATURE.
///
/// Pure: it neither needs nor trusts a TPM. What has to be trusted is the attestation key, whose public area a verifier has
/// taken down when the machine was enrolled (docs/operations/tpm.md).
///
/// Layout of the statement, big-endian: magic ff544347, type 8017, qualifiedSigner (TPM2B), extraData (TPM2B), clock u64,
/// resetCount u32, restartCount u32, safe u8, firmwareVersion u64, name (TPM2B), qualifiedName (TPM2B).
/// Source: TPM 2.0 Library Specification, part 2, section 10.12.
public struct TPMCertification: Hashable, Sendable {
  /// "\u{ff}TCG": no other data that a restricted key signs begins with it.
  static let magic: UInt32 = 0xff54_4347
  static let certify: UInt16 = 0x8017
  /// An algorithm and the longest digest.
  static let nameSizeMax = 2 + 64
  static let challengeSizeMax = 64
  /// The longest: everything at its longest.
  public static let sizeMax = 4 + 2 + 2 + 66 + 2 + 64 + 17 + 8 + 2 * (2 + 66)

  /// The statement as it was signed.
  public let attestation: [UInt8]
  public let qualifiedSigner: [UInt8]
  /// `extraData`: what the asker gave.
  public let challenge: [UInt8]
  public let clock: TPMClockReading
  /// Of the certified key.
  public let name: [UInt8]
  public let qualifiedName: [UInt8]
  public let signature: TPMSignature

  /// - Throws: ``TPMCertificationError`` `.attestation` or `.signature`. The input is untrusted; no input traps.
  public init(decoding attestation: Span<UInt8>, signature: Span<UInt8>) throws(TPMCertificationError) {
    do { self.signature = try TPMSignature(decoding: signature) } catch { throw .signature(error) }
    do throws(TPMDecodingError) {
      guard attestation.count <= Self.sizeMax else {
        throw TPMDecodingError.length(max: Self.sizeMax, actual: attestation.count)
      }
      var reader = ByteReader(attestation)
      let magic = try TPMReading.integer(&reader, UInt32.self)
      guard magic == Self.magic else { throw TPMDecodingError.field(.magic, value: UInt64(magic)) }
      try TPMReading.expect(&reader, Self.certify, .type)
      qualifiedSigner = try TPMReading.sized(&reader, max: Self.nameSizeMax, .qualifiedSigner)
      challenge = try TPMReading.sized(&reader, max: Self.challengeSizeMax, .extraData)
      let milliseconds = try TPMReading.integer(&reader, UInt64.self)
      let resetCount = try TPMReading.integer(&reader, UInt32.self)
      let restartCount = try TPMReading.integer(&reader, UInt32.self)
      let safe = try TPMReading.integer(&reader, UInt8.self)
      guard safe <= 1 else { throw TPMDecodingError.field(.safe, value: UInt64(safe)) }
      clock = TPMClockReading(
        clockMilliseconds: milliseconds, resetCount: resetCount, restartCount: restartCount,
        isSafe: safe == 1,
        firmwareVersion: try TPMReading.integer(&reader, UInt64.self))
      name = try TPMReading.sized(&reader, max: Self.nameSizeMax, .name)
      qualifiedName = try TPMReading.sized(&reader, max: Self.nameSizeMax, .qualifiedName)
      try TPMReading.finish(reader)
      self.attestation = [UInt8](copying: attestation)
    } catch { throw .attestation(error) }
  }

  /// Checks that the TPM of `attestationKey` says, for this challenge, that it made `publicKey` and does not let it out.
  ///
  /// - Parameters:
  ///   - suite: P-256 or P-384.
  ///   - publicKey: SEC 1, of the key that is to be in the TPM.
  ///   - attestationKey: the public area that the verifier trusts, not the one that came with the statement.
  /// - Returns: the TPM's counters at that time.
  @discardableResult
  public func verify(
    _ suite: KeySuite, publicKey: [UInt8], challenge: Bytes32, attestationKey: TPMPublicArea
  ) throws(TPMCertificationError) -> TPMClockReading {
    guard let curve = TPMPublicArea.Curve(suite) else { throw .suite(suite) }
    // Whether wrong authorisations count does not matter here; everything else does.
    let attributes = attestationKey.attributes
    guard attributes.subtracting(.noDA) == .attestationKey else {
      throw .attestationKeyAttributes(attributes)
    }
    do { try signature.verify(attestation.span, key: attestationKey) } catch { throw .verification(error) }
    guard self.challenge == challenge.array else { throw .otherChallenge }
    guard qualifiedSigner == attestationKey.qualifiedName(primaryIn: TPMPermanentHandle.endorsement) else {
      throw .otherHierarchy
    }
    // The name is the hash of the whole public area: equal names, equal attributes.
    let candidates = [TPMObjectAttributes.signingKey, .signingKey.union(.noDA)]
    for attributes in candidates {
      let area: TPMPublicArea
      do { area = try TPMPublicArea(curve: curve, attributes: attributes, publicKey: publicKey) } catch {
        throw .key(error)
      }
      if name == area.name { return clock }
    }
    throw .otherKey
  }

  /// Checks the evidence that a back end gave about a key.
  ///
  /// - Parameters:
  ///   - attestation, signature, carried: as in ``KeyLocation/certified(attestation:signature:attestationKey:)``.
  ///   - trusted: the attestation key that the verifier knows.
  public static func verify(
    attestation: [UInt8], signature: [UInt8], attestationKey carried: [UInt8], of key: BackEndKey,
    challenge: Bytes32, trusted: TPMPublicArea
  ) throws(TPMCertificationError) -> TPMClockReading {
    let area: TPMPublicArea
    do { area = try TPMPublicArea(decoding: carried.span) } catch { throw .attestationKey(error) }
    guard area == trusted else { throw .otherAttestationKey }
    let certification = try TPMCertification(decoding: attestation.span, signature: signature.span)
    return try certification.verify(
      key.suite, publicKey: key.publicKey, challenge: challenge, attestationKey: trusted)
  }
}
