import Encodings
import WireBytes

/// Why a call is not answered: JSON-RPC's codes, as CometBFT uses them (`rpc/jsonrpc/types`).
enum RPCFailure: Error, Hashable, Sendable {
  case parse
  case request(String)
  case methodUnknown
  case arguments(String)
  /// Every failure of a method.
  case internalError(String)

  var json: JSONValue {
    let (code, message, detail): (Int, String, String) =
      switch self {
      case .parse: (-32700, "Parse error. Invalid JSON", "not JSON, or beyond its limits")
      case .request(let reason): (-32600, "Invalid Request", reason)
      case .methodUnknown: (-32601, "Method not found", "")
      case .arguments(let reason): (-32602, "Invalid params", reason)
      case .internalError(let reason): (-32603, "Internal error", reason)
      }
    return .object(["code": .number(String(code)), "message": .string(message), "data": .string(detail)])
  }
}

/// One call of a JSON-RPC message.
struct RPCCall: Sendable {
  /// A text or a number, given back with the answer; nil for a notification, which has none.
  let id: JSONValue?
  let method: String
  let arguments: RPCArguments

  /// Calls of one message at most.
  static let batchMax = 100

  init(_ json: JSONValue) throws(RPCFailure) {
    guard json.object != nil, json["jsonrpc"]?.string == "2.0", let method = json["method"]?.string else {
      throw .request("jsonrpc and method are wanted")
    }
    switch json["id"] {
    case nil: id = nil
    case .some(let given):
      switch given {
      case .string, .number: id = given
      default: throw .request("id is a text or a number")
      }
    }
    self.method = method
    switch json["params"] {
    case nil, .some(.null): arguments = RPCArguments(.named([:]))
    case .some(.object(let members)): arguments = RPCArguments(.named(members))
    case .some(.array(let elements)): arguments = RPCArguments(.placed(elements))
    default: throw .arguments("params is an object or an array")
    }
  }

  /// `/method?name=value&…` of a GET.
  init(target: String) throws(RPCFailure) {
    let parts = target.dropFirst().split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    method = parts.first.map(String.init) ?? ""
    id = -1
    var members: [String: String] = [:]
    if parts.count == 2, !parts[1].isEmpty {
      for pair in parts[1].split(separator: "&") {
        let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = Self.unescaped(sides[0]),
          let value = Self.unescaped(sides.count == 2 ? sides[1] : "")
        else {
          throw .arguments("an escape of the address is broken")
        }
        members[name] = value
      }
    }
    arguments = RPCArguments(.address(members))
  }

  private static func unescaped(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      switch byte {
      case 0x2b: bytes.append(0x20)
      case 0x25:
        guard let value = try? Hex.decode("0x" + String(decoding: rest.prefix(2), as: UTF8.self)),
          value.count == 1
        else { return nil }
        bytes.append(value[0])
        rest = rest.dropFirst(2)
      default: bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

/// Arguments of a call: by name, by place, or from the address of a GET, where texts stand in quotes and
/// bytes as 0x.
struct RPCArguments: Sendable {
  enum Source: Sendable {
    case named([String: JSONValue])
    case placed([JSONValue])
    case address([String: String])
  }

  /// How JSON writes bytes here; an address writes them as 0x and hex, or in quotes as they are.
  enum Bytes: Sendable { case hex, base64 }

  private let source: Source

  init(_ source: Source) { self.source = source }

  private enum Value {
    case json(JSONValue)
    case address(String)
  }

  private func value(_ name: String, _ place: Int) -> Value? {
    switch source {
    case .named(let members): members[name].flatMap { $0.isNull ? nil : .json($0) }
    case .placed(let elements):
      elements.indices.contains(place) ? (elements[place].isNull ? nil : .json(elements[place])) : nil
    case .address(let members): members[name].flatMap { $0.isEmpty ? nil : .address($0) }
    }
  }

  private static func unquoted(_ text: String) -> String? {
    guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return nil }
    return String(text.dropFirst().dropLast())
  }

  func integer(_ name: String, _ place: Int) throws(RPCFailure) -> Int64? {
    switch value(name, place) {
    case nil: return nil
    case .json(.string(let text)) where Int64(text) != nil: return Int64(text)
    case .json(.number(let text)) where Int64(text) != nil: return Int64(text)
    case .address(let text):
      if let number = Int64(Self.unquoted(text) ?? text) { return number }
      throw .arguments("\(name) is a number")
    default: throw .arguments("\(name) is a number")
    }
  }

  func boolean(_ name: String, _ place: Int) throws(RPCFailure) -> Bool {
    switch value(name, place) {
    case nil: return false
    case .json(.boolean(let value)): return value
    case .address("true"): return true
    case .address("false"): return false
    default: throw .arguments("\(name) is true or false")
    }
  }

  func text(_ name: String, _ place: Int) throws(RPCFailure) -> String? {
    switch value(name, place) {
    case nil: return nil
    case .json(.string(let text)): return text
    case .address(let text):
      guard let inner = Self.unquoted(text) else { throw .arguments("\(name) stands in quotes") }
      return inner
    default: throw .arguments("\(name) is a text")
    }
  }

  func bytes(_ name: String, _ place: Int, as form: Bytes) throws(RPCFailure) -> [UInt8]? {
    switch value(name, place) {
    case nil: return nil
    case .json(.string(let text)):
      let bytes: [UInt8]? = form == .hex ? try? Hex.decode("0x" + text) : try? Base64.decode(text)
      guard let bytes else { throw .arguments("\(name) is \(form == .hex ? "hex" : "base64")") }
      return bytes
    case .address(let text):
      if let inner = Self.unquoted(text) { return [UInt8](inner.utf8) }
      guard let bytes = try? Hex.decode(text) else { throw .arguments("\(name) is 0x and hex, or in quotes") }
      return bytes
    default: throw .arguments("\(name) is a text")
    }
  }
}
