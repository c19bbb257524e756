import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

@Suite("UInt256")
struct UInt256Tests {
  @Test("arithmetic as Python's integers give it")
  func vectors() throws {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/encodings/uint256.json")
    let file = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    let cases = file["cases"]?.array ?? []
    #expect(cases.count == 88)
    for one in cases {
      func number(_ name: String) throws -> UInt256 {
        UInt256(bigEndian: try Bytes32(hex: one[name]?.string ?? "?"))
      }
      func small(_ name: String) -> UInt64? { UInt64(one[name]?.string ?? "?") }
      let (a, b) = (try number("a"), try number("b"))
      let (sum, carry) = a.addingReportingOverflow(b)
      let wantedSum = try number("sum")
      #expect(sum == wantedSum)
      #expect(carry == one["carry"]?.boolean)
      let (difference, borrow) = a.subtractingReportingOverflow(b)
      let wantedDifference = try number("difference")
      #expect(difference == wantedDifference)
      #expect(borrow == one["borrow"]?.boolean)
      #expect((a < b) == one["less"]?.boolean)
      let factor = try #require(small("factor"))
      let (product, overflow) = a.multipliedReportingOverflow(by: factor)
      let wantedProduct = try number("product")
      #expect(product == wantedProduct)
      #expect(overflow == one["overflow"]?.boolean)
      let divisor = try #require(small("divisor"))
      let (quotient, remainder) = a.quotientAndRemainder(dividingBy: divisor)
      let wantedQuotient = try number("quotient")
      #expect(quotient == wantedQuotient)
      #expect(remainder == small("remainder"))
      #expect(a.description == one["decimal"]?.string)
      #expect(UInt256(decimal: a.description) == a)
      #expect(UInt256(littleEndian: a.littleEndian) == a)
    }
  }

  @Test("reads decimal digits only, up to 2^256 - 1")
  func decimal() {
    let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935"
    #expect(UInt256(decimal: largest) == .max)
    for text in ["", "-1", "+1", " 1", "0x1", "1a", String(largest.dropLast()) + "6", largest + "0"] {
      #expect(UInt256(decimal: text) == nil, "\(text)")
    }
  }

  @Test("minimal bytes and small values")
  func minimal() throws {
    #expect(UInt256.zero.minimalBigEndian.isEmpty)
    #expect(UInt256(0x0100).minimalBigEndian == [1, 0])
    #expect(UInt256.max.minimalBigEndian.count == 32)
    #expect(UInt256(7).asUInt64 == 7)
    #expect(UInt256(limbs: 0, 1, 0, 0).asUInt64 == nil)
    let long = [UInt8](repeating: 0, count: 33)
    #expect(throws: WireError.overLimit(limit: 32, actual: 33)) { _ = try UInt256(bigEndian: long.span) }
  }
}
