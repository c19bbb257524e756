import ContractHost
import Digests
import Encodings
import WireBytes

/// CosmWasm: recorded calls of published contracts, and addresses of contracts.
public enum CosmWasmSuite: ConformanceSuite {
  public static let name = "cosmwasm"
  public static let summary =
    "CosmWasm: call scripts {contract, wasm: {sha256}, env, balances, steps: [{entry_point, info, args, expect}]} "
    + "and float samples {wasm, instructions, samples, per_instruction_sha256_of_N_seeds}, run in wasmtime on the "
    + "*.wasm of that SHA-256 in the same directory; addresses {classic, instantiate2}"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    let binaries = CosmWasmBinaries(corpus)
    var engine: Result<ContractEngine, WasmtimeError>?
    for file in corpus.files where !file.hasSuffix(".wasm") {
      guard file.hasSuffix(".json") else {
        report.skip(file, "file", reason: "not JSON")
        continue
      }
      let json: JSONValue
      do { json = try corpus.json(file) } catch {
        report.skip(file, "file", reason: "unreadable: \(error)")
        continue
      }
      if json["classic"]?.array != nil || json["instantiate2"]?.array != nil {
        CosmWasmAddresses.run(json, file, &report)
      } else if json["wasm"]?["sha256"]?.string != nil, json["steps"] != nil || json["samples"] != nil {
        let made = engine ?? makeEngine()
        engine = made
        run(json, file, binaries, made, &report)
      } else {
        report.skip(file, "file", reason: "no known schema of CosmWasm")
      }
    }
  }

  private static func makeEngine() -> Result<ContractEngine, WasmtimeError> {
    do throws(WasmtimeError) {
      return .success(try ContractEngine(library: try WasmtimeLibrary.find()))
    } catch { return .failure(error) }
  }

  private static func run(
    _ json: JSONValue, _ file: String, _ binaries: CosmWasmBinaries,
    _ engine: Result<ContractEngine, WasmtimeError>, _ report: inout ConformanceReport
  ) {
    let contract = json["contract"]?.string ?? "the contract"
    guard let text = json["wasm"]?["sha256"]?.string, let checksum = try? Bytes32(hex: text) else {
      report.fail(file, "wasm", expected: "the SHA-256 of a binary", actual: "something else")
      return
    }
    let wasm: [UInt8]
    switch binaries.find(checksum, named: [json["wasm"]?["path"]?.string, json["contract"]?.string]) {
    case .found(let bytes): wasm = bytes
    case .other(let name):
      report.skip(
        file, contract, reason: "\(contract): \(name) has another SHA-256 than \(Self.bare(checksum))")
      return
    case .absent:
      report.skip(
        file, contract, reason: "\(contract): no *.wasm here has the SHA-256 \(Self.bare(checksum))")
      return
    }
    let runner: ContractEngine
    switch engine {
    case .success(let made): runner = made
    case .failure(let error):
      report.skip(file, contract, reason: error.text)
      return
    }
    let code: CompiledCode
    do { code = try runner.compile(wasm) } catch {
      report.fail(file, "compile", expected: "accepted", actual: error.text)
      return
    }
    checkAnalysis(json, code, file, &report)
    if json["steps"] != nil { CosmWasmScript(json, file, runner, code).run(into: &report) }
    if json["samples"] != nil { CosmWasmFloats(json, file, runner, code).run(into: &report) }
  }

  /// The exports and imports that the script names are those that the analysis finds.
  private static func checkAnalysis(
    _ json: JSONValue, _ code: CompiledCode, _ file: String, _ report: inout ConformanceReport
  ) {
    func names(_ member: String) -> [String]? { json[member]?.array?.compactMap { $0.string }.sorted() }
    if let exports = names("function_exports") {
      let found = code.analysis.exports.map { $0.name }.sorted()
      report.expect(
        file, "function exports", exports.joined(separator: " "), found.joined(separator: " "))
    }
    if let imports = names("imports") {
      let found = code.analysis.imports.map { "\(HostImport.module).\($0.name)" }.sorted()
      report.expect(file, "imports", imports.joined(separator: " "), found.joined(separator: " "))
    }
  }

  static func bare(_ checksum: Bytes32) -> String { Hex.encode(checksum.span, prefix: "") }
}

/// The binaries of a directory, by what they hash to.
struct CosmWasmBinaries {
  enum Finding {
    case found([UInt8])
    /// A file of the name is there, and is another binary.
    case other(String)
    case absent
  }

