import Enclaves
import Encodings
import Messages
import Testing
import WireBytes

@Suite("Containers of enclaves")
struct ContainerTests {
  @Test("decode, encode and hash as remerkleable does")
  func vectors() throws {
    let cases = try EnclaveVectors.cases("containers")
    #expect(cases.count == 18)
    let file = try EnclaveVectors.file("containers")
    let domains = try #require(file["domains"])
    let domainBytes = try domains.hex("domain")
    let domain = try InteroperableAddress(decoding: domainBytes.span)
    for vector in cases {
      let bytes = try vector.hex("ssz")
      let name = Comment(rawValue: try vector.text("name"))
      let value = try AnyContainer.decode(try vector.text("type"), bytes)
      #expect(value.encoded() == bytes, name)
      #expect(value.root() == (try vector.hash("root")), name)
      let derived = try #require(vector["derived"])
      switch value {
      case let keys as EnclaveKeys:
        #expect(keys.registration == (try derived.hash("registration")), name)
        #expect(keys.reportData.array == (try derived.hex("reportData")), name)
        #expect(keys.sequence == derived["sequence"]?.integer())
        #expect(keys.anchorHeight == derived["anchorHeight"]?.integer())
        #expect(keys.issued == derived["issued"]?.integer())
        #expect(keys.expires == derived["expires"]?.integer())
      case let launch as Launch: #expect(launch.eventDigest == (try derived.hash("digest")))
      case let header as EnvelopeHeader:
        #expect(header.nonce == derived["nonce"]?.integer())
        #expect(header.expires == derived["expires"]?.integer())
      case let envelope as SealedEnvelope: #expect(envelope.commitment == (try derived.hash("digest")))
      case let reply as SealedReply: #expect(reply.digest == (try derived.hash("digest")))
      case let receipt as Receipt:
        #expect(receipt.digest(domain: domain) == (try derived.hash("digest")), name)
        #expect(receipt.sequence == derived["sequence"]?.integer())
        #expect(receipt.time == derived["time"]?.integer())
      case let token as Token:
        #expect(token.digest(domain: domain) == (try derived.hash("digest")), name)
        #expect(token.attempt == derived["attempt"]?.integer())
        #expect(token.expires == derived["expires"]?.integer())
      case let transition as Transition:
        #expect(
          transition.digest(bindingHash: try domains.hash("bindingHash")) == (try derived.hash("digest")))
        #expect(transition.revision == derived["revision"]?.integer())
        #expect(transition.height == derived["height"]?.integer())
        #expect(transition.time == derived["time"]?.integer())
      default: break
      }
    }
  }

  @Test("refuses what the formats do not allow, by the reason")
  func refusals() throws {
    let cases = try EnclaveVectors.cases("refusals")
    #expect(cases.count == 36)
    for vector in cases {
      let bytes = try vector.hex("ssz")
      let wanted = try vector.text("error")
      let name = try vector.text("name")
      do {
        _ = try AnyContainer.decode(try vector.text("type"), bytes)
        Issue.record("accepted: \(name)")
      } catch let error as EnclaveFormatError {
        #expect(caseName(error) == wanted, Comment(rawValue: name))
      }
    }
  }

  /// Containers that end with bytes of any length: cut or longer, they may be other values of the type.
  private static let openEnded: Set<String> = [
    "SealedEnvelope", "SealedReply", "SealedInput", "Update", "CaseInput",
  ]

  @Test("refuses every shorter and every longer input, or reads another value that is just those bytes")
  func truncation() throws {
    var refused = 0
    for vector in try EnclaveVectors.cases("containers") {
      let (type, bytes, root) = (try vector.text("type"), try vector.hex("ssz"), try vector.hash("root"))
      for given in (0..<bytes.count).map({ Array(bytes.prefix($0)) }) + [bytes + [0]] {
        guard let value = try? AnyContainer.decode(type, given) else {
          refused += 1
          continue
        }
        #expect(Self.openEnded.contains(type), "\(type), \(given.count) bytes")
        #expect(value.encoded() == given, "\(type), \(given.count) bytes")
        #expect(value.root() != root, "\(type), \(given.count) bytes")
      }
    }
    #expect(refused > 4000)
  }

  @Test("what a flipped bit decodes to has another root and encodes to just those bytes")
  func mutation() throws {
    for vector in try EnclaveVectors.cases("containers") {
      let (type, bytes, root) = (try vector.text("type"), try vector.hex("ssz"), try vector.hash("root"))
      for bit in 0..<(min(bytes.count, 600) * 8) {
        var flipped = bytes
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        guard let value = try? AnyContainer.decode(type, flipped) else { continue }
        #expect(value.encoded() == flipped, "\(type), bit \(bit)")
        #expect(value.root() != root, "\(type), bit \(bit)")
      }
    }
  }

  @Test("inputs, cases and custody links hash as hashlib and remerkleable do")
  func hashes() throws {
    let file = try EnclaveVectors.file("containers")
    let lists = try #require(file["inputLists"]?.array)
    #expect(lists.count == 6)
    for list in lists {
      let commitments = try #require(list["commitments"]?.array).map {
        try Bytes32(hex: try #require($0.string))
      }
      #expect(try CaseInputs.root(commitments) == list.hash("root"))
    }
    #expect(throws: EnclaveFormatError.overLimit(.inputs, max: 256, actual: 257)) {
      try CaseInputs.root([Bytes32](repeating: Bytes32(), count: 257))
    }
    let entry = try #require(file["case"])
    let domainBytes = try entry.hex("domain")
    let domain = try InteroperableAddress(decoding: domainBytes.span)
    #expect(try CaseIdentity.id(domain: domain, number: 5) == entry.hash("id"))
    let custody = try #require(file["custody"])
    let first = CustodyChain.link(
      after: CustodyChain.start, kind: .opened, content: try custody.hex("firstContent"))
    #expect(first == (try custody.hash("first")))
    let second = CustodyChain.link(after: first, kind: .input, content: try custody.hex("secondContent"))
    #expect(second == (try custody.hash("second")))
    #expect(
      CustodyChain.head(of: [
        (.opened, try custody.hex("firstContent")), (.input, try custody.hex("secondContent")),
      ]) == second)
  }

  @Test("a policy's text is canonical, and nothing unknown is in it")
  func policies() throws {
    let policy = try EnclavePolicy(
      maximumInputs: 3, maximumInputSize: 1000, gas: 5_000_000,
      ledger: .init(chainID: "demo-1", validatorsHash: Bytes32 { UInt8($0) }))
    #expect(
      policy.text
        == #"{"gas":5000000,"ledger":{"chainId":"demo-1","validatorsHash":"0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"},"maximumInputSize":1000,"maximumInputs":3,"schema":"causeway-enclave-policy/1"}"#
    )
    // sha256sum of the line above.
    #expect(
      policy.hash.description == "0xbd18f60255667934623523c527b13a2085881edf219868ddfc9701aa3f32ca57")
    #expect(try EnclavePolicy(decoding: [UInt8](policy.text.utf8)) == policy)
    let spaced = policy.text.replacing(",", with: " ,\n")
    #expect(try EnclavePolicy(decoding: [UInt8](spaced.utf8)).hash == policy.hash)
    func refuse(_ from: String, _ to: String, _ error: EnclavePolicyError) {
      let text = policy.text.replacing(from, with: to)
      #expect(text != policy.text)
      #expect(throws: error) { try EnclavePolicy(decoding: [UInt8](text.utf8)) }
    }
    refuse("policy/1", "policy/2", .schema("causeway-enclave-policy/2"))
    refuse(#""gas":5000000"#, #""gas":5000000,"more":1"#, .unknownMember(path: "more"))
    refuse(#""chainId""#, #""x":1,"chainId""#, .unknownMember(path: "ledger.x"))
    refuse(#""gas":5000000,"#, "", .member(path: "gas"))
    refuse("5000000", "5e6", .member(path: "gas"))
    refuse("5000000", "-5", .member(path: "gas"))
    refuse("5000000", #""5""#, .member(path: "gas"))
    refuse("5000000", "0", .range(path: "gas", min: 1, max: 1 << 53, actual: 0))
    refuse(
      #""maximumInputs":3"#, #""maximumInputs":257"#,
      .range(path: "maximumInputs", min: 1, max: 256, actual: 257))
    refuse("0x00", "0x0000", .member(path: "ledger.validatorsHash"))
    refuse("0a0b", "0A0B", .member(path: "ledger.validatorsHash"))
    refuse("demo-1", "", .range(path: "ledger.chainId", min: 1, max: 50, actual: 0))
    let open = try EnclavePolicy(maximumInputs: 1, maximumInputSize: 1, gas: 1, ledger: nil)
    #expect(try EnclavePolicy(decoding: [UInt8](open.text.utf8)) == open)
    #expect(throws: EnclavePolicyError.member(path: "ledger")) {
      try EnclavePolicy(decoding: [UInt8](open.text.replacing(#""ledger":null,"#, with: "").utf8))
    }
  }
}
