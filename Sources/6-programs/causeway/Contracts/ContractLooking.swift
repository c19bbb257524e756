import ArgumentParser
import ContractHost
import Contracts
import Devnet
import Digests
import Encodings
import Ledger
import Messages
import WireBytes

/// `causeway contract list`.
struct ContractList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Codes, and the contracts that were made of them.",
    discussion: """
        causeway contract list
        causeway contract list --on island --json
      """)
  @OptionGroup var place: ContractPlace

  func run() async throws {
    let desk = try ContractDesk(place)
    var rows = [["code", "checksum", "label", "address", "admin"]]
    var json: [JSONValue] = []
    for code in try await desk.codes() {
      var contracts: [JSONValue] = []
      let found = try await desk.contracts(of: code.codeID)
      let checksum = Show.short(Hex.encode(code.checksum.array, prefix: ""))
      if found.isEmpty { rows.append([String(code.codeID), checksum, "", "no contract yet", ""]) }
      for address in found {
        guard let contract = try await desk.details(of: address) else { continue }
        let admin = contract.admin.map { desk.devnet.network.name(of: $0) } ?? ""
        rows.append([String(code.codeID), checksum, contract.label, address.text, admin])
        contracts.append(
          .object([
            "address": .string(address.text), "label": .string(contract.label),
            "admin": contract.admin.map { .string($0.text) } ?? .null,
          ]))
      }
      json.append(
        .object([
          "code": .string(String(code.codeID)), "checksum": .string(Hex.encode(code.checksum.array, prefix: "")),
          "creator": .string(code.creator.text), "contracts": .array(contracts),
        ]))
    }
    if desk.json {
      return Terminal.print(
        JSONValue.object([
          "schema": "causeway.contracts/1", "domain": .string(desk.domain.name), "codes": .array(json),
        ]).text(pretty: true))
    }
    guard rows.count > 1 else {
      return Terminal.print("no code on \(desk.domain.name) yet: `causeway contract store FILE --from alice`")
    }
    Terminal.print(Show.table(rows, right: [0], indent: ""))
  }
}

/// `causeway contract inspect`.
struct ContractInspect: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "What a file of code needs and offers, or what a domain knows of a contract.",
    discussion: """
      A file is checked by the rules of upload, without any devnet; ends with 1 when it would be refused.

        causeway contract inspect counter.wasm
        causeway contract inspect counter --on island
      """)
  @Argument(help: "A .wasm file, or a contract's address or label.")
  var subject: String
  @OptionGroup var place: ContractPlace

  func run() async throws {
    if let bytes = try? Terminal.read(subject) { return try inspect(bytes) }
    let desk = try ContractDesk(place)
    let address = try await desk.contract(subject)
    guard let contract = try await desk.details(of: address) else {
      throw Complaint("there is no contract at \(address.text) on \(desk.domain.name)", code: 1)
    }
    let name = { (account: AccountAddress) in desk.devnet.network.name(of: account) }
    if desk.json {
      return Terminal.print(
        JSONValue.object([
          "schema": "causeway.contract/1", "domain": .string(desk.domain.name), "address": .string(address.text),
          "label": .string(contract.label), "code": .string(String(contract.codeID)),
          "creator": .string(contract.creator.text), "admin": contract.admin.map { .string($0.text) } ?? .null,
          "port": .string(contract.ibc2Port),
        ]).text(pretty: true))
    }
    Terminal.print("'\(contract.label)' on \(desk.domain.name)")
    Terminal.print("  address      \(address.text)")
    Terminal.print("  code         \(contract.codeID)")
    Terminal.print("  made by      \(name(contract.creator))")
    Terminal.print("  admin        \(contract.admin.map(name) ?? "nobody: its code stays as it is")")
    Terminal.print("  port         \(contract.ibc2Port)")
  }

  private func inspect(_ wasm: [UInt8]) throws {
    let analysis: CodeAnalysis
    do { analysis = try CodeAnalysis(checking: wasm) } catch {
      throw Complaint("\(subject) would be refused: \(error.text)", code: 1)
    }
    let checksum = Hex.encode(SHA256Hash.hash(wasm).array, prefix: "")
    let entryPoints = EntryPoint.allCases.filter { analysis.entryPoints.contains($0) }.map(\.exportName)
    let imports = analysis.imports.map(\.name).sorted()
    let capabilities = analysis.requiredCapabilities.sorted()
    if place.devnet.json {
      return Terminal.print(
        JSONValue.object([
          "schema": "causeway.contract.analysis/1", "bytes": .number(String(wasm.count)),
          "checksum": .string(checksum),
          "entry_points": .array(entryPoints.map { .string($0) }), "imports": .array(imports.map { .string($0) }),
          "capabilities": .array(capabilities.map { .string($0) }),
          "migrate_version": analysis.migrateVersion.map { .string(String($0)) } ?? .null,
        ]).text(pretty: true))
    }
    Terminal.print("\(subject): \(wasm.count) bytes, accepted")
    Terminal.print("  checksum     \(checksum)")
    Terminal.print("  entry points \(entryPoints.joined(separator: " "))")
    Terminal.print("  imports      \(imports.joined(separator: " "))")
    Terminal.print("  needs        \(capabilities.isEmpty ? "nothing of the domain" : capabilities.joined(separator: " "))")
  }
}
