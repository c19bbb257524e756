import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

@Suite("causeway verify")
struct VerifyTests {
  /// A kind, its example, and a place in it that is signed or proven.
  struct Example: CustomTestStringConvertible, Sendable {
    let kind: String
    let file: String
    /// Dotted path of a hex string, and the byte of it to change.
    let member: String
    let byte: Int
    /// The code of the refusal that the change must give.
    let refusal: String

    var testDescription: String { file }
  }

  static let examples = [
    Example(
      kind: "wormhole", file: "wormhole-mainnet-vaa.json", member: "vaa", byte: 1_000,
      refusal: "signatureInvalid"),
    Example(
      kind: "hyperlane", file: "hyperlane-multisig.json", member: "message", byte: 77, refusal: "threshold"),
    Example(
      kind: "ics23", file: "ics23-client.json", member: "value", byte: 3, refusal: "valueMismatch"),
    Example(
      kind: "mpt", file: "mpt-account.json", member: "stateRoot", byte: 5, refusal: "hashMismatch"),
  ]

  @Test("accepts each example, with premises", arguments: examples)
  func accepts(example: Example) throws {
    let run = try Program.run(["verify", example.kind, "examples/messages/\(example.file)", "--json"])
    #expect(run.code == 0)
    let report = try JSONValue(decoding: [UInt8](run.output.utf8))
    #expect(report["schema"] == "causeway.report/1")
    #expect(report["outcome"] == "valid")
    #expect(report["reason"]?.isNull == true)
    #expect(report["assumptions"]?.array?.isEmpty == false)
    #expect(report["steps"]?.array?.allSatisfy { $0["result"] == "passed" } == true)
  }

  @Test("judges a TPM's statement under a policy, and is undecided without one")
  func attestation() throws {
    let statement = ["verify", "tpm", "examples/messages/tpm-statement.json", "--json", "--at", "2026-06-01T00:00:00Z"]
    let policy = ["--policy", "examples/messages/tpm-policy.json"]
    for (arguments, code, outcome) in [
      (policy, 0, "valid"), ([], 3, "undecided"), (policy + ["--nonce", "0x00"], 1, "refused"),
    ] as [([String], Int32, String)] {
      let run = try Program.run(statement + arguments)
      #expect(run.code == code)
      #expect(try JSONValue(decoding: [UInt8](run.output.utf8))["outcome"]?.string == outcome)
    }
  }

  @Test("refuses each example after one bit was changed, and says why", arguments: examples)
  func refuses(example: Example) throws {
    let text = String(decoding: try Program.example(example.file), as: UTF8.self)
    let json = try JSONValue(decoding: [UInt8](text.utf8))
    let hex = try #require(
      example.member.split(separator: ".").reduce(json) { $0[String($1)] ?? .null }.string)
    var bytes = try Hex.decode(hex)
    bytes[example.byte] ^= 1
    let changed = text.replacingOccurrences(
      of: hex, with: Hex.encode(bytes, prefix: hex.hasPrefix("0x") ? "0x" : ""))
    let run = try Program.run(["verify", example.kind, "-", "--json"], input: [UInt8](changed.utf8))
    #expect(run.code == 1)
    let report = try JSONValue(decoding: [UInt8](run.output.utf8))
    #expect(report["outcome"] == "refused")
    #expect(report["reason"]?["code"]?.string == example.refusal)
  }

  @Test("leaves open what nothing was given for")
  func undecided() throws {
    let json = try JSONValue(decoding: try Program.example("mpt-account.json"))
    let proof = try #require(json["proof"])
    let run = try Program.run(["verify", "mpt", "-", "--json"], input: [UInt8](proof.text().utf8))
    #expect(run.code == 3)
    let report = try JSONValue(decoding: [UInt8](run.output.utf8))
    #expect(report["outcome"] == "undecided")
  }

  @Test(
    "ends with 2 for input that cannot be read",
    arguments: [
      ["verify", "mpt", "no-such-file.json"], ["verify", "mpt", "-"], ["verify", "wormhole", "docs"],
      ["verify", "no-such-kind", "-"], ["verify"], ["conform", "no-such-suite", "."],
      ["conform", "rlp", "no-such-folder"], ["--no-such-option"],
    ])
  func unreadable(arguments: [String]) throws {
    let run = try Program.run(arguments, input: [UInt8]("{".utf8))
    #expect(run.code == 2, "\(arguments): \(run.output) \(run.complaint)")
    #expect(!run.complaint.isEmpty)
  }

  @Test("says in JSON, too, that input cannot be read")
  func unreadableJSON() throws {
    let run = try Program.run(["verify", "mpt", "-", "--json"], input: [UInt8]("[".utf8))
    #expect(run.code == 2)
    let report = try JSONValue(decoding: [UInt8](run.output.utf8))
    #expect(report["outcome"] == "unreadable")
  }

  @Test("prints what the README shows")
  func readme() throws {
    let readme = try String(
      contentsOf: Corpora.packageRoot.appendingPathComponent("README.md"), encoding: .utf8)
    let blocks = readme.split(separator: "```console\n").dropFirst().map { $0.split(separator: "```")[0] }
    let block = try #require(blocks.first { $0.hasPrefix("$ causeway verify") })
    var lines = block.split(separator: "\n").map(String.init)
    let command = lines.removeFirst().split(separator: " ").dropFirst(2).map(String.init)
    let output = try Program.run(command).output
    #expect(lines.count > 5)
    for line in lines {
      // An ellipsis stands for lines, or for the rest of one, that are left out.
      let shown = (line.hasSuffix("…") ? String(line.dropLast()) : line).trimmingCharacters(in: .whitespaces)
      #expect(shown.isEmpty || output.contains(shown), "\(line)")
    }
  }
}