  private let corpus: CorpusDirectory
  private var files: [Bytes32: String] = [:]
  private var names: Set<String> = []

  init(_ corpus: CorpusDirectory) {
    self.corpus = corpus
    for file in corpus.files where file.hasSuffix(".wasm") {
      guard let bytes = try? corpus.bytes(file) else { continue }
      files[SHA256Hash.hash(bytes)] = file
      names.insert(Self.stem(file))
    }
  }

  /// The last part of a path, without `.wasm`.
  private static func stem(_ path: String) -> String {
    let last = path.split(separator: "/").last.map(String.init) ?? path
    return last.hasSuffix(".wasm") ? String(last.dropLast(5)) : last
  }

  func find(_ checksum: Bytes32, named candidates: [String?]) -> Finding {
    if let file = files[checksum], let bytes = try? corpus.bytes(file) { return .found(bytes) }
    for candidate in candidates.compactMap({ $0.map(Self.stem) }) where names.contains(candidate) {
      return .other(candidate + ".wasm")
    }
    return .absent
  }
}

/// Addresses of contracts by wasmd's rules.
enum CosmWasmAddresses {
  static func run(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    for (index, test) in (json["classic"]?.array ?? []).enumerated() {
      classic(test, "classic \(index)", file, &report)
    }
    for (index, test) in (json["instantiate2"]?.array ?? []).enumerated() {
      predictable(test, "instantiate2 \(index)", file, &report)
    }
  }

  private static func classic(
    _ test: JSONValue, _ name: String, _ file: String, _ report: inout ConformanceReport
  ) {
    guard let codeID = test["code_id"]?.integer(UInt64.self),
      let instanceID = test["instance_id"]?.integer(UInt64.self), let want = test["canonical_hex"]?.string
    else {
      report.fail(file, name, expected: "code_id, instance_id, canonical_hex", actual: "missing")
      return
    }
    let address = ContractAddresses.classic(codeID: codeID, instanceID: instanceID)
    var expected = [want.lowercased()]
    var actual = [CosmWasmSuite.bare(address)]
    for (member, value) in (test.object ?? [:]).sorted(by: { $0.key < $1.key }) {
      guard member.hasPrefix("bech32_"), let text = value.string else { continue }
      expected.append(text)
      actual.append(
        (try? ContractAddresses.text(address.array, prefix: String(member.dropFirst(7)))) ?? "no text")
    }
    report.expect(file, name, expected.joined(separator: " "), actual.joined(separator: " "))
  }

  private static func predictable(
    _ test: JSONValue, _ name: String, _ file: String, _ report: inout ConformanceReport
  ) {
    guard let checksum = test["checksum"]?.string.flatMap({ try? Bytes32(hex: $0) }),
      let creator = test["creatorData"]?.string.flatMap({ try? Hex.decode($0) }),
      let salt = test["salt"]?.string.flatMap({ try? Hex.decode($0) })
    else {
      report.fail(file, name, expected: "checksum, creatorData and salt in hex", actual: "something else")
      return
    }
    let message = test["msg"]?.string.map { [UInt8]($0.utf8) }
    let address: Bytes32
    do {
      address = try ContractAddresses.predictable(
        checksum: checksum, creator: creator, salt: salt, message: message)
    } catch {
      let wantsRefusal = test["error"].map { !$0.isNull } ?? false
      report.expect(
        file, name, wantsRefusal ? "refused" : "an address", wantsRefusal ? "refused" : "\(error)")
      return
    }
    guard let want = test["address_data"]?.string, let text = test["address"]?.string,
      let prefix = try? Bech32(decoding: text, textMax: 500).prefix
    else {
      report.fail(file, name, expected: "refused", actual: CosmWasmSuite.bare(address))
      return
    }
    var expected = [want.lowercased(), text]
    var actual = [
      CosmWasmSuite.bare(address), (try? ContractAddresses.text(address.array, prefix: prefix)) ?? "no text",
    ]
    if let creatorText = test["creator"]?.string {
      expected.append(Hex.encode(creator))
      actual.append(
        (try? ContractAddresses.canonical(creatorText, prefix: prefix)).map { Hex.encode($0) } ?? "no address"
      )
    }
    report.expect(file, name, expected.joined(separator: " "), actual.joined(separator: " "))
  }
}
