import Enclaves
import Encodings
import Foundation
import Messages
import TestSupport
import Testing
import WireBytes

/// Cases of Tests/Vectors/enclaves, made by scripts in tools/vectors.
enum EnclaveVectors {
  static func file(_ name: String) throws -> JSONValue {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/enclaves/\(name).json")
    let json = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    #expect(json["schema"]?.string == "causeway-vectors/enclaves/\(name)/1")
    return json
  }

  static func cases(_ name: String, _ member: String = "cases") throws -> [JSONValue] {
    try #require(try file(name)[member]?.array)
  }

  static func corpus(_ path: String) throws -> JSONValue {
    let directory = try #require(Corpora.directory("keys"))
    return try JSONValue(
      decoding: [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory + "/" + path))))
  }
}

extension JSONValue {
  func hex(_ name: String) throws -> [UInt8] { try Hex.decode(try #require(self[name]?.string)) }
  func hash(_ name: String) throws -> Bytes32 { try Bytes32(try hex(name)) }
  func text(_ name: String) throws -> String { try #require(self[name]?.string) }
}

/// The name of an enum case without its values: what vectors call an error.
func caseName(_ error: some Error) -> String { String(String(describing: error).prefix { $0 != "(" }) }

/// One of the containers, by its name in vectors.
enum AnyContainer {
  static func decode(_ type: String, _ bytes: [UInt8]) throws -> any EnclaveContainer {
    switch type {
    case "EnclaveKeys": try EnclaveKeys(decoding: bytes)
    case "Launch": try Launch(decoding: bytes)
    case "EnvelopeHeader": try EnvelopeHeader(decoding: bytes)
    case "SealedEnvelope": try SealedEnvelope(decoding: bytes)
    case "SealedInput": try SealedInput(decoding: bytes)
    case "ReplyHeader": try ReplyHeader(decoding: bytes)
    case "SealedReply": try SealedReply(decoding: bytes)
    case "Update": try Update(decoding: bytes)
    case "Receipt": try Receipt(decoding: bytes)
    case "Token": try Token(decoding: bytes)
    case "Transition": try Transition(decoding: bytes)
    case "CaseInput": try CaseInput(decoding: bytes)
    default: throw CocoaError(.featureUnsupported)
    }
  }
}
