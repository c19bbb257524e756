public import Encodings

/// Why an input file could not even be read as what the kind wants: exit code 2, not a verdict on a message.
public enum InputError: Error, Hashable, Sendable {
  /// Not JSON.
  case json(JSONError)
  /// A member that is needed is absent, or not of the wanted form; `path` is dotted, `wanted` says the form.
  case member(path: String, wanted: String)
  /// Neither of the accepted forms; `wanted` lists them.
  case form(wanted: String)

  /// One sentence for people.
  public var text: String {
    switch self {
    case .json(let error): "the input is not JSON: \(error)"
    case .member(let path, let wanted): "'\(path)' is missing or is not \(wanted)"
    case .form(let wanted): "the input is not in a form that is read here: \(wanted)"
    }
  }
}
