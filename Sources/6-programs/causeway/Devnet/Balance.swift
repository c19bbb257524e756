import ArgumentParser
import ChainAccess
import Devnet
import Encodings
import Ledger
import Messages
import PacketHost
import WireBytes

/// `causeway balance`: who has what, where.
struct Balance: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Who has what, in both domains.",
    discussion: """
      Vouchers are shown with the way that they came: transfer/CLIENT/TOKEN.

        causeway balance
        causeway balance bob --json
      """)
  @Argument(help: ArgumentHelp("A user or an address; everybody when left out.", valueName: "user"))
  var user: String?
  @OptionGroup var devnet: DevnetArguments

  func run() async throws {
    let devnet = try devnet.connect()
    let people: [(name: String, address: AccountAddress)] =
      try user.map { [(name: $0, address: try devnet.account($0))] }
      ?? devnet.network.users.compactMap { name in devnet.network.accounts[name].map { (name, $0) } }
    var rows = [["account", "domain", "amount", "token"]]
    var json: [JSONValue] = []
    for person in people {
      for domain in devnet.network.domains {
        let access = devnet.access(domain)
        let coins = try await devnet.reach(domain) { () async throws(AccessError) in
          try await access.balances(of: person.address)
        }
        var held: [JSONValue] = []
        for coin in coins {
          let path: TokenPath
          do { path = try await ValueAudit.path(of: coin.denom, on: domain, access) } catch {
            throw Complaint("\(domain.name) does not say what \(coin.denom) is", code: 3)
          }
          rows.append([person.name, domain.name, coin.amount.description, path.text])
          held.append(
            .object([
              "amount": .string(coin.amount.description), "denom": .string(coin.denom.text),
              "path": .string(path.text),
            ]))
        }
        if coins.isEmpty { rows.append([person.name, domain.name, "0", domain.feeDenom.text]) }
        json.append(
          .object([
            "account": .string(person.name), "address": .string(person.address.text),
            "domain": .string(domain.name), "coins": .array(held),
          ]))
      }
    }
    if self.devnet.json {
      Terminal.print(
        JSONValue.object(["schema": "causeway.balances/1", "balances": .array(json)]).text(pretty: true))
    } else {
      Terminal.print(Show.table(rows, right: [2], indent: ""))
    }
  }
}
