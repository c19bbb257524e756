import Encodings
import Foundation
import OfflineVerification
import TestSupport
import Testing

@Suite("verify hyperlane")
struct HyperlaneVerificationTests {
  private static func json(_ path: String) throws -> JSONValue {
    let url = Corpora.packageRoot.appendingPathComponent(path)
    return try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
  }

  @Test("gives each module, message and metadata the answer of the contracts' rules")
  func modules() throws {
    let file = try Self.json("Tests/Vectors/hyperlane/modules.json")
    let cases = try #require(file["cases"]?.array)
    #expect(cases.count == 49)
    #expect(cases.count { $0["error"] != nil } == 29)
    for item in cases {
      let name = item["name"]?.string ?? ""
      let report = try HyperlaneVerification.verify(item)
      switch report.outcome {
      case .valid: #expect(item["want"]?.string == report.id, "\(name)")
      case .refused(let reason): #expect(item["error"]?.string == reason.code, "\(name): \(reason.text)")
      case .undecided(let reason): Issue.record("\(name): \(reason.text)")
      }
    }
  }

  @Test("the example is valid and names whom it trusts")
  func example() throws {
    let report = try HyperlaneVerification.verify(try Self.json("examples/messages/hyperlane-multisig.json"))
    #expect(report.outcome == .valid)
    #expect(report.id == "0x488bdbb5bdbdcd0d6ff4fece2f5e5076538d786d9fa67ffb2ddb2e7f8450d990")
    #expect(
      report.assumptions.map(\.code) == [
        "attesters", "callerTrusts", "originFinality", "hookBinding", "replayGuard",
      ])
    #expect(report.facts.contains { $0.name == "body" && $0.value == "text \"Hello!\"" })
  }

  @Test("without validators nothing is decided")
  func undecided() throws {
    var members = try #require(try Self.json("examples/messages/hyperlane-multisig.json").object)
    members["validators"] = nil
    let report = try HyperlaneVerification.verify(.object(members))
    guard case .undecided(let reason) = report.outcome else {
      Issue.record("decided")
      return
    }
    #expect(reason.code == "missingModule")
  }

  @Test("a version that no mailbox takes is refused")
  func version() throws {
    var members = try #require(try Self.json("examples/messages/hyperlane-multisig.json").object)
    let message = try #require(members["message"]?.string)
    members["message"] = .string("0x00" + message.dropFirst(4))
    let report = try HyperlaneVerification.verify(.object(members))
    guard case .refused(let reason) = report.outcome else {
      Issue.record("not refused")
      return
    }
    #expect(reason.code == "version")
  }

  /// Signed by Hyperlane's upstream Rust tests' and real validators; here in the form of a validator's storage.
  private static let stored: JSONValue = [
    "value": [
      "checkpoint": [
        "merkle_tree_hook_address": "0x00000000000000000000000019dc38aeae620380430c200a6e990d5af5480117",
        "mailbox_domain": 8453,
        "root": "0xd0da44bb893ca80c15cb8206bcd7a7ff3aab635bed0ba32799d00b2bdfb30b84",
        "index": 1_498_599,
      ],
      "message_id": "0xad83200ad99a5dad2fddccb12e6d646b4998a7aa27152347e2b05cf4a411b158",
    ],
    "serialized_signature": .string(
      "0x5a3307ef9c3ec9259cdcc3c572ab6997bbe0890f6fddc8ed16cf008c60988b61"
        + "0eb301c259613ac4fad63696c423211b50419b56e4e2dcb3550bd58d321840551b"),
  ]

  @Test("a stored checkpoint names its signer, and is decided once somebody says who may sign")
  func checkpoint() throws {
    let alone = try HyperlaneVerification.verify(Self.stored)
    guard case .undecided(let reason) = alone.outcome else {
      Issue.record("decided without validators")
      return
    }
    #expect(reason.code == "missingValidators")
    let signer = "0xb3ac35d3988bca8c2ffd195b1c6bee18536b317b"
    #expect(alone.facts.contains { $0.name == "signer" && $0.value == signer })
    var members = try #require(Self.stored.object)
    members["validator"] = .string(signer)
    #expect(try HyperlaneVerification.verify(.object(members)).outcome == .valid)
    members["validator"] = "0x0000000000000000000000000000000000000001"
    guard case .refused(let refusal) = try HyperlaneVerification.verify(.object(members)).outcome else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.code == "notAValidator")
  }

  @Test("one signature does not make a quorum of two, however often it is given")
  func quorum() throws {
    let input: JSONValue = [
      "checkpoints": [Self.stored, Self.stored], "threshold": 2,
      "validators": [
        "0xb3ac35d3988bca8c2ffd195b1c6bee18536b317b", "0xd278fbb90e41a164af2c1d5b74a81550fcd49403",
      ],
    ]
    guard case .refused(let reason) = try HyperlaneVerification.verify(input).outcome else {
      Issue.record("not refused")
      return
    }
    #expect(reason.code == "noQuorum")
  }

  @Test("input of no known form is an error of the input")
  func forms() {
    #expect(throws: InputError.self) { try HyperlaneVerification.verify([:]) }
    #expect(throws: InputError.member(path: "message", wanted: "a string of hex digits")) {
      try HyperlaneVerification.verify(["message": 5])
    }
  }
}
