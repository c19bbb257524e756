import Digests
import Encodings
import Foundation
import LightClients
import MerkleProofs
import OfflineVerification
import WireBytes

/// Answers of CometBFT's RPC: every hash in them that can be recomputed is, and commits are verified where the set is
/// known from another answer in the same folder.
enum CometBFTRecordings {
  /// Validator sets met in a corpus, by their hash: what a commit's header names finds its set.
  struct KnownSets {
    private var sets: [Bytes32: CometBFT.ValidatorSet] = [:]

    init(_ corpus: CorpusDirectory) {
      for file in corpus.files where file.hasSuffix(".json") {
        guard let json = try? corpus.json(file), let result = json["result"] else { continue }
        if let validators = result["validators"] { add(validators) }
        if let validators = result["genesis"]?["validators"] { add(validators) }
        // A node that is the only validator says so in its status.
        if let validator = result["validator_info"] { add(.array([validator])) }
      }
    }

    private mutating func add(_ json: JSONValue) {
      guard let set = try? CometBFTJSON.validatorSet(json), !set.validators.isEmpty else { return }
      sets[set.hash()] = set
    }

    subscript(hash: Bytes32?) -> CometBFT.ValidatorSet? { hash.flatMap { sets[$0] } }
  }

  static func run(
    _ json: JSONValue, _ file: String, _ sets: KnownSets, _ report: inout ConformanceReport
  ) {
    if let error = json["error"] {
      let code: Int? = error["code"]?.integer()
      if let code, code < 0, error["message"]?.string != nil, json["result"] == nil {
        report.pass(file, "error answer")
      } else {
        report.fail(file, "error answer", expected: "a code and a message", actual: error.text())
      }
      return
    }
    guard let result = json["result"] else {
      report.fail(file, "answer", expected: "a result or an error", actual: "neither")
      return
    }
    let before = report.results.count
    answer(result, file, sets, &report)
    if report.results.count == before {
      report.skip(file, "answer", reason: "nothing in this answer can be recomputed")
    }
  }

  private static func answer(
    _ result: JSONValue, _ file: String, _ sets: KnownSets, _ report: inout ConformanceReport
  ) {
    if let signed = result["signed_header"] { signedHeader(signed, file, sets, &report) }
    if let block = result["block"] { self.block(block, id: result["block_id"], "", file, &report) }
    for (index, entry) in (result["blocks"]?.array ?? []).enumerated() {
      block(entry["block"] ?? .null, id: entry["block_id"], "blocks.\(index) ", file, &report)
    }
    if let blocks = result["blocks"]?.array {
      lastCommits(blocks.map { $0["block"] ?? .null }, file, sets, &report)
    }
    if let metas = result["block_metas"]?.array { blockMetas(metas, file, &report) }
    if let value = result["data"]?["value"], let block = value["block"] {
      self.block(block, id: value["block_id"], "", file, &report)
    }
    if let event = result["data"]?["value"]?["TxResult"] {
      let hash = result["events"]?["tx.hash"]?[0]?.string
      transaction(event["tx"], hash: hash, proof: nil, "", file, &report)
    }
    if result["tx"] != nil {
      transaction(result["tx"], hash: result["hash"]?.string, proof: result["proof"], "", file, &report)
    }
    for (index, entry) in (result["txs"]?.array ?? []).enumerated() {
      transaction(
        entry["tx"], hash: entry["hash"]?.string, proof: entry["proof"], "txs.\(index) ", file, &report)
    }
    if let validator = result["validator_info"] {
      attempt("validator address", file, &report) {
        _ = try CometBFTJSON.validator(validator, at: "validator_info")
      }
    }
    if let validators = result["validators"] ?? result["genesis"]?["validators"],
      validators.array?.isEmpty == false
    {
      attempt("validator addresses", file, &report) {
        _ = try CometBFTJSON.validatorSet(validators, at: "validators")
      }
    }
    if let header = result["header"] {
      attempt("header", file, &report) { try roundTrip(CometBFTJSON.header(header, at: "header")) }
    }
  }

  // MARK: Headers and commits

