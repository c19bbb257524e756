import WireBytes

/// One member's side of a distributed key generation: Pedersen's, with the proof of knowledge of the FROST paper (Figure 1)
/// and a last round in which all confirm what they have.
///
/// Messages go in, messages come out; there is no clock and no I/O. Messages may come in any order, and more than once. No
/// process ever holds the whole key, and no share is given out before everyone has signed the same transcript.
public struct KeyGeneration: ~Copyable {
  private enum Phase: ~Copyable {
    case packages(RoundOne)
    case shares(RoundTwo)
    case confirmations(RoundThree)
    case complete(KeyShare)
  }

  public let plan: CeremonyPlan
  public let me: ParticipantIdentifier
  /// Our package: send it to all others.
  public let opening: CeremonyMessage
  /// Nil once the ceremony has ended.
  private var phase: Phase?
  /// Of each kind at most one a member.
  private var inbox: [CeremonyMessage.Kind: [ParticipantIdentifier: CeremonyMessage]] = [:]
  /// For complaints, which may come after we have gone on.
  private var transcript: Transcript?

  /// - Throws: ``CeremonyError/notMember(_:)``, ``CeremonyError/identity``.
  public init(
    plan: CeremonyPlan, me: ParticipantIdentifier, identity: CeremonyIdentity
  ) throws(CeremonyError) {
    let round = try RoundOne(plan: plan, me: me, identity: identity)
    self.plan = plan
    self.me = me
    opening = round.package
    phase = .packages(round)
  }

  /// Whether everyone has confirmed and ``finish()`` gives the share.
  public var isComplete: Bool {
    switch phase {
    case .some(.complete): true
    default: false
    }
  }

  /// Whether an error or ``finish()`` ended the ceremony.
  public var hasEnded: Bool {
    switch phase {
    case .none: true
    default: false
    }
  }

  /// Those whose message is still missing in the round that we are in.
  public var awaited: [ParticipantIdentifier] {
    let kind: CeremonyMessage.Kind
    switch phase {
    case .some(.packages): kind = .package
    case .some(.shares): kind = .share
    case .some(.confirmations): kind = .confirmation
    case .some(.complete): return []
    case .none: return []
    }
    let present = inbox[kind, default: [:]]
    return plan.members.map(\.identifier).filter { $0 != me && present[$0] == nil }
  }

  /// Takes a message and gives those to send for it: each to its receiver, or to all others.
  ///
  /// - Throws: ``CeremonyError``. When it ``CeremonyError/isFatal`` the ceremony is over, and everything secret wiped; send
  ///   the complaint of ``CeremonyError/badShare(from:complaint:)`` to all others.
  public mutating func receive(_ message: CeremonyMessage) throws(CeremonyError) -> [CeremonyMessage] {
    do {
      return try take(message)
    } catch {
      if error.isFatal {
        phase = nil
        inbox = [:]
      }
      throw error
    }
  }

  private mutating func take(_ message: CeremonyMessage) throws(CeremonyError) -> [CeremonyMessage] {
    if hasEnded { throw .ended }
    guard message.ceremony == plan.digest else { throw .otherCeremony }
    if message.sender == me { return [] }
    guard let member = plan.member(message.sender) else { throw .unknownSender(message.sender) }
    guard message.receiver == nil || message.receiver == me else { throw .notForUs }
    guard message.isSigned(by: member.identityKey) else { throw .signature(message.sender) }
    if let earlier = inbox[message.kind]?[message.sender] {
      // The signature is not compared: one message may be signed twice.
      guard earlier.body == message.body else { throw .equivocation(message.sender) }
      return []
    }
    inbox[message.kind, default: [:]][message.sender] = message
    var outgoing: [CeremonyMessage] = []
    while try advance(&outgoing) {}
    try judge()
    return outgoing
  }

  /// The messages of `kind` once all others have sent one.
  private func all(_ kind: CeremonyMessage.Kind) -> [CeremonyMessage]? {
    let messages = inbox[kind, default: [:]]
    guard messages.count == plan.members.count - 1 else { return nil }
    return messages.values.sorted { $0.sender < $1.sender }
  }

  /// Goes to the next round when its messages are there; false when more must come.
  private mutating func advance(_ outgoing: inout [CeremonyMessage]) throws(CeremonyError) -> Bool {
    guard let current = phase.take() else { return false }
    switch consume current {
    case .packages(let round):
      guard let messages = all(.package) else {
        phase = .packages(round)
        return false
      }
      let next = try round.share(messages)
      outgoing += next.outgoing
      transcript = next.transcript
      phase = .shares(next)
      return true
    case .shares(let round):
      guard let messages = all(.share) else {
        phase = .shares(round)
        return false
      }
      let next = try round.add(messages)
      outgoing.append(next.confirmation)
      phase = .confirmations(next)
      return true
    case .confirmations(let round):
      guard let messages = all(.confirmation) else {
        phase = .confirmations(round)
        return false
      }
      phase = .complete(try round.confirm(messages))
      return false
    case .complete(let share):
      phase = .complete(share)
      return false
    }
  }

  /// Decides about complaints once all packages are known.
  private func judge() throws(CeremonyError) {
    guard let transcript, let complaints = inbox[.complaint] else { return }
    for message in complaints.values.sorted(by: { $0.sender < $1.sender }) {
      guard let complaint = Complaint(message.body) else { throw .malformed(message.sender, .complaint) }
      throw complaint.verdict(by: message.sender, in: transcript)
    }
  }

  /// Our share, once everyone has confirmed.
  ///
  /// - Throws: ``CeremonyError/incomplete``, ``CeremonyError/ended``; either way the ceremony is over.
  public consuming func finish() throws(CeremonyError) -> KeyShare {
    guard let last = phase.take() else { throw .ended }
    switch consume last {
    case .complete(let share): return share
    case .packages: throw .incomplete
    case .shares: throw .incomplete
    case .confirmations: throw .incomplete
    }
  }
}
