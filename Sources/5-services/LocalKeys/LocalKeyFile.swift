private import Crypto
private import Foundation

/// Why a file of keys is not used. Offsets count bytes from its start; no case holds a secret.
public enum LocalKeyFileError: Error, Hashable, Sendable {
  /// There is no file, and none was to be made.
  case absent
  case unreadable(errno: Int32)
  case unwritable(errno: Int32)
  /// A directory, a link or a device.
  case notRegular
  /// It belongs to another user of this machine.
  case owner(UInt32)
  /// Others than its owner may do something with it: `mode` has bits beyond 0700.
  case permissions(mode: UInt32)
  case tooLarge(max: Int)
  /// The text is not what this program writes: cut off, edited or of another kind.
  case malformed(offset: Int)
  case tooManyKeys(max: Int)
  case duplicateName(String)
  /// Empty, too long, or with characters other than `a`–`z`, `0`–`9`, `.`, `_` and `-`.
  case name(String)
  /// The secret is no key.
  case secret(name: String)
  /// The public key beside a secret is another secret's.
  case publicKey(name: String)
  /// The key of that name is of the other kind.
  case kind(name: String)
}

/// Named development keys in one file, readable by its owner alone.
///
/// A file is written beside its place, flushed and moved there: at any moment there is the old one, or the new one, or
/// none. Two processes that make the same file at once get the same keys.
///
/// - SeeAlso: docs/spec/local-keys.md.
public struct LocalKeyFile: Sendable {
  public static let schema = "causeway/keys/v1"
  public static let keyCountMax = 256
  public static let nameSizeMax = 64
  /// No file with so many keys is larger.
  public static let sizeBytesMax = 1 << 17

  private let secp256k1Keys: [String: LocalSecp256k1Key]
  private let ed25519Keys: [String: LocalEd25519Key]

  /// Opens the file at `path`, or makes it; keys that are asked for and are not in it are made and added.
  ///
  /// - Throws: ``LocalKeyFileError``; nothing was changed then.
  public init(path: String, secp256k1: [String] = [], ed25519: [String] = []) throws(LocalKeyFileError) {
    let wanted =
      secp256k1.map { KeyFileText.Wanted(name: $0, kind: .secp256k1) }
      + ed25519.map { KeyFileText.Wanted(name: $0, kind: .ed25519) }
    var names: Set<String> = []
    for key in wanted {
      guard KeyFileText.isName(key.name) else { throw .name(key.name) }
      guard names.insert(key.name).inserted else { throw .duplicateName(key.name) }
    }
    let present = try KeyFileStore.read(path)
    if let present, try KeyFileText.missing(wanted, in: present).isEmpty {
      self.init(present)
    } else {
      self.init(try KeyFileStore.complete(path, with: wanted))
    }
  }

  /// Opens the file at `path` and never writes.
  ///
  /// - Throws: ``LocalKeyFileError``.
  public init(opening path: String) throws(LocalKeyFileError) {
    guard let entries = try KeyFileStore.read(path) else { throw .absent }
    self.init(entries)
  }

  private init(_ entries: [KeyFileText.Entry]) {
    var secp256k1: [String: LocalSecp256k1Key] = [:]
    var ed25519: [String: LocalEd25519Key] = [:]
    for entry in entries {
      switch entry.key {
      case .secp256k1(let key): secp256k1[entry.name] = key
      case .ed25519(let key): ed25519[entry.name] = key
      }
    }
    secp256k1Keys = secp256k1
    ed25519Keys = ed25519
  }

  /// Sorted.
  public var secp256k1Names: [String] { secp256k1Keys.keys.sorted() }
  /// Sorted.
  public var ed25519Names: [String] { ed25519Keys.keys.sorted() }

  /// Nil when the file has no such key of this kind.
  public func secp256k1(_ name: String) -> LocalSecp256k1Key? { secp256k1Keys[name] }
  /// Nil when the file has no such key of this kind.
  public func ed25519(_ name: String) -> LocalEd25519Key? { ed25519Keys[name] }
}
