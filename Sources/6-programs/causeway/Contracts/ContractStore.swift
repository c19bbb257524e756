import ArgumentParser
import ContractHost
import Contracts
import Devnet
import Encodings
import Ledger
import WireBytes

/// `causeway contract store`.
struct ContractStore: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store",
    abstract: "Put code into a domain; get its number.",
    discussion: """
      The file is checked here first, by the rules that the domain applies.

        causeway contract store counter.wasm --from alice --on island
      """)
  @Argument(help: "The WebAssembly file.", completion: .file(extensions: ["wasm"]))
  var file: String
  @OptionGroup var sending: ContractSending

  func run() async throws {
    let desk = try ContractDesk(sending.place)
    let wasm: [UInt8]
    do { wasm = try Terminal.read(file) } catch { throw Complaint("\(error)") }
    do { _ = try CodeAnalysis(checking: wasm) } catch {
      throw Complaint("\(file) cannot be stored: \(error.text)", code: 1)
    }
    let gas = sending.gas ?? 1_000_000 + 60 * UInt64(wasm.count)
    let receipt = try await desk.send(from: sending.from, gas: gas) {
      .storeCode(sender: $0, code: wasm, permission: nil)
    }
    guard case .storeCode(let id, let bytes) = receipt.answer else { throw ContractReceipt.unexpected }
    let checksum = Hex.encode(bytes, prefix: "")
    if desk.json {
      var members = receipt.json
      members["schema"] = "causeway.contract.code/1"
      members["code"] = .string(String(id))
      members["checksum"] = .string(checksum)
      return Terminal.print(JSONValue.object(members).text(pretty: true))
    }
    Terminal.print("\(Terminal.paint("stored", 32))  code \(id) on \(desk.domain.name), \(wasm.count) bytes")
    Terminal.print("  checksum     \(checksum)")
    receipt.printTail(desk.domain.name)
  }
}

extension ContractReceipt {
  static let unexpected = Complaint("the domain answered another message than was sent", code: 3)
}

/// `causeway contract instantiate`.
struct ContractInstantiate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "instantiate",
    abstract: "Make a contract of stored code; get its address.",
    discussion: """
      The address follows from the order in which contracts are made; with --salt it follows from the code, the maker and \
      the salt alone, and can be known before.

        causeway contract instantiate 1 '{"count":0}' --label counter --from alice
        causeway contract instantiate 1 '{"count":0}' --label counter --from alice --salt 01 --admin alice
      """)
  @Argument(help: "The code's number.")
  var code: UInt64
  @Argument(help: "What it begins with, as JSON.")
  var message: String
  @Option(help: "What people call it.")
  var label: String
  @Option(help: ArgumentHelp("Who may migrate it; nobody when left out.", valueName: "user"))
  var admin: String?
  @Option(help: ArgumentHelp("Tokens that it gets.", valueName: "amount[token]"))
  var funds: [String] = []
  @Option(help: ArgumentHelp("1 to 64 bytes that fix the address.", valueName: "hex"))
  var salt: String?
  @OptionGroup var sending: ContractSending

  func run() async throws {
    let desk = try ContractDesk(sending.place)
    let input = try ContractDesk.message(message)
    let coins = try desk.coins(funds)
    let admin = try admin.map { try desk.devnet.account($0) }
    let salt = try salt.map { text in
      guard let bytes = try? Hex.decode(text), (1...64).contains(bytes.count) else {
        throw Complaint("'\(text)' is no salt: give 1 to 64 bytes in hex")
      }
      return bytes
    }
    let receipt = try await desk.send(from: sending.from, gas: sending.gas ?? 3_000_000) { sender in
      if let salt {
        return .instantiate2(
          sender: sender, admin: admin, codeID: code, label: label, message: input, funds: coins, salt: salt,
          fixesMessage: false)
      }
      return .instantiate(
        sender: sender, admin: admin, codeID: code, label: label, message: input, funds: coins)
    }
    guard case .instantiate(let contract, let result) = receipt.answer else { throw ContractReceipt.unexpected }
    if desk.json {
      var members = receipt.json
      members["schema"] = "causeway.contract.instance/1"
      members["contract"] = .string(contract.text)
      members["result"] = .string(Hex.encode(result))
      return Terminal.print(JSONValue.object(members).text(pretty: true))
    }
    Terminal.print("\(Terminal.paint("made", 32))  '\(label)' on \(desk.domain.name)")
    Terminal.print("  address      \(contract.text)")
    if !result.isEmpty { Terminal.print("  result       \(ContractText.bytes(result))") }
    receipt.printTail(desk.domain.name)
  }
}
