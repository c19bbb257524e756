import SignatureSchemes
import Testing
import ThresholdSigning
import WireBytes

/// Three of whom two sign, from fixed secrets.
struct Trio {
  let group: GroupPublicKey
  let holders: [Holder]

  init(seed: UInt8 = 7) throws {
    let coefficients = try [seed, seed &+ 1].map { value in
      try Bytes32([UInt8](repeating: value, count: 31) + [0])
    }
    let dealer = try DealtPolynomial(coefficients)
    let identifiers = try (1...3).map { try #require(ParticipantIdentifier($0)) }
    group = try GroupPublicKey(
      threshold: 2,
      shares: try identifiers.map { identifier in
        let bytes = try dealer.share(of: identifier)
        let secret = try SecretScalar(canonical: bytes.span)
        return .init(identifier: identifier, element: try secret.publicPoint)
      })
    var holders: [Holder] = []
    for identifier in identifiers {
      holders.append(try KeyShare.given(identifier, dealer.share(of: identifier), group))
    }
    self.holders = holders
  }

  func id(_ number: UInt16) throws -> ParticipantIdentifier { try #require(ParticipantIdentifier(number)) }
}

@Suite("Threshold signing")
struct SigningTests {
  private let message = [UInt8]("a message that the signers built".utf8)
  private let name = Bytes32 { UInt8($0) }

  @Test(
    "makes an ordinary Ed25519 signature with each two of three, and with all",
    arguments: [[0, 1], [0, 2], [1, 2], [2, 1, 0]])
  func signs(signers: [Int]) throws {
    let trio = try Trio()
    var coordinator = SigningCoordinator(message: message, group: trio.group)
    var first = PendingNonces()
    var second = PendingNonces()
    var third = PendingNonces()
    for index in signers {
      let share = trio.holders[index]
      let commitment =
        switch index {
        case 0: try first.commit(name, with: share.share)
        case 1: try second.commit(name, with: share.share)
        default: try third.commit(name, with: share.share)
        }
      try coordinator.receive(try NonceCommitment(decoding: commitment.encoded().span))
    }
    let list = try NonceCommitment.list(decoding: NonceCommitment.encoded(try coordinator.begin()).span)
    var signature: Bytes64?
    for index in signers {
      // Each builds the session from the message that it has itself.
      let session = try SigningSession(message: message, commitments: list, group: trio.group)
      let share = trio.holders[index]
      let answer =
        switch index {
        case 0: try first.sign(name, session, with: share.share)
        case 1: try second.sign(name, session, with: share.share)
        default: try third.sign(name, session, with: share.share)
        }
      signature = try coordinator.receive(try SignatureShare(decoding: answer.encoded().span))
    }
    let made = try #require(signature)
    #expect(coordinator.signature == made)
    try Ed25519.verify(message.span, signature: made, key: trio.group.key, rule: .rfc8032Strict)
    try Ed25519.verify(message.span, signature: made, key: trio.group.key, rule: .zip215)
  }

  private func tickets(_ trio: Trio) -> [Ticket] { trio.holders.map { Ticket($0.share.commit()) } }

  /// The share with its response one greater.
  private func spoiled(_ share: SignatureShare) throws -> SignatureShare {
    var bytes = share.encoded()
    for index in 2..<34 {
      bytes[index] &+= 1
      if bytes[index] != 0 { break }
    }
    return try SignatureShare(decoding: bytes.span)
  }

  private func error(_ body: () throws(SigningError) -> Void) -> SigningError? {
    do {
      try body()
      return nil
    } catch { return error }
  }

  @Test("names all whose shares are bad, and nobody else")
  func culprits() throws {
    for bad in [[0], [1], [2], [0, 2], [0, 1, 2]] {
      let trio = try Trio()
      let tickets = tickets(trio)
      let session = try SigningSession(
        message: message, commitments: tickets.map(\.commitment), group: trio.group)
      var shares: [SignatureShare] = []
      for index in 0..<3 {
        let share = try tickets[index].sign(session, trio.holders[index])
        shares.append(bad.contains(index) ? try spoiled(share) : share)
      }
      let named = try bad.map { try trio.id(UInt16($0 + 1)) }
      #expect(throws: SigningError.badShares(named)) { try session.aggregate(shares) }
      var coordinator = SigningCoordinator(message: message, group: trio.group)
      for ticket in tickets { try coordinator.receive(ticket.commitment) }
      _ = try coordinator.begin()
      var last: SigningError?
      for share in shares {
        do { _ = try coordinator.receive(share) } catch { last = error }
      }
      #expect(last == .badShares(named))
      #expect(coordinator.signature == nil)
    }
  }

  @Test("names the one who signs with other nonces than it committed to")
  func otherNonces() throws {
    let trio = try Trio()
    let tickets = tickets(trio)
    let hidden = Ticket(trio.holders[1].share.commit())
    let session = try SigningSession(
      message: message, commitments: tickets.map(\.commitment), group: trio.group)
    // An honest signer refuses.
    let foreign = SigningError.foreignCommitment(try trio.id(2))
    let honest = Ticket(trio.holders[1].share.commit())
    #expect(throws: foreign) { try honest.sign(session, trio.holders[1]) }
    // A malicious one makes its share in a session of its own.
    let elsewhere = try SigningSession(
      message: message, commitments: [tickets[0].commitment, hidden.commitment, tickets[2].commitment],
      group: trio.group)
    let shares = [
      try tickets[0].sign(session, trio.holders[0]), try hidden.sign(elsewhere, trio.holders[1]),
      try tickets[2].sign(session, trio.holders[2]),
    ]
    #expect(throws: SigningError.badShares([try trio.id(2)])) { try session.aggregate(shares) }
  }

  @Test("spends nonces once, whatever comes of it")
  func singleUse() throws {
    let trio = try Trio()
    var pending = PendingNonces()
    let commitment = try pending.commit(name, with: trio.holders[0].share)
    let other = Ticket(trio.holders[1].share.commit())
    let first = try SigningSession(
      message: message, commitments: [commitment, other.commitment], group: trio.group)
    _ = try pending.sign(name, first, with: trio.holders[0].share)
    #expect(pending.count == 0)
    // The coordinator replays the commitment with another message.
    let second = try SigningSession(
      message: [1, 2, 3], commitments: [commitment, other.commitment], group: trio.group)
    var seen: PendingNoncesError?
    do { _ = try pending.sign(name, second, with: trio.holders[0].share) } catch { seen = error }
    #expect(seen == PendingNoncesError.none)
    // And under a new name, where others wait.
    _ = try pending.commit(Bytes32(), with: trio.holders[0].share)
    seen = nil
    do { _ = try pending.sign(Bytes32(), second, with: trio.holders[0].share) } catch { seen = error }
    #expect(seen == .signing(.foreignCommitment(try trio.id(1))))
    #expect(pending.count == 0)
  }

  @Test("keeps a bounded number of nonces, and drops the oldest for a new one")
  func bounded() throws {
    let trio = try Trio()
    var pending = PendingNonces()
    let names = (0...PendingNonces.waitingMax).map { number in Bytes32(bigEndian: UInt64(number)) }
    for name in names { _ = try pending.commit(name, with: trio.holders[0].share) }
    #expect(pending.count == PendingNonces.waitingMax)
    var seen: PendingNoncesError?
    do { _ = try pending.commit(names[1], with: trio.holders[0].share) } catch { seen = error }
    #expect(seen == .nameTaken)
    let tickets = tickets(trio)
    let session = try SigningSession(
      message: message, commitments: tickets.map(\.commitment), group: trio.group)
    seen = nil
    do { _ = try pending.sign(names[0], session, with: trio.holders[0].share) } catch { seen = error }
    #expect(seen == PendingNoncesError.none)
    pending.abandon(names[1])
    #expect(pending.count == PendingNonces.waitingMax - 1)
  }

  @Test("refuses lists of commitments that nobody should sign with")
  func lists() throws {
    let trio = try Trio()
    let all = tickets(trio).map(\.commitment)
    func refusal(_ list: [NonceCommitment], _ message: [UInt8] = [1]) -> SigningError? {
      error { () throws(SigningError) in
        _ = try SigningSession(message: message, commitments: list, group: trio.group)
      }
    }
    #expect(refusal([]) == .tooFew(0, threshold: 2))
    #expect(refusal([all[0]]) == .tooFew(1, threshold: 2))
    #expect(refusal([all[0], all[1], all[0]]) == .duplicateParticipant(try trio.id(1)))
    let again = Ticket(trio.holders[0].share.commit()).commitment
    #expect(refusal([all[0], again, all[1]]) == .duplicateParticipant(try trio.id(1)))
    let stranger = NonceCommitment(identifier: try trio.id(4), hiding: all[0].hiding, binding: all[0].binding)
    #expect(refusal([all[1], stranger]) == .unknownParticipant(try trio.id(4)))
    let copied = NonceCommitment(identifier: try trio.id(2), hiding: all[1].hiding, binding: all[0].binding)
    #expect(refusal([all[0], copied]) == .repeatedNonce(try trio.id(2)))
    let same = NonceCommitment(identifier: try trio.id(2), hiding: all[1].hiding, binding: all[1].hiding)
    #expect(refusal([all[0], same]) == .repeatedNonce(try trio.id(2)))
    let limit = SigningSession.messageSizeMax
    #expect(refusal(all, [UInt8](repeating: 0, count: limit)) == nil)
    #expect(refusal(all, [UInt8](repeating: 0, count: limit + 1)) == .messageSize(limit + 1, limit: limit))
  }

  @Test("signs for no other key and in no session that does not name it")
  func strangers() throws {
    let trio = try Trio()
    let others = try Trio(seed: 90)
    let tickets = tickets(trio)
    let session = try SigningSession(
      message: message, commitments: [tickets[0].commitment, tickets[1].commitment], group: trio.group)
    #expect(throws: SigningError.otherGroup) {
      try Ticket(others.holders[0].share.commit()).sign(session, others.holders[0])
    }
    #expect(throws: SigningError.notAsked(try trio.id(3))) { try tickets[2].sign(session, trio.holders[2]) }
  }

  @Test("aggregates exactly one share of each signer")
  func counts() throws {
    let trio = try Trio()
    let tickets = tickets(trio)
    let session = try SigningSession(
      message: message, commitments: [tickets[0].commitment, tickets[1].commitment], group: trio.group)
    let one = try tickets[0].sign(session, trio.holders[0])
    let two = try tickets[1].sign(session, trio.holders[1])
    let threeBytes = [0, 3] + one.encoded().dropFirst(2)
    let three = try SignatureShare(decoding: threeBytes.span)
    #expect(throws: SigningError.missingShares([try trio.id(1), try trio.id(2)])) {
      try session.aggregate([])
    }
    #expect(throws: SigningError.missingShares([try trio.id(2)])) { try session.aggregate([one]) }
    #expect(throws: SigningError.duplicateParticipant(try trio.id(1))) {
      try session.aggregate([one, one, two])
    }
    #expect(throws: SigningError.unexpectedShare(try trio.id(3))) {
      try session.aggregate([one, two, three])
    }
    #expect(throws: SigningError.unexpectedShare(try trio.id(3))) { try session.verify(three) }
    // A share that another participant sends as its own is that participant's fault.
    let stolenBytes = [0, 2] + one.encoded().dropFirst(2)
    let stolen = try SignatureShare(decoding: stolenBytes.span)
    #expect(throws: SigningError.badShares([try trio.id(2)])) { try session.aggregate([one, stolen]) }
    #expect(try session.aggregate([two, one]).array.count == 64)
  }

  @Test("reads back a share of a key, and nothing that was changed")
  func keyShares() throws {
    let trio = try Trio()
    let bytes = trio.holders[1].share.withEncoded { (bytes: Span<UInt8>) in [UInt8](copying: bytes) }
    let again = try KeyShare(decoding: bytes.span)
    #expect(again.identifier == trio.holders[1].share.identifier)
    #expect(again.group == trio.group)
    var accepted = 0
    for bit in 0..<(bytes.count * 8) {
      var changed = bytes
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      do {
        _ = try KeyShare(decoding: changed.span)
        accepted += 1
      } catch {}
    }
    // One bit makes the threshold of 2 to 3 with three shares: any three lie on a polynomial of degree two.
    #expect(accepted == 1)
    for count in 0..<bytes.count {
      let cut = [UInt8](bytes.prefix(count))
      #expect(throws: KeyShareError.self) { try KeyShare(decoding: cut.span).identifier }
    }
    var wrong = bytes
    wrong[2] = 3
    #expect(throws: KeyShareError.mismatch(try trio.id(3))) { try KeyShare(decoding: wrong.span).identifier }
    wrong[2] = 4
    #expect(throws: KeyShareError.unknownParticipant(try trio.id(4))) {
      try KeyShare(decoding: wrong.span).identifier
    }
  }

  @Test("reads messages strictly")
  func messages() throws {
    let trio = try Trio()
    let all = tickets(trio).map(\.commitment)
    let list = NonceCommitment.encoded(all)
    #expect(try NonceCommitment.list(decoding: list.span) == all)
    for count in 0..<list.count {
      let cut = [UInt8](list.prefix(count))
      #expect(throws: SigningMessageError.self) { try NonceCommitment.list(decoding: cut.span) }
    }
    let long = list + [0]
    #expect(throws: SigningMessageError.wire(.length(expected: list.count, actual: long.count))) {
      try NonceCommitment.list(decoding: long.span)
    }
    let many = [33] + list
    #expect(throws: SigningMessageError.tooMany(33, limit: 32)) {
      try NonceCommitment.list(decoding: many.span)
    }
    let nobody = [UInt8](repeating: 0, count: 66)
    #expect(throws: SigningMessageError.identifierZero) { try NonceCommitment(decoding: nobody.span) }
    let small = [0, 1] + nobody.dropFirst(2)
    #expect(throws: SigningMessageError.element(.invalid)) { try NonceCommitment(decoding: small.span) }
    let group = trio.group.encoded()
    #expect(try GroupPublicKey(decoding: group.span) == trio.group)
    for count in 0..<group.count {
      let cut = [UInt8](group.prefix(count))
      #expect(throws: GroupKeyError.self) { try GroupPublicKey(decoding: cut.span) }
    }
    let trailing = group + [0]
    #expect(throws: GroupKeyError.wire(.trailingBytes(offset: group.count, count: 1))) {
      try GroupPublicKey(decoding: trailing.span)
    }
  }

  @Test("refuses groups that are none")
  func groups() throws {
    let trio = try Trio()
    let others = try Trio(seed: 90)
    let shares = trio.group.shares
    func refusal(_ threshold: Int, _ shares: [GroupPublicKey.VerifyingShare]) -> GroupKeyError? {
      do {
        _ = try GroupPublicKey(threshold: threshold, shares: shares)
        return nil
      } catch { return error }
    }
    #expect(refusal(2, shares) == nil)
    #expect(refusal(1, shares) == .threshold(1, participants: 3))
    #expect(refusal(4, shares) == .threshold(4, participants: 3))
    #expect(refusal(2, [shares[0], shares[1], shares[1]]) == .order(at: 2))
    #expect(refusal(2, [shares[0], shares[1], others.group.shares[2]]) == .inconsistent(try trio.id(3)))
    let many = [GroupPublicKey.VerifyingShare](repeating: shares[0], count: 33)
    #expect(refusal(2, many) == .tooMany(33, limit: 32))
    // Two shares of one point and a line through the identity: their sum at zero is nothing.
    let element = shares[0].element
    let doubled = try #require(
      PolynomialCommitments(elements: [element, element]).element(at: try trio.id(1)))
    #expect(
      refusal(
        2,
        [
          .init(identifier: try trio.id(1), element: element),
          .init(identifier: try trio.id(2), element: doubled),
        ])
        == .identity)
  }
}
