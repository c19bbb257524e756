import Digests
import Encodings
import ForeignProtocols
import Testing
import WireBytes

@Suite("VAA")
struct VAATests {
  /// A mainnet VAA of guardian set 7.
  private static func real() throws -> [UInt8] {
    try VectorFile.json("examples/messages/wormhole-mainnet-vaa.json").hex("vaa")
  }

  private static func set(_ json: JSONValue) throws -> GuardianSet {
    let keys = try #require(json["keys"]?.array).map { try Bytes20(hex: try #require($0.string)) }
    let standing = json["expires"]?.integer(UInt64.self).map { GuardianSet.Standing.replaced(expires: $0) }
    // Without an expiry a set is current.
    return try GuardianSet(
      index: try #require(json["index"]?.integer()), keys: keys, standing: standing ?? .current)
  }

  @Test("gives each signed VAA the verdict of the contract's rules", .tags(.vectors))
  func vectors() throws {
    let cases = try VectorFile.cases("Tests/Vectors/wormhole/vaa.json", schema: "causeway.vectors.vaa/1")
    #expect(cases.count == 31)
    #expect(cases.count { $0["error"] != nil } == 22)
    for item in cases {
      let name = item["name"]?.string ?? ""
      let bytes = try item.hex("vaa")
      let vaa = try VAA(decoding: bytes)
      #expect(vaa.encoded() == bytes, "\(name)")
      let set = try Self.set(try #require(item["set"]))
      do {
        let verified = try vaa.verify(under: set, at: item["time"]?.integer())
        #expect(item["want"]?.string == "\(verified.digest)", "\(name)")
      } catch {
        #expect(item["error"]?.string == error.code, "\(name)")
      }
    }
  }

  @Test("a high s is accepted and leaves the digest as it was")
  func highS() throws {
    let cases = try VectorFile.cases("Tests/Vectors/wormhole/vaa.json", schema: "causeway.vectors.vaa/1")
    let plain = try #require(cases.first { $0["name"] == "13 of 19" })
    let high = try #require(cases.first { $0["name"] == "high s" })
    #expect(high["vaa"] != plain["vaa"])
    #expect(high["want"] == plain["want"])
  }

  @Test("a real VAA is refused after any change of one byte")
  func mutations() throws {
    let bytes = try Self.real()
    let sets = WormholeMainnet.guardianSets
    _ = try sets.verify(try VAA(decoding: bytes), at: nil)
    let body = 6 + 66 * Int(bytes[5])
    for offset in bytes.indices {
      var changed = bytes
      changed[offset] ^= 1
      if offset == 0 {
        #expect(throws: VAAError.unsupportedVersion(0)) { try VAA(decoding: changed) }
        continue
      }
      if offset == 5 { continue }
      let vaa = try VAA(decoding: changed)
      do {
        _ = try sets.verify(vaa, at: nil)
        Issue.record("accepted with byte \(offset) changed")
      } catch {
        guard offset >= body else { continue }
        // The body is signed as a whole: already the first signature is another's, or nobody's.
        switch error {
        case .signatureInvalid(position: 0, guardian: _, recovered: _), .recoveryFailed(position: 0): break
        default: Issue.record("byte \(offset): \(error)")
        }
      }
    }
  }

  @Test("another count of signatures moves the body, and no count but the true one is accepted")
  func counts() throws {
    let bytes = try Self.real()
    for count in UInt8.min...UInt8.max where count != bytes[5] {
      var changed = bytes
      changed[5] = count
      guard let vaa = try? VAA(decoding: changed) else { continue }
      #expect(throws: VAARefusal.self) { try WormholeMainnet.guardianSets.verify(vaa, at: nil) }
    }
  }

  @Test("every shorter input is refused, by the decoder before the payload and by the signatures in it")
  func truncations() throws {
    let bytes = try Self.real()
    let payload = 6 + 66 * Int(bytes[5]) + 51
    for count in 0..<payload {
      let cut = Array(bytes.prefix(count))
      #expect(throws: VAAError.self) { try VAA(decoding: cut) }
    }
    for count in payload..<bytes.count {
      let vaa = try VAA(decoding: Array(bytes.prefix(count)))
      #expect(throws: VAARefusal.self) { try WormholeMainnet.guardianSets.verify(vaa, at: nil) }
    }
  }

  @Test("a payload over the limit is refused")
  func payloadLimit() throws {
    let empty = try VAA(
      guardianSetIndex: 0, signatures: [], timestamp: 1, nonce: 2, emitterChain: 3, emitter: Bytes32(),
      sequence: 4, consistencyLevel: 5, payload: [])
    let most = empty.encoded() + [UInt8](repeating: 0, count: VAA.payloadSizeMax)
    #expect(try VAA(decoding: most).payload.count == VAA.payloadSizeMax)
    let limit = VAA.payloadSizeMax
    #expect(throws: VAAError.payloadTooLarge(limit: limit, actual: limit + 1)) {
      try VAA(decoding: most + [0])
    }
  }

  @Test("names a message by chain, emitter and sequence")
  func messageID() throws {
    let vaa = try VAA(
      guardianSetIndex: 0, signatures: [], timestamp: 1, nonce: 2, emitterChain: 2,
      emitter: Bytes32(bigEndian: 0xabcd), sequence: 77, consistencyLevel: 1, payload: [1, 2])
    #expect(vaa.messageID == "2/000000000000000000000000000000000000000000000000000000000000abcd/77")
    #expect(try VAA(decoding: vaa.encoded()) == vaa)
  }

  @Test("a guardian set has distinct keys that are not zero, at most 255 of them")
  func sets() throws {
    func keys(_ count: Int) -> [Bytes20] {
      (0..<count).map { number in
        Bytes20 { $0 == 0 ? 1 : $0 == 19 ? UInt8(number & 255) : $0 == 18 ? UInt8(number >> 8) : 0 }
      }
    }
    #expect(try GuardianSet(index: 0, keys: keys(255)).quorum == 171)
    #expect(throws: GuardianSetError.tooManyKeys(limit: 255, actual: 256)) {
      try GuardianSet(index: 0, keys: keys(256))
    }
    #expect(throws: GuardianSetError.zeroKey(position: 1)) {
      try GuardianSet(index: 0, keys: keys(1) + [Bytes20()])
    }
    #expect(throws: GuardianSetError.duplicateKey(position: 2)) {
      try GuardianSet(index: 0, keys: keys(2) + keys(1))
    }
    #expect(
      try [1, 2, 3, 6, 19].map { try GuardianSet(index: 0, keys: keys($0)).quorum } == [1, 2, 3, 5, 13])
  }
}

extension Tag {
  @Tag static var vectors: Self
}
