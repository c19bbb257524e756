/// Why tokens of other verifiers was refused.
public enum TokenRefusal: Error, Hashable, Sendable {
  /// The statement is not read yet.
  case unread
}
