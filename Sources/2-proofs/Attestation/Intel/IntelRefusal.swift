/// Why quotes of SGX and TDX was refused.
public enum IntelRefusal: Error, Hashable, Sendable {
  /// The statement is not read yet.
  case unread
}
