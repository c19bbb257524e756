import Encodings
import Foundation
import TestSupport
import Testing
import Transactions
import WireBytes

/// Transactions that Google's protobuf wrote, made by tools/vectors/ledger.py.
@Suite("Unsigned transactions beside Google's protobuf")
struct UnsignedTransactionTests {
  private static func cases() throws -> [JSONValue] {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/ledger/transactions.json")
    return try #require(try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))["cases"]?.array)
  }

  @Test("keeps the fields that its bytes say, with no ledger at hand")
  func fields() throws {
    let cases = try Self.cases()
    for json in cases {
      func hex(_ member: String) throws -> [UInt8] { try Hex.decode(try #require(json[member]?.string)) }
      let signed = try Transaction(decoding: try hex("tx"))
      let number: UInt64 = try #require(json["number"]?.integer())
      let unsigned = UnsignedTransaction(
        signed.messages, memo: signed.memo, timeoutHeight: signed.timeoutHeight, fee: signed.fee,
        gasLimit: signed.gasLimit, key: signed.key, sequence: signed.sequence,
        chainID: try #require(json["chain"]?.string), accountNumber: number)
      #expect(unsigned.signBytes == (try hex("sign_bytes")))
      #expect(unsigned.messages == signed.messages)
      #expect(unsigned.memo == json["memo"]?.string)
      #expect(unsigned.timeoutHeight == json["timeout"]?.integer())
      #expect(unsigned.fee == signed.fee)
      #expect(unsigned.gasLimit == json["gas"]?.integer())
      #expect(unsigned.key == signed.key)
      #expect(unsigned.sequence == json["sequence"]?.integer())
      #expect(unsigned.chainID == json["chain"]?.string)
      #expect(unsigned.accountNumber == json["number"]?.integer())
    }
    #expect(cases.count == 11)
  }
}
