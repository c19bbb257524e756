import MerkleProofs
import Messages
import PacketHost
import StateTree
import Testing

/// What no commit could hold is refused when it is written: a block that cannot be committed stops a domain.
@Suite("Entries that no state can hold")
struct EntryLimitTests {
  private static let keyMax = 4_096
  private static let valueMax = 1_048_576

  private static func context(gas: UInt64 = .max) -> HostContext {
    HostContext(
      moment: BlockMoment(height: 1, time: UnixTime(seconds: 1)), state: WorkingState(MemoryState()),
      gas: GasMeter(limit: gas))
  }

  @Test("are refused one byte over the limits, and taken at them")
  func limits() throws {
    #expect(StateLimits.keyBytesMax == Self.keyMax)
    #expect(StateLimits.valueBytesMax == Self.valueMax)
    var context = Self.context()
    let longKey = [UInt8](repeating: 1, count: Self.keyMax)
    let longValue = [UInt8](repeating: 2, count: Self.valueMax)
    try context.write(longValue, to: longKey)
    try context.write([3], to: [4])
    #expect(throws: ExecutionHalt.breach(.keyEmpty)) { try context.write([1], to: []) }
    #expect(throws: ExecutionHalt.breach(.keyEmpty)) { try context.remove([]) }
    #expect(throws: ExecutionHalt.breach(.valueEmpty)) { try context.write([], to: [4]) }
    let key = ExecutionHalt.breach(.keySize(max: Self.keyMax, actual: Self.keyMax + 1))
    #expect(throws: key) { try context.write([1], to: longKey + [1]) }
    #expect(throws: key) { try context.remove(longKey + [1]) }
    #expect(throws: ExecutionHalt.breach(.valueSize(max: Self.valueMax, actual: Self.valueMax + 1))) {
      try context.write(longValue + [1], to: [4])
    }
    let changes = context.finish().state.changes
    #expect(changes.map(\.key) == [longKey, [4]])
    // What was taken, a tree takes.
    var tree = StateTree(store: MemoryStateStore())
    try tree.commit(version: 1, changes: changes.map { StateChange(key: $0.key, value: $0.value) })
    #expect(try tree.value(of: longKey, at: 1) == longValue)
    let proof = try tree.prove([9], at: 1).encoded()
    #expect(try ICS23.CommitmentProof(decoding: proof.span).encoded() == proof)
  }

  @Test("undo the attempt that wrote them, and nothing around it")
  func attempts() throws {
    var context = Self.context(gas: 1_000_000)
    try context.write([1], to: [1])
    let attempt = try context.attempt {
      (context: inout HostContext) throws(AttemptFailure<CallRefusal>) -> Bool in
      do throws(ExecutionHalt) {
        try context.write([2], to: [1])
        try context.emit(Event("lost", [:]))
        try context.write([], to: [2])
      } catch { throw .halt(error) }
      return true
    }
    guard case .breach(.valueEmpty) = attempt else {
      Issue.record("\(attempt)")
      return
    }
    #expect(try context.read([1]) == [1])
    #expect(context.events.isEmpty)
    #expect(context.gas.used < 1_000_000)
  }

  @Test(
    "make the packet whose call writes them an error, which settles",
    arguments: [(UInt8(4), "valueEmpty"), (5, "keySize")])
  func packet(program: UInt8, code: String) throws {
    var lane = try TestLane()
    let payload = try lane.execution([lane.call([program])])
    let packet = try lane.harbor.send([payload], over: lane.client, by: TestLane.user)
    let refusal = ApplicationRefusal(port: .execution, code: "call0.execution.\(code)")
    #expect(
      try lane.island.receive(packet, try lane.commitmentProof(packet))
        == .executionFailed(.application(refusal)))
    let answer = try lane.island.acknowledgement()
    #expect(!answer.isSuccess)
    #expect(
      try lane.harbor.acknowledge(packet, answer, try lane.answerProof(packet, .acknowledgement)) == .done)
  }
}
