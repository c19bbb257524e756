public import Encodings
import Messages
import WireBytes

/// Why JSON is no row of a relayer.
public enum RelayRecordError: Error, Hashable, Sendable {
  /// The member is missing, of another kind, or out of range.
  case member(String)
  /// A member that no row has.
  case unknownMember(String)
  case notAnObject
}

/// The members of one object, all of which must be read.
private struct Members {
  private let all: [String: JSONValue]

  init(_ value: JSONValue, _ names: [String]) throws(RelayRecordError) {
    guard let all = value.object else { throw .notAnObject }
    for name in all.keys.sorted() where !names.contains(name) { throw .unknownMember(name) }
    for name in names where all[name] == nil { throw .member(name) }
    self.all = all
  }

  func value<Value>(_ name: String, _ read: (JSONValue) -> Value?) throws(RelayRecordError) -> Value {
    guard let member = all[name], let value = read(member) else { throw .member(name) }
    return value
  }

  func optional<Value>(_ name: String, _ read: (JSONValue) -> Value?) throws(RelayRecordError) -> Value? {
    guard let member = all[name] else { throw .member(name) }
    if member.isNull { return nil }
    guard let value = read(member) else { throw .member(name) }
    return value
  }

  func integer<Value: FixedWidthInteger>(_ name: String) throws(RelayRecordError) -> Value {
    try value(name) { Self.plain($0) }
  }

  func nested<Value>(
    _ name: String, _ read: (JSONValue) throws(RelayRecordError) -> Value
  ) throws(RelayRecordError) -> Value? {
    guard let member = all[name] else { throw .member(name) }
    return member.isNull ? nil : try read(member)
  }

  /// A number written as its digits alone.
  static func plain<Value: FixedWidthInteger>(_ value: JSONValue) -> Value? {
    guard case .number(let text) = value, let number = Value(text), String(number) == text, number >= 0 else {
      return nil
    }
    return number
  }
}

extension JSONValue {
  fileprivate init<Value: FixedWidthInteger>(digits value: Value) { self = .number(String(value)) }
  fileprivate init(_ height: Height) { self = .string(height.description) }
  fileprivate init(_ end: LaneEnd) { self = .array([.string(end.domain.text), .string(end.client.text)]) }
  fileprivate init(_ instant: RelayInstant?) {
    self = instant.map { JSONValue(digits: $0.milliseconds) } ?? .null
  }

  fileprivate var height: Height? {
    guard let parts = string?.split(separator: "-", omittingEmptySubsequences: false), parts.count == 2,
      let revision = UInt64(parts[0]), let number = UInt64(parts[1])
    else { return nil }
    let height = Height(revision: revision, number)
    return height.description == string ? height : nil
  }
  fileprivate var end: LaneEnd? {
    guard let parts = array, parts.count == 2, let domain = parts[0].string, let client = parts[1].string,
      let domain = try? DomainID(domain), let client = try? ClientID(client)
    else { return nil }
    return LaneEnd(domain, client)
  }
  fileprivate var digest: Bytes32? {
    guard let text = string, let digest = try? Bytes32(hex: text), digest.description == text else {
      return nil
    }
    return digest
  }
}

extension PacketRecord {
  /// The longest refusal code that is kept; the rest is cut.
  public static let refusalSizeMax = 128

  private static let names = [
    "origin", "sequence", "status", "live", "contents", "sentHeight", "receivedHeight", "answer", "ending",
    "lastRefusal", "task", "attempts", "lookups", "groupMax", "notBefore", "firstSeen",
  ]

  /// The row as JSON: every member is always there.
  public var json: JSONValue {
    .object([
      "origin": JSONValue(key.origin), "sequence": JSONValue(digits: key.sequence.rawValue),
      "status": .string(status.code), "live": .boolean(isLive),
      "contents": contents.map { contents in
        .object([
          "commitment": .string(contents.commitment.description),
          "timeout": JSONValue(digits: contents.timeout.seconds),
          "size": JSONValue(digits: contents.sizeBytes),
        ])
      } ?? .null,
      "sentHeight": JSONValue(sentHeight), "receivedHeight": receivedHeight.map { JSONValue($0) } ?? .null,
      "answer": answer.map { answer in
        .object([
          "commitment": .string(answer.commitment.description), "success": .boolean(answer.isSuccess),
          "size": JSONValue(digits: answer.sizeBytes), "height": JSONValue(answer.height),
        ])
      } ?? .null,
      "ending": ending.map { .object(["timeout": .boolean($0.isTimeout), "height": JSONValue($0.height)]) }
        ?? .null,
      "lastRefusal": lastRefusal.map { .string($0) } ?? .null,
      "task": task.map { .string($0.rawValue) } ?? .null,
      "attempts": JSONValue(digits: attempts),
      "lookups": JSONValue(digits: lookups), "groupMax": JSONValue(digits: groupMax),
      "notBefore": JSONValue(notBefore), "firstSeen": JSONValue(firstSeen),
    ])
  }

