import Crypto
import Digests
import Foundation
import LightClients
import WireBytes

/// Signs headers with keys of our own, well-formed or broken on purpose.
///
/// The first three seeds are those of the worked chain of the outside corpus; the others are the numbers of keys.
struct ChainMaker {
  struct Signer {
    let key: Curve25519.Signing.PrivateKey
    let validator: CometBFT.Validator

    init(seed: [UInt8], power: Int64) throws {
      key = try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
      validator = CometBFT.Validator(
        publicKey: try Bytes32([UInt8](key.publicKey.rawRepresentation)), power: power)
    }

    /// A key that is a small number.
    init(number: UInt8, power: Int64) throws {
      try self.init(seed: [UInt8](repeating: 0, count: 31) + [number], power: power)
    }
  }

  static let chainID = "bridge-test-1"
  /// 2026-01-01T00:00:00Z.
  static let start: Int64 = 1_767_225_600

  static func time(_ seconds: Int64) throws -> CometBFT.Timestamp {
    try CometBFT.Timestamp(seconds: start + seconds)
  }

  /// Powers 30, 10, 10.
  static func signers() throws -> [Signer] {
    let seeds = [
      ("5e72c21cdbc639b93d9bcda02529cda26065a1037cb0a54248a8f97a1e151472", 30),
      ("92a96028272f2c6c8d867589d953cb6bdb65528f371029eacdbd6668d547003f", 10),
      ("e776a2cf580121a23c3f2ba6a18a9b6e0c1dff659ef5907b15153c4d88911182", 10),
    ]
    return try seeds.map { try Signer(seed: Hex.decode($0.0), power: Int64($0.1)) }
  }

  /// Signers of equal power, in the order of their addresses.
  static func equalSigners(_ numbers: ClosedRange<UInt8>, power: Int64 = 10) throws -> [Signer] {
    try numbers.map { try Signer(number: $0, power: power) }
      .sorted { $0.validator.address < $1.validator.address }
  }

  static func set(_ signers: [Signer]) throws -> CometBFT.ValidatorSet {
    try CometBFT.ValidatorSet(sorting: signers.map(\.validator))
  }

  static func header(
    _ height: Int64, seconds: Int64, by signers: [Signer], next: [Signer], chainID: String = chainID
  ) throws -> CometBFT.Header {
    let empty = SHA256Hash.hash([])
    return CometBFT.Header(
      version: CometBFT.Header.Version(block: 11, app: 1), chainID: chainID, height: height,
      time: try time(seconds), lastBlockID: .none, lastCommitHash: empty, dataHash: empty,
      validatorsHash: try set(signers).hash(), nextValidatorsHash: try set(next).hash(), consensusHash: empty,
      appHash: [1, 2, 3], lastResultsHash: empty, evidenceHash: empty,
      proposerAddress: signers[0].validator.address)
  }

  /// A commit for `header` by `signers`: `flags` are 1 absent, 2 commit, 3 nil, all 2 when nil.
  static func commit(
    for header: CometBFT.Header, by signers: [Signer], flags: [Int32]? = nil, chainID: String? = nil,
    round: Int32 = 0
  ) throws -> CometBFT.Commit {
    let id = CometBFT.BlockID(
      hash: header.hash(), parts: CometBFT.PartSetHeader(total: 1, hash: SHA256Hash.hash([7])))
    let entries = try signers.enumerated().map { index, signer -> CometBFT.CommitSignature in
      let flag = flags?[index] ?? 2
      if flag == 1 { return .absent }
      let canonical = CometBFT.CanonicalVote(
        type: CometBFT.CanonicalVote.precommit, height: header.height, round: Int64(round),
        blockID: flag == 2 ? id : nil, chainID: chainID ?? header.chainID)
      let signature = try signer.key.signature(for: canonical.signBytes(at: header.time))
      return try CometBFT.CommitSignature(
        flag: flag, address: signer.validator.address, timestamp: header.time, signature: [UInt8](signature))
    }
    return CometBFT.Commit(height: header.height, round: round, blockID: id, signatures: entries)
  }

  static func block(
    _ height: Int64, seconds: Int64, by signers: [Signer], next: [Signer]? = nil, flags: [Int32]? = nil,
    chainID: String = chainID
  ) throws -> CometBFT.UncheckedLightBlock {
    let next = next ?? signers
    let header = try header(height, seconds: seconds, by: signers, next: next, chainID: chainID)
    return CometBFT.UncheckedLightBlock(
      signedHeader: CometBFT.SignedHeader(
        header: header, commit: try commit(for: header, by: signers, flags: flags)),
      validators: try set(signers), nextValidators: try set(next))
  }
}
