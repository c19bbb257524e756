import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import StateTree
import Testing
import WireBytes

@Suite("Blocks")
struct ChainTests {
  /// Who stays away, and who votes for no block, by height.
  struct Turnout: Sendable {
    let powers: [Int64]
    let absent: Set<Int>
    let none: Set<Int>
  }

  static let turnouts = [
    Turnout(powers: [10], absent: [], none: []), Turnout(powers: [10, 10, 10, 10], absent: [], none: []),
    Turnout(powers: [10, 10, 10, 10], absent: [2], none: []),
    Turnout(powers: [10, 10, 10, 10], absent: [], none: [1]),
    Turnout(powers: [30, 1, 1, 5, 9, 2, 7], absent: [1, 5], none: [2]),
  ]

  @Test("pass the light client, header after header and by skipping", arguments: turnouts)
  func lightClient(turnout: Turnout) throws {
    let alice = try TestSigner(1)
    let bob = try TestSigner(2)
    var ledger = try TestLedger(powers: turnout.powers, funds: [(alice, 1_000_000)])
    let options = CometBFT.ClientOptions(trustingPeriod: .seconds(86_400))
    var blocks: [CometBFT.UncheckedLightBlock] = []
    for index in 0..<24 {
      let validators = ledger.chain.tip.validators
      let bytes = try ledger.signed(
        [.send(from: alice.address, to: bob.address, coins: [ledger.coin(UInt64(index) + 1)])], by: alice)
      let appHash = ledger.chain.tip.appHash
      let committed = try ledger.advance(
        index % 3 == 2 ? [] : [bytes], absent: turnout.absent, none: turnout.none)
      let header = committed.block.header
      #expect(header.height == Int64(index) + 1)
      // The state after a block stands in the next header.
      #expect(header.appHash == appHash.array)
      #expect(committed.tip.appHash == (try ledger.chain.tree.root(at: UInt64(index) + 1)))
      // Two decoders and encoders agree with what was hashed.
      #expect(try ProposedBlock(decoding: committed.block.encoded.span) == committed.block)
      blocks.append(
        CometBFT.UncheckedLightBlock(
          signedHeader: CometBFT.SignedHeader(header: header, commit: committed.commit),
          validators: validators,
          nextValidators: ledger.chain.tip.validators))
    }
    let now = blocks[23].signedHeader.header.time
    var trusted = CometBFT.TrustedState(vouched: blocks[0].signedHeader.header)
    for block in blocks.dropFirst() {
      let verdict = CometBFT.verify(
        block, trusted: trusted, trustedValidators: block.validators, options: options, now: now)
      guard case .verified(let verified) = verdict else {
        Issue.record("\(verdict)")
        return
      }
      trusted = CometBFT.TrustedState(verified)
    }
    let skipped = CometBFT.verify(
      blocks[23], trusted: CometBFT.TrustedState(vouched: blocks[0].signedHeader.header),
      trustedValidators: blocks[23].validators, options: options, now: now)
    guard case .verified = skipped else {
      Issue.record("\(skipped)")
      return
    }
    // A header with another app hash is none that the votes are for.
    var forged = blocks[5]
    forged.signedHeader.header.appHash[0] ^= 1
    let verdict = CometBFT.verify(
      forged, trusted: CometBFT.TrustedState(vouched: blocks[4].signedHeader.header),
      trustedValidators: forged.validators, options: options, now: now)
    guard case .refused = verdict else {
      Issue.record("\(verdict)")
      return
    }
  }

  @Test("take the median of all votes as their time, those for no block too")
  func time() throws {
    var ledger = try TestLedger(powers: [4, 3, 2])
    let first = try ledger.chain.propose([])
    #expect(first.header.time == ledger.chain.genesis.time)
    // 1 s, 2 s and 3 s after: half of the power of 9 is 4, which the first time already has (WeightedMedian).
    var votes: [CometBFT.CommitVote] = []
    for (index, milliseconds) in [3_000, 2_000, 1_000].enumerated() {
      let one = try ledger.votes(
        for: first, absent: Set(0..<3).subtracting([index]), none: index == 2 ? [2] : [],
        after: Int64(milliseconds))
      votes += one
    }
    try ledger.chain.commit(first, votes: votes, outcome: try ledger.chain.execute(first))
    let second = try ledger.chain.propose([])
    // By time: 1 s has 2, 2 s has 3, 3 s has 4. 4 > 2, and 4 - 2 = 2 <= 3.
    let expected = try CometBFT.Timestamp(seconds: first.header.time.seconds + 2, nanoseconds: 5)
    #expect(second.header.time == expected)
  }

