private import Crypto
import Encodings
internal import KeyVault
public import SignerJournal
import SigningRules
public import WireBytes

/// Why an approver's key file is not used.
public enum ApproverKeyError: Error, Hashable, Sendable {
  case file(FileCallError)
  case absent
  /// Others than its owner may read it, or it is no such file.
  case form
}

/// The Ed25519 key by which a person approves changes. It lies on what that person carries, never with a signer, and
/// signs nothing but the digests of proposals.
public struct ApproverKey: Sendable {
  public static let schema = "causeway.approver/1"
  public let publicKey: Bytes32
  private let seed: VaultSecret

  /// Makes a key and its file, with mode 0600; one that exists is not overwritten.
  public static func make(
    _ path: String, files: any DurableFiles = SystemFiles()
  ) throws(ApproverKeyError) -> ApproverKey {
    let key = try ApproverKey(VaultSecret(SecretBytes(random: 32)))
    // The text is the file's; the copy of it goes with this call.
    let text = key.seed.withSpan { seed in
      JSONValue.object([
        "schema": .string(schema), "public": .string(key.publicKey.description),
        "seed": .string(Hex.encode(seed)),
      ]).text(pretty: true) + "\n"
    }
    do throws(FileCallError) {
      let file = try files.open(path, .makeNew)
      defer { files.close(file) }
      try files.write(file, [UInt8](text.utf8), at: 0)
      try files.flush(file)
      try files.flushDirectory(StateFile.folder(of: path))
    } catch { throw .file(error) }
    return key
  }

  public static func open(
    _ path: String, files: any DurableFiles = SystemFiles()
  ) throws(ApproverKeyError) -> ApproverKey {
    let bytes: [UInt8]?
    do { bytes = try StateFile.read(path, files) } catch { throw .file(error) }
    guard let bytes else { throw .absent }
    guard let value = try? JSONValue(decoding: bytes), value["schema"]?.string == schema,
      let text = value["seed"]?.string, var seed = try? Hex.decode(text), seed.count == 32
    else { throw .form }
    let key = try ApproverKey(VaultSecret(SecretBytes(wiping: &seed)))
    guard value["public"]?.string == key.publicKey.description else { throw .form }
    return key
  }

  private init(_ seed: VaultSecret) throws(ApproverKeyError) {
    let key = seed.withSpan { try? Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](copying: $0)) }
    guard let key, let publicKey = try? Bytes32([UInt8](key.publicKey.rawRepresentation)) else { throw .form }
    self.seed = seed
    self.publicKey = publicKey
  }

  /// Approves a proposal of a vault.
  public func approve(vault: Bytes32, identifier: Bytes32) throws(ApproverKeyError) -> Bytes64 {
    try sign(Approvals.approvalDigest(vaultID: vault, identifier: identifier))
  }

  /// Stops one.
  public func cancel(vault: Bytes32, identifier: Bytes32) throws(ApproverKeyError) -> Bytes64 {
    try sign(Approvals.cancelDigest(vaultID: vault, identifier: identifier))
  }

  private func sign(_ digest: Bytes32) throws(ApproverKeyError) -> Bytes64 {
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
