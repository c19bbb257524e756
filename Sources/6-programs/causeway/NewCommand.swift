import ArgumentParser
import Foundation

/// `causeway new`: starts projects.
struct New: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Start a project of your own.", subcommands: [NewContract.self])
}

/// `causeway new contract NAME`: a contract in Embedded Swift with a copy of the kit, its build and its tests.
struct NewContract: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "contract",
    abstract: "Start a contract in Embedded Swift: it builds with ./build and is tested with ./test.",
    discussion: """
      The project stands alone: it has a copy of the contract kit. The kit is taken from --kit, from $CAUSEWAY_KIT, or \
      from the Causeway checkout that this program or the working directory lies in (contracts/wasm).
      """)

  @Argument(help: "Its name, and its folder's: lower-case letters, digits and dashes, a letter first.")
  var name: String
  @Option(help: "Where to make the folder.")
  var directory = "."
  @Option(help: "The folder that holds 'kit' and 'template': contracts/wasm of a Causeway checkout.")
  var kit: String?

  func validate() throws {
    guard ContractProject.isName(name) else {
      throw ValidationError(
        "'\(name)' is no name: 1 to 64 lower-case letters, digits and dashes, a letter first.")
    }
  }

  func run() throws {
    let project = URL(fileURLWithPath: directory).appendingPathComponent(name)
    try ContractProject(name: name, source: try ContractProject.source(kit)).make(at: project)
    print(
      """
      \(project.path)
        ./build    makes .build/\(name).wasm
        ./test     builds, and runs Tests/test_contract.py in wasmtime
      """)
  }
}

/// A contract's project on disk, made from the template beside the kit.
struct ContractProject {
  let name: String
  /// The folder of `kit` and `template`.
  let source: URL

  static let nameSizeMax = 64
  /// What stands in the template for the name.
  static let placeholder = "CONTRACT_NAME"

  static func isName(_ name: String) -> Bool {
    let characters = Array(name.utf8)
    guard (1...nameSizeMax).contains(characters.count), (0x61...0x7a).contains(characters[0]) else {
      return false
    }
    return characters.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
  }

  /// Finds the kit; a place that is given and holds none is an error, not passed over.
  static func source(_ given: String?) throws -> URL {
    if let given = given ?? ProcessInfo.processInfo.environment["CAUSEWAY_KIT"] {
      let place = URL(fileURLWithPath: given)
      guard holdsKit(place) else {
        throw Complaint(
          "\(place.path) has no kit/build and template: give contracts/wasm of a Causeway checkout.")
      }
      return place
    }
    let program =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? CommandLine.arguments[0]
    for start in [FileManager.default.currentDirectoryPath, program] {
      var folder = URL(fileURLWithPath: start)
      while folder.path != "/" {
        let place = folder.appendingPathComponent("contracts/wasm")
        if holdsKit(place) { return place }
        folder.deleteLastPathComponent()
      }
    }
    throw Complaint(
      "The contract kit was not found: run this in a Causeway checkout, or say --kit CHECKOUT/contracts/wasm."
    )
  }

  private static func holdsKit(_ place: URL) -> Bool {
    ["kit/build", "template/build"].allSatisfy {
      FileManager.default.fileExists(atPath: place.appendingPathComponent($0).path)
    }
  }

  /// Copies the template and the kit; nothing that is there already is touched.
  func make(at project: URL) throws {
    let files = FileManager.default
    guard !files.fileExists(atPath: project.path) else {
      throw Complaint("\(project.path) is there already.")
    }
    do {
      try files.createDirectory(
        at: project.deletingLastPathComponent(), withIntermediateDirectories: true)
      try files.copyItem(at: source.appendingPathComponent("template"), to: project)
      try files.moveItem(
        at: project.appendingPathComponent("gitignore"), to: project.appendingPathComponent(".gitignore"))
      let kit = project.appendingPathComponent("kit")
      try files.copyItem(at: source.appendingPathComponent("kit"), to: kit)
      try? files.removeItem(at: kit.appendingPathComponent("testing/__pycache__"))
      for file in ["README.md", "build", "test", "Tests/test_contract.py"] {
        try write(project.appendingPathComponent(file))
      }
    } catch let error as CocoaError {
      throw Complaint("\(project.path) could not be written: \(error.localizedDescription)")
    }
  }

  /// Puts the name in; permissions stay.
  private func write(_ file: URL) throws {
    let permissions = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions]
    let text = try String(contentsOf: file, encoding: .utf8).replacing(Self.placeholder, with: name)
    try text.write(to: file, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: permissions ?? 0o644], ofItemAtPath: file.path)
  }
}
