/// The bounds of the protocol between a signer and its clients.
public enum SignerLimits {
  public static let protocolVersion: UInt8 = 1
  /// The body of one frame.
  public static let frameSizeMax = 1 << 20
  /// The body of a frame before both sides know each other.
  public static let handshakeFrameSizeMax = 512
  /// How many nonces behind the highest one are still told apart.
  public static let nonceWindow = 4_096
  /// How far a request's time may be from the signer's.
  public static let horizonMilliseconds: UInt64 = 30_000
  /// After this a session ends, and the client opens another.
  public static let sessionSeconds: UInt64 = 900
  /// Requests of one frame. The longest signatures, 64 of them, fit one frame.
  public static let batchMax = 64
  /// Entries of one attestation, as many as an attester takes in one question.
  public static let attestedEntriesMax = 1_024
}
