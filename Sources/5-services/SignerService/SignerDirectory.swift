/// Where a signer keeps what: one directory, closed to other users.
public struct SignerDirectory: Hashable, Sendable {
  public let path: String

  public init(_ path: String) { self.path = path }

  /// Key domain, vault id, the signer's own public key, back ends.
  public var configuration: String { path + "/signer.json" }
  /// Who may ask for what.
  public var policy: String { path + "/policy.json" }
  /// The inventory: public halves, states and references; nothing secret.
  public var keys: String { path + "/keys.json" }
  /// The private halves of the file back end, encrypted.
  public var secrets: String { path + "/secrets.vault" }
  /// What a TPM must unseal before the private halves can be decrypted, where that was asked for.
  public var sealed: String { path + "/secrets.sealed" }
  public var watermarks: String { path + "/watermarks" }
  public var audit: String { path + "/audit" }
  public var socket: String { path + "/signer.sock" }
  /// What a restore brought, until it is adopted.
  public var restoredMarks: String { path + "/restored-watermarks.json" }
}
