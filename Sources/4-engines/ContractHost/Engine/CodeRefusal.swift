/// Why a module is not taken.
public enum CodeRefusal: Error, Hashable, Sendable {
  /// The checks of uploaded code.
  case analysis(AnalysisRefusal)
  /// An import has other parameters or results than the host's.
  ///
  /// The reference host finds this out when it makes an instance; here it is found at once.
  case importSignature(String)
  /// No memory is exported as `memory`, or `allocate` or `deallocate` is not there or has another type.
  case exportSignature(String)
  /// The compiler refused, with its words.
  case compiler(String)

  public var text: String {
    switch self {
    case .analysis(let error): error.text
    case .importSignature(let name): "Error instantiating a Wasm module: incompatible import \(name)"
    case .exportSignature(let name):
      "Error during static Wasm validation: \(name) is not exported as it should be"
    case .compiler(let words): "Error compiling Wasm: Could not compile: \(words)"
    }
  }
}
