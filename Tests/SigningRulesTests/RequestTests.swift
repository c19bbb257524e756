import Encodings
import LightClients
import Messages
import SigningRules
import Testing
import Transactions
import WireBytes

@Suite("Signing requests")
struct RequestTests {
  let vectors: RulesVectors
  init() throws { vectors = try RulesVectors() }

  /// The digest of docs/spec/attestation.md, which hashlib computed.
  @Test("build the digest of an attestation")
  func attestation() throws {
    let request = try Asked.state(10, revision: 1)
    guard case .attestation(let statement) = request else { return }
    #expect(request.purpose == .attestation)
    #expect(request.payload.content == .digest(statement.digest))
    #expect(request.payload.recoverable)
    // Height 10 without a revision is the one that the document works out.
    let worked = try Asked.state(10, revision: 0)
    #expect(
      worked.payload.content
        == .digest(try Bytes32(hex: "0x90a660cf3a2241511af869bc7e79eb3976161a0e5b7333c937cb06786e76065c")))
  }

  @Test("build the digest of a foreign attestation")
  func foreign() throws {
    let statement = EurekaStatement.packets(height: 3, [Asked.entry("a", "1")])
    let request = SigningRequest.foreignAttestation(origin: try Asked.origin(), statement)
    #expect(request.purpose == .foreignAttestation)
    #expect(request.payload.content == .digest(statement.digest))
    #expect(request.payload.recoverable)
  }

  @Test("build the bytes of a vote")
  func vote() throws {
    let cases: [(String, SigningRequest)] = [
      ("precommit for a block", try Asked.vote(10, round: 1)),
      ("precommit for none", try Asked.vote(10, round: 1, block: nil)),
      ("prevote of round 0", try Asked.vote(1, .prevote, nanoseconds: 0)),
    ]
    #expect(vectors.json["votes"]?.array?.count == cases.count)
    for (name, request) in cases {
      let bytes = try RulesVectors.hex(try vectors.named("votes", name)["signBytes"])
      #expect(request.payload.content == .message(bytes), "\(name)")
      #expect(!request.payload.recoverable)
      #expect(request.purpose == .vote)
      #expect(request.chainID == "demo-1")
    }
  }

  @Test("build the bytes of a transaction")
  func transaction() throws {
    let key = try RulesVectors.word(vectors.json["transaction"]?["key"])
    let request = SigningRequest.transaction(
      UnsignedTransaction(
        [
          AnyMessage(typeURL: "/demo.MsgA", value: [UInt8]("one".utf8)),
          AnyMessage(typeURL: "/demo.MsgB", value: []),
        ], memo: "memo", timeoutHeight: 99, fee: [Coin(UInt256(150), try Denom("stake"))], gasLimit: 200_000,
        key: .ed25519(key), sequence: 7, chainID: "demo-1", accountNumber: 4))
    let bytes = try RulesVectors.hex(vectors.json["transaction"]?["signBytes"])
    #expect(request.payload.content == .message(bytes))
    #expect(!request.payload.recoverable)
  }

  @Test("refuse fields that are no vote")
  func voteForm() throws {
    let time = try CometBFT.Timestamp(seconds: 0)
    func vote(
      chain: String = "c", height: Int64 = 1, round: Int32 = 0, block: CometBFT.BlockID? = nil
    ) throws(VoteStatementError) {
      _ = try VoteStatement(
        chainID: chain, kind: .prevote, height: height, round: round, blockID: block, timestamp: time)
    }
    #expect(throws: VoteStatementError.chainIDLength(max: 50, actual: 0)) { try vote(chain: "") }
    #expect(throws: VoteStatementError.chainIDLength(max: 50, actual: 51)) {
      try vote(chain: String(repeating: "c", count: 51))
    }
    #expect(throws: VoteStatementError.height(0)) { try vote(height: 0) }
    #expect(throws: VoteStatementError.round(-1)) { try vote(round: -1) }
    #expect(throws: VoteStatementError.incompleteBlockID) { try vote(block: CometBFT.BlockID.none) }
    let noParts = CometBFT.BlockID(
      hash: Asked.root, parts: CometBFT.PartSetHeader(total: 0, hash: Asked.root))
    #expect(throws: VoteStatementError.incompleteBlockID) { try vote(block: noParts) }
  }

  @Test("refuse empty, long and repeating lists, and height and time zero")
  func form() throws {
    var signer = try Asked.signer()
    let long = (0...1_024).map { Asked.entry("\($0)", "v") }
    #expect(throws: SigningRefusal.noEntries) { try signer.ask(try Asked.packets(1, [])) }
    #expect(throws: SigningRefusal.tooManyEntries(max: 1_024, actual: 1_025)) {
      try signer.ask(try Asked.packets(1, long))
    }
    let twice = [Asked.entry("a", "1"), Asked.entry("b", "1"), Asked.entry("a", "1")]
    #expect(throws: SigningRefusal.duplicatePath(Asked.hash("a"))) {
      try signer.ask(try Asked.packets(1, twice))
    }
    #expect(throws: SigningRefusal.heightZero) { try signer.ask(try Asked.state(0)) }
    let origin = try Asked.origin()
    func foreign(_ statement: EurekaStatement) -> SigningRequest {
      .foreignAttestation(origin: origin, statement)
    }
    #expect(throws: SigningRefusal.heightZero) { try signer.ask(foreign(.state(height: 0, timestamp: 1))) }
    #expect(throws: SigningRefusal.timeZero) { try signer.ask(foreign(.state(height: 1, timestamp: 0))) }
    #expect(throws: SigningRefusal.heightZero) {
      try signer.ask(foreign(.packets(height: 0, [Asked.entry("a", "1")])))
    }
    #expect(throws: SigningRefusal.noEntries) { try signer.ask(foreign(.packets(height: 1, []))) }
    #expect(signer.snapshot().isEmpty)
    let most = try signer.ask(try Asked.packets(1, [StoredEntry](long.dropLast())))
    #expect(most.records.count == 1)
  }

  @Test("give every refusal a number and a name of its own")
  func codes() {
    let kinds = SigningRefusal.Kind.allCases
    #expect(kinds.count == 46)
    #expect(Set(kinds.map(\.rawValue)).count == kinds.count)
    #expect(Set(kinds.map(\.name)).count == kinds.count)
    #expect(SigningRefusal.otherVote.code == 409)
    #expect(SigningRefusal.otherVote.name == "otherVote")
    #expect(SigningRefusal.otherVote.advice == .refuse)
    #expect(SigningRefusal.keyLimit(retryAfterMilliseconds: 5).advice == .retry(afterMilliseconds: 5))
    #expect(SigningRefusal.keyLocked(Asked.key).advice == .stop)
  }
}
