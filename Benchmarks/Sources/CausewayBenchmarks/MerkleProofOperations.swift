import CPeers
import Encodings
import Foundation
import LightClients
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
        theirs: { for node in nodes { peer_xkcp_keccak256(node, node.count, &hash) } }),
      try chainedProof(),
    ]
  }

  /// A value of a Cosmos chain, proven through an IAVL tree and the simple tree of stores above it.
  private static func chainedProof() throws -> Benchmark {
    let name = "ics23-client.json"
    let file = try example(name)
    guard let proofText = file["proof"]?.string, let valueText = file["value"]?.string,
      let path = file["path"]?.array?.compactMap(\.string), let header = file["client"]?["header"]?.string
    else { throw Unreadable.example(name) }
    let encoded = try Hex.decode(proofText)
    let value = try Hex.decode(valueText)
    let keys = path.map { [UInt8]($0.utf8) }
    let headerBytes = try Hex.decode(header)
    let root = try Tendermint.Header(decoding: headerBytes.span).signedHeader.header.appHash
    let specs: [ICS23.ProofSpec] = [.iavl, .tendermint]
    func verify() throws {
      try ICS23.MerkleProof(decoding: encoded.span).verifyMembership(
        specs: specs, root: root.span, path: keys, value: value.span)
    }
    try verify()
    return Benchmark(
      "ICS-23 chained proof, decoded and verified, \(encoded.count) B", ours: { keep(try? verify()) })
  }
}
