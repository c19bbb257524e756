import Foundation
import Testing

/// The few rules of style that a machine can check.
@Suite("Tidiness")
struct TidyTests {
  /// Rooms where a pointer may be touched, each use with its reason (docs/threat-model.md).
  private static let unsafeAllowed = [
    "WireBytes", "Digests", "SignatureSchemes", "LocalKeys", "KeyVault", "SignerJournal",
    "ThresholdSigning", "SignerService", "ContractHost", "Secrets", "TPMAccess", "EnclaveService", "TestSupport",
  ]

  @Test("has no forced operation and no unfinished place in Sources")
  func forced() throws {
    let patterns: [(name: String, expression: Regex<Substring>)] = [
      ("try!", /\btry!/), ("as!", /\bas!/), ("force unwrap", /[\w\)\]]!(?=[\s\.\),\]\(]|$)(?!\s*=)/),
      ("fatalError", /\bfatalError\(/), ("unfinished", /\b(?:TODO|FIXME|XXX)\b/), ("@testable", /@testable/),
    ]
    let files = try House.swiftFiles(under: "Sources")
    #expect(files.count > 60)
    for file in files {
      for (number, line) in file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        let code = Self.code(line)
        for pattern in patterns where code.contains(pattern.expression) {
          Issue.record("\(file.path):\(number + 1): \(pattern.name): \(line)")
        }
      }
    }
  }

  @Test("touches pointers only where the threat model says so")
  func unsafeCode() throws {
    for file in try House.swiftFiles(under: "Sources") {
      let room = file.path.split(separator: "/").dropFirst(2).first.map(String.init) ?? ""
      guard !Self.unsafeAllowed.contains(room) else { continue }
      for line in file.text.split(separator: "\n") where Self.code(line).contains(/\bunsafe\b/) {
        Issue.record("\(file.path): unsafe outside the rooms that may: \(line)")
      }
    }
  }

  @Test("has no file over 700 lines without a written reason, and no empty one")
  func lengths() throws {
    for folder in ["Sources", "Tests"] {
      for file in try House.swiftFiles(under: folder) {
        let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false).count
        let hasReason = file.text.contains("// Long on purpose:")
        #expect(lines <= 700 || hasReason, "\(file.path) has \(lines) lines")
        let code = file.text.split(separator: "\n").contains { !Self.code($0).allSatisfy(\.isWhitespace) }
        #expect(code, "\(file.path) holds no code")
      }
    }
  }

  @Test("names only files that exist, in comments that point to one")
  func pointers() throws {
    let expression = /\b((?:docs|tools|script|examples|Tests\/Vectors)\/[\w\-\.\/]+\.(?:md|py|json|swift))\b/
    for folder in ["Sources", "Tests", "docs", "README.md"] {
      for file in try House.textFiles(under: folder) {
        for match in file.text.matches(of: expression) {
          let target = House.root.appendingPathComponent(String(match.1))
          #expect(FileManager.default.fileExists(atPath: target.path), "\(file.path) points to \(match.1)")
        }
      }
    }
  }

  @Test("speaks of no machine's paths")
  func machinePaths() throws {
    let words = ["/work" + "/", "/root" + "/", "/opt/" + "swift"]
    for folder in ["Sources", "Tests", "docs", "script", "tools", "examples", "Benchmarks", "README.md"] {
      for file in try House.textFiles(under: folder) {
        for word in words { #expect(!file.text.contains(word), "\(file.path) holds \(word)") }
      }
    }
  }

  /// `line` without its comment and without the contents of string literals on it.
  private static func code(_ line: Substring) -> String {
    var output = ""
    var inString = false
    var previous: Character = " "
    for character in line {
      if character == "\"", previous != "\\" { inString.toggle() }
      if !inString, character == "/", previous == "/" {
        output.removeLast()
        break
      }
      if !inString { output.append(character) }
      previous = character
    }
    return output
  }
}
