import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

/// JSON under the package's root, read for tests.
enum VectorFile {
  static func json(_ path: String) throws -> JSONValue {
    let url = Corpora.packageRoot.appendingPathComponent(path)
    return try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
  }

  /// The cases of one of our own vector files, whose schema must be the one the test was written for.
  static func cases(_ path: String, schema: String) throws -> [JSONValue] {
    let json = try json(path)
    try #require(json["schema"]?.string == schema)
    return try #require(json["cases"]?.array)
  }
}

extension JSONValue {
  func hex(_ name: String) throws -> [UInt8] { try Hex.decode(try #require(self[name]?.string)) }
}