  /// Reads a row strictly.
  ///
  /// - Throws: ``RelayRecordError``; no input traps.
  public init(json: JSONValue) throws(RelayRecordError) {
    let members = try Members(json, Self.names)
    let origin = try members.value("origin") { $0.end }
    let sequence = try members.value("sequence") { Members.plain($0).flatMap { Sequence($0) } }
    let status = try members.value("status") { $0.string.flatMap { PacketStatus(code: $0) } }
    guard status != .paused else { throw .member("status") }
    self.init(
      PacketKey(origin, sequence), status: status, isLive: try members.value("live") { $0.boolean },
      sentHeight: try members.value("sentHeight") { $0.height },
      groupMax: try members.integer("groupMax"),
      at: RelayInstant(milliseconds: try members.integer("firstSeen")))
    guard groupMax > 0 else { throw .member("groupMax") }
    contents = try members.nested("contents") { (value: JSONValue) throws(RelayRecordError) -> Contents in
      let members = try Members(value, ["commitment", "timeout", "size"])
      return Contents(
        commitment: try members.value("commitment") { $0.digest },
        timeout: UnixTime(seconds: try members.integer("timeout")), sizeBytes: try members.integer("size"))
    }
    receivedHeight = try members.optional("receivedHeight") { $0.height }
    answer = try members.nested("answer") { (value: JSONValue) throws(RelayRecordError) -> Answer in
      let members = try Members(value, ["commitment", "success", "size", "height"])
      return Answer(
        commitment: try members.value("commitment") { $0.digest },
        isSuccess: try members.value("success") { $0.boolean }, sizeBytes: try members.integer("size"),
        height: try members.value("height") { $0.height })
    }
    ending = try members.nested("ending") { (value: JSONValue) throws(RelayRecordError) -> Ending in
      let members = try Members(value, ["timeout", "height"])
      return Ending(
        isTimeout: try members.value("timeout") { $0.boolean },
        height: try members.value("height") { $0.height })
    }
    lastRefusal = try members.optional("lastRefusal") { $0.string }
    task = try members.optional("task") { $0.string.flatMap { RelayTask(rawValue: $0) } }
    attempts = try members.integer("attempts")
    lookups = try members.integer("lookups")
    notBefore = try members.optional("notBefore") { Members.plain($0).map { RelayInstant(milliseconds: $0) } }
    // A status that speaks of contents, an answer or an ending has them.
    switch status {
    case .discovered, .hopeless, .settled, .paused: break
    case .confirming: guard ending != nil else { throw .member("ending") }
    case .waitingAcknowledgementFinality, .waitingEvidence(.acknowledge), .evidenceReady(.acknowledge),
      .submitting(.acknowledge):
      guard contents != nil else { throw .member("contents") }
      guard answer != nil else { throw .member("answer") }
    default: guard contents != nil else { throw .member("contents") }
    }
  }
}

extension EndRecord {
  public var json: JSONValue {
    .object([
      "end": JSONValue(end), "paused": .boolean(isPaused), "finalityViolated": .boolean(isFinalityViolated),
      "ended": .array(
        ended.runs.map { .array([JSONValue(digits: $0.first), JSONValue(digits: $0.last)]) }),
    ])
  }

  /// Reads a row strictly.
  ///
  /// - Throws: ``RelayRecordError``; no input traps.
  public init(json: JSONValue) throws(RelayRecordError) {
    let members = try Members(json, ["end", "paused", "finalityViolated", "ended"])
    self.init(try members.value("end") { $0.end })
    isPaused = try members.value("paused") { $0.boolean }
    isFinalityViolated = try members.value("finalityViolated") { $0.boolean }
    ended = try members.value("ended") { value in
      guard let pairs = value.array else { return nil }
      var runs: [(first: UInt64, last: UInt64)] = []
      for pair in pairs {
        guard let both = pair.array, both.count == 2, let first: UInt64 = Members.plain(both[0]),
          let last: UInt64 = Members.plain(both[1])
        else { return nil }
        runs.append((first, last))
      }
      return SequenceRuns(runs)
    }
  }
}
