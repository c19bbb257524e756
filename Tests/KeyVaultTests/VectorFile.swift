import Encodings
import Foundation
import KeyVault
import Secrets
import TestSupport
import Testing
import WireBytes

/// A file of tools/vectors/key_vault.py.
struct VectorFile {
  let json: JSONValue

  init(_ name: String) throws {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/key-vault/\(name).json")
    json = try JSONValue(decoding: [UInt8](Data(contentsOf: url)))
  }

  var cases: [JSONValue] { json["cases"]?.array ?? [] }
}

extension JSONValue {
  func bytes(_ member: String) throws -> [UInt8] {
    try Hex.decode(try #require(self[member]?.string))
  }

  func secret(_ member: String) throws -> SecretBytes {
    let bytes = try bytes(member)
    return SecretBytes(copying: bytes.span)
  }

  func text(_ member: String) throws -> String { try #require(self[member]?.string) }

  var name: String { self["name"]?.string ?? "" }
}

/// The case of an error without what it holds.
func caseName(_ error: any Error) -> String {
  String(String(describing: error).prefix { $0 != "(" })
}

/// A directory that goes with the test.
final class Place: Sendable {
  let folder: String
  var vault: String { folder + "/secrets.vault" }
  var keys: String { folder + "/keys.json" }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-vault-\(UUID())").path
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func write(_ bytes: [UInt8], mode: Int = 0o600, to path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
  }

  func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

  func mode(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }
}

/// A passphrase or another short secret.
func secret(_ text: String) -> SecretBytes {
  let bytes = [UInt8](text.utf8)
  return SecretBytes(copying: bytes.span)
}

/// For tests to look at; the bytes of a secret are not wiped here.
func exposed(_ secret: borrowing SecretBytes) -> [UInt8] {
  secret.withSpan { [UInt8](copying: $0) }
}
