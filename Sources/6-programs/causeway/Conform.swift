import ArgumentParser
import Conformance
import Encodings

/// `causeway conform SUITE DIR`: a whole directory of outside vectors through the code that `verify` uses.
struct Conform: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a directory of outside test vectors through this program.",
    discussion: """
      Files are recognised by their schema; docs/vectors.md says where the public corpora are. Ends with 1 when a \
      case failed. What cannot be run is counted as skipped, with the reason.


      """ + suiteList)

  @Argument(help: "The suite: \(ConformanceSuites.names.joined(separator: ", ")).")
  var suite: String
  @Argument(help: "A directory of vector files, or one file.", completion: .directory)
  var directory: String
  @Flag(help: "Print every case as JSON (schema causeway.conform/1).")
  var json = false
  @Flag(name: .shortAndLong, help: "Print the cases that passed, too.")
  var verbose = false

  private static var suiteList: String {
    "Suites:\n"
      + ConformanceSuites.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n")
  }

  func run() throws {
    guard let chosen = ConformanceSuites.all.first(where: { $0.name == suite }) else {
      throw ValidationError(
        "There is no suite '\(suite)'. Suites: \(ConformanceSuites.names.joined(separator: ", ")).")
    }
    let corpus: CorpusDirectory
    do {
      corpus = try CorpusDirectory(path: directory)
    } catch {
      Terminal.complain("causeway: cannot read '\(directory)': \(error)")
      throw ExitCode(2)
    }
    var report = ConformanceReport()
    chosen.run(corpus, into: &report)
    Terminal.print(json ? Self.json(suite, report).text(pretty: true) : text(report))
    if report.failed > 0 { throw ExitCode(1) }
    if report.results.isEmpty {
      Terminal.complain("causeway: no case was found under '\(directory)'")
      throw ExitCode(3)
    }
  }

  private func text(_ report: ConformanceReport) -> String {
    var lines: [String] = []
    var skipped: [(reason: String, count: Int, first: String)] = []
    for result in report.results {
      let place = "\(result.file) \(result.name)"
      switch result.outcome {
      case .passed:
        if verbose { lines.append("\(Terminal.paint("passed", 32))  \(place)") }
      case .failed(let expected, let actual):
        lines.append("\(Terminal.paint("FAILED", 31))  \(place)")
        lines.append("        expected \(expected)")
        lines.append("        answered \(actual)")
      case .skipped(let reason):
        if let index = skipped.firstIndex(where: { $0.reason == reason }) {
          skipped[index].count += 1
        } else {
          skipped.append((reason, 1, place))
        }
        if verbose { lines.append("\(Terminal.paint("skipped", 33)) \(place): \(reason)") }
      }
    }
    for group in skipped {
      lines.append(
        "\(Terminal.paint("skipped", 33)) \(group.count) × \(group.reason) (first: \(group.first))")
    }
    lines.append("\(report.passed) passed, \(report.failed) failed, \(report.skipped) skipped")
    return lines.joined(separator: "\n")
  }

  private static func json(_ suite: String, _ report: ConformanceReport) -> JSONValue {
    let cases = report.results.map { result -> JSONValue in
      var members: [String: JSONValue] = ["file": .string(result.file), "name": .string(result.name)]
      switch result.outcome {
      case .passed: members["outcome"] = "passed"
      case .failed(let expected, let actual):
        members["outcome"] = "failed"
        members["expected"] = .string(expected)
        members["actual"] = .string(actual)
      case .skipped(let reason):
        members["outcome"] = "skipped"
        members["reason"] = .string(reason)
      }
      return .object(members)
    }
    return [
      "schema": "causeway.conform/1",
      "suite": .string(suite),
      "passed": .number(String(report.passed)),
      "failed": .number(String(report.failed)),
      "skipped": .number(String(report.skipped)),
      "cases": .array(cases),
    ]
  }
}
