import ChainAccess
import Crypto
import Foundation
import Ledger
import LedgerService
import LightClients
import Messages
import PacketHost
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

/// Signs whatever it is given with a key of the test.
struct TestSigner: TransactionSigning {
  let privateKey: Curve25519.Signing.PrivateKey
  let key: AccountKey

  init(_ byte: UInt8) throws {
    privateKey = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: byte, count: 32))
    key = .ed25519(try Bytes32([UInt8](privateKey.publicKey.rawRepresentation)))
  }

  func sign(_ transaction: UnsignedTransaction) async throws(TransactionSigningError) -> [UInt8] {
    guard let signature = try? privateKey.signature(for: transaction.signBytes) else { throw .unavailable }
    return transaction.signed([UInt8](signature))
  }
}

/// A domain in a folder with one funded account, and its access. Blocks are made when the test says so.
struct AccessWorld {
  static let start: Int64 = 1_780_000_000

  let folder: TemporaryFolder
  let genesis: Genesis
  let domain: EmbeddedDomain
  let access: EmbeddedAccess
  let signer: TestSigner

  init(retention: Retention = Retention()) throws {
    folder = try TemporaryFolder()
    signer = try TestSigner(1)
    let validators = try LocalValidators(path: folder.path + "/validators.json", count: 4)
    let denom = try Denom("uharbor")
    genesis = try Genesis(
      rules: try LedgerRules(chainID: "harbor-1", feeDenom: denom),
      time: try CometBFT.Timestamp(seconds: Self.start),
      validators: validators.publicKeys.map { .init(name: "local", publicKey: $0, power: 10) },
      balances: [
        .init(account: signer.key.address, coins: [Coin(UInt256(UInt64(1_000_000_000_000)), denom)])
      ])
    domain = try EmbeddedDomain(
      directory: folder.path, genesis: genesis, host: .ledger(domain: try DomainID("cosmos:harbor-1")),
      signer: validators, retention: retention)
    access = try EmbeddedAccess(domain)
  }

  var denom: Denom { genesis.rules.feeDenom }
  var account: AccountAddress { signer.key.address }

  /// A block whose votes are `seconds` after the genesis.
  @discardableResult
  func block(_ seconds: Int64) async throws -> CommittedBlock {
    try await domain.produceBlock(now: try CometBFT.Timestamp(seconds: Self.start + seconds))
  }

  func payment(_ amount: UInt64, to name: String = "sink") -> LedgerMessage {
    .send(from: account, to: AccountAddress(module: name), coins: [Coin(UInt256(amount), denom)])
  }

  /// A signed payment.
  func transaction(_ amount: UInt64, sequence: UInt64, timeoutHeight: UInt64 = 0) async throws -> [UInt8] {
    try await signer.sign(
      UnsignedTransaction(
        [payment(amount).encoded()], timeoutHeight: timeoutHeight, fee: [Coin(UInt256(UInt64(200)), denom)],
        gasLimit: 200_000, key: signer.key, sequence: sequence, chainID: "harbor-1", accountNumber: 0))
  }
}
