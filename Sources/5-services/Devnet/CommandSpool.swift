public import Encodings
import Foundation
import RelayEngine

/// What another process of the same user may ask of a running devnet's relayer.
public struct DevnetCommand: Hashable, Sendable {
  public enum Verb: String, Hashable, Sendable, CaseIterable {
    /// Nothing of the lane is submitted.
    case pause
    case resume
    /// Scan now, and try again what was given up.
    case clear
  }
  public let verb: Verb
  public let lane: Network.Lane.Kind

  public init(_ verb: Verb, lane: Network.Lane.Kind) {
    self.verb = verb
    self.lane = lane
  }

  public var json: JSONValue {
    ["schema": "causeway.command/1", "verb": .string(verb.rawValue), "lane": .string(lane.rawValue)]
  }

  public init?(json: JSONValue) {
    guard json["schema"]?.string == "causeway.command/1",
      let verb = json["verb"]?.string.flatMap(Verb.init(rawValue:)),
      let lane = json["lane"]?.string.flatMap(Network.Lane.Kind.init(rawValue:))
    else { return nil }
    self.init(verb, lane: lane)
  }

  func relayed(to end: LaneEnd) -> RelayCommand {
    switch verb {
    case .pause: .pause(end)
    case .resume: .resume(end)
    case .clear: .clear(end)
    }
  }
}

/// A folder in which commands are left as files, each whole: who may write there may command.
public struct CommandSpool: Sendable {
  public static let sizeMax = 4_096
  /// Files read in one turn.
  public static let turnMax = 64
  private let folder: String

  public init(_ directory: DevnetDirectory) { folder = directory.commands }

  /// Leaves a command.
  ///
  /// - Returns: the file that is gone once the command was carried out.
  public func leave(_ command: DevnetCommand) throws(DevnetError) -> String {
    let path = folder + "/\(UUID().uuidString).json"
    try DevnetDirectory.replace(path, with: command.json.text())
    return path
  }

  /// Commands that wait, in the order of their files' times; what is none is removed.
  func waiting() -> [(path: String, command: DevnetCommand)] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return [] }
    var found: [(path: String, command: DevnetCommand, date: Date)] = []
    for name in names.sorted().prefix(Self.turnMax) where name.hasSuffix(".json") {
      let path = folder + "/" + name
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      guard let size = attributes?[.size] as? Int, size <= Self.sizeMax,
        let bytes = FileManager.default.contents(atPath: path),
        let json = try? JSONValue(decoding: [UInt8](bytes)), let command = DevnetCommand(json: json)
      else {
        try? FileManager.default.removeItem(atPath: path)
        continue
      }
      found.append((path, command, attributes?[.modificationDate] as? Date ?? .distantPast))
    }
    return found.sorted { ($0.date, $0.path) < ($1.date, $1.path) }.map { ($0.path, $0.command) }
  }

  func finish(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
}
