import LightClients
import Messages
import SigningRules
import Testing
import Transactions
import WireBytes

/// Everything that was ever signed, and whether two of the claims cannot both be true: written without the engine.
private struct NaiveChecker {
  struct Claim {
    let key: KeyID
    let format: KeyPurpose
    let origin: DomainID
    let height: Height
    let time: UInt64?
    let root: Bytes32?
    let entries: [StoredEntry]
  }

  var claims: [Claim] = []
  var votes: [(key: KeyID, vote: VoteStatement)] = []
  var calls: [(key: KeyID, transaction: EVMTransaction)] = []
  /// Where each key served in the foreign format.
  var foreign: [(key: KeyID, origin: DomainID)] = []

  /// Says what is wrong with signing `request` on top of everything before.
  mutating func sign(_ request: SigningRequest, _ key: KeyID) -> String? {
    switch request {
    case .attestation(let statement):
      var root: Bytes32?
      var entries: [StoredEntry] = []
      switch statement.body {
      case .state(let value): root = value
      case .packets(let list): entries = list
      }
      return claim(
        Claim(
          key: key, format: .attestation, origin: statement.binding.origin, height: statement.height,
          time: statement.timestamp.seconds, root: root, entries: entries))
    case .foreignAttestation(let origin, let statement):
      if foreign.contains(where: { $0.key == key && $0.origin != origin }) { return "a second origin" }
      foreign.append((key, origin))
      switch statement {
      case .state(let height, let time):
        return claim(
          Claim(
            key: key, format: .foreignAttestation, origin: origin, height: Height(height), time: time,
            root: nil, entries: []))
      case .packets(let height, let entries):
        return claim(
          Claim(
            key: key, format: .foreignAttestation, origin: origin, height: Height(height), time: nil,
            root: nil, entries: entries))
      }
    case .vote(let vote):
      for (other, old) in votes where other == key && old.chainID == vote.chainID {
        let (new, kept) = (
          (vote.height, vote.round, vote.kind.rawValue), (old.height, old.round, old.kind.rawValue)
        )
        if new == kept, old != vote { return "two votes of one step" }
        if new < kept { return "a vote that goes back" }
      }
      votes.append((key, vote))
      return nil
    case .transaction: return nil
    case .evmTransaction(let new):
      guard new.to != EVMAsked.sender || !new.input.isEmpty else { return nil }
      for (other, old) in calls where other == key && old.chainID == new.chainID && old.nonce == new.nonce {
        if (old.to, old.value) != (new.to, new.value) || old.input != new.input {
          return "two calls of a nonce"
        }
      }
      calls.append((key, new))
      return nil
    }
  }

  private mutating func claim(_ new: Claim) -> String? {
    for old in claims
    where old.key == new.key && old.format == new.format && old.origin == new.origin {
      if old.height == new.height {
        if let left = old.time, let right = new.time, left != right { return "two times" }
        if let left = old.root, let right = new.root, left != right { return "two roots" }
        for left in old.entries {
          for right in new.entries where left.pathHash == right.pathHash {
            if left.commitment != right.commitment { return "two commitments" }
          }
        }
      } else if let left = old.time, let right = new.time {
        if (old.height < new.height && left > right) || (old.height > new.height && left < right) {
          return "times that go back"
        }
      }
    }
    claims.append(new)
    return nil
  }
}

@Suite("Histories")
struct HistoryTests {
  /// A signer whose records are all that outlives it.
  private struct Machine {
    var state: SigningState
    var journal: [[UInt8]] = []
    let limits: SigningLimits

    /// Starts over from what was written, or from a snapshot of it.
    mutating func restart(compact: Bool) throws {
      if compact { journal = state.snapshot().map { $0.encoded() } }
      var fresh = try Asked.signer(limits)
      for bytes in journal { try fresh.restore(try WatermarkRecord(decoding: bytes)) }
      #expect(fresh.snapshot() == state.snapshot())
      state = fresh
    }
  }

  private static func facts(_ key: KeyID = Asked.key) -> KeyFacts {
    Asked.facts(key, purposes: Set(KeyPurpose.allCases))
  }

