/// Why TPM quotes was refused.
public enum TPMRefusal: Error, Hashable, Sendable {
  /// The statement is not read yet.
  case unread
}
