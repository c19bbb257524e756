/// What became of a request.
public struct SigningEvent: Hashable, Sendable {
  public enum Outcome: Hashable, Sendable {
    case granted
    case refused(SigningRefusal.Kind)
  }

  public let client: ClientName
  public let key: KeyID?
  public let purpose: KeyPurpose?
  public let outcome: Outcome

  public init(client: ClientName, key: KeyID?, purpose: KeyPurpose?, outcome: Outcome) {
    self.client = client
    self.key = key
    self.purpose = purpose
    self.outcome = outcome
  }
}

/// Something unusual.
public struct Alarm: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// `mean` is the moving mean of the minutes before.
    case unusualRate(perMinute: UInt64, mean: UInt64)
    case newPurpose(KeyPurpose)
    case unknownClient
    case outsideHours(minuteOfDay: Int)
    case refusals(perMinute: UInt64)

    /// The name in logs and counters.
    public var name: String {
      switch self {
      case .unusualRate: "unusualRate"
      case .newPurpose: "newPurpose"
      case .unknownClient: "unknownClient"
      case .outsideHours: "outsideHours"
      case .refusals: "refusals"
      }
    }
  }

  public let kind: Kind
  public let client: ClientName
  public let key: KeyID?
  public let action: AlarmAction
}

/// How often what happened.
public struct SigningCounters: Hashable, Sendable {
  public var granted: UInt64 = 0
  public var refused: UInt64 = 0
  /// By kind; kinds that never occurred are left out.
  public var refusals: [SigningRefusal.Kind: UInt64] = [:]
  public var alarms: UInt64 = 0
}

/// Watches what a signer grants and refuses, and says what is unusual: each thing once a minute.
///
/// Bounded by the clients of the policy and by ``keysMax``; strangers are counted together. Pure: time is given.
public struct AlarmWatch: Sendable {
  /// Keys whose rate is watched; more are not.
  public static let keysMax = 1_024
  public static let clientsMax = 1_024
  /// The mean moves by one part in so many each minute, and is used after so many minutes.
  public static let meanMinutes: UInt64 = 8

  public let rules: AlarmRules
  public private(set) var counters = SigningCounters()
  private var keys: [KeyID: Rate] = [:]
  private var clients: [ClientName: ClientMinutes] = [:]
  private var strangersMinute: UInt64?

  /// Grants of one key.
  private struct Rate {
    var minute: UInt64
    var count: UInt64 = 0
    /// In 1/256 of a grant.
    var mean: UInt64 = 0
    var minutesSeen: UInt64 = 0
    var isTold = false
  }

  private struct ClientMinutes {
    var purposes: Set<KeyPurpose> = []
    var minute: UInt64
    var refusals: UInt64 = 0
    var areRefusalsTold = false
    var hoursMinute: UInt64?
  }

  public init(rules: AlarmRules) { self.rules = rules }

  /// Other rules over what was seen.
  public func changed(to rules: AlarmRules) -> AlarmWatch {
    var changed = AlarmWatch(rules: rules)
    changed.counters = counters
    changed.keys = keys
    changed.clients = clients
    return changed
  }

  /// Tells of a purpose that a client has used before, as the records of an earlier run say.
  public mutating func remember(_ habit: ClientHabit) {
    guard clients[habit.client] != nil || clients.count < Self.clientsMax else { return }
    clients[habit.client, default: ClientMinutes(minute: 0)].purposes.insert(habit.purpose)
  }

  /// Whether that is nothing new.
  public func knows(_ habit: ClientHabit) -> Bool {
    clients[habit.client]?.purposes.contains(habit.purpose) ?? false
  }

  /// All that ``remember(_:)`` would have to be told, sorted. Means of rates are not kept: they settle in ``meanMinutes``.
  public var habits: [ClientHabit] {
    clients.sorted { $0.key < $1.key }.flatMap { client, seen in
      seen.purposes.sorted { $0.byte < $1.byte }.map { ClientHabit(client: client, purpose: $0) }
    }
  }

