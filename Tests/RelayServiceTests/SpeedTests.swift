import ChainAccess
import Foundation
import Ledger
import LedgerService
import LightClients
import Messages
import RelayEngine
import RelayService
import Testing
import WireBytes

/// How many crossings a second everything in one process makes; run by hand, since a busy machine says nothing.
@Suite("Speed of relaying")
struct SpeedTests {
  static let count = ProcessInfo.processInfo.environment["CAUSEWAY_CROSSINGS"].flatMap { Int($0) } ?? 0
  private static let group = 100

  @Test(
    "of transfers over an attested lane, from the first send to the last settlement",
    .enabled(if: SpeedTests.count > 0, "CAUSEWAY_CROSSINGS is not set"))
  func attested() async throws {
    try await RelayWorld.run(.attested, every: .milliseconds(100)) { world in
      var rules = try world.configuration().rules
      rules.scanInterval = .seconds(60)
      rules.acknowledgementPatience = .seconds(5)
      rules.batchDelay = .milliseconds(20)
      rules.flightsPerDomainMax = 6
      rules.liveBatchesPerEndMax = 6
      try await world.relaying(try world.configuration(rules: rules)) { relayer in
        let side = world.harbor
        let payload = try world.transfer(1, from: side, to: world.friend.address.text)
        let account = try await side.access.account(world.user.address)
        let timeout = UnixTime(seconds: UInt64(clamping: try await side.access.head().time.seconds) + 3_600)
        let gas = 300_000 * UInt64(Self.group) + 500_000
        let messages = Array(
          repeating: LedgerMessage.sendPacket(
            over: world.client, timeout: timeout, payloads: [payload], signer: world.user.address
          ).encoded(), count: Self.group)
        let clock = ContinuousClock()
        let start = clock.now
        for number in 0..<(Self.count / Self.group) {
          let bytes = try await world.user.sign(
            UnsignedTransaction(
              messages, fee: [Coin(UInt256(gas / 1_000), side.denom)], gasLimit: gas, key: world.user.key,
              sequence: (account?.sequence ?? 0) + UInt64(number), chainID: side.chainID,
              accountNumber: account?.number ?? 0))
          while true {
            do {
              _ = try await side.access.submit(bytes)
              break
            } catch let error as AccessError {
              guard case .refused(let code, _, _, _) = error, code.hasPrefix("mempool") else { throw error }
              try await Task.sleep(for: .milliseconds(50))
            }
          }
        }
        let wanted = UInt64(Self.count / Self.group * Self.group)
        var last = UInt64.max
        while true {
          let status = await relayer.status()
          if status.settled >= wanted { break }
          if status.settled != last {
            last = status.settled
            print(
              "\(clock.now - start): settled \(status.settled), live \(status.live), backlog \(status.backlog)"
            )
          }
          try await Task.sleep(for: .milliseconds(500))
        }
        let elapsed = clock.now - start
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        print("\(wanted) crossings in \(elapsed): \(Double(wanted) / seconds) a second")
        print(await relayer.status().notices.prefix(10))
      }
    }
  }
}
