import Foundation
import Gate
import Messages
import Testing
import WireBytes

/// SplitMix64: the same numbers for the same seed.
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

@Suite("Limits")
struct LimitTests {
  static let seed = ProcessInfo.processInfo.environment["SEED"].flatMap(UInt64.init) ?? 20_261_121

  @Test("never gives more than the capacity and what the time brings, and says when to ask again")
  func bucket() throws {
    var numbers = SeededNumbers(state: Self.seed)
    for round in 0..<200 {
      let capacity = UInt64.random(in: 1...1_000_000, using: &numbers)
      let window = UInt64.random(in: 1...100_000, using: &numbers)
      var now = UnixTime(seconds: UInt64.random(in: 0...1_000_000, using: &numbers))
      let start = now
      var bucket = try #require(TokenBucket(capacity: UInt256(capacity), windowSeconds: window, at: now))
      var given: UInt64 = 0
      for _ in 0..<100 {
        now = now.adding(seconds: UInt64.random(in: 0...(window / 4), using: &numbers))
        let amount = UInt64.random(in: 0...capacity, using: &numbers)
        do {
          try bucket.take(UInt256(amount), at: now)
          given += amount
        } catch .exhausted(_, _, let after) {
          let before = UnixTime(seconds: now.seconds + after - 1)
          #expect(bucket.available(at: before) < UInt256(amount), "seed \(Self.seed) round \(round)")
          #expect(bucket.available(at: now.adding(seconds: after)) >= UInt256(amount))
        } catch {
          Issue.record("\(error)")
        }
        // given ≤ capacity + capacity · elapsed / window, in whole numbers.
        let elapsed = UInt128(now.seconds - start.seconds)
        #expect(UInt128(given) <= UInt128(capacity) + UInt128(capacity) * elapsed / UInt128(window))
      }
    }
  }

  @Test(
    "loses nothing to small steps, at the largest capacity too", arguments: [UInt256(1_000_003), UInt256.max])
  func steps(capacity: UInt256) throws {
    let start = UnixTime(seconds: 0)
    var small = try #require(TokenBucket(capacity: capacity, windowSeconds: 977, at: start))
    try small.take(capacity, at: start)
    var large = small
    for second in 1...976 { try small.take(.zero, at: UnixTime(seconds: UInt64(second))) }
    try large.take(.zero, at: UnixTime(seconds: 976))
    #expect(small == large)
    #expect(small.level < capacity)
    #expect(small.available(at: UnixTime(seconds: 977)) == capacity)
    #expect(small.available(at: UnixTime(seconds: .max)) == capacity)
    // A clock that goes back fills nothing.
    #expect(small.available(at: start) == small.level)
  }

  @Test("refuses a bucket without a window, and more than a bucket holds")
  func senseless() throws {
    #expect(TokenBucket(capacity: .one, windowSeconds: 0, at: UnixTime(seconds: 0)) == nil)
    var bucket = try #require(TokenBucket(capacity: .one, windowSeconds: 1, at: UnixTime(seconds: 0)))
    #expect(throws: TokenBucketError.overCapacity(asked: UInt256(2), capacity: .one)) {
      try bucket.take(UInt256(2), at: UnixTime(seconds: 9))
    }
  }

  @Test("a lane is capped per message and per window, pauses, and counts only what passes")
  func lane() throws {
    let start = UnixTime(seconds: 1000)
    let late = UnixTime(seconds: 5000)
    var lane = LaneLimits(
      messageCap: UInt256(60), window: TokenBucket(capacity: UInt256(100), windowSeconds: 100, at: start))
    func refuse(_ error: LaneLimitError, _ value: UInt64, at now: UnixTime) {
      #expect(throws: error) { try lane.admit(value: UInt256(value), timeout: late, at: now) }
    }
    refuse(.overMessageCap(value: UInt256(61), cap: UInt256(60)), 61, at: start)
    try lane.admit(value: UInt256(60), timeout: late, at: start)
    refuse(
      .window(.exhausted(asked: UInt256(41), available: UInt256(40), retryAfterSeconds: 1)), 41, at: start)
    refuse(.timedOut(at: late, now: late), 1, at: late)
    lane.pause(at: start)
    lane.pause(at: late)
    refuse(.paused(since: start), 1, at: start)
    lane.resume()
    try lane.admit(value: UInt256(40), timeout: late, at: start)
    let error = #expect(throws: LaneLimitError.self) {
      try lane.admit(value: .one, timeout: late, at: start)
    }
    #expect(error?.code == "windowExhausted")
  }

  @Test("takes every sequence once, in any order")
  func replay() throws {
    var numbers = SeededNumbers(state: Self.seed)
    let order = (UInt64(1)...2000).shuffled(using: &numbers)
    var taken = ReplayGuard()
    for number in order {
      let sequence = try #require(Sequence(number))
      #expect(!taken.contains(sequence))
      try taken.take(sequence)
      #expect(throws: ReplayError.alreadyTaken(sequence)) { try taken.take(sequence) }
    }
    #expect(taken.lowestMissing?.rawValue == 2001)
    var sparse = ReplayGuard()
    for number in 2...UInt64(ReplayGuard.aheadMax + 1) { try sparse.take(try #require(Sequence(number))) }
    let far = try #require(Sequence(.max))
    #expect(throws: ReplayError.tooFarAhead(far, lowestMissing: .first)) { try sparse.take(far) }
    try sparse.take(.first)
    #expect(sparse.lowestMissing?.rawValue == UInt64(ReplayGuard.aheadMax) + 2)
    try sparse.take(far)
  }
}
