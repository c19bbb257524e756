/// Where a signer listens.
public enum SignerEndpoint: Hashable, Sendable {
  /// A socket of this machine; the kernel says who the peer is.
  case unix(path: String)
  /// Mutual TLS 1.3. Both sides show a certificate that names them by one `spiffe://` URI.
  case tls(host: String, port: Int, SignerTLS)
}

/// How a client is known over TLS, and whom it expects there.
public struct SignerTLS: Hashable, Sendable {
  /// PEM: the leaf first, then what leads to the root.
  public let certificate: String
  public let key: String
  /// PEM: the roots that the signer's certificate leads to. No others are trusted.
  public let trust: String
  /// The URI in the signer's certificate.
  public let signer: String

  public init(certificate: String, key: String, trust: String, signer: String) {
    self.certificate = certificate
    self.key = key
    self.trust = trust
    self.signer = signer
  }
}

public struct SignerClientOptions: Hashable, Sendable {
  /// From the connection to the session.
  public var connect = Duration.seconds(5)
  /// From a request to its answer.
  public var answer = Duration.seconds(30)
  /// Signing requests that may wait at once, unless the signer grants fewer.
  public var inFlight = 1_024
  /// After a connection that failed, and how far it grows, doubled each time.
  public var backoff = Duration.milliseconds(100)
  public var backoffMax = Duration.seconds(5)

  public init() {}
}
