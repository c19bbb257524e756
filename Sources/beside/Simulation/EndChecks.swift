import Digests
import Encodings
import Gate
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import RelayEngine
import StateTree
import WireBytes

/// What is checked when everything has come to rest.
extension World {
  /// Whether a lane is shut for good, for a reason that the world has given it.
  func isShut(_ lane: SimulatedLane) -> Bool {
    if checker.deceived.contains(lane.index) { return true }
    for end in lane.ends {
      let place = Checker.ClientPlace(end.domain, end.client)
      if checker.frozen[place] != nil { return true }
      guard counts["world.shortTrust"] != nil, let period = lane.trustingSeconds,
        let trusted = checker.trusted[place]
      else { continue }
      if trusted + period <= (domains[end.domain].history.last?.seconds ?? 0) { return true }
    }
    return false
  }

  private var openLanes: Set<Int> { Set(lanes.filter { !isShut($0) }.map(\.index)) }

  /// Whether nothing is left to do: all packets of open lanes have ended, and relayers know it.
  func isQuiet() throws -> Bool {
    guard let healedAt, now - healedAt > 15_000 else { return false }
    for domain in domains where domain.wantsBlock || domain.chain == nil { return false }
    let open = openLanes
    for name in checker.order where open.contains(name.lane) {
      guard let observed = checker.packets[name] else { continue }
      if observed.endings.isEmpty, !observed.isForged { return false }
    }
    for lane in checker.deceived.sorted() where !isFrozen(lane) { return false }
    for relayer in relayers where !relayer.pending.isEmpty || !openRows(relayer, open).isEmpty {
      return false
    }
    return true
  }

  private func isFrozen(_ lane: Int) -> Bool {
    lanes[lane].ends.contains { checker.frozen[Checker.ClientPlace($0.domain, $0.client)] != nil }
  }

  private func openRows(_ relayer: RelayerNode, _ open: Set<Int>) -> [String] {
    relayer.disk.rows.values.sorted { $0.key < $1.key }.compactMap { row in
      guard let domain = domains.firstIndex(where: { $0.id == row.key.origin.domain }),
        let (lane, _) = laneSide(domain, row.key.origin.client), open.contains(lane)
      else { return nil }
      return "\(row.key) \(row.status.code) \(row.lastRefusal ?? "")"
    }
  }

  mutating func judgeEnd(isFinished: Bool) throws {
    let open = openLanes
    if !isFinished {
      var left: [String] = []
      for name in checker.order where open.contains(name.lane) {
        guard let observed = checker.packets[name], observed.endings.isEmpty, !observed.isForged else {
          continue
        }
        left.append("packet \(name)")
      }
      for lane in checker.deceived.sorted() where !isFrozen(lane) {
        left.append("deceived lane \(lane) is not frozen")
      }
      for relayer in relayers { left += openRows(relayer, open).map { "relayer \(relayer.index): \($0)" } }
      for lane in lanes where !open.contains(lane.index) { left.append("lane \(lane.index) is shut") }
      violate(.unfinished, left.prefix(8).joined(separator: "; "))
      return
    }
    count("world.quiet")
    for lane in lanes where isShut(lane) { count("lane.shut.\(lane.form.rawValue)") }
    for domain in domains.indices { try checkTotals(domain) }
    for lane in lanes where open.contains(lane.index) { try checkLane(lane) }
    try checkTraces()
    if simulation.seed % 4 == 0 { for domain in domains.indices { try replayAll(domain) } }
  }

  /// All balances of a token together are its supply, and no native token is made or lost.
  private mutating func checkTotals(_ domain: Int) throws {
    guard let chain = domains[domain].chain else { return }
    let version = UInt64(chain.tip.height)
    var sums: [String: UInt64] = [:]
    var last: [UInt8]?
    let prefix = [UInt8]("balances/".utf8)
    while true {
      let page = try chain.tree.entries(prefix: prefix, after: last, limit: 1_000, at: version)
      for entry in page {
        let token = String(decoding: entry.key.dropFirst(prefix.count + 1 + Int(entry.key[prefix.count])), as: UTF8.self)
        sums[token, default: 0] += try UInt256(bigEndian: entry.value.span).asUInt64 ?? .max
      }
      guard let final = page.last else { break }
      last = final.key
    }
    for supply in try LedgerQueries(chain.state).supplies() {
      let held = sums.removeValue(forKey: supply.denom.text)
      if held != supply.amount.asUInt64 {
        violate(.valueNotConserved, "domain \(domain): \(supply) exist, accounts hold \(held ?? 0)")
      }
      if supply.denom == domains[domain].native, supply.amount.asUInt64 != checker.nativeSupply[domain] {
        violate(.valueNotConserved, "domain \(domain) began with other than \(supply)")
      }
    }
    if let stray = sums.keys.min() {
      violate(.valueNotConserved, "domain \(domain): accounts hold \(stray), which has no supply")
    }
  }

