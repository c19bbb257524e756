import Crypto
import Encodings
import Foundation
public import Ledger
public import LightClients
public import WireBytes

/// Whoever holds the validators' keys.
///
/// The block is on disk before it is asked, and it is never asked about two blocks of one height, also not
/// after a crash: then it is asked about the stored one again.
public protocol VoteSigning: Sendable {
  /// The votes that validators gave; one that does not answer is absent.
  func votes(for requests: [VoteRequest]) async throws(VoteSigningError) -> [CometBFT.CommitVote]
}

/// Why no votes came. The block waits, and the same block is tried again.
public enum VoteSigningError: Error, Hashable, Sendable {
  case unavailable
  case refused(validator: Bytes20)
}

/// Validators whose keys lie in a file of this machine: for development.
public struct LocalValidators: VoteSigning {
  public static let schema = "causeway/validators/v1"

  private let keys: [Bytes20: Curve25519.Signing.PrivateKey]
  /// In the order in which they were made.
  public let publicKeys: [Bytes32]

  /// Why a file of keys is not used.
  public enum KeyFileError: Error, Hashable, Sendable {
    case unreadable
    case unwritable
    case form
    /// Others may read it: `mode` has bits beyond 0600.
    case permissions(mode: Int)
  }

  /// Opens the file at `path`, or makes it with `count` new keys, readable by its owner alone.
  public init(path: String, count: Int) throws(KeyFileError) {
    if !FileManager.default.fileExists(atPath: path) {
      try Self.make(path: path, keys: (0..<count).map { _ in Curve25519.Signing.PrivateKey() })
    }
    guard let mode = try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int,
      let text = FileManager.default.contents(atPath: path)
    else { throw .unreadable }
    guard mode & 0o077 == 0 else { throw .permissions(mode: mode) }
    guard let json = try? JSONValue(decoding: [UInt8](text)), json["schema"]?.string == Self.schema,
      let seeds = json["ed25519_seeds"]?.array?.compactMap(\.string), !seeds.isEmpty
    else { throw .form }
    var keys: [Bytes20: Curve25519.Signing.PrivateKey] = [:]
    var publicKeys: [Bytes32] = []
    for seed in seeds {
      guard let bytes = try? Hex.decode(seed),
        let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes),
        let publicKey = try? Bytes32([UInt8](key.publicKey.rawRepresentation))
      else { throw .form }
      keys[CometBFT.Validator.address(of: publicKey)] = key
      publicKeys.append(publicKey)
    }
    self.keys = keys
    self.publicKeys = publicKeys
  }

  /// Never leaves half a file: it is written beside, flushed, and moved to its place.
  private static func make(path: String, keys: [Curve25519.Signing.PrivateKey]) throws(KeyFileError) {
    let json = JSONValue.object([
      "schema": .string(schema),
      "ed25519_seeds": .array(keys.map { .string(Hex.encode([UInt8]($0.rawRepresentation))) }),
    ])
    let beside = path + ".new"
    do {
      try? FileManager.default.removeItem(atPath: beside)
      // Closed to others before there is anything in it.
      let made = FileManager.default.createFile(
        atPath: beside, contents: nil, attributes: [.posixPermissions: 0o600])
      guard made, let file = FileHandle(forWritingAtPath: beside) else { throw KeyFileError.unwritable }
      try file.write(contentsOf: Data((json.text(pretty: true) + "\n").utf8))
      try file.synchronize()
      try file.close()
      try FileManager.default.moveItem(atPath: beside, toPath: path)
    } catch { throw .unwritable }
  }

  public func votes(for requests: [VoteRequest]) async throws(VoteSigningError) -> [CometBFT.CommitVote] {
    var votes: [CometBFT.CommitVote] = []
    for request in requests {
      guard let key = keys[request.validator] else { continue }
      guard let signature = try? key.signature(for: request.signBytes),
        let bytes = try? Bytes64([UInt8](signature))
      else { throw .refused(validator: request.validator) }
      votes.append(request.signed(bytes))
    }
    return votes
  }
}
