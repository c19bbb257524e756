import Encodings
import Foundation
import LightClients
import SignatureSchemes
import SignerWire
import SigningRules
import Testing
import WireBytes

/// A key that three signers hold together, each in a process of its own.
@Suite("causeway-signer threshold", .timeLimit(.minutes(10)))
struct ThresholdProgramTests {
  @Test(
    "makes one key in three processes, keeps its shares over a restart, and any two sign what their rules allow"
  )
  func generation() throws {
    let homes = try (0..<3).map { _ in try SignerStoryTests.Home() }
    // One client, known to all three signers.
    let admin = homes[0].folder.path + "/admin"
    var signers: [String] = []
    for (index, home) in homes.enumerated() {
      let place = home.folder.path + "/member"
      let key = try SignerProgram.run(["client", "show", admin]).output.trimmingCharacters(
        in: .whitespacesAndNewlines)
      let run = try SignerProgram.run([
        "init", "--directory", place, "--domain", "operator", "--passphrase-file", home.passphrase,
        "--anchor-directory", home.anchors, "--scrypt-log-n", "14", "--client",
        "admin=\(key):admin+sign+observe",
      ])
      #expect(run.code == 0, "\(index): \(run.complaint)")
      signers.append(place)
    }
    var members: [String] = []
    for (index, place) in signers.enumerated() { members += ["--member", "\(index + 1)=\(place)"] }
    func serve() throws -> [SignerStoryTests.Serving] {
      try zip(homes, signers).map { try SignerStoryTests.Serving($0, directory: $1) }
    }
    var serving = try serve()
    let made = try SignerProgram.run(
      ["threshold", "dkg", "--needed", "2"] + members + ["--key", admin, "--json"])
    #expect(made.code == 0, "\(made.complaint)")
    let key = try #require(try made.json()["key"]?.string)
    for signer in serving { #expect(signer.stop() == 0) }
    serving = try serve()
    let shown = try SignerProgram.run(["threshold", "show"] + members + ["--key", admin, "--json"])
    let shares = try #require(try shown.json()["shares"]?.array)
    #expect(shares.map { $0["key"]?.string } == [key, key, key])
    #expect(shares.compactMap { $0["member"]?.integer(Int.self) } == [1, 2, 3])
    #expect(Set(shares.map { $0["group"]?.string }).count == 1)
    for signer in serving { #expect(signer.stop() == 0) }

    // Each member's policy is put in force by who has that member's passphrase.
    for (home, place) in zip(homes, signers) {
      try Self.grant(key, in: place, home.folder.path + "/granting")
      let set = try SignerProgram.run([
        "policy", "set", home.folder.path + "/granting", "--directory", place, "--passphrase-file",
        home.passphrase,
      ])
      #expect(set.code == 0, "\(set.complaint)")
    }
    serving = try serve()
    defer { for signer in serving { _ = signer.stop() } }

    func sign(_ vote: VoteStatement, by pair: [String]) throws -> SignerProgram.Run {
      let request = homes[0].folder.path + "/request"
      try Data(Hex.encode(try SigningRequestCoding.encode(.vote(vote))).utf8).write(
        to: URL(fileURLWithPath: request))
      return try SignerProgram.run(["threshold", "sign", key, request] + pair + ["--key", admin, "--json"])
    }
    let block = CometBFT.BlockID(
      hash: Bytes32 { _ in 7 }, parts: CometBFT.PartSetHeader(total: 1, hash: Bytes32 { _ in 8 }))
    let vote = try Self.vote(block)
    let publicKey = try Bytes32(hex: try #require(shares[0]["publicKey"]?.string))
    for pair in [Array(members[0..<4]), Array(members[2..<6])] {
      let signed = try sign(vote, by: pair)
      #expect(signed.code == 0, "\(signed.complaint)")
      let signature = try Bytes64(hex: try #require(try signed.json()["signature"]?.string))
      let message = vote.signBytes
      try Ed25519.verify(message.span, signature: signature, key: publicKey, rule: .rfc8032Strict)
    }
    // Another claim for the same step: every member has its own watermark, and none gives a share.
    let other = try sign(try Self.vote(nil), by: Array(members[0..<4]))
    #expect(other.code == 1 && other.complaint.contains("thresholdRefused"), "\(other.complaint)")
    // One member alone is not enough.
    #expect(try sign(vote, by: Array(members[0..<2])).code != 0)
  }

  private static func vote(_ block: CometBFT.BlockID?) throws -> VoteStatement {
    try VoteStatement(
      chainID: "demo-1", kind: .precommit, height: 5, round: 0, blockID: block,
      timestamp: try CometBFT.Timestamp(seconds: 1_800_000_000))
  }

  /// The policy of a signer, with votes of the key granted to its one client.
  private static func grant(_ key: String, in place: String, _ file: String) throws {
    let text = try Data(contentsOf: URL(fileURLWithPath: place + "/policy.json"))
    var policy = try #require(try JSONValue(decoding: [UInt8](text)).object)
    var client = try #require(policy["clients"]?[0]?.object)
    client["grants"] = [["purpose": "vote", "keys": [.string(key)], "chains": ["demo-1"]]]
    policy["clients"] = [.object(client)]
    policy["keyLimits"] = [["key": .string(key), "purpose": "vote", "perMinute": 100]]
    try SignerStoryTests.Home.write(JSONValue.object(policy).text(), to: file)
  }
}
