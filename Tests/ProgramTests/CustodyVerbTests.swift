import Encodings
import Testing

@Suite("causeway audit FILE")
struct CustodyVerbTests {
  private static let file = "examples/custody/settled.json"
  private static let trust = [
    "--chain-id", "harbor-1", "--validators-hash",
    "0x9679fe9a854c05e179be41298d2062d26188ea5f7ae59be7102094a2e62c1ac9",
  ]

  private static func audit(_ arguments: [String], input: [UInt8] = []) throws -> (Int32, JSONValue) {
    let run = try Program.run(["audit"] + arguments + ["--json"], input: input)
    return (run.code, try JSONValue(decoding: [UInt8](run.output.utf8)))
  }

  @Test("walks a settled case from the file alone")
  func walks() throws {
    let (code, report) = try Self.audit([Self.file] + Self.trust)
    #expect(code == 0)
    #expect(report["outcome"] == "valid" && report["kind"] == "custody")
    #expect(report["steps"]?.array?.count == 10)
    #expect(report["steps"]?.array?.allSatisfy { $0["result"] == "passed" } == true)
    let codes = report["assumptions"]?.array?.compactMap { $0["code"]?.string } ?? []
    #expect(codes.contains("validators") && codes.contains("simulated"))
    let words = try Program.run(["audit", Self.file] + Self.trust)
    #expect(words.code == 0 && words.output.contains("VALID  custody"))
  }

  @Test("refuses the file under other validators, and another chain's name, at the block")
  func strangers() throws {
    let other = "0x" + String(repeating: "11", count: 32)
    for trust in [
      ["--chain-id", "harbor-1", "--validators-hash", other],
      ["--chain-id", "island-1"] + Self.trust.suffix(2),
    ] {
      let (code, report) = try Self.audit([Self.file] + trust)
      #expect(code == 1)
      #expect(report["outcome"] == "refused" && report["reason"]?["code"] == "block")
    }
  }

  @Test("names the link that was changed")
  func changed() throws {
    let text = try Program.run(["audit", Self.file] + Self.trust + ["--json"])
    #expect(text.code == 0)
    let whole = String(decoding: try Program.custody("settled.json"), as: UTF8.self)
    let json = try JSONValue(decoding: [UInt8](whole.utf8))
    let signature = try #require(json["settlement"]?["receipt"]?["signature"]?.string)
    let first = try #require(signature.last)
    let other = String(signature.dropLast()) + (first == "0" ? "1" : "0")
    let changed = whole.replacing(signature, with: other)
    let (code, report) = try Self.audit(["-"] + Self.trust, input: [UInt8](changed.utf8))
    #expect(code == 1)
    #expect(report["reason"]?["code"] == "receipt")
  }

  @Test("asks whom to trust, and says when a file is no bundle")
  func usage() throws {
    #expect(try Program.run(["audit", Self.file]).code == 2)
    #expect(try Program.run(["audit"] + Self.trust).code == 2)
    let run = try Program.run(["audit", "-"] + Self.trust, input: [UInt8]("{}".utf8))
    #expect(run.code == 2 && run.complaint.contains("not a custody bundle"))
  }
}
