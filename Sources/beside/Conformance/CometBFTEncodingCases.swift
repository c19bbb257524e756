import Digests
import Encodings
import LightClients
import MerkleProofs
import OfflineVerification
import WireBytes

/// Known answers of hashes and sign bytes.
enum CometBFTEncodingCases {
  /// The names of the header's leaves, in order.
  private static let leafNames = [
    "version", "chain_id", "height", "time", "last_block_id", "last_commit_hash", "data_hash",
    "validators_hash", "next_validators_hash", "consensus_hash", "app_hash", "last_results_hash",
    "evidence_hash", "proposer_address",
  ]

  private static func check(
    _ header: CometBFT.Header, leaves: JSONValue?, hash: String?
  ) throws {
    if let leaves {
      for (name, leaf) in zip(leafNames, header.leaves()) {
        guard let expected = leaves[name]?.string else {
          throw CometBFTRecordings.Difference(description: "no leaf \(name)")
        }
        try CometBFTRecordings.expect("\(name) \(expected)", "\(name) \(Hex.encode(leaf, prefix: ""))")
      }
    }
    let expected = try hash.map { try Bytes32(hex: $0) }
    try CometBFTRecordings.expect(expected, header.hash())
    let encoded = header.encoded()
    try CometBFTRecordings.expect(header, CometBFT.Header(decoding: encoded.span))
  }

  /// {cases: [{name, header, leaves_hex, hash}]}.
  static func headers(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    for (index, one) in (json["cases"]?.array ?? []).enumerated() {
      CometBFTRecordings.attempt(one["name"]?.string ?? "\(index)", file, &report) {
        try check(
          CometBFTJSON.header(one["header"] ?? .null, at: "header"), leaves: one["leaves_hex"],
          hash: one["hash"]?.string)
      }
    }
  }

  /// {cases: [{chain_id, type, height, round, block_id, timestamp, sign_bytes_hex}]}.
  static func votes(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    for (index, one) in (json["cases"]?.array ?? []).enumerated() {
      CometBFTRecordings.attempt(one["name"]?.string ?? "\(index)", file, &report) {
        let id = one["block_id"] ?? .null
        let vote = CometBFT.CanonicalVote(
          type: try one.integer("type"), height: try one.integer("height"), round: try one.integer("round"),
          blockID: id.isNull ? nil : try CometBFTJSON.blockID(id), chainID: try one.string("chain_id"))
        let bytes = vote.signBytes(at: try CometBFTJSON.time(one["timestamp"] ?? .null))
        try CometBFTRecordings.expect(try one.hex("sign_bytes_hex"), bytes)
      }
    }
  }

  /// [{d, want}]: `empty leaf`, `leaf TEXT`, `node TEXT,TEXT`, `empty tree`.
  static func rfc6962(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    for one in json.array ?? [] {
      let words = one["d"]?.string ?? ""
      let hash: Bytes32
      if words == "empty tree" {
        hash = RFC6962.emptyRoot
      } else if words == "empty leaf" {
        let nothing: [UInt8] = []
        hash = RFC6962.leafHash(nothing.span)
      } else if words.hasPrefix("leaf ") {
        let leaf = [UInt8](words.dropFirst(5).utf8)
        hash = RFC6962.leafHash(leaf.span)
      } else if words.hasPrefix("node "), case let parts = words.dropFirst(5).split(separator: ","),
        parts.count == 2
      {
        // The upstream test joins raw texts, which are no 32-byte nodes.
        hash = SHA256Hash.hash([1] + [UInt8](parts[0].utf8) + [UInt8](parts[1].utf8))
      } else {
        report.skip(file, words, reason: "no leaf or node")
        continue
      }
      report.expect(file, words, one["want"]?.string ?? "", Hex.encode(hash.span, prefix: ""))
    }
  }

  // MARK: Cases kept as Go source

  /// {source_lines, expected}: the literals of TestHeaderHash in types/block_test.go.
  static func headersInGo(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    let source = json["source_lines"]?.string ?? ""
    let literals = source.split(separator: "&Header{").dropFirst()
    for (index, literal) in literals.enumerated() {
      guard let body = CometBFTGoLiteral(literal) else {
        report.skip(file, "header \(index)", reason: "not a Go literal that is read here")
        continue
      }
      let isNil = body["ValidatorsHash"] == "nil"
      CometBFTRecordings.attempt("header \(index)", file, &report) {
        let header = try body.header()
        try check(header, leaves: nil, hash: isNil ? nil : try json.string("expected"))
      }
    }
  }

  /// [{chainId, vote, signBytes}]: `vote` is the inside of a Go literal.
  static func votesInGo(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    for (index, one) in (json.array ?? []).enumerated() {
      CometBFTRecordings.attempt("vote \(index)", file, &report) {
        let literal = CometBFTGoLiteral(members: try one.string("vote"))
        let type: Int32 =
          switch literal["Type"] {
          case "cmtproto.PrecommitType": CometBFT.CanonicalVote.precommit
          case "cmtproto.PrevoteType": CometBFT.CanonicalVote.prevote
          case nil: 0
          case let other?: throw CometBFTRecordings.Difference(description: "type \(other)")
          }
        let vote = CometBFT.CanonicalVote(
          type: type, height: Int64(literal["Height"] ?? "0") ?? 0,
          round: Int64(literal["Round"] ?? "0") ?? 0,
          blockID: nil, chainID: try one.string("chainId"))
        try CometBFTRecordings.expect(try one.hex("signBytes"), vote.signBytes(at: .goZero))
      }
    }
  }