  /// Takes note of one request.
  ///
  /// - Returns: what is unusual about it, in a fixed order. ``AlarmAction/lock`` comes with a key only.
  public mutating func observe(_ event: SigningEvent, at now: UnixMilliseconds) -> [Alarm] {
    let minute = now.milliseconds / 60_000
    var kinds: [(Alarm.Kind, AlarmAction)] = []
    switch event.outcome {
    case .granted:
      counters.granted &+= 1
      if let key = event.key, let rule = rules.rate, let kind = count(key, minute, rule) {
        kinds.append((kind, rule.action))
      }
      kinds += use(event, minute, now)
    case .refused(let refusal):
      counters.refused &+= 1
      counters.refusals[refusal, default: 0] &+= 1
      if refusal == .unknownClient {
        if let action = rules.unknownClient, strangersMinute != minute {
          strangersMinute = minute
          kinds.append((.unknownClient, action))
        }
      } else if let rule = rules.refusals, let kind = refuse(event.client, minute, rule) {
        kinds.append((kind, rule.action))
      }
    }
    counters.alarms &+= UInt64(kinds.count)
    return kinds.map { kind, action in
      Alarm(
        kind: kind, client: event.client, key: event.key, action: event.key == nil ? .note : action)
    }
  }

  private mutating func count(_ key: KeyID, _ minute: UInt64, _ rule: AlarmRules.Rate) -> Alarm.Kind? {
    guard keys[key] != nil || keys.count < Self.keysMax else { return nil }
    var rate = keys[key] ?? Rate(minute: minute)
    if minute > rate.minute {
      // Minutes without grants count as such; after enough of them nothing is left of the mean.
      let quiet = min(minute - rate.minute - 1, 64 * Self.meanMinutes)
      rate.mean = Self.moved(rate.mean, by: rate.count)
      for _ in 0..<quiet where rate.mean > 0 { rate.mean = Self.moved(rate.mean, by: 0) }
      rate.minutesSeen = min(rate.minutesSeen + 1 + quiet, Self.meanMinutes)
      rate.minute = minute
      rate.count = 0
      rate.isTold = false
    }
    rate.count += 1
    let mean = rate.mean >> 8
    var kind: Alarm.Kind?
    // Before the mean is known the floor alone speaks.
    let usual =
      rate.minutesSeen < Self.meanMinutes
      ? 0
      : mean.multipliedReportingOverflow(by: rule.factor)
        .partialValue
    if !rate.isTold, rate.count > max(rule.floorPerMinute, usual) {
      rate.isTold = true
      kind = .unusualRate(perMinute: rate.count, mean: mean)
    }
    keys[key] = rate
    return kind
  }

  private static func moved(_ mean: UInt64, by count: UInt64) -> UInt64 {
    (mean * (meanMinutes - 1) + min(count, 1 << 40) << 8) / meanMinutes
  }

  private mutating func use(
    _ event: SigningEvent, _ minute: UInt64, _ now: UnixMilliseconds
  ) -> [(Alarm.Kind, AlarmAction)] {
    guard clients[event.client] != nil || clients.count < Self.clientsMax else { return [] }
    var kinds: [(Alarm.Kind, AlarmAction)] = []
    var seen = clients[event.client] ?? ClientMinutes(minute: minute)
    if let purpose = event.purpose, seen.purposes.insert(purpose).inserted, let action = rules.newPurpose {
      kinds.append((.newPurpose(purpose), action))
    }
    if let rule = rules.hours, !rule.contains(now), seen.hoursMinute != minute {
      seen.hoursMinute = minute
      kinds.append((.outsideHours(minuteOfDay: Int(minute % 1_440)), rule.action))
    }
    clients[event.client] = seen
    return kinds
  }

  private mutating func refuse(
    _ client: ClientName, _ minute: UInt64, _ rule: AlarmRules.Refusals
  ) -> Alarm.Kind? {
    guard clients[client] != nil || clients.count < Self.clientsMax else { return nil }
    var seen = clients[client] ?? ClientMinutes(minute: minute)
    defer { clients[client] = seen }
    if seen.minute != minute {
      seen.minute = minute
      seen.refusals = 0
      seen.areRefusalsTold = false
    }
    seen.refusals += 1
    guard seen.refusals >= rule.perMinute, !seen.areRefusalsTold else { return nil }
    seen.areRefusalsTold = true
    return .refusals(perMinute: seen.refusals)
  }
}
