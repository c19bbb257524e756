import ContractHost
import Encodings
import WireBytes

/// A recorded script: calls in order on one storage, each compared with what was recorded.
struct CosmWasmScript {
  /// What a call may use: enough for every recorded call that ends, and seconds for those that do not.
  static let gasLimit: UInt64 = 400_000_000_000
  /// A step is repeated at most this often.
  static let repeatMax = 10_000
  /// Longer texts of a mismatch are cut.
  private static let shownMax = 600

  private let json: JSONValue
  private let file: String
  private let world: CosmWasmBackend.World

  init(_ json: JSONValue, _ file: String, _ engine: ContractEngine, _ code: CompiledCode) {
    self.json = json
    self.file = file
    let balances = (json["balances"]?.array ?? []).compactMap {
      entry -> (address: String, coin: ContractCoin)? in
      guard let address = entry["address"]?.string, let denomination = entry["denom"]?.string,
        let amount = entry["amount"]?.string.flatMap(UInt256.init(decimal:))
      else { return nil }
      return (address, ContractCoin(denomination: denomination, amount: amount))
    }
    world = CosmWasmBackend.World(
      engine: engine, code: code, address: json["env"]?["contract"]?["address"]?.string ?? "contract",
      balances: balances)
  }

  func run(into report: inout ConformanceReport) {
    guard let steps = json["steps"]?.array else {
      report.fail(file, "steps", expected: "an array", actual: "something else")
      return
    }
    var storage: [[UInt8]: [UInt8]] = [:]
    for (index, step) in steps.enumerated() {
      let name = "step \(index) \(step["name"]?.string ?? "")"
      do throws(Mismatch) {
        try run(step, &storage)
        report.pass(file, name)
      } catch {
        report.fail(
          file, name, expected: Self.cut(error.expected), actual: Self.cut(error.actual))
      }
    }
  }

  private static func cut(_ text: String) -> String {
    text.utf8.count <= shownMax ? text : text.prefix(shownMax) + "… (\(text.utf8.count) bytes)"
  }

  /// Where a call differs from its record.
  private struct Mismatch: Error {
    let expected: String
    let actual: String
  }

  private func run(_ step: JSONValue, _ storage: inout [[UInt8]: [UInt8]]) throws(Mismatch) {
    guard let expect = step["expect"], expect.object != nil else {
      throw Mismatch(expected: "a member expect", actual: "none")
    }
    guard let name = step["entry_point"]?.string, let entryPoint = EntryPoint(rawValue: name) else {
      throw Mismatch(expected: "a known entry point", actual: step["entry_point"]?.string ?? "none")
    }
    let environment = try Self.text(step["env"] ?? json["env"], "env")
    var arguments = [environment]
    if entryPoint.takesInfo { arguments.append(try Self.text(step["info"], "info")) }
    for argument in step["args"]?.array ?? [] {
      guard let text = argument.string else { throw Mismatch(expected: "args of text", actual: "others") }
      arguments.append([UInt8](text.utf8))
    }
    var overrides: [String: [UInt8]] = [:]
    for (request, answer) in (step["querier"] ?? json["querier"])?.object ?? [:] {
      overrides[request] = [UInt8]((answer.string ?? answer.text()).utf8)
    }

    let count = step["repeat"]?.integer(Int.self) ?? 1
    guard (1...Self.repeatMax).contains(count) else {
      throw Mismatch(expected: "1 to \(Self.repeatMax) repetitions", actual: "\(count)")
    }
    var allCalls: [String] = []
    var allPrinted: [String] = []
    for round in 1...count {
      var backend = CosmWasmBackend(
        world, environment: environment, overrides: overrides, storage: storage)
      let outcome = world.engine.call(
        ContractCall(entryPoint, arguments: arguments, gasLimit: Self.gasLimit, records: true),
        of: world.code, backend: &backend)
      let succeeded = Self.succeeded(outcome.result, entryPoint)
      if succeeded { storage = backend.storage }
      let calls = backend.hostCalls(outcome)
      allCalls += calls
      allPrinted += backend.printed
      guard round == count else {
        // Recorded is the last round; those before it must end in the same way.
        try Self.compareKind(expect, outcome.result)
        continue
      }
      try Self.compareResult(expect, outcome.result)
      try Self.compareList(expect["host_calls"], calls, all: allCalls, "host calls")
      try Self.compareList(expect["debug"], backend.printed, all: allPrinted, "debug")
    }
    try Self.compareStorage(expect["storage_hex"], storage)
  }

