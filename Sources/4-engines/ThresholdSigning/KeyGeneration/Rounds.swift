import Digests
import WireBytes

/// What every member of a ceremony has of round one once all packages are in.
struct Transcript: Sendable {
  let plan: CeremonyPlan
  /// In the order of the plan's members.
  let packages: [PackageBody]
  let endorsements: [Endorsement]
  let digest: Bytes32

  /// - Parameter messages: one package of each member, signed by it, in the order of the plan's members.
  /// - Throws: ``CeremonyError``, naming the member whose package is bad.
  init(plan: CeremonyPlan, messages: [CeremonyMessage]) throws(CeremonyError) {
    var packages: [PackageBody] = []
    for message in messages { packages.append(try PackageBody(message, plan: plan)) }
    self.plan = plan
    self.packages = packages
    endorsements = messages.map { Endorsement(bodyHash: $0.bodyHash, signature: $0.signature) }
    var bytes = [UInt8]("causeway/key-generation/transcript/v1".utf8) + [0] + plan.digest.array
    for message in messages { bytes.append(message.bodyHash) }
    digest = SHA256Hash.hash(bytes)
  }

  func package(of member: ParticipantIdentifier) -> PackageBody? {
    plan.members.firstIndex { $0.identifier == member }.map { packages[$0] }
  }

  /// Compares what `sender` has of round one with what we have.
  ///
  /// Where they differ, either the member signed two packages, or the sender shows one that the member never signed.
  func compare(_ others: [Endorsement], of sender: ParticipantIdentifier) throws(CeremonyError) {
    for (index, member) in plan.members.enumerated()
    where others[index].bodyHash != endorsements[index].bodyHash {
      let isSigned = CeremonyMessage.isSigned(
        ceremony: plan.digest, kind: .package, sender: member.identifier, receiver: nil,
        bodyHash: others[index].bodyHash, signature: others[index].signature, by: member.identityKey)
      throw isSigned ? .equivocation(member.identifier) : .falseEndorsement(sender)
    }
  }

  /// The public half of everyone's share, and the key.
  func group() throws(CeremonyError) -> GroupPublicKey {
    var shares: [GroupPublicKey.VerifyingShare] = []
    for member in plan.members {
      let sum = packages.reduce(GroupSum.identity) { $0 + $1.commitments.value(at: member.identifier) }
      guard let element = sum.element else { throw .group(.identity) }
      shares.append(.init(identifier: member.identifier, element: element))
    }
    do {
      return try GroupPublicKey(threshold: plan.threshold, shares: shares)
    } catch {
      throw .group(error)
    }
  }
}

/// Round one: our polynomial is chosen, and its package made.
struct RoundOne: ~Copyable {
  let plan: CeremonyPlan
  let me: ParticipantIdentifier
  let identity: CeremonyIdentity
  let polynomial: SecretPolynomial
  let encryption: EphemeralKey
  let package: CeremonyMessage

  init(plan: CeremonyPlan, me: ParticipantIdentifier, identity: CeremonyIdentity) throws(CeremonyError) {
    guard let member = plan.member(me), member.identityKey == identity.publicKey else { throw .notMember(me) }
    let polynomial = SecretPolynomial(randomCount: plan.threshold)
    let encryption = EphemeralKey()
    let body = PackageBody(
      encryptionKey: encryption.publicKey,
      commitments: PolynomialCommitments(elements: polynomial.commitments),
      proof: ProofOfKnowledge(of: polynomial, by: me, context: plan.digest.array))
    guard
      let package = CeremonyMessage(
        ceremony: plan.digest, kind: .package, sender: me, receiver: nil, body: body.encoded(),
        identity: identity)
    else { throw .identity }
    self.plan = plan
    self.me = me
    self.identity = identity
    self.polynomial = polynomial
    self.encryption = encryption
    self.package = package
  }

  /// Goes on with the packages of all others; the polynomial is wiped, but for our own share of it.
  consuming func share(_ others: [CeremonyMessage]) throws(CeremonyError) -> RoundTwo {
    let messages = (others + [package]).sorted { $0.sender < $1.sender }
    let transcript = try Transcript(plan: plan, messages: messages)
    var outgoing: [CeremonyMessage] = []
    for member in plan.members where member.identifier != me {
      let receiver = member.identifier
      guard let key = transcript.package(of: receiver)?.encryptionKey,
        let sealed = SealedShare(
          polynomial.value(at: receiver), from: me, to: receiver, key: key, plan: plan,
          transcript: transcript.digest)
      else { throw .malformed(receiver, .package) }
      let body = ShareBody(sealed: sealed, endorsements: transcript.endorsements)
      guard
        let message = CeremonyMessage(
          ceremony: plan.digest, kind: .share, sender: me, receiver: receiver, body: body.encoded(),
          identity: identity)
      else { throw .identity }
      outgoing.append(message)
    }
    return RoundTwo(
      transcript: transcript, me: me, identity: identity, ownShare: polynomial.value(at: me),
      encryption: encryption, outgoing: outgoing)
  }
}

