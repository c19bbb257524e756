import Encodings
import Messages
import Testing
import WireBytes

@Suite("Envelopes, outcomes and transfers")
struct EnvelopeTests {
  @Test("reads and roots envelopes as remerkleable does, and refuses the senseless ones")
  func envelopes() throws {
    let cases = try MessageVectors.cases("envelopes.json", schema: "causeway.vectors.envelope/1")
    for entry in cases {
      let bytes = try Hex.decode(try #require(entry["encoded"]?.string))
      if let wanted = entry["error"]?.string {
        let error = #expect(throws: EnvelopeError.self) { try ExecutionEnvelope(decoding: bytes.span) }
        #expect(error.map { caseName($0) } == wanted)
        continue
      }
      let envelope = try ExecutionEnvelope(decoding: bytes.span)
      #expect(envelope.calls.count == entry["calls"]?.integer())
      #expect(envelope.calls[0].gasLimit == entry["gasLimit"]?.integer())
      #expect(envelope.encoded() == bytes)
      #expect(envelope.root().description == entry["root"]?.string)
    }
    #expect(cases.count == 11)
  }

  @Test("refuses every shorter envelope and one with a byte more")
  func cuts() throws {
    let cases = try MessageVectors.cases("envelopes.json", schema: "causeway.vectors.envelope/1")
    let bytes = try Hex.decode(try #require(cases[1]["encoded"]?.string))
    for count in 0..<bytes.count {
      let cut = [UInt8](bytes.prefix(count))
      // A cut can end the last list early without breaking its form; it is then another envelope, never the same.
      if let other = try? ExecutionEnvelope(decoding: cut.span) { #expect(other.encoded() == cut) }
    }
    var other = 0
    for index in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[index] ^= 1 << UInt8(bit)
        guard let envelope = try? ExecutionEnvelope(decoding: flipped.span) else { continue }
        #expect(envelope.encoded() == flipped)
        other += 1
      }
    }
    #expect(other > 0)
  }

  @Test("reads and roots outcomes as remerkleable does, and refuses the contradictory ones")
  func outcomes() throws {
    let cases = try MessageVectors.cases("outcomes.json", schema: "causeway.vectors.outcome/1")
    for entry in cases {
      let bytes = try Hex.decode(try #require(entry["encoded"]?.string))
      if let wanted = entry["error"]?.string {
        let error = #expect(throws: OutcomeError.self) { try Outcome(decoding: bytes.span) }
        #expect(error.map { caseName($0) } == wanted)
        continue
      }
      let outcome = try Outcome(decoding: bytes.span)
      #expect(outcome.status.rawValue == entry["status"]?.integer())
      #expect(outcome.gasUsed == entry["gasUsed"]?.integer())
      #expect(outcome.results.map { Hex.encode($0) } == entry["results"]?.array?.compactMap(\.string))
      #expect(Hex.encode(outcome.error) == entry["errorText"]?.string)
      #expect(outcome.encoded() == bytes)
      #expect(outcome.root().description == entry["root"]?.string)
    }
    #expect(cases.count == 6)
  }

  @Test("writes transfers as eth_abi does, and refuses every shorter, longer or padded one")
  func transfers() throws {
    let cases = try MessageVectors.cases("transfers.json", schema: "causeway.vectors.transfer/1")
    for entry in cases {
      let bytes = try Hex.decode(try #require(entry["encoded"]?.string))
      let transfer = try FungibleTokenPacketData(decoding: bytes.span)
      #expect(transfer.denomination == entry["denom"]?.string)
      #expect(transfer.sender == entry["sender"]?.string)
      #expect(transfer.receiver == entry["receiver"]?.string)
      #expect(transfer.amount.description == entry["amount"]?.string)
      #expect(transfer.memo == entry["memo"]?.string)
      #expect(transfer.encoded() == bytes)
      for count in 0..<bytes.count {
        let cut = [UInt8](bytes.prefix(count))
        #expect(throws: FungibleTokenError.self) { try FungibleTokenPacketData(decoding: cut.span) }
      }
      let longer = bytes + [0]
      #expect(throws: FungibleTokenError.self) {
        try FungibleTokenPacketData(decoding: longer.span)
      }
    }
    #expect(cases.count == 3)
    var padded = try Hex.decode(try #require(cases[0]["encoded"]?.string))
    // The last byte of the padding after "uatom".
    padded[192 + 63] = 1
    let error = #expect(throws: FungibleTokenError.self) {
      try FungibleTokenPacketData(decoding: padded.span)
    }
    #expect(error.map { caseName($0) } == "abi")
    #expect(throws: FungibleTokenError.amountZero) {
      try FungibleTokenPacketData(denomination: "x", sender: "y", receiver: "z", amount: .zero)
    }
  }
}