  // MARK: Worked chain

  /// Linked blocks with everything that is hashed or signed on the way.
  static func workedChain(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    let set: CometBFT.ValidatorSet
    do { set = try CometBFTJSON.validatorSet(json["validators_sorted"] ?? .null) } catch {
      report.fail(file, "validators", expected: "a validator set", actual: "\(error)")
      return
    }
    func attempt(_ name: String, _ body: () throws -> Void) {
      CometBFTRecordings.attempt(name, file, &report, body)
    }
    attempt("validators") {
      let leaves = try json.array("simple_validator_leaves_hex").map { $0.string }
      try CometBFTRecordings.expect(leaves, set.validators.map { Hex.encode($0.leaf(), prefix: "") })
      try CometBFTRecordings.expect(try json.fixed("validators_hash"), set.hash())
      try CometBFTRecordings.expect(try json.integer("total_voting_power"), set.totalPower)
      let encoded = set.encoded()
      try CometBFTRecordings.expect(set, CometBFT.ValidatorSet(decoding: encoded.span))
    }
    attempt("proposers") {
      var turn = set.atFirstHeight()
      for entry in try json.array("proposers") {
        guard let (now, proposer) = turn else {
          throw CometBFTRecordings.Difference(description: "no proposer")
        }
        let expected = "\(try entry.fixed("proposer", Bytes20.self))"
        try CometBFTRecordings.expect(expected, "\(now.validators[proposer].address)")
        let priorities: [Int64?] = try entry.array("priorities").map { $0.integer() }
        try CometBFTRecordings.expect(priorities, now.validators.map(\.proposerPriority))
        turn = now.stepped()
      }
    }
    attempt("consensus hash") {
      try CometBFTRecordings.expect(
        try json.fixed("consensus_hash"),
        CometBFT.consensusHash(
          blockBytesMax: try json.integer("consensus_params.block.max_bytes"),
          blockGasMax: try json.integer("consensus_params.block.max_gas")))
    }
    attempt("results hash") {
      let results = try json.array("tx_results_of_block_1").map { one in
        CometBFT.TransactionResult(
          code: try one.integer("code"), returned: try CometBFTRecordings.base64(one["data"] ?? .null),
          gasWanted: try one.integer("gas_wanted"), gasUsed: try one.integer("gas_used"))
      }
      let leaves = try json.array("tx_result_leaves_hex").map { $0.string }
      try CometBFTRecordings.expect(leaves, results.map { Hex.encode($0.leaf(), prefix: "") })
      try CometBFTRecordings.expect(
        try json.fixed("last_results_hash_of_block_2"), CometBFT.resultsHash(results))
    }
    var lastCommit: CometBFT.Commit?
    for (index, block) in (json["blocks"]?.array ?? []).enumerated() {
      // The first block carries an empty commit of height 0.
      let previous =
        lastCommit ?? CometBFT.Commit(height: 0, round: 0, blockID: .none, signatures: [])
      attempt("block \(index)") { try check(block: block, after: previous) }
      attempt("commit \(index)") { lastCommit = try check(commitOf: block, set) }
    }
  }

  private static func check(block: JSONValue, after lastCommit: CometBFT.Commit) throws {
    let header = try CometBFTJSON.header(block["header"] ?? .null, at: "header")
    let id = try CometBFTJSON.blockID(block["block_id"] ?? .null, at: "block_id")
    try check(header, leaves: block["header_leaves_hex"], hash: try block.string("block_id.hash"))
    let transactions = try block.array("txs_base64").map(CometBFTRecordings.base64)
    try CometBFTRecordings.expect(header.dataHash, CometBFT.dataHash(transactions: transactions))
    try CometBFTRecordings.expect(header.lastCommitHash, lastCommit.hash())
    let whole = CometBFT.encodedBlock(header: header, transactions: transactions, lastCommit: lastCommit)
    try CometBFTRecordings.expect(try block.string("block_proto_hex"), Hex.encode(whole, prefix: ""))
    try CometBFTRecordings.expect(id.parts, CometBFT.partSet(block: whole))
  }

  private static func check(
    commitOf block: JSONValue, _ set: CometBFT.ValidatorSet
  ) throws -> CometBFT.Commit {
    let header = try CometBFTJSON.header(block["header"] ?? .null, at: "header")
    let commit = try CometBFTJSON.commit(block["commit_for_this_block"] ?? .null, at: "commit")
    let leaves = try block.array("commit_sig_leaves_hex").map { $0.string }
    try CometBFTRecordings.expect(
      leaves, commit.signatures.map { Hex.encode($0.encoded(), prefix: "") })
    let expected = try block.array("precommit_sign_bytes_hex").map { $0.string }
    let signed = commit.signatures.map { entry -> String? in
      guard case .vote(let vote) = entry else { return nil }
      let canonical = CometBFT.CanonicalVote(
        type: CometBFT.CanonicalVote.precommit, height: commit.height, round: Int64(commit.round),
        blockID: vote.choice == .block ? commit.blockID : nil, chainID: header.chainID)
      return Hex.encode(canonical.signBytes(at: vote.timestamp), prefix: "")
    }
    try CometBFTRecordings.expect(expected, signed)
    _ = try set.verifyCommit(
      commit, chainID: header.chainID, blockID: commit.blockID, height: header.height)
    let encoded = commit.encoded()
    try CometBFTRecordings.expect(commit, CometBFT.Commit(decoding: encoded.span))
    return commit
  }
}
