import Digests
import Encodings
import Foundation
import SignatureSchemes
import TestSupport
import Testing
import Transactions
import WireBytes

/// Transactions that eth-account signed, made by tools/vectors/evm_transactions.py.
@Suite("EIP-1559 transactions beside eth-account")
struct EVMTransactionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let transaction: EVMTransaction
    let signingHash: Bytes32
    /// `r ‖ s ‖ v`.
    let signature: [UInt8]
    let sender: Bytes20
    /// Nil where it is long; its hash is there.
    let raw: [UInt8]?
    let hash: Bytes32
    var testDescription: String { name }

    init(_ json: JSONValue) throws {
      func text(_ member: String) throws -> String { try #require(json[member]?.string) }
      func number(_ member: String) throws -> UInt256 {
        let digits = try text(member)
        return try #require(UInt256(decimal: digits))
      }
      func small(_ member: String) throws -> UInt64 {
        let digits = try text(member)
        return try #require(UInt64(digits))
      }
      var accesses: [EVMAccess] = []
      for entry in try #require(json["accessList"]?.array) {
        let keys = try #require(entry["storageKeys"]?.array)
        accesses.append(
          EVMAccess(
            address: try Bytes20(hex: try #require(entry["address"]?.string)),
            storageKeys: try keys.map { try Bytes32(hex: try #require($0.string)) }))
      }
      name = try text("name")
      transaction = try EVMTransaction(
        chainID: try small("chainID"), nonce: try small("nonce"),
        maxPriorityFeePerGas: try number("maxPriorityFeePerGas"), maxFeePerGas: try number("maxFeePerGas"),
        gasLimit: try small("gasLimit"), to: try json["to"]?.string.map { try Bytes20(hex: $0) },
        value: try number("value"), input: try Self.input(json), accessList: accesses)
      signingHash = try Bytes32(hex: try text("signingHash"))
      let parity: UInt8 = try #require(json["parity"]?.integer())
      signature = try Hex.decode(try text("r")) + Hex.decode(try text("s")) + [27 + parity]
      sender = try Bytes20(hex: try text("sender"))
      raw = try json["raw"]?.string.map { try Hex.decode($0) }
      hash = try Bytes32(hex: try text("hash"))
    }

    private static func input(_ json: JSONValue) throws -> [UInt8] {
      if let hex = json["input"]?.string { return try Hex.decode(hex) }
      let byte: UInt8 = try #require(json["repeated"]?["byte"]?.integer())
      let count: Int = try #require(json["repeated"]?["count"]?.integer())
      return [UInt8](repeating: byte, count: count)
    }
  }

  static let cases: [Case] = {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/transactions/evm.json")
    guard let bytes = try? Data(contentsOf: url), let json = try? JSONValue(decoding: [UInt8](bytes)) else {
      return []
    }
    return json["cases"]?.array?.compactMap { try? Case($0) } ?? []
  }()

  @Test("has all cases") func count() { #expect(Self.cases.count == 23) }

  @Test("hashes, signs and names a transaction as eth-account does, and reads it back", arguments: cases)
  func agrees(_ item: Case) throws {
    #expect(item.transaction.signingHash == item.signingHash)
    let unsigned = item.transaction.encoded()
    #expect(Keccak256.hash(unsigned) == item.signingHash)
    #expect(try EVMTransaction(decoding: unsigned) == item.transaction)
    let signed = try SignedEVMTransaction(item.transaction, signature: item.signature)
    if let raw = item.raw { #expect(signed.encoded == raw) }
    #expect(signed.hash == item.hash)
    #expect(signed.sender == item.sender)
    let decoded = try SignedEVMTransaction(decoding: signed.encoded)
    #expect(decoded == signed)
    #expect(decoded.transaction == item.transaction)
    // v as the parity itself.
    var parity = item.signature
    parity[64] -= 27
    #expect(try SignedEVMTransaction(item.transaction, signature: parity) == signed)
  }

  @Test(
    "refuses every shorter input and every longer one",
    arguments: cases.filter { $0.transaction.input.count < 1_000 && $0.transaction.accessList.count < 9 })
  func lengths(_ item: Case) throws {
    let raw = try #require(item.raw)
    for bytes in [raw, item.transaction.encoded()] {
      for count in 0..<bytes.count {
        let cut = [UInt8](bytes.prefix(count))
        #expect(throws: EVMTransactionError.self) { try SignedEVMTransaction(decoding: cut) }
        #expect(throws: EVMTransactionError.self) { try EVMTransaction(decoding: cut) }
      }
      #expect(throws: EVMTransactionError.self) { try SignedEVMTransaction(decoding: bytes + [0]) }
      #expect(throws: EVMTransactionError.self) { try EVMTransaction(decoding: bytes + [0]) }
    }
  }

  @Test("takes no flipped bit for the same transaction of the same sender", arguments: cases.prefix(4))
  func bits(_ item: Case) throws {
    let raw = try #require(item.raw)
    for index in raw.indices {
      for bit in 0..<8 {
        var changed = raw
        changed[index] ^= 1 << bit
        guard let signed = try? SignedEVMTransaction(decoding: changed) else { continue }
        // What decodes is canonical, is another transaction, and is another account's.
        #expect(signed.encoded == changed)
        #expect(signed.hash != item.hash)
        #expect(signed.sender != item.sender)
      }
    }
  }

  @Test("refuses what no chain takes")
  func refusals() throws {
    func make(
      chain: UInt64 = 1, nonce: UInt64 = 0, priority: UInt256 = UInt256(1), fee: UInt256 = UInt256(2),
      gas: UInt64 = 21_000, to: Bytes20? = Bytes20(), input: [UInt8] = [], keys: Int = 0
    ) throws(EVMTransactionError) -> EVMTransaction {
      try EVMTransaction(
        chainID: chain, nonce: nonce, maxPriorityFeePerGas: priority, maxFeePerGas: fee, gasLimit: gas,
        to: to,
        input: input,
        accessList: [EVMAccess(address: Bytes20(), storageKeys: [Bytes32](repeating: Bytes32(), count: keys))]
      )
    }
    _ = try make()
    #expect(throws: EVMTransactionError.chainIDZero) { try make(chain: 0) }
    #expect(throws: EVMTransactionError.nonce) { try make(nonce: .max) }
    #expect(throws: EVMTransactionError.priorityFeeAboveMaxFee) { try make(priority: UInt256(3)) }
    let high = UInt256(limbs: 0, 0, 0, 1 << 63)
    #expect(throws: EVMTransactionError.feeOverflow) { try make(fee: high, gas: 2) }
    _ = try make(fee: high, gas: 1)
    let code = [UInt8](repeating: 0, count: EVMTransaction.initCodeSizeMax + 1)
    #expect(throws: EVMTransactionError.initCode(max: 49_152, actual: 49_153)) {
      try make(to: nil, input: code)
    }
    _ = try make(input: code)
    let long = [UInt8](repeating: 0, count: EVMTransaction.sizeMax)
    #expect(throws: EVMTransactionError.tooLarge(max: 131_072, actual: 131_092)) { try make(input: long) }
    #expect(throws: EVMTransactionError.tooLarge(max: 131_072, actual: 131_092)) { try make(keys: 4_096) }
    // With its signature it is over the maximum.
    let whole = try make(input: [UInt8](long.dropLast(20)))
    #expect(throws: EVMTransactionError.tooLarge(max: 131_072, actual: 131_181)) {
      try SignedEVMTransaction(whole, signature: Self.cases[0].signature)
    }
    #expect(throws: EVMTransactionError.tooLarge(max: 131_072, actual: 131_073)) {
      try EVMTransaction(decoding: [2] + long)
    }
    #expect(throws: EVMTransactionError.type(nil)) { try EVMTransaction(decoding: []) }
    #expect(throws: EVMTransactionError.type(1)) { try EVMTransaction(decoding: [1, 0xc0]) }
    #expect(throws: EVMTransactionError.rlp(part: .transaction, .itemCount(expected: 9, actual: 0))) {
      try EVMTransaction(decoding: [2, 0xc0])
    }
  }

  /// The nine fields of a good transaction, and its signature.
  private func good() throws -> [RLPItem] {
    let raw = try #require(Self.cases[3].raw)
    let item = try RLPItem(decoding: [UInt8](raw.dropFirst()))
    return try #require(item.items)
  }

  /// The same, of which one is exchanged.
  private func raw(_ field: Int, _ item: RLPItem) throws -> [UInt8] {
    var items = try good()
    items[field] = item
    return [2] + RLPItem.list(items).encoded()
  }

  @Test("refuses fields of other forms")
  func forms() throws {
    for field in [0, 1, 2, 3, 4, 6, 9, 10, 11] {
      let part: EVMTransactionError.Part = field > 8 ? .signature : .transaction
      for (item, isList) in [(RLPItem.string([0, 1]), false), (.list([]), true)] {
        let bytes = try raw(field, item)
        let error = #expect(throws: EVMTransactionError.self) { try SignedEVMTransaction(decoding: bytes) }
        guard case .rlp(part, let inner) = error else {
          Issue.record("field \(field): \(String(describing: error))")
          continue
        }
        switch inner {
        case .leadingZero: #expect(!isList)
        case .expectedString: #expect(isList)
        default: Issue.record("field \(field): \(inner)")
        }
      }
      let wide = try raw(field, .string([UInt8](repeating: 1, count: 33)))
      let error = #expect(throws: EVMTransactionError.self) { try SignedEVMTransaction(decoding: wide) }
      guard case .rlp(part, .length(_, _, actual: 33)) = error else {
        Issue.record("field \(field): \(String(describing: error))")
        continue
      }
    }
    for count in [1, 19, 21] {
      let bytes = try raw(5, .string([UInt8](repeating: 1, count: count)))
      #expect(throws: EVMTransactionError.recipientLength(count)) {
        try SignedEVMTransaction(decoding: bytes)
      }
    }
    let parity = try raw(9, .integer(UInt64(2)))
    #expect(throws: EVMTransactionError.parity(2)) { try SignedEVMTransaction(decoding: parity) }
    let order = try raw(10, .integer(Secp256k1.order))
    #expect(throws: EVMTransactionError.signature(.rOverflow)) { try SignedEVMTransaction(decoding: order) }
    let zero = try raw(11, .string([]))
    #expect(throws: EVMTransactionError.signature(.sZero)) { try SignedEVMTransaction(decoding: zero) }
    // The other s fits the same key by ECDSA, and would give the transaction a second name.
    let last = try good()[11]
    let s = try #require(last.uint256)
    let other = try raw(11, .integer(Secp256k1.order.subtractingReportingOverflow(s).partialValue))
    #expect(throws: EVMTransactionError.signature(.sHigh)) { try SignedEVMTransaction(decoding: other) }
  }

  @Test("refuses access lists of other forms")
  func accessLists() throws {
    let address = RLPItem.string([UInt8](repeating: 1, count: 20))
    let key = RLPItem.string([UInt8](repeating: 1, count: 32))
    let good = try raw(8, .list([.list([address, .list([key])])]))
    #expect(try SignedEVMTransaction(decoding: good).transaction.accessList.count == 1)
    for (list, part) in [
      (RLPItem.string([]), EVMTransactionError.Part.accessList),
      (.list([address]), .accessEntry), (.list([.list([address])]), .accessEntry),
      (.list([.list([address, key])]), .accessEntry),
      (.list([.list([address, .list([key]), key])]), .accessEntry),
      (.list([.list([key, .list([key])])]), .accessEntry),
      (.list([.list([address, .list([address])])]), .accessEntry),
      (.list([.list([address, .list([.list([])])])]), .accessEntry),
    ] {
      let bytes = try raw(8, list)
      let error = #expect(throws: EVMTransactionError.self) { try SignedEVMTransaction(decoding: bytes) }
      guard case .rlp(part, _) = error else {
        Issue.record("\(list): \(String(describing: error))")
        continue
      }
    }
  }
}

