internal import Digests
internal import KeyVault
internal import Secrets
public import SignerJournal
public import SigningRules
public import WireBytes

/// Why `policy.json` is not used.
public enum PolicyFileError: Error, Hashable, Sendable {
  case vault(VaultTrouble)
  case call(FileCallError)
  case absent
  case policy(AccessPolicyError)
  /// It is not the policy that was put in force: somebody wrote to the file.
  case foreign(found: Bytes32, inForce: Bytes32?)
  /// It is another key domain's.
  case domain(KeyDomain)
}

/// The policy in force. The file can be read by people; its hash lies in the vault, which only the passphrase opens, so
/// that whoever can write files of this user cannot give themselves rights.
struct PolicyFile {
  let directory: SignerDirectory
  let files: any DurableFiles

  func read(_ vault: FileBackEnd) throws(PolicyFileError) -> AccessPolicy {
    let inForce = vault.secret(named: SignerSecret.policy).flatMap { secret in
      secret.withSpan { try? Bytes32($0) }
    }
    // A crash between the two steps of `replace` leaves the new policy beside.
    var found: Bytes32?
    for path in [directory.policy, directory.policy + ".next"] {
      let bytes: [UInt8]?
      do { bytes = try StateFile.read(path, files) } catch { throw .call(error) }
      guard let bytes else { continue }
      let policy: AccessPolicy
      do { policy = try AccessPolicy(decoding: bytes) } catch { throw .policy(error) }
      if policy.contentHash == inForce {
        guard policy.domain == vault.domain else { throw .domain(policy.domain) }
        if path != directory.policy {
          try write(policy, to: directory.policy)
          try? files.remove(path)
        }
        return policy
      }
      found = found ?? policy.contentHash
    }
    guard let found else { throw .absent }
    throw .foreign(found: found, inForce: inForce)
  }

  /// Puts `policy` in force: it lies beside, then the vault names it, then it takes its place.
  func replace(with policy: AccessPolicy, _ vault: FileBackEnd) throws(PolicyFileError) {
    guard policy.domain == vault.domain else { throw .domain(policy.domain) }
    try write(policy, to: directory.policy + ".next")
    do {
      try vault.store(SecretBytes(copying: policy.contentHash.span), named: SignerSecret.policy)
    } catch { throw .vault(VaultTrouble(error)) }
    try write(policy, to: directory.policy)
    // Of no use any more: what is written to policy.json from now on is found out, and not mended from here.
    try? files.remove(directory.policy + ".next")
  }

  private func write(_ policy: AccessPolicy, to path: String) throws(PolicyFileError) {
    do { try StateFile.replace(path, with: [UInt8](policy.text.utf8), files) } catch { throw .call(error) }
  }
}
