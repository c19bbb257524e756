/// Runs a directory of outside test vectors of one topic through the code that `causeway verify` uses.
///
/// A suite recognises files by their schema, not by their names, so that a file of the same schema with other cases
/// runs unchanged. What it cannot run it reports as skipped, with the reason.
public protocol ConformanceSuite: Sendable {
  /// The name on the command line.
  static var name: String { get }
  /// One line for `--help`: what is run, and which schemas are known.
  static var summary: String { get }
  /// Runs every case under `corpus` and adds one result each to `report`.
  static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport)
}

/// What became of one case.
public enum CaseOutcome: Hashable, Sendable {
  case passed
  /// Both texts are for people: what the corpus says and what our code answered.
  case failed(expected: String, actual: String)
  case skipped(reason: String)
}

/// One case of a corpus with its outcome.
public struct CaseResult: Hashable, Sendable {
  /// Path of the file, relative to the directory that was run.
  public let file: String
  /// The case in that file: its own name or its index.
  public let name: String
  public let outcome: CaseOutcome
}

/// The results of a run, in order.
public struct ConformanceReport: Sendable {
  public private(set) var results: [CaseResult] = []

  public init() {}

  public mutating func pass(_ file: String, _ name: String) {
    results.append(CaseResult(file: file, name: name, outcome: .passed))
  }

  public mutating func fail(_ file: String, _ name: String, expected: String, actual: String) {
    results.append(
      CaseResult(file: file, name: name, outcome: .failed(expected: expected, actual: actual)))
  }

  public mutating func skip(_ file: String, _ name: String, reason: String) {
    results.append(CaseResult(file: file, name: name, outcome: .skipped(reason: reason)))
  }

  /// Passes when both are equal, fails with both otherwise.
  public mutating func expect(_ file: String, _ name: String, _ expected: String, _ actual: String) {
    if expected == actual {
      pass(file, name)
    } else {
      fail(file, name, expected: expected, actual: actual)
    }
  }

  public var passed: Int { results.count { $0.outcome == .passed } }
  public var failed: Int {
    results.count { if case .failed = $0.outcome { true } else { false } }
  }
  public var skipped: Int {
    results.count { if case .skipped = $0.outcome { true } else { false } }
  }
}
