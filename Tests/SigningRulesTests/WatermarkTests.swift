import Encodings
import LightClients
import Messages
import SigningRules
import Testing
import WireBytes

@Suite("Watermarks")
struct WatermarkTests {
  private static let a1 = Asked.entry("a", "1")
  private static let a2 = Asked.entry("a", "2")
  private static let b1 = Asked.entry("b", "1")

  private static func time(_ seconds: UInt64) -> UnixTime { UnixTime(seconds: Asked.start + seconds) }
  private static func height(_ number: UInt64) -> Height { Height(revision: 1, number) }

  @Test("let the same claim be signed again, and write it once")
  func again() throws {
    var signer = try Asked.signer()
    let first = try signer.ask(try Asked.state(10))
    #expect(first.records.count == 1)
    let second = try signer.ask(try Asked.state(10))
    #expect(second.payload == first.payload)
    #expect(second.records.isEmpty)
    let packets = try Asked.packets(10, [Self.b1, Self.a1])
    #expect(try signer.ask(packets).records.count == 1)
    #expect(try signer.ask(packets).records.isEmpty)
    // A list with something new in it writes what is new.
    let more = try signer.ask(try Asked.packets(10, [Self.a1, Asked.entry("c", "1")]))
    guard case .claim(let mark)? = more.records.first else { return }
    #expect(mark.entries == [Asked.entry("c", "1")])
    #expect(mark.time == nil && mark.root == nil)
  }

