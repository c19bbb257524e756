import Encodings
import Foundation
import Ledger
import LedgerService
import LightClients
import Messages
import WireBytes

/// How harbor and island begin. The genesis of a directory is written once, and read ever after.
enum DevnetGenesis {
  /// A million of the whole coin, each of a million smallest units.
  static let balance = UInt256(UInt64(1_000_000_000_000))

  static func chainID(_ name: String) -> String { "\(name)-1" }
  static func denom(_ name: String) -> String { "u\(name)" }

  static func open(
    _ name: String, in directory: DevnetDirectory, validators: [Bytes32], accounts: [AccountAddress],
    hasContracts: Bool, modules: [String]
  ) throws(DevnetError) -> Genesis {
    let path = directory.genesis(name)
    if let bytes = FileManager.default.contents(atPath: path) {
      guard let json = try? JSONValue(decoding: [UInt8](bytes)), let genesis = try? Genesis(json: json) else {
        throw .genesis(domain: name)
      }
      return genesis
    }
    let genesis: Genesis
    do {
      let denom = try Denom(denom(name))
      genesis = try Genesis(
        rules: try LedgerRules(
          chainID: chainID(name), feeDenom: denom, hasContracts: hasContracts, modules: modules),
        time: EmbeddedDomain.wallClock(),
        validators: validators.enumerated().map {
          .init(name: "\(name)-validator-\($0.offset + 1)", publicKey: $0.element, power: 10)
        },
        balances: accounts.map { .init(account: $0, coins: [Coin(balance, denom)]) })
    } catch { throw .genesis(domain: name) }
    try DevnetDirectory.replace(path, with: genesis.json.text(pretty: true) + "\n")
    return genesis
  }
}
