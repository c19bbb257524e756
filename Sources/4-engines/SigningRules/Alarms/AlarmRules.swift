import Encodings

/// What an alarm does beside being told.
public enum AlarmAction: String, Hashable, Sendable, CaseIterable {
  case note
  /// The key signs nothing until approvers unlock it.
  case lock
}

/// What counts as unusual. A rule that is nil is off.
public struct AlarmRules: Hashable, Sendable {
  /// More grants in a minute than `factor` times the moving mean of the minutes before, and than `floorPerMinute`.
  public struct Rate: Hashable, Sendable {
    public let factor: UInt64
    public let floorPerMinute: UInt64
    public let action: AlarmAction

    /// Nil for a factor of zero or one beyond a million.
    public init?(factor: UInt64, floorPerMinute: UInt64, action: AlarmAction) {
      guard (1...1_000_000).contains(factor), floorPerMinute <= AccessPolicy.perMinuteMax else { return nil }
      self.factor = factor
      self.floorPerMinute = floorPerMinute
      self.action = action
    }
  }

  /// Grants outside a window of the day, in minutes of UTC. A window may go over midnight.
  public struct Hours: Hashable, Sendable {
    public let fromMinute: Int
    /// The first minute after the window.
    public let toMinute: Int
    public let action: AlarmAction

    /// Nil for minutes outside a day, and for an empty window.
    public init?(fromMinute: Int, toMinute: Int, action: AlarmAction) {
      guard (0..<1_440).contains(fromMinute), (0..<1_440).contains(toMinute), fromMinute != toMinute else {
        return nil
      }
      self.fromMinute = fromMinute
      self.toMinute = toMinute
      self.action = action
    }

    func contains(_ now: UnixMilliseconds) -> Bool {
      let minute = Int(now.milliseconds / 60_000 % 1_440)
      return fromMinute < toMinute
        ? (fromMinute..<toMinute).contains(minute) : minute >= fromMinute || minute < toMinute
    }
  }

  /// So many refusals of one client in a minute.
  public struct Refusals: Hashable, Sendable {
    public let perMinute: UInt64
    public let action: AlarmAction

    /// Nil for zero.
    public init?(perMinute: UInt64, action: AlarmAction) {
      guard perMinute > 0 else { return nil }
      self.perMinute = perMinute
      self.action = action
    }
  }

  public let rate: Rate?
  /// A client uses a purpose for the first time.
  public let newPurpose: AlarmAction?
  /// Someone whom the policy does not name. There is no key to lock, so it is only told.
  public let unknownClient: AlarmAction?
  public let hours: Hours?
  public let refusals: Refusals?

  public init(
    rate: Rate? = nil, newPurpose: AlarmAction? = nil, unknownClient: AlarmAction? = nil, hours: Hours? = nil,
    refusals: Refusals? = nil
  ) {
    self.rate = rate
    self.newPurpose = newPurpose
    self.unknownClient = unknownClient
    self.hours = hours
    self.refusals = refusals
  }
}

extension AlarmRules {
  init(_ json: JSONValue, _ path: String) throws(AccessPolicyError) {
    let root = try PolicyMembers(json, path, ["rate", "newPurpose", "unknownClient", "hours", "refusals"])
    func action(_ name: String) throws(AccessPolicyError) -> AlarmAction? {
      guard let value = root.optional(name) else { return nil }
      return try PolicyMembers(value, root.join(name), ["action"]).word("action")
    }
    var rate: Rate?
    if let value = root.optional("rate") {
      let members = try PolicyMembers(value, root.join("rate"), ["factor", "floorPerMinute", "action"])
      rate = Rate(
        factor: try members.integer("factor"), floorPerMinute: try members.integer("floorPerMinute"),
        action: try members.word("action"))
      guard rate != nil else { throw .alarmValue(path: root.join("rate")) }
    }
    var hours: Hours?
    if let value = root.optional("hours") {
      let members = try PolicyMembers(value, root.join("hours"), ["fromMinute", "toMinute", "action"])
      hours = Hours(
        fromMinute: try members.integer("fromMinute"), toMinute: try members.integer("toMinute"),
        action: try members.word("action"))
      guard hours != nil else { throw .alarmValue(path: root.join("hours")) }
    }
    var refusals: Refusals?
    if let value = root.optional("refusals") {
      let members = try PolicyMembers(value, root.join("refusals"), ["perMinute", "action"])
      refusals = Refusals(perMinute: try members.integer("perMinute"), action: try members.word("action"))
      guard refusals != nil else { throw .alarmValue(path: root.join("refusals")) }
    }
    self.init(
      rate: rate, newPurpose: try action("newPurpose"), unknownClient: try action("unknownClient"),
      hours: hours,
      refusals: refusals)
  }

  var json: JSONValue {
    var members: [String: JSONValue] = [:]
    if let rate {
      members["rate"] = [
        "factor": .number(String(rate.factor)), "floorPerMinute": .number(String(rate.floorPerMinute)),
        "action": .string(rate.action.rawValue),
      ]
    }
    if let newPurpose { members["newPurpose"] = ["action": .string(newPurpose.rawValue)] }
    if let unknownClient { members["unknownClient"] = ["action": .string(unknownClient.rawValue)] }
    if let hours {
      members["hours"] = [
        "fromMinute": .number(String(hours.fromMinute)), "toMinute": .number(String(hours.toMinute)),
        "action": .string(hours.action.rawValue),
      ]
    }
    if let refusals {
      members["refusals"] = [
        "perMinute": .number(String(refusals.perMinute)), "action": .string(refusals.action.rawValue),
      ]
    }
    return .object(members)
  }
}
