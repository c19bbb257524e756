import Foundation
import SignerAccess
import SignerJournal
import SignerService
import SigningRules
import Testing

@Suite("Older copies of a signer", .timeLimit(.minutes(10)))
struct RestoredCopyTests {
  @Test("of directory and anchor together are noticed by the counter, also those of the run before")
  func bothRestored() async throws {
    let home = try SignerHome(withCounter: true)
    try await home.run(signing: 1...2) { client in
      try home.copy(to: "during")
      _ = try await client.sign(try Rig.request(height: 3), key: home.key)
    }
    // The start made 101, the end 102.
    #expect(try home.counter?.read() == 102)
    try home.restore("during")
    let ahead = StartRefusal.counterAhead(recorded: 101, counter: 102)
    #expect(try await home.refusal() == .records(ahead))
    // It is refused again and again, and nothing moves.
    #expect(try await home.refusal() == .records(ahead))
    await #expect(throws: OfflineError.records(ahead)) { try await home.offline { try $0.position() } }
    #expect(try home.counter?.read() == 102)
  }

  @Test("go on after a decision, which raises the counter past every copy from before")
  func adopted() async throws {
    let home = try SignerHome(withCounter: true)
    try await home.run(signing: 1...2)
    try home.copy(to: "old")
    try home.copy(to: "older")
    try await home.run(signing: 3...4)
    try home.restore("old")
    let value = try #require(try home.counter?.read())
    let refused = try await home.offline { offline in
      let adoption = try offline.adoption(watermarks: nil)
      _ = try offline.adopt(adoption, reason: "test", at: Rig.now)
      return adoption.refusal
    }
    #expect(refused == .counterAhead(recorded: value - 2, counter: value))
    #expect(try home.counter?.read() == value + 1)
    try await home.run(signing: 5...5)
    try home.restore("older")
    let now = try #require(try home.counter?.read())
    #expect(now == value + 3)
    #expect(
      try await home.refusal() == .records(.counterAhead(recorded: value - 2, counter: now)))
  }

  @Test("are not taken for the newest when the counter is left out of the configuration")
  func counterLeftOut() async throws {
    let home = try SignerHome(withCounter: true)
    try await home.run(signing: 1...1)
    let value = try #require(try home.counter?.read())
    _ = try await home.offline { try $0.position() }
    #expect(throws: OfflineError.records(.counterMissing(recorded: value))) {
      try OfflineSigner.open(home.directory, passphrase: home.passphrase()).position()
    }
  }

  @Test("show where they are without beginning an epoch")
  func shown() async throws {
    let home = try SignerHome(withCounter: true)
    try await home.run(signing: 1...2)
    let counter = try home.counter?.read()
    let first = try await home.offline { try $0.position() }
    #expect(try await home.offline { try $0.watermarks() }.epoch == first.epoch)
    #expect(try await home.offline { try $0.adoption(watermarks: nil).refusal } == nil)
    #expect(try await home.offline { try $0.position() } == first)
    #expect(try home.counter?.read() == counter)
    #expect(try await home.offline { try $0.begin(at: Rig.now) }.epoch == first.epoch + 1)
  }
}
