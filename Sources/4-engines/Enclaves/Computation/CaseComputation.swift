import Encodings
public import Messages
public import WireBytes

/// Why an enclave computes nothing. Positions count from 0.
public enum ComputationRefusal: Error, Hashable, Sendable {
  /// The policy at hand is not the one that the keys were attested with.
  case policy(expected: Bytes32, actual: Bytes32)
  case casePolicy(expected: Bytes32, actual: Bytes32)
  case caseProgram(expected: Bytes32, actual: Bytes32)
  case log(ReceiptLogError)
  case inputCount(max: UInt64, actual: Int)
  /// The case was computed before, with other inputs: it has one result.
  case otherInputs(stored: Bytes32, actual: Bytes32)
  case format(EnclaveFormatError)
  /// A sender's nonce was used by the input at `first`.
  case nonceTwice(index: Int, first: Int)
  /// The input at `first` has the same commitment.
  case commitmentTwice(index: Int, first: Int)
  /// The policy names a ledger, and no proof came.
  case noLedgerWord
  /// A proof came, and the policy names no ledger that it could be of.
  case ledgerWordNotAsked
  case ledger(LedgerBlockError)
  case record(EnclaveFormatError)
  /// The block is not newer than the one that the keys were made after.
  case beforeAnchor(anchor: UInt64, height: UInt64)
  /// The record is of another opening.
  case opening(expected: Bytes32, actual: Bytes32)
  /// The case is settled or reclaimed.
  case status(CaseRecord.Status)
  case recordCount(expected: UInt16, actual: Int)
  case recordInputs(expected: Bytes32, actual: Bytes32)
  /// Senders, nonces, coins or their order are not what was recorded.
  case recordHead(expected: Bytes32, actual: Bytes32)
  case notClosed(closes: UInt64, secondsEarly: UInt64)
  case expired(expires: UInt64, secondsLate: UInt64)
  case keysExpired(expires: UInt64, secondsLate: UInt64)
  case envelopeCount(expected: Int, actual: Int)
  /// The envelope at `index` is not the one that was submitted there.
  case commitment(index: Int, expected: Bytes32, actual: Bytes32)
  /// The escrow of all inputs overflows.
  case escrow
}

/// The enclave's side of a case, without its keys, its files and its program.
///
/// The runtime calls ``admit(_:log:now:)``; either the case has its result already, or the ``AdmittedCase`` opens its
/// inputs, the program runs, and ``OpenedCase/finish(_:log:)`` gives what is to be signed. Nothing here keeps state.
public struct CaseComputation: Sendable {
  public let keys: EnclaveKeys
  public let policy: EnclavePolicy
  public let registration: Bytes32

  /// - Throws: ``ComputationRefusal/policy(expected:actual:)``.
  public init(keys: EnclaveKeys, policy: EnclavePolicy) throws(ComputationRefusal) {
    let actual = policy.hash
    guard actual == keys.policy else { throw .policy(expected: keys.policy, actual: actual) }
    self.keys = keys
    self.policy = policy
    registration = keys.registration
  }

  public enum Admission: Sendable {
    /// The same inputs were computed before: the runtime gives out what it kept under this sequence.
    case stored(ReceiptLog.Entry)
    case fresh(AdmittedCase)
  }

  /// Checks a job without opening anything.
  ///
  /// - Parameters:
  ///   - log: this registration's receipts.
  ///   - now: UNIX seconds by the machine; only believed where the policy names no ledger.
  /// - Throws: ``ComputationRefusal``; the job is untrusted.
  public func admit(
    _ job: ComputationJob, log: ReceiptLog, now: UInt64
  ) throws(ComputationRefusal) -> Admission {
    let opening = job.opening
    guard opening.policy == keys.policy else {
      throw .casePolicy(expected: keys.policy, actual: opening.policy)
    }
    guard opening.program == keys.program else {
      throw .caseProgram(expected: keys.program, actual: opening.program)
    }
    guard log.registration == registration else {
      throw .log(.registration(expected: registration, actual: log.registration))
    }
    let countMax = min(policy.maximumInputs, UInt64(opening.maximumInputs))
    guard UInt64(job.inputs.count) <= countMax else {
      throw .inputCount(max: countMax, actual: job.inputs.count)
    }
    let id: Bytes32
    let inputs: Bytes32
    do {
      id = try CaseIdentity.id(domain: keys.domain, number: opening.number)
      inputs = try CaseInputs.root(job.inputs.map(\.commitment))
    } catch { throw .format(error) }
    if let entry = log.entry(case: id) {
      guard entry.inputs == inputs else { throw .otherInputs(stored: entry.inputs, actual: inputs) }
      return .stored(entry)
    }
    guard !log.isFull else { throw .log(.full(max: log.count)) }
    try Self.checkDistinct(job.inputs)
    let time = try ledgerTime(of: job, id: id, inputs: inputs) ?? now
    guard time >= opening.closes else {
      throw .notClosed(closes: opening.closes, secondsEarly: opening.closes - time)
    }
    guard time < opening.expires else {
      throw .expired(expires: opening.expires, secondsLate: time - opening.expires)
    }
    guard time < keys.expires else {
      throw .keysExpired(expires: keys.expires, secondsLate: time - keys.expires)
    }
    guard job.envelopes.count == job.inputs.count else {
      throw .envelopeCount(expected: job.inputs.count, actual: job.envelopes.count)
    }
    for (index, pair) in zip(job.inputs, job.envelopes).enumerated() {
      let actual = pair.1.commitment
      guard pair.0.commitment == actual else {
        throw .commitment(index: index, expected: pair.0.commitment, actual: actual)
      }
    }
    return .fresh(
      AdmittedCase(
        computation: self, id: id, opening: opening, inputs: job.inputs, envelopes: job.envelopes,
        inputsRoot: inputs, time: time))
  }

