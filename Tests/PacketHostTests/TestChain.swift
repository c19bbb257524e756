import Crypto
import Digests
import Foundation
import LightClients
import MerkleProofs
import StateTree
import WireBytes

/// Commits a state to a sparse Merkle tree and signs headers over its root, as a CometBFT chain does.
struct TestChain {
  let chainID: String
  let validators: [(key: Curve25519.Signing.PrivateKey, validator: CometBFT.Validator)]
  static let empty = SHA256Hash.hash([])

  init(chainID: String, firstKey: UInt8 = 40) throws {
    self.chainID = chainID
    validators = try (firstKey..<(firstKey + 4)).map { number in
      let seed = [UInt8](repeating: 0, count: 31) + [number]
      let key = try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
      return (
        key, CometBFT.Validator(publicKey: try Bytes32([UInt8](key.publicKey.rawRepresentation)), power: 10)
      )
    }.sorted { $0.1.address < $1.1.address }
  }

  var set: CometBFT.ValidatorSet {
    get throws { try CometBFT.ValidatorSet(sorting: validators.map(\.validator)) }
  }

  /// An IBC `MerkleProof` that `key` is stored, or is not.
  static func proof(of key: [UInt8], in values: [[UInt8]: [UInt8]]) throws -> [UInt8] {
    var tree = StateTree(store: MemoryStateStore())
    let changes = values.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      .map { StateChange(key: $0.key, value: $0.value) }
    _ = try tree.commit(version: 1, changes: changes)
    return ICS23.MerkleProof(proofs: [try tree.prove(key, at: 1)]).encoded()
  }

  static func root(of values: [[UInt8]: [UInt8]]) throws -> Bytes32 {
    var tree = StateTree(store: MemoryStateStore())
    let changes = values.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      .map { StateChange(key: $0.key, value: $0.value) }
    return try tree.commit(version: 1, changes: changes)
  }

  func header(
    height: UInt64, seconds: UInt64, root: Bytes32, trusted: UInt64, signers: Int = 4
  ) throws -> Tendermint.Header {
    let set = try set
    let time = try CometBFT.Timestamp(seconds: Int64(seconds))
    let header = CometBFT.Header(
      version: CometBFT.Header.Version(block: 11, app: 1), chainID: chainID, height: Int64(height),
      time: time,
      lastBlockID: .none, lastCommitHash: Self.empty, dataHash: Self.empty, validatorsHash: set.hash(),
      nextValidatorsHash: set.hash(), consensusHash: Self.empty, appHash: root.array,
      lastResultsHash: Self.empty, evidenceHash: Self.empty,
      proposerAddress: set.validators[0].address)
    let id = CometBFT.BlockID(
      hash: header.hash(), parts: CometBFT.PartSetHeader(total: 1, hash: SHA256Hash.hash([7])))
    let signatures = try validators.enumerated().map { index, signer -> CometBFT.CommitSignature in
      guard index < signers else { return .absent }
      let vote = CometBFT.CanonicalVote(
        type: CometBFT.CanonicalVote.precommit, height: header.height, round: 0, blockID: id, chainID: chainID
      )
      let signature = try signer.key.signature(for: vote.signBytes(at: time))
      return try CometBFT.CommitSignature(
        flag: 2, address: signer.validator.address, timestamp: time, signature: [UInt8](signature))
    }
    let commit = CometBFT.Commit(height: header.height, round: 0, blockID: id, signatures: signatures)
    return Tendermint.Header(
      signedHeader: CometBFT.SignedHeader(header: header, commit: commit), validators: set,
      trustedHeight: Tendermint.Height(revision: 1, height: trusted), trustedValidators: set)
  }

  /// A client state and the consensus state at its height.
  func client(
    height: UInt64, seconds: UInt64, root: Bytes32, specs: [ICS23.ProofSpec] = [.sparseMerkleTree]
  ) throws -> (state: [UInt8], consensus: [UInt8]) {
    let state = Tendermint.ClientState(
      chainID: chainID, trustLevelNumerator: 1, trustLevelDenominator: 3, trustingPeriod: .seconds(10_000),
      unbondingPeriod: .seconds(20_000), clockDriftMax: .seconds(10), frozenHeight: .zero,
      latestHeight: Tendermint.Height(revision: 1, height: height), proofSpecs: specs.map { $0.encoded() },
      upgradePath: [])
    let consensus = Tendermint.ConsensusState(
      timestamp: try CometBFT.Timestamp(seconds: Int64(seconds)), root: root.array,
      nextValidatorsHash: try set.hash())
    return (state.encoded(), consensus.encoded())
  }
}