  /// {header, commit}: the header's hash is the commit's, and the commit holds when its set is known.
  static func signedHeader(
    _ json: JSONValue, _ file: String, _ sets: KnownSets, _ report: inout ConformanceReport
  ) {
    if CometBFTLightClientCases.isAmino(json) {
      report.skip(file, "header hash", reason: CometBFTLightClientCases.aminoReason)
      return
    }
    attempt("header hash", file, &report) {
      let signed = try CometBFTJSON.signedHeader(json)
      try expect(signed.commit.blockID.hash, signed.header.hash())
      let encoded = signed.encoded()
      try expect(signed, CometBFT.SignedHeader(decoding: encoded.span))
    }
    guard let signed = try? CometBFTJSON.signedHeader(json) else { return }
    guard let set = sets[signed.header.validatorsHash] else {
      report.skip(file, "commit", reason: "no answer in this folder gives the validator set of the header")
      return
    }
    attempt("commit", file, &report) {
      _ = try set.verifyCommit(
        signed.commit, chainID: signed.header.chainID, blockID: signed.commit.blockID,
        height: signed.header.height)
    }
  }

  /// A header alone.
  static func bareHeader(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    guard json["num_txs"] == nil else {
      report.skip(file, "header", reason: "the header format of 0.32 and older, with num_txs")
      return
    }
    attempt("header", file, &report) { try roundTrip(CometBFTJSON.header(json)) }
    report.skip(file, "header hash", reason: "the file does not state the hash")
  }

  private static func roundTrip(_ header: CometBFT.Header) throws {
    let encoded = header.encoded()
    try expect(header, CometBFT.Header(decoding: encoded.span))
  }

  private static func blockMetas(
    _ metas: [JSONValue], _ file: String, _ report: inout ConformanceReport
  ) {
    var headers: [(header: CometBFT.Header, id: CometBFT.BlockID)] = []
    for (index, meta) in metas.enumerated() {
      attempt("block_metas.\(index) header hash", file, &report) {
        let header = try CometBFTJSON.header(meta["header"] ?? .null)
        let id = try CometBFTJSON.blockID(meta["block_id"] ?? .null)
        try expect(id.hash, header.hash())
        headers.append((header, id))
      }
    }
    headers.sort { $0.header.height < $1.header.height }
    for (lower, upper) in zip(headers, headers.dropFirst())
    where upper.header.height == lower.header.height + 1 {
      attempt("height \(upper.header.height) last block id", file, &report) {
        try expect(lower.id, upper.header.lastBlockID)
        try expect(lower.header.nextValidatorsHash, upper.header.validatorsHash)
      }
    }
  }

  /// Verifies the last commit of each block whose parent is beside it, where the parent's set is known.
  private static func lastCommits(
    _ blocks: [JSONValue], _ file: String, _ sets: KnownSets, _ report: inout ConformanceReport
  ) {
    var parents: [Int64: CometBFT.Header] = [:]
    for block in blocks {
      if let header = try? CometBFTJSON.header(block["header"] ?? .null) { parents[header.height] = header }
    }
    for block in blocks {
      guard let commit = try? CometBFTJSON.commit(block["last_commit"] ?? .null),
        let parent = parents[commit.height], let set = sets[parent.validatorsHash]
      else { continue }
      attempt("commit for height \(commit.height)", file, &report) {
        try expect(parent.hash(), commit.blockID.hash)
        _ = try set.verifyCommit(
          commit, chainID: parent.chainID, blockID: commit.blockID, height: parent.height)
      }
    }
  }

  // MARK: Blocks

