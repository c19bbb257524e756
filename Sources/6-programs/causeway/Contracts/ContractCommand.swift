import ArgumentParser
import ChainAccess
import ContractHost
import Contracts
import Devnet
import Encodings
import Ledger
import Messages
import PacketHost
import Transactions
import WireBytes

/// `causeway contract`: code and contracts of a devnet's domains.
struct Contract: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Put contracts into a domain, call them, and look at them.",
    discussion: """
      Contracts are CosmWasm: code compiled to WebAssembly that is stored once and instantiated as often as you like. \
      `causeway new contract NAME` begins one in Swift. A contract is named by its address, or by its label where only one \
      has it.

        causeway contract store counter.wasm --from alice
        causeway contract instantiate 1 '{"count":0}' --label counter --from alice
        causeway contract execute counter '{"add":{"by":5}}' --from alice
        causeway contract query counter '{"get":{}}'
      """,
    subcommands: [
      ContractStore.self, ContractInstantiate.self, ContractExecute.self, ContractQuerying.self,
      ContractMigrate.self, ContractList.self, ContractInspect.self,
    ])

  /// Nothing was named: help, and the exit code of wrong usage.
  func run() async throws {
    Terminal.complain(Self.helpMessage())
    throw ExitCode(2)
  }
}

/// What every verb about contracts takes.
struct ContractPlace: ParsableArguments {
  @Option(help: ArgumentHelp("The domain: harbor or island.", valueName: "domain"))
  var on = DevnetNames.harbor
  @OptionGroup var devnet: DevnetArguments
}

/// What verbs take that send a transaction.
struct ContractSending: ParsableArguments {
  @Option(help: ArgumentHelp("Who signs, and pays.", valueName: "user"))
  var from: String
  @Option(help: ArgumentHelp("What it may use; otherwise enough for what contracts usually do.", valueName: "gas"))
  var gas: UInt64?
  @OptionGroup var place: ContractPlace
}

/// A domain of a running devnet as verbs about contracts see it.
struct ContractDesk {
  let devnet: DevnetConnection
  let domain: Network.Domain
  let json: Bool
  private let access: CometBFTAccess

  init(_ place: ContractPlace) throws {
    devnet = try place.devnet.connect()
    domain = try devnet.domain(place.on)
    json = place.devnet.json
    access = try devnet.ledger(domain)
  }

  /// Signs, sends, waits for the block, and gives the answer of the one message.
  func send(
    from user: String, gas: UInt64, _ message: (AccountAddress) throws -> WasmMessage
  ) async throws -> ContractReceipt {
    let (account, sender) = try await devnet.sender(user, on: domain)
    let wanted = try message(account.key.address)
    let sent: ObservedTransaction
    do { sent = try await sender.send([wanted.ledgerMessage], gasLimit: gas) } catch {
      switch error {
      case .failed(let transaction):
        throw Complaint(Self.words(transaction.result, gas: gas, domain.name), code: 1)
      default: throw Complaint(SendText.text(.send(error), domain.name), code: 1)
      }
    }
    guard let answers = try? TransactionAnswers(decoding: sent.result.payload).answers, let first = answers.first,
      let answer = try? WasmAnswer(decoding: first)
    else { throw Complaint("\(domain.name) gave an answer that is none of contracts", code: 3) }
    return ContractReceipt(answer: answer, transaction: sent)
  }

  private static func words(_ result: TransactionResult, gas: UInt64, _ domain: String) -> String {
    guard result.codespace == "sdk", result.code == 11 else { return "\(domain) refused it: \(result.log)" }
    return "it ran out of its \(gas) gas on \(domain): give more with --gas"
  }

  /// The answer to a query; nil when there is nothing.
  func ask(_ query: ContractQuery) async throws -> [UInt8]? {
    do { return try await access.answer(to: query.path, query.request) } catch {
      if case .endpoint(_, let message) = error { throw Complaint(message, code: 1) }
      throw Complaint(DevnetText.text(error, domain.name), code: 3)
    }
  }

  /// All pages of a list.
  func all<Element>(
    _ query: (ContractPage) -> ContractQuery,
    _ read: ([UInt8]) throws(ContractAnswerError) -> ContractAnswers.List<Element>
  ) async throws -> [Element] {
    var found: [Element] = []
    var page = ContractPage.first
    repeat {
      guard let answer = try await ask(query(page)) else { break }
      let list = try reading { () throws(ContractAnswerError) in try read(answer) }
      found += list.elements
      page = ContractPage(key: list.nextKey)
    } while !page.key.isEmpty
    return found
  }

