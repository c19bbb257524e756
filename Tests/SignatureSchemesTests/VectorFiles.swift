import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

/// The cases of `Tests/Vectors/signatures/<name>.json`.
func signatureCases(_ name: String) throws -> [JSONValue] {
  let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/signatures/\(name).json")
  let json = try JSONValue(decoding: [UInt8](Data(contentsOf: url)))
  return try #require(json["cases"]?.array)
}

extension JSONValue {
  /// The bytes of the hex string named `name`.
  func hex(_ name: String) throws -> [UInt8] { try Hex.decode(#require(self[name]?.string)) }
}