  private static func request(_ numbers: inout SeededNumbers) throws -> SigningRequest {
    let origin = numbers.below(2) == 0 ? "cosmos:demo-1" : "cosmos:demo-2"
    let height = 1 + numbers.below(24)
    // Mostly the true time of a height, now and then another one.
    let time = numbers.below(4) == 0 ? numbers.below(260) : height * 10
    func entries() -> [StoredEntry] {
      let first = numbers.below(5)
      return (0...numbers.below(3)).map {
        Asked.entry("path \(first + $0)", numbers.below(4) == 0 ? "other" : "value")
      }
    }
    switch numbers.below(8) {
    case 6:
      return try EVMAsked.transaction(
        nonce: numbers.below(30), input: EVMAsked.receive.array + [UInt8(numbers.below(3))],
        fee: UInt256(numbers.below(4)))
    case 7: return try EVMAsked.cancellation(nonce: numbers.below(30))
    case 0:
      return try Asked.state(
        height, time: time, root: Asked.hash(numbers.below(4) == 0 ? "other" : "root \(height)"),
        revision: 1 + numbers.below(2), origin: origin)
    case 1:
      return try Asked.packets(height, entries(), time: time, revision: 1 + numbers.below(2), origin: origin)
    case 2:
      return .foreignAttestation(
        origin: try Asked.origin(origin), .state(height: height, timestamp: Asked.start + time))
    case 3: return .foreignAttestation(origin: try Asked.origin(origin), .packets(height: height, entries()))
    default:
      return try Asked.vote(
        1 + Int64(numbers.below(8)), round: Int32(numbers.below(2)),
        numbers.below(2) == 0 ? .prevote : .precommit, block: numbers.below(3) == 0 ? nil : "block",
        nanoseconds: Int32(numbers.below(2)), chain: numbers.below(2) == 0 ? "demo-1" : "demo-2")
    }
  }

  @Test(
    "of random requests never hold two claims that cannot both be true, restarts among them",
    arguments: 0..<24)
  func random(seed: UInt64) throws {
    var numbers = SeededNumbers(seed: seed)
    let limits =
      seed % 2 == 0 ? SigningLimits() : SigningLimits(heightsKept: 3, pathsKept: 12, pathsPerHeight: 6)
    var machine = Machine(state: try Asked.signer(limits), limits: limits)
    var checker = NaiveChecker()
    var (granted, refused) = (0, 0)
    for _ in 0..<600 {
      if numbers.below(40) == 0 { try machine.restart(compact: numbers.below(2) == 0) }
      let request = try Self.request(&numbers)
      let key = numbers.below(2) == 0 ? Asked.key : Asked.otherKey
      do {
        let admission = try machine.state.ask(request, Self.facts(key))
        machine.journal += admission.records.map { $0.encoded() }
        granted += 1
        if let wrong = checker.sign(request, key) {
          Issue.record("seed \(seed): signed \(wrong): \(request)")
          return
        }
      } catch let refusal as SigningRefusal {
        #expect(refusal.code >= 400 || refusal.kind == .keyServesOtherOrigin)
        refused += 1
      }
    }
    #expect(granted > 100 && refused > 100)
  }

  @Test("give the same answers to the same requests")
  func deterministic() throws {
    func run() throws -> [String] {
      var numbers = SeededNumbers(seed: 7)
      var state = try Asked.signer(SigningLimits(heightsKept: 3, pathsKept: 12, pathsPerHeight: 6))
      return try (0..<300).map { _ in
        let request = try Self.request(&numbers)
        do { return "\(try state.ask(request, Self.facts()).records.map { $0.encoded() })" } catch {
          return "\(error)"
        }
      }
    }
    #expect(try run() == run())
  }

  @Test("of records cut off anywhere never let a second claim through for what was signed", arguments: 0..<6)
  func cutOff(seed: UInt64) throws {
    var numbers = SeededNumbers(seed: 100 + seed)
    var state = try Asked.signer()
    var journal: [WatermarkRecord] = []
    var signed: [(Int, SigningRequest)] = []
    for _ in 0..<200 {
      let request = try Self.request(&numbers)
      guard let admission = try? state.ask(request, Self.facts()) else { continue }
      journal += admission.records
      signed.append((journal.count, request))
    }
    // What left before the cut stays binding after it.
    let cut = Int(numbers.below(UInt64(journal.count)))
    var restored = try Asked.signer()
    for record in journal.prefix(cut) { try restored.restore(record) }
    var checker = NaiveChecker()
    for (count, request) in signed where count <= cut { #expect(checker.sign(request, Asked.key) == nil) }
    for _ in 0..<200 {
      let request = try Self.request(&numbers)
      guard (try? restored.ask(request, Self.facts())) != nil else { continue }
      #expect(checker.sign(request, Asked.key) == nil)
    }
  }
}