/// TransactionTests of ethereum/tests.
@Suite(
  "EIP-1559 transactions of ethereum/tests",
  .enabled(if: Corpora.directory("rlp") != nil, "corpus rlp is absent"))
struct EVMTransactionCorpusTests {
  @Test("takes and refuses what Cancun does, by the same names")
  func corpus() throws {
    let directory = URL(fileURLWithPath: try #require(Corpora.directory("rlp"))).appendingPathComponent(
      "tx-eip1559")
    var (accepted, refused) = (0, 0)
    for name in try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() {
      let file = try JSONValue(
        decoding: [UInt8](try Data(contentsOf: directory.appendingPathComponent(name))))
      for (_, item) in try #require(file.object).sorted(by: { $0.key < $1.key }) {
        let bytes = try Hex.decode(try #require(item["txbytes"]?.string))
        let wanted = try #require(item["result"]?["Cancun"])
        guard let exception = wanted["exception"]?.string else {
          let signed = try SignedEVMTransaction(decoding: bytes)
          #expect(signed.hash.description == wanted["hash"]?.string)
          #expect(signed.sender.description == wanted["sender"]?.string)
          let gas = try #require(wanted["intrinsicGas"]?.string)
          #expect(signed.transaction.intrinsicGas == UInt64(gas.dropFirst(2), radix: 16))
          accepted += 1
          continue
        }
        let error = #expect(throws: EVMTransactionError.self, "\(name)") {
          try SignedEVMTransaction(decoding: bytes)
        }
        switch (exception, error) {
        case ("TransactionException.GASLIMIT_PRICE_PRODUCT_OVERFLOW", .feeOverflow),
          // 33 bytes, of which the first is zero.
          ("TransactionException.RLP_LEADING_ZEROS_BASEFEE", .rlp(part: .transaction, .length)),
          ("TransactionException.PRIORITY_OVERFLOW", .rlp(part: .transaction, .length)):
          refused += 1
        default: Issue.record("\(name): \(exception), \(String(describing: error))")
        }
      }
    }
    #expect(accepted == 1)
    #expect(refused == 5)
  }
}
