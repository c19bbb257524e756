/// Why wasmtime's library cannot be used.
public enum WasmtimeError: Error, Hashable, Sendable {
  /// None of these files is there.
  case notFound(searched: [String])
  /// The system's loader refused the file.
  case notLoadable(path: String, reason: String)
  /// The library lacks a function of the C API.
  case missingSymbol(path: String, name: String)
  /// Struct layouts and what fuel counts belong to one major version.
  case otherVersion(path: String, found: String, needed: String)
  /// wasmtime took the settings of an engine no further, with its words.
  case engine(String)
  /// Text of a module that does not assemble, with wasmtime's words.
  case text(String)

  /// Words for people, with what to do about it.
  public var text: String {
    let install =
      "Run script/setup, or: python3 -m venv .venv && .venv/bin/pip install wasmtime==50.0.1 "
      + "— or set \(WasmtimeLibrary.environmentVariable) to the path of _libwasmtime.so."
    return switch self {
    case .notFound(let searched):
      "Contracts need wasmtime's shared library, which was not found.\n\(install)\n"
        + "Searched:\n" + searched.map { "  \($0)" }.joined(separator: "\n")
    case .notLoadable(let path, let reason): "\(path) cannot be loaded: \(reason)\n\(install)"
    case .missingSymbol(let path, let name):
      "\(path) is no wasmtime that fits: it has no \(name).\n\(install)"
    case .otherVersion(let path, let found, let needed):
      "\(path) is wasmtime \(found); contracts need version \(needed).\n\(install)"
    case .engine(let words): "wasmtime refused the engine's settings: \(words)"
    case .text(let words): "the text of the module does not assemble: \(words)"
    }
  }
}
