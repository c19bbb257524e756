import CPeers
import Encodings
import Foundation
import MerkleProofs
import WireBytes

extension Operations {
  enum Unreadable: Error {
    case example(String)
  }

  /// A file of examples/messages.
  static func example(_ name: String) throws -> JSONValue {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { url.deleteLastPathComponent() }
    url.append(path: "examples/messages/\(name)")
    return try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
  }

  static func merkleProofs() throws -> [Benchmark] {
    let account = try example("mpt-account.json")
    guard let rootText = account["stateRoot"]?.string, let addressText = account["proof"]?["address"]?.string,
      let nodeTexts = account["proof"]?["accountProof"]?.array?.compactMap(\.string)
    else { throw Unreadable.example("mpt-account.json") }
    let root = try Bytes32(hex: rootText)
    let address = try Bytes20(hex: addressText)
    let nodes = try nodeTexts.map { try Hex.decode($0) }
    _ = try EthereumStateProof.account(address, stateRoot: root, nodes: nodes)
    var hash = [UInt8](repeating: 0, count: 32)
    return [
      Benchmark(
        "MPT account proof, \(nodes.count) nodes, \(nodes.map(\.count).reduce(0, +)) B",
        peer: "XKCP, hashing the nodes only",
        ours: { keep(try? EthereumStateProof.account(address, stateRoot: root, nodes: nodes)) },
        theirs: { for node in nodes { peer_xkcp_keccak256(node, node.count, &hash) } })
    ]
  }
}