  private static func block(
    _ json: JSONValue, id: JSONValue?, _ prefix: String, _ file: String, _ report: inout ConformanceReport
  ) {
    let header: CometBFT.Header
    let transactions: [[UInt8]]
    let evidence: [CometBFT.DuplicateVote]?
    let lastCommit: CometBFT.Commit?
    do {
      header = try CometBFTJSON.header(json["header"] ?? .null, at: "header")
      transactions = try (json["data"]?["txs"]?.array ?? []).map(base64)
      evidence = try self.evidence(json["evidence"]?["evidence"]?.array ?? [])
      lastCommit = try json["last_commit"].flatMap { value in
        // The first block has a commit of height 0 for no block, or none.
        value.isNull ? nil : try CometBFTJSON.commit(value, at: "last_commit")
      }
    } catch {
      report.fail(file, prefix + "block", expected: "a block", actual: "\(error)")
      return
    }
    attempt(prefix + "data hash", file, &report) {
      try expect(header.dataHash, CometBFT.dataHash(transactions: transactions))
    }
    if let lastCommit {
      attempt(prefix + "last commit hash", file, &report) {
        try expect(header.lastCommitHash, lastCommit.hash())
        if header.height > 1 { try expect(header.lastBlockID, lastCommit.blockID) }
      }
    }
    guard let evidence else {
      report.skip(file, prefix + "evidence hash", reason: "evidence of a kind that is not encoded here")
      return
    }
    attempt(prefix + "evidence hash", file, &report) {
      try expect(header.evidenceHash, CometBFT.evidenceHash(evidence.map { $0.encoded() }))
    }
    guard let id else { return }
    attempt(prefix + "block id", file, &report) {
      let id = try CometBFTJSON.blockID(id, at: "block_id")
      try expect(id.hash, header.hash())
      let whole = CometBFT.encodedBlock(
        header: header, transactions: transactions, evidence: evidence.map { $0.encodedInBlock() },
        lastCommit: lastCommit)
      try expect(id.parts, CometBFT.partSet(block: whole))
    }
  }

  /// Nil when there is evidence of a light-client attack.
  private static func evidence(_ list: [JSONValue]) throws -> [CometBFT.DuplicateVote]? {
    var votes: [CometBFT.DuplicateVote] = []
    for piece in list {
      guard piece["type"]?.string == "tendermint/DuplicateVoteEvidence", let value = piece["value"] else {
        return nil
      }
      votes.append(
        CometBFT.DuplicateVote(
          first: try CometBFTJSON.vote(value["vote_a"] ?? .null),
          second: try CometBFTJSON.vote(value["vote_b"] ?? .null),
          totalPower: try value.integer("TotalVotingPower"),
          validatorPower: try value.integer("ValidatorPower"),
          timestamp: try CometBFTJSON.time(value["Timestamp"] ?? .null)))
    }
    return votes
  }

  // MARK: Transactions

  private static func transaction(
    _ json: JSONValue?, hash: String?, proof: JSONValue?, _ prefix: String, _ file: String,
    _ report: inout ConformanceReport
  ) {
    guard let json, let hash else { return }
    attempt(prefix + "transaction hash", file, &report) {
      let transaction = try base64(json)
      try expect(try Bytes32(hex: hash), SHA256Hash.hash(transaction))
    }
    guard let inclusion = proof?["proof"], let root = proof?["root_hash"]?.string else { return }
    attempt(prefix + "transaction proof", file, &report) {
      let leaf = SHA256Hash.hash(try base64(json)).array
      let leafHash = RFC6962.leafHash(leaf.span)
      try expect(try Bytes32(base64(inclusion["leaf_hash"] ?? .null)), leafHash)
      try RFC6962.verifyInclusion(
        leafHash: leafHash, index: try inclusion.integer("index"), size: try inclusion.integer("total"),
        proof: try (inclusion["aunts"]?.array ?? []).map { try Bytes32(base64($0)) },
        root: try Bytes32(hex: root))
    }
  }

  // MARK: Reporting

  struct Difference: Error, CustomStringConvertible {
    let description: String
  }

  static func expect<Value: Equatable>(_ expected: Value, _ actual: Value) throws {
    guard expected == actual else { throw Difference(description: "\(actual) instead of \(expected)") }
  }

  static func base64(_ json: JSONValue) throws -> [UInt8] {
    guard let text = json.string, let bytes = Data(base64Encoded: text) else {
      throw Difference(description: "not base64")
    }
    return [UInt8](bytes)
  }

  static func attempt(
    _ name: String, _ file: String, _ report: inout ConformanceReport, _ body: () throws -> Void
  ) {
    do {
      try body()
      report.pass(file, name)
    } catch {
      report.fail(file, name, expected: "what the file says", actual: "\(error)")
    }
  }
}
