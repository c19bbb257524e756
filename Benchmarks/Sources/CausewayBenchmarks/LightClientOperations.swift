import Crypto
import Digests
import Foundation
import LightClients
import WireBytes

extension Operations {
  static func lightClients() throws -> [Benchmark] {
    let count = 100
    let keys = try (0..<count).map { index -> Curve25519.Signing.PrivateKey in
      let seed = SHA256Hash.hash([UInt8(index), 0x42]).array
      return try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
    }
    let publicKeys = try keys.map { try Bytes32([UInt8]($0.publicKey.rawRepresentation)) }
    let validators = try CometBFT.ValidatorSet(
      sorting: publicKeys.map { CometBFT.Validator(publicKey: $0, power: 10) })
    let hash = SHA256Hash.hash([1])
    let blockID = CometBFT.BlockID(hash: hash, parts: CometBFT.PartSetHeader(total: 1, hash: hash))
    let time = try CometBFT.Timestamp(seconds: 1_767_225_600, nanoseconds: 5)
    let message = CometBFT.CanonicalVote(
      type: CometBFT.CanonicalVote.precommit, height: 7, round: 0, blockID: blockID, chainID: "bench-1"
    ).signBytes(at: time)
    var byAddress: [Bytes20: Curve25519.Signing.PrivateKey] = [:]
    for (key, publicKey) in zip(keys, publicKeys) {
      byAddress[CometBFT.Validator.address(of: publicKey)] = key
    }
    let signed = try validators.validators.map {
      validator -> (key: Curve25519.Signing.PublicKey, bytes: Data) in
      guard let key = byAddress[validator.address] else { throw Unreadable.example("validator") }
      return (key.publicKey, try key.signature(for: message))
    }
    let commit = CometBFT.Commit(
      height: 7, round: 0, blockID: blockID,
      signatures: zip(validators.validators, signed).map { validator, signed in
        .vote(
          CometBFT.CommitVote(
            choice: .block, validatorAddress: validator.address, timestamp: time,
            signature: [UInt8](signed.bytes)))
      })
    _ = try validators.verifyCommit(commit, chainID: "bench-1", blockID: blockID, height: 7)
    return [
      Benchmark(
        "CometBFT commit, \(count) validators", peer: "BoringSSL, \(count) signatures only",
        ours: {
          keep(try? validators.verifyCommit(commit, chainID: "bench-1", blockID: blockID, height: 7))
        },
        theirs: { for (key, bytes) in signed { keep(key.isValidSignature(bytes, for: message)) } })
    ]
  }
}
