import Encodings
import MerkleProofs
import Testing
import WireBytes

@Suite("Ethereum receipts and accounts")
struct MPTReceiptTests {
  private static let emitter = Bytes20 { _ in 0x11 }
  private static let event = Bytes32 { _ in 0x22 }

  private func receipt(
    type: UInt8 = 2, _ outcome: EthereumReceipt.Outcome = .succeeded, topics: Int = 2
  ) -> EthereumReceipt {
    let log = EthereumLog(
      address: Self.emitter, topics: [Bytes32](repeating: Self.event, count: topics), payload: [1, 2, 3])
    return EthereumReceipt(
      type: type, outcome: outcome, cumulativeGas: 21_000, bloom: FixedBytes<256>(), logs: [log])
  }

  private func decode(
    _ bytes: [UInt8], types: EthereumReceiptTypes = .ethereum
  ) throws(EthereumReceiptError) -> EthereumReceipt {
    try EthereumReceipt(decoding: bytes.span, types: types)
  }

  @Test("reads what it writes: legacy, typed, failed, before Byzantium")
  func roundTrip() throws {
    for receipt in [
      receipt(type: 0), receipt(type: 1), receipt(type: 2), receipt(type: 3), receipt(type: 4),
      receipt(.failed), receipt(type: 0, .stateRoot(Self.event)), receipt(topics: 0), receipt(topics: 4),
    ] {
      #expect(try decode(receipt.encoded()) == receipt)
    }
  }

  @Test(
    "refuses types that were not asked for", arguments: [0x00, 0x05, 0x64, 0x7e, 0x7f, 0x80, 0xbf] as [UInt8])
  func types(type: UInt8) throws {
    let bytes = [type] + receipt(type: 0).encoded()
    #expect(throws: EthereumReceiptError.type(type)) { try decode(bytes) }
  }

  @Test("reads the OP Stack's deposits, with their two more fields, only when asked")
  func deposits() throws {
    let deposit = EthereumReceipt(
      type: 0x7e, outcome: .succeeded, cumulativeGas: 1, bloom: FixedBytes<256>(), logs: [], depositNonce: 7,
      depositVersion: 1)
    #expect(try decode(deposit.encoded(), types: [.ethereum, .optimismDeposits]) == deposit)
    #expect(throws: EthereumReceiptError.type(0x7e)) { try decode(deposit.encoded()) }
    // The same fields in another type are too many.
    let typed = [UInt8](arrayLiteral: 2) + deposit.encoded().dropFirst()
    #expect(throws: EthereumReceiptError.encoding(.overLimit(limit: 4, actual: 5))) { try decode(typed) }
  }

