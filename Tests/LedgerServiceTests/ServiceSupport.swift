import Crypto
import Encodings
import Foundation
import Ledger
import LedgerService
import LightClients
import Messages
import PacketHost
import StateTree
import WireBytes

/// A folder of its own, gone with the value.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A domain in a folder, with one account that the test signs for.
struct ServiceWorld {
  static let start: Int64 = 1_780_000_000

  let folder: TemporaryFolder
  let key: Curve25519.Signing.PrivateKey
  let account: AccountKey
  let validators: LocalValidators
  let genesis: Genesis

  init(validators count: Int = 1) throws {
    folder = try TemporaryFolder()
    key = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 1, count: 32))
    account = .ed25519(try Bytes32([UInt8](key.publicKey.rawRepresentation)))
    validators = try LocalValidators(path: folder.path + "/validators.json", count: count)
    let denom = try Denom("ucause")
    genesis = try Genesis(
      rules: try LedgerRules(chainID: "crash-1", feeDenom: denom),
      time: try CometBFT.Timestamp(seconds: Self.start),
      validators: validators.publicKeys.map { .init(name: "local", publicKey: $0, power: 10) },
      balances: [.init(account: account.address, coins: [Coin(UInt256(UInt64(1_000_000_000_000)), denom)])])
    try Data(genesis.json.text().utf8).write(to: URL(fileURLWithPath: folder.path + "/genesis.json"))
  }

  var host: PacketHost {
    get throws { .ledger(domain: try DomainID("cosmos:crash-1")) }
  }

  func open(
    genesis other: Genesis? = nil, signer: (any VoteSigning)? = nil, retention: Retention = Retention()
  ) throws -> EmbeddedDomain {
    try EmbeddedDomain(
      directory: folder.path, genesis: other ?? genesis, host: try host, signer: signer ?? validators,
      retention: retention)
  }

  /// `seconds` after the genesis.
  static func time(_ seconds: Int64) throws -> CometBFT.Timestamp {
    try CometBFT.Timestamp(seconds: start + seconds)
  }

  func send(_ amount: UInt64, sequence: UInt64, to name: String = "sink") throws -> [UInt8] {
    let denom = genesis.rules.feeDenom
    let message = LedgerMessage.send(
      from: account.address, to: AccountAddress(module: name), coins: [Coin(UInt256(amount), denom)])
    let unsigned = UnsignedTransaction(
      [message.encoded()], fee: [Coin(UInt256(UInt64(200)), denom)], gasLimit: 200_000, key: account,
      sequence: sequence, chainID: genesis.rules.chainID, accountNumber: 0)
    return unsigned.signed([UInt8](try key.signature(for: unsigned.signBytes)))
  }

  /// All decided blocks, replayed from genesis in memory; each app hash is checked against the next header.
  func replayed(_ store: BlockStore) throws -> LedgerChain<MemoryStateStore> {
    var chain = try LedgerChain(genesis: genesis, host: try host, store: MemoryStateStore())
    while let stored = try store.block(at: chain.tip.height + 1), let commit = stored.commit {
      try chain.replay(stored.block, commit: commit)
    }
    return chain
  }
}

/// Signs nothing until it is told to.
actor Reluctant: VoteSigning {
  private let inner: LocalValidators
  private(set) var asked: [[VoteRequest]] = []
  private var isWilling = false

  init(_ inner: LocalValidators) { self.inner = inner }

  func agree() { isWilling = true }

  func votes(for requests: [VoteRequest]) async throws(VoteSigningError) -> [CometBFT.CommitVote] {
    asked.append(requests)
    guard isWilling else { throw .unavailable }
    return try await inner.votes(for: requests)
  }
}
