import Digests
import Encodings
import Enclaves
import Foundation
import Messages
import TestSupport
import Testing
import WireBytes

/// What the settlement contracts of an EVM chain hash, by remerkleable (tools/vectors/evm_settlement.py): the contracts' own
/// tests read the same file, so that enclaves, coordinators and the chain agree on every root and digest.
@Suite("Roots and digests that an EVM chain settles by")
struct EVMSettlementTests {
  private struct Vectors {
    let json: JSONValue
    let domain: InteroperableAddress

    init() throws {
      let path = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/enclaves/evm-settlement.json")
      json = try JSONValue(decoding: [UInt8](try Data(contentsOf: path)))
      let chain = try #require(json["chainId"]?.integer(UInt64.self))
      domain = try InteroperableAddress(chain: try DomainID("eip155:\(chain)"))
    }

    func list(_ name: String, count: Int) throws -> [JSONValue] {
      let cases = try #require(json[name]?.array)
      #expect(cases.count == count, "\(name)")
      return cases
    }
  }

  private static func bytes(_ json: JSONValue, _ name: String) throws -> [UInt8] {
    try Hex.decode(try #require(json[name]?.string))
  }

  private static func hash(_ json: JSONValue, _ name: String) throws -> Bytes32 {
    try Bytes32(hex: try #require(json[name]?.string))
  }

  private static func number(_ json: JSONValue, _ name: String) throws -> UInt64 {
    try #require(json[name]?.integer(UInt64.self))
  }

  private static func account(_ bytes: [UInt8]) throws -> InteroperableAddress {
    try InteroperableAddress(decoding: bytes.span)
  }

  /// SHA-256 of a seed and a number: how the file keeps long lists short.
  private static func derived(_ seed: [UInt8], _ index: Int) -> Bytes32 {
    SHA256Hash.hash(seed + [UInt8(index >> 8), UInt8(index & 255)])
  }

  @Test("keys have the registration and the report data")
  func keys() throws {
    let vectors = try Vectors()
    var checked = 0
    for entry in try vectors.list("keys", count: 8) {
      let sealing = try Self.bytes(entry, "sealingKey")
      // The chain takes a sealing key of any size; the types here take those of their suites.
      guard [32, 1216].contains(sealing.count) else { continue }
      checked += 1
      let keys = try EnclaveKeys(
        domain: vectors.domain, operator: try Self.account(try Self.bytes(entry, "operator")),
        program: try Self.hash(entry, "program"), policy: try Self.hash(entry, "policy"),
        signing: try EnclaveVerificationKey(suite: .secp256k1Address, bytes: try Self.bytes(entry, "signer")),
        sealing: try SealingPublicKey(suite: sealing.count == 32 ? .x25519 : .xWing, bytes: sealing),
        sequence: try Self.number(entry, "sequence"), anchorHeight: try Self.number(entry, "anchorHeight"),
        anchorHash: try Self.hash(entry, "anchorHash"), issued: try Self.number(entry, "issued"),
        expires: try Self.number(entry, "expires"))
      #expect(keys.registration == (try Self.hash(entry, "registration")))
      #expect(keys.reportData.array == (try Self.bytes(entry, "reportData")))
    }
    #expect(checked == 2)
  }

  @Test("lists of inputs have their roots")
  func inputs() throws {
    for entry in try Vectors().list("inputs", count: 16) {
      let seed = try Self.bytes(entry, "seed")
      let count = Int(try Self.number(entry, "count"))
      let root = try CaseInputs.root((0..<count).map { Self.derived(seed, $0) })
      #expect(root == (try Self.hash(entry, "root")), "\(count) inputs")
    }
  }

  @Test("updates that pay one ERC-20 have their roots")
  func updates() throws {
    let vectors = try Vectors()
    for entry in try vectors.list("updates", count: 8) {
      let seed = try Self.bytes(entry, "seed")
      let token = try #require(entry["token"]?.string)
      let count = Int(try Self.number(entry, "count"))
      var payouts: [Update.Payout] = []
      for index in 0..<count {
        let owner = [UInt8](Self.derived(seed, index).array.prefix(20))
        let amount = Self.derived([UInt8]("amount".utf8) + seed, index).array.prefix(12)
        let padded = [UInt8](repeating: 0, count: 20) + amount
        let coin = Update.Coin(denomination: [UInt8](token.utf8), amount: try UInt256(bigEndian: padded.span))
        let domain = try #require(vectors.domain.domain)
        payouts.append(
          try Update.Payout(account: try InteroperableAddress(domain: domain, address: owner), coins: [coin]))
      }
      let update = try Update(
        payouts: payouts, stateBefore: try Self.hash(entry, "before"), stateAfter: try Self.hash(entry, "after"))
      #expect(update.root() == (try Self.hash(entry, "root")), "\(count) payouts")
    }
  }

  @Test("receipts and tokens have the digests that are signed")
  func digests() throws {
    let vectors = try Vectors()
    for entry in try vectors.list("receipts", count: 6) {
      let receipt = try Receipt(
        registration: try Self.hash(entry, "registration"), program: try Self.hash(entry, "program"),
        policy: try Self.hash(entry, "policy"), case: try Self.hash(entry, "case"),
        inputs: try Self.hash(entry, "inputs"), update: try Self.hash(entry, "update"),
        replies: try Self.hash(entry, "replies"), sequence: try Self.number(entry, "sequence"),
        previous: try Self.hash(entry, "previous"), time: try Self.number(entry, "time"))
      #expect(receipt.digest(domain: vectors.domain) == (try Self.hash(entry, "digest")))
    }
    for entry in try vectors.list("tokens", count: 6) {
      let token = Token(
        case: try Self.hash(entry, "case"), inputs: try Self.hash(entry, "inputs"),
        registration: try Self.hash(entry, "registration"), attempt: try Self.number(entry, "attempt"),
        expires: try Self.number(entry, "expires"))
      #expect(token.digest(domain: vectors.domain) == (try Self.hash(entry, "digest")))
    }
  }

  @Test("cases have their ids")
  func cases() throws {
    let vectors = try Vectors()
    for entry in try vectors.list("cases", count: 4) {
      let number = try #require(entry["number"]?.string.flatMap { UInt64($0) })
      #expect(try CaseIdentity.id(domain: vectors.domain, number: number) == (try Self.hash(entry, "id")))
    }
  }
}