  @Test("refuse a second claim for a height")
  func conflict() throws {
    var signer = try Asked.signer()
    try signer.ask(try Asked.state(10))
    try signer.ask(try Asked.packets(10, [Self.a1]))
    let before = signer.snapshot()
    #expect(throws: SigningRefusal.otherRoot(kept: Asked.root)) {
      try signer.ask(try Asked.state(10, root: Asked.hash("x")))
    }
    #expect(throws: SigningRefusal.otherTime(kept: Self.time(0))) {
      try signer.ask(try Asked.state(10, time: 1))
    }
    #expect(throws: SigningRefusal.otherTime(kept: Self.time(0))) {
      try signer.ask(try Asked.packets(10, [Self.b1], time: 1))
    }
    #expect(throws: SigningRefusal.otherCommitment(path: Self.a1.pathHash, kept: Self.a1.commitment)) {
      try signer.ask(try Asked.packets(10, [Self.b1, Self.a2]))
    }
    let absent = StoredEntry(pathHash: Self.a1.pathHash, commitment: Bytes32())
    #expect(throws: SigningRefusal.otherCommitment(path: Self.a1.pathHash, kept: Self.a1.commitment)) {
      try signer.ask(try Asked.packets(10, [absent]))
    }
    #expect(signer.snapshot() == before)
    // The first claim still stands.
    #expect(try signer.ask(try Asked.state(10)).records.isEmpty)
  }

  @Test("keep keys, origins, revisions and formats apart")
  func apart() throws {
    var signer = try Asked.signer()
    try signer.ask(try Asked.state(10))
    let other = Asked.hash("x")
    try signer.ask(try Asked.state(10, root: other), Asked.facts(Asked.otherKey))
    try signer.ask(try Asked.state(10, root: other, origin: "cosmos:demo-2"))
    try signer.ask(try Asked.state(10, root: other, revision: 2))
    try signer.ask(
      .foreignAttestation(origin: try Asked.origin(), .state(height: 10, timestamp: Asked.start + 9)))
    #expect(throws: SigningRefusal.otherRoot(kept: other)) {
      try signer.ask(try Asked.state(10, revision: 2))
    }
  }

  @Test("refuse times that go back over heights, in both directions")
  func order() throws {
    var signer = try Asked.signer()
    try signer.ask(try Asked.state(10, time: 100))
    try signer.ask(try Asked.state(20, time: 200))
    #expect(throws: SigningRefusal.timeOrder(kept: Self.height(10), time: Self.time(100))) {
      try signer.ask(try Asked.state(15, time: 99))
    }
    #expect(throws: SigningRefusal.timeOrder(kept: Self.height(20), time: Self.time(200))) {
      try signer.ask(try Asked.state(15, time: 201))
    }
    #expect(throws: SigningRefusal.timeOrder(kept: Self.height(20), time: Self.time(200))) {
      try signer.ask(try Asked.state(21, time: 199))
    }
    #expect(throws: SigningRefusal.timeOrder(kept: Self.height(10), time: Self.time(100))) {
      try signer.ask(try Asked.state(9, time: 101))
    }
    try signer.ask(try Asked.state(15, time: 100))
    try signer.ask(try Asked.state(16, time: 200))
    // A higher revision is a higher height, whatever its number.
    #expect(throws: SigningRefusal.timeOrder(kept: Self.height(20), time: Self.time(200))) {
      try signer.ask(try Asked.state(1, time: 199, revision: 2))
    }
    try signer.ask(try Asked.state(1, time: 200, revision: 2))
  }

  @Test("give a height of the foreign format its time once, and compare it across heights without one")
  func foreignTimes() throws {
    var signer = try Asked.signer()
    let origin = try Asked.origin()
    func state(_ height: UInt64, _ time: UInt64) -> SigningRequest {
      .foreignAttestation(origin: origin, .state(height: height, timestamp: Asked.start + time))
    }
    try signer.ask(.foreignAttestation(origin: origin, .packets(height: 10, [Self.a1])))
    try signer.ask(.foreignAttestation(origin: origin, .packets(height: 11, [Self.a1])))
    try signer.ask(state(12, 50))
    #expect(throws: SigningRefusal.timeOrder(kept: Height(12), time: Self.time(50))) {
      try signer.ask(state(10, 51))
    }
    #expect(try signer.ask(state(10, 50)).records.count == 1)
    #expect(throws: SigningRefusal.otherTime(kept: Self.time(50))) { try signer.ask(state(10, 49)) }
    #expect(
      throws: SigningRefusal.otherCommitment(path: Self.a1.pathHash, kept: Self.a1.commitment)
    ) { try signer.ask(.foreignAttestation(origin: origin, .packets(height: 11, [Self.a2]))) }
  }

  @Test("bind a key of the foreign format to the first origin it serves, for ever")
  func oneOrigin() throws {
    var signer = try Asked.signer()
    let (one, two) = (try Asked.origin(), try Asked.origin("cosmos:demo-2"))
    let statement = EurekaStatement.state(height: 1, timestamp: Asked.start)
    let admission = try signer.ask(.foreignAttestation(origin: one, statement))
    #expect(admission.records.first == .foreignOrigin(key: Asked.key, origin: one))
    #expect(throws: SigningRefusal.keyServesOtherOrigin(one)) {
      try signer.ask(.foreignAttestation(origin: two, statement))
    }
    var restored = try Asked.signer()
    for record in admission.records { try restored.restore(record) }
    #expect(throws: SigningRefusal.keyServesOtherOrigin(one)) {
      try restored.ask(.foreignAttestation(origin: two, statement))
    }
    #expect(throws: WatermarkConflict.foreignOrigin(Asked.key, kept: one, other: two)) {
      try restored.restore(.foreignOrigin(key: Asked.key, origin: two))
    }
    // A refused first question binds nothing.
    var fresh = try Asked.signer()
    #expect(throws: SigningRefusal.heightZero) {
      try fresh.ask(.foreignAttestation(origin: one, .state(height: 0, timestamp: 1)))
    }
    try fresh.ask(.foreignAttestation(origin: two, statement))
  }

  @Test("refuse a claim from the future, which would end the key's use")
  func ahead() throws {
    var signer = try Asked.signer()
    #expect(throws: SigningRefusal.timeAhead(secondsMax: 3_600)) {
      try signer.ask(try Asked.state(1, time: 3_601))
    }
    #expect(throws: SigningRefusal.timeAhead(secondsMax: 3_600)) {
      try signer.ask(
        .foreignAttestation(origin: try Asked.origin(), .state(height: 1, timestamp: .max)))
    }
    try signer.ask(try Asked.state(1, time: 3_600))
  }

  // MARK: Pruning

  @Test("keep the newest heights, and refuse all up to the floor")
  func pruning() throws {
    var signer = try Asked.signer(SigningLimits(heightsKept: 10))
    var floors: [Height] = []
    for number in 1...UInt64(80) {
      for record in try signer.ask(try Asked.state(number * 2, time: number)).records {
        if case .floor(let mark) = record { floors.append(mark.height) }
      }
    }
    // 64 at once: the 74th height leaves ten.
    #expect(floors == [Self.height(128)])
    #expect(throws: SigningRefusal.pruned(Self.height(128))) {
      try signer.ask(try Asked.state(128, time: 64))
    }
    // Never signed, and refused all the same.
    #expect(throws: SigningRefusal.pruned(Self.height(128))) { try signer.ask(try Asked.state(3, time: 2)) }
    // Times of what is forgotten still bind.
    #expect(throws: SigningRefusal.timeOrder(kept: Self.height(128), time: Self.time(64))) {
      try signer.ask(try Asked.state(129, time: 63))
    }
    try signer.ask(try Asked.state(129, time: 64))
    #expect(signer.snapshot().count == 1 + 16 + 1)
  }

  @Test("keep so many paths, and so many of one height")
  func pathLimits() throws {
    var signer = try Asked.signer(SigningLimits(pathsKept: 100, pathsPerHeight: 40))
    func list(_ height: UInt64, _ count: Int) throws -> SigningRequest {
      try Asked.packets(height, (0..<count).map { Asked.entry("\(height)/\($0)", "v") })
    }
    #expect(throws: SigningRefusal.heightFull(pathsMax: 40)) { try signer.ask(try list(1, 41)) }
    try signer.ask(try list(1, 40))
    #expect(throws: SigningRefusal.heightFull(pathsMax: 40)) {
      try signer.ask(try Asked.packets(1, [Self.a1]))
    }
    try signer.ask(try list(2, 40))
    let third = try signer.ask(try list(3, 40))
    #expect(third.records.count == 2)
    #expect(throws: SigningRefusal.pruned(Self.height(1))) { try signer.ask(try list(1, 40)) }
    #expect(try signer.ask(try list(2, 40)).records.isEmpty)
  }

  @Test("refuse more pairs of key and origin than are kept")
  func tracks() throws {
    var signer = try Asked.signer(SigningLimits(tracksMax: 1))
    try signer.ask(try Asked.state(1))
    try signer.ask(try Asked.vote(1))
    #expect(throws: SigningRefusal.tooManyOrigins(max: 1)) {
      try signer.ask(try Asked.state(1, origin: "cosmos:demo-2"))
    }
    #expect(throws: SigningRefusal.tooManyOrigins(max: 1)) {
      try signer.ask(try Asked.vote(1, chain: "demo-2"))
    }
    let floor = try Self.floor(1, origin: "cosmos:demo-3")
    #expect(throws: WatermarkConflict.tooManyTracks(max: 1)) { try signer.restore(floor) }
  }

  private static func floor(_ height: UInt64, origin: String = "cosmos:demo-1") throws -> WatermarkRecord {
    var bytes: [UInt8] = [1, 2]
    bytes.append(Asked.key.bytes)
    bytes.append(KeyPurpose.attestation.byte)
    bytes.append(UInt8(origin.utf8.count))
    bytes += origin.utf8
    bytes.append(bigEndian: UInt64(1))
    bytes.append(bigEndian: height)
    bytes.append(0)
    return try WatermarkRecord(decoding: bytes)
  }

  // MARK: Votes

  @Test("refuse votes that go back, and a second vote of one step")
  func votes() throws {
    var signer = try Asked.signer()
    #expect(try signer.ask(try Asked.vote(10, round: 1)).records.count == 1)
    #expect(try signer.ask(try Asked.vote(10, round: 1)).records.isEmpty)
    let behind = SigningRefusal.voteBehind(height: 10, round: 1, kind: .precommit)
    #expect(throws: behind) { try signer.ask(try Asked.vote(9, round: 5)) }
    #expect(throws: behind) { try signer.ask(try Asked.vote(10, round: 0)) }
    #expect(throws: behind) { try signer.ask(try Asked.vote(10, round: 1, .prevote)) }
    #expect(throws: SigningRefusal.otherVote) { try signer.ask(try Asked.vote(10, round: 1, block: "x")) }
    // tmkms 333: a vote for nothing beside one for a block.
    #expect(throws: SigningRefusal.otherVote) { try signer.ask(try Asked.vote(10, round: 1, block: nil)) }
    #expect(throws: SigningRefusal.otherVoteTime) {
      try signer.ask(try Asked.vote(10, round: 1, nanoseconds: 6))
    }
    try signer.ask(try Asked.vote(10, round: 2, .prevote, block: nil))
    #expect(throws: SigningRefusal.otherVote) { try signer.ask(try Asked.vote(10, round: 2, .prevote)) }
    try signer.ask(try Asked.vote(11, .prevote))
    // Another chain, another key: other votes.
    try signer.ask(try Asked.vote(1, block: "x", chain: "demo-2"))
    try signer.ask(try Asked.vote(1, block: "x"), Asked.facts(Asked.otherKey))
  }

  @Test("take back a vote, and refuse a record of another vote of the step")
  func voteRecords() throws {
    var signer = try Asked.signer()
    let first = try signer.ask(try Asked.vote(10)).records
    let later = try signer.ask(try Asked.vote(11)).records
    var other = try Asked.signer()
    let conflicting = try other.ask(try Asked.vote(11, block: nil)).records
    var restored = try Asked.signer()
    for record in later + first { try restored.restore(record) }
    #expect(restored.snapshot() == signer.snapshot())
    #expect(throws: WatermarkConflict.vote(Asked.key, chainID: "demo-1", .otherVote)) {
      try restored.restore(conflicting[0])
    }
  }

  // MARK: Records

  @Test("restore to the same state from what was written, and from a snapshot")
  func restoring() throws {
    var signer = try Asked.signer(SigningLimits(heightsKept: 5))
    var records: [WatermarkRecord] = []
    for number in 1...UInt64(75) {
      records += try signer.ask(try Asked.state(number, time: number)).records
      records += try signer.ask(try Asked.packets(number, [Self.a1, Self.b1], time: number)).records
    }
    records += try signer.ask(try Asked.vote(3)).records
    records += signer.lock(Asked.otherKey)
    var restored = try Asked.signer(SigningLimits(heightsKept: 5))
    for record in records { try restored.restore(record) }
    #expect(restored.snapshot() == signer.snapshot())
    var again = try Asked.signer(SigningLimits(heightsKept: 5))
    for record in restored.snapshot() {
      try again.restore(try WatermarkRecord(decoding: record.encoded()))
    }
    #expect(again.snapshot() == signer.snapshot())
  }

  @Test("restore in any order to the same state, while nothing is forgotten", arguments: 0..<4)
  func anyOrder(seed: UInt64) throws {
    var signer = try Asked.signer()
    var records: [WatermarkRecord] = []
    for number in 1...UInt64(30) {
      records += try signer.ask(try Asked.state(number, time: number)).records
      records += try signer.ask(try Asked.packets(number, [Self.a1, Self.b1], time: number)).records
    }
    var numbers = SeededNumbers(seed: seed)
    var restored = try Asked.signer()
    for record in records.shuffled(using: &numbers) { try restored.restore(record) }
    #expect(restored.snapshot() == signer.snapshot())
  }

  @Test("refuse a record that contradicts what is kept, and change nothing")
  func conflictingRecord() throws {
    var one = try Asked.signer()
    var two = try Asked.signer()
    try one.ask(try Asked.state(10))
    let other = try two.ask(try Asked.state(10, root: Asked.hash("x"))).records
    let before = one.snapshot()
    #expect(
      throws: WatermarkConflict.claim(
        Asked.key, .attestation, try Asked.origin(), Self.height(10), .otherRoot(kept: Asked.root))
    ) { try one.restore(other[0]) }
    #expect(one.snapshot() == before)
  }

  @Test("lock and unlock keys, and write each change once")
  func locks() throws {
    var signer = try Asked.signer()
    #expect(signer.lock(Asked.key) == [.lock(key: Asked.key, isLocked: true)])
    #expect(signer.lock(Asked.key).isEmpty)
    #expect(signer.lockedKeys == [Asked.key])
    #expect(throws: SigningRefusal.keyLocked(Asked.key)) { try signer.ask(try Asked.state(1)) }
    try signer.ask(try Asked.state(1), Asked.facts(Asked.otherKey))
    var restored = try Asked.signer()
    for record in signer.snapshot() { try restored.restore(record) }
    #expect(throws: SigningRefusal.keyLocked(Asked.key)) { try restored.ask(try Asked.state(1)) }
    #expect(restored.unlock(Asked.key) == [.lock(key: Asked.key, isLocked: false)])
    #expect(restored.unlock(Asked.key).isEmpty)
    try restored.ask(try Asked.state(1))
  }

  @Test("are written as the document says")
  func layout() throws {
    let vectors = try RulesVectors()
    #expect(vectors.json["records"]?.array?.count == 8)
    var signer = try Asked.signer()
    let call = try signer.ask(try EVMAsked.transaction(), EVMAsked.facts()).records
    #expect(call.map { $0.encoded() } == [try vectors.record("call")])
    let floor = WatermarkRecord.nonceFloor(key: Asked.key, chainID: 31_337, nonce: 6)
    #expect(floor.encoded() == (try vectors.record("nonces")))
    guard case .claim(let claim) = try WatermarkRecord(decoding: try vectors.record("packets")) else {
      return
    }
    let state = try signer.ask(try Asked.state(10)).records
    #expect(state.map { $0.encoded() } == [try vectors.record("state")])
    let packets = try signer.ask(
      .foreignAttestation(
        origin: try Asked.origin(), .packets(height: 11, claim.entries.reversed()))
    ).records
    #expect(packets.map { $0.encoded() } == [try vectors.record("origin"), try vectors.record("packets")])
    let vote = try signer.ask(try Asked.vote(10, round: 1)).records
    #expect(vote.map { $0.encoded() } == [try vectors.record("vote")])
    #expect(signer.lock(Asked.otherKey).map { $0.encoded() } == [try vectors.record("lock")])
    #expect(try WatermarkRecord(decoding: try vectors.record("floor")).encoded() == vectors.record("floor"))
  }

  @Test("refuse every shorter record, a longer one, and what is not canonical")
  func malformed() throws {
    let vectors = try RulesVectors()
    for name in ["state", "packets", "floor", "origin", "vote", "lock", "call", "nonces"] {
      let bytes = try vectors.record(name)
      let record = try WatermarkRecord(decoding: bytes)
      #expect(record.encoded() == bytes)
      for count in bytes.indices {
        #expect(throws: WatermarkRecordError.self, "\(name) cut to \(count)") {
          try WatermarkRecord(decoding: [UInt8](bytes.prefix(count)))
        }
      }
      #expect(throws: WatermarkRecordError.wire(.trailingBytes(offset: bytes.count, count: 1))) {
        try WatermarkRecord(decoding: bytes + [0])
      }
      for bit in 0..<(bytes.count * 8) {
        var flipped = bytes
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        guard let other = try? WatermarkRecord(decoding: flipped) else { continue }
        #expect(other.encoded() == flipped && other != record)
      }
    }
    func changed(_ name: String, _ index: Int, _ byte: UInt8) throws -> [UInt8] {
      var bytes = try vectors.record(name)
      bytes[index] = byte
      return bytes
    }
    #expect(throws: WatermarkRecordError.version(2)) {
      try WatermarkRecord(decoding: try changed("lock", 0, 2))
    }
    #expect(throws: WatermarkRecordError.kind(8)) { try WatermarkRecord(decoding: try changed("lock", 1, 8)) }
    var noChain = try vectors.record("call")
    noChain.replaceSubrange(34..<42, with: [UInt8](repeating: 0, count: 8))
    #expect(throws: WatermarkRecordError.evmChainZero) { try WatermarkRecord(decoding: noChain) }
    var noNonce = try vectors.record("nonces")
    noNonce.replaceSubrange(42..<50, with: [UInt8](repeating: 0xff, count: 8))
    #expect(throws: WatermarkRecordError.nonce(.max)) { try WatermarkRecord(decoding: noNonce) }
    #expect(throws: WatermarkRecordError.lock(2)) {
      try WatermarkRecord(decoding: try changed("lock", 34, 2))
    }
    #expect(throws: WatermarkRecordError.purpose(3)) {
      try WatermarkRecord(decoding: try changed("state", 34, 3))
    }
    #expect(throws: WatermarkRecordError.flags(4)) {
      try WatermarkRecord(decoding: try changed("state", 65, 4))
    }
    #expect(throws: WatermarkRecordError.voteType(3)) {
      try WatermarkRecord(decoding: try changed("vote", 53, 3))
    }
    var unsorted = try vectors.record("packets")
    unsorted.replaceSubrange(132..<196, with: unsorted[68..<132])
    #expect(throws: WatermarkRecordError.pathOrder(index: 1)) { try WatermarkRecord(decoding: unsorted) }
  }
}
