private import Crypto
internal import KeyVault
internal import Secrets
public import SignerJournal
import SigningRules
public import WireBytes

/// The Ed25519 key by which a person approves changes. It lies on what that person carries, never with a signer, and
/// signs nothing but the digests of proposals.
public struct ApproverKey: Sendable {
  public static let schema = "causeway.approver/1"
  public let publicKey: Bytes32
  private let seed: VaultSecret

  /// Makes a key and its file, with mode 0600; one that exists is not overwritten.
  public static func make(
    _ path: String, files: any DurableFiles = SystemFiles()
  ) throws(PersonalKeyError) -> ApproverKey {
    ApproverKey(try file(files).make(path))
  }

  public static func open(
    _ path: String, files: any DurableFiles = SystemFiles()
  ) throws(PersonalKeyError) -> ApproverKey {
    ApproverKey(try file(files).open(path))
  }

  private static func file(_ files: any DurableFiles) -> PersonalKeyFile {
    PersonalKeyFile(schema: schema, files: files) { seed in
      let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](copying: seed))
      return key.flatMap { try? Bytes32([UInt8]($0.publicKey.rawRepresentation)) }
    }
  }

  private init(_ key: (seed: VaultSecret, publicKey: Bytes32)) {
    seed = key.seed
    publicKey = key.publicKey
  }

  /// Approves a proposal of a vault.
  public func approve(vault: Bytes32, identifier: Bytes32) throws(PersonalKeyError) -> Bytes64 {
    try sign(Approvals.approvalDigest(vaultID: vault, identifier: identifier))
  }

  /// Stops one.
  public func cancel(vault: Bytes32, identifier: Bytes32) throws(PersonalKeyError) -> Bytes64 {
    try sign(Approvals.cancelDigest(vaultID: vault, identifier: identifier))
  }

  private func sign(_ digest: Bytes32) throws(PersonalKeyError) -> Bytes64 {
    let signature = seed.withSpan { seed -> Bytes64? in
      guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](copying: seed)),
        let signature = try? key.signature(for: digest.array)
      else { return nil }
      return try? Bytes64([UInt8](signature))
    }
    guard let signature else { throw .form }
    return signature
  }
}
