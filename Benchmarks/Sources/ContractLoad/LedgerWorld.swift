import ContractHost
import Contracts
import Crypto
import Foundation
import Gate
import Ledger
import LedgerService
import LightClients
import Messages
import PacketHost
import WireBytes

/// A key whose account executes contracts here.
struct Sender {
  let key: Curve25519.Signing.PrivateKey
  let account: AccountKey
  let number: UInt64
  var sequence: UInt64 = 0

  init(_ seed: UInt8, number: UInt64) throws {
    key = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: seed, count: 32))
    account = .ed25519(try Bytes32([UInt8](key.publicKey.rawRepresentation)))
    self.number = number
  }

  mutating func sign(_ messages: [WasmMessage], gas: UInt64, rules: LedgerRules) throws -> [UInt8] {
    let unsigned = UnsignedTransaction(
      messages.map { $0.ledgerMessage.encoded() }, fee: [Coin(rules.fee(for: gas), rules.feeDenom)],
      gasLimit: gas,
      key: account, sequence: sequence, chainID: rules.chainID, accountNumber: number)
    sequence += 1
    return unsigned.signed([UInt8](try key.signature(for: unsigned.signBytes)))
  }
}

/// A domain with contracts, its users and its validator.
struct LedgerWorld {
  static let start: Int64 = 1_780_000_000
  static let name = "harbor-1"

  let validator: Curve25519.Signing.PrivateKey
  let genesis: Genesis
  let domain: DomainID
  let keeper: ContractKeeper
  var users: [Sender]

  init(users count: Int, engine: ContractEngine) throws {
    let denom = try Denom("uharbor")
    validator = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 200, count: 32))
    let seeds = (1...UInt8(count))
    // Accounts of a genesis are numbered in the order of their addresses.
    let ordered = try seeds.map { ($0, try Sender($0, number: 0).account.address) }.sorted { $0.1 < $1.1 }
    users = try ordered.enumerated().map { try Sender($1.0, number: UInt64($0)) }
    genesis = try Genesis(
      rules: LedgerRules(chainID: Self.name, feeDenom: denom, hasContracts: true), time: CometBFT.Timestamp(seconds: Self.start),
      validators: [
        .init(name: "local", publicKey: Bytes32([UInt8](validator.publicKey.rawRepresentation)), power: 10)
      ],
      balances: users.map {
        .init(account: $0.account.address, coins: [Coin(UInt256(UInt64(1) << 60), denom)])
      })
    domain = try DomainID("cosmos:\(Self.name)")
    keeper = ContractKeeper(
      engine: engine, domain: domain, programs: .standard,
      settings: ContractSettings(authority: users[0].account.address))
  }

  var programs: LedgerPrograms { LedgerPrograms.standard.with(contracts: keeper) }
  var host: PacketHost { .ledger(domain: domain, programs: programs) }

  func votes(for requests: [VoteRequest]) throws -> [CometBFT.CommitVote] {
    try requests.map { $0.signed(try Bytes64([UInt8](validator.signature(for: $0.signBytes)))) }
  }

  struct Signer: VoteSigning {
    let world: LedgerWorld

    func votes(for requests: [VoteRequest]) async throws(VoteSigningError) -> [CometBFT.CommitVote] {
      do { return try world.votes(for: requests) } catch { throw .unavailable }
    }
  }

  /// A transaction of the first user, who also pins.
  mutating func first(_ message: (AccountAddress) -> WasmMessage) throws -> [UInt8] {
    let account = users[0].account.address
    return try users[0].sign([message(account)], gas: 50_000_000, rules: genesis.rules)
  }

  /// Transactions of all users in turns, each of which counts up once for each message.
  mutating func executions(_ count: Int, messages: Int, of contract: AccountAddress) throws -> [[UInt8]] {
    try (0..<count).map { index in
      let user = index % users.count
      let sender = users[user].account.address
      let message = WasmMessage.execute(
        sender: sender, contract: contract, message: [UInt8](#"{"increment":{}}"#.utf8), funds: [])
      return try users[user].sign(
        [WasmMessage](repeating: message, count: messages), gas: 200_000 + 200_000 * UInt64(messages),
        rules: genesis.rules)
    }
  }
}
