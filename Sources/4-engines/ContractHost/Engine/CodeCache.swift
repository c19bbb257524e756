private import Digests
private import FoundationEssentials
import WireBytes

/// A directory of compiled modules, so that a restart need not compile.
///
/// What it holds runs as machine code without any further check: whoever can write there runs code in this process.
/// So the directory belongs in the node's state directory, is made with mode 0700 and refused with a wider one, and
/// files have mode 0600. A digest in each file finds truncation and decay; it is no defence against an attacker,
/// who could compute it too. Names carry the hash of the code and of wasmtime's version, machine and settings.
public struct CodeCache: Hashable, Sendable {
  public let directory: String

  /// More files than these are not written: modules then compile again after a restart.
  public static let filesMax = 1 << 10

  /// Why a directory is not used.
  public enum Failure: Error, Hashable, Sendable {
    case notMade(String)
    /// Others may read or write there; the mode is octal.
    case open(String, mode: String)
  }

  /// Makes the directory unless it is there.
  public init(directory: String) throws(Failure) {
    let files = FileManager.default
    if !files.fileExists(atPath: directory) {
      do {
        try files.createDirectory(
          atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      } catch {
        throw .notMade(directory)
      }
    }
    guard let mode = Self.mode(directory) else { throw .notMade(directory) }
    guard mode & 0o077 == 0 else { throw .open(directory, mode: String(mode, radix: 8)) }
    self.directory = directory
  }

  /// The serialized module; nil when there is none that is whole and ours alone.
  func code(_ checksum: Bytes32, fingerprint: Bytes32) -> [UInt8]? {
    let path = path(checksum, fingerprint)
    guard let mode = Self.mode(path), mode & 0o077 == 0,
      let contents = FileManager.default.contents(atPath: path), contents.count > Self.headBytes
    else { return nil }
    let bytes = [UInt8](contents)
    let code = [UInt8](bytes[Self.headBytes...])
    guard bytes.starts(with: Self.magic),
      bytes[Self.magic.count..<Self.headBytes].elementsEqual(digest(code).array)
    else { return nil }
    return code
  }

  /// Keeps a serialized module. That it could not be written is no failure: it is compiled again.
  func keep(_ code: [UInt8], _ checksum: Bytes32, fingerprint: Bytes32) {
    let files = FileManager.default
    let count = (try? files.contentsOfDirectory(atPath: directory).count) ?? Self.filesMax
    guard count < Self.filesMax else { return }
    let path = path(checksum, fingerprint)
    let draft = "\(path).\(ProcessInfo.processInfo.processIdentifier)"
    let bytes = Self.magic + digest(code).array + code
    guard files.createFile(atPath: draft, contents: Data(bytes), attributes: [.posixPermissions: 0o600])
    else { return }
    // Readers see the whole file or none. Where one is there already it is as good, unless it was refused.
    if self.code(checksum, fingerprint: fingerprint) == nil { try? files.removeItem(atPath: path) }
    do { try files.moveItem(atPath: draft, toPath: path) } catch { try? files.removeItem(atPath: draft) }
  }

  private static let magic = [UInt8]("causeway code 1\n".utf8)
  private static let headBytes = magic.count + 32

  private func path(_ checksum: Bytes32, _ fingerprint: Bytes32) -> String {
    "\(directory)/\(Hex.encode(checksum.span).dropFirst(2))-\(Hex.encode(fingerprint.span).dropFirst(2).prefix(16)).code"
  }

  private func digest(_ code: [UInt8]) -> Bytes32 { SHA256Hash.hash(code) }

  /// Permission bits, of the thing itself and not of what a link points to.
  private static func mode(_ path: String) -> Int? {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
      let type = attributes[.type] as? FileAttributeType, type == .typeDirectory || type == .typeRegular,
      let mode = attributes[.posixPermissions]
    else { return nil }
    // Which of the two it is depends on the Foundation at hand.
    return (mode as? UInt).map { Int($0) } ?? mode as? Int
  }
}