  @Test("refuses five topics, other statuses, and every shorter input")
  func malformed() throws {
    let five = receipt(topics: 5).encoded()
    #expect(throws: EthereumReceiptError.log(log: 0, .overLimit(limit: 4, actual: 5))) { try decode(five) }
    let fields: [RLPItem] = [
      .integer(2 as UInt64), .integer(1 as UInt64), .string([UInt8](repeating: 0, count: 256)), .list([]),
    ]
    #expect(throws: EthereumReceiptError.status(length: 1)) { try decode(RLPItem.list(fields).encoded()) }
    #expect(throws: EthereumReceiptError.empty) { try decode([]) }
    let whole = receipt().encoded()
    for count in whole.indices {
      #expect(throws: EthereumReceiptError.self) { try decode([UInt8](whole.prefix(count))) }
    }
    #expect(throws: EthereumReceiptError.encoding(.trailingBytes(offset: whole.count, count: 1))) {
      try decode(whole + [0])
    }
  }

  @Test("selects a log of a transaction that succeeded, by index, emitter and event")
  func logs() throws {
    let receipts = [receipt(), receipt(.failed), receipt(type: 0, .stateRoot(Self.event))]
    let trie = try MerklePatriciaTrie(list: receipts.map { $0.encoded() })
    func proven(_ index: UInt64) throws(EthereumReceiptProofError) -> ProvenEthereumReceipt {
      let nodes = trie.proof(EthereumReceiptProof.key(index))
      return try EthereumReceiptProof(transactionIndex: index, nodes: nodes).verify(receiptsRoot: trie.root)
    }
    let first = try proven(0)
    #expect(first.receipt == receipts[0])
    #expect(try first.log(at: 0, from: Self.emitter, event: Self.event) == receipts[0].logs[0])
    #expect(throws: EthereumReceiptProofError.logIndex(count: 1, actual: 1)) {
      try first.log(at: 1, from: Self.emitter)
    }
    #expect(throws: EthereumReceiptProofError.logIndex(count: 1, actual: -1)) {
      try first.log(at: -1, from: Self.emitter)
    }
    #expect(throws: EthereumReceiptProofError.emitter(expected: Bytes20(), actual: Self.emitter)) {
      try first.log(at: 0, from: Bytes20())
    }
    #expect(throws: EthereumReceiptProofError.event(expected: Bytes32(), actual: Self.event)) {
      try first.log(at: 0, from: Self.emitter, event: Bytes32())
    }
    #expect(throws: EthereumReceiptProofError.failed) { try proven(1).log(at: 0, from: Self.emitter) }
    #expect(throws: EthereumReceiptProofError.unknownOutcome) { try proven(2).log(at: 0, from: Self.emitter) }
    #expect(throws: EthereumReceiptProofError.self) { try proven(3) }
    // The proof of one index does not serve for another.
    let nodes = trie.proof(EthereumReceiptProof.key(0))
    #expect(throws: EthereumReceiptProofError.self) {
      try EthereumReceiptProof(transactionIndex: 1, nodes: nodes).verify(receiptsRoot: trie.root)
    }
  }

  @Test("an absent receipt is named as absent")
  func absent() throws {
    let trie = try MerklePatriciaTrie(list: [receipt().encoded()])
    let proof = EthereumReceiptProof(transactionIndex: 5, nodes: trie.proof(EthereumReceiptProof.key(5)))
    #expect(throws: EthereumReceiptProofError.absent(.leafPath(node: 0, depth: 0))) {
      try proof.verify(receiptsRoot: trie.root)
    }
  }

  @Test("accounts are four fields in their shortest form")
  func accounts() throws {
    let account = EthereumAccount(
      nonce: 1, balance: UInt256(limbs: 1, 2, 3, 4), storageRoot: MerklePatriciaProof.emptyRoot,
      codeHash: EthereumAccount.emptyCodeHash)
    let bytes = account.encoded()
    #expect(try EthereumAccount(decoding: bytes.span) == account)
    let hash = RLPItem.string(Self.event.array)
    let padded = RLPItem.list([.string([0]), .string([]), hash, hash]).encoded()
    #expect(throws: RLPError.leadingZero(offset: 2)) { try EthereumAccount(decoding: padded.span) }
    let short = RLPItem.list([.string([]), .string([]), .string([1]), hash]).encoded()
    #expect(throws: RLPError.self) { try EthereumAccount(decoding: short.span) }
    let five = RLPItem.list([.string([]), .string([]), hash, hash, .string([])]).encoded()
    #expect(throws: RLPError.itemCount(expected: 4, actual: 5)) { try EthereumAccount(decoding: five.span) }
  }

  @Test("a slot holds a non-zero integer in its shortest form")
  func slots() throws {
    let value = UInt256(limbs: 5, 0, 0, 1)
    let bytes = try #require(EthereumStorageValue.encode(value))
    #expect(try EthereumStorageValue.decode(bytes.span) == value)
    #expect(EthereumStorageValue.encode(.zero) == nil)
    let zero: [UInt8] = [0x80]
    #expect(throws: RLPError.length(offset: 0, expected: 1, actual: 0)) {
      try EthereumStorageValue.decode(zero.span)
    }
    let padded: [UInt8] = [0x82, 0x00, 0x01]
    #expect(throws: RLPError.leadingZero(offset: 0)) { try EthereumStorageValue.decode(padded.span) }
  }

  @Test("an absent account has no claim but zeroes, and no slots")
  func absentAccount() throws {
    let trie = try MerklePatriciaTrie(
      [MerklePatriciaTrie.Entry(key: [UInt8](repeating: 1, count: 20), value: [1, 2, 3])], keys: .hashed)
    let address = Bytes20 { _ in 2 }
    func proof(
      nonce: UInt64 = 0, codeHash: Bytes32 = EthereumAccount.emptyCodeHash,
      storage: [EthereumStorageProof] = []
    ) -> EthereumStateProof {
      EthereumStateProof(
        address: address,
        claim: EthereumAccount(
          nonce: nonce, balance: .zero, storageRoot: MerklePatriciaProof.emptyRoot, codeHash: codeHash),
        accountNodes: trie.proof(address.array), storage: storage)
    }
    #expect(try proof().verify(stateRoot: trie.root).account == nil)
    #expect(throws: EthereumStateProofError.accountMismatch(.nonce)) {
      try proof(nonce: 1).verify(stateRoot: trie.root)
    }
    #expect(throws: EthereumStateProofError.accountMismatch(.codeHash)) {
      try proof(codeHash: Self.event).verify(stateRoot: trie.root)
    }
    let one = EthereumStorageProof(slot: Bytes32(), value: .one, nodes: [])
    #expect(throws: EthereumStateProofError.storageMismatch(slot: 0, claimed: .one, proven: .zero)) {
      try proof(storage: [one]).verify(stateRoot: trie.root)
    }
    let nodes = EthereumStorageProof(slot: Bytes32(), value: .zero, nodes: [[1]])
    #expect(throws: EthereumStateProofError.storageOfAbsentAccount(slot: 0)) {
      try proof(storage: [nodes]).verify(stateRoot: trie.root)
    }
    let many = [EthereumStorageProof](
      repeating: EthereumStorageProof(slot: Bytes32(), value: .zero, nodes: []), count: 4097)
    #expect(throws: EthereumStateProofError.tooManySlots(limit: 4096, actual: 4097)) {
      try proof(storage: many).verify(stateRoot: trie.root)
    }
  }
}
