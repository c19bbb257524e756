import Crypto
import Digests
import Encodings
import Foundation
import WireBytes

extension Operations {
  /// The root of a sync committee: 512 keys of 48 bytes and their aggregate: 512 + 511 + 1 + 1 hashes of 64 bytes.
  static func sszTrees() throws -> [Benchmark] {
    let keys = (0..<512).map { index in (0..<48).map { UInt8(truncatingIfNeeded: index &* 31 &+ $0) } }
    let aggregate = [UInt8](repeating: 9, count: 48)
    func root() -> Bytes32 {
      let leaves = keys.map { SSZMerkleizer.root(packed: $0.span) }
      return SSZMerkleizer.root(chunks: [
        SSZMerkleizer.root(chunks: leaves), SSZMerkleizer.root(packed: aggregate.span),
      ])
    }
    let pair = Data(repeating: 5, count: 64)
    return [
      Benchmark(
        "SSZ root of a 512-key sync committee", peer: "swift-crypto, 1,025 hashes of 64 B only",
        ours: { keep(root()) },
        theirs: { for _ in 0..<1_025 { keep(SHA256.hash(data: pair)) } })
    ]
  }
}
