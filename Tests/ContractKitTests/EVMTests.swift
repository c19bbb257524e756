import ContractHost
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

/// What eth_utils and eth_abi have computed: tools/vectors/contracts_evm.py.
enum EVMVectors {
  private static func read(_ path: String) -> JSONValue? {
    let file = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/\(path)")
    return (try? Data(contentsOf: file)).flatMap { try? JSONValue(decoding: [UInt8]($0)) }
  }

  private static let file = read("contracts/evm.json")

  static func cases(_ name: String) -> [JSONValue] { file?[name]?.array ?? [] }

  /// Message lengths and digests, by pycryptodome.
  static let digests: [(length: Int, want: String)] = (read("digests/keccak256.json")?["cases"]?.array ?? [])
    .compactMap {
      guard let length = $0["length"]?.integer(Int.self), let want = $0["want"]?.string else { return nil }
      return (length, want)
    }

  static func text(_ json: JSONValue, _ member: String) throws -> String {
    try #require(json[member]?.string)
  }
}

@Suite("Kit: EVM chains", .enabled(if: Bench.isReady, Bench.absence))
struct EVMTests {
  private let harbor = MiniDomain("harbor-1")
  /// The contract that answers with the kit's own functions.
  private let kit: String

  init() throws {
    kit = try harbor.instantiate("misbehaving", #"{"nothing":{}}"#, by: TwoDomains.keeper)
  }

  private func base64(_ hex: String) throws -> String { Base64.encode(try Hex.decode(hex)) }

  @Test("hashes as others do: every length up to four blocks and beyond")
  func keccak() throws {
    #expect(EVMVectors.digests.count == 601)
    for (length, want) in EVMVectors.digests {
      let message = (0..<length).map { UInt8((7 * $0 + 3) % 251) }
      let answer = try harbor.query(kit, #"{"keccak256":{"bytes":"\#(Base64.encode(message))"}}"#)
      #expect(answer.string == want, "\(length) bytes")
    }
    // https://keccak.team/archives.html, and the one that every EVM client has in its code.
    for (text, want) in [
      ("abc", "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
      ("", "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
    ] {
      let bytes = Base64.encode([UInt8](text.utf8))
      #expect(try harbor.query(kit, #"{"keccak256":{"bytes":"\#(bytes)"}}"#).string == want)
    }
  }

  @Test("finds the execution accounts that a handler makes")
  func accounts() throws {
    let cases = EVMVectors.cases("accounts")
    #expect(cases.count == 6)
    for each in cases {
      let question = """
        {"execution_account":{"sender":"\(try base64(EVMVectors.text(each, "sender")))",\
        "client":"\(try EVMVectors.text(each, "client"))","handler":"\(try EVMVectors.text(each, "handler"))",\
        "code_hash":"\(try base64(EVMVectors.text(each, "code_hash")))"}}
        """
      #expect(try harbor.query(kit, question) == .string(EVMVectors.text(each, "account")))
    }
  }

  @Test("writes calls as Solidity's ABI has them")
  func calls() throws {
    let cases = EVMVectors.cases("calls")
    #expect(cases.count == 7)
    for each in cases {
      // JSON as text, as the contract reads it.
      let arguments = try EVMVectors.text(each, "arguments")
      let signature = try EVMVectors.text(each, "signature")
      let question = #"{"calldata":{"signature":"\#(signature)","arguments":\#(arguments)}}"#
      #expect(try harbor.query(kit, question) == .string(EVMVectors.text(each, "calldata")), "\(signature)")
    }
  }

  @Test("reads answers of so many words, and no others")
  func answers() throws {
    let cases = EVMVectors.cases("answers")
    #expect(cases.count == 9)
    for each in cases {
      let answer = try base64(EVMVectors.text(each, "answer"))
      let count = try #require(each["count"]?.integer(Int.self))
      #expect(
        try harbor.query(kit, #"{"words":{"answer":"\#(answer)","count":\#(count)}}"#) == each["words"])
    }
  }

  @Test("takes addresses in lower case or with their checksum, and nothing else")
  func addresses() throws {
    func told(_ text: String) -> String {
      let question = #"{"evm_address":{"text":"\#(text)"}}"#
      do { return try harbor.query(kit, question).string ?? "" } catch { return "\(error)" }
    }
    // EIP-55's own examples.
    let published = [
      "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
      "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ]
    let made = EVMVectors.cases("checksums").compactMap(\.string)
    #expect(made.count == 12)
    for text in published + made {
      #expect(told(text) == text.lowercased())
      #expect(told(text.lowercased()) == text.lowercased())
      for index in text.indices.dropFirst(2) where text[index].isLetter {
        var other = text
        let letter = String(text[index])
        other.replaceSubrange(
          index...index, with: letter == letter.lowercased() ? letter.uppercased() : letter.lowercased())
        if other != other.lowercased() { #expect(told(other) == "malformed address", "\(other)") }
      }
    }
    let plain = "0x" + String(repeating: "1", count: 40)
    for text in [
      "", "0x", String(plain.dropFirst(2)), String(plain.dropLast()), plain + "1", "0X" + plain.dropFirst(2),
      String(plain.dropLast()) + "g", TwoDomains.alice,
    ] {
      #expect(told(text) == "malformed address", "\(text)")
    }
  }
}
