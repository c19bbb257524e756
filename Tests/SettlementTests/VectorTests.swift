import Digests
import Enclaves
import Encodings
import Foundation
import Ledger
import Messages
import Settlement
import TestSupport
import Testing
import WireBytes

/// Vectors of `Tests/Vectors/settlement`, made by tools/vectors/settlement.py.
enum SettlementVectors {
  static func cases(_ name: String) throws -> [JSONValue] {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/settlement/\(name).json")
    let json = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    guard json["schema"]?.string == "causeway/settlement/\(name)/v1", let cases = json["cases"]?.array else {
      throw TestError.vectors
    }
    return cases
  }
}

extension JSONValue {
  func text(_ name: String) throws -> String {
    guard let text = self[name]?.string else { throw TestError.vectors }
    return text
  }

  func hex(_ name: String) throws -> [UInt8] { try Hex.decode(try text(name)) }
  func hash(_ name: String) throws -> Bytes32 { try Bytes32(try hex(name)) }
}

@Suite("Bytes of settlement, as an independent library writes them")
struct VectorTests {
  @Test("writes and reads each message in canonical protobuf")
  func messages() throws {
    let cases = try SettlementVectors.cases("messages")
    #expect(cases.count == 10)
    for item in cases {
      let sender = try AccountAddress(text: item.text("sender"))
      let coins = [
        Coin(UInt256(UInt64(500)), try Denom("stake")), Coin(UInt256(UInt64(7)), try Denom("ucause")),
      ]
      func fill(_ byte: UInt8) -> Bytes32 { Bytes32 { _ in byte } }
      let open = { (coins: [Coin], continues: Bytes32?) in
        CaseTerms(
          program: fill(1), policy: fill(2), attestationPolicy: fill(3), coordinatorSuite: "ed25519",
          coordinatorKey: fill(5).array, closes: 1_780_000_060, expires: 1_780_000_600, maximumInputs: 16,
          accepts: coins, continues: continues)
      }
      let message: SettlementMessage =
        switch try item.text("name") {
        case "storePolicy": .storePolicy(sender: sender, policy: [UInt8](#"{"schema":"x"}"#.utf8))
        case "registerEnclave":
          .registerEnclave(
            sender: sender, keys: [UInt8]("keys".utf8), evidence: [UInt8]("evidence".utf8), policy: fill(3))
        case "invalidateWithCollateral":
          .invalidateEnclave(sender: sender, registration: fill(4), collateral: [UInt8]("newer".utf8))
        case "invalidate": .invalidateEnclave(sender: sender, registration: fill(4), collateral: nil)
        case "openContinuing": .openCase(sender: sender, open(coins, fill(6)))
        case "open": .openCase(sender: sender, open([], nil))
        case "submitWithCoins":
          .submit(sender: sender, case: fill(8), commitment: fill(9), nonce: 7, coins: coins)
        case "submit": .submit(sender: sender, case: fill(8), commitment: fill(9), nonce: 0, coins: [])
        case "settle":
          .settle(
            sender: sender, case: fill(8),
            SettlementResult(
              update: [UInt8]("update".utf8), receipt: [UInt8]("receipt".utf8),
              signature: [UInt8](repeating: 0x73, count: 64), token: [UInt8]("token".utf8),
              tokenSignature: [UInt8](repeating: 0x74, count: 64)))
        case "reclaim": .reclaim(sender: sender, case: fill(8))
        default: throw TestError.vectors
        }
      let encoded = message.encoded()
      #expect(encoded.typeURL == (try item.text("type")))
      #expect(encoded.value == (try item.hex("value")))
      #expect(try SettlementMessage(decoding: encoded) == message)
    }
  }

  @Test("refuses every shorter message, and fields behind its own")
  func mutations() throws {
    for item in try SettlementVectors.cases("messages") {
      let type = try item.text("type")
      let bytes = try item.hex("value")
      let whole = try SettlementMessage(decoding: AnyMessage(typeURL: type, value: bytes))
      for count in 0..<bytes.count {
        // A cut between two fields may leave a message: then it is another one.
        let cut = try? SettlementMessage(decoding: AnyMessage(typeURL: type, value: Array(bytes.prefix(count))))
        #expect(cut != whole)
        if let cut { #expect(cut.encoded().value == Array(bytes.prefix(count))) }
      }
      let extra = AnyMessage(typeURL: type, value: bytes + [0xa2, 0x06, 0x00])
      #expect(throws: Ledger.MessageRefusal.self) { try SettlementMessage(decoding: extra) }
    }
  }

  @Test("hashes growing lists of inputs as SSZ does")
  func inputs() throws {
    let cases = try SettlementVectors.cases("inputs")
    #expect(cases.count == 24)
    let leaves = (0..<256).map { SHA256Hash.hash([UInt8]("leaf".utf8) + [UInt8($0)]) }
    var frontier = InputsFrontier()
    var roots = [frontier.root]
    for leaf in leaves {
      frontier.append(leaf)
      let stored = frontier.stored
      let again = try #require(InputsFrontier(stored: stored, count: frontier.count))
      #expect(again.root == frontier.root)
      roots.append(frontier.root)
    }
    for item in cases {
      guard case .number(let text)? = item["count"], let count = Int(text) else { throw TestError.vectors }
      #expect(roots[count] == (try item.hash("want")), "\(count)")
      #expect(try CaseInputs.root(Array(leaves.prefix(count))) == roots[count])
    }
  }

  @Test("writes records and links custody chains")
  func story() throws {
    let item = try #require(try SettlementVectors.cases("case").first)
    let domain = try DomainID(item.text("domain"))
    let id = try CaseIdentity.id(domain: InteroperableAddress(chain: domain), number: 1)
    #expect(id == (try item.hash("case")))
    #expect(SettlementModule.escrow(of: id).text == (try item.text("escrow")))
    let openingBytes = try item.hex("opening")
    let opening = try CaseOpening(decoding: openingBytes)
    #expect(opening.encoded() == openingBytes)
    #expect(opening.root() == (try item.hash("openingRoot")))
    #expect(opening.number == 1 && opening.maximumInputs == 16 && opening.accepts.count == 2)
    #expect(opening.opener == (try InteroperableAddress(domain: domain, address: (1...20).map { UInt8($0) })))
    let inputs = try (item["inputs"]?.array ?? []).map { try Hex.decode($0.string ?? "") }
    let heads = try (item["heads"]?.array ?? []).map { try Bytes32(try Hex.decode($0.string ?? "")) }
    #expect(inputs.count == 3 && heads.count == 4)
    var head = CustodyChain.link(after: CustodyChain.start, kind: .opened, content: openingBytes)
    #expect(head == heads[0])
    var commitments: [Bytes32] = []
    for (index, bytes) in inputs.enumerated() {
      let input = try CaseInput(decoding: bytes)
      #expect(input.encoded() == bytes)
      commitments.append(input.commitment)
      head = CustodyChain.link(after: head, kind: .input, content: bytes)
      #expect(head == heads[index + 1])
    }
    #expect(try CaseInputs.root(commitments) == item.hash("root"))
    let record = try CaseRecord(decoding: item.hex("record"))
    #expect(record.encoded() == (try item.hex("record")))
    #expect(record.root() == (try item.hash("recordRoot")))
    #expect(record.head == head && record.linkCount == 4 && record.status == .open)
    let closing = try CaseClosing(decoding: item.hex("closing"))
    #expect(closing == (try CaseClosing(inputs: record.inputs, inputCount: 3)))
    #expect(
      CustodyChain.link(after: head, kind: .closed, content: closing.encoded()) == (try item.hash("closed")))
    let content = try RegistrationContent(decoding: item.hex("registration"))
    let registered = CustodyChain.link(
      after: CustodyChain.start, kind: .registration, content: content.encoded())
    #expect(registered == (try item.hash("registered")))
    let end = try RegistrationEnd(decoding: item.hex("end"))
    #expect(end.encoded() == (try item.hex("end")))
    #expect(
      CustodyChain.link(after: registered, kind: .invalidated, content: end.encoded())
        == (try item.hash("ended")))
  }

  /// A list or a text at the end may be shorter; then it is another value with this one encoding.
  private static func cut<Value: EnclaveContainer>(_ type: Value.Type, _ bytes: [UInt8]) throws {
    let whole = try Value(decoding: bytes)
    var others = 0
    for count in 0..<bytes.count {
      let shorter = Array(bytes.prefix(count))
      guard let other = try? Value(decoding: shorter) else { continue }
      #expect(other != whole && other.encoded() == shorter)
      others += 1
    }
    #expect(others < 40)
  }

  @Test("reads no shorter record as the same one: a cut is refused, or the whole of another")
  func shorter() throws {
    let item = try #require(try SettlementVectors.cases("case").first)
    try Self.cut(CaseOpening.self, item.hex("opening"))
    try Self.cut(CaseRecord.self, item.hex("record"))
    try Self.cut(RegistrationContent.self, item.hex("registration"))
    try Self.cut(RegistrationEnd.self, item.hex("end"))
    #expect(throws: EnclaveFormatError.self) { try CaseClosing(decoding: try item.hex("closing") + [0]) }
  }
}
