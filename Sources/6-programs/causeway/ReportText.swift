import OfflineVerification

/// A report as a person reads it: the verdict first, then why, then whom one trusts.
struct ReportText {
  private let report: VerificationReport

  init(_ report: VerificationReport) { self.report = report }

  var text: String {
    var lines = [headline]
    if let id = report.id { lines.append("  id  \(id)") }
    if !report.facts.isEmpty {
      lines.append("")
      let width = min(report.facts.map(\.name.count).max() ?? 0, 24)
      for fact in report.facts { lines.append("  \(padded(fact.name, width))  \(fact.value)") }
    }
    if !report.steps.isEmpty {
      lines.append("")
      lines.append("  checked")
      for step in report.steps {
        lines.append("    \(mark(step.result)) \(step.check)\(step.detail.isEmpty ? "" : ": \(step.detail)")")
      }
    }
    lines.append("")
    lines.append(contentsOf: conclusion)
    return lines.joined(separator: "\n")
  }

  private var headline: String {
    switch report.outcome {
    case .valid: Terminal.paint("VALID", 32) + "  \(report.kind)"
    case .refused(let reason):
      Terminal.paint("REFUSED", 31) + "  \(report.kind): \(reason.text) (\(reason.code))"
    case .undecided(let reason):
      Terminal.paint("UNDECIDED", 33) + "  \(report.kind): \(reason.text) (\(reason.code))"
    }
  }

  private var conclusion: [String] {
    switch report.outcome {
    case .valid:
      var lines = ["  by believing this you trust that"]
      for assumption in report.assumptions { lines.append("    - \(assumption.text)") }
      if report.assumptions.isEmpty { lines = ["  this is mathematics only: it holds whoever lies"] }
      if let expires = report.expires { lines.append("  until \(ISO8601.text(expires))") }
      return lines
    case .refused: return ["  do not act on this message"]
    case .undecided: return ["  nothing wrong was found, but what is missing decides"]
    }
  }

  private func mark(_ result: VerificationReport.Step.Result) -> String {
    switch result {
    case .passed: Terminal.paint("ok", 32)
    case .failed: Terminal.paint("NO", 31)
    case .skipped: Terminal.paint("--", 33)
    }
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
  }
}
