public import WireBytes

/// Where a case stands with its coordinator. Each stage names what is waited for.
public enum CaseStage: Hashable, Sendable {
  /// No enclave with a live registration runs this program under this policy.
  case noEnclave
  /// The ledger takes inputs until then.
  case waitingForClose(UInt64)
  /// Closed without inputs: nothing to compute, nothing in escrow.
  case empty
  /// These inputs stand in the ledger, and their envelopes have not come.
  case missingEnvelopes([Int])
  /// No header proves the case yet.
  case waitingForProof
  case enclaveAway
  /// The registration that the envelopes are sealed to is not live any more.
  case staleRegistration(RegistrationFault)
  /// The enclave does not compute this: the name of its reason, and its words.
  case enclaveRefused(code: String)
  /// The enclave's answer is not what it should be.
  case answer(AnswerFault)
  /// No token can be signed.
  case noToken
  /// The result is here, and the ledger has not taken it: the name of its reason, if it gave one.
  case settling(code: String?)
  case settled
  /// The case has expired, and the coins are on their way back.
  case reclaiming(code: String?)
  case reclaimed
  /// The ledger does not answer.
  case ledgerAway(code: String)

  public var isFinal: Bool {
    switch self {
    case .settled, .reclaimed: true
    case .noEnclave, .waitingForClose, .empty, .missingEnvelopes, .waitingForProof, .enclaveAway,
      .staleRegistration, .enclaveRefused, .answer, .noToken, .settling, .reclaiming, .ledgerAway:
      false
    }
  }

  /// Stable, for files and tables.
  public var name: String {
    switch self {
    case .noEnclave: "no enclave"
    case .waitingForClose: "waiting for close"
    case .empty: "no inputs"
    case .missingEnvelopes: "missing envelopes"
    case .waitingForProof: "waiting for proof"
    case .enclaveAway: "enclave away"
    case .staleRegistration: "stale registration"
    case .enclaveRefused: "refused by the enclave"
    case .answer: "wrong answer"
    case .noToken: "no token"
    case .settling: "settling"
    case .settled: "settled"
    case .reclaiming: "reclaiming"
    case .reclaimed: "reclaimed"
    case .ledgerAway: "ledger away"
    }
  }

  /// What more is known: the name of a reason, places of inputs; nil for stages that say everything.
  public var detail: String? {
    switch self {
    case .waitingForClose(let time): "until \(time)"
    case .missingEnvelopes(let places): places.map(String.init).joined(separator: ", ")
    case .staleRegistration(let fault): "\(fault)"
    case .enclaveRefused(let code), .ledgerAway(let code): code
    case .answer(let fault): "\(fault)"
    case .settling(let code), .reclaiming(let code): code
    case .noEnclave, .empty, .waitingForProof, .enclaveAway, .noToken, .settled, .reclaimed: nil
    }
  }

  /// The one thing that helps now.
  public var nextStep: String {
    switch self {
    case .noEnclave: "register an enclave that runs this program under this policy"
    case .waitingForClose: "submit inputs, or wait"
    case .empty: "nothing: it expires"
    case .missingEnvelopes: "their senders must hand over the envelopes before the case expires"
    case .waitingForProof: "wait for the next block"
    case .enclaveAway: "start the enclave; the case goes on by itself"
    case .staleRegistration: "wait until the case expires: everybody's coins go back"
    case .enclaveRefused: "read the enclave's log; when the case expires, everybody's coins go back"
    case .answer: "read the enclave's log, and do not trust it with the next case"
    case .noToken: "make the coordinator's key available"
    case .settling(nil): "wait for the next block"
    case .settling: "read the refusal; what is not settled goes back when the case expires"
    case .settled: "fetch the replies"
    case .reclaiming: "wait for the next block"
    case .reclaimed: "nothing: the coins are back"
    case .ledgerAway: "start the ledger; the case goes on by itself"
    }
  }
}

/// Why a registration is not used.
public enum RegistrationFault: Hashable, Sendable {
  case unknown
  case ended(at: UInt64)
  case expired(at: UInt64)
}

/// What is wrong with an enclave's answer.
public enum AnswerFault: Hashable, Sendable {
  case anotherCase
  case anotherRegistration
  case otherInputs
  case otherProgram
  case otherUpdate
  case otherReplies
  case signature
}

/// How a case does, for people and programs.
public struct CaseStatus: Hashable, Sendable {
  public let id: Bytes32
  public let number: UInt64
  /// Whom envelopes are sealed to; nil while nobody is chosen.
  public let registration: Bytes32?
  public let stage: CaseStage
  /// Envelopes that are here.
  public let envelopes: Int
  /// Tokens that were issued.
  public let attempt: UInt64
}

/// How an enclave does.
public struct EnclaveCondition: Hashable, Sendable {
  public enum State: Hashable, Sendable {
    case live(expires: UInt64)
    case away
    case staleRegistration(RegistrationFault)

    /// Stable, for files and tables.
    public var name: String {
      switch self {
      case .live: "live"
      case .away: "away"
      case .staleRegistration: "stale registration"
      }
    }

    /// The one thing that helps now.
    public var nextStep: String {
      switch self {
      case .live: "nothing"
      case .away: "start it"
      case .staleRegistration(.unknown): "register its keys"
      case .staleRegistration: "rotate its keys and register them"
      }
    }
  }

  public let name: String
  public let registration: Bytes32?
  public let state: State
}

/// Why an envelope is not taken.
public enum DeliveryRefusal: Error, Hashable, Sendable {
  /// Nothing that could be an envelope: the bytes' own fault.
  case malformed
  /// The ledger has no such case, or it is another coordinator's.
  case caseUnknown(Bytes32)
  case caseEnded
  /// The case has expired: its coins go back.
  case caseExpired(expires: UInt64)
  /// It is sealed to another enclave than the case's.
  case registration(expected: Bytes32?, actual: Bytes32)
  /// The ledger has no such commitment in this case: submit it first.
  case notRecorded(Bytes32)
  /// The ledger recorded it from somebody else, or under another nonce.
  case sender
  /// It may only be opened until then.
  case expired(UInt64)
  /// The coordinator keeps no more bytes at once.
  case full(max: Int)
  case ledger(LedgerFault)
  case store(StoreFault)

  /// Stable, for files and tables.
  public var code: String {
    switch self {
    case .malformed: "malformed"
    case .caseUnknown: "caseUnknown"
    case .caseEnded: "caseEnded"
    case .caseExpired: "caseExpired"
    case .registration: "registration"
    case .notRecorded: "notRecorded"
    case .sender: "sender"
    case .expired: "expired"
    case .full: "full"
    case .ledger(let fault): "ledger.\(fault.code)"
    case .store: "store"
    }
  }
}
