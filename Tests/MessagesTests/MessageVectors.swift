import Encodings
import Foundation
import Messages
import TestSupport
import Testing

/// Cases of a file in Tests/Vectors, made by a script in tools/vectors.
enum MessageVectors {
  static func cases(_ file: String, schema: String) throws -> [JSONValue] {
    try #require(try self.file("messages/\(file)", schema: schema)["cases"]?.array)
  }

  static func file(_ path: String, schema: String) throws -> JSONValue {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/\(path)")
    let json = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    #expect(json["schema"]?.string == schema)
    return json
  }

  static func sequence(_ json: JSONValue?) throws -> Sequence {
    let number: UInt64 = try #require(json?.integer())
    return try #require(Sequence(number))
  }

  static func corpus(_ topic: String, _ file: String) throws -> JSONValue {
    let directory = try #require(Corpora.directory(topic))
    return try JSONValue(
      decoding: [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory + "/" + file))))
  }
}

/// The name of an enum case without its values: what vectors call an error.
func caseName(_ error: some Error) -> String { String(String(describing: error).prefix { $0 != "(" }) }
