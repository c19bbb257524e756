import Crypto
import Digests
import Foundation
import SignatureSchemes
import Testing
import ThresholdSigning
import WireBytes

/// A member's process, in a test.
final class Member {
  let identifier: ParticipantIdentifier
  let identity: CeremonyIdentity
  var generation: KeyGeneration?
  var error: CeremonyError?

  init(
    _ identifier: ParticipantIdentifier, _ identity: CeremonyIdentity, _ generation: consuming KeyGeneration
  ) {
    self.identifier = identifier
    self.identity = identity
    self.generation = consume generation
  }

  var isComplete: Bool {
    if let complete = generation?.isComplete { complete } else { false }
  }

  func receive(_ message: CeremonyMessage) -> [CeremonyMessage] {
    do {
      guard let outgoing = try generation?.receive(message) else { return [] }
      return outgoing
    } catch {
      if error.isFatal { self.error = self.error ?? error }
      if case .badShare(_, let complaint) = error { return [complaint] }
      return []
    }
  }

  func finish() throws -> Holder {
    guard let generation = generation.take() else { throw CeremonyError.ended }
    return Holder(try generation.finish())
  }
}

/// Several members and the network between them.
final class Ceremony {
  let plan: CeremonyPlan
  let members: [Member]
  private(set) var delivered = 0

  init(threshold: Int, identifiers: [UInt16], name: UInt8 = 1) throws {
    let identities = identifiers.map { _ in CeremonyIdentity(Curve25519.Signing.PrivateKey()) }
    let names = try identifiers.map { try #require(ParticipantIdentifier($0)) }
    plan = try CeremonyPlan(
      name: Bytes32 { _ in name }, threshold: threshold,
      members: zip(names, identities).map { .init(identifier: $0, identityKey: $1.publicKey) })
    var members: [Member] = []
    for (name, identity) in zip(names, identities) {
      members.append(Member(name, identity, try KeyGeneration(plan: plan, me: name, identity: identity)))
    }
    self.members = members
  }

  func member(_ number: UInt16) throws -> Member {
    try #require(members.first { $0.identifier.number == number })
  }

  func opening(_ member: Member) throws -> CeremonyMessage {
    guard let opening = member.generation?.opening else { throw CeremonyError.ended }
    return opening
  }

  /// Delivers everything, each message through the wire's bytes; `tamper` gives what `to` gets instead of a message.
  ///
  /// - Parameter newestFirst: the order in which messages arrive.
  func run(
    newestFirst: Bool = false,
    tamper: (CeremonyMessage, Member) throws -> [CeremonyMessage] = { message, _ in [message] }
  ) throws {
    var queue: [(Member, CeremonyMessage)] = []
    func send(_ message: CeremonyMessage) throws {
      for member in members where member.identifier != message.sender {
        guard message.receiver == nil || message.receiver == member.identifier else { continue }
        for changed in try tamper(message, member) { queue.append((member, changed)) }
      }
    }
    for member in members { try send(try opening(member)) }
    while !queue.isEmpty {
      let (member, message) = newestFirst ? queue.removeLast() : queue.removeFirst()
      delivered += 1
      let wired = try CeremonyMessage(decoding: message.encoded().span)
      for answer in member.receive(wired) { try send(answer) }
    }
  }

  /// A message of `member` with another body, which it signs.
  func forged(_ message: CeremonyMessage, _ body: [UInt8]) throws -> CeremonyMessage {
    let identity = try #require(members.first { $0.identifier == message.sender }).identity
    return try #require(
      CeremonyMessage(
        ceremony: message.ceremony, kind: message.kind, sender: message.sender, receiver: message.receiver,
        body: body, identity: identity))
  }
}

@Suite("Distributed key generation")
struct KeyGenerationTests {
  private func id(_ number: UInt16) throws -> ParticipantIdentifier {
    try #require(ParticipantIdentifier(number))
  }

