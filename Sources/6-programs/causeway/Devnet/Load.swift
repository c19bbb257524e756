import ArgumentParser
import ChainAccess
import Devnet
import Encodings
import Foundation
import Ledger
import Messages
import PacketHost
import Synchronization
import WireBytes

/// `causeway load`: traffic for a devnet, with a journal of what its domains promised.
struct Load: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Send transfers and calls in both directions over both lanes, until stopped.",
    discussion: """
      Goes on while the devnet is away, and picks up when it is back. With --journal every transaction that was seen in a \
      block is written down and flushed, so that `causeway audit --journal` can say whether a block was ever lost.

        causeway load --rate 20 --count 200
        causeway load --rate 50 --journal journal.txt --seconds 60
      """)
  @Option(help: ArgumentHelp("Crossings to send in a second.", valueName: "n"))
  var rate = 20
  @Option(help: ArgumentHelp("End after so many.", valueName: "n"))
  var count: Int?
  @Option(help: ArgumentHelp("End after so many seconds.", valueName: "n"))
  var seconds: Int?
  @Option(
    help: ArgumentHelp("Append what domains promised to this file.", valueName: "file"), completion: .file())
  var journal: String?
  @Option(help: ArgumentHelp("How long each crossing has.", valueName: "time"))
  var timeout = Span(.seconds(600))
  @OptionGroup var devnet: DevnetArguments

  func validate() throws {
    guard (1...10_000).contains(rate) else {
      throw ValidationError("A rate lies between 1 and 10000 a second.")
    }
    guard timeout.duration >= .seconds(1), timeout.duration <= .seconds(Packet.timeoutDeltaMaxSeconds) else {
      throw ValidationError("A timeout lies between 1s and 24h.")
    }
  }

  func run() async throws {
    Interruption.watch()
    let journal = try self.journal.map { try JournalFile($0) }
    let clock = ContinuousClock()
    let start = clock.now
    let end = seconds.map { start + .seconds($0) }
    let tally = LoadTally()
    var number = 0
    while !Interruption.isAsked, count.map({ number < $0 }) ?? true, end.map({ clock.now < $0 }) ?? true {
      // While nobody is there, it waits for the devnet to come back: that is what it is for.
      guard let connection = try? devnet.connect() else {
        try? await Task.sleep(for: .milliseconds(100))
        continue
      }
      let stop = await burst(
        connection, from: number, until: end, journal: journal, tally: tally, clock: clock)
      number = stop
    }
    let (sent, refused, unknown) = tally.counts
    if devnet.json {
      Terminal.print(
        JSONValue.object([
          "sent": .number(String(sent)), "refused": .number(String(refused)),
          "unknown": .number(String(unknown)),
        ]).text())
    } else {
      Terminal.print("\(sent) sent, \(refused) refused, \(unknown) whose end nobody saw")
    }
  }

  /// Sends at the rate until the devnet goes away; the number of the next crossing.
  private func burst(
    _ connection: DevnetConnection, from first: Int, until end: ContinuousClock.Instant?,
    journal: JournalFile?,
    tally: LoadTally, clock: ContinuousClock
  ) async -> Int {
    guard let routes = try? await Self.routes(connection) else { return first }
    let pause = Duration.seconds(1) / rate
    let timeout = timeout.duration
    return await withDiscardingTaskGroup(returning: Int.self) { group in
      var number = first
      var next = clock.now
      while !Interruption.isAsked, !tally.isAway, count.map({ number < $0 }) ?? true,
        end.map({ clock.now < $0 }) ?? true
      {
        let route = routes[number % routes.count]
        let kind = number
        group.addTask { await route.send(kind, timeout, journal, tally) }
        number += 1
        next += pause
        if next > clock.now { try? await Task.sleep(until: next, clock: clock) } else { next = clock.now }
      }
      if tally.isAway { group.cancelAll() }
      tally.back()
      return number
    }
  }

  /// Both directions over both lanes, each user with an account of its own: three users, two domains.
  private static func routes(_ connection: DevnetConnection) async throws -> [LoadRoute] {
    var senders: [String: (LocalName, AccountSender)] = [:]
    var routes: [LoadRoute] = []
    for domain in connection.network.domains where domain.kind == .embedded {
      for (index, user) in connection.network.users.enumerated() {
        let made = try await connection.sender(user, on: domain)
        senders["\(domain.name)/\(user)"] = (
          LocalName(name: user, address: made.account.key.address), made.sender
        )
        for (lane, _) in connection.network.lanes(on: domain) where lane.kind != .evm {
          guard let (name, sender) = senders["\(domain.name)/\(user)"] else { continue }
          let receiver = connection.network.users[(index + 1) % connection.network.users.count]
          guard let to = connection.network.accounts[receiver] else { continue }
          routes.append(
            LoadRoute(
              messages: CrossingMessages(connection.network, lane: lane, from: domain),
              access: connection.access(domain), sender: sender, from: name.address, to: to))
        }
      }
    }
    return routes
  }

  private struct LocalName {
    let name: String
    let address: AccountAddress
  }
}

