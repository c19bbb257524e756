import Foundation
import TestSupport
import Testing

@Suite("causeway new contract")
struct NewContractTests {
  private static let python = Corpora.packageRoot.appendingPathComponent(".venv/bin/python").path

  private static func folder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("new-contract-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  @Test(
    "makes a project that stands alone, builds and passes its own test",
    .enabled(if: FileManager.default.fileExists(atPath: python), "wasmtime is absent: run script/setup"))
  func makes() throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try Program.run(["new", "contract", "my-book", "--directory", folder.path])
    #expect(run.code == 0, "\(run.complaint)")
    let project = folder.appendingPathComponent("my-book")
    for file in [
      "README.md", ".gitignore", "build", "test", "Sources/Contract.swift", "kit/Entry.swift", "kit/build",
    ] {
      #expect(FileManager.default.fileExists(atPath: project.appendingPathComponent(file).path), "\(file)")
    }
    for file in ["README.md", "build", "Tests/test_contract.py"] {
      let text = try String(contentsOf: project.appendingPathComponent(file), encoding: .utf8)
      #expect(text.contains("my-book") && !text.contains("CONTRACT_NAME"))
    }
    // Twice: what is there is not touched.
    let again = try Program.run(["new", "contract", "my-book", "--directory", folder.path])
    #expect(again.code == 2 && again.complaint.contains("is there already"))
    let test = Process()
    test.executableURL = project.appendingPathComponent("test")
    test.environment = ProcessInfo.processInfo.environment.merging(["PYTHON": Self.python]) { $1 }
    let output = Pipe()
    test.standardOutput = output
    test.standardError = output
    try test.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    test.waitUntilExit()
    #expect(test.terminationStatus == 0, "\(text)")
    #expect(text.contains("Ran 3 tests") && text.contains("OK"), "\(text)")
  }

  @Test(
    "refuses names that are none, and kits that are not there",
    arguments: ["", "Book", "1book", "a/b", "..", "a_b"])
  func refuses(name: String) throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try Program.run(["new", "contract", name, "--directory", folder.path])
    #expect(run.code == 2)
    let other = try Program.run(["new", "contract", "book", "--directory", folder.path, "--kit", folder.path])
    #expect(other.code == 2 && other.complaint.contains("has no kit/build"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }
}
