private import Crypto
private import FoundationEssentials
private import WireBytes

/// ML-DSA (FIPS 204), the pure form with a context string, by BoringSSL, verification only.
public enum MLDSA {
  public enum ParameterSet: Hashable, Sendable {
    case mldsa65, mldsa87

    /// FIPS 204, table 2.
    public var keySizeBytes: Int {
      switch self {
      case .mldsa65: 1952
      case .mldsa87: 2592
      }
    }

    /// FIPS 204, table 2.
    public var signatureSizeBytes: Int {
      switch self {
      case .mldsa65: 3309
      case .mldsa87: 4627
      }
    }
  }

  /// Why a signature was refused.
  public enum VerificationError: Error, Hashable, Sendable {
    case keyLength(expected: Int, actual: Int)
    case signatureLength(expected: Int, actual: Int)
    /// Over 255 bytes (FIPS 204, algorithm 3).
    case contextLength(Int)
    /// BoringSSL will not read the key.
    case key
    case mismatch
  }

  /// Longest context string (FIPS 204, algorithm 3).
  public static let contextSizeMax = 255

  /// Checks `signature` over `message` in `context`; returning means that it holds.
  ///
  /// - Throws: ``VerificationError``.
  public static func verify(
    _ message: Span<UInt8>, signature: Span<UInt8>, key: Span<UInt8>, context: Span<UInt8>,
    parameters: ParameterSet
  ) throws(VerificationError) {
    guard key.count == parameters.keySizeBytes else {
      throw .keyLength(expected: parameters.keySizeBytes, actual: key.count)
    }
    guard signature.count == parameters.signatureSizeBytes else {
      throw .signatureLength(expected: parameters.signatureSizeBytes, actual: signature.count)
    }
    guard context.count <= contextSizeMax else { throw .contextLength(context.count) }
    let (message, signature) = ([UInt8](copying: message), [UInt8](copying: signature))
    let (key, context) = ([UInt8](copying: key), [UInt8](copying: context))
    let holds: Bool
    switch parameters {
    case .mldsa65:
      guard let parsed = try? MLDSA65.PublicKey(rawRepresentation: key) else { throw .key }
      holds = parsed.isValidSignature(signature, for: message, context: context)
    case .mldsa87:
      guard let parsed = try? MLDSA87.PublicKey(rawRepresentation: key) else { throw .key }
      holds = parsed.isValidSignature(signature, for: message, context: context)
    }
    guard holds else { throw .mismatch }
  }
}
