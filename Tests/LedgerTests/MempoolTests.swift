import Ledger
import Messages
import Testing
import WireBytes

@Suite("Mempool")
struct MempoolTests {
  /// Unsigned: the mempool trusts that its caller has checked.
  private static func transaction(
    _ sender: UInt8, _ sequence: UInt64, memo: String = "", gas: UInt64 = 100
  ) throws -> (Transaction, [UInt8]) {
    let account = AccountAddress(module: "a")
    let unsigned = UnsignedTransaction(
      [LedgerMessage.send(from: account, to: account, coins: []).encoded()], memo: memo, fee: [],
      gasLimit: gas,
      key: .ed25519(Bytes32 { _ in sender }), sequence: sequence, chainID: "a", accountNumber: 0)
    let bytes = unsigned.signed([UInt8](repeating: 0, count: 64))
    return (try Transaction(decoding: bytes), bytes)
  }

  @Test("takes a transaction once, and again only when it is forgotten")
  func known() throws {
    var mempool = Mempool()
    let (transaction, bytes) = try Self.transaction(1, 0)
    try mempool.add(transaction, bytes: bytes)
    #expect(throws: TransactionRefusal.known) { try mempool.add(transaction, bytes: bytes) }
    mempool.remove([transaction.hash])
    #expect(mempool.count == 0)
    #expect(mempool.sizeBytes == 0)
    #expect(throws: TransactionRefusal.known) { try mempool.add(transaction, bytes: bytes) }
    // One that was not counted may come again.
    let (other, otherBytes) = try Self.transaction(2, 0)
    try mempool.add(other, bytes: otherBytes)
    mempool.remove([], refused: [other])
    #expect(mempool.count == 0)
    try mempool.add(other, bytes: otherBytes)
  }

  @Test("holds each sender to its share, and forgets what waits behind a refused one")
  func senders() throws {
    var mempool = Mempool()
    for sequence in 0..<UInt64(Mempool.perSenderMax) {
      let (transaction, bytes) = try Self.transaction(1, sequence)
      try mempool.add(transaction, bytes: bytes)
    }
    #expect(mempool.nextSequence(of: try Self.transaction(1, 0).0.sender) == UInt64(Mempool.perSenderMax))
    let (over, overBytes) = try Self.transaction(1, UInt64(Mempool.perSenderMax))
    #expect(throws: TransactionRefusal.mempoolSender(max: Mempool.perSenderMax)) {
      try mempool.add(over, bytes: overBytes)
    }
    let (other, otherBytes) = try Self.transaction(2, 0)
    try mempool.add(other, bytes: otherBytes)
    mempool.remove([try Self.transaction(1, 0).0.hash], refused: [try Self.transaction(1, 1).0])
    #expect(mempool.count == 1)
    #expect(mempool.waiting(limit: 9) == [otherBytes])
    #expect(mempool.nextSequence(of: over.sender) == nil)
  }

  @Test("is full at its maximum of transactions")
  func full() throws {
    var mempool = Mempool()
    for index in 0..<Mempool.countMax {
      let (transaction, bytes) = try Self.transaction(UInt8(index / 1_000), UInt64(index % 1_000))
      try mempool.add(transaction, bytes: bytes)
    }
    let (over, bytes) = try Self.transaction(200, 0)
    #expect(throws: TransactionRefusal.mempoolFull(max: Mempool.countMax)) {
      try mempool.add(over, bytes: bytes)
    }
  }

  @Test("is full at its maximum of bytes")
  func fullOfBytes() throws {
    var mempool = Mempool()
    // The bytes need not be the transaction's: what is counted is what is held.
    let large = [UInt8](repeating: 0, count: Transaction.sizeMax)
    for index in 0..<UInt64(Mempool.sizeMax / Transaction.sizeMax) {
      try mempool.add(try Self.transaction(1, index).0, bytes: large)
    }
    #expect(mempool.sizeBytes == Mempool.sizeMax)
    #expect(throws: TransactionRefusal.mempoolFull(max: Mempool.countMax)) {
      try mempool.add(try Self.transaction(2, 0).0, bytes: [0])
    }
  }

  @Test("gives a block what fits its gas and its bytes, in order")
  func selection() throws {
    var mempool = Mempool()
    var all: [[UInt8]] = []
    for (sender, gas) in [(1, 60), (2, 30), (3, 20)] as [(UInt8, UInt64)] {
      let (transaction, bytes) = try Self.transaction(sender, 0, gas: gas)
      try mempool.add(transaction, bytes: bytes)
      all.append(bytes)
    }
    #expect(mempool.selection(rules: try TestLedger.rules(blockGasMax: 100)) == [all[0], all[1]])
    #expect(mempool.selection(rules: try TestLedger.rules(blockGasMax: 110)) == all)
    let size = all[0].count + all[1].count - 1
    #expect(mempool.selection(rules: try TestLedger.rules(blockSizeMax: size)) == [all[0]])
    #expect(mempool.count == 3)
  }

  @Test("forgets the oldest of the included transactions")
  func recent() throws {
    var mempool = Mempool()
    let hashes = (0...Mempool.recentMax).map { index in
      Transaction.hash(of: [UInt8(index & 0xff), UInt8(index >> 8 & 0xff), UInt8(index >> 16)])
    }
    mempool.remove(hashes)
    #expect(!mempool.contains(hashes[0]))
    #expect(mempool.contains(hashes[1]))
    #expect(mempool.contains(hashes[Mempool.recentMax]))
  }

  @Test("queues the transactions of one sender, and drops those behind one that could not pay")
  func chain() throws {
    let alice = try TestSigner(1)
    let bob = try TestSigner(2)
    var ledger = try TestLedger(funds: [(alice, 1_000), (bob, 10_000)])
    let drain = LedgerMessage.send(from: alice.address, to: bob.address, coins: [ledger.coin(700)])
    let little = LedgerMessage.send(from: alice.address, to: bob.address, coins: [ledger.coin(1)])
    for (sequence, message) in [drain, little, little].enumerated() {
      _ = try ledger.chain.submit(try ledger.signed([message], by: alice, sequence: UInt64(sequence)))
    }
    let gap = try ledger.signed([little], by: alice, sequence: 4)
    #expect(throws: CheckFailure.refused(.sequence(expected: 3, actual: 4))) { try ledger.chain.submit(gap) }
    let block = try ledger.chain.propose(Array(ledger.chain.mempool.waiting(limit: 2)))
    let outcome = try ledger.chain.execute(block)
    #expect(outcome.results.map(\.succeeded) == [true, false])
    #expect(outcome.uncounted == [1])
    try ledger.chain.commit(block, votes: try ledger.votes(for: block), outcome: outcome)
    #expect(ledger.chain.mempool.count == 0)
    #expect(try ledger.queries.account(alice.address)?.sequence == 1)
  }
}
