import LightClients
import Testing
import WireBytes

@Suite("Bisection")
struct BisectionTests {
  private static let options = CometBFT.ClientOptions(trustingPeriod: .seconds(10_000))

  /// A chain of ten validators, one of which is replaced at every height: nothing far away shares a third.
  private func block(_ height: Int64, salt: Int64 = 0) throws -> CometBFT.UncheckedLightBlock {
    func signers(_ height: Int64) throws -> [ChainMaker.Signer] {
      try ChainMaker.equalSigners(UInt8(height)...UInt8(height + 9))
    }
    return try ChainMaker.block(
      height, seconds: height * 10 + salt, by: signers(height), next: signers(height + 1))
  }

  private func start(target: Int64) throws -> CometBFT.Bisection {
    let first = try block(1)
    return try CometBFT.Bisection(
      trusted: CometBFT.TrustedState(vouched: first.signedHeader.header),
      trustedValidators: try #require(first.nextValidators), target: target, options: Self.options)
  }

  private func now() throws -> CometBFT.Timestamp { try ChainMaker.time(5000) }

  @Test("asks for heights in between until trust suffices")
  func path() throws {
    var bisection = try start(target: 30)
    var asked: [Int64] = []
    while let height = bisection.request {
      asked.append(height)
      _ = try bisection.receive(block(height), now: now())
    }
    // The set of height h + 1 has the keys h + 1...h + 10, so four of ten are shared with h + 7 and three with h + 8:
    // 1 leads to 8 but not to 15, 8 to 15, 15 to 22 but not to 30, 22 to 26, 26 to 30.
    #expect(asked == [30, 15, 8, 22, 26])
    #expect(bisection.trace.map(\.header.height) == [8, 15, 22, 26, 30])
    try bisection.compare(block(30), witness: 0, now: now())
  }

  @Test("a witness with another valid block is a conflict with both hashes")
  func conflict() throws {
    var bisection = try start(target: 5)
    _ = try bisection.receive(block(5), now: now())
    let other = try block(5, salt: 1)
    let primary = try #require(try block(5).signedHeader.header.hash())
    let now = try now()
    do throws(CometBFT.Bisection.Failure) {
      try bisection.compare(other, witness: 3, now: now)
      Issue.record("no conflict")
    } catch {
      guard case .conflict(let witness, let height, let first, let second, .verified) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(witness == 3)
      #expect(height == 5)
      #expect(first == primary)
      #expect(second == other.signedHeader.header.hash())
    }
  }

  @Test("refuses a target that is not later, another height, a broken block")
  func refusals() throws {
    #expect(throws: CometBFT.Bisection.Failure.targetNotLater(trusted: 1, target: 1)) { try start(target: 1) }
    var bisection = try start(target: 5)
    #expect(throws: CometBFT.Bisection.Failure.wrongHeight(expected: 5, actual: 4)) {
      try bisection.receive(block(4), now: now())
    }
    var broken = try block(5)
    broken.signedHeader.commit.signatures = []
    #expect(throws: CometBFT.Bisection.Failure.refused(height: 5, .noSignatures)) {
      try bisection.receive(broken, now: now())
    }
    #expect(throws: CometBFT.Bisection.Failure.notDone) {
      try bisection.compare(block(5), witness: 0, now: now())
    }
  }

  @Test("cannot build upon a block that comes without its next set")
  func noNextSet() throws {
    var bisection = try start(target: 30)
    _ = try bisection.receive(block(30), now: now())
    _ = try bisection.receive(block(15), now: now())
    var middle = try block(8)
    middle.nextValidators = nil
    #expect(throws: CometBFT.Bisection.Failure.noNextValidators(height: 8)) {
      try bisection.receive(middle, now: now())
    }
  }
}
