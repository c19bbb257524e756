import Encodings
import Foundation
import Ledger
import LightClients
import Messages
import PacketHost
import StateTree
import WireBytes

/// Repeats a chain that another process has made: `{"genesis": {…}, "blocks": [{"block": hex, "commit": hex}]}`.
///
/// Prints what this process hashes nothing to, which differs by its random seed, and then for each block its
/// height, the app hash and the results hash after it.
enum Replay {
  enum Failure: Error { case form }

  static func run(file: String) throws {
    let text = try Data(contentsOf: URL(fileURLWithPath: file))
    let json = try JSONValue(decoding: [UInt8](text), limits: JSONLimits(sizeBytes: 64 << 20, depth: 32))
    guard let document = json["genesis"], let blocks = json["blocks"]?.array else { throw Failure.form }
    let genesis = try Genesis(json: document)
    var chain = try LedgerChain(
      genesis: genesis, host: .ledger(domain: try DomainID("cosmos:\(genesis.rules.chainID)")),
      store: MemoryStateStore())
    print(Hasher().finalize())
    for entry in blocks {
      guard let block = entry["block"]?.string, let commit = entry["commit"]?.string else {
        throw Failure.form
      }
      let (blockBytes, commitBytes) = (try Hex.decode(block), try Hex.decode(commit))
      let tip = try chain.replay(
        ProposedBlock(decoding: blockBytes.span), commit: CometBFT.Commit(decoding: commitBytes.span)
      ).tip
      print("\(tip.height) \(Hex.encode(tip.appHash.array)) \(Hex.encode(tip.resultsHash.array))")
    }
  }
}
