/// Why evidence of Azure's confidential machines was refused.
public enum AzureRefusal: Error, Hashable, Sendable {
  /// The statement is not read yet.
  case unread
}
