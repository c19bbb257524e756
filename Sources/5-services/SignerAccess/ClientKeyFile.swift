import Encodings
import Foundation
public import SignerWire
public import SigningRules
public import WireBytes

/// Why a client key file cannot be used.
public enum ClientKeyFileError: Error, Hashable, Sendable {
  /// There is one already; a key is never overwritten.
  case exists
  case missing
  /// Others may read it: its mode must be 0600 or stricter.
  case permissions(Int)
  case tooLarge(limit: Int)
  /// Not what such a file holds, in this member.
  case form(String)
  case write
}

/// A client's key on disk, and which signer it is for: one small file, for its owner alone.
///
/// JSON: `{"version": 1, "seed": "0x…32", "domain": "operator", "signer": "0x…32"}`; the last two may be missing, since a client's
/// key is made before the signer that it is told to.
public struct ClientKeyFile: Sendable {
  public static let sizeMax = 4_096

  public let key: ClientKey
  public let domain: KeyDomain?
  /// The identity of the signer, which is pinned by it.
  public let signer: Bytes32?

  /// Makes a key and its file, mode 0600.
  public static func make(
    _ path: String, domain: KeyDomain? = nil, signer: Bytes32? = nil
  ) throws(ClientKeyFileError) -> ClientKeyFile {
    let key = ClientKey()
    try write(path, key: key, domain: domain, signer: signer)
    return ClientKeyFile(key: key, domain: domain, signer: signer)
  }

  /// Writes the file of a key that was made before, mode 0600.
  public static func write(
    _ path: String, key: ClientKey, domain: KeyDomain? = nil, signer: Bytes32? = nil
  ) throws(ClientKeyFileError) {
    var members: [String: JSONValue] = ["version": 1]
    if let domain { members["domain"] = .string(domain.rawValue) }
    if let signer { members["signer"] = .string(signer.description) }
    key.withSeed { members["seed"] = .string(Hex.encode($0)) }
    guard !FileManager.default.fileExists(atPath: path) else { throw .exists }
    // Made empty and closed to others first, then written: the seed is never in a file that others may read.
    let isMade = FileManager.default.createFile(
      atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
    guard isMade, let file = FileHandle(forWritingAtPath: path) else { throw .write }
    do {
      try file.write(contentsOf: Data((JSONValue.object(members).text(pretty: true) + "\n").utf8))
      try file.synchronize()
      try file.close()
    } catch { throw .write }
  }

  public static func open(_ path: String) throws(ClientKeyFileError) -> ClientKeyFile {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { throw .missing }
    let permissions = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0o777
    guard permissions & 0o077 == 0 else { throw .permissions(permissions) }
    let size = (attributes[.size] as? NSNumber)?.intValue ?? .max
    guard size <= sizeMax else { throw .tooLarge(limit: sizeMax) }
    guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: path)) else { throw .missing }
    return try ClientKeyFile(decoding: [UInt8](bytes))
  }

  init(decoding bytes: [UInt8]) throws(ClientKeyFileError) {
    guard bytes.count <= Self.sizeMax else { throw .tooLarge(limit: Self.sizeMax) }
    guard let members = try? JSONValue(decoding: bytes).object else { throw .form("") }
    let known: Set<String> = ["version", "seed", "domain", "signer"]
    if let other = members.keys.sorted().first(where: { !known.contains($0) }) { throw .form(other) }
    guard members["version"]?.integer(Int.self) == 1 else { throw .form("version") }
    guard let seed = members["seed"]?.string, let hex = try? Hex.decode(seed), let key = ClientKey(seed: hex)
    else { throw .form("seed") }
    var domain: KeyDomain?
    if let member = members["domain"] {
      guard let text = member.string, let value = KeyDomain(rawValue: text) else { throw .form("domain") }
      domain = value
    }
    var signer: Bytes32?
    if let member = members["signer"] {
      guard let text = member.string, let value = try? Bytes32(hex: text) else { throw .form("signer") }
      signer = value
    }
    self.init(key: key, domain: domain, signer: signer)
  }

  init(key: ClientKey, domain: KeyDomain?, signer: Bytes32?) {
    self.key = key
    self.domain = domain
    self.signer = signer
  }
}
