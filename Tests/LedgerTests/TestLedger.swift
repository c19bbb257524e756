import Crypto
import Encodings
import Foundation
import Ledger
import LightClients
import Messages
import PacketHost
import StateTree
import TestSupport
import WireBytes

/// An account with its key, for tests alone.
struct TestSigner: Sendable {
  private let key: Curve25519.Signing.PrivateKey
  let account: AccountKey

  init(_ seed: UInt8) throws {
    key = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: seed, count: 32))
    account = .ed25519(try Bytes32([UInt8](key.publicKey.rawRepresentation)))
  }

  var address: AccountAddress { account.address }

  var publicKey: Bytes32 {
    guard case .ed25519(let bytes) = account else { return Bytes32() }
    return bytes
  }

  func sign(_ message: [UInt8]) throws -> Bytes64 { try Bytes64([UInt8](key.signature(for: message))) }
}

/// A domain with funded accounts and validators whose keys the test has.
struct TestLedger {
  static let fee: UInt64 = 200
  static let gas: UInt64 = 200_000

  let validators: [TestSigner]
  let denom: Denom
  var chain: LedgerChain<MemoryStateStore>

  init(
    powers: [Int64] = [10], funds: [(TestSigner, UInt64)] = [], rules: LedgerRules? = nil,
    programs: LedgerPrograms = .standard
  ) throws {
    denom = try Denom("ucause")
    validators = try powers.indices.map { try TestSigner(UInt8(100 + $0)) }
    let genesis = try Self.genesis(validators, powers: powers, funds: funds, rules: rules)
    let domain = try DomainID("cosmos:\(genesis.rules.chainID)")
    chain = try LedgerChain(
      genesis: genesis, host: .ledger(domain: domain, programs: programs), programs: programs,
      store: MemoryStateStore())
  }

  static func host() throws -> PacketHost { .ledger(domain: try DomainID("cosmos:harbor-1")) }

  static func rules(blockGasMax: UInt64 = 1_000_000_000, blockSizeMax: Int = 16 << 20) throws -> LedgerRules {
    try LedgerRules(
      chainID: "harbor-1", feeDenom: try Denom("ucause"), blockGasMax: blockGasMax, blockSizeMax: blockSizeMax
    )
  }

  static func genesis(
    _ validators: [TestSigner], powers: [Int64], funds: [(TestSigner, UInt64)], rules: LedgerRules? = nil
  ) throws -> Genesis {
    let denom = try Denom("ucause")
    return try Genesis(
      rules: try rules ?? Self.rules(), time: try CometBFT.Timestamp(seconds: 1_780_000_000, nanoseconds: 5),
      validators: zip(validators, powers).enumerated().map { index, entry in
        Genesis.Validator(name: "validator-\(index)", publicKey: entry.0.publicKey, power: entry.1)
      },
      balances: funds.map {
        Genesis.Balance(account: $0.0.address, coins: [Coin(UInt256($0.1), denom)])
      })
  }

  var queries: LedgerQueries { LedgerQueries(chain.state) }

  func balance(_ account: AccountAddress) throws -> UInt64? {
    try queries.balance(of: account, denom).asUInt64
  }

  func coin(_ amount: UInt64) -> Coin { Coin(UInt256(amount), denom) }

  /// A signed transaction with the account's number and, unless told, its next sequence.
  func signed(
    _ messages: [LedgerMessage], by signer: TestSigner, sequence: UInt64? = nil, fee: [Coin]? = nil,
    gas: UInt64 = TestLedger.gas, timeoutHeight: UInt64 = 0, memo: String = "", chainID: String? = nil,
    number: UInt64? = nil, signatureOf other: TestSigner? = nil
  ) throws -> [UInt8] {
    let account = try queries.account(signer.address)
    let unsigned = UnsignedTransaction(
      messages.map { $0.encoded() }, memo: memo, timeoutHeight: timeoutHeight, fee: fee ?? [coin(Self.fee)],
      gasLimit: gas, key: signer.account, sequence: sequence ?? account?.sequence ?? 0,
      chainID: chainID ?? chain.rules.chainID,
      accountNumber: number ?? account?.number ?? 0)
    return unsigned.signed(try (other ?? signer).sign(unsigned.signBytes).array)
  }

  /// The votes of validators for a block; `absent` give none, `nil` votes are for no block.
  func votes(
    for block: ProposedBlock, absent: Set<Int> = [], none: Set<Int> = [], after milliseconds: Int64 = 1_000
  ) throws -> [CometBFT.CommitVote] {
    let nanoseconds = Int64(block.header.time.nanoseconds) + milliseconds * 1_000_000
    let now = try CometBFT.Timestamp(
      seconds: block.header.time.seconds + nanoseconds / 1_000_000_000,
      nanoseconds: Int32(nanoseconds % 1_000_000_000))
    var votes: [CometBFT.CommitVote] = []
    for (index, signer) in validators.enumerated() where !absent.contains(index) {
      let requests = try block.voteRequests(
        chain.tip, rules: chain.rules, now: now, choice: none.contains(index) ? .none : .block)
      let address = CometBFT.Validator.address(of: signer.publicKey)
      for request in requests where request.validator == address {
        votes.append(request.signed(try signer.sign(request.signBytes)))
      }
    }
    return votes
  }

  /// Makes the next block of what waits, or of `transactions`.
  @discardableResult
  mutating func advance(
    _ transactions: [[UInt8]]? = nil, absent: Set<Int> = [], none: Set<Int> = []
  ) throws -> CommittedBlock {
    let block = try transactions.map { try chain.propose($0) } ?? chain.propose()
    let outcome = try chain.execute(block)
    return try chain.commit(block, votes: try votes(for: block, absent: absent, none: none), outcome: outcome)
  }

  /// Executes one transaction in a block of its own.
  @discardableResult
  mutating func run(_ transaction: [UInt8]) throws -> TransactionResult {
    let committed = try advance([transaction])
    return committed.outcome.results[0]
  }
}

/// Vectors of `Tests/Vectors/ledger`.
enum LedgerVectors {
  static func cases(_ name: String) throws -> [JSONValue] {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/ledger/\(name).json")
    let json = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    guard json["schema"]?.string == "causeway/ledger/\(name)/v1", let cases = json["cases"]?.array else {
      throw LedgerVectorError.schema
    }
    return cases
  }
}

enum LedgerVectorError: Error { case schema, member(String) }

extension JSONValue {
  func text(_ name: String) throws -> String {
    guard let text = self[name]?.string else { throw LedgerVectorError.member(name) }
    return text
  }

  func hex(_ name: String) throws -> [UInt8] { try Hex.decode(try text(name)) }

  func number(_ name: String) throws -> UInt64 {
    guard let number = UInt64(try text(name)) else { throw LedgerVectorError.member(name) }
    return number
  }
}
