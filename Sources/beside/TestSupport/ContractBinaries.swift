public import Foundation

/// Where contracts that tests run in wasmtime lie: `contracts/wasm/.build`, filled by `script/contracts`.
public enum ContractBinaries {
  /// Why a test that needs them is skipped.
  public static let absence = "contracts are not built: run script/contracts"

  /// The names of this project's contracts.
  public static let names = [
    "auction", "breaker", "counter", "misbehaving", "parameters", "pool", "splitter", "swap", "token",
  ]

  public static var directory: URL { Corpora.packageRoot.appendingPathComponent("contracts/wasm/.build") }

  /// Whether all of them are there.
  public static var areBuilt: Bool {
    names.allSatisfy { FileManager.default.fileExists(atPath: file($0).path) }
  }

  /// The code of one contract; nil when it is not built.
  public static func wasm(_ name: String) -> [UInt8]? {
    (try? Data(contentsOf: file(name))).map { [UInt8]($0) }
  }

  private static func file(_ name: String) -> URL { directory.appendingPathComponent("\(name).wasm") }
}
