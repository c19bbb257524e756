import ArgumentParser
import ContractHost
import Contracts
import Devnet
import Encodings
import Ledger
import Messages
import WireBytes

/// `causeway contract execute`.
struct ContractExecute: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "execute",
    abstract: "Call a contract, with tokens where it wants some.",
    discussion: """
        causeway contract execute counter '{"add":{"by":5}}' --from alice
        causeway contract execute pool '{"swap":{"min_out":"90"}}' --from alice --funds 100
      """)
  @Argument(help: "Its address or label.")
  var contract: String
  @Argument(help: "What it is called with, as JSON.")
  var message: String
  @Option(help: ArgumentHelp("Tokens that go along.", valueName: "amount[token]"))
  var funds: [String] = []
  @OptionGroup var sending: ContractSending

  func run() async throws {
    let desk = try ContractDesk(sending.place)
    let input = try ContractDesk.message(message)
    let coins = try desk.coins(funds)
    let address = try await desk.contract(contract)
    let receipt = try await desk.send(from: sending.from, gas: sending.gas ?? 5_000_000) {
      .execute(sender: $0, contract: address, message: input, funds: coins)
    }
    try ContractResult.show(receipt, desk, "executed")
  }
}

/// `causeway contract migrate`.
struct ContractMigrate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Give a contract other code; only its admin may.",
    discussion: """
        causeway contract migrate counter 2 '{}' --from alice
      """)
  @Argument(help: "Its address or label.")
  var contract: String
  @Argument(help: "The number of the new code.")
  var code: UInt64
  @Argument(help: "What the new code is told, as JSON.")
  var message: String
  @OptionGroup var sending: ContractSending

  func run() async throws {
    let desk = try ContractDesk(sending.place)
    let input = try ContractDesk.message(message)
    let address = try await desk.contract(contract)
    let receipt = try await desk.send(from: sending.from, gas: sending.gas ?? 5_000_000) {
      .migrate(sender: $0, contract: address, codeID: code, message: input)
    }
    try ContractResult.show(receipt, desk, "migrated")
  }
}

enum ContractResult {
  static func show(_ receipt: ContractReceipt, _ desk: ContractDesk, _ what: String) throws {
    guard case .executed(let result) = receipt.answer else { throw ContractReceipt.unexpected }
    if desk.json {
      var members = receipt.json
      members["schema"] = "causeway.contract.call/1"
      members["result"] = .string(Hex.encode(result))
      return Terminal.print(JSONValue.object(members).text(pretty: true))
    }
    Terminal.print(Terminal.paint(what, 32))
    if !result.isEmpty { Terminal.print("  result       \(ContractText.bytes(result))") }
    receipt.printTail(desk.domain.name)
  }
}

/// `causeway contract query`.
struct ContractQuerying: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: "Ask a contract; nothing changes, and nobody pays.",
    discussion: """
      The answer is the endpoint's word: nothing proves it.

        causeway contract query counter '{"get":{}}'
        causeway contract query counter --raw 636f756e74
        causeway contract query counter --state
      """)
  @Argument(help: "Its address or label.")
  var contract: String
  @Argument(help: "The question, as JSON.")
  var message: String?
  @Option(help: ArgumentHelp("What is stored under this key, as it is.", valueName: "hex"))
  var raw: String?
  @Flag(help: "All that it has stored.")
  var state = false
  @OptionGroup var place: ContractPlace

  func validate() throws {
    guard [message != nil, raw != nil, state].filter({ $0 }).count == 1 else {
      throw ValidationError("Give a question, or --raw with a key, or --state.")
    }
  }

  func run() async throws {
    let desk = try ContractDesk(place)
    let address = try await desk.contract(contract)
    if state { return try await printState(desk, address) }
    let query: ContractQuery
    if let raw {
      guard let key = try? Hex.decode(raw) else { throw Complaint("'\(raw)' is no hex") }
      query = .rawContractState(address, key: key)
    } else {
      query = .smartContractState(address, message: try ContractDesk.message(message ?? ""))
    }
    guard let answer = try await desk.ask(query) else {
      throw Complaint("there is no contract at \(address.text) on \(desk.domain.name)", code: 1)
    }
    let bytes = try desk.reading { () throws(ContractAnswerError) in try ContractAnswers.bytes(answer) }
    guard raw == nil else { return Terminal.print(Hex.encode(bytes)) }
    // What a contract answers is JSON already.
    Terminal.print(String(decoding: bytes, as: UTF8.self))
  }

  private func printState(_ desk: ContractDesk, _ address: AccountAddress) async throws {
    let entries = try await desk.all({ .allContractState(address, $0) }, ContractAnswers.state)
    if desk.json {
      let list = entries.map { entry in
        JSONValue.object(["key": .string(Hex.encode(entry.key)), "value": .string(Hex.encode(entry.value))])
      }
      return Terminal.print(
        JSONValue.object(["schema": "causeway.contract.state/1", "entries": .array(list)]).text(pretty: true))
    }
    Terminal.print(
      Show.table(
        [["key", "value"]] + entries.map { [ContractText.bytes($0.key), ContractText.bytes($0.value)] }, indent: ""))
  }
}
