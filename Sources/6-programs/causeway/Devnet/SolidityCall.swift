import Encodings
import SignatureSchemes
import WireBytes

/// A call of an EVM contract as people write it: `add(uint256) [5]`, the function and a JSON list of its arguments; or
/// calldata in hex.
enum SolidityCall {
  /// - Throws: ``Complaint``, which says what is wrong with which argument.
  static func calldata(_ text: String) throws -> [UInt8] {
    if text.hasPrefix("0x") {
      do { return try Hex.decode(text) } catch { throw Complaint("'\(text)' is no hex: \(error)") }
    }
    let end = text.firstIndex(of: " ") ?? text.endIndex
    let function: ABIFunction
    do { function = try ABIFunction(String(text[..<end])) } catch {
      throw Complaint(
        "'\(text[..<end])' is no function: write its name and the types of its arguments, such as 'add(uint256) [5]'"
      )
    }
    let list = text[end...].drop { $0 == " " }
    let given: [JSONValue]
    do { given = list.isEmpty ? [] : try JSONValue(decoding: [UInt8](list.utf8)).array ?? [.null] } catch {
      throw Complaint("'\(list)' is no JSON list of arguments, such as [5, \"0x…\", true]")
    }
    guard given.count == function.arguments.count, given != [.null] else {
      throw Complaint(
        "\(function.signature) takes \(function.arguments.count) arguments in a JSON list, not '\(list)'")
    }
    var values: [ABIValue] = []
    for (value, type) in zip(given, function.arguments) { values.append(try argument(value, type)) }
    do { return try function.encode(values) } catch {
      throw Complaint("the arguments of \(function.signature) cannot be encoded: \(error)")
    }
  }

  /// - Parameter value: numbers as JSON numbers or decimal texts, addresses and bytes as texts in hex.
  private static func argument(_ value: JSONValue, _ type: ABIType) throws -> ABIValue {
    switch type {
    case .uint:
      let digits = if case .number(let text) = value { text } else { value.string ?? "" }
      if let number = UInt256(decimal: digits) { return .uint(number) }
    case .int: if let number = value.integer(Int64.self) { return .int(number) }
    case .address:
      if let text = value.string, let address = try? EthereumAddress.parse(text) { return .address(address) }
    case .boolean: if let flag = value.boolean { return .boolean(flag) }
    case .fixedBytes: if let bytes = bytes(value) { return .fixedBytes(bytes) }
    case .bytes: if let bytes = bytes(value) { return .bytes(bytes) }
    case .string: if let text = value.string { return .string(text) }
    case .array(let element), .fixedArray(let element, _):
      if let list = value.array { return .array(try list.map { try argument($0, element) }) }
    case .tuple(let members):
      if let list = value.array, list.count == members.count {
        return .tuple(try zip(list, members).map { try argument($0, $1) })
      }
    }
    throw Complaint("'\(value.text())' is no \(type.name)")
  }

  private static func bytes(_ value: JSONValue) -> [UInt8]? {
    guard let text = value.string, text.hasPrefix("0x") else { return nil }
    return try? Hex.decode(text)
  }
}