  private static func text(_ json: JSONValue?, _ name: String) throws(Mismatch) -> [UInt8] {
    guard let json, json.object != nil else { throw Mismatch(expected: "an object \(name)", actual: "none") }
    return [UInt8](json.text().utf8)
  }

  /// Whether state of the call is kept: it returned, and not an error of the contract.
  private static func succeeded(_ result: Result<[UInt8], CallFailure>, _ entryPoint: EntryPoint) -> Bool {
    guard case .success(let bytes) = result, entryPoint != .query,
      let json = try? JSONValue(decoding: bytes)
    else { return false }
    return json["ok"] != nil
  }

  private static func compareKind(
    _ expect: JSONValue, _ result: Result<[UInt8], CallFailure>
  ) throws(Mismatch) {
    switch result {
    case .success where expect["vm_error"] == nil: return
    case .failure where expect["vm_error"] != nil: return
    case .success: throw Mismatch(expected: "a failed call", actual: "a result")
    case .failure(let failure): throw Mismatch(expected: "a result", actual: failure.text)
    }
  }

  private static func compareResult(
    _ expect: JSONValue, _ result: Result<[UInt8], CallFailure>
  ) throws(Mismatch) {
    if let wanted = expect["vm_error"] {
      guard let text = wanted.string else { throw Mismatch(expected: "vm_error as text", actual: "another") }
      guard case .failure(let failure) = result else {
        throw Mismatch(expected: "failed: \(text)", actual: show(result))
      }
      // The other texts are the recording host's own.
      if text == "out_of_gas", failure != .outOfGas {
        throw Mismatch(expected: CallFailure.outOfGas.text, actual: failure.text)
      }
      return
    }
    guard let wanted = expect["result"]?.string else {
      throw Mismatch(expected: "a member result or vm_error", actual: "neither")
    }
    guard case .success(let bytes) = result, bytes == [UInt8](wanted.utf8) else {
      throw Mismatch(expected: wanted, actual: show(result))
    }
    if let decoded = expect["ok_decoded"] {
      let answer = (try? JSONValue(decoding: bytes))?["ok"]?.string.flatMap { try? Base64.decode($0) }
      guard let answer, let json = try? JSONValue(decoding: answer), json == decoded else {
        throw Mismatch(
          expected: decoded.text(), actual: answer.map { String(decoding: $0, as: UTF8.self) } ?? "no answer")
      }
    }
  }

  /// Compares with one call, or with all rounds of a step that is repeated.
  private static func compareList(
    _ wanted: JSONValue?, _ actual: [String], all: [String], _ what: String
  ) throws(Mismatch) {
    guard let wanted else { return }
    let list = wanted.array?.compactMap { $0.string }
    guard let list, list.count == wanted.array?.count, list == actual || list == all else {
      throw Mismatch(expected: "\(what) \(wanted.text())", actual: actual.joined(separator: ", "))
    }
  }

  private static func compareStorage(_ wanted: JSONValue?, _ storage: [[UInt8]: [UInt8]]) throws(Mismatch) {
    guard let wanted else { return }
    var actual: [String: JSONValue] = [:]
    for (key, value) in storage {
      actual[Hex.encode(key, prefix: "")] = .string(Hex.encode(value, prefix: ""))
    }
    guard wanted == .object(actual) else {
      throw Mismatch(expected: "storage \(wanted.text())", actual: JSONValue.object(actual).text())
    }
  }

  private static func show(_ result: Result<[UInt8], CallFailure>) -> String {
    switch result {
    case .success(let bytes): String(decoding: bytes, as: UTF8.self)
    case .failure(let failure): "failed: \(failure.text)"
    }
  }
}