  /// Of an open lane at rest: what one side holds for it is what the other side has of vouchers.
  private mutating func checkLane(_ lane: SimulatedLane) throws {
    for side in 0..<2 {
      let here = lane.ends[side]
      let there = lane.ends[1 - side]
      guard let near = domains[here.domain].chain, let far = domains[there.domain].chain else { continue }
      let account = TransferApplication.escrow(.transfer, here.client)
      for coin in try LedgerQueries(near.state).balances(of: account) {
        var path = coin.denom.text
        if path.hasPrefix("ibc/") {
          let key = HostKeys.tokenTrace(String(path.dropFirst(4)))
          path = String(
            decoding: try near.tree.value(of: key, at: UInt64(near.tip.height)) ?? [], as: UTF8.self)
        }
        let voucher = TokenPath(path).adding(.transfer, there.client)
        let supply = try LedgerQueries(far.state).supply(of: try Denom(voucher.token))
        if supply != coin.amount {
          violate(
            .valueNotConserved, "lane \(lane.index): \(coin) are held, and vouchers for \(supply) exist")
        }
      }
    }
  }

  /// Each packet has left the traces of its ending, and no other.
  private mutating func checkTraces() throws {
    for name in checker.order {
      guard let observed = checker.packets[name], !observed.isForged, !checker.deceived.contains(name.lane)
      else {
        continue
      }
      let there = domains[lanes[name.lane].ends[1 - name.side].domain]
      let here = domains[lanes[name.lane].ends[name.side].domain]
      guard let far = there.chain, let near = here.chain else { continue }
      let expected: UInt8 = observed.answer?.isSuccess == true ? 1 : 0
      for tag in observed.tags {
        let seen =
          try far.tree.value(of: ObserverProgram().stateKey("") + tag, at: UInt64(far.tip.height))?.first ?? 0
        if seen != expected {
          violate(
            seen > 1 ? .executedTwice : .executedAndRefunded,
            "packet \(name) left \(seen) traces at the end, its answer says \(expected)")
        }
      }
      let calls = observed.packet.payloads.count { $0.sourcePort == .execution }
      guard !observed.endings.isEmpty, calls > 0 else { continue }
      let key = ObservedCallbacks.key(observed.packet.sourceClient, observed.packet.sequence)
      let told = try near.tree.value(of: key, at: UInt64(near.tip.height))?.first ?? 0
      let wanted: UInt8 = ObservedCallbacks.fails(observed.packet.sequence) ? 0 : UInt8(clamping: calls)
      if told != wanted {
        violate(
          .executedAndRefunded, "packet \(name) told its sender \(told) times how it ended, not \(wanted)")
      }
    }
  }

  /// The whole chain again, from its genesis, in an empty store: the same state to the byte.
  private mutating func replayAll(_ domain: Int) throws {
    let node = domains[domain]
    var chain = try LedgerChain(
      genesis: node.genesis, host: node.host, programs: node.programs,
      store: SimulatedStore(losesReceipts: defect == .lostReceipts))
    for decided in node.history {
      let again = try chain.replay(decided.block, commit: decided.commit)
      if again.outcome.results != decided.results {
        violate(
          .replayDiffers, "block \(decided.block.header.height) of domain \(domain) gave something else")
        return
      }
    }
    if chain.tip.appHash != node.chain?.tip.appHash {
      violate(.replayDiffers, "domain \(domain) comes to another state from its genesis")
    }
    count("world.replayed")
  }

  /// A relayer that says how a packet has ended says what has happened.
  mutating func checkSettled(_ record: PacketRecord, _ relayer: Int) throws {
    guard case .settled(let settlement) = record.status,
      let domain = domains.firstIndex(where: { $0.id == record.key.origin.domain }),
      let (lane, side) = laneSide(domain, record.key.origin.client), !checker.deceived.contains(lane)
    else { return }
    let name = PacketName(lane: lane, side: side, sequence: record.key.sequence.rawValue)
    let ending = checker.packets[name]?.endings.first
    let isTrue =
      switch settlement {
      case .success: ending == .success
      case .error: ending == .error
      case .timeout: ending == .timeout
      case .elsewhere: ending != nil
      }
    guard !isTrue else { return }
    violate(
      .misreported,
      "relayer \(relayer) says that packet \(name) is \(record.status.code), it ended \(ending?.rawValue ?? "not at all")"
    )
  }
}
