public import Encodings

/// What an offline verification found: the verdict, how it was reached, and whom one trusts by believing it.
///
/// The JSON form is documented in docs/spec/report.md and stable under its schema name.
public struct VerificationReport: Hashable, Sendable {
  /// The answer, and for anything but yes the reason.
  public enum Outcome: Hashable, Sendable {
    case valid
    /// The evidence is wrong.
    case refused(Reason)
    /// The evidence may be right, but something needed to tell was not given.
    case undecided(Reason)
  }

  /// A machine-readable code and its text for people.
  public struct Reason: Hashable, Sendable {
    /// Stable, lower camel case: the case name of the error that was thrown.
    public let code: String
    /// One sentence with the numbers, without a final stop.
    public let text: String

    public init(code: String, text: String) {
      self.code = code
      self.text = text
    }
  }

  /// One check, in the order in which it was made.
  public struct Step: Hashable, Sendable {
    public enum Result: String, Hashable, Sendable {
      case passed
      case failed
      case skipped
    }

    /// What was checked, in a few words.
    public let check: String
    public let result: Result
    /// What was seen: numbers, hashes, names.
    public let detail: String

    public init(_ check: String, _ result: Result = .passed, _ detail: String = "") {
      self.check = check
      self.result = result
      self.detail = detail
    }
  }

  /// Something read from the message: its name and its value as text.
  public struct Fact: Hashable, Sendable {
    public let name: String
    public let value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// A premise of the verdict, in plain words: who must be honest, what the caller vouched for.
  public struct StatedAssumption: Hashable, Sendable {
    /// Stable, lower camel case.
    public let code: String
    public let text: String

    public init(code: String, text: String) {
      self.code = code
      self.text = text
    }
  }

  /// The kind that was asked for: the word after `causeway verify`.
  public let kind: String
  /// What names the message for good: a digest, a message id, a header hash.
  public var id: String?
  public var outcome: Outcome
  public var facts: [Fact]
  public var steps: [Step]
  public var assumptions: [StatedAssumption]
  /// Unix time in seconds after which the verdict must not be used any more; nil when it does not age.
  public var expires: UInt64?

  public init(
    kind: String, id: String? = nil, outcome: Outcome = .valid, facts: [Fact] = [], steps: [Step] = [],
    assumptions: [StatedAssumption] = [], expires: UInt64? = nil
  ) {
    self.kind = kind
    self.id = id
    self.outcome = outcome
    self.facts = facts
    self.steps = steps
    self.assumptions = assumptions
    self.expires = expires
  }

  public mutating func add(fact name: String, _ value: String) { facts.append(Fact(name, value)) }

  public mutating func add(step check: String, _ detail: String = "") {
    steps.append(Step(check, .passed, detail))
  }

  /// Records the failed check and refuses.
  public mutating func refuse(_ check: String, code: String, _ text: String) {
    steps.append(Step(check, .failed, text))
    outcome = .refused(Reason(code: code, text: text))
  }

  /// Records the check that could not be made, and what is missing.
  public mutating func leaveUndecided(_ check: String, code: String, _ text: String) {
    steps.append(Step(check, .skipped, text))
    outcome = .undecided(Reason(code: code, text: text))
  }
}

extension VerificationReport {
  /// 0 valid, 1 refused, 3 undecided. 2 is for input that cannot be read at all: see ``InputError``.
  public var exitCode: Int32 {
    switch outcome {
    case .valid: 0
    case .refused: 1
    case .undecided: 3
    }
  }

  /// The report as JSON, schema `causeway.report/1`.
  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "schema": "causeway.report/1",
      "kind": .string(kind),
      "id": id.map { .string($0) } ?? .null,
      "facts": .array(facts.map { ["name": .string($0.name), "value": .string($0.value)] }),
      "steps": .array(
        steps.map {
          ["check": .string($0.check), "result": .string($0.result.rawValue), "detail": .string($0.detail)]
        }),
      "assumptions": .array(assumptions.map { ["code": .string($0.code), "text": .string($0.text)] }),
      "expires": expires.map { .number(String($0)) } ?? .null,
    ]
    switch outcome {
    case .valid:
      members["outcome"] = "valid"
      members["reason"] = .null
    case .refused(let reason):
      members["outcome"] = "refused"
      members["reason"] = ["code": .string(reason.code), "text": .string(reason.text)]
    case .undecided(let reason):
      members["outcome"] = "undecided"
      members["reason"] = ["code": .string(reason.code), "text": .string(reason.text)]
    }
    return .object(members)
  }
}
