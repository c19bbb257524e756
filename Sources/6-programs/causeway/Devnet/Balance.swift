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
    abstract: "Who has what, in each domain.",
    discussion: """
      Vouchers are shown with the way that they came: transfer/CLIENT/TOKEN. On reef these are ether, in wei, and the \
      ERC-20 contracts that stand for ledgers' tokens.

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
      for domain in devnet.network.domains where domain.kind == .embedded {
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
    if let reef = devnet.network.reef {
      for person in people {
        guard let address = devnet.network.evmAccounts[person.name] else { continue }
        let held = try await ReefBalances(devnet, reef).of(address)
        for coin in held { rows.append([person.name, reef.name, coin.amount.description, coin.path]) }
        json.append(
          .object([
            "account": .string(person.name), "address": .string(address.description),
            "domain": .string(reef.name),
            "coins": .array(
              held.map {
                .object([
                  "amount": .string($0.amount.description), "denom": .string($0.token),
                  "path": .string($0.path),
                ])
              }),
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

/// What an account has on the EVM chain: ether, and vouchers of what the ledgers have there.
private struct ReefBalances {
  private let devnet: DevnetConnection
  private let reef: Network.Domain

  init(_ devnet: DevnetConnection, _ reef: Network.Domain) {
    self.devnet = devnet
    self.reef = reef
  }

  func of(_ account: Bytes20) async throws -> [(amount: UInt256, token: String, path: String)] {
    guard let chain = devnet.reef, let transfer = devnet.network.contracts?["Transfer"] else { return [] }
    let wei = try await devnet.reach(reef) { () async throws(AccessError) in
      try await chain.balance(of: account)
    }
    var held = [(amount: wei, token: reef.feeDenom.text, path: reef.feeDenom.text)]
    for (lane, client) in devnet.network.lanes(on: reef) {
      let home = devnet.network.domain(lane.far(from: reef.name).domain)
      for path in [home?.feeDenom.text].compactMap(\.self).map({
        TokenPath($0).adding(.transfer, client).text
      }) {
        let amount = try await devnet.onReef { () async throws(EVMSideError) -> (UInt256, Bytes20)? in
          let voucherOf = try EVMFunction("voucherOf(string)", returns: [.address])
          guard
            case .address(let token)? = try await voucherOf.ask(transfer, [.string(path)], on: chain)?.first,
            token != Bytes20()
          else { return nil }
          let balanceOf = try EVMFunction("balanceOf(address)", returns: [.uint256])
          guard
            case .uint(let amount)? = try await balanceOf.ask(token, [.address(account)], on: chain)?.first
          else {
            return nil
          }
          return (amount, token)
        }
        if let (amount, token) = amount, amount > .zero { held.append((amount, token.description, path)) }
      }
    }
    return held
  }
}