  func codes() async throws -> [CodeDetails] { try await all(ContractQuery.codes, ContractAnswers.codes) }

  func contracts(of code: UInt64) async throws -> [AccountAddress] {
    try await all({ .contractsByCode(code, $0) }, ContractAnswers.contracts)
  }

  func details(of contract: AccountAddress) async throws -> ContractRecord? {
    guard let answer = try await ask(.contractInfo(contract)) else { return nil }
    return try reading { () throws(ContractAnswerError) in try ContractAnswers.contract(answer) }.record
  }

  /// What was read, or a complaint about the domain that answered.
  func reading<Value>(_ body: () throws(ContractAnswerError) -> Value) throws -> Value {
    do { return try body() } catch {
      throw Complaint("\(domain.name) gave an answer that is none of contracts (\(error))", code: 3)
    }
  }

  /// The contract of that address or label.
  func contract(_ text: String) async throws -> AccountAddress {
    if let address = try? AccountAddress(text: text) { return address }
    var found: [AccountAddress] = []
    for code in try await codes() {
      for contract in try await contracts(of: code.codeID) {
        if try await details(of: contract)?.label == text { found.append(contract) }
      }
    }
    if let only = found.first, found.count == 1 { return only }
    throw Complaint(
      found.isEmpty
        ? "there is no contract '\(text)' on \(domain.name): `causeway contract list --on \(domain.name)` shows all"
        : "\(found.count) contracts have the label '\(text)': name one by its address, "
          + found.map(\.text).joined(separator: ", "))
  }

  /// Amounts such as 25 or 25uharbor, as coins of the domain.
  func coins(_ texts: [String]) throws -> [Coin] {
    try texts.map { text in
      let digits = text.prefix { $0.isASCII && $0.isNumber }
      let name = text.dropFirst(digits.count)
      guard let amount = UInt256(decimal: String(digits)), amount > .zero,
        let denom = name.isEmpty ? domain.feeDenom : try? Denom(String(name))
      else { throw Complaint("'\(text)' is no amount: give smallest units, such as 25 or 25\(domain.feeDenom)") }
      return Coin(amount, denom)
    }
    .sorted { $0.denom < $1.denom }
  }

  /// The JSON that a contract is called with.
  static func message(_ text: String) throws -> [UInt8] {
    guard (try? JSONValue(decoding: [UInt8](text.utf8))) != nil else {
      throw Complaint("'\(text)' is no JSON: quote it for the shell, such as '{\"get\":{}}'")
    }
    return [UInt8](text.utf8)
  }
}

/// What became of a transaction about a contract.
struct ContractReceipt {
  let answer: WasmAnswer
  let transaction: ObservedTransaction

  /// What contracts said of themselves while it ran.
  var events: [Event] { transaction.result.events.filter { $0.type.hasPrefix("wasm") } }

  var json: [String: JSONValue] {
    [
      "transaction": .string("\(transaction.hash)"), "height": .string(String(transaction.height)),
      "gas_used": .string(String(transaction.result.gasUsed)),
      "events": .array(
        events.map { event in
          .object([
            "type": .string(event.type),
            "attributes": .array(
              event.attributes.map { .object(["key": .string($0.key), "value": .string($0.value)]) }),
          ])
        }),
    ]
  }

  func printTail(_ domain: String) {
    for event in events {
      let said = event.attributes.filter { $0.key != "_contract_address" }.map { "\($0.key)=\($0.value)" }
      if !said.isEmpty { Terminal.print("  \(event.type.padding(12)) \(said.joined(separator: " "))") }
    }
    Terminal.print("  block        \(domain) \(transaction.height), \(transaction.result.gasUsed) gas")
  }
}

extension String {
  /// At least `width` wide, with spaces behind.
  fileprivate func padding(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

/// Bytes as people read them: text where they are printable, otherwise hex.
enum ContractText {
  static func bytes(_ bytes: [UInt8]) -> String {
    guard let text = String(validating: bytes, as: UTF8.self),
      text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f })
    else { return Hex.encode(bytes) }
    return text
  }
}
