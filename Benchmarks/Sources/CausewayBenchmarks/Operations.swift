import CPeers
import Digests
import WireBytes

/// The operations of the table, each with its peer. Each floor's are in a file of their own.
enum Operations {
  static func all() throws -> [Benchmark] {
    try keccak() + signatures() + protocols() + merkleProofs() + sszTrees() + lightClients() + stateTree()
      + attestation() + sealing()
  }

  private static func keccak() -> [Benchmark] {
    [32, 532, 1024].map { length in
      let input = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      var output = [UInt8](repeating: 0, count: 32)
      return Benchmark(
        "keccak-256, \(length) B", peer: "XKCP portable C",
        ours: { keep(Keccak256.hash(input.span)) },
        theirs: { peer_xkcp_keccak256(input, length, &output) })
    }
  }
}
