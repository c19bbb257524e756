import Encodings
import Ledger
import LightClients
import MerkleProofs
import PacketHost
import WireBytes

/// CometBFT's JSON (`libs/json`): 64-bit numbers as texts, hashes and addresses in upper-case hex, bytes in
/// base64.
enum RPCJSON {
  static func hex(_ bytes: [UInt8]) -> JSONValue { .string(Hex.encode(bytes, prefix: "").uppercased()) }
  static func hex(_ bytes: Bytes32?) -> JSONValue { hex(bytes?.array ?? []) }
  static func base64(_ bytes: [UInt8]) -> JSONValue { .string(Base64.encode(bytes)) }
  static func base64OrNull(_ bytes: [UInt8]) -> JSONValue { bytes.isEmpty ? .null : base64(bytes) }
  static func text<Value: BinaryInteger>(_ value: Value) -> JSONValue { .string(String(value)) }
  static func number<Value: BinaryInteger>(_ value: Value) -> JSONValue { .number(String(value)) }

  static func blockID(_ id: CometBFT.BlockID) -> JSONValue {
    .object([
      "hash": hex(id.hash),
      "parts": .object(["total": number(id.parts.total), "hash": hex(id.parts.hash)]),
    ])
  }

  static func header(_ header: CometBFT.Header) -> JSONValue {
    .object([
      "version": .object(["block": text(header.version.block), "app": text(header.version.app)]),
      "chain_id": .string(header.chainID), "height": text(header.height),
      "time": .string(header.time.description), "last_block_id": blockID(header.lastBlockID),
      "last_commit_hash": hex(header.lastCommitHash), "data_hash": hex(header.dataHash),
      "validators_hash": hex(header.validatorsHash), "next_validators_hash": hex(header.nextValidatorsHash),
      "consensus_hash": hex(header.consensusHash), "app_hash": hex(header.appHash),
      "last_results_hash": hex(header.lastResultsHash), "evidence_hash": hex(header.evidenceHash),
      "proposer_address": hex(header.proposerAddress?.array ?? []),
    ])
  }

  static func commit(_ commit: CometBFT.Commit) -> JSONValue {
    .object([
      "height": text(commit.height), "round": number(commit.round), "block_id": blockID(commit.blockID),
      "signatures": .array(
        commit.signatures.map { signature in
          guard case .vote(let vote) = signature else {
            return .object([
              "block_id_flag": 1, "validator_address": "", "timestamp": "0001-01-01T00:00:00Z",
              "signature": .null,
            ])
          }
          return .object([
            "block_id_flag": number(vote.choice.rawValue),
            "validator_address": hex(vote.validatorAddress.array),
            "timestamp": .string(vote.timestamp.description), "signature": base64(vote.signature),
          ])
        }),
    ])
  }

  static func block(_ block: ProposedBlock) -> JSONValue {
    .object([
      "header": header(block.header),
      "data": .object(["txs": .array(block.transactions.map { base64($0) })]),
      "evidence": .object(["evidence": .array([])]), "last_commit": commit(block.lastCommit),
    ])
  }

  static func publicKey(_ key: Bytes32) -> JSONValue {
    .object(["type": "tendermint/PubKeyEd25519", "value": base64(key.array)])
  }

  static func validator(_ validator: CometBFT.Validator) -> JSONValue {
    .object([
      "address": hex(validator.address.array), "pub_key": publicKey(validator.publicKey),
      "voting_power": text(validator.power), "proposer_priority": text(validator.proposerPriority),
    ])
  }

  static func result(_ result: TransactionResult) -> JSONValue {
    .object([
      "code": number(result.code), "data": base64OrNull(result.payload), "log": .string(result.log),
      "info": "",
      "gas_wanted": text(result.gasWanted), "gas_used": text(result.gasUsed),
      "events": .array(result.events.map { event($0) }), "codespace": .string(result.codespace),
    ])
  }

  private static func event(_ event: Event) -> JSONValue {
    .object([
      "type": .string(event.type),
      "attributes": .array(
        event.attributes.map {
          .object(["key": .string($0.key), "value": .string($0.value), "index": .boolean($0.isIndexed)])
        }),
    ])
  }

  static func transaction(_ transaction: IncludedTransaction, of block: ProposedBlock?) -> JSONValue {
    var members: [String: JSONValue] = [
      "hash": hex(transaction.hash), "height": text(transaction.height), "index": number(transaction.place),
      "tx_result": result(transaction.result), "tx": base64(transaction.bytes),
    ]
    if let block { members["proof"] = proof(of: transaction.place, in: block) }
    return .object(members)
  }

  /// That the transaction at `place` is under the block's data hash.
  private static func proof(of place: Int, in block: ProposedBlock) -> JSONValue {
    let leaves = block.transactions.map { transaction in
      let hash = Transaction.hash(of: transaction)
      return RFC6962.leafHash(hash.span)
    }
    return .object([
      "root_hash": hex(RFC6962.root(leafHashes: leaves)), "data": base64(block.transactions[place]),
      "proof": .object([
        "total": text(leaves.count), "index": text(place), "leaf_hash": base64(leaves[place].array),
        "aunts": .array(aunts(of: place, in: leaves[...]).map { base64($0.array) }),
      ]),
    ])
  }

  /// The siblings from the leaf up to the root.
  private static func aunts(of place: Int, in leaves: ArraySlice<Bytes32>) -> [Bytes32] {
    guard leaves.count > 1 else { return [] }
    var split = 1
    while split * 2 < leaves.count { split *= 2 }
    let (left, right) = (leaves.prefix(split), leaves.dropFirst(split))
    if place < split { return aunts(of: place, in: left) + [RFC6962.root(leafHashes: Array(right))] }
    return aunts(of: place - split, in: right) + [RFC6962.root(leafHashes: Array(left))]
  }
}
