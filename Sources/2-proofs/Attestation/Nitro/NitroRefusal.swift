/// Why Nitro documents was refused.
public enum NitroRefusal: Error, Hashable, Sendable {
  /// The statement is not read yet.
  case unread
}