  @Test(
    "gives each member a share of one key, with which the threshold's number of them sign",
    arguments: [
      (2, [1, 2, 3] as [UInt16]), (2, [4, 9]), (3, [1, 2, 7, 300, 65535]), (5, [1, 2, 3, 4, 5]),
    ], [false, true])
  func honest(sizes: (Int, [UInt16]), newestFirst: Bool) throws {
    let (threshold, identifiers) = sizes
    let ceremony = try Ceremony(threshold: threshold, identifiers: identifiers)
    // Every message twice: the second changes nothing.
    try ceremony.run(newestFirst: newestFirst) { message, _ in [message, message] }
    #expect(ceremony.members.allSatisfy { $0.isComplete && $0.error == nil })
    let holders = try ceremony.members.map { try $0.finish() }
    let group = holders[0].share.group
    #expect(holders.allSatisfy { $0.share.group == group })
    #expect(group.threshold == threshold && group.shares.map(\.identifier.number) == identifiers)

    let message = [UInt8]("signed by some".utf8)
    for first in 0...(identifiers.count - threshold) {
      let signers = Array(holders[first..<(first + threshold)])
      let tickets = signers.map { Ticket($0.share.commit()) }
      let session = try SigningSession(message: message, commitments: tickets.map(\.commitment), group: group)
      var shares: [SignatureShare] = []
      for (ticket, holder) in zip(tickets, signers) { shares.append(try ticket.sign(session, holder)) }
      let signature = try session.aggregate(shares)
      try Ed25519.verify(message.span, signature: signature, key: group.key, rule: .rfc8032Strict)
      #expect(throws: SigningError.tooFew(threshold - 1, threshold: threshold)) {
        try SigningSession(
          message: message, commitments: tickets.dropLast().map(\.commitment), group: group)
      }
    }
  }

  @Test("gives no share before all have confirmed")
  func incomplete() throws {
    let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let three = try id(3)
    try ceremony.run { message, to in
      message.kind == .confirmation && message.sender == three && to.identifier.number == 1 ? [] : [message]
    }
    let one = try ceremony.member(1)
    #expect(one.generation?.awaited == [three])
    #expect(throws: CeremonyError.incomplete) { try one.finish() }
    #expect(throws: CeremonyError.ended) { try one.finish() }
    #expect(try ceremony.member(2).isComplete)
  }

  @Test("opens a wrong share to all, who then know whose it was")
  func wrongShare() throws {
    let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let two = try id(2)
    try ceremony.run { message, to in
      guard message.kind == .share, message.sender == two, to.identifier.number == 1 else { return [message] }
      var body = message.body
      body[40] ^= 1
      return [try ceremony.forged(message, body)]
    }
    let first = try ceremony.member(1).error
    guard case .badShare(two, let complaint) = first else {
      Issue.record("\(String(describing: first))")
      return
    }
    #expect(first?.culprit == two && complaint.kind == .complaint)
    // Three had gone on, and awaits the first's confirmation: it learns of it instead.
    #expect(try ceremony.member(3).error == .accused(two, by: try id(1)))
    #expect(!ceremony.members.contains { $0.isComplete })
  }

  @Test("sees a share that opens but lies on another polynomial")
  func otherPolynomial() throws {
    let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let two = try id(2)
    let key = try ceremony.opening(try ceremony.member(1)).body.prefix(32)
    // Sealed as docs/spec/threshold.md says, without this package's code.
    var info = Data("causeway/key-generation/share/v1".utf8) + [0]
    info += ceremony.plan.digest.array
    var transcript = Data("causeway/key-generation/transcript/v1".utf8) + [0]
    transcript += ceremony.plan.digest.array
    for member in ceremony.members { transcript += SHA256.hash(data: try ceremony.opening(member).body) }
    let aad = Data([0, 2, 0, 1]) + SHA256.hash(data: transcript)
    var sender = try HPKE.Sender(
      recipientKey: try Curve25519.KeyAgreement.PublicKey(rawRepresentation: key),
      ciphersuite: .Curve25519_SHA256_ChachaPoly, info: info)
    let sealed = try sender.seal([9] + [UInt8](repeating: 0, count: 31), authenticating: aad)
    let start = [UInt8](sender.encapsulatedKey + sealed)
    try ceremony.run { message, to in
      guard message.kind == .share, message.sender == two, to.identifier.number == 1 else { return [message] }
      return [try ceremony.forged(message, start + message.body.dropFirst(80))]
    }
    #expect(try ceremony.member(1).error?.culprit == two)
    #expect(try ceremony.member(3).error == .accused(two, by: try id(1)))
  }

  @Test("names the one who shows different packages to different members")
  func equivocation() throws {
    let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let second = try ceremony.member(2)
    let other = try KeyGeneration(plan: ceremony.plan, me: second.identifier, identity: second.identity)
      .opening
    try ceremony.run { message, to in
      message.kind == .package && message.sender.number == 2 && to.identifier.number == 3
        ? [other] : [message]
    }
    #expect(try ceremony.member(1).error == .equivocation(second.identifier))
    #expect(try ceremony.member(3).error == .equivocation(second.identifier))
    #expect(!ceremony.members.contains { $0.isComplete })
  }

  @Test("names the one who sends one member two packages")
  func twoPackages() throws {
    let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let second = try ceremony.member(2)
    let other = try KeyGeneration(plan: ceremony.plan, me: second.identifier, identity: second.identity)
      .opening
    try ceremony.run { message, to in
      message.kind == .package && message.sender.number == 2 ? [message, other] : [message]
    }
    #expect(try ceremony.member(1).error == .equivocation(second.identifier))
  }

  @Test("names the one who claims to have another package of a member than that signed")
  func falseEndorsement() throws {
    let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let three = try id(3)
    try ceremony.run { message, to in
      guard message.kind == .share, message.sender == three else { return [message] }
      var body = message.body
      body[80 + 96] ^= 1
      return [try ceremony.forged(message, body)]
    }
    #expect(try ceremony.member(1).error == .falseEndorsement(three))
    #expect(try ceremony.member(2).error == .falseEndorsement(three))
  }

  @Test("names the one who confirms another outcome", arguments: [0, 32])
  func confirmation(offset: Int) throws {
    let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let three = try id(3)
    try ceremony.run { message, _ in
      guard message.kind == .confirmation, message.sender == three else { return [message] }
      var body = message.body
      body[offset] ^= 1
      return [try ceremony.forged(message, body)]
    }
    #expect(try ceremony.member(1).error == .confirmation(three))
    #expect(try ceremony.member(2).error == .confirmation(three))
  }

  @Test("does not fall for a complaint without ground")
  func falseComplaint() throws {
    // The third has everything in order and complains about the second all the same.
    let again = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let liar = try again.member(3)
    var stolen: CeremonyMessage?
    try again.run { message, _ in
      if message.kind == .share, message.sender.number == 2, message.receiver == liar.identifier {
        stolen = message
      }
      guard message.kind == .confirmation, message.sender == liar.identifier, let stolen else {
        return [message]
      }
      let body = [UInt8](repeating: 5, count: 32) + stolen.encoded()
      return [
        try #require(
          CeremonyMessage(
            ceremony: message.ceremony, kind: .complaint, sender: liar.identifier, receiver: nil, body: body,
            identity: liar.identity))
      ]
    }
    #expect(try again.member(1).error == .falseComplaint(liar.identifier))
    #expect(try again.member(2).error == .falseComplaint(liar.identifier))
  }

  @Test("names the one whose package is bad")
  func packages() throws {
    typealias Change = ([UInt8], [CeremonyMessage]) -> [UInt8]
    let two = try id(2)
    let identity = Bytes32 { $0 == 0 ? 1 : 0 }.array
    let zero = [UInt8](repeating: 0, count: 32)
    let ones = [UInt8](repeating: 255, count: 32)
    let knowledge = CeremonyError.proofOfKnowledge(two)
    let malformed = CeremonyError.malformed(two, .package)
    func spliced(_ parts: ArraySlice<UInt8>...) -> [UInt8] { parts.flatMap { [UInt8]($0) } }
    var cases: [(String, Change, CeremonyError)] = []
    cases.append(
      ("a proof that does not hold", { body, _ in spliced(body[0..<128], identity[...]) }, knowledge))
    cases.append(
      (
        "a proof of another constant",
        { body, _ in spliced(body[0..<32], body[64..<96], body[32..<64], body[96...]) }, knowledge
      ))
    cases.append(("the whole package of another", { _, all in all[0].body }, knowledge))
    cases.append(
      (
        "an identity commitment", { body, _ in spliced(body[0..<32], identity[...], body[64...]) },
        .commitment(two, .identity)
      ))
    cases.append(
      (
        "an identity as the slope", { body, _ in spliced(body[0..<64], identity[...], body[96...]) },
        .commitment(two, .identity)
      ))
    cases.append(
      (
        "a point of small order", { body, _ in spliced(body[0..<32], zero[...], body[64...]) },
        .commitment(two, .invalid)
      ))
    cases.append(("one commitment too few", { body, _ in spliced(body[0..<64], body[96...]) }, malformed))
    cases.append(("one commitment too many", { body, _ in spliced(body[0..<96], body[64...]) }, malformed))
    cases.append(("nothing", { _, _ in [] }, malformed))
    cases.append(("an answer above L", { body, _ in spliced(body[0..<128], ones[...]) }, malformed))
    cases.append(("a key of small order", { body, _ in spliced(zero[...], body[32...]) }, malformed))
    for (name, change, expected) in cases {
      let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
      let all = try ceremony.members.map { try ceremony.opening($0) }
      try ceremony.run { message, _ in
        guard message.kind == .package, message.sender == two else { return [message] }
        return [try ceremony.forged(message, change(message.body, all))]
      }
      #expect(try ceremony.member(1).error == expected, "\(name)")
      #expect(try ceremony.member(3).error == expected, "\(name)")
    }
  }

  @Test("refuses a package of another ceremony, also when it is signed for this one")
  func otherCeremony() throws {
    let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let second = try ceremony.member(2)
    let elsewhere = try CeremonyPlan(name: Bytes32(), threshold: 2, members: ceremony.plan.members)
    let package = try KeyGeneration(plan: elsewhere, me: second.identifier, identity: second.identity).opening
    let first = try ceremony.member(1)
    #expect(throws: CeremonyError.otherCeremony) { try first.generation?.receive(package) }
    try ceremony.run { message, _ in
      guard message.kind == .package, message.sender == second.identifier else { return [message] }
      return [try ceremony.forged(message, package.body)]
    }
    #expect(first.error == .proofOfKnowledge(second.identifier))
  }

  @Test("leaves out what strangers send, and goes on")
  func strangers() throws {
    let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let first = try ceremony.member(1)
    let genuine = try ceremony.opening(try ceremony.member(2))
    let stranger = CeremonyIdentity(Curve25519.Signing.PrivateKey())
    let forged = try #require(
      CeremonyMessage(
        ceremony: genuine.ceremony, kind: .package, sender: genuine.sender, receiver: nil, body: genuine.body,
        identity: stranger))
    #expect(throws: CeremonyError.signature(genuine.sender)) { try first.generation?.receive(forged) }
    let fourth = try #require(
      CeremonyMessage(
        ceremony: genuine.ceremony, kind: .package, sender: try id(4), receiver: nil, body: genuine.body,
        identity: stranger))
    #expect(throws: CeremonyError.unknownSender(try id(4))) { try first.generation?.receive(fourth) }
    let elsewhere = try #require(
      CeremonyMessage(
        ceremony: genuine.ceremony, kind: .share, sender: genuine.sender, receiver: try id(3), body: [],
        identity: try ceremony.member(2).identity))
    #expect(throws: CeremonyError.notForUs) { try first.generation?.receive(elsewhere) }
    #expect(first.generation?.hasEnded == false)
    try ceremony.run()
    #expect(ceremony.members.allSatisfy { $0.isComplete })
  }

  @Test("takes part only in plans that name it with its key")
  func membership() throws {
    let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let identity = try ceremony.member(1).identity
    for number: UInt16 in [2, 4] {
      let identifier = try id(number)
      var seen: CeremonyError?
      do {
        let generation = try KeyGeneration(plan: ceremony.plan, me: identifier, identity: identity)
        _ = generation.opening
      } catch { seen = error }
      #expect(seen == .notMember(identifier))
    }
    let key = identity.publicKey
    let broken = CeremonyIdentity(publicKey: key) { _ in nil }
    let wrong = CeremonyIdentity(publicKey: key) { _ in Bytes64() }
    for identity in [broken, wrong] {
      var seen: CeremonyError?
      do {
        _ = try KeyGeneration(
          plan: ceremony.plan, me: try #require(ParticipantIdentifier(1)), identity: identity
        ).opening
      } catch let error as CeremonyError { seen = error }
      #expect(seen == .identity)
    }
  }

  @Test("reads plans and messages strictly")
  func codecs() throws {
    let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let plan = ceremony.plan.encoded()
    #expect(try CeremonyPlan(decoding: plan.span) == ceremony.plan)
    let message = try ceremony.opening(ceremony.members[0])
    let bytes = message.encoded()
    #expect(try CeremonyMessage(decoding: bytes.span) == message)
    for count in 0..<plan.count {
      let cut = [UInt8](plan.prefix(count))
      #expect(throws: CeremonyPlanError.self) { try CeremonyPlan(decoding: cut.span) }
    }
    for count in 0..<bytes.count {
      let cut = [UInt8](bytes.prefix(count))
      #expect(throws: CeremonyMessageError.self) { try CeremonyMessage(decoding: cut.span) }
    }
    let trailing = bytes + [0]
    #expect(throws: CeremonyMessageError.wire(.trailingBytes(offset: bytes.count, count: 1))) {
      try CeremonyMessage(decoding: trailing.span)
    }
    func changed(_ offset: Int, _ values: [UInt8]) -> CeremonyMessageError? {
      var copy = bytes
      copy.replaceSubrange(offset..<(offset + values.count), with: values)
      do {
        _ = try CeremonyMessage(decoding: copy.span)
        return nil
      } catch { return error }
    }
    #expect(changed(0, [2]) == .version(2))
    #expect(changed(1, [5]) == .kind(5))
    #expect(changed(1, [2]) == .receiver(0))
    #expect(changed(34, [0, 0]) == .senderZero)
    #expect(changed(36, [0, 2]) == .receiver(2))
    #expect(changed(38, [255, 255]) == .body(65535, limit: CeremonyMessage.bodySizeMax))
    // Every one-bit change is refused by the codec or by the state machine.
    let second = try ceremony.member(2)
    for bit in 0..<(bytes.count * 8) {
      var copy = bytes
      copy[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let read = try? CeremonyMessage(decoding: copy.span) else { continue }
      #expect(throws: CeremonyError.self) { try second.generation?.receive(read) }
    }
    #expect(second.generation?.hasEnded == false)
  }

  @Test("refuses plans by which no key should be made")
  func plans() throws {
    let ceremony = try Ceremony(threshold: 2, identifiers: [1, 2, 3])
    let members = ceremony.plan.members
    func refusal(_ threshold: Int, _ members: [CeremonyPlan.Member]) -> CeremonyPlanError? {
      do {
        _ = try CeremonyPlan(name: Bytes32(), threshold: threshold, members: members)
        return nil
      } catch { return error }
    }
    #expect(refusal(2, members) == nil)
    #expect(refusal(1, members) == .threshold(1, members: 3))
    #expect(refusal(4, members) == .threshold(4, members: 3))
    #expect(refusal(2, members + [members[1]]) == .order(at: 2))
    let again = CeremonyPlan.Member(identifier: try id(9), identityKey: members[0].identityKey)
    #expect(refusal(2, members + [again]) == .repeatedIdentity(try id(9)))
    let many = try (1...33).map { number in
      CeremonyPlan.Member(identifier: try id(UInt16(number)), identityKey: Bytes32 { _ in UInt8(number) })
    }
    #expect(refusal(2, many) == .tooMany(33, limit: 32))
    #expect(refusal(2, many.dropLast()) == nil)
  }
}
