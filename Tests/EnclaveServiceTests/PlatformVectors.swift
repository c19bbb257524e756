import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

/// The file of tools/vectors/enclave_platforms.py.
enum PlatformVectors {
  static func load() throws -> JSONValue {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/enclaves/platforms.json")
    return try JSONValue(decoding: [UInt8](Data(contentsOf: url)))
  }
}

extension JSONValue {
  func bytes(_ member: String) throws -> [UInt8] { try Hex.decode(try #require(self[member]?.string)) }
  func text(_ member: String) throws -> String { try #require(self[member]?.string) }
  func number(_ member: String) throws -> UInt64 {
    guard case .number(let text)? = self[member] else { throw Missing() }
    return try #require(UInt64(text))
  }

  private struct Missing: Error {}
}
