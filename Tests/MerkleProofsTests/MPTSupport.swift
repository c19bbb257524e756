import Digests
import Encodings
import Foundation
import MerkleProofs
import TestSupport
import WireBytes

/// Nodes put together by hand, well formed or not.
enum Nodes {
  static func list(_ items: [RLPItem]) -> [UInt8] { RLPItem.list(items).encoded() }

  /// A two-item node; `path` is already hex-prefixed.
  static func short(_ path: [UInt8], _ second: RLPItem) -> [UInt8] { list([.string(path), second]) }

  /// A branch with the given children and an empty value.
  static func branch(_ children: [Int: RLPItem], value: RLPItem = .string([])) -> [UInt8] {
    list((0..<16).map { children[$0] ?? .string([]) } + [value])
  }

  static func hash(_ node: [UInt8]) -> Bytes32 { Keccak256.hash(node) }

  /// The reference by hash that a parent holds.
  static func reference(_ node: [UInt8]) -> RLPItem { .string(hash(node).array) }
}

/// A JSON file under Tests/Vectors.
func vectorFile(_ path: String) throws -> JSONValue {
  let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors").appendingPathComponent(path)
  return try JSONValue(decoding: [UInt8](Data(contentsOf: url)))
}

/// A JSON file of a corpus.
func corpusFile(_ topic: String, _ path: String) throws -> JSONValue {
  let url = Corpora.root.appendingPathComponent(topic).appendingPathComponent(path)
  return try JSONValue(decoding: [UInt8](Data(contentsOf: url)))
}

extension JSONValue {
  /// The bytes of a string of hex.
  var unhexed: [UInt8] { get throws { try Hex.decode(string ?? "not a string") } }

  /// A string of 32 bytes in hex.
  var hash: Bytes32 { get throws { try Bytes32(hex: string ?? "not a string") } }

  /// An array of 32 bytes each.
  var hashes: [Bytes32] { get throws { try (array ?? []).map { try $0.hash } } }
}
