public import Encodings

/// A hardening report as JSON: each measure by its name.
public enum HardeningJSON {
  public static func json(_ report: HardeningReport) -> JSONValue {
    var members: [String: JSONValue] = [:]
    for line in report.lines { members[line.measure.rawValue] = .string(word(line.outcome)) }
    return .object(members)
  }

  private static func word(_ outcome: HardeningReport.Outcome) -> String {
    switch outcome {
    case .done: "done"
    case .notAsked: "off"
    case .logged: "log"
    case .notPossible(.absent): "not possible: absent"
    case .notPossible(.refused(let errno)): "not possible: errno \(errno)"
    case .notPossible(.memoryLimit(let bytes)): "not possible: \(bytes) bytes may be locked"
    }
  }
}
