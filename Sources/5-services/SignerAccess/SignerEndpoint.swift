/// Where a signer listens.
public enum SignerEndpoint: Hashable, Sendable {
  /// A socket of this machine; the kernel says who the peer is.
  case unix(path: String)
  /// Mutual TLS 1.3. Both sides show a certificate that names them by one `spiffe://` URI.
  case tls(host: String, port: Int)
}