/// One sender, one lane, one direction.
private struct LoadRoute: Sendable {
  let messages: CrossingMessages
  let access: any DomainAccess
  let sender: AccountSender
  let from: AccountAddress
  let to: AccountAddress

  /// Every third is a call, and every ninth a call that fails and is refunded.
  func send(_ number: Int, _ timeout: Duration, _ journal: JournalFile?, _ tally: LoadTally) async {
    do throws(SendingError) {
      let payloads: [Payload]
      let token = TokenPath(messages.origin.feeDenom.text)
      if number % 3 == 0 {
        let fails = number % 9 == 0
        payloads = try messages.call(
          CounterProgram().address, input: [UInt8]((fails ? #"{"fail":{}}"# : #"{"add":{"by":1}}"#).utf8),
          gasLimit: 200_000, funds: fails ? [(UInt256(UInt64(7)), token)] : [], by: from)
      } else {
        payloads = [try messages.transfer(UInt256(UInt64(1 + number % 5)), of: token, from: from, to: to)]
      }
      let sent = try await messages.send(payloads, timeout: timeout, as: sender, at: from, through: access)
      tally.sent()
      journal?.write(
        JournalEntry(
          domain: messages.origin.name, transaction: sent.transaction.hash, height: sent.transaction.height))
    } catch {
      switch error {
      case .refused: tally.refused()
      case .send(.access), .access, .send(.open), .send(.cancelled): tally.unknown(isAway: true)
      case .send(.refused): tally.refused()
      default: tally.unknown(isAway: false)
      }
    }
  }
}

/// What became of the load so far. A class, since all tasks count in one place.
private final class LoadTally: Sendable {
  private struct State {
    var sent = 0
    var refused = 0
    var unknown = 0
    var isAway = false
  }
  private let state = Mutex(State())

  func sent() { state.withLock { $0.sent += 1 } }
  func refused() { state.withLock { $0.refused += 1 } }
  func unknown(isAway: Bool) {
    state.withLock {
      $0.unknown += 1
      if isAway { $0.isAway = true }
    }
  }
  var isAway: Bool { state.withLock { $0.isAway } }
  func back() { state.withLock { $0.isAway = false } }
  var counts: (Int, Int, Int) { state.withLock { ($0.sent, $0.refused, $0.unknown) } }
}

/// A file to which lines are appended, each on disk before it counts. A class, since it is one file.
final class JournalFile: Sendable {
  private let file: Mutex<FileHandle>

  init(_ path: String) throws {
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    guard let file = FileHandle(forUpdatingAtPath: path) else {
      throw Complaint("the journal \(path) cannot be written")
    }
    try file.seekToEnd()
    self.file = Mutex(file)
  }

  func write(_ entry: JournalEntry) {
    file.withLock { file in
      try? file.write(contentsOf: Data((entry.line + "\n").utf8))
      try? file.synchronize()
    }
  }
}
