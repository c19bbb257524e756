import Devnet
import Encodings
import Foundation
import Ledger
import Messages
import Testing
import WireBytes

@Suite("Files of a devnet")
struct FileTests {
  static let text = """
    {"schema":"causeway.network/1","process":7,"domains":[
    {"name":"harbor","kind":"embedded","chain_id":"harbor-1","fee_denom":"uharbor","rpc":"http://127.0.0.1:1",
    "caip2":"cosmos:harbor-1"},
    {"name":"island","kind":"embedded","chain_id":"island-1","fee_denom":"uisland","rpc":"http://127.0.0.1:2",
    "caip2":"cosmos:island-1"},
    {"name":"reef","kind":"evm","chain_id":"31337","fee_denom":"wei","rpc":"http://127.0.0.1:3",
    "caip2":"eip155:31337"}],
    "contracts":{"Router":"0x00000000000000000000000000000000000000aa"},
    "lanes":[{"kind":"light","ends":[{"domain":"harbor","client":"07-tendermint-1"},
    {"domain":"island","client":"07-tendermint-2"}]}],
    "accounts":{},"users":["alice"],"attesters":["0x01"],"quorum":1}
    """

  @Test("network.json says again what was read from it")
  func network() throws {
    let json = try JSONValue(decoding: [UInt8](Self.text.utf8))
    let network = try Network(json: json)
    #expect(try Network(json: network.json) == network)
    #expect(network.domain("cosmos:island-1")?.endpoint == "http://127.0.0.1:2")
    #expect(network.domain("eip155:31337")?.kind == .evm)
    #expect(network.contracts?["Router"]?.array.last == 0xaa)
    let lane = try #require(network.lanes.first)
    #expect(network.other(network.harbor, over: lane).name == "island")
    #expect(lane.client(on: "island")?.text == "07-tendermint-2")
    #expect(lane.client(on: "reef") == nil)
    #expect(network.account("nobody") == nil)
  }

  @Test(
    "network.json without a part is refused by name",
    arguments: [
      ("schema", "schema"), ("process", "process"), ("domains", "domains"), ("ends", "lanes"), ("client", "lanes"),
      ("fee_denom", "domains"),
    ])
  func refusals(member: String, named: String) throws {
    let text = Self.text.replacingOccurrences(of: "\"\(member)\"", with: "\"absent\"")
    let json = try JSONValue(decoding: [UInt8](text.utf8))
    #expect(throws: NetworkFileError.form(member: named)) { try Network(json: json) }
  }

  @Test("there is no network in a directory that nothing was made in")
  func absent() {
    #expect(throws: NetworkFileError.absent) { try Network(in: DevnetDirectory("/nonexistent")) }
    #expect(DevnetDirectory("/nonexistent").runningProcess == nil)
  }

  @Test("a command is its JSON, and nothing else is")
  func commands() throws {
    for verb in DevnetCommand.Verb.allCases {
      let command = DevnetCommand(verb, lane: .light)
      #expect(DevnetCommand(json: command.json) == command)
    }
    #expect(DevnetCommand(json: ["schema": "causeway.command/1", "verb": "stop", "lane": "light"]) == nil)
    #expect(DevnetCommand(json: ["verb": "pause", "lane": "light"]) == nil)
  }

  @Test("a journal's last line may be cut off, any other may not")
  func journal() throws {
    let hash = Bytes32 { _ in 7 }
    let entries = [
      JournalEntry(domain: "harbor", transaction: hash, height: 12),
      JournalEntry(domain: "island", transaction: hash, height: nil),
    ]
    let text = entries.map { $0.line + "\n" }.joined()
    #expect(try JournalEntry.all(of: text) == entries)
    #expect(try JournalEntry.all(of: text + "harbor 0x07") == entries)
    #expect(throws: AuditError.journal(line: 2)) {
      try JournalEntry.all(of: entries[0].line + "\nharbor 0x07\n" + entries[1].line + "\n")
    }
  }
}
