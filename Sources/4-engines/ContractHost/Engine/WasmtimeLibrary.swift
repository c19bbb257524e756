private import FoundationEssentials
private import Synchronization

/// wasmtime's shared library, found and loaded.
///
/// It is no part of this package: the wheel `wasmtime` of the Python package index carries it for every system that
/// Causeway runs on, and `script/setup` puts it into the project's own Python environment.
public struct WasmtimeLibrary: Sendable {
  public let path: String
  /// The major version that the library names itself by.
  public let version: String
  let wasmtime: Wasmtime

  /// Names the library's file, before any search.
  public static let environmentVariable = "CAUSEWAY_WASMTIME"
  /// The one major version whose layouts and fuel are known.
  public static let neededVersion = "50"

  /// Finds the library and loads it; it is loaded once for each path.
  ///
  /// In this order: `explicit`; the environment variable; `.venv` in the directory of the process's program, or in one
  /// above it. Not where it was started: whoever has a file there would run in this process. A path that is given and wrong is an error, not passed over.
  ///
  /// - Throws: ``WasmtimeError`` `.notFound`, `.notLoadable`, `.missingSymbol`, `.otherVersion`.
  public static func find(_ explicit: String? = nil) throws(WasmtimeError) -> WasmtimeLibrary {
    let given = explicit ?? ProcessInfo.processInfo.environment[environmentVariable]
    if let given, !given.isEmpty {
      guard FileManager.default.fileExists(atPath: given) else { throw .notFound(searched: [given]) }
      return try load(given)
    }
    var searched: [String] = []
    for directory in startingPoints() {
      for environment in enclosing(directory).map({ $0 + ".venv" }) where !searched.contains(environment) {
        searched.append(environment)
        if let found = library(inEnvironment: environment) { return try load(found) }
      }
    }
    throw .notFound(searched: searched)
  }

  /// Libraries by path: they stay loaded, so each is opened once.
  private static let loaded = Mutex<[String: WasmtimeLibrary]>([:])

  private static func load(_ path: String) throws(WasmtimeError) -> WasmtimeLibrary {
    if let library = loaded.withLock({ $0[path] }) { return library }
    let wasmtime = try Wasmtime(loading: path)
    let version = try WasmtimeEngine.version(wasmtime)
    guard version == neededVersion else {
      throw .otherVersion(path: path, found: version, needed: neededVersion)
    }
    let library = WasmtimeLibrary(path: path, version: version, wasmtime: wasmtime)
    loaded.withLock { $0[path] = library }
    return library
  }

  private static func startingPoints() -> [String] {
    if let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") { return [program] }
    return CommandLine.arguments.first.map { [$0] } ?? []
  }

  /// `/a/b/c` gives `/a/b/c/`, `/a/b/`, `/a/`, `/`.
  private static func enclosing(_ path: String) -> [String] {
    var directories: [String] = []
    var rest = path[...]
    while let slash = rest.lastIndex(of: "/") {
      if rest.index(after: slash) < rest.endIndex { directories.append(rest + "/") }
      rest = rest[..<slash]
    }
    return directories + ["/"]
  }

  /// `lib/python3.X/site-packages/wasmtime/<system>/_libwasmtime.so` (or .dylib) of a virtual environment.
  private static func library(inEnvironment environment: String) -> String? {
    let files = FileManager.default
    let pythons = (try? files.contentsOfDirectory(atPath: environment + "/lib")) ?? []
    for python in pythons.sorted() where python.hasPrefix("python3") {
      let package = "\(environment)/lib/\(python)/site-packages/wasmtime"
      let systems = (try? files.contentsOfDirectory(atPath: package)) ?? []
      for system in systems.sorted() where system.hasPrefix("linux-") || system.hasPrefix("darwin-") {
        for name in ["_libwasmtime.so", "_libwasmtime.dylib"] {
          let path = "\(package)/\(system)/\(name)"
          if files.fileExists(atPath: path) { return path }
        }
      }
    }
    return nil
  }
}