  @Test("let proposers take turns by their power")
  func proposers() throws {
    var ledger = try TestLedger(powers: [30, 10, 10])
    var counts: [Bytes20: Int] = [:]
    for _ in 0..<25 {
      let proposer = try #require(ledger.advance([]).block.header.proposerAddress)
      counts[proposer, default: 0] += 1
    }
    #expect(counts.values.sorted() == [5, 5, 15])
  }

  @Test("are not decided by too few votes, strangers, second votes, wrong signatures or votes from the past")
  func refusesVotes() throws {
    var ledger = try TestLedger(powers: [10, 10, 10, 10])
    let block = try ledger.chain.propose([])
    let outcome = try ledger.chain.execute(block)
    let tip = ledger.chain.tip
    let votes = try ledger.votes(for: block)
    func expect(_ error: BlockError, _ votes: [CometBFT.CommitVote]) {
      #expect(throws: ChainError.block(error)) {
        try ledger.chain.commit(block, votes: votes, outcome: outcome)
      }
    }
    // A commit of 20 of 40 is no more than two thirds.
    expect(.commit(.power(signed: 20, needed: 26)), [votes[0], votes[1]])
    expect(
      .commit(.power(signed: 20, needed: 26)), try ledger.votes(for: block, none: [0, 3]))
    expect(.voter(votes[0].validatorAddress), votes + [votes[0]])
    let stranger = CometBFT.CommitVote(
      choice: .block, validatorAddress: Bytes20(), timestamp: votes[0].timestamp,
      signature: votes[0].signature)
    expect(.voter(Bytes20()), votes + [stranger])
    let early = CometBFT.CommitVote(
      choice: .block, validatorAddress: votes[1].validatorAddress, timestamp: block.header.time,
      signature: votes[1].signature)
    expect(.voteTime(votes[1].validatorAddress), [votes[0], early, votes[2], votes[3]])
    let forged = CometBFT.CommitVote(
      choice: .block, validatorAddress: votes[1].validatorAddress, timestamp: votes[1].timestamp,
      signature: votes[0].signature)
    #expect(throws: ChainError.self) {
      try ledger.chain.commit(block, votes: [votes[0], forged, votes[2], votes[3]], outcome: outcome)
    }
    #expect(ledger.chain.tip == tip)
    #expect(try ledger.chain.tree.versions()?.newest == 0)
  }

  @Test("follow their tip, and no other")
  func notNext() throws {
    var ledger = try TestLedger()
    let block = try ledger.chain.propose([])
    try ledger.advance([])
    #expect(throws: ChainError.block(.notNext(height: 1))) { try ledger.chain.execute(block) }
  }

  @Test("give the same state when they are replayed from genesis, or after a crash at any step")
  func replay() throws {
    let alice = try TestSigner(1)
    let bob = try TestSigner(2)
    var ledger = try TestLedger(powers: [5, 5, 5, 5], funds: [(alice, 1_000_000), (bob, 500_000)])
    let genesis = ledger.chain.genesis
    var history: [CommittedBlock] = []
    for index in 0..<12 {
      for (from, to) in [(alice, bob), (bob, alice)] {
        let call = LedgerMessage.callProgram(
          caller: from.address, program: CounterProgram().address, funds: [],
          input: [UInt8](#"{"add":{"by":3}}"#.utf8))
        let send = LedgerMessage.send(
          from: from.address, to: to.address, coins: [ledger.coin(UInt64(index + 1))])
        _ = try ledger.chain.submit(try ledger.signed([send, call], by: from))
      }
      history.append(try ledger.advance(absent: index % 4 == 0 ? [1] : []))
      #expect(ledger.chain.mempool.count == 0)
      #expect(history[index].outcome.results.allSatisfy { $0.succeeded })
    }
    // Accounts in another order, as another process would hash and hold them.
    let shuffled = try Genesis(
      rules: genesis.rules, time: genesis.time, validators: genesis.validators.reversed(),
      balances: genesis.balances.reversed())
    var other = try LedgerChain(genesis: shuffled, host: try TestLedger.host(), store: MemoryStateStore())
    for committed in history {
      let decoded = try ProposedBlock(decoding: committed.block.encoded.span)
      let again = try other.replay(decoded, commit: committed.commit)
      #expect(again == committed)
    }
    #expect(other.tip == ledger.chain.tip)
    // From a tip on disk; the tree has the last version already, as after a crash between the two writes.
    let tip = try ChainTip(decoding: history[10].tip.encoded().span)
    #expect(tip == history[10].tip)
    var resumed = try LedgerChain(
      resuming: tip, genesis: genesis, host: try TestLedger.host(), store: ledger.chain.tree.store)
    #expect(try resumed.replay(history[11].block, commit: history[11].commit) == history[11])
    #expect(throws: ChainError.appHash(expected: tip.appHash, actual: history[9].tip.appHash)) {
      let wrong = ChainTip(
        height: 10, blockID: tip.blockID, time: tip.time, commit: tip.commit, appHash: tip.appHash,
        resultsHash: tip.resultsHash, validators: tip.validators, proposer: tip.proposer)
      _ = try LedgerChain(
        resuming: wrong, genesis: genesis, host: try TestLedger.host(), store: ledger.chain.tree.store)
    }
    #expect(throws: ChainError.treeNotEmpty(newest: 12)) {
      try LedgerChain(genesis: genesis, host: try TestLedger.host(), store: ledger.chain.tree.store)
    }
  }

  @Test("are not replayed when a transaction, a vote or the order differs")
  func refusesReplay() throws {
    let alice = try TestSigner(1)
    var ledger = try TestLedger(funds: [(alice, 1_000_000)])
    let genesis = ledger.chain.genesis
    let bytes = try ledger.signed(
      [.send(from: alice.address, to: alice.address, coins: [ledger.coin(1)])], by: alice)
    let first = try ledger.advance([bytes])
    let second = try ledger.advance([])
    var other = try LedgerChain(genesis: genesis, host: try TestLedger.host(), store: MemoryStateStore())
    #expect(throws: ChainError.block(.notNext(height: 2))) {
      try other.replay(second.block, commit: second.commit)
    }
    var commit = first.commit
    commit.signatures = [.absent]
    #expect(throws: ChainError.block(.commit(.power(signed: 0, needed: 6)))) {
      try other.replay(first.block, commit: commit)
    }
    let empty = try other.propose([])
    #expect(throws: ChainError.block(.commit(.blockID(expected: empty.blockID, actual: first.block.blockID))))
    {
      try other.replay(empty, commit: first.commit)
    }
    #expect(try other.replay(first.block, commit: first.commit) == first)
  }

  @Test("prove what lies in the state, under the next header's app hash, and what does not")
  func queries() throws {
    let alice = try TestSigner(1)
    var ledger = try TestLedger(funds: [(alice, 1_000_000)])
    try ledger.advance([])
    try ledger.advance([])
    let key = Bank.balanceKey(alice.address, ledger.denom)
    let answer = try ledger.chain.query(path: "/store/ibc/key", request: key, prove: true)
    #expect(answer.height == 2)
    #expect(answer.value == UInt256(1_000_000).minimalBigEndian)
    let root = ledger.chain.tip.appHash
    #expect(try ledger.chain.propose([]).header.appHash == root.array)
    let proof = try #require(answer.proof)
    guard case .existence(let existence) = proof else {
      Issue.record("\(proof)")
      return
    }
    #expect(existence.key == key)
    #expect(existence.value == answer.value)
    let absent = try ledger.chain.query(path: "store/ibc/key", request: [1, 2, 3], prove: true)
    #expect(absent.value.isEmpty)
    guard case .nonExistence = absent.proof else {
      Issue.record("\(String(describing: absent.proof))")
      return
    }
    #expect(throws: QueryRefusal.heightUnknown(3, newest: 2)) {
      try ledger.chain.query(path: "store/ibc/key", request: key, at: 3)
    }
    #expect(throws: QueryRefusal.pathUnknown("/app/version")) {
      try ledger.chain.query(path: "/app/version", request: [])
    }
    #expect(throws: QueryRefusal.request) { try ledger.chain.query(path: "store/ibc/key", request: []) }
    try ledger.chain.prune(keepingFrom: 2)
    #expect(throws: QueryRefusal.heightPruned(1, oldest: 2)) {
      try ledger.chain.query(path: "store/ibc/key", request: key, at: 1)
    }
    // QueryAccountRequest {address 1}; BaseAccount {address 1, account_number 3, sequence 4} in an Any.
    let text = [UInt8](alice.address.text.utf8)
    let request = [0x0a, UInt8(text.count)] + text
    let account = try ledger.chain.query(path: "/cosmos.auth.v1beta1.Query/Account", request: request)
    #expect(account.value.count > text.count)
    #expect(try ledger.queries.balances(of: alice.address) == [ledger.coin(1_000_000)])
    #expect(try ledger.queries.supplies() == [ledger.coin(1_000_000)])
    #expect(try ledger.queries.nextSequence(of: ClientID("client-0")) == .first)
    #expect(try ledger.queries.commitments(of: ClientID("client-0")).isEmpty)
    #expect(try ledger.queries.unreceived([.first], over: ClientID("client-0")) == [.first])
  }
}
