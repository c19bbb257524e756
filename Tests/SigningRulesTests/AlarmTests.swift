import SigningRules
import Testing

@Suite("Alarms")
struct AlarmTests {
  private static func minute(_ number: UInt64) -> UnixMilliseconds { UnixMilliseconds(number * 60_000) }

  private static func granted(
    _ purpose: KeyPurpose = .attestation, _ key: KeyID? = Asked.key
  ) throws -> SigningEvent {
    SigningEvent(client: try Asked.client(), key: key, purpose: purpose, outcome: .granted)
  }

  private static func refused(_ kind: SigningRefusal.Kind, _ key: KeyID? = Asked.key) throws -> SigningEvent {
    SigningEvent(client: try Asked.client(), key: key, purpose: nil, outcome: .refused(kind))
  }

  @Test("compare a key's minute with the mean of those before, once a minute")
  func rate() throws {
    let rule = try #require(AlarmRules.Rate(factor: 4, floorPerMinute: 10, action: .lock))
    var watch = AlarmWatch(rules: AlarmRules(rate: rule))
    func minute(_ number: UInt64, _ count: Int) throws -> [Alarm] {
      try (0..<count).flatMap { _ in watch.observe(try Self.granted(), at: Self.minute(number)) }
    }
    // Before the mean is known the floor speaks.
    #expect(try minute(0, 10).isEmpty)
    let first = try minute(1, 30)
    #expect(first.map(\.kind) == [.unusualRate(perMinute: 11, mean: 1)])
    #expect(first.map(\.action) == [.lock])
    #expect(first.first?.key == Asked.key)
    for number in UInt64(2)..<40 { _ = try minute(number, 100) }
    #expect(try minute(40, 390).isEmpty)
    let burst = try minute(41, 600)
    #expect(burst.count == 1)
    guard case .unusualRate(let count, let mean)? = burst.first?.kind else { return }
    #expect(mean > 100 && mean < 150)
    #expect(count == mean * 4 + 1)
    // A long silence takes the mean down to the floor.
    #expect(try minute(1_000, 11).map(\.kind) == [.unusualRate(perMinute: 11, mean: 0)])
    // A clock that goes back raises nothing by itself.
    #expect(try minute(999, 5).isEmpty)
  }

  @Test("tell of a purpose that a client never used, once")
  func purposes() throws {
    var watch = AlarmWatch(rules: AlarmRules(newPurpose: .note))
    watch.remember(ClientHabit(client: try Asked.client(), purpose: .attestation))
    #expect(watch.observe(try Self.granted(), at: Asked.now).isEmpty)
    #expect(watch.observe(try Self.granted(.vote), at: Asked.now).map(\.kind) == [.newPurpose(.vote)])
    #expect(watch.observe(try Self.granted(.vote), at: Asked.now).isEmpty)
    #expect(watch.counters.alarms == 1)
  }

  @Test("tell of strangers, who have no key to lock")
  func strangers() throws {
    var watch = AlarmWatch(rules: AlarmRules(unknownClient: .lock))
    let alarms = watch.observe(try Self.refused(.unknownClient, nil), at: Self.minute(1))
    #expect(alarms.map(\.kind) == [.unknownClient])
    #expect(alarms.map(\.action) == [.note])
    #expect(watch.observe(try Self.refused(.unknownClient, nil), at: Self.minute(1)).isEmpty)
    #expect(watch.observe(try Self.refused(.unknownClient, nil), at: Self.minute(2)).count == 1)
  }

  @Test("know the hours, also over midnight")
  func hours() throws {
    let day = try #require(AlarmRules.Hours(fromMinute: 360, toMinute: 1_320, action: .lock))
    var watch = AlarmWatch(rules: AlarmRules(hours: day))
    #expect(watch.observe(try Self.granted(), at: Self.minute(360)).isEmpty)
    #expect(watch.observe(try Self.granted(), at: Self.minute(1_319)).isEmpty)
    let late = watch.observe(try Self.granted(), at: Self.minute(1_320))
    #expect(late.map(\.kind) == [.outsideHours(minuteOfDay: 1_320)])
    #expect(late.map(\.action) == [.lock])
    let night = try #require(AlarmRules.Hours(fromMinute: 1_320, toMinute: 360, action: .note))
    var other = AlarmWatch(rules: AlarmRules(hours: night))
    #expect(other.observe(try Self.granted(), at: Self.minute(1_440 + 359)).isEmpty)
    #expect(other.observe(try Self.granted(), at: Self.minute(1_440 + 360)).count == 1)
    #expect(AlarmRules.Hours(fromMinute: 5, toMinute: 5, action: .note) == nil)
    #expect(AlarmRules.Hours(fromMinute: 0, toMinute: 1_440, action: .note) == nil)
  }

  @Test("tell of a burst of refusals, once a minute, and count by kind")
  func refusals() throws {
    let rule = try #require(AlarmRules.Refusals(perMinute: 3, action: .lock))
    var watch = AlarmWatch(rules: AlarmRules(refusals: rule))
    for _ in 0..<2 { #expect(watch.observe(try Self.refused(.otherRoot), at: Self.minute(1)).isEmpty) }
    let third = watch.observe(try Self.refused(.otherVote), at: Self.minute(1))
    #expect(third.map(\.kind) == [.refusals(perMinute: 3)])
    #expect(third.map(\.action) == [.lock])
    #expect(watch.observe(try Self.refused(.otherVote), at: Self.minute(1)).isEmpty)
    #expect(watch.observe(try Self.refused(.otherVote), at: Self.minute(2)).isEmpty)
    #expect(watch.counters.refused == 5)
    #expect(watch.counters.refusals == [.otherRoot: 2, .otherVote: 3])
  }

  @Test("are off without rules, and keep their counts under others")
  func off() throws {
    var watch = AlarmWatch(rules: AlarmRules())
    for number in 0..<100 {
      #expect(watch.observe(try Self.granted(), at: Self.minute(UInt64(number))).isEmpty)
    }
    #expect(watch.changed(to: AlarmRules(newPurpose: .note)).counters.granted == 100)
  }
}