  private static func checkDistinct(_ inputs: [CaseInput]) throws(ComputationRefusal) {
    struct Use: Hashable {
      let sender: InteroperableAddress
      let nonce: UInt64
    }
    var nonces: [Use: Int] = [:]
    var commitments: [Bytes32: Int] = [:]
    for (index, input) in inputs.enumerated() {
      let use = Use(sender: input.sender, nonce: input.nonce)
      if let first = nonces.updateValue(index, forKey: use) { throw .nonceTwice(index: index, first: first) }
      if let first = commitments.updateValue(index, forKey: input.commitment) {
        throw .commitmentTwice(index: index, first: first)
      }
    }
  }

  /// The time of the block that shows the closed case; nil when the policy names no ledger.
  private func ledgerTime(
    of job: ComputationJob, id: Bytes32, inputs: Bytes32
  ) throws(ComputationRefusal) -> UInt64? {
    guard let ledger = policy.ledger else {
      guard job.ledger == nil else { throw .ledgerWordNotAsked }
      return nil
    }
    guard let word = job.ledger else { throw .noLedgerWord }
    let block: VerifiedLedgerBlock
    do {
      block = try LedgerBlock(decoding: word.block).verify(
        chainID: ledger.chainID, validatorsHash: ledger.validatorsHash)
      try block.verify(key: CaseKeys.record(id), value: word.record, proof: word.proof)
    } catch { throw .ledger(error) }
    guard block.height > keys.anchorHeight else {
      throw .beforeAnchor(anchor: keys.anchorHeight, height: block.height)
    }
    let record: CaseRecord
    do { record = try CaseRecord(decoding: word.record) } catch { throw .record(error) }
    let opening = job.opening.root()
    guard record.opening == opening else { throw .opening(expected: record.opening, actual: opening) }
    guard record.status == .open else { throw .status(record.status) }
    guard Int(record.inputCount) == job.inputs.count else {
      throw .recordCount(expected: record.inputCount, actual: job.inputs.count)
    }
    guard record.inputs == inputs else { throw .recordInputs(expected: record.inputs, actual: inputs) }
    var head = CustodyChain.link(
      after: CustodyChain.start, kind: .opened, content: job.opening.encoded())
    for input in job.inputs {
      head = CustodyChain.link(after: head, kind: .input, content: input.encoded())
    }
    guard record.head == head else { throw .recordHead(expected: record.head, actual: head) }
    return block.seconds
  }
}

/// A case that may be computed: closed, complete and in order, with every envelope that was submitted.
public struct AdmittedCase: Sendable {
  let computation: CaseComputation
  public let id: Bytes32
  public let opening: CaseOpening
  public let inputs: [CaseInput]
  public let envelopes: [SealedEnvelope]
  public let inputsRoot: Bytes32
  /// UNIX seconds: the ledger's where the policy names one.
  public let time: UInt64

  /// Opens the envelopes.
  ///
  /// What its sender sealed wrongly is left out, and its coins go back in the update; otherwise one bad envelope would keep
  /// everyone from a result.
  ///
  /// - Throws: ``ComputationRefusal/escrow``.
  public func open(with key: some SealingKey) throws(ComputationRefusal) -> OpenedCase {
    var opened: [OpenedCase.Input] = []
    var refused: [OpenedCase.Refused] = []
    for (index, envelope) in envelopes.enumerated() {
      let expected = SealedEnvelope.Expectation(
        registration: computation.registration, case: id, sender: inputs[index].sender,
        nonce: inputs[index].nonce, time: time)
      do throws(EnvelopeRefusal) {
        let input = try envelope.open(with: key, expecting: expected)
        var size = UInt64(input.body.count)
        for field in input.fields { size += UInt64(field.name.utf8.count + field.value.count) }
        guard size <= computation.policy.maximumInputSize else {
          throw EnvelopeRefusal.inputSize(max: computation.policy.maximumInputSize, actual: size)
        }
        opened.append(OpenedCase.Input(index: index, input: input))
      } catch {
        refused.append(OpenedCase.Refused(index: index, reason: error))
      }
    }
    return try OpenedCase(self, opened: opened, refused: refused)
  }
}
