import Encodings
import WireBytes

/// Ethereum's own tests of RLP, of transactions and of the contract ABI.
///
/// Schemas, by their members: `{name: {in, out}}` (RLPTests, RandomRLPTests), `{name: {txbytes, result}}`
/// (TransactionTests), `{name: {args, types, result}}` (ABITests).
public enum RLPSuite: ConformanceSuite {
  public static let name = "rlp"
  public static let summary =
    "RLP, transactions and ABI encodings: ethereum/tests RLPTests, TransactionTests, ABITests"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    for file in corpus.files where !file.hasSuffix(".md") {
      guard file.hasSuffix(".json") else {
        report.skip(file, "file", reason: "no JSON")
        continue
      }
      let cases: [String: JSONValue]
      do {
        guard let object = try corpus.json(file).object else {
          report.skip(file, "file", reason: "the top level is no object of cases")
          continue
        }
        cases = object
      } catch {
        report.fail(file, "file", expected: "readable JSON", actual: "\(error)")
        continue
      }
      for name in cases.keys.sorted() {
        guard let item = cases[name] else { continue }
        if let hex = item["out"]?.string, let input = item["in"] {
          runRLP(input, hex, file, name, into: &report)
        } else if let hex = item["txbytes"]?.string, let result = item["result"]?.object {
          runTransaction(hex, result, file, name, into: &report)
        } else if let types = item["types"]?.array, let arguments = item["args"]?.array,
          let hex = item["result"]?.string
        {
          runABI(types, arguments, hex, file, name, into: &report)
        } else if item["root"] != nil {
          report.skip(file, name, reason: "a trie: the suite mpt runs it")
        } else {
          report.skip(file, name, reason: "no schema of this suite")
        }
      }
    }
  }

  // MARK: RLPTests

  private static func runRLP(
    _ input: JSONValue, _ hex: String, _ file: String, _ name: String, into report: inout ConformanceReport
  ) {
    guard let bytes = try? Hex.decode(hex) else {
      report.skip(file, name, reason: "`out` is no hex")
      return
    }
    let decoded: RLPItem
    do { decoded = try RLPItem(decoding: bytes) } catch {
      if input.string == "INVALID" {
        report.pass(file, name)
      } else {
        report.fail(file, name, expected: "decoded", actual: "\(error)")
      }
      return
    }
    switch input.string {
    case "INVALID":
      report.fail(file, name, expected: "refused", actual: "decoded")
    case "VALID":
      report.expect(file, name, Hex.encode(bytes), Hex.encode(decoded.encoded()))
    default:
      guard let item = item(input) else {
        report.skip(file, name, reason: "`in` holds what has no RLP form")
        return
      }
      guard decoded == item else {
        report.fail(file, name, expected: "\(item)", actual: "\(decoded)")
        return
      }
      report.expect(file, name, Hex.encode(bytes), Hex.encode(item.encoded()))
    }
  }

  private static func item(_ value: JSONValue) -> RLPItem? {
    switch value {
    case .string(let text) where text.hasPrefix("#"):
      return bigInteger(text.dropFirst()).map { .string($0) }
    case .string(let text):
      return .string([UInt8](text.utf8))
    case .number(let text):
      return bigInteger(text[...]).map { .string($0) }
    case .array(let values):
      var items: [RLPItem] = []
      for value in values {
        guard let inner = item(value) else { return nil }
        items.append(inner)
      }
      return .list(items)
    default:
      return nil
    }
  }

  /// Decimal digits as the shortest big-endian bytes, of any size.
  private static func bigInteger(_ digits: Substring) -> [UInt8]? {
    var bytes: [UInt8] = []
    for digit in digits.utf8 {
      guard (0x30...0x39).contains(digit) else { return nil }
      var carry = Int(digit - 0x30)
      for index in bytes.indices {
        carry += Int(bytes[index]) * 10
        bytes[index] = UInt8(truncatingIfNeeded: carry)
        carry >>= 8
      }
      if carry > 0 { bytes.append(UInt8(carry)) }
    }
    return bytes.reversed()
  }

  // MARK: TransactionTests

  private static func runTransaction(
    _ hex: String, _ result: [String: JSONValue], _ file: String, _ name: String,
    into report: inout ConformanceReport
  ) {
    guard let bytes = try? Hex.decode(hex) else {
      report.skip(file, name, reason: "`txbytes` is no hex")
      return
    }
    let decoded: Result<EthereumTransaction, EthereumTransactionError> = Result {
      () throws(EthereumTransactionError) in try EthereumTransaction(decoding: bytes)
    }
    var ran = 0
    for forkName in result.keys.sorted() {
      guard let expected = result[forkName], let fork = EthereumTransaction.Fork(name: forkName) else {
        continue
      }
      if let difference = difference(expected, decoded, fork) {
        if difference.isUnsupported {
          report.skip(file, name, reason: difference.actual)
        } else {
          report.fail(
            file, name, expected: "\(forkName): \(difference.expected)",
            actual: "\(forkName): \(difference.actual)")
        }
        return
      }
      ran += 1
    }
    if ran == 0 {
      report.skip(file, name, reason: "no known fork in `result`")
    } else {
      report.pass(file, name)
    }
  }

  private struct Difference {
    let expected: String
    let actual: String
    var isUnsupported = false
  }

  /// Nil when the outcome is the expected one.
  private static func difference(
    _ expected: JSONValue, _ decoded: Result<EthereumTransaction, EthereumTransactionError>,
    _ fork: EthereumTransaction.Fork
  ) -> Difference? {
    let outcome: Result<(EthereumTransaction, Bytes20), EthereumTransactionError> = Result {
      () throws(EthereumTransactionError) in
      let transaction = try decoded.get()
      return (transaction, try transaction.sender(fork: fork, chain: 1))
    }
    switch (expected["exception"]?.string, outcome) {
    case (let exception?, .failure(let error)):
      return isReason(error, exception) ? nil : Difference(expected: exception, actual: "\(error)")
    case (let exception?, .success):
      return Difference(expected: exception, actual: "accepted")
    case (nil, .failure(.unreadType(let type))):
      return Difference(
        expected: "accepted", actual: "transactions of type \(type) are not read", isUnsupported: true)
    case (nil, .failure(let error)):
      return Difference(expected: "accepted", actual: "\(error)")
    case (nil, .success((let transaction, let sender))):
      if let hash = expected["hash"]?.string, hash.lowercased() != transaction.hash.description {
        return Difference(expected: hash, actual: transaction.hash.description)
      }
      if let wanted = expected["sender"]?.string, wanted.lowercased() != sender.description {
        return Difference(expected: wanted, actual: sender.description)
      }
      // Prague prices calldata anew (EIP-7623): its figure is not ours.
      if fork <= .cancun, let gas = expected["intrinsicGas"]?.string {
        let wanted = UInt64(gas.dropFirst(gas.hasPrefix("0x") ? 2 : 0), radix: 16)
        let actual = transaction.intrinsicGas(fork: fork)
        if wanted != actual { return Difference(expected: "gas \(gas)", actual: "gas \(actual)") }
      }
      return nil
    }
  }

  /// Whether `error` is a refusal for the reason that the corpus names; a reason that is not listed asks for a
  /// refusal alone.
  private static func isReason(_ error: EthereumTransactionError, _ exception: String) -> Bool {
    let reason = exception.split(separator: ".").last.map(String.init) ?? exception
    switch reason {
    case "INVALID_SIGNATURE_VRS":
      switch error {
      case .signature, .overflow(.v), .overflow(.r), .overflow(.s), .leadingZero(.v), .leadingZero(.r),
        .leadingZero(.s):
        return true
      default: return false
      }
    case "INVALID_CHAINID":
      return error == .chainID || error == .overflow(.v) || error == .overflow(.chainID)
    case "TYPE_NOT_SUPPORTED":
      switch error {
      case .type, .unreadType: return true
      // A field may be malformed as well: types are looked at later here.
      case .overflow: return true
      default: return false
      }
    case "RLP_TOO_FEW_ELEMENTS":
      if case .fieldCount(let wanted, let actual) = error { return actual < wanted }
      return false
    case "RLP_TOO_MANY_ELEMENTS":
      if case .fieldCount(let wanted, let actual) = error { return actual > wanted }
      return false
    case "RLP_INVALID_ACCESS_LIST_ADDRESS_TOO_SHORT":
      if case .accessListAddress(let length) = error { return length < 20 }
      return false
    case "RLP_INVALID_ACCESS_LIST_ADDRESS_TOO_LONG":
      if case .accessListAddress(let length) = error { return length > 20 }
      return false
    case "RLP_INVALID_ACCESS_LIST_STORAGE_TOO_SHORT":
      if case .accessListStorageKey(let length) = error { return length < 32 }
      return false
    case "RLP_INVALID_ACCESS_LIST_STORAGE_TOO_LONG":
      if case .accessListStorageKey(let length) = error { return length > 32 }
      return false
    case "GASLIMIT_PRICE_PRODUCT_OVERFLOW":
      return error == .gasProduct
    case "PRIORITY_OVERFLOW":
      return error == .overflow(.priorityFee)
    case "PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS":
      return error == .priorityAboveMaximumFee
    case "RLP_LEADING_ZEROS_BASEFEE":
      return error == .leadingZero(.maximumFee)
    case "RLP_LEADING_ZEROS_PRIORITY":
      return error == .leadingZero(.priorityFee)
    default:
      return true
    }
  }

  // MARK: ABITests

  private static func runABI(
    _ types: [JSONValue], _ arguments: [JSONValue], _ hex: String, _ file: String, _ name: String,
    into report: inout ConformanceReport
  ) {
    do {
      let types = try types.map { try ABIType($0.string ?? "") }
      guard types.count == arguments.count else {
        report.skip(file, name, reason: "not as many arguments as types")
        return
      }
      var values: [ABIValue] = []
      for (argument, type) in zip(arguments, types) {
        guard let value = value(argument, type) else {
          report.skip(file, name, reason: "an argument is not written as expected for \(type.name)")
          return
        }
        values.append(value)
      }
      let expected = try Hex.decode(hex)
      let decoded = try ABI.decode(expected, as: types)
      guard decoded == values else {
        report.fail(file, name, expected: "\(values)", actual: "\(decoded)")
        return
      }
      report.expect(file, name, Hex.encode(expected), Hex.encode(try ABI.encode(values, as: types)))
    } catch {
      report.fail(file, name, expected: "encoded and decoded", actual: "\(error)")
    }
  }

  private static func value(_ argument: JSONValue, _ type: ABIType) -> ABIValue? {
    switch type {
    case .uint:
      switch argument {
      case .number(let text), .string(let text): return UInt256(decimal: text).map { .uint($0) }
      default: return nil
      }
    case .int:
      return argument.integer(Int64.self).map { .int($0) }
    case .address:
      return argument.string.flatMap { try? Bytes20(hex: $0) }.map { .address($0) }
    case .boolean:
      return argument.boolean.map { .boolean($0) }
    case .fixedBytes(let count):
      return content(argument).flatMap { $0.count == count ? .fixedBytes($0) : nil }
    case .bytes:
      return content(argument).map { .bytes($0) }
    case .string:
      return argument.string.map { .string($0) }
    case .array(let element), .fixedArray(let element, _):
      return elements(argument, { _ in element }).map { .array($0) }
    case .tuple(let members):
      guard argument.array?.count == members.count else { return nil }
      return elements(argument, { members[$0] }).map { .tuple($0) }
    }
  }

  private static func elements(_ argument: JSONValue, _ type: (Int) -> ABIType) -> [ABIValue]? {
    guard let items = argument.array else { return nil }
    var values: [ABIValue] = []
    for (index, item) in items.enumerated() {
      guard let inner = value(item, type(index)) else { return nil }
      values.append(inner)
    }
    return values
  }

  /// Bytes in hex after `0x`, else the text itself.
  private static func content(_ argument: JSONValue) -> [UInt8]? {
    guard let text = argument.string else { return nil }
    return text.hasPrefix("0x") ? try? Hex.decode(text) : [UInt8](text.utf8)
  }
}
