import ContractHost
import Encodings
import Foundation
import TestSupport
import Testing

/// Cases whose results another implementation has computed: tools/vectors/contracts_auction.py.
struct AuctionCase: Sendable, CustomTestStringConvertible {
  let name: String
  let request: JSONValue
  let want: JSONValue
  var testDescription: String { name }

  static let all: [AuctionCase] = {
    let file = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/contracts/auction.json")
    guard let bytes = try? Data(contentsOf: file), let json = try? JSONValue(decoding: [UInt8](bytes)) else {
      return []
    }
    return (json["cases"]?.array ?? []).compactMap {
      guard let name = $0["name"]?.string, let request = $0["request"], let want = $0["want"] else {
        return nil
      }
      return AuctionCase(name: name, request: request, want: want)
    }
  }()
}

@Suite("Kit: auction", .enabled(if: Bench.isReady, Bench.absence))
struct AuctionTests {
  private static func ask(_ request: String) throws -> JSONValue {
    let domain = MiniDomain("harbor-1")
    domain.world.codes["auction"] = "auction"
    return try domain.query("auction", request)
  }

  private static func refusal(_ request: String) -> String {
    do {
      _ = try ask(request)
      return "not refused"
    } catch { return "\(error)" }
  }

  @Test("has all the cases")
  func count() { #expect(AuctionCase.all.count == 103) }

  @Test("pays and tells what the rules say", arguments: AuctionCase.all)
  func plays(auction: AuctionCase) throws {
    let answer = try Self.ask(auction.request.text())
    #expect(answer["payouts"] == auction.want["payouts"] && answer["state"] == auction.want["state"])
    let wanted = auction.want["replies"]?.array ?? []
    let replies = answer["replies"]?.array ?? []
    try #require(replies.count == wanted.count)
    // Neither the length of a reply nor its order says whose it is or how it went.
    for (index, reply) in replies.enumerated() {
      let body = try #require(reply["body"]?.string.flatMap { Data(base64Encoded: $0) })
      #expect(body.count == 512 && reply["to"]?.integer(Int.self) == index)
      let text = try #require(wanted[index].string)
      #expect(body == Data(text.utf8) + Data(repeating: 0x20, count: 512 - text.utf8.count))
    }
  }

  @Test("tells nobody what others have bid")
  func tellsNothing() throws {
    let auction = try #require(AuctionCase.all.first { $0.name == "three bids" })
    let answer = try Self.ask(auction.request.text())
    let replies = (answer["replies"]?.array ?? []).compactMap {
      $0["body"]?.string.flatMap { Data(base64Encoded: $0) }.map { String(decoding: $0, as: UTF8.self) }
    }
    try #require(replies.count == 4)
    // The losers' words are the same, and have no number in them; the winner's own 500 is told to nobody.
    #expect(replies[1] == replies[3])
    #expect(!replies[1].contains { $0.isNumber })
    #expect(replies.allSatisfy { !$0.contains("500") && !$0.contains("300") })
  }

  @Test("refuses what is no case")
  func refuses() {
    let number = "0x" + String(repeating: "ab", count: 32)
    #expect(Self.refusal(#"{"count":{}}"#) == "unknown message count")
    #expect(Self.refusal(#"{"compute":{"inputs":[]}}"#) == "missing field case")
    #expect(Self.refusal(#"{"compute":{"case":"0xab","inputs":[]}}"#) == "malformed case")
    #expect(Self.refusal(#"{"compute":{"case":"\#(number)"}}"#) == "missing field inputs")
    #expect(Self.refusal(#"{"compute":{"case":"\#(number)","inputs":[],"more":1}}"#) == "unknown field more")
    func input(_ members: String) -> String {
      Self.refusal(#"{"compute":{"case":"\#(number)","inputs":[{"sender":"0x00","nonce":1,\#(members)}]}}"#)
    }
    #expect(input(#""coins":[],"body":"!""#) == "malformed base64")
    #expect(input(#""coins":[{"denom":"a","amount":"0"}],"body":"""#) == "malformed amount")
    #expect(input(#""coins":[{"denom":"a","amount":5}],"body":"""#) == "malformed string")
    #expect(input(#""body":"""#) == "missing field coins")
    let many = String(repeating: #"{"sender":"0x00","nonce":1,"coins":[],"body":""},"#, count: 257).dropLast()
    #expect(Self.refusal(#"{"compute":{"case":"\#(number)","inputs":[\#(many)]}}"#) == "malformed inputs")
  }
}
