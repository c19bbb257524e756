import NIOSSL

/// Why two sides do not agree on a TLS connection.
public enum SignerTLSFailure: Hashable, Sendable {
  /// The client's certificate, key or roots cannot be read, or do not fit.
  case files
  /// The signer ended it, and said why.
  case refused(Alert)
  /// The signer's certificate does not lead to the roots, or is outside its dates.
  case untrustedSigner
  /// The signer's certificate does not name it by the URI that was expected.
  case signerName
  /// The handshake failed, or the stream broke, in another way.
  case broken

  /// What TLS tells the other side before it ends (RFC 8446, section 6.2).
  public struct Alert: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let handshakeFailure = Alert(rawValue: 40)
    public static let badCertificate = Alert(rawValue: 42)
    public static let certificateExpired = Alert(rawValue: 45)
    /// The signer knows nobody who issued that certificate.
    public static let unknownAuthority = Alert(rawValue: 48)
    public static let decryptError = Alert(rawValue: 51)
    public static let protocolVersion = Alert(rawValue: 70)
    public static let certificateRequired = Alert(rawValue: 116)
  }

  /// Nil when it was not TLS that failed.
  public init?(_ error: any Error) {
    switch error {
    case NIOSSLError.handshakeFailed(let cause): self = Self.failure(cause)
    case let cause as BoringSSLError: self = Self.failure(cause)
    // An end without TLS's own farewell is an end: what had to be said was said in frames.
    case NIOSSLError.uncleanShutdown: return nil
    case is NIOSSLError: self = .broken
    default: return nil
    }
  }

  private static func failure(_ error: BoringSSLError) -> Self {
    guard case .sslError(let stack) = error else { return .broken }
    for entry in stack {
      switch reason(entry) {
      case certificateVerifyFailed: return .untrustedSigner
      case let reason? where (alerts...(alerts + 255)).contains(reason):
        return .refused(Alert(rawValue: UInt8(reason - alerts)))
      default: continue
      }
    }
    return .broken
  }

  /// SSL_R_CERTIFICATE_VERIFY_FAILED, and what SSL_R codes of an alert begin with (BoringSSL, include/openssl/ssl.h).
  private static let certificateVerifyFailed: UInt32 = 125
  private static let alerts: UInt32 = 1_000

  /// The reason in BoringSSL's packed code, its lower 12 bits, when its upper 8 name the library of TLS, 16
  /// (include/openssl/err.h). NIOSSL tells the code in its description only: `Error: 268436496 …`.
  private static func reason(_ error: BoringSSLInternalError) -> UInt32? {
    let words = error.description.split(separator: " ", maxSplits: 2)
    guard words.count >= 2, let code = UInt32(words[1]), code >> 24 == 16 else { return nil }
    return code & 0xfff
  }
}
