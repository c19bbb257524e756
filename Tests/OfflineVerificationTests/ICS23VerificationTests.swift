import Encodings
import Foundation
import OfflineVerification
import TestSupport
import Testing
import WireBytes

/// The eureka fixtures hold a proof of a client state in a live chain's store, and one of an absence.
@Suite(
  "ICS-23 from files", .enabled(if: Corpora.directory("ibc") != nil, "corpus ibc is absent"))
struct ICS23VerificationTests {
  private static func fixture(_ name: String) throws -> (message: JSONValue, root: JSONValue) {
    let directory = try #require(Corpora.directory("ibc"))
    let path = "\(directory)/eureka/packages/tendermint-light-client/fixtures/\(name).json"
    let json = try JSONValue(decoding: [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
    let state = try json.hex("consensus_state_hex")
    // ConsensusState: the root is field 2, a message of one 32-byte hash.
    let start = try #require(state.indices.first { state[$0...].starts(with: [0x12, 0x22, 0x0a, 0x20]) }) + 4
    let root = JSONValue.string(Hex.encode([UInt8](state[start..<(start + 32)])))
    return (try #require(json["membership_msg"]), root)
  }

  private static func input(_ name: String, changing member: String? = nil, to value: JSONValue = .null)
    throws
    -> JSONValue
  {
    let (message, root) = try fixture(name)
    var members: [String: JSONValue] = [
      "root": root, "proof": try #require(message["proof"]), "path": try #require(message["path"]),
      "value": try #require(message["value"]),
    ]
    if let member { members[member] = value }
    return .object(members)
  }

  @Test(
    "accepts a stored client state and an absent one",
    arguments: [
      "verify_membership_key_0", "verify_non-membership_key_1",
    ])
  func accepts(name: String) throws {
    let report = try ICS23Verification.verify(try Self.input(name))
    #expect(report.outcome == .valid, "\(report)")
    #expect(report.assumptions.map(\.code) == ["rootInInput"])
  }

  @Test("refuses another value, path and root, each by its reason")
  func refuses() throws {
    func code(_ member: String, _ value: JSONValue) throws -> String? {
      let report = try ICS23Verification.verify(
        try Self.input("verify_membership_key_0", changing: member, to: value))
      guard case .refused(let reason) = report.outcome else { return nil }
      return reason.code
    }
    #expect(try code("value", "00") == "valueMismatch")
    #expect(try code("path", ["ibc", "clients/07-tendermint-1/clientState"]) == "keyMismatch")
    #expect(try code("path", ["ibc"]) == "path")
    #expect(try code("value", .null) == "kind")
    #expect(try code("proof", "0a00") == "choice")
    #expect(try code("specs", ["tendermint", "tendermint"]) == "inner")
    #expect(
      try code("root", "0x1111111111111111111111111111111111111111111111111111111111111111") == "rootMismatch"
    )
  }

  @Test("takes the root of a header and says that it was trusted; without a root it decides nothing")
  func roots() throws {
    let (_, root) = try Self.fixture("verify_membership_key_0")
    var members = try #require(try Self.input("verify_membership_key_0").object)
    members["root"] = nil
    let open = try ICS23Verification.verify(.object(members))
    #expect(open.exitCode == 3)
    members["header"] = ["app_hash": root, "height": "37", "chain_id": "simd-1"]
    let held = try ICS23Verification.verify(.object(members))
    #expect(held.outcome == .valid)
    #expect(held.assumptions.map(\.code) == ["headerTrusted"])
  }
}
