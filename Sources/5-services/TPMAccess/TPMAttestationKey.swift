internal import Digests
public import SignatureSchemes
public import WireBytes

/// Why a key of a TPM was not opened, or did not do what was asked.
public enum TPMKeyError: Error, Hashable, Sendable {
  /// The blob cannot be read.
  case blob(TPMDecodingError)
  /// A quote carries 1 to 64 bytes of the asker's.
  case qualifyingLength(Int)
  /// 1 to 8 registers are quoted.
  case registerCount(Int)
  /// The registers changed while they were read and quoted, more often than ``TPMAttestationKey/quoteTriesMax``.
  case registersChanging
  /// The TPM's signature does not verify with its own public area.
  case signature(ECDSAError)
  case device(TPMError)
}

/// What a TPM says about its registers, signed: TPMS_ATTEST of type quote, TPMT_SIGNATURE, and the values that it is about.
public struct TPMQuote: Hashable, Sendable {
  public let attestation: [UInt8]
  public let signature: [UInt8]
  /// In the order of the registers' numbers, as the quote's digest has them.
  public let values: [TPMRegisterValue]

  package init(attestation: [UInt8], signature: [UInt8], values: [TPMRegisterValue]) {
    self.attestation = attestation
    self.signature = signature
    self.values = values
  }
}

/// A restricted ECDSA P-256 key of a TPM's owner hierarchy: it signs what the TPM itself says and nothing else, which is all
/// that makes a quote worth something.
///
/// Kept outside is its blob: both halves as the TPM gave them out, the private one encrypted to the TPM's storage key, which
/// is primary in the owner hierarchy. `tpm2_clear` ends it.
///
/// Source: TPM 2.0 Library Specification, part 1, section 31 (restricted keys); part 3, section 18.4 (TPM2_Quote).
public struct TPMAttestationKey: Sendable {
  /// TPM2B_DATA has room for the largest digest.
  public static let qualifyingSizeMax = 64
  public static let registersMax = 8
  static let quoteTriesMax = 4
  public static let blobSizeMax = TPMReference.sizeMax

  private let connection: TPMConnection
  private let reference: TPMReference

  /// A new key, made inside.
  public static func create(_ connection: TPMConnection) throws(TPMKeyError) -> TPMAttestationKey {
    let reference = try connection.answer { device throws(TPMFault) in try device.makeKey(.p256, .attestation)
    }
    return TPMAttestationKey(connection: connection, reference: reference)
  }

  private init(connection: TPMConnection, reference: TPMReference) {
    self.connection = connection
    self.reference = reference
  }

  /// Opens a key whose ``blob`` was kept. Whether this TPM made it is found out by ``confirm()``.
  ///
  /// - Throws: ``TPMKeyError/blob(_:)`` when it cannot be read, or is of a key that is not restricted.
  public init(_ connection: TPMConnection, blob: [UInt8]) throws(TPMKeyError) {
    do { reference = try TPMReference(decoding: blob.span, role: .attestation) } catch { throw .blob(error) }
    self.connection = connection
  }

  public var blob: [UInt8] { reference.encoded() }
  public var publicArea: TPMPublicArea { reference.publicArea }

  /// Loads it: the TPM checks that both halves are its own.
  public func confirm() throws(TPMKeyError) {
    try connection.answer { device throws(TPMFault) in _ = try device.handle(of: reference) }
  }

  /// The TPM's statement about the present values of `registers`, with `qualifying` as its extra data.
  ///
  /// - Parameter qualifying: 1 to 64 bytes: a nonce, or the hash of what the quote is to vouch for.
  public func quote(_ registers: TPMRegisters, qualifying: [UInt8]) throws(TPMKeyError) -> TPMQuote {
    guard (1...Self.qualifyingSizeMax).contains(qualifying.count) else {
      throw .qualifyingLength(qualifying.count)
    }
    guard (1...Self.registersMax).contains(registers.numbers.count) else {
      throw .registerCount(registers.numbers.count)
    }
    for _ in 0..<Self.quoteTriesMax {
      let (before, made, after) = try connection.answer { device throws(TPMFault) in
        let key = try device.handle(of: reference)
        let before = try device.registers(registers)
        let made = try device.context.quote(by: key, qualifying: qualifying, registers: registers)
        return (before, made, try device.registers(registers))
      }
      // Values and quote are read one after the other: others may extend a register between.
      guard before == after else { continue }
      let signature: TPMSignature
      do { signature = try TPMSignature(decoding: made.signature.span) } catch {
        throw .device(.malformed(.signature))
      }
      do { try signature.verify(made.attestation.span, key: publicArea) } catch { throw .signature(error) }
      return TPMQuote(attestation: made.attestation, signature: made.signature, values: after)
    }
    throw .registersChanging
  }
}

/// An ECDSA P-256 key of a TPM that signs the digests it is given and does not leave the TPM (fixedTPM, fixedParent).
public struct TPMSigningKey: Sendable {
  public static let blobSizeMax = TPMReference.sizeMax

  private let connection: TPMConnection
  private let reference: TPMReference

  /// A new key, made inside.
  public static func create(_ connection: TPMConnection) throws(TPMKeyError) -> TPMSigningKey {
    let reference = try connection.answer { device throws(TPMFault) in try device.makeKey(.p256, .signing) }
    return TPMSigningKey(connection: connection, reference: reference)
  }

  private init(connection: TPMConnection, reference: TPMReference) {
    self.connection = connection
    self.reference = reference
  }

  public init(_ connection: TPMConnection, blob: [UInt8]) throws(TPMKeyError) {
    do { reference = try TPMReference(decoding: blob.span, role: .signing) } catch { throw .blob(error) }
    self.connection = connection
  }

  public var blob: [UInt8] { reference.encoded() }
  public var publicArea: TPMPublicArea { reference.publicArea }

  /// `r ‖ s` over a digest, as the TPM gave it: s may be in the upper half.
  public func sign(_ digest: Bytes32) throws(TPMKeyError) -> [UInt8] {
    let encoded = try connection.answer { device throws(TPMFault) in
      try device.context.sign(
        digest.array, with: try device.handle(of: reference), session: device.signingSession(for: reference))
    }
    guard let signature = try? TPMSignature(decoding: encoded.span), signature.curve == .p256 else {
      throw .device(.malformed(.signature))
    }
    return signature.raw
  }

  /// Removes it from the TPM's memory; who has the blob and the TPM can load it again.
  public func forget() throws(TPMKeyError) {
    try connection.answer { device throws(TPMFault) in try device.forget(reference) }
  }
}

extension TPMConnection {
  fileprivate func answer<Result: Sendable>(
    _ operation: (TPMDevice) throws(TPMFault) -> Result
  ) throws(TPMKeyError) -> Result {
    do { return try run(operation) } catch { throw .device(TPMError(error)) }
  }
}
