import CPeers
import Encodings
import ForeignProtocols
import WireBytes

extension Operations {
  /// A mainnet VAA, from its bytes to its verdict, beside thirteen bare recoveries.
  static func protocols() throws -> [Benchmark] {
    let name = "wormhole-mainnet-vaa.json"
    guard let text = try example(name)["vaa"]?.string else { throw Unreadable.example(name) }
    let bytes = try Hex.decode(text)
    let first = try VAA(decoding: bytes)
    guard let set = WormholeMainnet.guardianSets.set(first.guardianSetIndex) else {
      throw Unreadable.example(name)
    }
    _ = try first.verify(under: set, at: nil)
    let digest = first.digest.array
    // Signatures follow six bytes of header: guardian index, then 65 bytes.
    let signatures = (0..<Int(bytes[5])).map { [UInt8](bytes[(7 + 66 * $0)..<(72 + 66 * $0)]) }
    var key = [UInt8](repeating: 0, count: 65)
    return [
      Benchmark(
        "Wormhole VAA, \(signatures.count) of \(set.keys.count), decoded and verified",
        peer: "libsecp256k1, \(signatures.count) recoveries only",
        ours: { keep(try? VAA(decoding: bytes).verify(under: set, at: nil)) },
        theirs: { for signature in signatures { keep(peer_secp256k1_recover(signature, digest, &key)) } })
    ]
  }
}
