import ContractHost
import Digests
import Encodings
import WireBytes

/// Recorded results of float instructions, from the contract that runs them one by one.
struct CosmWasmFloats {
  private static let digestPrefix = "per_instruction_sha256_of_"
  private static let digestSuffix = "_seeds"
  private static let seedsMax = 10_000

  private let json: JSONValue
  private let file: String
  private let world: CosmWasmBackend.World
  private let environment: [UInt8]

  init(_ json: JSONValue, _ file: String, _ engine: ContractEngine, _ code: CompiledCode) {
    self.json = json
    self.file = file
    world = CosmWasmBackend.World(engine: engine, code: code, address: "contract", balances: [])
    environment =
      json["env"].map { [UInt8]($0.text().utf8) }
      ?? ContractEnvironment(
        height: 123, timeNanoseconds: 1_578_939_743_987_654_321, chainID: "foobar",
        transaction: nil, contract: "contract"
      ).encoded()
  }

  /// A query's answer, or why there is none.
  private func query(_ message: String) -> Result<[UInt8], CallFailure> {
    var backend = CosmWasmBackend(world, environment: environment, overrides: [:], storage: [:])
    let outcome = world.engine.call(
      ContractCall(
        .query, arguments: [environment, [UInt8](message.utf8)], gasLimit: CosmWasmScript.gasLimit),
      of: world.code, backend: &backend)
    return outcome.result.map { bytes in
      guard case .ok(let answer) = try? ContractResult<ContractBinary>(decoding: bytes) else { return bytes }
      return answer.bytes
    }
  }

  private func text(_ result: Result<[UInt8], CallFailure>) -> String {
    switch result {
    case .success(let bytes): String(decoding: bytes, as: UTF8.self)
    case .failure(.trap(let trap)): trap.text
    case .failure(let failure): failure.text
    }
  }

  func run(into report: inout ConformanceReport) {
    if let instructions = json["instructions"] {
      let answer = (try? query(#"{"instructions":{}}"#).get()).flatMap { try? JSONValue(decoding: $0) }
      report.expect(file, "instructions", instructions.text(), answer?.text() ?? "no answer")
    }
    for sample in json["samples"]?.array ?? [] { run(sample, &report) }
    for (member, digests) in (json.object ?? [:]).sorted(by: { $0.key < $1.key }) {
      guard member.hasPrefix(Self.digestPrefix), member.hasSuffix(Self.digestSuffix) else { continue }
      let digits = member.dropFirst(Self.digestPrefix.count).dropLast(Self.digestSuffix.count)
      guard let seeds = Int(digits), (1...Self.seedsMax).contains(seeds), let digests = digests.object else {
        report.fail(file, member, expected: "1 to \(Self.seedsMax) seeds", actual: "something else")
        continue
      }
      for (instruction, digest) in digests.sorted(by: { $0.key < $1.key }) {
        report.expect(
          file, "\(instruction), \(seeds) seeds", digest.string ?? "text",
          self.digest(instruction, seeds: seeds))
      }
    }
  }

  private func arguments(_ instruction: String, _ seed: String) -> String {
    text(query(#"{"random_args_for":{"instruction":"\#(instruction)","seed":\#(seed)}}"#))
  }

  private func result(_ instruction: String, _ arguments: String) -> Result<[UInt8], CallFailure> {
    query(#"{"run":{"instruction":"\#(instruction)","args":\#(arguments)}}"#)
  }

  private func run(_ sample: JSONValue, _ report: inout ConformanceReport) {
    guard let instruction = sample["instruction"]?.string, let wanted = sample["args"],
      case .number(let seed) = sample["seed"]
    else {
      report.fail(file, "sample", expected: "instruction, seed, args", actual: "missing")
      return
    }
    let name = "\(instruction), seed \(seed)"
    let arguments = arguments(instruction, seed)
    guard arguments == wanted.text() else {
      report.fail(file, name, expected: wanted.text(), actual: arguments)
      return
    }
    switch (result(instruction, arguments), sample["ok"], sample["trap"]?.string) {
    case (.success(let bytes), .some(let value), nil):
      report.expect(file, name, value.text(), String(decoding: bytes, as: UTF8.self))
    case (.failure(.trap(let trap)), nil, .some(let words)): report.expect(file, name, words, trap.text)
    case (let other, let value, let words):
      report.fail(file, name, expected: value?.text() ?? words ?? "ok or trap", actual: text(other))
    }
  }

  /// SHA-256 over all results as upstream's test writes them (cosmwasm packages/vm/src/calls.rs).
  private func digest(_ instruction: String, seeds: Int) -> String {
    var hasher = SHA256Hash()
    for seed in 0..<seeds {
      let answer: String
      switch result(instruction, arguments(instruction, String(seed))) {
      case .success(let bytes):
        guard let object = (try? JSONValue(decoding: bytes))?.object, object.count == 1,
          let value = object.first, case .number(let number) = value.value
        else { return "an answer of another form" }
        answer = "\(value.key.uppercased())(\(number))"
      case .failure(.trap(let trap)): answer = "Wasmer runtime error: RuntimeError: \(trap.text)"
      case .failure(let failure): return failure.text
      }
      let line = [UInt8]("\(instruction)\(seed)\(answer)".utf8)
      hasher.update(line.span)
    }
    return CosmWasmSuite.bare(hasher.finalize())
  }
}
