import Encodings
import Foundation
import TestSupport

/// The package as SwiftPM describes it, and the files that git would keep.
enum House {
  struct Room: Sendable {
    let name: String
    let kind: String
    let path: String
    let sources: [String]
    /// Rooms of this package that it may import, as the manifest says.
    let rooms: Set<String>
    /// Products of other packages.
    let products: Set<String>
  }

  enum Failure: Error {
    case describe(status: Int32, String)
    case form(String)
  }

  static let root = Corpora.packageRoot

  /// What `swift package describe --type json` says, asked once. A scratch path of its own keeps it from waiting
  /// for the build that runs this test.
  static let rooms: Result<[Room], any Error> = Result {
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())")
    defer { try? FileManager.default.removeItem(at: scratch) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "swift", "package", "--package-path", root.path, "--scratch-path", scratch.path, "describe", "--type",
      "json",
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure.describe(status: process.terminationStatus, String(decoding: text, as: UTF8.self))
    }
    let description = try JSONValue(decoding: [UInt8](text))
    guard let targets = description["targets"]?.array else { throw Failure.form("targets") }
    return try targets.map { target in
      guard let name = target["name"]?.string, let kind = target["type"]?.string,
        let path = target["path"]?.string
      else { throw Failure.form("target") }
      func names(_ member: String) -> [String] { target[member]?.array?.compactMap(\.string) ?? [] }
      return Room(
        name: name, kind: kind, path: path, sources: names("sources"),
        rooms: Set(names("target_dependencies")),
        products: Set(names("product_dependencies")))
    }
  }

  /// All Swift files under `folder`, with their text.
  static func swiftFiles(under folder: String) throws -> [(path: String, text: String)] {
    let base = root.appendingPathComponent(folder)
    guard let names = FileManager.default.enumerator(atPath: base.path) else { throw Failure.form(folder) }
    var files: [(path: String, text: String)] = []
    while let name = names.nextObject() as? String {
      guard name.hasSuffix(".swift") else { continue }
      let text = try String(contentsOf: base.appendingPathComponent(name), encoding: .utf8)
      files.append((path: "\(folder)/\(name)", text: text))
    }
    return files.sorted { $0.path < $1.path }
  }

  /// All text files under `folder`, or the one file of that name; nothing when it does not exist.
  static func textFiles(under folder: String) throws -> [(path: String, text: String)] {
    let base = root.appendingPathComponent(folder)
    if let text = try? String(contentsOf: base, encoding: .utf8) { return [(path: folder, text: text)] }
    guard let names = FileManager.default.enumerator(atPath: base.path) else { return [] }
    var files: [(path: String, text: String)] = []
    while let name = names.nextObject() as? String {
      guard !name.contains(".build"), !name.contains(".venv"), !name.contains("__pycache__"),
        let text = try? String(contentsOf: base.appendingPathComponent(name), encoding: .utf8)
      else { continue }
      files.append((path: "\(folder)/\(name)", text: text))
    }
    return files.sorted { $0.path < $1.path }
  }

  /// Modules that `text` imports.
  static func imports(_ text: String) -> Set<String> {
    var modules: Set<String> = []
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard let index = words.firstIndex(of: "import"), index + 1 < words.count else { continue }
      let before = words[..<index]
      let modifiers = ["public", "package", "internal", "private", "fileprivate"]
      guard before.allSatisfy({ modifiers.contains($0) || $0.hasPrefix("@") }) else { continue }
      modules.insert(words[index + 1].split(separator: ".").first.map(String.init) ?? words[index + 1])
    }
    return modules
  }
}
