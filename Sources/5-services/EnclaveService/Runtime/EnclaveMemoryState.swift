internal import Attestation
internal import Enclaves
internal import Messages
internal import WireBytes

/// What the log says, in memory: the same after each entry, whether it was read or just written.
struct EnclaveMemoryState: Sendable {
  struct Stored: Sendable {
    let inputs: Bytes32
    let answer: [UInt8]
  }

  /// Of the newest keys.
  private(set) var sequence: UInt64 = 0
  private(set) var anchorHeight: UInt64?
  private(set) var registrations: [Bytes32: EnclaveRegistration] = [:]
  /// By case.
  private(set) var answers: [Bytes32: Stored] = [:]
  private(set) var answerBytes = 0
  /// By the state that they lead to.
  private(set) var transitions: [Bytes32: [UInt8]] = [:]
  /// By registration: a chain of receipts each.
  private(set) var receipts: [Bytes32: ReceiptLog] = [:]
  private(set) var follower: ChainFollower?

  init(follower: ChainFollower?) { self.follower = follower }

  var answerCount: Int { answers.count + transitions.count }

  mutating func replay(_ entry: LogEntry) throws(LogOrderError) {
    switch entry {
    case .keys(let sequence, let registration, let keys, let evidence):
      guard sequence == self.sequence + 1, let keys = try? EnclaveKeys(decoding: keys),
        let evidence = try? AttestationEvidence(decoding: evidence), keys.registration == registration,
        keys.sequence == sequence, keys.anchorHeight >= anchorHeight ?? 0
      else { throw LogOrderError() }
      self.sequence = sequence
      anchorHeight = keys.anchorHeight
      registrations[registration] = EnclaveRegistration(keys: keys, evidence: evidence)
      receipts[registration] = ReceiptLog(keys: keys, countMax: Enclave.answersMax)
    case .answer(let sequence, let name, let inputs, let answer):
      guard follower == nil, answers[name] == nil,
        let receipt = try? CaseAnswer(decoding: answer.span).receipt,
        receipt.sequence == sequence, receipt.case == name, receipt.inputs == inputs,
        (try? receipts[receipt.registration]?.append(receipt)) != nil
      else { throw LogOrderError() }
      answers[name] = Stored(inputs: inputs, answer: answer)
      answerBytes += answer.count
    case .transition(let height, let previous, let next, let signed, let trusted):
      guard let follower, follower.state.identifier == previous,
        let reached = try? FollowedState(decoding: trusted.span), reached.identifier == next,
        reached.height == height, height > follower.state.height
      else { throw LogOrderError() }
      self.follower?.advance(to: reached)
      transitions[next] = signed
    }
  }
}
