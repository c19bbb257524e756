import ChainAccess
import Devnet
import Foundation
import Ledger
import LedgerService
import LightClients
import Messages
import Testing
import WireBytes

@Suite("Starting a devnet", .serialized, .timeLimit(.minutes(10)))
struct StartTests {
  @Test("makes both lanes once, and goes on after a stop with what it had")
  func restart() async throws {
    let folder = DevnetFolder()
    let first = try await folder.run { net in
      _ = try await net.cross([try await net.transfer(10, over: .light)], over: .light)
      return (lanes: await net.lanes, height: try await net.harbor.head().height)
    }
    #expect(first.lanes.map(\.kind) == [.attested, .light])
    #expect(first.lanes.map(\.first.client.text) == ["client-0", "07-tendermint-1"])
    #expect(first.lanes.map(\.second.client.text) == ["client-0", "07-tendermint-1"])
    try await folder.run { net in
      #expect(await net.lanes == first.lanes)
      #expect(try await net.harbor.head().height >= first.height)
      let crossing = try await net.cross([try await net.transfer(10, over: .light)], over: .light)
      #expect(crossing.ending == .success)
      #expect(crossing.packet.sequence.rawValue == 2)
      let (history, value) = try await net.audit()
      #expect(history.holds && history.sent == 2 && value.holds)
    }
  }

  /// One step of the set-up, on one domain.
  struct Place: Hashable, Sendable, CustomTestStringConvertible {
    let step: LaneSetup.Step
    let domain: String
    var testDescription: String { "\(step.rawValue) on \(domain)" }
    /// A devnet without an EVM chain and without an enclave has no steps for these.
    static let all = LaneSetup.Step.allCases.filter { ![.deployContracts, .registerEnclave].contains($0) }.flatMap { step in
      [DevnetNames.harbor, DevnetNames.island].map { Place(step: step, domain: $0) }
    }
  }

  @Test("a set-up that is cut off before any step goes on from there, and makes nothing twice")
  func resumes() async throws {
    let folder = DevnetFolder()
    var seen: [Place] = []
    // Each start gets one step further, then is cut off.
    for place in Place.all {
      let net = try await folder.open()
      await net.interruptSetup { (step: LaneSetup.Step, domain: String) async throws(LaneSetupError) in
        if step == place.step, domain == place.domain { throw .interrupted(step) }
      }
      await #expect(throws: DevnetError.lanes(.interrupted(place.step))) { try await net.start() }
      await net.stop()
      seen.append(place)
    }
    #expect(seen.count == 10)
    try await folder.run { net in
      #expect(await net.lanes.map(\.first.client.text) == ["client-0", "07-tendermint-1"])
      #expect(await net.lanes.map(\.second.client.text) == ["client-0", "07-tendermint-1"])
      let crossing = try await net.cross([try await net.transfer(10, over: .attested)], over: .attested)
      #expect(crossing.ending == .success)
    }
  }

  @Test("a directory is run by one devnet at a time")
  func lock() async throws {
    let folder = DevnetFolder()
    let net = try await folder.open()
    let process = ProcessInfo.processInfo.processIdentifier
    #expect(DevnetDirectory(folder.path).runningProcess == process)
    await #expect(throws: DevnetError.running(process: process)) {
      try await folder.open()
    }
    #expect(throws: DevnetError.running(process: process)) { try DevnetDirectory(folder.path).erase() }
    await net.stop()
    #expect(DevnetDirectory(folder.path).runningProcess == nil)
    try DevnetDirectory(folder.path).erase()
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/harbor"))
  }

  @Test("what is sent while the relayer is away crosses after the restart")
  func backlog() async throws {
    let folder = DevnetFolder()
    let key = try await folder.run { net in
      await net.command(DevnetCommand(.pause, lane: .attested))
      return try await net.send([try await net.transfer(10, over: .attested)], over: .attested)
    }
    try await folder.run { net in
      // The pause is remembered.
      await net.command(DevnetCommand(.resume, lane: .attested))
      let crossing = try await net.end(of: key)
      #expect(crossing.ending == .success)
    }
  }
}
