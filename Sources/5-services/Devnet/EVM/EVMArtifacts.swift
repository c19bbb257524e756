import Encodings
import Foundation
import WireBytes

/// Contracts as `script/contracts` builds them: one JSON file each.
public struct EVMArtifacts: Hashable, Sendable {
  /// What a lane needs, in the order in which one names another.
  public static let names = [
    "Router", "Transfer", "ExecutionHandler", "AttestedClient", "Voucher", "ExecutionAccount",
    "Counter",
  ]
  private static let sizeMax = 4 << 20

  public let folder: String

  public init(folder: String) { self.folder = folder }

  /// The folder of the checkout that a program lies in, upward from where it is and from where it was started.
  public static func find() -> EVMArtifacts? {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    for start in [own, FileManager.default.currentDirectoryPath] {
      var place = URL(fileURLWithPath: start)
      for _ in 0..<12 {
        let folder = place.appendingPathComponent("contracts/evm/.build").path
        if EVMArtifacts(folder: folder).isWhole { return EVMArtifacts(folder: folder) }
        place.deleteLastPathComponent()
      }
    }
    return nil
  }

  /// Whether what a lane needs was built.
  public var isWhole: Bool {
    Self.names.allSatisfy { FileManager.default.fileExists(atPath: path($0)) }
  }

  /// `script/evm-devnet` of the same checkout; nil when the folder lies elsewhere.
  var nodeScript: String? {
    let root = URL(fileURLWithPath: folder).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let script = root.appendingPathComponent("script/evm-devnet").path
    return FileManager.default.isExecutableFile(atPath: script) ? script : nil
  }

  private func path(_ name: String) -> String { "\(folder)/\(name).json" }

  /// The code that makes a contract, before its arguments.
  public func creationCode(_ name: String) throws(EVMSideError) -> [UInt8] {
    guard let file = FileManager.default.contents(atPath: path(name)), file.count <= Self.sizeMax,
      let json = try? JSONValue(decoding: [UInt8](file)), let text = json["bytecode"]?.string,
      let code = try? Hex.decode(text), !code.isEmpty
    else { throw .contractMissing(name, folder: folder) }
    return code
  }
}
