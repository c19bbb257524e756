import SigningRules

/// Where a devnet keeps one of its signers and the keys of those who may ask it.
struct SignerFolder: Hashable, Sendable {
  let path: String
  let directory: DevnetDirectory
  let domain: KeyDomain

  init(_ domain: KeyDomain, in directory: DevnetDirectory) {
    self.directory = directory
    self.domain = domain
    path = "\(directory.signers)/\(domain.rawValue)"
  }

  /// While it is made; moved to ``path`` when it is whole.
  var beside: String { path + ".new" }
  /// The state directory, under `root`: ``path`` or ``beside``.
  func state(_ root: String) -> String { root + "/state" }
  func passphrase(_ root: String) -> String { root + "/passphrase" }
  func clients(_ root: String) -> String { root + "/clients" }
  func client(_ name: String, _ root: String) -> String { "\(clients(root))/\(name).key" }
  /// Beside the state, so that a copy of the state that is put back is noticed.
  var anchors: String { "\(directory.signers)/anchors" }
  /// Short: a socket's path has at most 107 bytes.
  var socket: String { "\(directory.signers)/\(domain.rawValue).sock" }
  var log: String { "\(directory.signers)/\(domain.rawValue).log" }
}

/// Who asks a devnet's signers, and for what: one client for each agent, so that none can speak for another.
enum SignerClients {
  /// What `causeway send`, `load` and `demo` sign with.
  static let people = "people"
  static func validator(_ domain: String) -> String { "\(domain)-validator" }

  struct Client {
    let name: String
    /// Labels of the keys that it may use.
    let keys: [String]
    /// For what.
    let uses: [Use]
  }

  /// What a client may have signed.
  enum Use {
    case attestation(origins: [String])
    case vote(chain: String)
    /// Type URLs of the messages.
    case transaction(messages: [String])
    /// Signatures of the functions, of whatever contract.
    case evmCalls(of: [String])
    /// Whatever an account can do.
    case evmAccount
  }

  struct Key {
    let label: String
    let suite: KeySuite
    let purposes: [KeyPurpose]
  }
}
