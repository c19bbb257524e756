import Foundation
import Gate
import Messages
import PacketHost
import Testing
import WireBytes

/// Random histories of two hosts, in which relayers do anything in any order and any number of times.
@Suite("Random interleavings")
struct InterleavingTests {
  /// SplitMix64.
  struct Random {
    var state: UInt64

    mutating func next(below bound: Int) -> Int {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return Int((z ^ (z >> 31)) % UInt64(bound))
    }
  }

  struct Sent {
    let packet: Packet
    let amount: UInt64
    let mark: [UInt8]
    let fails: Bool
    var answer: Acknowledgement?
    var isSettled = false
    var refunds = 0
  }

  static let seeds: [UInt64] =
    ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) }.map { [$0] } ?? Array(1...40)

  @Test("a packet executes at most once, success excludes refund, value is conserved", arguments: seeds)
  func histories(seed: UInt64) throws {
    var random = Random(state: seed)
    var lane = try TestLane()
    var sent: [Sent] = []
    var proofs: [(index: Int, proof: TestDomain.Proof)] = []
    for _ in 0..<60 {
      let index = sent.isEmpty ? 0 : random.next(below: sent.count)
      switch random.next(below: 10) {
      case 0, 1, 2:
        let mark: [UInt8] = [3, UInt8(sent.count)]
        let fails = random.next(below: 3) == 0
        let amount = UInt64(1 + random.next(below: 50))
        let calls = try [lane.call(mark)] + (fails ? [lane.call([1])] : [])
        let packet = try lane.harbor.send(
          [try TestLane.transfer(amount), try lane.execution(calls)], over: lane.client,
          timeout: UInt64(20 + random.next(below: 60)), by: TestLane.user)
        sent.append(Sent(packet: packet, amount: amount, mark: mark, fails: fails))
      case 3, 4, 5:
        guard !sent.isEmpty else { continue }
        // A proof made now, or any old one of this packet.
        let old = proofs.filter { $0.index == index }
        let proof: TestDomain.Proof
        if !old.isEmpty, random.next(below: 2) == 0 {
          proof = old[random.next(below: old.count)].proof
        } else {
          proof = try lane.commitmentProof(sent[index].packet)
          proofs.append((index, proof))
        }
        try receive(index, proof, &sent, &lane)
      case 6, 7:
        guard !sent.isEmpty, let answer = sent[index].answer else { continue }
        try acknowledge(index, answer, &sent, &lane)
      case 8:
        guard !sent.isEmpty else { continue }
        try timeOut(index, &sent, &lane)
      default: lane.advance(UInt64(1 + random.next(below: 15)))
      }
      try check(sent, lane)
    }
    // An honest relayer comes by: every packet ends.
    lane.advance(200)
    for index in sent.indices {
      if let answer = sent[index].answer {
        try acknowledge(index, answer, &sent, &lane)
      } else {
        try timeOut(index, &sent, &lane)
      }
    }
    try check(sent, lane)
    #expect(sent.count { !$0.isSettled } == 0)
    #expect(lane.harbor.balance(lane.escrow) == lane.island.supply(lane.voucher.token))
  }

  private func receive(
    _ index: Int, _ proof: TestDomain.Proof, _ sent: inout [Sent], _ lane: inout TestLane
  ) throws {
    let packet = sent[index].packet
    do {
      let outcome = try lane.island.receive(packet, proof)
      switch outcome {
      case .noOperation: #expect(sent[index].answer != nil)
      case .done:
        #expect(sent[index].answer == nil && !sent[index].fails && !sent[index].isSettled)
        sent[index].answer = try lane.island.acknowledgement()
      case .executionFailed:
        #expect(sent[index].answer == nil && sent[index].fails && !sent[index].isSettled)
        sent[index].answer = try lane.island.acknowledgement()
      }
    } catch let error as AttemptFailure<PacketRefusal> {
      switch error {
      case .failure(.timeoutElapsed): #expect(packet.timeout <= lane.island.now)
      // Once settled, the commitment is gone.
      case .failure(.client(.membership)): #expect(sent[index].isSettled)
      default: Issue.record("\(error)")
      }
    }
  }

  private func acknowledge(
    _ index: Int, _ answer: Acknowledgement, _ sent: inout [Sent], _ lane: inout TestLane
  ) throws {
    let before = lane.harbor.balance(TestLane.user)
    let proof = try lane.answerProof(sent[index].packet, .acknowledgement)
    let outcome = try lane.harbor.acknowledge(sent[index].packet, answer, proof)
    #expect(outcome == (sent[index].isSettled ? .noOperation : .done))
    sent[index].isSettled = true
    if lane.harbor.balance(TestLane.user) > before { sent[index].refunds += 1 }
  }

  private func timeOut(_ index: Int, _ sent: inout [Sent], _ lane: inout TestLane) throws {
    let before = lane.harbor.balance(TestLane.user)
    let packet = sent[index].packet
    let isReceived = sent[index].answer != nil
    // Honest attesters say nothing of a receipt that is there.
    let path = isReceived ? PacketPath.Kind.acknowledgement : .receipt
    let proof = try lane.answerProof(packet, path)
    do {
      let outcome = try lane.harbor.timeOut(packet, proof)
      #expect(outcome == (sent[index].isSettled ? .noOperation : .done))
      #expect(!isReceived || sent[index].isSettled)
      sent[index].isSettled = true
    } catch {
      switch error {
      case .failure(.timeoutNotReached): #expect(packet.timeout > lane.island.now)
      case .failure(.client(.membership(.pathNotListed))): #expect(isReceived)
      default: Issue.record("\(error)")
      }
    }
    if lane.harbor.balance(TestLane.user) > before { sent[index].refunds += 1 }
  }

  private func check(_ sent: [Sent], _ lane: TestLane) throws {
    var away: UInt64 = 0
    for one in sent {
      let runs = lane.island.state.values[TestPrograms.ranKey(one.mark)]?.count ?? 0
      let executed = one.answer?.isSuccess ?? false
      #expect(runs == (executed ? 1 : 0))
      #expect(one.refunds <= (one.isSettled && !executed ? 1 : 0))
      if !one.isSettled || executed { away += one.amount }
    }
    #expect(lane.harbor.balance(lane.escrow) == away)
    #expect(lane.harbor.supply(TestDomain.token) == 1_000_000)
    let delivered = sent.reduce(UInt64(0)) { $0 + ($1.answer?.isSuccess == true ? $1.amount : 0) }
    #expect(lane.island.supply(lane.voucher.token) == delivered)
  }
}