/// Round two: our shares are sealed, and we wait for those of the others.
struct RoundTwo: ~Copyable {
  let transcript: Transcript
  let me: ParticipantIdentifier
  let identity: CeremonyIdentity
  let ownShare: SecretScalar
  let encryption: EphemeralKey
  let outgoing: [CeremonyMessage]

  /// Adds up the shares of all others.
  consuming func add(_ others: [CeremonyMessage]) throws(CeremonyError) -> RoundThree {
    let plan = transcript.plan
    var bodies: [ShareBody] = []
    // All views are compared before any share is judged: with two transcripts about no share fits.
    for message in others {
      let body = try ShareBody(message, plan: plan)
      try transcript.compare(body.endorsements, of: message.sender)
      bodies.append(body)
    }
    var sum = SecretScalar(ownShare.guarded.duplicate())
    for (message, body) in zip(others, bodies) {
      guard let commitments = transcript.package(of: message.sender)?.commitments else {
        throw .unknownSender(message.sender)
      }
      let opened = body.sealed.opened(
        from: message.sender, to: me, key: encryption, plan: plan, transcript: transcript.digest,
        commitments: commitments)
      guard let share = opened else {
        let complaint = Complaint(accused: message, key: encryption.published())
        guard
          let signed = CeremonyMessage(
            ceremony: plan.digest, kind: .complaint, sender: me, receiver: nil, body: complaint.encoded(),
            identity: identity)
        else { throw .identity }
        throw .badShare(from: message.sender, complaint: signed)
      }
      sum = sum.plus(share)
    }
    let group = try transcript.group()
    let body = ConfirmationBody(
      transcript: transcript.digest, groupHash: SHA256Hash.hash(group.encoded()))
    guard
      let confirmation = CeremonyMessage(
        ceremony: plan.digest, kind: .confirmation, sender: me, receiver: nil, body: body.encoded(),
        identity: identity)
    else { throw .identity }
    do {
      let share = try KeyShare(identifier: me, secret: sum, group: group)
      return RoundThree(share: share, body: body.encoded(), confirmation: confirmation)
    } catch {
      // Every share fits its commitments, so their sum fits the sum of those.
      throw .group(.inconsistent(me))
    }
  }
}

/// Round three: we have a share, and nobody uses it before everyone has confirmed the same transcript and key.
struct RoundThree: ~Copyable {
  let share: KeyShare
  let body: [UInt8]
  let confirmation: CeremonyMessage

  consuming func confirm(_ others: [CeremonyMessage]) throws(CeremonyError) -> KeyShare {
    for message in others where message.body != body { throw .confirmation(message.sender) }
    return share
  }
}

/// That a share is bad, in a form that others can check: the signed message that carried it, and the accuser's key of this
/// ceremony, which opens it. The ceremony is over by this, so the key has nothing left to protect.
///
/// Layout: `[key: 32]`, then the accused's message.
struct Complaint: Hashable, Sendable {
  let accused: CeremonyMessage
  let key: Bytes32

  init(accused: CeremonyMessage, key: Bytes32) {
    self.accused = accused
    self.key = key
  }

  func encoded() -> [UInt8] { key.array + accused.encoded() }

  init?(_ bytes: [UInt8]) {
    guard bytes.count > 32,
      let accused = try? CeremonyMessage(decoding: bytes.span.extracting(32..<bytes.count))
    else { return nil }
    self.accused = accused
    key = Bytes32(bytes.span, at: 0)
  }

  /// Who is at fault: the accused when the share is bad indeed, the accuser otherwise.
  func verdict(by accuser: ParticipantIdentifier, in transcript: Transcript) -> CeremonyError {
    let plan = transcript.plan
    guard let member = plan.member(accused.sender), accused.ceremony == plan.digest, accused.kind == .share,
      accused.receiver == accuser, accused.isSigned(by: member.identityKey),
      let ephemeral = EphemeralKey(published: key),
      let announced = transcript.package(of: accuser)?.encryptionKey, ephemeral.publicKey == announced,
      let commitments = transcript.package(of: accused.sender)?.commitments
    else { return .falseComplaint(accuser) }
    guard let body = try? ShareBody(accused, plan: plan) else {
      return .accused(accused.sender, by: accuser)
    }
    do {
      try transcript.compare(body.endorsements, of: accused.sender)
    } catch {
      return error
    }
    let share = body.sealed.opened(
      from: accused.sender, to: accuser, key: ephemeral, plan: plan, transcript: transcript.digest,
      commitments: commitments)
    if share != nil { return .falseComplaint(accuser) }
    return .accused(accused.sender, by: accuser)
  }
}
