import Encodings
import Foundation
import TestSupport

/// Cases of Tests/Vectors/encodings, made by tools/vectors/encodings.py with other libraries.
enum EncodingsVectors {
  static func cases(_ name: String) throws -> [JSONValue] {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/encodings/\(name).json")
    let file = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    guard file["schema"]?.string == "encodings/\(name)/1" else { return [] }
    return file["cases"]?.array ?? []
  }
}
