import LightClients
import Testing
import WireBytes

@Suite("CometBFT encodings")
struct CometBFTEncodingTests {
  @Test(
    "times come back from RFC 3339 as Go writes them",
    arguments: [
      ("0001-01-01T00:00:00Z", -62_135_596_800, 0), ("1970-01-01T00:00:00Z", 0, 0),
      ("1969-12-31T23:59:59.999999999Z", -1, 999_999_999),
      ("2000-02-29T12:00:00.5Z", 951_825_600, 500_000_000),
      ("2026-01-01T00:00:01.250000001Z", 1_767_225_601, 250_000_001),
      ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
    ] as [(String, Int64, Int32)])
  func times(text: String, seconds: Int64, nanoseconds: Int32) throws {
    let time = try CometBFT.Timestamp(rfc3339: text)
    #expect(time.seconds == seconds)
    #expect(time.nanoseconds == nanoseconds)
    #expect(time.description == text)
    let encoded = time.encoded()
    #expect(try CometBFT.Timestamp(decoding: encoded.span) == time)
  }

  @Test(
    "refuses other times",
    arguments: [
      "", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00", "2026-02-30T00:00:00Z",
      "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
      "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z",
      "0000-01-01T00:00:00Z", "2025-02-29T00:00:00Z", "2026-01-01 00:00:00Z", "２026-01-01T00:00:00Z",
    ])
  func badTimes(text: String) {
    #expect(throws: CometBFT.TimestampError.text) { try CometBFT.Timestamp(rfc3339: text) }
  }

  @Test("refuses seconds and nanoseconds out of range")
  func ranges() {
    #expect(throws: CometBFT.TimestampError.seconds(253_402_300_800)) {
      try CometBFT.Timestamp(seconds: 253_402_300_800)
    }
    #expect(throws: CometBFT.TimestampError.seconds(.min)) { try CometBFT.Timestamp(seconds: .min) }
    #expect(throws: CometBFT.TimestampError.nanoseconds(1_000_000_000)) {
      try CometBFT.Timestamp(seconds: 0, nanoseconds: 1_000_000_000)
    }
    #expect(throws: CometBFT.TimestampError.nanoseconds(-1)) {
      try CometBFT.Timestamp(seconds: 0, nanoseconds: -1)
    }
  }

  @Test("Go's zero time has ten bytes of seconds")
  func goZero() {
    // CometBFT v0.38, types/vote_test.go, TestVoteSignBytesTestVectors: the timestamp of every vector.
    #expect(Hex.encode(CometBFT.Timestamp.goZero.encoded(), prefix: "") == "088092b8c398feffffff01")
  }

  @Test("refuses every shorter input of a signed header and a validator set")
  func truncation() throws {
    let block = try ChainMaker.block(5, seconds: 1, by: ChainMaker.signers(), flags: [2, 1, 3])
    let signed = block.signedHeader.encoded()
    #expect(try CometBFT.SignedHeader(decoding: signed.span) == block.signedHeader)
    for count in 0..<signed.count {
      let cut = [UInt8](signed.prefix(count))
      #expect(throws: CometBFT.DecodingError.self) { try CometBFT.SignedHeader(decoding: cut.span) }
    }
  }

  @Test("refuses entries of a commit that are neither absent nor votes")
  func entries() throws {
    let address = Bytes20 { _ in 1 }
    let time = try ChainMaker.time(1)
    func entry(
      _ flag: Int32, _ address: Bytes20?, _ time: CometBFT.Timestamp, _ signature: [UInt8]
    ) throws(CometBFT.DecodingError) -> CometBFT.CommitSignature {
      try CometBFT.CommitSignature(flag: flag, address: address, timestamp: time, signature: signature)
    }
    #expect(try entry(1, nil, .goZero, []) == .absent)
    #expect(throws: CometBFT.DecodingError.absentVoteNotEmpty) { try entry(1, address, .goZero, []) }
    #expect(throws: CometBFT.DecodingError.absentVoteNotEmpty) { try entry(1, nil, time, []) }
    #expect(throws: CometBFT.DecodingError.absentVoteNotEmpty) { try entry(1, nil, .goZero, [1]) }
    #expect(throws: CometBFT.DecodingError.blockIDFlag(0)) { try entry(0, address, time, [1]) }
    #expect(throws: CometBFT.DecodingError.blockIDFlag(4)) { try entry(4, address, time, [1]) }
    #expect(throws: CometBFT.DecodingError.missing(field: 2)) { try entry(2, nil, time, [1]) }
    #expect(throws: CometBFT.DecodingError.missing(field: 4)) { try entry(3, address, time, []) }
    #expect(throws: CometBFT.DecodingError.signatureLength(limit: 64, actual: 65)) {
      try entry(2, address, time, [UInt8](repeating: 1, count: 65))
    }
  }

  @Test("refuses a key that is not Ed25519, and an address of another key")
  func keys() throws {
    let signers = try ChainMaker.signers()
    var bytes = try ChainMaker.set([signers[0]]).encoded()
    // {validators 1 {address 1 (22 bytes), pub_key 2 {ed25519 1 ...}}}: the tag of the key is at 2 + 22 + 2.
    bytes[26] = 0x12
    let secp = bytes
    #expect(throws: CometBFT.DecodingError.keyType(field: 2)) {
      try CometBFT.ValidatorSet(decoding: secp.span)
    }
    bytes[26] = 0x0a
    bytes[10] ^= 1
    let moved = bytes
    #expect(throws: CometBFT.DecodingError.address(validator: 0)) {
      try CometBFT.ValidatorSet(decoding: moved.span)
    }
  }

  @Test("an unbounded chain id or application hash is refused")
  func limits() throws {
    let signers = try ChainMaker.signers()
    var header = try ChainMaker.header(5, seconds: 1, by: signers, next: signers)
    header.chainID = String(repeating: "x", count: 51)
    let long = header.encoded()
    #expect(throws: CometBFT.DecodingError.chainIDLength(limit: 50, actual: 51)) {
      try CometBFT.Header(decoding: long.span)
    }
    header.chainID = "x"
    header.appHash = [UInt8](repeating: 1, count: 257)
    let large = header.encoded()
    #expect(throws: CometBFT.DecodingError.appHashLength(limit: 256, actual: 257)) {
      try CometBFT.Header(decoding: large.span)
    }
  }

  @Test("proposers take turns even with priorities at the ends of their range")
  func priorities() throws {
    let validators = try ChainMaker.signers().enumerated().map { index, signer in
      CometBFT.Validator(
        publicKey: signer.validator.publicKey, power: CometBFT.powerMax / 4,
        proposerPriority: index == 0 ? .max : .min)
    }
    let set = try CometBFT.ValidatorSet(validators)
    let (next, proposer) = try #require(set.stepped())
    #expect(proposer == 0)
    #expect(next.stepped() != nil)
    #expect(try CometBFT.ValidatorSet([]).stepped() == nil)
  }
}
