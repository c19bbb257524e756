/// Why SEV-SNP reports was refused.
public enum SEVSNPRefusal: Error, Hashable, Sendable {
  /// The statement is not read yet.
  case unread
}
